"""Powers and roots.

power: log|x| in twice the precision from atanh(s) = s + s³ (1/3 + s² q(s²)), times y, through exp with the
low part added to the reduced argument (Muller, *Elementary Functions*, 3rd ed., 2016; fdlibm's e_pow.c).
Single precision goes through double, where plain arithmetic is enough. cbrt: a polynomial for m^(-1/3), a
step of fourth order that needs no division, and one correction of the rounded root. hypot: squares of scaled
numbers.
"""

from __future__ import annotations

import math

from nazad.run.vectormath.arithmetic import clamp, muladd, polynomial, power_of_two, scale, to_integer
from nazad.run.vectormath.coefficients import coefficients, constant
from nazad.run.vectormath.doubled import Pair, fast_two_sum, times, two_product, two_sum
from nazad.run.vectormath.exponential import exp2, minus_one
from nazad.run.vectormath.exponential import reduced as exp_reduced
from nazad.run.vectormath.function import definition, rarely
from nazad.run.vectormath.logarithm import split, split_normal
from nazad.run.vectormath.values import Floats, Mask
from nazad.run.vectormath.writer import Writer


def power(x: Floats, y: Floats) -> Floats:
    """x to the power y. Zeros, infinities, nan and negative x, rare, are left to :func:`every_power`."""
    if x.form.is_double:
        high, low = _times_log(y, *split_normal(x))
        z, usual = _moderate_exp(high, low), (abs(high) < 700.0) & (abs(y) < 2.0**64)
    else:
        z, usual = _power_in_double(x.widened(), y.widened()).narrowed(), abs(y) < 2.0**64
    writer, symbol = x.writer, f"nz.power.every.{x.writer.suffix(x.form)}"
    width, fma = writer.width, writer.fma
    writer.needs[symbol] = lambda: definition(symbol, x.form, 2, every_power, Writer(width, fma))
    return rarely(~(usual & _ordinary(x)), z, symbol, x, y)


def every_power(x: Floats, y: Floats) -> Floats:
    """As power, with C's values in the rare cases; slower, and the same bits where power does without it."""
    size, held = abs(x), clamp(y, -(2.0**64), 2.0**64)  # beyond, the result is 0, 1 or infinite
    if x.form.is_double:
        return _edges(x, y, _exp_of_pair(*_times_log(held, *split(size))))
    return _edges(x, y, _power_in_double(size.widened(), held.widened()).narrowed())


def _ordinary(x: Floats) -> Mask:
    """Whether x is positive, normal and finite: one comparison of integers without a sign."""
    least = x.form.bits_of(x.form.tiny)
    return (x.bits() - least).compare("ult", x.form.bits_of(math.inf) - least)


def _power_in_double(x: Floats, y: Floats) -> Floats:
    k, f = split_normal(x)
    s = f / (f + 2.0)
    return exp2(y * muladd(s, polynomial(s * s, coefficients("log2", x.form)), k))


def _times_log(y: Floats, k: Floats, f: Floats) -> Pair:
    high, low = _log(k, f)
    product, error = two_product(high, y)
    return product, muladd(y, low, error)


def _log(k: Floats, f: Floats) -> Pair:
    """log(2^k (1 + f)), with about 68 good bits."""
    s = _quotient(f)
    z = times(s, s)
    third = constant("1/3", f.form)
    head, error = fast_two_sum(f.like(third[0]), z[0] * polynomial(z[0], coefficients("atanh5", f.form)))
    cube = times(s, times(z, (head, error + third[1])))
    high, error = fast_two_sum(s[0], cube[0])
    ln2 = constant("ln2", f.form)
    total, rest = two_sum(k * ln2[0], high * 2.0)
    low = muladd(k, ln2[1], (error + (s[1] + cube[1])) * 2.0)
    return fast_two_sum(total, rest + low)


def _quotient(f: Floats) -> Pair:
    """f / (2 + f) with its error: the remainder of the division, divided; one reciprocal serves both."""
    den, den_low = fast_two_sum(f.like(2.0), f)
    inverse = 1.0 / den
    s = f * inverse
    product, error = two_product(s, den)
    return s, (((f - product) - error) - s * den_low) * inverse


def _moderate_exp(high: Floats, low: Floats) -> Floats:
    k, r = exp_reduced(high)
    return (minus_one(r + low) + 1.0) * power_of_two(k)


def _exp_of_pair(high: Floats, low: Floats) -> Floats:
    held = clamp(high, -746.0, 712.0)
    low = held.equals(high).where(low, 0.0)
    k, r = exp_reduced(held)
    return scale(minus_one(r + low) + 1.0, k)


def _edges(x: Floats, y: Floats, plain: Floats) -> Floats:
    """The values at zeros, infinities and nan, and signs, from the power of |x|."""
    size, nan = abs(x), x.is_nan() | y.is_nan()
    zero = size.equals(0.0)
    extreme = zero | size.equals(math.inf)
    z = extreme.choose((zero ^ (y < 0.0)).where(0.0, y.like(math.inf)), plain)
    whole, odd = _parity(y)
    negative = x.has_sign()
    z = (negative & odd).choose(-z, z)
    z = ((x < 0.0) & (size < math.inf) & ~whole).where(math.nan, z)
    unit = size.equals(1.0) & abs(y).equals(math.inf)
    z = unit.where(1.0, nan.where(math.nan, z))
    return (y.equals(0.0) | x.equals(1.0)).where(1.0, z)


def _parity(y: Floats) -> tuple[Mask, Mask]:
    """Whether y is an integer (infinities count), and whether it is odd."""
    half = y * 0.5
    whole = y.intrinsic("floor").equals(y)
    return whole, whole & half.intrinsic("floor").compare("one", half)


def cbrt(x: Floats) -> Floats:
    form = x.form
    size = abs(x)
    denormal = size < form.tiny
    lift = 3 * ((form.mantissa + 3) // 3)
    k, f = split(denormal.choose(size * 2.0**lift, size))
    third, bits = to_integer(k * (1.0 / 3.0))
    _, rest = to_integer(k - third * 3.0)
    root = _cbrt_near_one((f + 1.0) * power_of_two(rest))
    y = root * power_of_two(bits) * denormal.where(root.like(2.0 ** (-lift // 3)), 1.0)
    y = (x.equals(0.0) | ~(size < math.inf)).where(size, y)
    return y.with_sign_of(x)


def _cbrt_near_one(m: Floats) -> Floats:
    """The cube root of a number between √2/4 and 2√2: m·y² with y = m^(-1/3), then corrected."""
    y = polynomial(m, coefficients("rcbrt", m.form))
    e = 1.0 - m * (y * y * y)
    y = muladd(y * e, muladd(e, muladd(e, m.like(14.0 / 81.0), 2.0 / 9.0), 1.0 / 3.0), y)
    root = m * (y * y)
    square, error = two_product(root, root)
    cube, error_of_cube = two_product(square, root)
    miss = (cube - m) + (error_of_cube + error * root)
    return root - miss * (y * y) * (1.0 / 3.0)


def hypot(x: Floats, y: Floats) -> Floats:
    """√(x² + y²), scaled by a power of two where a square would overflow or underflow."""
    a, b = abs(x), abs(y)
    large, small = (a > b).choose(a, b), (a > b).choose(b, a)
    bound, factor = x.form.pick(2.0**500, 2.0**50), x.form.pick(2.0**-600, 2.0**-80)
    one = x.like(1.0)
    down = (large > bound).where(factor, (large < 1.0 / bound).where(1.0 / factor, one))
    up = (large > bound).where(1.0 / factor, (large < 1.0 / bound).where(factor, one))
    p, q = large * down, small * down
    root = muladd(q, q, p * p).sqrt() * up
    infinite = a.equals(math.inf) | b.equals(math.inf)
    return infinite.where(math.inf, root)
