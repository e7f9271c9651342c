"""Elementwise primitives: one line each. ``deriv(y, *xs)`` gets the value first, so that exp is ``y``.

At kinks the derivative shares evenly between the sides: |x| has 0 at 0, max and min give one half to each
of two equal arguments. Complex numbers are ordered as NumPy does it, by real and then by imaginary part.
Steps (floor, sign, comparisons) have derivative zero, stated as None.
"""

from __future__ import annotations

import numpy as np

from nazad.graph import Value, is_complex
from nazad.ops.families import Elementwise, Rule, chain
from nazad.ops.parts import conjugated

LN2, LN10 = np.log(2.0), np.log(10.0)


def _op(ufunc: np.ufunc, *derivs: Rule | None, symbol: str = "") -> Elementwise:
    return Elementwise(ufunc.__name__, ufunc, *derivs, symbol=symbol)


def _one(y: Value, *xs: Value) -> int:
    return 1


def _minus_one(y: Value, *xs: Value) -> int:
    return -1


def _winner(x: Value, rival: Value) -> Value:
    """1 where x is above its rival, one half where they are equal, in the precision of x."""
    kind = np.result_type(x, rival) if np.result_type(x, rival).kind == "f" else np.dtype(float)
    return np.asarray(np.greater(x, rival), kind) / 2 + np.asarray(np.greater_equal(x, rival), kind) / 2


def over(a: Value, b: Value) -> Value:
    """a / b, and 0 where b is 0: the subgradient of least norm at the tip of a cone."""
    return np.divide(a, np.where(np.equal(b, 0), np.inf, b))


def direction(x: Value, size: Value) -> Value:
    """The derivative of the absolute value: the sign of x, and of a complex number its conjugate."""
    return over(conjugated(x), size) if is_complex(x) else np.sign(x)


def _lead(x: Value, y: Value) -> Value:
    """x - y, and 0 between equal infinities."""
    return np.where(np.isinf(x) & np.equal(x, y), 0, x - y)


# --- arithmetic
add = _op(np.add, _one, _one, symbol="+")
subtract = _op(np.subtract, _one, _minus_one, symbol="-")
multiply = _op(np.multiply, lambda z, x, y: y, lambda z, x, y: x, symbol="*")
divide = _op(np.divide, lambda z, x, y: 1 / y, lambda z, x, y: -z / y, symbol="/")
negative = _op(np.negative, _minus_one)
positive = _op(np.positive, _one)
reciprocal = _op(np.reciprocal, lambda y, x: -y * y)
square = _op(np.square, lambda y, x: 2.0 * x)
sqrt = _op(np.sqrt, lambda y, x: 0.5 / y)
cbrt = _op(np.cbrt, lambda y, x: 1 / (3 * y * y))
power = _op(
    np.power, lambda z, x, y: chain(y, x ** (y - 1)), lambda z, x, y: chain(z, np.log(x)), symbol="**"
)
float_power = _op(
    np.float_power,
    lambda z, x, y: chain(y, np.float_power(x, y - 1)),
    lambda z, x, y: chain(z, np.log(x)),
    symbol="**",
)
remainder = _op(np.remainder, _one, lambda z, x, y: -np.floor_divide(x, y), symbol="%")
fmod = _op(np.fmod, _one, lambda z, x, y: -np.rint((x - z) / y))
hypot = _op(np.hypot, lambda z, x, y: over(x, z), lambda z, x, y: over(y, z))

# --- exponentials and logarithms
exp = _op(np.exp, lambda y, x: y)
exp2 = _op(np.exp2, lambda y, x: y * LN2)
expm1 = _op(np.expm1, lambda y, x: np.exp(x))
log = _op(np.log, lambda y, x: 1 / x)
log2 = _op(np.log2, lambda y, x: 1 / (x * LN2))
log10 = _op(np.log10, lambda y, x: 1 / (x * LN10))
log1p = _op(np.log1p, lambda y, x: 1 / (1 + x))
logaddexp = _op(
    np.logaddexp, lambda z, x, y: 1 / (1 + np.exp(_lead(y, x))), lambda z, x, y: 1 / (1 + np.exp(_lead(x, y)))
)
logaddexp2 = _op(
    np.logaddexp2,
    lambda z, x, y: 1 / (1 + np.exp2(_lead(y, x))),
    lambda z, x, y: 1 / (1 + np.exp2(_lead(x, y))),
)

# --- trigonometric and hyperbolic
sin = _op(np.sin, lambda y, x: np.cos(x))
cos = _op(np.cos, lambda y, x: -np.sin(x))
tan = _op(np.tan, lambda y, x: 1 + y * y)
arcsin = _op(np.arcsin, lambda y, x: 1 / np.sqrt((1 - x) * (1 + x)))
arccos = _op(np.arccos, lambda y, x: -1 / np.sqrt((1 - x) * (1 + x)))
arctan = _op(np.arctan, lambda y, x: 1 / (1 + x * x))
arctan2 = _op(np.arctan2, lambda z, y, x: _by_square(x, y, x), lambda z, y, x: -_by_square(y, y, x))
sinh = _op(np.sinh, lambda y, x: np.cosh(x))
cosh = _op(np.cosh, lambda y, x: np.sinh(x))
tanh = _op(np.tanh, lambda y, x: 1 - y * y)
arcsinh = _op(np.arcsinh, lambda y, x: 1 / _above_one(x))
arccosh = _op(np.arccosh, lambda y, x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1)))
arctanh = _op(np.arctanh, lambda y, x: 1 / ((1 - x) * (1 + x)))
sinc = Elementwise("sinc", np.sinc, lambda y, x: _sinc_slope(y, x))
deg2rad = _op(np.deg2rad, lambda y, x: np.pi / 180)
radians = _op(np.radians, lambda y, x: np.pi / 180)
rad2deg = _op(np.rad2deg, lambda y, x: 180 / np.pi)
degrees = _op(np.degrees, lambda y, x: 180 / np.pi)


def _by_square(a: Value, x: Value, y: Value) -> Value:
    """a / (x² + y²), without squares that underflow, and 0 at the origin."""
    r = np.hypot(x, y)
    return over(over(a, r), r)


def _above_one(x: Value) -> Value:
    """The root of 1 + x², without squares that overflow, and on the branch of arcsinh."""
    return np.sqrt(1 + 1j * x) * np.sqrt(1 - 1j * x) if is_complex(x) else np.hypot(x, 1)


def _sinc_slope(y: Value, x: Value) -> Value:
    """(cos πx - sinc x) / x, by its series where the two terms cancel."""
    t = np.pi * x
    near = np.less(np.abs(t), 0.1)
    s = t * t
    series = -np.pi * t / 3 * (1 - s / 10 * (1 - s / 28 * (1 - s / 54 * (1 - s / 88))))
    return np.where(near, series, (np.cos(t) - y) / np.where(near, 1, x))


def _turned(x: Value, order: int) -> Value:
    """The modified Bessel function: the mean of cos(order t) · exp(x cos t) over half a turn.

    The trapezoidal rule converges faster than any power; so many points do wherever the value is finite.
    """
    t = (np.arange(160) + 0.5) * (np.pi / 160)
    return np.mean(np.cos(order * t) * np.exp(np.multiply.outer(x, np.cos(t))), axis=-1)


bessel_i0 = Elementwise("bessel_i0", lambda x: np.i0(x)[()], lambda y, x: _turned(x, 1))
bessel_i0.simpler = lambda x: _turned(x, 0)

# --- kinks
winner = Elementwise("winner", _winner, None, None)
absolute = _op(np.absolute, lambda y, x: direction(x, y))
fabs = _op(np.fabs, lambda y, x: np.sign(x))
maximum = _op(np.maximum, lambda z, x, y: winner(x, y), lambda z, x, y: winner(y, x))
minimum = _op(np.minimum, lambda z, x, y: winner(y, x), lambda z, x, y: winner(x, y))
fmax = _op(np.fmax, lambda z, x, y: _beats(x, y, 1), lambda z, x, y: _beats(y, x, 1))
fmin = _op(np.fmin, lambda z, x, y: _beats(x, y, -1), lambda z, x, y: _beats(y, x, -1))
copysign = _op(np.copysign, lambda z, x, y: np.sign(x) * np.copysign(1, y), None)
clip = Elementwise(
    "clip",
    np.clip,
    lambda y, x, low, high: winner(x, low) * winner(high, x),
    lambda y, x, low, high: winner(low, x) * winner(high, np.maximum(x, low)),
    lambda y, x, low, high: winner(np.maximum(x, low), high),
)
nan_to_num = Elementwise("nan_to_num", np.nan_to_num, lambda y, x: np.isfinite(x) * 1.0)


def _beats(x: Value, rival: Value, sign: int) -> Value:
    """As ``winner``, but a nan always loses."""
    return np.where(np.isnan(rival), 1.0, np.where(np.isnan(x), 0.0, winner(sign * x, sign * rival)))


# --- steps and tests: values only
sign = _op(np.sign, None)
floor = _op(np.floor, None)
ceil = _op(np.ceil, None)
trunc = _op(np.trunc, None)
rint = _op(np.rint, None)
heaviside = _op(np.heaviside, None, None)
floor_divide = _op(np.floor_divide, None, None, symbol="//")
spacing = _op(np.spacing, None)
nextafter = _op(np.nextafter, _one, None)
ldexp = _op(np.ldexp, lambda z, x, n: np.ldexp(np.ones_like(x), n.astype(int)), None)  # 2 is 2.0 by now
signbit = _op(np.signbit, None)
isfinite = _op(np.isfinite, None)
isinf = _op(np.isinf, None)
isnan = _op(np.isnan, None)
equal = _op(np.equal, None, None, symbol="==")
not_equal = _op(np.not_equal, None, None, symbol="!=")
less = _op(np.less, None, None, symbol="<")
less_equal = _op(np.less_equal, None, None, symbol="<=")
greater = _op(np.greater, None, None, symbol=">")
greater_equal = _op(np.greater_equal, None, None, symbol=">=")
logical_and = _op(np.logical_and, None, None)
logical_or = _op(np.logical_or, None, None)
logical_xor = _op(np.logical_xor, None, None)
logical_not = _op(np.logical_not, None)
bitwise_and = _op(np.bitwise_and, None, None, symbol="&")
bitwise_or = _op(np.bitwise_or, None, None, symbol="|")
bitwise_xor = _op(np.bitwise_xor, None, None, symbol="^")
invert = _op(np.invert, None)
left_shift = _op(np.left_shift, None, None, symbol="<<")
right_shift = _op(np.right_shift, None, None, symbol=">>")
gcd = _op(np.gcd, None, None)
lcm = _op(np.lcm, None, None)
exponent = Elementwise("exponent", lambda x: np.frexp(x)[1], None)
mantissa = Elementwise(
    "mantissa", lambda x: np.frexp(x)[0], lambda y, x: np.ldexp(np.ones_like(x), -exponent(x))
)
fraction = Elementwise("fraction", lambda x: np.modf(x)[0], _one)
bitwise_count = _op(np.bitwise_count, None)
