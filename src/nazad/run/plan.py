"""How a nest runs: the order of its loops, which axis goes along the lanes of vectors, what is unrolled.

Reading neighbours together decides most: the axis along the lanes is the one along which the accesses of a
nest are neighbours, or do not move. Folded axes go inside, so that what is folded stays in registers. A sum
of products is unrolled along two axes, so that each number that is read serves several products.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
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
    walk,
)

_LIGHT = ("add", "subtract", "multiply", "where", "maximum", "minimum", "square", "negative")
_LEAST = 8
"""Sums side by side that hide how long one addition takes."""

Copy = tuple[tuple[Axis, int], ...]
"""One of the copies of a loop's body that unrolling makes: offsets of the unrolled axes."""


@dataclass
class Plan:
    """The order of the loops, the axis of the lanes and their number, and how far each axis is unrolled."""

    order: list[Axis]
    lane: Axis | None
    width: int
    unroll: dict[Axis, int] = field(default_factory=dict)

    def step(self, axis: Axis) -> int:
        """How many places of an axis one vector takes."""
        return self.width if axis is self.lane else 1

    def copied(self, copies: list[Copy], axis: Axis, many: int) -> list[Copy]:
        """Each copy as many times as the axis is unrolled."""
        if many == 1:
            return copies
        step = self.step(axis)
        return [(*copy, (axis, k * step)) if k else copy for copy in copies for k in range(many)]


def plan_nest(nest: Nest, target: Target, sizes: Mapping[Axis, int] | None = None) -> Plan:
    """Choose for one nest; ``sizes`` has the sizes of axes of which only a part runs at a time."""
    known = {a: a.size for a in nest.axes} | dict(sizes or {})
    lane = _best_lane(nest, target, known)
    plan = Plan(_order(nest, lane), lane, lanes_for(nest, target, known[lane]) if lane else 1)
    plan.unroll = _unroll(nest, plan, target, known)
    return plan


def cost_of(nest: Nest, target: Target, sizes: Mapping[Axis, int]) -> float:
    """Rough instructions per point, with the best axis along the lanes."""
    known = {a: a.size for a in nest.axes} | dict(sizes)
    lane = _best_lane(nest, target, known)
    return 10.0 if lane is None else _cost(nest, lane, target, known)


def lanes_for(nest: Nest, target: Target, size: int) -> int:
    """How many numbers go into one vector: what the widest of them permits, no more than there are."""
    widest = max((e.dtype.itemsize for e in walk(*[s.expr for s in nest.statements])), default=8)
    most = target.vector_bits // (8 * max(widest, 4))
    return min(most, 1 << max(size - 1, 0).bit_length())


def _adds_up(s: Statement, axis: Axis) -> bool:
    """Whether points along an axis add into one place, or may do so, and therefore come one after another."""
    return isinstance(s, Store) and s.add and stride_of(s.buffer, s.index, axis) in (None, 0)


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


def accesses(nest: Nest) -> Iterator[tuple[Buffer, Index]]:
    """Everything that a nest writes and reads, and where."""
    yield from ((s.buffer, s.index) for s in nest.statements)
    yield from ((load.buffer, load.index) for load in loads_of(*nest.statements))
    yield from ((r.starts, r.place) for r in nest.ragged.values())


def _best_lane(nest: Nest, target: Target, sizes: Mapping[Axis, int]) -> Axis | None:
    possible = [a for a in nest.axes if sizes[a] > 1 and a not in nest.uneven]
    candidates = [a for a in possible if not any(_adds_up(s, a) for s in nest.statements)]
    return min(candidates, key=lambda a: _cost(nest, a, target, sizes), default=None)


def _cost(nest: Nest, lane: Axis, target: Target, sizes: Mapping[Axis, int]) -> float:
    """Rough instructions per point, with this axis along the lanes."""
    width = lanes_for(nest, target, sizes[lane])
    work = _work(nest) + 1.0
    for buffer, index in accesses(nest):
        step = stride_of(buffer, index, lane)
        work += 1 if step in (0, 1) else 2 if step == -1 else 4 * width
    for s in nest.statements:
        if lane in s.over:
            run = math.prod(sizes[a] for a in s.over)
            work += 12 / max(run / width, 1)
    used = sizes[lane] / (math.ceil(sizes[lane] / width) * width)
    return work / (used * width)


def _work(nest: Nest) -> float:
    """Rough instructions for one point, without those that touch memory."""
    return sum(_weight(e) for e in walk(*[s.expr for s in nest.statements]))


def _weight(expr: Expr) -> float:
    if isinstance(expr, Apply):
        return 1 if expr.op in _LIGHT else 8
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


# --- unrolling
def _unroll(nest: Nest, plan: Plan, target: Target, sizes: Mapping[Axis, int]) -> dict[Axis, int]:
    if plan.lane is None:
        return {}
    strips = max(sizes[plan.lane] // plan.width, 1)
    if len(nest.statements) == 1 and is_product(nest.statements[0]):
        return _tiles(nest, plan, 32 if target.vector_bits == 512 else 16, strips, sizes)
    work = _work(nest)
    return {plan.lane: min(strips, 4 if work < 12 else 2 if work < 40 else 1)}


def is_product(statement: Statement) -> bool:
    """Whether a statement sums up products of what is read from memory."""
    if not isinstance(statement, Fold) or statement.op != "add":
        return False
    expr = statement.expr
    return isinstance(expr, Apply) and expr.op == "multiply" and all(isinstance(a, Load) for a in expr.args)


def _tiles(nest: Nest, plan: Plan, registers: int, strips: int, sizes: Mapping[Axis, int]) -> dict[Axis, int]:
    """Unroll so that each number serves several products and the sums fit the registers."""
    s, lane = nest.statements[0], plan.lane
    assert isinstance(s.expr, Apply)
    assert lane is not None
    a, b = (axes_in(x) for x in s.expr.args[:2])
    free = [x for x in reversed(plan.order) if x not in s.over and x is not lane and x not in nest.uneven]
    only_a = next((x for x in free if x in a and x not in b), None)
    only_b = next((x for x in free if x in b and x not in a), None)
    few = {x: _few(x, nest, sizes) for x in (only_a, only_b) if x is not None}
    if lane in s.over:
        return _summed_by_lane(lane, only_a, only_b, registers, strips, sizes, few)
    across = only_a if lane not in a else only_b if lane not in b else None
    if across is None:
        return {lane: min(strips, registers // 2)}
    pairs = itertools.product(few[across], divisors(strips, 8))
    best = max(((t, u) for t, u in pairs if t * u + t + u <= registers), key=lambda tu: _reuse(*tu))
    return {across: best[0], lane: best[1]}


def _summed_by_lane(
    lane: Axis,
    a: Axis | None,
    b: Axis | None,
    registers: int,
    strips: int,
    sizes: Mapping[Axis, int],
    few: Mapping[Axis, list[int]],
) -> dict[Axis, int]:
    """Where the lanes are added up, too: several sums side by side, or one in several parts."""
    if a is None or b is None:  # one operand goes by once: it is read in the order in which it lies
        rows = a or b
        return {lane: min(strips, _LEAST)} | ({rows: max(divisors(sizes[rows], 2))} if rows else {})
    pairs = [(m, n) for m, n in itertools.product(few[a], few[b]) if m * n <= registers - 8]
    m, n = max(pairs, key=lambda mn: _reuse(*mn))
    return {a: m, b: n} | ({lane: min(strips, _LEAST // (m * n))} if m * n < _LEAST else {})


def _few(axis: Axis, nest: Nest, sizes: Mapping[Axis, int]) -> list[int]:
    """How far an axis may be unrolled: little, where its places limit another axis, or others limit it."""
    limiting = [limit.by for limit in nest.limits.values()]
    most = (2 if axis.size <= 24 else 4) if axis in limiting or axis in nest.limits else 8
    return divisors(sizes[axis], most)


def _reuse(m: int, n: int) -> float:
    """Products for each number that is read."""
    return m * n / (m + n)


def divisors(size: int, most: int) -> list[int]:
    """Whole numbers up to ``most`` that divide the size; where none does, some that leave a rest."""
    found = [n for n in range(1, most + 1) if size % n == 0]
    return found if len(found) > 1 or size < most else [1, 2, 4]
