"""Complex numbers: their parts, and what is said of a number by its parts.

The imaginary part of a real number is a constant zero, and its real part the number itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.graph import Value, dtype_of, is_complex
from nazad.ops import elementwise, parts
from nazad.ops.elementwise import over
from nazad.trace.numpy_table.dispatch import UFUNCS, rule
from nazad.trace.numpy_table.normal import astype


@rule(np.real)
def _real(val: Value) -> Value:
    return parts.real(val) if is_complex(val) else val


@rule(np.imag)
def _imag(val: Value) -> Value:
    return parts.imag(val) if is_complex(val) else np.zeros_like(val)


def _conjugate(x: Value) -> Value:
    return parts.conjugate(x) if is_complex(x) else np.positive(x)


def _sign(x: Value) -> Value:
    """z / |z|, which has a derivative; that of a real number is a step."""
    return over(x, np.abs(x)) if is_complex(x) else elementwise.sign(x)


UFUNCS |= {np.conjugate: _conjugate, np.sign: _sign}


@rule(np.angle)
def _angle(z: Value, deg: bool = False) -> Value:
    angle = np.arctan2(np.imag(z), np.real(z))
    return angle * (180 / np.pi) if deg else angle


@rule(np.nan_to_num)
def _nan_to_num(x: Value, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Value:
    y = _finite(x, nan, posinf, neginf)
    return y if copy else x.overwrite(y)


def _finite(x: Value, nan: Any, posinf: Any, neginf: Any) -> Value:
    if is_complex(x):
        return parts.complex(*(_finite(part, nan, posinf, neginf) for part in (x.real, x.imag)))
    y = elementwise.nan_to_num(x)
    if dtype_of(x).kind != "f":
        return y
    if not (type(nan) is float and nan == 0):
        y = np.where(np.isnan(x), nan, y)
    if posinf is not None:
        y = np.where(np.isposinf(x), posinf, y)
    return y if neginf is None else np.where(np.isneginf(x), neginf, y)


rule(np.iscomplex, derivative=False)(lambda x: np.not_equal(np.imag(x), 0))
rule(np.isreal, derivative=False)(lambda x: np.equal(np.imag(x), 0))
rule(np.iscomplexobj, derivative=False)(lambda x: is_complex(x))
rule(np.isrealobj, derivative=False)(lambda x: not is_complex(x))
rule(np.sort_complex)(lambda a: astype(np.sort(a), np.sort_complex(np.empty(0, a.dtype)).dtype))


@rule(np.real_if_close)
def _real_if_close(a: Value, tol: float = 100) -> Value:
    if not is_complex(a):
        return a
    near: Any = tol * np.finfo(dtype_of(a)).eps if tol > 1 else tol
    return a.real if np.all(np.abs(a.imag) < near) else a
