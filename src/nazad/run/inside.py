"""Places that are known only while running: which arrays hold them, and of which dimensions they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nazad import ops
from nazad.graph import CONSTANT, Graph, Node, Value, shape_of
from nazad.ops.control import loop
from nazad.run.places import plain, take_plan
from nazad.run.stand_ins import with_values


def reads_places(graph: Graph, F: Mapping[Node, Value]) -> bool:
    """Whether something is read at places that are known only while running, in loops as well."""
    bodies = [v.params["body"] for v in graph.nodes if v.op is loop]
    return bool(places_read(graph, F)) or any(reads_places(b, with_values(b, {})) for b in bodies)


def places_read(graph: Graph, F: Mapping[Node, Value]) -> dict[Node, dict[int, None]]:
    """Arrays of such places, and the sizes of the dimensions that they index."""
    found: dict[Node, dict[int, None]] = {}
    for v in graph.nodes:
        for template, shapes, arrays in _pieces(v, F):
            if any(a.op is not CONSTANT for a in arrays):
                sizes = take_plan(plain(template), shapes).indexed
                for a, n in zip(arrays, sizes, strict=True):
                    if a.op is not CONSTANT:
                        found.setdefault(a, {})[n] = None
    return found


def _pieces(v: Node, F: Mapping[Node, Value]) -> list[tuple[Any, Any, Any]]:
    """What a node indexes: the template, the shapes of the array and of the places, and the places."""
    if v.op is ops.structure.take:
        return [(v.params["template"], tuple(shape_of(F[p]) for p in v.preds), v.preds[1:])]
    if v.op is ops.writing.write:
        x, _, *arrays = v.preds
        return [(v.params["template"], tuple(shape_of(F[p]) for p in (x, *arrays)), arrays)]
    if v.op is not ops.structure.scatter:
        return []
    pieces = v.params["layout"].pieces(v.preds)
    return [(t, (shape_of(F[v]), *(shape_of(F[a]) for a in arrays)), arrays) for t, _, arrays in pieces]
