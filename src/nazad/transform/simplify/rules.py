"""The register of rewrites: a rule sees a node on simple predecessors and may offer another for it.

A rule is a function of the bench, the node and its value. It returns a node that is equal to the one it was
given (one that is there, or a new one), or None if it knows nothing. Shape, dtype and weakness of what it
offers are compared with the original's in one place, :meth:`nazad.transform.simplify.walk.Bench.settle`,
so that a rule states its algebra and nothing else.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from nazad.graph import Node, Value

if TYPE_CHECKING:
    from nazad.transform.simplify.walk import Bench

Rewrite = Callable[["Bench", Node, Value], Node | None]


class Rule(NamedTuple):
    """A rewrite, the operations that it is tried on, and whether it keeps every bit."""

    rewrite: Rewrite
    names: tuple[str, ...]
    exact: bool


RULES: list[Rule] = []


def rule(*names: str, exact: bool = True) -> Callable[[Rewrite], Rewrite]:
    """Enter a rule for these operations; those that come first are tried first."""

    def enter(rewrite: Rewrite) -> Rewrite:
        RULES.append(Rule(rewrite, names, exact))
        return rewrite

    return enter


@functools.cache
def by_name(exact: bool) -> dict[str, tuple[Rewrite, ...]]:
    """For each operation its rules, in the order in which they were entered."""
    found: dict[str, tuple[Rewrite, ...]] = {}
    for each in RULES:
        if each.exact or not exact:
            for name in each.names:
                found[name] = (*found.get(name, ()), each.rewrite)
    return found
