"""Triangular systems; the equations of Sylvester, Lyapunov and Riccati."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from nazad.graph import Primitive, Value, shape_of
from nazad.ops.families import row_by_row
from nazad.ops.linalg.matrices import adjoint, eye, transposed
from nazad.ops.linalg.systems import inv, less, solve
from nazad.ops.parts import conjugated
from nazad.ops.pushed import Pushed, Rule


def _read(A: Value, trans: int, lower: bool, unit_diagonal: bool) -> Any:
    """What a solver reads: a triangle, without the diagonal if that is one, or its transpose."""
    k = int(unit_diagonal)
    triangle = np.tril(A, -k) if lower else np.triu(A, k)
    return transposed(triangle) if trans else triangle


def _push_triangular(x_dots: Any, X: Value, A: Value, B: Value, **how: Any) -> Any:
    A_dot, B_dot = x_dots
    moved = None if A_dot is None else _read(A_dot, **how) @ X
    return solve_triangular(A, less(B_dot, moved), **how)


solve_triangular: Primitive = Pushed(
    "solve_triangular",
    lambda A, B, trans, lower, unit_diagonal: scipy.linalg.solve_triangular(
        A, B, trans, lower, unit_diagonal, check_finite=False
    ),
    _push_triangular,
    None,
    lambda x_bar, A, B, trans, **how: solve_triangular(A, x_bar, trans=1 - trans, **how),
)
"""Solves A X = B, or with ``trans`` the system of the transpose."""


def _push_sylvester(x_dots: Any, X: Value, A: Value, B: Value, Q: Value) -> Any:
    A_dot, B_dot, Q_dot = x_dots
    right = less(Q_dot, None if A_dot is None else A_dot @ X)
    return solve_sylvester(A, B, less(right, None if B_dot is None else X @ B_dot))


solve_sylvester: Primitive = Pushed(
    "solve_sylvester",
    lambda A, B, Q: scipy.linalg.solve_sylvester(A, B, Q),
    _push_sylvester,
    None,
    None,
    lambda x_bar, A, B, Q: solve_sylvester(transposed(A), transposed(B), x_bar),
)
"""Solves A X + X B = Q."""


def continuous_lyapunov(A: Value, Q: Value) -> Any:
    """Solves A X + X Aᴴ = Q."""
    return solve_sylvester(A, adjoint(A), Q)


def discrete_lyapunov(A: Value, Q: Value, directly: bool | None = None) -> Any:
    """Solves A X Aᴴ - X + Q = 0; directly if it is small, or by a bilinear change to a continuous one."""
    n, one = shape_of(A)[0], eye(A)
    if directly or (directly is None and n < _SMALL):
        whole = np.eye(n * n) - np.kron(A, conjugated(A))
        return np.reshape(solve(whole, np.reshape(Q, (n * n, 1))), (n, n))
    back = adjoint(A)
    right = inv(back + one)
    return continuous_lyapunov(adjoint((back - one) @ right), -2 * (inv(A + one) @ Q) @ right)


_SMALL = 10
"""As in SciPy."""


# --- Riccati's
def _moved(x_dots: Any, xs: Any) -> Any:
    """The tangents, zero for what does not move; those of Q and R as they are read."""
    A, B, Q, R = (np.zeros_like(x) if dot is None else dot for dot, x in zip(x_dots, xs, strict=True))
    return A, B, _hermitian_part(Q), _hermitian_part(R)


def _hermitian_part(x: Value) -> Any:
    """What is read of a matrix that has to be Hermitian, and is so but for rounding."""
    return 0.5 * (x + adjoint(x))


def _push_continuous_are(x_dots: Any, X: Value, A: Value, B: Value, Q: Value, R: Value) -> Any:
    """Aᴴ X + X A - X B R⁻¹ Bᴴ X + Q = 0; what the closed loop A - B K leaves is Lyapunov's equation."""
    A_dot, B_dot, Q_dot, R_dot = _moved(x_dots, (A, B, Q, R))
    K = solve(_hermitian_part(R), adjoint(B) @ X)
    half = X @ (A_dot - B_dot @ K)
    return continuous_lyapunov(adjoint(A - B @ K), -(Q_dot + half + adjoint(half) + adjoint(K) @ R_dot @ K))


def _push_discrete_are(x_dots: Any, X: Value, A: Value, B: Value, Q: Value, R: Value) -> Any:
    """Aᴴ X A - X - Aᴴ X B (R + Bᴴ X B)⁻¹ Bᴴ X A + Q = 0, and the discrete equation of Lyapunov."""
    A_dot, B_dot, Q_dot, R_dot = _moved(x_dots, (A, B, Q, R))
    K = solve(_hermitian_part(R) + adjoint(B) @ X @ B, adjoint(B) @ X @ A)
    loop = A - B @ K
    half = adjoint(loop) @ X @ (A_dot - B_dot @ K)
    return discrete_lyapunov(adjoint(loop), Q_dot + half + adjoint(half) + adjoint(K) @ R_dot @ K)


def _riccati(name: str, solver: Rule, push: Rule) -> Primitive:
    def calc(A: Value, B: Value, Q: Value, R: Value) -> Value:
        return solver(A, B, _hermitian_part(Q), _hermitian_part(R))

    return Pushed(name, calc, push, batch=row_by_row)


continuous_are = _riccati("continuous_are", scipy.linalg.solve_continuous_are, _push_continuous_are)
discrete_are = _riccati("discrete_are", scipy.linalg.solve_discrete_are, _push_discrete_are)
