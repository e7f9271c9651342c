"""Functions that put entries in order, or find where they belong in one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nazad.graph import Value, rank_of, shape_of
from nazad.ops import order, structure
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import array, one_axis, scalar_axis


def _line(a: Value, axis: int | None) -> tuple[Value, int]:
    if axis is None:
        return np.ravel(a), 0
    return a, one_axis(axis, rank_of(a))


@rule(np.argsort, derivative=False)
def _argsort(a: Value, axis: int | None = -1, stable: Any = None) -> Any:
    x, place = _line(a, scalar_axis(axis, a))  # type: ignore[arg-type]
    return structure.argsort(x, axis=place)


@rule(np.sort)
def _sort(a: Value, axis: int | None = -1, stable: Any = None) -> Any:
    x, place = _line(a, axis)
    return structure.sort(x, axis=place)


@rule(np.argpartition, derivative=False)
def _argpartition(a: Value, kth: Any, axis: int | None = -1) -> Any:
    x, place = _line(a, axis)
    return order.argpartition(x, kth=kth, axis=place)


@rule(np.partition)
def _partition(a: Value, kth: Any, axis: int | None = -1) -> Any:
    x, place = _line(a, axis)
    return structure.take_along(x, order.argpartition(x, kth=kth, axis=place), place)


@rule(np.lexsort, derivative=False)
def _lexsort(keys: Any, axis: int = -1) -> Any:
    """By one key after the other, the last of which counts most."""
    rows = [array(key) for key in keys]
    place = one_axis(axis, rank_of(rows[0]))
    found = np.argsort(rows[0], axis=place)
    for key in rows[1:]:
        again = np.argsort(structure.take_along(key, found, place), axis=place)
        found = structure.take_along(found, again, place)
    return found


@rule(np.searchsorted, derivative=False)
def _searchsorted(a: Value, v: Value, side: str = "left", sorter: Any = None) -> Any:
    line = array(a) if sorter is None else structure.picked(array(a), array(sorter))
    return order.searchsorted(line, array(v), side=side)


@rule(np.digitize, derivative=False)
def _digitize(x: Value, bins: Value, right: bool = False) -> Any:
    line, side = array(bins), "left" if right else "right"
    if np.all(line[1:] >= line[:-1]):
        return _searchsorted(line, x, side)
    if not np.all(line[1:] <= line[:-1]):
        raise ValueError("bins must be monotonically increasing or decreasing")
    return len(line) - _searchsorted(line[::-1], x, side)


# --- places that depend on the numbers
@rule(np.nonzero, derivative=False)
def _nonzero(a: Any) -> Any:
    """Where the entries are not zero: plain numbers, which the trace depends on from here."""
    places = np.nonzero(a.value)
    a.recorder.answered(a.node, "nonzero", places)
    return places


rule(np.flatnonzero, derivative=False)(lambda a: np.nonzero(np.ravel(a))[0])
rule(np.argwhere, derivative=False)(lambda a: np.transpose(np.nonzero(np.atleast_1d(a)))[:, : rank_of(a)])


@rule(np.ix_, derivative=False)
def _ix(*args: Any) -> Any:
    rows = [np.nonzero(a)[0] if array(a).dtype.kind == "b" else array(a) for a in args]
    return tuple(np.reshape(x, (*(1,) * k, -1, *(1,) * (len(rows) - k - 1))) for k, x in enumerate(rows))


@rule(np.trim_zeros)
def _trim_zeros(filt: Value, trim: str = "fb", axis: Any = None) -> Any:
    """Which entries are zero is a question to the numbers, as in a branch."""
    x = array(filt)
    trimmed = range(rank_of(x)) if axis is None else [one_axis(k, rank_of(x)) for k in _listed(axis)]
    found = np.nonzero(x)
    for k in trimmed:
        size, places = shape_of(x)[k], found[k]
        start = int(places.min(initial=size)) if "f" in trim.lower() else 0
        stop = int(places.max(initial=-1)) + 1 if "b" in trim.lower() else size
        x = x[structure.at_axis(k, slice(start, max(stop, start)))] if len(places) else x[:0]
    return x


def _listed(axis: Any) -> Sequence[int]:
    return axis if isinstance(axis, (tuple, list)) else [axis]
