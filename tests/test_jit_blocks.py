"""Long arrays: compiled in blocks of rows and in parts, they give what the interpreter gives.

Random functions of a table of rows, made of what ties rows together and what does not: entrywise steps,
products, sums, means and maxima along either axis, reversals. Their number of rows stands around the edges:
fewer than a block, one more than a block, several parts, and a rest of each kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import nazad as nz
from nazad.run.loops import Block

ONE = [
    np.tanh,
    np.sin,
    np.exp,
    lambda v: np.log1p(v * v),
    np.abs,
    lambda v: v * 0.5 + 1,
    lambda v: np.where(v > 0, v, 0.1 * v),
]
TWO = [np.add, np.multiply, np.subtract, np.maximum, np.logaddexp, lambda a, b: a / (1 + b * b)]


def joined(a: Any, c: Any, op: Callable[[Any, Any], Any]) -> Any:
    if a.ndim < c.ndim:
        a = a[:, None]
    elif c.ndim < a.ndim:
        c = c[:, None]
    return op(a, c) * 0.3


def product(a: Any, w: Any, otherwise: Callable[[Any], Any]) -> Any:
    fits = a.ndim == 2 and a.shape[1] == w.shape[0]
    return np.tanh(a @ w * 0.1) if fits else otherwise(a * 0.2)


def step(kind: int, a: Any, c: Any, w: Any, M: Any, o: int) -> Any:
    """One step of a random function."""
    rules: list[Callable[[], Any]] = [
        lambda: ONE[o % len(ONE)](a * 0.3),
        lambda: joined(a, c, TWO[o % len(TWO)]),
        lambda: product(a, w, np.sin),
        lambda: product(a, M, np.cos),
        lambda: np.sum(a, axis=1) * 0.1 if a.ndim == 2 else a - np.mean(a),
        lambda: a - np.max(a, axis=-1, keepdims=True),
        lambda: np.exp(a * 0.1) / np.sum(np.exp(a * 0.1), axis=-1, keepdims=True),
        lambda: a[::-1] * 1.1,
        lambda: (a - np.mean(a, axis=0)) / np.sqrt(np.var(a, axis=0) + 1),
    ]
    return rules[kind % len(rules)]()


def random_function(rng: np.random.Generator) -> Callable[..., Any]:
    """A function of X (rows, columns), w (columns,), M (columns, columns) and b (rows,)."""
    steps = [tuple(int(k) for k in rng.integers(0, 60, 4)) for _ in range(rng.integers(4, 12))]

    def f(X: Any, w: Any, M: Any, b: Any) -> Any:
        found = [X, b]
        for kind, i, j, o in steps:
            found.append(step(kind, found[i % len(found)], found[j % len(found)], w, M, o))
        return sum(np.sum(np.tanh(v) * 0.5) * (k + 1) / v.size for k, v in enumerate(found[-3:]))

    return f


def table(rows: int, columns: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(rows * 100 + columns)
    shapes = [(rows, columns), (columns,), (columns, columns), (rows,)]
    return tuple(rng.normal(size=shape) for shape in shapes)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("rows", "columns"), [(70, 33), (513, 3), (513, 8), (5000, 7), (20_001, 2)])
def test_random_functions_of_rows(seed: int, rows: int, columns: int) -> None:
    args = table(rows, columns)
    transform = nz.value_and_grad(random_function(np.random.default_rng(seed)), (0, 1, 2, 3))
    with np.errstate(all="ignore"):
        value, gradient = transform(*args)
    compiled_value, compiled = nz.jit(transform)(*args)
    np.testing.assert_allclose(compiled_value, value, rtol=1e-11)
    for a, b in zip(compiled, gradient, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def logistic(w: Any, X: Any, y: Any) -> Any:
    t = X @ w
    return np.mean(np.logaddexp(0, t) - y * t)


@pytest.fixture
def threads() -> Iterator[None]:
    yield
    nz.set_threads(None)


@pytest.mark.usefixtures("threads")
def test_the_number_of_threads_changes_no_bit() -> None:
    rng = np.random.default_rng(0)
    X, w, y = rng.normal(size=(50_001, 20)), rng.normal(size=20), rng.integers(0, 2, 50_001).astype(float)
    fast = nz.jit(nz.value_and_grad(logistic))
    found = []
    for n in (1, 2, 3, 8):
        nz.set_threads(n)
        found.append(fast(w, X, y))
    (block,) = [i for i in fast.variants[0].compiled.program.items if isinstance(i, Block)]
    assert block.parts > 2
    for value, gradient in found[1:]:
        assert value == found[0][0]
        assert np.array_equal(gradient, found[0][1])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [1000, 100_000, 3_000_000])
def test_long_sums_keep_their_digits(dtype: str, size: int) -> None:
    x = np.full(size, 0.1, dtype)
    exact = float(x[0]) * size
    error = abs(float(nz.jit(np.sum)(x)) - exact) / exact
    assert error < 40 * np.finfo(dtype).eps
