"""The error function, its complement, and the complement without its decay.

erf: below 1 an odd polynomial. From 1 on, 1 - exp(-x²) q(t), where q is exp(x²) erfc(x) and
t = (x - 2) / (x + 2), in which q is smooth (J. L. Schonfelder, *Chebyshev expansions for the error and
related functions*, Math. Comp. 32, 1978). What is subtracted is at most 0.16, so its errors count for little.

erfc: below 3/4 one less erf. From there on exp(-x²) erfcx(x), with x² in two parts, since its rounding error
would be multiplied; and (1 + 2x) erfcx(x), between 1 and 2/√π, is smooth in (x - 4) / (x + 4).
"""

from __future__ import annotations

from nazad.run.vectormath.arithmetic import clamp, muladd, polynomial
from nazad.run.vectormath.coefficients import coefficients
from nazad.run.vectormath.doubled import two_product
from nazad.run.vectormath.exponential import exp, moderate_exp
from nazad.run.vectormath.values import Floats


def erf(x: Floats) -> Floats:
    size = abs(x)
    near = _odd(size)
    held = clamp(size, 1.0, x.form.pick(6.0, 4.0))
    t = (held - 2.0) / (held + 2.0)
    far = 1.0 - moderate_exp(-(held * held)) * polynomial(t, coefficients("erfcx", x.form))
    return (size < 1.0).choose(near, far).with_sign_of(x)


def erfc(x: Floats) -> Floats:
    size = abs(x)
    high, low = _square(size)
    e = exp(-high)
    decayed = muladd(-low, e, e) * _tail(size)
    far = (x < 0.0).choose(2.0 - decayed, decayed)
    return (size < 0.75).choose(1.0 - _odd(x), far)


def erfcx(x: Floats) -> Floats:
    size = abs(x)
    high, low = _square(size)
    grown = exp(high) * (1.0 + low)
    far = (x < 0.0).choose(2.0 * grown - _tail(size), _tail(size))
    return (size < 0.75).choose(grown * (1.0 - _odd(x)), far)


def _odd(x: Floats) -> Floats:
    """erf of a number below 1."""
    return muladd(x, polynomial(x * x, coefficients("erf", x.form)), x)


def _tail(x: Floats) -> Floats:
    """erfcx from 3/4 on."""
    t = 1.0 - 8.0 / (x + 4.0)
    first, *others = coefficients("erfcx tail", x.form)
    return 0.5 * muladd(t, polynomial(t, others), first) / (x + 0.5)


def _square(x: Floats) -> tuple[Floats, Floats]:
    """x² and its rounding error, for x up to where exp(x²) is infinite."""
    held = clamp(x, 0.0, x.form.pick(28.0, 11.0))
    return two_product(held, held)
