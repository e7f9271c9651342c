"""A primitive by its name: in which dtypes NumPy computes it, and the vector code that does the same."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nazad import ops
from nazad.errors import ArgumentError, CompileError
from nazad.graph import Primitive
from nazad.run.lanes.cast import cast, converted
from nazad.run.lanes.integers import WHOLE
from nazad.run.lanes.loop import code, loop_of
from nazad.run.lanes.real import REAL
from nazad.run.lanes.truth import TRUTH
from nazad.run.lanes.value import Lanes, closed, known, opened
from nazad.run.lanes.whole import Value
from nazad.run.vectormath.writer import Writer

Kind = Any
"""A dtype, or one of the Python types float and int, which are weak in NumPy's promotion."""

_TABLE = ops.table()
_ROOMS = {"f": REAL, "i": WHOLE, "u": WHOLE, "b": TRUTH}
_LIKE = {"chain": np.multiply, "winner": np.greater, "exponent": np.frexp}
"""Functions that are made of ufuncs, and the ufunc in whose loop they run."""
_UNIFORM = {"clip", "nan_to_num", "sinc", "mantissa", "fraction"}
"""Functions that run in the dtype of their result."""


def is_ours(op: Primitive) -> bool:
    """Whether a primitive is the one that has its name in the table, and not a namesake of the user's.

    Examples
    --------
    >>> from nazad.ops.families import elementwise
    >>> is_ours(ops.table()["sin"]), is_ours(elementwise(lambda x: 2 * x, name="sin"))
    (True, False)
    """
    return _TABLE.get(op.name) is op


def _name(op: Primitive | str) -> str:
    return op if isinstance(op, str) else op.name


def loop_dtypes(op: Primitive | str, kinds: Sequence[Kind], dtype: Any) -> tuple[np.dtype[Any], ...]:
    """The dtypes in which NumPy computes a primitive: one for each argument, and that of the value.

    Parameters
    ----------
    op : Primitive or str
        An elementwise primitive of :func:`nazad.ops.table`, or ``where``; or its name.
    kinds : sequence of dtype or type
        The dtypes of the arguments; ``float`` and ``int`` for Python numbers.
    dtype : dtype
        The dtype of the result.

    Raises
    ------
    ArgumentError
        If NumPy does not define the function on these dtypes.

    Examples
    --------
    >>> loop_dtypes("multiply", (np.dtype("float32"), float), "float32")
    (dtype('float32'), dtype('float32'), dtype('float32'))
    >>> loop_dtypes("divide", (np.dtype("int32"), np.dtype("int32")), "float64")[0]
    dtype('float64')
    >>> loop_dtypes("where", (np.dtype("int64"), int, float), "float64")[0]
    dtype('bool')
    """
    return _loop_dtypes(_name(op), tuple(kinds), np.dtype(dtype))


@functools.lru_cache(maxsize=4096)
def _loop_dtypes(name: str, kinds: tuple[Kind, ...], dtype: np.dtype[Any]) -> tuple[np.dtype[Any], ...]:
    if name == "where":
        return (np.dtype(bool), dtype, dtype, dtype)
    if name in _UNIFORM:
        return (dtype,) * (len(kinds) + 1)
    found = _resolved(name, [np.dtype(bool) if kind is bool else kind for kind in kinds])
    return (*found[: len(kinds)], dtype if name == "winner" else found[_ufunc(name)[1]])


def _ufunc(name: str) -> tuple[Any, int]:
    """The ufunc in whose loop a function runs, and its place among arguments and results."""
    calc: Any = _LIKE.get(name) or _TABLE[name].calc
    return (calc.ufunc, calc.ufunc.nin + calc.place) if hasattr(calc, "place") else (calc, -1)


def _resolved(name: str, kinds: Sequence[Kind]) -> tuple[np.dtype[Any], ...]:
    ufunc, _ = _ufunc(name)
    if not isinstance(ufunc, np.ufunc) or ufunc.nin != len(kinds):
        raise ArgumentError(f"{name} of {len(kinds)} arguments is no elementwise primitive of the table")
    try:
        return ufunc.resolve_dtypes((*kinds, *(None,) * ufunc.nout))
    except TypeError as error:
        raise ArgumentError(f"NumPy does not define {name} here: {error}") from None


def supports(op: Primitive | str, kinds: Sequence[Kind], dtype: Any) -> bool:
    """Whether :func:`apply` can write a primitive of the table for these arguments.

    It cannot where NumPy would compute in half or extended precision or in complex numbers, nor for a power
    of integers with a sign, whose exponents, if negative, are an error.

    Examples
    --------
    >>> int8, int64, float64 = np.dtype("int8"), np.dtype("int64"), np.dtype("float64")
    >>> supports("sin", [int64], float64), supports("sin", [int8], "float16")
    (True, False)
    >>> supports("power", [int64, int64], int64), supports("power", [float64, int], float64)
    (False, True)
    """
    name = _name(op)
    if not isinstance(op, str) and not is_ours(op):
        return False
    try:
        loop = loop_dtypes(name, kinds, dtype)
    except (ArgumentError, KeyError):
        return False
    if name == "power" and loop[0].kind == "i":
        return False
    return all(known(each) for each in (*loop, np.dtype(dtype))) and _code(name, loop) is not None


def apply(writer: Writer, op: Primitive | str, xs: Sequence[Lanes], dtype: Any) -> Lanes:
    """Write a primitive on vectors, cast to the dtypes of the loop first.

    A Python number is cast by the caller, to the dtype that :func:`loop_dtypes` states for it.

    Examples
    --------
    >>> writer = Writer(8, fma=True)
    >>> x = Lanes(np.dtype("float32"), "%x")
    >>> apply(writer, "less", [x, x], bool)
    Lanes(dtype=dtype('bool'), name='%t1')
    >>> writer.lines
    ['  %t1 = fcmp olt <8 x float> %x, %x']
    """
    dtype, name = np.dtype(dtype), _name(op)
    loop = loop_dtypes(name, [x.dtype for x in xs], dtype)
    code = _code(name, loop) if all(map(known, loop)) else None
    if code is None:
        raise CompileError(f"there is no vector code for {name} in {loop[0]}", "Ask supports() first.")
    arguments = [opened(writer, cast(writer, x, kind)) for x, kind in zip(xs, loop, strict=False)]
    return closed(converted(code(*arguments), dtype))


def _code(name: str, loop: Sequence[np.dtype[Any]]) -> Callable[..., Value] | None:
    """The room of a loop is that of its first argument; that of a choice, of what is chosen.

    A ufunc that stands in no room, one of SciPy's, is called.
    """
    kind = loop[1 if name == "where" else 0].kind
    return _ROOMS[kind].get(name) or _called(name, tuple(loop)) if kind in _ROOMS else None


def is_called(name: str) -> bool:
    """Whether a primitive has no code of ours, so that a kernel calls the loop of its ufunc.

    Examples
    --------
    >>> is_called("exp"), is_called("zeta")
    (False, True)
    """
    return all(name not in room for room in _ROOMS.values())


@functools.lru_cache(maxsize=4096)
def _called(name: str, loop: tuple[np.dtype[Any], ...]) -> Callable[..., Value] | None:
    """A call of the ufunc's own loop."""
    ufunc, place = _ufunc(name)
    found = loop_of(ufunc, loop[:-1]) if isinstance(ufunc, np.ufunc) else None
    return code(found, place) if found and all(map(known, found.dtypes)) else None
