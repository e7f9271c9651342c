"""Nested lists with traced values in them, as one array."""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.graph import Traced, Value, dtype_of, shape_of
from nazad.ops.structure import astype
from nazad.trace.inside import any_traced, plain


def nested(x: Any) -> Value:
    """What ``np.array`` makes of numbers, arrays, traced values, and lists and tuples of these.

    Raises
    ------
    ValueError
        If the parts of a list differ in shape.
    """
    if isinstance(x, Traced):
        return x if isinstance(plain(x), (np.ndarray, np.generic)) else astype(x, dtype=dtype_of(x))
    if not isinstance(x, (list, tuple)) or not any_traced(x):
        return np.asarray(x)
    parts = [nested(part) for part in x]
    if len({shape_of(part) for part in parts}) > 1:
        raise ValueError(
            "setting an array element with a sequence. The requested array has an inhomogeneous shape"
        )
    return np.stack(parts)
