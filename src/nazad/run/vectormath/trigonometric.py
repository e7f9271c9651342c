"""Sine, cosine and tangent.

The argument is reduced by π/2 = p0 + p1 + p2 (Cody and Waite): x - n p0 is exact, n p1 is subtracted with its
rounding errors, so that the reduced argument, a pair, is right even where x is nearly a multiple of π/2. Then
polynomials on [-π/4, π/4], as in fdlibm's kernels (K. C. Ng, 1993), where the pair's second part enters to
first order. Beyond a limit, rare lanes are recomputed in a block of their own (:mod:`.huge`).
"""

from __future__ import annotations

from nazad.run.vectormath.arithmetic import muladd, polynomial, to_integer
from nazad.run.vectormath.coefficients import coefficients, constant
from nazad.run.vectormath.doubled import Pair, fast_two_sum, minus_product, two_product, two_sum
from nazad.run.vectormath.huge import Kernel, recompute
from nazad.run.vectormath.values import Floats, Ints


def reduced(x: Floats) -> tuple[Ints, Pair]:
    """n and r, x = n·π/2 + r, r as a pair, for |x| below the limit."""
    p0, p1, p2 = constant("pi/2", x.form)
    n, bits = to_integer(x * constant("2/pi", x.form)[0])
    product, error = two_product(n, p1)
    high, low = two_sum(minus_product(x, n, p0), -product)
    return bits, (high, muladd(-n, p2, low - error))


def _sine(r: Pair, z: Floats) -> Floats:
    high, low = r
    q = polynomial(z, coefficients("sin", z.form))
    return high + muladd(high * z, q, low * (1.0 - z * 0.5))


def _cosine(r: Pair, z: Floats) -> Floats:
    """1 - z/2 as a pair, then the rest."""
    head, error = fast_two_sum(z.like(1.0), z * -0.5)
    return head + (error + muladd(z * z, polynomial(z, coefficients("cos", z.form)), -(r[0] * r[1])))


def sine_kernel(n: Ints, r: Pair) -> Floats:
    """sin(n·π/2 + r): sine and cosine take turns, and so do signs."""
    z = r[0] * r[0]
    y = n.has_bit(1).choose(_cosine(r, z), _sine(r, z))
    sign = (n & 2) << (y.form.bits - 2)
    return (y.bits() ^ sign).floats()


def cosine_kernel(n: Ints, r: Pair) -> Floats:
    """cos(x) = sin(x + π/2)."""
    return sine_kernel(n + 1, r)


def tangent_kernel(n: Ints, r: Pair) -> Floats:
    """sin / cos, or -cos / sin in every other quadrant."""
    z = r[0] * r[0]
    sine, cosine, odd = _sine(r, z), _cosine(r, z), n.has_bit(1)
    return odd.choose(cosine, sine) / odd.choose(-sine, cosine)


def sin(x: Floats) -> Floats:
    return x.equals(0.0).where(x, _anywhere(x, "sin", sine_kernel))


def cos(x: Floats) -> Floats:
    return _anywhere(x, "cos", cosine_kernel)


def tan(x: Floats) -> Floats:
    return x.equals(0.0).where(x, _anywhere(x, "tan", tangent_kernel))


def _anywhere(x: Floats, name: str, kernel: Kernel) -> Floats:
    return recompute(x, kernel(*reduced(x)), x.form.pick(2.0**20, 2.0**15), name, kernel)
