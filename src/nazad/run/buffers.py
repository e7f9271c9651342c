"""The buffers of a graph: those of its kept nodes, and those of the arrays that it captured.

A loop's body is a graph with buffers of its own; constants, and the numbers in names, it shares with the
graph around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nazad.graph import CONSTANT, PYTHON_NUMBERS, Graph, Node, Value, dtype_of, shape_of
from nazad.ops.several import part
from nazad.run.captured import counted, shortened
from nazad.run.keep import choose_kept
from nazad.run.loops import Affine, Buffer
from nazad.run.sparsity import Sparsity, analyse


class Buffers:
    """Which nodes have a buffer, and which.

    Parameters
    ----------
    graph, F
        The graph, and values of its nodes, which tell shapes and dtypes.
    outer : Buffers, optional
        Of the graph in which this one is the body of a loop.

    Attributes
    ----------
    kept : set of Node
        The nodes that have one, or get one.
    of : dict
        The buffer of each node that has one.
    sliced : dict
        In a loop: leaves that are one entry of a buffer, another one in each step, and where.
    aside : list of Node
        Such leaves that need a buffer of their own, before the next draft.
    constants : list of Buffer
        Those of captured arrays.
    parts : dict
        The nodes that take out the results of each loop.
    """

    def __init__(self, graph: Graph, F: Mapping[Node, Value], outer: Buffers | None = None) -> None:
        self.graph, self.F = graph, F
        self.kept = choose_kept(graph, F, results=outer is None)
        self.sparsity: Sparsity | None = analyse(graph, F) if outer is None else None
        self.of: dict[Node, Buffer] = {}
        self.sliced: dict[Node, tuple[Buffer, Affine]] = {}
        self.aside: list[Node] = []
        self.constants: list[Buffer] = outer.constants if outer else []
        self.depth: int = outer.depth + 1 if outer else 0
        self.stem = f".{len(outer.loops)}" if outer else ""
        self.loops: list[Node] = outer.loops if outer else []
        self.parts = _parts(graph)
        self._even: dict[Node, tuple[int, tuple[int, ...]] | None] = {}
        self._captured: dict[tuple[Node, bool], Buffer] = {}

    def inside(self, loop: Node, body: Graph, F: Mapping[Node, Value]) -> Buffers:
        """The buffers of the body of a loop."""
        self.loops.append(loop)
        return Buffers(body, F, self)

    def shape(self, v: Node) -> tuple[int, ...]:
        return shape_of(self.F[v])

    def dtype(self, v: Node) -> np.dtype[Any]:
        return dtype_of(self.F[v])

    def new(self, v: Node, name: str, kind: str = "local", number: int = -1) -> Buffer:
        """A buffer that would hold the value of a node."""
        return Buffer(name, self.shape(v), self.dtype(v), kind, number)

    def add(self, v: Node, name: str, kind: str = "local", number: int = -1) -> Buffer:
        """Give a node a buffer."""
        self.of[v] = buffer = self.new(v, name, kind, number)
        return buffer

    def kept_buffer(self, p: Node) -> Buffer:
        """The buffer of a node that has one; in a loop, what is one row of another is put aside for it."""
        if p.op is CONSTANT:
            return self.constant(p, whole=True)
        if p not in self.of and p in self.sliced:
            self.aside.append(p)
            self.add(p, f"row{len(self.of)}{self.stem}")
        return self.of[p]

    def operand(self, p: Node) -> Any:
        """What a call of NumPy gets for an argument: a buffer, or a number."""
        value = self.F[p]
        if p.op is CONSTANT and (type(value) in PYTHON_NUMBERS or value.ndim == 0):
            return value
        return self.kept_buffer(p)

    def constant(self, v: Node, whole: bool = False) -> Buffer:
        """The buffer of an array that was captured; if not ``whole``, one entry along what is all alike."""
        if (v, whole) not in self._captured:
            value = np.asarray(self.F[v])
            value = np.array(value if whole else shortened(value), order="C")
            number = len(self.constants)
            buffer = Buffer(f"c{number}", value.shape, value.dtype, "constant", number, value=value)
            self._captured[v, whole] = buffer
            self.constants.append(buffer)
        return self._captured[v, whole]

    def even(self, v: Node) -> tuple[int, tuple[int, ...]] | None:
        """Of an array of places that count evenly: the first, and the step along each dimension."""
        if v not in self._even:
            known = v.op is CONSTANT and np.size(self.F[v]) > 0 and np.ndim(self.F[v]) > 0
            self._even[v] = counted(np.asarray(self.F[v])) if known else None
        return self._even[v]


def _parts(graph: Graph) -> dict[Node, list[Node]]:
    parts: dict[Node, list[Node]] = {}
    for v in graph.nodes:
        if v.op is part:
            parts.setdefault(v.preds[0], []).append(v)
    return parts
