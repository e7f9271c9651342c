"""How operations that have a buffer of their own are lowered: a rule for each, which returns its drafts.

Folds need no rule, they state what they fold by; neither does what can be written entry by entry, nor what
NumPy is called for. Loops have a room of their own, :mod:`nazad.run.body`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nazad.graph import CONSTANT, Node
from nazad.ops.structure import ARRAY, assemble
from nazad.run import sparse
from nazad.run.bounds import Bound, bounds
from nazad.run.buffers import Buffers
from nazad.run.drafts import AnyDraft, Draft, copy, stored, zero
from nazad.run.expressions import Expressions, cast
from nazad.run.keep import is_inline, meets
from nazad.run.loops import Affine, Apply, Axis, Buffer, Call, Expr, Fold, Index, Statement, Store
from nazad.run.places import (
    NOWHERE,
    TakePlan,
    affine_reshape,
    broadcast,
    places,
    plain,
    reshaped,
    sizes_of,
    take_plan,
)
from nazad.run.sparsity import product_terms

_FEW_ENTRIES = 1 << 22
"""Entries up to which it is found out whether pieces of a scatter fall on one another."""

Piece = tuple[Any, Node, Sequence[Node]]
"""Where a piece of a scatter belongs, as a template, the piece, and the index arrays of the template."""


def fold(buffers: Buffers, v: Node) -> Draft:
    """A fold over some axes of one array."""
    x, out = v.preds[0], buffers.of[v]
    shape, axis = buffers.shape(x), v.params["axis"]

    def write(expressions: Expressions, axes: Sequence[Axis]) -> list[Statement]:
        place = places(shape, axes)
        if v.params["keepdims"]:
            free = tuple(NOWHERE if k in axis else i for k, i in enumerate(place))
        else:
            free = tuple(i for k, i in enumerate(place) if k not in axis)
        over = tuple(a for k in axis for a, _ in place[k].terms)
        return [_folded(out, free, cast(expressions.at(x, place), out.dtype), v.op.fold, over)]

    return Draft(v, sizes_of(shape), write, out, "fold")


def _folded(out: Buffer, place: Index, expr: Expr, op: str, over: tuple[Axis, ...]) -> Statement:
    return Fold(out, place, expr, op, over) if over else Store(out, place, expr)


# --- products
def _product(buffers: Buffers, v: Node) -> Sequence[AnyDraft]:
    """A sum of products, dimensions as letters: numbers that several operands may share."""
    terms, output = product_terms(v, [len(buffers.shape(p)) for p in v.preds])
    out, sizes = buffers.of[v], _letter_sizes(buffers, v, terms)
    order = [c for c in output if sizes[c] != 1]
    order += [c for c in sizes if sizes[c] != 1 and c not in output]

    def write(expressions: Expressions, axes: Sequence[Axis]) -> list[Statement]:
        axis = dict(zip(order, axes, strict=True))
        operands = [(p, _lettered(t, buffers.shape(p), axis)) for p, t in zip(v.preds, terms, strict=True)]
        factors = [cast(expressions.at(p, place), out.dtype) for p, place in operands]
        expr = functools.reduce(lambda a, b: Apply(out.dtype, "multiply", (a, b), v.where), factors)
        over = tuple(axis[c] for c in order if c not in output)
        return [_folded(out, _lettered(output, out.shape, axis), expr, "add", over)]

    limits = _limits(buffers, v, terms, output, order)
    return [Draft(v, tuple(sizes[c] for c in order), write, out, "product", limits)]


def _letter_sizes(buffers: Buffers, v: Node, terms: Sequence[Sequence[int]]) -> dict[int, int]:
    sizes: dict[int, int] = {}
    for p, term in zip(v.preds, terms, strict=True):
        for letter, n in zip(term, buffers.shape(p), strict=True):
            sizes[letter] = n if n != 1 else sizes.get(letter, 1)
    return sizes


def _lettered(term: Sequence[int], shape: Sequence[int], axis: Mapping[int, Axis]) -> Index:
    pairs = zip(term, shape, strict=True)
    return tuple(Affine.of(axis[c]) if c in axis and n != 1 else NOWHERE for c, n in pairs)


def _limits(
    buffers: Buffers,
    v: Node,
    terms: Sequence[Sequence[int]],
    output: Sequence[int],
    order: Sequence[int],
) -> tuple[tuple[int, int, Bound], ...]:
    """Where zeros are known to stand in the operands, or nobody uses a result."""
    if buffers.sparsity is None:
        return ()
    found = [b for b in bounds(buffers.sparsity, v, terms, output) if b is not None]
    known = [b for b in found if b.axis in order and b.by in order]
    return tuple((order.index(b.axis), order.index(b.by), b) for b in known)


# --- arrays that are put together
def _joined(buffers: Buffers, v: Node) -> Sequence[AnyDraft]:
    """Each part is written where it belongs."""
    axis, start = v.params["axis"], 0
    drafts = []
    for p in v.preds:
        shape = buffers.shape(p)
        is_new = v.op.name == "stack"  # the axis is no dimension of the parts
        drafts.append(_part(buffers.of[v], v, p, shape, axis, start, is_new))
        start += 1 if is_new else shape[axis]
    return drafts


def _part(
    out: Buffer, v: Node, p: Node, shape: tuple[int, ...], axis: int, start: int, is_new: bool
) -> Draft:
    def into(place: Index) -> Index:
        if is_new:
            return (*place[:axis], NOWHERE + start, *place[axis:])
        return (*place[:axis], place[axis] + start, *place[axis + 1 :])

    return stored(v, shape, out, lambda e, place: e.at(p, place), into)


def _scattered(buffers: Buffers, v: Node) -> Sequence[AnyDraft]:
    """Zero, and then each piece is added where it belongs; or set, where there is no other."""
    out, pieces = buffers.of[v], list(v.params["layout"].pieces(v.preds))
    hits = _hits(buffers, pieces, out.shape)
    if hits is not None and hits.max(initial=0) <= 1:
        before = [] if hits.all() else [zero(v, out)]
        kind = "add" if before else "part"
        return [*before, *(_piece(buffers, v, piece, kind, add=False) for piece in pieces)]
    if pieces[0][0] == (...,) and buffers.shape(pieces[0][1]) == out.shape:
        first, *pieces = pieces
        begin = _piece(buffers, v, first, "part", add=False)
    else:
        begin = zero(v, out)
    return [begin, *(_piece(buffers, v, piece, "add", add=True) for piece in pieces)]


def _written(buffers: Buffers, v: Node) -> Sequence[AnyDraft]:
    """The array as it was, and then what is written over it; by NumPy where an order has to be kept."""
    x, part, *arrays = v.preds
    if meets(v, buffers.F):
        return [Call(v, [buffers.operand(p) for p in v.preds], [buffers.of[v]])]
    before = stored(v, buffers.shape(x), buffers.of[v], lambda e, place: e.at(x, place))
    return [before, _piece(buffers, v, (v.params["template"], part, arrays), "add", add=False)]


def _hits(buffers: Buffers, pieces: Sequence[Piece], shape: tuple[int, ...]) -> np.ndarray[Any, Any] | None:
    """How many pieces fall on each entry; None where that is not known."""
    picks = [a for _, _, arrays in pieces for a in arrays]
    if not picks or any(a.op is not CONSTANT for a in picks) or math.prod(shape) > _FEW_ENTRIES:
        return None
    hits = np.zeros(shape, np.int32)
    for template, _, arrays in pieces:
        np.add.at(hits, assemble(template, [buffers.F[a] for a in arrays]), 1)
    return hits


def _piece(buffers: Buffers, v: Node, piece: Piece, kind: str, add: bool) -> Draft:
    (template, part, arrays), out = piece, buffers.of[v]
    plan = take_plan(plain(template), (out.shape, *(buffers.shape(a) for a in arrays)))
    shape, own = _taken_shape(plan, template, out.shape), buffers.shape(part)

    def write(expressions: Expressions, axes: Sequence[Axis]) -> list[Statement]:
        place = places(shape, axes)
        there = plan.source(place, expressions.spots(plan, arrays, place))
        expr = cast(expressions.at(part, broadcast(place, own, shape)), out.dtype)
        return [Store(out, there, expr, add)]

    return Draft(v, sizes_of(shape), write, out, kind)


def _taken_shape(plan: TakePlan, template: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of what a template picks, found by picking from an array without memory."""
    ghost = np.broadcast_to(np.zeros((), np.bool_), shape)
    fill = iter(np.zeros(s, np.intp) for s in plan.shapes)
    taken = ghost[tuple(next(fill) if part is ARRAY else part for part in template)]
    return tuple(taken.shape)


def _reshaped(buffers: Buffers, v: Node) -> Sequence[AnyDraft]:
    """Dimensions that are joined: each entry is written where it belongs."""
    (p,), out = v.preds, buffers.of[v]
    old = buffers.shape(p)
    if is_inline(v, buffers.F):
        return [copy(v, out)]
    if not affine_reshape(old, out.shape):
        return [Call(v, [buffers.operand(p)], [out])]

    def into(place: Index) -> Index:
        there = reshaped(place, old, out.shape)
        assert there is not None
        return there

    return [stored(v, old, out, lambda e, place: e.at(p, place), into)]


RULES: dict[str, Callable[[Buffers, Node], Sequence[AnyDraft]]] = {
    "matmul": _product,
    "einsum": _product,
    "stack": _joined,
    "concatenate": _joined,
    "scatter": _scattered,
    "write": _written,
    "reshape": _reshaped,
    "sparse_matmul": sparse.product,
    "sampled_product": sparse.sampled,
}
