"""Systems of equations and inverses."""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.graph import Primitive, Value
from nazad.ops.linalg.matrices import transposed
from nazad.ops.pushed import Pushed


def _push_solve(x_dots: Any, x: Value, A: Value, B: Value) -> Any:
    """From A x = B follows A x_dot = B_dot - A_dot x."""
    A_dot, B_dot = x_dots
    if A_dot is None:
        return solve(A, B_dot)
    return solve(A, -A_dot @ x if B_dot is None else B_dot - A_dot @ x)


solve: Primitive = Pushed(
    "solve", np.linalg.solve, _push_solve, None, lambda x_bar, A, B: solve(transposed(A), x_bar)
)
"""Solves A X = B for matrices B, linear in B."""

inv = Pushed("inv", np.linalg.inv, lambda x_dots, X, A: -X @ x_dots[0] @ X)
