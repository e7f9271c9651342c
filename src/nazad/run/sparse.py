"""Products with sparse matrices: a loop over rows, and in it one over the stored entries of the row.

The second axis is ragged: where its run begins, for each row, stands in ``indptr``. The product is a fold
over the run; its transpose adds into places that ``indices`` names; at the stored places alone, a product of
two dense matrices is one number for each entry.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nazad.graph import Graph, Node
from nazad.ops.sparse import sparse_matmul
from nazad.run import lanes
from nazad.run.buffers import Buffers
from nazad.run.drafts import AnyDraft, Draft, zero
from nazad.run.expressions import Expressions, cast, is_inside
from nazad.run.loops import (
    Affine,
    Apply,
    Axis,
    Buffer,
    Call,
    Constant,
    Expr,
    Fold,
    Index,
    Statement,
    Store,
)
from nazad.run.places import NOWHERE, places, sizes_of


def open_leaves(graph: Graph, matrices: Sequence[int]) -> frozenset[int]:
    """The numbers of leaves whose length does not matter: of matrices of which there are only products.

    Parameters
    ----------
    matrices : sequence of int
        The numbers of leaves that are entries of a matrix; its ``indices`` and ``indptr`` follow.
    """
    uses = graph.succs()

    def is_free(k: int, spot: int) -> bool:
        leaf = graph.leaves[k]
        spots = [j for v in uses[leaf] if v.op is sparse_matmul for j, p in enumerate(v.preds) if p is leaf]
        return leaf not in graph.sinks and set(spots) <= {spot} and len(spots) == len(uses[leaf])

    return frozenset(j for k in matrices if is_free(k, 0) and is_free(k + 1, 1) for j in (k, k + 1))


def product(buffers: Buffers, v: Node) -> Sequence[AnyDraft]:
    """A sparse matrix times a dense one; the transposed matrix adds up what falls into one place."""
    data, indices, indptr, x = v.preds
    out, turned = buffers.of[v], v.params["transposed"]
    columns = out.shape[1:]

    def write(e: Expressions, axes: Sequence[Axis]) -> list[Statement]:
        row, entry, column, rest = _place(buffers, e, indices, axes, v.params["shape"], columns)
        into, source = (column, row) if turned else (row, column)
        factors = e.at(data, (entry,)), e.at(x, (source, *rest))
        return [_added(out, (into, *rest), _times(v, out, *factors), axes[1], turned)]

    if not _is_native(buffers, v):
        return [Call(v, [buffers.operand(p) for p in v.preds], [out])]
    sizes = (v.params["shape"][0], buffers.shape(data)[0], *sizes_of(columns))
    kind, starts = ("add" if turned else "fold"), buffers.kept_buffer(indptr)
    is_open = indices in buffers.of and buffers.of[indices].is_open
    draft = Draft(v, sizes, write, out, kind, starts=starts, is_open=is_open)
    return [zero(v, out), draft] if turned else [draft]


def _added(out: Buffer, place: Index, expr: Expr, over: Axis, turned: bool) -> Statement:
    return Store(out, place, expr, add=True) if turned else Fold(out, place, expr, "add", (over,))


def sampled(buffers: Buffers, v: Node) -> Sequence[AnyDraft]:
    """The entries of a product of dense matrices at the stored places of a sparse one."""
    rows, columns, indices, indptr = v.preds
    out, wide = buffers.of[v], buffers.shape(rows)[1:]
    shape = buffers.shape(rows)[0], buffers.shape(columns)[0]

    def write(e: Expressions, axes: Sequence[Axis]) -> list[Statement]:
        row, entry, column, rest = _place(buffers, e, indices, axes, shape, wide)
        expr = _times(v, out, e.at(rows, (row, *rest)), e.at(columns, (column, *rest)))
        over = tuple(axes[2:])
        return [Fold(out, (entry,), expr, "add", over) if over else Store(out, (entry,), expr)]

    if not _is_native(buffers, v) or 0 in wide:
        return [Call(v, [buffers.operand(p) for p in v.preds], [out])]
    sizes = (shape[0], out.shape[0], *sizes_of(wide))
    kind = "fold" if sizes[2:] else "part"
    return [Draft(v, sizes, write, out, kind, starts=buffers.kept_buffer(indptr))]


def _is_native(buffers: Buffers, v: Node) -> bool:
    """Whether machine code has these numbers, and the result is one of floats."""
    kinds = [buffers.dtype(p) for p in (v, *v.preds)]
    return kinds[0].kind == "f" and all(map(lanes.known, kinds))


def _place(
    buffers: Buffers,
    e: Expressions,
    indices: Node,
    axes: Sequence[Axis],
    shape: tuple[int, int],
    wide: tuple[int, ...],
) -> tuple[Affine, Affine, Affine, Index]:
    """The row, the number of the entry, its column, and the place along the columns of what is dense."""
    row, entry = Affine.of(axes[0]), Affine.of(axes[1])
    found = e.at(indices, (entry,))
    column = Affine.read(found if is_inside(indices, buffers.F, shape[1]) else _held(found, shape[1]))
    row, column = (NOWHERE if n == 1 else i for i, n in zip((row, column), shape, strict=True))
    return row, entry, column, places(wide, axes[2:])


def _held(column: Expr, size: int) -> Expr:
    """A column that was read; the last one for what is none, so that nothing is read from elsewhere.

    As a number without a sign, one below zero is too large as well.
    """
    whole = np.dtype(np.uint64)
    return Apply(whole, "minimum", (cast(column, whole), Constant(whole, np.uint64(size - 1))))


def _times(v: Node, out: Buffer, *factors: Expr) -> Expr:
    a, b = (cast(factor, out.dtype) for factor in factors)
    return Apply(out.dtype, "multiply", (a, b), v.where)
