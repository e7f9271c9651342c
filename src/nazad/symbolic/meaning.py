"""What a primitive means in SymPy: most by their name, the others from a small table.

An elementwise meaning takes expressions and gives one; a reduction's takes an object array and its axes. What
is in neither table runs as it is on arrays of expressions, which is all that moving entries about needs.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nazad.extras import require
from nazad.symbolic.special import special_meanings

Expr = Any  # a SymPy expression: SymPy has no types
Objects = Any  # an ndarray of expressions; of none but one where its shape is ()

_SAME = ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sqrt")
_INVERSE = ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")
_RENAMED = {
    "positive": "Id", "maximum": "Max", "fmax": "Max", "minimum": "Min", "fmin": "Min",
    "equal": "Eq", "not_equal": "Ne", "less": "Lt", "less_equal": "Le",
    "greater": "Gt", "greater_equal": "Ge",
    "logical_and": "And", "logical_or": "Or", "logical_xor": "Xor", "logical_not": "Not",
    "bitwise_and": "And", "bitwise_or": "Or", "bitwise_xor": "Xor", "invert": "Not",
}  # fmt: skip
OF_TRUTH = {"where", *(name for name, other in _RENAMED.items() if other in ("And", "Or", "Xor", "Not"))}
"""Those that take truth values as they are."""

_PLAIN = 64  # denominators up to here are written as fractions
_LARGE = 1e15  # whole floats up to here are whole numbers


def sympy() -> Any:
    """SymPy, imported on first use."""
    return require("sympy", "symbolic")


def number(x: Any) -> Expr:
    """A number as SymPy should write it: 2 for 2.0, 1/2 for 0.5, pi for π; an expression as it is."""
    sp = sympy()
    if isinstance(x, sp.Basic):
        return x
    if isinstance(x, (bool, np.bool_)):
        return sp.true if x else sp.false
    if isinstance(x, (int, np.integer)):
        return sp.Integer(int(x))
    if isinstance(x, (complex, np.complexfloating)):
        return _float(float(x.real)) + sp.I * _float(float(x.imag))
    return _float(float(x))


def _float(x: float) -> Expr:
    sp = sympy()
    if abs(x) == math.pi:
        return sp.pi if x > 0 else -sp.pi
    if not abs(x) < _LARGE:
        return sp.Float(x)
    top, bottom = x.as_integer_ratio()
    return sp.Rational(top, bottom) if bottom <= _PLAIN else sp.Float(x)


def objects(x: Any) -> Objects:
    """A value as an array of expressions."""
    return np.asarray(np.frompyfunc(number, 1, 1)(x), dtype=object)


def by_entry(meaning: Callable[..., Expr], xs: Sequence[Any], truth: bool = False) -> Objects:
    """A meaning applied to every entry, after broadcasting.

    Truth values count as 1 and 0; with ``truth`` they are handed on as what they are.
    """

    def on_entries(*entries: Any) -> Expr:
        exact = map(number, entries)
        return meaning(*(exact if truth else map(_as_number, exact)))

    return np.asarray(np.frompyfunc(on_entries, len(xs), 1)(*xs), dtype=object)


@functools.cache
def elementwise_meanings() -> dict[str, Callable[..., Expr]]:
    """Elementwise primitives by name; one that is neither here nor user-made stays a function of its own."""
    sp = sympy()
    same = {name: getattr(sp, name) for name in _SAME}
    inverse = {f"arc{name}": getattr(sp, f"a{name}") for name in _INVERSE}
    renamed = {name: getattr(sp, other) for name, other in _RENAMED.items()}
    return (
        same | inverse | renamed | _arithmetic() | _logarithms() | _kinks() | _angles() | special_meanings()
    )


def _arithmetic() -> dict[str, Callable[..., Expr]]:
    sp = sympy()
    return {
        "add": lambda x, y: x + y,
        "subtract": lambda x, y: x - y,
        "multiply": lambda x, y: x * y,
        "chain": lambda x, y: x * y,
        "divide": lambda x, y: x / y,
        "negative": lambda x: -x,
        "reciprocal": lambda x: 1 / x,
        "square": lambda x: x**2,
        "cbrt": lambda x: sp.Piecewise((sp.cbrt(x), x >= 0), (-sp.cbrt(-x), True)),
        "power": lambda x, y: x**y,
        "float_power": lambda x, y: x**y,
        "hypot": lambda x, y: sp.sqrt(x**2 + y**2),
    }


def _logarithms() -> dict[str, Callable[..., Expr]]:
    sp = sympy()
    return {
        "exp2": lambda x: 2**x,
        "expm1": lambda x: sp.exp(x) - 1,
        "log2": lambda x: sp.log(x) / sp.log(2),
        "log10": lambda x: sp.log(x) / sp.log(10),
        "log1p": lambda x: sp.log(1 + x),
        "logaddexp": lambda x, y: sp.log(sp.exp(x) + sp.exp(y)),
        "logaddexp2": lambda x, y: sp.log(2**x + 2**y) / sp.log(2),
    }


def _kinks() -> dict[str, Callable[..., Expr]]:
    sp = sympy()
    return {
        "absolute": _absolute,
        "fabs": _absolute,
        "clip": lambda x, low, high: sp.Min(sp.Max(x, low), high),
        "where": _where,
        "winner": lambda x, rival: sp.Heaviside(x - rival),
    }


def _angles() -> dict[str, Callable[..., Expr]]:
    sp = sympy()
    return {
        "sinc": lambda x: sp.sinc(sp.pi * x),
        "deg2rad": lambda x: x * sp.pi / 180,
        "radians": lambda x: x * sp.pi / 180,
        "rad2deg": lambda x: x * 180 / sp.pi,
        "degrees": lambda x: x * 180 / sp.pi,
    }


def _absolute(x: Expr) -> Expr:
    """SymPy's own has a derivative in real and imaginary parts where it cannot know that x is real."""
    sp = sympy()
    return (
        sp.Abs(x) if x.is_extended_real or x.has(sp.I) else sp.Piecewise((x, x > 0), (-x, x < 0), (0, True))
    )


def _where(condition: Expr, a: Expr, b: Expr) -> Expr:
    sp = sympy()
    return sp.Piecewise((a, condition), (b, True))


@functools.cache
def array_meanings() -> dict[str, Callable[..., Any]]:
    """Primitives of whole arrays that do not run as they are on arrays of expressions."""
    sp = sympy()
    return {
        "max": lambda x, axis, keepdims: _folded(sp.Max, x, axis, keepdims),
        "min": lambda x, axis, keepdims: _folded(sp.Min, x, axis, keepdims),
        "all": lambda x, axis, keepdims: _folded(sp.And, x, axis, keepdims),
        "any": lambda x, axis, keepdims: _folded(sp.Or, x, axis, keepdims),
        "prod": lambda x, axis, keepdims: np.multiply.reduce(x, axis=axis, keepdims=keepdims),
        "norm": lambda x, axis, keepdims: _each(
            sp.sqrt, np.add.reduce(_each(_squared, x), axis=axis, keepdims=keepdims)
        ),
        "logsumexp": lambda x, axis, keepdims: _each(
            sp.log, np.add.reduce(_each(sp.exp, x), axis=axis, keepdims=keepdims)
        ),
        "var": _var,
        "std": lambda *xs, **params: _each(sp.sqrt, _var(*xs, **params)),
        "astype": _astype,
        "real": lambda x: _each(sp.re, x),
        "imag": lambda x: _each(sp.im, x),
        "complex": lambda x, y: x + sp.I * y,
        "conjugate": lambda x: _each(sp.conjugate, x),
        "det": lambda x: sp.Matrix(x).det(),
        "cofactor": lambda x: sp.Matrix(x).cofactor_matrix(),
        "inv": lambda x: sp.Matrix(x).inv(),
        "solve": lambda a, b: sp.Matrix(a).LUsolve(sp.Matrix(b)),
    }


def _squared(x: Expr) -> Expr:
    """The square of the absolute value."""
    return x * sympy().conjugate(x) if x.has(sympy().I) else x**2


def _each(function: Callable[..., Expr], x: Any) -> Any:
    return np.frompyfunc(function, 1, 1)(x)


def _folded(function: Callable[..., Expr], x: Objects, axis: tuple[int, ...], keepdims: bool) -> Any:
    for a in reversed(axis):  # NumPy folds by such a function along one axis at a time
        x = np.frompyfunc(function, 2, 1).reduce(x, axis=a, keepdims=True)
    return x if keepdims else np.squeeze(x, axis=axis)


def _var(x: Objects, axis: tuple[int, ...], keepdims: bool, ddof: float) -> Any:
    count = math.prod(x.shape[a] for a in axis)
    away = x - np.sum(x, axis=axis, keepdims=True) / count
    return np.sum(_each(_squared, away), axis=axis, keepdims=keepdims) / number(count - ddof)


def _astype(x: Objects, dtype: Any) -> Objects:
    if np.dtype(dtype).kind not in "fc":
        raise TypeError(f"no expression is of type {np.dtype(dtype)}")
    return _each(_as_number, x)


def _as_number(x: Expr) -> Expr:
    """A truth value as 1 or 0."""
    sp = sympy()
    logic = sp.logic.boolalg  # a symbol counts as a Boolean for SymPy, as it may stand for one
    true_or_false = isinstance(x, (logic.BooleanAtom, logic.BooleanFunction, sp.core.relational.Relational))
    return sp.Piecewise((1, x), (0, True)) if true_or_false else x
