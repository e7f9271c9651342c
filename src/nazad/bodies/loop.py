"""The rules of loops: the tangent of a loop is a loop, its reverse is a loop, and so is a batch of it.

Backwards, the steps come in opposite order. Each is worked out again from what was handed to it, so of every
step no more is kept than that; with ``checkpoints``, no more than so many of these at a time
(:mod:`~nazad.bodies.revolve`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

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
from nazad.bodies.form import Form, Groups, run_loop
from nazad.bodies.reverse import Reverse, asked_of
from nazad.bodies.revolve import Revolved
from nazad.bodies.traced import any_like, derived, zero_like
from nazad.bodies.whole import whole
from nazad.graph import Value
from nazad.ops.control import loop


# --- forward mode
def _push(x_dots: Sequence[Value], ys: Value, *xs: Value, **params: Any) -> list[Value]:
    form = Form(**params)
    body, n = form.body, form.carries
    moving = form.moving([dot is not None for dot in x_dots])
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
    groups = _beside(form, xs, dots)
    results = run_loop(derived(rule, point), form.count, groups, slices, form.checkpoints)
    first, rest = sum(moved[:n]), len(body.sinks) - n
    return spread([*results[n : n + first], *results[n + first + rest :]], moved)


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
def _pull(wanted: Flags, y_bars: Sequence[Value], ys: Value, *xs: Value, **params: Any) -> Sequence[Value]:
    form = Form(**params)
    flags = both(wanted, real(form.body.leaves))
    given = [bar is not None for bar in y_bars]
    asked = asked_of(form, flags, given)
    if form.checkpoints:
        revolved = Revolved(form, flags, asked, given)
        return spread(whole(*xs, *chosen(y_bars, given), function=revolved), flags)
    return Reverse(form, asked, y_bars).shares(xs)


# --- batches
def _batch(op: Any, xs: Sequence[Value], along: Flags, params: Any) -> tuple[Value, ...]:
    form = Form(**params)
    body, n = form.body, form.carries
    size = count_rows(xs, along)
    flags = settled(along, lambda now: [*reached(body, now)[:n], *now[n:]])
    results = [*flags[:n], *reached(body, flags)[n:]]
    values = [in_rows(x, size) if f and not b else x for x, f, b in zip(xs, flags, along, strict=True)]
    carries, fixed, inputs = form.groups(values)
    of_inputs = form.groups(flags)[2]
    inputs = [np.moveaxis(x, 0, 1) if b else x for x, b in zip(inputs, of_inputs, strict=True)]
    point = [
        in_rows(any_like(v), size) if b and not form.count else x
        for v, x, b in zip(body.leaves, form.point([*carries, *fixed, *inputs]), flags, strict=True)
    ]
    graph = derived(lambda *now: rows_through(body, now, flags, size, results), point)
    ys = list(run_loop(graph, form.count, (carries, fixed, inputs), form.slices, form.checkpoints))
    ys[n:] = [np.moveaxis(y, 1, 0) if r else y for y, r in zip(ys[n:], results[n:], strict=True)]
    return tuple([y if r else in_rows(y, size) for y, r in zip(ys, results, strict=True)])


loop.enter(_push, _pull, _batch)
