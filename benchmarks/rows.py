"""Logistic loss and gradient over rows: how near to a plain read of the data.

The mean of log(1 + exp t) − y t with t = X w, dense in both precisions, and with 20 non-zeros a row. What
touches X twice, once for t and once for the gradient, pays twice when X is larger than the caches: NumPy,
JAX and PyTorch do. The floor is the quickest of some ways to read all of X once (the numbers and
their columns where it is sparse). ``python
benchmarks/rows.py`` runs it; ``--only float32`` one precision.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import one_thread  # noqa: F401

# isort: split
import numpy as np
from peers import by_jax, jax_gradient, nazad_gradient, needs, torch_gradient
from side_by_side import Contenders, compare, medians, options

DENSE = ((200_000, 100), (1000, 50))
QUICK_DENSE = ((300, 20),)
SPARSE = ((200_000, 1000), (200_000, 10_000), (1000, 1000))
QUICK_SPARSE = ((300, 40),)
PER_ROW = 20
FLOOR = "one read of X"


def loss(w: Any, X: Any, y: Any) -> Any:
    t = X @ w
    return np.mean(np.logaddexp(0, t) - y * t)


def by_hand(w: Any, X: Any, y: Any, transposed: Any = None) -> Any:
    """In NumPy or SciPy, with the gradient worked out on paper."""
    t = X @ w
    small = np.exp(-np.abs(t))
    value = np.mean(np.maximum(t, 0) + np.log1p(small) - y * t)
    share = (np.where(t < 0, small, 1) / (1 + small) - y) / y.dtype.type(len(y))
    return value, (X.T if transposed is None else transposed) @ share


def observations(n: int, d: int, dtype: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X, w = rng.normal(size=(n, d)).astype(dtype), (rng.normal(size=d) / np.sqrt(d)).astype(dtype)
    return w, X, rng.integers(0, 2, n).astype(dtype)


@needs("jax")
def dense_by_jax(jax: Any, args: tuple[Any, ...]) -> Contenders:
    def f(w: Any, X: Any, y: Any) -> Any:
        t = X @ w
        return jax.numpy.mean(jax.nn.softplus(t) - y * t)

    return {"JAX": jax_gradient(jax, f, args)}


@needs("torch")
def dense_by_torch(torch: Any, args: tuple[Any, ...]) -> Contenders:
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    return {"PyTorch": torch_gradient(torch, lambda w, X, y: entropy(X @ w, y), args)}


def scalar_loss(numba: Any) -> Callable[..., Any]:
    """One row's loss and its derivative by t."""

    @numba.njit(fastmath={"reassoc", "contract"}, error_model="numpy")
    def one(t: Any, y: Any) -> Any:
        small = np.exp(-abs(t))
        positive = (small if t < 0 else type(t)(1)) / (1 + small)
        return max(t, type(t)(0)) + np.log1p(small) - y * t, positive - y

    return one


@needs("numba")
def dense_by_numba(numba: Any, args: tuple[Any, ...]) -> Contenders:
    one = scalar_loss(numba)

    @numba.njit(fastmath={"reassoc", "contract"}, error_model="numpy")
    def with_gradient(w: Any, X: Any, y: Any) -> Any:
        """Each row twice in a row, the second time out of the nearest cache."""
        n, d = X.shape
        total, gradient = 0.0, np.zeros_like(w)
        for i in range(n):
            row, t = X[i], w[0] * 0
            for j in range(d):
                t += row[j] * w[j]
            value, share = one(t, y[i])
            total += value
            for j in range(d):
                gradient[j] += share * row[j]
        return w.dtype.type(total / n), gradient / w.dtype.type(n)

    return {"by hand, Numba": functools.partial(with_gradient, *args)}


@needs("numba")
def read_by_numba(numba: Any, X: np.ndarray) -> Contenders:
    @numba.njit(fastmath=True)
    def total(flat: Any) -> Any:
        s = flat[0] * 0
        for k in range(len(flat)):
            s += flat[k]
        return s

    return {"numba": functools.partial(total, X.reshape(-1))}


def quickest_read(X: np.ndarray) -> Callable[[], Any]:
    """The quickest way to read an array once that we know of, tried before the race."""
    flat = X.reshape(-1)
    ways = {"sum": functools.partial(np.add.reduce, flat), "dot": functools.partial(np.dot, flat, flat)}
    ways |= read_by_numba(X)
    times = medians(ways, seconds=0.2)
    return ways[min(times, key=times.__getitem__)]


def floor(*arrays: np.ndarray) -> Contenders:
    reads = [quickest_read(X) for X in arrays]
    return {FLOOR: lambda: [read() for read in reads]}


def dense(n: int, d: int, dtype: str) -> Contenders:
    args = observations(n, d, dtype)
    ours = nazad_gradient(loss, args)
    peers = dense_by_numba(args) | dense_by_jax(args) | dense_by_torch(args)
    return ours | {"by hand, NumPy": functools.partial(by_hand, *args)} | peers | floor(args[1])


def sparse_observations(sparse: Any, n: int, d: int, dtype: str) -> tuple[np.ndarray, Any, np.ndarray]:
    rng = np.random.default_rng(0)
    stride = d // PER_ROW  # one column out of each stretch: they are apart, and in order
    columns = np.arange(PER_ROW) * stride + rng.integers(0, stride, (n, PER_ROW))
    ends = np.arange(0, PER_ROW * n + 1, PER_ROW)
    values = rng.normal(size=PER_ROW * n).astype(dtype)
    X = sparse.csr_array((values, columns.ravel().astype(np.int32), ends.astype(np.int32)), (n, d))
    return rng.normal(size=d).astype(dtype), X, rng.integers(0, 2, n).astype(dtype)


@needs("jax", "jax.experimental.sparse")
def sparse_by_jax(jax: Any, sparse: Any, args: tuple[Any, ...]) -> Contenders:
    w, X, y = args
    columns, values = X.indices.reshape(len(y), -1), X.data.reshape(len(y), -1)

    def f(w: Any, X: Any, y: Any) -> Any:
        t = X @ w
        return jax.numpy.mean(jax.nn.softplus(t) - y * t)

    def gathered(w: Any, columns: Any, values: Any, y: Any) -> Any:
        """All rows have as many entries, so that they make a rectangle."""
        t = jax.numpy.sum(values * w[columns], axis=1)
        return jax.numpy.mean(jax.nn.softplus(t) - y * t)

    def with_transpose(w: Any, X: Any, transposed: Any, y: Any) -> Any:
        """The gradient by hand, from a transpose that is sorted already."""
        t = X @ w
        share = (jax.nn.sigmoid(t) - y) / len(y)
        return jax.numpy.mean(jax.nn.softplus(t) - y * t), transposed @ share

    matrix = sparse.BCOO.from_scipy_sparse(X)
    turned = sparse.BCOO.from_scipy_sparse(X.T.tocsr())
    return {
        "JAX, BCOO": jax_gradient(jax, f, (w, matrix, y)),
        "JAX, gathered": jax_gradient(jax, gathered, (w, columns, values, y)),
        "JAX, by hand": by_jax(jax, with_transpose, (w, matrix, turned, y)),
    }


@needs("torch")
def sparse_by_torch(torch: Any, args: tuple[Any, ...]) -> Contenders:
    w, X, y = args
    parts = [torch.from_numpy(a) for a in (X.indptr, X.indices, X.data)]
    with warnings.catch_warnings(action="ignore"):  # that it is in beta
        matrix = torch.sparse_csr_tensor(*parts, size=X.shape)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    return {"PyTorch": torch_gradient(torch, lambda w, y: entropy(matrix @ w, y), (w, y))}


@needs("numba")
def sparse_by_numba(numba: Any, args: tuple[Any, ...]) -> Contenders:
    one = scalar_loss(numba)

    @numba.njit(fastmath={"reassoc", "contract"}, error_model="numpy")
    def with_gradient(w: Any, values: Any, columns: Any, ends: Any, y: Any) -> Any:
        n = len(y)
        total, gradient = 0.0, np.zeros_like(w)
        for i in range(n):
            t = w[0] * 0
            for k in range(ends[i], ends[i + 1]):
                t += values[k] * w[columns[k]]
            value, share = one(t, y[i])
            total += value
            for k in range(ends[i], ends[i + 1]):
                gradient[columns[k]] += share * values[k]
        return w.dtype.type(total / n), gradient / w.dtype.type(n)

    w, X, y = args
    return {"by hand, Numba": functools.partial(with_gradient, w, X.data, X.indices, X.indptr, y)}


@needs("scipy.sparse")
def csr(sparse: Any, n: int, d: int, dtype: str) -> Contenders:
    args = sparse_observations(sparse, n, d, dtype)
    X, transposed = args[1], args[1].T.tocsr()
    hands = {
        "by hand, SciPy": functools.partial(by_hand, *args),
        "SciPy, transpose kept": functools.partial(by_hand, *args, transposed),
    }
    return (
        nazad_gradient(loss, args)
        | hands
        | sparse_by_numba(args)
        | sparse_by_jax(args)
        | sparse_by_torch(args)
        | floor(X.data, X.indices)
    )


def main() -> None:
    chosen = options(__doc__)
    for title, make, sizes in (
        ("Dense rows", dense, QUICK_DENSE if chosen.quick else DENSE),
        ("Sparse rows", csr, QUICK_SPARSE if chosen.quick else SPARSE),
    ):
        cases = {
            f"n = {n}, d = {d}, {dtype}": functools.partial(make, n, d, dtype)
            for n, d in sizes
            for dtype in ("float64", "float32")
        }
        what = f"{title}: logistic loss and gradient, one thread"
        compare(what, cases, chosen, turn=1e-3, apart=(FLOOR,))


if __name__ == "__main__":
    main()
