"""Determinants: also of singular matrices, whose gradient is finite.

The gradient of a determinant is the matrix of cofactors, a polynomial in the entries. In the basis of the
singular vectors the matrix is diagonal, and its cofactors, and those of their derivative, are products of
singular values, in which none is divided by.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.graph import Primitive, Value, dtype_of, rank_of
from nazad.ops.families import real_part
from nazad.ops.linalg.matrices import adjoint, transposed
from nazad.ops.linalg.systems import inv, solve
from nazad.ops.parts import conjugated
from nazad.ops.pushed import Pushed, stacked
from nazad.ops.reduction import products_of_others
from nazad.ops.several import Several


def trace(x: Value) -> Any:
    """The trace of each matrix, as a matrix of one entry."""
    return np.sum(np.where(np.eye(x.shape[-1], dtype=bool), x, 0), axis=(-2, -1), keepdims=True)


def _turns(A: Value) -> tuple[Value, Value, Value, Value]:
    """The singular value decomposition, and the determinant of its unitary factors."""
    u, s, vh = np.linalg.svd(A)
    return u, s, vh, (np.linalg.det(u) * np.linalg.det(vh))[..., None, None]


def _without_one(s: Value) -> Value:
    """For each of some numbers the product of all others."""
    return products_of_others(s, (rank_of(s) - 1,))


def _cofactor(A: Value) -> Value:
    u, s, vh, turn = _turns(A)
    return (turn * conjugated(u) * _without_one(s)[..., None, :]) @ conjugated(vh)


def _cofactor_dot(A: Value, E: Value) -> Value:
    """In the basis of the singular vectors, with the products of all but two singular values."""
    u, s, vh, turn = _turns(A)
    turned, one = adjoint(u) @ E @ adjoint(vh), np.eye(s.shape[-1], dtype=bool)
    without_two = np.where(one, 0, _without_one(np.where(one, 1, s[..., None, :])))
    along = without_two @ np.diagonal(turned, axis1=-2, axis2=-1)[..., None]
    return turn * conjugated(u) @ np.where(one, along, -without_two * transposed(turned)) @ conjugated(vh)


def _push_cofactor_dot(x_dots: Any, y: Value, A: Value, E: Value) -> Any:
    A_dot, E_dot = x_dots
    along = None if E_dot is None else cofactor_dot(A, E_dot)
    if A_dot is None:
        return along
    turned = _third(A, A_dot, E)
    return turned if along is None else along + turned


def _third(A: Value, F: Value, E: Value) -> Any:
    """The third derivative of the determinant, of an invertible matrix."""
    B = inv(A)
    X, Y = B @ F, B @ E
    ends = (trace(X) * trace(Y) - trace(X @ Y)) * B
    return det(A)[..., None, None] * transposed(ends - (trace(X) * Y + trace(Y) * X - X @ Y - Y @ X) @ B)


det: Primitive = Pushed(
    "det", np.linalg.det, lambda x_dots, d, A: np.sum(cofactor(A) * x_dots[0], axis=(-2, -1))
)

cofactor: Primitive = Pushed("cofactor", _cofactor, lambda x_dots, C, A: cofactor_dot(A, x_dots[0]))
"""The gradient of the determinant."""

cofactor_dot: Primitive = Pushed(
    "cofactor_dot", _cofactor_dot, _push_cofactor_dot, None, lambda y_bar, A, E: cofactor_dot(A, y_bar)
)
"""Its derivative in a direction, linear in that and symmetric."""


def _push_slogdet(x_dots: Any, y: Any, A: Value) -> Any:
    moved = trace(solve(A, x_dots[0]))[..., 0, 0]
    if dtype_of(A).kind != "c":
        return None, moved
    return y[0] * (1j * np.imag(moved)), real_part(moved)


slogdet = Several("slogdet", lambda A: tuple(np.linalg.slogdet(A)), _push_slogdet, batch=stacked)
