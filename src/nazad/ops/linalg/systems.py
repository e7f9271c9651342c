"""Systems of equations and inverses."""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.graph import Primitive, Value
from nazad.ops.linalg.matrices import transposed
from nazad.ops.pushed import Pushed


def less(x: Value, y: Value) -> Any:
    """The difference of two tangents, of which None is zero."""
    return x if y is None else -y if x is None else x - y


def _push_solve(x_dots: Any, X: Value, A: Value, B: Value) -> Any:
    """From A X = B follows A X_dot = B_dot - A_dot X."""
    A_dot, B_dot = x_dots
    return solve(A, less(B_dot, None if A_dot is None else A_dot @ X))


solve: Primitive = Pushed(
    "solve", np.linalg.solve, _push_solve, None, lambda x_bar, A, B: solve(transposed(A), x_bar)
)
"""Solves A X = B for matrices B, linear in B."""

inv = Pushed("inv", np.linalg.inv, lambda x_dots, X, A: -X @ x_dots[0] @ X)
