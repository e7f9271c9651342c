"""Functions of every entry by itself that are no ufuncs, and ufuncs with several results."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from nazad.graph import Value, shape_of
from nazad.ops import elementwise
from nazad.ops.parts import conjugated
from nazad.trace.numpy_table.dispatch import UFUNCS, rule
from nazad.trace.numpy_table.normal import array


@rule(np.clip)
def _clip(a: Value, a_min: Any = None, a_max: Any = None, min: Any = None, max: Any = None) -> Any:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    if low is None:
        return a if high is None else np.minimum(a, high)
    return np.maximum(a, low) if high is None else elementwise.clip(a, low, high)


rule(np.sinc)(elementwise.sinc)
rule(np.i0)(lambda x: elementwise.bessel_i0(x))
rule(np.fix, derivative=False)(lambda x: np.trunc(x))


@rule(np.round, np.around, derivative=False)
def _round(a: Value, decimals: int = 0) -> Any:
    if decimals == 0 or (a.dtype.kind in "iu" and decimals > 0):
        return np.rint(a) if a.dtype.kind in "fc" else +a
    scale = 10.0 ** abs(decimals)
    y = np.rint(a * scale) / scale if decimals > 0 else np.rint(a / scale) * scale
    return y.astype(a.dtype)


# --- questions to every entry
rule(np.isposinf, derivative=False)(lambda x: np.equal(x, np.inf))
rule(np.isneginf, derivative=False)(lambda x: np.equal(x, -np.inf))


@rule(np.isclose, derivative=False)
def _isclose(a: Value, b: Value, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    x, y = array(a), array(b)
    with np.errstate(invalid="ignore"):  # inf - inf, which the second half answers
        near = np.less_equal(np.abs(x - y), atol + rtol * np.abs(y))
    close = near & np.isfinite(y) | np.equal(x, y)
    return close | np.isnan(x) & np.isnan(y) if equal_nan else close


@rule(np.allclose, derivative=False)
def _allclose(a: Value, b: Value, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    return bool(np.all(_isclose(a, b, rtol, atol, equal_nan)))


@rule(np.array_equal, derivative=False)
def _array_equal(a1: Value, a2: Value, equal_nan: bool = False) -> bool:
    x, y = array(a1), array(a2)
    if shape_of(x) != shape_of(y):
        return False
    same = np.equal(x, y)
    return bool(np.all(same | np.isnan(x) & np.isnan(y) if equal_nan else same))


@rule(np.array_equiv, derivative=False)
def _array_equiv(a1: Value, a2: Value) -> bool:
    x, y = array(a1), array(a2)
    try:
        np.broadcast_shapes(shape_of(x), shape_of(y))
    except ValueError:
        return False
    return bool(np.all(np.equal(x, y)))


# --- ufuncs with several results, and of vectors
UFUNCS[np.divmod] = lambda x, y: (np.floor_divide(x, y), np.remainder(x, y))
UFUNCS[np.modf] = lambda x: (elementwise.fraction(x), np.trunc(x))
UFUNCS[np.frexp] = lambda x: (elementwise.mantissa(x), elementwise.exponent(x))
_TERMS = {"vecdot": "...i,...i->...", "matvec": "...ij,...j->...i", "vecmat": "...i,...ij->...j"}


def _einsum(name: str, a: Value, b: Value) -> Value:
    return np.einsum(_TERMS[name], a if name == "matvec" else conjugated(a), b)


for _name in _TERMS:
    if hasattr(np, _name):  # younger releases of NumPy add them
        UFUNCS[getattr(np, _name)] = functools.partial(_einsum, _name)
