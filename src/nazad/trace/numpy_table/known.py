"""Questions that need no numbers: shape, rank, dtype; and constants in the shape of a traced array."""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.graph import Traced, Value, dtype_of, shape_of
from nazad.trace.numpy_table.dispatch import rule, written
from nazad.trace.numpy_table.normal import astype


def _dtype_or_self(a: Any) -> Any:
    return dtype_of(a) if isinstance(a, Traced) else a


rule(np.shape)(lambda a: a.shape)
rule(np.ndim)(lambda a: a.ndim)
rule(np.size)(lambda a, axis=None: a.size if axis is None else a.shape[axis])
rule(np.result_type)(lambda *args: np.result_type(*[_dtype_or_self(a) for a in args]))
rule(np.can_cast)(lambda from_, to, casting="safe": np.can_cast(from_.dtype, to, casting))
rule(np.zeros_like, np.empty_like)(
    lambda a, dtype=None, shape=None: np.zeros(shape_of(a) if shape is None else shape, dtype or dtype_of(a))
)
rule(np.ones_like)(
    lambda a, dtype=None, shape=None: np.ones(shape_of(a) if shape is None else shape, dtype or dtype_of(a))
)


@rule(np.copyto, np.put, np.place, np.putmask, np.put_along_axis, np.fill_diagonal)
def _write(*args: Any, **kwargs: Any) -> Any:
    raise written()


@rule(np.full_like)
def _full_like(a: Value, fill_value: Value, dtype: Any = None, shape: Any = None) -> Any:
    filled: Value = np.broadcast_to(fill_value, shape_of(a) if shape is None else shape)
    if isinstance(fill_value, Traced):
        return astype(filled, dtype or dtype_of(a))
    return np.array(filled, dtype or dtype_of(a))
