"""One of several graphs, chosen by an index when the operation runs.

All branches have the same leaves, which are the predecessors behind the index, and sinks of the same kinds.
An index outside of them is taken to the nearest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

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
from nazad.bodies.traced import any_like, derived
from nazad.errors import NoRuleError
from nazad.graph import Graph, Value, rank_of, shape_of
from nazad.ops.control import Carrying
from nazad.ops.families import Elementwise, Linear, Reduction
from nazad.ops.structure import astype
from nazad.trace.inside import plain

Branches = Sequence[Graph]
_POINTS = 4096
"""Entries that a branch may work out, for all branches to be run in machine code."""


def _run(index: Value, *xs: Value, branches: Branches) -> tuple[Value, ...]:
    branch = branches[min(max(int(index), 0), len(branches) - 1)]
    F = branch.forward(xs)
    return tuple([F[sink] for sink in branch.sinks])


def _of_any(branches: Branches, flags: Flags) -> list[bool]:
    """The sinks that follow in some branch from these leaves."""
    return [any(column) for column in zip(*(reached(b, flags) for b in branches), strict=True)]


def _push(x_dots: Sequence[Value], ys: Value, index: Value, *xs: Value, branches: Branches) -> list[Value]:
    moving = both([dot is not None for dot in x_dots[1:]], real(branches[0].leaves))
    moved = both(_of_any(branches, moving), real(branches[0].sinks))
    n = len(xs)

    def pushed(branch: Graph) -> Graph:
        ones = [any_like(v) for v in chosen(branch.leaves, moving)]
        return derived(
            lambda *now: push_through(branch, now[:n], spread(now[n:], moving), moved)[1],
            [*map(plain, xs), *ones],
        )

    dots = chosen(x_dots[1:], moving)
    return spread(switch(index, *xs, *dots, branches=tuple(map(pushed, branches))), moved)


def _pull(
    wanted: Flags, y_bars: Sequence[Value], ys: Value, index: Value, *xs: Value, branches: Branches
) -> list[Value]:
    flags = both(wanted[1:], real(branches[0].leaves))
    given = both([bar is not None for bar in y_bars], real(branches[0].sinks))
    n = len(xs)

    def pulled(branch: Graph) -> Graph:
        ones = [any_like(v) for v in chosen(branch.sinks, given)]
        return derived(
            lambda *now: pull_through(branch, now[:n], spread(now[n:], given), flags),
            [*map(plain, xs), *ones],
        )

    bars = chosen(y_bars, given)
    return [None, *spread(switch(index, *xs, *bars, branches=tuple(map(pulled, branches))), flags)]


def _batch(op: Any, xs: Sequence[Value], along: Flags, params: Any) -> tuple[Value, ...]:
    """Each row its own branch: all of them, and then one is picked; else one for all rows."""
    (index, *rest), branches = xs, params["branches"]
    size = count_rows(xs, along)
    results = [True] * len(branches[0].sinks)
    if along[0]:
        with np.errstate(all="ignore"):  # of what is not picked
            values = [rows_through(b, rest, along[1:], size, results) for b in branches]
        return tuple([_picked(index, column) for column in zip(*values, strict=True)])
    point = [plain(x) for x in rest]
    rows = [
        derived(lambda *now, b=b: rows_through(b, now, along[1:], size, results), point) for b in branches
    ]
    return tuple(switch(index, *rest, branches=tuple(rows)))


# --- for the compiler
def _all_of_them(index: Value, *xs: Value, branches: Branches) -> tuple[Value, ...]:
    """All branches, and then one is picked: what machine code does where that costs little."""
    if not all(map(_is_cheap, branches)):
        raise NoRuleError("a branch is too long to be worked out in vain")
    number = astype(index, dtype=np.dtype(int))
    values = [branch.forward(xs) for branch in branches]
    found = [[F[sink] for sink in b.sinks] for b, F in zip(branches, values, strict=True)]
    return tuple([_picked(number, column) for column in zip(*found, strict=True)])


def _is_cheap(branch: Graph) -> bool:
    plain = all(v.is_source or isinstance(v.op, (Elementwise, Linear, Reduction)) for v in branch.nodes)
    return plain and sum(math.prod(shape_of(v.spec)) for v in branch.nodes if v.preds) <= _POINTS


def _picked(index: Value, values: Sequence[Value]) -> Value:
    """The value of the branch; for a batch, of each row that of its own."""
    picked = values[-1]
    for k in reversed(range(len(values) - 1)):
        mask = index <= k
        rows = np.reshape(mask, (-1, *(1,) * (rank_of(picked) - 1))) if rank_of(mask) else mask
        picked = np.where(rows, values[k], picked)
    return picked


switch = Carrying("switch", _run, _push, _pull, _batch, simpler=_all_of_them)
