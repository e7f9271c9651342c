"""Loops that do the same and stack different things become one, which stacks what anybody reads.

The way back of a loop runs it once more, and stacks what was handed to each step: both bodies are made of the
same nodes.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from nazad.graph import Graph, Node, Value
from nazad.ops.control import loop
from nazad.ops.several import part


def together(graph: Graph, F: Mapping[Node, Value]) -> tuple[Graph, Mapping[Node, Value]]:
    """The same graph with fewer loops, which stack nothing that nobody reads, and the values of its nodes."""
    merged = _merged(graph)
    if not merged:
        return graph, F
    stacked = {_read(v): F[v] for v in graph.nodes if v.op is part and v.preds[0] in merged}
    now: dict[Node, Node] = {}
    values: dict[Node, Value] = {}
    for v in graph.nodes:
        if v in merged:
            first, outputs = merged[v]
            if v is first:
                now[v] = _with_outputs(v, tuple([now[p] for p in v.preds]), outputs)
                carried = F[v][: v.params["carries"]]
                values[now[v]] = (*carried, *(stacked[sink] for sink in outputs))
            now[v] = now[first]
            continue
        preds = tuple([now[p] for p in v.preds])
        if v.op is part and v.preds[0] in merged:
            now[v] = Node(part, preds, {"index": _place(v, merged[v.preds[0]][1])}, v.spec, v.where)
        else:
            now[v] = v.on(preds)
        values[now[v]] = F[v]
    return Graph(graph.leaves, [now[v] for v in graph.sinks], tuple(values)), values


def _merged(graph: Graph) -> dict[Node, tuple[Node, list[Node]]]:
    """For each loop to be replaced the one whose place is taken, and the outputs that are read, as sinks."""
    groups: dict[Hashable, list[Node]] = {}
    read: dict[Node, list[Node]] = {}
    for v in graph.nodes:
        if v.op is loop:
            groups.setdefault(_key(v), []).append(v)
        elif v.op is part and v.preds[0].op is loop and v.params["index"] >= v.preds[0].params["carries"]:
            read.setdefault(v.preds[0], []).append(_read(v))
    found: dict[Node, tuple[Node, list[Node]]] = {}
    for loops in groups.values():
        outputs = list(dict.fromkeys(sink for v in loops for sink in read.get(v, ())))
        have = len(loops[0].params["body"].sinks) - loops[0].params["carries"]
        if len(loops) > 1 or len(outputs) < have:
            found |= dict.fromkeys(loops, (loops[0], outputs))
    return found


def _key(v: Node) -> Hashable:
    """What two loops have in common that hand on the same."""
    body, params = v.params["body"], v.params
    handed = body.sinks[: params["carries"]]
    return v.preds, params["count"], params["fixed"], tuple(params["slices"]), body.leaves, handed


def _read(v: Node) -> Node:
    """The sink of the body whose values a part takes out."""
    body: Graph = v.preds[0].params["body"]
    return body.sinks[int(v.params["index"])]


def _place(v: Node, outputs: list[Node]) -> int:
    """Where a part finds its values now."""
    index, carries = v.params["index"], v.preds[0].params["carries"]
    return int(index) if index < carries else carries + outputs.index(_read(v))


def _with_outputs(v: Node, preds: tuple[Node, ...], outputs: list[Node]) -> Node:
    params: dict[str, Any] = v.params
    body = params["body"]
    whole = Graph(body.leaves, [*body.sinks[: params["carries"]], *outputs])
    return Node(loop, preds, params | {"body": whole}, None, v.where)
