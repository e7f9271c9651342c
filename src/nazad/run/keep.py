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
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from nazad import ops
from nazad.graph import CONSTANT, PYTHON_NUMBERS, Graph, Node, Primitive, Value, dtype_of, shape_of
from nazad.ops.families import Elementwise
from nazad.ops.several import part
from nazad.ops.structure import assemble
from nazad.run import lanes
from nazad.run.places import affine_reshape, sizes_of

_CHEAP = {"add", "subtract", "multiply", "negative", "positive", "where", "maximum", "minimum", "square"}
_CHEAP |= {"absolute", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "conjugate"}
_QUICK = {"divide", "reciprocal", "sqrt", "chain", "winner", "sign"}
_MOVES = ("transpose", "broadcast_to", "reshape", "take", "astype")
_JOINING = ("scatter", "stack", "concatenate", "write")
_GATHERING = ("loop", *_JOINING)
"""Operations that use each entry once, whatever their size."""
_PLACES = 6
"""At how many different places a value may be worked out."""
_LIMIT = 400
"""The most operations that a nest works out again for a value."""


def choose_kept(graph: Graph, F: Mapping[Node, Value], results: bool = True) -> set[Node]:
    """The nodes to have a buffer; without ``results``, sinks are written elsewhere and need none."""
    choice = _Choice(graph, F, set(graph.sinks) if results else set())
    for v in reversed(graph.nodes):
        if not v.is_source:
            choice.make(v)
    return choice.kept


class _Choice:
    """What is known of the nodes so far; they are looked at from the sinks backwards.

    Attributes
    ----------
    work : dict
        How many operations it takes to work out one entry of each node, from what is certainly kept.
    stage : dict
        How many folds, products or calls stand before each node.
    occasions : dict
        The different occasions at which the value of a node would be worked out.
    """

    def __init__(self, graph: Graph, F: Mapping[Node, Value], results: set[Node]) -> None:
        self.F, self.results, self.uses = F, results, graph.succs()
        self.inline = {v: is_inline(v, F) for v in graph.nodes if not v.is_source}
        self.kept: set[Node] = set()
        self.work: dict[Node, int] = {}
        self.stage: dict[Node, int] = {}
        self.occasions: dict[Node, frozenset[object]] = {}
        for v in graph.nodes:
            self.work[v] = self._work(v)
            self.stage[v] = max((self.stage[p] + (not self.inline.get(p, True)) for p in v.preds), default=0)

    def make(self, v: Node) -> None:
        """Decide for one node, after all that use it."""
        self.occasions[v] = frozenset(o for s in self.uses[v] for o in self._occasions(s))
        must = v in self.results or not self.inline[v] or any(self._demands(v, s) for s in self.uses[v])
        if must or (self.work[v] and self._pays(v)):
            self.kept.add(v)

    def _work(self, v: Node) -> int:
        if not self.inline.get(v):
            return 0
        return min(_own_work(v) + sum(self.work[p] for p in dict.fromkeys(v.preds)), 10 * _LIMIT)

    def _occasions(self, s: Node) -> Iterable[object]:
        """Those at which one user asks for the value."""
        if s.op is part or type(self.F[s]) is tuple:
            return [s]
        if s in self.kept:
            shape = self._space(s)
            own = (self.stage[s], shape) if self.inline[s] or s.op.fold else (s,)
            return [own if isinstance(s.op, Elementwise) or s.op.fold else (s, own)]
        return self.occasions[s] if is_entrywise(s) else [(s, o) for o in self.occasions[s]]

    def _space(self, s: Node) -> tuple[int, ...]:
        """The sizes of the axes of the nest that works out a node."""
        return sizes_of(shape_of(self.F[s.preds[0] if s.op.fold else s]))

    def _demands(self, v: Node, s: Node) -> bool:
        """Whether a user needs the value in memory."""
        if s.op.name in ("matmul", "einsum"):
            return self.work[v] > 0 and np.size(self.F[v]) < _points(s, self.F)
        if s.op.name == "reshape":
            return not self.inline[s] and not affine_reshape(shape_of(self.F[v]), shape_of(self.F[s]))
        reads_entries = self.inline[s] or s.op.fold or (s.op.name in _JOINING and not meets(s, self.F))
        return not reads_entries  # a call of NumPy

    def _pays(self, v: Node) -> bool:
        size, work, found = np.size(self.F[v]), self.work[v], len(self.occasions[v])
        return (
            (work >= _LIMIT and len(self.uses[v]) > 1)
            or (work >= 2 and work * (self._spread(v, size) - 1) > 12)
            or found > _PLACES
            or (found > 1 and work >= 8 and size > 1)
        )

    def _spread(self, v: Node, size: int) -> float:
        """How many entries of a user each entry goes into, at most."""
        users = [s for s in self.uses[v] if s.op.name not in _GATHERING and not s.op.fold]
        return max((np.size(self.F[s]) / size for s in users if size > 1), default=1.0)


def _own_work(v: Node) -> int:
    name = v.op.name
    if name == "take" and len(v.preds) > 1:
        return 4  # a place is read first
    if isinstance(v.op, Elementwise) and lanes.is_called(name):
        return 100
    return 0 if name in _MOVES else 1 if name in _CHEAP else 4 if name in _QUICK else 12


def _points(s: Node, F: Mapping[Node, Value]) -> int:
    """A lower bound for the points of the space of a product."""
    sizes = [np.size(F[p]) for p in (*s.preds, s)]
    return max(sizes) + (sorted(sizes)[-2] > 1)


def is_entrywise(v: Node) -> bool:
    """Whether each entry follows from one entry of each argument."""
    return isinstance(v.op, Elementwise) or v.op.name == "where"


def is_inline(v: Node, F: Mapping[Node, Value]) -> bool:
    """Whether a node can be written as an expression of its arguments at one place."""
    name = v.op.name
    if v.op is part or type(F[v]) is tuple or not is_ours(v.op):
        return False
    if not all(lanes.known(dtype_of(F[p])) for p in (v, *v.preds)):
        return False
    if is_entrywise(v):
        return not v.params and lanes.supports(name, [kind_of(F[p]) for p in v.preds], dtype_of(F[v]))
    if name == "reshape":
        return affine_reshape(shape_of(F[v]), shape_of(F[v.preds[0]]))
    return name in ("transpose", "broadcast_to", "astype", "take")


def meets(v: Node, F: Mapping[Node, Value]) -> bool:
    """Whether a write may come to one place twice: the last one counts then, and nests run in any order."""
    if v.op.name != "write" or all(np.size(F[a]) == 1 for a in v.preds[2:]):
        return False
    if any(a.op is not CONSTANT for a in v.preds[2:]):
        return True
    template = assemble(v.params["template"], [F[a] for a in v.preds[2:]])
    hits = np.zeros(shape_of(F[v]), bool)
    hits[template] = True
    return bool(np.count_nonzero(hits) < hits[template].size)


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
