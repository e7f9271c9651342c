"""Elementwise primitives on floating-point numbers.

Functions with an error of their own are those of :data:`nazad.run.vectormath.FUNCTIONS`; here stands what
is made of them, what only compares and chooses, and which name goes with what. Values follow NumPy's loops
(numpy/_core/src/npymath and umath), and so do infinities, nan and the signs of zeros.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from nazad.run.lanes import parts
from nazad.run.lanes.cast import truth
from nazad.run.lanes.special import SPECIAL
from nazad.run.lanes.whole import Value, pick
from nazad.run.vectormath.form import Form
from nazad.run.vectormath.function import called, is_crowded
from nazad.run.vectormath.table import FUNCTIONS
from nazad.run.vectormath.values import Floats


def chain(a: Floats, b: Floats) -> Floats:
    """a·b; where that is nan and a factor is zero, 0.

    :data:`nazad.ops.families.chain` looks for a nan anywhere first, and if there is one makes every product
    with a zero +0. Here entries are on their own: 0 times a finite number keeps its sign.
    """
    product = a * b
    annihilated = product.is_nan() & (a.equals(0.0) | b.equals(0.0))
    return annihilated.where(0.0, product)


def logaddexp(x: Floats, y: Floats) -> Floats:
    """log(exp x + exp y) = max + log1p(exp(-|x - y|)); between equals, infinities too, x + log 2."""
    rest = _of("log1p", _of("exp", -abs(x - y)))
    return _of("maximum", x, y) + x.equals(y).where(math.log(2.0), rest)


def logaddexp2(x: Floats, y: Floats) -> Floats:
    """The same to base 2."""
    rest = _of("log1p", _of("exp2", -abs(x - y))) * math.log2(math.e)
    return _of("maximum", x, y) + x.equals(y).where(1.0, rest)


def sinc(x: Floats) -> Floats:
    """sin(πx) / πx, NumPy's rounding of πx included; at zero it takes a small number instead."""
    t = x * math.pi
    t = t.equals(0.0).where(float(np.finfo(f"f{x.form.bits // 8}").eps), t)
    return _of("sin", t) / t


def degrees(x: Floats) -> Floats:
    return x * _ratio(180.0, math.pi, x.form)


def radians(x: Floats) -> Floats:
    return x * _ratio(math.pi, 180.0, x.form)


def _ratio(a: float, b: float, form: Form) -> float:
    """a / b as the format rounds it."""
    return form.round(form.round(a) / form.round(b))


def winner(x: Floats, rival: Floats) -> Floats:
    """1 where x is above its rival, one half where they are equal."""
    return (x > rival).where(1.0, x.equals(rival).where(0.5, x.like(0.0)))


def clip(x: Floats, low: Floats, high: Floats) -> Floats:
    """x held between two bounds, of which the upper prevails; a nan among the three comes out."""
    return _of("minimum", _of("maximum", x, low), high)


def nan_to_num(x: Floats) -> Floats:
    """0 for nan, the greatest and the least number for infinities."""
    most = float(np.finfo(f"f{x.form.bits // 8}").max)
    x = x.equals(math.inf).where(most, x)
    x = x.equals(-math.inf).where(-most, x)
    return x.is_nan().where(0.0, x)


def heaviside(x: Floats, middle: Floats) -> Floats:
    """0 below zero, 1 above, ``middle`` at zero."""
    step = (x > 0.0).where(1.0, x.equals(0.0).choose(middle, x.like(0.0)))
    return x.is_nan().choose(x, step)


def _of(name: str, *xs: Floats) -> Floats:
    function = FUNCTIONS[name]
    is_long = function.double > 0.5  # an instruction or two have no error of their own
    return called(name, function.write, *xs) if is_long and is_crowded(xs[0].writer) else function.write(*xs)


def _itself(x: Floats) -> Floats:
    return x


REAL: dict[str, Callable[..., Value]] = {
    **{name: functools.partial(_of, name) for name in FUNCTIONS},
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "negative": lambda x: -x,
    "positive": _itself,
    "conjugate": _itself,
    "reciprocal": lambda x: 1.0 / x,
    "square": lambda x: x * x,
    "float_power": functools.partial(_of, "power"),
    "chain": chain,
    "logaddexp": logaddexp,
    "logaddexp2": logaddexp2,
    "sinc": sinc,
    "degrees": degrees,
    "rad2deg": degrees,
    "radians": radians,
    "deg2rad": radians,
    "winner": winner,
    "clip": clip,
    "nan_to_num": nan_to_num,
    "heaviside": heaviside,
    "nextafter": parts.nextafter,
    "spacing": parts.spacing,
    "ldexp": parts.ldexp,
    "exponent": parts.exponent,
    "mantissa": parts.mantissa,
    "fraction": parts.fraction,
    "signbit": Floats.has_sign,
    "isfinite": parts.is_finite,
    "isinf": lambda x: abs(x).equals(math.inf),
    "isnan": Floats.is_nan,
    "equal": Floats.equals,
    "not_equal": lambda x, y: x.compare("une", y),
    "less": lambda x, y: x < y,
    "less_equal": lambda x, y: x <= y,
    "greater": lambda x, y: x > y,
    "greater_equal": lambda x, y: x >= y,
    "logical_and": lambda x, y: truth(x) & truth(y),
    "logical_or": lambda x, y: truth(x) | truth(y),
    "logical_xor": lambda x, y: truth(x) ^ truth(y),
    "logical_not": lambda x: x.equals(0.0),
    "where": pick,
    **SPECIAL,
}
"""What writes a primitive, by name."""
