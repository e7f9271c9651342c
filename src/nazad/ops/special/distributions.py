"""Distribution functions and their inverses: incomplete gamma and beta, and what is made of them."""

from __future__ import annotations

import numpy as np
from scipy import special as sc
from scipy.special import _ufuncs

from nazad.graph import Value
from nazad.ops.families import Rule
from nazad.ops.special.bessel import ive
from nazad.ops.special.error import normal_density
from nazad.ops.special.family import inverse, op
from nazad.ops.special.gamma import betaln, gammaln
from nazad.ops.special.hypergeometric import hyp0f1
from nazad.ops.special.logarithmic import boxcox_by_power, xlog1py, xlogy
from nazad.ops.special.quadrature import betainc_by_shapes, gammainc_by_shape


def gamma_density(a: Value, x: Value) -> Value:
    """x^(a-1) exp(-x) / Γ(a)."""
    return np.exp(xlogy(a - 1, x) - x - gammaln(a))


def beta_density(a: Value, b: Value, x: Value) -> Value:
    """x^(a-1) (1-x)^(b-1) / B(a, b)."""
    return np.exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))


def _less(*rules: Rule | None) -> list[Rule | None]:
    """The partials of one less the function."""

    def turned(rule: Rule) -> Rule:
        return lambda y, *xs: -rule(y, *xs)

    return [None if rule is None else turned(rule) for rule in rules]


# --- gamma: P(a, x) and Q(a, x), with scale, of chi-square, and of Poisson
_P: list[Rule | None] = [lambda y, a, x: gammainc_by_shape(a, x), lambda y, a, x: gamma_density(a, x)]
gammainc = op(sc.gammainc, *_P)
gammaincc = op(sc.gammaincc, *_less(*_P))
gammaincinv = inverse(sc.gammaincinv, gammainc, 1)
gammainccinv = inverse(sc.gammainccinv, gammaincc, 1)

_GAMMA: list[Rule | None] = [
    lambda y, a, b, x: x * gamma_density(b, a * x),
    lambda y, a, b, x: gammainc_by_shape(b, a * x),
    lambda y, a, b, x: a * gamma_density(b, a * x),
]
gdtr = op(sc.gdtr, *_GAMMA)
gdtrc = op(sc.gdtrc, *_less(*_GAMMA))
gdtria = inverse(sc.gdtria, gdtr, 0)
gdtrib = inverse(sc.gdtrib, gdtr, 1)
gdtrix = inverse(sc.gdtrix, gdtr, 2)

_CHI_SQUARE: list[Rule | None] = [
    lambda y, v, x: gammainc_by_shape(v / 2, x / 2) / 2,
    lambda y, v, x: gamma_density(v / 2, x / 2) / 2,
]
chdtr = op(sc.chdtr, *_CHI_SQUARE)
chdtrc = op(sc.chdtrc, *_less(*_CHI_SQUARE))
chdtri = inverse(sc.chdtri, chdtrc, 1)
chdtriv = inverse(sc.chdtriv, chdtr, 0)

_POISSON: list[Rule | None] = [None, lambda y, k, m: -gamma_density(np.floor(k) + 1, m)]
pdtr = op(sc.pdtr, *_POISSON)
pdtrc = op(sc.pdtrc, *_less(*_POISSON))
pdtri = inverse(sc.pdtri, pdtr, 1)
_poisson = op(sc.pdtr, lambda y, k, m: -gammainc_by_shape(k + 1, m), lambda y, k, m: -gamma_density(k + 1, m))
"""The Poisson distribution between whole numbers, for its inverse."""
pdtrik = inverse(sc.pdtrik, _poisson, 0)

# --- beta: I(a, b, x), of binomials, of Fisher and of Student
_I: list[Rule | None] = [
    lambda y, a, b, x: betainc_by_shapes(a, b, x)[0],
    lambda y, a, b, x: betainc_by_shapes(a, b, x)[1],
    lambda y, a, b, x: beta_density(a, b, x),
]
betainc = op(sc.betainc, *_I)
betaincc = op(sc.betaincc, *_less(*_I))
betaincinv = inverse(sc.betaincinv, betainc, 2)
betainccinv = inverse(sc.betainccinv, betaincc, 2)
btdtria = inverse(sc.btdtria, betainc, 0)
btdtrib = inverse(sc.btdtrib, betainc, 1)

_BINOMIAL: list[Rule | None] = [
    lambda y, k, n, p: _difference(*betainc_by_shapes(n - k, k + 1, 1 - p)),
    lambda y, k, n, p: betainc_by_shapes(n - k, k + 1, 1 - p)[0],
    lambda y, k, n, p: -beta_density(n - k, k + 1, 1 - p),
]
_binomial = op(sc.bdtr, *_BINOMIAL)
bdtr = op(sc.bdtr, None, None, lambda y, k, n, p: -beta_density(n - np.floor(k), np.floor(k) + 1, 1 - p))
bdtrc = op(sc.bdtrc, *_less(*bdtr.derivs))
bdtri = inverse(sc.bdtri, bdtr, 2)
bdtrik = inverse(sc.bdtrik, _binomial, 0)
bdtrin = inverse(sc.bdtrin, _binomial, 1)

_NEGATIVE_BINOMIAL: list[Rule | None] = [
    lambda y, k, n, p: betainc_by_shapes(n, k + 1, p)[1],
    lambda y, k, n, p: betainc_by_shapes(n, k + 1, p)[0],
    lambda y, k, n, p: beta_density(n, k + 1, p),
]
_negative_binomial = op(sc.nbdtr, *_NEGATIVE_BINOMIAL)
nbdtr = op(sc.nbdtr, None, None, _NEGATIVE_BINOMIAL[2])
nbdtrc = op(sc.nbdtrc, *_less(*nbdtr.derivs))
nbdtri = inverse(sc.nbdtri, nbdtr, 2)
nbdtrik = inverse(sc.nbdtrik, _negative_binomial, 0)
nbdtrin = inverse(sc.nbdtrin, _negative_binomial, 1)

_FISHER: list[Rule | None] = [
    lambda y, n, d, x: _fisher_by_shape(n, d, x, 0, d * x),
    lambda y, n, d, x: _fisher_by_shape(n, d, x, 1, -n * x),
    lambda y, n, d, x: _fisher_density(n, d, x) * n * d,
]
fdtr = op(sc.fdtr, *_FISHER)
fdtrc = op(sc.fdtrc, *_less(*_FISHER))
fdtri = inverse(sc.fdtri, fdtr, 2)
fdtridfd = inverse(sc.fdtridfd, fdtr, 1)

stdtr = op(sc.stdtr, lambda y, v, t: _student_by_freedom(v, t), lambda y, v, t: _student_density(v, t))
stdtrit = inverse(sc.stdtrit, stdtr, 1)
stdtridf = inverse(sc.stdtridf, stdtr, 0)

# --- normal
_normal = op(
    sc.ndtr,
    lambda y, mean, sd, x: -normal_density((x - mean) / sd) / sd,
    lambda y, mean, sd, x: -normal_density((x - mean) / sd) * (x - mean) / sd**2,
    lambda y, mean, sd, x: normal_density((x - mean) / sd) / sd,
)
"""The normal distribution by mean and standard deviation, for its inverses."""
nrdtrimn = inverse(sc.nrdtrimn, _normal, 0)
nrdtrisd = inverse(sc.nrdtrisd, _normal, 1)

# --- non-central
chndtr = op(
    sc.chndtr,
    lambda y, x, df, nc: _noncentral_density(x, df, nc),
    ...,
    lambda y, x, df, nc: (chndtr(x, df + 2, nc) - y) / 2,
)
chndtrix = inverse(sc.chndtrix, chndtr, 0)
chndtridf = inverse(sc.chndtridf, chndtr, 1)
chndtrinc = inverse(sc.chndtrinc, chndtr, 2)
ncf_density = op(_ufuncs._ncf_pdf, ..., ..., ..., ..., name="ncf_density")
ncfdtr = op(sc.ncfdtr, ..., ..., ..., lambda y, n, d, nc, x: ncf_density(x, n, d, nc))
ncfdtri = inverse(sc.ncfdtri, ncfdtr, 3)
ncfdtridfd = inverse(sc.ncfdtridfd, ncfdtr, 1)
ncfdtridfn = inverse(sc.ncfdtridfn, ncfdtr, 0)
ncfdtrinc = inverse(sc.ncfdtrinc, ncfdtr, 2)
nct_density = op(_ufuncs._nct_pdf, ..., ..., ..., name="nct_density")
nctdtr = op(sc.nctdtr, ..., ..., lambda y, df, nc, t: nct_density(t, df, nc))
nctdtrit = inverse(sc.nctdtrit, nctdtr, 2)
nctdtridf = inverse(sc.nctdtridf, nctdtr, 0)
nctdtrinc = inverse(sc.nctdtrinc, nctdtr, 1)

# --- of Kolmogorov and Smirnov, and of Tukey
kolmogorov = op(sc.kolmogorov, lambda y, x: _kolmogorov_slope(x))
kolmogi = inverse(sc.kolmogi, kolmogorov, 0)
smirnov_slope = op(_ufuncs._smirnovp, None, ..., name="smirnov_slope")
smirnov = op(sc.smirnov, None, lambda y, n, d: smirnov_slope(n, d))
smirnovi = inverse(sc.smirnovi, smirnov, 1)
tklmbda = op(
    sc.tklmbda,
    lambda y, x, p: 1 / (y ** (p - 1) + (1 - y) ** (p - 1)),
    lambda y, x, p: (
        (boxcox_by_power(np.log1p(-y), p) - boxcox_by_power(np.log(y), p))
        / (y ** (p - 1) + (1 - y) ** (p - 1))
    ),
)


def _difference(a: Value, b: Value) -> Value:
    return b - a


def _fisher_density(n: Value, d: Value, x: Value) -> Value:
    """The density of the beta distribution at nx / (d + nx), over (d + nx)²."""
    total = d + n * x
    return beta_density(n / 2, d / 2, n * x / total) / total**2


def _fisher_by_shape(n: Value, d: Value, x: Value, which: int, moved: Value) -> Value:
    by_shape = betainc_by_shapes(n / 2, d / 2, n * x / (d + n * x))[which]
    return by_shape / 2 + _fisher_density(n, d, x) * moved


def _student_density(v: Value, t: Value) -> Value:
    return np.exp(-betaln(v / 2, 0.5) - np.log(v) / 2 - (v + 1) / 2 * np.log1p(t * t / v))


def _student_by_freedom(v: Value, t: Value) -> Value:
    """From 1 - I(v/2, 1/2, u) / 2 with u = v / (v + t²), on the right of zero, and from its mirror image."""
    moving = np.not_equal(t, 0)
    s = np.where(moving, t, 1.0)
    total = v + s * s
    by_shape = betainc_by_shapes(v / 2, 0.5, v / total)[0] / 2
    moved = beta_density(v / 2, 0.5, v / total) * s * s / total**2
    return np.where(moving, -np.sign(s) * (by_shape + moved) / 2, 0.0)


def _noncentral_density(x: Value, df: Value, nc: Value) -> Value:
    """Of the chi-square distribution: by ₀F₁, and where that would overflow by a scaled Bessel function."""
    z = nc * x
    near = np.less(z, 1e4)
    by_series = (
        np.exp(-nc / 2) * gamma_density(df / 2, x / 2) / 2 * hyp0f1(df / 2, np.where(near, z, 0.0) / 4)
    )
    far = np.where(near, 1e4, z)
    ratio = np.where(near, 1.0, x / np.where(near, 1.0, nc))
    gap = np.where(near, 0.0, np.sqrt(x) - np.sqrt(nc))
    by_bessel = np.exp(-gap * gap / 2) * ratio ** (df / 4 - 0.5) * ive(df / 2 - 1, np.sqrt(far)) / 2
    return np.where(near, by_series, by_bessel)


_ODD = 2.0 * np.arange(1, 7) - 1
_ALL = np.arange(1.0, 7.0)


def _kolmogorov_slope(x: Value) -> Value:
    """By one of two theta series, of which one converges at once wherever the other does not."""
    near = np.less(x, 1)
    low, high = np.expand_dims(np.where(near, x, 1.0), -1), np.expand_dims(np.where(near, 1.0, x), -1)
    rates = (_ODD * np.pi) ** 2 / 8
    waves = np.exp(-rates / low**2) * (1 / low**2 - 2 * rates / low**4)
    far = np.exp(-2 * (_ALL * high) ** 2) * (-1.0) ** _ALL * 8 * _ALL**2 * high
    return np.where(near, np.sqrt(2 * np.pi) * np.sum(waves, axis=-1), np.sum(far, axis=-1))
