"""Functions that fold axes: sums, extremes, means, spreads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nazad.graph import Value, rank_of, shape_of
from nazad.ops import reduction
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import Axis, all_axes, array, astype, flag, one_axis, scalar_axis

_MISSING = np._NoValue


def _masked(a: Value, where: Any, neutral: Any) -> Value:
    return a if where is True or where is _MISSING else np.where(where, a, array(neutral).astype(a.dtype))


def _fold(op: Any, neutral: Any, start: np.ufunc | None = None) -> Callable[..., Any]:
    """A fold; entries that do not count are replaced by what changes nothing."""

    def fold(
        a: Value,
        axis: Axis = None,
        dtype: Any = None,
        keepdims: Any = False,
        initial: Any = _MISSING,
        where: Any = True,
    ) -> Any:
        x = a if dtype is None else astype(a, dtype)
        has_start = initial is not _MISSING and initial is not None
        if neutral is None and not (where is True or where is _MISSING or has_start):
            raise ValueError(f"np.{op.name} has no identity: with where= it needs initial=")
        x = _masked(x, where, initial if neutral is None else neutral)
        axes = all_axes(scalar_axis(axis, x), rank_of(x))
        begin = astype(array(initial), x.dtype) if has_start else None
        if neutral is None and has_start and not np.size(x):
            return begin + reduction.sum(x, axis=axes, keepdims=flag(keepdims)).astype(x.dtype)
        y = op(x, axis=axes, keepdims=flag(keepdims))
        if dtype is not None and y.dtype != x.dtype:
            y = astype(y, x.dtype)  # small integers add up to large ones
        return start(y, begin) if start is not None and has_start else y

    return fold


rule(np.sum)(_fold(reduction.sum, 0, np.add))
rule(np.prod)(_fold(reduction.prod, 1, np.multiply))
rule(np.max, np.amax)(_fold(reduction.max, None, np.maximum))
rule(np.min, np.amin)(_fold(reduction.min, None, np.minimum))
rule(np.all, derivative=False)(_fold(reduction.all, True))
rule(np.any, derivative=False)(_fold(reduction.any, False))
rule(np.count_nonzero, derivative=False)(_fold(reduction.count_nonzero, 0))


@rule(np.mean)
def _mean(a: Value, axis: Axis = None, dtype: Any = None, keepdims: Any = False, where: Any = True) -> Any:
    x = a if dtype is None else astype(a, dtype)
    if where is True or where is _MISSING:
        return reduction.mean(x, axis=all_axes(axis, rank_of(x)), keepdims=flag(keepdims))
    total = np.sum(x, axis=axis, keepdims=flag(keepdims), where=where)
    return total / counted(where, x, axis, flag(keepdims))


def counted(where: Any, x: Value, axis: Axis, keepdims: bool) -> Value:
    """How many entries count, in the precision of x."""
    here = np.broadcast_to(True if where is _MISSING else where, shape_of(x))
    count = np.sum(here, axis=axis, keepdims=keepdims)
    return astype(count, x.real.dtype) if x.dtype.kind in "fc" else count


def spread_by(work: Callable[..., Any]) -> Callable[..., Any]:
    """A rule with the signature of np.var: ``work(x, axes, ddof, keepdims, where, mean)`` does it."""

    def spread(
        a: Value,
        axis: Axis = None,
        dtype: Any = None,
        ddof: Any = 0,
        keepdims: Any = False,
        where: Any = True,
        mean: Any = _MISSING,
        correction: Any = _MISSING,
    ) -> Any:
        x = a if dtype is None else astype(a, dtype)
        freedom = ddof if correction is None or correction is _MISSING else correction
        return work(x, all_axes(axis, rank_of(x)), freedom, flag(keepdims), where, mean)

    return spread


def _spread(op: Any, root: bool) -> Callable[..., Any]:
    def work(x: Value, axes: tuple[int, ...], ddof: Any, keepdims: bool, where: Any, mean: Any) -> Value:
        if mean is _MISSING and (where is True or where is _MISSING):
            return op(x, axis=axes, keepdims=keepdims, ddof=ddof)
        return spread_of(x, axes, ddof, keepdims, where, mean, root)

    return spread_by(work)


def spread_of(
    x: Value, axis: tuple[int, ...], ddof: Any, keepdims: bool, where: Any, mean: Any, root: bool
) -> Value:
    """Variance or standard deviation of the entries that count, about a mean that may be given."""
    middle = np.mean(x, axis=axis, keepdims=True, where=where) if mean is _MISSING else mean
    off = _masked(x - middle, where, 0)
    count = np.maximum(counted(where, x, axis, keepdims) - ddof, 0)
    if root:
        return reduction.norm(off, axis=axis, keepdims=keepdims) / np.sqrt(count)
    return np.sum(reduction.squared(off), axis=axis, keepdims=keepdims) / count


rule(np.var)(_spread(reduction.var, root=False))
rule(np.std)(_spread(reduction.std, root=True))


@rule(np.ptp)
def _ptp(a: Value, axis: Axis = None, keepdims: Any = False) -> Any:
    return np.max(a, axis=axis, keepdims=flag(keepdims)) - np.min(a, axis=axis, keepdims=flag(keepdims))


def _extreme_place(op: Any) -> Callable[..., Any]:
    def place(a: Value, axis: int | None = None, keepdims: Any = False) -> Any:
        if axis is None:
            y = op(np.ravel(a), axis=(0,), keepdims=False)
            return np.reshape(y, (1,) * rank_of(a)) if flag(keepdims) else y
        return op(a, axis=(one_axis(axis, rank_of(a)),), keepdims=flag(keepdims))

    return place


rule(np.argmax, derivative=False)(_extreme_place(reduction.argmax))
rule(np.argmin, derivative=False)(_extreme_place(reduction.argmin))
