"""Functions of every entry by itself that are no ufuncs, and ufuncs with several results."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from nazad.graph import Value, shape_of
from nazad.ops import elementwise
from nazad.ops.parts import conjugated
from nazad.trace.numpy_table.dispatch import UFUNCS, rule


@rule(np.clip)
def _clip(a: Value, a_min: Any = None, a_max: Any = None, min: Any = None, max: Any = None) -> Any:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    if low is None:
        return a if high is None else np.minimum(a, high)
    return np.maximum(a, low) if high is None else elementwise.clip(a, low, high)


rule(np.sinc)(elementwise.sinc)
rule(np.round, np.around)(
    lambda a, decimals=0: np.rint(a) if decimals == 0 else np.rint(a * 10.0**decimals) / 10.0**decimals
)
rule(np.fix)(lambda x: np.trunc(x))


@rule(np.isclose)
def _isclose(a: Value, b: Value, rtol: float = 1e-5, atol: float = 1e-8) -> Any:
    with np.errstate(invalid="ignore"):  # inf - inf, which the second half answers
        near = np.less_equal(np.abs(a - b), atol + rtol * np.abs(b))
    return near & np.isfinite(b) | np.equal(a, b)


rule(np.allclose)(lambda a, b, rtol=1e-5, atol=1e-8: bool(np.all(np.isclose(a, b, rtol=rtol, atol=atol))))
rule(np.array_equal)(lambda a1, a2: shape_of(a1) == shape_of(a2) and bool(np.all(np.equal(a1, a2))))
UFUNCS[np.divmod] = lambda x, y: (np.floor_divide(x, y), np.remainder(x, y))
UFUNCS[np.modf] = lambda x: (elementwise.fraction(x), np.trunc(x))
UFUNCS[np.frexp] = lambda x: (elementwise.mantissa(x), elementwise.exponent(x))
_TERMS = {"vecdot": "...i,...i->...", "matvec": "...ij,...j->...i", "vecmat": "...i,...ij->...j"}


def _einsum(name: str, a: Value, b: Value) -> Value:
    return np.einsum(_TERMS[name], a if name == "matvec" else conjugated(a), b)


for _name in _TERMS:
    if hasattr(np, _name):  # younger releases of NumPy add them
        UFUNCS[getattr(np, _name)] = functools.partial(_einsum, _name)
