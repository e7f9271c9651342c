"""Complex numbers as pairs of real ones, so that nothing behind this knows of any others.

The graph is run once more, on handles, with a :class:`Pair` of them wherever a number is complex; how an
operation works on pairs is said in :mod:`~nazad.run.complexes`. In memory a complex array is a real one with
one more axis, of length two: such are the leaves, the results, and what is handed to operations that have no
rule for pairs, which run in NumPy.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nazad.graph import CONSTANT, Graph, Node, Primitive, Value, dtype_of, is_complex, shape_of
from nazad.ops import control
from nazad.ops.several import part
from nazad.ops.structure import astype, broadcast_to, stack, take
from nazad.run.complexes import RULES, Pair
from nazad.run.expand import expand
from nazad.run.keep import is_ours
from nazad.run.stand_ins import with_values
from nazad.trace import Arguments, Array, Trace, note_specs, run


def in_pairs(graph: Graph, F: Mapping[Node, Value]) -> tuple[Graph, Mapping[Node, Value]]:
    """An equal graph without complex numbers, and the values of its nodes; the same one if it has none."""
    if not any(map(has_complex, F.values())):
        return graph, F
    while (wider := expand(graph, F))[0] is not graph:
        graph, F = wider
    trace = _Again()
    leaves = tuple(as_real(F[v]) for v in graph.leaves)
    names = [str(v.params["name"]) for v in graph.leaves]
    with np.errstate(all="ignore"):
        done = run(lambda *xs: trace.through(graph, F, xs), Arguments.of(leaves, names), trace=trace)
    return done.graph.without_dead(), done.F


def has_complex(value: Value) -> bool:
    """Whether a value, or one of several, is complex."""
    return any(map(has_complex, value)) if type(value) is tuple else is_complex(value)


def as_real(z: Value) -> Any:
    """Complex numbers as real ones with one more axis: the same memory, where an array is dense.

    Whatever is real stays as it is.

    Examples
    --------
    >>> as_real(np.array([1 + 2j, 3j]))
    array([[1., 2.],
           [0., 3.]])
    """
    if not is_complex(z):
        return z
    array = np.array(z, order="C", copy=None)
    return array.reshape((*array.shape, 1)).view(array.real.dtype)


def as_complex(x: Any) -> Any:
    """The inverse of :func:`as_real`.

    Examples
    --------
    >>> as_complex(np.array([1.0, 2.0]))
    np.complex128(1+2j)
    """
    return np.array(x, order="C", copy=None).view(np.result_type(x, np.complex64))[..., 0][()]


class InNumPy(Primitive):
    """An operation that takes and gives complex numbers, as one that takes and gives pairs."""

    def __init__(self, op: Primitive, taken: tuple[bool, ...]) -> None:
        super().__init__(op.name, self._calc)
        self.op, self.taken = op, taken

    def _calc(self, *xs: Value, **params: Any) -> Value:
        y = self.op.calc(*[as_complex(x) if z else x for x, z in zip(xs, self.taken, strict=True)], **params)
        return tuple(map(as_real, y)) if type(y) is tuple else as_real(y)


@functools.lru_cache(maxsize=256)
def in_numpy(op: Primitive, taken: tuple[bool, ...]) -> InNumPy:
    """One primitive for all its nodes."""
    return InNumPy(op, taken)


class _Again(Trace):
    """The trace of a graph that is run again: what is made of a node stands at the node's line."""

    def __init__(self) -> None:
        super().__init__()
        self.node = Node(CONSTANT)

    def record(self, op: Primitive, args: Sequence[Value], params: dict[str, Any]) -> Array:
        node = super().record(op, args, params).node
        node.where = self.node.where
        return Array(self, node, self.F[node])  # and no view, for nothing is written into it

    def through(self, graph: Graph, F: Mapping[Node, Value], leaves: Sequence[Array]) -> tuple[Value, ...]:
        """What the graph returns, from handles for its leaves."""
        given = dict(zip(graph.leaves, leaves, strict=True))
        now: dict[Node, Any] = {}
        for self.node in graph.nodes:
            v, y = self.node, F[self.node]
            if v in given:
                now[v] = self._unpacked(given[v], y) if is_complex(y) else given[v]
            elif v.op is CONSTANT:
                now[v] = Pair(y.real, y.imag) if is_complex(y) else y
            else:
                now[v] = self._done(v, [now[p] for p in v.preds], y)
        return tuple([self._packed(now[v]) for v in graph.sinks])

    def _done(self, v: Node, xs: list[Any], y: Value) -> Any:
        if not has_complex(y) and not any(isinstance(x, Pair) for x in xs):
            return self.record(v.op, xs, v.params)
        if v.op is control.loop:
            return self._loop(v, xs)
        rule = RULES.get(v.op.name) if is_ours(v.op) else None
        found = NotImplemented if rule is None else rule(v, *xs)
        if found is NotImplemented:
            return self._in_numpy(v, xs, y)
        return self._fitted(found, y) if is_complex(y) else found

    def _loop(self, v: Node, xs: list[Any]) -> Array:
        """The same loop over arrays with both parts, which lie in rows as the complex ones do."""
        body, F = in_pairs(v.params["body"], with_values(v.params["body"], {}))
        note_specs(F)
        return self.record(control.loop, [self._packed(x) for x in xs], v.params | {"body": body})

    def _in_numpy(self, v: Node, xs: list[Any], y: Value) -> Any:
        if v.op is part:
            made = self.record(part, xs, v.params)
        else:
            op = in_numpy(v.op, tuple(isinstance(x, Pair) for x in xs))
            made = self.record(op, [self._packed(x) for x in xs], v.params)
        return self._unpacked(made, y) if is_complex(y) else made

    def _packed(self, x: Any) -> Any:
        if not isinstance(x, Pair):
            return x
        return stack(x.re, x.im, axis=len(shape_of(x.re))) if x.whole is None else x.whole

    def _unpacked(self, whole: Array, y: Value) -> Pair:
        re, im = (take(whole, template=(..., k)) for k in (0, 1))
        if type(y) is complex:  # a number of Python's, whose parts are weak as well
            re.value, im.value = self.F[re.node], self.F[im.node] = y.real, y.imag
        return Pair(re, im, whole)

    def _fitted(self, found: Pair, y: Value) -> Pair:
        """In the shape and precision of the value: a part may be the same for all entries."""
        if type(y) is complex:
            return found
        shape, dtype = shape_of(y), y.real.dtype
        parts = [x if shape_of(x) == shape else broadcast_to(x, shape=shape) for x in (found.re, found.im)]
        re, im = (x if dtype_of(x) == dtype else astype(x, dtype=dtype) for x in parts)
        return Pair(re, im)
