"""Functions of SciPy that are made of a few of ours, on floating-point numbers; the others are called.

Values follow SciPy's own, infinities, nan and what stands beside the domain included.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from nazad.run.vectormath.table import FUNCTIONS
from nazad.run.vectormath.values import Floats

_ROOT_HALF = math.sqrt(0.5)


def log_expit(x: Floats) -> Floats:
    """min(x, 0) - log1p(exp(-|x|))."""
    return _of("minimum", x, x.like(0.0)) - _of("log1p", _of("exp", -abs(x)))


def logit(x: Floats) -> Floats:
    """log(x / (1 - x)); about one half, where that cancels, the difference of two logarithms."""
    s = 2.0 * (x - 0.5)
    middle = _of("log1p", s) - _of("log1p", -s)
    return ((x < 0.3) | (x > 0.65)).choose(_of("log", x / (1.0 - x)), middle)


def xlogy(x: Floats, y: Floats) -> Floats:
    """x log y, and 0 where x is, unless y is nan."""
    return _annihilated(x, y, x * _of("log", y))


def xlog1py(x: Floats, y: Floats) -> Floats:
    """x log(1 + y), and 0 where x is, unless y is nan."""
    return _annihilated(x, y, x * _of("log1p", y))


def _annihilated(x: Floats, y: Floats, product: Floats) -> Floats:
    return (x.equals(0.0) & ~y.is_nan()).where(0.0, product)


def entr(x: Floats) -> Floats:
    """-x log x, 0 at zero, -inf below."""
    y = x.equals(0.0).where(0.0, -x * _of("log", x))
    return (x < 0.0).where(-math.inf, y)


def huber(delta: Floats, r: Floats) -> Floats:
    """A parabola between -δ and δ, straight lines outside; inf for negative δ."""
    size = abs(r)
    y = (size <= delta).choose(0.5 * r * r, delta * (size - 0.5 * delta))
    return (delta < 0.0).where(math.inf, y)


def exprel(x: Floats) -> Floats:
    """(exp x - 1) / x, 1 about zero, and inf where exp x is, too."""
    rise = _of("expm1", x)
    y = rise.equals(math.inf).choose(rise, rise / x)
    return (abs(x) < x.form.pick(2.0**-52, 2.0**-23)).where(1.0, y)


def ndtr(x: Floats) -> Floats:
    """erfc(-x / √2) / 2."""
    return 0.5 * _of("erfc", x * -_ROOT_HALF)


def log_ndtr(x: Floats) -> Floats:
    """The logarithm of that; on the left, where it underflows, from erfcx."""
    t = x * _ROOT_HALF
    left = _of("log", 0.5 * _of("erfcx", -t)) - t * t
    return (x < -1.0).choose(left, _of("log1p", -0.5 * _of("erfc", t)))


def _of(name: str, *xs: Floats) -> Floats:
    return FUNCTIONS[name].write(*xs)


SPECIAL: dict[str, Callable[..., Floats]] = {
    "expit": FUNCTIONS["sigmoid"].write,
    "log_expit": log_expit,
    "logit": logit,
    "xlogy": xlogy,
    "xlog1py": xlog1py,
    "entr": entr,
    "huber": huber,
    "exprel": exprel,
    "ndtr": ndtr,
    "log_ndtr": log_ndtr,
}
"""What writes a primitive, by name."""
