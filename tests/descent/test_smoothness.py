"""L in closed form and by Lanczos, and the steps that follow from it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nazad as nz
from nazad.descent import (
    descend,
    estimate_smoothness,
    least_squares_smoothness,
    logistic_smoothness,
    minimize,
)
from nazad.descent.batches import Batches
from nazad.descent.smoothness import lanczos
from nazad.descent.stepsize import chosen_step, row_curvatures
from nazad.errors import ArgumentError, ShapeError

seeds = st.integers(0, 2**32 - 1)


def cross_entropy(p, X, y):
    t = X @ p[:-1] + p[-1]
    return np.mean(np.logaddexp(0, t) - y * t)


def squares(p, X, y):
    return np.mean((X @ p[:-1] + p[-1] - y) ** 2)


def softmax_loss(p, X, y):
    t = X @ p[:-1] + p[-1]
    t = t - np.max(t, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(t), axis=1)) - t[np.arange(len(y)), y])


def problem(seed, rows=20, columns=4):
    rng = np.random.default_rng(seed)
    scales = np.exp(rng.normal(size=columns))
    return rng.normal(size=(rows, columns)) * scales, rng.integers(0, 2, rows).astype(float)


def largest(H, n):
    return np.linalg.eigvalsh(np.reshape(H, (n, n)))[-1]


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_closed_forms_bound_the_hessian(seed):
    X, y = problem(seed)
    rng = np.random.default_rng(seed)
    L = logistic_smoothness(X)
    H = nz.hessian(cross_entropy)
    assert L.proved
    assert largest(H(np.zeros(5), X, y), 5) == pytest.approx(L.value)  # reached at 0
    assert largest(H(rng.normal(size=5), X, y), 5) <= L.upper
    assert largest(nz.hessian(squares)(rng.normal(size=5), X, y), 5) == pytest.approx(
        least_squares_smoothness(X).value
    )


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_boehnings_bound(seed):
    X, _ = problem(seed)
    rng = np.random.default_rng(seed)
    y, p = rng.integers(0, 3, len(X)), rng.normal(size=(5, 3)) / 10
    assert largest(nz.hessian(softmax_loss)(p, X, y), 15) <= logistic_smoothness(X, classes=3).upper


def test_without_an_intercept_and_with_more_columns_than_rows():
    X = np.random.default_rng(0).normal(size=(3, 10))
    L = logistic_smoothness(X, intercept=False)
    assert L.value == pytest.approx(np.linalg.norm(X, 2) ** 2 / 12)
    assert "[X 1]" not in L.source
    assert L.step == pytest.approx(1 / L.value)


@pytest.mark.parametrize("X", [np.zeros(3), np.zeros((0, 2)), np.zeros((2, 0))])
def test_tables_that_are_none(X):
    with pytest.raises(ShapeError, match="X has shape"):
        logistic_smoothness(X)


def test_tables_with_nan():
    with pytest.raises(ArgumentError, match="NaN"):
        least_squares_smoothness(np.array([[np.nan]]))


def test_classes_that_are_none():
    with pytest.raises(ArgumentError, match="classes is 1"):
        logistic_smoothness(np.ones((2, 2)), classes=1)


# --- Lanczos
@given(seeds, st.integers(1, 40), st.booleans())
@settings(max_examples=60, deadline=None)
def test_lanczos_brackets_the_spectrum(seed, n, definite):
    rng = np.random.default_rng(seed)
    D = np.exp(2 * rng.normal(size=n)) * (1 if definite else rng.choice([-1, 1], n))
    low, high, error, done = lanczos(lambda v: D * v, rng.normal(size=n), 60, 2.0**-52)
    assert done <= n
    assert D.min() - error <= low
    assert high <= D.max() + 1e-9 * np.abs(D).max()
    assert high + error >= D.max()
    assert error <= 0.05 * (D.max() - D.min()) + 1e-9 * np.abs(D).max()


def test_the_error_is_kept_with_few_products():
    """The bound of Kuczyński and Woźniakowski, over many starts, on a spectrum that is hard for Lanczos."""
    D = np.cos(np.linspace(0, np.pi, 500))  # crowded at both ends
    missed = []
    for seed in range(200):
        start = np.random.default_rng(seed).normal(size=500)
        _, high, error, done = lanczos(lambda v: D * v, start, 22, 2.0**-52)
        assert done <= 22
        missed.append(high + error < 1)
    assert np.mean(missed) <= 0.01


def test_too_few_products_promise_nothing():
    estimate = estimate_smoothness(lambda w: np.sum(np.arange(1.0, 9.0) * w**2), np.ones(8), products=1)
    assert estimate.error == np.inf
    assert estimate.step == 0.0


def test_an_estimate_on_structures_in_float32():
    def loss(p):
        return np.sum(p["w"] ** 2) + 4 * p["b"] ** 2

    estimate = estimate_smoothness(loss, {"w": np.ones(3, np.float32), "b": np.float32(1)})
    assert estimate.value == pytest.approx(8, rel=1e-5)
    assert estimate.error < 1e-2


def test_a_negative_curvature_counts():
    assert estimate_smoothness(lambda w: w[0] ** 2 - 9 * w[1] ** 2, np.ones(2)).value == pytest.approx(18)


def test_an_estimate_is_the_same_every_time():
    X, y = problem(0, 100, 30)
    one, two = (estimate_smoothness(cross_entropy, np.zeros(31), (X, y)) for _ in range(2))
    assert one == two
    assert not one.proved
    assert one.products < 31
    closed = logistic_smoothness(X)
    assert one.value <= closed.upper <= one.upper * (1 + 1e-9)


def test_no_curvature_at_all():
    flat = estimate_smoothness(lambda w: np.sum(w), np.ones(3))
    assert (flat.value, flat.error, flat.step) == (0, 0, np.inf)


def test_a_hessian_that_is_not_finite():
    with pytest.raises(ArgumentError, match="Hessian is not finite"):
        estimate_smoothness(lambda w: np.sum(w**1.5), np.zeros(2))


def test_parameters_without_entries():
    with pytest.raises(ArgumentError, match="no entries"):
        estimate_smoothness(lambda w: np.sum(w**2), np.zeros(0))


# --- the step that is chosen
def test_row_curvatures():
    X, y = problem(1)
    p = np.random.default_rng(0).normal(size=5) / 10
    each = [largest(nz.hessian(cross_entropy)(p, X[i : i + 1], y[i : i + 1]), 5) for i in range(len(X))]
    np.testing.assert_allclose(row_curvatures(cross_entropy, p, (X, y)), each, rtol=1e-6)


def test_the_step_for_all_rows_and_for_few():
    X, y = problem(2, 50)
    full = chosen_step(cross_entropy, np.zeros(5), Batches.of((X, y)))
    few = [chosen_step(cross_entropy, np.zeros(5), Batches.of((X, y), B, 0)).step for B in (1, 10, 49)]
    assert full.step == pytest.approx(logistic_smoothness(X).step)
    rows = np.sum(X**2, axis=1) + 1
    assert few[0] == pytest.approx(1 / (2 * rows.max() / 4), rel=1e-6)
    assert few[0] < few[1] < few[2] < full.step
    assert few[2] == pytest.approx(full.step / 2, rel=0.2)


@pytest.mark.parametrize("batch_size", [1, 5, None])
def test_the_chosen_step_descends(batch_size):
    X, _ = problem(3, 60)
    y = (X @ np.array([1.0, -1.0, 0.5, 0.0]) + 0.3 > 0).astype(float)
    values = [
        it.full.value
        for it in descend(cross_entropy, np.zeros(5), (X, y), batch_size=batch_size, epochs=30, rng=0)
        if it.full
    ]
    assert values[-1] < values[0]
    assert max(values) == values[0]


def test_a_loss_that_branches_on_its_rows_needs_a_step():
    def loss(w, x):
        return np.mean((w - x) ** 2) if x[0] > 0 else np.mean((w + x) ** 2)

    x = np.array([1.0, -1.0, 2.0])
    with pytest.raises(ArgumentError, match="Give step="):
        minimize(loss, 0.0, x, batch_size=1)
    assert minimize(loss, 0.0, x, batch_size=1, step=0.1, epochs=2, rng=0).value < 3
