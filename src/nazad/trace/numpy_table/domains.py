"""``np.emath``: functions that turn complex where the real ones end.

Which it is, is a question to the numbers, as in a branch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nazad.graph import Value
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import array, astype

_Outside = Callable[[Value], Value]


def _negative(x: Value) -> Value:
    return np.less(x, 0)


def _beyond_one(x: Value) -> Value:
    return np.greater(np.abs(x), 1)


def _fitting(x: Value, outside: _Outside) -> Value:
    """As it is, or complex where it leaves the real domain."""
    x = array(x)
    return astype(x, complex) if x.dtype.kind != "c" and np.any(outside(x)) else x


def _function(ufunc: np.ufunc, outside: _Outside) -> Callable[..., Any]:
    return lambda x: ufunc(_fitting(x, outside))


rule(np.emath.sqrt)(_function(np.sqrt, _negative))
rule(np.emath.log)(_function(np.log, _negative))
rule(np.emath.log2)(_function(np.log2, _negative))
rule(np.emath.log10)(_function(np.log10, _negative))
rule(np.emath.arccos)(_function(np.arccos, _beyond_one))
rule(np.emath.arcsin)(_function(np.arcsin, _beyond_one))
rule(np.emath.arctanh)(_function(np.arctanh, _beyond_one))
rule(np.emath.logn)(lambda n, x: np.log(_fitting(x, _negative)) / np.log(_fitting(n, _negative)))
rule(np.emath.power)(lambda x, p: np.power(_fitting(x, _negative), array(p)))
