"""Which entries of every node depend on which entries of the leaves, whatever the numbers are.

Every entry of a node depends on a set of *columns*, the entries of all leaves counted one after another.
The sets are kept in one table, and a node holds an array of their numbers that has the shape of its value:

    x        = [x0, x1, x2]       [{0}, {1}, {2}]
    x[::-1]                       [{2}, {1}, {0}]           the operation itself, run on the numbers
    x * x[::-1]                   [{0, 2}, {1}, {0, 2}]     entry by entry the union
    sum(x)                        {0, 1, 2}                 the union of what was folded

So an operation that moves entries costs what it costs on integers, and unions are made for whole nodes at
once, as sums and products of sparse matrices of booleans. A set that occurs a thousand times in a union is
entered once.

The answer holds for every point at which the same graph is traced: no value is looked at, except that of
constants that say where entries come from or that multiply by zero. These are noted, so that whoever keeps
the pattern can ask whether it still holds. It may name too much, never too little; an operation that is not
known here makes every entry depend on all that any entry of its arguments depends on.

These sets are the index domains of A. Griewank and A. Walther, Evaluating Derivatives (2008), chapter 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from nazad.graph import Graph, Node, Spec, Traced, Value
from nazad.ops import structure
from nazad.transform.pattern.found import Dependencies, Read
from nazad.transform.pattern.rules import dependencies

__all__ = ["Dependencies", "Pattern", "dependencies", "pattern"]


class Pattern(NamedTuple):
    """The pattern of a Jacobian, and what it rests on.

    Attributes
    ----------
    matrix : scipy.sparse.csr_array
        True where an entry of the sinks may depend on an entry of the leaves.
    outline : list
        The graph without its values.
    reads : list of Read
        What was read of constants.
    """

    matrix: Any
    outline: list[Any]
    reads: list[Read]

    def holds(self, graph: Graph, F: Mapping[Node, Value]) -> bool:
        """Whether another trace is of the same graph, and has the constants that were looked at."""
        try:
            alike = bool(self.outline == outline(graph, F))
        except ValueError:  # of an array among the parameters, which cannot be compared in one word
            return False
        return alike and all(_agrees(read, F[graph.nodes[read.place]]) for read in self.reads)


def pattern(graph: Graph, F: Mapping[Node, Value]) -> Pattern:
    """The pattern of the Jacobian of all sinks by all leaves.

    Examples
    --------
    >>> import nazad as nz
    >>> G = nz.trace(np.cumsum, np.ones(3))
    >>> pattern(G, G.forward([np.ones(3)])).matrix.toarray().astype(int)
    array([[1, 0, 0],
           [1, 1, 0],
           [1, 1, 1]])
    """
    found = dependencies(graph, F)
    return Pattern(found.matrix(graph.sinks), outline(graph, F), found.reads())


def outline(graph: Graph, F: Mapping[Node, Value]) -> list[Any]:
    """Operations, predecessors, parameters, shapes and dtypes of a graph, to be compared by ``==``."""
    place = {v: k for k, v in enumerate(graph.nodes)}
    nodes = [(v.op, [place[p] for p in v.preds], Spec.of(F[v]), _comparable(v)) for v in graph.nodes]
    return [nodes, [place[v] for v in graph.leaves], [place[v] for v in graph.sinks]]


def _comparable(v: Node) -> dict[str, Any]:
    if v.is_source:
        return {}
    return {k: p.templates if isinstance(p, structure.Layout) else p for k, p in v.params.items()}


def _agrees(read: Read, value: Value) -> bool:
    return not isinstance(value, Traced) and np.array_equal(read.how(value), read.seen)
