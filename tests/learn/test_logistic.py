"""The losses: their values, their gradients against the lecture's closed forms, and the step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nazad as nz
from nazad.learn.logistic import (
    Jacobians,
    binary_cross_entropy,
    closed_jacobians,
    cross_entropy,
    jacobians,
    log_probabilities,
    objective,
    probabilities,
    safe_step,
    start,
    with_penalty,
)


def problem(classes, seed=0, rows=40, features=5):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(rows, features)), rng.integers(classes, size=rows)
    params = start(features, classes)
    return {name: value + rng.normal(size=np.shape(value)) for name, value in params.items()}, X, y


def naive(params, X, y):
    """The lecture's program, which overflows for large scores."""
    t = X @ params["w"] + params["b"]
    if t.ndim == 1:
        v = 1 / (1 + np.exp(-t))
        return -np.mean(np.log(np.where(y == 1, v, 1 - v)))
    p = np.exp(t) / np.exp(t).sum(axis=1, keepdims=True)
    return -np.mean(np.log(p[np.arange(len(y)), y]))


def largest_difference(one: Jacobians, other: Jacobians) -> float:
    """The largest difference between two of them, in any entry."""
    return max(float(np.max(np.abs(np.subtract(a, b)))) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_the_loss_is_the_cross_entropy(classes):
    params, X, y = problem(classes)
    assert objective(classes)(params, X, y) == pytest.approx(naive(params, X, y), rel=1e-13)


@pytest.mark.parametrize("classes", [2, 3, 10])
@given(seed=st.integers(0, 2**32))
def test_backpropagation_gives_the_closed_forms(classes, seed):
    params, X, y = problem(classes, seed)
    found, closed = jacobians(params, X, y), closed_jacobians(params, X, y)
    assert [np.shape(x) for x in found] == [np.shape(x) for x in closed]
    assert largest_difference(found, closed) < 1e-15


def test_two_classes_are_a_special_case_of_many():
    params, X, y = problem(2)
    both = {"w": np.column_stack([0 * params["w"], params["w"]]), "b": np.array([0.0, params["b"]])}
    assert cross_entropy(both, X, y) == pytest.approx(binary_cross_entropy(params, X, y), rel=1e-14)
    assert np.allclose(probabilities(both, X), probabilities(params, X), rtol=1e-14)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("size", [1.0, 1e3, 1e150])
def test_large_scores_overflow_nowhere(classes, size):
    params, X, y = problem(classes)
    params = {name: size * value for name, value in params.items()}
    value, gradient = nz.value_and_grad(objective(classes))(params, X, y)
    assert np.isfinite(value)
    assert all(np.isfinite(g).all() for g in gradient.values())
    assert np.isfinite(log_probabilities(params, X)).all()


def test_probabilities_sum_to_one():
    for classes in (2, 7):
        params, X, _ = problem(classes)
        assert probabilities(params, X).shape == (40, classes)
        assert np.allclose(probabilities(params, X).sum(axis=1), 1, rtol=1e-14)


def test_the_penalty_leaves_the_intercept_alone():
    params, X, y = problem(3)
    plain, penalised = (nz.grad(objective(3, l2))(params, X, y) for l2 in (0.0, 0.1))
    assert np.allclose(penalised["w"] - plain["w"], 0.1 * params["w"])
    assert np.array_equal(penalised["b"], plain["b"])
    assert with_penalty(cross_entropy, 0.0) is cross_entropy


@pytest.mark.parametrize("classes", [2, 4])
def test_one_over_l_bounds_the_hessian(classes):
    """1/L descends everywhere: no eigenvalue of a Hessian is above L."""
    X, y = problem(classes)[1:]
    L = 1 / safe_step(X, classes, l2=0.01)
    for seed in range(5):
        params = problem(classes, seed)[0]
        blocks = nz.hessian(objective(classes, 0.01))(params, X, y)
        sizes = {name: np.size(value) for name, value in params.items()}
        H = np.block([[blocks[i][j].reshape(sizes[i], sizes[j]) for j in sizes] for i in sizes])
        assert np.linalg.eigvalsh(H)[-1] <= L * (1 + 1e-12)


def test_smaller_batches_get_smaller_steps():
    X = problem(2, rows=100)[1]
    steps = [safe_step(X, 2, batch_size=B) for B in (1, 10, 50, 100, 1000)]
    assert steps == sorted(steps)
    assert steps[-1] == steps[-2] == safe_step(X, 2)
