"""Differences, slopes, areas, and lines through points."""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.graph import Value, rank_of, shape_of
from nazad.ops import structure
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import array, inexact, one_axis

_MISSING = np._NoValue


def _part(x: Value, axis: int, start: int | None, stop: int | None) -> Value:
    return x[structure.at_axis(axis, slice(start, stop))]


def _lined(steps: Value, rank: int, axis: int) -> Value:
    """A vector laid along one of several axes."""
    return np.reshape(steps, (*(1,) * axis, -1, *(1,) * (rank - axis - 1)))


@rule(np.diff)
def _diff(a: Value, n: int = 1, axis: int = -1, prepend: Any = _MISSING, append: Any = _MISSING) -> Any:
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n!r}")
    if n == 0:
        return a
    place = one_axis(axis, rank_of(array(a)))
    ends = [None if e is _MISSING or e is None else _end(e, array(a), place) for e in (prepend, append)]
    parts = [x for x in (ends[0], array(a), ends[1]) if x is not None]
    x = np.concatenate(parts, place) if len(parts) > 1 else parts[0]
    minus = np.not_equal if x.dtype.kind == "b" else np.subtract
    for _ in range(n):
        x = minus(_part(x, place, 1, None), _part(x, place, None, -1))
    return x


def _end(value: Value, x: Value, axis: int) -> Value:
    """What is put before or after: a number stands for a whole layer."""
    if rank_of(value):
        return array(value)
    return np.broadcast_to(value, (*shape_of(x)[:axis], 1, *shape_of(x)[axis + 1 :]))


@rule(np.ediff1d)
def _ediff1d(ary: Value, to_end: Any = None, to_begin: Any = None) -> Any:
    steps = np.diff(np.ravel(ary))
    parts = [None if x is None else np.ravel(array(x)).astype(steps.dtype) for x in (to_begin, to_end)]
    joined = [x for x in (parts[0], steps, parts[1]) if x is not None]
    return np.concatenate(joined) if len(joined) > 1 else steps


@rule(np.trapezoid)
def _trapezoid(y: Value, x: Value = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y = array(y)
    place = one_axis(axis, rank_of(y))
    step = dx if x is None else np.diff(array(x), axis=place if rank_of(x) > 1 else 0)
    if rank_of(step) == 1:
        step = _lined(step, rank_of(y), place)
    return np.sum(step * (_part(y, place, 1, None) + _part(y, place, None, -1)) / 2.0, axis=place)


# --- slopes
@rule(np.gradient)
def _gradient(f: Value, *varargs: Value, axis: Any = None, edge_order: int = 1) -> Any:
    f = array(f)
    rank = rank_of(f)
    axes = range(rank) if axis is None else [one_axis(k, rank) for k in np.atleast_1d(axis).tolist()]
    spacings = list(varargs) or [1.0]
    spacings = spacings * len(axes) if len(spacings) == 1 else spacings
    if len(spacings) != len(axes):
        raise TypeError("invalid number of arguments")
    if edge_order not in (1, 2):
        raise ValueError("'edge_order' greater than 2 not supported")
    f = inexact(f)
    slopes = [_slope(f, k, h, edge_order) for k, h in zip(axes, spacings, strict=True)]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _slope(f: Value, axis: int, spacing: Value, order: int) -> Value:
    """Of the parabola through each point and its neighbours; at the ends of a line, or of a parabola."""
    if shape_of(f)[axis] < order + 1:
        raise ValueError("Shape of array too small to calculate a numerical gradient")
    slopes = _along_points if rank_of(spacing) else _evenly
    return np.concatenate(slopes(f, axis, spacing, order), axis).astype(f.dtype)


def _evenly(f: Value, axis: int, h: Value, order: int) -> list[Value]:
    """First, inner and last slopes at points the same distance apart."""
    left, _, right = _neighbours(f, axis)
    inner = (right - left) / (2 * h)
    a, b, c = (_part(f, axis, k, k + 1) for k in (0, 1, 2))
    z, y, x = (_part(f, axis, k, k + 1 or None) for k in (-1, -2, -3))
    if order == 1:
        return [(b - a) / h, inner, (z - y) / h]
    return [(-1.5 * a + 2 * b - 0.5 * c) / h, inner, (0.5 * x - 2 * y + 1.5 * z) / h]


def _along_points(f: Value, axis: int, points: Value, order: int) -> list[Value]:
    """First, inner and last slopes at points anywhere."""
    h = _lined(np.diff(array(points)), rank_of(f), axis)
    g, k = _part(h, axis, None, -1), _part(h, axis, 1, None)
    left, middle, right = _neighbours(f, axis)
    inner = (-k / g * left + g / k * right) / (g + k) + (k - g) / (g * k) * middle
    if order == 1:
        secants = (_part(f, axis, 1, None) - _part(f, axis, None, -1)) / h
        return [_part(secants, axis, 0, 1), inner, _part(secants, axis, -1, None)]
    at_left = (-(2 * g + k) / g * left - g / k * right) / (g + k) + (g + k) / (g * k) * middle
    at_right = (k / g * left + (2 * k + g) / k * right) / (g + k) - (g + k) / (g * k) * middle
    return [_part(at_left, axis, 0, 1), inner, _part(at_right, axis, -1, None)]


def _neighbours(f: Value, axis: int) -> tuple[Value, Value, Value]:
    """Of every point but the first and the last: the one before, itself, and the one after."""
    return _part(f, axis, None, -2), _part(f, axis, 1, -1), _part(f, axis, 2, None)


# --- lines through points
@rule(np.interp)
def _interp(x: Value, xp: Value, fp: Value, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """At a point itself the slope is that of the piece to its right, at the last that of the last piece."""
    x, xp, fp = array(x), array(xp), array(fp)
    if period is not None:
        x, xp, fp, left, right = *_wrapped(x, xp, fp, abs(period)), None, None
    size = len(xp)
    below, above = fp[0] if left is None else left, fp[-1] if right is None else right
    inside = np.broadcast_to(fp[0], shape_of(x))
    if size > 1:
        k = np.clip(np.searchsorted(xp, x, side="right") - 1, 0, size - 2)
        slopes = (fp[1:] - fp[:-1]) / (xp[1:] - xp[:-1])
        start, height, slope = (structure.picked(line, k) for line in (xp, fp, slopes))
        inside = slope * (x - start) + height
    return np.where(x < xp[0], below, np.where(x > xp[-1], above, inside))


def _wrapped(x: Value, xp: Value, fp: Value, period: Value) -> tuple[Value, Value, Value]:
    """Points on a circle, in order, with the last again before the first and the first behind the last."""
    x, xp = x % period, xp % period
    order = np.argsort(xp)
    xp, fp = structure.picked(xp, order), structure.picked(fp, order)
    xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
    return x, xp, np.concatenate([fp[-1:], fp, fp[:1]])


@rule(np.unwrap)
def _unwrap(p: Value, discont: Any = None, axis: int = -1, *, period: Any = 2 * np.pi) -> Any:
    """Whole periods are added, and these have no derivative."""
    p = array(p)
    place = one_axis(axis, rank_of(p))
    steps = np.diff(p, axis=place)
    turned = np.mod(steps + period / 2, period) - period / 2
    turned = np.where(np.equal(turned, -period / 2) & np.greater(steps, 0), period / 2, turned)
    least = period / 2 if discont is None else np.maximum(discont, period / 2)
    jumps = np.where(np.less(np.abs(steps), least), 0.0, turned - steps)
    later = _part(p, place, 1, None) + np.cumsum(jumps, axis=place)
    return np.concatenate([_part(p, place, 0, 1), later], place)
