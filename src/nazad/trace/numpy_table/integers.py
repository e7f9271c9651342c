"""Whole numbers: places counted through and back, bits in bytes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nazad.graph import Value, rank_of, shape_of
from nazad.trace.numpy_table.choices import inside
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import array, certain, one_axis


@rule(np.unravel_index, derivative=False)
def _unravel_index(indices: Value, shape: Any, order: str = "C") -> Any:
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    places = array(indices)
    if certain(np.any((places < 0) | (places >= math.prod(sizes)))):
        raise ValueError(f"index is out of bounds for array with size {math.prod(sizes)}")
    found = []
    for size in sizes if order == "F" else sizes[::-1]:
        found.append(places % size)
        places = places // size
    return tuple(found if order == "F" else found[::-1])


@rule(np.ravel_multi_index, derivative=False)
def _ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Any:
    modes = (mode,) * len(dims) if isinstance(mode, str) else mode
    rows = [inside(array(k), n, m) for k, n, m in zip(multi_index, dims, modes, strict=True)]
    if any(certain(np.any((k < 0) | (k >= n))) for k, n in zip(rows, dims, strict=True)):
        raise ValueError("invalid entry in coordinates array")
    total: Any = 0
    pairs = list(zip(rows, dims, strict=True))
    for row, size in pairs[::-1] if order == "F" else pairs:
        total = total * size + row
    return total


_BITS = np.arange(8, dtype=np.uint8)


def _weights(bitorder: str) -> Any:
    return _BITS if bitorder == "little" else _BITS[::-1]


@rule(np.packbits, derivative=False)
def _packbits(a: Value, axis: int | None = None, bitorder: str = "big") -> Any:
    x, place = (np.ravel(a), 0) if axis is None else (a, one_axis(axis, rank_of(a)))
    lined = np.not_equal(np.moveaxis(x, place, -1), 0)
    short = -shape_of(lined)[-1] % 8
    full = np.pad(lined, [(0, 0)] * (rank_of(lined) - 1) + [(0, short)])
    bits = np.reshape(full, (*shape_of(full)[:-1], shape_of(full)[-1] // 8, 8)).astype(np.uint8)
    packed: Value = np.sum(bits << _weights(bitorder), axis=-1, dtype=np.uint8)
    return np.moveaxis(packed, -1, place)


@rule(np.unpackbits, derivative=False)
def _unpackbits(a: Value, axis: int | None = None, count: int | None = None, bitorder: str = "big") -> Any:
    x, place = (np.ravel(a), 0) if axis is None else (a, one_axis(axis, rank_of(a)))
    lined: Value = np.moveaxis(x, place, -1)
    bits = (lined[..., None] >> _weights(bitorder)) & np.uint8(1)
    flat = np.reshape(bits, (*shape_of(lined)[:-1], -1))
    size = shape_of(flat)[-1]
    if count is not None and count > size:
        flat = np.pad(flat, [(0, 0)] * (rank_of(flat) - 1) + [(0, count - size)])
    return np.moveaxis(flat[..., : count if count is not None else size], -1, place)
