"""Eigenvalues, singular values, and their vectors.

Vectors are defined up to a phase, and those that belong to equal values up to more. A derivative is right
for whatever does not depend on this choice. It divides by the gaps between values, so that vectors of equal
values have none; the values themselves do without.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.graph import Value, dtype_of, shape_of
from nazad.ops.families import real_part
from nazad.ops.linalg.matrices import (
    adjoint,
    column_products,
    completed,
    eye,
    gaps,
    hermitian,
    over,
    tied,
    undetermined,
)
from nazad.ops.linalg.systems import solve
from nazad.ops.pushed import Pushed, stacked
from nazad.ops.several import Several


# --- Hermitian matrices, of which one triangle is read
def _push_eigh(x_dots: Any, y: Any, A: Value, UPLO: str) -> Any:
    w, v = y
    moved = hermitian(x_dots[0], UPLO == "L") @ v
    v_dot = v @ over(adjoint(v) @ moved, gaps(w)) + undetermined(x_dots[0], shape_of(v), tied(w))
    return real_part(column_products(v, moved)), v_dot


def _push_eigvalsh(x_dots: Any, w: Value, A: Value, UPLO: str) -> Any:
    _, v = eigh(A, UPLO=UPLO)
    return real_part(column_products(v, hermitian(x_dots[0], UPLO == "L") @ v))


eigh = Several("eigh", lambda A, UPLO: tuple(np.linalg.eigh(A, UPLO)), _push_eigh, batch=stacked)
eigvalsh = Pushed("eigvalsh", lambda A, UPLO: np.linalg.eigvalsh(A, UPLO), _push_eigvalsh)


# --- any square matrix
def _push_eig(x_dots: Any, y: Any, A: Value) -> Any:
    """NumPy's vectors have length one, and their largest entry is real."""
    w, v = y
    turn = solve(v, x_dots[0] @ v)
    v_dot = v @ over(turn, gaps(w))
    along = real_part(column_products(v, v_dot)) + _phase(v, v_dot)
    v_dot = v_dot - v * along[..., None, :] + undetermined(x_dots[0], shape_of(v), tied(w))
    return np.diagonal(turn, axis1=-2, axis2=-1), v_dot


def _phase(v: Value, v_dot: Value) -> Any:
    """What would turn the largest entry of each column out of the real line."""
    if dtype_of(v).kind != "c":
        return 0
    largest = np.expand_dims(np.argmax(np.abs(v), axis=-2), -2)
    top, top_dot = (np.take_along_axis(x, largest, axis=-2)[..., 0, :] for x in (v, v_dot))
    return 1j * np.imag(top_dot / top)


def _push_eigvals(x_dots: Any, w: Value, A: Value) -> Any:
    _, v = eig(A)
    return np.diagonal(solve(v, x_dots[0] @ v), axis1=-2, axis2=-1)


eig = Several("eig", lambda A: tuple(np.linalg.eig(A)), _push_eig, batch=stacked)
eigvals = Pushed("eigvals", np.linalg.eigvals, _push_eigvals)


# --- singular values
def _push_svd(x_dots: Any, y: Any, A: Value, full_matrices: bool) -> Any:
    """U and V turn by what mixes their columns, and by what leads out of their span.

    The values have derivative zero at zero, as absolute values have.
    """
    A_dot, (u, s, vh) = x_dots[0], y
    k = shape_of(s)[-1]
    u1, v1 = u[..., :k], adjoint(vh)[..., :k]
    turn = adjoint(u1) @ A_dot @ v1
    back, row, column = adjoint(turn), s[..., None, :], s[..., None]
    u_dot = u1 @ (_over_squares(turn * row + column * back, s) + _phases(turn, s))
    v_dot = v1 @ _over_squares(column * turn + back * row, s)
    if shape_of(u)[-2] > k:
        u_dot = u_dot + over(A_dot @ v1 - u1 @ turn, row)
    if shape_of(vh)[-1] > k:
        v_dot = v_dot + over(adjoint(A_dot) @ u1 - v1 @ back, row)
    s_dot = np.sign(s) * real_part(np.diagonal(turn, axis1=-2, axis2=-1))
    u_dot, v_dot = _whole(u_dot, A_dot, s, shape_of(u)[-1]), _whole(v_dot, A_dot, s, shape_of(vh)[-2])
    return u_dot, s_dot, adjoint(v_dot)


def _over_squares(x: Value, s: Value) -> Any:
    """Entry (i, j) divided by s[j]² - s[i]²; the diagonal is zero."""
    return over(over(x, gaps(s)), s[..., None, :] + s[..., None])


def _phases(turn: Value, s: Value) -> Any:
    """Only their difference between U and V is determined; it is given to U."""
    if dtype_of(turn).kind != "c":
        return 0
    return 1j * over(np.imag(turn * eye(turn)), s[..., None, :])


def _whole(columns_dot: Value, A_dot: Value, s: Value, total: int) -> Any:
    """With what is arbitrary: columns of equal values, of zero on the longer side, and those up to all."""
    *stack, length, count = shape_of(columns_dot)
    loose = tied(s) | ((s == 0) & (length > count))[..., None, :]
    columns_dot = columns_dot + undetermined(A_dot, (*stack, length, count), loose)
    return completed(columns_dot, A_dot, (*stack, length, total))


def _push_svdvals(x_dots: Any, s: Value, A: Value) -> Any:
    u, _, vh = svd(A, full_matrices=False)
    return np.sign(s) * real_part(column_products(u, x_dots[0] @ adjoint(vh)))


svd = Several(
    "svd",
    lambda A, full_matrices: tuple(np.linalg.svd(A, full_matrices=full_matrices)),
    _push_svd,
    batch=stacked,
)
svdvals = Pushed("svdvals", lambda A: np.linalg.svd(A, compute_uv=False), _push_svdvals)
