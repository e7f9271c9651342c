"""How a function becomes the body of an operation: at ordinary numbers, and free of captured values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad.errors import TraceError
from nazad.graph import Graph, Node, Traced, Value, here
from nazad.trace import Arguments, Array, Guard, Trace, run
from nazad.trace.inside import plain
from nazad.trace.trace import note_specs
from nazad.tree import Structure, flatten

_LARGE = 8192
"""Bytes from which on a captured array becomes an argument: the trace outside watches that it stays as it
is."""


class Body(NamedTuple):
    """A function as a graph.

    Attributes
    ----------
    graph : Graph
        Its leaves are the arguments and then the operands; every node has its spec.
    operands : list
        Values from outside that the function captured: traced ones, and large arrays.
    structure : Structure
        That of what the function returned.
    values : list
        The values of its sinks at the point of the trace.
    guards : list of Guard
        What Python asked about values, where that is allowed; these values are sinks behind what is returned.
    """

    graph: Graph
    operands: list[Value]
    structure: Structure
    values: list[Value]
    guards: list[Guard]

    @property
    def results(self) -> int:
        """How many values the function returned."""
        return int(self.structure.num_leaves)


class _BodyTrace(Trace):
    """What is captured becomes a leaf, and questions about values have no answer that would last."""

    def __init__(self, remedy: str | None) -> None:
        super().__init__()
        self._remedy, self.has_answers = remedy, remedy is None
        self.operands: dict[Any, tuple[Value, Array]] = {}

    def answered(self, node: Node, what: str, answer: Any) -> None:
        if self._remedy is None:
            super().answered(node, what, answer)
            return
        error = TraceError(
            f"Python asked for the {what} of a value that is known only when the operation around it runs",
            _ROWS if what == "index" else self._remedy,
            here(),
        )
        self.errors.append(error)
        raise error

    def _new_constant(self, value: Value) -> Node:
        if isinstance(value, Array):
            return self._operand((id(value.recorder), value.node), value)
        return super()._new_constant(value)

    def _captured_constant(self, value: np.ndarray[Any, Any]) -> Node:
        return self._operand(id(value), value) if value.nbytes > _LARGE else super()._captured_constant(value)

    def _operand(self, key: Any, value: Value) -> Node:
        if key not in self.operands:
            self.operands[key] = value, self.leaf(plain(value), f"given{len(self.operands)}")
        return self.operands[key][1].node


def body_of(
    function: Callable[..., Any],
    values: Sequence[Value],
    names: Sequence[str],
    remedy: str | None,
    also: Callable[[Graph], Sequence[Node]] | None = None,
) -> Body:
    """Trace a function of flat arguments.

    Parameters
    ----------
    function : callable
        Takes a value for each argument and returns any structure.
    values : sequence
        The point, at which only shapes and dtypes matter; ordinary or traced.
    names : sequence of str
        What the arguments are called.
    remedy : str or None
        What to write instead of a branch on a value; None where a branch may be taken.
    also : callable, optional
        Further nodes, given the graph, that become sinks.
    """
    trace = _BodyTrace(remedy)
    structure = _flat(len(values))
    with np.errstate(all="ignore"):
        arguments = Arguments([plain(x) for x in values], structure, tuple(names))
        done = run(function, arguments, trace=trace)
    given = list(trace.operands.values())
    leaves = [*done.graph.leaves, *(handle.node for _, handle in given)]
    sinks = [*done.graph.sinks, *(guard.node for guard in trace.guards), *(also(done.graph) if also else ())]
    graph = Graph(leaves, sinks, done.graph.nodes).without_dead()
    note_specs({v: done.F[v] for v in graph.nodes})
    values = [done.F[v] for v in graph.sinks]
    return Body(graph, [value for value, _ in given], done.structure, values, trace.guards)


def derived(function: Callable[..., Sequence[Value]], values: Sequence[Value]) -> Graph:
    """The graph of a rule that works on the values of another graph; it captures nothing.

    Parameters
    ----------
    function : callable
        Takes values and returns a sequence of them.
    values : sequence
        The point at which it is traced.
    """
    names = [f"x{k}" for k in range(len(values))]
    return body_of(lambda *xs: tuple(function(*xs)), values, names, _REMEDY).graph


_REMEDY = "Its derivative branches on values: write np.where instead."


_ROWS = "Instead of x[i], let the scan go along x itself: nz.scan(f, init, (np.arange(n), x))."


def is_traced(values: Sequence[Any]) -> bool:
    """Whether any of them is being traced."""
    return any(isinstance(x, Traced) for x in values)


def _flat(count: int) -> Structure:
    return flatten((0.0,) * count)[1]


def any_like(v: Node) -> Value:
    """A value of the kind of a node: ones, and the first place where it is an index."""
    spec: Any = v.spec
    return np.full(spec.shape, spec.dtype.kind in "fc", spec.dtype)[()]


def zero_like(v: Node) -> Value:
    """A zero of the kind of a node."""
    spec: Any = v.spec
    return np.zeros(spec.shape, spec.dtype)[()]
