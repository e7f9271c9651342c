"""Numbers of twice the precision: the unevaluated sum of a value and its rounding error.

After T. J. Dekker, *A floating-point technique for extending the available precision*, Numer. Math. 18
(1971), and D. E. Knuth, *The Art of Computer Programming* 2, section 4.2.2.
"""

from __future__ import annotations

from nazad.run.vectormath.values import Floats

Pair = tuple[Floats, Floats]


def fast_two_sum(a: Floats, b: Floats) -> Pair:
    """a + b and its rounding error, provided |a| >= |b| or a = 0."""
    total = a + b
    return total, b - (total - a)


def two_sum(a: Floats, b: Floats) -> Pair:
    """a + b and its rounding error."""
    total = a + b
    rest = total - a
    return total, (a - (total - rest)) + (b - rest)


def two_product(a: Floats, b: Floats | float) -> Pair:
    """a·b and its rounding error: one FMA, or Veltkamp's splitting into halves where there is none."""
    b = a.like(b)
    product = a * b
    if a.writer.fma:
        return product, a.intrinsic("fma", b, -product)
    (a0, a1), (b0, b1) = _halves(a), _halves(b)
    return product, a1 * b1 - (((product - a0 * b0) - a1 * b0) - a0 * b1)


def _halves(a: Floats) -> Pair:
    """Two numbers of half as many bits each, whose sum is a."""
    scaled = a * (2.0 ** ((a.form.mantissa + 2) // 2) + 1.0)
    high = scaled - (scaled - a)
    return high, a - high


def times(a: Pair, b: Pair) -> Pair:
    """The product of two numbers of twice the precision; the second part is not normalised."""
    high, error = two_product(a[0], b[0])
    return high, error + (a[0] * b[1] + a[1] * b[0])


def minus_product(x: Floats, a: Floats, b: float) -> Floats:
    """x - a·b where the two nearly cancel, so that the difference is exact."""
    if x.writer.fma:
        return (-a).intrinsic("fma", b, x)
    product, error = two_product(a, b)
    return (x - product) - error
