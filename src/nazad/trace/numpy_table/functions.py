"""Functions that call a function of the user's, along an axis or over several."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from nazad.graph import Value, rank_of, shape_of
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import all_listed, array, one_axis


@rule(np.apply_along_axis)
def _apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Value, *args: Any, **kwargs: Any) -> Any:
    """Line by line; the lines of the results stand where those of the array stood."""
    x = array(arr)
    place = one_axis(axis, rank_of(x))
    lined = np.moveaxis(x, place, -1)
    around = shape_of(lined)[:-1]
    if not all(around):
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    lines = [lined[k] for k in itertools.product(*map(range, around))]
    y = np.stack([array(func1d(line, *args, **kwargs)) for line in lines])
    y = np.reshape(y, (*around, *shape_of(y)[1:]))
    result = tuple(range(len(around), rank_of(y)))
    return np.moveaxis(y, result, tuple(place + k for k in range(len(result))))


@rule(np.apply_over_axes)
def _apply_over_axes(func: Callable[..., Any], a: Value, axes: Any) -> Any:
    y = array(a)
    for axis in all_listed(tuple(np.atleast_1d(axes).tolist()), rank_of(y)):
        folded = func(y, axis)
        y = folded if rank_of(folded) == rank_of(y) else np.expand_dims(folded, axis)
    return y
