"""Which values of a graph are kept in memory, and which are worked out again wherever they are used.

Reading costs about as much as three additions, and so a value that takes less to work out is not worth
keeping. A value is kept if

- it is a result, or an operation that cannot be written entry by entry: a fold, a product, a call of NumPy;
- an operand of a product uses each of its entries many times;
- it is spread over a larger array, and would be worked out again for every entry of that;
- it is used at places that differ, by nests that cannot become one.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from nazad import ops
from nazad.graph import PYTHON_NUMBERS, Graph, Node, Primitive, Value, dtype_of, shape_of
from nazad.ops.families import Elementwise
from nazad.run import lanes
from nazad.run.places import affine_reshape

_CHEAP = {"add", "subtract", "multiply", "negative", "positive", "where", "maximum", "minimum", "square"}
_CHEAP |= {"absolute", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "conjugate"}
_QUICK = {"divide", "reciprocal", "sqrt", "chain", "winner", "sign"}
_MOVES = ("transpose", "broadcast_to", "reshape", "take", "astype")
_GATHERING = ("loop", "scatter", "stack", "concatenate")
"""Operations that use each entry once, whatever their size."""
_PLACES = 6
"""At how many different places a value may be worked out."""
_LIMIT = 400
"""The most operations that a nest works out again for a value."""


class Kept(NamedTuple):
    """The nodes with a buffer of their own, and what it takes to work out any node from those."""

    nodes: set[Node]
    work: dict[Node, int]


def choose_kept(graph: Graph, F: Mapping[Node, Value], results: bool = True) -> Kept:
    """Decide for every node; without ``results``, sinks are written elsewhere and need not be kept."""
    inline = {v: is_inline(v, F) for v in graph.nodes if not v.is_source}
    work = _work(graph, inline, F)
    kept: set[Node] = set()
    uses = graph.succs()
    contexts: dict[Node, frozenset[object]] = {}
    sinks = set(graph.sinks) if results else set()
    stage = _stages(graph, inline)
    for v in reversed(graph.nodes):
        if v.is_source:
            continue
        contexts[v] = found = _contexts(v, uses[v], contexts, kept, inline, F, stage)
        must = v in sinks or not inline[v] or any(_demands(v, s, inline, F, work) for s in uses[v])
        if must or (work[v] and _pays(v, uses[v], found, work, F)):
            kept.add(v)
    return Kept(kept, work)


def _work(graph: Graph, inline: Mapping[Node, bool], F: Mapping[Node, Value]) -> dict[Node, int]:
    """How many operations it takes to work out one entry, from what is certainly kept."""
    work: dict[Node, int] = {}
    for v in graph.nodes:
        if not inline.get(v):
            work[v] = 0
        else:
            work[v] = min(_own(v) + sum(work[p] for p in dict.fromkeys(v.preds)), 10 * _LIMIT)
    return work


def _own(v: Node) -> int:
    name = v.op.name
    if name == "take" and len(v.preds) > 1:
        return 4  # a place is read first
    return 0 if name in _MOVES else 1 if name in _CHEAP else 4 if name in _QUICK else 12


def _stages(graph: Graph, inline: Mapping[Node, bool]) -> dict[Node, int]:
    """How many folds, products or calls stand before each node."""
    stage: dict[Node, int] = {}
    for v in graph.nodes:
        stage[v] = max((stage[p] + (not p.is_source and not inline[p]) for p in v.preds), default=0)
    return stage


def _contexts(
    v: Node,
    users: list[Node],
    contexts: Mapping[Node, frozenset[object]],
    kept: set[Node],
    inline: Mapping[Node, bool],
    F: Mapping[Node, Value],
    stage: Mapping[Node, int],
) -> frozenset[object]:
    """The different occasions at which the value would be worked out."""
    found: set[object] = set()
    for s in users:
        if s.op.name in ("loop", "part"):
            found.add(s)
        elif s in kept:
            shape = shape_of(F[s.preds[0]]) if s.op.fold else shape_of(F[s])
            own = (stage[s], tuple(n for n in shape if n != 1)) if inline[s] or s.op.fold else (s,)
            found.add(own if isinstance(s.op, Elementwise) or s.op.fold else (s, own))
        elif isinstance(s.op, Elementwise) or s.op.name == "where":
            found |= contexts[s]
        else:
            found |= {(s, c) for c in contexts[s]}
    return frozenset(found)


def _demands(
    v: Node, s: Node, inline: Mapping[Node, bool], F: Mapping[Node, Value], work: Mapping[Node, int]
) -> bool:
    """Whether a user needs the value in memory."""
    if s.op.name in ("matmul", "einsum"):
        return work[v] > 0 and np.size(F[v]) < _points(s, F)
    if s.op.name == "reshape":
        return not inline[s] and not affine_reshape(shape_of(F[v]), shape_of(F[s]))
    return not (inline[s] or s.op.fold or s.op.name in ("stack", "concatenate", "scatter"))  # a call of NumPy


def _points(s: Node, F: Mapping[Node, Value]) -> int:
    """A lower bound for the points of the space of a product."""
    sizes = [np.size(F[p]) for p in (*s.preds, s)]
    return max(sizes) + (sorted(sizes)[-2] > 1)


def _pays(
    v: Node, users: list[Node], found: frozenset[object], work: Mapping[Node, int], F: Mapping[Node, Value]
) -> bool:
    size = int(np.prod(shape_of(F[v])))
    if work[v] >= _LIMIT and len(users) > 1:
        return True
    spread = max(
        (np.size(F[s]) / size for s in users if s.op.name not in _GATHERING and not s.op.fold and size > 1),
        default=1.0,
    )
    if work[v] * (spread - 1) > 12 and work[v] >= 2:
        return True
    if len(found) > _PLACES:
        return True
    return len(found) > 1 and work[v] >= 8 and size > 1


def is_inline(v: Node, F: Mapping[Node, Value]) -> bool:
    """Whether a node can be written as an expression of its arguments at one place."""
    name = v.op.name
    if name in ("loop", "part") or not is_ours(v.op):
        return False
    if not all(lanes.known(dtype_of(F[p])) for p in (v, *v.preds)):
        return False
    if isinstance(v.op, Elementwise) or name == "where":
        return not v.params and lanes.supports(name, [kind_of(F[p]) for p in v.preds], dtype_of(F[v]))
    if name == "reshape":
        return affine_reshape(shape_of(F[v]), shape_of(F[v.preds[0]]))
    return name in ("transpose", "broadcast_to", "astype", "take")


@functools.lru_cache(maxsize=1024)
def is_ours(op: Primitive) -> bool:
    """Whether an operation is one of the table, or Python's operator of the same name and derivatives."""
    own = ops.table().get(op.name)
    if own is op or not isinstance(own, Elementwise) or not isinstance(op, Elementwise):
        return own is op
    return bool(own.derivs) and own.derivs == op.derivs


def kind_of(value: Value) -> Any:
    """What decides NumPy's promotion: a dtype, or the type of a Python number, which is weak."""
    return type(value) if type(value) in PYTHON_NUMBERS else value.dtype
