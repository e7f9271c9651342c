"""Functions that join arrays, split them, or choose between them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nazad.graph import Value, rank_of, shape_of
from nazad.ops import structure
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import astype, one_axis


@rule(np.concatenate)
def _concatenate(arrays: Iterable[Value], axis: int | None = 0, dtype: Any = None) -> Any:
    parts = list(arrays)
    if axis is None:
        parts, axis = [np.ravel(p) for p in parts], 0
    joined = structure.joined(parts, one_axis(axis, rank_of(parts[0])))
    return joined if dtype is None else astype(joined, dtype)


@rule(np.stack)
def _stack(arrays: Iterable[Value], axis: int = 0, dtype: Any = None) -> Any:
    parts = list(arrays)
    joined = structure.stack(*parts, axis=one_axis(axis, rank_of(parts[0]) + 1))
    return joined if dtype is None else astype(joined, dtype)


@rule(np.vstack)
def _vstack(tup: Iterable[Value], dtype: Any = None) -> Any:
    return _concatenate([np.atleast_2d(a) for a in tup], 0, dtype)


@rule(np.hstack)
def _hstack(tup: Iterable[Value], dtype: Any = None) -> Any:
    parts = [np.atleast_1d(a) for a in tup]
    return _concatenate(parts, 0 if rank_of(parts[0]) == 1 else 1, dtype)


@rule(np.dstack)
def _dstack(tup: Iterable[Value]) -> Any:
    return _concatenate([np.atleast_3d(a) for a in tup], 2)


@rule(np.column_stack)
def _column_stack(tup: Iterable[Value]) -> Any:
    return _concatenate([np.reshape(a, (-1, 1)) if rank_of(a) < 2 else a for a in tup], 1)


@rule(np.append)
def _append(arr: Value, values: Value, axis: int | None = None) -> Any:
    return _concatenate([arr, values], axis)


@rule(np.split, np.array_split)
def _split(ary: Value, indices_or_sections: Any, axis: int = 0) -> Any:
    size, place = shape_of(ary)[axis], one_axis(axis, rank_of(ary))
    if isinstance(indices_or_sections, int):
        small, rest = divmod(size, indices_or_sections)
        ends = list(np.cumsum([small + (k < rest) for k in range(indices_or_sections)])[:-1])
    else:
        ends = list(indices_or_sections)
    cuts = [0, *(int(e) for e in ends), size]
    return [ary[structure.at_axis(place, slice(a, b))] for a, b in itertools.pairwise(cuts)]


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
