"""Which nests go along the same rows, and which of them may share a loop over those.

Two axes are the same rows if they go along the same dimension of a buffer. Counting passes tells which nests
may run together: a nest that reads, at its own row, what others left there can run in the same pass; one that
reads a fold over all rows has to wait for the next. Everything in one pass becomes a block
(:mod:`nazad.run.blocks`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from nazad.run.blocks import alone, along, together, touched
from nazad.run.gemm import as_gemm
from nazad.run.llvm import Target
from nazad.run.loops import Affine, Axis, Buffer, Index, Item, Nest, buffers_of
from nazad.run.plan import accesses

_NEAR = 32 * 1024
"""Bytes that nests may leave for one another without being put into a block."""
_FEW = 64
"""Rows from which on blocks are worth while."""

Key = tuple[int, int]


def gather(items: Sequence[Item], target: Target) -> list[Item]:
    """Put nests that share their rows into blocks; calls of NumPy and loops stand between."""
    result: list[Item] = []
    run: list[Nest] = []
    for item in items:
        if isinstance(item, Nest):
            run.append(item)
        else:
            result += [*_gathered(run, items, target), item]
            run = []
    return result + _gathered(run, items, target)


def _gathered(nests: Sequence[Nest], items: Sequence[Item], target: Target) -> list[Item]:
    rows = _rows_of(nests)
    if not rows:
        return [item for nest in nests for item in alone(nest, None, target)]
    passes = _Passes(nests, rows)
    groups: dict[tuple[int, bool], list[Nest]] = {}
    for nest in nests:
        groups.setdefault((passes.number[nest], nest not in rows), []).append(nest)
    mine = set(nests)
    others = {b for item in items if item not in mine for b in buffers_of(item)}
    private = _private(list(groups.values()), passes, others)
    result: list[Item] = []
    for key in sorted(groups):
        group = groups[key]
        if key[1] or len(group) == 1 or not _is_much(group):
            result += [item for nest in group for item in alone(nest, rows.get(nest), target)]
        else:
            result += together(group, rows, private, target)
    return result


def _private(groups: Sequence[Sequence[Nest]], passes: _Passes, others: set[Buffer]) -> dict[Buffer, int]:
    """Buffers that only one group touches, at its own rows, and their dimension along those."""
    uses = Counter(b for group in groups for b in touched(group))
    mine = {b for b, n in uses.items() if n == 1 and b.kind == "local" and b not in others}
    return {b: dim for b, dim in passes.dims.items() if dim is not None and b in mine}


def _is_much(group: Sequence[Nest]) -> bool:
    """Whether what the group goes through is too much for the cache."""
    return sum(b.nbytes for b in touched(group)) > _NEAR


# --- which axes are the same rows
def _rows_of(nests: Sequence[Nest]) -> dict[Nest, Axis]:
    """For each nest that has them, the axis of the rows: long ones that most of the work goes along."""
    classes = _classes(nests)
    members: dict[Key, dict[Nest, Axis]] = {}
    for k, nest in enumerate(nests):
        if as_gemm(nest):
            continue  # goes through whole matrices
        for a, axis in enumerate(nest.axes):
            if axis.size >= _FEW and axis not in nest.ragged:
                members.setdefault(classes.root((-k - 1, a)), {}).setdefault(nest, axis)
    shared = [found for found in members.values() if len(found) > 1]
    return max(shared, key=lambda found: sum(n.points * a.size for n, a in found.items()), default={})


def _classes(nests: Sequence[Nest]) -> _Classes:
    """Dimensions of buffers, and the axes that go along all of them."""
    classes = _Classes()
    for k, nest in enumerate(nests):
        for buffer, index in accesses(nest):
            if buffer.kind != "constant":
                for dim, place in enumerate(index):
                    if place.axis is not None and buffer.shape[dim] == place.axis.size:
                        classes.join((id(buffer), dim), (-k - 1, nest.axes.index(place.axis)))
    return classes


class _Classes:
    """Sets that are joined (union-find)."""

    def __init__(self) -> None:
        self.next: dict[Key, Key] = {}

    def root(self, x: Key) -> Key:
        while self.next.setdefault(x, x) != x:
            self.next[x] = x = self.next[self.next[x]]
        return x

    def join(self, x: Key, y: Key) -> None:
        self.next[self.root(x)] = self.root(y)


# --- passes
class _Passes:
    """In which pass over the rows each nest runs; one without rows runs after the pass of its number.

    Attributes
    ----------
    number : dict
        The pass of each nest.
    dims : dict
        The dimension of each buffer along which nests write it at their own rows; None if they differ.
    """

    def __init__(self, nests: Sequence[Nest], rows: dict[Nest, Axis]) -> None:
        self.rows = rows
        self.number: dict[Nest, int] = {}
        self.dims: dict[Buffer, int | None] = {}
        self.writers: dict[Buffer, dict[Nest, None]] = {}
        for nest in nests:
            self.number[nest] = self._number(nest)
            for s in nest.statements:
                dim = along(rows.get(nest), s.index)
                self.dims[s.buffer] = dim if self.dims.get(s.buffer, dim) == dim else None
                self.writers.setdefault(s.buffer, {})[nest] = None

    def _number(self, nest: Nest) -> int:
        number = 0 if nest in self.rows else -1
        for buffer, index in accesses(nest):
            for other in self.writers.get(buffer, ()):
                if not _is_apart(other, buffer, index):
                    number = max(number, self._after(other, nest, buffer, index))
        return number

    def _after(self, other: Nest, nest: Nest, buffer: Buffer, index: Index) -> int:
        """The pass of a nest that touches what another one wrote."""
        number = self.number[other]
        if nest not in self.rows:
            return number
        if other not in self.rows:
            return number + 1
        dim = self.dims[buffer]
        return number + (dim is None or along(self.rows[nest], index) != dim)


def _is_apart(nest: Nest, buffer: Buffer, index: Index) -> bool:
    """Whether nothing that a nest writes into a buffer is at this place."""
    return all(
        any(_never_equal(p, q) for p, q in zip(s.index, index, strict=True))
        for s in nest.statements
        if s.buffer is buffer
    )


def _never_equal(p: Affine, q: Affine) -> bool:
    """Out of each other's reach, or on grids that do not meet."""
    if p.loose or q.loose:
        return False
    if p.range[1] < q.range[0] or q.range[1] < p.range[0]:
        return True
    step = math.gcd(*(c for _, c in (*p.terms, *q.terms)))
    return step > 1 and (p.offset - q.offset) % step != 0
