"""Inverse trigonometric functions.

arctan: with t = num / den in [0, 1], or where t is above tan(π/8) = √2 - 1, (num - den) / (num + den) and π/4
added, a polynomial in t² on |t| <= √2 - 1 (compare atan.c of S. L. Moshier's Cephes, 1989). Multiples
of π/4 come in two parts. arcsin and arccos: beyond 1/2 through √((1 - |x|) / 2), where the argument of the
root is exact.
"""

from __future__ import annotations

import math

from nazad.run.vectormath.arithmetic import muladd, polynomial
from nazad.run.vectormath.coefficients import coefficients, constant
from nazad.run.vectormath.doubled import fast_two_sum
from nazad.run.vectormath.values import Floats, Mask


def arctan(x: Floats) -> Floats:
    return _angle(abs(x), x.like(1.0), None).with_sign_of(x)


def arctan2(y: Floats, x: Floats) -> Floats:
    """The angle of the point (x, y), as NumPy and C define it at zeros and infinities."""
    rise, run = _finite(abs(y), abs(x))
    angle = _angle(rise, run, x.has_sign()).with_sign_of(y)
    return y.is_nan().choose(y, x.is_nan().choose(x, angle))


def _finite(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The same ratio without infinities and without overflow in a sum."""
    top = 2.0 ** (a.form.bias - 3)
    factor = ((a > top) | (b > top)).where(0.25, a.like(1.0))
    one, nothing = a.like(1.0), a.like(0.0)
    inf_a, inf_b = a.equals(math.inf), b.equals(math.inf)
    finite_a = inf_b.choose(nothing, a * factor)
    finite_b = inf_a.choose(nothing, b * factor)
    return inf_a.choose(one, finite_a), inf_b.choose(one, finite_b)


def _angle(rise: Floats, run: Floats, leftwards: Mask | None) -> Floats:
    """The angle of (±run, rise) for non-negative rise and run, not both infinite."""
    steep = rise > run
    small, large = steep.choose(run, rise), steep.choose(rise, run)
    middle = small > large * (math.sqrt(2.0) - 1.0)
    num, den = middle.choose(small - large, small), middle.choose(small + large, large)
    t = num / den.equals(0.0).where(1.0, den)
    z = t * t
    eighths, sign = middle.where(1.0, t.like(0.0)), t.like(1.0)
    for turn, mirror in ((2.0, steep), (4.0, leftwards)):
        if mirror is not None:
            eighths, sign = mirror.choose(turn - eighths, eighths), mirror.choose(-sign, sign)
    high, low = constant("pi/4", t.form)
    signed = sign * t
    total, error = fast_two_sum(eighths * high, signed)
    rest = muladd(signed * z, polynomial(z, coefficients("arctan", t.form)), eighths * low)
    return total + (rest + error)


def _root(x: Floats) -> tuple[Mask, Floats, Floats]:
    """Whether |x| > 1/2; s = |x| or √((1 - |x|) / 2); arcsin(s) - s."""
    size = abs(x)
    far = size > 0.5
    z = far.choose((1.0 - size) * 0.5, x * x)
    s = far.choose(z.sqrt(), size)
    return far, s, s * z * polynomial(z, coefficients("arcsin", x.form))


def arcsin(x: Floats) -> Floats:
    far, s, rest = _root(x)
    high, low = constant("pi/2", x.form)[:2]
    return far.choose((high - s * 2.0) + (low - rest * 2.0), s + rest).with_sign_of(x)


def arccos(x: Floats) -> Floats:
    """2 arcsin(s) beyond 1/2, π less that below -1/2, π/2 - arcsin(x) between."""
    far, s, rest = _root(x)
    high, low = constant("pi/2", x.form)[:2]
    double = (s + rest) * 2.0
    left = high * 2.0 - (double - low * 2.0)
    signed, signed_rest = s.with_sign_of(x), rest.with_sign_of(x)
    near = high - (signed - (low - signed_rest))
    return far.choose(x.has_sign().choose(left, double), near)
