"""Elementwise primitives on truth values: sums are "or", products "and", False is below True."""

from __future__ import annotations

from collections.abc import Callable

from nazad.run.lanes.whole import Value, pick
from nazad.run.vectormath.form import BINARY64
from nazad.run.vectormath.values import Floats, Mask


def _both(x: Mask, y: Mask) -> Mask:
    return x & y


def _either(x: Mask, y: Mask) -> Mask:
    return x | y


def _differ(x: Mask, y: Mask) -> Mask:
    return x ^ y


def _itself(x: Mask) -> Mask:
    return x


def _constant(truth: str) -> Callable[[Mask], Mask]:
    """The same answer whatever the argument."""
    return lambda x: Mask(x.writer, x.writer.splat("i1", truth))


def _winner(x: Mask, rival: Mask) -> Floats:
    """1 where x is above its rival, one half where they are equal, in double precision."""
    zero = Floats(x.writer, BINARY64, "").like(0.0)
    return (x & ~rival).where(1.0, (x ^ rival).where(zero, 0.5))


TRUTH: dict[str, Callable[..., Value]] = {
    **dict.fromkeys(("add", "maximum", "fmax", "logical_or", "bitwise_or"), _either),
    **dict.fromkeys(("multiply", "chain", "minimum", "fmin", "logical_and", "bitwise_and"), _both),
    **dict.fromkeys(("not_equal", "logical_xor", "bitwise_xor"), _differ),
    **dict.fromkeys(("logical_not", "invert"), Mask.__invert__),
    **dict.fromkeys(("absolute", "floor", "ceil", "trunc", "nan_to_num"), _itself),
    "equal": lambda x, y: ~(x ^ y),
    "less": lambda x, y: ~x & y,
    "less_equal": lambda x, y: ~x | y,
    "greater": lambda x, y: x & ~y,
    "greater_equal": lambda x, y: x | ~y,
    "isfinite": _constant("true"),
    "isinf": _constant("false"),
    "isnan": _constant("false"),
    "clip": lambda x, low, high: (x | low) & high,
    "winner": _winner,
    "where": pick,
}
"""What writes a primitive, by name."""
