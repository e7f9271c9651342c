"""The functions of :mod:`math`, which turn their arguments into Python's floats.

They go to the ufuncs. Where math raises an error, at a logarithm of zero say, so does its stand-in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from nazad import extras
from nazad.graph import rank_of
from nazad.ops.families import Elementwise
from nazad.trace.follow.standins import on_traced
from nazad.trace.follow.tables.numbers import as_float, weak
from nazad.trace.inside import plain
from nazad.trace.numpy_table import UFUNCS

_SAME_NAME = (
    "cbrt copysign cos cosh degrees exp exp2 expm1 fabs fmod log10 log1p log2 radians sin sinh sqrt tan tanh"
)
_UFUNCS: dict[str, Callable[..., Any]] = {name: getattr(np, name) for name in _SAME_NAME.split()}
_UFUNCS |= {"pow": np.float_power, "acos": np.arccos, "acosh": np.arccosh, "asin": np.arcsin}
_UFUNCS |= {"asinh": np.arcsinh, "atan": np.arctan, "atan2": np.arctan2, "atanh": np.arctanh}
_UFUNCS |= {
    "remainder": lambda x, y: x - y * np.rint(x / y),
    "ldexp": lambda x, i: x * 2.0**i,
    "fma": lambda x, y, z: x * y + z,
}
_SCIPYS = {"erf": "erf", "erfc": "erfc", "gamma": "gamma", "lgamma": "gammaln"}


def _scipys(name: str) -> Callable[..., Any]:
    """A function of SciPy's, which has the derivative."""
    return lambda x: getattr(extras.require("scipy.special", "learn"), name)(x)


_UFUNCS |= {name: _scipys(scipys) for name, scipys in _SCIPYS.items()}


def mathematical(
    function: Callable[..., Any], ufunc: Callable[..., Any], number: Callable[[Any], Any] = as_float
) -> Callable[..., Any]:
    """A ufunc of Python's numbers that raises what the function raises."""
    known = UFUNCS.get(ufunc) if isinstance(ufunc, np.ufunc) else None
    op = weak(function, known) if isinstance(known, Elementwise) else ufunc

    def call(*xs: Any) -> Any:
        numbers = [number(x) if rank_of(x) else x for x in xs]
        try:
            function(*map(plain, numbers))
        except (ValueError, OverflowError):
            with np.errstate(all="ignore"):
                bool(np.isfinite(ufunc(*numbers)))  # the rest of the trace is for such arguments alone
            raise
        return number(op(*numbers))

    return call


for _name, _ufunc in _UFUNCS.items():
    if hasattr(math, _name):  # younger Pythons add them
        on_traced(getattr(math, _name))(mathematical(getattr(math, _name), _ufunc))


@on_traced(math.log)
def _log(x: Any, base: Any = None) -> Any:
    y = _natural(x)
    return y if base is None else y / (_natural(base))


_natural = mathematical(math.log, np.log)


@on_traced(math.hypot)
def _hypot(*xs: Any) -> Any:
    return as_float(np.linalg.norm(np.stack([as_float(x) for x in xs])))


@on_traced(math.dist)
def _dist(p: Iterable[Any], q: Iterable[Any]) -> Any:
    return _hypot(*[a - b for a, b in zip(p, q, strict=True)])


@on_traced(math.fsum)
def _fsum(seq: Iterable[Any]) -> Any:
    return as_float(np.sum(np.stack([as_float(x) for x in seq])))


@on_traced(math.modf)
def _modf(x: Any) -> Any:
    fraction, whole = np.modf(as_float(x))
    return as_float(fraction), as_float(whole)


@on_traced(math.frexp)
def _frexp(x: Any) -> Any:
    mantissa, exponent = np.frexp(as_float(x))
    return as_float(mantissa), int(exponent)


@on_traced(math.isclose)
def _isclose(a: Any, b: Any, *, rel_tol: float = 1e-09, abs_tol: float = 0.0) -> bool:
    size = np.maximum(np.abs(a), np.abs(b))
    return bool(np.equal(a, b) | np.less_equal(np.abs(a - b), np.maximum(rel_tol * size, abs_tol)))


on_traced(math.floor)(lambda x: int(np.floor(x)))
on_traced(math.ceil)(lambda x: int(np.ceil(x)))
on_traced(math.trunc)(int)
on_traced(math.isnan)(lambda x: bool(np.isnan(x)))
on_traced(math.isinf)(lambda x: bool(np.isinf(x)))
on_traced(math.isfinite)(lambda x: bool(np.isfinite(x)))
