"""Nests that are products of large matrices, and so are left to BLAS.

A fused nest is as fast where what it goes through stays in the cache. Where sums are long and both matrices
are large, a library that packs them into panels is faster. Several axes together are one dimension of a matrix
if they lie in memory one within the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from nazad.run import blas
from nazad.run.loops import Apply, Axis, Buffer, Fold, Index, Load, Nest

_LONG = 160
"""Terms of a sum from which on both operands no longer stay close."""
_WIDE = 32
_MUCH = 2_000_000
"""Products of numbers from which on a call pays."""


class Gemm(NamedTuple):
    """out = a @ b, sizes and leading dimensions in entries, either transposed as it lies."""

    m: int
    n: int
    k: int
    a: Load
    lda: int
    trans_a: bool
    b: Load
    ldb: int
    trans_b: bool
    out: Buffer
    offset: int
    ldc: int


def as_gemm(nest: Nest) -> Gemm | None:
    """The product of matrices that a nest is; None if it is none, or not worth a call."""
    s = nest.statements[0]
    if (
        nest.limits
        or len(nest.statements) > 1
        or not isinstance(s, Fold)
        or s.op != "add"
        or nest.points < _MUCH
    ):
        return None
    e = s.expr
    if not (isinstance(e, Apply) and e.op == "multiply" and e.dtype.kind == "f" and blas.available()):
        return None
    left, right = e.args
    if not (
        isinstance(left, Load) and isinstance(right, Load) and left.dtype == right.dtype == s.buffer.dtype
    ):
        return None
    place = _strides(s.buffer, s.index)
    a, b = _strides(left.buffer, left.index), _strides(right.buffer, right.index)
    if place is None or a is None or b is None or len(place) + len(s.over) < len(nest.axes):
        return None
    if min(place, key=lambda x: place[x], default=None) in a:  # the columns of the result are those of b
        left, right, a, b = right, left, b, a
    return _matched(nest, s, left, right, place, a, b)


def _matched(
    nest: Nest,
    s: Fold,
    left: Load,
    right: Load,
    place: dict[Axis, int],
    a: dict[Axis, int],
    b: dict[Axis, int],
) -> Gemm | None:
    rows, columns, inner = (
        [x for x in group] for group in (place.keys() & a, place.keys() & b, a.keys() & b)
    )
    if len(rows) + len(columns) != len(place) or set(inner) != set(s.over) or set(rows) & set(columns):
        return None
    m, n, k = (math.prod(x.size for x in group) for group in (rows, columns, inner))
    if min(m, n) < _WIDE or k < _LONG:
        return None
    steps = [
        _merged(group, f)
        for group, f in ((rows, place), (columns, place), (rows, a), (inner, a), (inner, b), (columns, b))
    ]
    known = [step for step in steps if step is not None]
    if len(known) < len(steps):
        return None
    out_row, out_column, a_row, a_inner, b_inner, b_column = known
    if out_column != 1 or 1 not in (a_row, a_inner) or 1 not in (b_inner, b_column):
        return None
    trans_a, trans_b = a_inner != 1, b_column != 1
    lda, ldb = (a_inner if trans_a else a_row), (b_column if trans_b else b_inner)
    return Gemm(
        m, n, k, left, lda, trans_a, right, ldb, trans_b, s.buffer, _offset(s.buffer, s.index), out_row
    )


def _strides(buffer: Buffer, index: Index) -> dict[Axis, int] | None:
    """Entries from one point to the next along each axis, where every place is an axis or a number."""
    steps: dict[Axis, int] = {}
    for place, stride in zip(index, buffer.strides, strict=True):
        if place.loose or len(place.terms) > 1:
            return None
        for axis, c in place.terms:
            if axis in steps or c != 1:
                return None
            steps[axis] = stride
    return steps


def _merged(group: Sequence[Axis], steps: dict[Axis, int]) -> int | None:
    """The step of several axes that lie one within the other as if they were one; None if they do not."""
    ordered = sorted(group, key=lambda x: steps[x])
    for inner, outer in zip(ordered, ordered[1:], strict=False):
        if steps[outer] != steps[inner] * inner.size:
            return None
    return steps[ordered[0]]


def _offset(buffer: Buffer, index: Index) -> int:
    pairs = zip(index, buffer.strides, strict=True)
    return sum(i.offset * s for i, s in pairs)


def gemm_lines(g: Gemm, pointers: dict[Buffer, str], stem: str) -> tuple[list[str], list[str], str]:
    """Stack slots, lines and the declaration of the call."""
    element = {"f8": "double", "f4": "float"}[g.out.dtype.str[1:]]
    lines, names = [], []
    for name, buffer, offset in (
        ("a", g.a.buffer, _offset(g.a.buffer, g.a.index)),
        ("b", g.b.buffer, _offset(g.b.buffer, g.b.index)),
        ("c", g.out, g.offset),
    ):
        names.append(f"%{stem}.{name}")
        lines.append(f"  {names[-1]} = getelementptr {element}, ptr {pointers[buffer]}, i64 {offset}")
    a, b, c = names
    call = blas.gemm(
        g.out.dtype, g.m, g.n, g.k, a, g.lda, g.trans_a, b, g.ldb, g.trans_b, c, g.ldc, stem=stem
    )
    return call.slots, [*lines, *call.lines], call.declare
