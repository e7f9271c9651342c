"""Logistic functions, entropies and losses, powers in the manner of Box and Cox, angles in degrees."""

from __future__ import annotations

import math

import numpy as np
from scipy import special as sc
from scipy.special import _ufuncs

from nazad.graph import Value
from nazad.ops.elementwise import over
from nazad.ops.special.family import inverse, op, series

_DEGREE = math.pi / 180
_NEAR = 0.5
"""Below this a series stands in for a difference that cancels."""
_TERMS = 18

# --- logistic
expit = op(sc.expit, lambda y, x: y * expit(-x))
log_expit = op(sc.log_expit, lambda y, x: expit(-x))
logit = op(sc.logit, lambda y, x: 1 / (x * (1 - x)))

# --- entropies and losses
xlogy = op(sc.xlogy, lambda z, x, y: np.log(y), lambda z, x, y: _share(x, y))
xlog1py = op(sc.xlog1py, lambda z, x, y: np.log1p(y), lambda z, x, y: _share(x, 1 + y))
entr = op(sc.entr, lambda y, x: np.where(np.less(x, 0), 0.0, -np.log(np.abs(x)) - 1))
rel_entr = op(sc.rel_entr, lambda z, x, y: np.log(x) - np.log(y) + 1, lambda z, x, y: -_share(x, y))
kl_div = op(sc.kl_div, lambda z, x, y: np.log(x) - np.log(y), lambda z, x, y: 1 - _share(x, y))
huber = op(
    sc.huber,
    lambda y, delta, r: np.maximum(np.abs(r) - delta, 0),
    lambda y, delta, r: np.minimum(np.maximum(r, -delta), delta),
)
pseudo_huber = op(
    sc.pseudo_huber,
    lambda y, delta, r: _pseudo_huber_by_delta(delta, r),
    lambda y, delta, r: over(r * delta, np.hypot(delta, r)),
)

# --- exponentials and powers
exp10 = op(sc.exp10, lambda y, x: math.log(10) * y)
exprel = op(sc.exprel, lambda y, x: exprel_slope(y, x))
cosm1 = op(sc.cosm1, lambda y, x: -np.sin(x))
powm1 = op(sc.powm1, lambda z, x, y: y * x ** (y - 1), lambda z, x, y: xlogy(z + 1, x))
boxcox = op(
    sc.boxcox,
    lambda z, x, p: x ** (p - 1),
    lambda z, x, p: boxcox_by_power(np.log(x), p),
)
boxcox1p = op(
    sc.boxcox1p,
    lambda z, x, p: np.exp((p - 1) * np.log1p(x)),
    lambda z, x, p: boxcox_by_power(np.log1p(x), p),
)
inv_boxcox = inverse(sc.inv_boxcox, boxcox, 0)
inv_boxcox1p = inverse(sc.inv_boxcox1p, boxcox1p, 0)
wrightomega = op(sc.wrightomega, lambda y, x: y / (1 + y))
lambertw = op(_ufuncs._lambertw, lambda y, z, k, tolerance: np.exp(-y) / (1 + y), None, None, name="lambertw")

# --- degrees
sindg = op(sc.sindg, lambda y, x: _DEGREE * cosdg(x))
cosdg = op(sc.cosdg, lambda y, x: -_DEGREE * sindg(x))
tandg = op(sc.tandg, lambda y, x: _DEGREE * (1 + y * y))
cotdg = op(sc.cotdg, lambda y, x: -_DEGREE * (1 + y * y))
radian = op(
    sc.radian,
    lambda y, d, m, s: _DEGREE,
    lambda y, d, m, s: _DEGREE / 60,
    lambda y, d, m, s: _DEGREE / 3600,
)


def _share(x: Value, y: Value) -> Value:
    """x / y, and 0 where x is: x log y is zero for every y then."""
    return np.where(np.equal(x, 0), 0.0, x / y)


def _pseudo_huber_by_delta(delta: Value, r: Value) -> Value:
    """(h - δ)² / h with h² = δ² + r²."""
    h = np.hypot(delta, r)
    excess = r * over(r, h + delta)
    return excess * over(excess, h)


def exprel_slope(y: Value, x: Value) -> Value:
    """(exp x - y) / x."""
    near = np.less(np.abs(x), _NEAR)
    t = np.where(near, 1.0, x)
    around = series(np.where(near, x, 0.0), [(k + 1) / math.factorial(k + 2) for k in range(_TERMS)])
    return np.where(near, around, (np.exp(x) - y) / t)


def boxcox_by_power(log: Value, p: Value) -> Value:
    """That of log · exprel(p · log)."""
    return log * log * exprel_slope(exprel(p * log), p * log)
