"""Functions that choose between arrays, or entries of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nazad.graph import Traced, Value, rank_of, shape_of
from nazad.ops import structure
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import array, one_axis


@rule(np.where)
def _where(condition: Value, x: Value = None, y: Value = None) -> Any:
    if x is None and y is None:
        return np.nonzero(condition)
    return structure.where(condition, x, y)


@rule(np.select)
def _select(condlist: Sequence[Value], choicelist: Sequence[Value], default: Value = 0) -> Any:
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = np.where(condition, choice, result)
    return result


@rule(np.choose)
def _choose(a: Value, choices: Any, mode: str = "raise") -> Any:
    """In each place, the entry of that choice which has the number that stands there."""
    *options, number = np.broadcast_arrays(*choices, a)
    places = inside(number, len(options), mode)
    return structure.take_along(np.stack(options), places[None], 0)[0]


def inside(places: Value, size: int, mode: str) -> Value:
    """Places that exist: the nearest, or counted round and round."""
    if mode == "wrap":
        return np.mod(places, size)
    return np.clip(places, 0, size - 1) if mode == "clip" else places


@rule(np.take)
def _take(a: Value, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    x, place = (np.ravel(a), 0) if axis is None else (array(a), one_axis(axis, rank_of(a)))
    chosen = indices if isinstance(indices, (Traced, int)) else np.asarray(indices, dtype=np.intp)
    chosen = inside(chosen, shape_of(x)[place], mode)
    template, arrays = structure.split_index(structure.at_axis(place, chosen))
    return structure.take(x, *arrays, template=template)


@rule(np.compress)
def _compress(condition: Value, a: Value, axis: int | None = None) -> Any:
    return np.take(a, np.nonzero(condition)[0], axis=axis)


@rule(np.extract)
def _extract(condition: Value, arr: Value) -> Any:
    return np.take(np.ravel(arr), np.nonzero(np.ravel(condition))[0])


@rule(np.piecewise)
def _piecewise(x: Value, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Any:
    """Each function is called on the entries for which its condition holds, as in NumPy."""
    x, n = array(x), len(funclist)
    conditions = _conditions(x, condlist)
    if n == len(conditions) + 1:
        conditions.append(~np.any(np.stack(conditions), axis=0))
    elif n != len(conditions):
        raise ValueError(
            f"with {len(conditions)} condition(s), as many functions or one more are expected, not {n}"
        )
    y = np.zeros_like(x)
    for condition, function in zip(conditions, funclist, strict=True):
        places = np.nonzero(np.atleast_1d(condition))
        part = function(np.atleast_1d(x)[places], *args, **kw) if callable(function) else function
        y = _replaced(y, condition, places, part)
    return y


def _conditions(x: Value, condlist: Any) -> list[Value]:
    """One or several conditions: a list of truths is one, unless the array is a number."""
    if not isinstance(condlist, (list, tuple)) and not rank_of(condlist):
        return [condlist]
    is_one = not isinstance(condlist[0], (list, tuple)) and not rank_of(condlist[0]) and rank_of(x)
    return [array(condlist)] if is_one else [array(condition) for condition in condlist]


def _replaced(y: Value, condition: Value, places: Any, part: Value) -> Value:
    """With these entries where the condition holds."""
    whole = np.broadcast_to(part, shape_of(places[0])).astype(y.dtype)
    layout = structure.Layout([(structure.ARRAY,) * len(places)])
    shape = shape_of(np.atleast_1d(y))
    put = structure.scatter(whole, *places, layout=layout, shape=shape, dtype=y.dtype)
    return np.where(condition, np.reshape(put, shape_of(y)), y)
