"""The parts of a floating-point number, and its neighbours: arithmetic on its bits.

A number is a sign, an exponent and a mantissa, and the order of positive numbers is that of their bits as
integers, so that the next number is the next integer.
"""

from __future__ import annotations

import math

import numpy as np

from nazad.run.lanes.whole import Whole, pick
from nazad.run.vectormath.arithmetic import power_of_two
from nazad.run.vectormath.values import Floats, Ints, Mask


def bits_of(x: Floats) -> Whole:
    """The bits of the numbers, as signed integers."""
    return Whole(x.writer, np.dtype(f"int{x.form.bits}"), x.bits().name)


def number_of(bits: Whole, pattern: Floats) -> Floats:
    """The numbers with these bits, in the format of ``pattern``."""
    return Ints(bits.writer, pattern.form, bits.name).floats()


def is_finite(x: Floats) -> Mask:
    return abs(x) < math.inf


def _normal(x: Floats) -> tuple[Mask, Floats, int]:
    """Where x is a denormal; x, scaled to a normal number there; the exponent of the scale."""
    lift = x.form.mantissa + 1
    denormal = abs(x) < x.form.tiny
    return denormal, denormal.choose(x * 2.0**lift, x), lift


def _regular(x: Floats) -> Mask:
    """Finite and not zero: what has an exponent."""
    return is_finite(x) & x.compare("one", 0.0)


def exponent(x: Floats) -> Whole:
    """k, |x| = m 2^k with 1/2 <= m < 1; 0 for zeros, infinities and nan."""
    denormal, normal, lift = _normal(x)
    field = (bits_of(abs(normal)) >> x.form.mantissa) - (x.form.bias - 1)
    k = pick(denormal, field - lift, field)
    return pick(_regular(x), k, k.like(0)).resized("int32")


def mantissa(x: Floats) -> Floats:
    """m with the sign of x; zeros, infinities and nan as they are."""
    _, normal, _ = _normal(x)
    stored = bits_of(normal) & ((1 << x.form.mantissa) - 1)
    half = number_of(stored | x.form.bits_of(0.5), x).with_sign_of(x)
    return _regular(x).choose(half, x)


def fraction(x: Floats) -> Floats:
    """x less its integer part, with the sign of x; zero for infinities."""
    rest = abs(x).equals(math.inf).where(0.0, x - x.intrinsic("trunc"))
    return rest.with_sign_of(x)


def ldexp(x: Floats, n: Whole) -> Floats:
    """x 2^n. Of three factors the last one that matters may round, and no other.

    A first step down leaves a normal number, unless the result is zero anyway.
    """
    span = 3 * x.form.bias
    n = _held(n.resized("int64"), -span, span).resized(f"int{x.form.bits}")
    for _ in range(3):
        step = _step(n, x)
        x = x * power_of_two(Ints(n.writer, x.form, step.name))
        n = n - step
    return x


def _step(n: Whole, x: Floats) -> Whole:
    """n where 2^n is a normal number, else the part of it to go first."""
    bias, down = x.form.bias, x.form.mantissa + 2 - x.form.bias
    low = pick(n.compare("lt", 1 - bias), n.like(down), n)
    return pick(n.compare("gt", bias), n.like(bias), low)


def _held(n: Whole, low: int, high: int) -> Whole:
    n = pick(n.compare("lt", low), n.like(low), n)
    return pick(n.compare("gt", high), n.like(high), n)


def nextafter(x: Floats, y: Floats) -> Floats:
    """The number next to x on the way to y."""
    bits = bits_of(x)
    outward = ~((x < y) ^ (x > 0.0))
    beside = number_of(pick(outward, bits + 1, bits - 1), x)
    least = number_of(bits.like(1), x).with_sign_of(y)
    moved = x.equals(y).choose(y, x.equals(0.0).choose(least, beside))
    return (x.is_nan() | y.is_nan()).choose(x + y, moved)


def spacing(x: Floats) -> Floats:
    """From x to its neighbour away from zero; nan at infinities."""
    zero = x.equals(0.0)
    bits = bits_of(zero.where(0.0, x))
    step = number_of(bits + 1, x) - x
    return is_finite(x).where(step, math.nan)
