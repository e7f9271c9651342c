"""What the values of captured arrays tell the compiler.

An array that is all alike is a number, places that count evenly are arithmetic, and along a dimension in
which nothing changes one entry is enough.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from nazad.graph import Value

_FEW = 65536
"""Entries up to which they are compared."""


def uniform(value: Value) -> Any:
    """The one number that an array consists of; None if there are several.

    Examples
    --------
    >>> uniform(np.ones((2, 3))), uniform(np.arange(2))
    (np.float64(1.0), None)
    """
    array = np.asarray(value)
    if array.size == 0:
        return array.dtype.type(0)
    first = array.reshape(-1)[0]
    if array.size == 1:
        return first
    if 0 not in array.strides and array.size > _FEW:
        return None
    raw = np.ascontiguousarray(array).view(np.uint8).reshape(array.size, -1)
    return first if (raw == raw[0]).all() else None


def counted(places: np.ndarray[Any, Any]) -> tuple[int, tuple[int, ...]] | None:
    """The first of some places and the steps between them, if those are even.

    Examples
    --------
    >>> counted(np.array([[3, 5], [4, 6]]))
    (3, (1, 2))
    """
    corner = (0,) * places.ndim
    first, steps = int(places[corner]), []
    for k, n in enumerate(places.shape):
        second = (*corner[:k], 1, *corner[k + 1 :])
        steps.append(int(places[second]) - first if n > 1 else 0)
    ranges = [np.arange(n) * c for n, c in zip(places.shape, steps, strict=True)]
    even = first + functools.reduce(np.add, np.ix_(*ranges))
    return (first, tuple(steps)) if np.array_equal(even, places) else None


def shortened(value: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array with each dimension along which it is all alike at length one.

    Examples
    --------
    >>> shortened(np.array([[1, 2], [1, 2]]))
    array([[1, 2]])
    """
    for k, n in enumerate(value.shape):
        first = value[(slice(None),) * k + (slice(0, 1),)]
        if n > 1 and (value.strides[k] == 0 or _same_bits(value, first)):
            value = first
    return value


def _same_bits(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    """Whether two arrays agree to the last bit, one of them broadcast."""
    if a.dtype.kind != "f":
        return bool((a == b).all())
    whole = np.dtype(f"i{a.dtype.itemsize}")
    return bool((np.ascontiguousarray(a).view(whole) == np.ascontiguousarray(b).view(whole)).all())
