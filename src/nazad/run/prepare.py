"""What is done to a graph before it is lowered: simplified, written out, and loops found again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nazad.graph import CONSTANT, LEAF, Graph, Node, Value
from nazad.ops import control
from nazad.ops.structure import take
from nazad.run.expand import expand
from nazad.run.pairs import in_pairs
from nazad.run.places import plain
from nazad.transform.roll import roll
from nazad.transform.simplify import simplify

_MANY = 4000
"""Nodes from which on loops are looked for at once, since what is left is much less to simplify."""


def prepare(graph: Graph, F: Mapping[Node, Value]) -> tuple[Graph, Mapping[Node, Value]]:
    """An equal graph for the compiler, and values of its nodes that tell shapes and dtypes.

    The bodies of loops are prepared when their turn comes.
    """
    graph, F = in_pairs(graph, F)
    if len(graph.nodes) > _MANY:
        graph, F = _rolled(*read_once(graph, F))
    graph, F = simplify(graph, F)
    while True:
        wider, F = expand(graph, F)
        if wider is graph:
            return _rolled(graph, F)
        graph, F = simplify(wider, F)


def _rolled(graph: Graph, F: Mapping[Node, Value]) -> tuple[Graph, Mapping[Node, Value]]:
    rolled = roll(graph, F) if not any(v.op is control.loop for v in graph.nodes) else graph
    return (graph, F) if rolled is graph else (rolled, with_values(rolled, F))


def read_once(graph: Graph, F: Mapping[Node, Value]) -> tuple[Graph, Mapping[Node, Value]]:
    """The same graph, in which what every step of a loop reads from an argument is read once.

    Rolled up, it would be read in each step anew, and kept for each.
    """
    now: dict[Node, Node] = {}
    known: dict[Any, Node] = {}
    for v in graph.nodes:
        if v.op is take and len(v.preds) == 1 and v.preds[0].op is LEAF:
            now[v] = known.setdefault((v.preds[0], plain(v.params["template"])), v)
        else:
            now[v] = v.on(tuple([now[p] for p in v.preds]))
    values = {new: F[v] for v, new in now.items()}
    return Graph(graph.leaves, [now[v] for v in graph.sinks], tuple(values)), values


def with_values(graph: Graph, F: Mapping[Node, Value]) -> dict[Node, Value]:
    """Values for the nodes that rolling made: exact if they follow from constants, else any of the kind."""
    values: dict[Node, Value] = {}
    fixed: set[Node] = set()
    for v in graph.nodes:
        if v.op is CONSTANT or (v.preds and all(p in fixed for p in v.preds)):
            fixed.add(v)
        if v in F:
            values[v] = F[v]
        elif v in fixed and v.op is not CONSTANT:
            with np.errstate(all="ignore"):
                values[v] = v.op.calc(*[values[p] for p in v.preds], **v.params)
        else:
            values[v] = any_value(v)
    return values


def any_value(v: Node) -> Value:
    """A value of the shape and dtype that a node has."""
    if v.op is CONSTANT:
        return v.params["value"]
    return () if v.spec is None else _zeros(v.spec)  # a loop: its parts have theirs


def _zeros(spec: Any) -> Value:
    """Zeros of these shapes and dtypes, in the memory of one."""
    if type(spec) is tuple:
        return tuple([_zeros(each) for each in spec])
    zero = spec.dtype.type(0)
    return np.broadcast_to(np.asarray(zero), spec.shape) if spec.shape else zero
