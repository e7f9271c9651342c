"""Forward mode: jvp, and hvp, which is forward over reverse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nazad.api.chosen import choose, demand_function, demand_tuple, matching, push, returned
from nazad.api.reverse import grad
from nazad.graph import like
from nazad.trace import run
from nazad.tree import unflatten


def jvp(
    f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False
) -> tuple[Any, ...]:
    """The value of ``f`` and its derivative along a direction: Jacobian times tangent, without the Jacobian.

    Parameters
    ----------
    f : callable
        A function written in NumPy; it may return any structure of arrays.
    primals : sequence of pytree
        The point, as the tuple of the arguments.
    tangents : sequence of pytree
        The direction, of the same structure and shapes.
    has_aux : bool, optional
        Whether ``f`` returns ``(value, aux)``.

    Returns
    -------
    value, y_dot : pytree
        The value and its tangent, of one structure; and ``aux`` with ``has_aux``.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> nz.jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 10.0))
    (6.0, 23.0)
    """
    demand_function(f, "jvp")
    point, direction = demand_tuple(primals, "primals"), demand_tuple(tangents, "tangents")
    chosen = choose(f, tuple(range(len(point))), point, {})
    dots = matching(direction, chosen.arguments.structure, "the tangent", "the primal")
    done = run(chosen.function, chosen.arguments, has_aux)
    x_dots = [like(d, x, "a tangent", "its primal") for d, x in zip(dots, chosen.leaves, strict=True)]
    y_dot = unflatten(done.structure, push(done, x_dots))
    value = returned(done)
    return (value, y_dot, done.aux) if has_aux else (value, y_dot)


def hvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """Hessian times vector, forward over reverse, at a small multiple of the cost of ``f``.

    Parameters
    ----------
    f : callable
        A function written in NumPy that returns a single real number.
    primals, tangents : sequence of pytree
        The point and the vector, each as the tuple of the arguments.

    Returns
    -------
    pytree or tuple of pytree
        The product, of the structure of the argument; a tuple where there are several arguments.

    References
    ----------
    B. A. Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6 (1994).

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> nz.hvp(lambda x: np.sum(x**3), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
    array([ 6., 12.])
    """
    gradient = grad(f, argnums=tuple(range(len(demand_tuple(primals, "primals")))))
    product = jvp(gradient, primals, tangents)[1]
    return product[0] if len(product) == 1 else product
