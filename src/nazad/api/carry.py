"""What loops hand on from step to step, and branches return: values whose kinds stay the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nazad.bodies.traced import Body
from nazad.errors import ArgumentError, ShapeError
from nazad.graph import PYTHON_NUMBERS, Traced, Value, dtype_of, here, shape_of
from nazad.ops.structure import astype
from nazad.trace.inside import plain
from nazad.trace.views import apart
from nazad.tree import Structure, Tree, flatten, paths_in, tree_map, unflatten

_ROUNDS = 3  # a Python number becomes an integer, a float32, a float64 at most


def is_weak(x: Value) -> bool:
    """Whether a value is a Python number, whose dtype NumPy chooses by what it meets."""
    return type(plain(x)) in PYTHON_NUMBERS


def cast(x: Value, dtype: np.dtype[Any]) -> Value:
    """A Python number as one of NumPy's."""
    return astype(x, dtype=dtype) if isinstance(x, Traced) else dtype.type(x)


def strong(x: Value) -> Value:
    """The value, and a Python number as NumPy takes it."""
    return cast(x, dtype_of(x)) if is_weak(x) else x


def strong_like(x: Value, before: Value) -> Value:
    """The value; a Python number in the dtype of what it takes the place of, as far as that can hold it."""
    if not is_weak(x) or is_weak(before):
        return x
    return cast(x, np.result_type(dtype_of(before), plain(x)))


def settled(trace: Callable[[list[Value]], Body], start: Sequence[Value], structure: Structure) -> Any:
    """The initial values in the dtypes that they keep, and the body traced at them.

    A Python number has no dtype of its own: it takes that of what is handed on.
    """
    values = list(start)
    weak = [is_weak(x) for x in values]
    for _ in range(_ROUNDS):
        body = trace(values)
        after = body.values[: len(values)]
        wider = [_wider(x, y) if w else x for x, y, w in zip(values, after, weak, strict=True)]
        if all(a is b for a, b in zip(values, wider, strict=True)):
            break
        values = wider
    demand_alike(values, after, structure)
    return values, body


def _wider(x: Value, y: Value) -> Value:
    """A number that begins, in a dtype that holds what it becomes, too."""
    if is_weak(x) and not is_weak(y):
        dtype = np.result_type(dtype_of(y), plain(x))
    else:
        dtype = np.result_type(dtype_of(x), dtype_of(y))
    return x if dtype == dtype_of(x) and not is_weak(x) else cast(x, dtype)


def begun(init: Tree, after: Tree) -> tuple[Tree, bool]:
    """The initial value of a plain loop in the dtypes that it keeps, and whether that is another one."""
    (start, structure), (new, met) = flatten(init), flatten(after)
    demand_structure(structure, met)
    now = [
        cast(x, dtype_of(y)) if is_weak(x) and not is_weak(y) and not shape_of(y) else x
        for x, y in zip(start, new, strict=True)
    ]
    changed = any(x is not y for x, y in zip(start, now, strict=True))
    return (unflatten(structure, now) if changed else init), changed


def own(tree: Tree) -> Tree:
    """The same values in arrays of their own: a function may write into what it gets, traced or not."""
    return tree_map(apart, tree)


def demand_alike(before: Sequence[Value], after: Sequence[Value], structure: Structure) -> None:
    """Raise if a step hands on other shapes or dtypes than it got."""
    for k, (x, y) in enumerate(zip(before, after, strict=True)):
        if shape_of(x) != shape_of(y):
            raise ShapeError(
                f"{_label(structure, k)} has shape {shape_of(x)} before a step and {shape_of(y)} after it",
                f"Begin with an array of shape {shape_of(y)}, or hand on one of shape {shape_of(x)}.",
                here(),
            )
        if dtype_of(x) != dtype_of(y) and not (is_weak(x) or is_weak(y)):
            raise ArgumentError(
                f"{_label(structure, k)} is {dtype_of(x)} before a step and {dtype_of(y)} after it",
                f"Begin with {dtype_of(y)}, x.astype({dtype_of(y)}), or cast what is handed on.",
                here(),
            )


def demand_structure(before: Structure, after: Structure) -> None:
    """Raise if a step hands on another structure than it got."""
    if before != after:
        raise ArgumentError(
            f"the carry has the structure {before} before a step and {after} after it",
            "Return what is handed on in the structure of the initial value.",
            here(),
        )


def handed_on(new: Tree, structure: Structure, before: Sequence[Value]) -> tuple[Value, ...]:
    """The leaves of what is handed on, as those were that came in."""
    leaves, met = flatten(new)
    demand_structure(structure, met)
    return tuple([strong_like(x, old) for x, old in zip(leaves, before, strict=False)])


def demand_same(before: Tree, after: Tree) -> None:
    """Raise if a step of a plain loop hands on something else than it got."""
    (old, structure), (new, met) = flatten(before), flatten(after)
    demand_structure(structure, met)
    demand_alike(old, new, structure)


def demand_pair(result: Any) -> tuple[Any, Any]:
    """What a step of a scan returns, taken apart."""
    if not (isinstance(result, tuple) and len(result) == 2):
        raise ArgumentError(
            f"a step of the scan returned {type(result).__name__}",
            "It returns a pair: what is handed on, and what is stacked (None for nothing).",
            here(),
        )
    return result


REMEDY = "Write nz.cond or np.where instead of if, and nz.while_loop instead of while, inside of the body."
CAPTURED: Any = object()
"""What a plain loop returns when its functions captured a value that is being traced."""


def named(name: str, tree: Any) -> list[str]:
    """How the user would write each leaf of a structure."""
    return [name + path for path in paths_in(flatten(tree)[1])]


def _label(structure: Structure, k: int) -> str:
    return "the carry" + paths_in(structure)[k]
