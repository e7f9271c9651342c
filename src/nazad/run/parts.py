"""Blocks in parts: runs of rows that may be worked on at the same time, and what is folded over the rows.

How many parts there are depends on the sizes alone, and what they have folded is put together in their order.
So the number of threads changes nothing in the result, not its last bit either. Each part has its own memory
for the rows that it works on.

A sum over rows whose rows go along the lanes of vectors is kept apart by lane as well, and added up at the
end. What rows add into places that are known only while running, each part adds into an array of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from nazad.run.llvm import Target
from nazad.run.loops import (
    Affine,
    Axis,
    Block,
    Buffer,
    Constant,
    Fold,
    Index,
    Item,
    Load,
    Nest,
    Statement,
    Store,
)
from nazad.run.plan import plan_nest
from nazad.run.rename import elsewhere

_LONG = 400_000
"""Points of a block from which on it is worth waking a thread for."""
_SPARE = 80
"""Points that have to be worked out for each byte that parts fold into, for that to cost a tenth of them."""
_SLOWER = 16
"""How much longer a point takes that adds into a place known only while running: it goes by itself."""
_BY_LANE = 1 << 18
"""Bytes that sums by lane may take."""
_PARTS = 16
"""The most parts."""


def divide(block: Block, own: Sequence[Buffer], target: Target) -> list[Item]:
    """Choose the parts of a block, and give each what it works in; the block with what it needs around it."""
    block.parts = _number(block)
    block.part = part = Axis("part", block.parts)
    if block.parts > 1:
        for b in own:
            _for_each_part(b, block.parts)
        _replace(block, lambda nest: elsewhere(nest, _in_its_part(block, Affine.of(part))))
    around = _Around({}, [], [])
    _replace(block, lambda nest: _kept_apart(nest, block, target, around))
    return [*around.begins, block, *around.ends]


class _Around(NamedTuple):
    """What runs before a block and after it; the arrays of the parts for each to which they add."""

    aside: dict[Buffer, Buffer]
    begins: list[Nest]
    ends: list[Nest]


def _replace(block: Block, change: Callable[[Nest], Nest]) -> None:
    moved = {nest: change(nest) for nest in block.nests}
    block.rows = {new: block.rows[old] for old, new in moved.items()}
    block.nests = list(moved.values())


def _in_its_part(block: Block, part: Affine) -> Callable[[Buffer, Index], Index]:
    return lambda b, index: (part, *index) if b.owner is block else index


def _number(block: Block) -> int:
    """How many parts there are: a power of two."""
    points = sum(n.points for n in block.nests)
    if points < _LONG or not all(_is_divisible(s, block.rows[n]) for n, s in _statements(block)):
        return 1
    shared = [s for n, s in _statements(block) if _is_shared(s, block.rows[n])]
    weight = sum(s.buffer.nbytes // (_SLOWER if s.add else 1) for s in shared)
    most = min(_PARTS, block.size // block.step // 2, points // (_SPARE * max(weight, 1)))
    return 1 << max(most, 1).bit_length() - 1


def _statements(block: Block) -> Iterator[tuple[Nest, Statement]]:
    return ((n, s) for n in block.nests for s in n.statements)


def _is_divisible(s: Statement, row: Axis) -> bool:
    """Whether no two rows write into one place but by folds, or by adding."""
    return _is_shared(s, row) or any(i.axis is row for i in s.index)


def _is_shared(s: Statement, row: Axis) -> bool:
    """Whether several rows fold, or add, into one place."""
    return row in s.over or (s.add and not any(i.axis is row for i in s.index))


def _for_each_part(b: Buffer, parts: int) -> None:
    b.order = (0, *(k + 1 for k in b.order or range(len(b.shape))))
    b.shape = (parts, *b.shape)
    b.rows = None if b.rows is None else b.rows + 1


def _kept_apart(nest: Nest, block: Block, target: Target, around: _Around) -> Nest:
    """The nest with folds over rows that go into a place for each part, or lane; what is around is noted."""
    row = block.rows[nest]
    width = _lanes(nest, block, target)
    statements = list(nest.statements)
    for k, s in enumerate(statements):
        if isinstance(s, Fold) and row in s.over and (width or block.parts > 1):
            statements[k] = _apart(s, nest, block, width, around.ends)
        elif isinstance(s, Store) and block.parts > 1 and _is_shared(s, row):
            statements[k] = _added_apart(s, block, around)
    return dataclasses.replace(nest, statements=statements)


def _lanes(nest: Nest, block: Block, target: Target) -> int:
    """How many lanes keep sums of their own; none, unless that saves adding up many of them each time."""
    s, row = nest.statements[0], block.rows[nest]
    if len(nest.statements) > 1 or not isinstance(s, Fold) or s.over != (row,) or s.op != "add":
        return 0
    plan = plan_nest(nest, target, {row: block.step})
    fits = s.buffer.nbytes * plan.width <= _BY_LANE
    return plan.width if s.index and plan.lane is row and s.buffer.dtype.kind == "f" and fits else 0


def _apart(s: Fold, nest: Nest, block: Block, width: int, ends: list[Nest]) -> Fold:
    first = (block.parts,) if block.parts > 1 else ()
    last = (width,) if width else ()
    into = Buffer(f"{s.buffer.name}~", (*first, *s.buffer.shape, *last), s.buffer.dtype)
    assert block.part is not None
    place = (*(Affine.of(block.part) for _ in first), *s.index, *(Affine() for _ in last))
    ends.append(_end(s, nest, into, first, last))
    return Fold(into, place, s.expr, s.op, s.over, by_lane=bool(width))


def _end(s: Fold, nest: Nest, into: Buffer, first: tuple[int, ...], last: tuple[int, ...]) -> Nest:
    """Fold what the parts and the lanes have left, in their order."""
    now = {a: Axis(a.name, a.size) for a in nest.axes if a not in s.over}
    over = [*(Axis("part", n) for n in first), *(Axis("lane", n) for n in last)]
    place = tuple(i.renamed(now) for i in s.index)
    outer, inner = over[: len(first)], over[len(first) :]
    load = Load(into.dtype, into, (*map(Affine.of, outer), *place, *map(Affine.of, inner)))
    return Nest([*now.values(), *over], [Fold(s.buffer, place, load, s.op, tuple(over))], nest.nodes)


def _added_apart(s: Store, block: Block, around: _Around) -> Store:
    """Added to the array of the part, which is zero before, and is added to the one that is meant behind."""
    assert block.part is not None
    if s.buffer not in around.aside:
        into = Buffer(f"{s.buffer.name}~", (block.parts, *s.buffer.shape), s.buffer.dtype)
        axes = [Axis("part", block.parts), *(Axis("ijklmnop"[k], n) for k, n in enumerate(s.buffer.shape))]
        place = tuple(map(Affine.of, axes))
        load = Load(into.dtype, into, place)
        around.begins.append(Nest(axes, [Store(into, place, Constant(into.dtype, into.dtype.type(0)))]))
        around.ends.append(Nest(axes, [Store(s.buffer, place[1:], load, add=True)]))
        around.aside[s.buffer] = into
    return Store(around.aside[s.buffer], (Affine.of(block.part), *s.index), s.expr, add=True)


def rows_of_part(block: Block) -> int:
    """How many rows each part has; the last one takes what is left."""
    return -(-(block.size // block.step) // block.parts) * block.step
