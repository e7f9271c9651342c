"""Blocks of rows: nests that go along the same rows run together, on a few rows at a time.

Two axes are the same rows if they go along the same dimension of a buffer. Counting passes tells which nests may
share a loop over them: a nest that reads, at its own row, what others left there can run in the same pass; one
that reads a fold over all rows has to wait for the next. Everything in one pass becomes a block. What is only
used inside the block is then kept for a few rows alone, and so stays in the cache.

Inside a block the rows themselves may go along the lanes of vectors. Then local buffers have the rows innermost,
and arguments that do not are copied, a block at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from nazad.run.gemm import as_gemm
from nazad.run.llvm import Target
from nazad.run.loops import (
    Affine,
    Axis,
    Block,
    Buffer,
    Index,
    Item,
    Load,
    Nest,
    Store,
    buffers_of,
    loads_of,
)
from nazad.run.parts import divide
from nazad.run.plan import cost_of, is_product, plan_nest
from nazad.run.rename import with_loads

_CACHE = 448 * 1024
"""Bytes that the rows of a block may take."""
_NEAR = 32 * 1024
"""Bytes that nests may leave for one another without being put into a block."""
_FEW = 64
"""Rows from which on blocks are worth while."""
_MOST = 512
_LONG = 400_000
"""Points from which on a nest by itself is run some rows at a time."""
_CHUNK = 1 << 14
"""Points at a time, then."""

Key = tuple[int, int]


def gather(items: Sequence[Item], target: Target) -> list[Item]:
    """Put nests that share their rows into blocks; calls of NumPy stand between."""
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
    if len(rows) < 2:
        return [item for nest in nests for item in _alone(nest, None, target)]
    size = next(iter(rows.values())).size
    passes = _Passes(nests, rows)
    groups: dict[tuple[int, int], list[Nest]] = {}
    for nest in nests:
        groups.setdefault((passes.number[nest], nest not in rows), []).append(nest)
    mine = set(nests)
    others = {b for item in items if item not in mine for b in buffers_of(item)}
    outside = _touched_outside(groups, others)
    result: list[Item] = []
    for key in sorted(groups):
        group = groups[key]
        if key[1] or len(group) == 1 or not _is_worth_it(group, passes):
            result += [item for nest in group for item in _alone(nest, rows.get(nest), target)]
        else:
            result += _blocked(group, size, rows, passes, outside, target)
    return result


# --- which axes are the same rows
def _rows_of(nests: Sequence[Nest]) -> dict[Nest, Axis]:
    """For each nest that has them, the axis of the rows: the longest ones that much of the work goes along."""
    classes = _Classes()
    for k, nest in enumerate(nests):
        for buffer, index in _accesses(nest):
            if buffer.kind != "constant":
                for dim, place in enumerate(index):
                    if place.axis is not None and buffer.shape[dim] == place.axis.size:
                        classes.join((id(buffer), dim), (-k - 1, nest.axes.index(place.axis)))
    work: dict[Any, int] = {}
    members: dict[Any, dict[Nest, Axis]] = {}
    for k, nest in enumerate(nests):
        if as_gemm(nest):
            continue  # goes through whole matrices
        for a, axis in enumerate(nest.axes):
            root = classes.root((-k - 1, a))
            if axis.size >= _FEW and nest not in members.setdefault(root, {}):
                members[root][nest] = axis
                work[root] = work.get(root, 0) + nest.points * axis.size
    best = max((r for r in work if len(members[r]) > 1), key=lambda root: work[root], default=None)
    return {} if best is None else members[best]


class _Classes:
    """Sets that are joined (union-find)."""

    def __init__(self) -> None:
        self.parents: dict[Key, Key] = {}

    def root(self, x: Key) -> Key:
        while self.parents.setdefault(x, x) != x:
            self.parents[x] = x = self.parents[self.parents[x]]
        return x

    def join(self, x: Key, y: Key) -> None:
        self.parents[self.root(x)] = self.root(y)


def _accesses(nest: Nest) -> Iterable[tuple[Buffer, Index]]:
    for s in nest.statements:
        yield s.buffer, s.index
        yield from ((load.buffer, load.index) for load in loads_of(s))


# --- passes
class _Passes:
    """In which pass over the rows each nest runs; one without rows runs after the pass of its number."""

    def __init__(self, nests: Sequence[Nest], rows: dict[Nest, Axis]) -> None:
        self.rows = rows
        self.dims: dict[Buffer, int | None] = {}
        self.number: dict[Nest, int] = {}
        writers: dict[Buffer, list[Nest]] = {}
        for nest in nests:
            self.number[nest] = self._number(nest, writers)
            for s in nest.statements:
                dim = self.dim(s.index, nest)
                self.dims[s.buffer] = dim if self.dims.get(s.buffer, dim) == dim else None
                if nest not in writers.setdefault(s.buffer, []):
                    writers[s.buffer].append(nest)

    def dim(self, index: Index, nest: Nest) -> int | None:
        """The dimension that goes along the nest's rows."""
        row = self.rows.get(nest)
        found = [k for k, i in enumerate(index) if i.axis is row and row is not None]
        return found[0] if len(found) == 1 else None

    def _number(self, nest: Nest, writers: dict[Buffer, list[Nest]]) -> int:
        has_rows = nest in self.rows
        number = 0 if has_rows else -1
        for buffer, index in _accesses(nest):
            for other in writers.get(buffer, ()):
                if other is nest or _is_apart(other, buffer, index):
                    continue
                n = self.number[other]
                if has_rows and other in self.rows:
                    n += not self._aligned(buffer, index, nest)
                elif has_rows:
                    n += 1
                number = max(number, n)
        return number

    def _aligned(self, buffer: Buffer, index: Index, nest: Nest) -> bool:
        dim = self.dims.get(buffer)
        return dim is not None and self.dim(index, nest) == dim


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


def _touched_outside(
    groups: dict[tuple[int, int], list[Nest]], others: set[Buffer]
) -> Callable[[Buffer, list[Nest]], bool]:
    """Whether a buffer is touched by others than this group."""
    where: dict[Buffer, set[Any]] = {}
    for key, group in groups.items():
        for nest in group:
            for buffer, _ in _accesses(nest):
                where.setdefault(buffer, set()).add(key)
    keys = {id(group): key for key, group in groups.items()}
    return lambda buffer, group: buffer in others or where[buffer] != {keys[id(group)]}


def _is_worth_it(group: Sequence[Nest], passes: _Passes) -> bool:
    """Whether what the group goes through is too much for the cache."""
    return sum(b.nbytes for b in {b for nest in group for b, _ in _accesses(nest)}) > _NEAR


# --- blocks
def _blocked(
    group: list[Nest],
    size: int,
    rows: dict[Nest, Axis],
    passes: _Passes,
    outside: Callable[[Buffer, Any], bool],
    target: Target,
) -> list[Item]:
    block = Block(size, 0, list(group), {nest: rows[nest] for nest in group})
    own = [
        b
        for b in dict.fromkeys(b for nest in group for b, _ in _accesses(nest))
        if b.kind == "local" and passes.dims.get(b) is not None and not outside(b, group)
    ]
    block.step = _step(block, size, passes)
    for b in own:
        b.rows = passes.dims[b]
        assert b.rows is not None
        b.owner = block
        b.shape = (*b.shape[: b.rows], block.step, *b.shape[b.rows + 1 :])
    packed = _lay_out(block, own, target)
    return [block, *divide(block, [*own, *packed], target)]


def _alone(nest: Nest, row: Axis | None, target: Target) -> list[Item]:
    """A long nest, some rows at a time, so that parts of it may run at once."""
    longest = max(nest.axes, key=lambda a: a.size, default=None)
    row = row or longest
    if row is None or nest.points < _LONG or as_gemm(nest):
        return [nest]
    step = min(max(_CHUNK * row.size // nest.points // 8 * 8, 8), row.size)
    block = Block(row.size, step, [nest], {nest: row})
    ends = divide(block, [], target)
    return [block, *ends] if block.parts > 1 else [nest]


def _step(block: Block, size: int, passes: _Passes) -> int:
    """How many rows at a time: as many as fit the cache; such as leave no rest, if there are any.

    What has no rows is gone through once for each block. Where it is large, blocks are large too.
    """
    wide: dict[Buffer, int] = {}
    still: dict[Buffer, int] = {}
    for nest in block.nests:
        for buffer, index in _accesses(nest):
            if passes.dim(index, nest) is not None:
                wide[buffer] = buffer.nbytes // size
            elif len(buffer.shape) > 1:
                still[buffer] = buffer.nbytes
    row = max(sum(wide.values()), 1)
    most = max(min(max(_CACHE, sum(still.values())) // row, _MOST), 16) // 8 * 8
    whole = [n for n in range(most, most // 2, -8) if size % n == 0]
    return min(whole[0] if whole else most, size)


def _lay_out(block: Block, own: Sequence[Buffer], target: Target) -> list[Buffer]:
    """Choose whether the rows go along the lanes of vectors; the copies that are made for it."""
    plain, sideways = _work(block, target), any(_is_sideways(nest, block, target) for nest in block.nests)
    kept = block.nests, dict(block.rows)
    for b in own:
        assert b.rows is not None
        b.order = (*(k for k in range(len(b.shape)) if k != b.rows), b.rows)
    packed = _pack(block)
    if _work(block, target) > plain and not sideways:
        block.nests, block.rows = kept
        for b in own:
            b.order = ()
        return []
    return packed


def _is_sideways(nest: Nest, block: Block, target: Target) -> bool:
    """Whether a product of matrices would have to add up along the lanes, each sum by itself."""
    if len(nest.axes) < 3 or not is_product(nest.statements[0]):
        return False
    return plan_nest(nest, target, {block.rows[nest]: block.step}).lane in nest.statements[0].over


def _work(block: Block, target: Target) -> float:
    return sum(cost_of(nest, target, {block.rows[nest]: block.step}) * nest.points for nest in block.nests)


def _pack(block: Block) -> list[Buffer]:
    """Copy what comes from elsewhere with its rows outside, so that neighbours in a vector are neighbours."""
    packed: dict[Buffer, tuple[Buffer, int]] = {}
    copies: list[Nest] = []
    for nest in list(block.nests):
        row = block.rows[nest]
        for s in nest.statements:
            for load in loads_of(s):
                b = load.buffer
                dims = [k for k, i in enumerate(load.index) if i.axis is row]
                if b in packed or b.rows is not None or len(dims) != 1 or b.strides[dims[0]] == 1:
                    continue
                if any(st.buffer is b for other in block.nests for st in other.statements):
                    continue
                copy, into = _copied(b, dims[0], block)
                packed[b] = into, dims[0]
                copies.append(copy)
    moved = {n: with_loads(n, _reader(block.rows[n], packed)) for n in block.nests}
    block.rows = {new: block.rows[old] for old, new in moved.items()} | {n: block.rows[n] for n in copies}
    block.nests = [*copies, *moved.values()]
    return [into for into, _ in packed.values()]


def _copied(b: Buffer, dim: int, block: Block) -> tuple[Nest, Buffer]:
    shape = (*b.shape[:dim], block.step, *b.shape[dim + 1 :])
    order = (*(k for k in range(len(shape)) if k != dim), dim)
    into = Buffer(f"{b.name}'", shape, b.dtype, order=order, rows=dim, owner=block)
    axes = [Axis("ijklmnop"[k], n) for k, n in enumerate(b.shape)]
    place = tuple(Affine.of(a) for a in axes)
    nest = Nest(axes, [Store(into, place, Load(b.dtype, b, place))])
    block.rows[nest] = axes[dim]
    return nest, into


def _reader(row: Axis, packed: dict[Buffer, tuple[Buffer, int]]) -> Callable[[Load], Load]:
    """What reads the copies instead."""

    def change(load: Load) -> Load:
        if load.buffer not in packed:
            return load
        into, dim = packed[load.buffer]
        place = load.index[dim]
        return Load(load.dtype, into, load.index) if place.axis is row else load

    return change
