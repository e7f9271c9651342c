"""Rows of sparse matrices: descended on, measured, and looked at one by one, as if they were dense."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import nazad as nz
from nazad.descent import gradient_noise
from nazad.descent.batches import Rows

rng = np.random.default_rng(3)
X = sp.random_array((200, 8), density=0.3, rng=1, format="csr")
y = np.sign(X @ rng.normal(size=8) + 0.1 * rng.normal(size=200))


def loss(w: Any, X: Any, y: Any) -> Any:
    return np.mean(np.logaddexp(0, -y * (X @ w))) + 0.01 * w @ w


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csc_matrix, sp.coo_array])
def test_rows_are_taken_by_their_numbers(kind: Any) -> None:
    taken, labels = Rows((kind(X), y)).take(np.array([7, 3, 7]))
    assert sp.issparse(taken)
    np.testing.assert_array_equal(taken.toarray(), X.toarray()[[7, 3, 7]])
    np.testing.assert_array_equal(labels, y[[7, 3, 7]])


@pytest.mark.parametrize("size", [None, 16])
def test_descent_takes_the_same_steps_as_on_dense_rows(size: int | None) -> None:
    sparse, dense = (
        nz.minimize(loss, np.zeros(8), (A, y), batch_size=size, rng=0, steps=40) for A in (X, X.toarray())
    )
    np.testing.assert_allclose(sparse.params, dense.params, rtol=1e-9)


def test_noise_is_that_of_dense_rows() -> None:
    sparse, dense = (gradient_noise(loss, np.zeros(8), (A, y), rng=0) for A in (X, X.toarray()))
    assert sparse.trace == pytest.approx(dense.trace)
