"""A nest as LLVM IR: loops around straight code on vectors.

The loops are opened in the order of the plan. An expression is written at the outermost loop at which all its
axes are known. An axis that is unrolled has several *copies* of what stands inside, with offsets; what copies
have in common is written once, and so a number that was read serves them all: unrolling is all there is to
tiles in registers. Along the lanes the last strip may be shorter; then a mask holds back reads and writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nazad.run import lanes
from nazad.run.lanes import Lanes
from nazad.run.llvm import Target
from nazad.run.loops import (
    Apply,
    Axis,
    Buffer,
    Cast,
    Constant,
    Expr,
    Fold,
    Index,
    Load,
    Nest,
    Statement,
    args_of,
    loose_in,
    walk,
)
from nazad.run.plan import Plan, axes_in, stride_of
from nazad.run.vectormath.writer import Writer

Copy = tuple[tuple[Axis, int], ...]
"""Offsets of the unrolled axes."""

_RUN = 64
"""Terms that are added up in a row; then what they make is added to the total."""

IDENTITY: dict[str, Any] = {"add": 0, "multiply": 1, "logical_and": True, "logical_or": False}


def identity(op: str, dtype: np.dtype[Any]) -> Any:
    """What changes nothing when it is folded in."""
    if op in IDENTITY:
        return dtype.type(IDENTITY[op])
    low = op == "maximum"
    if dtype.kind == "f":
        return dtype.type(-np.inf if low else np.inf)
    if dtype.kind == "b":
        return np.bool_(not low)
    info = np.iinfo(dtype)
    return dtype.type(info.min if low else info.max)


class NestCode:
    """Writes one nest into the function that ``writer`` is writing.

    Parameters
    ----------
    pointers : dict
        The name of the pointer to the first entry of each buffer.
    starts : dict
        For axes of which a part runs: the names of where it begins and how many entries it has.
    around : dict
        The names of the counters of the loops that the nest stands in.
    """

    def __init__(
        self,
        nest: Nest,
        plan: Plan,
        target: Target,
        writer: Writer,
        pointers: dict[Buffer, str],
        starts: dict[Axis, tuple[str, int]] | None = None,
        around: dict[Axis, str] | None = None,
    ) -> None:
        self.nest, self.plan, self.w, self.pointers = nest, plan, writer, pointers
        self.target = target
        self.starts = starts or {}
        self.depth = {a: k + 1 for k, a in enumerate(plan.order)}
        self.variables: dict[Axis, str] = dict(around or {})
        self.masks: dict[Copy, str] = {}
        self.alone = False
        self.known: list[dict[tuple[int, Copy], Lanes]] = [{}]
        self.sums: dict[tuple[int, Copy], str] = {}
        self.totals: dict[tuple[int, Copy], str] = {}
        self.parts: dict[tuple[int, Copy], list[Copy]] = {}
        self.allocas: list[str] = []
        self.tables: list[str] = []
        self.moving: dict[int, frozenset[Axis]] = {}
        self.written = {s.buffer for s in nest.statements if s.add}
        self.hoisted = self._by_depth()

    # --- what is written where
    def _axes(self, expr: Expr) -> frozenset[Axis]:
        if id(expr) not in self.moving:
            for e in walk(expr):
                if id(e) not in self.moving:
                    own = {a for i in e.index for a, _ in i.terms} if isinstance(e, Load) else set()
                    self.moving[id(e)] = frozenset(own.union(*(self.moving[id(x)] for x in args_of(e))))
        return self.moving[id(expr)]

    def _depth(self, expr: Expr) -> int:
        return max((self.depth.get(a, 0) for a in self._axes(expr)), default=0)

    def _by_depth(self) -> dict[int, list[Expr]]:
        """Expressions to be written before the loops inside begin: the largest at each depth."""
        found: dict[int, dict[int, Expr]] = {}
        last = len(self.plan.order)
        for s in self.nest.statements:
            roots = [s.expr, *loose_in(s.index)]
            todo = [e for e in roots]
            seen: set[int] = set()
            while todo:
                e = todo.pop()
                if id(e) in seen or isinstance(e, Constant):
                    continue
                seen.add(id(e))
                depth = self._depth(e)
                if depth < last:
                    found.setdefault(depth, {})[id(e)] = e
                else:
                    todo += args_of(e)
        return {depth: list(group.values()) for depth, group in found.items()}

    def write(self) -> None:
        """The whole nest."""
        if self.nest.points == 0:
            self._nothing()
            return
        self._level(0, [()])

    def _nothing(self) -> None:
        """No points: folds are what they begin with; what is to be folded does not exist."""

    def _level(self, d: int, copies: list[Copy]) -> None:
        for e in self.hoisted.get(d, ()):
            for copy in copies:
                self._value(e, copy)
        if d == len(self.plan.order):
            self._statements(copies)
            return
        begun = [s for s in self.nest.statements if self._sum_level(s) == d]
        for s in begun:
            self._begin(s, d, copies)
        axis = self.plan.order[d]
        if axis is self.plan.lane:
            self._strips(d, axis, copies)
        else:
            self._range(d, axis, copies)
        for s in begun:
            self._end(s, copies)

    # --- loops
    def _range(self, d: int, axis: Axis, copies: list[Copy]) -> None:
        size = self._size(axis)
        step = min(self.plan.unroll.get(axis, 1), size)
        limit = self.nest.limits.get(axis)
        if limit is not None and size % step == 0 and self._can_limit(axis, limit.by):
            tiled = limit.tiled(self._tile(limit.by), step, size)
            low, high = self._limit(tiled.by, tiled.low), self._limit(tiled.by, tiled.high)
            self._loop(d, axis, low, high, step, _copied(copies, axis, step, 1))
            return
        whole = size - size % step
        self._loop(d, axis, 0, whole, step, _copied(copies, axis, step, 1))
        if whole < size:
            self._loop(d, axis, whole, size, 1, copies)

    def _tile(self, axis: Axis) -> int:
        """How many places of an axis are worked on at once."""
        return self.plan.unroll.get(axis, 1) * (self.plan.width if axis is self.plan.lane else 1)

    def _can_limit(self, axis: Axis, by: Axis) -> bool:
        """Whether the place on the other axis is known; of a block's rows, whether they begin with a tile."""
        if by not in self.starts:
            return by in self.variables and axis not in self.starts
        start, count = self.starts[by]
        first = int(start) if start.isdigit() else count
        return by in self.variables and axis not in self.starts and first % self._tile(by) == 0

    def _limit(self, by: Axis, bounds: tuple[int, ...]) -> int | str:
        """A bound at the place where the other axis stands: a number, or read from a table."""
        variable = self.variables[by]
        if by in self.starts:
            start = self.starts[by][0]
            known = start.isdigit() and variable.isdigit()
            variable = (
                str(int(start) + int(variable)) if known else self.w.write(f"add i64 {start}, {variable}")
            )
        if variable.isdigit():
            return bounds[int(variable)]
        if len(set(bounds)) == 1:
            return bounds[0]
        table = f"@limits.{self.w.stem}{len(self.tables)}"
        entries = ", ".join(f"i64 {n}" for n in bounds)
        self.tables.append(f"{table} = internal constant [{len(bounds)} x i64] [{entries}]")
        place = self.w.write(f"getelementptr i64, ptr {table}, i64 {variable}")
        return self.w.write(f"load i64, ptr {place}")

    def _strips(self, d: int, axis: Axis, copies: list[Copy]) -> None:
        size, width = self._size(axis), self.plan.width
        many = max(min(self.plan.unroll.get(axis, 1), size // width), 1)
        whole = size - size % (many * width)
        if whole:
            self._loop(d, axis, 0, whole, many * width, _copied(copies, axis, many, width))
        if whole < size:
            rest = size - size % width
            if whole < rest:
                self._loop(d, axis, whole, rest, width, copies)
            if rest < size:
                self._tail(d, axis, rest, size, copies)

    def _tail(self, d: int, axis: Axis, start: int, size: int, copies: list[Copy]) -> None:
        """The last strip, shorter than the vectors."""
        self.alone = size - start == 1
        bits = ", ".join(f"i1 {str(k < size - start).lower()}" for k in range(self.plan.width))
        self.masks = {(): f"<{bits}>"}
        self._loop(d, axis, start, start + self.plan.width, self.plan.width, copies)
        self.masks, self.alone = {}, False

    def _loop(
        self, d: int, axis: Axis, start: int | str, end: int | str, step: int, copies: list[Copy]
    ) -> None:
        if start == end:
            return
        self.known.append({})
        if isinstance(start, int) and isinstance(end, int) and end - start == step:  # once: no loop
            self.variables[axis] = str(start)
            self._level(d + 1, copies)
        elif (
            isinstance(start, int) and isinstance(end, int) and self._is_long_sum(axis, (end - start) // step)
        ):
            self._in_runs(d, axis, start, end, step, copies)
        else:
            self._repeat(d, axis, start, end, step, copies)
        self.known.pop()
        self.variables.pop(axis, None)

    def _is_long_sum(self, axis: Axis, trips: int) -> bool:
        """Whether a sum would have so many terms in a row that their rounding errors count."""
        sums = [s for s in self._begun() if self._is_real_sum(s)]
        return trips >= 2 * _RUN and any(axis in s.over for s in sums)

    def _begun(self) -> list[Statement]:
        return [self.nest.statements[k] for k in dict.fromkeys(k for k, _ in self.sums)]

    def _is_real_sum(self, s: Statement) -> bool:
        return isinstance(s, Fold) and s.op == "add" and s.buffer.dtype.kind == "f"

    def _in_runs(self, d: int, axis: Axis, start: int, end: int, step: int, copies: list[Copy]) -> None:
        """A long loop as a loop of loops; what each of them adds up is put by before the next begins."""
        run = _RUN * step
        whole = start + (end - start) // run * run

        def one(first: str) -> None:
            w = self.w
            last = w.write(f"add nuw nsw i64 {first}, {run}")
            self.known.append({})
            self._repeat(d, axis, first, last, step, copies, sure=True)
            self.known.pop()
            self._put_by()

        self._around(start, whole, run, one)
        if whole < end:
            self._loop(d, axis, whole, end, step, copies)

    def _put_by(self) -> None:
        """Add what has been summed up to the totals, and begin again."""
        w = self.w
        for (k, own), place in self.sums.items():
            s = self.nest.statements[k]
            if not isinstance(s, Fold) or not self._is_real_sum(s):
                continue
            kind = lanes.ir_type(s.buffer.dtype, w.width)
            zero = lanes.constant(w, 0, s.buffer.dtype).name
            total = self.totals[k, own]
            a = Lanes(s.buffer.dtype, w.write_anew(f"load {kind}, ptr {total}"))
            b = Lanes(s.buffer.dtype, w.write_anew(f"load {kind}, ptr {place}"))
            w.lines.append(f"  store {kind} {lanes.apply(w, s.op, [a, b], a.dtype).name}, ptr {total}")
            w.lines.append(f"  store {kind} {zero}, ptr {place}")

    def _repeat(
        self,
        d: int,
        axis: Axis,
        start: int | str,
        end: int | str,
        step: int,
        copies: list[Copy],
        sure: bool = False,
    ) -> None:
        def inside(variable: str) -> None:
            self.variables[axis] = variable
            self._level(d + 1, copies)

        self._around(start, end, step, inside, sure)

    def _around(
        self, start: int | str, end: int | str, step: int, inside: Callable[[str], None], sure: bool = False
    ) -> None:
        """A loop around what ``inside`` writes, which gets the name of the counter."""
        w = self.w
        label = w.fresh("loop.")
        before, variable, following = w.block, w.fresh("%i"), w.fresh("%n")
        if not sure and (isinstance(start, str) or isinstance(end, str)):  # there may be nothing to do
            some = w.fresh("%c")
            w.lines.append(f"  {some} = icmp slt i64 {start}, {end}")
            w.lines.append(f"  br i1 {some}, label %{label}, label %{label}.done")
        else:
            w.lines.append(f"  br label %{label}")
        w.begin(label)
        w.lines.append(f"  {variable} = phi i64 [{start}, %{before}], [{following}, %{label}.next]")
        inside(variable)
        w.lines.append(f"  br label %{label}.next")
        w.begin(f"{label}.next")
        w.lines.append(f"  {following} = add nuw nsw i64 {variable}, {step}")
        again = w.fresh("%c")
        w.lines.append(f"  {again} = icmp ult i64 {following}, {end}")
        w.lines.append(f"  br i1 {again}, label %{label}, label %{label}.done")
        w.begin(f"{label}.done")

    def _size(self, axis: Axis) -> int:
        return self.starts[axis][1] if axis in self.starts else axis.size

    # --- statements
    def _statements(self, copies: list[Copy]) -> None:
        """At each point everything is worked out before anything is written."""
        for copy in copies:
            values = [None if self._is_fused(s) else self._value(s.expr, copy) for s in self.nest.statements]
            for k, (s, x) in enumerate(zip(self.nest.statements, values, strict=True)):
                if isinstance(s, Fold):
                    self._fold_in(k, s, x, copy)
                elif x is not None:
                    self._store(s.buffer, s.index, x, copy, "add" if s.add else None)

    def _fold_in(self, k: int, s: Fold, x: Lanes | None, copy: Copy) -> None:
        if self._sum_level(s) == len(self.plan.order):  # the next point folds into another entry
            self._store(s.buffer, s.index, x or self._value(s.expr, copy), copy, s.op)
            return
        place = self.sums[k, copy]
        kind = lanes.ir_type(s.buffer.dtype, self.w.width)
        old = Lanes(s.buffer.dtype, self.w.write_anew(f"load {kind}, ptr {place}"))
        new = self._product(s, old, copy) if x is None else self._folded(s, old, x, copy)
        self.w.lines.append(f"  store {kind} {new.name}, ptr {place}")

    def _is_fused(self, s: Statement) -> bool:
        """Whether a product is added in one instruction."""
        e = s.expr
        is_sum = isinstance(s, Fold) and s.op == "add" and self._sum_level(s) < len(self.plan.order)
        is_product = isinstance(e, Apply) and e.op == "multiply" and e.dtype.kind == "f"
        return is_sum and is_product and not self.masks and self.target.fma

    def _product(self, s: Fold, old: Lanes, copy: Copy) -> Lanes:
        e = s.expr
        assert isinstance(e, Apply)
        a, b = (self._value(x, copy) for x in e.args)
        kind = lanes.ir_type(e.dtype, self.w.width)
        suffix = f"f{8 * e.dtype.itemsize}"
        name = f"llvm.fma.{suffix if self.w.width == 1 else f'v{self.w.width}{suffix}'}"
        self.w.declares.add(f"declare {kind} @{name}({kind}, {kind}, {kind})")
        call = f"call {kind} @{name}({kind} {a.name}, {kind} {b.name}, {kind} {old.name})"
        return Lanes(e.dtype, self.w.write_anew(call))

    def _folded(self, s: Fold, old: Lanes, x: Lanes, copy: Copy) -> Lanes:
        if self._masked(copy):
            x = self._choose(self._mask(copy), x, lanes.constant(self.w, identity(s.op, x.dtype), x.dtype))
        return lanes.apply(self.w, s.op, [old, x], x.dtype)

    def _choose(self, mask: str, a: Lanes, b: Lanes) -> Lanes:
        kind, bits = lanes.ir_type(a.dtype, self.w.width), self.w.type("i1")
        return Lanes(a.dtype, self.w.write(f"select {bits} {mask}, {kind} {a.name}, {kind} {b.name}"))

    # --- folds
    def _sum_level(self, s: Statement) -> int:
        """Before which loop a fold begins: inside it there are only axes that are folded."""
        if not s.over:
            return -1
        d = len(self.plan.order)
        while d and self.plan.order[d - 1] in s.over:
            d -= 1
        return d

    def in_memory(self, s: Statement) -> bool:
        """Whether a fold comes back to the same entry several times, and so has to begin in memory."""
        return isinstance(s, Fold) and (
            bool(set(s.over) - set(self.plan.order[self._sum_level(s) :]))
            or any(a in self.starts for a in s.over)
        )

    def _begin(self, s: Statement, d: int, copies: list[Copy]) -> None:
        assert isinstance(s, Fold)
        k = self.nest.statements.index(s)
        kind = lanes.ir_type(s.buffer.dtype, self.w.width)
        start = lanes.constant(self.w, identity(s.op, s.buffer.dtype), s.buffer.dtype)
        for copy in copies:
            self.parts[k, copy] = self._copies_inside(copy, d)
            for own in self.parts[k, copy]:
                self.sums[k, own] = place = self.w.fresh("%sum.")
                self.allocas.append(f"  {place} = alloca {kind}")
                self.w.lines.append(f"  store {kind} {start.name}, ptr {place}")
                if self._is_real_sum(s) and self._is_long(d):
                    self.totals[k, own] = total = self.w.fresh("%total.")
                    self.allocas.append(f"  {total} = alloca {kind}")
                    self.w.lines.append(f"  store {kind} {start.name}, ptr {total}")

    def _is_long(self, d: int) -> bool:
        """Whether one of the loops from here on is long."""
        steps = {a: self.plan.width if a is self.plan.lane else 1 for a in self.plan.order[d:]}
        return any(self._size(a) // step >= 2 * _RUN for a, step in steps.items())

    def _copies_inside(self, copy: Copy, d: int) -> list[Copy]:
        """The copies that a copy becomes inside the loops from here on."""
        inside = [copy]
        for a in self.plan.order[d:]:
            inside = _copied(
                inside, a, self.plan.unroll.get(a, 1), self.plan.width if a is self.plan.lane else 1
            )
        return inside

    def _end(self, s: Statement, copies: list[Copy]) -> None:
        assert isinstance(s, Fold)
        k = self.nest.statements.index(s)
        kind = lanes.ir_type(s.buffer.dtype, self.w.width)
        for copy in copies:
            inside = self.parts.pop((k, copy))
            places = [self.sums.pop((k, own)) for own in inside]
            places += [self.totals.pop((k, own)) for own in inside if (k, own) in self.totals]
            parts = [
                Lanes(s.buffer.dtype, self.w.write_anew(f"load {kind}, ptr {place}")) for place in places
            ]
            while len(parts) > 1:
                pairs = zip(parts[::2], parts[1::2], strict=False)
                rest = parts[-1:] if len(parts) % 2 else []
                parts = [lanes.apply(self.w, s.op, [a, b], a.dtype) for a, b in pairs] + rest
            if s.by_lane and self.plan.lane in s.over:
                self._add_by_lane(s, parts[0], copy)
                continue
            total = self._across(s.op, parts[0]) if self.plan.lane in s.over else parts[0]
            self._store(s.buffer, s.index, total, copy, s.op if self.in_memory(s) else None)

    def _add_by_lane(self, s: Fold, x: Lanes, copy: Copy) -> None:
        """Add each lane to a number of its own, which lie side by side."""
        w, kind = self.w, lanes.ir_type(x.dtype, self.w.width)
        place, align = self._pointer(s.buffer, s.index, copy), x.dtype.itemsize
        old = Lanes(x.dtype, w.write_anew(f"load {kind}, ptr {place}, align {align}"))
        new = lanes.apply(w, s.op, [old, x], x.dtype)
        w.lines.append(f"  store {kind} {new.name}, ptr {place}, align {align}")

    def _across(self, op: str, x: Lanes) -> Lanes:
        """Fold the lanes of a vector, halves first; the result stands in every lane."""
        width = self.w.width
        kind = lanes.ir_type(x.dtype, width)
        half = width // 2
        while half:
            order = ", ".join(f"i32 {k ^ half}" for k in range(width))
            moved = self.w.write(f"shufflevector {kind} {x.name}, {kind} poison, <{width} x i32> <{order}>")
            x = lanes.apply(self.w, op, [x, Lanes(x.dtype, moved)], x.dtype)
            half //= 2
        return x

    # --- expressions
    def _value(self, expr: Expr, copy: Copy) -> Lanes:
        """The lanes of an expression for one copy; without recursion, since expressions may be deep."""
        goal = (expr, self._own(expr, copy))
        todo = [goal]
        while todo:
            e, own = todo[-1]
            if self._find(e, own) is not None:
                todo.pop()
                continue
            missing = [(a, c) for a in args_of(e) if self._find(a, c := self._own(a, copy)) is None]
            if missing:
                todo += missing
            else:
                self.known[-1][id(e), own] = self._written(e, copy)
                todo.pop()
        found = self._find(*goal)
        assert found is not None
        return found

    def _own(self, expr: Expr, copy: Copy) -> Copy:
        axes = self._axes(expr)
        return tuple((a, k) for a, k in copy if a in axes)

    def _find(self, expr: Expr, own: Copy) -> Lanes | None:
        key = (id(expr), own)
        return next((level[key] for level in reversed(self.known) if key in level), None)

    def _written(self, e: Expr, copy: Copy) -> Lanes:
        if isinstance(e, Constant):
            return lanes.constant(self.w, e.value, e.dtype)
        if isinstance(e, Load):
            return self._load(e.buffer, e.index, copy)
        args = [self._value(a, copy) for a in args_of(e)]  # known by now
        if isinstance(e, Cast):
            return lanes.cast(self.w, args[0], e.dtype)
        assert isinstance(e, Apply)
        return lanes.apply(self.w, e.op, args, e.dtype)

    # --- memory
    def _step(self, buffer: Buffer, index: Index) -> int | None:
        """How far apart the entries of neighbouring lanes are."""
        lane = self.plan.lane
        return 0 if lane is None or self.w.width == 1 else stride_of(buffer, index, lane)

    def _masked(self, copy: Copy) -> bool:
        return bool(self.masks)

    def _mask(self, copy: Copy) -> str:
        return self.masks[()]

    def _load(self, buffer: Buffer, index: Index, copy: Copy) -> Lanes:
        w, width = self.w, self.w.width
        write = w.write_anew if buffer in self.written else w.write
        step = self._step(buffer, index)
        one = lanes.memory_type(buffer.dtype, 1)
        many = lanes.memory_type(buffer.dtype, width)
        align = buffer.dtype.itemsize
        if step == 0:
            name = write(f"load {one}, ptr {self._pointer(buffer, index, copy)}, align {align}")
            if width > 1:
                name = self._splat(one, name)
        elif step == 1:
            pointer = self._pointer(buffer, index, copy)
            if self._masked(copy):
                name = self._intrinsic("masked.load", many, f"ptr {pointer}, i32 {align}", copy, write, many)
            else:
                name = write(f"load {many}, ptr {pointer}, align {align}")
        else:
            name = self._intrinsic(
                "masked.gather",
                many,
                f"{self._pointers(buffer, index, copy, step)}, i32 {align}",
                copy,
                write,
                many,
            )
        return lanes.load_cast(w, name, buffer.dtype)

    def _store(self, buffer: Buffer, index: Index, x: Lanes, copy: Copy, op: str | None) -> None:
        """Write, or fold into what is there."""
        w, width = self.w, self.w.width
        step = self._step(buffer, index)
        if op is not None:
            old = (
                self._load(buffer, index, copy)
                if buffer in self.written
                else self._load_anew(buffer, index, copy)
            )
            x = lanes.apply(w, op, [old, x], x.dtype)
        name = lanes.store_cast(w, x)
        one, many = lanes.memory_type(buffer.dtype, 1), lanes.memory_type(buffer.dtype, width)
        align = buffer.dtype.itemsize
        if step == 0 or (step == 1 and self.alone):  # LLVM 22 stores too much where a mask has one lane
            if width > 1:
                name = w.write(f"extractelement {many} {name}, i64 0")
            w.lines.append(f"  store {one} {name}, ptr {self._pointer(buffer, index, copy)}, align {align}")
        elif step == 1 and not self._masked(copy):
            w.lines.append(f"  store {many} {name}, ptr {self._pointer(buffer, index, copy)}, align {align}")
        else:
            where = (
                f"ptr {self._pointer(buffer, index, copy)}"
                if step == 1
                else self._pointers(buffer, index, copy, step)
            )
            self._put("masked.store" if step == 1 else "masked.scatter", many, name, where, align, copy)

    def _load_anew(self, buffer: Buffer, index: Index, copy: Copy) -> Lanes:
        self.written.add(buffer)
        return self._load(buffer, index, copy)

    def _splat(self, element: str, name: str) -> str:
        w = self.w
        kind = w.type(element)
        first = w.write(f"insertelement {kind} poison, {element} {name}, i64 0")
        return w.write(f"shufflevector {kind} {first}, {kind} poison, <{w.width} x i32> zeroinitializer")

    def _all(self, copy: Copy) -> str:
        return self._mask(copy) if self._masked(copy) else self.w.splat("i1", "true")

    def _intrinsic(self, name: str, kind: str, place: str, copy: Copy, write: Any, many: str) -> str:
        w = self.w
        pointers = "ptr" if name == "masked.load" else f"<{w.width} x ptr>"
        mangled = f"llvm.{name}.{_suffix(many)}." + ("p0" if name == "masked.load" else f"v{w.width}p0")
        mask = w.type("i1")
        w.declares.add(f"declare {kind} @{mangled}({pointers}, i32, {mask}, {kind})")
        return str(
            write(f"call {kind} @{mangled}({place}, {mask} {self._all(copy)}, {kind} zeroinitializer)")
        )

    def _put(self, name: str, kind: str, x: str, place: str, align: int, copy: Copy) -> None:
        w = self.w
        pointers = "ptr" if name == "masked.store" else f"<{w.width} x ptr>"
        mangled = f"llvm.{name}.{_suffix(kind)}." + ("p0" if name == "masked.store" else f"v{w.width}p0")
        mask = w.type("i1")
        w.declares.add(f"declare void @{mangled}({kind}, {pointers}, i32, {mask})")
        w.lines.append(f"  call void @{mangled}({kind} {x}, {place}, i32 {align}, {mask} {self._all(copy)})")

    # --- places
    def _pointer(self, buffer: Buffer, index: Index, copy: Copy) -> str:
        """The address of the entry in the first lane."""
        terms, offset, loose = self._linear(buffer, index, copy)
        base, element = self.pointers[buffer], lanes.memory_type(buffer.dtype, 1)
        total = self._sum([*terms, *(self._first(x) for x in loose)])
        if total is not None:
            base = self.w.write(f"getelementptr {element}, ptr {base}, i64 {total}")
        return self.w.write(f"getelementptr {element}, ptr {base}, i64 {offset}") if offset else base

    def _pointers(self, buffer: Buffer, index: Index, copy: Copy, step: int | None) -> str:
        """Addresses for every lane."""
        w, element = self.w, lanes.memory_type(buffer.dtype, 1)
        whole = w.type("i64")
        terms, offset, loose = self._linear(buffer, index, copy)
        pairs = zip(index, buffer.strides, strict=True)
        affine = sum(c * s for i, s in pairs for a, c in i.terms if a is self.plan.lane)
        fan = ", ".join(f"i64 {offset + affine * k}" for k in range(w.width))
        total = f"<{fan}>"
        for term in terms:
            total = w.write(f"add {whole} {self._splat('i64', term)}, {total}")
        for x in loose:
            total = w.write(f"add {whole} {x}, {total}")
        return f"<{w.width} x ptr> " + w.write(
            f"getelementptr {element}, ptr {self.pointers[buffer]}, {whole} {total}"
        )

    def _linear(self, buffer: Buffer, index: Index, copy: Copy) -> tuple[list[str], int, list[str]]:
        """What moves with loops, what is known, and what is read (as vectors)."""
        shift = dict(copy)
        factors: dict[Axis, int] = {}
        offset, loose = 0, []
        for place, stride in zip(index, buffer.strides, strict=True):
            offset += place.offset * stride
            for a, c in place.terms:
                factors[a] = factors.get(a, 0) + c * stride
            for e, c in place.loose:
                found = lanes.cast(self.w, self._value(e, copy), np.dtype(np.int64))
                written = self.w.splat("i64", str(c * stride))
                loose.append(self._times(self.w.type("i64"), found.name, c * stride, written))
        terms = []
        for a, c in factors.items():
            offset += c * shift.get(a, 0)
            variable = self.variables[a]
            if a in self.starts and not self._is_local(buffer, a, index):
                terms.append(self._times("i64", self.starts[a][0], c, str(c)))
            if variable.isdigit():
                offset += c * int(variable)
            else:
                terms.append(self._times("i64", variable, c, str(c)))
        return terms, offset, loose

    def _is_local(self, buffer: Buffer, axis: Axis, index: Index) -> bool:
        """Whether the buffer has only the rows of the block that is running."""
        if buffer.rows is None:
            return False
        place = index[buffer.rows]
        return any(a is axis for a, _ in place.terms)

    def _times(self, kind: str, name: str, factor: int, written: str) -> str:
        return name if factor == 1 else self.w.write(f"mul {kind} {name}, {written}")

    def _first(self, x: str) -> str:
        if self.w.width == 1:
            return x
        return self.w.write(f"extractelement {self.w.type('i64')} {x}, i64 0")

    def _sum(self, terms: Sequence[str]) -> str | None:
        total: str | None = None
        for term in terms:
            total = term if total is None else self.w.write(f"add i64 {total}, {term}")
        return total


def _copied(copies: list[Copy], axis: Axis, many: int, width: int) -> list[Copy]:
    """Each copy as many times as the axis is unrolled."""
    if many == 1:
        return copies
    return [(*copy, (axis, k * width)) if k else copy for copy in copies for k in range(many)]


def _suffix(kind: str) -> str:
    """What intrinsics call a vector type: v8f64 for <8 x double>."""
    count, element = kind.strip("<>").split(" x ") if kind.startswith("<") else ("", kind)
    short = {"double": "f64", "float": "f32"}.get(element, element)
    return f"v{count}{short}" if count else short


def statements_of(nest: Nest) -> Iterator[tuple[int, Statement]]:
    """The statements with their numbers."""
    return enumerate(nest.statements)


__all__ = ["NestCode", "axes_in", "identity"]
