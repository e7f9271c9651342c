"""A loop that goes on while a condition holds.

Its parameters are two graphs. The leaves of ``cond`` are the carries and what it is given; those of ``body``
the carries and what that is given. The predecessors are initial carries, what ``cond`` is given, what
``body`` is given; the results are the last carries.

Forwards, the derivative is such a loop again. Backwards, the number of steps is known when it is asked for,
since values are, and then the loop is one of a fixed count; but the number may be another one at other
values, so this is done as a whole, when the operation runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad.bodies.derive import (
    Flags,
    both,
    chosen,
    count_rows,
    in_rows,
    push_through,
    reached,
    real,
    rows_through,
    settled,
    spread,
)
from nazad.bodies.traced import any_like, derived, zero_like
from nazad.bodies.whole import whole
from nazad.graph import Graph, Value, leaf, rank_of
from nazad.ops.control import Carrying, loop
from nazad.trace.inside import plain


class Form(NamedTuple):
    """The parameters of a loop with a condition."""

    cond: Graph
    body: Graph
    carries: int

    @property
    def given(self) -> int:
        """How many values the condition is given."""
        return len(self.cond.leaves) - self.carries

    def groups(self, items: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """What stands in the order of the predecessors: carries, given to the condition, to the body."""
        c, g = self.carries, self.carries + self.given
        return list(items[:c]), list(items[c:g]), list(items[g:])

    def holds(self, carries: Sequence[Value], given: Sequence[Value]) -> Value:
        """The condition."""
        return self.cond.forward([*carries, *given])[self.cond.sinks[0]]

    def step(self, carries: Sequence[Value], rest: Sequence[Value]) -> list[Value]:
        """One step of the body."""
        F = self.body.forward([*carries, *rest])
        return [F[sink] for sink in self.body.sinks]


def _run(*xs: Value, **params: Any) -> tuple[Value, ...]:
    form = Form(**params)
    carries, given, rest = form.groups(xs)
    while form.holds(carries, given):
        carries = form.step(carries, rest)
    return tuple(carries)


# --- forward mode
def _push(x_dots: Sequence[Value], ys: Value, *xs: Value, **params: Any) -> list[Value]:
    form = Form(**params)
    body, n = form.body, form.carries
    dots, _, rest_dots = form.groups(x_dots)
    moving = _moving(form, [dot is not None for dot in (*dots, *rest_dots)])
    carries, given, rest = form.groups(xs)
    first = sum(moving[:n])

    def rule(*values: Value) -> list[Value]:
        now, now_dots = values[:n], values[n : n + first]
        others, other_dots = values[n + first : n + first + len(rest)], values[n + first + len(rest) :]
        ys, y_dots = push_through(body, [*now, *others], spread([*now_dots, *other_dots], moving), moving[:n])
        return [*ys, *y_dots]

    given_dots = zip(body.leaves, (*dots, *rest_dots), moving, strict=True)
    tangents = [zero_like(v) if d is None else d for v, d, m in given_dots if m]
    ones = list(map(any_like, chosen(body.leaves, moving)))
    values = [*map(plain, carries)], [*map(plain, rest)]
    graph = derived(rule, [*values[0], *ones[:first], *values[1], *ones[first:]])
    unread = [leaf(f"unread{k}") for k in range(first)]
    leaves = [*form.cond.leaves[:n], *unread, *form.cond.leaves[n:]]
    cond = Graph(leaves, form.cond.sinks, [*unread, *form.cond.nodes])
    starts = [*carries, *tangents[:first], *given, *rest, *tangents[first:]]
    return spread(while_loop(*starts, cond=cond, body=graph, carries=n + first)[n:], moving[:n])


def _moving(form: Form, flags: Flags) -> list[bool]:
    """The leaves of the body that have a tangent in some step."""
    n, is_real = form.carries, real(form.body.leaves)
    return settled(both(flags, is_real), lambda now: [*both(is_real[:n], reached(form.body, now)), *now[n:]])


# --- reverse mode
class _Unwound:
    """The shares, from the arguments and then the cotangents: a loop of known count, differentiated."""

    def __init__(self, form: Form, wanted: Flags, given: Flags) -> None:
        self.form, self.wanted, self.given = form, wanted, given

    def __call__(self, *values: Value) -> tuple[Value, ...]:
        form = self.form
        count = len(values) - sum(self.given)
        carries, given, rest = form.groups(values[:count])
        params = {
            "body": form.body,
            "count": self._steps(*([plain(x) for x in group] for group in (carries, given, rest))),
            "carries": form.carries,
            "fixed": len(rest),
            "slices": (),
        }
        bars = spread(values[count:], self.given)
        shares = loop.pull_all(self.wanted, bars, None, [*carries, *rest], params)
        leaves = chosen(form.body.leaves, self.wanted)
        found = zip(chosen(shares, self.wanted), leaves, strict=True)
        return tuple([zero_like(v) if share is None else share for share, v in found])

    def _steps(self, carries: list[Value], given: list[Value], rest: list[Value]) -> int:
        count = 0
        while self.form.holds(carries, given):
            carries, count = self.form.step(carries, rest), count + 1
        return count


def _pull(wanted: Flags, y_bars: Sequence[Value], ys: Value, *xs: Value, **params: Any) -> list[Value]:
    form = Form(**params)
    of_carries, _, of_rest = form.groups(wanted)
    flags = both([*of_carries, *of_rest], real(form.body.leaves))
    given = [bar is not None for bar in y_bars]
    shares = whole(*xs, *chosen(y_bars, given), function=_Unwound(form, flags, given))
    found = spread(shares, flags)
    n = form.carries
    return [*found[:n], *[None] * form.given, *found[n:]]


# --- batches
def _batch(op: Any, xs: Sequence[Value], along: Flags, params: Any) -> tuple[Value, ...]:
    """Until the condition holds for no row; a row for which it does not stays as it is."""
    form = Form(**params)
    n = form.carries
    size = count_rows(xs, along)
    now, of_given, of_rest = form.groups(along)
    flags = settled(now, lambda now: _rows(form, now, of_given, of_rest))
    ends_apart = reached(form.cond, [*flags, *of_given])[0]
    carries, given, rest = form.groups(xs)
    carries = [in_rows(x, size) if f and not b else x for x, f, b in zip(carries, flags, now, strict=True)]

    def holds(*values: Value) -> list[Value]:
        (mask,) = rows_through(form.cond, values, [*flags, *of_given], size, [ends_apart])
        return [np.any(mask)] if ends_apart else [mask]

    def step(*values: Value) -> list[Value]:
        before, own, others = values[:n], values[n : n + len(given)], values[n + len(given) :]
        after = rows_through(form.body, [*before, *others], [*flags, *of_rest], size, flags)
        if not ends_apart:
            return after
        (mask,) = rows_through(form.cond, [*before, *own], [*flags, *of_given], size, [True])
        return [_where(mask, a, b) for a, b in zip(after, before, strict=True)]

    point = [plain(x) for x in (*carries, *given, *rest)]
    cond = derived(holds, point[: n + len(given)])
    body = derived(step, point)
    with np.errstate(all="ignore"):  # of rows that have ended
        ys = while_loop(*carries, *given, *given, *rest, cond=cond, body=body, carries=n)
    return tuple([y if f else in_rows(y, size) for y, f in zip(ys, flags, strict=True)])


def _rows(form: Form, now: Flags, of_given: Flags, of_rest: Flags) -> list[bool]:
    """Which carries differ from row to row after a step: all, where rows end at different times."""
    if reached(form.cond, [*now, *of_given])[0]:
        return [True] * form.carries
    return reached(form.body, [*now, *of_rest])


def _where(mask: Value, a: Value, b: Value) -> Value:
    return np.where(np.reshape(mask, (-1, *(1,) * (rank_of(a) - 1))), a, b)


while_loop = Carrying("while_loop", _run, _push, _pull, _batch)
