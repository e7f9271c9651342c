"""Laws of all real numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special as sc
from scipy import stats

from nazad.trace.scipy_table.stats.law import Law, all_of, anything, not_negative
from nazad.trace.scipy_table.stats.pieces import (
    HALF_LOG_TWO_PI,
    LOG_PI,
    LOG_TWO,
    ROOT_HALF,
    bell,
    by_sign,
    log_by,
)

VON_MISES = Law(
    lambda x, kappa: kappa * sc.cosm1(x) - 2 * HALF_LOG_TWO_PI - np.log(sc.i0e(kappa)),
    valid=not_negative,
)
"""The same formula at all angles, of which SciPy has them all or one turn."""

LAWS: dict[Any, Law] = {
    stats.cauchy: Law(
        lambda x: -LOG_PI - np.log1p(x * x),
        cdf=lambda x: np.arctan2(1, -x) / np.pi,
        sf=lambda x: np.arctan2(1, x) / np.pi,
        ppf=lambda q: np.tan(np.pi * q - np.pi / 2),
        isf=lambda q: np.tan(np.pi / 2 - np.pi * q),
    ),
    stats.dgamma: Law(
        lambda x, a: sc.xlogy(a - 1, np.abs(x)) - np.abs(x) - LOG_TWO - sc.gammaln(a),
        cdf=lambda x, a: by_sign(x, sc.gammaincc(a, np.abs(x)) / 2),
        sf=lambda x, a: by_sign(-x, sc.gammaincc(a, np.abs(x)) / 2),
    ),
    stats.dweibull: Law(
        lambda x, c: np.log(c) - LOG_TWO + sc.xlogy(c - 1, np.abs(x)) - np.abs(x) ** c,
        cdf=lambda x, c: by_sign(x, np.exp(-(np.abs(x) ** c)) / 2),
        sf=lambda x, c: by_sign(-x, np.exp(-(np.abs(x) ** c)) / 2),
    ),
    stats.exponnorm: Law(
        lambda x, k: 1 / (2 * k * k) - x / k + sc.log_ndtr(x - 1 / k) - np.log(k),
        cdf=lambda x, k: sc.ndtr(x) - np.exp(1 / (2 * k * k) - x / k + sc.log_ndtr(x - 1 / k)),
        sf=lambda x, k: sc.ndtr(-x) + np.exp(1 / (2 * k * k) - x / k + sc.log_ndtr(x - 1 / k)),
    ),
    stats.genextreme: Law(
        lambda x, c: -np.exp(-log_by(-c, x)) - log_by(-c, x) - np.log1p(-c * x),
        logcdf=lambda x, c: -np.exp(-log_by(-c, x)),
        sf=lambda x, c: -np.expm1(-np.exp(-log_by(-c, x))),
        ppf=lambda q, c: -np.log(-np.log(q)) * sc.exprel(c * np.log(-np.log(q))),
        low=lambda c: np.where(np.less(c, 0), 1 / np.where(np.less(c, 0), c, 1.0), -np.inf),
        high=lambda c: np.where(np.greater(c, 0), 1 / np.where(np.greater(c, 0), c, 1.0), np.inf),
        valid=anything,
    ),
    stats.genhyperbolic: Law(
        lambda x, p, a, b: (
            p / 2 * np.log((a - b) * (a + b))
            + np.sqrt((a - b) * (a + b))
            - np.log(sc.kve(p, np.sqrt((a - b) * (a + b))))
            - HALF_LOG_TWO_PI
            - (p - 0.5) * np.log(a)
            + (p / 2 - 0.25) * np.log1p(x * x)
            + np.log(sc.kve(p - 0.5, a * np.hypot(1, x)))
            - a * np.hypot(1, x)
            + b * x
        ),
        valid=lambda p, a, b: all_of(np.greater(a, 0), np.less(np.abs(b), a)),
    ),
    stats.genlogistic: Law(
        lambda x, c: np.log(c) - x + (c + 1) * sc.log_expit(x),
        logcdf=lambda x, c: c * sc.log_expit(x),
        sf=lambda x, c: -np.expm1(c * sc.log_expit(x)),
        ppf=lambda q, c: -np.log(np.expm1(-np.log(q) / c)),
    ),
    stats.gennorm: Law(
        lambda x, b: np.log(b / 2) - sc.gammaln(1 / b) - np.abs(x) ** b,
        cdf=lambda x, b: by_sign(x, sc.gammaincc(1 / b, np.abs(x) ** b) / 2),
        sf=lambda x, b: by_sign(-x, sc.gammaincc(1 / b, np.abs(x) ** b) / 2),
    ),
    stats.gumbel_l: Law(
        lambda x: x - np.exp(x),
        cdf=lambda x: -np.expm1(-np.exp(x)),
        logsf=lambda x: -np.exp(x),
        ppf=lambda q: np.log(-np.log1p(-q)),
        isf=lambda q: np.log(-np.log(q)),
    ),
    stats.gumbel_r: Law(
        lambda x: -x - np.exp(-x),
        logcdf=lambda x: -np.exp(-x),
        sf=lambda x: -np.expm1(-np.exp(-x)),
        ppf=lambda q: -np.log(-np.log(q)),
        isf=lambda q: -np.log(-np.log1p(-q)),
    ),
    stats.hypsecant: Law(
        lambda x: LOG_TWO - LOG_PI - np.logaddexp(x, -x),
        cdf=lambda x: 2 / np.pi * np.arctan(np.exp(x)),
        sf=lambda x: 2 / np.pi * np.arctan(np.exp(-x)),
        ppf=lambda q: np.log(np.tan(np.pi / 2 * q)),
    ),
    stats.jf_skew_t: Law(
        lambda x, a, b: (
            (a + 0.5) * np.log1p(x / np.sqrt(a + b + x * x))
            + (b + 0.5) * np.log1p(-x / np.sqrt(a + b + x * x))
            - (a + b - 1) * LOG_TWO
            - sc.betaln(a, b)
            - np.log(a + b) / 2
        ),
        cdf=lambda x, a, b: sc.betainc(a, b, (1 + x / np.sqrt(a + b + x * x)) / 2),
        sf=lambda x, a, b: sc.betaincc(a, b, (1 + x / np.sqrt(a + b + x * x)) / 2),
    ),
    stats.johnsonsu: Law(
        lambda x, a, b: np.log(b) - np.log1p(x * x) / 2 + bell(a + b * np.arcsinh(x)),
        logcdf=lambda x, a, b: sc.log_ndtr(a + b * np.arcsinh(x)),
        logsf=lambda x, a, b: sc.log_ndtr(-a - b * np.arcsinh(x)),
        ppf=lambda q, a, b: np.sinh((sc.ndtri(q) - a) / b),
        valid=lambda a, b: np.greater(b, 0),
    ),
    stats.laplace: Law(
        lambda x: -np.abs(x) - LOG_TWO,
        cdf=lambda x: by_sign(x, np.exp(-np.abs(x)) / 2),
        sf=lambda x: by_sign(-x, np.exp(-np.abs(x)) / 2),
        ppf=lambda q: np.where(np.less(q, 0.5), np.log(2 * q), -np.log(2 - 2 * q)),
    ),
    stats.laplace_asymmetric: Law(
        lambda x, k: np.where(np.less(x, 0), x / k, -x * k) - np.log(k + 1 / k),
        cdf=lambda x, k: np.where(
            np.less(x, 0),
            np.exp(np.minimum(x, 0) / k) * k * k / (1 + k * k),
            1 - np.exp(-np.maximum(x, 0) * k) / (1 + k * k),
        ),
    ),
    stats.loggamma: Law(
        lambda x, c: c * x - np.exp(x) - sc.gammaln(c),
        cdf=lambda x, c: sc.gammainc(c, np.exp(x)),
        sf=lambda x, c: sc.gammaincc(c, np.exp(x)),
        ppf=lambda q, c: np.log(sc.gammaincinv(c, q)),
        isf=lambda q, c: np.log(sc.gammainccinv(c, q)),
    ),
    stats.logistic: Law(
        lambda x: sc.log_expit(x) + sc.log_expit(-x),
        logcdf=lambda x: sc.log_expit(x),
        logsf=lambda x: sc.log_expit(-x),
        ppf=lambda q: sc.logit(q),
        isf=lambda q: -sc.logit(q),
    ),
    stats.moyal: Law(
        lambda x: -(x + np.exp(-x)) / 2 - HALF_LOG_TWO_PI,
        cdf=lambda x: sc.erfc(np.exp(-x / 2) * ROOT_HALF),
        sf=lambda x: sc.erf(np.exp(-x / 2) * ROOT_HALF),
        ppf=lambda q: -np.log(2 * sc.erfcinv(q) ** 2),
    ),
    stats.nct: Law(
        None,
        cdf=lambda x, df, nc: sc.nctdtr(df, nc, x),
        ppf=lambda q, df, nc: sc.nctdtrit(df, nc, q),
        valid=lambda df, nc: np.greater(df, 0),
    ),
    stats.norm: Law(
        lambda x: bell(x),
        cdf=lambda x: sc.ndtr(x),
        sf=lambda x: sc.ndtr(-x),
        logcdf=lambda x: sc.log_ndtr(x),
        logsf=lambda x: sc.log_ndtr(-x),
        ppf=lambda q: sc.ndtri(q),
        isf=lambda q: -sc.ndtri(q),
    ),
    stats.norminvgauss: Law(
        lambda x, a, b: (
            np.log(a)
            - LOG_PI
            + np.sqrt((a - b) * (a + b))
            + b * x
            - a * np.hypot(1, x)
            + np.log(sc.k1e(a * np.hypot(1, x)))
            - np.log1p(x * x) / 2
        ),
        valid=lambda a, b: all_of(np.greater(a, 0), np.less(np.abs(b), a)),
    ),
    stats.powernorm: Law(
        lambda x, c: np.log(c) + bell(x) + (c - 1) * sc.log_ndtr(-x),
        cdf=lambda x, c: -np.expm1(c * sc.log_ndtr(-x)),
        logsf=lambda x, c: c * sc.log_ndtr(-x),
        ppf=lambda q, c: -sc.ndtri_exp(np.log1p(-q) / c),
    ),
    stats.skewcauchy: Law(
        lambda x, a: -LOG_PI - np.log1p(np.square(x / (1 + a * np.sign(x)))),
        cdf=lambda x, a: (1 - a) / 2 + (1 + a * np.sign(x)) / np.pi * np.arctan(x / (1 + a * np.sign(x))),
        valid=lambda a: np.less(np.abs(a), 1),
    ),
    stats.skewnorm: Law(
        lambda x, a: LOG_TWO + bell(x) + sc.log_ndtr(a * x),
        cdf=lambda x, a: sc.ndtr(x) - 2 * sc.owens_t(x, a),
        sf=lambda x, a: sc.ndtr(-x) + 2 * sc.owens_t(x, a),
        valid=anything,
    ),
    stats.t: Law(
        lambda x, df: -(df + 1) / 2 * np.log1p(x * x / df) - np.log(df) / 2 - sc.betaln(df / 2, 0.5),
        cdf=lambda x, df: sc.stdtr(df, x),
        sf=lambda x, df: sc.stdtr(df, -x),
        ppf=lambda q, df: sc.stdtrit(df, q),
        isf=lambda q, df: -sc.stdtrit(df, q),
    ),
    stats.tukeylambda: Law(
        lambda x, p: -np.log(sc.tklmbda(x, p) ** (p - 1) + (1 - sc.tklmbda(x, p)) ** (p - 1)),
        cdf=lambda x, p: sc.tklmbda(x, p),
        ppf=lambda q, p: sc.boxcox(q, p) - sc.boxcox1p(-q, p),
        low=lambda p: np.where(np.greater(p, 0), -1 / np.where(np.greater(p, 0), p, 1.0), -np.inf),
        high=lambda p: np.where(np.greater(p, 0), 1 / np.where(np.greater(p, 0), p, 1.0), np.inf),
        valid=anything,
    ),
    stats.vonmises: VON_MISES,
}
