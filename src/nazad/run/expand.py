"""Operations that are made of simpler ones, written out before a graph is lowered.

A mean is a sum and a division, a norm the root of a sum of squares. A primitive states it once, in plain
NumPy (:attr:`~nazad.graph.Primitive.simpler`); an elementwise operation of the user's need not even do that,
since its ``calc`` says what it is made of. Either is traced like any function, and its graph takes the node's
place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nazad.errors import NazadError
from nazad.graph import CONSTANT, Graph, Node, Spec, Value
from nazad.ops.control import Carrying
from nazad.ops.families import Elementwise
from nazad.ops.several import part
from nazad.run.inside import reads_places
from nazad.run.keep import is_ours
from nazad.trace.trace import Arguments, Run, run


def expand(graph: Graph, F: Mapping[Node, Value]) -> tuple[Graph, dict[Node, Value]]:
    """The same graph, with what is made of simpler operations written out, and the values of its nodes."""
    values: dict[Node, Value] = {}
    now: dict[Node, Node] = {}
    results: dict[Node, list[Node]] = {}
    for v in graph.nodes:
        if v.op is part and v.preds[0] in results:
            now[v] = results[v.preds[0]][v.params["index"]]
            continue
        preds = tuple(now[p] for p in v.preds)
        done = None if v.is_source else _written_out(v, [values[p] for p in preds], F[v])
        if done is None:
            now[v] = v.on(preds)
            values[now[v]] = F[v]
        else:
            results[v] = _spliced(done, preds, values, v)
            now[v] = results[v][0]
    if not results:
        return graph, dict(F)
    leaves, sinks = [now[v] for v in graph.leaves], [now[v] for v in graph.sinks]
    return Graph(leaves, sinks, tuple(values)).without_dead(), values


def _written_out(v: Node, xs: Sequence[Value], y: Value) -> Run | None:
    """The graph that the node stands for; None if it stands for itself."""
    rule = v.op.simpler
    if rule is None and isinstance(v.op, Elementwise) and not is_ours(v.op):
        rule = v.op.calc
    if rule is None:
        return None
    try:
        with np.errstate(all="ignore"):
            done = run(_with(rule, v.params), Arguments.of(tuple(xs), [f"x{k}" for k in range(len(xs))]))
    except (NazadError, TypeError, ValueError, AttributeError):
        return None  # a function of plain numbers runs as it is
    return done if _is_the_same(done, v, y) else None


def _with(rule: Callable[..., Value], params: dict[str, Any]) -> Callable[..., Value]:
    return lambda *xs: rule(*xs, **params)


def _is_the_same(done: Run, v: Node, y: Value) -> bool:
    """Whether it was written out without a look at the numbers, to a result of the same kind."""
    if isinstance(v.op, Carrying) and reads_places(done.graph, done.F):
        return False  # whether they are inside is not looked at any more
    ys = y if type(y) is tuple else (y,)
    if done.trace.guards or not ys or len(done.graph.sinks) != len(ys):
        return False
    found = [done.F[sink] for sink in done.graph.sinks]
    return all(Spec.of(a) == Spec.of(b) for a, b in zip(found, ys, strict=True))


def _spliced(done: Run, args: Sequence[Node], values: dict[Node, Value], v: Node) -> list[Node]:
    """The nodes of a traced rule, on these arguments; its results."""
    now = dict(zip(done.graph.leaves, args, strict=True))
    for u in done.graph.nodes:
        if u not in now:
            preds = tuple(now[p] for p in u.preds)
            now[u] = u if u.op is CONSTANT else Node(u.op, preds, u.params, None, v.where)
            values[now[u]] = done.F[u]
    return [now[sink] for sink in done.graph.sinks]
