"""From drafts to a program: what runs together, in which order, and where it leaves its values.

A draft stands one *level* above everything that it reads, so drafts of one level do not depend on each other
and those of equal sizes become one nest. A draft that reads a value only at the very place at which another
one writes it may stand on the same level: it takes the value as it is being written.

Then nests that go along the same rows are gathered in blocks (:mod:`nazad.run.rows`), and local buffers get
their places in the scratch memory, which they share when they are not needed at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence

from nazad.run.buffers import Buffers
from nazad.run.drafts import AnyDraft, Draft, LoopDraft, axes_of
from nazad.run.expressions import Expressions
from nazad.run.llvm import Target
from nazad.run.loops import (
    Axis,
    Buffer,
    Call,
    Item,
    Limit,
    Loop,
    Nest,
    Program,
    Ragged,
    Statement,
    buffers_of,
)
from nazad.run.lower import Lowered, Lowering
from nazad.run.memory import place
from nazad.run.rows import gather


def schedule(lowering: Lowering, lowered: Lowered, target: Target | None = None) -> Program:
    """The program of a lowered graph."""
    target = target or Target.host()
    items = _items(lowering.buffers, lowered.drafts)
    program = Program(lowered.inputs, lowered.outputs, lowered.constants, gather(items, target), lowered.ok)
    place(program)
    return program


def _items(buffers: Buffers, drafts: Sequence[AnyDraft]) -> list[Item]:
    levels = _Levels(buffers)
    for draft in drafts:
        if _kind(draft) != "carry":
            levels.add(draft)
    levels.add_carries([d for d in drafts if isinstance(d, Draft) and d.kind == "carry"])
    return [item for level in levels.levels for item in _level(buffers, level)]


# --- levels
class _Levels:
    """Drafts by level, each as low as what it reads and writes permits."""

    def __init__(self, buffers: Buffers) -> None:
        self.buffers = buffers
        self.levels: list[list[AnyDraft]] = []
        self.writers: dict[Buffer, list[tuple[int, AnyDraft]]] = {}
        self.readers: dict[Buffer, list[tuple[int, AnyDraft, bool]]] = {}

    def add(self, draft: AnyDraft) -> None:
        reads = _reads(self.buffers, draft)
        level = max(self._after_what_it_reads(draft, reads), self._after_what_wrote(draft))
        self._put(draft, reads, level)

    def _put(self, draft: AnyDraft, reads: Sequence[tuple[Buffer, bool]], level: int) -> None:
        for buffer, here in reads:
            self.readers.setdefault(buffer, []).append((level, draft, here))
        for buffer in _written(draft):
            self.writers.setdefault(buffer, []).append((level, draft))
        while len(self.levels) <= level:
            self.levels.append([])
        self.levels[level].append(draft)

    def add_carries(self, drafts: Sequence[Draft]) -> None:
        """What overwrites comes after all that reads; those that read one another, all at once."""
        reads = {d.buffer: _reads(self.buffers, d) for d in drafts}
        level = {
            d.buffer: max(self._after_what_it_reads(d, reads[d.buffer]), self._after_readers(d))
            for d in drafts
        }
        changing = True
        while changing:
            changing = False
            for d in drafts:
                for buffer, _ in reads[d.buffer]:  # the old value, read at the same place
                    if buffer in level and level[buffer] < level[d.buffer]:
                        level[buffer], changing = level[d.buffer], True
        for d in drafts:
            self._put(d, reads[d.buffer], level[d.buffer])

    def _after_readers(self, draft: Draft) -> int:
        readers = self.readers.get(draft.buffer, ())
        return max((n + (not (here and _alike(draft, reader))) for n, reader, here in readers), default=0)

    def _after_what_it_reads(self, draft: AnyDraft, reads: Sequence[tuple[Buffer, bool]]) -> int:
        level = 0
        for buffer, here in reads:
            for other, writer in self.writers.get(buffer, ()):
                level = max(level, other + (not (here and _alike(writer, draft))))
        return level

    def _after_what_wrote(self, draft: AnyDraft) -> int:
        """What adds to a buffer follows what set it."""
        if _kind(draft) != "add":
            return 0
        before = [(n, w) for b in _written(draft) for n, w in self.writers.get(b, ())]
        return max((n + (_kind(w) != "add") for n, w in before), default=0)


def _kind(draft: AnyDraft) -> str:
    return draft.kind if isinstance(draft, Draft) else ""


def _reads(buffers: Buffers, draft: AnyDraft) -> list[tuple[Buffer, bool]]:
    """What a draft reads, and whether only at the place that its axes stand for."""
    if isinstance(draft, Call):
        return [(b, False) for b in draft.args if isinstance(b, Buffer)]
    if isinstance(draft, LoopDraft):
        return [(b, False) for b in draft.reads]
    return list(draft.reads(buffers).items())


def _alike(writer: AnyDraft, draft: AnyDraft) -> bool:
    """Whether two drafts will be one nest if they are on one level."""
    if not (isinstance(writer, Draft) and isinstance(draft, Draft)) or draft.is_alone:
        return False
    return writer.kind in ("whole", "carry") and writer.sizes == draft.sizes


def _written(draft: AnyDraft) -> list[Buffer]:
    return [draft.buffer] if isinstance(draft, Draft) else draft.results


def _level(buffers: Buffers, drafts: Sequence[AnyDraft]) -> list[Item]:
    """One nest for each group of sizes; products, loops and calls by themselves."""
    items: list[Item] = [d for d in drafts if isinstance(d, Call)]
    items += [_loop(d) for d in drafts if isinstance(d, LoopDraft)]
    groups: dict[object, list[Draft]] = {}
    for draft in drafts:
        if isinstance(draft, Draft):
            groups.setdefault(draft if draft.is_alone else draft.sizes, []).append(draft)
    return items + [_nest(buffers, group) for group in groups.values()]


def _loop(draft: LoopDraft) -> Loop:
    loop = Loop(draft.axis, _items(draft.inner, draft.drafts), [draft.node])
    outside = {*draft.reads, *draft.results}
    for item in loop.items:
        for buffer in buffers_of(item):
            if buffer.kind == "local" and buffer.owner is None and buffer not in outside:
                buffer.owner = loop
    return loop


def _nest(buffers: Buffers, drafts: Sequence[Draft]) -> Nest:
    axes, expressions = axes_of(drafts[0].sizes), Expressions(buffers)
    statements: list[Statement] = []
    for draft in drafts:
        for statement in draft.write(expressions, axes):
            statements.append(statement)
            if draft.kind == "whole" and draft.buffer is buffers.of.get(draft.node):
                expressions.known_as(draft.node, statement.index, statement.expr)
    limits = {axes[a]: Limit(axes[by], b.low, b.high) for a, by, b in drafts[0].limits}
    return Nest(axes, statements, [draft.node for draft in drafts], limits, _ragged(axes, drafts[0]))


def _ragged(axes: Sequence[Axis], draft: Draft) -> dict[Axis, Ragged]:
    if draft.starts is None:
        return {}
    return {axes[1]: Ragged(axes[0], draft.starts, None if draft.is_open else axes[1].size)}
