"""Functions that are not written here, called from inside a kernel: the compiled loop of a ufunc.

A ufunc has a loop for each combination of dtypes, a C function with the signature that every extension of
NumPy goes by, ``loop(args, dimensions, steps, data)``. A kernel calls it for the lanes of one vector, which
are put on the stack for that. What comes out is what NumPy would give, to the last bit.

Loop and data become symbols that IR may declare; machine code on disk names them and knows no address. A
ufunc that is not laid out as NumPy's public header says has no loop here: it runs in NumPy between kernels.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad.extras import require
from nazad.run.lanes.value import Lanes, closed, ir_type, opened
from nazad.run.lanes.whole import Value
from nazad.run.vectormath.writer import Writer

_SIGNATURE = "(ptr, ptr, ptr, ptr)"


class _Ufunc(ctypes.Structure):
    """The fields of NumPy's PyUFuncObject behind its header, up to the last that is used."""

    _fields_ = (
        ("nin", ctypes.c_int),
        ("nout", ctypes.c_int),
        ("nargs", ctypes.c_int),
        ("identity", ctypes.c_int),
        ("loops", ctypes.POINTER(ctypes.c_void_p)),
        ("data", ctypes.POINTER(ctypes.c_void_p)),
        ("ntypes", ctypes.c_int),
        ("reserved", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("types", ctypes.POINTER(ctypes.c_char)),
    )


class Loop(NamedTuple):
    """A loop, by what the symbols of its function and its data have in common, and its dtypes.

    Attributes
    ----------
    symbol : str
        Behind ``nz.loop.`` and ``nz.data.``.
    arity : int
        How many arguments it has.
    dtypes : tuple of dtype
        Those of its arguments, and then of its results.
    """

    symbol: str
    arity: int
    dtypes: tuple[np.dtype[Any], ...]


def loop_of(ufunc: np.ufunc, arguments: Sequence[np.dtype[Any]]) -> Loop | None:
    """The loop of a ufunc for arguments of these dtypes, published; None if there is none to be called.

    Examples
    --------
    >>> from scipy import special
    >>> loop_of(special.airy, [np.dtype(float)])
    Loop(symbol='airy.d.dddd', arity=1, dtypes=(dtype('float64'), ...))
    >>> loop_of(special.airy, [np.dtype("int8")]) is None
    True
    """
    return _loop_of(ufunc, tuple(arguments))


@functools.lru_cache(maxsize=1024)
def _loop_of(ufunc: np.ufunc, arguments: tuple[np.dtype[Any], ...]) -> Loop | None:
    inside = _laid_out(ufunc)
    for k, types in enumerate(ufunc.types if inside else ()):
        taken, given = (tuple(map(np.dtype, part)) for part in types.split("->"))
        if inside and taken == arguments and inside.loops[k]:
            symbol = f"{ufunc.__name__}.{types.replace('->', '.')}"
            binding = require("llvmlite.binding", "native")
            binding.add_symbol(f"nz.loop.{symbol}", inside.loops[k])
            binding.add_symbol(f"nz.data.{symbol}", inside.data[k] or 0)
            return Loop(symbol, len(taken), (*taken, *given))
    return None


def _laid_out(ufunc: np.ufunc) -> _Ufunc | None:
    """The ufunc's fields, if they say of it what Python says."""
    inside = _Ufunc.from_address(id(ufunc) + object.__basicsize__)
    counts = (inside.nin, inside.nout, inside.nargs, inside.ntypes)
    if counts != (ufunc.nin, ufunc.nout, ufunc.nargs, ufunc.ntypes) or not inside.name or not inside.types:
        return None
    if ufunc.signature is not None:
        return None  # its loops go over vectors and matrices
    numbers = [np.dtype(c).num for types in ufunc.types for c in types.replace("->", "")]
    is_right = list(inside.types[: len(numbers)]) == numbers and inside.name.decode() == ufunc.__name__
    return inside if is_right else None


def code(loop: Loop, place: int) -> Callable[..., Value]:
    """What writes a call of a loop, given its arguments, for one of its results."""

    def write(*xs: Value) -> Value:
        writer, dtype = xs[0].writer, loop.dtypes[place]
        called = _needed(writer, loop, place)
        arguments = ", ".join(f"{ir_type(x.dtype, writer.width)} {x.name}" for x in map(closed, xs))
        call = f"call {ir_type(dtype, writer.width)} @{called}({arguments})"
        return opened(writer, Lanes(dtype, writer.write(call)))

    return write


def _needed(writer: Writer, loop: Loop, place: int) -> str:
    """Have the function that calls the loop stand in the module; its name."""
    name, width = f"nz.{loop.symbol}.{place % len(loop.dtypes)}.{writer.width}", writer.width
    writer.needs[f"nz.data.{loop.symbol}"] = lambda: f"@nz.data.{loop.symbol} = external global i8"
    writer.needs[name] = lambda: _definition(name, loop, place, width)
    return name


def _definition(name: str, loop: Loop, place: int, width: int) -> str:
    """A function of vectors that lays them on the stack, and has the loop go over them."""
    kinds = [ir_type(dtype, width) for dtype in loop.dtypes]
    n, result = len(kinds), kinds[place]
    arguments = list(enumerate(kinds[: loop.arity]))
    lines = [f"  %p{k} = alloca {kind}" for k, kind in enumerate(kinds)]
    lines += [f"  %args = alloca [{n} x ptr]", f"  %steps = alloca [{n} x i64]", "  %size = alloca i64"]
    lines += [f"  store {kind} %x{k}, ptr %p{k}" for k, kind in arguments]
    for k, dtype in enumerate(loop.dtypes):
        lines += [
            f"  %a{k} = getelementptr ptr, ptr %args, i64 {k}",
            f"  store ptr %p{k}, ptr %a{k}",
            f"  %s{k} = getelementptr i64, ptr %steps, i64 {k}",
            f"  store i64 {dtype.itemsize}, ptr %s{k}",
        ]
    taken = ", ".join(f"{kind} %x{k}" for k, kind in arguments)
    call = f"@nz.loop.{loop.symbol}(ptr %args, ptr %size, ptr %steps, ptr @nz.data.{loop.symbol})"
    return "\n".join(
        [
            f"declare void @nz.loop.{loop.symbol}{_SIGNATURE} nounwind",
            f"define internal {result} @{name}({taken}) noinline nounwind {{",
            *lines,
            f"  store i64 {width}, ptr %size",
            f"  call void {call}",
            f"  %y = load {result}, ptr %p{place % n}",
            f"  ret {result} %y",
            "}",
        ]
    )
