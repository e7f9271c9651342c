"""The rules of loops: the tangent of a loop is a loop, its reverse is a loop, and so is a batch of it.

Backwards, the steps come in opposite order. Each is worked out again from what was handed to it, so of every
step no more is kept than that. Cotangents of the carries are handed on, shares of the invariants added up,
and those of the inputs stacked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nazad.bodies.derive import (
    Flags,
    both,
    chosen,
    in_rows,
    needed,
    pull_through,
    push_through,
    reached,
    real,
    rows_through,
    settled,
    spread,
)
from nazad.bodies.traced import any_like, derived, ground, zero_like
from nazad.graph import Graph, Value, dtype_of, shape_of
from nazad.ops.control import loop
from nazad.ops.structure import Layout, scatter

Groups = tuple[list[Any], list[Any], list[Any]]
"""Something for each carry, for each invariant and for each input."""


@dataclass(frozen=True, slots=True)
class Form:
    """The parameters of a loop."""

    body: Graph
    count: int
    carries: int
    fixed: int
    slices: Sequence[tuple[int, int]]

    def groups(self, items: Sequence[Any]) -> Groups:
        """What stands in the order of the leaves, by kind."""
        c, f = self.carries, self.carries + self.fixed
        return list(items[:c]), list(items[c:f]), list(items[f:])

    def point(self, xs: Sequence[Value]) -> list[Value]:
        """What the leaves are in the first step, as ordinary numbers."""
        carries, fixed, inputs = self.groups([ground(x) for x in xs])
        triples = zip(self.groups(self.body.leaves)[2], inputs, self.slices, strict=True)
        rows = [x[start] if self.count else any_like(leaf) for leaf, x, (start, _) in triples]
        return [*carries, *fixed, *rows]

    def backwards(self) -> list[tuple[int, int]]:
        """The slices that read in opposite order."""
        return [(start + step * (self.count - 1), -step) for start, step in self.slices]


def run_loop(body: Graph, count: int, groups: Groups, slices: Iterable[tuple[int, int]]) -> tuple[Value, ...]:
    """A loop over values that are grouped by kind."""
    carries, fixed, inputs = groups
    results: tuple[Value, ...] = loop(
        *carries,
        *fixed,
        *inputs,
        body=body,
        count=count,
        carries=len(carries),
        fixed=len(fixed),
        slices=tuple(slices),
    )
    return results


# --- forward mode
def _push(x_dots: Sequence[Value], ys: Value, *xs: Value, **params: Any) -> list[Value]:
    form = Form(**params)
    body, n = form.body, form.carries
    moving = _moving(form, [dot is not None for dot in x_dots])
    moved = [*moving[:n], *both(reached(body, moving), real(body.sinks))[n:]]

    def rule(*values: Value) -> list[Value]:
        ys, dots = push_through(body, *_apart(form, values, moving), moved)
        y_dots = spread(dots, moved)
        return [*ys[:n], *_known(y_dots[:n]), *ys[n:], *_known(y_dots[n:])]

    dots = [
        zero_like(leaf) if m and dot is None else dot if m else None
        for leaf, dot, m in zip(body.leaves, x_dots, moving, strict=True)
    ]
    ones = [any_like(leaf) if m else None for leaf, m in zip(body.leaves, moving, strict=True)]
    point = [x for group in _beside(form, form.point(xs), ones) for x in group]
    slices = [*form.slices, *chosen(form.slices, form.groups(moving)[2])]
    results = run_loop(derived(rule, point), form.count, _beside(form, xs, dots), slices)
    first, rest = sum(moved[:n]), len(body.sinks) - n
    return spread([*results[n : n + first], *results[n + first + rest :]], moved)


def _moving(form: Form, flags: Flags) -> list[bool]:
    """The leaves that have a tangent in some step, if these have one at first."""
    body, n = form.body, form.carries
    is_real = real(body.leaves)
    return settled(both(flags, is_real), lambda now: [*both(is_real[:n], reached(body, now)[:n]), *now[n:]])


def _known(items: Iterable[Any]) -> list[Any]:
    return [x for x in items if x is not None]


def _beside(form: Form, xs: Sequence[Value], dots: Sequence[Value]) -> Groups:
    """Values and then tangents of each kind: the groups of the loop that pushes."""
    pairs = zip(form.groups(xs), form.groups(dots), strict=True)
    carries, fixed, inputs = ([*group, *_known(tangents)] for group, tangents in pairs)
    return carries, fixed, inputs


def _apart(form: Form, values: Sequence[Value], moving: Flags) -> tuple[list[Value], list[Value]]:
    """The inverse: values, and tangents with None between."""
    rest = iter(values)
    xs: list[Value] = []
    dots: list[Value] = []
    for flags in form.groups(moving):
        xs += [next(rest) for _ in flags]
        dots += [next(rest) if flag else None for flag in flags]
    return xs, dots


# --- reverse mode
def _pull(wanted: Flags, y_bars: Sequence[Value], ys: Value, *xs: Value, **params: Any) -> list[Value]:
    form = Form(**params)
    body, n = form.body, form.carries
    flags = both(wanted, real(body.leaves))
    active = _active(form, flags, [bar is not None for bar in y_bars])
    return _Reverse(form, [*active, *flags[n:]], y_bars).shares(xs)


def _active(form: Form, wanted: Flags, given: Flags) -> list[bool]:
    """The carries through which a cotangent comes to something that is wanted."""
    n = form.carries
    matter = settled(given[:n], lambda now: needed(form.body, [*now, *given[n:]])[:n])
    return both(_moving(form, wanted)[:n], matter)


class _Reverse:
    """The loop that goes back.

    Its carries are cotangents of those carries that are ``asked`` for, and sums of shares of invariants; its
    inputs what was handed to each step, cotangents of outputs, and the inputs.
    """

    def __init__(self, form: Form, asked: Flags, y_bars: Sequence[Value]) -> None:
        self.form, self.asked, self.n = form, asked, form.carries
        leaves, sums, _ = form.groups(form.body.leaves)
        of_carries, of_sums, _ = form.groups(asked)
        self.active, self.begin = (
            of_carries,
            [
                *(
                    zero_like(leaf) if bar is None else bar
                    for leaf, bar in chosen(list(zip(leaves, y_bars, strict=False)), of_carries)
                ),
                *map(zero_like, chosen(sums, of_sums)),
            ],
        )
        real_sinks = real(form.body.sinks)
        self.given = [
            r and bar is not None for r, bar in zip(real_sinks[self.n :], y_bars[self.n :], strict=True)
        ]
        self.out_bars = chosen(y_bars[self.n :], self.given)

    def shares(self, xs: Sequence[Value]) -> list[Value]:
        form = self.form
        _, fixed, inputs = form.groups(xs)
        graph = self._body(form.point(xs))
        first = len(self.begin) + len(fixed)
        kept = _used(graph, graph.leaves[first : first + self.n])
        leaves = [*graph.leaves[:first], *chosen(graph.leaves[first : first + self.n], kept)]
        graph = Graph([*leaves, *graph.leaves[first + self.n :]], graph.sinks, graph.nodes).without_dead()
        rows = [*_handed(form, xs, kept), *self.out_bars]
        slices = [*[(form.count - 1, -1)] * len(rows), *form.backwards()]
        found = spread(run_loop(graph, form.count, (self.begin, fixed, [*rows, *inputs]), slices), self.asked)
        bars, sums, stacked = form.groups(found)
        placed = [
            None if s is None else _placed(s, x, form.count, start, step)
            for s, x, (start, step) in zip(stacked, inputs, form.slices, strict=True)
        ]
        return [*bars, *sums, *placed]

    def _body(self, point: Sequence[Value]) -> Graph:
        """Leaves: what is handed on, invariants, what was handed on, cotangents of outputs, inputs."""
        form, n = self.form, self.n
        body, first = form.body, sum(self.active)
        sizes = [first, len(self.begin) - first, form.fixed, n, len(self.out_bars), len(form.slices)]

        def rule(*values: Value) -> list[Value]:
            bars, sums, fixed, carries, out_bars, rows = _cut(values, sizes)
            y_bars = [*spread(bars, self.active), *spread(out_bars, self.given)]
            shares = pull_through(body, [*carries, *fixed, *rows], y_bars, self.asked)
            added = [total + share for total, share in zip(sums, shares[first:], strict=False)]
            return [*shares[:first], *added, *shares[first + len(sums) :]]

        carries, fixed, rows = form.groups(point)
        begin = [ground(x) for x in self.begin]
        outs = map(any_like, chosen(body.sinks[n:], self.given))
        return derived(rule, [*begin, *fixed, *carries, *outs, *rows])


def _cut(values: Sequence[Value], sizes: Sequence[int]) -> list[list[Value]]:
    rest = iter(values)
    return [[next(rest) for _ in range(size)] for size in sizes]


def _used(graph: Graph, leaves: Sequence[Any]) -> list[bool]:
    found = {p for v in graph.nodes for p in v.preds} | set(graph.sinks)
    return [leaf in found for leaf in leaves]


def _handed(form: Form, xs: Sequence[Value], kept: Flags) -> list[Value]:
    """What was handed to each step, stacked, of the carries that are read again."""
    if not any(kept):
        return []
    body, n = form.body, form.carries
    sinks = [*body.sinks[:n], *chosen(body.leaves[:n], kept)]
    keeping = Graph(body.leaves, sinks, body.nodes).without_dead()
    return list(run_loop(keeping, form.count, form.groups(xs), form.slices)[n:])


def _placed(share: Value, x: Value, count: int, start: int, step: int) -> Value:
    """Shares in the order in which they were found, where they belong."""
    if count == shape_of(x)[0] and step in (1, -1):
        return share if step < 0 else share[::-1]
    stop = start + step * count
    layout = Layout([(slice(start, stop if stop >= 0 else None, step),)])
    return scatter(share[::-1], layout=layout, shape=shape_of(x), dtype=dtype_of(x))


# --- batches
def _batch(op: Any, xs: Sequence[Value], along: Flags, params: Any) -> tuple[Value, ...]:
    form = Form(**params)
    body, n = form.body, form.carries
    size = next(shape_of(x)[0] for x, b in zip(xs, along, strict=True) if b)
    flags = settled(along, lambda now: [*reached(body, now)[:n], *now[n:]])
    results = [*flags[:n], *reached(body, flags)[n:]]
    values = [in_rows(x, size) if f and not b else x for x, f, b in zip(xs, flags, along, strict=True)]
    carries, fixed, inputs = form.groups(values)
    inputs = [np.moveaxis(x, 0, 1) if b else x for x, b in zip(inputs, form.groups(flags)[2], strict=True)]
    groups = carries, fixed, inputs
    point = [
        in_rows(any_like(v), size) if b and not form.count else x
        for v, x, b in zip(body.leaves, form.point([*carries, *fixed, *inputs]), flags, strict=True)
    ]
    graph = derived(lambda *now: rows_through(body, now, flags, size, results), point)
    ys = list(run_loop(graph, form.count, groups, form.slices))
    ys[n:] = [np.moveaxis(y, 1, 0) if r else y for y, r in zip(ys[n:], results[n:], strict=True)]
    return tuple([y if r else in_rows(y, size) for y, r in zip(ys, results, strict=True)])


loop.enter(_push, _pull, _batch)
