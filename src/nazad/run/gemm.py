"""Nests that are products of large matrices, and so are left to BLAS.

A fused nest is as fast where what it goes through stays in the cache. Where sums are long and both matrices
are large, a library that packs them into panels is faster. Several axes together are one dimension of a
matrix if they lie in memory one within the other.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import NamedTuple

from nazad.run import blas
from nazad.run.loops import Axis, Buffer, Index, Load, Nest, Statement, args_of
from nazad.run.plan import is_product

_LONG = 160
"""Terms of a sum from which on both operands no longer stay close."""
_WIDE = 32
_MUCH = 2_000_000
"""Products of numbers from which on a call pays."""

Steps = dict[Axis, int]
"""Entries from one point to the next along each axis."""


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
    if nest.limits or nest.ragged or len(nest.statements) > 1 or nest.points < _MUCH or not is_product(s):
        return None
    left, right = args_of(s.expr)
    assert isinstance(left, Load)
    assert isinstance(right, Load)
    if s.buffer.dtype.kind != "f" or not left.dtype == right.dtype == s.buffer.dtype or not blas.available():
        return None
    place = _strides(s.buffer, s.index)
    a, b = _strides(left.buffer, left.index), _strides(right.buffer, right.index)
    if place is None or a is None or b is None or len(place) + len(s.over) < len(nest.axes):
        return None
    if min(place, key=lambda x: place[x], default=None) in a:  # the columns of the result are those of b
        left, right, a, b = right, left, b, a
    return _matched(s, left, right, place, a, b)


def _matched(s: Statement, left: Load, right: Load, place: Steps, a: Steps, b: Steps) -> Gemm | None:
    """The call, if the axes are rows, columns and terms of matrices that lie as BLAS wants them."""
    rows, columns, inner = place.keys() & a, place.keys() & b, a.keys() & b
    if len(rows) + len(columns) != len(place) or inner != set(s.over) or rows & columns:
        return None
    m, n, k = (math.prod(x.size for x in group) for group in (rows, columns, inner))
    if min(m, n) < _WIDE or k < _LONG:
        return None
    out_row, out_column = _merged(rows, place), _merged(columns, place)
    lda, ldb = _leading(_merged(rows, a), _merged(inner, a)), _leading(_merged(inner, b), _merged(columns, b))
    if out_row is None or out_column != 1 or lda is None or ldb is None:
        return None
    return Gemm(m, n, k, left, *lda, right, *ldb, s.buffer, _offset(s.buffer, s.index), out_row)


def _leading(row: int | None, column: int | None) -> tuple[int, bool] | None:
    """From one row to the next, or, if the matrix lies transposed, from one column to the next."""
    if row is None or column is None or 1 not in (row, column):
        return None
    return (row, False) if column == 1 else (column, True)


def _strides(buffer: Buffer, index: Index) -> Steps | None:
    """The steps through a buffer, where every place is an axis or a number."""
    steps: Steps = {}
    for place, stride in zip(index, buffer.strides, strict=True):
        if place.loose or len(place.terms) > 1:
            return None
        for axis, c in place.terms:
            if axis in steps or c != 1:
                return None
            steps[axis] = stride
    return steps


def _merged(group: Iterable[Axis], steps: Steps) -> int | None:
    """The step of several axes that lie one within the other as if they were one; None if they do not."""
    ordered = sorted(group, key=lambda x: steps[x])
    for inner, outer in itertools.pairwise(ordered):
        if steps[outer] != steps[inner] * inner.size:
            return None
    return steps[ordered[0]]


def _offset(buffer: Buffer, index: Index) -> int:
    return sum(i.offset * stride for i, stride in zip(index, buffer.strides, strict=True))


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
