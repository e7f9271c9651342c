"""BLAS from machine code: products of matrices by the library that SciPy brings.

SciPy offers the functions of its BLAS to compiled code, as capsules of the extension ``cython_blas``. That
extension alone loads in a tenth of the time of ``scipy.linalg``. Each capsule is named by the C signature of
its function; what has another signature than is expected here, with 64-bit integers for instance, is not
used. The functions become symbols that IR may declare: ``@nz_dgemm`` and so on.

BLAS is Fortran's: all arguments are pointers, and a matrix is stored by columns. Read by columns, an array
stored by rows is its transpose. So a product of arrays stored by rows is had by asking for the transposed
one, Cᵀ = Bᵀ Aᵀ, which swaps the factors and nothing else.

Arguments need slots on the stack. They stand apart in :attr:`Call.slots`, for the entry block of the
function: in a loop each pass would take more of the stack.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from nazad.errors import CompileError
from nazad.extras import require
from nazad.run.vectormath.form import Form, form_of

Size = int | str
"""A size, or the name of an i64 in IR that must be less than 2³¹."""
Number = float | str
"""A number, or the name of a value in IR of the type of the matrices."""

_EXTENSION = "scipy.linalg.cython_blas"
_I, _C, _R = "int *", "char *", "real *"
_SIGNATURES = {
    "gemm": ("void", _C, _C, _I, _I, _I, _R, _R, _I, _R, _I, _R, _R, _I),
    "gemv": ("void", _C, _I, _I, _R, _R, _I, _R, _I, _R, _R, _I),
    "ger": ("void", _I, _I, _R, _R, _I, _R, _I, _R, _I),
    "dot": ("real", _I, _R, _I, _R, _I),
}
"""What each function returns and takes; real is double or float."""
_LETTERS = {"d": "double", "s": "float"}


class Call(NamedTuple):
    """A call of BLAS as lines of IR.

    Attributes
    ----------
    slots : list of str
        Stack slots, to stand in the entry block.
    lines : list of str
        The call, to stand where it is made.
    declare : str
        The declaration, to stand in the module once.
    """

    slots: list[str]
    lines: list[str]
    declare: str


class Threads(NamedTuple):
    """How many threads BLAS uses: functions that tell and set it for the whole process."""

    get: Callable[[], int]
    set: Callable[[int], None]


@functools.cache
def available() -> bool:
    """Whether there is a BLAS; if so its functions are symbols from now on.

    False if SciPy is not installed, or its BLAS has signatures that are not known here.

    Examples
    --------
    >>> available()
    True
    """
    try:
        extension = _extension()
    except ImportError:
        return False
    found = {f"nz_{name}": _pointer(extension, name) for name in _names()}
    if None in found.values():
        return False
    binding = require("llvmlite.binding", "native")
    for symbol, pointer in found.items():
        binding.add_symbol(symbol, pointer)
    return True


def gemm(
    dtype: Any,
    m: Size,
    n: Size,
    k: Size,
    a: str,
    lda: Size,
    trans_a: bool,
    b: str,
    ldb: Size,
    trans_b: bool,
    c: str,
    ldc: Size,
    alpha: Number = 1.0,
    beta: Number = 0.0,
    *,
    stem: str = "gemm",
) -> Call:
    """C = alpha · op(A) op(B) + beta · C, with C of m rows and n columns, and k terms in each sum.

    Parameters
    ----------
    dtype : dtype
        float64 or float32.
    m, n, k : int or str
        Sizes; any may be zero.
    a, b, c : str
        Names of pointers. With ``beta`` 0 it does not matter what C holds.
    lda, ldb, ldc : int or str
        Entries from one row to the next, as stored; at least the width of a row.
    trans_a, trans_b : bool
        Whether op transposes, what is stored being k × m, or n × k.
    alpha, beta : float or str
        Factors.
    stem : str
        What names begin with; each call in a function needs its own.

    Examples
    --------
    >>> call = gemm("float64", 2, "%n", 3, "%a", 3, False, "%b", "%n", False, "%c", "%n")
    >>> print(call.lines[-1].replace("%gemm.", "%"))
      call void @nz_dgemm(ptr %0, ptr %1, ptr %2, ptr %3, ptr %4, ptr %5, ptr %b, ptr %7, ptr %a, ptr %9,
      ptr %10, ptr %c, ptr %12)
    """
    x = _Arguments(form_of(dtype), stem)
    x.letters(trans_b, trans_a)
    x.sizes(n, m, k)
    x.number(alpha)
    x.matrix(b, ldb)
    x.matrix(a, lda)
    x.number(beta)
    x.matrix(c, ldc)
    return x.call("gemm")


def gemv(
    dtype: Any,
    m: Size,
    n: Size,
    a: str,
    lda: Size,
    trans: bool,
    x: str,
    incx: int,
    y: str,
    incy: int,
    alpha: Number = 1.0,
    beta: Number = 0.0,
    *,
    stem: str = "gemv",
) -> Call:
    """y = alpha · op(A) x + beta · y, with A stored as m rows of n.

    Parameters
    ----------
    dtype, m, n, a, lda, alpha, beta, stem
        As for :func:`gemm`.
    trans : bool
        Whether op transposes; then x has m entries and y has n.
    x, y : str
        Names of pointers.
    incx, incy : int
        Entries from one to the next, at least 1.

    Examples
    --------
    >>> gemv("float32", 2, 3, "%a", 3, False, "%x", 1, "%y", 1).declare
    'declare void @nz_sgemv(ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr) nounwind'
    """
    arguments = _Arguments(form_of(dtype), stem)
    summed = m if trans else n
    # BLAS returns at once if a size is 0, and y would stay as it is. So a sum of no terms is 0 times one
    # term, which BLAS does not read.
    one, factor = arguments.at_least_one(summed), arguments.zero_if_none(summed, alpha)
    m, n = (one, n) if trans else (m, one)
    arguments.letters(not trans)
    arguments.sizes(n, m)
    arguments.number(factor)
    arguments.matrix(a, lda)
    arguments.vector(x, incx)
    arguments.number(beta)
    arguments.vector(y, incy)
    return arguments.call("gemv")


def ger(
    dtype: Any,
    m: Size,
    n: Size,
    x: str,
    incx: int,
    y: str,
    incy: int,
    a: str,
    lda: Size,
    alpha: Number = 1.0,
    *,
    stem: str = "ger",
) -> Call:
    """A = A + alpha · x yᵀ, with A of m rows and n columns; arguments as for :func:`gemv`.

    Examples
    --------
    >>> ger("float64", 2, 3, "%x", 1, "%y", 1, "%a", 3).declare
    'declare void @nz_dger(ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr) nounwind'
    """
    arguments = _Arguments(form_of(dtype), stem)
    arguments.sizes(n, m)
    arguments.number(alpha)
    arguments.vector(y, incy)
    arguments.vector(x, incx)
    arguments.matrix(a, lda)
    return arguments.call("ger")


def dot(dtype: Any, n: Size, x: str, incx: int, y: str, incy: int, result: str, *, stem: str = "dot") -> Call:
    """The sum of x · y over n entries, as the value named ``result``; arguments as for :func:`gemv`.

    Examples
    --------
    >>> dot("float64", 5, "%x", 1, "%y", 1, "%sum").lines[-1]
    '  %sum = call double @nz_ddot(ptr %dot.0, ptr %x, ptr %dot.2, ptr %y, ptr %dot.4)'
    """
    arguments = _Arguments(form_of(dtype), stem)
    arguments.sizes(n)
    arguments.vector(x, incx)
    arguments.vector(y, incy)
    return arguments.call("dot", result)


@functools.cache
def threads() -> Threads | None:
    """Functions that tell and set how many threads BLAS uses; None if it has none that are known here.

    Known are those of OpenBLAS, under the names that SciPy and distributions give them, and of MKL. They are
    looked up among the libraries that the extension was linked to, which works where ``dlsym`` does so:
    not on Windows. Apple's Accelerate has none. What is found becomes the symbols
    ``i32 @nz_blas_get_threads()`` and ``void @nz_blas_set_threads(i32)``.

    Examples
    --------
    >>> found = threads()
    >>> found is None or found.get() >= 1
    True
    """
    if not available():
        return None
    with contextlib.suppress(OSError):
        library = ctypes.CDLL(_extension().__file__)
        for get, set_ in _THREADS:
            if hasattr(library, get) and hasattr(library, set_):
                return Threads(
                    _function(library, get, "nz_blas_get_threads", ctypes.c_int),
                    _function(library, set_, "nz_blas_set_threads", None, ctypes.c_int),
                )
    return None


@contextlib.contextmanager
def few_threads(n: int = 1) -> Iterator[bool]:
    """Let BLAS use at most n threads in a block, while our own threads keep the processor busy.

    It holds for the whole process: other callers of SciPy's BLAS feel it, NumPy's own copy does not. Blocks
    that overlap in several threads may leave the number of one of them behind.

    Yields
    ------
    bool
        Whether the number could be set.

    Examples
    --------
    >>> with few_threads(1) as limited:
    ...     not limited or threads().get() == 1
    True
    """
    found = threads()
    if found is None:
        yield False
        return
    before = found.get()
    found.set(min(n, before))
    try:
        yield True
    finally:
        found.set(before)


_THREADS = [
    ("scipy_openblas_get_num_threads", "scipy_openblas_set_num_threads"),
    ("openblas_get_num_threads", "openblas_set_num_threads"),
    ("scipy_openblas_get_num_threads64_", "scipy_openblas_set_num_threads64_"),
    ("openblas_get_num_threads64_", "openblas_set_num_threads64_"),
    ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
]


def _function(library: ctypes.CDLL, name: str, symbol: str, result: Any, *arguments: Any) -> Any:
    function = ctypes.CFUNCTYPE(result, *arguments)((name, library))
    require("llvmlite.binding", "native").add_symbol(symbol, ctypes.cast(function, ctypes.c_void_p).value)
    return function


class _Arguments:
    """The arguments of one call, in Fortran's order, each a pointer."""

    def __init__(self, form: Form, stem: str) -> None:
        self.form, self.stem = form, stem
        self.slots: list[str] = []
        self.lines: list[str] = []
        self.pointers: list[str] = []

    def letters(self, *transposed: bool) -> None:
        for each in transposed:
            self._store("i8", str(ord("T" if each else "N")))

    def sizes(self, *sizes: Size) -> None:
        for size in sizes:
            self._store("i32", self._narrow(size))

    def number(self, number: Number) -> None:
        self._store(self.form.type, self._operand(number))

    def matrix(self, pointer: str, row: Size) -> None:
        """A matrix and the length of its rows, which BLAS wants to be positive even if there is none."""
        self.pointers.append(pointer)
        self.sizes(self.at_least_one(row))

    def vector(self, pointer: str, step: int) -> None:
        self.pointers.append(pointer)
        self.sizes(step)

    def at_least_one(self, size: Size) -> Size:
        if isinstance(size, int):
            return max(size, 1)
        return self._write(f"call i64 @llvm.smax.i64(i64 {size}, i64 1)")

    def zero_if_none(self, size: Size, number: Number) -> Number:
        if isinstance(size, int):
            return number if size else 0.0
        none, kind = self._write(f"icmp eq i64 {size}, 0"), self.form.type
        zero = self.form.constant(0.0)
        return self._write(f"select i1 {none}, {kind} {zero}, {kind} {self._operand(number)}")

    def call(self, name: str, result: str = "") -> Call:
        letter = "d" if self.form.is_double else "s"
        kind = _SIGNATURES[name][0].replace("real", self.form.type)
        taken = ", ".join(f"ptr {pointer}" for pointer in self.pointers)
        line = f"call {kind} @nz_{letter}{name}({taken})"
        declare = f"declare {kind} @nz_{letter}{name}({', '.join(['ptr'] * len(self.pointers))}) nounwind"
        return Call(self.slots, [*self.lines, f"  {result} = {line}" if result else f"  {line}"], declare)

    def _operand(self, number: Number) -> str:
        return number if isinstance(number, str) else self.form.constant(number)

    def _narrow(self, size: Size) -> str:
        if isinstance(size, str):
            return self._write(f"trunc i64 {size} to i32")
        if not 0 <= size < 2**31:
            raise CompileError(f"BLAS has sizes of 32 bits, and this one is {size}")
        return str(size)

    def _store(self, kind: str, value: str) -> None:
        slot = f"%{self.stem}.{len(self.pointers)}"
        self.slots.append(f"  {slot} = alloca {kind}")
        self.lines.append(f"  store {kind} {value}, ptr {slot}")
        self.pointers.append(slot)

    def _write(self, instruction: str) -> str:
        name = f"%{self.stem}.v{len(self.lines)}"
        self.lines.append(f"  {name} = {instruction}")
        return name


@functools.cache
def _extension() -> ModuleType:
    """The extension by itself, where its file is found and SciPy has not loaded it already."""
    file = None if "scipy.linalg" in sys.modules else _file()
    if file is None:
        return require(_EXTENSION, "learn")
    loader = ExtensionFileLoader(_EXTENSION, str(file))
    module = importlib.util.module_from_spec(ModuleSpec(_EXTENSION, loader, origin=str(file)))
    loader.exec_module(module)
    # It has registered itself, and an import would take it for part of a package that is not there yet.
    if "scipy.linalg" not in sys.modules:
        sys.modules.pop(_EXTENSION, None)
    return module


def _file() -> Path | None:
    folder = Path(require("scipy", "learn").__path__[0]) / "linalg"
    candidates = (folder / f"cython_blas{suffix}" for suffix in EXTENSION_SUFFIXES)
    return next((file for file in candidates if file.is_file()), None)


def _names() -> list[str]:
    return [letter + name for letter in _LETTERS for name in _SIGNATURES]


def _pointer(extension: ModuleType, name: str) -> int | None:
    """The address in a capsule whose name is the expected signature."""
    capsule = getattr(extension, "__pyx_capi__", {}).get(name)
    if capsule is None:
        return None
    # Prototypes of our own: those of ctypes.pythonapi are shared with everybody.
    capsule_name = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)
    capsule_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    stated = capsule_name(("PyCapsule_GetName", ctypes.pythonapi))(capsule)
    if _plain(stated.decode()) != _expected(name):
        return None
    return capsule_pointer(("PyCapsule_GetPointer", ctypes.pythonapi))(capsule, stated) or None


def _expected(name: str) -> str:
    result, *arguments = _SIGNATURES[name[1:]]
    return f"{result} ({', '.join(arguments)})".replace("real", _LETTERS[name[0]])


def _plain(signature: str) -> str:
    """A signature without the names that Cython gives to double and float."""
    return re.sub(r"__pyx_t_\w*cython_blas_([ds])\b", lambda found: _LETTERS[found[1]], signature)
