"""A vector as a kernel knows it: its dtype and its name; and the types of both in IR and in memory."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nazad.errors import CompileError
from nazad.run.lanes.whole import Value, Whole
from nazad.run.vectormath.form import BINARY32, BINARY64, Form, form_of
from nazad.run.vectormath.values import Floats, Mask
from nazad.run.vectormath.writer import Writer


class Lanes(NamedTuple):
    """A vector of as many entries as its writer is wide, a scalar at width 1.

    Parameters
    ----------
    dtype : dtype
        bool, an integer type, float32 or float64.
    name : str
        The value in IR, or a constant; truth values are ``i1``.
    """

    dtype: np.dtype[Any]
    name: str


def known(dtype: Any) -> bool:
    """Whether there is vector code for a dtype.

    Examples
    --------
    >>> known("uint16"), known(bool), known("float16"), known(complex)
    (True, True, False, False)
    """
    dtype = np.dtype(dtype)
    return dtype.isnative and (dtype.kind in "biu" or (dtype.kind == "f" and dtype.itemsize in (4, 8)))


def _element(dtype: Any) -> str:
    dtype = np.dtype(dtype)
    if not known(dtype):
        raise CompileError(f"there is no vector code for {dtype}", "Use bool, integers, float32 or float64.")
    if dtype.kind == "f":
        return form_of(dtype).type
    return "i1" if dtype.kind == "b" else f"i{8 * dtype.itemsize}"


def _vector(element: str, width: int) -> str:
    return element if width == 1 else f"<{width} x {element}>"


def ir_type(dtype: Any, width: int) -> str:
    """The type of :class:`Lanes` of a dtype.

    Examples
    --------
    >>> ir_type("float32", 8), ir_type("uint8", 1), ir_type(bool, 4)
    ('<8 x float>', 'i8', '<4 x i1>')
    """
    return _vector(_element(dtype), width)


def memory_type(dtype: Any, width: int) -> str:
    """The type to load from and to store to an array: a bool takes a byte.

    Examples
    --------
    >>> memory_type("float32", 8), memory_type(bool, 4)
    ('<8 x float>', '<4 x i8>')
    """
    return ir_type("uint8" if np.dtype(dtype).kind == "b" else dtype, width)


def constant(writer: Writer, value: Any, dtype: Any) -> Lanes:
    """The same number in every lane, to its last bit.

    Raises
    ------
    OverflowError
        If a Python integer is too large for the dtype, as in NumPy.

    Examples
    --------
    >>> constant(Writer(8, fma=True), np.nan, "float32").name
    'splat (float 0x7FF8000000000000)'
    >>> constant(Writer(1, fma=True), 200, "uint8").name
    '-56'
    """
    dtype = np.dtype(dtype)
    element = _element(dtype)
    with np.errstate(all="ignore"):
        number = np.asarray(value, dtype).item()
    if dtype.kind == "b":
        return Lanes(dtype, writer.splat(element, "true" if number else "false"))
    if dtype.kind == "f":
        return Lanes(dtype, writer.splat(element, form_of(dtype).constant(number)))
    return Lanes(dtype, Whole(writer, dtype, "").like(number).name)


def opened(writer: Writer, x: Lanes) -> Value:
    """The vector, to calculate with.

    Examples
    --------
    >>> opened(Writer(4, fma=True), Lanes(np.dtype(bool), "%m"))
    Mask(...name='%m')
    """
    if x.dtype.kind == "f":
        return Floats(writer, form_of(x.dtype), x.name)
    return Mask(writer, x.name) if x.dtype.kind == "b" else Whole(writer, x.dtype, x.name)


def closed(x: Value) -> Lanes:
    """The vector, as a kernel knows it."""
    return Lanes(dtype_of(x), x.name)


_DTYPES: dict[Form, np.dtype[Any]] = {BINARY32: np.dtype("float32"), BINARY64: np.dtype("float64")}


def dtype_of(x: Value) -> np.dtype[Any]:
    """The dtype of a vector that is calculated with."""
    if isinstance(x, Floats):
        return _DTYPES[x.form]
    return np.dtype(bool) if isinstance(x, Mask) else x.dtype
