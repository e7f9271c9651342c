"""Where results were made, and places in pieces that count evenly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

import nazad as nz
from nazad.transform.pattern.pieces import ends, is_even, split, starts


def found_in(f: Callable[..., Any], *xs: Any) -> tuple[list[str], list[np.ndarray]]:
    """The operations at which the results were made; and the results, put together from their values."""
    G = nz.trace(f, *xs)
    F = G.forward(list(xs))
    found = ends(G, F)
    result = np.full(sum(end.numbers.size for end in found), np.nan)
    for end in found:
        result[end.numbers] = F[G.nodes[end.place]]
    return [G.nodes[end.place].op.name for end in found], result


X = np.arange(6.0).reshape(2, 3)
MADE: dict[str, tuple[Callable[..., Any], list[str]]] = {
    "nothing to look behind": (np.sin, ["sin"]),
    "reshaped": (lambda x: np.ravel(np.sin(x)), ["sin"]),
    "transposed": (lambda x: np.transpose(np.stack([np.sin(x), x * x]), (2, 0, 1)), ["sin", "multiply"]),
    "joined": (lambda x: np.concatenate([np.sin(x), np.cos(x)[:, :1]], axis=1), ["sin", "take"]),
    "stacked": (lambda x: np.stack([np.sin(x), x], axis=-1), ["sin", "leaf"]),
    "twice": (lambda x: (lambda y: np.concatenate([y, y]))(np.sin(x)), ["sin", "sin"]),
    "several": (lambda x: (np.sum(x), np.append(np.sin(x), 1.0)), ["sum", "sin", "constant"]),
}


@pytest.mark.parametrize("name", MADE)
def test_results_are_found_where_they_were_made(name: str):
    f, ops = MADE[name]
    names, result = found_in(f, X)
    values = f(X)
    flat = [np.ravel(y) for y in (values if isinstance(values, tuple) else (values,))]
    assert names == ops
    np.testing.assert_array_equal(result, np.concatenate(flat))


def test_arguments_are_numbered_one_after_another():
    G = nz.trace(lambda x, y: x * y, X, 2.0)
    found = starts(G, G.forward([X, 2.0]))
    assert [end.numbers.tolist() for end in found] == [[[0, 1, 2], [3, 4, 5]], 6]


# --- pieces
def spread(pieces: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    """The places from the pieces."""
    places = np.full(shape, -1)
    for read, there in pieces:
        assert np.shape(places[read]) == there.shape
        assert np.all(places[read] == -1)  # nothing is read twice
        places[read] = there
    return places


GRID = np.arange(40).reshape(20, 2)
EVEN: dict[str, tuple[np.ndarray, int]] = {
    "all of a grid": (28 + 14 * GRID, 1),
    "falling": (np.arange(20)[::-1].copy(), 1),
    "one column": (np.where(np.arange(2) == 1, GRID, -1), 1),
    "columns of their own": (np.array([0, 50]) + np.arange(20)[:, None] * [2, 3], 2),
    "rows of their own": (np.array([[0], [50]]) + np.array([[2], [3]]) * np.arange(20), 2),
    "inner rows": (np.pad(np.arange(18), 1, constant_values=-1), 1),
    "every third row": (np.where(np.arange(20) % 3 == 1, np.arange(20), -1), 1),
    "two runs": (np.r_[3 * np.arange(10), 100 + np.arange(10)], 2),
    "two runs and a hole": (np.r_[3 * np.arange(10), [-1] * 5, 30 + 3 * np.arange(10)], 2),
    "a number": (np.array(3), 1),
    "nothing": (np.full((3, 4), -1), 0),
    "nothing at all": (np.zeros((0, 2), int), 0),
}


@pytest.mark.parametrize("name", EVEN)
def test_even_places_come_in_few_pieces(name: str):
    places, number = EVEN[name]
    pieces = split(places)
    assert len(pieces) == number
    assert all(is_even(piece.places) for piece in pieces)
    np.testing.assert_array_equal(spread(pieces, places.shape), places)


def test_places_that_are_not_even_are_one_piece():
    places = np.random.default_rng(0).permutation(60)
    assert [piece.read for piece in split(places)] == [()]
    inner = np.pad(places, 2, constant_values=-1)
    assert [piece.read for piece in split(inner)] == [(slice(2, 62, 1),)]
    ((read, there),) = split(np.where(places % 3, places, -1))
    np.testing.assert_array_equal(places[read], there)


@given(
    array_shapes(max_dims=3, min_side=1, max_side=9), st.floats(0, 1), st.booleans(), st.integers(0, 2**32)
)
@settings(max_examples=150, deadline=None)
def test_any_places(shape: tuple[int, ...], missing: float, ordered: bool, seed: int):
    draw = np.random.default_rng(seed)
    places = np.arange(np.prod(shape)) if ordered else draw.permutation(np.prod(shape))
    places = np.where(draw.random(shape) < missing, -1, places.reshape(shape))
    np.testing.assert_array_equal(spread(split(places), shape), places)
