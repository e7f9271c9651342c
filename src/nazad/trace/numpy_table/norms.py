"""Norms of vectors and of matrices, in all orders.

Each is made of operations that share ties evenly and are zero where an absolute value is, so that a norm
does not fail at zero: its gradient is zero there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nazad.graph import Value, dtype_of, rank_of
from nazad.ops import reduction
from nazad.ops.linalg import spectra
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import Axis, all_axes, all_listed, flag, inexact

Axes = tuple[int, ...]


@rule(np.linalg.norm)
def _norm(x: Value, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x = inexact(x)
    axes = tuple(range(rank_of(x))) if axis is None else tuple(all_listed(axis, rank_of(x)))
    if ord is None and (axis is None or len(axes) <= 2):
        return reduction.norm(x, axis=tuple(sorted(axes)), keepdims=flag(keepdims))
    if len(axes) == 1:
        return _vector_norm(x, ord, axes, flag(keepdims))
    if len(axes) == 2:
        return _matrix_norm(x, ord, axes, flag(keepdims))
    raise ValueError("Improper number of dimensions to norm.")


@rule(np.linalg.vector_norm)
def _vectors(x: Value, *, axis: Axis = None, keepdims: bool = False, ord: Any = 2) -> Any:
    return _vector_norm(inexact(x), ord, all_axes(axis, rank_of(x)), keepdims)


@rule(np.linalg.matrix_norm)
def _matrices(x: Value, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return _norm(x, ord, (-2, -1), keepdims)


# --- of vectors
def _vector_norm(x: Value, ord: Any, axis: Axes, keepdims: bool) -> Value:
    if ord is None or ord == 2:
        return reduction.norm(x, axis=axis, keepdims=keepdims)
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")
    if ord == math.inf:
        return np.max(np.abs(x), axis=axis, keepdims=keepdims)
    if ord == -math.inf:
        return np.min(np.abs(x), axis=axis, keepdims=keepdims)
    if ord == 0:
        counted = np.not_equal(x, 0).astype(np.empty(0, dtype_of(x)).real.dtype)
        return np.sum(counted, axis=axis, keepdims=keepdims)
    if ord == 1:
        return np.sum(np.abs(x), axis=axis, keepdims=keepdims)
    return np.sum(np.abs(x) ** ord, axis=axis, keepdims=keepdims) ** (1 / ord)


# --- of matrices
def _matrix_norm(x: Value, ord: Any, axes: Axes, keepdims: bool) -> Value:
    if axes[0] == axes[1]:
        raise ValueError("Duplicate axes given.")
    if ord is None or ord in ("fro", "f"):
        return reduction.norm(x, axis=tuple(sorted(axes)), keepdims=keepdims)
    if ord in _BY_SINGULAR_VALUES:
        y = _BY_SINGULAR_VALUES[ord](spectra.svdvals(np.moveaxis(x, axes, (-2, -1))), axis=-1)
    elif ord in _BY_SUMS:
        summed, fold = _BY_SUMS[ord]
        sums = np.sum(np.abs(x), axis=axes[summed], keepdims=True)
        y = np.squeeze(fold(sums, axis=axes[1 - summed], keepdims=True), axes)
    else:
        raise ValueError("Invalid norm order for matrices.")
    return np.expand_dims(y, tuple(sorted(axes))) if keepdims else y


_BY_SINGULAR_VALUES: dict[Any, Callable[..., Value]] = {2: np.max, -2: np.min, "nuc": np.sum}
_BY_SUMS: dict[Any, tuple[int, Callable[..., Value]]] = {
    1: (0, np.max),
    -1: (0, np.min),
    math.inf: (1, np.max),
    -math.inf: (1, np.min),
}
"""Along which of the two axes is summed, and what the sums are folded by."""
