"""The walk: every node once, in order, onto a bench where the simple graph is put together."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from nazad.graph import (
    CONSTANT,
    LEAF,
    PYTHON_NUMBERS,
    Graph,
    Node,
    Primitive,
    Spec,
    Traced,
    Value,
    Where,
    constant,
    shape_of,
)
from nazad.transform.simplify import arithmetic, guarded, pieces, places, shapes
from nazad.transform.simplify.facts import Facts, facts_of, facts_of_constant
from nazad.transform.simplify.keys import constant_key, node_key
from nazad.transform.simplify.kinds import TABLE, Kind, identity_of, name_of, predicted
from nazad.transform.simplify.rules import Rewrite, by_name

ROOMS = (arithmetic, guarded, shapes, places, pieces)  # whose rules are entered by importing them
_FOLDED = 65536  # bytes up to which a constant may be larger than what it is made of
_ROUNDS = 16  # rewrites of one node; each makes it cheaper, so that this many are never met


def simplify(graph: Graph, F: Mapping[Node, Value], exact: bool = False) -> tuple[Graph, dict[Node, Value]]:
    """An equal graph with fewer and cheaper nodes.

    Parameters
    ----------
    graph : Graph
        What is to be computed. Its leaves stay, and so do its sinks, in their order; nodes keep the order in
        which they were made.
    F : mapping
        The values of its nodes at some point, from which shapes, dtypes and constants are read.
    exact : bool, optional
        Leave out the rules that may change the last places of a number or the sign of a zero.

    Returns
    -------
    Graph
        The graph. Nodes that did not change are the same objects.
    dict
        The values of its nodes at that point.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> G = nz.trace(nz.grad(lambda x: np.sum(x**2 * 1.0)), np.ones(3))
    >>> simple, F = simplify(G, G.forward([np.ones(3)]))
    >>> len(G), len(simple)
    (5, 3)
    >>> print(simple)
    v1 = multiply(2.0, x)
    return v1
    """
    if any(v.is_source and isinstance(F[v], Traced) for v in graph.nodes):
        return graph, {v: F[v] for v in graph.nodes}  # inside another trace: its values are not known
    return Bench(F, by_name(exact)).walk(graph)


class _Names(dict[Primitive, tuple[str, Hashable]]):
    """Name and identity of each operation, found out once."""

    def __missing__(self, op: Primitive) -> tuple[str, Hashable]:
        self[op] = found = name_of(op), identity_of(op)
        return found


class Bench:
    """The simple graph as far as it has come.

    Attributes
    ----------
    F : dict
        Its nodes in order, with their values.
    now : dict
        For nodes of the old graph that did not stay, those that stand for them.
    facts : dict
        What is known of each node's entries.
    uniform : dict
        For nodes all of whose entries are one constant number, that number.
    spread : set
        Nodes in which the entries of a smaller one stand several times: broadcasts and uniform arrays.
    """

    def __init__(self, old: Mapping[Node, Value], rules: Mapping[str, Sequence[Rewrite]]) -> None:
        self.old, self.rules = old, rules
        self.F: dict[Node, Value] = {}
        self.now: dict[Node, Node] = {}
        self.facts: dict[Node, Facts] = {}
        self.uniform: dict[Node, Value] = {}
        self.spread: set[Node] = set()
        self._equal: dict[Hashable, Node] = {}
        self._names = _Names()
        self._where: Where | None = None

    # --- the walk
    def walk(self, graph: Graph) -> tuple[Graph, dict[Node, Value]]:
        """All nodes, and then without those that nobody needs any more."""
        with np.errstate(all="ignore"):
            for v in graph.nodes:
                self.visit(v)
        sinks = [self.now.get(v, v) for v in graph.sinks]
        simple = Graph(graph.leaves, sinks, tuple(self.F)).without_dead()
        return simple, {v: self.F[v] for v in simple.nodes}

    def visit(self, v: Node) -> None:
        """Put an old node down, or find what stands for it."""
        y, now = self.old[v], self.now
        if v.op is LEAF:
            self._place(v, y)
            return
        if v.op is CONSTANT:
            new = self._settled_constant(v, y)
        else:
            new = self.settle(v.on(tuple([now.get(p, p) for p in v.preds])), y)
        if new is not v:
            now[v] = new

    def settle(self, v: Node, y: Value) -> Node:
        """The simplest node for a value: an equal one, a constant, a cheaper one, or the node itself."""
        keys: list[Hashable] = []
        while v not in self.F and len(keys) < _ROUNDS:
            key = node_key(v, self._names[v.op][1], y)
            keys.append(key)
            found = self._equal.get(key) or self._rewritten(v, y) or self._folded(v, y)
            if found is None:
                break
            v = found
        if v not in self.F:
            self._place(v, y)
        for key in keys:
            self._equal[key] = v
        return v

    def _rewritten(self, v: Node, y: Value) -> Node | None:
        """What the first rule says that knows the node and leaves its kind as it is."""
        for rewrite in self.rules.get(self._names[v.op][0], ()):
            self._where = v.where
            found = rewrite(self, v, y)
            if found is None or found is v or self._kind(found) != Kind.of(y):
                continue
            if found in self.F:
                return found
            return Node(found.op, found.preds, found.params, v.spec, v.where)  # it stands where v stood
        return None

    def _kind(self, v: Node) -> Kind | None:
        if v in self.F:
            return Kind.of(self.F[v])
        return predicted(v.op, [Kind.of(self.F[p]) for p in v.preds], v.params)

    def _place(self, v: Node, y: Value) -> Node:
        self.F[v] = y
        name = self._names[v.op][0]
        if name in _MOVING:
            number = self.uniform.get(v.preds[0])
            if number is not None:
                self.uniform[v] = number
            if name == "broadcast_to":
                self.spread.add(v)
        self.facts[v] = facts_of(v, name, self.F, self.facts)
        return v

    # --- constants
    def _settled_constant(self, v: Node, y: Value) -> Node:
        key = constant_key(y)
        known = self._equal.get(key)
        if known is None:
            known = self._equal[key] = self._place(v, y)
            number = _the_number(y)
            if number is not None:
                self.uniform[v] = number
                self.facts[v] = facts_of_constant(number)
                if shape_of(y):
                    self.spread.add(v)
        return known

    def _folded(self, v: Node, y: Value) -> Node | None:
        """A node of constants alone, unless writing it out costs more than working it out."""
        for p in v.preds:
            if p.op is not CONSTANT:
                return None
        if not v.preds or not isinstance(y, _NUMBERS) or self._is_bulky(v, y):
            return None
        if type(y) is np.ndarray and y.nbytes <= _FOLDED:
            y = np.array(y, order="C")  # of its own: the value may be a view of what the user writes into
        return self._settled_constant(Node(CONSTANT, (), {"value": y}, v.spec, v.where), y)

    def _is_bulky(self, v: Node, y: Value) -> bool:
        """Whether the value takes much more memory than what it is made of, or is a view of that."""
        if type(y) is not np.ndarray or y.nbytes <= _FOLDED:
            return False
        return v.op.is_view or y.nbytes > sum(getattr(self.F[p], "nbytes", 0) for p in v.preds)

    # --- what rules build with
    def new(self, name: str, *preds: Node, **params: Any) -> Node:
        """A node that is not put down yet: what a rule offers."""
        return Node(TABLE[name], preds, params)

    def put(self, v: Node) -> Node:
        """Put down a node within what a rule offers: its value is worked out."""
        y = v.op.calc(*[self.F[p] for p in v.preds], **v.params)
        return self.settle(Node(v.op, v.preds, v.params, Spec.of(y), self._where), y)

    def constant(self, value: Value) -> Node:
        """Put down a constant."""
        return self._settled_constant(constant(value), value)

    def name(self, v: Node) -> str:
        """Its name in the table; empty for operations that are not of the table."""
        return self._names[v.op][0]

    def shape(self, v: Node) -> tuple[int, ...]:
        return shape_of(self.F[v])

    def has(self, v: Node, bits: Facts) -> bool:
        """Whether all these facts are known of the node."""
        return self.facts[v] & bits == bits

    def fitted(self, v: Node, y: Value) -> Node:
        """The node, or it cast, or it broadcast, to be like a value. What takes both is no cheaper."""
        if Kind.of(self.F[v])[1:] != Kind.of(y)[1:]:
            return self.new("astype", v, dtype=y.dtype) if hasattr(y, "dtype") else v
        return v if self.shape(v) == shape_of(y) else self.new("broadcast_to", v, shape=shape_of(y))


_NUMBERS = (np.ndarray, np.generic, *PYTHON_NUMBERS)
_MOVING = frozenset(("broadcast_to", "reshape", "transpose"))


def _the_number(value: Value) -> Value:
    """The one number that a constant consists of; None if there are several."""
    if type(value) in PYTHON_NUMBERS or isinstance(value, np.generic):
        return value
    if not isinstance(value, np.ndarray) or not value.size or value.dtype.kind not in "biuf":
        return None
    first, last = value.flat[0], value.flat[-1]
    if value.size == 1:
        return first
    if first.tobytes() != last.tobytes() or (value[: 1 + len(value) // 64] != first).any():
        return None
    return first if _is_all(value, first) else None


def _is_all(value: np.ndarray[Any, Any], first: Value) -> bool:
    """Whether every entry is this one, zeros by their sign too; nan is left alone."""
    if all(n == 1 or step == 0 for n, step in zip(value.shape, value.strides, strict=True)):
        return True
    return bool((value == first).all()) and (first != 0 or (np.signbit(value) == np.signbit(first)).all())
