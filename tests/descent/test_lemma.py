"""Convergence theorems as tests: no violated inequality where they apply, and every deliberate one found."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from nazad.descent import (
    certify,
    descend,
    estimate_smoothness,
    inverse_sqrt,
    least_squares_smoothness,
    logistic_smoothness,
    minimize,
)
from nazad.descent.iterate import History
from nazad.errors import ArgumentError


def cross_entropy(p, X, y):
    t = X @ p["w"] + p["b"]
    return np.mean(np.logaddexp(0, t) - y * t)


def run(loss, start, data=None, **arguments):
    return History(it.record() for it in descend(loss, start, data, **arguments))


@pytest.mark.parametrize("seed", range(100))
def test_no_inequality_is_violated_up_to_one_over_l(seed):
    rng = np.random.default_rng(seed)
    S, n = rng.integers(2, 60), rng.integers(1, 12)
    X = rng.normal(size=(S, n)) * np.exp(2 * rng.normal(size=n)) + rng.normal(size=n)
    y = (rng.random(S) < 0.5).astype(float)
    start = {"w": rng.normal(size=n), "b": float(rng.normal())}
    L = logistic_smoothness(X)
    alpha = L.step * rng.uniform(0.05, 1)
    certificate = certify(
        run(cross_entropy, start, (X, y), step=alpha, steps=60), alpha, smoothness=L, lower_bound=0.0
    )
    assert certificate.proved
    assert certificate.violated.size == 0
    assert certificate.sums_hold
    assert certificate.sum_of_squares <= certificate.sum_bound
    assert certificate.least_square <= certificate.least_bound
    assert np.nanmax(certificate.curvatures) <= L.upper * (1 + 1e-6) or len(certificate.undecided)


def test_deliberate_violations_are_found_and_located():
    """α = 3/L along the steepest axis of a quadratic: each step climbs, and the curvature is read off."""
    L = 4.0
    certificate = certify(run(lambda w: L / 2 * w**2, 1.0, step=3 / L, steps=10), 3 / L)
    assert certificate.violated.tolist() == list(range(10))
    np.testing.assert_allclose(certificate.curvatures, L)
    text = str(certificate)
    assert "Violated at 10 of 10 steps: 0, 1, 2, 3, 4, …, 9" in text
    assert "At step 0 f fell by -6," in text
    assert "no step above 0.25 is safe" in text


def test_a_single_violation_is_located():
    """One step of 3/L among steps of 1/2L."""
    steps = [0.125, 0.125, 0.125, 0.75, 0.125]
    history = run(lambda w: 2 * w**2, 1.0, step=steps.__getitem__, steps=5)
    for step in (steps.__getitem__, None):  # as given, and as the history shows
        certificate = certify(history, step)
        assert certificate.violated.tolist() == [3]
        np.testing.assert_allclose(certificate.alphas, steps)
        assert certificate.undecided.size == 0


def test_between_one_and_two_over_l_it_descends_and_yet_violates():
    certificate = certify(run(lambda w: 2 * w**2, 1.0, step=1.5 / 4, steps=5), 1.5 / 4)
    assert np.all(certificate.drops > 0)
    assert certificate.violated.tolist() == [0, 1, 2, 3, 4]


def test_exactly_one_over_l_on_a_quadratic_is_equality():
    """f(θ) − f(θ − ∇f/L) = ‖∇f‖²/2L exactly: nothing to spare, and rounding must not make it a violation."""
    certificate = certify(run(lambda w: 1.5 * w**2, 1.1, step=1 / 3, steps=3), 1 / 3)
    assert certificate.violated.size == 0
    assert 0 in certificate.undecided


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_is_no_violation(dtype):
    """Steps on at the minimum, where values differ by rounding alone."""
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(50, 5)).astype(dtype), rng.normal(size=50).astype(dtype)
    L = least_squares_smoothness(A, intercept=False)
    history = run(
        lambda w, A, b: np.mean((A @ w - b) ** 2), np.zeros(5, dtype), (A, b), step=L.step, steps=300
    )
    certificate = certify(history, smoothness=L)
    assert certificate.violated.size == 0
    assert certificate.undecided.size > 100
    assert "within rounding" in str(certificate)


def test_a_schedule():
    history = run(lambda w: 2 * w**2, 1.0, step=inverse_sqrt(0.25), steps=20)
    certificate = certify(history, inverse_sqrt(0.25), lower_bound=0.0)
    assert certificate.violated.size == 0
    assert certificate.least_square <= certificate.least_bound


def test_the_report_says_what_is_proved_and_what_is_not():
    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    start = {"w": np.zeros(30), "b": 0.0}
    L = logistic_smoothness(X)
    result = minimize(cross_entropy, start, (X, y), step=L.step, steps=200)
    text = str(certify(result.history, L.step, smoothness=L, lower_bound=0.0))
    assert text.startswith("Proved: α ≤")
    assert "held at all 200 steps" in text
    assert "with f* = 0" in text
    assert "Not implied: that θₖ converges" in text

    text = str(certify(result.history, L.step))
    assert text.startswith("Not proved: nothing is known about L")
    assert "f(θ_T) for f*" in text

    far = minimize(cross_entropy, start, (X, y), step=20 * L.step, steps=5)
    text = str(certify(far.history, smoothness=L))
    assert text.startswith("Not proved: α = ")
    assert "is above 1/L" in text


def test_an_estimate_proves_nothing():
    loss = lambda w: np.sum(w**4)  # noqa: E731
    L = estimate_smoothness(loss, np.ones(2))
    certificate = certify(run(loss, np.ones(2), step=L.step, steps=5), smoothness=L)
    assert not certificate.proved
    assert "holds at a point" in str(certificate)


def test_a_wrong_lower_bound_shows():
    certificate = certify(run(lambda w: 2 * w**2, 1.0, step=0.25, steps=5), lower_bound=1.9)
    assert not certificate.sums_hold
    assert "Violated, with f* = 1.9" in str(certificate)


def test_a_run_that_ended_in_nan_is_held_to_the_lemma_before():
    history = run(lambda w: np.exp(w**2), 2.0, step=1.0, steps=50)
    assert not history[-1].finite
    with pytest.raises(ArgumentError, match="finite iterates"):
        certify(history[-2:])


def test_what_cannot_be_certified():
    x = np.arange(10.0)
    stochastic = run(lambda w, x: np.mean((w - x) ** 2), 0.0, x, step=0.1, batch_size=2, rng=0, epochs=1)
    with pytest.raises(ArgumentError, match="stochastic"):
        certify(stochastic)
    with pytest.raises(ArgumentError, match="the history has 1 finite iterates"):
        certify(run(lambda w: w**2, 1.0, step=0.1, steps=0))
    with pytest.raises(ArgumentError, match="gradient is 0 throughout"):
        certify(run(lambda w: w**2, 0.0, step=0.1, steps=2))
    assert certify(run(lambda w: w**2, 0.0, step=0.1, steps=2), 0.1).violated.size == 0
