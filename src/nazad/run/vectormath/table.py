"""The table of functions: a name, what writes it, and the greatest error that it was seen to make.

Errors are in units in the last place of the result, against mpmath or against the next wider format, in
double and in single precision, each the worse of the variants with and without FMA. Tests hold every function
to its figures. Names are NumPy's, where NumPy has the function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from nazad.run.vectormath import (
    errorfunction,
    exponential,
    inverse,
    logarithm,
    power,
    remainder,
    simple,
    trigonometric,
)
from nazad.run.vectormath.values import Floats


class Function(NamedTuple):
    """What writes a function, how many arguments it has, its worst error in double and single precision."""

    write: Callable[..., Floats]
    arity: int
    double: float
    single: float


FUNCTIONS = {
    "exp": Function(exponential.exp, 1, 1.1, 1.2),
    "exp2": Function(exponential.exp2, 1, 1.8, 1.5),
    "expm1": Function(exponential.expm1, 1, 2.2, 2),
    "sigmoid": Function(exponential.sigmoid, 1, 2.4, 2.4),
    "sinh": Function(exponential.sinh, 1, 1.7, 1.7),
    "cosh": Function(exponential.cosh, 1, 1.5, 1.6),
    "tanh": Function(exponential.tanh, 1, 2.6, 2.6),
    "log": Function(logarithm.log, 1, 0.9, 0.9),
    "log2": Function(logarithm.log2, 1, 0.9, 0.9),
    "log10": Function(logarithm.log10, 1, 0.8, 0.8),
    "log1p": Function(logarithm.log1p, 1, 0.9, 0.9),
    "arcsinh": Function(logarithm.arcsinh, 1, 1.8, 1.8),
    "arccosh": Function(logarithm.arccosh, 1, 2.6, 2.5),
    "arctanh": Function(logarithm.arctanh, 1, 2, 2.1),
    "sin": Function(trigonometric.sin, 1, 0.9, 0.9),
    "cos": Function(trigonometric.cos, 1, 0.9, 0.9),
    "tan": Function(trigonometric.tan, 1, 2.5, 2.4),
    "arcsin": Function(inverse.arcsin, 1, 2.1, 2.1),
    "arccos": Function(inverse.arccos, 1, 1.2, 1.2),
    "arctan": Function(inverse.arctan, 1, 2, 2),
    "arctan2": Function(inverse.arctan2, 2, 2.1, 2.1),
    "power": Function(power.power, 2, 1.3, 0.51),
    "cbrt": Function(power.cbrt, 1, 0.51, 0.51),
    "hypot": Function(power.hypot, 2, 1.3, 1.3),
    "erf": Function(errorfunction.erf, 1, 1.6, 1.3),
    "erfc": Function(errorfunction.erfc, 1, 3.8, 4),
    "erfcx": Function(errorfunction.erfcx, 1, 2.5, 2.8),
    "fmod": Function(remainder.fmod, 2, 0, 0),
    "remainder": Function(remainder.remainder, 2, 0, 0),
    "floor_divide": Function(remainder.floor_divide, 2, 0, 0),
    "sqrt": Function(simple.intrinsic("sqrt"), 1, 0.5, 0.5),
    "absolute": Function(simple.intrinsic("fabs"), 1, 0, 0),
    "fabs": Function(simple.intrinsic("fabs"), 1, 0, 0),
    "copysign": Function(simple.intrinsic("copysign"), 2, 0, 0),
    "floor": Function(simple.intrinsic("floor"), 1, 0, 0),
    "ceil": Function(simple.intrinsic("ceil"), 1, 0, 0),
    "trunc": Function(simple.intrinsic("trunc"), 1, 0, 0),
    "rint": Function(simple.intrinsic("rint"), 1, 0, 0),
    "sign": Function(simple.sign, 1, 0, 0),
    "maximum": Function(simple.maximum, 2, 0, 0),
    "minimum": Function(simple.minimum, 2, 0, 0),
    "fmax": Function(simple.fmax, 2, 0, 0),
    "fmin": Function(simple.fmin, 2, 0, 0),
}
