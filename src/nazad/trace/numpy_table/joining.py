"""Functions that join arrays, or put entries between others."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from nazad.graph import Traced, Value, rank_of, shape_of
from nazad.ops import structure
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import array, astype, one_axis


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


@rule(np.block)
def _block(arrays: Any) -> Any:
    """Lists in lists: the innermost are joined along the last axis, the next along the one before."""
    depth, rank = _depth(arrays), max(_depth(arrays), *_ranks(arrays))
    return _assembled(arrays, depth, rank)


def _depth(arrays: Any) -> int:
    return 1 + _depth(arrays[0]) if isinstance(arrays, list) else 0


def _ranks(arrays: Any) -> list[int]:
    return [r for part in arrays for r in _ranks(part)] if isinstance(arrays, list) else [rank_of(arrays), 0]


def _assembled(arrays: Any, depth: int, rank: int) -> Value:
    if not isinstance(arrays, list):
        x = array(arrays)
        return np.reshape(x, (*(1,) * (rank - rank_of(x)), *shape_of(x)))
    return _concatenate([_assembled(part, depth - 1, rank) for part in arrays], rank - depth)


# --- entries between entries
@rule(np.insert)
def _insert(arr: Value, obj: Any, values: Value, axis: int | None = None) -> Any:
    x, place = (np.ravel(arr), 0) if axis is None else (array(arr), one_axis(axis, rank_of(arr)))
    new = array(values).astype(x.dtype)
    rank, size = rank_of(x), shape_of(x)[place]
    spots = np.arange(size)[obj] if isinstance(obj, slice) else np.asarray(obj)
    new = np.reshape(new, (*(1,) * (rank - rank_of(new)), *shape_of(new)))
    if spots.ndim == 0:
        new = np.moveaxis(new, 0, place)
    count = shape_of(new)[place] if spots.size == 1 else int(np.insert(np.arange(size), spots, 0).size) - size
    new = np.broadcast_to(new, (*shape_of(x)[:place], count, *shape_of(x)[place + 1 :]))
    where = [spots.item()] * count if spots.size == 1 else spots
    order = np.insert(np.arange(size), where, np.arange(size, size + count))
    return np.take(np.concatenate([x, new], place), order, axis=place)


@rule(np.delete)
def _delete(arr: Value, obj: Any, axis: int | None = None) -> Any:
    x, place = (np.ravel(arr), 0) if axis is None else (array(arr), one_axis(axis, rank_of(arr)))
    gone = np.asarray(obj) if isinstance(obj, Traced) else obj
    return np.take(x, np.delete(np.arange(shape_of(x)[place]), gone), axis=place)


@rule(np.resize)
def _resize(a: Value, new_shape: Any) -> Any:
    """The entries over and over, as many as fit."""
    shape = (new_shape,) if isinstance(new_shape, int) else tuple(new_shape)
    flat = np.ravel(a)
    if not np.size(flat):
        return np.zeros(shape, flat.dtype)
    return np.reshape(flat[np.arange(math.prod(shape)) % len(flat)], shape)
