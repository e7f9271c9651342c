"""Counts by bins: steps. But sums of weights have a derivative, and so have edges between extremes."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from nazad.errors import TraceError
from nazad.graph import Value, here, rank_of, shape_of
from nazad.ops import structure
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import array, inexact


@rule(np.bincount)
def _bincount(x: Any, weights: Value = None, minlength: int = 0) -> Any:
    places = array(x)
    size = max(minlength, int(np.max(places, initial=-1)) + 1)
    amounts = np.ones(shape_of(places), int) if weights is None else array(weights).astype(float)
    return _added_up(amounts, [places], (size,))


def _added_up(amounts: Value, places: Sequence[Value], shape: tuple[int, ...]) -> Value:
    layout = structure.Layout([(structure.ARRAY,) * len(places)])
    return structure.scatter(amounts, *places, layout=layout, shape=shape, dtype=amounts.dtype)


@rule(np.histogram_bin_edges)
def _edges(a: Value, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    if isinstance(bins, str):
        raise TraceError(
            f"np.histogram(bins={bins!r}) makes as many bins as the numbers suggest",
            "Give the number of bins, or their edges.",
            here(),
        )
    if rank_of(bins):
        return array(bins)
    x = array(a)
    low, high = range if range is not None else (np.min(x), np.max(x)) if np.size(x) else (0.0, 1.0)
    if range is None:
        alone = np.equal(low, high)
        low, high = np.where(alone, low - 0.5, low), np.where(alone, high + 0.5, high)
    elif low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, int(bins) + 1, dtype=np.result_type(low, high, inexact(x)))


@rule(np.histogram)
def _histogram(
    a: Value, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None
) -> Any:
    x, edges = np.ravel(array(a)), np.histogram_bin_edges(a, bins, range)
    amounts = np.ones(shape_of(x), int) if weights is None else np.ravel(array(weights))
    sums = _binned([x], [edges], amounts)
    return (_densities(sums, [edges]) if density else sums), edges


@rule(np.histogramdd)
def _histogramdd(
    sample: Value, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None
) -> Any:
    points = np.stack([array(x) for x in sample], 1) if isinstance(sample, (tuple, list)) else array(sample)
    columns = list(np.reshape(points, (shape_of(points)[0], -1)).T)
    each = bins if isinstance(bins, (tuple, list)) else [bins] * len(columns)
    limits = [None] * len(columns) if range is None else range
    edges = [np.histogram_bin_edges(x, n, r) for x, n, r in zip(columns, each, limits, strict=True)]
    amounts = np.ones(shape_of(points)[0]) if weights is None else array(weights).astype(float)
    sums = _binned(columns, edges, amounts)
    return (_densities(sums, edges) if density else sums), tuple(edges)


@rule(np.histogram2d)
def _histogram2d(
    x: Value, y: Value, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None
) -> Any:
    is_pair = isinstance(bins, (tuple, list)) and len(bins) == 2
    sums, edges = _histogramdd([x, y], bins if is_pair else [bins, bins], range, density, weights)
    return sums, *edges


def _binned(columns: Sequence[Value], edges: Sequence[Value], amounts: Value) -> Value:
    """Sums by bins, with one bin more at each end for what lies outside. The last edge belongs to its bin."""
    places = [
        np.searchsorted(e, x, side="right") - np.equal(x, e[-1]) for x, e in zip(columns, edges, strict=True)
    ]
    sums = _added_up(amounts, places, tuple(len(e) + 1 for e in edges))
    return sums[(slice(1, -1),) * len(edges)]


def _densities(sums: Value, edges: Sequence[Value]) -> Value:
    widths = [
        np.reshape(np.diff(e), (*(1,) * k, -1, *(1,) * (len(edges) - k - 1))) for k, e in enumerate(edges)
    ]
    return sums / functools.reduce(np.multiply, widths) / np.sum(sums)
