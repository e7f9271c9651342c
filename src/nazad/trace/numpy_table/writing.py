"""Functions that write into their argument, and the ``at`` of the ufuncs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nazad.graph import Traced, Value, rank_of, shape_of
from nazad.ops.structure import Layout, scatter, split_index
from nazad.trace.flat import repeated
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import one_axis
from nazad.trace.numpy_table.out import demand_traced


@rule(np.copyto)
def _copyto(dst: Any, src: Value, casting: str = "same_kind", where: Any = True) -> None:
    demand_traced(dst)
    dst[...] = src if where is True else np.where(where, src, dst)


@rule(np.put)
def _put(a: Any, ind: Any, v: Value, mode: str = "raise") -> None:
    demand_traced(a)
    a.flat[_inside(np.asarray(ind), np.size(a), mode)] = v


def _inside(numbers: Any, size: int, mode: str) -> Any:
    if mode == "clip":
        return np.clip(numbers, 0, size - 1)
    return numbers if mode == "raise" else numbers % size


@rule(np.place)
def _place(arr: Any, mask: Any, vals: Value) -> None:
    demand_traced(arr)
    places = np.nonzero(np.reshape(mask, shape_of(arr)))
    arr[places] = repeated(vals, places[0].shape)


@rule(np.putmask)
def _putmask(a: Any, mask: Any, values: Value) -> None:
    demand_traced(a)
    a[...] = np.where(mask, repeated(values, shape_of(a)), a)


@rule(np.put_along_axis)
def _put_along_axis(arr: Any, indices: Any, values: Value, axis: int | None = -1) -> None:
    demand_traced(arr)
    if axis is None:
        arr.flat[indices] = values
        return
    place, shape = one_axis(axis, rank_of(arr)), shape_of(indices)
    grid: list[Any] = list(np.ogrid[tuple(map(slice, shape))])
    grid[place] = indices
    arr[tuple(grid)] = values


@rule(np.fill_diagonal)
def _fill_diagonal(a: Any, val: Value, wrap: bool = False) -> None:
    demand_traced(a)
    shape = shape_of(a)
    if len(shape) == 2:
        step = shape[1] + 1
        end = None if wrap else shape[1] * shape[1]
        a.flat[slice(None, end, step)] = val
    else:
        steps = np.arange(shape[0])
        a[(steps,) * len(shape)] = repeated(val, steps.shape)


# --- ufunc.at
def at(ufunc: np.ufunc, a: Any, indices: Any, *values: Value) -> None:
    """``ufunc.at``: in place, and once for every time that a place is named."""
    demand_traced(a)
    if ufunc in (np.add, np.subtract):
        _added_at(a, indices, values[0] if ufunc is np.add else np.negative(values[0]))
        return
    numbers = np.reshape(np.arange(np.size(a)), shape_of(a))[_plain(indices)]
    parts = [np.ravel(np.broadcast_to(v, numbers.shape)) for v in values]
    for turn in _turns(np.ravel(numbers)):
        places = np.ravel(numbers)[turn]
        a.flat[places] = ufunc(a.flat[places], *[part[turn] for part in parts])


def _added_at(a: Any, indices: Any, value: Value) -> None:
    template, arrays = split_index(indices)
    shape = shape_of(np.broadcast_to(np.False_, shape_of(a))[_plain(indices)])
    part, layout = np.broadcast_to(value, shape), Layout([(...,), template])
    a[...] = scatter(a, part, *arrays, layout=layout, shape=shape_of(a), dtype=a.dtype)


def _plain(indices: Any) -> Any:
    parts = indices if isinstance(indices, tuple) else (indices,)
    return tuple([np.asarray(part) if isinstance(part, (Traced, list)) else part for part in parts])


def _turns(numbers: Any) -> Sequence[Any]:
    """Which entries come first among equals, which second, and so on."""
    order = np.argsort(numbers, kind="stable")
    first = np.searchsorted(numbers[order], numbers[order])
    turn = np.empty(len(numbers), int)
    turn[order] = np.arange(len(numbers)) - first
    return [np.flatnonzero(turn == k) for k in range(int(turn.max(initial=-1)) + 1)]


# --- methods
def _fill(a: Any, value: Value) -> None:
    a[...] = value


def _sort(a: Any, axis: int = -1, kind: Any = None, order: Any = None, stable: Any = None) -> None:
    a[...] = np.sort(a, axis=axis)


def _partition(a: Any, kth: Any, axis: int = -1, kind: Any = None, order: Any = None) -> None:
    a[...] = np.partition(a, kth, axis=axis)


METHODS: dict[str, Callable[..., Any]] = {
    "fill": _fill,
    "partition": _partition,
    "put": np.put,
    "sort": _sort,
}
