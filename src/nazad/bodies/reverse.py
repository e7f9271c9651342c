"""The loop that goes back: what it hands on, what it reads, and what one of its steps does."""

from __future__ import annotations

from collections.abc import Sequence

from nazad.bodies.derive import Flags, both, chosen, needed, pull_through, real, settled, spread
from nazad.bodies.form import Form, run_loop
from nazad.bodies.traced import any_like, derived, zero_like
from nazad.graph import Graph, Value, dtype_of, shape_of
from nazad.ops.structure import Layout, scatter
from nazad.trace.inside import plain


def asked_of(form: Form, wanted: Flags, given: Flags) -> list[bool]:
    """The leaves of the body whose shares are worked out in each step: those that are wanted, and of the
    carries those through which a cotangent comes to something that is wanted."""
    n = form.carries
    matter = settled(given[:n], lambda now: needed(form.body, [*now, *given[n:]])[:n])
    return [*both(form.moving(wanted)[:n], matter), *wanted[n:]]


class Reverse:
    """A loop's way back.

    Its carries are cotangents of the carries that are asked for, and sums of the shares of invariants; its
    inputs what was handed to each step, cotangents of outputs, and the inputs.

    Attributes
    ----------
    begin : list
        What it begins with: cotangents of the last carries, and zeros to add up in.
    out_bars : list
        The cotangents of outputs, stacked.
    """

    def __init__(self, form: Form, asked: Flags, y_bars: Sequence[Value]) -> None:
        self.form, self.asked = form, asked
        leaves, sums, _ = form.groups(form.body.leaves)
        self.active, of_sums, _ = form.groups(asked)
        pairs = list(zip(leaves, y_bars, strict=False))
        bars = [zero_like(leaf) if bar is None else bar for leaf, bar in chosen(pairs, self.active)]
        self.begin = [*bars, *map(zero_like, chosen(sums, of_sums))]
        outputs = [bar is not None for bar in y_bars[form.carries :]]
        self.given = both(real(form.body.sinks[form.carries :]), outputs)
        self.out_bars = chosen(y_bars[form.carries :], self.given)

    def step(self, point: Sequence[Value]) -> Graph:
        """One step. Leaves: what the way back hands on, invariants, what was handed to the step, cotangents
        of its outputs, its inputs."""
        form, first = self.form, sum(self.active)
        sizes = [
            first,
            len(self.begin) - first,
            form.fixed,
            form.carries,
            len(self.out_bars),
            len(form.slices),
        ]

        def rule(*values: Value) -> list[Value]:
            bars, sums, fixed, carries, out_bars, rows = _cut(values, sizes)
            y_bars = [*spread(bars, self.active), *spread(out_bars, self.given)]
            shares = pull_through(form.body, [*carries, *fixed, *rows], y_bars, self.asked)
            added = [total + share for total, share in zip(sums, shares[first:], strict=False)]
            return [*shares[:first], *added, *shares[first + len(sums) :]]

        carries, fixed, rows = form.groups(point)
        begin = [plain(x) for x in self.begin]
        outs = map(any_like, chosen(form.body.sinks[form.carries :], self.given))
        return derived(rule, [*begin, *fixed, *carries, *outs, *rows])

    def shares(self, xs: Sequence[Value]) -> list[Value]:
        """The shares of all arguments, by a loop that has what was handed to each step."""
        form, n = self.form, self.form.carries
        _, fixed, inputs = form.groups(xs)
        graph = self.step(form.point(xs))
        first = len(self.begin) + len(fixed)
        carries = graph.leaves[first : first + n]
        kept = _used(graph, carries)
        leaves = [*graph.leaves[:first], *chosen(carries, kept), *graph.leaves[first + n :]]
        graph = Graph(leaves, graph.sinks, graph.nodes).without_dead()
        rows = [*_handed(form, xs, kept), *self.out_bars]
        slices = [*[(form.count - 1, -1)] * len(rows), *form.backwards()]
        results = run_loop(graph, form.count, (self.begin, fixed, [*rows, *inputs]), slices)
        bars, sums, stacked = form.groups(spread(results, self.asked))
        triples = zip(stacked, inputs, form.slices, strict=True)
        return [*bars, *sums, *(None if s is None else _placed(s, x, *place) for s, x, place in triples)]


def _cut(values: Sequence[Value], sizes: Sequence[int]) -> list[list[Value]]:
    rest = iter(values)
    return [[next(rest) for _ in range(size)] for size in sizes]


def _used(graph: Graph, leaves: Sequence[Value]) -> list[bool]:
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


def _placed(share: Value, x: Value, start: int, step: int) -> Value:
    """Shares in the order in which they were found, where they belong."""
    count = shape_of(share)[0]
    if count == shape_of(x)[0] and step in (1, -1):
        return share if step < 0 else share[::-1]
    stop = start + step * count
    layout = Layout([(slice(start, stop if stop >= 0 else None, step),)])
    return scatter(share[::-1], layout=layout, shape=shape_of(x), dtype=dtype_of(x))
