"""Definitions of functions as IR text, by name, type and width."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from nazad.run.vectormath.form import Form, form_of
from nazad.run.vectormath.function import INLINE, definition
from nazad.run.vectormath.table import FUNCTIONS
from nazad.run.vectormath.writer import Writer

Request = tuple[str, Any, int]
"""A function's name, its dtype and its width."""

Piece = tuple[str, ...]
"""Declarations, then a definition."""


def symbol(name: str, dtype: Any, width: int = 1) -> str:
    """The name that the function has in IR.

    Examples
    --------
    >>> symbol("exp", "float64", 8), symbol("exp", "float32")
    ('nz.exp.v8f64', 'nz.exp.f32')
    """
    return f"nz.{name}.{Writer(width, fma=True).suffix(form_of(dtype))}"


def call(name: str, dtype: Any, width: int, *operands: str) -> str:
    """The instruction that applies the function; it is inlined where it stands.

    Examples
    --------
    >>> call("exp", "float64", 8, "%x")
    'call <8 x double> @nz.exp.v8f64(<8 x double> %x)'
    """
    kind = Writer(width, fma=True).type(form_of(dtype).type)
    return f"call {kind} @{symbol(name, dtype, width)}({', '.join(f'{kind} {x}' for x in operands)})"


def emit(name: str, dtype: Any, width: int = 1, fma: bool = True) -> str:
    """The definition of one function, with whatever it calls.

    Parameters
    ----------
    name : str
        A name of :data:`~nazad.run.vectormath.table.FUNCTIONS`.
    dtype : dtype
        float64 or float32.
    width : int
        Lanes of its vectors, a power of two; 1 for a scalar.
    fma : bool
        Whether the target has fused multiply-add, as :attr:`nazad.run.llvm.Target.fma` says.

    Examples
    --------
    >>> print(emit("sqrt", "float64", 4))
    declare <4 x double> @llvm.sqrt.v4f64(<4 x double>)
    define internal <4 x double> @nz.sqrt.v4f64(<4 x double> %a) alwaysinline nounwind {
    entry:
      %t1 = call <4 x double> @llvm.sqrt.v4f64(<4 x double> %a)
      ret <4 x double> %t1
    }
    """
    return emit_all([(name, dtype, width)], fma)


def emit_all(requests: Iterable[Request], fma: bool = True) -> str:
    """The definitions of several functions, for one module: what two of them need is there once.

    Examples
    --------
    >>> text = emit_all([("sin", "float64", 8), ("cos", "float64", 8), ("sin", "float64", 1)])
    >>> text.count("define internal { i64, double, double } @nz.reduce_huge")
    1
    """
    return _once(
        piece for name, dtype, width in requests for piece in _pieces(name, form_of(dtype), width, fma)
    )


def support(*writers: Writer) -> str:
    """What the code of these writers calls: the text to stand in its module beside it.

    Examples
    --------
    >>> from nazad.run.vectormath.form import BINARY64
    >>> from nazad.run.vectormath.values import Floats
    >>> writer = Writer(1, fma=True)
    >>> y = Floats(writer, BINARY64, "%x").sqrt()
    >>> support(writer)
    'declare double @llvm.sqrt.f64(double)'
    """
    return _once(piece for writer in writers for piece in (*_needed(writer), tuple(sorted(writer.declares))))


@functools.lru_cache(maxsize=4096)
def _pieces(name: str, form: Form, width: int, fma: bool) -> tuple[Piece, ...]:
    """Declarations and whole definitions, those of the functions it needs included."""
    writer, function = Writer(width, fma), FUNCTIONS[name]
    symbol = f"nz.{name}.{writer.suffix(form)}"
    own = definition(symbol, form, function.arity, function.write, writer, INLINE)
    return (*_needed(writer), _separate(own))


def _needed(writer: Writer) -> list[Piece]:
    return [_separate(text()) for text in writer.needs.values()]


def _separate(text: str) -> Piece:
    """Declarations by themselves, since another function may bring the same ones."""
    lines = text.rstrip("\n").split("\n")
    declares = [line for line in lines if line.startswith("declare")]
    rest = [line for line in lines if not line.startswith("declare")]
    return (*declares, "\n".join(rest))


def _once(pieces: Iterable[Piece]) -> str:
    return "\n".join(dict.fromkeys(text for piece in pieces for text in piece))
