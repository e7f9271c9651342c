"""Expressions as vector code, each written once, and as far outside as it can be.

An expression is written at the outermost loop at which all its axes are known; from there on its value serves
the loops inside, and is forgotten behind them. Unrolled copies of a loop's body that do not differ in an
expression's axes share it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from nazad.run import lanes
from nazad.run.access import Access, Here
from nazad.run.lanes import Lanes
from nazad.run.loops import Apply, Axis, Cast, Constant, Expr, Load, Nest, args_of, parts_of, walk
from nazad.run.plan import Copy, Plan
from nazad.run.vectormath.writer import Writer


class Values:
    """The values of a nest's expressions.

    Attributes
    ----------
    access : Access
        What reads and writes memory for them.
    """

    def __init__(self, nest: Nest, plan: Plan, writer: Writer, here: Here) -> None:
        self.w = writer
        self.access = Access(plan, writer, here, self.of, {s.buffer for s in nest.statements if s.add})
        self._levels: list[dict[tuple[int, Copy], Lanes]] = [{}]
        self._moving: dict[int, frozenset[Axis]] = {}
        self._depths = {a: k + 1 for k, a in enumerate(plan.order)}
        self._early: dict[int, dict[int, Expr]] = {}
        parts = [part for s in nest.statements for part in parts_of(s)]
        self._learn(*parts)
        self._note(parts, len(plan.order))

    def write_early(self, depth: int, copies: Sequence[Copy]) -> None:
        """Everything that does not change in the loops from this depth on."""
        for e in self._early.get(depth, {}).values():
            for copy in copies:
                self.of(e, copy)

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """What is worked out inside a loop is not known behind it."""
        self._levels.append({})
        yield
        self._levels.pop()

    def of(self, expr: Expr, copy: Copy) -> Lanes:
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
                self._levels[-1][id(e), own] = self._written(e, copy)
                todo.pop()
        found = self._find(*goal)
        assert found is not None
        return found

    def _own(self, expr: Expr, copy: Copy) -> Copy:
        """What matters of a copy."""
        axes = self._axes(expr)
        return tuple((a, k) for a, k in copy if a in axes)

    def _find(self, expr: Expr, own: Copy) -> Lanes | None:
        key = (id(expr), own)
        return next((level[key] for level in reversed(self._levels) if key in level), None)

    def _written(self, e: Expr, copy: Copy) -> Lanes:
        if isinstance(e, Constant):
            return lanes.constant(self.w, e.value, e.dtype)
        if isinstance(e, Load):
            return self.access.load(e.buffer, e.index, copy)
        args = [self.of(a, copy) for a in args_of(e)]  # known by now
        if isinstance(e, Cast):
            return lanes.cast(self.w, args[0], e.dtype)
        assert isinstance(e, Apply)
        return lanes.apply(self.w, e.op, args, e.dtype)

    # --- how far outside
    def _axes(self, expr: Expr) -> frozenset[Axis]:
        """The axes along which an expression may change."""
        if id(expr) not in self._moving:
            self._learn(expr)
        return self._moving[id(expr)]

    def _learn(self, *exprs: Expr) -> None:
        for e in walk(*exprs):
            if id(e) not in self._moving:
                own = {a for i in e.index for a, _ in i.terms} if isinstance(e, Load) else set()
                self._moving[id(e)] = frozenset(own.union(*(self._moving[id(x)] for x in args_of(e))))

    def _note(self, todo: list[Expr], last: int) -> None:
        """Note what is to be written before the loops inside begin: the largest expressions at each depth."""
        seen: set[int] = set()
        while todo:
            e = todo.pop()
            if id(e) in seen or isinstance(e, Constant):
                continue
            seen.add(id(e))
            depth = max((self._depths.get(a, 0) for a in self._axes(e)), default=0)
            if depth < last:
                self._early.setdefault(depth, {})[id(e)] = e
            else:
                todo += args_of(e)
