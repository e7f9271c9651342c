"""Writing into an array, as an operation: a new array that differs from the old one at some places.

``write`` is the twin of ``take``: what one reads, the other replaces. The graph stays immutable; which handle
stands for the new array is the business of the trace.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nazad.graph import Value, dtype_of, rank_of, shape_of
from nazad.graph.primitive import Params
from nazad.ops.families import Linear, row_by_row
from nazad.ops.structure import Template, assemble, is_adjacent, take


def duplicate(x: Value) -> Value:
    """A copy whose entries lie in memory as those of the array do, gaps and all: views depend on it."""
    x = np.asarray(x)
    if x.flags.forc or 0 in x.strides:  # entries of a broadcast array are one and the same
        return x.copy("K")
    low, high = np.lib.array_utils.byte_bounds(x)
    start = x.__array_interface__["data"][0] - low
    out = np.ndarray(x.shape, x.dtype, np.empty(high - low, np.uint8), start, x.strides)
    out[...] = x
    return out


def _write(x: Value, part: Value, *arrays: Value, template: Template) -> Value:
    out = duplicate(x)
    out[assemble(template, arrays)] = part
    return out


def _share(i: int, y_bar: Value, xs: Sequence[Value], template: Template) -> Value:
    arrays = xs[2:]
    if i == 0:
        return write(y_bar, dtype_of(y_bar).type(0), *arrays, template=template)
    if i == 1:
        share = take(y_bar, *arrays, template=template)
        return np.where(_last(y_bar, arrays, template), share, 0) if arrays else share
    return None


def _last(x: Value, arrays: Sequence[Value], template: Template) -> Value:
    """Of entries that were written to the same place, which one is there in the end."""
    shape = shape_of(take(np.broadcast_to(np.False_, shape_of(x)), *arrays, template=template))
    numbers = np.reshape(np.arange(np.prod(shape, dtype=int)), shape)
    owner = write(np.zeros(shape_of(x), numbers.dtype), numbers, *arrays, template=template)
    return np.equal(take(owner, *arrays, template=template), numbers)


class _Write(Linear):
    """Linear in the array and in what is written, together."""

    def is_linear_in(self, i: int) -> bool:
        return i < 2


def _batch(op: Linear, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
    (x, part, *arrays), template = xs, params["template"]
    if any(batched[2:]) or (arrays and not is_adjacent(template)):
        return row_by_row(op, xs, batched, params)
    size = next(shape_of(x)[0] for x, b in zip(xs, batched, strict=True) if b)
    rows = x if batched[0] else np.broadcast_to(x, (size, *shape_of(x)))
    shifted = (slice(None), *template)
    if batched[1]:
        ghost = take(np.broadcast_to(np.False_, shape_of(rows)), *arrays, template=shifted)
        row = shape_of(part)[1:]
        part = np.reshape(part, (size, *(1,) * (rank_of(ghost) - 1 - len(row)), *row))
    return op(rows, part, *arrays, template=shifted)


write = _Write("write", _write, variadic=_share, batch=_batch, together=True)
copy = Linear(
    "copy",
    lambda x: np.array(x, order="C"),
    lambda y_bar, x: y_bar,
    batch=lambda op, xs, batched, params: op(xs[0]),
    simpler=lambda x: np.reshape(x, shape_of(x)),
)
"""An array with the same entries in row-major order, for where NumPy copies and the order matters."""
