"""Least squares and pseudoinverses, by the derivative at constant rank of Golub and Pereyra (1973)."""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.graph import Value, shape_of
from nazad.ops.families import real_part, row_by_row
from nazad.ops.linalg.matrices import adjoint
from nazad.ops.linalg.spectra import svdvals
from nazad.ops.parts import conjugated
from nazad.ops.pushed import Pushed
from nazad.ops.several import Several


def _push_pinv(x_dots: Any, P: Value, A: Value, rcond: Any, hermitian: bool) -> Any:
    A_dot, back = x_dots[0], adjoint(x_dots[0])
    outside = P @ (adjoint(P) @ (back - (back @ A) @ P))
    inside = (back - P @ (A @ back)) @ (adjoint(P) @ P)
    return outside + inside - P @ A_dot @ P


pinv = Pushed(
    "pinv",
    lambda A, rcond, hermitian: np.linalg.pinv(A, rcond, hermitian),
    _push_pinv,
)


def _lstsq(A: Value, B: Value, rcond: Any) -> tuple[Value, ...]:
    x, residuals, rank, s = np.linalg.lstsq(A, B, rcond)
    return x, residuals, np.asarray(rank)[()], s


def _push_lstsq(x_dots: Any, y: Any, A: Value, B: Value, rcond: Any) -> Any:
    """The pseudoinverse moves with A; the residuals are orthogonal to what A reaches."""
    x, residuals, _, s = y
    A_dot, B_dot = (np.zeros_like(of) if dot is None else dot for dot, of in zip(x_dots, (A, B), strict=True))
    P, rest, moved = pinv(A, rcond=rcond, hermitian=False), B - A @ x, B_dot - A_dot @ x
    back = adjoint(A_dot)
    reached = back @ (adjoint(P) @ x)
    x_dot = P @ (moved + adjoint(P) @ (back @ rest)) + reached - P @ (A @ reached)
    r_dot = 2 * real_part(np.sum(conjugated(rest) * moved, axis=0))
    s_dot = None if x_dots[0] is None else svdvals.push([A_dot], s, [A], {})
    return x_dot, r_dot if shape_of(residuals)[0] else None, None, s_dot


lstsq = Several("lstsq", _lstsq, _push_lstsq, batch=row_by_row)
"""Solution, sums of squared residuals, rank and singular values."""
