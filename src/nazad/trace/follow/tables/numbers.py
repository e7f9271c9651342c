"""Traced values as Python's numbers, and as NumPy's scalars."""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.errors import TraceError
from nazad.graph import Traced, here, rank_of
from nazad.ops import elementwise
from nazad.ops.families import Elementwise, Rule
from nazad.trace.array import Array
from nazad.trace.follow.standins import on_traced, stands_in_for
from nazad.trace.inside import plain
from nazad.trace.numpy_table import astype
from nazad.trace.running import current, remembered_error


def as_float(x: Any) -> Any:
    """A traced number as Python's float would be, anything else as a float."""
    if not isinstance(x, Array):
        return float(x)
    if type(plain(x)) is float:
        return x
    if type(plain(x)) is complex:
        raise TypeError("float() argument must be a string or a real number, not 'complex'")
    return _itself(_one(x))


def weak(function: Rule, op: Elementwise, many: Rule | None = None) -> Elementwise:
    """The same operation as a function of Python's numbers, which are weak in NumPy's promotion.

    On arrays it is what it was, or ``many``.
    """

    def calc(*xs: Any) -> Any:
        is_single = not any(isinstance(x, Traced) or rank_of(x) for x in xs)
        return (function if is_single else many or op.calc)(*xs)

    return Elementwise(op.name, calc, *op.derivs, symbol=op.symbol)


_itself = weak(float, elementwise.positive, lambda x: astype(x, float))


@on_traced(complex)
def as_complex(x: Any, imag: Any = 0.0) -> Any:
    """A traced number, or two, as Python's complex would be, anything else as that."""
    if not (isinstance(x, Array) or isinstance(imag, Array)):
        return complex(x, imag)
    if type(plain(x)) is complex and imag == 0:
        return x
    if isinstance(imag, Array) or imag:
        return as_complex(x) + 1j * as_complex(imag)
    return astype(_one(x), complex)


def _one(x: Array) -> Any:
    if x.size != 1:
        raise TypeError("only length-1 arrays can be converted to Python scalars")
    return np.reshape(x, ()) if x.shape else x


@stands_in_for(float)
def _float(x: Any = 0.0) -> Any:
    return as_float(_unread(x))


@stands_in_for(int)
def _int(x: Any = 0, *base: Any) -> Any:
    return x.as_int() if isinstance(x, Array) else int(_unread(x), *base)


def _unread(x: Any) -> Any:
    """What is no text of a traced value; read back as a number it would have lost the derivative."""
    if type(x) is str and (trace := current()) is not None and x.strip() in trace.texts:
        met = f"the text {x!r} of a traced value would become a number, and its derivative would be lost"
        remedy = "Compute with the value itself; round it with np.round."
        raise remembered_error(TraceError(met, remedy, here()))
    return x


def _scalar(kind: type) -> Any:
    return lambda x: astype(x, kind)


for _kind in {np.dtype(code).type for code in "?bhilqBHILQefdgFDG"}:
    on_traced(_kind)(_scalar(_kind))
