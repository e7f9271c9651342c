"""Zeros and unused entries: what is found in well-known programs, and that nothing is claimed in vain."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nazad as nz
from nazad import ops
from nazad.graph import Graph, Node, constant, leaf
from nazad.ops.families import chain
from nazad.ops.structure import ARRAY, Layout
from nazad.run.bounds import Bound, Bounds, bounds
from nazad.run.masks import MOST, multiplied, narrow
from nazad.run.sparsity import Sparsity, analyse, product_terms
from nazad.transform.simplify import simplify

rng = np.random.default_rng(5)
LOWER = (0, 0, 0, 0), (1, 2, 3, 4)
UPPER = (0, 1, 2, 3), (4, 4, 4, 4)


def x_of(*shape: int) -> np.ndarray:
    return rng.normal(size=shape)


def simplified(f: Callable[..., Any], *xs: Any) -> tuple[Graph, dict[Node, Any]]:
    G = nz.trace(f, *xs)
    G, F = simplify(G, G.forward(list(xs)))
    return G, dict(F)


def products_of(G: Graph) -> list[Node]:
    return [v for v in G.nodes if v.op in (ops.matmul, ops.einsum)]


def found_in(f: Callable[..., Any], *xs: Any) -> list[tuple[Node, Bounds]]:
    """The products of a function, in order, with their bounds; axes by their place in the letters."""
    G, F = simplified(f, *xs)
    found = analyse(G, F)
    return [
        (v, bounds(found, v, *product_terms(v, [np.ndim(F[p]) for p in v.preds]))) for v in products_of(G)
    ]


def by_letters(v: Node, bound: Bound | None) -> tuple[str, Any] | None:
    """A bound of an einsum as ``j by i``, and its ranges."""
    return None if bound is None else (f"{chr(bound.axis)} by {chr(bound.by)}", (bound.low, bound.high))


def ranges(bound: Bound | None) -> Any:
    return None if bound is None else (bound.low, bound.high)


# --- the mixture of Gaussians
def places(d: int) -> np.ndarray:
    """Where entry (i, j) of the triangle stands in the row of its diagonal, what is below, and a zero."""
    columns, rows = np.triu_indices(d, 1)
    found = np.full((d, d), d + len(rows))
    found[np.arange(d), np.arange(d)] = np.arange(d)
    found[rows, columns] = d + np.arange(len(rows))
    return found


def mixture(alpha: Any, means: Any, q: Any, below: Any, x: Any) -> Any:
    """As benchmarks/adbench/gmm.py has it, without the prior."""
    d, k = x.shape[1], len(alpha)
    Q = np.concatenate([np.exp(q), below, np.zeros((k, 1))], axis=1)[:, places(d)]
    y = np.einsum("kij,nj->nki", Q, x) - np.einsum("kij,kj->ki", Q, means)
    terms = alpha + np.sum(q, axis=1) - 0.5 * np.sum(y**2, axis=2)
    top = np.max(terms, axis=1, keepdims=True)
    return np.sum(np.squeeze(top, 1) + np.log(np.sum(np.exp(terms - top), axis=1)))


def mixture_data(n: int, d: int, k: int) -> tuple[np.ndarray, ...]:
    return x_of(k), x_of(k, d), x_of(k, d), x_of(k, d * (d - 1) // 2), x_of(n, d)


GRADIENT = nz.value_and_grad(mixture, (0, 1, 2, 3))


def test_mixture_of_gaussians():
    found = {v.params["subscripts"]: (v, b) for v, b in found_in(GRADIENT, *mixture_data(20, 4, 3))}
    zero = {text: by_letters(v, b.zero) for text, (v, b) in found.items() if b.zero}
    needed = {text: by_letters(v, b.needed) for text, (v, b) in found.items() if b.needed}
    assert zero == {
        "kij,nj->nki": ("j by i", LOWER),
        "kij,kj->ki": ("j by i", LOWER),
        "ki,kij->kj": ("i by j", UPPER),
    }
    assert needed == {"nki,nj->kij": ("j by i", LOWER), "ki,kj->kij": ("j by i", LOWER)}


def test_masks_of_the_mixture_do_not_grow_with_points_and_components():
    G, F = simplified(GRADIENT, *mixture_data(1000, 5, 30))
    found = analyse(G, F)
    lower = np.tri(5, dtype=bool)
    Q = next(v for v in G.nodes if v.op is ops.take and np.shape(F[v]) == (30, 5, 5))
    assert np.array_equal(found.zero[Q], ~lower[None])
    shares = [v for v in products_of(G) if np.shape(F[v]) == (30, 5, 5)]
    assert len(shares) == 2
    assert all(np.array_equal(found.needed[v], lower[None]) for v in shares)
    assert max(m.size for m in (*found.zero.values(), *found.needed.values()) if m is not None) == 25


def test_the_mixture_takes_little_time():
    G, F = simplified(GRADIENT, *mixture_data(10_000, 10, 25))
    times = []
    for _ in range(10):
        start = time.perf_counter()
        analyse(G, F)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.005


# --- triangles and bands
def test_triangle_times_vector_and_its_gradient():
    ((_, b),) = found_in(lambda A, x: np.tril(A) @ x, x_of(4, 4), x_of(4))
    assert ranges(b.zero) == LOWER
    assert b.needed is None
    products = found_in(nz.grad(lambda A, x: np.sum(np.tanh(np.tril(A) @ x)), (0, 1)), x_of(4, 4), x_of(4))
    assert [ranges(b.zero) for _, b in products] == [LOWER, UPPER]


def test_triangle_times_matrix_and_its_gradient():
    def loss(A: Any, X: Any) -> Any:
        return np.sum(np.tanh(np.tril(A) @ X))

    forward, *shares = found_in(nz.grad(loss, (0, 1)), x_of(4, 4), x_of(4, 5))
    assert ranges(forward[1].zero) == LOWER
    bound = next(b.needed for _, b in shares if b.needed)
    assert ranges(bound) == LOWER  # the upper triangle of the cotangent is cut off
    assert sum(ranges(b.zero) == UPPER for _, b in shares) == 1  # of the transpose


def test_upper_triangle():
    ((_, b),) = found_in(lambda A, x: np.triu(A) @ x, x_of(4, 4), x_of(4))
    assert ranges(b.zero) == UPPER


def test_triangle_times_its_transpose():
    ((_, b),) = found_in(lambda A: np.tril(A) @ np.tril(A).T, x_of(4, 4))
    assert b.zero is not None
    assert ranges(b.zero) == LOWER
    assert (b.zero.axis, b.needed) == (102, None)
    products = found_in(nz.grad(lambda A: np.sum(np.sin(np.tril(A) @ np.tril(A).T))), x_of(4, 4))
    assert any(ranges(b.needed) == LOWER for _, b in products)
    assert all(b.zero for _, b in products)


def test_triangle_times_triangle_is_one():
    G, F = simplified(lambda A, B, x: np.tril(A) @ np.tril(B) @ x, x_of(4, 4), x_of(4, 4), x_of(4))
    found = analyse(G, F)
    square, vector = products_of(G)
    assert np.array_equal(found.zero[square], ~np.tri(4, dtype=bool))
    b = bounds(found, vector, *product_terms(vector, (2, 1)))
    assert ranges(b.zero) == LOWER


def test_band():
    mask = np.abs(np.subtract.outer(np.arange(5), np.arange(5))) <= 1
    ((_, b),) = found_in(lambda A, x: np.where(mask, A, 0) @ x, x_of(5, 5), x_of(5))
    assert ranges(b.zero) == ((0, 0, 1, 2, 3), (2, 3, 4, 5, 5))


def test_band_in_a_stack_of_many():
    mask = np.tri(4, dtype=bool)
    G, F = simplified(lambda A, B: np.where(mask, A, 0) @ B, x_of(2000, 4, 4), x_of(2000, 4, 3))
    (v,) = products_of(G)
    found = analyse(G, F)
    assert np.array_equal(found.zero[v.preds[0]], ~mask[None])
    b = bounds(found, v, *product_terms(v, (3, 3)))
    assert b.zero == Bound(102, 100, *LOWER)


def test_a_row_without_an_entry_has_an_empty_range():
    mask = np.array([[True, False], [False, False]])
    ((_, b),) = found_in(lambda A, x: np.where(mask, A, 0) @ x, x_of(2, 2), x_of(2))
    assert ranges(b.zero) == ((0, 0), (1, 0))


def test_what_saves_less_than_a_quarter_is_left():
    mask = np.ones((4, 4), bool)
    mask[0, 2:] = mask[1, 3] = False  # 3 of 16
    ((_, b),) = found_in(lambda A, x: np.where(mask, A, 0) @ x, x_of(4, 4), x_of(4))
    assert b.zero is None
    mask[2, 3] = False
    ((_, b),) = found_in(lambda A, x: np.where(mask, A, 0) @ x, x_of(4, 4), x_of(4))
    assert ranges(b.zero) == ((0, 0, 0, 0), (2, 3, 3, 4))


DENSE: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "product": (lambda A, x: A @ x, (x_of(4, 4), x_of(4))),
    "gradient": (nz.grad(lambda A, B: np.sum(np.sin(A @ B)), (0, 1)), (x_of(4, 4), x_of(4, 4))),
    "unknown condition": (lambda A, x: np.where(A > 0, A, 0) @ x, (x_of(4, 4), x_of(4))),
    "einsum": (lambda A, B: np.einsum("ij,kj->ik", A, B), (x_of(4, 4), x_of(4, 4))),
    "exponential of a triangle": (lambda A, x: np.exp(np.tril(A)) @ x, (x_of(4, 4), x_of(4))),
    "infinite factor": (lambda A, B, x: (np.tril(A) * B) @ x, (x_of(4, 4), x_of(4, 4), x_of(4))),
}


@pytest.mark.parametrize("name", DENSE)
def test_nothing_is_found_where_nothing_is(name):
    f, xs = DENSE[name]
    assert all(b == (None, None) for _, b in found_in(f, *xs))


# --- single rules
def zero_of_operand(f: Callable[..., Any], *xs: Any) -> Any:
    """Where the first operand of the last product is zero, in full."""
    with np.errstate(all="ignore"):
        G = nz.trace(f, *xs)
        F = G.forward(list(xs))
    p = products_of(G)[-1].preds[0]
    zero = analyse(G, F).zero[p]
    return np.zeros(np.shape(F[p]), bool) if zero is None else np.broadcast_to(zero, np.shape(F[p]))


UP = ~np.tri(3, dtype=bool)
ZEROS: dict[str, tuple[Callable[..., Any], Any]] = {
    "constant": (lambda A: np.array([[0.0, 1.0, 0.0]]) @ A, [[1, 0, 1]]),
    "negative": (lambda A: -np.tril(A) @ A, UP),
    "times finite": (lambda A: (np.tril(A) * np.full((3, 3), 2.0)) @ A, UP),
    "times a number": (lambda A: (2.0 * np.tril(A)) @ A, UP),
    "mask of finite numbers": (lambda A: (np.eye(3) * np.tril(A)) @ A, ~np.eye(3, dtype=bool) & UP),
    "zeros meet zeros": (lambda A: (np.tril(A) * np.tril(A.T)) @ A, UP),
    "times infinite": (lambda A: (np.tril(A) * np.full((3, 3), np.inf)) @ A, UP & False),
    "too large for float32": (lambda A: (np.tril(A).astype(np.float32) * 1e300) @ A, UP & False),
    "divided": (lambda A: (np.tril(A) / 2.0) @ A, UP),
    "divided by zero": (lambda A: (np.tril(A) / np.zeros(3)) @ A, UP & False),
    "chain": (lambda A: chain(A, np.tril(np.sin(A))) @ A, UP),
    "sum": (lambda A: (np.tril(A) + np.tril(A.T)) @ A, UP),
    "sum of unlike": (lambda A: (np.tril(A) + np.triu(A)) @ A, UP & False),
    "turned": (lambda A: np.tril(A).T @ A, UP.T),
    "backwards": (lambda A: np.tril(A)[::-1] @ A, UP[::-1]),
    "taken": (lambda A: np.tril(A)[np.array([2, 0, -3])] @ A, UP[[2, 0, 0]]),
    "taken at unknown places": (lambda A: np.tril(A, -1)[np.argsort(A[0])] @ A, [[0, 0, 1]] * 3),
    "one row": (lambda A: np.tril(A)[1] @ A, UP[1]),
    "in a column": (lambda A: np.tril(A)[:, 1, None].T @ A, UP[None, :, 1]),
    "joined": (lambda A: np.concatenate([np.zeros((2, 3)), np.tril(A)]) @ A, [[1, 1, 1]] * 2 + UP.tolist()),
    "stacked": (
        lambda A: np.stack([A[0], np.tril(A)[0]], axis=1) @ A[:2],
        [[0, 0], [0, 1], [0, 1]],
    ),
    "reshaped": (lambda A: np.reshape(np.tril(A), (1, 9)) @ np.reshape(A, 9), UP.reshape(1, 9)),
    "broadcast": (lambda A: np.broadcast_to(np.tril(A)[0], (3, 3)) @ A, UP[[0, 0, 0]]),
    "folded": (lambda A: np.sum(np.tril(A)[:2], axis=0) @ A, [0, 0, 1]),
    "largest": (lambda A: np.max(np.tril(A)[:2], axis=0) @ A, [0, 0, 1]),
    "cast": (lambda A: np.tril(A).astype(np.float32) @ A, UP),
    "same zeros whatever is chosen": (lambda A: np.where(A > 0, np.tril(A), np.tril(A.T)) @ A, UP),
    "product": (lambda A: (np.tril(A) @ np.tril(A)) @ A, UP),
    "stranger of that name": (
        lambda A: nz.elementwise(lambda x: x + 1, lambda y, x: 1, name="negative")(np.tril(A)) @ A,
        UP & False,
    ),
}


@pytest.mark.parametrize("name", ZEROS)
def test_zero(name):
    f, expected = ZEROS[name]
    assert np.array_equal(zero_of_operand(f, x_of(3, 3)), np.array(expected, bool))


def needed_of_product(f: Callable[[Any], Any]) -> Any:
    """Where the product of two leaves is needed by a function of it, in full."""
    G = nz.trace(lambda A, B: f(A @ B), x_of(3, 3), x_of(3, 3))
    F = G.forward([x_of(3, 3), x_of(3, 3)])
    needed = analyse(G, F).needed[products_of(G)[0]]
    return np.ones((3, 3), bool) if needed is None else np.broadcast_to(needed, (3, 3))


ROWS = np.arange(3)[:, None] + np.zeros((3, 3), int)
NEEDED: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "all": (lambda P: np.sin(P), ROWS >= 0),
    "part": (lambda P: np.sin(P)[1:], ROWS > 0),
    "two parts": (lambda P: P[0] + P[2], ROWS != 1),
    "two users": (lambda P: (P[0], P[1]), ROWS < 2),
    "one entry": (lambda P: P[0, 1], (ROWS == 0) & (ROWS.T == 1)),
    "at known places": (lambda P: P[np.array([0, 2]), np.array([1, 1])], (ROWS != 1) & (ROWS.T == 1)),
    "at unknown places": (lambda P: P[np.argsort(P[:, 0]), 1], ROWS.T < 2),
    "triangle": (lambda P: np.exp(np.tril(P)), ~UP),
    "other side": (lambda P: np.where(UP, P[:1], 3.0), (ROWS == 0) & (ROWS.T > 0)),
    "turned": (lambda P: np.tril(P.T), ~UP.T),
    "turned in three": (lambda P: np.transpose(np.stack([P, -P, P + 1]), (1, 2, 0))[0], ROWS == 0),
    "reshaped": (lambda P: np.reshape(P, 9)[:4], np.arange(9).reshape(3, 3) < 4),
    "folded": (lambda P: np.sum(P, axis=1)[:2], ROWS < 2),
    "folded, other": (lambda P: np.sum(P, axis=0)[:2], ROWS.T < 2),
    "largest": (lambda P: np.max(P, axis=0, keepdims=True)[:, 1:], ROWS.T > 0),
    "joined": (lambda P: np.concatenate([P, P[:1]])[3:], ROWS == 0),
    "stacked": (lambda P: np.stack([P, np.sin(P.T)], axis=1)[:, 0], ROWS >= 0),
    "stacked, other": (lambda P: np.stack([P, 2 * P], axis=1)[:1, 1], ROWS == 0),
    "broadcast": (lambda P: np.broadcast_to(P[0], (4, 3))[:, 1], (ROWS == 0) & (ROWS.T == 1)),
    "cast": (lambda P: np.tril(P.astype(np.float32)), ~UP),
    "sorted": (lambda P: np.sort(P, axis=0)[:, 1], ROWS >= 0),
    "meets a zero": (lambda P: np.array([[0.0, 1.0, 1.0]]) @ P, ROWS > 0),
    "meets zeros in what is needed": (lambda P: (np.array([[1.0, 0, 1], [0, 1, 0]]) @ P)[0], ROWS != 1),
}


@pytest.mark.parametrize("name", NEEDED)
def test_needed(name):
    f, expected = NEEDED[name]
    assert np.array_equal(needed_of_product(f), expected)


def test_scattered_products_are_needed_where_the_whole_is():
    places = np.array([0, 3, 1])

    def f(A: Any, B: Any) -> Any:
        whole = ops.scatter(A @ B, places, layout=Layout([(ARRAY,)]), shape=(4, 3), dtype=np.dtype(float))
        return whole[:2]

    G = nz.trace(f, x_of(3, 3), x_of(3, 3))
    (v,) = products_of(G)
    needed = analyse(G, G.forward([x_of(3, 3), x_of(3, 3)])).needed[v]
    assert np.array_equal(np.broadcast_to(needed, (3, 3)), [[1] * 3, [0] * 3, [1] * 3])


def test_scatter_is_zero_where_nothing_falls():
    places = np.array([0, 3])

    def f(A: Any, B: Any) -> Any:
        layout = Layout([(ARRAY,), (slice(0, 2), 1)])
        return ops.scatter(A, places, B, layout=layout, shape=(4, 3), dtype=np.dtype(float)) @ np.ones((3, 2))

    G = nz.trace(f, x_of(2, 3), x_of(2))
    found = analyse(G, G.forward([x_of(2, 3), x_of(2)]))
    expected = np.array([[0, 0, 0], [1, 0, 1], [1, 1, 1], [0, 0, 0]], bool)
    assert np.array_equal(found.zero[products_of(G)[0].preds[0]], expected)


# --- sizes
def test_a_large_graph_without_products_costs_nothing():
    x = leaf("x")
    v, F, nodes = x, {x: np.float64(1)}, [x]
    for _ in range(100_000):
        v = Node(ops.sin, (v,))
        nodes.append(v)
        F[v] = np.float64(1)
    G = Graph([x], [v], nodes)
    start = time.perf_counter()
    found = analyse(G, F)
    assert time.perf_counter() - start < 0.1
    assert found == Sparsity({}, {})


def test_a_large_graph_takes_linear_time():
    def unrolled(count: int) -> float:
        x, W = leaf("x"), constant(np.tri(4))
        h, nodes, F = x, [x, W], {x: np.ones(4), W: W.params["value"]}
        for _ in range(count):
            for op, preds, params in (
                (ops.take, (h,), {"template": (slice(None, None, -1),)}),
                (ops.matmul, (W, None), {}),
                (ops.tanh, (None,), {}),
            ):
                h = Node(op, tuple(h if p is None else p for p in preds), params)
                nodes.append(h)
                F[h] = F[x]
        G = Graph([x], [h], nodes)
        times = []
        for _ in range(3):
            start = time.perf_counter()
            analyse(G, F)
            times.append(time.perf_counter() - start)
        return min(times)

    assert unrolled(2000) < 30 * unrolled(200) + 0.01


def test_masks_that_would_be_too_large_are_not_made():
    n = int(MOST**0.5) + 1
    ((_, b),) = found_in(lambda A, x: np.tril(A) @ x, np.ones((n, n)), np.ones(n))
    assert b == (None, None)
    rows = np.arange(n)
    wide = multiplied([(narrow((rows > 3)[:, None]), (0, 1)), (narrow((rows > 3)[None]), (1, 2))], (0, 2))
    assert wide is None


def test_arrays_without_entries():
    for _, b in found_in(lambda A, B: np.tril(A) @ np.concatenate([B, B[:0]]), x_of(0, 0), x_of(0, 2)):
        assert b == (None, None)


def test_letters_of_matrices():
    A, B = leaf("A"), leaf("B")
    for a, b in [
        ((3, 4), (4, 2)),
        ((4,), (4,)),
        ((4,), (4, 2)),
        ((5, 3, 4), (4, 2)),
        ((5, 3, 4), (6, 1, 4, 2)),
    ]:
        (left, right), output = product_terms(ops.matmul(A, B), (len(a), len(b)))
        number = {c: k for k, c in enumerate(dict.fromkeys([*left, *right]))}
        x, y = x_of(*a), x_of(*b)
        terms = [[number[c] for c in term] for term in (left, right, output)]
        assert np.allclose(np.einsum(x, terms[0], y, terms[1], terms[2]), x @ y)


# --- soundness
MASK = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0]], bool)
PICKS = np.array([2, 0, 1, 1])
ONE: list[Callable[..., Any]] = [
    *(np.tril, np.triu, np.negative, np.tanh, np.transpose, lambda x: np.tril(x, -1), lambda x: x[..., ::-1]),
    *(lambda x: np.where(MASK, x, 0), lambda x: np.where(MASK[0], 0, x), lambda x: x * MASK, lambda x: x + 1),
    *(
        lambda x: x[PICKS],
        lambda x: x[..., PICKS[:3]],
        lambda x: x[1:],
        lambda x: x[..., 1:, :2],
        lambda x: x[0],
    ),
    *(lambda x: x[PICKS[:2], PICKS[2:]], lambda x: x[None], lambda x: x[:, None], lambda x: x[..., 1]),
    *(lambda x: np.sum(x, axis=0), lambda x: np.sum(x, axis=-1, keepdims=True), lambda x: np.max(x, axis=0)),
    *(lambda x: np.reshape(x, -1), lambda x: np.reshape(x, (-1, 3)), lambda x: x.astype(np.float32)),
    *(lambda x: np.broadcast_to(x, (2, *x.shape)), lambda x: np.concatenate([x, np.zeros_like(x)], axis=-1)),
    *(lambda x: np.stack([np.zeros(x.shape), x, x], axis=1), lambda x: x[np.argsort(x)], np.sort),
    *(lambda x: placed(x, (4, *x.shape[1:]), (PICKS[:3],), (ARRAY,)), lambda x: chain(x, MASK * 1.0)),
    *(lambda x: placed(x, (x.shape[0] + 2, *x.shape[1:]), (), (slice(1, -1),)), np.cumsum),
    *(lambda x: np.einsum("ii->i", x), lambda x: np.einsum("ij->j", x)),
]
TWO: list[Callable[..., Any]] = [
    *(np.add, np.subtract, np.multiply, chain, np.maximum, np.matmul, np.matmul, np.matmul),
    *(lambda x, y: np.einsum("ij,kj->ik", x, y), lambda x, y: np.einsum("ij,ij,jk->ki", x, y, y)),
    *(
        lambda x, y: np.concatenate([x, y]),
        lambda x, y: np.where(MASK, x, y),
        lambda x, y: np.where(x > 0, x, y),
    ),
    lambda x, y: np.einsum("i,j->ij", x, y),
]


def placed(x: Any, shape: Any, arrays: tuple[Any, ...], template: tuple[Any, ...]) -> Any:
    return ops.scatter(x, *arrays, layout=Layout([template]), shape=shape, dtype=x.dtype)


def program(steps: list[tuple[int, int, int]]) -> Callable[..., Any]:
    """A function that does this to what it is given and to what came of that; it has a product somewhere."""

    def f(*xs: Any) -> Any:
        values = [*xs, np.where(MASK, xs[0], 0) @ xs[1]]
        for which, i, j in steps:
            x, y = values[-1 - i % len(values)], values[-1 - j % len(values)]
            k = which % (len(ONE) + len(TWO))
            try:
                new = ONE[k](x) if k < len(ONE) else TWO[k - len(ONE)](x, y)
            except (ValueError, IndexError):  # shapes that do not fit
                continue
            if 0 < np.size(new) < 100 and np.ndim(new) < 5:
                values.append(new)
        return values[-1], values[2 * len(values) // 3]

    return f


STEPS = st.lists(
    st.tuples(st.integers(0, 999), st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=14
)


def drawn(seed: int) -> list[np.ndarray]:
    """Small whole numbers, so that sums are exact in any order."""
    draw = np.random.default_rng(seed)
    return [draw.integers(-3, 4, size).astype(float) for size in ((3, 3), (3, 3), (3,))]


def overwritten(value: Any, needed: Any, draw: np.random.Generator) -> Any:
    """Other numbers where nothing is needed."""
    junk = draw.integers(-9, 10, np.shape(value)).astype(np.asarray(value).dtype)
    return np.where(needed, value, junk)[()]


def assert_sound(G: Graph, found: Sparsity, xs: list[np.ndarray], seed: int) -> None:
    with np.errstate(all="ignore"):
        F = G.forward(xs)
    if not all(np.all(np.isfinite(y)) and np.all(np.abs(y) < 1e9) for y in F.values()):
        return
    for v, zero in found.zero.items():
        assert zero.ndim == np.ndim(F[v])
        assert not np.any(F[v][np.broadcast_to(zero, np.shape(F[v]))] if np.ndim(F[v]) else zero and F[v])
    draw = np.random.default_rng(seed)
    other: dict[Node, Any] = {}
    for v in G.nodes:
        other[v] = F[v] if v.is_source else v.op(*[other[p] for p in v.preds], **v.params)
        needed = found.needed[v]
        if needed is not None:
            assert needed.ndim == np.ndim(F[v])
            other[v] = overwritten(other[v], needed, draw)
    for sink in G.sinks:
        assert np.array_equal(other[sink], F[sink])


NO_COLUMN, NO_ROW = np.array([True, False, True]), np.array([[True], [False], [True]])
BOTH_ZERO: dict[str, Callable[..., Any]] = {
    "matmul": lambda A, B, x: np.where(NO_COLUMN, A, 0) @ np.where(NO_ROW, B, 0),
    "three": lambda A, B, x: np.einsum(
        "ij,jk,j->ik", A * NO_COLUMN[None], np.where(NO_ROW, B, 0), x * NO_COLUMN
    ),
    "chain": lambda A, B, x: np.where(NO_COLUMN, A, 0) @ chain(np.tril(A), np.tril(B)),
    "of a product": lambda A, B, x: chain(np.tril(A) @ np.tril(B), np.tril(B) @ np.tril(A)) @ x,
}


@pytest.mark.parametrize("name", BOTH_ZERO)
def test_of_several_zeros_that_meet_one_is_needed(name):
    xs = drawn(3)
    G = nz.trace(BOTH_ZERO[name], *xs)
    found = analyse(G, G.forward(xs))
    assert found.needed
    for seed in range(10):
        assert_sound(G, found, drawn(seed), seed)


@settings(max_examples=400, deadline=None)
@given(STEPS, st.integers(0, 99), st.booleans())
def test_claims_hold_at_other_points_and_with_other_numbers(steps, seed, simpler):
    f = program(steps)
    xs = drawn(seed)
    G = nz.trace(f, *xs)
    with np.errstate(all="ignore"):
        F = G.forward(xs)
        if simpler:
            G, F = simplify(G, F)
    assert_sound(G, analyse(G.without_dead(), F), drawn(seed + 100), seed)


@settings(max_examples=150, deadline=None)
@given(STEPS, st.integers(0, 99))
def test_claims_hold_in_gradients(steps, seed):
    f = program(steps)
    xs = drawn(seed)
    with np.errstate(all="ignore"):
        G = nz.trace(nz.grad(lambda *xs: sum(np.sum(y) for y in f(*xs)), (0, 1, 2)), *xs)
        G, F = simplify(G, G.forward(xs))
    assert_sound(G, analyse(G, F), drawn(seed + 100), seed)
