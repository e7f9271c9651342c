"""Rows that a counter picks, as in ``x[i]``, become inputs of the loop.

Otherwise each step would be handed the whole array, and on the way back would add a share that is zero but in
one row to a sum of the size of the array.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nazad.graph import CONSTANT, Graph, Node, Spec, Value, leaf, rank_of, shape_of
from nazad.ops.families import Elementwise
from nazad.ops.structure import ARRAY, astype, take

Numbers = np.ndarray[Any, Any]


def rows_picked(
    graph: Graph, arrays: Mapping[Node, Value], counters: Mapping[Node, Numbers]
) -> tuple[Graph, list[Value]]:
    """The body of a loop with more leaves behind the others, and for each of these the array of its rows.

    Parameters
    ----------
    graph : Graph
        The body; its nodes have specs.
    arrays : mapping
        The values of leaves that are the same in every step.
    counters : mapping
        For leaves whose value in every step is known, these values.
    """
    known: dict[Node, Any] = dict(counters)
    now: dict[Node, Node] = {}
    rows: dict[tuple[Node, Node], Node] = {}
    for v in graph.nodes:
        if _is_counted(v, known):
            known[v] = v.op.calc(
                *[known[p] if p in known else p.params["value"] for p in v.preds], **v.params
            )
        if _picks(v, arrays, known):
            array, places = v.preds
            row = rows.setdefault((array, places), leaf(f"{array.params['name']}_row", _row_spec(array)))
            rest = v.params["template"][1:]
            now[v] = Node(take, (row,), {"template": rest}, v.spec, v.where) if rest else row
        else:
            now[v] = v.on(tuple([now[p] for p in v.preds]))
            now[v].spec = v.spec
    leaves = [*graph.leaves, *rows.values()]
    nodes = dict.fromkeys([*leaves, *now.values()])
    whole = Graph(leaves, [now[v] for v in graph.sinks], tuple(nodes)).without_dead()
    return whole, [_along(arrays[array], known[places]) for array, places in rows]


def _is_counted(v: Node, known: Mapping[Node, Any]) -> bool:
    """Whether the value in every step follows from those of counters."""
    entrywise = isinstance(v.op, Elementwise) or v.op is astype
    numbers = all(p in known or (p.op is CONSTANT and not rank_of(p.params["value"])) for p in v.preds)
    return entrywise and numbers and any(p in known for p in v.preds)


def _picks(v: Node, arrays: Mapping[Node, Value], known: Mapping[Node, Any]) -> bool:
    """Whether a node takes of an array the row whose number is known."""
    if v.op is not take or len(v.preds) != 2 or v.preds[0] not in arrays or v.preds[1] not in known:
        return False
    size, places = shape_of(arrays[v.preds[0]])[0], known[v.preds[1]]
    inside = bool(np.all((places >= -size) & (places < size)))
    return v.params["template"][0] is ARRAY and inside


def _row_spec(array: Node) -> Spec:
    assert array.spec is not None
    return Spec(array.spec.shape[1:], array.spec.dtype)


def _along(array: Value, places: Numbers) -> Value:
    """The rows at these places, in order; by a slice, where they count evenly."""
    size = shape_of(array)[0]
    places = np.where(places < 0, places + size, places)
    steps = np.diff(places)
    if len(places) < 2 or steps[0] == 0 or np.any(steps != steps[0]):
        return array[places]
    start, step = int(places[0]), int(steps[0])
    stop = int(places[-1]) + step
    return array[start : stop if stop >= 0 else None : step]
