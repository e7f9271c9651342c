"""Logarithms, and the inverse hyperbolic functions that are made of them.

P. T. P. Tang, *Table-driven implementation of the logarithm function*, ACM TOMS 16 (1990), without the
table, as in Sun's fdlibm: x = 2^k (1 + f) with 1 + f between 1/√2 and √2, s = f / (2 + f),
log(1 + f) = f - f²/2 + s (f²/2 + 2 s² q(s²)), where q is a polynomial for atanh(s) = s + s³ q(s²). The
leading terms f and k ln 2 (its upper part, exact) are added last.
"""

from __future__ import annotations

import math

from nazad.run.vectormath.arithmetic import from_integer, muladd, polynomial
from nazad.run.vectormath.coefficients import coefficients, constant
from nazad.run.vectormath.doubled import Pair, fast_two_sum, times, two_sum
from nazad.run.vectormath.values import Floats


def split(x: Floats) -> tuple[Floats, Floats]:
    """k and f, x = 2^k (1 + f) with 1/√2 <= 1 + f < √2, for any positive finite x."""
    lift = x.form.mantissa + 1
    denormal = x < x.form.tiny
    k, f = split_normal(denormal.choose(x * 2.0**lift, x))
    return k - denormal.where(x.like(lift), 0.0), f


def split_normal(x: Floats) -> tuple[Floats, Floats]:
    """The same, for normal x."""
    bits = x.bits()
    k = (bits - x.form.bits_of(math.sqrt(0.5))) >> x.form.mantissa
    return from_integer(k), (bits - (k << x.form.mantissa)).floats() - 1.0


def _tail(f: Floats) -> Pair:
    """f²/2 and t, log(1 + f) = f - (f²/2 - t)."""
    s = f / (f + 2.0)
    z = s * s
    half_square = f * 0.5 * f
    return half_square, s * muladd(z * 2.0, polynomial(z, coefficients("atanh", f.form)), half_square)


def assembled(k: Floats, f: Floats, extra: Floats | float = 0.0) -> Floats:
    """log(2^k (1 + f)) + extra, where extra is small."""
    high, low = constant("ln2", f.form)
    half_square, t = _tail(f)
    t = muladd(k, low, t)
    t = t + extra if isinstance(extra, Floats) else t
    return muladd(k, high, f - (half_square - t))


def _edges(x: Floats, y: Floats) -> Floats:
    """The values at zero, below zero, at infinity and at nan."""
    y = (x < math.inf).where(y, x)
    y = x.equals(0.0).where(-math.inf, y)
    return (x < 0.0).where(math.nan, y)


def log(x: Floats) -> Floats:
    return _edges(x, assembled(*split(x)))


def log2(x: Floats) -> Floats:
    return _edges(x, _other_base(x, "1/ln2", None))


def log10(x: Floats) -> Floats:
    return _edges(x, _other_base(x, "1/ln10", "lg2"))


def _other_base(x: Floats, factor: str, of_two: str | None) -> Floats:
    """k·log_b(2) + log(1 + f) / ln b in twice the precision, so that powers of b come out exact."""
    k, f = split(x)
    half_square, t = _tail(f)
    head, error = fast_two_sum(f, -half_square)
    factors = constant(factor, x.form)
    head, error = times((head, error + t), (x.like(factors[0]), x.like(factors[1])))
    whole, low = (k, None) if of_two is None else _multiple(k, of_two)
    total, rest = fast_two_sum(whole, head)
    rest = rest + error
    return total + (rest if low is None else rest + low)


def _multiple(k: Floats, name: str) -> Pair:
    high, low = constant(name, k.form)
    return k * high, k * low


def log1p(x: Floats) -> Floats:
    y = _log_of_pair(*two_sum(x.like(1.0), x))
    return (abs(x) < x.form.pick(2.0**-54, 2.0**-25)).where(x, y)


def _log_of_pair(high: Floats, low: Floats) -> Floats:
    """log(high + low), low a rounding error of high."""
    return _edges(high, assembled(*split(high), low / high))


def arcsinh(x: Floats) -> Floats:
    """sign(x)·log1p(|x| + x² / (1 + √(1 + x²))); beyond 2^30 it is log(2|x|)."""
    size = abs(x)
    held = clamp_above(size, 2.0**30)
    square = held * held
    y = _log_or_double(size, held + square / ((square + 1.0).sqrt() + 1.0))
    return (size < x.form.pick(2.0**-28, 2.0**-13)).where(size, y).with_sign_of(x)


def arccosh(x: Floats) -> Floats:
    """log1p(t + √(t (t + 2))) with t = x - 1; beyond 2^30 it is log(2 x)."""
    t = clamp_above(x, 2.0**30) - 1.0
    y = _log_or_double(x, t + (t * (t + 2.0)).sqrt())
    return (x < 1.0).where(math.nan, y)


def _log_or_double(size: Floats, u: Floats) -> Floats:
    """log(1 + u), or log(2 size) where size is beyond 2^30."""
    huge = size > 2.0**30
    high, low = two_sum(u.like(1.0), u)
    k, f = split(huge.choose(size, high))
    correction = huge.where(0.0, low / high)
    y = assembled(k + huge.where(u.like(1.0), 0.0), f, correction)
    return (size < math.inf).where(y, size)


def arctanh(x: Floats) -> Floats:
    """sign(x)·log1p(2|x| / (1 - |x|)) / 2."""
    size = abs(x)
    y = _log_of_pair(*two_sum(x.like(1.0), size * 2.0 / (1.0 - size))) * 0.5
    return (size < x.form.pick(2.0**-28, 2.0**-13)).where(size, y).with_sign_of(x)


def clamp_above(x: Floats, high: float) -> Floats:
    """x, but at most ``high``; a nan stays one."""
    return (x > high).where(high, x)
