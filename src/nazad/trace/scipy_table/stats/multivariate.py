"""Laws of vectors and matrices: normal, Student's, Dirichlet's, multinomial; Wishart's, and on a sphere."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special as sc
from scipy import stats
from scipy.stats import _multivariate

from nazad.errors import NoRuleError
from nazad.graph import Value, here, rank_of, shape_of
from nazad.trace.scipy_table import method
from nazad.trace.scipy_table.special import multigammaln
from nazad.trace.scipy_table.stats.frozen import Frozen


def _enter(law: Any, frozen: type, log: Callable[..., Value], parameters: tuple[str, ...], stem: str) -> None:
    """Rules for the density and its logarithm, for freezing, and for what SciPy has frozen."""
    methods = {f"log{stem}": log, stem: lambda *args, **kwargs: np.exp(log(*args, **kwargs))}
    for name, evaluate in methods.items():
        method(type(law), name)(_of_its_own(law, evaluate))
        method(frozen, name)(functools.partial(_of_frozen, evaluate, parameters))
    method(type(law), "__call__")(_of_its_own(law, lambda *args, **kwargs: Frozen(methods, args, kwargs)))


def _of_its_own(law: Any, evaluate: Callable[..., Any]) -> Callable[..., Any]:
    """A method of SciPy's law itself, and of no class that a user has derived from it."""

    def rule(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self is not law:
            raise NoRuleError(f"{type(self).__name__} has no rule in nazad", "Write it in NumPy.", here())
        return evaluate(*args, **kwargs)

    return rule


def _of_frozen(evaluate: Callable[..., Value], parameters: tuple[str, ...], frozen: Any, x: Value) -> Value:
    return evaluate(x, *[getattr(frozen, name) for name in parameters])


def _normal(x: Value, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Value:
    _refuse(allow_singular)
    squares, log_det, d = _whitened(x, mean, cov)
    return -(d * math.log(2 * math.pi) + log_det + squares) / 2


def _student(x: Value, loc: Any = None, shape: Any = 1, df: Value = 1, allow_singular: bool = False) -> Value:
    _refuse(allow_singular)
    squares, log_det, d = _whitened(x, loc, shape)
    constant = sc.gammaln((df + d) / 2) - sc.gammaln(df / 2) - d / 2 * np.log(df * np.pi)
    return constant - log_det / 2 - (df + d) / 2 * np.log1p(squares / df)


def _refuse(allow_singular: bool) -> None:
    if allow_singular:
        raise NoRuleError("a singular covariance has no density that moves smoothly", "Leave it out.", here())


def _whitened(x: Value, mean: Any, cov: Any) -> tuple[Value, Value, int]:
    """Mahalanobis' squared distances, the logarithm of the determinant, and the dimension."""
    x, cov = _array(x), _array(cov)
    d = max(shape_of(cov)[-1] if rank_of(cov) else 1, np.size(mean) if mean is not None else 1)
    factor = _factor(cov, d)
    shape = shape_of(x) if d == 1 and shape_of(x)[-1:] != (1,) else shape_of(x)[:-1]
    away = np.reshape(x - (0.0 if mean is None else _array(mean)), (-1, d))
    squares = np.sum(np.square(np.linalg.solve(factor, away.T)), axis=0)
    return np.reshape(squares, shape)[()], _log_det(factor), d


def _array(x: Any) -> Any:
    return x if hasattr(x, "dtype") else np.asarray(x)


def _dirichlet(x: Value, alpha: Value) -> Value:
    x, alpha = _array(x), _array(alpha)
    if shape_of(x)[0] == shape_of(alpha)[0] - 1:
        x = np.concatenate([x, 1 - np.sum(x, axis=0, keepdims=True)])
    constant = sc.gammaln(np.sum(alpha)) - np.sum(sc.gammaln(alpha))
    return constant + np.sum(sc.xlogy(np.transpose(alpha - 1), np.transpose(x)), axis=-1)


def _multinomial(x: Value, n: Value, p: Value) -> Value:
    x, p = _array(x), _array(p)
    log = sc.gammaln(n + 1) + np.sum(sc.xlogy(x, p) - sc.gammaln(x + 1), axis=-1)
    return np.where(np.equal(np.sum(x, axis=-1), n), log, -np.inf)[()]


def _dirichlet_multinomial(x: Value, alpha: Value, n: Value) -> Value:
    x, alpha = _array(x), _array(alpha)
    total = np.sum(alpha, axis=-1)
    each = sc.gammaln(x + alpha) - sc.gammaln(alpha) - sc.gammaln(x + 1)
    return sc.gammaln(total) + sc.gammaln(n + 1) - sc.gammaln(n + total) + np.sum(each, axis=-1)


def _matrix_normal(x: Value, mean: Any = None, rowcov: Any = 1, colcov: Any = 1) -> Value:
    x = _array(x)
    rows, columns = shape_of(x)[-2:]
    row_factor, column_factor = _factor(rowcov, rows), _factor(colcov, columns)
    away = x - (0.0 if mean is None else _array(mean))
    half = np.linalg.solve(row_factor, away)
    white = np.linalg.solve(column_factor, np.swapaxes(half, -1, -2))
    log_det = columns * _log_det(row_factor) + rows * _log_det(column_factor)
    squares = np.sum(np.square(white), axis=(-2, -1))
    return -(rows * columns * math.log(2 * math.pi) + log_det + squares) / 2


def _factor(cov: Any, n: int) -> Value:
    """Cholesky's factor of a covariance, of which a number or a diagonal may be given."""
    cov = _array(cov)
    matrix = cov if rank_of(cov) == 2 else cov * np.eye(n)
    return np.linalg.cholesky((matrix + matrix.T) / 2)


def _log_det(factor: Value) -> Value:
    """The logarithm of the determinant of the matrix that has this factor."""
    return 2 * np.sum(np.log(np.diagonal(factor)))


def _wishart(x: Value, df: Value, scale: Value) -> Value:
    p = shape_of(scale)[0]
    constant = df * (p * math.log(2.0) + np.linalg.slogdet(scale)[1]) / 2 + multigammaln(df / 2, p)
    trace = np.trace(np.linalg.solve(scale, x))
    return (df - p - 1) / 2 * np.linalg.slogdet(x)[1] - trace / 2 - constant


def _inverse_wishart(x: Value, df: Value, scale: Value) -> Value:
    p = shape_of(scale)[0]
    constant = df * (p * math.log(2.0) - np.linalg.slogdet(scale)[1]) / 2 + multigammaln(df / 2, p)
    trace = np.trace(np.linalg.solve(x, scale))
    return -(df + p + 1) / 2 * np.linalg.slogdet(x)[1] - trace / 2 - constant


def _on_a_sphere(x: Value, mu: Any, kappa: Value = 1) -> Value:
    mu = _array(mu)
    half = shape_of(mu)[-1] / 2
    constant = (half - 1) * np.log(kappa) - half * math.log(2 * math.pi) - np.log(sc.ive(half - 1, kappa))
    return constant + kappa * (np.sum(_array(x) * mu, axis=-1) - 1)


_m = _multivariate
_enter(stats.matrix_normal, _m.matrix_normal_frozen, _matrix_normal, ("mean", "rowcov", "colcov"), "pdf")
_enter(stats.wishart, _m.wishart_frozen, _wishart, ("df", "scale"), "pdf")
_enter(stats.invwishart, _m.invwishart_frozen, _inverse_wishart, ("df", "scale"), "pdf")
_enter(stats.vonmises_fisher, _m.vonmises_fisher_frozen, _on_a_sphere, ("mu", "kappa"), "pdf")
_enter(stats.multivariate_normal, _m.multivariate_normal_frozen, _normal, ("mean", "cov"), "pdf")
_enter(stats.multivariate_t, _m.multivariate_t_frozen, _student, ("loc", "shape", "df"), "pdf")
_enter(stats.dirichlet, _m.dirichlet_frozen, _dirichlet, ("alpha",), "pdf")
_enter(stats.multinomial, _m.multinomial_frozen, _multinomial, ("n", "p"), "pmf")
_enter(
    stats.dirichlet_multinomial,
    _m.dirichlet_multinomial_frozen,
    _dirichlet_multinomial,
    ("alpha", "n"),
    "pmf",
)
