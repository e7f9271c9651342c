"""Summaries of samples that are smooth functions of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special as sc
from scipy import stats

from nazad.graph import Value, shape_of
from nazad.trace.scipy_table import rule


@rule(stats.entropy)
def _entropy(pk: Value, qk: Value = None, base: float | None = None, axis: int = 0) -> Value:
    p = pk / np.sum(pk, axis=axis, keepdims=True)
    each = sc.entr(p) if qk is None else sc.rel_entr(p, qk / np.sum(qk, axis=axis, keepdims=True))
    total = np.sum(each, axis=axis)
    return total if base is None else total / np.log(base)


@rule(stats.gmean)
def _gmean(a: Value, axis: Any = 0, weights: Any = None) -> Value:
    return np.exp(np.average(np.log(a), axis=axis, weights=weights))


@rule(stats.hmean)
def _hmean(a: Value, axis: Any = 0, weights: Any = None) -> Value:
    return 1 / np.average(1 / a, axis=axis, weights=weights)


@rule(stats.zscore)
def _zscore(a: Value, axis: Any = 0, ddof: int = 0) -> Value:
    return (a - np.mean(a, axis=axis, keepdims=True)) / np.std(a, axis=axis, ddof=ddof, keepdims=True)


@rule(stats.sem)
def _sem(a: Value, axis: int | None = 0, ddof: int = 1) -> Value:
    return np.std(a, axis=axis, ddof=ddof) / np.sqrt(_count(a, axis))


@rule(stats.variation)
def _variation(a: Value, axis: Any = 0, ddof: int = 0) -> Value:
    return np.std(a, axis=axis, ddof=ddof) / np.mean(a, axis=axis)


@rule(stats.skew)
def _skew(a: Value, axis: int | None = 0, bias: bool = True) -> Value:
    n, biased = _count(a, axis), _standard_moment(a, 3, axis)
    return biased if bias else biased * np.sqrt(n * (n - 1)) / (n - 2)


@rule(stats.kurtosis)
def _kurtosis(a: Value, axis: int | None = 0, fisher: bool = True, bias: bool = True) -> Value:
    n, excess = _count(a, axis), _standard_moment(a, 4, axis) - 3
    excess = excess if bias else ((n + 1) * excess + 6) * (n - 1) / ((n - 2) * (n - 3))
    return excess if fisher else excess + 3


def _count(a: Value, axis: int | None) -> int:
    return int(np.size(a) if axis is None else shape_of(a)[axis])


def _standard_moment(a: Value, order: int, axis: int | None) -> Value:
    """The mean of a power of the distances from the mean, in units of the standard deviation."""
    return np.mean(_zscore(a, axis) ** order, axis=axis)


@rule(stats.boxcox_llf)
def _boxcox_llf(lmb: Value, data: Value) -> Value:
    log = np.log(data)
    spread = np.log(np.var(sc.boxcox(data, lmb), axis=0))
    return (lmb - 1) * np.sum(log, axis=0) - shape_of(data)[0] / 2 * spread
