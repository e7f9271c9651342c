"""Functions that fold axes: sums, extremes, means, spreads, norms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nazad.graph import Value, rank_of, shape_of
from nazad.ops import reduction
from nazad.trace.numpy_table.dispatch import UFUNC_METHODS, no_rule, rule, unsupported
from nazad.trace.numpy_table.normal import Axis, all_axes, astype, flag, one_axis, scalar_axis

_MISSING = np._NoValue


def _masked(a: Value, where: Any, neutral: float) -> Value:
    return a if where is True or where is _MISSING else np.where(where, a, neutral)


def _fold(op: Any, neutral: float | None) -> Callable[..., Any]:
    def fold(
        a: Value,
        axis: Axis = None,
        dtype: Any = None,
        keepdims: Any = False,
        where: Any = True,
        initial: Any = None,
    ) -> Any:
        if neutral is None and not (where is True or where is _MISSING):
            raise unsupported(f"np.{op.name}", "where")
        x = a if neutral is None else _masked(a, where, neutral)
        x = x if dtype is None else astype(x, dtype)
        if op is not reduction.mean:
            axis = scalar_axis(axis, x)
        y = op(x, axis=all_axes(axis, rank_of(x)), keepdims=flag(keepdims))
        return y if initial is None or initial is _MISSING else _START[op.name](y, initial)

    return fold


_START: dict[str, np.ufunc] = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}
_sum = rule(np.sum)(_fold(reduction.sum, 0.0))
_prod = rule(np.prod)(_fold(reduction.prod, 1.0))
_max = rule(np.max, np.amax)(_fold(reduction.max, -math.inf))
_min = rule(np.min, np.amin)(_fold(reduction.min, math.inf))
rule(np.mean)(_fold(reduction.mean, None))
rule(np.all)(_fold(reduction.all, None))
rule(np.any)(_fold(reduction.any, None))
rule(np.count_nonzero)(_fold(reduction.count_nonzero, None))


def _spread(op: Any) -> Callable[..., Any]:
    def spread(
        a: Value,
        axis: Axis = None,
        dtype: Any = None,
        ddof: Any = 0,
        keepdims: Any = False,
        correction: Any = None,
    ) -> Any:
        x = a if dtype is None else astype(a, dtype)
        freedom = ddof if correction is None or correction is _MISSING else correction
        return op(x, axis=all_axes(axis, rank_of(x)), keepdims=flag(keepdims), ddof=freedom)

    return spread


rule(np.var)(_spread(reduction.var))
rule(np.std)(_spread(reduction.std))


@rule(np.ptp)
def _ptp(a: Value, axis: Axis = None, keepdims: Any = False) -> Any:
    return np.max(a, axis=axis, keepdims=flag(keepdims)) - np.min(a, axis=axis, keepdims=flag(keepdims))


@rule(np.average)
def _average(a: Value, axis: Axis = None, weights: Any = None, keepdims: Any = False) -> Any:
    if weights is None:
        return np.mean(a, axis=axis, keepdims=flag(keepdims))
    if shape_of(weights) != shape_of(a):
        if not isinstance(axis, int) or rank_of(weights) != 1:
            raise TypeError(
                "np.average: weights that differ in shape from the array need one axis and one dimension"
            )
        after = rank_of(a) - one_axis(axis, rank_of(a)) - 1
        weights = np.reshape(weights, (-1, *(1,) * after))
    weights = np.broadcast_to(weights, shape_of(a))
    top = np.sum(a * weights, axis=axis, keepdims=flag(keepdims))
    return top / np.sum(weights, axis=axis, keepdims=flag(keepdims))


def _extreme_place(op: Any) -> Callable[..., Any]:
    def place(a: Value, axis: int | None = None, keepdims: Any = False) -> Any:
        if axis is None:
            y = op(np.ravel(a), axis=(0,), keepdims=False)
            return np.reshape(y, (1,) * rank_of(a)) if flag(keepdims) else y
        return op(a, axis=(one_axis(axis, rank_of(a)),), keepdims=flag(keepdims))

    return place


rule(np.argmax)(_extreme_place(reduction.argmax))
rule(np.argmin)(_extreme_place(reduction.argmin))


def _logsumexp(a: Value, axis: Axis = 0, keepdims: Any = False) -> Any:
    axes = all_axes(axis, rank_of(a))
    if len(axes) != 1:
        raise ValueError("np.logaddexp.reduce takes one axis")
    return reduction.logsumexp(a, axis=axes, keepdims=flag(keepdims))


@rule(np.linalg.norm)
def _norm(x: Value, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Any:
    axes = all_axes(axis, rank_of(x))
    if ord is None or ord == "fro" or (ord == 2 and len(axes) == 1):
        return reduction.norm(x, axis=axes, keepdims=keepdims)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    if len(axes) == 2 and ord in (1, -1, math.inf, -math.inf):
        return _matrix_norm(x, ord, axis if axis is not None else axes, keepdims)
    raise no_rule(f"np.linalg.norm(ord={ord!r})")


def _vector_norm(x: Value, ord: Any, axis: int, keepdims: bool) -> Value:
    if ord == math.inf:
        return np.max(np.abs(x), axis=axis, keepdims=keepdims)
    if ord == -math.inf:
        return np.min(np.abs(x), axis=axis, keepdims=keepdims)
    if ord == 0:
        return np.sum(astype(np.not_equal(x, 0), x.dtype), axis=axis, keepdims=keepdims)
    if ord == 1:
        return np.sum(np.abs(x), axis=axis, keepdims=keepdims)
    return np.sum(np.abs(x) ** ord, axis=axis, keepdims=keepdims) ** (1 / ord)


def _matrix_norm(x: Value, ord: float, axis: Any, keepdims: bool) -> Value:
    rows, columns = (one_axis(a, rank_of(x)) for a in axis)
    summed, folded = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = np.sum(np.abs(x), axis=summed, keepdims=True)
    y = (np.max if ord > 0 else np.min)(sums, axis=folded, keepdims=True)
    return y if keepdims else np.squeeze(y, axis=(rows, columns))


def _reduce(fold: Callable[..., Any]) -> Callable[..., Any]:
    """``ufunc.reduce`` differs from the function in its default: it folds the first axis."""

    def reduce(a: Value, axis: Axis = 0, dtype: Any = None, keepdims: bool = False) -> Any:
        return fold(a, axis, dtype, keepdims)

    return reduce


UFUNC_METHODS |= {
    (np.add, "reduce"): _reduce(_sum),
    (np.multiply, "reduce"): _reduce(_prod),
    (np.maximum, "reduce"): _reduce(_max),
    (np.minimum, "reduce"): _reduce(_min),
    (np.logaddexp, "reduce"): _logsumexp,
}
