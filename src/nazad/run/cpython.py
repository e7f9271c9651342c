"""What must be known of CPython and NumPy to be called, and to make arrays, from machine code.

An object is a header, which ends in the pointer to its type, and then fields; a fresh look at a few objects
(:func:`layout_holds`) checks where the fields are believed to be, before anything relies on it. All else goes
through functions: CPython's, and NumPy's from the table that it has for extensions. Machine code names them,
and the few objects that it compares with, as external symbols (:func:`publish`), never by their address, so
that an object file can be kept on disk and linked in another process.

Run on CPython 3.11 to 3.13 with the GIL, and NumPy 2.1 to 2.5. In free-threaded builds, which have not been
run, the header is longer, and the rest is the same.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import struct
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from nazad.extras import require

HEADER: int = object.__basicsize__
"""Bytes before the first field of an object; of a number, its value."""

TYPE = HEADER - 8
DATA, RANK, SHAPE, DTYPE, FLAGS = (HEADER + offset for offset in (0, 8, 16, 40, 48))
"""Fields of an array: ptr, i32, ptr to i64, ptr, i32."""

BYTE_ORDER, NUMBER = HEADER + 10, HEADER + 12
"""Fields of a dtype: i8, and i32, by which NumPy knows the type."""

DENSE = 0x101
"""The flags of an array that is C-contiguous and aligned."""

SWAPPED = ord(">" if sys.byteorder == "little" else "<")
"""The byte order that this processor does not read."""

DTYPES = tuple(np.dtype(code) for code in "?bBhHiIlLqQfdFD")
"""The dtypes that machine code can be called with."""

FUNCTIONS = {
    "PyObject_Vectorcall": "ptr (ptr, ptr, i64, ptr)",
    "PyFloat_FromDouble": "ptr (double)",
    "PyTuple_New": "ptr (i64)",
    "PyTuple_SetItem": "i32 (ptr, i64, ptr)",
    "Py_IncRef": "void (ptr)",
    "Py_DecRef": "void (ptr)",  # does nothing to a null pointer
    "PyEval_SaveThread": "ptr ()",
    "PyEval_RestoreThread": "void (ptr)",
    "PyMem_RawMalloc": "ptr (i64)",
    "PyMem_RawFree": "void (ptr)",
    "PyArray_New": "ptr (ptr, i32, ptr, i32, ptr, ptr, i32, i32, ptr)",
    "PyArray_Scalar": "ptr (ptr, ptr, ptr)",
}
"""Functions that machine code may call, and their types."""

_VERSION, _ARRAY, _SCALAR, _NEW = 0, 2, 60, 93  # places in NumPy's table, fixed since its version 1.0
_IN_TABLE = {"PyArray_New": _NEW, "PyArray_Scalar": _SCALAR}
_FASTCALL_WITH_KEYWORDS = 0x80 | 0x2
_PYTHON = ctypes.PyDLL("python", handle=ctypes.pythonapi._handle)  # whose result types nobody else sets


class _Method(ctypes.Structure):
    """CPython's PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


def call(name: str, *arguments: str) -> str:
    """An instruction that calls one of the :data:`FUNCTIONS`.

    Examples
    --------
    >>> call("PyTuple_SetItem", "%pair", "1", "%second")
    'call i32 @PyTuple_SetItem(ptr %pair, i64 1, ptr %second)'
    """
    result, types = FUNCTIONS[name].rstrip(")").split(" (")
    given = [f"{kind} {value}" for kind, value in zip(types.split(", "), arguments, strict=False)]
    return f"call {result} @{name}({', '.join(given)})"


def type_of(kind: type) -> str:
    """The symbol of a type: of ndarray, float, or a NumPy scalar of one of the :data:`DTYPES`.

    Examples
    --------
    >>> type_of(float), type_of(np.ndarray), type_of(np.float64)
    ('@builtins.float', '@numpy.ndarray', '@numpy.float64')
    """
    return f"@{kind.__module__}.{kind.__name__}"


def dtype_object(dtype: np.dtype[Any]) -> str:
    """The symbol of NumPy's own object for a dtype.

    Examples
    --------
    >>> dtype_object(np.dtype("float64"))
    '@numpy.dtype.12'
    """
    return f"@numpy.dtype.{dtype.num}"


def declarations() -> str:
    """The IR that declares what :func:`publish` makes known.

    Examples
    --------
    >>> [line for line in declarations().splitlines() if "ndarray" in line or "Tuple_New" in line]
    ['declare ptr @PyTuple_New(i64)', '@numpy.ndarray = external global i8']
    """
    functions = [f"declare {kind.replace(' ', f' @{name}', 1)}" for name, kind in FUNCTIONS.items()]
    return "\n".join(functions + [f"{symbol} = external global i8" for symbol in _objects()])


@functools.cache
def publish() -> None:
    """Make the :data:`FUNCTIONS` and objects known to the linker of this process.

    Call it before code that was made with :func:`declarations` is compiled, or linked from a file: a symbol
    that the linker does not find ends the process.
    """
    binding = require("llvmlite.binding", "native")
    for name in FUNCTIONS:
        binding.add_symbol(name, _address(name))
    for symbol, value in _objects().items():
        binding.add_symbol(symbol[1:], id(value))


@functools.cache
def layout_holds() -> bool:
    """Whether objects are laid out, and NumPy's table is filled, as this module has it."""
    if sys.implementation.name != "cpython" or struct.calcsize("P") != 8:
        return False
    return _numbers_hold() and _arrays_hold() and _table_holds()


def builtin(address: int, fallback: Callable[..., Any], name: str, *kept: object) -> Callable[..., Any]:
    """A built-in function whose code lies at an address.

    The code is called as ``ptr entry(ptr self, ptr arguments, i64 count, ptr names)``, where self is a
    callable that does what the fallback does.

    Parameters
    ----------
    address : int
        Where the code is.
    fallback : callable
        The function in Python, which lends its docstring too.
    name : str
        The name of the built-in function.
    *kept : object
        What the code needs, to be kept for as long as the function lives.
    """
    doc = fallback.__doc__ if isinstance(fallback.__doc__, str) else None
    method = _Method(name.encode(), address, _FASTCALL_WITH_KEYWORDS, doc and doc.encode())
    itself = functools.partial(fallback)
    itself.__dict__["kept"] = _hidden(method, *kept)
    make = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object)
    module = getattr(fallback, "__module__", None)
    made: Callable[..., Any] = make(_address("PyCFunction_NewEx"))(ctypes.addressof(method), itself, module)
    return made


def _hidden(*kept: object) -> np.ndarray[Any, Any]:
    """Hold objects where the garbage collector does not look: it does not look into arrays.

    When it finds a cycle of garbage, it runs the ``__del__`` of everything in it, in any order, that of the
    machine code included; the ``__del__`` of a user's class in the same cycle would call code that is gone.
    """
    array = np.empty(1, dtype=object)
    array[0] = kept
    return array


@functools.cache
def _objects() -> dict[str, object]:
    types = {type_of(kind): kind for kind in (np.ndarray, float, *(dtype.type for dtype in DTYPES))}
    return types | {dtype_object(dtype): dtype for dtype in DTYPES}


@functools.cache
def _address(name: str) -> int:
    if name in _IN_TABLE:
        return int(_table()[_IN_TABLE[name]])
    return int(ctypes.cast(getattr(_PYTHON, name), ctypes.c_void_p).value or 0)


@functools.cache
def _table() -> Any:
    """NumPy's table of functions for extensions."""
    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
    capsule = importlib.import_module("numpy._core._multiarray_umath")._ARRAY_API
    return (ctypes.c_void_p * 100).from_address(pointer(_address("PyCapsule_GetPointer"))(capsule, None))


def _numbers_hold() -> bool:
    """Whether Python's floats and NumPy's scalars hold their value right after the header."""
    return all(map(_number_holds, (0.5, *(dtype.type(1) for dtype in DTYPES))))


def _number_holds(number: Any) -> bool:
    value = np.asarray(number).tobytes()
    there = (ctypes.c_char * len(value)).from_address(id(number) + HEADER).raw
    return _read(number, TYPE, ctypes.c_void_p) == id(type(number)) and there == value


def _arrays_hold() -> bool:
    shapes: list[tuple[int, ...]] = [(), (0,), (2, 3, 4)]
    arrays = [np.ones(shape, dtype) for dtype in DTYPES for shape in shapes]
    arrays += [np.ones((2, 3, 8))[:, :, ::2], np.ones(9, "i1")[1:].view("f8")]
    arrays.append(np.ones(3, np.dtype("i4").newbyteorder("S")))
    return np.ndarray.__basicsize__ > FLAGS and all(map(_array_holds, arrays))


def _array_holds(array: np.ndarray[Any, Any]) -> bool:
    """In this order, for a pointer is followed only where both its neighbours are right."""
    flags = array.flags.c_contiguous | array.flags.aligned << 8
    swapped = not array.dtype.isnative
    return bool(
        _read(array, TYPE, ctypes.c_void_p) == id(np.ndarray)
        and _read(array, DATA, ctypes.c_void_p) == array.ctypes.data
        and _read(array, RANK, ctypes.c_int32) == array.ndim
        and _read(array, DTYPE, ctypes.c_void_p) == id(array.dtype)
        and _read(array, FLAGS, ctypes.c_int32) & DENSE == flags
        and _shape(array) == array.shape
        and _read(array.dtype, NUMBER, ctypes.c_int32) == array.dtype.num
        and (_read(array.dtype, BYTE_ORDER, ctypes.c_uint8) == SWAPPED) == swapped
    )


def _shape(array: np.ndarray[Any, Any]) -> tuple[int, ...]:
    place = _read(array, SHAPE, ctypes.c_void_p)
    return tuple((ctypes.c_int64 * array.ndim).from_address(place)) if array.ndim else ()


def _read(value: object, offset: int, kind: Any) -> Any:
    return kind.from_address(id(value) + offset).value


def _table_holds() -> bool:
    """Whether NumPy's table is of the version known here, and its functions do what they should."""
    try:
        table = _table()
    except (ImportError, AttributeError):
        return False
    version = ctypes.PYFUNCTYPE(ctypes.c_uint)(table[_VERSION])() >> 24
    return version == 2 and table[_ARRAY] == id(np.ndarray) and _functions_hold()


def _functions_hold() -> bool:
    pointer, number, thing = ctypes.c_void_p, ctypes.c_int, ctypes.py_object
    new = ctypes.PYFUNCTYPE(thing, thing, number, pointer, number, pointer, pointer, number, number, pointer)(
        _address("PyArray_New")
    )
    scalar = ctypes.PYFUNCTYPE(thing, pointer, thing, pointer)(_address("PyArray_Scalar"))
    shape, value = (ctypes.c_int64 * 2)(2, 3), ctypes.c_double(0.5)
    dtype = np.dtype(np.float64)
    array = new(np.ndarray, 2, ctypes.addressof(shape), dtype.num, None, None, 0, 0, None)
    half = scalar(ctypes.addressof(value), dtype, None)
    array_holds = type(array) is np.ndarray and array.shape == (2, 3) and array.dtype == dtype
    return array_holds and type(half) is np.float64 and bool(half == 0.5)
