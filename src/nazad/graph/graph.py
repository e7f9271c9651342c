"""The computational graph and the two passes over it, as the lecture states them.

    Forward(G):  in topological order, leaves are read, every other node gets
                 F(v) = calc(F(p1), ..., F(pk)).
    Backward(G, F):  B = 0 everywhere; in reverse topological order B(sink) = 1 and for every predecessor
                 B(p) += B(v) * deriv(G, v, p)(F(p1), ..., F(pk)).

Both are loops, so that depth costs nothing but time. Both work on whatever the values are: on arrays they
compute; on traced values they write the graph of the derivative, which is all there is to higher orders.

The invariant of the backward pass: when a node is reached, its cotangent is complete. Every user of the
node stands behind it in topological order and has already handed over its share.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nazad.errors import ArgumentError, GraphError, ShapeError
from nazad.graph.node import Node
from nazad.graph.primitive import CONSTANT, LEAF, Value
from nazad.graph.spec import dtype_of, shape_of


class Graph:
    """A directed acyclic graph of nodes.

    Parameters
    ----------
    leaves : sequence of Node
        The leaves whose values are read, in the order in which values are given.
    sinks : Node or sequence of Node
        The results.
    nodes : sequence of Node, optional
        All nodes in a topological order. A trace gives the order of creation; without it the order is
        worked out from the sinks.

    Examples
    --------
    >>> from nazad import ops
    >>> from nazad.graph import leaf
    >>> x, y = leaf("x"), leaf("y")
    >>> G = Graph([x, y], ops.multiply(x, ops.sin(y)))
    >>> F = G.forward({x: 2.0, y: 0.0})
    >>> B = G.backward(F)
    >>> float(B[x]), float(B[y])
    (0.0, 2.0)
    """

    __slots__ = ("leaves", "nodes", "sinks")

    def __init__(
        self, leaves: Sequence[Node], sinks: Node | Sequence[Node], nodes: Sequence[Node] | None = None
    ) -> None:
        self.leaves = tuple(leaves)
        self.sinks = (sinks,) if isinstance(sinks, Node) else tuple(sinks)
        self.nodes = _complete(self.leaves, topological_order(self.sinks)) if nodes is None else tuple(nodes)

    def forward(self, values: Mapping[Node, Value] | Sequence[Value]) -> dict[Node, Value]:
        """Forward(G): the value of every node.

        Parameters
        ----------
        values : mapping or sequence
            A value for every leaf: by leaf, or in the order of ``leaves``.

        Returns
        -------
        dict
            F, the value of every node, in topological order.
        """
        read = values if isinstance(values, Mapping) else self._in_order(values)
        F: dict[Node, Value] = {}
        for v in self.nodes:
            if v in read:
                F[v] = read[v]
            else:
                F[v] = v.op(*[F[p] for p in v.preds], **v.params)
        return F

    def backward(
        self, F: Mapping[Node, Value], seed: Any = 1.0, wrt: Iterable[Node] | None = None
    ) -> dict[Node, Value]:
        """Backward(G, F): the cotangent of every node.

        Parameters
        ----------
        F : mapping
            The values, from :meth:`forward`.
        seed : array_like or sequence, optional
            The cotangent of the sink; one for each sink where there are several. None stands for zero.
        wrt : iterable of Node, optional
            With it, only what leads to these nodes is worked out, and only their cotangents are kept.

        Returns
        -------
        dict
            B, the cotangent of every node, or of those in ``wrt``.
        """
        wanted = None if wrt is None else dict.fromkeys(wrt)
        on_the_way = self.nodes if wanted is None else self._reached_from(wanted)
        B: dict[Node, Any] = {v: [] for v in on_the_way}
        for sink, y_bar in zip(self.sinks, self._seeds(F, seed), strict=True):
            if sink in B and y_bar is not None:
                B[sink].append(y_bar)
        with np.errstate(all="ignore"):
            for v in reversed(B):
                B[v] = y_bar = total(B[v])  # complete: every user of v has handed over its share
                if y_bar is None or not v.preds:
                    continue
                y, xs = F[v], [F[p] for p in v.preds]
                if v.op.joint:
                    _hand_over(B, v, v.op.pull_all([p in B for p in v.preds], y_bar, y, xs, v.params))
                else:
                    for i, p in enumerate(v.preds):
                        arrived = B.get(p)
                        if arrived is not None:
                            share = v.op.pull(i, y_bar, y, xs, v.params)
                            if share is not None:
                                arrived.append(share)
                if wanted is not None and v not in wanted:
                    B[v] = None  # nobody will ask again
        return {v: zeros_like(F[v]) if B.get(v) is None else B[v] for v in (B if wanted is None else wanted)}

    def _in_order(self, values: Sequence[Value]) -> dict[Node, Value]:
        if len(values) != len(self.leaves):
            raise GraphError(f"{len(values)} values were given for {len(self.leaves)} leaves")
        return dict(zip(self.leaves, values, strict=True))

    def _seeds(self, F: Mapping[Node, Value], seed: Any) -> list[Value]:
        seeds = seed if isinstance(seed, (list, tuple)) else [seed]
        if len(seeds) != len(self.sinks):
            raise GraphError(f"{len(self.sinks)} sinks need {len(self.sinks)} seeds, not {len(seeds)}")
        return [
            None if y_bar is None else like(y_bar, F[sink], "the seed", "the sink")
            for sink, y_bar in zip(self.sinks, seeds, strict=True)
        ]

    def _reached_from(self, sources: Mapping[Node, None]) -> Iterable[Node]:
        """The nodes on a path from these, in topological order."""
        is_everything = len(sources) == len(self.leaves) and all(v in sources for v in self.leaves)
        if is_everything and not any(v.op.stops for v in self.nodes):
            # asked for at every gradient, and answered in half the time
            return [v for v in self.nodes if v.op is not CONSTANT]
        reached: dict[Node, None] = {}
        for v in self.nodes:
            if v in sources:
                reached[v] = None
            if v.op.stops:
                continue
            for p in v.preds:
                if p in reached:
                    reached[v] = None
                    break
        return reached

    def without_dead(self) -> Graph:
        """The same graph without the nodes from which no sink is reached.

        Returns
        -------
        Graph
            With the same leaves and sinks.
        """
        alive = set(self.sinks)
        for v in reversed(self.nodes):
            if v in alive:
                alive.update(v.preds)
        alive.update(self.leaves)
        return Graph(self.leaves, self.sinks, [v for v in self.nodes if v in alive])

    def succs(self) -> dict[Node, list[Node]]:
        """The users of every node, in topological order.

        Returns
        -------
        dict
            For each node the list of those that have it among their predecessors; a user that takes it twice
            stands there twice.
        """
        users: dict[Node, list[Node]] = {v: [] for v in self.nodes}
        for v in self.nodes:
            for p in v.preds:
                users[p].append(v)
        return users

    @property
    def operations(self) -> int:
        """How many nodes compute: all but leaves and constants."""
        return sum(not v.is_source for v in self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __repr__(self) -> str:
        return f"<Graph of {len(self.leaves)} leaves, {self.operations} operations, {len(self.sinks)} sinks>"

    def __str__(self) -> str:
        names = {v: str(v.params["name"]) for v in self.nodes if v.op is LEAF}
        names |= {v: repr(v.params["value"]) for v in self.nodes if v.op is CONSTANT}
        lines: list[str] = []
        for v in self.nodes:
            if not v.is_source:
                names[v] = f"v{len(lines) + 1}"
                inside = ", ".join([names[p] for p in v.preds] + [f"{k}={a!r}" for k, a in v.params.items()])
                lines.append(f"{names[v]} = {v.op.name}({inside})")
        return "\n".join([*lines, "return " + ", ".join(names[v] for v in self.sinks)])


class Piece:
    """A share that is zero but at some places.

    The pull of ``x[t]`` is one. A loop that reads one row after another would otherwise add up as many
    arrays full of zeros as it has steps, in time that grows with the square of their number.
    """

    __slots__ = ()

    def join(self, pieces: Sequence[Piece], dense: Sequence[Value]) -> Value:
        """All pieces and ordinary shares of one node in one array."""
        raise NotImplementedError


def _hand_over(B: Mapping[Node, Any], v: Node, shares: Sequence[Any]) -> None:
    for p, share in zip(v.preds, shares, strict=True):
        if share is not None:
            B[p].append(share)


def total(shares: Sequence[Any]) -> Value:
    """The sum of the shares that arrived at a node; None where none did."""
    if len(shares) == 1 and not isinstance(shares[0], Piece):
        return shares[0]
    if not shares:
        return None
    pieces = [s for s in shares if isinstance(s, Piece)]
    if pieces:
        dense = [s for s in shares if not isinstance(s, Piece)] if len(pieces) < len(shares) else []
        return pieces[0].join(pieces, dense)
    if len(shares) == 2:
        return shares[0] + shares[1]
    if all(type(s) is np.ndarray for s in shares):
        start = shares[0] + shares[1]  # a fresh array, which the others may be added into
        return functools.reduce(operator.iadd, shares[2:], start)
    return functools.reduce(operator.add, shares)


def zeros_like(x: Value) -> Value:
    """A zero of the shape and dtype of a value; a plain one even where the value is traced."""
    if type(x) is tuple:  # of an operation with several results
        return tuple([zeros_like(each) for each in x])
    shape, dtype = shape_of(x), dtype_of(x)
    if dtype.kind not in "fc":
        dtype = np.dtype(float)  # a step has a derivative, which is zero
    return np.zeros(shape, dtype) if shape else dtype.type(0)


def like(vector: Any, x: Value, what: str, whose: str) -> Value:
    """A tangent or cotangent in the dtype of its value; ShapeError if it has another shape."""
    if type(vector) is type(x) is np.float64:
        return vector
    if shape_of(vector) != shape_of(x):
        raise ShapeError(
            f"{what} has shape {shape_of(vector)} and {whose} {shape_of(x)}", "They have the same shape."
        )
    dtype = dtype_of(x) if dtype_of(x).kind in "fc" else np.dtype(float)
    if not hasattr(vector, "dtype"):
        vector = np.asarray(vector)[()]
    if dtype.kind != "c" and vector.dtype.kind == "c":
        raise ArgumentError(
            f"{what} is complex and {whose} is real", "Give its real part: they are of one kind."
        )
    return vector if vector.dtype == dtype else vector.astype(dtype)


def topological_order(sinks: Iterable[Node]) -> tuple[Node, ...]:
    """Every node that leads to the sinks, each behind its predecessors; without recursion.

    Raises
    ------
    GraphError
        If the nodes form a cycle.
    """
    order: dict[Node, None] = {}
    entered: set[Node] = set()
    todo = [(sink, False) for sink in reversed(tuple(sinks))]
    while todo:
        v, left = todo.pop()
        if left:
            order[v] = None
        elif v not in order:
            if v in entered:
                raise GraphError(f"{v} leads to itself", "A computational graph has no cycles.")
            entered.add(v)
            todo.append((v, True))
            todo += [(p, False) for p in reversed(v.preds) if p not in order]
    return tuple(order)


def _complete(leaves: tuple[Node, ...], order: tuple[Node, ...]) -> tuple[Node, ...]:
    """Leaves first, also those that the sinks do not depend on."""
    strangers = [v for v in order if v.op is LEAF and v not in leaves]
    if strangers:
        raise GraphError(f"{strangers[0]} is not among the leaves of the graph")
    return tuple(dict.fromkeys((*leaves, *order)))
