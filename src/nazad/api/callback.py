"""Calls into code that only has values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optree

from nazad.api.carry import own
from nazad.api.chosen import called, demand_function
from nazad.api.packed import Packed
from nazad.bodies.callback import callback
from nazad.bodies.traced import is_traced
from nazad.errors import ArgumentError
from nazad.graph import Spec, here
from nazad.tree import flatten, unflatten


def pure_callback(
    f: Callable[..., Any],
    result_spec: Any,
    *args: Any,
    derivative: str | None = None,
    **kwargs: Any,
) -> Any:
    """Call code that is not written in NumPy, on ordinary arrays, within a traced function.

    Parameters
    ----------
    f : callable
        Returns arrays, the same for the same arguments. It sees ordinary arrays, and is called whenever
        values are needed.
    result_spec : pytree
        What it returns: the structure, with a :class:`Spec`, or anything that has a shape and a dtype, for
        each array.
    *args, **kwargs : pytree of array_like
        Its arguments.
    derivative : {None, "differences"}, optional
        ``"differences"`` asks for numerical derivatives: two calls for each entry of an argument backwards,
        two for a tangent forward, good to some ten digits at first order, and half of them at second.
        Explanations say so at the node.

    Returns
    -------
    pytree
        What ``f`` returned.

    Raises
    ------
    NoRuleError
        When it is differentiated, and numerical derivatives were not asked for.
    ShapeError
        If ``f`` returns something else than ``result_spec`` says.

    Examples
    --------
    >>> import math
    >>> import nazad as nz
    >>> def f(x):
    ...     return 2 * nz.pure_callback(math.gamma, x, x, derivative="differences")
    >>> print(f"{nz.grad(f)(3.0):.6f}")
    3.691137
    """
    demand_function(f, "pure_callback")
    if derivative not in (None, "differences"):
        raise ArgumentError(f"derivative is {derivative!r}", "It is None or 'differences'.", here())
    found, structure = optree.tree_flatten(result_spec, is_leaf=_is_spec, namespace="nazad")
    specs = tuple([Spec.of(x) for x in found])
    packed = Packed.of(args, kwargs)

    def flat(*arrays: Any) -> list[Any]:
        own_args, own_kwargs = packed.unpacked(arrays)
        leaves, met = flatten(f(*own(own_args), **own(own_kwargs)))
        if is_traced(leaves):
            raise ArgumentError(
                f"{called(f)} captured a value that is being traced", "Pass it as an argument.", here()
            )
        if met != structure:
            raise ArgumentError(f"{called(f)} returned the structure {met}", f"result_spec says {structure}.")
        return leaves

    results = callback(
        *packed.arrays, function=flat, specs=specs, name=called(f), numerical=derivative is not None
    )
    return unflatten(structure, results)


def _is_spec(x: Any) -> bool:
    return hasattr(x, "shape") and hasattr(x, "dtype")
