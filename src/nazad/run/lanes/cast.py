"""From one dtype to another, as ``astype`` does it.

A real becomes an integer by cutting its fraction off. What is too large for that, or nan, is undefined in
C; NumPy passes on what the x86 instructions leave: the least number of 32 bits (64 for the large types),
cut to the low bits of a narrower type. We say so explicitly and get it on every machine. The one place where
NumPy disagrees with itself is uint32, in vector code and in the rest of the same array; ours is the rest.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.run.lanes.value import Lanes, closed, dtype_of, ir_type, memory_type, opened
from nazad.run.lanes.whole import Value, Whole, pick, type_of
from nazad.run.vectormath.form import form_of
from nazad.run.vectormath.values import Floats, Mask
from nazad.run.vectormath.writer import Writer


def cast(writer: Writer, x: Lanes, dtype: Any) -> Lanes:
    """The vector in another dtype.

    Examples
    --------
    >>> writer = Writer(4, fma=True)
    >>> cast(writer, Lanes(np.dtype("int16"), "%x"), "float64").name, writer.lines
    ('%t1', ['  %t1 = sitofp <4 x i16> %x to <4 x double>'])
    """
    dtype = np.dtype(dtype)
    return x if x.dtype == dtype else closed(converted(opened(writer, x), dtype))


def load_cast(writer: Writer, name: str, dtype: Any) -> Lanes:
    """What was loaded as :func:`memory_type`, as a kernel calculates with it.

    Examples
    --------
    >>> writer = Writer(4, fma=True)
    >>> load_cast(writer, "%bytes", bool).name, writer.lines
    ('%t1', ['  %t1 = icmp ne <4 x i8> %bytes, splat (i8 0)'])
    """
    dtype = np.dtype(dtype)
    if dtype.kind != "b":
        return Lanes(dtype, name)
    return closed(Whole(writer, np.dtype("uint8"), name).compare("ne", 0))


def store_cast(writer: Writer, x: Lanes) -> str:
    """The name of the vector as it is stored, as :func:`memory_type`.

    Examples
    --------
    >>> writer = Writer(4, fma=True)
    >>> store_cast(writer, Lanes(np.dtype(bool), "%mask")), writer.lines
    ('%t1', ['  %t1 = zext <4 x i1> %mask to <4 x i8>'])
    """
    if x.dtype.kind != "b":
        return x.name
    memory = memory_type(bool, writer.width)
    return writer.write(f"zext {ir_type(bool, writer.width)} {x.name} to {memory}")


def converted(x: Value, dtype: np.dtype[Any]) -> Value:
    """The same, of a vector that is calculated with."""
    if dtype == dtype_of(x):
        return x
    if dtype.kind == "b":
        return truth(x)
    if dtype.kind == "f":
        return real(x, dtype)
    if isinstance(x, Floats):
        return _cut(x, dtype)
    return x.resized(dtype) if isinstance(x, Whole) else _extended(x, dtype)


def truth(x: Value) -> Mask:
    """Whether each entry is other than zero; a nan is."""
    if isinstance(x, Mask):
        return x
    return x.compare("une", 0.0) if isinstance(x, Floats) else x.compare("ne", 0)


def real(x: Value, dtype: np.dtype[Any]) -> Floats:
    """As floating-point numbers, rounded to nearest."""
    if isinstance(x, Floats):
        return x if dtype == dtype_of(x) else x.widened() if dtype.itemsize == 8 else x.narrowed()
    operation = "sitofp" if isinstance(x, Whole) and x.signed else "uitofp"
    name = x.writer.write(f"{operation} {type_of(x)} {x.name} to {ir_type(dtype, x.writer.width)}")
    return Floats(x.writer, form_of(dtype), name)


def _extended(x: Mask, dtype: np.dtype[Any]) -> Whole:
    name = x.writer.write(f"zext {type_of(x)} {x.name} to {ir_type(dtype, x.writer.width)}")
    return Whole(x.writer, dtype, name)


def _cut(x: Floats, dtype: np.dtype[Any]) -> Whole:
    if dtype == np.uint64:
        high = x >= 2.0**63
        low = _signed(high.choose(x - 2.0**63, x), np.dtype("int64")).resized(dtype)
        return pick(high, low ^ (1 << 63), low)
    large = dtype.itemsize == 8 or dtype == np.uint32
    return _signed(x, np.dtype("int64" if large else "int32")).resized(dtype)


def _signed(x: Floats, dtype: np.dtype[Any]) -> Whole:
    """The integer part; the least number where there is none in the dtype."""
    cut = x.writer.write(f"fptosi {x.type} {x.name} to {ir_type(dtype, x.writer.width)}")
    whole = Whole(x.writer, dtype, cut)
    return pick(abs(x) < -float(whole.least), whole, whole.like(whole.least))
