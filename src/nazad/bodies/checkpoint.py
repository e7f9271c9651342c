"""A graph as one operation that keeps some of its values, and works the others out again on the way back.

The results are the sinks of the graph; the last ``kept`` of them are nodes inside of it whose values the way
back reads instead of working them out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nazad.bodies.derive import (
    Flags,
    both,
    chosen,
    count_rows,
    pull_through,
    push_through,
    reached,
    real,
    rows_through,
    spread,
)
from nazad.bodies.traced import any_like, derived, is_traced
from nazad.graph import Graph, Value
from nazad.ops.control import Carrying
from nazad.trace.inside import plain


class Known:
    """What a trace has worked out already, for the first run at the same point."""

    def __init__(self, values: Sequence[Value] | None = None) -> None:
        self._values = values

    def take(self) -> Sequence[Value] | None:
        values, self._values = self._values, None
        return values


def _run(*xs: Value, body: Graph, kept: int, known: Known) -> tuple[Value, ...]:
    values = known.take()
    if values is None:
        F = body.forward(xs)
        values = [F[sink] for sink in body.sinks]
    return tuple(values)


def again(function: Callable[..., Sequence[Value]], xs: Sequence[Value], point: Sequence[Value]) -> Any:
    """A function as such an operation, where values are traced; else just its values."""
    if not is_traced(xs):
        return tuple(function(*xs))
    return checkpoint(*xs, body=derived(function, point), kept=0, known=Known())


def _push(
    x_dots: Sequence[Value], ys: Value, *xs: Value, body: Graph, kept: int, known: Known
) -> Sequence[Value]:
    moving = both([dot is not None for dot in x_dots], real(body.leaves))
    moved = both(reached(body, moving), real(body.sinks))
    n = len(xs)

    def tangents(*values: Value) -> list[Value]:
        return push_through(body, values[:n], spread(values[n:], moving), moved)[1]

    ones = map(any_like, chosen(body.leaves, moving))
    return spread(again(tangents, [*xs, *chosen(x_dots, moving)], [*map(plain, xs), *ones]), moved)


def _pull(
    wanted: Flags, y_bars: Sequence[Value], ys: Value, *xs: Value, body: Graph, kept: int, known: Known
) -> Sequence[Value]:
    flags = both(wanted, real(body.leaves))
    given = both([bar is not None for bar in y_bars], real(body.sinks))
    n, inside = len(xs), body.sinks[len(body.sinks) - kept :]

    def shares(*values: Value) -> list[Value]:
        stored = dict(zip(inside, values[n : n + kept], strict=True))
        bars = spread(values[n + kept :], given)
        return pull_through(body, values[:n], bars, flags, stored)

    values = [*xs, *ys[len(ys) - kept :], *chosen(y_bars, given)]
    point = [*map(plain, values[: n + kept]), *map(any_like, chosen(body.sinks, given))]
    return spread(again(shares, values, point), flags)


def _batch(op: Any, xs: Sequence[Value], along: Flags, params: Any) -> tuple[Value, ...]:
    body = params["body"]
    size = count_rows(xs, along)
    everything = [True] * len(body.sinks)
    graph = derived(lambda *now: rows_through(body, now, along, size, everything), [plain(x) for x in xs])
    results: tuple[Value, ...] = checkpoint(*xs, **(params | {"body": graph, "known": Known()}))
    return results


checkpoint = Carrying("checkpoint", _run, _push, _pull, _batch)
checkpoint.simpler = lambda *xs, body, **_: _run(*xs, body=body, kept=0, known=Known())
