"""Colourings: valid on every pattern, and as good as is known on patterns of which that is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import block_diag, csr_array, diags_array, eye_array, kron, random_array

from nazad.transform.coloring import Coloring, color_columns, coloring, least_colors


def banded(n: int, *offsets: int) -> csr_array:
    return csr_array(diags_array([1.0] * len(offsets), offsets=offsets, shape=(n, n)))


def is_valid(pattern: csr_array, colors: np.ndarray) -> bool:
    """Whether no row meets a colour twice, and exactly the columns without entries have none."""
    pattern = csr_array(pattern)
    rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    met = list(zip(rows.tolist(), colors[pattern.indices].tolist(), strict=True))
    empty = np.bincount(pattern.indices, minlength=pattern.shape[1]) == 0
    return len(set(met)) == len(met) and np.array_equal(colors < 0, empty)


def count(pattern: csr_array) -> int:
    colors = color_columns(pattern)
    assert is_valid(pattern, colors)
    return int(colors.max(initial=-1)) + 1


@pytest.mark.parametrize(
    ("pattern", "colors"),
    [
        (banded(50, 0), 1),
        (banded(50, -1, 0, 1), 3),
        (banded(50, -2, -1, 0, 1, 2), 5),
        (banded(51, 0, 7), 2),
        (csr_array(block_diag([np.ones((4, 3))] * 6)), 3),
        (csr_array(np.ones((4, 6))), 6),
        (csr_array((4, 6)), 0),
        (csr_array((0, 0)), 0),
        (csr_array(np.array([[0, 1, 0], [0, 0, 0]])), 1),
    ],
)
def test_fewest_colors_where_these_are_known(pattern: csr_array, colors: int):
    assert count(pattern) == colors


def test_stencil_of_five_points():
    """The optimum is five; greedy colourings in the natural order need seven."""
    side = banded(20, -1, 0, 1)
    grid = csr_array(kron(side, eye_array(20)) + kron(eye_array(20), side))
    assert least_colors(grid) == 5
    assert 5 <= count(grid) <= 7


def test_another_round_finds_better_colors(monkeypatch: pytest.MonkeyPatch):
    pattern = csr_array(random_array((300, 200), density=0.02, rng=np.random.default_rng(0)))
    many = count(pattern)
    monkeypatch.setattr("nazad.transform.coloring._ROUNDS", 0)
    assert least_colors(pattern) <= many < count(pattern)


def test_rows_where_they_need_fewer():
    wide = csr_array(np.hstack([np.ones((2, 30)), np.eye(2)]))
    found = coloring(wide)
    assert (found.by_rows, found.number) == (True, 2)
    assert is_valid(csr_array(wide.T), found.colors)
    tall = coloring(csr_array(wide.T))
    assert (tall.by_rows, tall.number) == (False, 2)
    assert not coloring(banded(9, 0, 1)).by_rows  # columns where it is the same


def test_the_lower_bound_is_not_the_number():
    """A column for each edge of the complete graph of four nodes: its edges need 3 colours, its nodes 4."""
    edges = list(itertools.combinations(range(4), 2))
    incidence = csr_array([[row in edge for edge in edges] for row in range(4)])
    assert least_colors(csr_array(incidence.T)) < least_colors(incidence)
    assert count(csr_array(incidence.T)) == 4
    found = coloring(incidence)
    assert (found.by_rows, found.number) == (False, 3)


@given(st.integers(0, 12), st.integers(0, 12), st.floats(0, 0.6), st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_any_pattern(m: int, n: int, density: float, seed: int):
    pattern = csr_array(np.random.default_rng(seed).random((m, n)) < density)
    found: Coloring = coloring(pattern)
    colored = csr_array(pattern.T) if found.by_rows else pattern
    assert is_valid(colored, found.colors)
    assert found.number == len(set(found.colors.tolist()) - {-1})
    assert found.number >= least_colors(colored)
    assert found.number <= min(count(pattern), count(csr_array(pattern.T)))


# --- colours by the place in the row
def block_rows(n: int, shared: int, own: int) -> csr_array:
    """Rows that have some of a few shared columns, chosen at random, and one of their own."""
    draw = np.random.default_rng(3)
    rows = np.arange(n)[:, None]
    columns = np.hstack([3 * draw.integers(shared, size=(n, 1)) + np.arange(3), 3 * shared + rows])
    ones = np.ones(columns.size)
    return csr_array((ones, (np.repeat(rows, 4), columns.ravel())), shape=(n, 3 * shared + own))


def test_places_in_the_row_are_the_colors_where_the_rows_are_alike():
    pattern = block_rows(200, 5, 200)
    colors = color_columns(pattern)
    np.testing.assert_array_equal(colors, [0, 1, 2] * 5 + [3] * 200)
    with_shorter = csr_array(block_diag([pattern, np.zeros((0, 0))]))
    more = csr_array(np.vstack([with_shorter.toarray(), np.eye(215)[-200:]]))
    np.testing.assert_array_equal(color_columns(more), colors)  # there each is first, and keeps its colour


def test_a_few_columns_that_do_not_fit_in_are_repaired():
    pattern = block_rows(200, 5, 200).toarray()
    pattern[7, 20] = 1  # the row meets two columns of the last kind
    colors = color_columns(csr_array(pattern))
    assert is_valid(csr_array(pattern), colors)
    assert np.count_nonzero(colors != np.r_[[0, 1, 2] * 5, [3] * 200]) <= 2
    assert colors.max() + 1 == 5


def test_many_that_do_not_fit_in_are_colored_one_by_one():
    np.testing.assert_array_equal(color_columns(banded(60, -1, 0, 1)), np.arange(60) % 3)
