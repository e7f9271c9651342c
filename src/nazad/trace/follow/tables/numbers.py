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
    if type(plain(x)) is complex:
        raise TypeError("float() argument must be a string or a real number, not 'complex'")
    return _one(x, float)


@on_traced(complex)
def as_complex(x: Any, imag: Any = 0.0) -> Any:
    """A traced number, or two, as Python's complex would be, anything else as that."""
    if not (isinstance(x, Array) or isinstance(imag, Array)):
        return complex(x, imag)
    if type(plain(x)) is complex and imag == 0:
        return x
    if isinstance(imag, Array) or imag:
        return as_complex(x) + 1j * as_complex(imag)
    return _one(x, complex)


def _one(x: Array, kind: type) -> Any:
    if x.size != 1:
        raise TypeError("only length-1 arrays can be converted to Python scalars")
    return astype(np.reshape(x, ()), kind)


on_traced(int)(lambda x: x.as_int() if isinstance(x, Array) else int(x))


def _scalar(kind: type) -> Any:
    return lambda x: astype(x, kind)


for _kind in {np.dtype(code).type for code in "?bhilqBHILQefdgFDG"}:
    on_traced(_kind)(_scalar(_kind))
