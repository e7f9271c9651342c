"""Questions that need no numbers: shape, rank, dtype; and constants in the shape of a traced array."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nazad.graph import Traced, Value, dtype_of, shape_of
from nazad.trace.inside import plain
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import astype


def _dtype_or_self(a: Any) -> Any:
    return dtype_of(a) if isinstance(a, Traced) else a


rule(np.shape, derivative=False)(lambda a: a.shape)
rule(np.ndim, derivative=False)(lambda a: a.ndim)


@rule(np.size, derivative=False)
def _size(a: Value, axis: Any = None) -> int:
    if axis is None:
        return int(a.size)
    return math.prod(a.shape[k] for k in (axis if isinstance(axis, tuple) else (axis,)))


# --- dtypes
rule(np.result_type, derivative=False)(lambda *args: np.result_type(*[_dtype_or_self(a) for a in args]))
rule(np.common_type, derivative=False)(
    lambda *arrays: np.common_type(
        *[np.zeros(0, dtype_of(a)) if isinstance(a, Traced) else a for a in arrays]
    )
)
rule(np.can_cast, derivative=False)(lambda from_, to, casting="safe": np.can_cast(from_.dtype, to, casting))
rule(np.min_scalar_type, derivative=False)(lambda a: np.min_scalar_type(plain(a)))


# --- pictures of the numbers
rule(np.array_str, derivative=False)(lambda a, *args, **keywords: np.array_str(plain(a), *args, **keywords))
rule(np.array_repr, derivative=False)(
    lambda arr, *args, **keywords: np.array_repr(plain(arr), *args, **keywords)
)
rule(np.array2string, derivative=False)(
    lambda a, *args, **keywords: np.array2string(plain(a), *args, **keywords)
)


# --- places that follow from the shape
@rule(np.einsum_path, derivative=False)
def _einsum_path(*operands: Any, optimize: Any = "greedy") -> Any:
    ghosts = [_ghost(x) if isinstance(x, Traced) else x for x in operands]
    return np.einsum_path(*ghosts, optimize=optimize)


rule(np.diag_indices_from, derivative=False)(lambda arr: np.diag_indices_from(_ghost(arr)))
rule(np.tril_indices_from, derivative=False)(lambda arr, k=0: np.tril_indices_from(_ghost(arr), k))
rule(np.triu_indices_from, derivative=False)(lambda arr, k=0: np.triu_indices_from(_ghost(arr), k))


def _ghost(a: Value) -> Any:
    """An array of this shape without memory."""
    return np.broadcast_to(np.zeros((), dtype_of(a)), shape_of(a))


# --- constants in the shape of an array
def _filled_like(make: Callable[..., Any]) -> Callable[..., Any]:
    """A constant that may be written into; whole numbers and truth values stay ordinary arrays."""

    def like(a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Any:
        return _writable(a, make(a.value, dtype=dtype, order=order, shape=shape))

    return like


def _writable(a: Any, array: Any) -> Any:
    return a.recorder.hold(array) if array.dtype.kind in "fc" else array


rule(np.zeros_like, np.empty_like, derivative=False)(_filled_like(np.zeros_like))
rule(np.ones_like, derivative=False)(_filled_like(np.ones_like))


@rule(np.full_like)
def _full_like(a: Value, fill_value: Value, dtype: Any = None, shape: Any = None) -> Any:
    filled: Value = np.broadcast_to(fill_value, shape_of(a) if shape is None else shape)
    if isinstance(fill_value, Traced):
        return astype(filled, dtype or dtype_of(a)).copy()
    return _writable(a, np.array(filled, dtype or dtype_of(a)))
