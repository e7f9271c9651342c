"""Exponentials and hyperbolic functions.

exp: W. J. Cody and W. Waite, *Software Manual for the Elementary Functions* (1980): x = k ln 2 + r, ln 2 in
two parts of which the first times k is exact, |r| <= ln 2 / 2, exp(r) = 1 + r + r² q(r), the result scaled
by 2^k in two steps so that it underflows gradually. The others come from it: expm1 adds 2^k - 1 to 2^k times
exp(r) - 1 (J.-M. Muller, *Elementary Functions*, 3rd ed., 2016, chapter 5), tanh = E / (E + 2) with
E = expm1(2|x|), and the logistic function divides by 1 + exp(-|x|), which cannot overflow.
"""

from __future__ import annotations

import math

from nazad.run.vectormath.arithmetic import clamp, muladd, polynomial, power_of_two, scale, to_integer
from nazad.run.vectormath.coefficients import coefficients, constant
from nazad.run.vectormath.values import Floats, Ints


def reduced(x: Floats) -> tuple[Ints, Floats]:
    """k and r, x = k·ln 2 + r, |r| <= ln 2 / 2."""
    high, low = constant("ln2", x.form)
    k, bits = to_integer(x * math.log2(math.e))
    return bits, muladd(-k, low, muladd(-k, high, x))


def minus_one(r: Floats) -> Floats:
    """exp(r) - 1 for a reduced argument."""
    return muladd(r * r, polynomial(r, coefficients("exp", r.form)), r)


def exp(x: Floats) -> Floats:
    k, r = reduced(_in_range(x))
    return scale(minus_one(r) + 1.0, k)


def moderate_exp(x: Floats) -> Floats:
    """exp(x) where it is a normal number, as the caller knows."""
    k, r = reduced(x)
    return (minus_one(r) + 1.0) * power_of_two(k)


def half_exp(x: Floats) -> Floats:
    """exp(x) / 2, which overflows later than exp."""
    k, r = reduced(_in_range(x))
    return scale(minus_one(r) + 1.0, k - 1)


def _in_range(x: Floats) -> Floats:
    """Beyond these bounds even half_exp is infinite, or exp zero; k stays small."""
    return clamp(x, x.form.pick(-746.0, -104.5), x.form.pick(712.0, 91.0))


def exp2(x: Floats) -> Floats:
    x = clamp(x, x.form.pick(-1080.0, -160.0), x.form.pick(1030.0, 130.0))
    k, bits = to_integer(x)
    r = x - k
    return scale(muladd(r, polynomial(r, coefficients("exp2", x.form)), 1.0), bits)


def expm1(x: Floats) -> Floats:
    y = _expm1(clamp(x, x.form.pick(-40.0, -18.0), x.form.pick(710.0, 89.0)))
    return (abs(x) < x.form.tiny).where(x, y)  # the scaling by 1/2 would lose a denormal's last bit


def _expm1(x: Floats) -> Floats:
    k, r = reduced(x)
    half = power_of_two(k - 1)  # 2^k itself may overflow where the result does not
    return muladd(half, minus_one(r), half - 0.5) * 2.0


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), the logistic function."""
    z = exp(-abs(x))
    return (x >= 0.0).where(1.0, z) / (z + 1.0)


def tanh(x: Floats) -> Floats:
    size = abs(x)
    e = _expm1(clamp(size, 0.0, x.form.pick(22.0, 10.0)) * 2.0)
    y = (size < x.form.pick(2.0**-28, 2.0**-13)).where(size, e / (e + 2.0))
    return y.with_sign_of(x)


def sinh(x: Floats) -> Floats:
    size = abs(x)
    half = half_exp(size)
    square = x * x
    small = muladd(size * square, polynomial(square, coefficients("sinh", x.form)), size)
    return (size < 1.0).where(small, half - 0.25 / half).with_sign_of(x)


def cosh(x: Floats) -> Floats:
    half = half_exp(abs(x))
    return half + 0.25 / half
