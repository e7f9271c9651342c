"""From NumPy's functions to primitives.

A ufunc maps to the primitive that carries it. A function maps to a rule with NumPy's own signature, less
what cannot be traced; a rule is a primitive with its parameters in normal form, or a composition of them.
The rooms hold the rules by subject; importing one enters its rules in the table of :mod:`dispatch`. They are
opened when the first trace begins, so that ``import nazad`` does not wait for them.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from nazad.ops.parts import conjugated
from nazad.trace.numpy_table.dispatch import FUNCTIONS, UFUNCS, call_function, nearest
from nazad.trace.numpy_table.normal import astype
from nazad.trace.numpy_table.ufuncs import call_ufunc
from nazad.trace.numpy_table.writing import METHODS as WRITERS

_ROOMS = (
    "calculus choices complexes cumulative domains entrywise fourier functions histograms integers "
    "joining known linalg nans norms ordering padding places polynomials products quantiles ranges "
    "reductions sets shapes splitting statistics windows writing"
)

_SAME_NAME = (
    "sum mean prod max min var std all any argmax argmin argsort cumsum cumprod clip round ravel squeeze "
    "swapaxes take repeat diagonal trace nonzero ptp searchsorted argpartition choose"
)
METHODS: dict[str, Callable[..., Any]] = {name: getattr(np, name) for name in _SAME_NAME.split()}
"""Methods of an array that are functions of NumPy by the same name."""
METHODS |= WRITERS | {"conj": conjugated, "conjugate": conjugated}
METHODS["compress"] = lambda a, condition, axis=None: np.compress(condition, a, axis)


@functools.cache
def open_rooms() -> None:
    """Enter the rules of all rooms."""
    for room in _ROOMS.split():
        importlib.import_module(f"{__name__}.{room}")


__all__ = ["FUNCTIONS", "METHODS", "UFUNCS", "astype", "call_function", "call_ufunc", "nearest", "open_rooms"]
