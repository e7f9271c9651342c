"""Sparse matrices as arguments of compiled functions: one program for many patterns."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import nazad as nz
from nazad.run.compiled import MISS

rng = np.random.default_rng(8)
X = sp.random_array((300, 40), density=0.1, rng=2, format="csr")
y = np.sign(rng.normal(size=300))
w = rng.normal(size=40)


def loss(w: Any, X: Any, y: Any) -> Any:
    return np.mean(np.logaddexp(0, -y * (X @ w)))


def same(a: Any, b: Any) -> None:
    for left, right in zip(a, b, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix, sp.csc_array])
def test_minibatches_of_any_number_of_entries_share_a_program(kind: Any) -> None:
    interpreted = nz.value_and_grad(loss)
    fast = nz.jit(interpreted)
    for _ in range(6):
        rows = rng.integers(0, 300, 32)
        batch = kind(X[rows])
        same(fast(w, batch, y[rows]), interpreted(w, batch, y[rows]))
    assert len(fast.variants) == 1
    assert "float64[any]" in str(fast.report())
    assert "local" in fast.lower(w, batch, y[rows]).text
    assert not fast.report().variants[0].fallbacks


def test_the_number_of_entries_is_fixed_where_it_shows() -> None:
    for f in (lambda A: np.sum(np.sin(A @ w)), lambda A: A.mean() + np.mean(A.data)):
        fast = nz.jit(nz.value_and_grad(f))
        for k in (1, 2, 1, 2):
            A = X[:k]
            value, gradient = nz.value_and_grad(f)(A)
            compiled = fast(A)
            same((compiled[0], compiled[1].data), (value, gradient.data))
        assert len(fast.variants) == 2


def test_rooms_for_more_entries_are_not_looked_at() -> None:
    fast = nz.jit(nz.value_and_grad(loss))
    expected = fast(w, X, y)
    roomy = X.copy()
    roomy.data = np.concatenate([X.data, np.full(7, np.nan)])
    roomy.indices = np.concatenate([X.indices, np.full(7, -1, X.indices.dtype)])
    for _ in range(2):
        same(fast(w, roomy, y), expected)
    assert len(fast.variants) == 1


def test_a_broken_pattern_is_not_for_machine_code() -> None:
    """Starts out of order, or beyond the end, are left to SciPy; nothing outside is read on the way."""
    fast = nz.jit(nz.value_and_grad(loss))
    fast(w, X, y)
    (variant,) = fast.variants
    assert variant.run([w, X.data, X.indices, X.indptr, y]) is not MISS
    for k, start in ((0, -(10**9)), (5, 10**9), (7, 0)):
        indptr = X.indptr.copy()
        indptr[k] = start
        assert variant.run([w, X.data, X.indices, indptr, y]) is MISS


def test_columns_outside_are_not_read_from_elsewhere() -> None:
    fast = nz.jit(loss)
    fast(w, X, y)
    indices = np.where(np.arange(X.nnz) % 3 == 0, 10**9, np.where(X.indices % 2, -(10**9), X.indices))
    (variant,) = fast.variants
    assert np.isfinite(variant.run([w, X.data, indices.astype(X.indices.dtype), X.indptr, y]))


def test_other_formats_and_classes_have_programs_of_their_own() -> None:
    fast = nz.jit(loss)
    for kind in (sp.csr_array, sp.csc_matrix, sp.coo_array, sp.lil_array, sp.bsr_matrix, sp.csr_array):
        same([fast(w, kind(X), y)], [loss(w, X, y)])
    same([fast(w, X.astype("float32"), y)], [loss(w, X.astype("float32"), y)])
    same([fast(w, X.toarray(), y)], [loss(w, X, y)])


def test_paths_are_told_apart() -> None:
    fast = nz.jit(nz.grad(lambda w, X: np.sum(X @ w) if w[0] > 0 else np.sum((X @ w) ** 2)))
    interpreted = nz.grad(lambda w, X: np.sum(X @ w) if w[0] > 0 else np.sum((X @ w) ** 2))
    for k in (3, 4, 5):
        for sign in (1.0, -1.0):
            at = w * np.sign(w[0]) * sign
            same([fast(at, X[:, :][: 2 * k])], [interpreted(at, X[: 2 * k])])
    assert len(fast.variants) == 6  # one for each path and number of rows


def test_threads_call_one_function() -> None:
    fast = nz.jit(nz.value_and_grad(loss))
    found: dict[int, Any] = {}

    def work(k: int) -> None:
        found[k] = [fast(w, X[k : k + 20], y[k : k + 20]) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(10 * k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k, results in found.items():
        for result in results:
            same(result, nz.value_and_grad(loss)(w, X[k : k + 20], y[k : k + 20]))


def test_keywords_and_structures() -> None:
    fast = nz.jit(nz.grad(lambda p, data: loss(p["w"], data["X"], data["y"])))
    for k in (40, 41):
        data = {"X": X[:k].copy(), "y": y[:k]}
        same([fast({"w": w}, data=data)["w"]], [nz.grad(loss)(w, X[:k], y[:k])])
