"""From repetitions to loops that fit together.

A loop is a table of nodes: a row a step, a column a place in the body. Before it can be written down, its
steps are matched with what they read:

- if most of them read another loop step by step and a few at the ends do not, those few stay outside;
- a sum over what another loop makes at several places takes as many of its steps as one;
- a loop that reads another of equal length in the same direction is put into it (*fused*), so that what is
  handed over need never be kept for all steps at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from nazad.ops.structure import take
from nazad.transform.roll.columns import Columns, Flags, Numbers
from nazad.transform.roll.indices import axes_of
from nazad.transform.roll.repetition import SAVED, SMALL, TRIPS, Run, longest_stretch
from nazad.transform.roll.weak import Weakness

_PEELED = 2  # steps that a loop gives up to be as long as another
_WIDEST = 4096  # places of a body


class Reads:
    """What the body of a loop reads: for every argument of every place, a column over the steps.

    Attributes
    ----------
    place, argument : array
        By column: the place in the body, and which of its arguments.
    preds : array
        The nodes that are read, a row a step.
    lag : array
        By column: from how many steps before it is read; -1 where it comes from outside.
    sound : bool
        Whether that is so in all steps.
    """

    def __init__(self, loops: Loops, k: int) -> None:
        c, rows = loops.columns, loops.rows[k]
        counts = np.diff(c.first)[rows[0]]
        self.place = np.repeat(np.arange(rows.shape[1]), counts)
        self.argument = np.arange(len(self.place)) - np.repeat(np.cumsum(counts) - counts, counts)
        self.preds = c.preds[c.first[rows][:, self.place] + self.argument]
        self.owner, self.step = loops.owner[self.preds], loops.step[self.preds]
        self.spot = loops.spot[self.preds]
        t = np.arange(len(rows))[:, None]
        inside = self.owner == k
        self.lag = np.where(inside[-1], t[-1] - self.step[-1], -1)
        own = (t >= self.lag) & (self.lag >= 0)
        expected = inside & (self.step == t - self.lag) & (self.spot == self.spot[-1])
        self.sound = bool(np.where(own, expected, ~inside).all())
        self.fixed: Flags = (self.lag < 0) & (self.preds == self.preds[0]).all(0)

    @property
    def moving(self) -> Numbers:
        """The columns that read something else outside in every step."""
        return np.flatnonzero((self.lag < 0) & ~self.fixed)

    def steady(self, j: int, over: int = 1) -> Flags:
        """Where a column goes on as it does in the middle: the same place of one loop, at an even pace."""
        owner, spot, step = self.owner[:, j], self.spot[:, j], self.step[:, j]
        pace = step[over:] - step[:-over]
        same = (owner[over:] == owner[:-over]) & (spot[over:] == spot[:-over]) & (owner[over:] >= 0)
        return np.asarray(same & (pace == pace[len(pace) // 2]))


class Loops:
    """The loops of a graph, and for each node to which of them it belongs.

    Attributes
    ----------
    rows : list of array or None
        The nodes of each loop; None for one that has been given up or put into another.
    owner, step, spot : array
        By node: its loop (-1 outside), the step and the place in the body.
    """

    def __init__(self, columns: Columns, runs: Sequence[Run]) -> None:
        self.columns, self.weakness = columns, Weakness(columns)
        self.rows: list[Numbers] = [
            np.arange(r.start, r.stop).reshape(r.trips, r.period) for r in sorted(runs)
        ]
        self.owner, self.step, self.spot = (np.full(len(columns), -1) for _ in range(3))
        for k in range(len(self.rows)):
            self._mark(k)

    def alive(self) -> list[int]:
        """The loops that there are."""
        return [k for k, rows in enumerate(self.rows) if len(rows)]

    def keep(self, k: int, rows: Numbers) -> None:
        """Replace the table of a loop; with too few rows it is given up."""
        self.owner[self.rows[k]] = -1
        self.rows[k] = rows if len(rows) >= TRIPS else rows[:0]
        self._mark(k)

    def _mark(self, k: int) -> None:
        rows = self.rows[k]
        self.owner[rows] = k
        self.step[rows] = np.arange(len(rows))[:, None]
        self.spot[rows] = np.arange(rows.shape[1])

    def items(self) -> Numbers:
        """By node the number of what it becomes: a node, or the loop that it is in."""
        return np.where(self.owner < 0, np.arange(len(self.owner)), len(self.owner) + self.owner)


def arranged(columns: Columns, runs: Sequence[Run], sinks: Sequence[int]) -> Loops:
    """Loops from runs: trimmed until they fit and are worth it, and fused."""
    loops = Loops(columns, runs)
    while _any(_fit, loops) or _any(_align, loops) or _drop_worthless(loops, sinks):
        pass
    _fuse(loops)
    return loops


def _any(change: Callable[[Loops, int], bool], loops: Loops) -> bool:
    """Change every loop that needs it; whether one did."""
    return sum(change(loops, k) for k in loops.alive()) > 0


def _drop_worthless(loops: Loops, sinks: Sequence[int]) -> bool:
    """Give up loops that save too few nodes, or of which Python numbers or tuples are read singly; whether
    any was."""
    c = loops.columns
    joined = np.diff(c.first)[c.user] >= TRIPS  # parts of one operation, which are handed over together
    read = np.unique(
        np.concatenate((c.preds[(loops.owner[c.user] < 0) & ~joined], np.array(sinks, np.int64)))
    )
    read = read[loops.owner[read] >= 0]
    copied = np.array([c.nodes[q].op is take for q in read.tolist()], bool)  # as cheap outside as inside
    singly = np.bincount(loops.owner[read[~copied]], minlength=len(loops.rows)).tolist()
    weak = set() if loops.weakness.all_double else _weak_inside(loops, read)
    torn = set(loops.owner[read[c.several[read]]].tolist())
    dropped = False
    for k in loops.alive():
        trips, places = loops.rows[k].shape
        least = SMALL if _only_takes(loops, k) or _leader(Reads(loops, k)) is not None else SAVED
        if (trips - 1) * places - singly[k] < least or k in weak | torn:
            loops.keep(k, loops.rows[k][:0])
            dropped = True
    return dropped


def _only_takes(loops: Loops, k: int) -> bool:
    """Whether all a loop does is to read one row after another."""
    return all(loops.columns.nodes[q].op is take for q in loops.rows[k][0].tolist())


def _weak_inside(loops: Loops, read: Numbers) -> set[int]:
    """The loops of which Python numbers are read that are not the last ones."""
    ends = np.array([len(rows) - 1 for rows in loops.rows])
    weak = np.array([kind.weak for kind in loops.columns.kinds])[loops.columns.kind[read]]
    inside = loops.step[read] < ends[loops.owner[read]]
    return set(loops.owner[read][weak & inside].tolist())


# --- steps at the ends that read other things
def _fit(loops: Loops, k: int) -> bool:
    """Give up the steps that do not fit; whether anything has changed."""
    rows = loops.rows[k]
    if not len(rows):
        return False
    reads = Reads(loops, k)
    torn = loops.columns.several[reads.preds[:, reads.lag != 0]].any()
    if not reads.sound or torn or not loops.weakness.allows(reads, rows):
        loops.keep(k, rows[:0])
        return True
    low, high = _first_of_its_kind(loops, reads, rows), len(rows)
    for steady in _uneven(loops, k, reads):
        a, b = longest_stretch(steady)
        if b + 1 - a >= max(TRIPS, len(rows) // 2):
            low, high = max(low, a), min(high, b + 1)
        elif len(steady) == len(rows) - 1 and (regrouped := _regrouped(rows, reads)) is not None:
            loops.keep(k, regrouped)
            return True
    if (low, high) == (0, len(rows)):
        return False
    loops.keep(k, rows[low:high])
    return True


def _uneven(loops: Loops, k: int, reads: Reads) -> Iterable[Flags]:
    """The columns that mostly read other loops, or places of an array, at an even pace, but not always."""
    for j in reads.moving.tolist():
        steady = reads.steady(j)
        if not steady.all() and 2 * (reads.owner[:, j] >= 0).sum() > len(steady):
            yield steady
    for _, column in indices(loops, k):
        pace = np.diff(column)
        steady = pace == pace[len(pace) // 2]
        if not steady.all() and steady.sum() >= len(steady) - 2 * _PEELED:
            yield steady


def indices(loops: Loops, k: int) -> Iterable[tuple[tuple[int, int], Numbers]]:
    """The integers in indices that differ from step to step: place in the body, entry of the template."""
    c, rows = loops.columns, loops.rows[k]
    for b in np.flatnonzero(np.diff(c.first_index)[rows[0]]).tolist():
        node = c.nodes[rows[0, b]]
        template = node.params["template"]
        table = c.indices[
            c.first_index[rows[:, b]][:, None] + np.arange(sum(type(e) is int for e in template))
        ]
        if (table == table[0]).all():
            continue
        shape = c.kind_of(c.preds[c.first[rows[0, b]]]).shape
        axes = axes_of(template, len(shape))
        entries = [e for e, entry in enumerate(template) if type(entry) is int]
        for entry, column in zip(entries, table.T, strict=True):
            if (column != column[0]).any():
                yield (b, entry), np.where(column < 0, column + shape[axes[entry]], column)


def _first_of_its_kind(loops: Loops, reads: Reads, rows: Numbers) -> int:
    """The first step in which all carries have the shape and dtype that they keep."""
    kind, first = loops.columns.kind, 0
    for lag in range(1, int(reads.lag.max(initial=0)) + 1):
        for j in np.flatnonzero(reads.lag == lag).tolist():
            carried = reads.preds[-1, j]
            initial = reads.preds[:lag, j]
            other = initial[kind[initial] != kind[carried]]
            if any(not loops.weakness.may_become(q, carried, reads, j, rows) for q in other.tolist()):
                first = max(first, lag)
    return first


def _regrouped(rows: Numbers, reads: Reads) -> Numbers | None:
    """Several steps as one, if what they read comes from several places of one loop in turn."""
    for j in reads.moving.tolist():
        spot, middle = reads.spot[:, j], len(rows) // 2
        again = np.flatnonzero((spot[middle + 1 :] == spot[middle]) & (reads.owner[middle + 1 :, j] >= 0))
        if not len(again):
            continue
        m = int(again[0]) + 1
        if m == 1 or m * rows.shape[1] > _WIDEST or len(rows) // m < TRIPS:
            continue
        a, b = longest_stretch(reads.steady(j, m))
        turns = np.flatnonzero(np.diff(reads.step[a : a + m + 1, j])) + 1
        start = a + (int(turns[0]) if len(turns) == 1 else 0)
        trips = (b + m - start) // m
        if trips >= max(TRIPS, len(rows) // m // 2):
            return rows[start : start + trips * m].reshape(trips, m * rows.shape[1])
    return None


# --- fusion
def _leader(reads: Reads) -> tuple[int, int] | None:
    """The loop that this one reads in step, and from which of its steps on."""
    moving = reads.moving
    for leader in sorted(set(reads.owner[0, moving].tolist()) - {-1}, reverse=True):
        columns = moving[(reads.owner[:, moving] == leader).any(0)]
        starts = reads.step[0, columns]
        in_step = reads.step[:, columns] == starts + np.arange(len(reads.step))[:, None]
        if (starts == starts[0]).all() and in_step.all() and (reads.owner[:, columns] == leader).all():
            return leader, int(starts[0])
    return None


def _align(loops: Loops, k: int) -> bool:
    """Shorten the loop that this one reads in step by what this one does not read; whether it was."""
    found = _leader(Reads(loops, k)) if len(loops.rows[k]) else None
    if found is None:
        return False
    leader, start = found
    surplus = len(loops.rows[leader]) - len(loops.rows[k])
    if not 0 < surplus <= _PEELED:
        return False
    loops.keep(leader, loops.rows[leader][start : start + len(loops.rows[k])])
    return True


def _fuse(loops: Loops) -> None:
    after: dict[int, set[int]] = {}
    users = _users(loops)
    for k in loops.alive():
        reads = Reads(loops, k)
        found = _leader(reads)
        if found is None or found[1] or len(loops.rows[found[0]]) != len(loops.rows[k]):
            continue
        leader = found[0]
        if leader not in after:
            after[leader] = _reached(len(loops.columns) + leader, users)
        others = loops.items()[reads.preds[(reads.owner != leader) & (reads.owner != k)]]
        outside = np.unique(others).tolist()
        if after[leader].isdisjoint(outside) and _only_in_step(reads, leader):
            rows = np.hstack((loops.rows[leader], loops.rows[k]))
            loops.keep(k, loops.rows[k][:0])
            loops.keep(leader, rows)


def _only_in_step(reads: Reads, leader: int) -> bool:
    steps = np.arange(len(reads.step))[:, None]
    return bool(((reads.owner != leader) | (reads.step == steps)).all())


def _users(loops: Loops) -> dict[int, list[int]]:
    """By item the items that read it."""
    items = loops.items()
    read, reader = items[loops.columns.preds], items[loops.columns.user]
    edges = np.unique(np.stack((read, reader))[:, read != reader], axis=1) if len(read) else np.zeros((2, 0))
    users: dict[int, list[int]] = {}
    for a, b in zip(*edges.tolist(), strict=True):
        users.setdefault(a, []).append(b)
    return users


def _reached(item: int, users: dict[int, list[int]]) -> set[int]:
    reached: set[int] = set()
    todo = [item]
    while todo:
        new = [u for u in users.get(todo.pop(), ()) if u not in reached]
        reached.update(new)
        todo += new
    return reached
