"""Elementwise primitives on integers, which wrap.

Divisions round down, as Python's do, and what is divided by zero is 0. The processor's division would stop
the process there, and at the least number divided by -1, so those lanes divide by 1. Shifts by a whole width
or more, or by a negative number, leave nothing but the sign.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nazad.run.lanes.cast import converted, truth
from nazad.run.lanes.whole import Value, Whole, pick
from nazad.run.vectormath.form import BINARY64
from nazad.run.vectormath.lanewise import lanewise
from nazad.run.vectormath.values import Floats, Mask

_POWER = """\
define internal KIND @SYMBOL(KIND %x, KIND %e) noinline nounwind {
entry:
  br label %loop
loop:
  %left = phi KIND [%e, %entry], [%rest, %bit]
  %square = phi KIND [%x, %entry], [%next, %bit]
  %so.far = phi KIND [1, %entry], [%product, %bit]
  %more = icmp ne KIND %left, 0
  br i1 %more, label %bit, label %end
bit:
  %low = trunc KIND %left to i1
  %factor = select i1 %low, KIND %square, KIND 1
  %product = mul KIND %so.far, %factor
  %next = mul KIND %square, %square
  %rest = lshr KIND %left, 1
  br label %loop
end:
  ret KIND %so.far
}"""
_GCD = """\
define internal KIND @SYMBOL(KIND %x, KIND %y) noinline nounwind {
entry:
  br label %loop
loop:
  %a = phi KIND [%x, %entry], [%b, %step]
  %b = phi KIND [%y, %entry], [%rest, %step]
  %more = icmp ne KIND %b, 0
  br i1 %more, label %step, label %end
step:
  %rest = urem KIND %a, %b
  br label %loop
end:
  ret KIND %a
}"""


def _one_by_one(name: str, text: str, x: Whole, y: Whole) -> Whole:
    """A function of two scalars, given as text, in every lane."""
    symbol = f"nz.{name}.{x.element}"
    text = text.replace("KIND", x.element).replace("SYMBOL", symbol)
    return x.named(lanewise(x.writer, symbol, text, x.element, x.name, y.name))


def power(x: Whole, exponent: Whole) -> Whole:
    """x multiplied with itself, for exponents that are not negative; by repeated squaring."""
    return _one_by_one("whole_power", _POWER, x, exponent)


def gcd(x: Whole, y: Whole) -> Whole:
    """The greatest common divisor of the magnitudes, by Euclid's algorithm."""
    return _one_by_one("gcd", _GCD, abs(x), abs(y))


def lcm(x: Whole, y: Whole) -> Whole:
    """The least common multiple; 0 where one of them is zero."""
    divisor = gcd(x, y)
    divisor = pick(divisor.compare("eq", 0), divisor.like(1), divisor)
    return abs(x).apply("udiv", divisor) * abs(y)


def _safe(x: Whole, y: Whole) -> tuple[Mask, Whole]:
    """Where y is zero; y, or 1 where the processor cannot divide x by it."""
    zero = y.compare("eq", 0)
    never = zero | (y.compare("eq", -1) & x.compare("eq", x.least)) if x.signed else zero
    return zero, pick(never, y.like(1), y)


def _divided(x: Whole, y: Whole) -> tuple[Mask, Whole, Whole]:
    """Where y is zero, the quotient cut towards zero, and the remainder."""
    zero, divisor = _safe(x, y)
    quotient = x.apply("sdiv" if x.signed else "udiv", divisor)
    return zero, quotient, x - quotient * divisor


def floor_divide(x: Whole, y: Whole) -> Whole:
    """The quotient, rounded down; 0 where y is zero."""
    zero, quotient, rest = _divided(x, y)
    if x.signed:
        quotient = pick(_beyond(rest, y), quotient - 1, quotient)
    return pick(zero, quotient.like(0), quotient)


def remainder(x: Whole, y: Whole) -> Whole:
    """What is left of that division, with the sign of y; 0 where y is zero."""
    zero, _, rest = _divided(x, y)
    if x.signed:
        rest = pick(_beyond(rest, y), rest + y, rest)
    return pick(zero, rest.like(0), rest)


def _beyond(rest: Whole, y: Whole) -> Mask:
    """Whether the quotient was cut upwards."""
    return rest.compare("ne", 0) & (rest ^ y).is_negative()


def fmod(x: Whole, y: Whole) -> Whole:
    """What is left of the division cut towards zero, as in C; 0 where y is zero."""
    zero, _, rest = _divided(x, y)
    return pick(zero, rest.like(0), rest)


def reciprocal(x: Whole) -> Value:
    """1 / x in double precision, cut; at zero, that is a cast of infinity."""
    return converted(1.0 / _double(x), x.dtype)


def _double(x: Whole) -> Floats:
    y = converted(x, np.dtype("float64"))
    assert isinstance(y, Floats)
    return y


def sign(x: Whole) -> Whole:
    """-1, 0 or 1."""
    above = pick(x.compare("gt", 0), x.like(1), x.like(0))
    return pick(x.is_negative(), x.like(-1), above) if x.signed else above


def less(x: Whole, y: Whole) -> Mask:
    """x < y as numbers, of which one may be signed and the other not."""
    if x.signed == y.signed:
        return x.compare("lt", y)
    as_bits = x.resized(f"uint{x.bits}").compare("lt", y.resized(f"uint{y.bits}"))
    return x.is_negative() | as_bits if x.signed else ~y.is_negative() & as_bits


def equal(x: Whole, y: Whole) -> Mask:
    """x = y as numbers, of which one may be signed and the other not."""
    alike = x.compare("eq", y.resized(x.dtype))
    return alike if x.signed == y.signed else alike & ~(x if x.signed else y).is_negative()


def maximum(x: Whole, y: Whole) -> Whole:
    return pick(x.compare("gt", y), x, y)


def minimum(x: Whole, y: Whole) -> Whole:
    return pick(x.compare("lt", y), x, y)


def clip(x: Whole, low: Whole, high: Whole) -> Whole:
    return minimum(maximum(x, low), high)


def winner(x: Whole, rival: Whole) -> Floats:
    """1 where x is above its rival, one half where they are equal, in double precision."""
    zero = Floats(x.writer, BINARY64, "").like(0.0)
    return less(rival, x).where(1.0, equal(x, rival).where(0.5, zero))


def left_shift(x: Whole, by: Whole) -> Whole:
    within, by = _within(by)
    return pick(within, x << by, x.like(0))


def right_shift(x: Whole, by: Whole) -> Whole:
    within, by = _within(by)
    return pick(within, x >> by, x >> (x.bits - 1) if x.signed else x.like(0))


def _within(by: Whole) -> tuple[Mask, Whole]:
    """Where the processor can shift by so much; and by how much, 0 where it cannot."""
    within = by.resized(f"uint{by.bits}").compare("lt", by.bits)
    return within, pick(within, by, by.like(0))


def bitwise_count(x: Whole) -> Whole:
    """How many bits of the magnitude are set."""
    return abs(x).ones().resized("uint8")


def _itself(x: Whole) -> Whole:
    return x


def _constant(truth: str) -> Callable[[Whole], Mask]:
    """The same answer whatever the argument."""
    return lambda x: Mask(x.writer, x.writer.splat("i1", truth))


WHOLE: dict[str, Callable[..., Value]] = {
    **dict.fromkeys(("positive", "conjugate", "floor", "ceil", "trunc", "nan_to_num"), _itself),
    **dict.fromkeys(("maximum", "fmax"), maximum),
    **dict.fromkeys(("minimum", "fmin"), minimum),
    **dict.fromkeys(("multiply", "chain"), Whole.__mul__),
    "add": Whole.__add__,
    "subtract": Whole.__sub__,
    "negative": Whole.__neg__,
    "absolute": Whole.__abs__,
    "square": lambda x: x * x,
    "power": power,
    "floor_divide": floor_divide,
    "remainder": remainder,
    "fmod": fmod,
    "reciprocal": reciprocal,
    "sign": sign,
    "clip": clip,
    "winner": winner,
    "gcd": gcd,
    "lcm": lcm,
    "isfinite": _constant("true"),
    "isinf": _constant("false"),
    "isnan": _constant("false"),
    "equal": equal,
    "not_equal": lambda x, y: ~equal(x, y),
    "less": less,
    "less_equal": lambda x, y: ~less(y, x),
    "greater": lambda x, y: less(y, x),
    "greater_equal": lambda x, y: ~less(x, y),
    "logical_and": lambda x, y: truth(x) & truth(y),
    "logical_or": lambda x, y: truth(x) | truth(y),
    "logical_xor": lambda x, y: truth(x) ^ truth(y),
    "logical_not": lambda x: x.compare("eq", 0),
    "bitwise_and": Whole.__and__,
    "bitwise_or": Whole.__or__,
    "bitwise_xor": Whole.__xor__,
    "invert": lambda x: x ^ -1,
    "left_shift": left_shift,
    "right_shift": right_shift,
    "bitwise_count": bitwise_count,
    "where": pick,
}
"""What writes a primitive, by name."""
