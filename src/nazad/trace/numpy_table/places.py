"""Functions that pick entries by their places, put them elsewhere, or go along an axis."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from nazad.graph import Traced, Value, rank_of, shape_of
from nazad.ops import reduction, structure
from nazad.trace.numpy_table.dispatch import UFUNC_METHODS, no_rule, rule
from nazad.trace.numpy_table.normal import Axis, all_axes, astype, one_axis, scalar_axis


@rule(np.take)
def _take(a: Value, indices: Any, axis: int | None = None) -> Any:
    x, place = (np.ravel(a), 0) if axis is None else (a, one_axis(axis, rank_of(a)))
    chosen = indices if isinstance(indices, (Traced, int)) else np.asarray(indices, dtype=np.intp)
    template, arrays = structure.split_index(structure.at_axis(place, chosen))
    return structure.take(x, *arrays, template=template)


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
def _repeat(a: Value, repeats: Any, axis: int | None = None) -> Any:
    x, place = (np.ravel(a), 0) if axis is None else (a, one_axis(axis, rank_of(a)))
    return x[structure.at_axis(place, np.repeat(np.arange(shape_of(x)[place]), repeats))]


@rule(np.tile)
def _tile(A: Value, reps: Any) -> Any:
    times = tuple(np.atleast_1d(reps).tolist())
    shape = (*(1,) * (len(times) - rank_of(A)), *shape_of(A))
    times = (*(1,) * (len(shape) - len(times)), *times)
    apart = np.reshape(A, tuple(n for size in shape for n in (1, size)))
    filled = np.broadcast_to(apart, tuple(n for r, size in zip(times, shape, strict=True) for n in (r, size)))
    return np.reshape(filled, tuple(r * size for r, size in zip(times, shape, strict=True)))


@rule(np.pad)
def _pad(array: Value, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    if isinstance(pad_width, dict):
        pad_width = [
            pad_width.get(k, pad_width.get(k - rank_of(array), (0, 0))) for k in range(rank_of(array))
        ]
    widths = np.broadcast_to(np.asarray(pad_width), (rank_of(array), 2)).tolist()
    if mode == "constant":
        return _pad_constant(array, widths, constant_values)
    if mode not in ("edge", "reflect", "symmetric", "wrap"):
        raise no_rule(f"np.pad(mode={mode!r})")
    for k, width in enumerate(widths):
        array = array[
            structure.at_axis(k, np.pad(np.arange(shape_of(array)[k]), width, mode=cast(Any, mode)))
        ]
    return array


def _pad_constant(x: Value, widths: list[list[int]], values: Any) -> Value:
    fills = np.broadcast_to(np.asarray(values), (rank_of(x), 2)).tolist()
    for k, (width, fill) in enumerate(zip(widths, fills, strict=True)):
        shape = shape_of(x)
        ends = [
            np.full((*shape[:k], w, *shape[k + 1 :]), f, x.dtype) for w, f in zip(width, fill, strict=True)
        ]
        x = np.concatenate([ends[0], x, ends[1]], k)
    return x


@rule(np.diagonal)
def _diagonal(a: Value, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    lined = np.moveaxis(a, (axis1, axis2), (-2, -1))
    rows, columns = shape_of(lined)[-2:]
    steps = np.arange(max(0, min(rows + min(offset, 0), columns - max(offset, 0))))
    return lined[..., steps - min(offset, 0), steps + max(offset, 0)]


@rule(np.trace)
def _trace(a: Value, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return np.sum(_diagonal(a, offset, axis1, axis2), axis=-1)


rule(np.linalg.diagonal)(lambda x, offset=0: _diagonal(x, offset, -2, -1))
rule(np.linalg.trace)(lambda x, offset=0: _trace(x, offset, -2, -1))


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


def _below(m: Value, k: int) -> Any:
    shape = shape_of(m)[-2:]
    return np.tri(shape[0], shape[-1], k, dtype=bool)


rule(np.tril)(lambda m, k=0: np.where(_below(m, k), m, np.zeros((), m.dtype)))
rule(np.triu)(lambda m, k=0: np.where(_below(m, k - 1), np.zeros((), m.dtype), m))


@rule(np.diff)
def _diff(a: Value, n: int = 1, axis: int = -1) -> Any:
    place = one_axis(axis, rank_of(a))
    minus = np.not_equal if a.dtype.kind == "b" else np.subtract
    for _ in range(n):
        a = minus(a[structure.at_axis(place, slice(1, None))], a[structure.at_axis(place, slice(None, -1))])
    return a


@rule(np.trapezoid)
def _trapezoid(y: Value, x: Value = None, dx: Any = 1.0, axis: int = -1) -> Any:
    place = one_axis(axis, rank_of(y))
    after = rank_of(y) - place - 1
    step = dx if x is None else np.diff(x, axis=place if rank_of(x) > 1 else 0)
    step = np.reshape(step, (-1, *(1,) * after)) if rank_of(step) == 1 else step
    sides = y[structure.at_axis(place, slice(1, None))] + y[structure.at_axis(place, slice(None, -1))]
    return np.sum(step * sides / 2.0, axis=place)


@rule(np.meshgrid)
def _meshgrid(*xi: Value, indexing: str = "xy", sparse: bool = False, copy: bool = True) -> Any:
    rank = len(xi)
    places = [1 - k if indexing == "xy" and rank > 1 and k < 2 else k for k in range(rank)]
    lines = [np.reshape(x, (*(1,) * p, -1, *(1,) * (rank - p - 1))) for x, p in zip(xi, places, strict=True)]
    return tuple(lines) if sparse else tuple(np.broadcast_arrays(*lines))


@rule(np.bincount)
def _bincount(x: Any, weights: Value = None, minlength: int = 0) -> Any:
    places = np.asarray(x)
    size = max(minlength, int(places.max(initial=-1)) + 1)
    layout = structure.Layout([(structure.ARRAY,)])
    return structure.scatter(weights, places, layout=layout, shape=(size,), dtype=np.dtype(float))


@rule(np.nonzero)
def _nonzero(a: Any) -> Any:
    """Where the entries are not zero: plain numbers, which the trace depends on from here."""
    places = np.nonzero(a.value)
    a.trace.answered(a.node, "nonzero", places)
    return places


@rule(np.argsort)
def _argsort(a: Value, axis: int | None = -1, kind: Any = None, stable: Any = None) -> Any:
    x, place = (np.ravel(a), 0) if scalar_axis(axis, a) is None else (a, one_axis(axis, rank_of(a)))
    return structure.argsort(x, axis=place)


@rule(np.sort)
def _sort(a: Value, axis: int | None = -1, kind: Any = None, stable: Any = None) -> Any:
    x, place = (np.ravel(a), 0) if axis is None else (a, one_axis(axis, rank_of(a)))
    return structure.sort(x, axis=place)


@rule(np.median)
def _median(a: Value, axis: int | None = None, keepdims: bool = False) -> Any:
    ordered = np.sort(a, axis=axis)
    place = 0 if axis is None else one_axis(axis, rank_of(a))
    size = shape_of(ordered)[place]
    middle = ordered[structure.at_axis(place, slice((size - 1) // 2, size // 2 + 1))]
    last = ordered[structure.at_axis(place, -1)]  # where NumPy sorts a nan to
    y = np.where(np.isnan(last), np.nan, np.mean(middle, axis=place))
    if not keepdims:
        return y
    return np.reshape(y, (1,) * rank_of(a)) if axis is None else np.expand_dims(y, place)


@rule(np.cumsum)
def _cumsum(a: Value, axis: int | None = None, dtype: Any = None) -> Any:
    x = a if dtype is None else astype(a, dtype)
    if scalar_axis(axis, x) is None:
        return structure.cumsum(np.ravel(x), axis=0)
    return structure.cumsum(x, axis=one_axis(axis, rank_of(x)))


@rule(np.cumprod)
def _cumprod(a: Value, axis: int | None = None, dtype: Any = None) -> Any:
    x = a if dtype is None else astype(a, dtype)
    if axis is None:
        return reduction.inclusive_products(np.ravel(x))
    return np.moveaxis(reduction.inclusive_products(np.moveaxis(x, axis, -1)), -1, axis)


UFUNC_METHODS |= {
    (np.add, "accumulate"): lambda a, axis=0, dtype=None: _cumsum(a, axis, dtype),
    (np.multiply, "accumulate"): lambda a, axis=0, dtype=None: _cumprod(a, axis, dtype),
}
