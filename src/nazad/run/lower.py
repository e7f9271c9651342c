"""From a graph to drafts of nests: which values are kept in memory, and what is worked out on the way.

A node is *kept* when it has a buffer: arguments, results, folds, products, and what would otherwise be worked
out more often than it costs to keep. Everything else is an expression that is written into whoever uses it.
An operation on places (a slice, a transpose, a broadcast) is no work at all: it changes the index at which its
argument is read.

Each kept node has one or several *drafts*: how many points its space has, and a function that writes the
statements for axes of those sizes. :mod:`nazad.run.schedule` puts drafts of equal sizes together before it has
them written, so that what they have in common is worked out once.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad.graph import CONSTANT, PYTHON_NUMBERS, Graph, Node, Value, dtype_of, shape_of
from nazad.ops import control
from nazad.ops.families import Elementwise
from nazad.ops.structure import ARRAY, assemble
from nazad.run import lanes
from nazad.run.bounds import Bound, bounds
from nazad.run.keep import Kept, choose_kept, is_inline, is_ours, kind_of
from nazad.run.loops import (
    Affine,
    Apply,
    Axis,
    Buffer,
    Call,
    Cast,
    Constant,
    Expr,
    Fold,
    Index,
    Load,
    Statement,
    Store,
)
from nazad.run.places import (
    NOWHERE,
    TakePlan,
    affine_reshape,
    held,
    places,
    plain,
    reshaped,
    take_plan,
)
from nazad.run.sparsity import analyse, product_terms

_FEW_ENTRIES = 1 << 22
"""Entries up to which it is found out whether pieces of a scatter fall on one another."""


class Draft(NamedTuple):
    """Statements to be written, once it is known for which axes."""

    node: Node
    sizes: tuple[int, ...]
    write: Callable[[Writer, Sequence[Axis]], list[Statement]]
    buffer: Buffer
    kind: str = "part"
    """``whole`` if it writes its whole buffer once, entry by entry; ``fold``; ``product``, a sum of products,
    which is scheduled by itself; ``part`` or ``add`` if others write into the buffer too; ``carry`` if it
    overwrites what has been read before."""
    limits: tuple[tuple[int, int, Bound], ...] = ()
    """Of a product: the number of an axis, that of the axis that limits it, and how."""


class LoopDraft(NamedTuple):
    """A loop to be written: what its steps do, and which buffers it reads and writes outside of them."""

    node: Node
    axis: Axis
    reads: list[Buffer]
    results: list[Buffer]
    inner: Lowering
    drafts: list[Draft | Call | LoopDraft]


class Lowered(NamedTuple):
    """What a graph becomes, in the order of its nodes."""

    drafts: list[Draft | Call | LoopDraft]
    inputs: list[Buffer]
    outputs: list[Buffer]
    constants: list[Buffer]
    ok: Buffer | None


class Lowering:
    """The buffers of a graph's kept nodes, and the expressions of the others.

    Parameters
    ----------
    graph, F
        The graph, and values of its nodes, which tell shapes and dtypes.
    guarded : bool
        Whether the last sink is no result but says whether the trace's guards hold.
    """

    def __init__(
        self,
        graph: Graph,
        F: Mapping[Node, Value],
        guarded: bool = False,
        outer: Lowering | None = None,
    ) -> None:
        self.graph, self.F, self.guarded = graph, F, guarded
        self.kept: Kept = choose_kept(graph, F, results=outer is None)
        self.sparsity = analyse(graph, F) if outer is None else None
        self.buffers: dict[Node, Buffer] = {}
        self._even: dict[Node, tuple[int, tuple[int, ...]] | None] = {}
        self.whole: dict[Node, Buffer] = {}
        self.short: dict[Node, Buffer] = {}
        self.sliced: dict[Node, tuple[Buffer, Affine]] = {}
        self.constants: list[Buffer] = [] if outer is None else outer.constants
        self.deep: int = 0 if outer is None else outer.deep + 1
        self.loops: list[Node] = [] if outer is None else outer.loops
        self.stem = f".{len(self.loops)}" if outer is not None else ""
        self.parts: dict[Node, list[Node]] = {}
        for v in graph.nodes:
            if v.op is control.part:
                self.parts.setdefault(v.preds[0], []).append(v)

    def run(self) -> Lowered:
        """Drafts of everything that is kept, and copies into outputs that something else is already."""
        inputs = [self._buffer(v, f"x{k}", "input", k) for k, v in enumerate(self.graph.leaves)]
        outputs, copies = [], []
        results = self.graph.sinks[:-1] if self.guarded else self.graph.sinks
        for k, v in enumerate(results):
            if v in self.buffers or v.is_source or v.op is control.part:
                outputs.append(self._new(v, f"y{k}", "output", k))
                copies.append(self.copy(v, outputs[-1]))
            else:
                outputs.append(self._buffer(v, f"y{k}", "output", k))
        drafts = self.drafts()
        ok = self.graph.sinks[-1] if self.guarded else None
        if ok is not None and ok not in self.buffers:  # a constant, or an argument
            copies.append(self.copy(ok, self._new(ok, "ok", "local", -1)))
        held = None if ok is None else self.buffers[ok] if ok in self.buffers else copies[-1].buffer
        return Lowered([*drafts, *copies], inputs, outputs, self.constants, held)

    def drafts(self) -> list[Draft | Call | LoopDraft]:
        """Of everything that is kept, in order."""
        drafts: list[Draft | Call | LoopDraft] = []
        for v in self.graph.nodes:
            if v in self.kept.nodes and v.op is not control.part and not v.is_source:
                if v not in self.buffers and v.op is not control.loop:
                    self._buffer(v, f"{v.op.name}{len(self.buffers)}{self.stem}", "local", -1)
                drafts += self._drafts(v)
        return drafts

    def kept_buffer(self, p: Node) -> Buffer:
        """The buffer of a node that has one."""
        return self.constant(p, whole=True) if p.op is CONSTANT else self.buffers[p]

    def shape(self, v: Node) -> tuple[int, ...]:
        return shape_of(self.F[v])

    def dtype(self, v: Node) -> np.dtype[Any]:
        return dtype_of(self.F[v])

    def _new(self, v: Node, name: str, kind: str, number: int) -> Buffer:
        return Buffer(name, self.shape(v), self.dtype(v), kind, number)

    def _buffer(self, v: Node, name: str, kind: str, number: int) -> Buffer:
        self.buffers[v] = buffer = self._new(v, name, kind, number)
        return buffer

    def copy(self, v: Node, out: Buffer) -> Draft:
        """A draft that writes a whole buffer."""

        def write(writer: Writer, axes: Sequence[Axis]) -> list[Statement]:
            place = places(out.shape, axes)
            return [Store(out, place, writer.defined(v, place, out))]

        return Draft(v, sizes_of(out.shape), write, out, "whole")

    def even(self, v: Node) -> tuple[int, tuple[int, ...]] | None:
        """Of an array of places that count evenly: the first, and the step along each dimension."""
        if v not in self._even:
            known = v.op is CONSTANT and np.size(self.F[v]) > 0 and np.ndim(self.F[v]) > 0
            self._even[v] = counted(np.asarray(self.F[v])) if known else None
        return self._even[v]

    def constant(self, v: Node, whole: bool = False) -> Buffer:
        """The buffer of an array that was captured; short in dimensions along which it is all alike."""
        known = self.whole if whole else self.short
        if v not in known:
            value = np.asarray(self.F[v])
            value = np.array(value if whole else shortened(value), order="C")
            buffer = Buffer(
                f"c{len(self.constants)}", value.shape, value.dtype, "constant", len(self.constants)
            )
            known[v], buffer.value = buffer, value
            self.constants.append(buffer)
        return known[v]

    def _drafts(self, v: Node) -> Sequence[Draft | Call | LoopDraft]:
        if v.op.name in RULES and (is_ours(v.op) or v.op is control.loop):
            return RULES[v.op.name](self, v)
        if v.op.fold:
            return [_fold(self, v)]
        if is_inline(v, self.F):
            return [self.copy(v, self.buffers[v])]
        return [Call(v, [self.operand(p) for p in v.preds], [self.buffers[v]])]

    def operand(self, p: Node) -> Any:
        value = self.F[p]
        if p.op is CONSTANT and (type(value) in PYTHON_NUMBERS or value.ndim == 0):
            return value
        return self.kept_buffer(p)


class Writer:
    """Expressions at places, each once for a nest."""

    def __init__(self, lowering: Lowering) -> None:
        self.lowering, self.F = lowering, lowering.F
        self.known: dict[tuple[Node, Index], Expr] = {}

    def expr(self, v: Node, index: Index) -> Expr:
        """The value of a node at a place; without recursion, since graphs may be deep."""
        goal = (v, index)
        todo = [goal]
        while todo:
            key = todo[-1]
            if key in self.known:
                todo.pop()
                continue
            needs = [] if key[0] in self.lowering.buffers else self._needs(*key)
            missing = [need for need in needs if need not in self.known]
            if missing:
                todo += missing
            else:
                self.known[key] = self._read(*key) or self._made(*key)
                todo.pop()
        return self.known[goal]

    def defined(self, v: Node, index: Index, out: Buffer) -> Expr:
        """The value as it is written into a buffer; into its own, from its arguments."""
        if self.lowering.buffers.get(v) is not out:
            return self.expr(v, index)
        for need in self._needs(v, index):
            self.expr(*need)
        return self._made(v, index)

    def known_as(self, v: Node, index: Index, expr: Expr) -> None:
        """From here on the nest need not read this value from memory."""
        self.known[v, index] = expr

    def _needs(self, v: Node, index: Index) -> list[tuple[Node, Index]]:
        """What has to be known first; empty for what is read from memory."""
        if v.is_source:
            return []
        if isinstance(v.op, Elementwise) or v.op.name == "where":
            return [(p, self._broadcast(p, v, index)) for p in v.preds]
        if v.op.name == "astype":
            return [(v.preds[0], index)]
        if v.op.name == "take":
            return self._needs_of_take(v, index)
        return [(v.preds[0], self._moved(v, index))]

    def _read(self, v: Node, index: Index) -> Load | None:
        """From memory, if the value is there."""
        if v in self.lowering.sliced:
            buffer, step = self.lowering.sliced[v]
            return Load(buffer.dtype, buffer, (step, *index))
        kept = self.lowering.buffers.get(v)
        return None if kept is None else self.load(kept, index)

    def load(self, buffer: Buffer, index: Index) -> Load:
        """An entry of a buffer."""
        return Load(buffer.dtype, buffer, index)

    def _made(self, v: Node, index: Index) -> Expr:
        if v.op is CONSTANT:
            return self._constant(v, index)
        if v.op.name == "take" and len(v.preds) > 1:
            return self.expr(v.preds[0], self._taken(v, index))
        args = [self.known[need] for need in self._needs(v, index)]
        if isinstance(v.op, Elementwise) or v.op.name == "where":
            return self._applied(v, args)
        if v.op.name == "astype":
            return cast(args[0], self.lowering.dtype(v))
        return args[0]

    def _constant(self, v: Node, index: Index) -> Expr:
        value = np.asarray(self.F[v])
        uniform = _uniform(self.F[v])
        if uniform is not None:
            return Constant(value.dtype, uniform)
        buffer = self.lowering.constant(v)
        place = tuple(NOWHERE if n == 1 else i for i, n in zip(index, buffer.shape, strict=True))
        return Load(buffer.dtype, buffer, place)

    def _applied(self, v: Node, args: Sequence[Expr]) -> Expr:
        dtype = self.lowering.dtype(v)
        loop = lanes.loop_dtypes(v.op.name, [kind_of(self.F[p]) for p in v.preds], dtype)
        return Apply(dtype, v.op.name, tuple(map(cast, args, loop)), v.where)

    def _broadcast(self, p: Node, v: Node, index: Index) -> Index:
        shape, whole = self.lowering.shape(p), self.lowering.shape(v)
        last = index[len(index) - len(shape) :]
        return tuple(
            NOWHERE if n == 1 != m else i
            for i, n, m in zip(last, shape, whole[len(whole) - len(shape) :], strict=True)
        )

    def _moved(self, v: Node, index: Index) -> Index:
        """The place in the argument of an operation on places."""
        p = v.preds[0]
        name = v.op.name
        if name == "transpose":
            axes = v.params["axes"]
            return tuple(index[axes.index(k)] for k in range(len(axes)))
        if name == "broadcast_to":
            return self._broadcast(p, v, index)
        if name == "reshape":
            found = reshaped(index, self.lowering.shape(v), self.lowering.shape(p))
            assert found is not None
            return found
        raise AssertionError(name)

    def _needs_of_take(self, v: Node, index: Index) -> list[tuple[Node, Index]]:
        plan = self._plan(v)
        arrays = [
            (a, plan.array_index(k, index))
            for k, a in enumerate(v.preds[1:])
            if self.lowering.even(a) is None
        ]
        return arrays if len(v.preds) > 1 else [(v.preds[0], plan.source(index, ()))]

    def _taken(self, v: Node, index: Index) -> Index:
        plan = self._plan(v)
        spots = [
            self.spot(a, plan.array_index(k, index), n)
            for k, (a, n) in enumerate(zip(v.preds[1:], plan.indexed, strict=True))
        ]
        return plan.source(index, spots)

    def spot(self, array: Node, index: Index, size: int) -> Affine:
        """The place that an entry of an index array names, in a dimension of this size."""
        even = self.lowering.even(array)
        if even is None or not is_sure(array, self.F, size):
            return Affine.read(held(self.expr(array, index), size, is_sure(array, self.F, size)))
        first, steps = even
        return (
            functools.reduce(lambda a, b: a + b, [i * c for i, c in zip(index, steps, strict=True)], Affine())
            + first
        )

    def _plan(self, v: Node) -> TakePlan:
        return take_plan(plain(v.params["template"]), tuple(self.lowering.shape(p) for p in v.preds))


def is_sure(array: Node, F: Mapping[Node, Value], size: int) -> bool:
    """Whether an array of places is known, and none of them is outside a dimension of this size."""
    value = F[array]
    return array.op is CONSTANT and (not np.size(value) or bool(np.min(value) >= 0 and np.max(value) < size))


def cast(expr: Expr, dtype: np.dtype[Any]) -> Expr:
    """The expression in a dtype."""
    if expr.dtype == dtype:
        return expr
    if isinstance(expr, Constant):
        with np.errstate(all="ignore"):
            return Constant(dtype, np.asarray(expr.value).astype(dtype)[()])
    return Cast(dtype, expr)


def sizes_of(shape: Sequence[int]) -> tuple[int, ...]:
    """The sizes of the axes that :func:`places` takes for a shape."""
    return tuple(n for n in shape if n != 1)


def counted(places: np.ndarray[Any, Any]) -> tuple[int, tuple[int, ...]] | None:
    """The first of some places and the steps between them, if those are even.

    Examples
    --------
    >>> counted(np.array([[3, 5], [4, 6]]))
    (3, (1, 2))
    """
    corner = (0,) * places.ndim
    first, steps = int(places[corner]), []
    for k, n in enumerate(places.shape):
        second = (*corner[:k], 1, *corner[k + 1 :])
        steps.append(int(places[second]) - first if n > 1 else 0)
    ranges = [np.arange(n) * c for n, c in zip(places.shape, steps, strict=True)]
    even = first + functools.reduce(np.add, np.ix_(*ranges))
    return (first, tuple(steps)) if np.array_equal(even, places) else None


def shortened(value: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array with each dimension along which it is all alike at length one."""
    for k, n in enumerate(value.shape):
        first = value[(slice(None),) * k + (slice(0, 1),)]
        if n > 1 and (value.strides[k] == 0 or _same_bits(value, first)):
            value = first
    return value


def _same_bits(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    """Whether two arrays agree to the last bit, one of them broadcast."""
    if a.dtype.kind != "f":
        return bool((a == b).all())
    whole = np.dtype(f"i{a.dtype.itemsize}")
    return bool((np.ascontiguousarray(a).view(whole) == np.ascontiguousarray(b).view(whole)).all())


def _uniform(value: Value) -> Any:
    """The one number that an array consists of; None if there are several."""
    array = np.asarray(value)
    if array.size == 0:
        return array.dtype.type(0)
    first = array.reshape(-1)[0]
    if array.size == 1:
        return first
    if 0 in array.strides or array.size <= 65536:
        raw = np.ascontiguousarray(array).view(np.uint8).reshape(array.size, -1)
        return first if (raw == raw[0]).all() else None
    return None


# --- kept nodes
def _fold(lowering: Lowering, v: Node) -> Draft:
    """A fold over some axes of one array."""
    x, out = v.preds[0], lowering.buffers[v]
    shape, axis = lowering.shape(x), v.params["axis"]
    dtype = out.dtype

    def write(writer: Writer, axes: Sequence[Axis]) -> list[Statement]:
        place = places(shape, axes)
        free = tuple(i for k, i in enumerate(place) if k not in axis)
        if v.params["keepdims"]:
            free = tuple(NOWHERE if k in axis else i for k, i in enumerate(place))
        over = tuple(a for k in axis for a, _ in place[k].terms)
        expr = cast(writer.expr(x, place), dtype)
        if not over:
            return [Store(out, free, expr)]
        return [Fold(out, free, expr, v.op.fold, over)]

    return Draft(v, sizes_of(shape), write, out, "fold")


def product(lowering: Lowering, v: Node, terms: Sequence[Sequence[int]], output: Sequence[int]) -> Draft:
    """A sum of products, dimensions as letters: numbers that several operands may share."""
    out = lowering.buffers[v]
    sizes: dict[int, int] = {}
    for p, term in zip(v.preds, terms, strict=True):
        for letter, n in zip(term, lowering.shape(p), strict=True):
            sizes[letter] = n if n != 1 else sizes.get(letter, 1)
    order = [c for c in output if sizes[c] != 1]
    order += [c for c in sizes if sizes[c] != 1 and c not in output]

    def write(writer: Writer, axes: Sequence[Axis]) -> list[Statement]:
        axis = dict(zip(order, axes, strict=True))

        def at(term: Sequence[int], shape: Sequence[int]) -> Index:
            return tuple(
                Affine.of(axis[c]) if c in axis and n != 1 else NOWHERE
                for c, n in zip(term, shape, strict=True)
            )

        factors = [
            cast(writer.expr(p, at(term, lowering.shape(p))), out.dtype)
            for p, term in zip(v.preds, terms, strict=True)
        ]
        expr = functools.reduce(lambda a, b: Apply(out.dtype, "multiply", (a, b), v.where), factors)
        over = tuple(axis[c] for c in order if c not in output)
        place = at(output, out.shape)
        return [Fold(out, place, expr, "add", over) if over else Store(out, place, expr)]

    limits: tuple[tuple[int, int, Bound], ...] = ()
    if lowering.sparsity is not None:
        found = bounds(lowering.sparsity, v, terms, output)
        known = [b for b in found if b is not None and b.axis in order and b.by in order]
        limits = tuple((order.index(b.axis), order.index(b.by), b) for b in known)
    return Draft(v, tuple(sizes[c] for c in order), write, out, "product", limits)


def _product(lowering: Lowering, v: Node) -> Sequence[Draft | Call | LoopDraft]:
    terms, output = product_terms(v, [len(lowering.shape(p)) for p in v.preds])
    return [product(lowering, v, terms, output)]


def _joined(lowering: Lowering, v: Node) -> Sequence[Draft | Call]:
    """Each part is written where it belongs."""
    out, axis, start = lowering.buffers[v], v.params["axis"], 0
    drafts = []
    for p in v.preds:
        shape = lowering.shape(p)
        if v.op.name == "stack":
            drafts.append(_part(lowering, v, out, p, (*shape[:axis], 1, *shape[axis:]), axis, start))
            start += 1
        else:
            drafts.append(_part(lowering, v, out, p, shape, axis, start))
            start += shape[axis]
    return drafts


def _part(
    lowering: Lowering, v: Node, out: Buffer, p: Node, shape: tuple[int, ...], axis: int, start: int
) -> Draft:
    own = lowering.shape(p)

    def write(writer: Writer, axes: Sequence[Axis]) -> list[Statement]:
        place = list(places(shape, axes))
        there = place[axis]
        expr = cast(writer.expr(p, places(own, axes)), out.dtype)
        return [Store(out, (*place[:axis], there + start, *place[axis + 1 :]), expr)]

    return Draft(v, sizes_of(shape), write, out)


def _scattered(lowering: Lowering, v: Node) -> Sequence[Draft | Call]:
    """Zero, and then each piece is added where it belongs; or set, where there is no other."""
    out = lowering.buffers[v]
    pieces = list(v.params["layout"].pieces(v.preds))
    hits = _hits(lowering, pieces, out.shape)
    if hits is not None and hits.max(initial=0) <= 1:
        drafts = [] if hits.all() else [_zero(v, out)]
        return drafts + [_piece(lowering, v, out, piece, "set" if drafts else "") for piece in pieces]
    whole = pieces[0][0] == (...,) and lowering.shape(pieces[0][1]) == out.shape
    drafts = [] if whole else [_zero(v, out)]
    return drafts + [
        _piece(lowering, v, out, piece, "" if whole and k == 0 else "add") for k, piece in enumerate(pieces)
    ]


def _hits(lowering: Lowering, pieces: Sequence[Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any] | None:
    """How many pieces fall on each entry; None where that is not known."""
    arrays = [a for _, _, arrays in pieces for a in arrays]
    if not arrays or any(a.op is not CONSTANT for a in arrays) or math.prod(shape) > _FEW_ENTRIES:
        return None
    hits = np.zeros(shape, np.int32)
    for template, _, arrays in pieces:
        np.add.at(hits, assemble(template, [lowering.F[a] for a in arrays]), 1)
    return hits


def _zero(v: Node, out: Buffer) -> Draft:
    def write(writer: Writer, axes: Sequence[Axis]) -> list[Statement]:
        return [Store(out, places(out.shape, axes), Constant(out.dtype, out.dtype.type(0)))]

    return Draft(v, sizes_of(out.shape), write, out)


def _piece(
    lowering: Lowering, v: Node, out: Buffer, piece: tuple[Any, Node, Sequence[Node]], add: str
) -> Draft:
    template, part, arrays = piece
    plan = take_plan(plain(template), (out.shape, *(lowering.shape(a) for a in arrays)))
    shape = _taken_shape(plan, template, out.shape)
    own = lowering.shape(part)

    def write(writer: Writer, axes: Sequence[Axis]) -> list[Statement]:
        place = places(shape, axes)
        spots = [
            writer.spot(a, plan.array_index(k, place), n)
            for k, (a, n) in enumerate(zip(arrays, plan.indexed, strict=True))
        ]
        last = place[len(place) - len(own) :]
        read = tuple(NOWHERE if n == 1 else i for n, i in zip(own, last, strict=True))
        return [Store(out, plan.source(place, spots), cast(writer.expr(part, read), out.dtype), add == "add")]

    return Draft(v, sizes_of(shape), write, out, "add" if add else "part")


def _taken_shape(plan: TakePlan, template: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of what a template picks, found by picking from an array without memory."""
    ghost = np.broadcast_to(np.zeros((), np.bool_), shape)
    fill = iter(np.zeros(s, np.intp) for s in plan.shapes)
    taken = ghost[tuple(next(fill) if part is ARRAY else part for part in template)]
    return tuple(taken.shape)


def _reshaped(lowering: Lowering, v: Node) -> Sequence[Draft | Call | LoopDraft]:
    """Dimensions that are joined: each entry is written where it belongs."""
    (p,), out = v.preds, lowering.buffers[v]
    old = lowering.shape(p)
    if is_inline(v, lowering.F):
        return [lowering.copy(v, out)]
    if not affine_reshape(old, out.shape):
        return [Call(v, [lowering.operand(p)], [out])]

    def write(writer: Writer, axes: Sequence[Axis]) -> list[Statement]:
        place = places(old, axes)
        there = reshaped(place, old, out.shape)
        assert there is not None
        return [Store(out, there, writer.expr(p, place))]

    return [Draft(v, sizes_of(old), write, out)]


RULES: dict[str, Callable[[Lowering, Node], Sequence[Draft | Call | LoopDraft]]] = {
    "matmul": _product,
    "einsum": _product,
    "stack": _joined,
    "concatenate": _joined,
    "scatter": _scattered,
    "reshape": _reshaped,
}
"""What writes the drafts of operations that have a buffer of their own; loops have a room of their own,
:mod:`nazad.run.body`, which enters them here."""
