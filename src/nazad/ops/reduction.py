"""Reductions: they fold some axes of one array. ``deriv(y, x, axis)`` is shaped like x."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nazad.graph import Value, is_complex, rank_of, shape_of
from nazad.ops.elementwise import over
from nazad.ops.families import Linear, Reduction, along_next_axes, keep_axes
from nazad.ops.parts import conjugated
from nazad.ops.structure import broadcast_to

Axes = tuple[int, ...]


def _count(x: Value, axis: Axes) -> int:
    return math.prod([shape_of(x)[a] for a in axis])


def _spread(y_bar: Value, x: Value, axis: Axes, keepdims: bool, **params: Any) -> Value:
    """Hand the same share to everything that was folded."""
    kept = y_bar if keepdims or not y_bar.ndim else keep_axes(y_bar, x, axis)
    return broadcast_to(kept, shape=shape_of(x))


_add: Any = np.add.reduce


def _mean(x: Value, axis: Axes, keepdims: bool) -> Value:
    if (
        type(x) is np.ndarray and x.dtype.kind == "f" and x.itemsize >= 4 and x.size
    ):  # what np.mean does, in a third of its time
        return np.true_divide(_add(x, axis=axis, keepdims=keepdims), x.dtype.type(_count(x, axis)))
    return np.mean(x, axis=axis, keepdims=keepdims)


sum = Linear(
    "sum",
    lambda x, axis, keepdims: np.add.reduce(x, axis=axis, keepdims=keepdims),
    _spread,
    batch=along_next_axes,
    fold="add",
)
mean = Linear(
    "mean",
    _mean,
    lambda y_bar, x, axis, keepdims: _spread(y_bar / _count(x, axis), x, axis, keepdims),
    batch=along_next_axes,
    simpler=lambda x, axis, keepdims: np.sum(_real(x), axis=axis, keepdims=keepdims) / _count(x, axis),
)


def _real(x: Value) -> Value:
    """Whole numbers as the real ones that NumPy takes the mean of."""
    return x if x.dtype.kind in "fc" else x.astype(float)


def _squares(x: Value, axis: Axes, keepdims: bool, ddof: float) -> Value:
    """The mean square of the distances from the mean."""
    total = np.sum(squared(_centred(_real(x), axis)), axis=axis, keepdims=keepdims)
    return np.divide(total, _at_least_none(_count(x, axis) - ddof))


def squared(x: Value) -> Value:
    """|x|²"""
    return np.square(x.real) + np.square(x.imag) if is_complex(x) else np.square(x)


def _root_of_squares(x: Value, axis: Axes, keepdims: bool) -> Value:
    return np.sqrt(_add(squared(x), axis=axis, keepdims=keepdims))


def _at_least_none(n: float) -> float:
    """No fewer than none: NumPy divides by zero then."""
    return n if n > 0 else 0


def _log_of_sum(x: Value, axis: Axes, keepdims: bool) -> Value:
    """With the largest taken out, unless it is infinite."""
    top = np.max(x, axis=axis, keepdims=True)
    shift = np.where(np.isfinite(top), top, x.dtype.type(0))
    y = np.log(np.sum(np.exp(x - shift), axis=axis, keepdims=True)) + shift
    return y if keepdims else np.squeeze(y, axis)


def _ties(y: Value, x: Value, axis: Axes) -> Value:
    """The extreme entries share evenly."""
    hit = np.equal(x, y).astype(y.dtype if y.dtype.kind == "f" else float)
    return hit / np.sum(hit, axis=axis, keepdims=True)


def _softmax(y: Value, x: Value, axis: Axes) -> Value:
    """exp(x - y); of an infinite sum, what is as large as the sum shares evenly."""
    finite = np.isfinite(y)
    return np.where(finite, np.exp(x - np.where(finite, y, 0)), _ties(y, x, axis))


def products_of_others(x: Value, axis: Axes) -> Value:
    """The product of all other entries, right also where entries are zero: products from both sides."""
    rest = tuple(a for a in range(rank_of(x)) if a not in axis)
    lined = np.transpose(x, (*rest, *axis))
    flat = np.reshape(lined, (*(shape_of(x)[a] for a in rest), _count(x, axis)))
    before = _exclusive_products(flat)
    after = _exclusive_products(flat[..., ::-1])[..., ::-1]
    back = np.argsort((*rest, *axis))
    return np.transpose(np.reshape(before * after, shape_of(lined)), tuple(int(a) for a in back))


def _exclusive_products(x: Value) -> Value:
    """Along the last axis, the product of everything before; by doubling (Hillis and Steele, 1986)."""
    one = np.ones((*shape_of(x)[:-1], 1), x.dtype)
    return accumulated(np.multiply, np.concatenate([one, x[..., :-1]], axis=-1)) if shape_of(x)[-1] else x


def accumulated(ufunc: Any, x: Value) -> Value:
    """Fold what stands before each entry of the last axis, in log2(n) operations on whole arrays.

    For an operation whose order is free; products are differentiable at zeros.
    """
    step = 1
    while step < shape_of(x)[-1]:
        x = np.concatenate([x[..., :step], ufunc(x[..., :-step], x[..., step:])], axis=-1)
        step *= 2
    return x


def _centred(x: Value, axis: Axes) -> Value:
    return x - np.mean(x, axis=axis, keepdims=True)


max = Reduction(
    "max", lambda x, axis, keepdims: np.maximum.reduce(x, axis=axis, keepdims=keepdims), _ties, fold="maximum"
)
min = Reduction(
    "min", lambda x, axis, keepdims: np.minimum.reduce(x, axis=axis, keepdims=keepdims), _ties, fold="minimum"
)
prod = Reduction(
    "prod",
    lambda x, axis, keepdims: np.multiply.reduce(x, axis=axis, keepdims=keepdims),
    lambda y, x, axis: products_of_others(x, axis),
    fold="multiply",
)
var = Reduction(
    "var",
    lambda x, axis, keepdims, ddof: np.var(x, axis=axis, keepdims=keepdims, ddof=ddof),
    lambda y, x, axis, ddof: conjugated(_centred(x, axis)) * np.divide(2.0, _count(x, axis) - ddof),
    simpler=_squares,
)
std = Reduction(
    "std",
    lambda x, axis, keepdims, ddof: np.std(x, axis=axis, keepdims=keepdims, ddof=ddof),
    lambda y, x, axis, ddof: over(
        conjugated(_centred(_centred(x, axis), axis)), y * (_count(x, axis) - ddof)
    ),
    simpler=lambda x, axis, keepdims, ddof: np.sqrt(_squares(x, axis, keepdims, ddof)),
)
norm = Reduction(
    "norm",
    _root_of_squares,
    lambda y, x, axis: over(conjugated(x), y),
    simpler=_root_of_squares,
)
logsumexp = Reduction(
    "logsumexp",
    lambda x, axis, keepdims: np.logaddexp.reduce(x, axis=axis, keepdims=keepdims),
    lambda y, x, axis: _softmax(y, x, axis),
    simpler=_log_of_sum,
)
all = Reduction(
    "all", lambda x, axis, keepdims: np.all(x, axis=axis, keepdims=keepdims), None, fold="logical_and"
)
any = Reduction(
    "any", lambda x, axis, keepdims: np.any(x, axis=axis, keepdims=keepdims), None, fold="logical_or"
)
count_nonzero = Reduction(
    "count_nonzero",
    lambda x, axis, keepdims: np.count_nonzero(x, axis=axis, keepdims=keepdims),
    None,
    simpler=lambda x, axis, keepdims: np.sum(np.not_equal(x, 0), axis=axis, keepdims=keepdims),
)


def _along(ufunc_like: Any) -> Any:
    """argmax and argmin take one axis; several are folded into one first, as NumPy does for None."""

    def calc(x: Value, axis: Axes, keepdims: bool) -> Value:
        one = axis[0] if len(axis) == 1 else None
        return ufunc_like(x, axis=one, keepdims=keepdims)

    return calc


argmax = Reduction("argmax", _along(np.argmax), None)
argmin = Reduction("argmin", _along(np.argmin), None)
