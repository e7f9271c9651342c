"""The error function, its scaled and inverted forms, and the normal distribution."""

from __future__ import annotations

import math

import numpy as np
from scipy import special as sc

from nazad.graph import Value
from nazad.ops.special.family import inverse, op, series

_TWO_BY_ROOT_PI = 2 / math.sqrt(math.pi)
_DENSITY = 1 / math.sqrt(2 * math.pi)
_ROOT_TWO = math.sqrt(2.0)
_FAR = 10.0
"""From here on 2xy - 2/√π, in which x² digits cancel, is replaced by its expansion in 1/x²."""
_EXPANSION = [float(math.prod(range(1, 2 * n + 2, 2))) / 2**n for n in range(14)]

erf = op(sc.erf, lambda y, x: _TWO_BY_ROOT_PI * np.exp(-x * x))
erfc = op(sc.erfc, lambda y, x: -_TWO_BY_ROOT_PI * np.exp(-x * x))
erfi = op(sc.erfi, lambda y, x: _TWO_BY_ROOT_PI * np.exp(x * x))
erfcx = op(sc.erfcx, lambda y, x: erfcx_slope(y, x))
dawsn = op(sc.dawsn, lambda y, x: _dawsn_slope(y, x))
erfinv = inverse(sc.erfinv, erf, 0)
erfcinv = inverse(sc.erfcinv, erfc, 0)

ndtr = op(sc.ndtr, lambda y, x: normal_density(x))
log_ndtr = op(sc.log_ndtr, lambda y, x: inverse_mills(x))
ndtri = inverse(sc.ndtri, ndtr, 0)
ndtri_exp = inverse(sc.ndtri_exp, log_ndtr, 0)
inverse_mills = op(
    lambda x: 2 * _DENSITY / erfcx(-x / _ROOT_TWO), lambda y, x: _mills_slope(y, x), name="inverse_mills"
)
"""Density of the normal distribution over its distribution function, the slope of ``log_ndtr``."""
inverse_mills.simpler = inverse_mills.calc

owens_t = op(
    sc.owens_t,
    lambda y, h, a: -normal_density(h) * erf(a * h / _ROOT_TWO) / 2,
    lambda y, h, a: np.exp(-h * h * (1 + a * a) / 2) / (2 * np.pi * (1 + a * a)),
)


def normal_density(x: Value) -> Value:
    """exp(-x² / 2) / √2π."""
    return _DENSITY * np.exp(-x * x / 2)


def erfcx_slope(y: Value, x: Value) -> Value:
    """2xy - 2/√π."""
    near = np.less(x, _FAR)
    t = np.where(near, _FAR, x)
    s = 1 / (t * t)
    far = -_TWO_BY_ROOT_PI / 2 * s * series(-s, _EXPANSION)
    return np.where(near, 2 * x * y - _TWO_BY_ROOT_PI, far)


def _dawsn_slope(y: Value, x: Value) -> Value:
    """1 - 2xy."""
    near = np.less(np.abs(x), _FAR)
    t = np.where(near, _FAR, x)
    s = 1 / (t * t)
    return np.where(near, 1 - 2 * x * y, -s / 2 * series(s, _EXPANSION))


def _mills_slope(y: Value, x: Value) -> Value:
    """-y (x + y); on the left, where x + y cancels, from the slope of erfcx."""
    left = np.less(x, 0)
    t = np.where(left, -x / _ROOT_TWO, 0.0)
    scaled = erfcx(t)
    return np.where(left, y * erfcx_slope(scaled, t) / (_ROOT_TWO * scaled), -y * (x + y))
