"""What people do with linear algebra, in plain NumPy: value and gradient, interpreted and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nazad as nz

la = np.linalg
rng = np.random.default_rng(8)
X = rng.normal(size=(12, 3))
y = X @ np.array([1.0, -2.0, 0.5]) + 0.1 * rng.normal(size=12)


def gaussian_process(log_scales: Any) -> Any:
    """The negative log marginal likelihood, by Cholesky."""
    length, amplitude, noise = np.exp(log_scales)
    squares = np.sum((X[:, None] - X[None]) ** 2, axis=-1)
    K = amplitude**2 * np.exp(-0.5 * squares / length**2) + noise**2 * np.eye(len(X))
    L = la.cholesky(K)
    alpha = la.solve(L, y)
    return 0.5 * alpha @ alpha + np.sum(np.log(np.diagonal(L))) + 0.5 * len(X) * np.log(2 * np.pi)


def normal_log_density(M: Any) -> Any:
    """Of a normal distribution with covariance M Mᵀ + 1, by determinant and system of equations."""
    covariance = M @ M.T + np.eye(3)
    sign, logdet = la.slogdet(covariance)
    residuals = X - X.mean(axis=0)
    return -0.5 * len(X) * sign * logdet - 0.5 * np.sum(residuals.T * la.solve(covariance, residuals.T))


def kalman_filter(theta: Any) -> Any:
    """The negative log likelihood of a local linear trend."""
    F, H = np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[1.0, 0.0]])
    Q, R = np.exp(theta[:2])[:, None] * np.eye(2), np.exp(theta[2]) * np.eye(1)
    m, P, total = np.zeros(2), np.eye(2) * 10.0, 0.0
    for value in y:
        m, P = F @ m, F @ P @ F.T + Q
        innovation, S = value - H @ m, H @ P @ H.T + R
        K = la.solve(S, H @ P).T
        total = total + 0.5 * (la.slogdet(S)[1] + innovation @ la.solve(S, innovation))
        m, P = m + K @ innovation, P - K @ S @ K.T
    return total


def explained_variance(W: Any) -> Any:
    """How much the two main directions of turned data leave, by singular values and by eigenvalues."""
    Z = X @ W
    Z = Z - Z.mean(axis=0)
    s = la.svd(Z, full_matrices=False)[1]
    w, v = la.eigh(Z.T @ Z)
    rest = Z - (Z @ v[:, 1:]) @ v[:, 1:].T
    return s[2] ** 2 / np.sum(s**2) + np.sum(rest**2) + w[0] / w[2]


def least_squares(features: Any) -> Any:
    """The loss of the best linear fit, as a function of what it is fitted to."""
    weights = la.lstsq(np.tanh(X @ features), y, rcond=None)[0]
    return np.mean((np.tanh(X @ features) @ weights - y) ** 2) + 0.1 * la.norm(weights)


def ridge(log_penalty: Any) -> Any:
    """Leave-one-out error of ridge regression in closed form."""
    hat = X @ la.inv(X.T @ X + np.exp(log_penalty) * np.eye(3)) @ X.T
    return np.mean(((y - hat @ y) / (1 - np.diagonal(hat))) ** 2)


def polynomial_roots(c: Any) -> Any:
    """How far the largest root is from the unit circle, through the companion matrix."""
    companion = np.concatenate([-c[None, 1:] / c[0], np.eye(3)[:2]])
    return np.max(np.abs(la.eigvals(companion))) - 1


def orthogonalised(A: Any) -> Any:
    """A loss of an orthogonal matrix, by QR with signs that are fixed."""
    q, r = la.qr(A)
    return np.sum((q * np.sign(np.diagonal(r)) - np.eye(3)) ** 2)


def low_rank(A: Any) -> Any:
    """Singular values that are shrunk, as in matrix completion."""
    u, s, vh = la.svd(A, full_matrices=False)
    return np.sum(((u * np.maximum(s - 0.5, 0)) @ vh - X[:4]) ** 2) + la.norm(A, "nuc") + la.cond(A)


CLIENTS: list[tuple[Callable[[Any], Any], Any]] = [
    (gaussian_process, np.array([0.1, 0.3, -1.0])),
    (normal_log_density, rng.normal(size=(3, 3))),
    (kalman_filter, np.array([-1.0, -2.0, 0.2])),
    (explained_variance, np.eye(3) + 0.3 * rng.normal(size=(3, 3))),
    (least_squares, rng.normal(size=(3, 4))),
    (ridge, np.array(0.4)),
    (polynomial_roots, np.array([1.0, -0.5, -2.0, 0.3])),
    (polynomial_roots, np.array([1.0, -0.5, 0.3, 0.8])),
    (orthogonalised, rng.normal(size=(3, 3))),
    (low_rank, rng.normal(size=(4, 3))),
]


@pytest.mark.parametrize(("f", "x"), CLIENTS)
def test_value_and_gradient(f: Callable[[Any], Any], x: Any) -> None:
    nz.check_gradients(f, x)
    transform = nz.value_and_grad(f)
    value, gradient = transform(x)
    assert value == pytest.approx(f(x), rel=1e-13)
    compiled_value, compiled = nz.jit(transform)(x)
    assert compiled_value == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(compiled, gradient, rtol=1e-9, atol=1e-12)


def test_the_report_names_what_lapack_does() -> None:
    fast = nz.jit(nz.grad(gaussian_process))
    fast(np.array([0.1, 0.3, -1.0]))
    assert {"cholesky", "solve"} <= set(str(fast.report()).replace(",", "").split())


def test_second_derivatives_of_a_likelihood() -> None:
    x = np.array([0.1, 0.3, -1.0])
    bend = nz.hessian(gaussian_process)(x)
    np.testing.assert_allclose(bend, bend.T, rtol=1e-9)
    nz.check_gradients(nz.grad(gaussian_process), x)
