"""sparse_jacobian: the same numbers as jacobian, in few products, by a plan that is kept while it holds."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

import nazad as nz
from nazad.api.sparse import SparseJacobian, sparse_jacobian
from nazad.errors import ArgumentError, MissingExtra
from nazad.ops.structure import scatter
from nazad.transform.coloring import Coloring, color_columns
from nazad.tree import flatten

rng = np.random.default_rng(5)
SPARSE = rng.normal(size=(6, 8)) * (np.eye(6, 8) + np.eye(6, 8, 2))


def dense(f: Callable[..., Any], argnums: Any, *args: Any) -> np.ndarray:
    """The Jacobian by nz.jacobian, as one matrix."""
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    leaves, _ = flatten([args[k] for k in numbers])
    results, _ = flatten(f(*args))
    blocks, _ = flatten(nz.jacobian(f, numbers)(*args))
    rows = [blocks[k : k + len(leaves)] for k in range(0, len(blocks), len(leaves))]
    return np.block(
        [
            [np.reshape(b, (np.size(y), np.size(x))) for b, x in zip(row, leaves, strict=True)]
            for y, row in zip(results, rows, strict=True)
        ]
    )


def agree(f: Callable[..., Any], argnums: Any, *args: Any) -> SparseJacobian:
    J = sparse_jacobian(f, argnums)
    matrix, expected = J(*args), dense(f, argnums, *args)
    assert type(matrix) is csr_array
    assert matrix.has_canonical_format
    assert matrix.dtype == expected.dtype
    np.testing.assert_allclose(matrix.toarray(), expected, rtol=1e-12, atol=1e-12)
    return J


def rosenbrock(x: Any) -> Any:
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def stencil(u: Any) -> Any:
    v = np.concatenate([np.zeros(1), u, np.zeros(1)])
    return v[2:] - 2 * v[1:-1] + v[:-2] + np.sin(u)


x8 = rng.normal(size=8)
CASES: dict[str, tuple[Callable[..., Any], Any, tuple[Any, ...], int]] = {
    "entry by entry": (np.sin, 0, (x8,), 1),
    "number": (lambda x: x * x, 0, (3.0,), 1),
    "differences": (lambda x: x[1:] - x[:-1], 0, (x8,), 2),
    "tridiagonal": (stencil, 0, (x8,), 3),
    "gather": (lambda x: x[np.array([1, 1, 5, 0])] ** 2, 0, (x8,), 1),
    "sparse matrix": (lambda x: np.tanh(SPARSE @ x), 0, (x8,), 2),
    "sum": (lambda x: np.sum(x * x), 0, (x8,), 1),
    "sum and itself": (lambda x: np.concatenate([x[:3], np.sum(x, keepdims=True)]), 0, (x8,), 2),
    "full": (lambda x: np.exp(x) / np.sum(np.exp(x)), 0, (x8,), 8),
    "hessian of Rosenbrock's function": (nz.grad(rosenbrock), 0, (x8,), 3),
    "hessian with a gather": (nz.grad(lambda x: np.sum(x[[0, 2, 2]] ** 3 * x[[1, 3, 4]])), 0, (x8,), 3),
    "two arguments": (lambda x, y: x[:, None] * y, (0, 1), (rng.normal(size=3), rng.normal(size=4)), 2),
    "the second alone": (lambda x, y: x[:, None] * y, 1, (rng.normal(size=3), rng.normal(size=4)), 1),
    "in other order": (lambda x, y: np.append(x, y), (1, 0), (x8, 2.0), 1),
    "structures": (
        lambda p: {"r": p["a"][0] * p["b"], "s": (np.sum(p["a"][1]), p["b"][::-1])},
        0,
        ({"a": [2.0, rng.normal(size=(2, 2))], "b": rng.normal(size=3)},),
        3,  # of rows
    ),
    "float32": (lambda x: x[1:] * x[:-1], 0, (x8.astype(np.float32),), 2),
    "rows of float32": (lambda x: np.sum(x * x), 0, (x8.astype(np.float32),), 1),
    "no dependence": (lambda x: np.ones(2), 0, (x8,), 0),
    "steps": (lambda x: np.floor(x), 0, (x8,), 0),
    "empty result": (lambda x: x[:0], 0, (x8,), 0),
    "empty argument": (lambda x: x * 2.0, 0, (np.zeros(0),), 0),
    "nothing but emptiness": (np.sin, 0, (np.zeros(0),), 0),
    "whole numbers beside": (lambda x: (np.arange(3), x * x), 0, (x8,), 1),
    "the argument itself": (lambda x, y: (y, x), (0, 1), (x8, 1.5), 1),
}


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_jacobian(name: str):
    f, argnums, args, colors = CASES[name]
    plan = agree(f, argnums, *args).plan(*args)
    assert plan.colors == colors


def colored_by(rows: bool) -> Callable[[Any], Coloring]:
    """A colouring of rows, or of columns, whatever needs fewer."""

    def colored(matrix: Any) -> Coloring:
        colors = color_columns(matrix.T if rows else matrix)
        return Coloring(rows, colors, int(colors.max(initial=-1)) + 1)

    return colored


@pytest.mark.parametrize("mode", [False, True], ids=["columns", "rows"])
@pytest.mark.parametrize("name", CASES)
def test_both_modes_give_the_same(name: str, mode: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nazad.api.sparse.coloring", colored_by(mode))
    f, argnums, args, _ = CASES[name]
    J = sparse_jacobian(f, argnums)
    np.testing.assert_allclose(J(*args).toarray(), dense(f, argnums, *args), rtol=1e-5, atol=1e-12)
    assert J.plan(*args).by_rows is mode


@pytest.mark.parametrize("mode", [False, True], ids=["columns", "rows"])
@pytest.mark.parametrize("name", CASES)
def test_compiled_values_are_the_same(name: str, mode: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nazad.api.sparse.coloring", colored_by(mode))
    f, argnums, args, _ = CASES[name]
    plan = sparse_jacobian(f, argnums).plan(*args)
    expected, compiled = plan.values(*args), nz.jit(plan.values)(*args)
    assert compiled.dtype == expected.dtype
    np.testing.assert_allclose(
        compiled, expected, rtol=4 * np.finfo(expected.dtype).eps, atol=4 * np.finfo(expected.dtype).eps
    )


@pytest.mark.parametrize(("room", "batches"), [("_BATCH", 3), ("_LARGE", 1)])
@pytest.mark.parametrize("f", [stencil, lambda x: np.outer(x8, x[:3]) @ np.ones(3)])
def test_one_color_after_another_gives_the_same(
    f: Any, room: str, batches: int, monkeypatch: pytest.MonkeyPatch
):
    expected = sparse_jacobian(f)(x8)
    monkeypatch.setattr(f"nazad.api.products.{room}", 1)
    J = sparse_jacobian(f)
    np.testing.assert_allclose(J(x8).toarray(), expected.toarray(), rtol=1e-13)
    assert len(J.plan(x8)._products.batches) == batches


def test_colors_do_not_grow_with_the_size():
    plan = sparse_jacobian(nz.grad(rosenbrock)).plan(np.ones(5000))
    assert (plan.shape, plan.nnz, plan.colors) == ((5000, 5000), 14998, 3)


def test_colors_that_touch_one_argument_leave_the_others_alone():
    def f(x: Any, y: Any) -> Any:
        return x[:, None] * y

    plan = sparse_jacobian(f, (0, 1)).plan(np.ones(3), np.ones(4))
    assert sorted(len(batch.seeds) for batch in plan._products.batches) == [1, 1]


# --- bundle adjustment: cameras, points and weights, each observation of one of each
def turned(rotation: Any, points: Any) -> Any:
    """Rodrigues' formula, row by row."""
    angle = np.linalg.norm(rotation, axis=1, keepdims=True)
    axis, c, s = rotation / angle, np.cos(angle), np.sin(angle)
    along = np.sum(axis * points, axis=1, keepdims=True)
    return points * c + np.cross(axis, points) * s + axis * along * (1 - c)


def bundle(cameras: int, points: int, observations: int) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    draw = np.random.default_rng(1)
    seen_by, seen = draw.integers(cameras, size=observations), draw.integers(points, size=observations)
    at = draw.normal(size=(observations, 2))

    def f(C: Any, X: Any, w: Any) -> Any:
        c = C[seen_by]
        p = turned(c[:, :3], X[seen] - c[:, 3:6])
        flat = p[:, :2] / p[:, 2:]
        r = np.sum(flat * flat, axis=1)
        bent = flat * (1 + c[:, 9] * r + c[:, 10] * r * r)[:, None]
        return w[:, None] * (bent * c[:, 6:7] + c[:, 7:9] - at), 1 - w * w

    X = draw.normal(size=(points, 3)) + np.array([0.0, 0.0, 9.0])
    return f, (draw.normal(size=(cameras, 11)), X, draw.normal(size=observations))


def test_bundle_adjustment():
    f, args = bundle(3, 7, 20)
    plan = agree(f, (0, 1, 2), *args).plan(*args)
    assert plan.colors == 10 + 3 + 1  # the two coordinates of the image's middle share a colour
    assert plan.nnz == 20 * 2 * 14 + 20


def test_bundle_adjustment_of_some_size_stores_nothing_twice():
    f, args = bundle(10, 200, 800)
    plan = sparse_jacobian(f, (0, 1, 2)).plan(*args)
    assert plan.colors == 14
    assert plan.nnz == 800 * 29


# --- what is written for the compiler
def written(values: Callable[..., Any], *args: Any) -> list[tuple[tuple[Any, ...], list[np.ndarray]]]:
    """Of the one scatter that the entries come from: for each piece its shape, and where its entries go."""
    G = nz.trace(values, *args)
    F = G.forward(list(args))
    (y,) = G.sinks
    assert y.op is scatter
    assert [v for v in G.nodes if v.op is scatter] == [y]
    assert math.prod(y.params["shape"]) == len(F[y])
    return [
        (np.shape(F[part]), [np.asarray(F[a]) for a in arrays])
        for _, part, arrays in y.params["layout"].pieces(y.preds)
    ]


def covered(pieces: list[tuple[tuple[Any, ...], list[np.ndarray]]]) -> list[int]:
    """All places, in order; every piece has as many entries as places."""
    assert all(shape == places.shape for shape, (places,) in pieces)
    return sorted(np.concatenate([np.ravel(places) for _, (places,) in pieces]).tolist())


def in_one_vector(f: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Callable[..., Any], Any]:
    """The same function of one vector, and all of its results in one."""
    ends = np.cumsum([np.size(x) for x in args])

    def of(theta: Any) -> Any:
        parts = np.split(theta, ends[:-1])
        xs = [np.reshape(part, np.shape(x)) for part, x in zip(parts, args, strict=True)]
        return np.concatenate([np.ravel(y) for y in f(*xs)])

    return of, np.concatenate([np.ravel(x) for x in args])


@pytest.mark.parametrize("one_vector", [False, True])
def test_entries_of_bundle_adjustment_stand_at_even_distances(one_vector: bool):
    f, args = bundle(10, 200, 800)
    plan = sparse_jacobian(f, (0, 1, 2)).plan(*args)
    if one_vector:
        g, theta = in_one_vector(f, args)
        args, whole = (theta,), sparse_jacobian(g).plan(theta)
        np.testing.assert_array_equal(whole.indices, plan.indices)
        plan = whole
    pieces = sorted(written(plan.values, *args), key=lambda piece: piece[1][0].min())
    assert covered(pieces) == list(range(plan.nnz))
    observed = np.arange(800)[:, None]
    for k, (shape, (places,)) in enumerate(pieces[:-1]):
        assert shape == (800, 2)
        np.testing.assert_array_equal(places, 28 * observed + 14 * np.arange(2) + k)
    np.testing.assert_array_equal(pieces[-1][1][0], 28 * 800 + np.arange(800))
    compiled = nz.jit(plan.values)(*args)
    np.testing.assert_allclose(compiled, plan.values(*args), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("f", [stencil, lambda x: x[1:] * x[:-1], lambda x: np.diff(x, 2) * x[1:-1]])
def test_bands_are_one_piece_for_each_color(f: Callable[..., Any]):
    x = rng.normal(size=50)
    plan = sparse_jacobian(f).plan(x)
    pieces = written(plan.values, x)
    assert covered(pieces) == list(range(plan.nnz))
    assert len(pieces) == plan.colors
    np.testing.assert_allclose(nz.jit(plan.values)(x), plan.values(x), rtol=1e-13, atol=1e-13)


def test_hessian_of_the_chained_function_of_rosenbrock_is_one_piece_for_each_color():
    x = rng.normal(size=50)
    plan = sparse_jacobian(nz.grad(rosenbrock)).plan(x)
    y = nz.trace(plan.values, x).sinks[0]
    assert y.op is scatter
    assert len(y.params["layout"].templates) == plan.colors == 3
    np.testing.assert_allclose(nz.jit(plan.values)(x), plan.values(x), rtol=1e-13, atol=1e-13)


def test_pieces_that_cover_some_of_the_rows():
    def f(x: Any) -> Any:
        """The first row has two entries, the others three or one."""
        return np.concatenate([np.sum(x[:2] ** 2, keepdims=True), x[:3] * x[1:4] * x[6:], x[5:] ** 3])

    x = rng.normal(size=9)
    J = agree(f, 0, x)
    plan = J.plan(x)
    pieces = written(plan.values, x)
    assert covered(pieces) == list(range(plan.nnz))
    assert all(math.prod(shape) < plan.shape[0] for shape, _ in pieces)
    np.testing.assert_allclose(nz.jit(plan.values)(x), plan.values(x), rtol=1e-13)


def test_one_colour_of_whole_rows_is_no_scatter():
    plan = sparse_jacobian(lambda x: np.sin(x) ** 2).plan(x8)
    assert all(v.op is not scatter for v in nz.trace(plan.values, x8).nodes)


# --- plans
def test_plan_is_kept_for_arguments_of_its_kind():
    J = sparse_jacobian(stencil)
    plan = J.plan(x8)
    assert J.plan(2 * x8) is plan
    assert J.plan(x8[:5]) is not plan
    assert J.plan(x8) is plan
    assert J.plan(x8.astype(np.float32)) is not plan
    assert J(x8).shape == (8, 8)


def test_another_branch_has_another_plan():
    def f(x: Any) -> Any:
        return x * x if x[0] > 0 else x * x[::-1]

    J = sparse_jacobian(f)
    x = np.array([1.0, 2.0, 3.0])
    for point in (x, -x, x):
        np.testing.assert_array_equal(J(point).toarray(), nz.jacobian(f)(point))
    with pytest.raises(ArgumentError, match=r"f depends on its arguments in another way here.*another plan"):
        J.plan(x).values(-x)
    plan = J.plan(-x)  # which has all entries that the other branch has, and more
    np.testing.assert_array_equal(plan.assemble(plan.values(x)).toarray(), nz.jacobian(f)(x))


def test_other_places_and_other_zeros_have_another_plan():
    J = sparse_jacobian(lambda x, places, matrix: (x[places] * 2.0, matrix @ x))
    x, M = np.array([1.0, 2.0, 3.0]), np.array([[1.0, 0.0, 2.0]])
    plan = J.plan(x, np.array([0, 1]), M)
    assert J.plan(x, np.array([0, 1]), 5 * M) is plan
    np.testing.assert_array_equal(
        J(x, np.array([2, 2]), M[:, ::-1]).toarray(), [[0, 0, 2], [0, 0, 2], [2, 0, 1]]
    )
    np.testing.assert_array_equal(J(x, [0, 1], np.ones((1, 3))).toarray(), [[2, 0, 0], [0, 2, 0], [1, 1, 1]])


def test_places_written_over_are_seen():
    places = np.array([0, 1])
    J = sparse_jacobian(lambda x: x[places] * 2.0)
    J(np.ones(3))
    places[0] = 2
    np.testing.assert_array_equal(J(np.ones(3)).toarray(), [[0, 0, 2], [0, 2, 0]])


def test_entries_of_a_plan():
    plan = sparse_jacobian(lambda x: x[1:] * x[:-1]).plan(x8)
    assert plan.indptr.tolist() == list(range(0, 15, 2))
    assert plan.indices.reshape(-1, 2).tolist() == [[k, k + 1] for k in range(7)]
    assert plan.coloring.tolist() == [0, 1] * 4
    assert repr(plan) == "<Plan of a Jacobian (7, 8), 14 entries, 2 colours of columns>"
    np.testing.assert_array_equal(plan.values(x8).reshape(-1, 2), np.stack([x8[1:], x8[:-1]], axis=1))


def test_matrices_are_the_callers():
    J = sparse_jacobian(lambda x: x * x)
    first = J(np.array([0.0, 2.0]))
    first.eliminate_zeros()
    first.data[:] = 7
    np.testing.assert_array_equal(J(np.array([0.0, 2.0])).toarray(), np.diag([0.0, 4.0]))
    with pytest.raises(ValueError, match="read-only"):
        J.plan(np.ones(2)).indices[0] = 1


@pytest.mark.parametrize("f", [stencil, lambda x: np.sum(x**3), nz.grad(rosenbrock)])
def test_values_can_be_traced(f: Callable[..., Any]):
    plan = sparse_jacobian(f).plan(x8)

    def squares(x: Any) -> Any:
        return np.sum(plan.values(x) ** 2)

    def squares_of_all(x: Any) -> Any:
        return np.sum(nz.jacobian(f)(x) ** 2)

    np.testing.assert_allclose(nz.grad(squares)(x8), nz.grad(squares_of_all)(x8), rtol=1e-12)
    many = np.stack([x8, 2 * x8])
    np.testing.assert_allclose(nz.vmap(plan.values)(many), [plan.values(x) for x in many], rtol=1e-12)
    _, moved = nz.jvp(plan.values, (x8,), (np.ones(8),))
    step = (plan.values(x8 + 1e-6) - plan.values(x8 - 1e-6)) / 2e-6
    np.testing.assert_allclose(moved, step, rtol=1e-5, atol=1e-5)


# --- what is handed through, and what is refused
def test_aux_and_keywords():
    def f(x: Any, *, power: int) -> Any:
        return x**power, {"y": np.sum(x)}

    matrix, aux = sparse_jacobian(f, has_aux=True)(np.array([1.0, 2.0]), power=3)
    np.testing.assert_array_equal(matrix.toarray(), np.diag([3.0, 12.0]))
    assert aux == {"y": 3.0}
    J = sparse_jacobian(lambda x, scale: x * scale, "scale")
    np.testing.assert_array_equal(J(np.array([1.0, 2.0]), scale=3.0).toarray(), [[1.0], [2.0]])


def test_goes_by_the_name_of_its_function():
    assert sparse_jacobian(stencil).__name__ == "stencil"


def test_refuses_what_grad_refuses():
    with pytest.raises(ArgumentError, match=r"x is an integer.*Make it a float"):
        sparse_jacobian(lambda x: x)(np.arange(3))
    with pytest.raises(ArgumentError, match="takes a function and got"):
        sparse_jacobian(x8)
    with pytest.raises(ArgumentError, match="nothing to differentiate by"):
        sparse_jacobian(lambda x: x)(())
    with pytest.raises(ArgumentError, match="which have no derivative"):
        sparse_jacobian(lambda x: x > 0)(x8)


def test_refuses_traced_arguments_and_says_what_to_do():
    J = sparse_jacobian(stencil)
    with pytest.raises(ArgumentError, match=r"plan\.values"):
        nz.grad(lambda x: J(x).sum())(x8)
    with pytest.raises(ArgumentError, match=r"plan\.values"):
        nz.grad(lambda x: J.plan(x).nnz * x[0])(x8)
    with pytest.raises(ArgumentError, match=r"plan\.values"):
        nz.grad(lambda s: sparse_jacobian(lambda x: x * s)(x8).sum())(2.0)


def test_without_scipy_it_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    with pytest.raises(MissingExtra, match=r"nazad\[learn\]"):
        sparse_jacobian(stencil)(x8)


@given(st.integers(1, 9), st.integers(1, 9), st.floats(0, 1), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_any_pattern(m: int, n: int, density: float, seed: int):
    draw = np.random.default_rng(seed)
    A = draw.normal(size=(m, n)) * (draw.random((m, n)) < density)
    x = draw.normal(size=n)
    matrix = sparse_jacobian(lambda x: np.sin(A @ x))(x)
    np.testing.assert_allclose(matrix.toarray(), np.cos(A @ x)[:, None] * A, rtol=1e-12, atol=1e-15)
    assert matrix.nnz == np.count_nonzero(A)
