"""The lecture's section 5: logistic regression in vector form, its Jacobians asked for by name.

t = X w + b 1,  v = sigma(t),  p = the probability of the right class,  q = log p,  h = -mean q
"""

from __future__ import annotations

import numpy as np
import pytest

from nazad.explain import Explanation, explain

S, N = 7, 3


def sigma(z):
    return 1 / (1 + np.exp(-z))


def logistic(X, y):
    d = 2.0 * y - 1.0

    def loss(w, b):
        t = X @ w + b
        v = sigma(t)
        p = d * v + (1 - y)
        q = np.log(p)
        h = -np.mean(q)
        return h  # noqa: RET504

    return loss


@pytest.fixture(scope="module", params=[0, 1, 2])
def data(request):
    rng = np.random.default_rng(request.param)
    return rng.normal(size=(S, N)), (rng.random(S) < 0.5).astype(float), rng.normal(size=N), rng.normal()


@pytest.fixture(scope="module")
def told(data) -> Explanation:
    X, y, w, b = data
    return explain(logistic(X, y), w, b)


@pytest.fixture(scope="module")
def residual(data):
    X, y, w, b = data
    return y - sigma(X @ w + b)


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-14)


def test_the_values(told, data):
    X, y, w, b = data
    close(told["t"].value, X @ w + b)
    close(told["v"].value, sigma(X @ w + b))
    close(told["p"].value, np.where(y == 1, sigma(X @ w + b), 1 - sigma(X @ w + b)))
    close(told["h"].value, told.value)


def test_cotangents_are_the_closed_forms(told, data, residual):
    X = data[0]
    close(told["t"].cotangent, -residual / S)
    close(told["b"].cotangent, -np.sum(residual) / S)
    close(told["w"].cotangent, -residual @ X / S)


def test_jacobians_by_name_are_the_closed_forms(told, data, residual):
    X = data[0]
    close(told["h"].jacobian("t"), -residual / S)
    close(told["h"].jacobian("b"), -np.sum(residual) / S)
    close(told["h"].jacobian("w"), -residual @ X / S)
    close(told["t"].jacobian("w"), X)
    close(told["t"].jacobian("b"), np.ones(S))
    close(told["h"].jacobian(by="X"), np.outer(-residual / S, data[2]))


def test_the_chain_of_local_jacobians(told, data, residual):
    """-1/S 1', diag(1/p), diag(d), diag(sigma'(t)): as stated, and their product is the derivative by t."""
    _, y, _, _ = data
    t, p = told["t"].value, told["p"].value
    of_mean, of_log = told["h"].jacobian("q"), told["q"].local_jacobian("p")
    of_choice, of_sigma = told["p"].jacobian("v"), told["v"].jacobian("t")
    close(of_mean, np.full(S, -1 / S))
    close(of_log, np.diag(1 / p))
    close(of_choice, np.diag(2 * y - 1))
    close(of_sigma, np.diag(sigma(t) * (1 - sigma(t))))
    product = of_mean @ of_log @ of_choice @ of_sigma
    close(product, told["t"].cotangent)
    close(product, -residual / S)


def test_sigma_as_one_node(data):
    """With sigma as a primitive of one's own, diag(sigma'(t)) is the Jacobian of a single edge."""
    import nazad as nz

    X, y, w, b = data
    sigmoid = nz.elementwise(sigma, lambda v, t: v * (1 - v), name="sigma")

    def loss(w, b):
        t = X @ w + b
        v = sigmoid(t)
        return -np.mean(np.log(np.where(y == 1, v, 1 - v)))

    told = explain(loss, w, b)
    v = told["v"].value
    assert told["v"].expression == "sigma(t)"
    close(told["v"].local_jacobian("t"), np.diag(v * (1 - v)))
    scene = next(s for s in told.scenes.backward if s.name == "v")
    assert scene.edges[0].local == "v*(1 - v)"


def test_matrix_products_show_their_transposes(told):
    scene = next(s for s in told.scenes.backward if s.expression == "X @ w")
    _, edge = scene.edges
    assert edge.name == "w"
    assert edge.local == "v̄1 @ X"
    assert edge.derivative is None
    told = explain(lambda A, B: np.sum(A @ B), np.ones((2, 3)), np.ones((3, 4)))
    left, right = told.scenes.backward[1].edges
    assert (left.local, right.local) == ("v̄1 @ B.T", "A.T @ v̄1")
    assert "(2, 4) → (3, 4)" in str(told)
