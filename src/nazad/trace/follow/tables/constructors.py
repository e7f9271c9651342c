"""Functions that make arrays. What they make can be filled with traced values, and may consist of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from nazad.errors import TraceError
from nazad.graph import dtype_of, here, shape_of
from nazad.trace.array import Array
from nazad.trace.follow.standins import stands_in_for
from nazad.trace.inside import any_traced
from nazad.trace.nested import nested
from nazad.trace.numpy_table import astype
from nazad.trace.numpy_table.windows import strided
from nazad.trace.running import held, remembered_error
from nazad.trace.views import like

_FROM_NOTHING = (
    "zeros ones empty eye identity tri linspace logspace geomspace fromstring hanning "
    "hamming blackman bartlett vander zeros_like ones_like empty_like"
)


def _new(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: held(function(*args, **kwargs))


for _name in _FROM_NOTHING.split():
    stands_in_for(getattr(np, _name))(_new(getattr(np, _name)))


@stands_in_for(np.full)
def _full(shape: Any, fill_value: Any, dtype: Any = None, **layout: Any) -> Any:
    if not any_traced(fill_value):
        return held(np.full(shape, fill_value, dtype, **layout))
    return np.broadcast_to(array_of(fill_value, dtype), shape).copy()


@stands_in_for(np.full_like)
def _full_like(a: Any, fill_value: Any, dtype: Any = None, shape: Any = None, **layout: Any) -> Any:
    if any_traced(a) or not any_traced(fill_value):
        return held(np.full_like(a, fill_value, dtype, shape=shape, **layout))
    return _full(shape_of(a) if shape is None else shape, fill_value, dtype or dtype_of(a))


@stands_in_for(np.arange)
def _arange(*args: Any, **named: Any) -> Any:
    if not any_traced((args, named)):
        return held(np.arange(*args, **named))
    return _steps(0, *args, **named) if len(args) == 1 and "stop" not in named else _steps(*args, **named)


def _steps(start: Any = 0, stop: Any = None, step: Any = 1, dtype: Any = None, device: Any = None) -> Any:
    count = max(0, int(np.ceil((stop - start) / step)))
    steps = start + np.arange(count) * step
    return steps if dtype is None else astype(steps, dtype)


@stands_in_for(np.kaiser)
def _kaiser(M: int, beta: Any) -> Any:
    """The window has a shape, which is a number like any other."""
    if not any_traced(beta):
        return held(np.kaiser(M, beta))
    middle = (M - 1) / 2
    across = (np.arange(M) - middle) / (middle or 1)
    return np.i0(beta * np.sqrt(1 - across**2)) / np.i0(beta)


@stands_in_for(np.fromiter)
def _fromiter(iter: Iterable[Any], dtype: Any, count: int = -1) -> Any:
    values = [*iter] if count < 0 else [*itertools.islice(iter, count)]
    return array_of(values, dtype) if any_traced(values) else held(np.fromiter(values, dtype))


_ARRAY = np.zeros(())


@stands_in_for(np.copy)
def _copy(a: Any, *args: Any, **layout: Any) -> Any:
    same = np.copy(a if isinstance(a, Array) or not any_traced(a) else array_of(a), *args, **layout)
    return like(_ARRAY, held(same))


@stands_in_for(np.array)
def _array(object: Any, dtype: Any = None, *, copy: Any = True, ndmin: int = 0, **layout: Any) -> Any:
    if not any_traced(object):
        made = np.array(object, dtype, copy=copy, ndmin=ndmin, **layout)
        return made if made is object else held(made)
    whole = array_of(object, dtype)
    whole = like(_ARRAY, whole.copy() if whole is object else whole) if copy else whole
    return np.reshape(whole, (*(1,) * (ndmin - whole.ndim), *whole.shape)) if whole.ndim < ndmin else whole


def _as(function: Callable[..., Any], laid_out: Callable[[Any], Any]) -> Callable[..., Any]:
    """An array as it is; of anything else, an array."""

    def as_array(a: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        if any_traced(a):
            return laid_out(array_of(a, dtype))
        made = function(a, dtype, *args, **kwargs)
        return made if isinstance(a, np.ndarray) else held(made)

    return as_array


def _row_major(a: Any) -> Any:
    return a if a.flags.c_contiguous else a.copy()


def _column_major(a: Any) -> Any:
    return a if a.flags.f_contiguous else np.transpose(np.transpose(a).copy())


_LAYOUTS = {"ascontiguousarray": _row_major, "asfortranarray": _column_major}
for _name in ("asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "asarray_chkfinite", "require"):
    stands_in_for(getattr(np, _name))(_as(getattr(np, _name), _LAYOUTS.get(_name, lambda a: a)))


@stands_in_for(np.lib.stride_tricks.as_strided)
def _as_strided(x: Any, shape: Any = None, strides: Any = None, **flags: Any) -> Any:
    return (strided if any_traced(x) else np.lib.stride_tricks.as_strided)(x, shape, strides, **flags)


def array_of(x: Any, dtype: Any = None) -> Any:
    """The array of a traced value, or of nested lists and tuples that have such among them."""
    if dtype is not None and np.dtype(dtype).kind not in "biufc":
        met = f"an array of {np.dtype(dtype)} was made of traced values"
        raise remembered_error(TraceError(met, "Leave the dtype out.", here()))
    whole = nested(x)
    return whole if dtype is None or whole.dtype == np.dtype(dtype) else astype(whole, dtype)
