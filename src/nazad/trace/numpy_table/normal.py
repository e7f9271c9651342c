"""Parameters in normal form: axes counted from the front, flags as booleans, casts."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from nazad.errors import TraceError
from nazad.graph import NUMERIC, Traced, Value, dtype_of, here, rank_of
from nazad.ops import structure

Axis = int | Sequence[int] | None


def one_axis(axis: Any, ndim: int) -> int:
    """A single axis, counted from the front."""
    return int(np.lib.array_utils.normalize_axis_index(axis, ndim))


def all_axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    """Axes as a sorted tuple, counted from the front; None stands for all."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(sorted(np.lib.array_utils.normalize_axis_tuple(axis, ndim)))


def array(x: Value) -> Value:
    """What NumPy's functions take an argument for: lists and Python numbers are arrays.

    Operators, in contrast, leave a Python number weak in promotion.
    """
    return x if isinstance(x, Traced) else np.asarray(x)


def inexact(x: Value) -> Value:
    """Whole numbers as the real ones that NumPy works on."""
    x = array(x)
    return x if x.dtype.kind in "fc" else astype(x, float)


def certain(condition: Value) -> bool:
    """Whether a condition holds on which nothing depends but an error.

    Where rows or steps may differ, the answer is that of the first, and binds nobody.
    """
    if not isinstance(condition, Traced):
        return bool(condition)
    answer = certain(condition.value)  # type: ignore[attr-defined]
    if condition.recorder.has_answers:
        condition.recorder.answered(condition.node, "bool", answer)  # type: ignore[attr-defined]
    return answer


def scalar_axis(axis: Axis, x: Value) -> Axis:
    """The methods of ufuncs, unlike other functions, take 0 and -1 for the axis of a scalar."""
    return None if axis in (0, -1) and rank_of(x) == 0 else axis


def flag(keepdims: Any) -> bool:
    """NumPy's own sign for *not given* counts as false."""
    return False if keepdims is np._NoValue else bool(keepdims)


def astype(a: Value, dtype: Any, **layout: Any) -> Any:
    """The same numbers in another precision; as integers they carry no derivative.

    As in NumPy, a complex number that becomes real loses its imaginary part, with a warning.
    """
    goal = np.dtype(dtype)
    if goal.kind not in NUMERIC:
        raise TraceError(f"a traced array would be cast to {goal}", "Traced values are numbers.", here())
    if dtype_of(a).kind == "c" and goal.kind in "iuf":
        warnings.warn(_DISCARDED, np.exceptions.ComplexWarning, stacklevel=2)
        a = np.real(a)
    return structure.astype(a, dtype=goal)


_DISCARDED = "Casting complex values to real discards the imaginary part"


def all_listed(axis: Any, rank: int) -> list[int]:
    """One axis or several, in the order given, counted from the front."""
    return [one_axis(k, rank) for k in (axis if isinstance(axis, (tuple, list)) else [axis])]
