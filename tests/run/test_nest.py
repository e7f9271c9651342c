"""Machine code does what the specification says, for every target, and touches no other memory."""

from __future__ import annotations

import functools
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nazad as nz
from nazad.run.spec import evaluate

programs = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("programs.py"))))
TARGETS = programs.targets()
SIZES = [1, 2, 7, 8, 9, 16, 17, 33, 100]
NAMES = [f"{t.cpu}{'' if t.fma else ' without fma'}" for t in TARGETS]
EVERY_TARGET = pytest.mark.parametrize("target", TARGETS, ids=NAMES)


def numbers(*shape: int, dtype: str = "float64", seed: int = 0) -> np.ndarray:
    return np.asarray(np.random.default_rng(seed).integers(-8, 9, shape) / 4).astype(dtype)


def check(f: Any, *args: Any, target: Any = None, simple: bool = True) -> None:
    """Interpreter, specification and machine code agree."""
    case = programs.case_of(f, args, simple)
    case.check(evaluate(case.program, args))
    case.check(programs.Watched(case.program, target)(args))


def gradient(f: Any, count: int) -> Any:
    return nz.value_and_grad(lambda *xs: np.sum(np.cos(f(*xs))), argnums=tuple(range(count)))


# --- one thing at a time, at every size around the vectors'
@EVERY_TARGET
@pytest.mark.parametrize("size", SIZES)
def test_elementwise(size, target):
    for dtype in ("float64", "float32", "int32", "uint8"):
        x, y = numbers(size, dtype=dtype), numbers(size, dtype=dtype, seed=1)
        check(lambda x, y: (x * y + x, np.where(x < y, x, y)[::-1], x > y), x, y, target=target)


@EVERY_TARGET
@pytest.mark.parametrize("size", SIZES)
def test_casts_to_every_width(size, target):
    """A vector of one dtype is several, or part of one, of another; a rest of one entry is by itself."""
    kinds = ["float64", "float32", "int64", "int32", "int16", "uint8", "bool"]
    for first in kinds:
        x = np.abs(numbers(size, dtype=first))
        check(lambda x: tuple(x.astype(k) for k in kinds), x, target=target)
        check(lambda x: x.astype("uint8"), x, target=target)
        check(lambda x: x.astype("int32"), x, target=target)


@EVERY_TARGET
@pytest.mark.parametrize("op", [np.sum, np.max, np.min, np.prod, np.any, np.all])
@pytest.mark.parametrize("shape", [(33, 9), (2, 8, 17), (1, 100)], ids=str)
def test_folds(op, shape, target):
    rank = len(shape)
    for axis in [*range(rank), tuple(range(rank)), (0, rank - 1)]:
        for dtype in ("float64", "float32", "int64", "bool"):
            x = numbers(*shape, dtype=dtype)
            x = np.sign(x) if op is np.prod and dtype != "bool" else x
            check(functools.partial(lambda x, a: op(x, axis=a), a=axis), x, target=target)


@EVERY_TARGET
@pytest.mark.parametrize("m", [1, 7, 33])
@pytest.mark.parametrize("n", [2, 17])
def test_products(n, m, target):
    for k in (1, 9, 16):
        for dtype in ("float64", "float32") if k > 1 else ("int64",):
            a, b = numbers(n, m, dtype=dtype), numbers(m, k, dtype=dtype, seed=1)
            check(lambda a, b: a @ b, a, b, target=target)
            check(lambda a, b: (a.T @ a, np.einsum("ij,jk->ik", a * 2, np.tanh(b))), a, b, target=target)
        check(gradient(lambda a, b: np.tanh(a @ b), 2), numbers(n, m), numbers(m, k), target=target)


@EVERY_TARGET
@pytest.mark.parametrize("size", SIZES)
def test_moves(size, target):
    x, i = numbers(size, 3), np.random.default_rng(2).integers(-size, size, 11)
    check(lambda x: (x[::-1].T, x[:, ::-1], np.roll(x, 2, axis=0)), x, target=target)
    check(lambda x: np.concatenate([x, x[:1], x]), x, target=target)
    check(lambda x, i: (x[i], x[i, ::-1], x[i][:, i % 3], np.stack([x[:, 0], x[:, -1]])), x, i, target=target)
    check(gradient(lambda x, i: np.sin(x[i]) @ x.T, 1), x, i, target=target)


@EVERY_TARGET
def test_long_scalar_code_calls_what_it_would_write_out_again(target):
    functions = [np.exp, np.sin, np.cos, np.log1p, np.arctan, np.tanh, np.cbrt, np.exp2, np.sinh]
    order = np.random.default_rng(0).integers(0, 9, 90).tolist()  # no loop to be found

    def long(x: Any) -> Any:
        for k in order:
            x = x + 0.01 * functions[k](0.1 * x * x + 0.01 * k) * np.arctan2(x, 1.0 + k)
        return x

    case = programs.case_of(long, [np.float64(0.7)], simple=True)
    watched = programs.Watched(case.program, target)
    case.check(watched([np.float64(0.7)]))
    assert "@nz.sin.shared.f64" in watched.ir


@EVERY_TARGET
def test_special_values(target):
    special = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 1e-40, 1e38, -2.5, 0.5, 3.0, 7.0] * 3
    for dtype in ("float64", "float32"):
        x = np.array(special, dtype)
        check(lambda x: (np.exp(x), np.maximum(x, 0), np.sign(x), x / x[::-1], np.isnan(x)), x, target=target)
        check(lambda x: (np.max(x), np.min(x), np.max(x[3:]), np.min(x[10:13])), x, target=target)
        check(lambda x: np.sum(np.where(np.isfinite(x), x, 0)), x[3:8], target=target)


@EVERY_TARGET
def test_folds_of_nothing(target):
    check(lambda x: (np.sum(x, axis=0), np.prod(x, axis=0), x * 2), np.ones((0, 9)), target=target)
    check(lambda x: (np.any(x > 0, axis=0), np.all(x > 0)), np.ones((0, 9)), target=target)
    check(lambda a, b: a @ b, np.ones((9, 0)), np.ones((0, 17)), target=target)
    check(lambda a: a @ a, np.ones(0), target=target)


# --- blocks and loops
@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    programs.smaller(monkeypatch)


@EVERY_TARGET
@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("size", [33, 48, 100])
@pytest.mark.parametrize("width", [1, 3, 9])
def test_blocks_of_rows(width, size, target):
    def loss(X: Any, w: Any) -> Any:
        z = np.tanh(X @ w)
        p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
        return -np.sum(np.log(p[:, 0])) + np.max(X)

    check(nz.value_and_grad(loss, argnums=1), numbers(size, width), numbers(width, 3), target=target)


@EVERY_TARGET
@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("size", [15, 33, 40, 47])
def test_triangles_in_blocks_of_rows(size, target):
    """What is left out of a product depends on the row, and a block begins anywhere."""
    x, y = numbers(size, size), numbers(size, size, seed=1)
    check(lambda x, y: np.tanh(np.tril(x) @ y), x, y, target=target)
    check(lambda x, y: np.sin(np.tril(np.tril(x) @ np.tril(y))), x, y, target=target)
    f = lambda x, y: (lambda v: (np.sum(v * y), np.tril(np.tril(x, -1).T @ y)))(np.tril(x, -1) @ x)  # noqa: E731
    check(f, x, y, target=target)


@EVERY_TARGET
def test_loops(target):
    def f(x: Any, y: Any) -> Any:
        for _ in range(30):
            x, y = np.tanh(x) + y / 2, np.cos(y[::-1]) - x / 3
        return x, y

    check(f, numbers(9), numbers(9), target=target)
    check(gradient(lambda x, y: f(x, y)[0], 2), numbers(9), numbers(9), target=target)


# --- anything
FUNCTIONS = st.one_of(programs.functions(most=10), programs.functions(special=True))


@settings(max_examples=150, deadline=None)
@given(FUNCTIONS, st.sampled_from(TARGETS), st.booleans())
def test_random_functions(f, target, simple):
    check(f, *f.values, target=target, simple=simple)


@settings(max_examples=100, deadline=None)
@given(programs.functions(), st.sampled_from(TARGETS))
def test_random_gradients(f, target):
    found = f.gradient()
    if found is not None:
        check(found, *f.values, target=target)


@settings(max_examples=60, deadline=None)
@given(programs.functions(least=4, most=12), st.sampled_from(TARGETS))
def test_random_functions_in_blocks(f, target):
    with pytest.MonkeyPatch.context() as patch:
        programs.smaller(patch)
        check(f.gradient() or f, *f.values, target=target)
