"""Functions that pick entries by their places, put them elsewhere, or go along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.graph import Value, rank_of, shape_of
from nazad.ops import structure
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import Axis, all_axes, one_axis, scalar_axis


@rule(np.take_along_axis)
def _take_along_axis(arr: Value, indices: Value, axis: int | None = -1) -> Any:
    if axis is None:
        return np.take(np.ravel(arr), np.ravel(indices))
    return structure.take_along(arr, indices, one_axis(axis, rank_of(arr)))


@rule(np.flip)
def _flip(m: Value, axis: Axis = None) -> Any:
    turned = all_axes(axis, rank_of(m))
    return m[tuple(slice(None, None, -1) if k in turned else slice(None) for k in range(rank_of(m)))]


rule(np.flipud)(lambda m: _flip(m, 0))
rule(np.fliplr)(lambda m: _flip(m, 1))


@rule(np.roll)
def _roll(a: Value, shift: Any, axis: Any = None) -> Any:
    if axis is None:
        return np.reshape(_roll(np.ravel(a), shift, 0), shape_of(a))
    shifts, axes = np.broadcast_arrays(np.atleast_1d(shift), np.atleast_1d(axis))
    for step, k in zip(shifts.tolist(), axes.tolist(), strict=True):
        place = one_axis(k, rank_of(a))
        size = shape_of(a)[place]
        cut = (-step) % size if size else 0
        a = np.concatenate(
            [a[structure.at_axis(place, slice(cut, None))], a[structure.at_axis(place, slice(None, cut))]],
            place,
        )
    return a


@rule(np.rot90)
def _rot90(m: Value, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    k %= 4
    if k == 2:
        return _flip(m, axes)
    if k == 0:
        return m
    return _flip(np.swapaxes(m, *axes), axes[0]) if k == 1 else np.swapaxes(_flip(m, axes[0]), *axes)


@rule(np.repeat)
def _repeat(a: Value, repeats: Any, axis: Any = None) -> Any:
    x, place = (np.ravel(a), 0) if scalar_axis(axis, a) is None else (a, one_axis(axis, rank_of(a)))
    return x[structure.at_axis(place, np.repeat(np.arange(shape_of(x)[place]), repeats))]


@rule(np.tile)
def _tile(A: Value, reps: Any) -> Any:
    times = tuple(np.atleast_1d(reps).tolist())
    shape = (*(1,) * (len(times) - rank_of(A)), *shape_of(A))
    times = (*(1,) * (len(shape) - len(times)), *times)
    apart = np.reshape(A, tuple(n for size in shape for n in (1, size)))
    filled = np.broadcast_to(apart, tuple(n for r, size in zip(times, shape, strict=True) for n in (r, size)))
    return np.reshape(filled, tuple(r * size for r, size in zip(times, shape, strict=True)))


@rule(np.diagonal)
def _diagonal(a: Value, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    lined = np.moveaxis(a, (axis1, axis2), (-2, -1))
    rows, columns = shape_of(lined)[-2:]
    steps = np.arange(max(0, min(rows + min(offset, 0), columns - max(offset, 0))))
    picked = lined[..., steps - min(offset, 0), steps + max(offset, 0)]
    value = np.diagonal(a.value, offset, axis1, axis2)
    return a.recorder.looked(a, picked, value, lambda x: _diagonal(x, offset, axis1, axis2))


@rule(np.trace)
def _trace(a: Value, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Any:
    return np.sum(_diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


rule(np.linalg.diagonal)(lambda x, offset=0: _diagonal(x, offset, -2, -1))
rule(np.linalg.trace)(lambda x, offset=0, dtype=None: _trace(x, offset, -2, -1, dtype))


@rule(np.diag)
def _diag(v: Value, k: int = 0) -> Any:
    if rank_of(v) == 2:
        return _diagonal(v, k)
    size = shape_of(v)[0] + abs(k)
    steps = np.arange(shape_of(v)[0])
    places = (steps - min(k, 0), steps + max(k, 0))
    return structure.scatter(
        v, *places, layout=structure.Layout([(structure.ARRAY,) * 2]), shape=(size, size), dtype=v.dtype
    )


rule(np.diagflat)(lambda v, k=0: _diag(np.ravel(v), k))


def _below(m: Value, k: Any) -> Any:
    shape = shape_of(m)[-2:]
    steps: Any = k if np.isscalar(k) else int(k)  # a traced place is asked for its number
    return np.tri(shape[0], shape[-1], steps, dtype=bool)


rule(np.tril)(lambda m, k=0: np.where(_below(m, k), m, np.zeros((), m.dtype)))
rule(np.triu)(lambda m, k=0: np.where(_below(m, k - 1), np.zeros((), m.dtype), m))


@rule(np.meshgrid)
def _meshgrid(*xi: Value, indexing: str = "xy", sparse: bool = False, copy: bool = True) -> Any:
    rank = len(xi)
    places = [1 - k if indexing == "xy" and rank > 1 and k < 2 else k for k in range(rank)]
    lines = [np.reshape(x, (*(1,) * p, -1, *(1,) * (rank - p - 1))) for x, p in zip(xi, places, strict=True)]
    grids = tuple(lines) if sparse else tuple(np.broadcast_arrays(*lines))
    return tuple([np.copy(grid) for grid in grids]) if copy else grids
