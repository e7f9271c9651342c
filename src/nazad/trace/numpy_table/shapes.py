"""Functions that give the same entries another shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nazad.graph import Traced, Value, rank_of, shape_of
from nazad.ops import structure
from nazad.trace.numpy_table.dispatch import rule, unsupported
from nazad.trace.numpy_table.normal import Axis, all_axes, all_listed, astype, one_axis


@rule(np.reshape)
def _reshape(a: Value, shape: Any = None, order: str = "C", newshape: Any = None) -> Any:
    goal = newshape if shape is None else shape
    goal = (goal,) if isinstance(goal, (int, np.integer, Traced)) else tuple(goal)
    if order not in ("C", "F"):
        raise unsupported("np.reshape", f"order={order!r}, ")
    if order == "F":
        return np.transpose(_reshape(np.transpose(a), goal[::-1]))
    return structure.reshape(a, shape=_whole_shape(goal, shape_of(a)))


def _whole_shape(goal: Sequence[Any], shape: tuple[int, ...]) -> tuple[int, ...]:
    sizes = [int(n) for n in goal]
    if -1 in sizes:
        rest = math.prod(n for n in sizes if n != -1)
        sizes[sizes.index(-1)] = math.prod(shape) // rest if rest else -1
    if math.prod(sizes) != math.prod(shape) or min(sizes, default=0) < 0:
        raise ValueError(f"cannot reshape array of shape {shape} into shape {tuple(goal)}")
    return tuple(sizes)


@rule(np.ravel)
def _ravel(a: Value, order: str = "C") -> Any:
    flat = _reshape(a, (-1,) if np.size(a) else (0,), order=order)
    is_view = a.flags.f_contiguous if order == "F" else a.flags.c_contiguous
    return flat if is_view else flat.copy()  # reshape gives a view more often


@rule(np.transpose, np.permute_dims)
def _transpose(a: Value, axes: Any = None) -> Any:
    rank = rank_of(a)
    order = tuple(range(rank))[::-1] if axes is None else tuple(one_axis(k, rank) for k in axes)
    if len(set(order)) != rank:
        raise ValueError("axes don't match array")
    return a if order == tuple(range(rank)) else structure.transpose(a, axes=order)


@rule(np.matrix_transpose)
def _matrix_transpose(x: Value) -> Any:
    return np.swapaxes(x, -1, -2)


@rule(np.swapaxes)
def _swapaxes(a: Value, axis1: int, axis2: int) -> Any:
    order = list(range(rank_of(a)))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return _transpose(a, order)


@rule(np.moveaxis)
def _moveaxis(a: Value, source: Any, destination: Any) -> Any:
    rank = rank_of(a)
    goes = dict(zip(all_listed(destination, rank), all_listed(source, rank), strict=True))
    rest = iter([k for k in range(rank) if k not in goes.values()])
    return _transpose(a, [goes[k] if k in goes else next(rest) for k in range(rank)])


@rule(np.rollaxis)
def _rollaxis(a: Value, axis: int, start: int = 0) -> Any:
    place = one_axis(axis, rank_of(a))
    goal = start + rank_of(a) if start < 0 else start
    return _moveaxis(a, place, goal - 1 if place < goal else goal)


@rule(np.expand_dims)
def _expand_dims(a: Value, axis: Any) -> Any:
    added = axis if isinstance(axis, (tuple, list)) else (axis,)
    rank = rank_of(a) + len(added)
    places = set(all_axes(added, rank))
    sizes = iter(shape_of(a))
    return structure.reshape(a, shape=tuple(1 if k in places else next(sizes) for k in range(rank)))


@rule(np.squeeze)
def _squeeze(a: Value, axis: Axis = None) -> Any:
    shape = shape_of(a)
    gone = [k for k, n in enumerate(shape) if n == 1] if axis is None else all_axes(axis, len(shape))
    if any(shape[k] != 1 for k in gone):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return structure.reshape(a, shape=tuple(n for k, n in enumerate(shape) if k not in gone))


@rule(np.broadcast_to)
def _broadcast_to(array: Value, shape: Any) -> Any:
    goal = (shape,) if isinstance(shape, int) else tuple(int(n) for n in shape)
    if np.broadcast_shapes(shape_of(array), goal) != goal:
        raise ValueError(f"operands could not be broadcast: {shape_of(array)} into {goal}")
    return array if shape_of(array) == goal else structure.broadcast_to(array, shape=goal)


@rule(np.broadcast_arrays)
def _broadcast_arrays(*args: Value) -> Any:
    shape = np.broadcast_shapes(*(shape_of(a) for a in args))
    return tuple(np.broadcast_to(a, shape) for a in args)


def _at_least(rank: int, lifted_shape: Callable[[tuple[int, ...]], tuple[int, ...]]) -> Callable[..., Any]:
    def lift(*arys: Value) -> Any:
        lifted = tuple(a if rank_of(a) >= rank else np.reshape(a, lifted_shape(shape_of(a))) for a in arys)
        return lifted[0] if len(lifted) == 1 else lifted

    return lift


rule(np.atleast_1d)(_at_least(1, lambda shape: (1,)))
rule(np.atleast_2d)(_at_least(2, lambda shape: (1, *shape) if shape else (1, 1)))
rule(np.atleast_3d)(_at_least(3, lambda shape: (*shape, 1) if len(shape) == 2 else (1, *(shape or (1,)), 1)))


@rule(np.astype)
def _astype(x: Value, dtype: Any, copy: bool = True) -> Any:
    return x if not copy and x.dtype == np.dtype(dtype) else astype(x, dtype)


@rule(np.copy)
def _copy(a: Value, order: str = "K", subok: bool = False) -> Any:
    return a.copy()
