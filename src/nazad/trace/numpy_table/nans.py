"""Functions that leave out what is not a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nazad.graph import Value
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import Axis, astype, certain, flag
from nazad.trace.numpy_table.reductions import spread_by, spread_of

_MISSING = np._NoValue


def _there(a: Value, where: Any = _MISSING) -> Value:
    """Which entries count."""
    numbers = np.logical_not(np.isnan(a))
    return numbers if where is True or where is _MISSING else numbers & where


def _folded(function: Callable[..., Any]) -> Callable[..., Any]:
    """Sums and products: what is not a number counts as nothing."""

    def fold(
        a: Value,
        axis: Axis = None,
        dtype: Any = None,
        keepdims: Any = False,
        initial: Any = _MISSING,
        where: Any = True,
    ) -> Any:
        x = a if dtype is None else astype(a, dtype)
        given = {} if initial is _MISSING else {"initial": initial}
        return function(x, axis=axis, keepdims=flag(keepdims), where=_there(x, where), **given)

    return fold


rule(np.nansum)(_folded(np.sum))
rule(np.nanprod)(_folded(np.prod))


def _extreme(function: Callable[..., Any], worst: float) -> Callable[..., Any]:
    def extreme(
        a: Value, axis: Any = None, keepdims: Any = False, initial: Any = _MISSING, where: Any = True
    ) -> Any:
        if a.dtype.kind not in "fc":
            return function(a, axis=axis, keepdims=flag(keepdims), where=where, initial=initial)
        there = _there(a, where)
        x = np.where(there, a, a.dtype.type(worst))
        if initial is not _MISSING:
            return function(x, axis=axis, keepdims=flag(keepdims), initial=initial)
        y = function(x, axis=axis, keepdims=flag(keepdims))
        return np.where(np.any(there, axis=axis, keepdims=flag(keepdims)), y, a.dtype.type(np.nan))

    return extreme


rule(np.nanmax)(_extreme(np.max, -np.inf))
rule(np.nanmin)(_extreme(np.min, np.inf))


def _extreme_place(function: Callable[..., Any], worst: float) -> Callable[..., Any]:
    def place(a: Value, axis: int | None = None, keepdims: Any = False) -> Any:
        there = _there(a)
        if not certain(np.all(np.any(there, axis=axis))):
            raise ValueError("All-NaN slice encountered")
        return function(np.where(there, a, worst), axis=axis, keepdims=flag(keepdims))

    return place


rule(np.nanargmax, derivative=False)(_extreme_place(np.argmax, -np.inf))
rule(np.nanargmin, derivative=False)(_extreme_place(np.argmin, np.inf))


@rule(np.nanmean)
def _nanmean(a: Value, axis: Axis = None, dtype: Any = None, keepdims: Any = False, where: Any = True) -> Any:
    return np.mean(a, axis=axis, dtype=dtype, keepdims=flag(keepdims), where=_there(a, where))


def _spread(root: bool) -> Callable[..., Any]:
    def work(x: Value, axes: tuple[int, ...], ddof: Any, keepdims: bool, where: Any, mean: Any) -> Value:
        there = _there(x, where)
        y = spread_of(x, axes, ddof, keepdims, there, mean, root)
        enough = np.sum(there, axis=axes, keepdims=keepdims) > ddof
        return np.where(enough, y, y.dtype.type(np.nan))

    return spread_by(work)


rule(np.nanvar)(_spread(root=False))
rule(np.nanstd)(_spread(root=True))
