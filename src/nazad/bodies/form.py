"""The form of a loop: its parameters, and how its leaves, predecessors and sinks are grouped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nazad.bodies.derive import Flags, both, reached, real, settled
from nazad.bodies.traced import any_like
from nazad.graph import Graph, Value
from nazad.ops.control import loop
from nazad.trace.inside import plain

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
    checkpoints: int = 0

    def groups(self, items: Sequence[Any]) -> Groups:
        """What stands in the order of the leaves, by kind."""
        c, f = self.carries, self.carries + self.fixed
        return list(items[:c]), list(items[c:f]), list(items[f:])

    def point(self, xs: Sequence[Value]) -> list[Value]:
        """What the leaves are in the first step, as ordinary numbers."""
        carries, fixed, inputs = self.groups([plain(x) for x in xs])
        triples = zip(self.groups(self.body.leaves)[2], inputs, self.slices, strict=True)
        rows = [x[start] if self.count else any_like(leaf) for leaf, x, (start, _) in triples]
        return [*carries, *fixed, *rows]

    def backwards(self) -> list[tuple[int, int]]:
        """The slices that read in opposite order."""
        return [(start + step * (self.count - 1), -step) for start, step in self.slices]

    def moving(self, flags: Flags) -> list[bool]:
        """The leaves that have a tangent in some step, if these have one at first."""
        body, n = self.body, self.carries
        is_real = real(body.leaves)

        def step(now: list[bool]) -> list[bool]:
            return [*both(is_real[:n], reached(body, now)[:n]), *now[n:]]

        return settled(both(flags, is_real), step)


def run_loop(
    body: Graph, count: int, groups: Groups, slices: Iterable[tuple[int, int]], checkpoints: int = 0
) -> tuple[Value, ...]:
    """A loop over values that are grouped by kind."""
    carries, fixed, inputs = groups
    params: dict[str, Any] = {
        "body": body,
        "count": count,
        "carries": len(carries),
        "fixed": len(fixed),
        "slices": tuple(slices),
    }
    if checkpoints:
        params["checkpoints"] = checkpoints
    results: tuple[Value, ...] = loop(*carries, *fixed, *inputs, **params)
    return results
