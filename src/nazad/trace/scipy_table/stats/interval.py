"""Laws of the numbers between two points."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import special as sc
from scipy import stats

from nazad.graph import Value
from nazad.trace.scipy_table.stats.law import Law, all_of
from nazad.trace.scipy_table.stats.line import VON_MISES
from nazad.trace.scipy_table.stats.pieces import (
    HALF_LOG_TWO_PI,
    LOG_PI,
    LOG_TWO,
    bell,
)


def _part(x: Value, c: Value) -> Value:
    """x / c, of no consequence where c is 0."""
    return x / np.where(np.equal(c, 0), 1.0, c)


def _mass(a: Value, b: Value) -> Value:
    """The logarithm of what the normal distribution has between a and b, taken where it is small."""
    right = np.greater(a, 0)
    low, high = np.where(right, -b, a), np.where(right, -a, b)
    top = sc.log_ndtr(high)
    return top + np.log1p(-np.exp(sc.log_ndtr(low) - top))


def _truncated_quantile(q: Value, a: Value, b: Value) -> Value:
    """Counted from the end that is nearer to zero."""
    right, mass = np.greater(a, 0), _mass(a, b)
    end, share = np.where(right, -b, a), np.where(right, np.log1p(-q), np.log(q))
    x = sc.ndtri_exp(np.logaddexp(sc.log_ndtr(end), share + mass))
    return np.where(right, -x, x)


LAWS: dict[Any, Law] = {
    stats.anglit: Law(
        lambda x: np.log(np.cos(2 * x)),
        cdf=lambda x: np.sin(x + np.pi / 4) ** 2,
        ppf=lambda q: np.arcsin(np.sqrt(q)) - np.pi / 4,
        low=-math.pi / 4,
        high=math.pi / 4,
    ),
    stats.arcsine: Law(
        lambda x: -LOG_PI - (np.log(x) + np.log1p(-x)) / 2,
        cdf=lambda x: 2 / np.pi * np.arcsin(np.sqrt(x)),
        ppf=lambda q: np.sin(np.pi / 2 * q) ** 2,
        low=0.0,
        high=1.0,
    ),
    stats.argus: Law(
        lambda x, chi: (
            3 * np.log(chi)
            - HALF_LOG_TWO_PI
            - np.log(sc.gammainc(1.5, chi * chi / 2) / 2)
            + np.log(x)
            + np.log1p(-x * x) / 2
            - chi * chi * (1 - x * x) / 2
        ),
        sf=lambda x, chi: sc.gammainc(1.5, chi * chi * (1 - x * x) / 2) / sc.gammainc(1.5, chi * chi / 2),
        low=0.0,
        high=1.0,
    ),
    stats.beta: Law(
        lambda x, a, b: sc.xlog1py(b - 1, -x) + sc.xlogy(a - 1, x) - sc.betaln(a, b),
        cdf=lambda x, a, b: sc.betainc(a, b, x),
        sf=lambda x, a, b: sc.betaincc(a, b, x),
        ppf=lambda q, a, b: sc.betaincinv(a, b, q),
        isf=lambda q, a, b: sc.betainccinv(a, b, q),
        low=0.0,
        high=1.0,
    ),
    stats.bradford: Law(
        lambda x, c: np.log(c) - np.log1p(c * x) - np.log(np.log1p(c)),
        cdf=lambda x, c: np.log1p(c * x) / np.log1p(c),
        ppf=lambda q, c: np.expm1(q * np.log1p(c)) / c,
        low=0.0,
        high=1.0,
    ),
    stats.cosine: Law(
        lambda x: np.log1p(np.cos(x)) - math.log(2 * math.pi),
        cdf=lambda x: (np.pi + x + np.sin(x)) / (2 * np.pi),
        low=-math.pi,
        high=math.pi,
    ),
    stats.genhalflogistic: Law(
        lambda x, c: LOG_TWO + (1 / c - 1) * np.log1p(-c * x) - 2 * np.log1p((1 - c * x) ** (1 / c)),
        cdf=lambda x, c: np.tanh(-np.log1p(-c * x) / (2 * c)),
        ppf=lambda q, c: -np.expm1(-2 * c * np.arctanh(q)) / c,
        low=0.0,
        high=lambda c: 1 / c,
    ),
    stats.johnsonsb: Law(
        lambda x, a, b: np.log(b) - np.log(x) - np.log1p(-x) + bell(a + b * sc.logit(x)),
        logcdf=lambda x, a, b: sc.log_ndtr(a + b * sc.logit(x)),
        logsf=lambda x, a, b: sc.log_ndtr(-a - b * sc.logit(x)),
        ppf=lambda q, a, b: sc.expit((sc.ndtri(q) - a) / b),
        low=0.0,
        high=1.0,
        valid=lambda a, b: np.greater(b, 0),
    ),
    stats.loguniform: Law(
        lambda x, a, b: -np.log(x) - np.log(np.log(b) - np.log(a)),
        cdf=lambda x, a, b: (np.log(x) - np.log(a)) / (np.log(b) - np.log(a)),
        ppf=lambda q, a, b: np.exp(np.log(a) + q * (np.log(b) - np.log(a))),
        low=lambda a, b: a,
        high=lambda a, b: b,
        valid=lambda a, b: all_of(np.greater(a, 0), np.less(a, b)),
    ),
    stats.powerlaw: Law(
        lambda x, a: np.log(a) + sc.xlogy(a - 1, x),
        logcdf=lambda x, a: a * np.log(x),
        ppf=lambda q, a: q ** (1 / a),
        low=0.0,
        high=1.0,
    ),
    stats.rdist: Law(
        lambda x, c: (c / 2 - 1) * np.log1p(-x * x) - sc.betaln(0.5, c / 2),
        cdf=lambda x, c: sc.betainc(c / 2, c / 2, (x + 1) / 2),
        sf=lambda x, c: sc.betaincc(c / 2, c / 2, (x + 1) / 2),
        ppf=lambda q, c: 2 * sc.betaincinv(c / 2, c / 2, q) - 1,
        low=-1.0,
        high=1.0,
    ),
    stats.semicircular: Law(
        lambda x: LOG_TWO - LOG_PI + np.log1p(-x * x) / 2,
        cdf=lambda x: 0.5 + (x * np.sqrt((1 - x) * (1 + x)) + np.arcsin(x)) / np.pi,
        low=-1.0,
        high=1.0,
    ),
    stats.triang: Law(
        lambda x, c: np.log(2 * np.where(np.less(x, c), _part(x, c), _part(1 - x, 1 - c))),
        cdf=lambda x, c: np.where(np.less(x, c), x * _part(x, c), 1 - (1 - x) * _part(1 - x, 1 - c)),
        ppf=lambda q, c: np.where(np.less(q, c), np.sqrt(c * q), 1 - np.sqrt((1 - c) * (1 - q))),
        low=0.0,
        high=1.0,
        valid=lambda c: all_of(np.greater_equal(c, 0), np.less_equal(c, 1)),
    ),
    stats.truncexpon: Law(
        lambda x, b: -x - np.log(-np.expm1(-b)),
        cdf=lambda x, b: np.expm1(-x) / np.expm1(-b),
        ppf=lambda q, b: -np.log1p(q * np.expm1(-b)),
        low=0.0,
        high=lambda b: b,
    ),
    stats.truncnorm: Law(
        lambda x, a, b: bell(x) - _mass(a, b),
        logcdf=lambda x, a, b: _mass(a, x) - _mass(a, b),
        logsf=lambda x, a, b: _mass(x, b) - _mass(a, b),
        ppf=lambda q, a, b: _truncated_quantile(q, a, b),
        low=lambda a, b: a,
        high=lambda a, b: b,
        valid=lambda a, b: np.less(a, b),
    ),
    stats.truncpareto: Law(
        lambda x, b, c: np.log(b) - np.log(-np.expm1(-b * np.log(c))) - (b + 1) * np.log(x),
        cdf=lambda x, b, c: np.expm1(-b * np.log(x)) / np.expm1(-b * np.log(c)),
        ppf=lambda q, b, c: np.exp(-np.log1p(q * np.expm1(-b * np.log(c))) / b),
        low=1.0,
        high=lambda b, c: c,
        valid=lambda b, c: all_of(np.greater(b, 0), np.greater(c, 1)),
    ),
    stats.truncweibull_min: Law(
        lambda x, c, a, b: np.log(c) + sc.xlogy(c - 1, x) + a**c - x**c - np.log(-np.expm1(a**c - b**c)),
        cdf=lambda x, c, a, b: np.expm1(a**c - x**c) / np.expm1(a**c - b**c),
        ppf=lambda q, c, a, b: (a**c - np.log1p(q * np.expm1(a**c - b**c))) ** (1 / c),
        low=lambda c, a, b: a,
        high=lambda c, a, b: b,
        valid=lambda c, a, b: all_of(np.greater(c, 0), np.greater_equal(a, 0), np.less(a, b)),
    ),
    stats.uniform: Law(
        lambda x: 0 * x,
        cdf=lambda x: x,
        ppf=lambda q: q,
        low=0.0,
        high=1.0,
    ),
    stats.vonmises_line: replace(VON_MISES, low=-math.pi, high=math.pi),
    stats.wrapcauchy: Law(
        lambda x, c: np.log1p(-c * c) - 2 * HALF_LOG_TWO_PI - np.log(1 + c * c - 2 * c * np.cos(x)),
        low=0.0,
        high=2 * math.pi,
        valid=lambda c: all_of(np.greater(c, 0), np.less(c, 1)),
    ),
}
