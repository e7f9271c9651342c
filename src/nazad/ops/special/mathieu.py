"""Functions of Mathieu and of spheroids: their equations are the derivatives of their slopes.

By the parameter, on which their characteristic values depend in a way of its own, no formula is known.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import special as sc

from nazad.graph import Value
from nazad.ops.families import Elementwise
from nazad.ops.special.family import Part, Partial, op

_DEGREE = math.pi / 180

mathieu_a = op(sc.mathieu_a, None, ...)
mathieu_b = op(sc.mathieu_b, None, ...)
obl_cv = op(sc.obl_cv, None, None, ...)
pro_cv = op(sc.pro_cv, None, None, ...)

Curvature = Callable[..., Value]
"""The second derivative: of the function, its slope and all arguments."""


def _pair(
    ufunc: np.ufunc, given: list[Partial], curvature: Curvature | None, unit: float = 1.0
) -> tuple[Elementwise, Elementwise]:
    """A function and its slope, as functions of their last argument."""
    name = ufunc.__name__
    bend: Partial = ... if curvature is None else lambda y, *xs: unit * curvature(value(*xs), y, *xs)
    value = op(Part(ufunc, 0), *given, lambda y, *xs: unit * slope(*xs), name=name)
    slope = op(Part(ufunc, 1), *given, bend, name=f"{name}_slope")
    return value, slope


# --- Mathieu: y'' = -(a - 2q cos 2x) y, x in degrees; modified: y'' = (a - 2q cosh 2x) y


def _mathieu(level: Elementwise) -> Curvature:
    return lambda y, dy, m, q, x: -(level(m, q) - 2 * q * np.cos(2 * _DEGREE * x)) * y


def _modified(level: Elementwise) -> Curvature:
    return lambda y, dy, m, q, x: (level(m, q) - 2 * q * np.cosh(2 * x)) * y


_MATHIEU: list[Partial] = [None, ...]
mathieu_cem, mathieu_cem_slope = _pair(sc.mathieu_cem, _MATHIEU, _mathieu(mathieu_a), _DEGREE)
mathieu_sem, mathieu_sem_slope = _pair(sc.mathieu_sem, _MATHIEU, _mathieu(mathieu_b), _DEGREE)
mathieu_modcem1, mathieu_modcem1_slope = _pair(sc.mathieu_modcem1, _MATHIEU, _modified(mathieu_a))
mathieu_modcem2, mathieu_modcem2_slope = _pair(sc.mathieu_modcem2, _MATHIEU, _modified(mathieu_a))
mathieu_modsem1, mathieu_modsem1_slope = _pair(sc.mathieu_modsem1, _MATHIEU, _modified(mathieu_b))
mathieu_modsem2, mathieu_modsem2_slope = _pair(sc.mathieu_modsem2, _MATHIEU, _modified(mathieu_b))

# --- spheroids: (w y')' = -r (λ - s c² x² - m² / w) y with w = 1 - r x²


def _spheroid(r: float, s: float, level: Elementwise | None) -> Curvature:
    """Without ``level``, the characteristic value λ is an argument of the function."""

    def curvature(y: Value, dy: Value, m: Value, n: Value, c: Value, *rest: Value) -> Value:
        x = rest[-1]
        w = 1 - r * x * x
        own = (rest[0] if level is None else level(m, n, c)) - s * c * c * x * x - m * m / w
        return r * (2 * x * dy - own * y) / w

    return curvature


_SPHEROID: list[Partial] = [None, None, ...]
pro_ang1, pro_ang1_slope = _pair(sc.pro_ang1, _SPHEROID, _spheroid(1, 1, pro_cv))
pro_rad1, pro_rad1_slope = _pair(sc.pro_rad1, _SPHEROID, _spheroid(1, 1, pro_cv))
obl_ang1, obl_ang1_slope = _pair(sc.obl_ang1, _SPHEROID, _spheroid(1, -1, obl_cv))
obl_rad1, obl_rad1_slope = _pair(sc.obl_rad1, _SPHEROID, _spheroid(-1, 1, obl_cv))
pro_ang1_cv, pro_ang1_cv_slope = _pair(sc.pro_ang1_cv, [*_SPHEROID, ...], _spheroid(1, 1, None))
pro_rad1_cv, pro_rad1_cv_slope = _pair(sc.pro_rad1_cv, [*_SPHEROID, ...], _spheroid(1, 1, None))
obl_ang1_cv, obl_ang1_cv_slope = _pair(sc.obl_ang1_cv, [*_SPHEROID, ...], _spheroid(1, -1, None))
obl_rad1_cv, obl_rad1_cv_slope = _pair(sc.obl_rad1_cv, [*_SPHEROID, ...], _spheroid(-1, 1, None))
# Of the second kind, SciPy gives a slope with few right digits at most: it is not differentiated again.
pro_rad2, pro_rad2_slope = _pair(sc.pro_rad2, _SPHEROID, None)
pro_rad2_cv, pro_rad2_cv_slope = _pair(sc.pro_rad2_cv, [*_SPHEROID, ...], None)
