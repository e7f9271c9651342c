"""Algebra that IEEE arithmetic keeps, and some that it almost keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nazad.graph import CONSTANT, PYTHON_NUMBERS, Node, Value, dtype_of, shape_of
from nazad.transform.simplify.facts import NONNEGATIVE, NONZERO, PLUS
from nazad.transform.simplify.rules import rule

if TYPE_CHECKING:
    from nazad.transform.simplify.walk import Bench


def is_zero(number: Value, negative: bool | None = None) -> bool:
    """Whether a number is zero, and of this sign if one is given; None is no number."""
    if number is None or number != 0:
        return False
    return negative is None or bool(np.signbit(float(number))) == negative


def kind_of(y: Value) -> str:
    """The dtype's kind; that of a Python number is a letter that no dtype has."""
    return "P" if type(y) in PYTHON_NUMBERS else dtype_of(y).kind


def is_float(bench: Bench, v: Node) -> bool:
    return kind_of(bench.F[v]) == "f"


def under_minus(bench: Bench, v: Node) -> Node | None:
    """x where the node is -x, of floats: whole numbers wrap around, each in its own width."""
    return v.preds[0] if bench.name(v) == "negative" and is_float(bench, v) else None


# --- neutral elements
@rule("positive")
def itself(bench: Bench, v: Node, y: Value) -> Node | None:
    """+x = x."""
    return v.preds[0]


@rule("multiply", "divide", "power")
def by_one(bench: Bench, v: Node, y: Value) -> Node | None:
    """x * 1 = x / 1 = x ** 1 = x."""
    a, b = v.preds
    if bench.uniform.get(b) == 1:
        return bench.fitted(a, y)
    if bench.uniform.get(a) == 1 and bench.name(v) == "multiply":
        return bench.fitted(b, y)
    return None


@rule("add")
def plus_zero(bench: Bench, v: Node, y: Value) -> Node | None:
    """x + (-0.0) = x; x + 0.0 = x unless x is -0.0, and so with whole numbers, which never are."""
    for x, zero in (v.preds, v.preds[::-1]):
        number = bench.uniform.get(zero)
        if is_zero(number) and (bench.has(x, PLUS) or is_zero(number, negative=True)):
            return bench.fitted(x, y)
    return None


@rule("subtract")
def minus_zero(bench: Bench, v: Node, y: Value) -> Node | None:
    """x - 0.0 = x; x - (-0.0) = x unless x is -0.0."""
    x, zero = v.preds
    number = bench.uniform.get(zero)
    if is_zero(number) and (bench.has(x, PLUS) or is_zero(number, negative=False)):
        return bench.fitted(x, y)
    return None


# --- signs
@rule("negative", "invert")
def twice(bench: Bench, v: Node, y: Value) -> Node | None:
    """-(-x) = x."""
    inner = v.preds[0]
    return inner.preds[0] if bench.name(inner) == bench.name(v) else None


@rule("subtract")
def zero_minus(bench: Bench, v: Node, y: Value) -> Node | None:
    """-0.0 - x = -x; 0.0 - x = -x unless x is zero; 0 - x = -x for whole numbers."""
    zero, x = v.preds
    number = bench.uniform.get(zero)
    if not is_zero(number) or kind_of(y) not in "fi":
        return None
    if kind_of(y) == "i" or bench.has(x, NONZERO) or is_zero(number, negative=True):
        return bench.new("negative", x)
    return None


@rule("multiply", "divide")
def by_minus_one(bench: Bench, v: Node, y: Value) -> Node | None:
    """x * (-1) = x / (-1) = -x."""
    a, b = v.preds
    if kind_of(y) not in "fi":
        return None
    if bench.uniform.get(b) == -1:
        return bench.new("negative", a)
    if bench.uniform.get(a) == -1 and bench.name(v) == "multiply":
        return bench.new("negative", b)
    return None


@rule("negative")
def minus_a_multiple(bench: Bench, v: Node, y: Value) -> Node | None:
    """-(c * x) = (-c) * x for a constant c, and so with quotients."""
    inner = v.preds[0]
    if bench.name(inner) not in ("multiply", "divide", "chain") or not is_float(bench, inner):
        return None
    for i, p in enumerate(inner.preds):
        c = _minus_constant(bench, p)
        if c is not None:
            return Node(inner.op, (*inner.preds[:i], c, *inner.preds[i + 1 :]))
    return None


@rule("multiply", "divide", "chain")
def minus_by_minus(bench: Bench, v: Node, y: Value) -> Node | None:
    """(-a) * (-b) = a * b; (-a) * c = a * (-c) for a constant c, and so with quotients."""
    a, b = (under_minus(bench, p) for p in v.preds)
    if a is not None and b is not None:
        return Node(v.op, (a, b))
    if a is not None:
        c = _minus_constant(bench, v.preds[1])
        return None if c is None else Node(v.op, (a, c))
    if b is not None:
        c = _minus_constant(bench, v.preds[0])
        return None if c is None else Node(v.op, (c, b))
    return None


def _minus_constant(bench: Bench, v: Node) -> Node | None:
    value = bench.F[v]
    if v.op is not CONSTANT or shape_of(value) or not (type(value) is float or kind_of(value) == "f"):
        return None
    return bench.constant(-value)


@rule("add", "subtract")
def minus_in_a_sum(bench: Bench, v: Node, y: Value) -> Node | None:
    """a + (-b) = a - b, (-a) + b = b - a, a - (-b) = a + b."""
    left, right = v.preds
    b = under_minus(bench, right)
    if bench.name(v) == "subtract":
        return None if b is None else bench.new("add", left, b)
    if b is not None:
        return bench.new("subtract", left, b)
    a = under_minus(bench, left)
    return None if a is None else bench.new("subtract", right, a)


@rule("square", "absolute", "fabs")
def even(bench: Bench, v: Node, y: Value) -> Node | None:
    """(-x)² = |x|² = x², and so with |x|."""
    inner = v.preds[0]
    if bench.name(inner) in ("negative", "absolute", "fabs") and is_float(bench, inner):
        return Node(v.op, inner.preds)
    return None


@rule("absolute", "fabs")
def size_of_positive(bench: Bench, v: Node, y: Value) -> Node | None:
    """|x| = x where x is nowhere below zero, nor -0.0."""
    return v.preds[0] if bench.has(v.preds[0], NONNEGATIVE | PLUS) else None


# --- powers and quotients
@rule("power")
def to_the_second(bench: Bench, v: Node, y: Value) -> Node | None:
    """x ** 2 = square(x)."""
    return bench.new("square", v.preds[0]) if bench.uniform.get(v.preds[1]) == 2 else None


@rule("multiply")
def by_itself(bench: Bench, v: Node, y: Value) -> Node | None:
    """x * x = square(x)."""
    a, b = v.preds
    return bench.new("square", a) if a is b and kind_of(y) in "iuf" else None


@rule("power", exact=False)
def to_a_small_power(bench: Bench, v: Node, y: Value) -> Node | None:
    """x³, x⁴, 1/x, 1/x² and 1/x³ by products: within 4 ulp, as nothing overflows that would not anyway."""
    x, exponent = v.preds
    n = bench.uniform.get(exponent)
    if n not in (3, 4, -1, -2, -3) or kind_of(y) not in "fi" or kind_of(bench.F[x]) != kind_of(y):
        return None
    if n < 0 and kind_of(y) == "i":
        return None
    if n == -1:
        return bench.new("reciprocal", x)
    if n < 0:
        x = bench.put(bench.new("reciprocal", x))
    if n == -2:
        return bench.new("square", x)
    inner = bench.put(bench.new("square", x))
    return bench.new("square", inner) if n == 4 else bench.new("multiply", inner, x)


@rule("divide")
def by_power_of_two(bench: Bench, v: Node, y: Value) -> Node | None:
    """x / c = x * (1 / c) where 1 / c is exact."""
    x, c = v.preds
    number = bench.uniform.get(c)
    if number is None or kind_of(y) != "f":
        return None
    inverse = _exact_inverse(y.dtype.type(number))
    if inverse is None:
        return None
    weak = type(bench.F[c]) in PYTHON_NUMBERS
    return bench.new("multiply", x, bench.constant(float(inverse) if weak else inverse))


def _exact_inverse(c: Any) -> Any:
    """1 / c for a power of two; None for other numbers, and where either is denormal."""
    fraction, exponent = np.frexp(c)
    if abs(fraction) == 0.5 and abs(exponent) < -np.finfo(c.dtype).minexp:
        return 1 / c
    return None


# --- logic
@rule("logical_and", "bitwise_and")
def and_with_a_constant(bench: Bench, v: Node, y: Value) -> Node | None:
    """x & True = x, x & False = False."""
    return _decided(bench, v, y, neutral=True)


@rule("logical_or", "bitwise_or")
def or_with_a_constant(bench: Bench, v: Node, y: Value) -> Node | None:
    """x | False = x, x | True = True."""
    return _decided(bench, v, y, neutral=False)


def _decided(bench: Bench, v: Node, y: Value, neutral: bool) -> Node | None:
    if any(kind_of(bench.F[p]) != "b" for p in v.preds):
        return None
    for x, other in (v.preds, v.preds[::-1]):
        known = bench.uniform.get(other)
        if known is not None:
            return bench.fitted(x if known == neutral else other, y)
    return None


@rule("maximum", "minimum", "fmax", "fmin", "logical_and", "logical_or", "bitwise_and", "bitwise_or")
def of_one_with_itself(bench: Bench, v: Node, y: Value) -> Node | None:
    """max(x, x) = x."""
    return v.preds[0] if v.preds[0] is v.preds[1] else None
