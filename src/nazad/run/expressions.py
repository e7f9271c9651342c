"""Expressions: the value of a node at a place, in terms of what is in memory.

A node without a buffer is written into whoever uses it. An operation on places (a slice, a transpose, a
broadcast) is no work at all: it changes the index at which its argument is read.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np

from nazad.graph import CONSTANT, Node, Value
from nazad.run import lanes
from nazad.run.buffers import Buffers
from nazad.run.captured import uniform
from nazad.run.keep import is_entrywise, kind_of
from nazad.run.loops import Affine, Apply, Buffer, Cast, Constant, Expr, Index, Load
from nazad.run.places import NOWHERE, TakePlan, broadcast, held, plain, reshaped, take_plan

Need = tuple[Node, Index]
"""A node, at a place."""


class Expressions:
    """The expressions of one nest, each once."""

    def __init__(self, buffers: Buffers) -> None:
        self.buffers, self.F = buffers, buffers.F
        self._known: dict[Need, Expr] = {}

    def at(self, v: Node, index: Index) -> Expr:
        """The value of a node at a place; without recursion, since graphs may be deep."""
        goal = (v, index)
        todo = [goal]
        while todo:
            key = todo[-1]
            if key in self._known:
                todo.pop()
                continue
            needs = [] if key[0] in self.buffers.of else self._needs(*key)
            missing = [need for need in needs if need not in self._known]
            if missing:
                todo += missing
            else:
                self._known[key] = self._read(*key) or self._made(*key)
                todo.pop()
        return self._known[goal]

    def defined(self, v: Node, index: Index, out: Buffer) -> Expr:
        """The value as it is written into a buffer; into its own, from its arguments."""
        if self.buffers.of.get(v) is not out:
            return self.at(v, index)
        for need in self._needs(v, index):
            self.at(*need)
        return self._made(v, index)

    def known_as(self, v: Node, index: Index, expr: Expr) -> None:
        """From here on the nest need not read this value from memory."""
        self._known[v, index] = expr

    def spots(self, plan: TakePlan, arrays: Sequence[Node], index: Index) -> list[Affine]:
        """The places that index arrays name, for an entry of what is taken by them."""
        pairs = zip(arrays, plan.indexed, strict=True)
        return [self._spot(a, plan.array_index(k, index), n) for k, (a, n) in enumerate(pairs)]

    def _spot(self, array: Node, index: Index, size: int) -> Affine:
        """The place that an entry of an index array names, in a dimension of this size."""
        is_sure = is_inside(array, self.F, size)
        even = self.buffers.even(array)
        if even is None or not is_sure:
            return Affine.read(held(self.at(array, index), size, is_sure))
        first, steps = even
        moves = [i * c for i, c in zip(index, steps, strict=True)]
        return functools.reduce(lambda a, b: a + b, moves, Affine()) + first

    # --- what has to be known first
    def _needs(self, v: Node, index: Index) -> list[Need]:
        """Arguments, and where they are needed; none for what is read from memory."""
        if v.is_source:
            return []
        if is_entrywise(v):
            return [(p, self._broadcast(p, v, index)) for p in v.preds]
        if v.op.name == "take" and len(v.preds) > 1:
            plan = self._plan(v)
            places = [(a, plan.array_index(k, index)) for k, a in enumerate(v.preds[1:])]
            return [(a, place) for a, place in places if self.buffers.even(a) is None]
        return [(v.preds[0], self._moved(v, index))]

    def _moved(self, v: Node, index: Index) -> Index:
        """The place in the argument of an operation on places."""
        p, name = v.preds[0], v.op.name
        if name == "transpose":
            axes = v.params["axes"]
            return tuple(index[axes.index(k)] for k in range(len(axes)))
        if name == "broadcast_to":
            return self._broadcast(p, v, index)
        if name == "take":
            return self._plan(v).source(index, ())
        if name == "reshape":
            found = reshaped(index, self.buffers.shape(v), self.buffers.shape(p))
            assert found is not None
            return found
        assert name == "astype"
        return index

    def _broadcast(self, p: Node, v: Node, index: Index) -> Index:
        return broadcast(index, self.buffers.shape(p), self.buffers.shape(v))

    def _plan(self, v: Node) -> TakePlan:
        return take_plan(plain(v.params["template"]), tuple(self.buffers.shape(p) for p in v.preds))

    # --- the expressions themselves
    def _read(self, v: Node, index: Index) -> Load | None:
        """From memory, if the value is there."""
        if v in self.buffers.sliced:
            buffer, step = self.buffers.sliced[v]
            return Load(buffer.dtype, buffer, (step, *index))
        kept = self.buffers.of.get(v)
        return None if kept is None else Load(kept.dtype, kept, index)

    def _made(self, v: Node, index: Index) -> Expr:
        """From its arguments, which are known."""
        if v.op is CONSTANT:
            return self._constant(v, index)
        if v.op.name == "take" and len(v.preds) > 1:
            plan = self._plan(v)
            return self.at(v.preds[0], plan.source(index, self.spots(plan, v.preds[1:], index)))
        args = [self._known[need] for need in self._needs(v, index)]
        if is_entrywise(v):
            return self._applied(v, args)
        return cast(args[0], self.buffers.dtype(v)) if v.op.name == "astype" else args[0]

    def _constant(self, v: Node, index: Index) -> Expr:
        number = uniform(self.F[v])
        if number is not None:
            return Constant(self.buffers.dtype(v), number)
        buffer = self.buffers.constant(v)
        place = tuple(NOWHERE if n == 1 else i for i, n in zip(index, buffer.shape, strict=True))
        return Load(buffer.dtype, buffer, place)

    def _applied(self, v: Node, args: Sequence[Expr]) -> Expr:
        dtype = self.buffers.dtype(v)
        loop = lanes.loop_dtypes(v.op.name, [kind_of(self.F[p]) for p in v.preds], dtype)
        return Apply(dtype, v.op.name, tuple(map(cast, args, loop)), v.where)


def cast(expr: Expr, dtype: np.dtype[np.generic]) -> Expr:
    """The expression in a dtype."""
    if expr.dtype == dtype:
        return expr
    if isinstance(expr, Constant):
        with np.errstate(all="ignore"):
            return Constant(dtype, np.asarray(expr.value).astype(dtype)[()])
    return Cast(dtype, expr)


def is_inside(array: Node, F: Mapping[Node, Value], size: int) -> bool:
    """Whether an array of places is known, and none of them is outside a dimension of this size."""
    value = F[array]
    return array.op is CONSTANT and (not np.size(value) or bool(np.min(value) >= 0 and np.max(value) < size))
