"""Functions of matrices, with their Fréchet derivatives of any order.

The derivative L(A, E) of any function f of matrices stands in a corner of f on a larger matrix,

    f([[A, E], [0, A]]) = [[f(A), L(A, E)], [0, f(A)]]

(Mathias 1996; Higham 2008, theorem 3.6), and so does the derivative of that corner in A. It is linear in E,
and its transpose in E is L(Aᵀ, ·).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from nazad.graph import Primitive, Value, shape_of
from nazad.ops.families import row_by_row
from nazad.ops.linalg.matrices import transposed
from nazad.ops.pushed import Pushed
from nazad.ops.scipy_linalg.equations import solve_sylvester


def block(A: Value, E: Value) -> Any:
    """The matrix with A twice on its diagonal and E in its upper corner."""
    above = np.concatenate([A, E], axis=-1)
    return np.concatenate([above, np.concatenate([np.zeros_like(A), A], axis=-1)], axis=-2)


def _corner(x: Value, n: int) -> Any:
    return x[..., :n, n:]


def _frechet(A: Value, E: Value, of: str, **how: Any) -> Value:
    """The direction is brought to the size of the matrix, so that neither drowns the other."""
    size, length = np.max(np.abs(A), initial=0), np.max(np.abs(E), initial=0)
    scale = size / length if size and length else 1.0
    return _corner(FUNCTIONS[of](block(A, E * scale), **how), A.shape[-1]) / scale


def _push_frechet(x_dots: Any, y: Value, A: Value, E: Value, **how: Any) -> Any:
    A_dot, E_dot = x_dots
    if A_dot is None:
        return frechet(A, E_dot, **how)
    moved = block(A_dot, np.zeros_like(A_dot) if E_dot is None else E_dot)
    return _corner(frechet(block(A, E), moved, **how), shape_of(A)[-1])


frechet: Primitive = Pushed(
    "frechet",
    _frechet,
    _push_frechet,
    None,
    lambda y_bar, A, E, **how: frechet(transposed(A), y_bar, **how),
    batch=row_by_row,
)
"""The derivative of a function of matrices, at A and along E."""


def _function(name: str, calc: Callable[..., Value]) -> Primitive:
    FUNCTIONS[name] = calc
    return Pushed(
        name, calc, lambda x_dots, y, A, **how: frechet(A, x_dots[0], of=name, **how), batch=row_by_row
    )


FUNCTIONS: dict[str, Callable[..., Value]] = {}
expm = _function("expm", scipy.linalg.expm)
logm = _function("logm", scipy.linalg.logm)
fractional_matrix_power = _function("fractional_matrix_power", scipy.linalg.fractional_matrix_power)
sqrtm = Pushed(
    "sqrtm",
    scipy.linalg.sqrtm,
    lambda x_dots, Y, A: solve_sylvester(Y, Y, x_dots[0]),
    batch=row_by_row,
)


def _push_signm(x_dots: Any, S: Value, A: Value) -> Any:
    """From S S = 1 and A S = S A (Kenney and Laub 1991): N S_dot + S_dot N = A_dot - S A_dot S, N = S A."""
    return solve_sylvester(S @ A, S @ A, x_dots[0] - S @ x_dots[0] @ S)


signm = Pushed("signm", scipy.linalg.signm, _push_signm, batch=row_by_row)
