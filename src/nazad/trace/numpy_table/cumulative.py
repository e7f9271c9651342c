"""Running folds along an axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nazad.graph import Value, rank_of, shape_of
from nazad.ops import structure
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import array, astype, one_axis, scalar_axis
from nazad.trace.numpy_table.ufuncs import accumulate


def _flat(a: Value, axis: int | None) -> tuple[Value, int]:
    """The array and the axis along which it runs; without an axis, all entries in a line."""
    if scalar_axis(axis, a) is None:
        return np.ravel(a), 0
    assert axis is not None
    return a, one_axis(axis, rank_of(a))


@rule(np.cumsum)
def _cumsum(a: Value, axis: int | None = None, dtype: Any = None) -> Any:
    x, place = _flat(a if dtype is None else astype(a, dtype), axis)
    return structure.cumsum(x, axis=place)


@rule(np.cumprod)
def _cumprod(a: Value, axis: int | None = None, dtype: Any = None) -> Any:
    x, place = _flat(a, axis)
    return accumulate(np.multiply, x, place, dtype)


def _from_the_start(ufunc: np.ufunc, running: Callable[..., Any]) -> Callable[..., Any]:
    def cumulative(
        x: Value, axis: int | None = None, dtype: Any = None, include_initial: bool = False
    ) -> Any:
        if axis is None and rank_of(x) > 1:
            raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
        line, place = _flat(array(x), axis)
        y = running(line, place, dtype)
        if not include_initial:
            return y
        shape = shape_of(y)
        first = np.full((*shape[:place], 1, *shape[place + 1 :]), ufunc.identity, y.dtype)
        return np.concatenate([first, y], place)

    return cumulative


rule(np.cumulative_sum)(_from_the_start(np.add, _cumsum))
rule(np.cumulative_prod)(_from_the_start(np.multiply, _cumprod))


@rule(np.nancumsum)
def _nancumsum(a: Value, axis: int | None = None, dtype: Any = None) -> Any:
    return _cumsum(np.where(np.isnan(a), a.dtype.type(0), a), axis, dtype)


@rule(np.nancumprod)
def _nancumprod(a: Value, axis: int | None = None, dtype: Any = None) -> Any:
    return _cumprod(np.where(np.isnan(a), a.dtype.type(1), a), axis, dtype)
