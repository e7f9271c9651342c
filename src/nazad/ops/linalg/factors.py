"""Factorisations into triangles: Cholesky, QR."""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.graph import Value, shape_of
from nazad.ops.linalg.matrices import adjoint, completed, diagonal, hermitian, lower_half, transposed
from nazad.ops.linalg.systems import solve
from nazad.ops.parts import conjugated
from nazad.ops.pushed import Pushed, stacked
from nazad.ops.several import Several


def _push_cholesky(x_dots: Any, y: Value, A: Value, upper: bool) -> Any:
    """From A = L Lᴴ follows L⁻¹ A_dot L⁻ᴴ = L⁻¹ L_dot + its mirror image, the first of which is lower."""
    L = adjoint(y) if upper else y
    half = solve(L, hermitian(x_dots[0], lower=not upper))
    L_dot = L @ lower_half(solve(L, adjoint(half)))
    return adjoint(L_dot) if upper else L_dot


cholesky = Pushed("cholesky", lambda A, upper: np.linalg.cholesky(A, upper=upper), _push_cholesky)


def _divided_by(x: Value, R: Value) -> Any:
    """x R⁻¹"""
    return transposed(solve(transposed(R), transposed(x)))


def _push_qr(x_dots: Any, y: Any, A: Value, mode: str) -> Any:
    """With C = A_dot R⁻¹, Qᴴ C is Qᴴ Q_dot, which is antihermitian, and R_dot R⁻¹, which is upper.

    What a wide matrix has beyond the square is Q times the rest of R. What completes the basis of a tall one
    is arbitrary.
    """
    A_dot, (q, r) = x_dots[0], y
    k = min(shape_of(A)[-2:])
    q1, r1 = q[..., :k], r[..., :k, :k]
    C = _divided_by(A_dot[..., :k], r1)
    turn = adjoint(q1) @ C
    upper = _without_turning(turn)
    q_dot = C - q1 @ upper
    r_dot = np.concatenate([upper @ r1, adjoint(q_dot) @ A[..., k:] + adjoint(q1) @ A_dot[..., k:]], axis=-1)
    return completed(q_dot, A_dot, shape_of(q)), _with_zeros(r_dot, shape_of(r))


def _without_turning(M: Value) -> Any:
    """The upper triangle that is left of M when an antihermitian matrix is taken out."""
    below = np.tril(M, -1)
    return M - below + adjoint(below) - 0.5 * (diagonal(M) - conjugated(diagonal(M)))


def _with_zeros(r_dot: Value, shape: tuple[int, ...]) -> Any:
    extra = (*shape[:-2], shape[-2] - shape_of(r_dot)[-2], shape[-1])
    return np.concatenate([r_dot, np.zeros(extra, r_dot.dtype)], axis=-2) if extra[-2] else r_dot


qr = Several("qr", lambda A, mode: tuple(np.linalg.qr(A, mode)), _push_qr, batch=stacked)
"""In the modes ``reduced`` and ``complete``."""
