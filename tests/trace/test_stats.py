"""The laws of scipy.stats: SciPy's values, gradients that are central differences, and the same compiled."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import nazad as nz

stats = pytest.importorskip("scipy.stats")

from nazad.errors import NoRuleError  # noqa: E402
from nazad.trace import scipy_table  # noqa: E402

scipy_table.open_room("stats")
laws = __import__("nazad.trace.scipy_table.stats", fromlist=["LAWS"]).LAWS

SHAPES: dict[str, tuple[float, ...]] = {
    "alpha": (1.3,), "bernoulli": (0.3,), "beta": (2.3, 1.6), "betabinom": (6, 1.3, 2.1),
    "betanbinom": (4, 2.3, 1.7), "betaprime": (2.3, 1.6), "binom": (7, 0.3), "bradford": (0.7,),
    "burr": (2.1, 1.3), "burr12": (2.1, 1.3), "chi": (3.2,), "chi2": (3.2,), "dgamma": (1.4,),
    "dlaplace": (0.8,), "dweibull": (1.7,), "exponnorm": (0.8,), "exponpow": (1.7,), "exponweib": (1.4, 1.6),
    "f": (4.2, 5.3), "fatiguelife": (0.7,), "fisk": (2.4,), "foldcauchy": (0.9,), "foldnorm": (0.9,),
    "gamma": (2.4,), "genextreme": (0.2,), "gengamma": (1.7, 1.3), "genlogistic": (1.6,), "gennorm": (1.7,),
    "genpareto": (0.3,), "geom": (0.3,), "gompertz": (0.8,), "invgamma": (2.6,), "invgauss": (1.4,),
    "invweibull": (1.9,), "johnsonsb": (0.4, 1.3), "johnsonsu": (0.4, 1.3), "laplace_asymmetric": (1.4,),
    "loggamma": (1.7,), "loglaplace": (1.9,), "lognorm": (0.7,), "logser": (0.6,), "loguniform": (0.3, 4.0),
    "lomax": (1.9,), "mielke": (2.1, 1.7), "nakagami": (1.6,), "nbinom": (3.4, 0.4), "ncx2": (3.0, 1.4),
    "norminvgauss": (1.9, 0.6), "pareto": (2.2,), "planck": (0.7,), "poisson": (2.6,), "powerlaw": (1.8,),
    "powernorm": (1.7,), "rdist": (2.4,), "rice": (0.8,), "skellam": (1.4, 2.2), "skewnorm": (1.3,),
    "t": (4.3,), "triang": (0.4,), "truncexpon": (2.6,), "truncnorm": (-1.2, 2.1), "vonmises": (1.6,),
    "weibull_max": (1.8,), "weibull_min": (1.8,), "wrapcauchy": (0.4,), "yulesimon": (2.3,), "zipf": (2.7,),
    "vonmises_line": (1.6,), "argus": (1.6,),
    "boltzmann": (0.7, 6), "erlang": (3,), "genexpon": (1.3, 0.8, 1.7),
    "genhalflogistic": (0.6,), "genhyperbolic": (0.7, 1.8, 0.6), "geninvgauss": (1.3, 0.8),
    "halfgennorm": (1.4,), "jf_skew_t": (2.3, 3.1), "kappa3": (1.7,), "ncf": (3.2, 6.3, 0.7),
    "nct": (4.2, 0.6), "powerlognorm": (1.4, 0.6), "recipinvgauss": (0.8,), "rel_breitwigner": (1.7,),
    "skewcauchy": (0.3,), "truncpareto": (1.7, 5.0), "truncweibull_min": (1.6, 0.3, 2.4),
    "tukeylambda": (0.3,),
}  # fmt: skip
FIXED = {
    **dict.fromkeys(["betabinom", "betanbinom", "binom", "erlang", "ncx2"], (0,)),
    "boltzmann": (1,),
    "ncf": (0, 1, 2),
    "nct": (0, 1),
}
"""Shapes that count, or by which no formula is known."""
LOC, SCALE = 0.3, 1.7
CONTINUOUS = ("pdf", "logpdf", "cdf", "sf", "logcdf", "logsf", "ppf", "isf")
DISCRETE = ("pmf", "logpmf", "cdf", "sf", "logcdf", "logsf")
SMOOTH = {"logpdf", "logpmf", "cdf", "logsf", "ppf"}
WEIGHTS = np.array([1.0, -0.7, 0.4, 0.9])
COMMON = ["norm", "gamma", "beta", "t", "expon", "weibull_min", "poisson", "binom", "truncnorm", "vonmises"]

each_law = pytest.mark.parametrize("distribution", laws, ids=lambda distribution: distribution.name)


def rule(function: Any) -> Callable[..., Any]:
    found = scipy_table.rule_of(function)
    assert found is not None
    return found


def parameters(distribution: Any) -> tuple[float, ...]:
    shapes = tuple(map(float, SHAPES.get(distribution.name, ())))
    return shapes if laws[distribution].whole else (*shapes, LOC, SCALE)


def methods(distribution: Any) -> Iterator[tuple[str, Callable[..., Any], Callable[..., Any], np.ndarray]]:
    """Those that have a formula: the name, SciPy's method and ours, and points of the support."""
    args, quantiles = parameters(distribution), np.array([0.06, 0.31, 0.62, 0.94])
    for name in DISCRETE if laws[distribution].whole else CONTINUOUS:
        x = quantiles if name in ("ppf", "isf") else distribution.ppf(quantiles, *args)
        ours = rule(getattr(distribution, name))
        with contextlib.suppress(NoRuleError):
            ours(x, *args)
            yield name, getattr(distribution, name), ours, x


@each_law
def test_value_is_scipys(distribution: Any) -> None:
    args = parameters(distribution)
    with np.errstate(divide="ignore"):  # the logarithm of a survival function that is zero
        for _, theirs, ours, x in methods(distribution):
            np.testing.assert_allclose(ours(x, *args), theirs(x, *args), rtol=1e-9, atol=1e-12, strict=True)


@each_law
def test_gradient_is_central_differences(distribution: Any) -> None:
    args = parameters(distribution)
    moving = [k for k in range(len(args)) if k not in FIXED.get(distribution.name, ())]
    for name, theirs, ours, x in methods(distribution):
        if name in SMOOTH:
            by_x, *by_args = nz.grad(weighted(ours, args, moving), argnums=tuple(range(len(moving) + 1)))(
                x[:3], *[args[k] for k in moving]
            )
            numerical = weighted(theirs, args, moving)
            for k, slope in enumerate(by_args, start=1):
                close(slope, difference(numerical, (x[:3], *[args[k] for k in moving]), k))
            if laws[distribution].whole:
                np.testing.assert_array_equal(by_x, 0)
            else:
                close(np.sum(by_x), difference(numerical, (x[:3], *[args[k] for k in moving]), 0))


def weighted(method: Callable[..., Any], args: tuple[float, ...], moving: list[int]) -> Callable[..., Any]:
    """A weighted sum over the points, as a function of the points and of some parameters."""

    def total(x: Any, *some: Any) -> Any:
        full = list(args)
        for k, value in zip(moving, some, strict=True):
            full[k] = value
        return np.sum(method(x, *full) * WEIGHTS[: len(x)])

    return total


def difference(f: Callable[..., Any], at: tuple[Any, ...], k: int, h: float = 1e-5) -> Any:
    up, down = ((*at[:k], at[k] + step, *at[k + 1 :]) for step in (h, -h))
    return (f(*up) - f(*down)) / (2 * h)


def close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("name", COMMON)
def test_log_likelihood_is_compiled(name: str) -> None:
    distribution = getattr(stats, name)
    args, moving = parameters(distribution), list(range(len(parameters(distribution))))
    moving = [k for k in moving if k not in FIXED.get(name, ())]
    log = "logpmf" if laws[distribution].whole else "logpdf"
    x = distribution.ppf([0.06, 0.31, 0.62, 0.94], *args)
    f = weighted(rule(getattr(distribution, log)), args, moving)
    transform = nz.value_and_grad(lambda *some: f(x, *some), argnums=tuple(range(len(moving))))
    chosen = [args[k] for k in moving]
    value, gradient = transform(*chosen)
    compiled_value, compiled = nz.jit(transform)(*chosen)
    np.testing.assert_allclose(compiled_value, value, rtol=1e-12)
    np.testing.assert_allclose(compiled, gradient, rtol=1e-11, atol=1e-13)


def test_beside_the_support() -> None:
    outside = {"gamma": (2.4,), "beta": (2.3, 1.6), "uniform": (), "pareto": (2.2,), "truncnorm": (-1.2, 2.1)}
    for name, shapes in outside.items():
        for method in ("logpdf", "pdf", "cdf", "logsf"):
            theirs = getattr(getattr(stats, name), method)
            ours = rule(theirs)
            for x in (-7.0, *([9.0] if name not in ("gamma", "pareto") else [])):
                assert ours(x, *shapes) == theirs(x, *shapes)
                assert all(nz.grad(ours, argnums=k)(x, *shapes) == 0 for k in range(1 + len(shapes)))


def test_whole_numbers_alone_have_a_probability() -> None:
    f = rule(stats.poisson.logpmf)
    assert f(1.5, 2.0) == -np.inf
    assert f(-1.0, 2.0) == -np.inf
    assert nz.grad(f, argnums=1)(1.5, 2.0) == 0


def test_what_is_not_admissible_is_nan() -> None:
    assert np.isnan(rule(stats.gamma.logpdf)(1.0, -2.0))
    assert np.isnan(rule(stats.norm.logpdf)(1.0, 0.0, -1.0))
    assert np.isnan(rule(stats.binom.logpmf)(1, 3, 1.2))


def test_frozen_distributions_hand_over() -> None:
    assert rule(stats.gamma(2.4, scale=SCALE).logpdf)(1.3) == pytest.approx(
        stats.gamma.logpdf(1.3, 2.4, scale=SCALE)
    )
    slope = nz.grad(lambda a: stats.gamma(a, scale=SCALE).logpdf(1.3))(2.4)
    assert slope == pytest.approx(nz.grad(lambda a: stats.gamma.logpdf(1.3, a, scale=SCALE))(2.4))
    with pytest.raises(NoRuleError, match="the method mean of a distribution of traced parameters"):
        nz.grad(lambda a: stats.gamma(a).mean())(2.4)


def test_one_class_may_serve_two_supports() -> None:
    assert rule(stats.vonmises_line.logpdf)(4.0, 1.6) == -np.inf
    assert rule(stats.vonmises_line(1.6).logpdf)(4.0) == -np.inf
    assert rule(stats.vonmises.logpdf)(4.0, 1.6) == pytest.approx(stats.vonmises.logpdf(4.0, 1.6))


def test_distribution_of_the_users_has_no_rule_of_scipys() -> None:
    class Own(type(stats.norm)):  # type: ignore[misc]
        def _logpdf(self, x: Any) -> Any:
            return -x

    with pytest.raises(NoRuleError, match="Own with support from -inf to inf has no rule"):
        nz.grad(lambda x: Own(name="own").logpdf(x))(0.3)


def test_no_closed_form_raises() -> None:
    with pytest.raises(NoRuleError, match="cdf of this distribution has no closed form"):
        nz.grad(lambda x: rule(stats.vonmises.cdf)(x, 1.0))(0.3)


POINT, MEAN, ALPHA = np.array([0.3, -1.2]), np.array([0.1, 0.4]), np.array([1.3, 2.4, 0.8])
COVARIANCE = np.array([[1.3, 0.4], [0.4, 0.9]])
VECTORS: list[tuple[str, str, tuple[Any, ...], tuple[int, ...]]] = [
    ("multivariate_normal", "logpdf", (POINT, MEAN, COVARIANCE), (0, 1)),
    ("multivariate_normal", "pdf", (np.stack([POINT, MEAN]), MEAN, 1.7), (0, 1, 2)),
    ("multivariate_normal", "logpdf", (POINT[None], np.zeros(2), np.array([1.3, 0.7])), (0, 1, 2)),
    ("multivariate_normal", "logpdf", (np.array([0.3, -1.2, 0.4]), 0.2, 1.3), (0, 1, 2)),
    ("multivariate_t", "logpdf", (POINT, MEAN, COVARIANCE, 3.4), (0, 1, 3)),
    ("dirichlet", "logpdf", (np.array([0.3, 0.5, 0.2]), ALPHA), (1,)),
    ("dirichlet", "logpdf", (np.array([0.3, 0.5]), ALPHA), (0, 1)),
    ("multinomial", "logpmf", (np.array([[1, 2, 1], [4, 0, 0]]), 4, np.array([0.3, 0.5, 0.2])), ()),
    ("matrix_normal", "logpdf", (np.ones((3, 2)), np.zeros((3, 2)), 1.3, COVARIANCE), (0, 1, 2)),
    ("wishart", "logpdf", (COVARIANCE, 3.4, np.eye(2) + 0.2), (1,)),
    ("invwishart", "logpdf", (COVARIANCE, 3.4, np.eye(2) + 0.2), (1,)),
    ("vonmises_fisher", "logpdf", (np.array([0.6, 0.8]), np.array([0.8, 0.6]), 1.7), (2,)),
    ("dirichlet_multinomial", "logpmf", (np.array([1, 2, 1]), ALPHA, 4), (1,)),
]


@pytest.mark.parametrize("k", range(len(VECTORS)))
def test_laws_of_vectors(k: int) -> None:
    law, name, args, moving = VECTORS[k]
    theirs = getattr(getattr(stats, law), name)
    ours = rule(theirs)
    np.testing.assert_allclose(ours(*args), theirs(*args), rtol=1e-12)
    frozen = rule(getattr(stats, law))(*args[1:])
    np.testing.assert_allclose(getattr(frozen, name)(args[0]), theirs(*args), rtol=1e-12)
    np.testing.assert_allclose(rule(getattr(getattr(stats, law)(*args[1:]), name))(args[0]), theirs(*args))
    for i in moving:

        def f(value: Any, i: int = i, method: Callable[..., Any] = ours) -> Any:
            return np.sum(method(*args[:i], value, *args[i + 1 :]))

        at, towards = (
            np.asarray(args[i], float),
            np.cos(np.arange(np.size(args[i]))).reshape(np.shape(args[i])),
        )
        numerical = (f(at + 1e-6 * towards, i, theirs) - f(at - 1e-6 * towards, i, theirs)) / 2e-6
        np.testing.assert_allclose(np.sum(nz.grad(f)(at[()]) * towards), numerical, rtol=1e-6)


def test_covariance_has_a_symmetric_gradient() -> None:
    gradient = nz.grad(lambda c: rule(stats.multivariate_normal.logpdf)(POINT, None, c))(COVARIANCE)
    inverse = np.linalg.inv(COVARIANCE)
    np.testing.assert_allclose(gradient, (inverse @ np.outer(POINT, POINT) @ inverse - inverse) / 2)


SAMPLE = np.random.default_rng(6).uniform(0.3, 2.0, (5, 2))
SUMMARIES: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (stats.entropy, {}),
    (stats.entropy, {"qk": SAMPLE[::-1], "base": 2, "axis": 1}),
    (stats.gmean, {}),
    (stats.gmean, {"axis": None}),
    (stats.hmean, {"axis": 1}),
    (stats.zscore, {"ddof": 1}),
    (stats.sem, {}),
    (stats.variation, {"axis": 1}),
    (stats.skew, {}),
    (stats.skew, {"bias": False}),
    (stats.kurtosis, {"fisher": False}),
    (stats.kurtosis, {"bias": False}),
]


@pytest.mark.parametrize("k", range(len(SUMMARIES)))
def test_summaries_of_samples(k: int) -> None:
    theirs, options = SUMMARIES[k]
    ours = rule(theirs)
    np.testing.assert_allclose(ours(SAMPLE, **options), theirs(SAMPLE, **options), rtol=1e-12)
    towards = np.cos(np.arange(10)).reshape(5, 2)
    up, down = (np.sum(theirs(SAMPLE + h * towards, **options) * 1.1) for h in (1e-6, -1e-6))
    gradient = nz.grad(lambda a: np.sum(ours(a, **options) * 1.1))(SAMPLE)
    np.testing.assert_allclose(np.sum(gradient * towards), (up - down) / 2e-6, rtol=1e-6, atol=1e-8)


def test_likelihood_of_a_power() -> None:
    f = rule(stats.boxcox_llf)
    up, down = (stats.boxcox_llf(0.4 + h, SAMPLE[:, 0]) for h in (1e-6, -1e-6))
    np.testing.assert_allclose(nz.grad(f)(0.4, SAMPLE[:, 0]), (up - down) / 2e-6, rtol=1e-6)
