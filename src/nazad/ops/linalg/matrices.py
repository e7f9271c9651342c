"""What the rules of linear algebra have in common: transposes, triangles, gaps between eigenvalues."""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.graph import Value, dtype_of, shape_of
from nazad.ops.families import chain, real_part
from nazad.ops.parts import conjugated


def transposed(x: Value) -> Any:
    """The transpose of each matrix of a stack."""
    return np.swapaxes(x, -1, -2)


def adjoint(x: Value) -> Any:
    """The conjugate transpose of each matrix."""
    return conjugated(transposed(x))


def eye(x: Value) -> Any:
    """The identity in the size and dtype of the square matrices of a stack."""
    return np.eye(shape_of(x)[-1], dtype=dtype_of(x))


def hermitian(x: Value, lower: bool = True) -> Any:
    """The matrix that LAPACK reads: one triangle, its mirror image, and the real part of the diagonal.

    Examples
    --------
    >>> hermitian(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[1., 3.],
           [3., 4.]])
    """
    strict = np.tril(x, -1) if lower else np.triu(x, 1)
    return strict + adjoint(strict) + real_part(diagonal(x))


def lower_half(x: Value) -> Any:
    """The lower triangle with half of the diagonal: a Hermitian matrix is this and its mirror image."""
    return np.tril(x) - 0.5 * diagonal(x)


def diagonal(x: Value) -> Any:
    """The matrix without what stands off its diagonal."""
    return np.where(np.eye(shape_of(x)[-1], dtype=bool), x, 0)


def column_products(x: Value, y: Value) -> Any:
    """For each k the inner product of column k of x, conjugated, with column k of y."""
    return np.sum(conjugated(x) * y, axis=-2)


def gaps(values: Value) -> Any:
    """In entry (i, j) of a matrix values[j] - values[i]."""
    return np.expand_dims(values, -2) - np.expand_dims(values, -1)


def over(x: Value, y: Value) -> Any:
    """The quotient; zero where one would divide by zero."""
    none = y == 0
    return np.where(none, 0, x / np.where(none, 1, y))


def tied(values: Value) -> Any:
    """For each value whether another one is equal to it."""
    return np.count_nonzero(gaps(values) == 0, axis=-2, keepdims=True) > 1


def undetermined(x_dot: Value, shape: tuple[int, ...], columns: Value = True) -> Any:
    """The tangent of columns that are arbitrary: nan where anything moves, or is asked for, and else zero."""
    nan = np.where(columns, np.nan, 0).astype(dtype_of(x_dot))
    moved = np.sum(chain(x_dot, np.asarray(np.nan, dtype_of(x_dot))), axis=(-2, -1), keepdims=True)
    return chain(np.broadcast_to(moved, shape), nan)


def completed(columns_dot: Value, A_dot: Value, shape: tuple[int, ...]) -> Any:
    """The tangent of columns together with those that complete a basis, which are arbitrary."""
    extra = (*shape[:-1], shape[-1] - shape_of(columns_dot)[-1])
    if not extra[-1]:
        return columns_dot
    return np.concatenate([columns_dot, undetermined(A_dot, extra)], axis=-1)
