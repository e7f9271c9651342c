"""Colours: which columns of a sparse Jacobian can be computed as one.

Columns that have no row in common do not disturb one another: their sum, one product of the Jacobian with a
vector of zeros and ones, shows every entry of each. A tridiagonal matrix of any size is known from three
products:

    [a b . . .]   [1 . .]   [a b .]
    [c d e . .]   [. 1 .]   [c d e]
    [. f g h .] * [. . 1] = [h f g]
    [. . i j k]   [1 . .]   [j k i]
    [. . . l m]   [. 1 .]   [l m .]

So the columns are coloured such that no row meets a colour twice. The fewest colours are hard to find. Where
the rows are made alike, the place that a column has in its rows is a colour, and there are as few as the
fullest row has entries. With these the entries of a colour stand at even distances in CSR, so they come
first, and a few columns that do not fit in are repaired.

Else the greedy choice of the first colour that is free is good where columns that belong together stand
together, and is proven best as soon as it needs no more colours than the fullest row has entries. If it needs
more, the columns are taken once more, those of the last colour first, which never needs more colours and
often fewer.

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
_MISFITS = 0.1  # the share of the columns that may be repaired
_MORE = 1.1  # how many times the fewest colours even places are worth


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
            found.append(Coloring(by_rows, colors, _number(colors)))
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
    even = _by_place(pattern, columns, filled)
    if even is not None and _number(even) <= _MORE * least:
        return even
    best = _greedy(columns, filled)
    for _ in range(min(_ROUNDS, _PATIENCE // columns.nnz)):
        if _number(best) == least:
            break
        best = _greedy(columns, filled[np.argsort(-best[filled], kind="stable")])
    return best if even is None or _number(even) > _MORE * _number(best) else even


def _number(colors: Colors) -> int:
    return int(colors.max(initial=-1)) + 1


def _numbered(filled: Colors, size: int) -> Colors:
    colors = np.full(size, -1)
    colors[filled] = np.arange(filled.size)
    return colors


def _by_place(pattern: Any, columns: Any, filled: Colors) -> Colors | None:
    """The colour of a column is its place in that of its rows in which most columns stand before it.

    None if too many columns meet their own colour in a row. Of two that meet, the second gets another.
    """
    rows = pattern.tocsr().sorted_indices()
    held = np.diff(rows.indptr)
    places = np.arange(rows.nnz) - np.repeat(rows.indptr[:-1], held)
    by_column = np.argsort(rows.indices, kind="stable")
    colors = np.full(rows.shape[1], -1)
    colors[filled] = np.maximum.reduceat(places[by_column], columns.indptr[:-1][filled])
    misfits = _misfits(rows, np.repeat(np.arange(held.size), held), colors, int(_MISFITS * filled.size))
    if misfits is None:
        return None
    colors[misfits] = -1
    return _greedy(columns, misfits.tolist(), colors) if misfits.size else colors


def _misfits(rows: Any, row_of: Colors, colors: Colors, most: int) -> Colors | None:
    """The columns that stand in a row behind another one of the same colour; None if there are too many.

    Neighbours are looked at first, which mostly is the end of it.
    """
    met = colors[rows.indices]
    same_row = row_of[1:] == row_of[:-1]
    found = np.unique(rows.indices[1:][same_row & (met[1:] == met[:-1])])
    if found.size > most:
        return None
    if np.any(same_row & (met[1:] <= met[:-1])):
        order = np.lexsort((met, row_of))  # keeps the order of the columns
        again = (np.diff(met[order]) == 0) & (np.diff(row_of[order]) == 0)
        found = np.unique(rows.indices[order[1:][again]])
    return found if found.size <= most else None


def _greedy(columns: Any, order: Iterable[int], given: Colors | None = None) -> Colors:
    """Each column in turn gets the first colour that none of its rows has met; others have theirs already.

    What a row has met are the bits of an integer. Columns are short, so plain Python is faster here than
    arrays would be.
    """
    starts, rows = columns.indptr.tolist(), columns.indices.tolist()
    met = [0] * columns.shape[0]
    colors = np.full(columns.shape[1], -1) if given is None else given.copy()
    for k in np.flatnonzero(colors >= 0).tolist():
        for row in rows[starts[k] : starts[k + 1]]:
            met[row] |= 1 << int(colors[k])
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
