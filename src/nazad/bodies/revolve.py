"""Binomial checkpointing: the way back of a long loop with few of its carries held at a time.

With s carries held, and each step run forward at most r times, a loop of at most C(s + r, s) steps can be
gone back. The schedule is the one of fewest steps (Griewank and Walther 2000): where to hold the next carry
divides what is left such that both parts can be done with the same number of repetitions.

References
----------
A. Griewank and A. Walther, Algorithm 799: revolve, an implementation of checkpointing for the reverse or
adjoint mode of computational differentiation, ACM Transactions on Mathematical Software 26 (2000).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import comb
from typing import NamedTuple

import numpy as np

from nazad.bodies.derive import Flags, chosen, spread
from nazad.bodies.form import Form, run_loop
from nazad.bodies.reverse import Reverse
from nazad.bodies.traced import is_traced, zero_like
from nazad.graph import Graph, Value


class Stretch(NamedTuple):
    """What is done next: from a step whose carries are held, forward to another.

    Attributes
    ----------
    start, stop : int
        The steps from ``start`` up to, not including, ``stop`` are run.
    hold : bool
        Whether the carries found are held; else the step ``stop`` is gone back, from them.
    """

    start: int
    stop: int
    hold: bool


def schedule(steps: int, checkpoints: int) -> Iterator[Stretch]:
    """The way back of a loop with so many carries held at a time, those of the beginning among them.

    Examples
    --------
    >>> for stretch in schedule(4, 2):
    ...     print(*stretch)
    0 1 True
    1 3 False
    1 2 False
    1 1 False
    0 0 False
    """
    held, end = [0], steps
    while end:
        start = held[-1]
        while end - start > 1 and len(held) < checkpoints:
            middle = start + split(end - start, checkpoints - len(held) + 1)
            yield Stretch(start, middle, hold=True)
            held.append(middle)
            start = middle
        end -= 1
        yield Stretch(start, end, hold=False)
        if start == end:
            held.pop()


def split(steps: int, checkpoints: int) -> int:
    """How far to go before the next carry is held; the steps before it come last, with all checkpoints."""
    r = repetitions(steps, checkpoints)
    return max(1, _most(checkpoints, r - 2), steps - _most(checkpoints - 1, r))


def repetitions(steps: int, checkpoints: int) -> int:
    """How often each step is run forward, at most."""
    r = 0
    while _most(checkpoints, r) < steps:
        r += 1
    return r


def fewest(steps: int, checkpoints: int) -> int:
    """The number of steps that have to be run forward, in closed form.

    Examples
    --------
    >>> fewest(10_000, 50), sum(s.stop - s.start for s in schedule(10_000, 50))
    (28622, 28622)
    """
    r = repetitions(steps, checkpoints)
    return r * steps - _most(checkpoints + 1, r - 1)


def _most(checkpoints: int, r: int) -> int:
    """How many steps can be gone back with so many repetitions."""
    return comb(checkpoints + r, checkpoints) if r >= 0 else 0


class Revolved:
    """The shares of a loop, from its arguments and then cotangents, in the memory of so many carries."""

    def __init__(self, form: Form, wanted: Flags, asked: Flags, given: Flags) -> None:
        self.form, self.wanted, self.asked, self.given = form, wanted, asked, given

    def __call__(self, *values: Value) -> tuple[Value, ...]:
        count = len(self.form.body.leaves)
        xs, y_bars = values[:count], spread(values[count:], self.given)
        reverse = Reverse(self.form, self.asked, y_bars)
        shares = reverse.shares(xs) if is_traced(values) else self._shares(reverse, xs)
        pairs = chosen(list(zip(shares, self.form.body.leaves, strict=True)), self.wanted)
        return tuple([zero_like(leaf) if share is None else share for share, leaf in pairs])

    def _shares(self, reverse: Reverse, xs: Sequence[Value]) -> list[Value]:
        form = self.form
        start, fixed, inputs = form.groups(xs)
        step, now = reverse.step(form.point(xs)), list(reverse.begin)
        wanted = form.groups(self.asked)[2]
        rows = [np.zeros(x.shape, x.dtype) if w else None for x, w in zip(inputs, wanted, strict=True)]
        held = {0: start}
        with np.errstate(all="ignore"):
            for stretch in schedule(form.count, form.checkpoints):
                carries = self._ahead(stretch, held[stretch.start], fixed, inputs)
                if stretch.hold:
                    held[stretch.stop] = carries
                    continue
                t = stretch.stop
                places = [first + pace * t for first, pace in form.slices]
                out_bars = [bar[t] for bar in reverse.out_bars]
                entries = [x[k] for x, k in zip(inputs, places, strict=True)]
                F = step.forward([*now, *fixed, *carries, *out_bars, *entries])
                found = [F[sink] for sink in step.sinks]
                now, shares = found[: len(now)], iter(found[len(now) :])
                for row, k in zip(rows, places, strict=True):
                    if row is not None:
                        row[k] = next(shares)
                if stretch.start == t:
                    del held[t]
        bars, sums, _ = form.groups(spread([*now, *chosen(rows, wanted)], self.asked))
        return [*bars, *sums, *rows]

    def _ahead(
        self, stretch: Stretch, carries: list[Value], fixed: list[Value], inputs: list[Value]
    ) -> list[Value]:
        """The carries some steps later."""
        form, body = self.form, self.form.body
        alone = Graph(body.leaves, body.sinks[: form.carries], body.nodes).without_dead()
        slices = [(first + pace * stretch.start, pace) for first, pace in form.slices]
        return list(run_loop(alone, stretch.stop - stretch.start, (carries, fixed, inputs), slices))
