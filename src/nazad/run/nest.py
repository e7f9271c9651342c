"""A nest as LLVM IR: loops around straight code on vectors.

The loops are opened in the order of the plan. An axis that is unrolled has several *copies* of what stands
inside, with offsets; what copies have in common is written once, and so a number that was read serves them
all: unrolling is all there is to tiles in registers. Along the lanes the last strip may be shorter; then a
mask holds back reads and writes.

Expressions are written by :mod:`nazad.run.values`, memory is read and written by :mod:`nazad.run.access`, and
what becomes of folds stands in :mod:`nazad.run.folds`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from nazad.run.access import Here
from nazad.run.folds import RUN, Folds
from nazad.run.lanes import Lanes, memory_type
from nazad.run.llvm import Target
from nazad.run.loops import Affine, Axis, Buffer, Fold, Nest, Ragged, Store
from nazad.run.plan import Copy, Plan
from nazad.run.values import Values
from nazad.run.vectormath.writer import Writer


class Range(NamedTuple):
    """What a loop goes through, in whole steps; bounds that are known only while running are names."""

    start: int | str
    end: int | str
    step: int
    may_be_empty: bool = False

    @property
    def trips(self) -> int | None:
        """How many rounds there are; None where that is known only while running."""
        if isinstance(self.start, str) or isinstance(self.end, str):
            return None
        return (self.end - self.start) // self.step


class NestCode:
    """Writes one nest into the function that ``writer`` is writing.

    Attributes
    ----------
    allocas : list of str
        Lines for the head of the function.
    tables : list of str
        Lines that stand before the function: constants of the module.
    """

    def __init__(self, nest: Nest, plan: Plan, target: Target, writer: Writer, here: Here) -> None:
        self.nest, self.plan, self.w, self.here = nest, plan, writer, here
        self.values = Values(nest, plan, writer, here)
        self.folds = Folds(nest, plan, target, writer, here, self.values)
        self.tables: list[str] = []

    @property
    def allocas(self) -> list[str]:
        return self.folds.allocas

    def write(self) -> None:
        """The whole nest; without points there is nothing to do."""
        if self.nest.points:
            self._level(0, [()])

    def _level(self, depth: int, copies: list[Copy]) -> None:
        """The loops from this depth on, and what is best done before and behind them."""
        self.values.write_early(depth, copies)
        if depth == len(self.plan.order):
            self._statements(copies)
            return
        self.folds.begin(depth, copies)
        if self.plan.order[depth] is self.plan.lane:
            self._strips(depth, copies)
        else:
            self._range(depth, copies)
        self.folds.end(depth, copies)

    def _statements(self, copies: list[Copy]) -> None:
        """At each point everything is worked out before anything is written."""
        statements = self.nest.statements
        for copy in copies:
            values = [None if self.folds.is_fused(s) else self.values.of(s.expr, copy) for s in statements]
            for s, x in zip(statements, values, strict=True):
                if isinstance(s, Fold):
                    self.folds.add(s, x, copy)
                elif x is not None:
                    self._write(s, x, copy)

    def _write(self, s: Store, x: Lanes, copy: Copy) -> None:
        if s.add:
            self.values.access.fold(s.buffer, s.index, x, copy, "add")
        else:
            self.values.access.store(s.buffer, s.index, x, copy)

    # --- loops
    def _range(self, depth: int, copies: list[Copy]) -> None:
        """Along an axis that does not go along the lanes: unrolled, and the rest one by one."""
        axis = self.plan.order[depth]
        if axis in self.nest.ragged:
            self._loop(depth, self._run(self.nest.ragged[axis]), copies)
            return
        size = self.here.size(axis)
        step = min(self.plan.unroll.get(axis, 1), size)
        unrolled = self.plan.copied(copies, axis, step)
        limited = self._limited(axis, step, size)
        if limited is not None:
            self._loop(depth, limited, unrolled)
            return
        whole = size - size % step
        self._loop(depth, Range(0, whole, step), unrolled)
        self._loop(depth, Range(whole, size, 1), copies)

    def _strips(self, depth: int, copies: list[Copy]) -> None:
        """Along the lanes: several vectors at a time, then single ones, and a last one that is shorter."""
        axis, width = self.plan.order[depth], self.plan.width
        size = self.here.size(axis)
        many = max(min(self.plan.unroll.get(axis, 1), size // width), 1)
        whole, rest = size - size % (many * width), size - size % width
        self._loop(depth, Range(0, whole, many * width), self.plan.copied(copies, axis, many))
        self._loop(depth, Range(whole, rest, width), copies)
        if rest < size:
            self._tail(depth, rest, size - rest, copies)

    def _tail(self, depth: int, start: int, count: int, copies: list[Copy]) -> None:
        """The last strip, shorter than the vectors."""
        width = self.plan.width
        bits = ", ".join(f"i1 {str(k < count).lower()}" for k in range(width))
        self.here.mask, self.here.is_alone = f"<{bits}>", count == 1
        self._loop(depth, Range(start, start + width, width), copies)
        self.here.mask, self.here.is_alone = None, False

    def _loop(self, depth: int, r: Range, copies: list[Copy]) -> None:
        axis = self.plan.order[depth]
        if r.start == r.end:
            return
        with self.values.inside():
            if r.trips == 1:  # no loop
                self._inside(depth, str(r.start), copies)
            elif r.trips is not None and self.folds.is_long_sum(axis, r.trips):
                self._in_runs(depth, r, r.trips, copies)
            else:
                around(self.w, r, lambda counter: self._inside(depth, counter, copies))
        self.here.counters.pop(axis, None)

    def _inside(self, depth: int, counter: str, copies: list[Copy]) -> None:
        self.here.counters[self.plan.order[depth]] = counter
        self._level(depth + 1, copies)

    def _in_runs(self, depth: int, r: Range, trips: int, copies: list[Copy]) -> None:
        """A long loop as a loop of loops; what each of them adds up is put by before the next begins."""
        assert isinstance(r.start, int)
        length = RUN * r.step
        whole = r.start + trips // RUN * length

        def run(first: str) -> None:
            last = self.w.write(f"add nuw nsw i64 {first}, {length}")
            with self.values.inside():
                one = Range(first, last, r.step)
                around(self.w, one, lambda counter: self._inside(depth, counter, copies))
            self.folds.put_by()

        around(self.w, Range(r.start, whole, length), run)
        self._loop(depth, Range(whole, r.end, r.step), copies)

    # --- parts of axes that count
    def _run(self, ragged: Ragged) -> Range:
        """The run of a ragged axis where the other one stands, inside of what there is."""
        here, last = Affine.of(ragged.by), Affine(offset=ragged.by.size)
        most = self._start(ragged.starts, last) if ragged.most is None else str(ragged.most)
        first, behind = (self._within(self._start(ragged.starts, place), most) for place in (here, here + 1))
        return Range(first, behind, 1, may_be_empty=True)

    def _within(self, x: str, most: str) -> str:
        """The number, if it is from zero up to the most; else the nearer one of the two."""
        for op, bound in (("smax", "0"), ("smin", most)):
            self.w.declares.add(f"declare i64 @llvm.{op}.i64(i64, i64)")
            x = self.w.write(f"call i64 @llvm.{op}.i64(i64 {x}, i64 {bound})")
        return x

    def _start(self, starts: Buffer, place: Affine) -> str:
        pointer, kind = self.values.access.pointer(starts, (place,), ()), memory_type(starts.dtype, 1)
        start = self.w.write_anew(f"load {kind}, ptr {pointer}, align {starts.dtype.itemsize}")
        return start if kind == "i64" else self.w.write(f"sext {kind} {start} to i64")

    def _limited(self, axis: Axis, step: int, size: int) -> Range | None:
        """The part of an axis that counts where another axis stands; None if it may be all of it."""
        limit = self.nest.limits.get(axis)
        if limit is None or size % step or not self._can_limit(axis, limit.by):
            return None
        tiled = limit.tiled(self._tile(limit.by), step, size)
        low, high = self._bound(tiled.by, tiled.low), self._bound(tiled.by, tiled.high)
        return Range(low, high, step, isinstance(low, str) or isinstance(high, str))

    def _tile(self, axis: Axis) -> int:
        """How many places of an axis are worked on at once."""
        return self.plan.unroll.get(axis, 1) * self.plan.step(axis)

    def _can_limit(self, axis: Axis, by: Axis) -> bool:
        """Whether the place on the other axis is known, and a tile begins there."""
        if by not in self.here.counters or axis in self.here.stretches:
            return False
        if by not in self.here.stretches:
            return True
        start, count = self.here.stretches[by]
        return (int(start) if start.isdigit() else count) % self._tile(by) == 0

    def _bound(self, by: Axis, bounds: Sequence[int]) -> int | str:
        """A bound at the place where the other axis stands: a number, or read from a table."""
        place = self._standing(by)
        if place.isdigit():
            return bounds[int(place)]
        if len(set(bounds)) == 1:
            return bounds[0]
        table = f"@limits.{self.w.stem}{len(self.tables)}"
        entries = ", ".join(f"i64 {n}" for n in bounds)
        self.tables.append(f"{table} = internal constant [{len(bounds)} x i64] [{entries}]")
        entry = self.w.write(f"getelementptr i64, ptr {table}, i64 {place}")
        return self.w.write(f"load i64, ptr {entry}")

    def _standing(self, axis: Axis) -> str:
        """Where on the whole axis the nest stands: a number, or a name."""
        counter = self.here.counters[axis]
        if axis not in self.here.stretches:
            return counter
        start = self.here.stretches[axis].start
        if start.isdigit() and counter.isdigit():
            return str(int(start) + int(counter))
        return self.w.write(f"add i64 {start}, {counter}")


def around(w: Writer, r: Range, inside: Callable[[str], None]) -> None:
    """A loop around what ``inside`` writes, which gets the name of the counter."""
    label = w.fresh("loop.")
    before, counter, following = w.block, w.fresh("%i"), w.fresh("%n")
    if r.may_be_empty:
        some = w.fresh("%c")
        w.lines.append(f"  {some} = icmp slt i64 {r.start}, {r.end}")
        w.lines.append(f"  br i1 {some}, label %{label}, label %{label}.done")
    else:
        w.lines.append(f"  br label %{label}")
    w.begin(label)
    w.lines.append(f"  {counter} = phi i64 [{r.start}, %{before}], [{following}, %{label}.next]")
    inside(counter)
    w.lines.append(f"  br label %{label}.next")
    w.begin(f"{label}.next")
    w.lines.append(f"  {following} = add nuw nsw i64 {counter}, {r.step}")
    again = w.fresh("%c")
    w.lines.append(f"  {again} = icmp ult i64 {following}, {r.end}")
    w.lines.append(f"  br i1 {again}, label %{label}, label %{label}.done")
    w.begin(f"{label}.done")
