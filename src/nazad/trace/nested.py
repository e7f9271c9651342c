"""Nested lists with traced values in them, as one array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nazad.graph import Traced, Value, dtype_of, rank_of, shape_of
from nazad.ops.structure import astype
from nazad.trace.inside import SEQUENCES, any_traced, plain, traced_in


def nested(x: Any) -> Value:
    """What ``np.array`` makes of numbers, arrays, traced values, and lists and tuples of these.

    Raises
    ------
    ValueError
        If the parts of a list differ in shape.
    """
    if isinstance(x, Traced):
        return x if isinstance(plain(x), (np.ndarray, np.generic)) else astype(x, dtype=dtype_of(x))
    if not isinstance(x, SEQUENCES) or not any_traced(x):
        return np.asarray(x)
    parts = [nested(part) for part in x]
    if len({shape_of(part) for part in parts}) > 1:
        raise ValueError(
            "setting an array element with a sequence. The requested array has an inhomogeneous shape"
        )
    return np.stack(parts)


def listed(x: Any) -> Any:
    """A list as the array that NumPy makes of it, if it has traced numbers in it; anything else as it is.

    Lists of traced integers are left alone: they may be sizes, places or axes. A list whose parts differ in
    shape is a list of arrays.
    """
    if not any(h.dtype.kind in "fc" for h in _in_list(x)):
        return x
    try:
        return nested(x)
    except ValueError:
        return parts_listed(x)


def parts_listed(x: Any) -> Any:
    """A list of arrays, each of which may itself be given as a list."""
    return list(map(listed, x)) if isinstance(x, SEQUENCES) else x


def listed_numbers(x: Any) -> Any:
    """A list as an array, if nothing but numbers are traced in it."""
    return x if any(map(rank_of, _in_list(x))) else listed(x)


def _in_list(x: Any) -> Iterator[Any]:
    return traced_in(x) if isinstance(x, SEQUENCES) else iter(())
