"""From a graph to drafts of nests: which values are kept in memory, and what is worked out on the way.

A node is *kept* when it has a buffer: arguments, results, folds, products, and what would otherwise be worked
out more often than it costs to keep (:mod:`nazad.run.keep`). Everything else is an expression that is written
into whoever uses it (:mod:`nazad.run.expressions`).

Each kept node has one or several *drafts* (:mod:`nazad.run.drafts`), by the rule of its operation
(:mod:`nazad.run.rules`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nazad.graph import Graph, Node, Value, dtype_of, shape_of
from nazad.ops import control
from nazad.ops.several import part
from nazad.run.body import lower_loop
from nazad.run.buffers import Buffers
from nazad.run.drafts import AnyDraft, Draft, copy, stored
from nazad.run.keep import is_inline, is_ours
from nazad.run.loops import Buffer, Call
from nazad.run.rules import RULES, fold


class Lowered(NamedTuple):
    """What a graph becomes, in the order of its nodes."""

    drafts: list[AnyDraft]
    inputs: list[Buffer]
    outputs: list[Buffer]
    constants: list[Buffer]
    ok: Buffer | None


class Lowering:
    """A graph on its way to drafts.

    Parameters
    ----------
    graph, F
        The graph, and values of its nodes, which tell shapes and dtypes.
    guarded : bool
        Whether the last sink is no result but says whether the trace's guards hold.
    is_open : frozenset of int
        The numbers of leaves that may have any number of entries.

    Attributes
    ----------
    buffers : Buffers
        Those of the graph's kept nodes.
    """

    def __init__(
        self,
        graph: Graph,
        F: Mapping[Node, Value],
        guarded: bool = False,
        is_open: frozenset[int] = frozenset(),
    ) -> None:
        self.buffers, self.is_open = Buffers(graph, F), is_open
        self.results = graph.sinks[:-1] if guarded else graph.sinks
        self.ok = graph.sinks[-1] if guarded else None

    def run(self) -> Lowered:
        """Drafts of everything that is kept, and copies into outputs that something else is already."""
        buffers = self.buffers
        inputs = [buffers.add(v, f"x{k}", "input", k) for k, v in enumerate(buffers.graph.leaves)]
        for k in self.is_open:
            inputs[k].is_open = True
        outputs, copies = self._outputs()
        drafts = drafts_of(buffers)
        if self.ok is not None and self.ok not in buffers.of:  # a constant, or an argument
            copies.append(copy(self.ok, buffers.new(self.ok, "ok")))
            ok: Buffer | None = copies[-1].buffer
        else:
            ok = None if self.ok is None else buffers.of[self.ok]
        return Lowered([*drafts, *copies], inputs, outputs, buffers.constants, ok)

    def _outputs(self) -> tuple[list[Buffer], list[Draft]]:
        """A buffer for each result; what has another one, or is made elsewhere, is copied."""
        outputs, copies = [], []
        for k, v in enumerate(self.results):
            if v in self.buffers.of or v.is_source or v.op is part:
                outputs.append(self.buffers.new(v, f"y{k}", "output", k))
                copies.append(copy(v, outputs[-1]))
            else:
                outputs.append(self.buffers.add(v, f"y{k}", "output", k))
        return outputs, copies


def drafts_of(buffers: Buffers) -> list[AnyDraft]:
    """Of everything that is kept, in order."""
    drafts: list[AnyDraft] = []
    for v in buffers.graph.nodes:
        if v not in buffers.kept or v.op is part or v.is_source:
            continue
        made = _drafts(buffers, v)
        drafts += [*_put_aside(buffers), *made]
    return drafts


def _drafts(buffers: Buffers, v: Node) -> Sequence[AnyDraft]:
    if v.op is control.loop:
        return lower_loop(buffers, v, drafts_of)
    if type(buffers.F[v]) is tuple:
        return [_several(buffers, v)]
    if v not in buffers.of:
        buffers.add(v, f"{v.op.name}{len(buffers.of)}{buffers.stem}")
    return _single(buffers, v)


def _put_aside(buffers: Buffers) -> list[Draft]:
    """Rows that have to stand by themselves, for what comes next."""
    rows = [(v, buffers.of[v]) for v in buffers.aside]
    buffers.aside.clear()
    return [_row(v, out) for v, out in rows]


def _row(v: Node, out: Buffer) -> Draft:
    return stored(v, out.shape, out, lambda e, place: e.at(v, place), kind="whole")


def _several(buffers: Buffers, v: Node) -> Call:
    """A call with several results, each of which has a buffer; the nodes that take them out share it."""
    stem = f"{v.op.name}{len(buffers.of)}{buffers.stem}"
    results = [Buffer(f"{stem}.{k}", shape_of(y), dtype_of(y)) for k, y in enumerate(buffers.F[v])]
    for taken in buffers.parts.get(v, ()):
        buffers.of[taken] = results[taken.params["index"]]
    return _call(buffers, v, results)


def _single(buffers: Buffers, v: Node) -> Sequence[AnyDraft]:
    if v.op.name in RULES and is_ours(v.op):
        return RULES[v.op.name](buffers, v)
    if v.op.fold:
        return [fold(buffers, v)]
    if is_inline(v, buffers.F):
        return [copy(v, buffers.of[v])]
    return [_call(buffers, v, [buffers.of[v]])]


def _call(buffers: Buffers, v: Node, results: list[Buffer]) -> Call:
    return Call(v, [buffers.operand(p) for p in v.preds], results)
