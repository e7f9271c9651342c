"""Triangular systems and Sylvester's equation."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from nazad.graph import Primitive, Value
from nazad.ops.linalg.matrices import transposed
from nazad.ops.linalg.systems import less
from nazad.ops.pushed import Pushed


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
