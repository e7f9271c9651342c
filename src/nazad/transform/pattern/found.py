"""What is known of the nodes so far, and the two ways in which it is combined: union and fold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad.graph import CONSTANT, Graph, Node, Traced, Value, shape_of
from nazad.transform.pattern.sets import Numbers, Sets


class Read(NamedTuple):
    """What was read of a constant, and how."""

    place: int
    how: Callable[[Value], Numbers]
    seen: Numbers


class Dependencies:
    """What :func:`dependencies` found out.

    Attributes
    ----------
    sets : Sets
        The table of the sets.
    of : dict
        The numbers of every node that depends on a leaf.
    """

    def __init__(self, graph: Graph, F: Mapping[Node, Value]) -> None:
        self.graph, self.F = graph, F
        sizes = [math.prod(shape_of(F[leaf])) for leaf in graph.leaves]
        ends = np.cumsum([1, *sizes])
        self.sets = Sets(int(ends[-1]) - 1)
        self.of: dict[Node, Numbers] = {
            leaf: np.arange(start, end, dtype=np.int32).reshape(shape_of(F[leaf]))
            for leaf, start, end in zip(graph.leaves, ends, ends[1:], strict=False)
        }
        self._reads: dict[tuple[Node, Callable[[Value], Numbers]], Numbers] = {}

    def matrix(self, nodes: Sequence[Node]) -> Any:
        """The pattern of these nodes, one below the other, as a sparse matrix of booleans in CSR."""
        rows = [np.ravel(self.numbers(v)) for v in nodes]
        return self.sets.matrix(np.concatenate(rows) if rows else np.zeros(0, np.int32))

    def numbers(self, node: Node) -> Numbers:
        """The numbers of a node, also of one that depends on no leaf."""
        return self.of[node] if node in self.of else np.zeros(shape_of(self.F[node]), np.int32)

    def read(self, node: Node, how: Callable[[Value], Numbers] = np.array) -> Numbers | None:
        """What ``how`` says of a constant, which is noted; None for a value that may be another elsewhere."""
        value = self.F[node]
        if node.op is not CONSTANT or isinstance(value, Traced):
            return None
        if (node, how) not in self._reads:
            self._reads[node, how] = how(value)
        return self._reads[node, how]

    def reads(self) -> list[Read]:
        """All that was read of constants, by their places in the graph."""
        places = {v: k for k, v in enumerate(self.graph.nodes)}
        return [Read(places[node], how, seen) for (node, how), seen in self._reads.items()]

    def union(self, parts: Sequence[Numbers], shape: tuple[int, ...]) -> Numbers | None:
        """Entry by entry the union, after broadcasting."""
        if not parts:
            return None
        lined = [np.broadcast_to(part, shape) for part in parts]
        if all(np.array_equal(lined[0], other) for other in lined[1:]):
            return lined[0]
        numbers = np.concatenate([np.ravel(each) for each in lined])
        size = lined[0].size
        return self.sets.united(np.tile(np.arange(size), len(lined)), numbers, size).reshape(shape)

    def folded(self, numbers: Numbers, axes: Iterable[int]) -> Numbers:
        """The union along some axes, which are gone then."""
        gone = tuple(axes)
        kept = [a for a in range(numbers.ndim) if a not in gone]
        shape = tuple(numbers.shape[a] for a in kept)
        size, width = math.prod(shape), math.prod(numbers.shape[a] for a in gone)
        lined = np.ravel(np.transpose(numbers, (*kept, *gone)))
        return self.sets.united(np.repeat(np.arange(size), width), lined, size).reshape(shape)

    def everything(self, v: Node) -> Numbers:
        """Every entry depends on all that any entry of an argument depends on; of several results, each."""
        all_of = np.concatenate([np.ravel(self.of[p]) for p in v.preds if p in self.of])
        shape = () if type(self.F[v]) is tuple else shape_of(self.F[v])
        return np.broadcast_to(self.folded(all_of, (0,)), shape)
