"""Loops that were found in a graph: their bodies, lowered like a graph, that run once for each step.

What a step hands on has one buffer, which the next step overwrites. What is stacked has a buffer for all
steps, and the counter of the loop is one more axis in the places at which the body reads and writes those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from nazad.graph import PYTHON_NUMBERS, Graph, Node, Value
from nazad.run.buffers import Buffers
from nazad.run.drafts import AnyDraft, Draft, LoopDraft, stored
from nazad.run.loops import Affine, Axis, Buffer, Call, Load
from nazad.run.prepare import prepare
from nazad.run.stand_ins import with_values


def lower_loop(
    buffers: Buffers, v: Node, drafts_of: Callable[[Buffers], list[AnyDraft]]
) -> Sequence[AnyDraft]:
    """What comes before the first step, and the loop itself; ``drafts_of`` lowers the body."""
    body, values = prepare(v.params["body"], _values_inside(v.params["body"], v, buffers.F))
    axis = Axis("t" + "'" * buffers.depth, v.params["count"])
    inner, carries = buffers.inside(v, body, values), v.params["carries"]
    handed = [inner.new(leaf, f"carry{k}{inner.stem}") for k, leaf in enumerate(body.leaves[:carries])]
    stacked = [_all_steps(inner, s, f"all{k}", axis) for k, s in enumerate(body.sinks[carries:])]
    for part in buffers.parts.get(v, ()):
        buffers.of[part] = [*handed, *stacked][part.params["index"]]
    _give(buffers, inner, v, handed, axis)
    drafts = [*drafts_of(inner), *_stacked(inner, stacked, axis), *_handed_on(inner, handed)]
    if any(isinstance(d, Call) for d in drafts):
        return [Call(v, [buffers.operand(p) for p in v.preds], [*handed, *stacked])]
    kind = "whole" if axis.size else "part"  # of no steps nothing is left but the beginning
    begin = [_moved(p, p, b, kind) for p, b in zip(v.preds, handed, strict=False)]
    if not axis.size:
        return begin
    reads = [buffers.kept_buffer(p) for p in v.preds[carries:]] + handed
    return [*begin, LoopDraft(v, axis, reads, [*handed, *stacked], inner, drafts)]


def _values_inside(body: Graph, v: Node, F: Mapping[Node, Value]) -> dict[Node, Value]:
    values = with_values(body, {})
    for leaf, p in zip(body.leaves, v.preds, strict=True):
        if type(F[p]) in PYTHON_NUMBERS:  # weak in promotion, inside as outside
            values[leaf] = F[p]
    return values


def _all_steps(inner: Buffers, sink: Node, name: str, axis: Axis) -> Buffer:
    return Buffer(name, (axis.size, *inner.shape(sink)), inner.dtype(sink))


def _give(buffers: Buffers, inner: Buffers, v: Node, handed: Sequence[Buffer], axis: Axis) -> None:
    """What the leaves of the body are: carries, what is the same in every step, and entries of arrays."""
    leaves, fixed = inner.graph.leaves, v.params["fixed"]
    carries = len(handed)
    inner.of.update(zip(leaves, handed, strict=False))
    for k in range(carries, carries + fixed):
        inner.of[leaves[k]] = buffers.kept_buffer(v.preds[k])
    for k, (start, step) in enumerate(v.params["slices"], carries + fixed):
        inner.sliced[leaves[k]] = buffers.kept_buffer(v.preds[k]), Affine.of(axis) * step + start


def _handed_on(inner: Buffers, handed: Sequence[Buffer]) -> list[Draft]:
    """New values take the place of the old ones, when all else has been done.

    At one point all is read before anything is written; what reads old values at other points is put aside.
    """
    first: list[Draft] = []
    last: list[Draft] = []
    for sink, buffer in zip(inner.graph.sinks, handed, strict=False):
        if inner.of.get(sink) is buffer:
            continue  # never changes
        draft = _moved(sink, sink, buffer, "carry")
        if any(b in handed and not here for b, here in draft.reads(inner).items()):
            aside = Buffer(f"{buffer.name}.aside", buffer.shape, buffer.dtype)
            first.append(_moved(sink, sink, aside, "part"))
            draft = _moved(inner.graph.sinks[0], aside, buffer, "carry")
        last.append(draft)
    return first + last


def _moved(v: Node, source: Node | Buffer, into: Buffer, kind: str) -> Draft:
    if isinstance(source, Buffer):
        return stored(v, into.shape, into, lambda e, place: Load(source.dtype, source, place), kind=kind)
    return stored(v, into.shape, into, lambda e, place: e.at(source, place), kind=kind)


def _stacked(inner: Buffers, stacked: Sequence[Buffer], axis: Axis) -> list[Draft]:
    sinks = inner.graph.sinks[len(inner.graph.sinks) - len(stacked) :]
    return [_row(s, b, axis) for s, b in zip(sinks, stacked, strict=True)]


def _row(sink: Node, into: Buffer, axis: Axis) -> Draft:
    """What one step adds to what is stacked."""
    now = Affine.of(axis)
    return stored(sink, into.shape[1:], into, lambda e, place: e.at(sink, place), lambda p: (now, *p))
