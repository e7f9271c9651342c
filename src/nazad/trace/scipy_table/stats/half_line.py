"""Laws of the numbers on one side of a point."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special as sc
from scipy import stats

from nazad.graph import Value
from nazad.trace.scipy_table.stats.law import Law, all_of, anything, not_negative, with_shapes
from nazad.trace.scipy_table.stats.pieces import (
    HALF_LOG_TWO_PI,
    LOG_PI,
    LOG_TWO,
    ROOT_HALF,
    bell,
    by_sign,
    log_by,
)


def _inverse_gauss(x: Value, mu: Value, sign: float) -> Value:
    """The logarithm of the distribution function of the inverse Gaussian, or of its survival function."""
    root = 1 / np.sqrt(x)
    one = sc.log_ndtr(sign * root * (x / mu - 1))
    other = 2 / mu + sc.log_ndtr(-root * (x / mu + 1))
    return one + np.log1p(sign * np.exp(other - one))


LAWS: dict[Any, Law] = {
    stats.alpha: Law(
        lambda x, a: -2 * np.log(x) + bell(a - 1 / x) - sc.log_ndtr(a),
        cdf=lambda x, a: sc.ndtr(a - 1 / x) / sc.ndtr(a),
        ppf=lambda q, a: 1 / (a - sc.ndtri(q * sc.ndtr(a))),
        low=0.0,
    ),
    stats.betaprime: Law(
        lambda x, a, b: sc.xlogy(a - 1, x) - sc.xlog1py(a + b, x) - sc.betaln(a, b),
        cdf=lambda x, a, b: sc.betainc(a, b, x / (1 + x)),
        sf=lambda x, a, b: sc.betaincc(a, b, x / (1 + x)),
        ppf=lambda q, a, b: sc.betaincinv(a, b, q) / sc.betainccinv(b, a, q),
        low=0.0,
    ),
    stats.burr: Law(
        lambda x, c, d: np.log(c) + np.log(d) + sc.xlogy(c * d - 1, x) - (d + 1) * np.log1p(x**c),
        logcdf=lambda x, c, d: d * sc.log_expit(c * np.log(x)),
        ppf=lambda q, c, d: np.expm1(-np.log(q) / d) ** (-1 / c),
        low=0.0,
    ),
    stats.burr12: Law(
        lambda x, c, d: np.log(c) + np.log(d) + sc.xlogy(c - 1, x) - (d + 1) * np.log1p(x**c),
        cdf=lambda x, c, d: -np.expm1(-d * np.log1p(x**c)),
        logsf=lambda x, c, d: -d * np.log1p(x**c),
        ppf=lambda q, c, d: np.expm1(-np.log1p(-q) / d) ** (1 / c),
        low=0.0,
    ),
    stats.chi: Law(
        lambda x, df: LOG_TWO * (1 - df / 2) - sc.gammaln(df / 2) + sc.xlogy(df - 1, x) - x * x / 2,
        cdf=lambda x, df: sc.gammainc(df / 2, x * x / 2),
        sf=lambda x, df: sc.gammaincc(df / 2, x * x / 2),
        ppf=lambda q, df: np.sqrt(2 * sc.gammaincinv(df / 2, q)),
        isf=lambda q, df: np.sqrt(2 * sc.gammainccinv(df / 2, q)),
        low=0.0,
    ),
    stats.chi2: Law(
        lambda x, df: sc.xlogy(df / 2 - 1, x) - x / 2 - sc.gammaln(df / 2) - LOG_TWO * df / 2,
        cdf=lambda x, df: sc.chdtr(df, x),
        sf=lambda x, df: sc.chdtrc(df, x),
        ppf=lambda q, df: 2 * sc.gammaincinv(df / 2, q),
        isf=lambda q, df: sc.chdtri(df, q),
        low=0.0,
    ),
    stats.expon: Law(
        lambda x: -x,
        cdf=lambda x: -np.expm1(-x),
        logsf=lambda x: -x,
        ppf=lambda q: -np.log1p(-q),
        isf=lambda q: -np.log(q),
        low=0.0,
    ),
    stats.exponpow: Law(
        lambda x, b: 1 + np.log(b) + sc.xlogy(b - 1, x) + x**b - np.exp(x**b),
        cdf=lambda x, b: -np.expm1(-np.expm1(x**b)),
        logsf=lambda x, b: -np.expm1(x**b),
        ppf=lambda q, b: np.log1p(-np.log1p(-q)) ** (1 / b),
        low=0.0,
    ),
    stats.exponweib: Law(
        lambda x, a, c: (
            np.log(a) + np.log(c) + sc.xlogy(a - 1, -np.expm1(-(x**c))) - x**c + sc.xlogy(c - 1, x)
        ),
        cdf=lambda x, a, c: (-np.expm1(-(x**c))) ** a,
        ppf=lambda q, a, c: (-np.log1p(-(q ** (1 / a)))) ** (1 / c),
        low=0.0,
    ),
    stats.f: Law(
        lambda x, n, d: (
            n / 2 * np.log(n)
            + d / 2 * np.log(d)
            + sc.xlogy(n / 2 - 1, x)
            - (n + d) / 2 * np.log(d + n * x)
            - sc.betaln(n / 2, d / 2)
        ),
        cdf=lambda x, n, d: sc.fdtr(n, d, x),
        sf=lambda x, n, d: sc.fdtrc(n, d, x),
        ppf=lambda q, n, d: sc.fdtri(n, d, q),
        low=0.0,
    ),
    stats.fatiguelife: Law(
        lambda x, c: (
            np.log1p(x) - np.log(2 * c) - HALF_LOG_TWO_PI - 1.5 * np.log(x) - (x - 1) ** 2 / (2 * x * c * c)
        ),
        cdf=lambda x, c: sc.ndtr((np.sqrt(x) - 1 / np.sqrt(x)) / c),
        sf=lambda x, c: sc.ndtr((1 / np.sqrt(x) - np.sqrt(x)) / c),
        ppf=lambda q, c: (c * sc.ndtri(q) + np.sqrt((c * sc.ndtri(q)) ** 2 + 4)) ** 2 / 4,
        low=0.0,
    ),
    stats.fisk: Law(
        lambda x, c: np.log(c) + sc.xlogy(c - 1, x) - 2 * np.log1p(x**c),
        logcdf=lambda x, c: sc.log_expit(c * np.log(x)),
        logsf=lambda x, c: sc.log_expit(-c * np.log(x)),
        ppf=lambda q, c: np.exp(sc.logit(q) / c),
        isf=lambda q, c: np.exp(-sc.logit(q) / c),
        low=0.0,
    ),
    stats.foldcauchy: Law(
        lambda x, c: np.log(1 / (1 + (x - c) ** 2) + 1 / (1 + (x + c) ** 2)) - LOG_PI,
        cdf=lambda x, c: (np.arctan(x - c) + np.arctan(x + c)) / np.pi,
        low=0.0,
        valid=not_negative,
    ),
    stats.foldnorm: Law(
        lambda x, c: np.logaddexp(bell(x - c), bell(x + c)),
        cdf=lambda x, c: (sc.erf((x - c) * ROOT_HALF) + sc.erf((x + c) * ROOT_HALF)) / 2,
        sf=lambda x, c: (sc.erfc((x - c) * ROOT_HALF) + sc.erfc((x + c) * ROOT_HALF)) / 2,
        low=0.0,
        valid=not_negative,
    ),
    stats.gamma: Law(
        lambda x, a: sc.xlogy(a - 1, x) - x - sc.gammaln(a),
        cdf=lambda x, a: sc.gammainc(a, x),
        sf=lambda x, a: sc.gammaincc(a, x),
        ppf=lambda q, a: sc.gammaincinv(a, q),
        isf=lambda q, a: sc.gammainccinv(a, q),
        low=0.0,
    ),
    stats.genexpon: Law(
        lambda x, a, b, c: np.log(a - b * np.expm1(-c * x)) - (a + b) * x - b / c * np.expm1(-c * x),
        cdf=lambda x, a, b, c: -np.expm1(-(a + b) * x - b / c * np.expm1(-c * x)),
        logsf=lambda x, a, b, c: -(a + b) * x - b / c * np.expm1(-c * x),
        low=0.0,
    ),
    stats.gengamma: Law(
        lambda x, a, c: np.log(np.abs(c)) + sc.xlogy(c * a - 1, x) - x**c - sc.gammaln(a),
        cdf=lambda x, a, c: np.where(np.greater(c, 0), sc.gammainc(a, x**c), sc.gammaincc(a, x**c)),
        sf=lambda x, a, c: np.where(np.greater(c, 0), sc.gammaincc(a, x**c), sc.gammainc(a, x**c)),
        low=0.0,
        valid=lambda a, c: all_of(np.greater(a, 0), np.not_equal(c, 0)),
    ),
    stats.geninvgauss: Law(
        lambda x, p, b: (p - 1) * np.log(x) - b * (x + 1 / x - 2) / 2 - np.log(2 * sc.kve(p, b)),
        low=0.0,
        valid=lambda p, b: np.greater(b, 0),
    ),
    stats.genpareto: Law(
        lambda x, c: -(c + 1) * log_by(c, x),
        cdf=lambda x, c: -np.expm1(-log_by(c, x)),
        logsf=lambda x, c: -log_by(c, x),
        ppf=lambda q, c: -np.log1p(-q) * sc.exprel(-c * np.log1p(-q)),
        isf=lambda q, c: -np.log(q) * sc.exprel(-c * np.log(q)),
        low=0.0,
        high=lambda c: np.where(np.less(c, 0), -1 / np.where(np.less(c, 0), c, 1.0), np.inf),
        valid=anything,
    ),
    stats.gompertz: Law(
        lambda x, c: np.log(c) + x - c * np.expm1(x),
        cdf=lambda x, c: -np.expm1(-c * np.expm1(x)),
        logsf=lambda x, c: -c * np.expm1(x),
        ppf=lambda q, c: np.log1p(-np.log1p(-q) / c),
        low=0.0,
    ),
    stats.halfcauchy: Law(
        lambda x: LOG_TWO - LOG_PI - np.log1p(x * x),
        cdf=lambda x: 2 / np.pi * np.arctan(x),
        sf=lambda x: 2 / np.pi * np.arctan2(1, x),
        ppf=lambda q: np.tan(np.pi / 2 * q),
        isf=lambda q: 1 / np.tan(np.pi / 2 * q),
        low=0.0,
    ),
    stats.halfgennorm: Law(
        lambda x, b: np.log(b) - sc.gammaln(1 / b) - x**b,
        cdf=lambda x, b: sc.gammainc(1 / b, x**b),
        sf=lambda x, b: sc.gammaincc(1 / b, x**b),
        ppf=lambda q, b: sc.gammaincinv(1 / b, q) ** (1 / b),
        low=0.0,
    ),
    stats.halflogistic: Law(
        lambda x: LOG_TWO + sc.log_expit(x) + sc.log_expit(-x),
        cdf=lambda x: np.tanh(x / 2),
        sf=lambda x: 2 * sc.expit(-x),
        ppf=lambda q: 2 * np.arctanh(q),
        isf=lambda q: -sc.logit(q / 2),
        low=0.0,
    ),
    stats.halfnorm: Law(
        lambda x: LOG_TWO + bell(x),
        cdf=lambda x: sc.erf(x * ROOT_HALF),
        sf=lambda x: 2 * sc.ndtr(-x),
        logsf=lambda x: LOG_TWO + sc.log_ndtr(-x),
        ppf=lambda q: sc.ndtri((1 + q) / 2),
        isf=lambda q: -sc.ndtri(q / 2),
        low=0.0,
    ),
    stats.invgamma: Law(
        lambda x, a: -(a + 1) * np.log(x) - sc.gammaln(a) - 1 / x,
        cdf=lambda x, a: sc.gammaincc(a, 1 / x),
        sf=lambda x, a: sc.gammainc(a, 1 / x),
        ppf=lambda q, a: 1 / sc.gammainccinv(a, q),
        isf=lambda q, a: 1 / sc.gammaincinv(a, q),
        low=0.0,
    ),
    stats.invgauss: Law(
        lambda x, mu: -HALF_LOG_TWO_PI - 1.5 * np.log(x) - ((x - mu) / mu) ** 2 / (2 * x),
        logcdf=lambda x, mu: _inverse_gauss(x, mu, 1.0),
        logsf=lambda x, mu: _inverse_gauss(x, mu, -1.0),
        low=0.0,
    ),
    stats.invweibull: Law(
        lambda x, c: np.log(c) - (c + 1) * np.log(x) - x**-c,
        logcdf=lambda x, c: -(x**-c),
        sf=lambda x, c: -np.expm1(-(x**-c)),
        ppf=lambda q, c: (-np.log(q)) ** (-1 / c),
        isf=lambda q, c: (-np.log1p(-q)) ** (-1 / c),
        low=0.0,
    ),
    stats.kappa3: Law(
        lambda x, a: np.log(a) - (1 + 1 / a) * np.log(a + x**a),
        logcdf=lambda x, a: np.log(x) - np.log(a + x**a) / a,
        low=0.0,
    ),
    stats.kstwobign: Law(
        None,
        sf=lambda x: sc.kolmogorov(x),
        isf=lambda q: sc.kolmogi(q),
        low=0.0,
    ),
    stats.levy: Law(
        lambda x: -HALF_LOG_TWO_PI - 1.5 * np.log(x) - 1 / (2 * x),
        cdf=lambda x: sc.erfc(np.sqrt(0.5 / x)),
        sf=lambda x: sc.erf(np.sqrt(0.5 / x)),
        ppf=lambda q: 1 / sc.ndtri(q / 2) ** 2,
        isf=lambda q: 1 / (2 * sc.erfinv(q) ** 2),
        low=0.0,
    ),
    stats.levy_l: Law(
        lambda x: -HALF_LOG_TWO_PI - 1.5 * np.log(-x) + 1 / (2 * x),
        cdf=lambda x: sc.erf(np.sqrt(-0.5 / x)),
        sf=lambda x: sc.erfc(np.sqrt(-0.5 / x)),
        ppf=lambda q: -1 / (2 * sc.erfinv(q) ** 2),
        high=0.0,
    ),
    stats.loglaplace: Law(
        lambda x, c: np.log(c / 2) + np.where(np.less(x, 1), c - 1, -c - 1) * np.log(x),
        cdf=lambda x, c: by_sign(x - 1, np.exp(-c * np.abs(np.log(x))) / 2),
        sf=lambda x, c: by_sign(1 - x, np.exp(-c * np.abs(np.log(x))) / 2),
        low=0.0,
    ),
    stats.lognorm: Law(
        lambda x, s: bell(np.log(x) / s) - np.log(s * x),
        cdf=lambda x, s: sc.ndtr(np.log(x) / s),
        sf=lambda x, s: sc.ndtr(-np.log(x) / s),
        logcdf=lambda x, s: sc.log_ndtr(np.log(x) / s),
        logsf=lambda x, s: sc.log_ndtr(-np.log(x) / s),
        ppf=lambda q, s: np.exp(s * sc.ndtri(q)),
        isf=lambda q, s: np.exp(-s * sc.ndtri(q)),
        low=0.0,
    ),
    stats.lomax: Law(
        lambda x, c: np.log(c) - (c + 1) * np.log1p(x),
        cdf=lambda x, c: -np.expm1(-c * np.log1p(x)),
        logsf=lambda x, c: -c * np.log1p(x),
        ppf=lambda q, c: np.expm1(-np.log1p(-q) / c),
        isf=lambda q, c: np.expm1(-np.log(q) / c),
        low=0.0,
    ),
    stats.maxwell: Law(
        lambda x: LOG_TWO - HALF_LOG_TWO_PI + 2 * np.log(x) - x * x / 2,
        cdf=lambda x: sc.gammainc(1.5, x * x / 2),
        sf=lambda x: sc.gammaincc(1.5, x * x / 2),
        ppf=lambda q: np.sqrt(2 * sc.gammaincinv(1.5, q)),
        isf=lambda q: np.sqrt(2 * sc.gammainccinv(1.5, q)),
        low=0.0,
    ),
    stats.mielke: Law(
        lambda x, k, s: np.log(k) + sc.xlogy(k - 1, x) - (1 + k / s) * np.log1p(x**s),
        logcdf=lambda x, k, s: k / s * sc.log_expit(s * np.log(x)),
        low=0.0,
    ),
    stats.nakagami: Law(
        lambda x, nu: LOG_TWO + sc.xlogy(nu, nu) - sc.gammaln(nu) + sc.xlogy(2 * nu - 1, x) - nu * x * x,
        cdf=lambda x, nu: sc.gammainc(nu, nu * x * x),
        sf=lambda x, nu: sc.gammaincc(nu, nu * x * x),
        ppf=lambda q, nu: np.sqrt(sc.gammaincinv(nu, q) / nu),
        isf=lambda q, nu: np.sqrt(sc.gammainccinv(nu, q) / nu),
        low=0.0,
    ),
    stats.ncf: Law(
        None,
        cdf=lambda x, n, d, nc: sc.ncfdtr(n, d, nc, x),
        ppf=lambda q, n, d, nc: sc.ncfdtri(n, d, nc, q),
        low=0.0,
        valid=lambda n, d, nc: all_of(np.greater(n, 0), np.greater(d, 0), np.greater_equal(nc, 0)),
    ),
    stats.ncx2: Law(
        lambda x, df, nc: (
            sc.xlogy((df - 2) / 4, x / nc)
            - (np.sqrt(x) - np.sqrt(nc)) ** 2 / 2
            - LOG_TWO
            + np.log(sc.ive(df / 2 - 1, np.sqrt(nc * x)))
        ),
        cdf=lambda x, df, nc: sc.chndtr(x, df, nc),
        ppf=lambda q, df, nc: sc.chndtrix(q, df, nc),
        low=0.0,
    ),
    stats.pareto: Law(
        lambda x, b: np.log(b) - (b + 1) * np.log(x),
        cdf=lambda x, b: -np.expm1(-b * np.log(x)),
        logsf=lambda x, b: -b * np.log(x),
        ppf=lambda q, b: np.exp(-np.log1p(-q) / b),
        isf=lambda q, b: np.exp(-np.log(q) / b),
        low=1.0,
    ),
    stats.powerlognorm: Law(
        lambda x, c, s: (
            np.log(c) - np.log(s * x) + bell(np.log(x) / s) + (c - 1) * sc.log_ndtr(-np.log(x) / s)
        ),
        cdf=lambda x, c, s: -np.expm1(c * sc.log_ndtr(-np.log(x) / s)),
        logsf=lambda x, c, s: c * sc.log_ndtr(-np.log(x) / s),
        ppf=lambda q, c, s: np.exp(-s * sc.ndtri_exp(np.log1p(-q) / c)),
        low=0.0,
    ),
    stats.rayleigh: Law(
        lambda x: np.log(x) - x * x / 2,
        cdf=lambda x: -np.expm1(-x * x / 2),
        logsf=lambda x: -x * x / 2,
        ppf=lambda q: np.sqrt(-2 * np.log1p(-q)),
        isf=lambda q: np.sqrt(-2 * np.log(q)),
        low=0.0,
    ),
    stats.recipinvgauss: Law(
        lambda x, mu: -np.square(1 - mu * x) / (2 * x * mu * mu) - HALF_LOG_TWO_PI - np.log(x) / 2,
        logcdf=lambda x, mu: _inverse_gauss(1 / x, mu, -1.0),
        logsf=lambda x, mu: _inverse_gauss(1 / x, mu, 1.0),
        low=0.0,
    ),
    stats.rel_breitwigner: Law(
        lambda x, rho: (
            np.log(np.sqrt(2 * (1 + 1 / rho**2) / (1 + np.sqrt(1 + 1 / rho**2))) * 2 / np.pi)
            - np.log1p(np.square((x - rho) * (x + rho) / rho))
        ),
        low=0.0,
    ),
    stats.rice: Law(
        lambda x, b: np.log(x) - (x - b) ** 2 / 2 + np.log(sc.i0e(x * b)),
        cdf=lambda x, b: sc.chndtr(x * x, 2.0, b * b),
        ppf=lambda q, b: np.sqrt(sc.chndtrix(q, 2.0, b * b)),
        low=0.0,
        valid=not_negative,
    ),
    stats.weibull_max: Law(
        lambda x, c: np.log(c) + sc.xlogy(c - 1, -x) - (-x) ** c,
        logcdf=lambda x, c: -((-x) ** c),
        sf=lambda x, c: -np.expm1(-((-x) ** c)),
        ppf=lambda q, c: -((-np.log(q)) ** (1 / c)),
        high=0.0,
    ),
    stats.weibull_min: Law(
        lambda x, c: np.log(c) + sc.xlogy(c - 1, x) - x**c,
        cdf=lambda x, c: -np.expm1(-(x**c)),
        logsf=lambda x, c: -(x**c),
        ppf=lambda q, c: (-np.log1p(-q)) ** (1 / c),
        isf=lambda q, c: (-np.log(q)) ** (1 / c),
        low=0.0,
    ),
}

LAWS[stats.erlang] = LAWS[stats.gamma]
LAWS[stats.gibrat] = with_shapes(LAWS[stats.lognorm], 1.0)
LAWS[stats.wald] = with_shapes(LAWS[stats.invgauss], 1.0)
