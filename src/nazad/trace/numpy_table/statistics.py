"""Averages with weights, and covariances."""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.graph import Value, rank_of, shape_of
from nazad.ops import parts
from nazad.ops.parts import conjugated
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import Axis, all_axes, array, astype, certain, flag


@rule(np.average)
def _average(
    a: Value, axis: Axis = None, weights: Any = None, returned: bool = False, keepdims: Any = False
) -> Any:
    x, keep = array(a), flag(keepdims)
    if weights is None:
        y = np.mean(x, axis=axis, keepdims=keep)
        total = np.asarray(float(np.size(x)) / max(np.size(y), 1), y.dtype)
    else:
        w = _as_heavy_as(x, array(weights), axis)
        total = np.sum(w, axis=axis, dtype=np.result_type(x, w), keepdims=keep)
        if certain(np.any(np.equal(total, 0))):
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        y = np.sum(x * w, axis=axis, keepdims=keep) / total
    return (y, np.broadcast_to(total, shape_of(y))) if returned else y


def _as_heavy_as(x: Value, weights: Value, axis: Axis) -> Value:
    """Weights in the shape of what they weigh."""
    if shape_of(weights) == shape_of(x):
        return weights
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    axes = [axis] if isinstance(axis, int) else list(axis)
    places = [k % rank_of(x) for k in axes]
    if shape_of(weights) != tuple(shape_of(x)[k] for k in places):
        raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
    lined = np.transpose(weights, tuple(int(k) for k in np.argsort(places)))
    shape = tuple(n if k in all_axes(axis, rank_of(x)) else 1 for k, n in enumerate(shape_of(x)))
    return np.broadcast_to(np.reshape(lined, shape), shape_of(x))


# --- covariances
@rule(np.cov)
def _cov(
    m: Value,
    y: Value = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    dtype: Any = None,
) -> Any:
    x = _variables(m, rowvar, dtype)
    if y is not None:
        x = np.concatenate([x, _variables(y, rowvar, dtype)], axis=0)
    freedom = (0 if bias else 1) if ddof is None else ddof
    weights = _weights(fweights, aweights)
    total = shape_of(x)[1] if weights is None else np.sum(weights)
    middle = np.average(x, axis=1, weights=weights, keepdims=True)
    off = x - middle
    products = np.matmul(off if weights is None else off * weights, conjugated(off).T)
    return np.squeeze(products / _rest(total, freedom, weights, aweights))


def _variables(m: Value, rowvar: bool, dtype: Any) -> Value:
    """A variable in each row."""
    x = np.atleast_2d(array(m))
    x = x if rowvar or rank_of(m) < 2 else x.T
    return astype(x, dtype or np.result_type(x, np.float64))


def _weights(frequencies: Any, importance: Any) -> Value:
    if frequencies is None or importance is None:
        found = importance if frequencies is None else frequencies
        return None if found is None else array(found) * 1.0
    return array(frequencies) * array(importance)


def _rest(total: Value, freedom: Any, weights: Any, importance: Any) -> Value:
    """What the sum of squares is divided by: unbiased for weights that are no counts, too."""
    if weights is None or importance is None or freedom == 0:
        rest = total - freedom
    else:
        rest = total - freedom * np.sum(weights * array(importance)) / total
    return np.maximum(rest, 0.0)


@rule(np.corrcoef)
def _corrcoef(x: Value, y: Value = None, rowvar: bool = True, dtype: Any = None) -> Any:
    c = np.cov(x, y, rowvar, dtype=dtype)
    if not rank_of(c):
        return c / c
    deviation = np.sqrt(np.diagonal(c).real)
    c = c / deviation[:, None] / deviation[None, :]
    if c.dtype.kind == "c":
        return parts.complex(np.clip(c.real, -1, 1), np.clip(c.imag, -1, 1))
    return np.clip(c, -1, 1)
