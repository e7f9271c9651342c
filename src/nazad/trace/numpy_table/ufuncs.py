"""Ufuncs with keywords, and their methods, each derived from the ufunc itself.

A method folds an axis. Some folds are primitives (``np.add.reduce`` is a sum); every other one is made of
the ufunc: in pairs where NumPy says that the order is free, and one entry after the other where it is not.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nazad.errors import TraceError
from nazad.graph import PYTHON_NUMBERS, Traced, Value, dtype_of, here, rank_of, shape_of
from nazad.ops import reduction, structure
from nazad.trace.numpy_table.dispatch import FUNCTIONS, UFUNCS, full_name, no_rule, parameters, unsupported
from nazad.trace.numpy_table.normal import Axis, all_axes, array, astype, one_axis, scalar_axis
from nazad.trace.numpy_table.out import written_into
from nazad.trace.numpy_table.writing import at

FOLDS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
    np.fmax: np.nanmax,
    np.fmin: np.nanmin,
    np.logical_and: np.all,
    np.logical_or: np.any,
}
"""Functions of NumPy that fold by a ufunc; they take the keywords of ``reduce``."""

_MISSING = np._NoValue
_LAYOUT = frozenset({"order", "subok"})


def call_ufunc(ufunc: np.ufunc, method: str, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Apply a ufunc, or one of its methods, to traced values."""
    if ufunc not in UFUNCS:
        raise no_rule(full_name(ufunc))
    if method == "at":
        return at(ufunc, *inputs)
    if kwargs.get("out") is not None:
        return _into(ufunc, method, inputs, kwargs)
    derived = _METHODS[method]
    known = parameters(derived) or parameters(_call)  # an outer product is a call
    for name in kwargs.keys() - known - _LAYOUT:
        raise unsupported(full_name(ufunc), name)
    return derived(ufunc, *inputs, **{name: kwargs[name] for name in kwargs.keys() & known})


def _into(ufunc: np.ufunc, method: str, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """A ufunc with ``out=``; with ``where=`` too it is worked out everywhere, and written there alone."""
    where = kwargs.get("where", True) if method in ("__call__", "outer") else True
    dropped = {"out"} if where is True else {"out", "where"}
    rest = {name: value for name, value in kwargs.items() if name not in dropped}
    with contextlib.nullcontext() if where is True else np.errstate(all="ignore"):
        result = call_ufunc(ufunc, method, inputs, rest)
    return written_into(kwargs["out"], result, where)


# --- the call
def _call(
    ufunc: np.ufunc,
    *inputs: Value,
    where: Any = True,
    dtype: Any = None,
    signature: Any = None,
    casting: Any = "same_kind",
    axes: Any = None,
    axis: Any = None,
    keepdims: bool = False,
) -> Any:
    if where is not True:
        raise TraceError(
            f"np.{ufunc.__name__}(where=) without out= leaves entries undefined",
            "Choose with np.where, or say with out= what stands in the other places.",
            here(),
        )
    xs = inputs if dtype is None and signature is None else _cast(ufunc, inputs, dtype, signature, casting)
    return UFUNCS[ufunc](*xs) if ufunc.signature is None else _on_axes(ufunc, xs, axes, axis, keepdims)


def _cast(ufunc: np.ufunc, inputs: Sequence[Value], dtype: Any, signature: Any, casting: Any) -> list[Value]:
    """The arguments as those of the loop that NumPy chooses."""
    if isinstance(signature, str):
        signature = tuple(signature.replace("->", ""))
    wanted = signature or (*(None,) * ufunc.nin, *(np.dtype(dtype),) * ufunc.nout)
    kinds = [type(x) if type(x) in (int, float) else dtype_of(x) for x in map(_weak, inputs)]
    loop = ufunc.resolve_dtypes((*kinds, *(None,) * ufunc.nout), signature=_types(wanted), casting=casting)
    return [astype(x, kind) for x, kind in zip(inputs, loop, strict=False)]


def _weak(x: Value) -> Value:
    return x if isinstance(x, Traced) or type(x) in PYTHON_NUMBERS else np.asarray(x)


def _types(signature: Sequence[Any]) -> Any:
    return tuple(None if d is None else np.dtype(d) for d in signature)


def _on_axes(ufunc: np.ufunc, xs: Sequence[Value], axes: Any, axis: Any, keepdims: bool) -> Value:
    """A ufunc of vectors or matrices that stand along other axes than the last ones."""
    if axes is None and axis is None:
        y = UFUNCS[ufunc](*xs)
        return y[..., None] if keepdims else y
    axes = [axis] * len(xs) if axes is None else axes
    listed = [(k,) if isinstance(k, int) else tuple(k) for k in axes]
    moved = [np.moveaxis(x, k, tuple(range(-len(k), 0))) for x, k in zip(xs, listed, strict=False)]
    y = UFUNCS[ufunc](*moved)
    if keepdims:
        return np.moveaxis(y[..., None], -1, listed[0][0])
    goal = listed[len(xs)] if len(listed) > len(xs) else ()
    return np.moveaxis(y, tuple(range(-len(goal), 0)), goal)


# --- the methods
def _outer(ufunc: np.ufunc, a: Value, b: Value, **keywords: Any) -> Any:
    return _call(ufunc, np.reshape(array(a), (*shape_of(array(a)), *(1,) * rank_of(b))), b, **keywords)


def _reduce(
    ufunc: np.ufunc,
    a: Value,
    axis: Axis = 0,
    dtype: Any = None,
    keepdims: bool = False,
    initial: Any = _MISSING,
    where: Any = True,
) -> Any:
    axis = scalar_axis(axis, a)
    if ufunc in FOLDS and not (where is not True and initial is _MISSING and ufunc.identity is None):
        given = {"dtype": dtype, "initial": initial, "where": where}
        said = {name: x for name, x in given.items() if x is not _MISSING and x is not None and x is not True}
        return FUNCTIONS[FOLDS[ufunc]](array(a), axis=axis, keepdims=keepdims, **said)
    x = _summand(ufunc, array(a), dtype)
    axes = all_axes(axis, rank_of(x))
    if len(axes) > 1 and not is_reorderable(ufunc):
        raise ValueError(f"np.{ufunc.__name__}.reduce takes one axis")
    y = _folded(ufunc, _masked(ufunc, x, where, initial), axes, initial)
    return np.expand_dims(y, axes) if keepdims else y


def _masked(ufunc: np.ufunc, x: Value, where: Any, initial: Any) -> Value:
    """With entries that change nothing where those stand that do not count."""
    if where is True:
        return x
    neutral = initial if ufunc.identity is None else ufunc.identity
    if neutral is _MISSING or neutral is None or not is_reorderable(ufunc):
        raise unsupported(f"np.{ufunc.__name__}.reduce", "where")
    return np.where(where, x, astype(array(neutral), x.dtype))


def _folded(ufunc: np.ufunc, x: Value, axes: tuple[int, ...], initial: Any) -> Value:
    if ufunc is np.logaddexp and np.size(x):
        y = reduction.logsumexp(x, axis=axes, keepdims=False)
        return y if initial is _MISSING or initial is None else ufunc(initial, y)
    rest = [n for k, n in enumerate(shape_of(x)) if k not in axes]
    count = math.prod(shape_of(x)[k] for k in axes)
    rows = np.reshape(np.moveaxis(x, axes, tuple(range(len(axes)))), (count, *rest))
    if initial is not _MISSING and initial is not None:
        first = np.broadcast_to(astype(array(initial), x.dtype), (1, *rest))
        rows = np.concatenate([first, rows])
    if not len(rows):
        return ufunc.reduce(np.zeros(rows.shape, rows.dtype))  # its identity, or NumPy's error
    if len(rows) == 1 and ufunc.identity is not None:
        return ufunc(rows.dtype.type(ufunc.identity), rows[0])
    return _in_pairs(ufunc, rows) if is_reorderable(ufunc) else _in_turn(ufunc, rows)[-1]


def _in_pairs(ufunc: np.ufunc, rows: Value) -> Value:
    """The first half with the second, and so on: log2(n) operations on whole arrays."""
    while (n := len(rows)) > 1:
        pairs = ufunc(rows[: n // 2], rows[n // 2 : n // 2 * 2])
        rows = np.concatenate([pairs, rows[-1:]]) if n % 2 else pairs
    return rows[0]


def _in_turn(ufunc: np.ufunc, rows: Value) -> list[Value]:
    return list(itertools.accumulate(rows, ufunc))


def accumulate(ufunc: np.ufunc, a: Value, axis: int = 0, dtype: Any = None) -> Any:
    """``ufunc.accumulate``."""
    if ufunc is np.add:
        return np.cumsum(a, axis=axis, dtype=dtype)
    x = _summand(ufunc, array(a), dtype)
    place = one_axis(axis, rank_of(x))
    if is_reorderable(ufunc):
        return np.moveaxis(reduction.accumulated(ufunc, np.moveaxis(x, place, -1)), -1, place)
    rows = _in_turn(ufunc, np.moveaxis(x, place, 0))
    return np.stack(rows, axis=place) if rows else x


def _reduceat(ufunc: np.ufunc, a: Value, indices: Any, axis: int = 0, dtype: Any = None) -> Any:
    x = _summand(ufunc, array(a), dtype)
    place = one_axis(axis, rank_of(x))
    starts, size = [int(k) for k in np.asarray(indices)], shape_of(x)[place]
    if not all(0 <= k < size for k in starts):
        raise IndexError(f"index out-of-bounds in {ufunc.__name__}.reduceat [0, {size})")
    ends = [max(end, k + 1) for k, end in zip(starts, [*starts[1:], size], strict=True)]
    rows = [
        ufunc.reduce(x[structure.at_axis(place, slice(k, end))], axis=place)
        if end > k + 1
        else x[structure.at_axis(place, k)]
        for k, end in zip(starts, ends, strict=True)
    ]
    return np.stack(rows, axis=place)


def _summand(ufunc: np.ufunc, x: Value, dtype: Any) -> Value:
    """In the precision in which NumPy folds."""
    chosen = None if dtype is None else np.dtype(dtype)
    kinds = ufunc.resolve_dtypes((None, x.dtype, None), signature=(chosen, None, None), reduction=True)
    return x if kinds[1] == x.dtype else astype(x, kinds[1])


@functools.cache
def is_reorderable(ufunc: np.ufunc) -> bool:
    """Whether NumPy may fold in the order it likes, which it says by folding two axes at once."""
    for kind in (float, int, bool):
        try:
            ufunc.reduce(np.zeros((1, 1), kind), axis=(0, 1))
        except (TypeError, ValueError):
            continue
        return True
    return False


_METHODS: dict[str, Callable[..., Any]] = {
    "__call__": _call,
    "outer": _outer,
    "reduce": _reduce,
    "accumulate": accumulate,
    "reduceat": _reduceat,
}
