"""How a nest runs: the order of its loops, which axis goes along the lanes of vectors, what is unrolled.

Reading neighbours together decides most: the axis along the lanes is the one along which the accesses of the
nest are neighbours, or do not move. Folded axes go inside, so that what is folded stays in registers. A sum of
products is unrolled along two axes, so that each number that is read serves several products.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from nazad.run.llvm import Target
from nazad.run.loops import (
    Apply,
    Axis,
    Buffer,
    Expr,
    Fold,
    Index,
    Load,
    Nest,
    Statement,
    Store,
    loads_of,
    loose_in,
    walk,
)

_WEIGHTS = {
    "add": 1,
    "subtract": 1,
    "multiply": 1,
    "where": 1,
    "maximum": 1,
    "minimum": 1,
    "square": 1,
    "negative": 1,
}


@dataclass
class Plan:
    """The order of the loops, the axis of the lanes and their number, and how far each axis is unrolled."""

    order: list[Axis]
    lane: Axis | None
    width: int
    unroll: dict[Axis, int] = field(default_factory=dict)


def plan_nest(nest: Nest, target: Target, sizes: dict[Axis, int] | None = None) -> Plan:
    """Choose for one nest; ``sizes`` has the sizes of axes of which only a part runs at a time."""
    sizes = {a: a.size for a in nest.axes} | (sizes or {})
    lane = None if _conflicting(nest) else _best_lane(nest, target, sizes)
    width = lanes_for(nest, target, sizes[lane]) if lane else 1
    order = _order(nest, lane)
    plan = Plan(order, lane, width)
    plan.unroll = _unroll(nest, plan, target, sizes)
    return plan


def cost_of(nest: Nest, target: Target, sizes: dict[Axis, int]) -> float:
    """Rough instructions per point, with the best axis along the lanes."""
    known = {a: a.size for a in nest.axes} | sizes
    lane = None if _conflicting(nest) else _best_lane(nest, target, known)
    return 10.0 if lane is None else _cost(nest, lane, target, known)


def lanes_for(nest: Nest, target: Target, size: int) -> int:
    """How many numbers go into one vector: what the widest of them permits, no more than there are."""
    widest = max((e.dtype.itemsize for s in nest.statements for e in (*walk(s.expr),)), default=8)
    most = target.vector_bits // (8 * max(widest, 4))
    return min(most, 1 << max(size - 1, 0).bit_length())


def _conflicting(nest: Nest) -> bool:
    """Whether several points may add into one place that is known only while running."""
    return any(s.add and loose_in(s.index) for s in nest.statements)


def stride_of(buffer: Buffer, index: Index, axis: Axis) -> int | None:
    """How many entries further the next point along an axis is; None where there is no telling."""
    step = 0
    for place, stride in zip(index, buffer.strides, strict=True):
        if any(axis in axes_in(e) for e, _ in place.loose):
            return None
        step += dict(place.terms).get(axis, 0) * stride
    return step


def axes_in(expr: Expr) -> set[Axis]:
    """The axes along which an expression may change."""
    return {a for e in walk(expr) if isinstance(e, Load) for i in e.index for a, _ in i.terms}


def _accesses(nest: Nest) -> Iterator[tuple[Buffer, Index]]:
    for s in nest.statements:
        yield s.buffer, s.index
        yield from ((load.buffer, load.index) for load in loads_of(s))


def _best_lane(nest: Nest, target: Target, sizes: dict[Axis, int]) -> Axis | None:
    candidates = [a for a in nest.axes if sizes[a] > 1]
    return min(candidates, key=lambda a: _cost(nest, a, target, sizes), default=None)


def _cost(nest: Nest, lane: Axis, target: Target, sizes: dict[Axis, int]) -> float:
    """Rough instructions per point, with this axis along the lanes."""
    width = lanes_for(nest, target, sizes[lane])
    work = sum(_weight(e) for s in nest.statements for e in walk(s.expr)) + 1.0
    for buffer, index in _accesses(nest):
        step = stride_of(buffer, index, lane)
        work += 1 if step in (0, 1) else 2 if step == -1 else 4 * width
    for s in nest.statements:
        if lane in s.over:
            run = math.prod(sizes[a] for a in s.over)
            work += 12 / max(run / width, 1)
    used = sizes[lane] / (math.ceil(sizes[lane] / width) * width)
    return work / (used * width)


def _weight(expr: Expr) -> float:
    if isinstance(expr, Apply):
        return _WEIGHTS.get(expr.op, 8)
    return 0.5


def _order(nest: Nest, lane: Axis | None) -> list[Axis]:
    """Free axes outside, folded ones inside; the lanes as far inside as that allows."""
    over = [a for a in nest.axes if any(a in s.over for s in nest.statements)]
    free = [a for a in nest.axes if a not in over and a is not lane]
    inner = [a for a in over if a is not lane]
    if lane is None:
        return [*free, *inner]
    if not over:
        return [*free, lane]
    if lane in over:
        return [*free, *inner, lane]
    if all(isinstance(s, Fold) and set(s.over) == set(over) for s in nest.statements):
        return [*free, lane, *inner]
    return [*free, *inner, lane]


def _unroll(nest: Nest, plan: Plan, target: Target, sizes: dict[Axis, int]) -> dict[Axis, int]:
    if plan.lane is None:
        return {}
    registers = 32 if target.vector_bits == 512 else 16
    strips = max(sizes[plan.lane] // plan.width, 1)
    product = (
        len(nest.statements) == 1 and isinstance(nest.statements[0], Fold) and is_product(nest.statements[0])
    )
    if not product:
        work = sum(_weight(e) for s in nest.statements for e in walk(s.expr))
        return {plan.lane: min(strips, 4 if work < 12 else 2 if work < 40 else 1)}
    return _tiles(nest, plan, registers, strips, sizes)


def is_product(statement: Statement) -> bool:
    """Whether a statement sums up products of what is read from memory."""
    if not isinstance(statement, Fold) or statement.op != "add":
        return False
    expr = statement.expr
    return isinstance(expr, Apply) and expr.op == "multiply" and all(isinstance(a, Load) for a in expr.args)


def _tiles(nest: Nest, plan: Plan, registers: int, strips: int, sizes: dict[Axis, int]) -> dict[Axis, int]:
    """Unroll so that each number serves several products and the sums fit the registers."""
    s, lane = nest.statements[0], plan.lane
    assert lane is not None and isinstance(s.expr, Apply)
    a, b = (axes_in(x) for x in s.expr.args[:2])
    free = [x for x in plan.order if x not in s.over and x is not lane]
    only_a = next((x for x in reversed(free) if x in a and x not in b), None)
    only_b = next((x for x in reversed(free) if x in b and x not in a), None)
    most = {x: _most(nest, x) for x in (only_a, only_b)}
    if lane in s.over and (only_a is None or only_b is None):
        # one operand goes by once: it is read in the order in which it lies
        rows = only_a or only_b
        return {lane: min(strips, 8)} | ({rows: max(divisors(sizes[rows], 2))} if rows else {})
    if lane in s.over:
        tile = _fitting(only_a, only_b, registers - 8, most, sizes)
        copies = math.prod(tile.values())
        return tile | ({lane: min(strips, 8 // copies)} if copies < 8 <= 8 * strips else {})
    across = only_a if lane not in a else only_b if lane not in b else None
    if across is None:
        return {lane: min(strips, registers // 2)}
    pairs = [
        (t, u)
        for t in divisors(sizes[across], most[across])
        for u in divisors(strips, 8)
        if t * u + t + u <= registers
    ]
    best = max(pairs, key=lambda tu: _reuse(*tu))
    return {across: best[0], lane: best[1]}


def _most(nest: Nest, axis: Axis | None) -> int:
    """How far an axis may be unrolled: little, where its places limit another axis, or others limit it."""
    limiting = [limit.by for limit in nest.limits.values()]
    return (
        (2 if axis.size <= 24 else 4) if axis is not None and (axis in limiting or axis in nest.limits) else 8
    )


def _reuse(m: int, n: int) -> float:
    """Products for each number that is read."""
    return m * n / (m + n)


def _fitting(
    a: Axis | None, b: Axis | None, registers: int, most: dict[Axis | None, int], sizes: dict[Axis, int]
) -> dict[Axis, int]:
    pairs = [
        (m, n)
        for m in (divisors(sizes[a], most[a]) if a else [1])
        for n in (divisors(sizes[b], most[b]) if b else [1])
        if m * n <= registers
    ]
    best = max(pairs, key=lambda mn: _reuse(*mn))
    return {x: n for x, n in zip((a, b), best, strict=True) if x is not None}


def divisors(size: int, most: int) -> list[int]:
    """Whole numbers up to ``most`` that divide the size; where none does, some that leave a rest."""
    found = [n for n in range(1, most + 1) if size % n == 0]
    return found if len(found) > 1 or size < most else [1, 2, 4]


__all__ = ["Plan", "Store", "axes_in", "divisors", "is_product", "lanes_for", "plan_nest", "stride_of"]
