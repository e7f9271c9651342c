"""The error function.

Below 1 an odd polynomial. From 1 on, 1 - exp(-x²) q(t), where q is exp(x²) erfc(x) and t = (x - 2) / (x + 2),
in which q is smooth (J. L. Schonfelder, *Chebyshev expansions for the error and related functions*, Math.
Comp. 32, 1978). What is subtracted is at most 0.16, so that its own errors count for little.
"""

from __future__ import annotations

from nazad.run.vectormath.arithmetic import clamp, muladd, polynomial
from nazad.run.vectormath.coefficients import coefficients
from nazad.run.vectormath.exponential import moderate_exp
from nazad.run.vectormath.values import Floats


def erf(x: Floats) -> Floats:
    size = abs(x)
    z = x * x
    near = muladd(size, polynomial(z, coefficients("erf", x.form)), size)
    held = clamp(size, 1.0, x.form.pick(6.0, 4.0))
    t = (held - 2.0) / (held + 2.0)
    far = 1.0 - moderate_exp(-(held * held)) * polynomial(t, coefficients("erfcx", x.form))
    return (size < 1.0).choose(near, far).with_sign_of(x)
