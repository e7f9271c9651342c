"""Distinct values, and arrays as sets of them.

A set keeps of equal entries the one that stands first, and hands it their derivative. How many there are
depends on the numbers; so a trace that asks for them holds for this pattern of equal entries alone.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from nazad.graph import Value, shape_of
from nazad.ops import structure
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import array


class _Groups(NamedTuple):
    """Equal entries in a row: the order that puts them so, where each group starts, its number by entry."""

    order: Value
    starts: Any
    number: Value

    @property
    def first(self) -> Value:
        """The place of the first entry of each group."""
        return self.order[self.starts]

    @property
    def inverse(self) -> Value:
        """To which group each entry of the array belongs."""
        return self.number[np.argsort(self.order)]

    @property
    def counts(self) -> Any:
        """How many entries each group has."""
        return np.diff(np.append(self.starts, shape_of(self.order)[0]))


def _grouped(x: Value, equal_nan: bool = True) -> _Groups:
    """Equal entries of a vector, or equal rows."""
    size, *row = shape_of(x)
    lines = np.reshape(x, (size, math.prod(row)))
    columns = tuple(lines[:, k] for k in reversed(range(shape_of(lines)[1])))
    order = (
        np.lexsort(columns) if len(columns) > 1 else np.argsort(columns[0]) if columns else np.arange(size)
    )
    ordered = lines[order]
    before, after = ordered[:-1], ordered[1:]
    differ = np.not_equal(before, after)
    if equal_nan and x.dtype.kind in "fc":
        differ = differ & ~(np.isnan(before) & np.isnan(after))
    begins = np.concatenate([np.ones(min(size, 1), bool), np.any(differ, axis=1)])
    return _Groups(order, np.nonzero(begins)[0], np.cumsum(begins) - 1)


@rule(np.unique)
def _unique(
    ar: Value,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    x = np.ravel(ar) if axis is None else np.moveaxis(ar, axis, 0)
    groups = _grouped(x, equal_nan and axis is None)
    values = x[groups.first]
    inverse = np.reshape(groups.inverse, shape_of(ar) if axis is None else -1) if return_inverse else None
    wanted = (return_index, return_inverse, return_counts)
    extra = [y for y, asked in zip((groups.first, inverse, groups.counts), wanted, strict=True) if asked]
    values = values if axis is None else np.moveaxis(values, 0, axis)
    return (values, *extra) if extra else values


rule(np.unique_values)(lambda x: _unique(x, equal_nan=False))
rule(np.unique_counts)(lambda x: _pair(np.unique_counts, _unique(x, return_counts=True, equal_nan=False)))
rule(np.unique_inverse)(lambda x: _pair(np.unique_inverse, _unique(x, return_inverse=True, equal_nan=False)))
rule(np.unique_all)(lambda x: _pair(np.unique_all, _unique(x, True, True, True, equal_nan=False)))


def _pair(function: Any, parts: tuple[Any, ...]) -> Any:
    """The named tuple that NumPy's function returns."""
    return type(function(np.zeros(1)))(*parts)


# --- sets
@rule(np.isin, derivative=False)
def _isin(element: Value, test_elements: Value, assume_unique: bool = False, invert: bool = False) -> Any:
    x, line = array(element), np.sort(np.ravel(array(test_elements)))
    if not len(line):
        return np.full(shape_of(x), invert)
    nearest = structure.picked(line, np.minimum(np.searchsorted(line, x), len(line) - 1))
    return np.not_equal(nearest, x) if invert else np.equal(nearest, x)


@rule(np.union1d)
def _union1d(ar1: Value, ar2: Value) -> Any:
    return np.unique(np.concatenate([np.ravel(array(ar1)), np.ravel(array(ar2))]))


@rule(np.intersect1d)
def _intersect1d(ar1: Value, ar2: Value, assume_unique: bool = False, return_indices: bool = False) -> Any:
    kind = np.result_type(array(ar1), array(ar2))
    (a, where_a), (b, where_b) = (_distinct(array(x).astype(kind), assume_unique) for x in (ar1, ar2))
    places = np.nonzero(np.isin(a, b))[0]
    places = places if not assume_unique else places[np.asarray(np.argsort(a[places]))]
    common = a[places]
    if not return_indices:
        return common
    order = np.argsort(b)
    found = structure.picked(order, np.searchsorted(structure.picked(b, order), common))
    return common, where_a[places], structure.picked(where_b, found)


def _distinct(x: Value, is_unique: bool) -> tuple[Value, Value]:
    if is_unique:
        return np.ravel(x), np.arange(np.size(x))
    values, places = np.unique(x, return_index=True)
    return values, places


@rule(np.setdiff1d)
def _setdiff1d(ar1: Value, ar2: Value, assume_unique: bool = False) -> Any:
    a = np.ravel(array(ar1)) if assume_unique else np.unique(array(ar1))
    return a[np.nonzero(np.isin(a, ar2, invert=True))[0]]


@rule(np.setxor1d)
def _setxor1d(ar1: Value, ar2: Value, assume_unique: bool = False) -> Any:
    both = np.concatenate([_distinct(array(x), assume_unique)[0] for x in (ar1, ar2)])
    if not len(both):
        return both
    ordered = np.sort(both)
    same = np.equal(ordered[1:], ordered[:-1])
    end = np.zeros(1, bool)
    alone = ~(np.concatenate([end, same]) | np.concatenate([same, end]))
    return ordered[np.nonzero(alone)[0]]
