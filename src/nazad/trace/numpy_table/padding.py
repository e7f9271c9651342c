"""``np.pad``: every mode is places of the array, or numbers of its own beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from nazad.errors import TraceError
from nazad.graph import Value, here, rank_of, shape_of
from nazad.ops import structure
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import array as as_array

Widths = list[list[int]]


@rule(np.pad)
def _pad(
    array: Value,
    pad_width: Any,
    mode: Any = "constant",
    constant_values: Any = None,
    end_values: Any = None,
    stat_length: Any = None,
    reflect_type: str = "even",
) -> Any:
    widths = _widths(pad_width, rank_of(array))
    if callable(mode):
        raise TraceError(
            "np.pad(mode=) with a function writes into an array",
            "Join the parts with np.concatenate.",
            here(),
        )
    if mode in ("edge", "reflect", "symmetric", "wrap", "empty"):
        return _by_places(array, widths, "edge" if mode == "empty" else mode, reflect_type)
    if mode not in _ENDS:
        raise ValueError(f"mode '{mode}' is not supported")
    for axis, width in enumerate(widths):
        if any(width):
            value = {"constant": constant_values, "linear_ramp": end_values}.get(mode, stat_length)
            given = _at_the_ends(value, rank_of(array), axis)
            parts = [_ENDS[mode](array, axis, side, width[side], given[side]) for side in (0, 1)]
            array = np.concatenate([parts[0], array, parts[1]], axis)
    return array


def _widths(pad_width: Any, rank: int) -> Widths:
    if isinstance(pad_width, dict):
        pad_width = [pad_width.get(k, pad_width.get(k - rank, (0, 0))) for k in range(rank)]
        pad_width = [w if isinstance(w, tuple) else (w, w) for w in pad_width]
    widths: Widths = np.broadcast_to(np.asarray(pad_width), (rank, 2)).tolist()
    return widths


def _at_the_ends(value: Any, rank: int, axis: int) -> Any:
    """What is said of the two ends of an axis."""
    if value is None:
        return (None, None)
    return np.broadcast_to(as_array(value), (rank, 2))[axis]


def _by_places(x: Value, widths: Widths, mode: str, reflect_type: str) -> Value:
    """Padded with its own entries; reflected oddly, with twice the edge less these."""
    for axis, width in enumerate(widths):
        size = shape_of(x)[axis]
        if not any(width):
            continue
        if reflect_type == "odd" and mode in ("reflect", "symmetric"):
            x = _turned_over(x, axis, width, mode)
        else:
            places = np.pad(np.arange(size), width, mode=cast(Any, mode))
            x = x[structure.at_axis(axis, places)]
    return x


def _turned_over(x: Value, axis: int, width: list[int], mode: str) -> Value:
    """NumPy does to a line of numbers what it does to every other line: combinations of its places."""
    size = shape_of(x)[axis]
    lines = np.eye(size, dtype=x.dtype)
    weights = np.array([np.pad(row, width, mode=cast(Any, mode), reflect_type="odd") for row in lines])
    shares = np.moveaxis(x, axis, -1)[..., None] * weights
    summed = np.sum(np.where(weights == 0, x.dtype.type(0), shares), axis=-2, dtype=x.dtype)
    return np.moveaxis(summed, -1, axis)


# --- numbers beside the array
def _constant(x: Value, axis: int, side: int, width: int, value: Any) -> Value:
    fill = as_array(0 if value is None else value).astype(x.dtype)
    return np.broadcast_to(fill, _thick(x, axis, width))


def _thick(x: Value, axis: int, width: int) -> tuple[int, ...]:
    return (*shape_of(x)[:axis], width, *shape_of(x)[axis + 1 :])


def _ramp(x: Value, axis: int, side: int, width: int, value: Any) -> Value:
    edge = x[structure.at_axis(axis, slice(0, 1) if side == 0 else slice(-1, None))]
    steps = np.arange(width) / max(width, 1)
    lined = np.reshape(steps, (-1, *(1,) * (rank_of(x) - axis - 1)))
    goal = 0 if value is None else value
    ramp = goal + (edge - goal) * lined
    ramp = (np.floor(ramp) if x.dtype.kind in "iu" else ramp).astype(x.dtype)
    return ramp if side == 0 else np.flip(ramp, axis)


def _statistic(function: Callable[..., Any]) -> Callable[..., Value]:
    def part(x: Value, axis: int, side: int, width: int, length: Any) -> Value:
        size = shape_of(x)[axis]
        count = size if length is None else min(int(length), size)
        window = x[structure.at_axis(axis, slice(0, count) if side == 0 else slice(size - count, None))]
        value = function(window, axis=axis, keepdims=True)
        if x.dtype.kind in "iu":
            value = np.round(value)
        return np.broadcast_to(value.astype(x.dtype), _thick(x, axis, width))

    return part


_ENDS: dict[str, Callable[..., Value]] = {
    "constant": _constant,
    "linear_ramp": _ramp,
    "maximum": _statistic(np.max),
    "minimum": _statistic(np.min),
    "mean": _statistic(np.mean),
    "median": _statistic(np.median),
}
