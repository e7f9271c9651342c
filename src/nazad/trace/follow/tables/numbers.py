"""Traced values as Python's numbers, and as NumPy's scalars."""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.trace.array import Array
from nazad.trace.follow.standins import on_traced
from nazad.trace.inside import plain
from nazad.trace.numpy_table import astype


@on_traced(float)
def as_float(x: Any) -> Any:
    """A traced number as Python's float would be, anything else as a float."""
    if not isinstance(x, Array):
        return float(x)
    if type(plain(x)) is float:
        return x
    if x.size != 1:
        raise TypeError("only length-1 arrays can be converted to Python scalars")
    return astype(np.reshape(x, ()), float)


on_traced(int)(lambda x: x.as_int() if isinstance(x, Array) else int(x))


def _scalar(kind: type) -> Any:
    return lambda x: astype(x, kind)


for _kind in {np.dtype(code).type for code in "?bhilqBHILQefdgFDG"}:
    on_traced(_kind)(_scalar(_kind))
