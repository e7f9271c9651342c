"""Derivatives under the integral sign, by arguments for which there is no formula.

Those of the incomplete gamma and beta functions by their shapes: with t = x exp(-w) or t = x exp(w) they are
integrals of smooth functions over w > 0 that decay like exp(-w). The double exponential rule [1]_ gives them
to full precision with the same ninety places for all arguments, once w is measured in the length on which the
function decays. Of the two sides of x that one is taken which holds less, so that nothing cancels.

That of the Bessel function K by its order: what stands in its integral decays doubly exponentially as it is,
and equal steps do, over the length where it matters.

All of it is plain NumPy, and so has derivatives itself.

.. [1] H. Takahasi and M. Mori, *Double exponential formulas for numerical integration*, Publ. RIMS 9 (1974).
"""

from __future__ import annotations

import numpy as np

from nazad.graph import Value
from nazad.ops.special.gamma import betaln, gammaln, psi
from nazad.ops.special.logarithmic import xlogy

_STEP = 0.1
_T = np.arange(-4.5, 4.5, _STEP)
_PLACES = np.exp(_T - np.exp(-_T))
_WEIGHTS = _PLACES * (1 + np.exp(-_T)) * _STEP


def gammainc_by_shape(a: Value, x: Value) -> Value:
    """The derivative of the regularised lower incomplete gamma function P(a, x) by a."""
    inside = np.greater(x, 0) & np.isfinite(x)
    x = np.where(inside, x, 1.0)
    above = np.greater(x, np.maximum(a, 1.0))
    sign = np.where(above, 1.0, -1.0)
    length = np.where(np.greater(x, 1), _length(np.abs(a - x), x), 1 / a)
    w = _along(length) * _PLACES
    log_t = _along(np.log(x)) + _along(sign) * w
    inner = _along(xlogy(a, x) - x - gammaln(a)) + _along(sign * a) * w
    density = np.exp(inner - _along(x) * np.expm1(_along(sign) * w))
    integral = length * np.sum((log_t - _along(psi(a))) * density * _WEIGHTS, axis=-1)
    return np.where(inside, -sign * integral, 0.0)


def betainc_by_shapes(a: Value, b: Value, x: Value) -> tuple[Value, Value]:
    """The derivatives of the regularised incomplete beta function I(a, b, x) by a and by b."""
    inside = np.greater(x, 0) & np.less(x, 1)
    x = np.where(inside, x, 0.5)
    above = np.greater(x, a / (a + b))
    p, q, z = np.where(above, b, a), np.where(above, a, b), np.where(above, 1 - x, x)
    by_p, by_q = _betainc_from_below(p, q, z)
    by_a, by_b = np.where(above, -by_q, by_p), np.where(above, -by_p, by_q)
    return np.where(inside, by_a, 0.0), np.where(inside, by_b, 0.0)


def _betainc_from_below(a: Value, b: Value, x: Value) -> tuple[Value, Value]:
    pull = np.maximum(b - 1, 0) * x / (1 - x)
    length = _length(np.maximum(a - pull, 0), pull / (1 - x))
    w = _along(length) * _PLACES
    log_rest = np.log1p(-_along(x) * np.exp(-w))
    inner = _along(xlogy(a, x) - betaln(a, b)) - _along(a) * w + _along(b - 1) * log_rest
    density = np.exp(inner) * _WEIGHTS
    common = psi(a + b)
    by_a = (_along(np.log(x) - psi(a) + common) - w) * density
    by_b = (log_rest - _along(psi(b) - common)) * density
    return length * np.sum(by_a, axis=-1), length * np.sum(by_b, axis=-1)


_EQUAL = np.linspace(0.0, 1.0, 129)
_ENDS = np.where((_EQUAL == 0) | (_EQUAL == 1), 0.5, 1.0) / 128
_NEGLIGIBLE = 40.0
"""What is smaller than the largest value by a factor of exp(-40) does not matter."""


def kve_by_order(v: Value, x: Value) -> Value:
    """The derivative of exp(x) K(v, x), the integral of cosh(vt) exp(x - x cosh t) over t > 0, by v."""
    size = np.abs(v)
    top = np.arcsinh(size / x)
    fall = _NEGLIGIBLE / np.maximum(size, 1e-3)
    low = np.maximum(top - np.sqrt(2 * fall) - fall, 0.0)
    high = top + np.arccosh(1 + _NEGLIGIBLE / np.hypot(size, x))
    t = _along(low) + _along(high - low) * _EQUAL
    decay = 2 * _along(x) * np.square(np.sinh(t / 2))
    moved = t * (np.exp(_along(size) * t - decay) - np.exp(-_along(size) * t - decay)) / 2
    return np.sign(v) * (high - low) * np.sum(moved * _ENDS, axis=-1)


def _length(slope: Value, curvature: Value) -> Value:
    """Where the logarithm of a function with this slope and curvature at zero has fallen by one."""
    return 2 / (slope + np.sqrt(slope * slope + 2 * curvature))


def _along(x: Value) -> Value:
    """With a last axis for the places."""
    return np.expand_dims(x, -1)
