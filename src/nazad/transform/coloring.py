"""Colours: which columns of a sparse Jacobian can be computed as one.

Columns that have no row in common do not disturb one another: their sum, one product of the Jacobian with a
vector of zeros and ones, shows every entry of each. A tridiagonal matrix of any size is known from three
products:

    [a b . . .]   [1 . .]   [a b .]
    [c d e . .]   [. 1 .]   [c d e]
    [. f g h .] * [. . 1] = [h f g]
    [. . i j k]   [1 . .]   [j k i]
    [. . . l m]   [. 1 .]   [l m .]

So the columns are coloured such that no row meets a colour twice. The fewest colours are hard to find; the
greedy choice of the first colour that is free is good where columns that belong together stand together, and
is proven best as soon as it needs no more colours than the fullest row has entries. Else the columns are
taken once more, those of the last colour first, which never needs more colours and often fewer.

The same for rows, and reverse mode.

A. R. Curtis, M. J. D. Powell and J. K. Reid, On the estimation of sparse Jacobian matrices, IMA Journal of
Applied Mathematics 13 (1974). T. F. Coleman and J. J. Moré, Estimation of sparse Jacobian matrices and graph
coloring problems, SIAM Journal on Numerical Analysis 20 (1983). A. H. Gebremedhin, F. Manne and A. Pothen,
What color is your Jacobian?, SIAM Review 47 (2005). J. C. Culberson, Iterated greedy graph coloring and the
difficulty landscape (1992).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

Colors = np.ndarray[Any, Any]

_ROUNDS = 8  # how often all columns are coloured anew
_PATIENCE = 1 << 20  # entries that are looked at in all rounds after the first


class Coloring(NamedTuple):
    """The colours of all columns, or of all rows.

    Attributes
    ----------
    by_rows : bool
        Whether it is the rows that are coloured.
    colors : ndarray of int
        The colour of each; -1 where there is no entry.
    number : int
        How many colours there are.
    """

    by_rows: bool
    colors: Colors
    number: int


def coloring(pattern: Any) -> Coloring:
    """The columns or the rows of a pattern, whichever needs fewer colours; the columns where it is the same.

    Parameters
    ----------
    pattern : scipy.sparse.csr_array
        Its explicit entries are what counts, whatever their values.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> coloring(csr_array([[1, 1, 1], [1, 0, 0], [1, 0, 0]]))
    Coloring(by_rows=False, colors=array([0, 1, 2]), number=3)
    >>> coloring(csr_array([[1, 1, 1], [0, 1, 1]])).by_rows
    True
    """
    bounds = least_colors(pattern), least_colors(pattern.T)
    found: list[Coloring] = []
    for by_rows in sorted((False, True), key=bounds.__getitem__):
        if (
            not found
            or bounds[by_rows] < found[0].number
            or (bounds[by_rows] == found[0].number and not by_rows)
        ):
            colors = color_columns(pattern.T if by_rows else pattern)
            found.append(Coloring(by_rows, colors, int(colors.max(initial=-1)) + 1))
    return min(found, key=lambda c: (c.number, c.by_rows))


def least_colors(pattern: Any) -> int:
    """How many colours the columns need at least: as many as the fullest row has entries."""
    return int(np.diff(pattern.tocsr().indptr).max(initial=0))


def color_columns(pattern: Any) -> Colors:
    """A colour for each column such that no two columns of one colour have a row in common.

    Parameters
    ----------
    pattern : sparse array
        Of any format of SciPy's.

    Returns
    -------
    ndarray of int
        Colours from 0; -1 for a column without entries.

    Examples
    --------
    >>> from scipy.sparse import diags_array
    >>> color_columns(diags_array([1.0, 1.0, 1.0], offsets=[-1, 0, 1], shape=(5, 5)))
    array([0, 1, 2, 0, 1])
    """
    columns = pattern.tocsc()
    held, least = np.diff(columns.indptr), least_colors(pattern)
    filled = np.flatnonzero(held)
    if least == filled.size:  # a row meets them all
        return _numbered(filled, held.size)
    best = _greedy(columns, filled)
    for _ in range(min(_ROUNDS, _PATIENCE // columns.nnz)):
        if best.max() + 1 == least:
            break
        best = _greedy(columns, filled[np.argsort(-best[filled], kind="stable")])
    return best


def _numbered(filled: Colors, size: int) -> Colors:
    colors = np.full(size, -1)
    colors[filled] = np.arange(filled.size)
    return colors


def _greedy(columns: Any, order: Iterable[int]) -> Colors:
    """Each column in turn gets the first colour that none of its rows has met.

    What a row has met are the bits of an integer. Columns are short, so plain Python is faster here than
    arrays would be.
    """
    starts, rows = columns.indptr.tolist(), columns.indices.tolist()
    met = [0] * columns.shape[0]
    colors = np.full(columns.shape[1], -1)
    for k in order:
        mine = rows[starts[k] : starts[k + 1]]
        taken = 0
        for row in mine:
            taken |= met[row]
        free = ~taken & (taken + 1)
        for row in mine:
            met[row] |= free
        colors[k] = free.bit_length() - 1
    return colors
