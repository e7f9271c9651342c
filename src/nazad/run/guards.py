"""Guards as part of the graph: one more sink, true where Python would get the same answers again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nazad import ops
from nazad.graph import CONSTANT, Graph, Node, Value, constant, shape_of
from nazad.run.places import plain, take_plan
from nazad.trace.trace import Guard, Run

MOST_GUARDS = 10_000
"""Questions in one trace beyond which nothing is compiled: a loop that does not end soon enough."""


def guarded(done: Run) -> tuple[Graph, dict[Node, Value], bool]:
    """The graph of a trace, the values of its nodes, and whether its last sink holds the guards."""
    F, order = dict(done.F), list(done.graph.nodes)
    alive = done.graph.without_dead()
    held = [_checked(guard, F, order) for guard in _distinct(done.trace.guards)]
    held += [_inside(array, size, F, order) for array, size in _places_read(alive, F)]
    if not held:
        return alive, done.F, False
    ok = held[0]
    for one in held[1:]:
        ok = _added(ops.elementwise.logical_and, [ok, one], F, order)
    graph = Graph(done.graph.leaves, [*done.graph.sinks, ok], order)
    return graph.without_dead(), F, True


def _distinct(guards: list[Guard]) -> list[Guard]:
    return list({(g.node, g.what): g for g in guards}.values())


def _places_read(graph: Graph, F: dict[Node, Value]) -> list[tuple[Node, int]]:
    """Arrays of places that are known only while running, and the sizes of the dimensions they index."""
    found: dict[tuple[Node, int], None] = {}
    for v in graph.nodes:
        if v.op is ops.structure.take:
            shapes = tuple(shape_of(F[p]) for p in v.preds)
            pieces = [(v.params["template"], shapes, v.preds[1:])]
        elif v.op is ops.structure.scatter:
            pieces = [
                (template, (shape_of(F[v]), *(shape_of(F[a]) for a in arrays)), tuple(arrays))
                for template, _, arrays in v.params["layout"].pieces(v.preds)
            ]
        else:
            continue
        for template, shapes, arrays in pieces:
            if any(a.op is not CONSTANT for a in arrays):
                sizes = take_plan(plain(template), shapes).indexed
                found |= {(a, n): None for a, n in zip(arrays, sizes, strict=True) if a.op is not CONSTANT}
    return list(found)


def _inside(array: Node, size: int, F: dict[Node, Value], order: list[Node]) -> Node:
    """Whether all places are inside a dimension; those below zero count from its end."""
    low = _added(ops.elementwise.greater_equal, [array, -size], F, order)
    high = _added(ops.elementwise.less, [array, size], F, order)
    return _all(_added(ops.elementwise.logical_and, [low, high], F, order), F, order)


def _all(held: Node, F: dict[Node, Value], order: list[Node]) -> Node:
    rank = np.ndim(F[held])
    return (
        _added(ops.reduction.all, [held], F, order, axis=tuple(range(rank)), keepdims=False) if rank else held
    )


def _checked(guard: Guard, F: dict[Node, Value], order: list[Node]) -> Node:
    """A truth value: whether the answer would be the same."""
    rule = _RULES.get(guard.what, _same)
    return _all(rule(guard, F, order), F, order)


def _added(op: Any, preds: list[Any], F: dict[Node, Value], order: list[Node], **params: Any) -> Node:
    nodes = []
    for p in preds:
        if not isinstance(p, Node):
            node = constant(p)
            F[node] = p
            order.append(node)
            p = node
        nodes.append(p)
    made = Node(op, tuple(nodes), params)
    with np.errstate(all="ignore"):
        F[made] = op.calc(*[F[p] for p in nodes], **params)
    order.append(made)
    return made


def _truth(guard: Guard, F: dict[Node, Value], order: list[Node]) -> Node:
    op = ops.elementwise.not_equal if guard.answer else ops.elementwise.equal
    return _added(op, [guard.node, 0], F, order)


def _places(guard: Guard, F: dict[Node, Value], order: list[Node]) -> Node:
    """Where entries are not zero."""
    mask = _added(ops.elementwise.not_equal, [guard.node, 0], F, order)
    return _added(ops.elementwise.equal, [mask, np.asarray(F[mask])], F, order)


def _same(guard: Guard, F: dict[Node, Value], order: list[Node]) -> Node:
    return _added(ops.elementwise.equal, [guard.node, F[guard.node]], F, order)


def _rounded(op: Any) -> Callable[[Guard, dict[Node, Value], list[Node]], Node]:
    def rule(guard: Guard, F: dict[Node, Value], order: list[Node]) -> Node:
        if np.result_type(F[guard.node]).kind != "f":
            return _same(guard, F, order)
        whole = _added(op, [guard.node], F, order)
        return _added(ops.elementwise.equal, [whole, float(guard.answer)], F, order)

    return rule


_RULES = {
    "bool": _truth,
    "nonzero": _places,
    "int": _rounded(ops.elementwise.trunc),
    "round": _rounded(ops.elementwise.rint),
}
