"""Blocks: nests that run together, some rows at a time; what one leaves for the next stays in the cache.

What is only used inside a block is kept for a few rows alone. The rows themselves may go along the lanes of
vectors; then local buffers have them innermost, and arguments that do not are copied, a block at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from nazad.run.gemm import as_gemm
from nazad.run.llvm import Target
from nazad.run.loops import Affine, Axis, Block, Buffer, Index, Item, Load, Nest, Store, loads_of
from nazad.run.parts import divide
from nazad.run.plan import accesses, cost_of, is_product, plan_nest
from nazad.run.rename import with_loads

_CACHE = 448 * 1024
"""Bytes that the rows of a block may take."""
_MOST = 512
"""Rows of a block."""
_LONG = 400_000
"""Points from which on a nest by itself is run some rows at a time."""
_CHUNK = 1 << 14
"""Points at a time, then."""


def together(
    nests: Sequence[Nest], rows: Mapping[Nest, Axis], private: Mapping[Buffer, int], target: Target
) -> list[Item]:
    """One block of several nests, and what puts the results of its parts together.

    Parameters
    ----------
    rows : dict
        The axis of each nest that goes along the rows.
    private : dict
        Buffers that nothing else touches, and their dimension along the rows.
    """
    block = Block(rows[nests[0]].size, 0, list(nests), {nest: rows[nest] for nest in nests})
    block.step = _step(block)
    own = [b for b in touched(nests) if b in private]
    for b in own:
        _keep_some_rows(b, private[b], block)
    packed = _lay_out(block, own, target)
    return divide(block, [*own, *packed], target)


def alone(nest: Nest, row: Axis | None, target: Target) -> list[Item]:
    """A nest by itself; a long one some rows at a time, so that parts of it may run at once."""
    row = row or max((a for a in nest.axes if a not in nest.ragged), key=lambda a: a.size, default=None)
    if row is None or nest.points < _LONG or as_gemm(nest):
        return [nest]
    step = min(max(_CHUNK * row.size // nest.points // 8 * 8, 8), row.size)
    block = Block(row.size, step, [nest], {nest: row})
    items = divide(block, [], target)
    return items if block.parts > 1 else [nest]


def touched(nests: Iterable[Nest]) -> list[Buffer]:
    """What nests write or read, each once."""
    return list(dict.fromkeys(b for nest in nests for b, _ in accesses(nest)))


def along(row: Axis | None, index: Index) -> int | None:
    """The dimension that goes along the rows; None if none does, or several."""
    found = [k for k, i in enumerate(index) if row is not None and i.axis is row]
    return found[0] if len(found) == 1 else None


def _step(block: Block) -> int:
    """How many rows at a time: as many as fit the cache; such as leave no rest, if there are any.

    What has no rows is gone through once for each block. Where it is large, blocks are large too.
    """
    wide: dict[Buffer, int] = {}
    still: dict[Buffer, int] = {}
    for nest in block.nests:
        for buffer, index in accesses(nest):
            if along(block.rows[nest], index) is not None or _is_run(nest, index):
                wide[buffer] = buffer.nbytes // block.size
            elif len(buffer.shape) > 1:
                still[buffer] = buffer.nbytes
    row = max(sum(wide.values()), 1)
    most = max(min(max(_CACHE, sum(still.values())) // row, _MOST), 16) // 8 * 8
    whole = [n for n in range(most, most // 2, -8) if block.size % n == 0]
    return min(whole[0] if whole else most, block.size)


def _is_run(nest: Nest, index: Index) -> bool:
    """Whether a place goes along the runs that rows have of a ragged axis."""
    return any(i.axis in nest.ragged for i in index)


def _keep_some_rows(b: Buffer, dim: int, block: Block) -> None:
    b.rows, b.owner = dim, block
    b.shape = (*b.shape[:dim], block.step, *b.shape[dim + 1 :])


# --- rows along the lanes
def _lay_out(block: Block, own: Sequence[Buffer], target: Target) -> list[Buffer]:
    """Choose whether the rows go along the lanes of vectors; the copies that are made for it."""
    before, is_sideways = _work(block, target), any(_is_sideways(n, block, target) for n in block.nests)
    kept = block.nests, block.rows
    for b in own:
        assert b.rows is not None
        b.order = _innermost(b.rows, len(b.shape))
    packed = _pack(block)
    if _work(block, target) <= before or is_sideways:
        return packed
    block.nests, block.rows = kept
    for b in own:
        b.order = ()
    return []


def _innermost(dim: int, rank: int) -> tuple[int, ...]:
    """An order of dimensions in which one is closest together."""
    return (*(k for k in range(rank) if k != dim), dim)


def _is_sideways(nest: Nest, block: Block, target: Target) -> bool:
    """Whether a product of matrices would have to add up along the lanes, each sum by itself."""
    if len(nest.axes) < 3 or not is_product(nest.statements[0]):
        return False
    return plan_nest(nest, target, {block.rows[nest]: block.step}).lane in nest.statements[0].over


def _work(block: Block, target: Target) -> float:
    return sum(cost_of(nest, target, {block.rows[nest]: block.step}) * nest.points for nest in block.nests)


def _pack(block: Block) -> list[Buffer]:
    """Copy what comes from elsewhere with its rows outside, so that neighbours in a vector are neighbours."""
    packed: dict[Buffer, Buffer] = {}
    copies: dict[Nest, Axis] = {}
    for b, dim in _far_apart(block).items():
        packed[b] = into = Buffer(
            f"{b.name}'",
            (*b.shape[:dim], block.step, *b.shape[dim + 1 :]),
            b.dtype,
            order=_innermost(dim, len(b.shape)),
            rows=dim,
            owner=block,
        )
        nest = _copied(b, into)
        copies[nest] = nest.axes[dim]
    moved = {n: with_loads(n, _reader(block.rows[n], packed)) for n in block.nests}
    block.rows = {new: block.rows[old] for old, new in moved.items()} | copies
    block.nests = [*copies, *moved.values()]
    return list(packed.values())


def _far_apart(block: Block) -> dict[Buffer, int]:
    """Buffers from elsewhere that are read along the rows, whose rows do not lie side by side; and where."""
    written = {s.buffer for nest in block.nests for s in nest.statements}
    found: dict[Buffer, int] = {}
    for nest in block.nests:
        for load in loads_of(*nest.statements):
            b, dim = load.buffer, along(block.rows[nest], load.index)
            if dim is not None and b.rows is None and b not in written and b.strides[dim] != 1:
                found.setdefault(b, dim)
    return found


def _copied(b: Buffer, into: Buffer) -> Nest:
    axes = [Axis("ijklmnop"[k], n) for k, n in enumerate(b.shape)]
    place = tuple(Affine.of(a) for a in axes)
    return Nest(axes, [Store(into, place, Load(b.dtype, b, place))])


def _reader(row: Axis, packed: Mapping[Buffer, Buffer]) -> Callable[[Load], Load]:
    """What reads the copies instead, at its own rows."""

    def change(load: Load) -> Load:
        into = packed.get(load.buffer)
        if into is None or into.rows is None or load.index[into.rows].axis is not row:
            return load
        return Load(load.dtype, into, load.index)

    return change
