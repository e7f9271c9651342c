"""Reverse mode: value_and_grad, grad, vjp."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from nazad.api.chosen import ArgNums, choose, demand_function, demand_scalar, matching, returned
from nazad.trace import run

_ONE, _COMPLEX_ONE = np.float64(1.0), np.complex128(1.0)


def value_and_grad(
    f: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    """The function that returns the value of ``f`` and its gradient.

    Parameters
    ----------
    f : callable
        A function written in NumPy that returns a single real number.
    argnums : int, str or sequence of these, optional
        By which arguments to differentiate: positions, or names of keyword arguments. Each may be an array, a
        number, or a structure of them (dict, list, tuple, named tuple, dataclass).
    has_aux : bool, optional
        Whether ``f`` returns ``(value, aux)``; ``aux`` is handed through.
    holomorphic : bool, optional
        Whether ``f`` is a complex function of complex arguments that has a complex derivative, which then is
        the gradient. Without it ``f`` is real, and its gradient by z = x + iy is ``df/dx - i df/dy``.

    Returns
    -------
    callable
        ``(value, gradient)``, or ``((value, aux), gradient)``. The gradient has the structure of the
        argument; it is a tuple where ``argnums`` is a sequence.

    Raises
    ------
    ArgumentError
        If an argument to differentiate by is no floating-point number, or the result is no real one.
    ShapeError
        If the result is an array.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> nz.value_and_grad(lambda w: np.sum(w**2))(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """

    demand_function(f, "grad", argnums)

    @functools.wraps(f)
    def with_gradient(*args: Any, **kwargs: Any) -> Any:
        chosen = choose(f, argnums, args, kwargs)
        done = run(chosen.function, chosen.arguments, has_aux)
        demand_scalar(done, f, chosen, holomorphic)
        leaves = done.graph.leaves
        B = done.graph.backward(done.F, _COMPLEX_ONE if holomorphic else _ONE, wrt=leaves)
        gradient = chosen.shaped([B[leaf] for leaf in leaves])
        return ((done.value, done.aux) if has_aux else done.value), gradient

    return with_gradient


def grad(
    f: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    """The function that returns the gradient of ``f``.

    Parameters and errors are those of :func:`value_and_grad`.

    Returns
    -------
    callable
        The gradient, or ``(gradient, aux)``.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> def f(x, y):
    ...     return (np.log(x) + x * y) - np.sin(y)
    >>> nz.grad(f, argnums=(0, 1))(2.0, 5.0)
    (5.5, 1.7163378145367738)
    """
    with_gradient = value_and_grad(f, argnums, has_aux, holomorphic)

    @functools.wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, g = with_gradient(*args, **kwargs)
        return (g, value[1]) if has_aux else g

    return gradient


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The value of ``f`` and its pullback: from cotangents of the result to those of the arguments.

    Parameters
    ----------
    f : callable
        A function written in NumPy; it may return any structure of arrays.
    *primals : pytree of array_like
        The point.
    has_aux : bool, optional
        Whether ``f`` returns ``(value, aux)``.

    Returns
    -------
    value : pytree
        What ``f`` returned.
    pullback : callable
        ``pullback(y_bar)``, with a cotangent of the structure of the value, is the tuple of the arguments'
        cotangents. It may be called many times.
    aux
        Only with ``has_aux``.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> y, pullback = nz.vjp(np.sin, np.array([0.0, np.pi]))
    >>> pullback(np.array([1.0, 10.0]))
    (array([  1., -10.]),)
    """
    demand_function(f, "vjp")
    chosen = choose(f, tuple(range(len(primals))), primals, {})
    done = run(chosen.function, chosen.arguments, has_aux)

    def pullback(y_bar: Any) -> Any:
        done.trace.look_again()
        seeds = matching(y_bar, done.structure, "the cotangent", "the value")
        B = done.graph.backward(done.F, seeds, wrt=done.graph.leaves)
        return chosen.shaped([B[leaf] for leaf in done.graph.leaves])

    value = returned(done)
    return (value, pullback, done.aux) if has_aux else (value, pullback)
