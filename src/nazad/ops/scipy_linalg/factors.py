"""Factorisations with row exchanges, polar decomposition, and eigenvalues of pairs of Hermitian matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from nazad.graph import Value, shape_of
from nazad.ops.families import Paired, real_part, row_by_row
from nazad.ops.linalg.matrices import (
    adjoint,
    column_products,
    diagonal,
    gaps,
    hermitian,
    over,
    tied,
    transposed,
    undetermined,
)
from nazad.ops.linalg.systems import solve
from nazad.ops.pushed import stacked
from nazad.ops.scipy_linalg.equations import solve_sylvester
from nazad.ops.several import Several


# --- P A = L U
def _push_lu(x_dots: Any, y: Any, A: Value) -> Any:
    """With L and U made square, L⁻¹ A_dot U⁻¹ is L⁻¹ L_dot, strictly lower, and U_dot U⁻¹, which is upper."""
    packed, pivots = y
    rows, columns = shape_of(A)[-2:]
    L = _square(np.tril(packed, -1), rows) + np.eye(rows, dtype=packed.dtype)
    U = _square(np.triu(packed), columns) + np.diag(np.arange(columns) >= rows)
    order = permutation(pivots, size=rows)
    moved = solve(L, np.take_along_axis(x_dots[0], order[..., None], axis=-2))
    moved = transposed(solve(transposed(U), transposed(moved)))
    return L @ np.tril(moved, -1) + np.triu(moved) @ U, None


def _square(x: Value, n: int) -> Any:
    """The matrix cut, or filled up with zeros, to n rows and columns."""
    *stack, rows, columns = shape_of(x)
    x = np.concatenate([x, np.zeros((*stack, max(n - rows, 0), columns), x.dtype)], axis=-2)[..., :n, :]
    return np.concatenate([x, np.zeros((*stack, n, max(n - columns, 0)), x.dtype)], axis=-1)[..., :n]


def _permutation(pivots: Value, size: int) -> Value:
    order = np.broadcast_to(np.arange(size), (*pivots.shape[:-1], size)).copy()
    for k in range(pivots.shape[-1]):
        other = pivots[..., k : k + 1]
        here, there = order[..., k : k + 1].copy(), np.take_along_axis(order, other, -1)
        np.put_along_axis(order, other, here, -1)
        order[..., k : k + 1] = there
    return order


lu = Several("lu", lambda A: tuple(scipy.linalg.lu_factor(A, check_finite=False)), _push_lu, batch=stacked)
"""Both triangles in one matrix, and the exchanges of rows one after the other."""
permutation = Paired(
    "permutation",
    _permutation,
    lambda x_dot, y, pivots, size: None,
    lambda y_bar, y, pivots, size: None,
    batch=stacked,
)
"""Where the rows come from, after exchanges one after the other."""


column_pivots = Paired(
    "column_pivots",
    lambda A: scipy.linalg.qr(A, mode="r", pivoting=True, check_finite=False)[1],
    lambda x_dot, y, A: None,
    lambda y_bar, y, A: None,
    batch=row_by_row,
)
"""In which order QR with pivoting takes the columns."""


# --- A = U P with orthogonal columns and a Hermitian matrix
def _push_polar(x_dots: Any, y: Any, A: Value) -> Any:
    """From P P = Aᴴ A follows Sylvester's equation for P_dot, which has no gaps between singular values."""
    A_dot, (u, p) = x_dots[0], y
    square_dot = adjoint(A_dot) @ A
    p_dot = solve_sylvester(p, p, square_dot + adjoint(square_dot))
    return transposed(solve(transposed(p), transposed(A_dot - u @ p_dot))), p_dot


polar = Several("polar", lambda A: tuple(scipy.linalg.polar(A)), _push_polar, batch=row_by_row)


# --- A v = w B v
def push_pencil(x_dots: Any, y: Any, *AB: Value, lower: bool) -> Any:
    """The vectors are orthogonal in the product of B; without it, in the usual one."""
    w, v = y
    parts = [np.zeros_like(v) if dot is None else hermitian(dot, lower) @ v for dot in x_dots]
    moved = parts[0] - parts[1] * w[..., None, :] if len(parts) > 1 else parts[0]
    turn = over(adjoint(v) @ moved, gaps(w))
    if len(parts) > 1:
        turn = turn - 0.5 * diagonal(adjoint(v) @ parts[1])
    arbitrary = sum(undetermined(dot, shape_of(v), tied(w)) for dot in x_dots if dot is not None)
    return real_part(column_products(v, moved)), v @ turn + arbitrary


pencil = Several(
    "pencil",
    lambda A, B=None, *, lower: tuple(scipy.linalg.eigh(A, B, lower=lower, check_finite=False)),
    push_pencil,
    batch=row_by_row,
)
"""Eigenvalues and vectors of a Hermitian matrix, or of a pair of which the second one is positive."""
