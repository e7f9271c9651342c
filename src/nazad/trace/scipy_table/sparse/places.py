"""Where the stored entries of a sparse matrix stand, and how they get from one format to another.

Everything is made of operations that are traced, and so it works while the pattern itself is an argument of
compiled code. Only what decides how many entries a result has needs plain numbers: it asks for them, and the
answer becomes a guard.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.graph import Value, shape_of
from nazad.ops import structure

_ARRAY = structure.ARRAY


def picked(x: Value, *places: Value) -> Any:
    """The entries at places along the first axes, any of which may be traced."""
    template, arrays = structure.split_index(places)
    return structure.take(x, *arrays, template=template)


def added(entries: Value, places: tuple[Value, ...], shape: tuple[int, ...]) -> Any:
    """Zeros of this shape, to which entries are added at places."""
    layout = structure.Layout([(_ARRAY,) * len(places)])
    return structure.scatter(entries, *places, layout=layout, shape=shape, dtype=entries.dtype)


def counted(starts: Value, count: int) -> Any:
    """From where each row begins to the row of each entry."""
    later = starts[1:-1]
    return np.cumsum(added(np.ones(shape_of(later), np.intp), (later,), (count + 1,)))[:count]


def compressed(entries: Value, major: Value, minor: Value, rows: int) -> tuple[Any, Any, Any]:
    """Entries, columns and beginnings of rows, from the rows and columns of entries in any order."""
    order = structure.argsort(major, axis=0)
    counts = added(np.ones(shape_of(major), np.intp), (major,), (rows,))
    starts = np.concatenate([np.zeros(1, np.intp), np.cumsum(counts)])
    return picked(entries, order), picked(minor, order), starts


def are_distinct(keys: Value) -> bool:
    """Whether no number stands there twice."""
    return bool(np.all(np.diff(keys) > 0)) or not bool(np.any(np.diff(np.sort(keys)) == 0))
