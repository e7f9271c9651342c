"""Minibatch gradients: right on average, and as noisy as tr Σ / B."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer

import nazad as nz
from nazad.descent import gradient_noise
from nazad.descent.batches import Batches
from nazad.descent.noise import per_row_gradients
from nazad.descent.objective import Objective
from nazad.descent.vectors import ravel
from nazad.errors import ArgumentError, TraceError


def cross_entropy(p, X, y):
    t = X @ p["w"] + p["b"]
    return np.mean(np.logaddexp(0, t) - y * t)


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y.astype(float)


@pytest.fixture
def point():
    rng = np.random.default_rng(0)
    return {"w": rng.normal(size=30) / 10, "b": 0.1}


def test_per_row_gradients_are_those_of_single_rows(cancer, point):
    X, y = cancer
    together = per_row_gradients(cross_entropy, point, (X, y))
    alone = [ravel(nz.grad(cross_entropy)(point, X[i : i + 1], y[i : i + 1])) for i in range(0, 569, 50)]
    np.testing.assert_allclose(together[::50], alone, atol=1e-14)


@pytest.mark.parametrize(("size", "place"), [(32, 0), (32, 7), (32, 17), (2, 0), (2, 284)])
def test_the_gradient_at_any_place_of_an_epoch_is_unbiased(cancer, point, size, place):
    G = per_row_gradients(cross_entropy, point, cancer)
    batches = Batches.of(cancer, size, rng=1)
    rows = [next(batches.stream(epoch * batches.per_epoch + place)).rows for epoch in range(2000)]
    means = np.array([G[r].mean(axis=0) for r in rows])
    z = (means.mean(axis=0) - G.mean(axis=0)) / (means.std(axis=0, ddof=1) / np.sqrt(len(rows)))
    assert np.max(np.abs(z)) < 4.5
    assert np.mean(z**2) < 2


@given(count=st.integers(1, 70), size=st.integers(1, 40), epoch=st.integers(0, 99))
def test_the_mean_over_any_epoch_is_the_full_gradient(count, size, epoch):
    """Whether or not the batches are of one size: a row more counts for itself, and for nothing else."""
    x = np.random.default_rng(0).normal(size=count)
    batches = Batches.of(x, size, rng=0)
    stream = islice(batches.stream(epoch * batches.per_epoch), batches.per_epoch)
    of = [Objective(square, batches.take(b), b.weight).value_and_grad(2.0) for b in stream]
    value, gradient = Objective(square, (x,)).value_and_grad(2.0)
    assert np.mean([v for v, _ in of]) == pytest.approx(value, rel=1e-13)
    assert np.mean([g for _, g in of]) == pytest.approx(gradient, rel=1e-13)


def square(w, x):
    return np.mean((w - x) ** 2)


def test_the_variance_law(cancer, point):
    noise = gradient_noise(cross_entropy, point, cancer, batch_sizes=[1, 8, 64, 256], draws=600, rng=0)
    assert noise.rows == 569
    for deviation in noise.deviations:
        assert abs(deviation.measured - deviation.predicted) < 4 * deviation.error
    G = per_row_gradients(cross_entropy, point, cancer)
    assert noise.trace == pytest.approx(np.trace(np.cov(G.T, bias=True)))
    assert noise.signal == pytest.approx(np.sum(G.mean(axis=0) ** 2))
    assert noise.deviations[0].predicted == pytest.approx(noise.trace)


def test_all_rows_do_not_deviate(cancer, point):
    (deviation,) = gradient_noise(cross_entropy, point, cancer, batch_sizes=[569], draws=3).deviations
    assert deviation.predicted == 0
    assert deviation.measured < 1e-25


def test_a_loss_that_is_a_sum_is_found_out(cancer, point):
    def total(p, X, y):
        return len(y) * cross_entropy(p, X, y)

    noise = gradient_noise(total, point, cancer, batch_sizes=[16], draws=100)
    (deviation,) = noise.deviations
    assert deviation.measured > 100 * deviation.predicted


def test_a_sample_and_the_default_sizes(cancer, point):
    noise = gradient_noise(cross_entropy, point, cancer, sample=100, draws=5, rng=3)
    assert noise.rows == 100
    assert [d.batch_size for d in noise.deviations] == [1, 4, 16, 64]
    assert noise == gradient_noise(cross_entropy, point, cancer, sample=100, draws=5, rng=3)
    assert str(noise).startswith("100 rows: tr Σ = ")


def test_a_dict_of_data_and_a_single_row():
    def loss(w, d):
        return np.mean((w - d["x"]) ** 2)

    noise = gradient_noise(loss, 0.0, {"x": np.array([2.0])}, draws=2)
    assert (noise.rows, noise.trace, noise.signal) == (1, 0.0, 16.0)


def test_bad_arguments(cancer, point):
    with pytest.raises(ArgumentError, match="no data"):
        gradient_noise(cross_entropy, point, None)
    with pytest.raises(ArgumentError, match="there are 50 rows"):
        gradient_noise(cross_entropy, point, cancer, sample=50, batch_sizes=[51])
    with pytest.raises(ArgumentError, match="draws is 1"):
        gradient_noise(cross_entropy, point, cancer, draws=1)
    with pytest.raises(ArgumentError, match="batch_sizes is 0"):
        gradient_noise(cross_entropy, point, cancer, batch_sizes=[0])


def test_a_loss_that_branches_on_its_rows():
    with pytest.raises(TraceError, match=r"np\.where"):
        gradient_noise(lambda w, x: np.mean(w * x) if x[0] > 0 else w * 0.0, 1.0, np.array([1.0, -1.0]))
