"""How operations work on complex numbers, each a pair of real ones; written in plain NumPy, on handles.

What is linear in each of its arguments, as a product, is worked out part by part; so is what is linear in all
of them together, as a sum. The rest has a formula. An operation that has none here, or none for these
arguments, answers NotImplemented, and runs in NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nazad.graph import Node, Traced, Value, dtype_of, shape_of
from nazad.ops.families import Linear
from nazad.ops.structure import Layout


class Pair(NamedTuple):
    """A complex number, or an array of them, and the array with both parts where there is one."""

    re: Value
    im: Value
    whole: Value = None


Rule = Callable[..., Any]
RULES: dict[str, Rule] = {}


def _rule(*names: str) -> Callable[[Rule], Rule]:
    def enter(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, rule))
        return rule

    return enter


# --- linear
@_rule(
    *("multiply", "chain", "matmul", "einsum", "convolve", "sparse_matmul", "sampled_product"),
    *("sum", "cumsum", "negative", "positive", "take", "reshape", "transpose", "broadcast_to"),
)
def _in_each(v: Node, *xs: Any) -> Any:
    """By one argument after another, of which i may be taken out."""
    k = next((k for k, x in enumerate(xs) if isinstance(x, Pair)), None)
    if k is None:
        return v.op(*xs, **v.params)
    left, right = (_in_each(v, *xs[:k], part, *xs[k + 1 :]) for part in xs[k][:2])
    return Pair(left.re - right.im, left.im + right.re) if isinstance(left, Pair) else Pair(left, right)


@_rule("add", "subtract", "where", "concatenate", "stack", "scatter", "write")
def _together(v: Node, *xs: Any) -> Pair:
    params = {k: _of_a_part(x) if isinstance(x, np.dtype) else x for k, x in v.params.items()}
    return Pair(*[v.op(*[_part(v, i, x, k) for i, x in enumerate(xs)], **params) for k in (0, 1)])


def _part(v: Node, i: int, x: Any, k: int) -> Value:
    """A part of an argument; all of it where it chooses or says places."""
    if isinstance(x, Pair):
        return x[k]
    return np.zeros(shape_of(x), dtype_of(x)) if k and _is_summand(v, i) else x


def _is_summand(v: Node, i: int) -> bool:
    layout = v.params.get("layout")
    if isinstance(layout, Layout):
        return layout.at(i) is not None
    return v.op.is_linear_in(i) if isinstance(v.op, Linear) else True


def _of_a_part(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.zeros(0, dtype).real.dtype


@_rule("astype")
def _astype(v: Node, x: Any) -> Any:
    goal = v.params["dtype"]
    if goal.kind != "c":
        return _either(np.not_equal)(v, x, 0) if goal.kind == "b" else NotImplemented
    re, im = x[:2] if isinstance(x, Pair) else (x, 0.0)
    return Pair(v.op(re, dtype=_of_a_part(goal)), im)


RULES["real"] = lambda v, z: z.re
RULES["imag"] = lambda v, z: z.im
RULES["complex"] = lambda v, x, y: Pair(x, y)
RULES["conjugate"] = lambda v, z: Pair(z.re, -z.im)


# --- products and quotients
def _times(a: Pair, b: Pair) -> Pair:
    return Pair(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re)


def _of(x: Any) -> Pair:
    return x if isinstance(x, Pair) else Pair(x, 0.0)


@_rule("divide")
def _divide(v: Node, a: Any, b: Any) -> Pair:
    """By the larger part of the divisor first, so that nothing overflows (Smith, 1962)."""
    a = _of(a)
    if not isinstance(b, Pair):
        return Pair(a.re / b, a.im / b)
    is_tall = np.less(np.abs(b.re), np.abs(b.im))
    large: Value = np.where(is_tall, b.im, b.re)
    small: Value = np.where(is_tall, b.re, b.im)
    ratio = np.where(np.equal(large, 0), 0, small / large)
    scale = 1 / (large + small * ratio)
    first: Value = np.where(is_tall, a.im, a.re)
    second: Value = np.where(is_tall, a.re, a.im)
    cross = (second - first * ratio) * scale
    return Pair((first + second * ratio) * scale, np.where(is_tall, -cross, cross))


RULES["reciprocal"] = lambda v, z: _divide(v, 1.0, z)
RULES["square"] = lambda v, z: Pair((z.re - z.im) * (z.re + z.im), 2 * z.re * z.im)


@_rule("power")
def _power(v: Node, a: Any, b: Any) -> Any:
    """A small whole exponent that is known, by products."""
    known = _of(b)
    if not isinstance(a, Pair) or isinstance(known.re, Traced) or isinstance(known.im, Traced):
        return NotImplemented
    n = known.re if np.ndim(known.re) == 0 and not np.any(known.im) else 0
    if abs(n) not in range(1, _MOST):
        return NotImplemented
    product = a
    for bit in f"{int(abs(n)):b}"[1:]:
        product = _times(product, product)
        if bit == "1":
            product = _times(product, a)
    return product if n > 0 else _divide(v, 1.0, product)


_MOST = 17


# --- functions
def _turned(size: Value, angle: Value) -> Pair:
    return Pair(size * np.cos(angle), size * np.sin(angle))


LN2, LN10 = float(np.log(2.0)), float(np.log(10.0))


def _log(v: Node, z: Pair) -> Pair:
    return Pair(np.log(np.hypot(z.re, z.im)), np.arctan2(z.im, z.re))


def _scaled(z: Pair, by: float) -> Pair:
    return Pair(z.re * by, z.im * by)


RULES["exp"] = lambda v, z: _turned(np.exp(z.re), z.im)
RULES["exp2"] = lambda v, z: _turned(np.exp2(z.re), z.im * LN2)
RULES["log"] = _log
RULES["log2"] = lambda v, z: _scaled(_log(v, z), 1 / LN2)
RULES["log10"] = lambda v, z: _scaled(_log(v, z), 1 / LN10)
RULES["log1p"] = lambda v, z: _log(v, Pair(z.re + 1, z.im))
RULES["sinh"] = lambda v, z: Pair(np.sinh(z.re) * np.cos(z.im), np.cosh(z.re) * np.sin(z.im))
RULES["cosh"] = lambda v, z: Pair(np.cosh(z.re) * np.cos(z.im), np.sinh(z.re) * np.sin(z.im))
RULES["sin"] = lambda v, z: Pair(np.sin(z.re) * np.cosh(z.im), np.cos(z.re) * np.sinh(z.im))
RULES["cos"] = lambda v, z: Pair(np.cos(z.re) * np.cosh(z.im), -np.sin(z.re) * np.sinh(z.im))
RULES["absolute"] = lambda v, z: np.hypot(z.re, z.im)


@_rule("tanh")
def _tanh(v: Node, z: Pair) -> Pair:
    """By exp(-2|x|), which does not overflow, over |1 + exp(-2z)|² as a sum of positive numbers."""
    small = np.exp(-2 * np.abs(z.re))
    cosine = np.cos(z.im)
    size = np.square(np.expm1(-2 * np.abs(z.re))) + 4 * small * np.square(cosine)
    re = np.copysign(np.expm1(-4 * np.abs(z.re)), z.re) / size
    return Pair(re, 4 * small * np.sin(z.im) * cosine / size)


@_rule("tan")
def _tan(v: Node, z: Pair) -> Pair:
    turned = _tanh(v, Pair(-z.im, z.re))
    return Pair(turned.im, -turned.re)


@_rule("expm1")
def _expm1(v: Node, z: Pair) -> Pair:
    half = np.sin(z.im / 2)
    return Pair(np.expm1(z.re) * np.cos(z.im) - 2 * half * half, np.exp(z.re) * np.sin(z.im))


@_rule("sqrt")
def _sqrt(v: Node, z: Pair) -> Pair:
    """The larger part by a sum of positive numbers, and the other one by a quotient."""
    large = np.sqrt((np.hypot(z.re, z.im) + np.abs(z.re)) / 2)
    small = np.where(np.equal(large, 0), z.im, z.im / (2 * large))
    is_right = np.greater_equal(z.re, 0)
    return Pair(np.where(is_right, large, np.abs(small)), np.where(is_right, small, np.copysign(large, z.im)))


# --- questions
def _either(test: Callable[..., Value]) -> Rule:
    """Whether it holds of one of the parts."""

    def rule(v: Node, *xs: Any) -> Value:
        pairs = [_of(x) for x in xs]
        return np.logical_or(test(*[z.re for z in pairs]), test(*[z.im for z in pairs]))

    return rule


RULES["isnan"] = _either(np.isnan)
RULES["isinf"] = _either(np.isinf)
RULES["not_equal"] = _either(np.not_equal)
RULES["equal"] = lambda v, a, b: np.logical_not(RULES["not_equal"](v, a, b))
RULES["isfinite"] = lambda v, z: np.logical_and(np.isfinite(z.re), np.isfinite(z.im))
