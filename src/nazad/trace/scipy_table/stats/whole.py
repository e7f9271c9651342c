"""Laws of whole numbers, which do not move: by them there is no derivative."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special as sc
from scipy import stats

from nazad.graph import Value
from nazad.trace.scipy_table.stats.law import Law, all_of, not_negative


def _is_probability(p: Value) -> Value:
    return all_of(np.greater_equal(p, 0), np.less_equal(p, 1))


def _is_trial(n: Value, p: Value) -> Value:
    return all_of(np.greater_equal(n, 0), _is_probability(p))


LAWS: dict[Any, Law] = {
    stats.bernoulli: Law(
        lambda k, p: sc.xlogy(k, p) + sc.xlog1py(1 - k, -p),
        cdf=lambda k, p: 1 - p,
        sf=lambda k, p: p,
        low=0.0,
        high=1.0,
        valid=_is_probability,
        whole=True,
    ),
    stats.betabinom: Law(
        lambda k, n, a, b: (
            -np.log(n + 1) - sc.betaln(n - k + 1, k + 1) + sc.betaln(k + a, n - k + b) - sc.betaln(a, b)
        ),
        low=0.0,
        high=lambda n, a, b: n,
        valid=lambda n, a, b: all_of(np.greater_equal(n, 0), np.greater(a, 0), np.greater(b, 0)),
        whole=True,
    ),
    stats.betanbinom: Law(
        lambda k, n, a, b: -np.log(n + k) - sc.betaln(n, k + 1) + sc.betaln(a + n, b + k) - sc.betaln(a, b),
        low=0.0,
        whole=True,
    ),
    stats.binom: Law(
        lambda k, n, p: (
            sc.gammaln(n + 1)
            - sc.gammaln(k + 1)
            - sc.gammaln(n - k + 1)
            + sc.xlogy(k, p)
            + sc.xlog1py(n - k, -p)
        ),
        cdf=lambda k, n, p: sc.betaincc(k + 1, n - k, p),
        sf=lambda k, n, p: sc.betainc(k + 1, n - k, p),
        low=0.0,
        high=lambda n, p: n,
        valid=_is_trial,
        whole=True,
    ),
    stats.boltzmann: Law(
        lambda k, rate, n: np.log(np.expm1(-rate) / np.expm1(-rate * n)) - rate * k,
        cdf=lambda k, rate, n: np.expm1(-rate * (k + 1)) / np.expm1(-rate * n),
        low=0.0,
        high=lambda rate, n: n - 1.0,
        whole=True,
    ),
    stats.dlaplace: Law(
        lambda k, a: np.log(np.tanh(a / 2)) - a * np.abs(k),
        whole=True,
    ),
    stats.geom: Law(
        lambda k, p: sc.xlog1py(k - 1, -p) + np.log(p),
        cdf=lambda k, p: -np.expm1(k * np.log1p(-p)),
        logsf=lambda k, p: k * np.log1p(-p),
        low=1.0,
        valid=lambda p: all_of(np.greater(p, 0), np.less_equal(p, 1)),
        whole=True,
    ),
    stats.logser: Law(
        lambda k, p: k * np.log(p) - np.log(k) - np.log(-np.log1p(-p)),
        low=1.0,
        valid=lambda p: all_of(np.greater(p, 0), np.less(p, 1)),
        whole=True,
    ),
    stats.nbinom: Law(
        lambda k, n, p: (
            sc.gammaln(n + k) - sc.gammaln(k + 1) - sc.gammaln(n) + sc.xlogy(n, p) + sc.xlog1py(k, -p)
        ),
        cdf=lambda k, n, p: sc.betainc(n, k + 1, p),
        sf=lambda k, n, p: sc.betaincc(n, k + 1, p),
        low=0.0,
        valid=lambda n, p: all_of(np.greater(n, 0), np.greater(p, 0), np.less_equal(p, 1)),
        whole=True,
    ),
    stats.planck: Law(
        lambda k, rate: np.log(-np.expm1(-rate)) - rate * k,
        cdf=lambda k, rate: -np.expm1(-rate * (k + 1)),
        logsf=lambda k, rate: -rate * (k + 1),
        low=0.0,
        whole=True,
    ),
    stats.poisson: Law(
        lambda k, mu: sc.xlogy(k, mu) - sc.gammaln(k + 1) - mu,
        cdf=lambda k, mu: sc.pdtr(k, mu),
        sf=lambda k, mu: sc.pdtrc(k, mu),
        low=0.0,
        valid=not_negative,
        whole=True,
    ),
    stats.skellam: Law(
        lambda k, a, b: (
            -((np.sqrt(a) - np.sqrt(b)) ** 2)
            + k / 2 * (np.log(a) - np.log(b))
            + np.log(sc.ive(np.abs(np.nan_to_num(k)).astype(int), 2 * np.sqrt(a * b)))
        ),
        whole=True,
    ),
    stats.yulesimon: Law(
        lambda k, a: np.log(a) + sc.betaln(k, a + 1),
        sf=lambda k, a: k * sc.beta(k, a + 1),
        low=1.0,
        whole=True,
    ),
    stats.zipf: Law(
        lambda k, a: -a * np.log(k) - np.log(sc.zeta(a, 1.0)),
        low=1.0,
        valid=lambda a: np.greater(a, 1),
        whole=True,
    ),
}
