"""Sample calls of functions that fold axes, put in order, run along an axis, or count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Call = tuple[Callable[[Any], Any], Any]

rng = np.random.default_rng(11)
A = rng.uniform(0.5, 2.0, (3, 4))
T = rng.uniform(0.5, 2.0, (2, 3, 4))
v = rng.uniform(0.5, 2.0, 4)
w = rng.uniform(0.5, 2.0, 4)
mask = A > 1.2
grid = np.array([0.0, 0.7, 1.3, 2.5])
gaps = A.copy()
gaps[0, 1] = gaps[2, 3] = np.nan
whole = np.array([[3, 0, 2, 2], [1, 1, 0, 3], [2, 3, 3, 1]])
METHODS = (
    *("linear", "weibull", "hazen", "interpolated_inverted_cdf", "median_unbiased", "normal_unbiased"),
    *("lower", "higher", "nearest", "midpoint"),
    *("inverted_cdf", "averaged_inverted_cdf", "closest_observation"),
)


def all_of(function: Any) -> Any:
    """One method of quantiles after the other."""
    return lambda x: np.stack([function(x, method) for method in METHODS])


DERIVATIVE: dict[str, list[Call]] = {
    # reductions
    "np.sum": [(lambda x: np.sum(x, 0), A), (lambda x: np.sum(x, where=mask, initial=2.0), A)],
    "np.prod": [(lambda x: np.prod(x, 1, keepdims=True), A), (lambda x: np.prod(x, where=mask), A)],
    "np.mean": [(np.mean, A), (lambda x: np.mean(x, axis=1, where=mask, keepdims=True), A)],
    "np.var": [
        (lambda x: np.var(x, 0, ddof=1), A),
        (lambda x: np.var(x, axis=1, where=mask), A),
        (lambda x: np.var(x, axis=0, mean=np.mean(x, axis=0, keepdims=True)), A),
        (lambda x: np.var(x, correction=1), A),
    ],
    "np.std": [(lambda x: np.std(x, 1), A), (lambda x: np.std(x, where=mask, ddof=0.5, keepdims=True), A)],
    "np.max": [(lambda x: np.max(x, 0), A), (lambda x: np.max(x, 1, where=mask, initial=1.0), A)],
    "np.min": [(lambda x: np.min(x, 0), A), (lambda x: np.min(x, 1, where=mask, initial=1.0), A)],
    "np.amax": [(np.amax, A)],
    "np.amin": [(np.amin, A)],
    "np.ptp": [(lambda x: np.ptp(x, 1), A)],
    "np.average": [
        (np.average, A),
        (lambda x: np.average(x, 1, v), A),
        (lambda x: np.average(A, (0, 1), x, keepdims=True), A),
        (lambda x: np.average(x, axis=0, weights=A, returned=True), A),
    ],
    "np.trace": [(lambda x: np.trace(x, 1), A)],
    # what is not a number
    "np.nansum": [(lambda x: np.nansum(x, 0), gaps)],
    "np.nanprod": [(lambda x: np.nanprod(x, axis=1), gaps)],
    "np.nanmean": [(lambda x: np.nanmean(x, 0), gaps), (lambda x: np.nanmean(x, where=mask), gaps)],
    "np.nanvar": [(lambda x: np.nanvar(x, 1, ddof=1), gaps)],
    "np.nanstd": [(lambda x: np.nanstd(x, 1, keepdims=True), gaps)],
    "np.nanmax": [(lambda x: np.nanmax(x, 0), gaps), (lambda x: np.nanmax(x, initial=1.9), gaps)],
    "np.nanmin": [(lambda x: np.nanmin(x, 1), gaps)],
    "np.nancumsum": [(lambda x: np.nancumsum(x, 1), gaps)],
    "np.nancumprod": [(lambda x: np.nancumprod(x, 1), gaps)],
    "np.nanmedian": [(np.nanmedian, gaps), (lambda x: np.nanmedian(x, 1, keepdims=True), gaps)],
    "np.nanquantile": [
        (all_of(lambda x, method: np.nanquantile(x, [0.2, 0.5], 1, method=method)), gaps),
        (lambda q: np.nanquantile(gaps, q, axis=0), np.array([0.3, 0.8])),
        (lambda x: np.nanquantile(x, 0.4, 0, method="inverted_cdf", weights=A), gaps),
    ],
    "np.nanpercentile": [(lambda x: np.nanpercentile(x, 30.0), gaps)],
    # order
    "np.median": [(np.median, A), (lambda x: np.median(x, (0, 1), keepdims=True), A), (np.median, v[:3])],
    "np.quantile": [
        (all_of(lambda x, method: np.quantile(x, [0.25, 0.4, 1.0], 0, method=method)), A),
        (lambda q: np.quantile(A, q), np.array([[0.31], [0.77]])),
        (lambda x: np.quantile(x, 0.3, axis=1, method="inverted_cdf", weights=v, keepdims=True), A),
    ],
    "np.percentile": [(lambda x: np.percentile(x, 35), A), (lambda x: np.percentile(x, [10, 90], axis=1), A)],
    "np.sort_complex": [(lambda x: np.real(np.sort_complex(x)), v)],
    "np.sort": [(lambda x: np.sort(x, 0), A), (lambda x: np.sort(x, axis=None), A)],
    "np.partition": [(lambda x: np.partition(x, 1), v), (lambda x: np.partition(x, (0, 2), 1)[:, [0, 2]], A)],
    "np.unique": [
        (np.unique, v),
        (lambda x: np.unique(x[whole], axis=0), v),
        (lambda x: np.unique(x[[0, 1, 0, 2]], True, True, True)[0], v),
    ],
    "np.unique_all": [(lambda x: np.unique_all(x).values, v)],
    "np.unique_counts": [(lambda x: np.unique_counts(x).values, v)],
    "np.unique_inverse": [(lambda x: np.unique_inverse(x).values, v)],
    "np.unique_values": [(lambda x: np.sort(np.unique_values(x)), v)],
    "np.union1d": [(lambda x: np.union1d(x, grid), v)],
    "np.intersect1d": [(lambda x: np.intersect1d(x, x[:2]), v)],
    "np.setdiff1d": [(lambda x: np.setdiff1d(x, grid), v)],
    "np.setxor1d": [(lambda x: np.setxor1d(x, grid), v)],
    "np.trim_zeros": [(lambda x: np.trim_zeros(np.concatenate([np.zeros(2), x, np.zeros(1)])), v)],
    # running folds, differences, lines
    "np.cumsum": [(np.cumsum, A), (lambda x: np.cumsum(x, 0), A)],
    "np.cumprod": [(np.cumprod, A), (lambda x: np.cumprod(x, 1), A)],
    "np.cumulative_sum": [(lambda x: np.cumulative_sum(x, axis=1, include_initial=True), A)],
    "np.cumulative_prod": [(lambda x: np.cumulative_prod(x, include_initial=True), v)],
    "np.diff": [
        (lambda x: np.diff(x, 2, 0), A),
        (lambda x: np.diff(x, prepend=1.0, append=A[:, :2]), A),
        (lambda x: np.diff(A, axis=0, append=x), 1.5),
    ],
    "np.ediff1d": [(lambda x: np.ediff1d(x, [7.0], x[:2]), v)],
    "np.gradient": [
        (lambda x: np.gradient(x), v),
        (lambda x: np.gradient(x, 0.5, grid, edge_order=2), A),
        (lambda h: np.gradient(A, h, axis=1), 0.7),
        (lambda h: np.gradient(v, h, edge_order=2), grid),
    ],
    "np.trapezoid": [
        (lambda x: np.trapezoid(x, dx=0.5, axis=0), A),
        (lambda x: np.trapezoid(A, x), grid),
        (lambda h: np.trapezoid(A, dx=h), 0.4),
    ],
    "np.interp": [
        (lambda x: np.interp(x, grid, v), np.array([[-0.5, 0.3], [1.9, 3.0]])),
        (lambda xp: np.interp([0.3, 1.9, 2.2], xp, v), grid),
        (lambda fp: np.interp([-1.0, 0.3, 9.0], grid, fp, right=3.0), v),
        (lambda x: np.interp(x, grid, v, period=2.6), np.array([-0.5, 0.3, 7.0])),
        (lambda b: np.interp(b - 9, grid, v, left=b), 2.0),
    ],
    "np.unwrap": [(lambda x: np.unwrap(x * 4), v), (lambda x: np.unwrap(x, axis=0, period=1.0), A)],
    # statistics and bins
    "np.cov": [
        (np.cov, A),
        (lambda x: np.cov(x, v, bias=True), A),
        (lambda x: np.cov(x, rowvar=False, ddof=0), A),
        (lambda x: np.cov(x, fweights=[1, 2, 1, 3], aweights=v), A),
        (lambda x: np.cov(A, aweights=x), v),
    ],
    "np.corrcoef": [(lambda x: np.corrcoef(x)[0, 1:], A), (lambda x: np.corrcoef(x, grid)[0, 1], v)],
    "np.bincount": [(lambda x: np.bincount([0, 2, 2, 1], x, 5), v)],
    "np.histogram": [
        (lambda x: np.histogram([0.1, 0.5, 0.6, 0.9], 3, weights=x), v),
        (lambda x: np.histogram(x, 3)[1], v),
        (lambda x: np.histogram(x, 3, density=True), v),
    ],
    "np.histogram2d": [(lambda x: np.histogram2d(v, w, [2, 3], weights=x)[0], v)],
    "np.histogramdd": [(lambda x: np.histogramdd(A.T, 2, weights=x)[0], v)],
    "np.histogram_bin_edges": [(lambda x: np.histogram_bin_edges(x, 4), v)],
}

VALUES: dict[str, list[Call]] = {}
