"""Banded matrices, which are stored by their diagonals: ``ab[u + i - j, j]`` is entry (i, j)."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from nazad.graph import Primitive, Value, shape_of
from nazad.ops.families import row_by_row
from nazad.ops.linalg.systems import less
from nazad.ops.parts import conjugated
from nazad.ops.pushed import Pushed
from nazad.ops.scipy_linalg.factors import push_pencil
from nazad.ops.several import Several


def shifted(x: Value, by: int) -> Any:
    """Entries moved along the first axis, towards its end if ``by`` is positive; zeros follow.

    Examples
    --------
    >>> shifted(np.array([1, 2, 3]), 1), shifted(np.array([1, 2, 3]), -2)
    (array([0, 1, 2]), array([3, 0, 0]))
    """
    n = shape_of(x)[0]
    by = max(-n, min(by, n))
    zeros = np.zeros((abs(by), *shape_of(x)[1:]), x.dtype)
    return np.concatenate([zeros, x[: n - by]]) if by > 0 else np.concatenate([x[-by:], zeros])


def _product(ab: Value, X: Value, upper: int) -> Any:
    """The banded matrix times a matrix, diagonal by diagonal."""
    rows = [shifted(ab[k, :, None] * X, k - upper) for k in range(shape_of(ab)[0])]
    return sum(rows[1:], rows[0])


def _transposed(ab: Value, lower: int, upper: int) -> Any:
    """The transpose, with as many diagonals below as there were above."""
    return np.stack([shifted(ab[lower + upper - k], lower - k) for k in range(lower + upper + 1)])


def _push(x_dots: Any, X: Value, ab: Value, B: Value, lower: int, upper: int) -> Any:
    ab_dot, B_dot = x_dots
    moved = None if ab_dot is None else _product(ab_dot, X, upper)
    return solve_banded(ab, less(B_dot, moved), lower=lower, upper=upper)


solve_banded: Primitive = Pushed(
    "solve_banded",
    lambda ab, B, lower, upper: scipy.linalg.solve_banded((lower, upper), ab, B, check_finite=False),
    _push,
    None,
    lambda x_bar, ab, B, lower, upper: solve_banded(
        _transposed(ab, lower, upper), x_bar, lower=upper, upper=lower
    ),
    batch=row_by_row,
)


# --- Hermitian matrices, of which the diagonals from the main one downwards are given
def below(ab: Value, lower: bool) -> Any:
    """Those diagonals, also from the ones above."""
    if lower:
        return ab
    count = shape_of(ab)[0]
    return np.stack([conjugated(shifted(ab[count - 1 - d], -d)) for d in range(count)])


def dense(ab: Value) -> Any:
    """The lower triangle in full."""
    n = shape_of(ab)[-1]
    rows = [np.diag(ab[d, : n - d], -d) for d in range(min(shape_of(ab)[0], n))]
    return sum(rows[1:], rows[0])


def _push_bands(x_dots: Any, y: Any, ab: Value) -> Any:
    return push_pencil([dense(x_dots[0])], y, ab, lower=True)


eig_banded = Several(
    "eig_banded",
    lambda ab: tuple(scipy.linalg.eig_banded(ab, lower=True, check_finite=False)),
    _push_bands,
    batch=row_by_row,
)
eigh_tridiagonal = Several(
    "eigh_tridiagonal",
    lambda ab: tuple(scipy.linalg.eigh_tridiagonal(ab[0], ab[1, :-1], check_finite=False)),
    _push_bands,
    batch=row_by_row,
)
