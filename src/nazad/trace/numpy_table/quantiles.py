"""Median, percentiles, quantiles: entries of the sorted array, or a line between two of them.

The place of a quantile q among n sorted entries is a real number, linear in q (Hyndman and Fan, 1996). So
there is a derivative by the entries next to that place, and by q where the method draws a line.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nazad.graph import PYTHON_NUMBERS, Value, rank_of, shape_of
from nazad.ops import structure
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import Axis, all_axes, array, certain, flag

Place = Callable[[Value, Value], Value]


def _family(alpha: float, beta: float) -> Place:
    return lambda n, q: n * q + (alpha + q * (1 - alpha - beta)) - 1


_PLACES: dict[str, Place] = {
    "linear": lambda n, q: (n - 1) * q,
    "weibull": _family(0, 0),
    "hazen": _family(0.5, 0.5),
    "interpolated_inverted_cdf": _family(0, 1),
    "median_unbiased": _family(1 / 3, 1 / 3),
    "normal_unbiased": _family(3 / 8, 3 / 8),
    "midpoint": lambda n, q: (np.floor((n - 1) * q) + np.ceil((n - 1) * q)) / 2,
    "averaged_inverted_cdf": lambda n, q: (np.ceil(n * q) + np.floor(n * q)) / 2 - 0.5,
}
_STEPS: dict[str, Place] = {
    "lower": lambda n, q: np.floor((n - 1) * q),
    "higher": lambda n, q: np.ceil((n - 1) * q),
    "nearest": lambda n, q: np.rint((n - 1) * q),
    "inverted_cdf": lambda n, q: np.ceil(n * q) - 1,
    "closest_observation": lambda n, q: np.rint(n * q) - 1,
}
"""Methods that pick an entry, at whole places."""


def _quantile_of(
    a: Value, q: Value, axis: Axis, method: str, keepdims: bool, weights: Any, skip_nan: bool
) -> Value:
    if method not in _PLACES | _STEPS:
        raise ValueError(f"{method!r} is not a valid method. Use one of: {', '.join(_PLACES | _STEPS)}")
    a, is_weak, q = array(a), type(q) in PYTHON_NUMBERS, array(q)
    if not certain(np.all((q >= 0) & (q <= 1))):
        raise ValueError("Quantiles must be in the range [0, 1]")
    axes = all_axes(axis, rank_of(a))
    rows = _last(a, axes)
    if weights is None:
        ordered, count = _in_order(rows, skip_nan)
        if method in _STEPS:
            y = _at(ordered, _inside(_STEPS[method](count, np.ravel(q)), count))
        else:
            y = _between(ordered, _PLACES[method](count, np.ravel(q)), count, rows.dtype if is_weak else None)
    elif method != "inverted_cdf":
        raise ValueError(f"Only method 'inverted_cdf' supports weights. Got: {method}.")
    else:
        y = _weighted(rows, _last(_laid(array(weights), a, axes), axes), np.ravel(q), skip_nan)
    y = _marked(y, rows, skip_nan)
    y = np.reshape(np.moveaxis(y, -1, 0), (*shape_of(q), *shape_of(rows)[:-1]))
    return np.expand_dims(y, tuple(rank_of(q) + k for k in axes)) if keepdims else y


def _last(a: Value, axes: tuple[int, ...]) -> Value:
    """The axes that are folded as one, behind all others."""
    moved = np.moveaxis(a, axes, tuple(range(-len(axes), 0)))
    kept = shape_of(moved)[: rank_of(a) - len(axes)]
    return np.reshape(moved, (*kept, math.prod(shape_of(moved)[len(kept) :])))


def _in_order(rows: Value, skip_nan: bool) -> tuple[Value, Any]:
    """Sorted, what is not a number at the end, and how many entries of each row count."""
    ordered = np.sort(rows, axis=-1)
    if skip_nan and rows.dtype.kind in "fc":
        return ordered, np.sum(np.logical_not(np.isnan(rows)), axis=-1, keepdims=True)
    return ordered, shape_of(rows)[-1]


def _inside(place: Value, count: Any) -> Value:
    """Whole places that there are."""
    return np.clip(place, 0, np.maximum(count - 1, 0)).astype(int)


def _between(ordered: Value, place: Value, count: Any, dtype: Any) -> Value:
    """Entries at real places, on the line between the neighbours."""
    floor = np.floor(place)
    before, after = (_at(ordered, _inside(k, count)) for k in (floor, floor + 1))
    share = place - floor
    share = share.astype(dtype) if dtype is not None and dtype.kind == "f" else share
    step = after - before
    return np.where(np.less(share, 0.5), before + step * share, after - step * (1 - share))


def _at(ordered: Value, places: Value) -> Value:
    """Entries of each row: at the same places, or at its own."""
    if rank_of(places) < 2:
        return structure.take(ordered, np.atleast_1d(places), template=(..., structure.ARRAY))
    return structure.take_along(ordered, places, rank_of(ordered) - 1)


def _marked(y: Value, rows: Value, skip_nan: bool) -> Value:
    """Not a number where an entry is none; or all of them, if such entries are skipped."""
    if rows.dtype.kind not in "fc":
        return y
    absent = (np.all if skip_nan else np.any)(np.isnan(rows), axis=-1, keepdims=True)
    return np.where(absent, y.dtype.type(np.nan), y)


# --- weights
def _laid(weights: Value, a: Value, axes: tuple[int, ...]) -> Value:
    """Weights in the shape of the array."""
    if shape_of(weights) == shape_of(a):
        return weights
    shape = tuple(n if k in axes else 1 for k, n in enumerate(shape_of(a)))
    return np.broadcast_to(np.reshape(weights, shape), shape_of(a))


def _weighted(rows: Value, weights: Value, q: Value, skip_nan: bool) -> Value:
    """The first entry up to which the weights make up a share q of all."""
    order = np.argsort(rows, axis=-1)
    last = rank_of(rows) - 1
    counts = np.where(np.isnan(rows), 0.0, weights) if skip_nan else weights
    if certain(np.any(np.equal(np.sum(counts, axis=-1), 0))):
        raise ValueError("Weights included NaN, inf or were all zero.")
    below = np.cumsum(structure.take_along(counts, order, last), axis=-1, dtype=float)
    below = below / below[..., -1:]
    passed = np.less(below[..., None, :], q[:, None]) | np.equal(below, 0)[..., None, :]
    place = np.minimum(np.sum(passed, axis=-1), shape_of(rows)[-1] - 1)
    return structure.take_along(structure.take_along(rows, order, last), place, last)


# --- the functions
def _function(hundred: float, skip_nan: bool) -> Callable[..., Any]:
    def quantile(
        a: Value,
        q: Value,
        axis: Axis = None,
        method: str = "linear",
        keepdims: Any = False,
        weights: Any = None,
    ) -> Any:
        share = (
            q if hundred == 1 else q / hundred if type(q) in PYTHON_NUMBERS else np.true_divide(q, hundred)
        )
        return _quantile_of(a, share, axis, method, flag(keepdims), weights, skip_nan)

    return quantile


rule(np.quantile)(_function(1, skip_nan=False))
rule(np.percentile)(_function(100, skip_nan=False))
rule(np.nanquantile)(_function(1, skip_nan=True))
rule(np.nanpercentile)(_function(100, skip_nan=True))


def _median(skip_nan: bool) -> Callable[..., Any]:
    def median(a: Value, axis: Axis = None, keepdims: Any = False) -> Any:
        """The entry in the middle, or the mean of the two there."""
        axes = all_axes(axis, rank_of(a))
        rows = _last(a, axes)
        if not shape_of(rows)[-1]:
            return np.mean(a, axis=axes, keepdims=flag(keepdims))
        ordered, count = _in_order(rows, skip_nan)
        lower, upper = (np.maximum(k, 0) for k in ((count - 1) // 2, count // 2))
        low, high = _at(ordered, lower), _at(ordered, upper)
        y = _marked(np.where(np.equal(lower, upper), low, (low + high) / 2), rows, skip_nan)[..., 0]
        return np.expand_dims(y, axes) if flag(keepdims) else y

    return median


rule(np.median)(_median(skip_nan=False))
rule(np.nanmedian)(_median(skip_nan=True))
