"""Where a graph repeats itself.

Nodes stand in the order of creation, so an unrolled loop is a stretch in which node i + p does what node i
did, p being the length of the body. Candidates for p are the commonest gaps between equal windows of tokens.
For one p, all pairs (i, i + p) are compared at once: they agree if they have the same token and each of
their predecessors is *near*, moves along by p and stands at most a few steps back, or comes from elsewhere.
The longest stretch of pairs that agree is a loop, once it has been settled where its steps begin: at the
boundary that the fewest values cross.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nazad.transform.roll.columns import Columns, Flags, Numbers

TRIPS = 4
"""A loop has at least so many steps."""
SAVED = 24
"""A loop makes the graph smaller by at least so many nodes."""
SMALL = 3
"""So many, if it does no more than sum up what another loop makes, and can be part of it."""
LAG = 4
"""A step reads what at most so many steps before it made."""

_TORN = 1000  # a value of several results that lives on is worse than so many others
_WINDOWS = (1, 4, 16, 64, 256)
_PATIENCE = 32  # how often a node is looked at, on average


class Run(NamedTuple):
    """Nodes ``start`` to ``start + period * trips``: the same body, so many times."""

    start: int
    period: int
    trips: int

    @property
    def stop(self) -> int:
        return self.start + self.period * self.trips


def repetitions(columns: Columns) -> list[Run]:
    """The runs of a graph, in the order of creation.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> def f(x):
    ...     for _ in range(20):
    ...         x = np.sin(2.0 * x)
    ...     return x
    >>> G = nz.trace(f, np.ones(3))
    >>> repetitions(Columns(G, G.forward([np.ones(3)])))
    [Run(start=2, period=2, trips=20)]
    """
    found = _found(columns, [(columns.sources, len(columns))], SAVED)
    return sorted(found + _found(columns, _gaps(columns, found), SMALL)) if found else []


def _found(columns: Columns, todo: list[tuple[int, int]], saved: int) -> list[Run]:
    search = _Search(columns, saved)
    found: list[Run] = []
    patience = _PATIENCE * len(columns)
    while todo and patience > 0:
        low, high = todo.pop()
        patience -= high - low
        runs = sorted(search.within(low, high)) if high - low > saved else []
        if runs:
            found += runs
            todo += zip([low, *[r.stop for r in runs]], [*[r.start for r in runs], high], strict=True)
    return found


def _gaps(columns: Columns, found: list[Run]) -> list[tuple[int, int]]:
    """What lies between the runs: sums over what they make, it may be."""
    runs = sorted(found)
    starts = [columns.sources, *[r.stop for r in runs]]
    return list(zip(starts, [*[r.start for r in runs], len(columns)], strict=True))


def stretches(flags: Flags) -> tuple[Numbers, Numbers]:
    """Where the stretches of true begin and end.

    Examples
    --------
    >>> starts, stops = stretches(np.array([True, True, False, True]))
    >>> starts.tolist(), stops.tolist()
    ([0, 3], [2, 4])
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).view(np.int8)))
    return edges[::2], edges[1::2]


def longest_stretch(flags: Flags) -> tuple[int, int]:
    """Where the longest stretch of true begins and ends."""
    starts, stops = stretches(flags)
    if not len(starts):
        return 0, 0
    k = int(np.argmax(stops - starts))
    return int(starts[k]), int(stops[k])


class _Search:
    def __init__(self, columns: Columns, saved: int) -> None:
        self.columns, self.saved = columns, saved
        place = np.arange(len(columns.preds)) - columns.first[columns.user]
        self.mark = (place.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)

    def within(self, low: int, high: int) -> list[Run]:
        """The runs of the best period. Short ones are left for later: they may be part of something."""
        best: list[tuple[int, int, Numbers, Numbers]] = []
        known = np.zeros(high - low, np.int64)  # by node the length of the stretch of a smaller period
        for p in _periods(self.columns.token[low:high]):
            starts, stops = stretches(self._agreement(low, high, p))
            lengths = np.where(stops - starts >= self._least(p), stops - starts + p, 0)
            length = int(lengths.max(initial=0))
            if not length:
                continue
            long = lengths > length // TRIPS
            starts, stops, lengths = starts[long], stops[long], lengths[long]
            before = np.array([known[a:b].max() for a, b in zip(starts, stops, strict=True)], np.int64)
            ours = lengths > 1.05 * before + p
            if ours.any() and (not best or length > 1.05 * best[-1][0] + 2 * best[-1][1]):
                best.append((length, p, starts[ours] + low, stops[ours] + low))
            for a, b in zip(starts, stops, strict=True):
                known[a:b] = np.maximum(known[a:b], b - a + p)
        for _, p, starts, stops in reversed(best):
            runs = list(self._settled(p, low, starts, stops))
            if runs:
                return runs
        return []

    def _least(self, p: int) -> int:
        """So many pairs at least; the first steps, whose pairs may not agree, come on top."""
        return max(p, self.saved - 2 * p)

    def _agreement(self, low: int, high: int, p: int) -> Flags:
        """Whether the pairs (i, i + p) agree, for i from ``low`` to ``high - p``."""
        c = self.columns
        equal = c.token[low : high - p] == c.token[low + p : high]
        a, b = longest_stretch(equal)
        if b - a < self._least(p):
            return np.zeros(0, bool)
        begin, end = c.first[low], c.first[high - p]
        user, preds = c.user[begin:end], c.preds[begin:end]
        mates = np.arange(begin, end) + (c.first[user + p] - c.first[user])
        mates = c.preds[np.minimum(mates, len(c.preds) - 1)]
        near = (mates - preds == p) & (user - mates < LAG * p)
        offsets = c.first[low : high - p] - begin
        sound = np.logical_and.reduceat(near | (c.kind[mates] == c.kind[preds]), offsets)
        pattern = np.add.reduceat(np.where(near, self.mark[begin:end], np.uint64(0)), offsets)
        agree = equal & sound
        agree[p:] &= pattern[p:] == pattern[:-p]
        return np.asarray(agree)

    def _settled(self, p: int, low: int, starts: Numbers, stops: Numbers) -> Iterator[Run]:
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            run = _Stretch(self.columns, start, stop, p).run(low)
            if run is not None:
                yield run
                low = run.stop


def _periods(token: Numbers) -> list[int]:
    """The commonest gaps between equal windows, weighted by their length."""
    code = token.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(12345)
    code ^= code >> np.uint64(29)
    found: set[int] = set()
    for window in _WINDOWS:
        for shift in (window // 4, window // 2) if window > 1 else ():
            if len(code) > shift:
                mixed = code[:-shift] ^ (code[:-shift] >> np.uint64(17))
                code = code[shift:] * np.uint64(0x100000001B3 + 2 * shift) + mixed
        order = np.argsort(code, kind="stable")
        gaps = np.diff(order)[np.diff(code[order]) == 0]
        if not len(gaps):
            break
        weight = np.bincount(gaps) * np.arange(gaps.max() + 1)
        best = np.argpartition(weight, -4)[-4:] if len(weight) > 4 else np.arange(len(weight))
        found.update(int(p) for p in best if 0 < p <= len(token) // 2)
    return sorted(found)


class _Stretch:
    """Pairs (i, i + p) that agree for i from ``start`` to ``stop``: where do the steps begin?

    Every step is compared with one in the middle, node by node in the order of that one. ``back`` tells how
    far back its near predecessors stand.
    """

    def __init__(self, columns: Columns, start: int, stop: int, p: int) -> None:
        c = self.c = columns
        self.start, self.stop, self.p = start, stop + p, p
        self.base = start + (stop - start) // p // 2 * p
        begin, end = c.first[self.base], c.first[self.base + p]
        again = c.first[self.base + p]
        self.user = c.user[begin:end] - self.base
        preds = c.preds[again : again + end - begin]
        self.near: Flags = preds - c.preds[begin:end] == p
        self.back = self.user + self.base + p - preds
        self.near &= self.back < (LAG + 1) * p
        self.kind = c.kind[preds]
        self.token = c.token[self.base : self.base + p]

    def run(self, low: int) -> Run | None:
        """The run of the phase that the fewest values cross, among those that lose no more than one step."""
        crossed = self._crossed()
        runs = [(self._from(int(phase), low), int(crossed[phase])) for phase in self._quietest(crossed)]
        most = max(run.trips for run, _ in runs)
        runs = [(run, k) for run, k in runs if run.trips >= max(most - 1, TRIPS)]
        return min(runs, key=lambda pair: (pair[1], -pair[0].trips))[0] if runs else None

    def _crossed(self) -> Numbers:
        """For each phase, how many values live on from one step to the next."""
        c = self.c
        far = np.zeros(self.p, np.int64)
        made = (self.user - self.back)[self.near] % self.p
        np.maximum.at(far, made, self.back[self.near])
        change = np.zeros((LAG + 3) * self.p + 2, np.int64)
        places = np.arange(self.p)
        weight = np.where(c.several[self.base : self.base + self.p], _TORN, 1)
        np.add.at(change, places + 1, weight)
        np.add.at(change, places + far + 1, -weight)
        alive = np.cumsum(change)[: (LAG + 3) * self.p]
        return np.asarray(alive.reshape(LAG + 3, self.p).sum(0))

    def _quietest(self, crossed: Numbers) -> npt.NDArray[np.intp]:
        delay = (np.arange(self.p) + self.base - self.start) % self.p
        return np.lexsort((delay, crossed))[:4]

    def _from(self, phase: int, low: int) -> Run:
        start = self.start + (self.base + phase - self.start) % self.p
        trips = (self.stop - start) // self.p
        for _ in range(LAG + 2):  # the first steps read initial values, which are not near
            if start - self.p < low or not self._sound(start - self.p, min(trips + 1, LAG + 2)).all():
                break
            start, trips = start - self.p, trips + 1
        return self._cut(start, trips)

    def _cut(self, start: int, trips: int) -> Run:
        """Without steps that read from inside the run what should come from outside."""
        while trips >= TRIPS:
            sound = self._sound(start, trips)
            if sound.all():
                break
            bad = int(np.argmin(sound))
            inside = self._latest_inside(start, trips) - start
            later = inside // self.p + 1
            if bad >= trips - later:
                trips = bad
            else:
                start, trips = start + later * self.p, trips - later
        return Run(start, self.p, trips)

    def _sound(self, start: int, trips: int) -> Flags:
        """Whether each step of a run would read as the one in the middle does, or initial values."""
        turn = (start - self.base) % self.p
        tokens = self.c.token[start : start + trips * self.p].reshape(trips, self.p)
        if (tokens != np.roll(self.token, -turn)).any():
            return np.zeros(trips, bool)
        users, preds, near, back, kind = self._steps(start, trips)
        expected = users - back
        right = np.where(near & (expected >= start), preds == expected, preds < start)
        return np.asarray((right & (near | (self.c.kind[preds] == kind))).all(1))

    def _latest_inside(self, start: int, trips: int) -> int:
        _, preds, near, _, _ = self._steps(start, trips)
        return int(np.where(near, -1, preds).max(initial=start))

    def _steps(self, start: int, trips: int) -> tuple[Numbers, Numbers, Flags, Numbers, Numbers]:
        """Users and predecessors, a row a step, and how the body's are."""
        turn = -int(np.searchsorted(self.user, (start - self.base) % self.p))
        begin, width = self.c.first[start], len(self.user)
        rows = slice(begin, begin + trips * width)
        users, preds = (column[rows].reshape(trips, width) for column in (self.c.user, self.c.preds))
        near = np.roll(self.near, turn)
        return users, preds, near, np.roll(self.back, turn), np.roll(self.kind, turn)
