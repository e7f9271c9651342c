"""Numbers between two ends."""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.graph import PYTHON_NUMBERS, Value, dtype_of, rank_of, shape_of
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import array, astype, certain


@rule(np.linspace)
def _linspace(
    start: Value,
    stop: Value,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """The last number is the end itself, as in NumPy, and so is its derivative."""
    start, stop = (x if type(x) in PYTHON_NUMBERS else array(x) * 1.0 for x in (start, stop))
    parts = num - 1 if endpoint else num
    step = (stop - start) / parts if parts > 0 else np.nan * (stop - start)
    count = num - (endpoint and num > 1)
    steps = _lined(np.arange(count, dtype=dtype_of(step)), rank_of(step))
    y = start + steps * step if parts > 0 else np.stack([start + 0 * stop] * num)
    if endpoint and num > 1:
        y = np.concatenate([y, np.reshape(stop + 0 * start, (1, *shape_of(step)))])
    y = np.moveaxis(y, 0, axis)
    if dtype is not None:
        y = astype(np.floor(y) if np.dtype(dtype).kind in "iu" else y, dtype)
    return (y, step) if retstep else y


def _lined(steps: Value, rank: int) -> Value:
    return np.reshape(steps, (-1, *(1,) * rank))


@rule(np.logspace)
def _logspace(
    start: Value,
    stop: Value,
    num: int = 50,
    endpoint: bool = True,
    base: Value = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    y = np.power(base, np.linspace(start, stop, num, endpoint))
    y = np.moveaxis(y, 0, axis)
    return y if dtype is None else astype(y, dtype)


@rule(np.geomspace)
def _geomspace(
    start: Value, stop: Value, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    """Equal ratios, from end to end exactly."""
    start, stop = array(start) * 1.0, array(stop) * 1.0
    if certain(np.any(np.equal(start, 0) | np.equal(stop, 0))):
        raise ValueError("Geometric sequence cannot include zero")
    parts = num - 1 if endpoint else num
    inner = np.arange(1, parts) / max(parts, 1)
    ratio = stop / start
    rows = start * np.power(ratio, _lined(inner.astype(dtype_of(ratio)), rank_of(ratio)))
    ends = [(start + 0 * stop)[None], rows] + ([(stop + 0 * start)[None]] if endpoint else [])
    y = np.moveaxis(np.concatenate(ends)[:num], 0, axis)
    return y if dtype is None else astype(y, dtype)
