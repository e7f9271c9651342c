"""Folds of a nest: where each keeps what it has so far, and how that comes together at the end.

A fold begins before the outermost of the loops that it goes over and that nothing else stands inside; there
each unrolled copy gets a stack slot of its own, which LLVM turns into a register. Behind the loops the copies
are folded into one another, then the lanes, and the total is written. Where other loops stand inside, every
point is folded into memory.

A sum of many terms is made in runs: what a run adds up is put by in a total before the next begins. So
rounding errors grow with the length of a run and the number of runs, not with the number of terms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nazad.run import lanes
from nazad.run.access import Here, Stretch
from nazad.run.lanes import Lanes
from nazad.run.llvm import Target
from nazad.run.loops import Apply, Axis, Fold, Nest, Statement
from nazad.run.plan import Copy, Plan
from nazad.run.values import Values
from nazad.run.vectormath.writer import Writer

RUN = 64
"""Terms that are added up in a row."""

_IDENTITIES: dict[str, Any] = {"add": 0, "multiply": 1, "logical_and": True, "logical_or": False}


def identity(op: str, dtype: np.dtype[Any]) -> Any:
    """What changes nothing when it is folded in.

    Examples
    --------
    >>> identity("multiply", np.dtype("int8")), identity("maximum", np.dtype("int8"))
    (np.int8(1), np.int8(-128))
    """
    if op in _IDENTITIES:
        return dtype.type(_IDENTITIES[op])
    low = op == "maximum"
    if dtype.kind == "f":
        return dtype.type(-np.inf if low else np.inf)
    if dtype.kind == "b":
        return np.bool_(not low)
    info = np.iinfo(dtype)
    return dtype.type(info.min if low else info.max)


def level_of(s: Fold, order: Sequence[Axis]) -> int:
    """Before which loop a fold begins: inside it there are only axes that are folded."""
    d = len(order)
    while d and order[d - 1] in s.over:
        d -= 1
    return d


def comes_back(s: Fold, plan: Plan, stretches: Mapping[Axis, Stretch]) -> bool:
    """Whether a fold comes back to the same entry several times, and so has to begin in memory."""
    outside = set(s.over) - set(plan.order[level_of(s, plan.order) :])
    return bool(outside) or any(a in stretches for a in s.over)


@dataclass
class _Slot:
    """Where one copy of a fold keeps what it has so far; a long sum also what it has put by."""

    fold: Fold
    name: str
    total: str | None = None


class Folds:
    """The folds of one nest.

    Attributes
    ----------
    allocas : list of str
        Lines for the head of the function, which make the stack slots.
    """

    def __init__(
        self, nest: Nest, plan: Plan, target: Target, writer: Writer, here: Here, values: Values
    ) -> None:
        self.plan, self.target, self.w, self.here, self.values = plan, target, writer, here, values
        self.allocas: list[str] = []
        self._levels = {s: level_of(s, plan.order) for s in nest.statements if isinstance(s, Fold)}
        self._slots: dict[tuple[Fold, Copy], _Slot] = {}

    # --- before the loops
    def begin(self, depth: int, copies: Sequence[Copy]) -> None:
        """Make the slots of the folds that begin here."""
        for s, level in self._levels.items():
            for copy in copies if level == depth else ():
                for own in self._copies_inside(copy, depth):
                    self._slots[s, own] = self._slot(s, depth)

    def _slot(self, s: Fold, depth: int) -> _Slot:
        slot = _Slot(s, self._set_up(s, "%sum."))
        if _is_real_sum(s) and self._is_long(depth):
            slot.total = self._set_up(s, "%total.")
        return slot

    def _set_up(self, s: Fold, prefix: str) -> str:
        """A stack slot that has what changes nothing."""
        name = self.w.fresh(prefix)
        self.allocas.append(f"  {name} = alloca {self._kind(s)}")
        self._put(name, lanes.constant(self.w, identity(s.op, s.buffer.dtype), s.buffer.dtype))
        return name

    def _copies_inside(self, copy: Copy, depth: int) -> list[Copy]:
        """The copies that a copy becomes inside the loops from here on."""
        inside = [copy]
        for a in self.plan.order[depth:]:
            inside = self.plan.copied(inside, a, self.plan.unroll.get(a, 1))
        return inside

    def _is_long(self, depth: int) -> bool:
        """Whether one of the loops from here on is long."""
        return any(self.here.size(a) // self.plan.step(a) >= 2 * RUN for a in self.plan.order[depth:])

    # --- inside the loops
    def is_fused(self, s: Statement) -> bool:
        """Whether a product is added in one instruction."""
        if not isinstance(s, Fold) or s.op != "add" or self._levels[s] == len(self.plan.order):
            return False
        is_product = isinstance(s.expr, Apply) and s.expr.op == "multiply" and s.expr.dtype.kind == "f"
        return is_product and self.here.mask is None and self.target.fma

    def add(self, s: Fold, x: Lanes | None, copy: Copy) -> None:
        """Fold in the value at one point; None stands for a product that is worked out while it is added."""
        if x is not None and self._levels[s] == len(self.plan.order):  # the next point has another entry
            self.values.access.fold(s.buffer, s.index, x, copy, s.op)
            return
        name = self._slots[s, copy].name
        old = self._get(s, name)
        self._put(name, self._with_product(s, old, copy) if x is None else self._with(s, old, x))

    def _with_product(self, s: Fold, old: Lanes, copy: Copy) -> Lanes:
        e = s.expr
        assert isinstance(e, Apply)
        a, b = (self.values.of(x, copy) for x in e.args)
        kind, suffix = lanes.ir_type(e.dtype, self.w.width), f"f{8 * e.dtype.itemsize}"
        name = f"llvm.fma.{suffix if self.w.width == 1 else f'v{self.w.width}{suffix}'}"
        self.w.declares.add(f"declare {kind} @{name}({kind}, {kind}, {kind})")
        call = f"call {kind} @{name}({kind} {a.name}, {kind} {b.name}, {kind} {old.name})"
        return Lanes(e.dtype, self.w.write_anew(call))

    def _with(self, s: Fold, old: Lanes, x: Lanes) -> Lanes:
        """With the lanes that count."""
        if self.here.mask is not None:
            kind, bits = lanes.ir_type(x.dtype, self.w.width), self.w.type("i1")
            none = lanes.constant(self.w, identity(s.op, x.dtype), x.dtype)
            select = f"select {bits} {self.here.mask}, {kind} {x.name}, {kind} {none.name}"
            x = Lanes(x.dtype, self.w.write(select))
        return lanes.apply(self.w, s.op, [old, x], x.dtype)

    # --- long sums
    def is_long_sum(self, axis: Axis, trips: int) -> bool:
        """Whether a sum would have so many terms in a row that their rounding errors count."""
        sums = [slot.fold for slot in self._slots.values() if slot.total is not None]
        return trips >= 2 * RUN and any(axis in s.over for s in sums)

    def put_by(self) -> None:
        """Add what has been summed up to the totals, and begin again."""
        for slot in self._slots.values():
            if slot.total is not None:
                s = slot.fold
                a, b = self._get(s, slot.total), self._get(s, slot.name)
                self._put(slot.total, lanes.apply(self.w, s.op, [a, b], a.dtype))
                self._put(slot.name, lanes.constant(self.w, 0, s.buffer.dtype))

    # --- behind the loops
    def end(self, depth: int, copies: Sequence[Copy]) -> None:
        """Put together what began here, and write it."""
        for s, level in self._levels.items():
            for copy in copies if level == depth else ():
                self._finish(s, self._collected(s, copy, depth), copy)

    def _collected(self, s: Fold, copy: Copy, depth: int) -> Lanes:
        slots = [self._slots.pop((s, own)) for own in self._copies_inside(copy, depth)]
        names = [slot.name for slot in slots] + [slot.total for slot in slots if slot.total is not None]
        parts = [self._get(s, name) for name in names]
        while len(parts) > 1:
            pairs = zip(parts[::2], parts[1::2], strict=False)
            rest = parts[-1:] if len(parts) % 2 else []
            parts = [lanes.apply(self.w, s.op, [a, b], a.dtype) for a, b in pairs] + rest
        return parts[0]

    def _finish(self, s: Fold, x: Lanes, copy: Copy) -> None:
        access = self.values.access
        across = self.plan.lane in s.over
        if across and s.by_lane:
            access.fold_apart(s.buffer, s.index, x, copy, s.op)
            return
        total = self._across(s.op, x) if across else x
        if comes_back(s, self.plan, self.here.stretches):
            access.fold(s.buffer, s.index, total, copy, s.op)
        else:
            access.store(s.buffer, s.index, total, copy)

    def _across(self, op: str, x: Lanes) -> Lanes:
        """Fold the lanes of a vector, halves first; the result stands in every lane."""
        width, half = self.w.width, self.w.width // 2
        kind = lanes.ir_type(x.dtype, width)
        while half:
            order = ", ".join(f"i32 {k ^ half}" for k in range(width))
            moved = self.w.write(f"shufflevector {kind} {x.name}, {kind} poison, <{width} x i32> <{order}>")
            x = lanes.apply(self.w, op, [x, Lanes(x.dtype, moved)], x.dtype)
            half //= 2
        return x

    # --- slots
    def _kind(self, s: Fold) -> str:
        return lanes.ir_type(s.buffer.dtype, self.w.width)

    def _get(self, s: Fold, name: str) -> Lanes:
        return Lanes(s.buffer.dtype, self.w.write_anew(f"load {self._kind(s)}, ptr {name}"))

    def _put(self, name: str, x: Lanes) -> None:
        self.w.lines.append(f"  store {lanes.ir_type(x.dtype, self.w.width)} {x.name}, ptr {name}")


def _is_real_sum(s: Fold) -> bool:
    return s.op == "add" and s.buffer.dtype.kind == "f"
