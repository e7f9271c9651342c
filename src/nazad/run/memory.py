"""Where local buffers lie in the scratch memory: those that are not needed at the same time share it.

What a loop or block writes anew on each round is its own, and needed from one item inside it to another; all
else that it touches is needed as long as it goes round. Parts of a block that may run at the same time have a
room each, which are alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from nazad.run.loops import Block, Buffer, Item, Loop, Program, buffers_of

_LINE = 64  # bytes to which buffers are aligned

Span = tuple[int, int]
"""The steps at which a buffer is touched first and last."""

Hole = tuple[int, int]
"""Memory that nobody needs any more: its place and its size."""


def place(program: Program) -> None:
    """Give each local buffer of a program its place."""
    rooms = {block: _room(block) for block in _parted(program.items)}
    spans: dict[Buffer, Span] = {}
    end = _note(program.items, 0, spans, rooms)
    if program.ok is not None and program.ok.kind == "local":
        spans[program.ok] = (spans.get(program.ok, (0, 0))[0], end)
    numbers, program.scratch = _packed(spans)
    for buffer, number in numbers.items():
        buffer.number = number
    own: list[Buffer] = []
    for block, room in rooms.items():
        for buffer in _own(block):
            buffer.number += room.number
            own.append(buffer)
    inside = set(rooms.values())
    program.locals = [b for b in spans if b not in inside] + own


def _parted(items: Sequence[Item]) -> Iterator[Block]:
    for item in items:
        if isinstance(item, Block) and item.parts > 1:
            yield item
        elif isinstance(item, Loop):
            yield from _parted(item.items)


def _own(block: Block) -> list[Buffer]:
    return [b for b in buffers_of(block) if b.owner is block]


def _room(block: Block) -> Buffer:
    """The memory of all parts; buffers of the block get their places in that of the first."""
    spans: dict[Buffer, Span] = {}
    for k, nest in enumerate(block.nests):
        for b in buffers_of(nest):
            if b.owner is block:
                spans[b] = (spans.get(b, (k, k))[0], k)
    numbers, size = _packed(spans, block.parts)
    for b, number in numbers.items():
        b.number, b.step = number, size // b.dtype.itemsize
    return Buffer("parts", (block.parts, size), np.dtype(np.uint8))


def _note(items: Sequence[Item], now: int, spans: dict[Buffer, Span], rooms: Mapping[Block, Buffer]) -> int:
    """Note the spans of all buffers; the number of the next step."""
    for item in items:
        start = now
        touched = [b for b in buffers_of(item) if b.kind == "local"]
        if isinstance(item, Block | Loop):
            room = rooms.get(item) if isinstance(item, Block) else None
            if room is None:
                now = _note(item.nests if isinstance(item, Block) else item.items, now, spans, rooms)
            touched = [b for b in touched if b.owner is not item] + ([room] if room else [])
        now = max(now, start + 1)
        for b in touched:
            first, last = spans.get(b, (start, start))
            spans[b] = min(first, start), max(last, now - 1)
    return now


def _packed(spans: Mapping[Buffer, Span], parts: int = 1) -> tuple[dict[Buffer, int], int]:
    """Places for buffers, and how many bytes they take; of each a part only, if there are several."""
    sizes = {b: _rounded(b.nbytes // parts) for b in spans}
    numbers: dict[Buffer, int] = {}
    holes: list[Hole] = []
    busy: list[Buffer] = []
    end = 0
    for buffer in sorted(spans, key=lambda b: spans[b][0]):
        done = [b for b in busy if spans[b][1] < spans[buffer][0]]
        if done:
            busy = [b for b in busy if b not in done]
            holes = _joined([*holes, *((numbers[b], sizes[b]) for b in done)])
        number = _taken(holes, sizes[buffer])
        numbers[buffer] = end if number is None else number
        end += sizes[buffer] if number is None else 0
        busy.append(buffer)
    return numbers, end


def _taken(holes: list[Hole], size: int) -> int | None:
    """A place in the smallest hole that is large enough, which shrinks; None if there is none."""
    fitting = [hole for hole in holes if hole[1] >= size]
    if not fitting:
        return None
    hole = min(fitting, key=lambda hole: hole[1])
    holes.remove(hole)
    if hole[1] > size:
        holes.append((hole[0] + size, hole[1] - size))
    return hole[0]


def _rounded(size: int) -> int:
    return -(-max(size, 1) // _LINE) * _LINE


def _joined(holes: list[Hole]) -> list[Hole]:
    """Holes side by side are one."""
    merged: list[Hole] = []
    for start, size in sorted(holes):
        if merged and merged[-1][0] + merged[-1][1] == start:
            merged[-1] = (merged[-1][0], merged[-1][1] + size)
        else:
            merged.append((start, size))
    return merged
