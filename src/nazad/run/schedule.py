"""From drafts to a program: what runs together, in which order, and where it leaves its values.

A draft stands one *level* above everything that it reads, so drafts of one level do not depend on each other
and those of equal sizes become one nest. A draft that reads a value only at the very place at which another
one writes it may stand on the same level: it takes the value as it is being written.

Then nests that go along the same rows are gathered in blocks (:mod:`nazad.run.rows`), and local buffers get
their places in the scratch memory, which they share when they are not needed at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence

from nazad.run.llvm import Target
from nazad.run.loops import (
    Affine,
    Axis,
    Buffer,
    Call,
    Item,
    Load,
    Nest,
    Program,
    Statement,
    loads_of,
    nests_of,
)
from nazad.run.lower import Draft, Lowered, Lowering, Writer
from nazad.run.rows import gather

_LINE = 64  # bytes to which buffers are aligned


def schedule(lowering: Lowering, lowered: Lowered, target: Target | None = None) -> Program:
    """The program of a lowered graph."""
    target = target or Target.host()
    levels = _Levels(lowering)
    for draft in lowered.drafts:
        levels.add(draft)
    items = [item for level in levels.levels for item in _level(lowering, level)]
    program = Program(lowered.inputs, lowered.outputs, lowered.constants, gather(items, target), lowered.ok)
    _place(program)
    return program


def axes_of(sizes: Sequence[int]) -> list[Axis]:
    """Fresh axes of these sizes."""
    return [Axis("ijklmnopqrst"[k] if k < 12 else f"i{k}", n) for k, n in enumerate(sizes)]


# --- levels
class _Levels:
    """Drafts by level, each as low as what it reads and writes permits."""

    def __init__(self, lowering: Lowering) -> None:
        self.lowering = lowering
        self.levels: list[list[Draft | Call]] = []
        self.writers: dict[Buffer, list[tuple[int, Draft | Call]]] = {}

    def add(self, draft: Draft | Call) -> None:
        level = max(self._after_what_it_reads(draft), self._after_what_wrote(draft))
        for buffer in _written(draft):
            self.writers.setdefault(buffer, []).append((level, draft))
        while len(self.levels) <= level:
            self.levels.append([])
        self.levels[level].append(draft)

    def _after_what_it_reads(self, draft: Draft | Call) -> int:
        level = 0
        for buffer, here in _reads(self.lowering, draft):
            for other, writer in self.writers.get(buffer, ()):
                level = max(level, other + (not (here and _alike(writer, draft))))
        return level

    def _after_what_wrote(self, draft: Draft | Call) -> int:
        """What adds to a buffer follows what set it."""
        before = [(n, w) for b in _written(draft) for n, w in self.writers.get(b, ())]
        adds = isinstance(draft, Draft) and draft.kind == "add"
        return max(
            (n + (not adds or w.kind != "add") for n, w in before if adds and isinstance(w, Draft)), default=0
        )


def _reads(lowering: Lowering, draft: Draft | Call) -> list[tuple[Buffer, bool]]:
    """What a draft reads, and whether only at the place that its axes stand for."""
    if isinstance(draft, Call):
        return [(b, False) for b in draft.args if isinstance(b, Buffer)]
    axes = axes_of(draft.sizes)
    found: dict[Buffer, bool] = {}
    for statement in draft.write(Writer(lowering), axes):
        for load in loads_of(statement):
            found[load.buffer] = found.get(load.buffer, True) and is_here(load, axes)
    return list(found.items())


def is_here(load: Load, axes: Sequence[Axis]) -> bool:
    """Whether a load reads at the place that all the axes stand for, in order."""
    wide = [i for i, n in zip(load.index, load.buffer.shape, strict=True) if n != 1]
    return [i.axis if isinstance(i, Affine) else None for i in wide] == list(axes)


def _alike(writer: Draft | Call, draft: Draft | Call) -> bool:
    """Whether two drafts will be one nest if they are on one level."""
    if isinstance(writer, Call) or isinstance(draft, Call) or draft.kind == "product":
        return False
    return writer.kind == "whole" and writer.sizes == draft.sizes


def _written(draft: Draft | Call) -> list[Buffer]:
    return draft.results if isinstance(draft, Call) else [draft.buffer]


def _level(lowering: Lowering, drafts: Sequence[Draft | Call]) -> list[Item]:
    """Calls, then one nest for each group of sizes; a product has one of its own."""
    items: list[Item] = [d for d in drafts if isinstance(d, Call)]
    groups: dict[object, list[Draft]] = {}
    for draft in drafts:
        if isinstance(draft, Draft):
            groups.setdefault(draft if draft.kind == "product" else draft.sizes, []).append(draft)
    return items + [_nest(lowering, group) for group in groups.values()]


def _nest(lowering: Lowering, drafts: Sequence[Draft]) -> Nest:
    axes, writer = axes_of(drafts[0].sizes), Writer(lowering)
    statements: list[Statement] = []
    for draft in drafts:
        for statement in draft.write(writer, axes):
            statements.append(statement)
            if draft.kind == "whole" and draft.buffer is lowering.buffers.get(draft.node):
                writer.known_as(draft.node, statement.index, statement.expr)
    return Nest(axes, statements, [draft.node for draft in drafts])


# --- memory
def _place(program: Program) -> None:
    """Give each local buffer its place; one that is no longer read makes room for others."""
    first: dict[Buffer, int] = {}
    last: dict[Buffer, int] = {}
    for k, item in enumerate(program.items):
        for buffer in _touched(item):
            if buffer.kind == "local":
                first.setdefault(buffer, k)
                last[buffer] = k
    if program.ok is not None and program.ok.kind == "local":
        first.setdefault(program.ok, 0)
        last[program.ok] = len(program.items)
    free: list[tuple[int, int]] = []  # place and size
    end = 0
    busy: list[Buffer] = []
    for buffer in sorted(first, key=lambda b: first[b]):
        for other in [b for b in busy if last[b] < first[buffer]]:
            busy.remove(other)
            free = _joined([*free, (other.number, _rounded(other.nbytes))])
        need = _rounded(buffer.nbytes)
        fitting = min((hole for hole in free if hole[1] >= need), key=lambda hole: hole[1], default=None)
        if fitting is None:
            buffer.number, end = end, end + need
        else:
            free.remove(fitting)
            buffer.number = fitting[0]
            if fitting[1] > need:
                free.append((fitting[0] + need, fitting[1] - need))
        busy.append(buffer)
    program.locals, program.scratch = list(first), end


def _rounded(size: int) -> int:
    return -(-max(size, 1) // _LINE) * _LINE


def _joined(holes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Holes side by side are one."""
    merged: list[tuple[int, int]] = []
    for place, size in sorted(holes):
        if merged and merged[-1][0] + merged[-1][1] == place:
            merged[-1] = (merged[-1][0], merged[-1][1] + size)
        else:
            merged.append((place, size))
    return merged


def _touched(item: Item) -> list[Buffer]:
    if isinstance(item, Call):
        return [*(b for b in item.args if isinstance(b, Buffer)), *item.results]
    return [
        buffer
        for nest in nests_of([item])
        for s in nest.statements
        for buffer in (s.buffer, *(load.buffer for load in loads_of(s)))
    ]
