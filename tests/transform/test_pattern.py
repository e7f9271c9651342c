"""Patterns: exact where the operations allow it, and never without an entry that the Jacobian has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_array, csr_array

import nazad as nz
from nazad.graph import Graph
from nazad.transform.pattern import Pattern, pattern
from nazad.transform.pattern.sets import Sets

rng = np.random.default_rng(11)
SPARSE = rng.normal(size=(5, 4)) * (rng.random((5, 4)) < 0.4)
DENSE = rng.normal(size=(5, 4))


def traced(f: Callable[..., Any], *xs: Any) -> tuple[Graph, dict[Any, Any]]:
    G = nz.trace(f, *xs)
    return G, G.forward(list(xs))


def pattern_of(f: Callable[..., Any], *xs: Any) -> Pattern:
    return pattern(*traced(f, *xs))


def entries(f: Callable[..., Any], *xs: Any) -> np.ndarray:
    return pattern_of(f, *xs).matrix.toarray()


def jacobian(f: Callable[..., Any], *xs: Any) -> np.ndarray:
    """All of the Jacobian in one matrix, from batches of unit vectors."""
    y = f(*xs)
    blocks = nz.jacobian(f, tuple(range(len(xs))))(*xs)
    return np.concatenate(
        [np.reshape(b, (np.size(y), np.size(x))) for b, x in zip(blocks, xs, strict=True)], 1
    )


def x_of(*shape: int) -> np.ndarray:
    return rng.normal(size=shape)


EXACT: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "entry by entry": (lambda x: np.sin(x) * x + 1, (x_of(5),)),
    "with broadcasting": (lambda x, y: x * y, (x_of(3, 1), x_of(4))),
    "of a number": (lambda x: x * x, (2.0,)),
    "chosen part": (lambda x: x[1:] - x[:-1], (x_of(6),)),
    "repeated places": (lambda x: x[np.array([0, 3, 3, -1])] ** 2, (x_of(4),)),
    "places of rows": (lambda x: x[:, [2, 0]] * x[:, 1:2], (x_of(3, 3),)),
    "mask": (lambda x: x[np.array([True, False, True])], (x_of(3),)),
    "turned": (lambda x: x.T[::-1] + np.roll(x, 1).T, (x_of(2, 3),)),
    "joined": (lambda x, y: np.concatenate([x, np.zeros(2), y * x[0]]), (x_of(2), x_of(3))),
    "stacked": (lambda x: np.stack([x, np.ones(3), x[::-1]], axis=1), (x_of(3),)),
    "sums": (lambda x: np.sum(x, axis=1) * np.mean(x, axis=0, keepdims=True), (x_of(3, 3),)),
    "norm": (lambda x: np.linalg.norm(x, axis=0), (x_of(2, 3),)),
    "running sum": (lambda x: np.cumsum(x, axis=1), (x_of(2, 5),)),
    "known choice": (lambda x, y: np.where([True, False, True], x, y), (x_of(3), x_of(3))),
    "matrix": (lambda x: SPARSE @ x, (x_of(4),)),
    "full matrix": (lambda x: DENSE @ x, (x_of(4),)),
    "matrix from the right": (lambda x: x @ SPARSE, (x_of(3, 5),)),
    "rows by a matrix": (lambda x: SPARSE @ x, (x_of(4, 2),)),
    "stacked matrices": (lambda x: SPARSE @ x, (x_of(2, 4, 3),)),
    "one matrix for all": (lambda x, y: x @ y, (x_of(1, 2, 3), x_of(2, 3, 2))),
    "a zero": (lambda x: np.zeros((1, 1)) @ x, (x_of(1, 3),)),
    "two matrices": (lambda x, y: x @ y, (x_of(2, 3), x_of(3, 2))),
    "vectors": (lambda x, y: x @ y, (x_of(3), x_of(3))),
    "sparse matrix": (lambda x: csc_array(SPARSE) @ x, (x_of(4),)),
    "sparse matrix from the right": (lambda x: x @ csr_array(SPARSE), (x_of(3, 5),)),
    "rows by a sparse matrix": (lambda x: csr_array(SPARSE) @ x, (x_of(4, 2),)),
    "entries of a sparse matrix": (
        lambda d, x: csr_array((d, [1, 0, 1], [0, 1, 1, 3])) @ x,
        (x_of(3), x_of(2)),
    ),
    "einsum": (lambda x: np.einsum("ij,kj->ik", SPARSE, x), (x_of(2, 4),)),
    "einsum of three": (lambda x, y: np.einsum("ij,i,j->j", SPARSE, x, y), (x_of(5), x_of(4))),
    "cross": (lambda x, y: np.cross(x, y), (x_of(2, 3), x_of(2, 3))),
    "gradient of a gather": (nz.grad(lambda x: np.sum(x[[0, 1, 1, 3]] ** 3)), (x_of(5),)),
    "gradient of slices": (nz.grad(lambda x: np.sum((x[1:] * x[:-1]) ** 2)), (x_of(6),)),
    "gradient of a product": (nz.grad(lambda x: np.sum(np.tanh(SPARSE @ x))), (x_of(4),)),
    "constant": (lambda x: np.ones(3), (x_of(2),)),
    "step": (lambda x: np.floor(x) + np.sign(x), (x_of(2),)),
    "nothing": (lambda x: x[:0], (x_of(2),)),
    "empty": (lambda x: x * 2, (x_of(0),)),
    "numbers in a loop": (lambda x: np.stack([x[k] * x[k + 1] for k in range(4)]), (x_of(5),)),
}


@pytest.mark.parametrize("name", EXACT)
def test_exact(name: str):
    f, xs = EXACT[name]
    np.testing.assert_array_equal(entries(f, *xs), jacobian(f, *xs) != 0)


WIDER: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "sort": (lambda x: np.sort(x, axis=1), (x_of(2, 3),)),
    "extremes": (lambda x: np.max(x, axis=0) - np.minimum(x[0], x[1]), (x_of(3, 2),)),
    "clip": (lambda x: np.clip(x, -0.1, 0.1), (x_of(4),)),
    "choice by value": (lambda x: np.where(x > 0, x, x[::-1] ** 2), (x_of(4),)),
    "several results": (lambda x: np.linalg.eigh(x[:4].reshape(2, 2))[1] + x[4], (x_of(5),)),
    "place by value": (lambda x: x[np.argsort(x)[0]], (x_of(4),)),
    "scattered by value": (nz.grad(lambda x: np.take(x, np.argmax(x)) ** 2), (x_of(4),)),
}


@pytest.mark.parametrize("name", WIDER)
def test_holds_at_other_values(name: str):
    """What depends on values is counted in at every point, not just where it was looked at."""
    f, xs = WIDER[name]
    found = pattern_of(f, *xs)
    seen = np.zeros(found.matrix.shape, bool)
    for _ in range(40):
        others = tuple(rng.normal(size=np.shape(x)) for x in xs)
        assert found.holds(*traced(f, *others))
        seen |= jacobian(f, *others) != 0
    assert not (seen & ~found.matrix.toarray()).any()


def test_choice_by_value_is_no_wider_than_both_branches():
    np.testing.assert_array_equal(entries(*(WIDER["choice by value"][0], x_of(2))), [[1, 1], [1, 1]])
    np.testing.assert_array_equal(entries(lambda x: np.sort(x, axis=1), x_of(2, 1)), np.eye(2))


def test_unknown_operation_depends_on_everything():
    op = nz.ops.families.Paired("mystery", lambda x: x[::-1] * 1.0, lambda d, y, x: d, lambda d, y, x: d)
    found = entries(lambda x: op(x[1:]) + x[:-1], x_of(4))
    np.testing.assert_array_equal(found, [[1, 1, 1, 1], [0, 1, 1, 1], [0, 1, 1, 1]])


# --- when a pattern holds
def test_other_constants():
    x = x_of(4)

    def at(places: Any) -> tuple[Graph, dict[Any, Any]]:
        return traced(lambda x: x[np.asarray(places)] * 2.0, x)

    found = pattern(*at([0, 1]))
    assert found.holds(*at([0, 1]))
    assert not found.holds(*at([0, 2]))
    assert not found.holds(*at([0, 1, 1]))


def test_a_constant_matrix_is_compared_by_its_zeros_alone():
    def by(matrix: np.ndarray) -> tuple[Graph, dict[Any, Any]]:
        return traced(lambda x: matrix @ x, np.ones(4))

    found = pattern(*by(SPARSE))
    assert found.holds(*by(SPARSE * 3))
    assert not found.holds(*by(DENSE))
    assert pattern(*by(DENSE)).holds(*by(SPARSE))  # nothing was made of what it is


def test_other_branches_shapes_and_parameters():
    def f(x: Any) -> Any:
        return x * x[0] if x[0] > 0 else x

    found = pattern_of(f, np.ones(3))
    assert found.holds(*traced(f, np.full(3, 2.0)))
    assert not found.holds(*traced(f, -np.ones(3)))
    assert not found.holds(*traced(f, np.ones(4)))
    assert not pattern_of(lambda x: x[1:], np.ones(3)).holds(*traced(lambda x: x[:-1], np.ones(3)))
    assert not pattern_of(np.sin, np.ones(3)).holds(*traced(np.sin, np.ones(3, np.float32)))


def test_gradients_of_gathers_compare_alike():
    f = nz.grad(lambda x: np.sum(x[1:] * x[0]))
    assert pattern_of(f, np.ones(3)).holds(*traced(f, np.zeros(3)))


# --- sets
def test_a_set_that_occurs_often_is_made_once():
    sets = Sets(4)
    places, numbers = np.repeat(np.arange(100), 2), np.tile([1, 3], 100)
    assert set(sets.united(places, numbers, 100).tolist()) == {5}
    assert len(sets) == 6


def test_the_union_with_a_part_of_itself_is_the_set():
    sets = Sets(4)
    (pair,) = sets.united(np.zeros(2, int), np.array([1, 2]), 1)
    again = sets.united(np.array([0, 0, 1, 1]), np.array([pair, 1, 2, pair]), 2)
    assert again.tolist() == [pair, pair]
    assert sets.united(np.zeros(2, int), np.array([pair, 1]), 1).tolist() == [pair]
    assert len(sets) == 6


def test_when_sets_become_too_many_there_is_one_for_all(monkeypatch: pytest.MonkeyPatch):
    def f(x: Any) -> Any:
        return np.cumsum(x * x[::-1])

    exact = entries(f, np.ones(9))
    monkeypatch.setattr("nazad.transform.pattern.sets._MOST", 40)
    coarse = entries(f, np.ones(9))
    assert coarse.sum() > exact.sum()
    assert not (exact & ~coarse).any()


def test_when_pairs_become_too_many_zeros_are_not_looked_at(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nazad.transform.pattern.products._PAIRS", 3)
    np.testing.assert_array_equal(entries(lambda x: SPARSE @ x, x_of(4)), np.ones((5, 4)))


# --- any composition
UNARY: list[Callable[[Any], Any]] = [
    np.sin,
    lambda v: v * v[::-1],
    lambda v: v[np.arange(v.size) // 2],
    lambda v: np.cumsum(v),
    lambda v: np.sort(v),
    lambda v: np.where(v > 0, v, np.roll(v, 1)),
    lambda v: np.where(np.arange(v.size) % 2 == 0, v, 3.0),
    lambda v: v - np.mean(v[: v.size // 2 + 1]),
    lambda v: np.outer(v[:3], v[-3:]).T,
    lambda v: np.diag(np.ones(v.size), 1)[: v.size, 1:] @ v,
    lambda v: np.max(np.reshape(np.concatenate([v, v[::2], v[1::2]]), (2, -1)), axis=0),
    lambda v: np.floor(v) + v[0],
    lambda v: np.einsum("i,i->i", v, v),
    lambda v: v[np.argsort(v)],
    lambda v: np.prod(np.reshape(np.concatenate([v, v]), (-1, 2)), axis=1),
]
BINARY: list[Callable[[Any, Any], Any]] = [
    lambda u, v: np.concatenate([u[:2], v[1:]]),
    lambda u, v: u[:1] * v,
    lambda u, v: np.outer(u[:2], v[:4]) @ v[:4],
    lambda u, v: np.maximum(u[-1], v),
    lambda u, v: np.stack([u[0], v[-1], u[0] * v[0]]),
]


def composed(steps: list[tuple[int, int, int]]) -> Callable[[Any], Any]:
    """A program of straight steps; each takes earlier values, and none grows beyond eight entries."""

    def f(x: Any) -> Any:
        values = [x]
        for op, i, j in steps:
            u, v = values[i % len(values)], values[j % len(values)]
            which = op % (len(UNARY) + len(BINARY))
            new = UNARY[which](u) if which < len(UNARY) else BINARY[which - len(UNARY)](u, v)
            values.append(np.ravel(new)[:8])
        return values[-1]

    return f


STEPS = st.lists(
    st.tuples(st.integers(0, 10**6), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=6
)


@given(STEPS, st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_no_entry_is_missing(steps: list[tuple[int, int, int]], seed: int):
    f, draw = composed(steps), np.random.default_rng(seed)
    x = draw.normal(size=8)
    found = pattern_of(f, x)
    for point in (x, draw.normal(size=8)):
        assert found.holds(*traced(f, point))
        missing = (jacobian(f, point) != 0) & ~found.matrix.toarray()
        assert not missing.any()


@given(STEPS, st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_no_entry_of_a_hessian_is_missing(steps: list[tuple[int, int, int]], seed: int):
    f, x = composed(steps), np.random.default_rng(seed).normal(size=8)
    gradient = nz.grad(lambda x: np.sum(np.sin(f(x))))
    found = pattern_of(gradient, x).matrix.toarray()
    assert not ((jacobian(gradient, x) != 0) & ~found).any()
