"""The gamma function and its relatives, beta and zeta among them."""

from __future__ import annotations

import math

import numpy as np
from scipy import special as sc
from scipy.special import _ufuncs

from nazad.graph import Value
from nazad.ops.special.family import on_reals, op

zeta = op(
    _ufuncs._zeta,
    lambda y, s, q: _zeta_by_exponent(s, q),
    lambda y, s, q: -s * zeta(s + 1, q),
    name="zeta",
)
riemann_zeta = op(_ufuncs._riemann_zeta, on_reals(lambda y, s: _riemann_slope(s)), name="riemann_zeta")
zetac = op(sc.zetac, lambda y, s: _riemann_slope(s))

psi = op(sc.psi, on_reals(lambda y, x: _trigamma(x)))
gamma = op(sc.gamma, lambda y, x: y * psi(x))
gammaln = op(sc.gammaln, lambda y, x: psi(x))
loggamma = op(sc.loggamma, lambda y, x: psi(x))
gammasgn = op(sc.gammasgn, None)
rgamma = op(sc.rgamma, lambda y, x: _rgamma_slope(y, x))

beta = op(sc.beta, lambda y, a, b: y * (psi(a) - psi(a + b)), lambda y, a, b: y * (psi(b) - psi(a + b)))
betaln = op(sc.betaln, lambda y, a, b: psi(a) - psi(a + b), lambda y, a, b: psi(b) - psi(a + b))
poch = op(
    sc.poch,
    lambda y, z, m: np.where(
        _is_pole(z), gamma(z + m) * _rgamma_slope(rgamma(z), z), y * (psi(z + m) - psi(z))
    ),
    lambda y, z, m: y * psi(z + m),
)
binom = op(
    sc.binom,
    lambda y, n, k: np.where(_is_pole(n - k + 1), _binom_slope(n, k), y * (psi(n + 1) - psi(n - k + 1))),
    lambda y, n, k: np.where(
        _is_pole(n - k + 1),
        -_binom_slope(n, k),
        np.where(_is_pole(k + 1), _binom_slope(n, n - k), y * (psi(n - k + 1) - psi(k + 1))),
    ),
)


_TERMS = 12
_BERNOULLI = sc.bernoulli(20)[2::2]


def _zeta_by_exponent(s: Value, q: Value) -> Value:
    """By the sum of Euler and Maclaurin for ζ(s, q), differentiated by s term by term."""
    first = np.expand_dims(q, -1) + np.arange(_TERMS)
    a = q + _TERMS
    log, power = np.log(a), a**-s
    total = -np.sum(np.log(first) * first ** -np.expand_dims(s, -1), axis=-1)
    total = total - power * (a / (s - 1) * (log + 1 / (s - 1)) + log / 2)
    rising, slope = s, 1.0  # s (s + 1) ... (s + 2j - 2), and its derivative
    for j, bernoulli in enumerate(_BERNOULLI, start=1):
        c = float(bernoulli) / math.factorial(2 * j)
        total = total + c * power * a ** (1.0 - 2 * j) * (slope - log * rising)
        for i in (2 * j - 1, 2 * j):
            rising, slope = rising * (s + i), slope * (s + i) + rising
    return total


def _riemann_slope(s: Value) -> Value:
    """On the left from ζ(s) = 2 (2π)^(s-1) sin(πs/2) Γ(1-s) ζ(1-s)."""
    left = np.less(s, 0)
    right = _zeta_by_exponent(np.where(left, 1 - s, s), 1.0)
    t = 1 - np.where(left, s, -1.0)
    value = zeta(t, 1.0)
    change = math.log(2 * math.pi) - psi(t) - right / value
    wave = np.sin(np.pi * s / 2) * change + np.pi / 2 * np.cos(np.pi * s / 2)
    return np.where(left, 2 * (2 * np.pi) ** -t * gamma(t) * value * wave, right)


def _trigamma(x: Value) -> Value:
    """ζ(2, x), by reflection on the left, where SciPy adds up a term for every unit."""
    left = np.less(x, 0)
    reflected = np.square(np.pi / np.where(left, np.sin(np.pi * x), 1.0))
    whole = zeta(2.0, np.where(left, 1 - x, x))
    return np.where(left, reflected - whole, whole)


def _is_pole(x: Value) -> Value:
    """Whether Γ has a pole: at zero and the negative whole numbers."""
    return np.less_equal(x, 0) & np.equal(x, np.floor(x))


def _rgamma_slope(y: Value, x: Value) -> Value:
    """Of 1/Γ(x) = sin(πx) Γ(1 - x) / π, which is smooth where Γ has its poles; on the right, by ψ."""
    left = np.less(x, 0.5)
    z = np.where(left, x, 0.25)
    reflected = gamma(1 - z) * (np.cos(np.pi * z) - np.sin(np.pi * z) * psi(1 - z) / np.pi)
    return np.where(left, reflected, -psi(np.where(left, 1.0, x)) * y)


def _binom_slope(n: Value, k: Value) -> Value:
    """Γ(n + 1) / Γ(k + 1), times the slope of 1/Γ at n - k + 1, where Γ has a pole."""
    rest = n - k + 1
    return gamma(n + 1) * rgamma(k + 1) * _rgamma_slope(rgamma(rest), rest)
