"""The gamma function and its relatives, beta and zeta among them."""

from __future__ import annotations

import numpy as np
from scipy import special as sc
from scipy.special import _ufuncs

from nazad.graph import Value
from nazad.ops.special.family import on_reals, op

zeta = op(_ufuncs._zeta, ..., lambda y, s, q: -s * zeta(s + 1, q), name="zeta")
riemann_zeta = op(_ufuncs._riemann_zeta, ..., name="riemann_zeta")
zetac = op(sc.zetac, ...)

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
