"""Loops that were found in a graph: their bodies, lowered like a graph, that run once for each step.

What a step hands on has one buffer, which the next step overwrites. What is stacked has a buffer for all steps,
and the counter of the loop is one more axis in the places at which the body reads and writes those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nazad.graph import PYTHON_NUMBERS, Graph, Node, Value
from nazad.run.loops import Affine, Axis, Buffer, Call, Statement, Store, is_here, loads_of
from nazad.run.lower import RULES, Draft, LoopDraft, Lowering, Writer, cast, sizes_of
from nazad.run.places import places
from nazad.run.prepare import prepare, with_values


def lower_loop(lowering: Lowering, v: Node) -> Sequence[Draft | Call | LoopDraft]:
    """What comes before the first step, and the loop itself."""
    lowering.loops.append(v)
    body, values = prepare(v.params["body"], _values_inside(v.params["body"], v, lowering.F))
    carries, fixed = v.params["carries"], v.params["fixed"]
    axis = Axis("t" + "'" * lowering.deep, v.params["count"])
    inner = Lowering(body, values, outer=lowering)
    handed = [_new(inner, leaf, f"carry{k}") for k, leaf in enumerate(body.leaves[:carries])]
    stacked = [
        Buffer(f"all{k}", (axis.size, *inner.shape(s)), inner.dtype(s))
        for k, s in enumerate(body.sinks[carries:])
    ]
    for part in lowering.parts.get(v, ()):
        lowering.buffers[part] = (handed + stacked)[part.params["index"]]
    for k, leaf in enumerate(body.leaves[: carries + fixed]):
        inner.buffers[leaf] = handed[k] if k < carries else lowering.kept_buffer(v.preds[k])
    for k, (start, step) in enumerate(v.params["slices"], carries + fixed):
        inner.sliced[body.leaves[k]] = lowering.kept_buffer(v.preds[k]), Affine.of(axis) * step + start
    drafts = [*inner.drafts(), *_stacked(inner, body, stacked, axis), *_handed_on(inner, body, handed)]
    if any(isinstance(d, Call) for d in drafts):
        return [Call(v, [lowering.operand(p) for p in v.preds], [*handed, *stacked])]
    begin = [_begin(lowering, p, b) for p, b in zip(v.preds, handed, strict=False)]
    reads = [lowering.kept_buffer(p) for p in v.preds[carries:]] + handed
    return [*begin, LoopDraft(v, axis, reads, [*handed, *stacked], inner, drafts)]


def _values_inside(body: Graph, v: Node, F: Mapping[Node, Value]) -> dict[Node, Value]:
    values = with_values(body, {})
    for leaf, p in zip(body.leaves, v.preds, strict=True):
        if type(F[p]) in PYTHON_NUMBERS:  # weak in promotion, inside as outside
            values[leaf] = F[p]
    return values


def _new(inner: Lowering, v: Node, name: str) -> Buffer:
    return Buffer(f"{name}{inner.stem}", inner.shape(v), inner.dtype(v))


def _begin(lowering: Lowering, p: Node, buffer: Buffer) -> Draft:
    """What the first step gets from before."""

    def write(writer: Writer, axes: Sequence[Axis]) -> list[Statement]:
        place = places(buffer.shape, axes)
        return [Store(buffer, place, cast(writer.expr(p, place), buffer.dtype))]

    return Draft(p, sizes_of(buffer.shape), write, buffer, "whole")


def _handed_on(inner: Lowering, body: Graph, handed: Sequence[Buffer]) -> list[Draft]:
    """New values take the place of the old ones, when all else has been done.

    At one point all is read before anything is written; what reads old values at other points is put aside.
    """
    first: list[Draft] = []
    last: list[Draft] = []
    for sink, buffer in zip(body.sinks, handed, strict=False):
        if inner.buffers.get(sink) is buffer:
            continue  # never changes
        draft = _moved(inner, sink, buffer, "carry")
        if _reads_elsewhere(inner, draft, set(handed)):
            aside = Buffer(f"{buffer.name}.aside", buffer.shape, buffer.dtype)
            first.append(_moved(inner, sink, aside, "part"))
            draft = _moved(inner, aside, buffer, "carry")
        last.append(draft)
    return first + last


def _reads_elsewhere(inner: Lowering, draft: Draft, handed: set[Buffer]) -> bool:
    axes = [Axis(f"i{k}", n) for k, n in enumerate(draft.sizes)]
    loads = [load for s in draft.write(Writer(inner), axes) for load in loads_of(s) if load.buffer in handed]
    return not all(is_here(load, axes) for load in loads)


def _moved(inner: Lowering, source: Node | Buffer, into: Buffer, kind: str) -> Draft:
    def write(writer: Writer, axes: Sequence[Axis]) -> list[Statement]:
        place = places(into.shape, axes)
        expr = writer.load(source, place) if isinstance(source, Buffer) else writer.expr(source, place)
        return [Store(into, place, cast(expr, into.dtype))]

    node = source if isinstance(source, Node) else inner.graph.sinks[0]
    return Draft(node, sizes_of(into.shape), write, into, kind)


def _stacked(inner: Lowering, body: Graph, stacked: Sequence[Buffer], axis: Axis) -> list[Draft]:
    return [
        _row(s, b, axis) for s, b in zip(body.sinks[len(body.sinks) - len(stacked) :], stacked, strict=True)
    ]


def _row(sink: Node, into: Buffer, axis: Axis) -> Draft:
    def write(writer: Writer, axes: Sequence[Axis]) -> list[Statement]:
        place = places(into.shape[1:], axes)
        return [Store(into, (Affine.of(axis), *place), cast(writer.expr(sink, place), into.dtype))]

    return Draft(sink, sizes_of(into.shape[1:]), write, into, "part")


RULES["loop"] = lower_loop
