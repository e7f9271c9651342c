"""Lowered programs mean what the graph means, by the specification of the loop language."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import nazad as nz
from nazad.run.loops import Call, Fold, Nest, Store, nests_of
from nazad.run.spec import evaluate

programs = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("programs.py"))))

ELEMENTWISE = {
    "mixed": lambda x, y: np.sin(x) * y + 2.5 * x,
    "asked": lambda x, y: np.where(x < y, x, y * y),
    "larger": lambda x, y: np.maximum(x, y) - np.minimum(x, 0),
    "divided": lambda x, y: x / (1 + y * y),
    "rooted": lambda x, y: np.sqrt(np.abs(x) + 1) + np.hypot(x, y),
    "cast": lambda x, y: x.astype("float32") + y.astype("int64"),
}
PLACES = {
    "turned": lambda x: x[::-1] + x,
    "transposed": lambda x: np.transpose(x) * 2,
    "cut": lambda x: x[1:] - x[:-1],
    "every second": lambda x: x[::2, None] * 3 + x[::-2][:, None],
    "flattened": lambda x: np.reshape(x, -1) + 1,
    "flattened and cut": lambda x: np.reshape(x, -1)[::3],
    "spread": lambda x: np.broadcast_to(x, (3, *x.shape)) * np.reshape(np.arange(3.0), (3,) + (1,) * x.ndim),
    "chosen": lambda x: x[np.array([0, -1, 0])],
    "lower half": lambda x: np.tril(x) + np.triu(x, 1),
    "rolled": lambda x: np.roll(x, 1, axis=-1),
    "padded": lambda x: np.pad(x, 1),
    "stacked": lambda x: np.stack([x, 2 * x, x[::-1]], axis=1),
    "joined": lambda x: np.concatenate([x, x[:1], np.sin(x)]),
    "repeated": lambda x: np.repeat(x, 3, axis=0),
    "diagonal": lambda x: np.diagonal(x),
    "one": lambda x: x[-1],
}
FOLDS = {
    "sum": lambda x: np.sum(x * x),
    "sum of columns": lambda x: np.sum(x, axis=0, keepdims=True) * x,
    "largest": lambda x: np.max(x, axis=-1),
    "least": lambda x: np.min(x),
    "product": lambda x: np.prod(np.tanh(x), axis=0),
    "mean": lambda x: np.mean(x, axis=-1) + np.var(x),
    "all": lambda x: np.all(x > -1, axis=-1),
    "any": lambda x: np.any(x > 1),
    "soft": lambda x: np.exp(x) / np.sum(np.exp(x), axis=-1, keepdims=True),
    "norm": lambda x: np.linalg.norm(x + 1),
    "running": lambda x: np.cumsum(x, axis=-1),
    "two passes": lambda x: np.sum((x - np.mean(x, axis=0)) ** 2, axis=0),
}
PRODUCTS = {
    "matmul": lambda a, b: a @ b,
    "of a sum": lambda a, b: np.tanh(a + 1) @ (b * 2),
    "einsum": lambda a, b: np.einsum("ij,jk->ki", a, b),
    "trace": lambda a, b: np.einsum("ij,ji->", a, b[:, : a.shape[0]]) if b.shape[1] >= a.shape[0] else a,
    "of rows": lambda a, b: np.einsum("ij,ij->i", a, a) + np.sum(b),
    "vector": lambda a, b: a @ b[:, 0],
    "outer": lambda a, b: np.outer(a[:, 0], b[0]),
    "logistic": lambda a, b: np.sum(np.log1p(np.exp(-np.abs(a @ b[:, 0])))),
}
DTYPES = ["float64", "float32", "int64", "bool"]


def numbers(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    return np.asarray(np.random.default_rng(seed).integers(-8, 9, shape) / 4).astype(dtype)


def check(f: Any, *args: Any) -> Any:
    """The program of a function, once it has been seen to give what the interpreter gives."""
    for simple in (True, False):
        case = programs.case_of(f, args, simple)
        case.check(evaluate(case.program, args))
    return case.program


def check_gradient(f: Any, *args: Any) -> None:
    """The same for the gradient by those arguments that have one."""
    moving = tuple(k for k, x in enumerate(args) if x.dtype.kind == "f")
    if moving and np.asarray(f(*args)).dtype.kind == "f":
        check(nz.value_and_grad(lambda *xs: np.sum(np.cos(f(*xs))), argnums=moving), *args)


# --- tables
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shapes", [((3, 4), (3, 4)), ((3, 4), (1, 4)), ((2, 1), (5,)), ((), (3,)), ((0, 3), (3,))]
)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise(name, shapes, dtype):
    f, args = ELEMENTWISE[name], [numbers(s, dtype, k) for k, s in enumerate(shapes)]
    if dtype == "bool":
        args[0] = args[0].astype("float64")
    check(f, *args)
    check_gradient(f, *args)


@pytest.mark.parametrize("dtype", ["float64", "bool"])
@pytest.mark.parametrize("shape", [(3, 3), (4, 1), (1, 1), (1, 5)])
@pytest.mark.parametrize("name", PLACES)
def test_places(name, shape, dtype):
    if (name, dtype) == ("cut", "bool"):
        return  # NumPy refuses to subtract truth values
    check(PLACES[name], numbers(shape, dtype))
    check_gradient(PLACES[name], numbers(shape, dtype))


@pytest.mark.parametrize("dtype", ["float64", "int64"])
@pytest.mark.parametrize("shape", [(3, 4), (4, 1), (1, 1), (2, 3, 2)])
@pytest.mark.parametrize("name", FOLDS)
def test_folds(name, shape, dtype):
    check(FOLDS[name], numbers(shape, dtype))
    check_gradient(FOLDS[name], numbers(shape, dtype))


@pytest.mark.parametrize("dtype", ["float64", "bool"])
@pytest.mark.parametrize("sizes", [(3, 4, 2), (1, 4, 3), (3, 1, 2), (2, 3, 1), (3, 0, 2), (0, 3, 2)])
@pytest.mark.parametrize("name", PRODUCTS)
def test_products(name, sizes, dtype):
    if 0 in sizes and name in ("vector", "outer", "trace"):
        return
    n, m, k = sizes
    args = numbers((n, m), dtype), numbers((m, k), dtype, 1)
    if dtype == "bool":
        args = args[0], args[1].astype("float32")
    check(PRODUCTS[name], *args)
    check_gradient(PRODUCTS[name], *args)


@pytest.mark.parametrize(
    ("name", "op"), [("sum", np.sum), ("prod", np.prod), ("any", np.any), ("all", np.all)]
)
@pytest.mark.parametrize("axis", [0, 1, (0, 1)])
def test_folds_of_nothing(name, op, axis):
    check(lambda x: op(x, axis=axis), numbers((0, 3), "float64"))


@pytest.mark.parametrize("places", [[0, 2, 2, -1], [[1], [0]], 2])
def test_places_that_are_arguments(places):
    x, i = numbers((3, 4), "float64"), np.array(places)
    for f in (
        lambda x, i: x[i] * 2,
        lambda x, i: x[:, i][::-1],
        lambda x, i: x[i, i],
        lambda x, i: np.reshape(x, -1)[i],
        lambda x, i: x[::-2][i % 2],
    ):
        check(f, x, i)
        check_gradient(f, x, i)


def test_places_that_are_read_go_through_shapes():
    """A reshape joins dimensions and a place is read: it cannot be taken apart."""
    x, i = numbers((6, 4), "float64"), np.array([1, 0, -1])
    check(lambda x, i: np.reshape(x, (2, 3, 4))[:, i], x, i)
    check(lambda x, i: np.reshape(np.sin(x), (2, 3, 4))[0, i, i], x, i)
    check(lambda x, i: np.transpose(np.reshape(x, (2, 3, 4)))[i][::-2], x, i)
    check_gradient(lambda x, i: np.reshape(x, (2, 3, 4))[:, i], x, i)


def test_python_numbers_are_arguments_too():
    case = programs.case_of(lambda x, y: x * y + np.float32(1), [2.5, np.ones(3, "float32")])
    case.check(evaluate(case.program, case.args))
    assert case.program.inputs[0].dtype == np.float64


def test_results_that_are_arguments_or_constants_are_copied():
    x = numbers((3,), "float64")
    program = check(lambda x: (x, x + 1, x, np.arange(4), x[::-1]), x)
    assert [b.kind for b in program.outputs] == ["output"] * 5


# --- what is kept
def test_moves_and_what_is_cheap_need_no_memory():
    program = check(lambda x: np.sum((x[::-1].T * 2 + 1)[1:] * 3, axis=0), numbers((4, 5), "float64"))
    (nest,) = program.items
    assert program.locals == []
    (fold,) = nest.statements
    assert isinstance(fold, Fold)


def test_what_is_used_many_times_is_kept():
    program = check(lambda x, w: np.exp(x) @ w, numbers((9, 5), "float64"), numbers((5, 7), "float64"))
    (kept,) = program.locals
    assert kept.shape == (9, 5)


def test_a_scatter_is_zero_first_and_then_added_to():
    f = nz.grad(lambda x, i: np.sum(np.sin(x[i])))
    program = check(f, numbers((5,), "float64"), np.array([1, 1, 4]))
    stores = [s for nest in nests_of(program.items) for s in nest.statements if isinstance(s, Store)]
    assert [s.add for s in stores if s.buffer is program.outputs[0]] == [False, True]


def test_what_is_not_ours_is_called():
    program = check(lambda x: np.sort(np.sin(x)) * 2, numbers((7,), "float64"))
    kinds = [type(item) for item in program.items]
    assert kinds == [Nest, Call, Nest]


def test_a_uniform_constant_is_a_number_and_another_one_memory():
    x = numbers((4,), "float64")
    assert check(lambda x: x * np.full(4, 2.0), x).constants == []
    (constant,) = check(lambda x: x * np.arange(4.0), x).constants
    np.testing.assert_array_equal(constant.value, np.arange(4.0))


@settings(max_examples=60, deadline=None)
@given(programs.functions())
def test_random_functions(f):
    check(f, *f.values)
