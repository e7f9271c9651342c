"""What is done to a graph before it is lowered: simplified, written out, and loops found again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nazad.graph import LEAF, Graph, Node, Value
from nazad.ops import control
from nazad.ops.structure import take
from nazad.run.expand import expand
from nazad.run.pairs import in_pairs
from nazad.run.places import plain
from nazad.run.stand_ins import with_values
from nazad.run.together import together
from nazad.transform.roll import roll, windows_as_rows
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
    graph, F = together(*simplify(graph, F))
    while True:
        wider, F = expand(graph, F)
        if wider is graph:
            return _rolled(graph, F)
        graph, F = together(*simplify(wider, F))


def _rolled(graph: Graph, F: Mapping[Node, Value]) -> tuple[Graph, Mapping[Node, Value]]:
    if any(v.op is control.loop for v in graph.nodes):
        return graph, F
    as_rows, values = windows_as_rows(graph, F)
    rolled = roll(as_rows, values)
    return (graph, F) if rolled is as_rows else (rolled, with_values(rolled, values))


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
