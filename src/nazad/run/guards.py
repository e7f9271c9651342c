"""Guards as part of the graph: one more sink, true where Python would get the same answers again.

Each check stands right behind the value that it looks at, and what held so far is carried from one to the
next. So the steps of a loop that asks at each of them look alike, and become a loop again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad import ops
from nazad.bodies.derive import chosen, needed, settled
from nazad.graph import CONSTANT, Graph, Node, Spec, Value, constant, dtype_of, rank_of, shape_of
from nazad.ops.control import loop
from nazad.ops.several import part
from nazad.ops.sparse import sampled_product, sparse_matmul
from nazad.ops.structure import take
from nazad.run.inside import places_read
from nazad.run.sparse import open_leaves
from nazad.run.stand_ins import any_value, with_values
from nazad.trace import Guard, Run

MOST_GUARDS = 10_000
"""Questions in one trace beyond which nothing is compiled: a loop that does not end soon enough."""


class Guarded(NamedTuple):
    """The graph of a trace, and values of its nodes; with guards, they are its last sink.

    ``is_open`` has the numbers of the leaves that may have any number of entries.
    """

    graph: Graph
    F: dict[Node, Value]
    has_guards: bool
    is_open: frozenset[int]


def guarded(done: Run, matrices: Sequence[int] = ()) -> Guarded:
    """The guards of a trace in its graph; what ``matrices`` are, says :func:`.sparse.open_leaves`."""
    checks = _Checks(done.F)
    roots = [*done.graph.sinks, *(guard.node for guard in done.trace.guards)]
    live = Graph(done.graph.leaves, roots, done.graph.nodes).without_dead()
    is_open = open_leaves(live, matrices)
    starts = _starts_read(live, is_open, done.F)
    asked: dict[Node, dict[str, Guard]] = {}
    for guard in done.trace.guards:
        asked.setdefault(guard.node, {})[guard.what] = guard
    sizes = places_read(done.graph.without_dead(), done.F)
    with np.errstate(all="ignore"):
        for v in done.graph.nodes:
            checks.order.append(v)
            for guard in asked.get(v, {}).values():
                checks.require(_RULES.get(guard.what, _same)(guard, checks))
            for size in sizes.get(v, ()):
                checks.require(_inside(v, size, checks))
            if v in starts:
                _require_starts(v, starts[v], checks)
            checks.look_inside(v)
    if checks.ok is None:
        return Guarded(done.graph.without_dead(), done.F, False, is_open)
    graph = Graph(done.graph.leaves, [*done.graph.sinks, checks.ok], checks.order)
    return Guarded(graph.without_dead(), checks.F, True, is_open)


class _Checks:
    """A graph as it grows, and the node that says whether all held so far."""

    def __init__(self, F: dict[Node, Value]) -> None:
        self.F, self.order = dict(F), list[Node]()
        self.ok: Node | None = None

    def look_inside(self, v: Node) -> None:
        """If a node is a loop that reads at such places: a loop beside it, which looks whether they hold."""
        found = _looking(v) if v.op is loop else None
        if found is not None:
            body, carries = found.params["body"], found.params["carries"]
            values = [any_value(leaf) for leaf in body.leaves[:carries]]
            self.F[found] = (*values, np.ones(v.params["count"], bool))
            self.order.append(found)
            self.require(self.add(part, found, index=carries))

    def require(self, held: Node) -> None:
        """One more truth value, or array of them, that has to hold."""
        if rank := rank_of(self.F[held]):
            held = self.add(ops.reduction.all, held, axis=tuple(range(rank)), keepdims=False)
        self.ok = held if self.ok is None else self.add(ops.elementwise.logical_and, self.ok, held)

    def add(self, op: Any, *args: Any, **params: Any) -> Node:
        """A node, and its value."""
        preds = tuple(p if isinstance(p, Node) else self._constant(p) for p in args)
        made = Node(op, preds, params)
        self.F[made] = op.calc(*[self.F[p] for p in preds], **params)
        made.spec = Spec.of(self.F[made])
        self.order.append(made)
        return made

    def _constant(self, value: Value) -> Node:
        node = constant(value)
        self.F[node] = value
        self.order.append(node)
        return node


def _looking(v: Node) -> Node | None:
    """The loop that looks, step by step, whether the places at which another one reads are inside.

    It has no more of the other's carries than it takes to know the places, and mostly none.
    """
    body, n, fixed = v.params["body"], v.params["carries"], v.params["fixed"]
    checks = _Checks(with_values(body, {}))
    sizes = places_read(body, checks.F)
    for u in body.nodes:
        checks.order.append(u)
        for size in sizes.get(u, ()):
            checks.require(_inside(u, size, checks))
        checks.look_inside(u)
    if checks.ok is None:
        return None
    whole = Graph(body.leaves, [*body.sinks[:n], checks.ok], checks.order)
    carried = settled([False] * n, lambda now: needed(whole, [*now, True])[:n])
    used = [*carried, *needed(whole, [*carried, True])[n:]]
    sinks = [*chosen(body.sinks[:n], carried), checks.ok]
    params = {
        "body": Graph(chosen(body.leaves, used), sinks, checks.order).without_dead(),
        "count": v.params["count"],
        "carries": sum(carried),
        "fixed": sum(used[n : n + fixed]),
        "slices": tuple(chosen(v.params["slices"], used[n + fixed :])),
    }
    return Node(loop, tuple(chosen(v.preds, used)), params, None, v.where)


def _inside(array: Node, size: int, checks: _Checks) -> Node:
    """Whether all places are inside a dimension; those below zero count from its end."""
    low = checks.add(ops.elementwise.greater_equal, array, -size)
    high = checks.add(ops.elementwise.less, array, size)
    return checks.add(ops.elementwise.logical_and, low, high)


# --- where the rows of sparse matrices begin
def _starts_read(graph: Graph, is_open: frozenset[int], F: dict[Node, Value]) -> dict[Node, int | None]:
    """Arrays of starts, and how many entries there are; None where the caller vouches for that."""
    free = {graph.leaves[k] for k in is_open}
    found: dict[Node, int | None] = {}
    for v in graph.nodes:
        if v.op in (sparse_matmul, sampled_product):
            indices, indptr = v.preds[1:3] if v.op is sparse_matmul else v.preds[2:]
            if indptr.op is not CONSTANT:
                found[indptr] = None if indices in free else shape_of(F[indices])[0]
    return found


def _require_starts(v: Node, count: int | None, checks: _Checks) -> None:
    """That runs follow one another from the first entry on."""
    first, last = (checks.add(take, v, template=(k,)) for k in (0, -1))
    before, after = (checks.add(take, v, template=(part,)) for part in (slice(-1), slice(1, None)))
    checks.require(checks.add(ops.elementwise.equal, first, 0))
    checks.require(checks.add(ops.elementwise.less_equal, before, after))
    if count is not None:
        checks.require(checks.add(ops.elementwise.equal, last, count))


# --- questions and answers
def _truth(guard: Guard, checks: _Checks) -> Node:
    if dtype_of(checks.F[guard.node]).kind == "b":
        return guard.node if guard.answer else checks.add(ops.elementwise.logical_not, guard.node)
    return checks.add(ops.elementwise.not_equal if guard.answer else ops.elementwise.equal, guard.node, 0)


def _nonzero(guard: Guard, checks: _Checks) -> Node:
    """Where entries are not zero."""
    mask = checks.add(ops.elementwise.not_equal, guard.node, 0)
    return checks.add(ops.elementwise.equal, mask, np.asarray(checks.F[mask]))


def _same(guard: Guard, checks: _Checks) -> Node:
    return checks.add(ops.elementwise.equal, guard.node, checks.F[guard.node])


def _rounded(op: Any) -> Callable[[Guard, _Checks], Node]:
    def rule(guard: Guard, checks: _Checks) -> Node:
        if dtype_of(checks.F[guard.node]).kind != "f":
            return _same(guard, checks)
        return checks.add(ops.elementwise.equal, checks.add(op, guard.node), float(guard.answer))

    return rule


_RULES: dict[str, Callable[[Guard, _Checks], Node]] = {
    "bool": _truth,
    "nonzero": _nonzero,
    "int": _rounded(ops.elementwise.trunc),
    "round": _rounded(ops.elementwise.rint),
}
