"""Sparse products as loops over ragged axes: what they mean, and what machine code makes of them."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nazad as nz
from nazad.errors import CompileError
from nazad.ops.sparse import sampled_product, sparse_matmul
from nazad.run.loops import Affine, Axis, Block, Buffer, Call, Fold, Load, Nest, Program, Ragged, Store
from nazad.run.spec import evaluate

programs = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("programs.py"))))
TARGETS = programs.targets()
FLOAT, WHOLE = np.dtype("float64"), np.dtype("int32")


def numbers(rng: np.random.Generator, *shape: int, dtype: Any = "float64") -> np.ndarray:
    return np.asarray(rng.integers(-8, 9, shape) / 4).astype(dtype)


# --- the language
def turned(starts: Buffer, x: Buffer, y: Buffer) -> Nest:
    i, j = Axis("i", 3), Axis("j", 5)
    load = Load(FLOAT, x, (Affine.of(j),))
    return Nest([i, j], [Fold(y, (Affine.of(i),), load, "add", (j,))], ragged={j: Ragged(i, starts, 5)})


def test_a_ragged_axis_means_one_run_after_another() -> None:
    starts, x = Buffer("starts", (4,), WHOLE, "input", 0), Buffer("x", (5,), FLOAT, "input", 1)
    y = Buffer("y", (3,), FLOAT, "output", 0)
    nest = turned(starts, x, y)
    assert str(nest) == "for i<3, j in starts[i]..starts[i + 1]:\n    y[i] = add over j of x[j]"
    assert (nest.points, len(nest.uneven)) == (5, 2)
    program = Program([starts, x], [y], [], [nest])
    args = [np.array([0, 2, 2, 5], np.int32), np.arange(5.0)]
    np.testing.assert_array_equal(evaluate(program, args), [[1.0, 0.0, 9.0]])
    with pytest.raises(CompileError, match="outside dimension"):
        evaluate(program, [np.array([0, 2, 2, 6], np.int32), np.arange(5.0)])


def test_runs_that_store_in_one_place_are_an_error() -> None:
    starts, x = Buffer("starts", (4,), WHOLE, "input", 0), Buffer("x", (5,), FLOAT, "input", 1)
    y = Buffer("y", (5,), FLOAT, "output", 0)
    nest = turned(starts, x, y)
    j = nest.axes[1]
    nest.statements = [Store(y, (Affine.of(j),), Load(FLOAT, x, (Affine.of(j),)))]
    program = Program([starts, x], [y], [], [nest])
    with pytest.raises(CompileError, match="two statements write in one entry"):
        evaluate(program, [np.array([0, 2, 1, 5], np.int32), np.arange(5.0)])


# --- interpreter, specification and machine code agree
def check(f: Any, *args: Any, target: Any = None) -> Program:
    case = programs.case_of(f, args)
    case.check(evaluate(case.program, args))
    case.check(programs.Watched(case.program, target)(args))
    return case.program


@st.composite
def patterns(draw: Any, most: int = 6) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    m, n = draw(st.integers(0, most)), draw(st.integers(1, most))
    rows = draw(st.lists(st.lists(st.integers(0, n - 1), max_size=5), min_size=m, max_size=m))
    dtype = draw(st.sampled_from(["int32", "int64"]))
    starts = np.cumsum([0, *map(len, rows)]).astype(dtype)
    return np.array([c for row in rows for c in row], dtype), starts, (m, n)


@settings(max_examples=50, deadline=None)
@given(
    patterns(),
    st.sampled_from([(), (1,), (3,), (17,)]),
    st.sampled_from(["float64", "float32"]),
    st.booleans(),
    st.sampled_from(TARGETS),
)
def test_products(pattern: Any, columns: tuple[int, ...], dtype: str, transposed: bool, target: Any) -> None:
    indices, indptr, (m, n) = pattern
    rng = np.random.default_rng(len(indices))
    data, u, v = (numbers(rng, *s, dtype=dtype) for s in ((len(indices),), (m, *columns), (n, *columns)))

    def product(data: Any, indices: Any, indptr: Any, x: Any) -> Any:
        return sparse_matmul(data, indices, indptr, x, shape=(m, n), transposed=transposed)

    def loss(data: Any, indices: Any, indptr: Any, x: Any) -> Any:
        return np.sum(np.sin(product(data, indices, indptr, x)))

    x = u if transposed else v
    program = check(product, data, indices, indptr, x, target=target)
    assert not any(isinstance(item, Call) for item in program.items)
    check(nz.value_and_grad(loss, argnums=(0, 3)), data, indices, indptr, x, target=target)
    check(lambda data, x: product(data, indices, indptr, x), data, x, target=target)
    check(sampled_product, u, v, indices, indptr, target=target)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    programs.smaller(monkeypatch)


def sparse(m: int, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    counts = rng.integers(0, 9, m)
    indptr = np.cumsum([0, *counts]).astype(np.int32)
    return numbers(rng, indptr[-1]), rng.integers(0, n, indptr[-1]).astype(np.int32), indptr


def logistic(shape: tuple[int, int]) -> Any:
    def loss(w: Any, data: Any, indices: Any, indptr: Any, y: Any) -> Any:
        z = sparse_matmul(data, indices, indptr, w, shape=shape, transposed=False)
        return np.mean(np.logaddexp(0, -y * z))

    return nz.value_and_grad(loss)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("m", [33, 48, 100])
def test_a_loss_and_its_gradient_go_through_the_matrix_once(m: int) -> None:
    rng = np.random.default_rng(m)
    data, indices, indptr = sparse(m, 20, rng)
    w, y = numbers(rng, 20), np.sign(rng.normal(size=m))
    program = check(logistic((m, 20)), w, data, indices, indptr, y)
    (block,) = (item for item in program.items if isinstance(item, Block))
    assert sum(bool(nest.ragged) for nest in block.nests) == 2


@pytest.mark.usefixtures("small_blocks")
def test_parts_add_into_arrays_of_their_own() -> None:
    rng = np.random.default_rng(7)
    data, indices, indptr = sparse(500, 9, rng)
    w, y = numbers(rng, 9), np.sign(rng.normal(size=500))
    program = check(logistic((500, 9)), w, data, indices, indptr, y)
    (block,) = (item for item in program.items if isinstance(item, Block))
    assert block.parts > 1
    assert "y1~[part, i] = 0.0" in str(program)


@pytest.mark.usefixtures("small_blocks")
def test_columns_go_along_the_lanes() -> None:
    rng = np.random.default_rng(5)
    data, indices, indptr = sparse(60, 20, rng)
    X = numbers(rng, 20, 17)

    def loss(X: Any, data: Any, indices: Any, indptr: Any) -> Any:
        return np.sum(np.tanh(sparse_matmul(data, indices, indptr, X, shape=(60, 20), transposed=False)))

    for target in TARGETS:
        check(nz.value_and_grad(loss, argnums=(0, 1)), X, data, indices, indptr, target=target)


def test_a_pattern_that_is_worked_out_comes_first() -> None:
    """Starts that rows in the same block would write are read by a later pass."""
    rng = np.random.default_rng(6)
    data, indices, indptr = sparse(100, 20, rng)

    def product(data: Any, indices: Any, counts: Any, x: Any) -> Any:
        indptr = np.concatenate([np.zeros(1, int), np.cumsum(counts)])
        return sparse_matmul(data, indices, indptr + 0, np.sin(x), shape=(100, 20), transposed=False)

    check(product, data, indices, np.diff(indptr), numbers(rng, 20))
