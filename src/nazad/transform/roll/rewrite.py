"""The graph with loops in it, from the flat one and the loops that were found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from nazad.graph import CONSTANT, PYTHON_NUMBERS, Graph, Node, Primitive, Spec, Value, constant
from nazad.ops.control import loop
from nazad.ops.several import part
from nazad.ops.structure import Template, astype, stack, take, transpose
from nazad.transform.roll.arrange import Loops, Reads, arranged
from nazad.transform.roll.body import Body, rows_of_arrays
from nazad.transform.roll.columns import Columns
from nazad.transform.roll.indices import blank
from nazad.transform.roll.joins import Steps, joins, replaced
from nazad.transform.roll.repetition import SAVED, TRIPS, repetitions


def roll(graph: Graph, F: Mapping[Node, Value]) -> Graph:
    """An equal graph in which long repetitions of one body have become loops.

    Parameters
    ----------
    graph : Graph
        A finished graph, nodes in the order of creation. It may hold derivatives, written out.
    F : mapping
        Its values, of which only shapes and dtypes are looked at.

    Returns
    -------
    Graph
        With the same leaves, and equal sinks in the same order; the graph itself if there is nothing to be
        gained. New nodes have a spec, but for the loops, whose values are tuples.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> def f(x):
    ...     for _ in range(100):
    ...         x = np.sin(2.0 * x)
    ...     return x
    >>> G = nz.trace(f, np.ones(3))
    >>> rolled = roll(G, G.forward([np.ones(3)]))
    >>> len(G), len(rolled)
    (202, 3)
    >>> print(rolled.nodes[1].params["body"])
    v1 = multiply(2.0, carry0)
    v2 = sin(v1)
    return v2
    """
    return _rolled(graph, F, ends_are_free=False)


def _rolled(graph: Graph, F: Mapping[Node, Value], ends_are_free: bool) -> Graph:
    if len(graph.nodes) < SAVED:
        return graph
    columns = Columns(graph, F)
    runs = repetitions(columns)
    if not runs:
        return graph
    sinks = [] if ends_are_free else [columns.number[s] for s in graph.sinks]
    loops = arranged(columns, runs, sinks)
    return Writer(graph, loops).graph() if loops.alive() else graph


class Writer:
    """Writes the new nodes, in an order as near to that of creation as the loops allow."""

    def __init__(self, graph: Graph, loops: Loops) -> None:
        self.old, self.loops, self.c = graph, loops, loops.columns
        self.reads = {k: Reads(loops, k) for k in loops.alive()}
        self.lines = {k: rows_of_arrays(loops, k, reads) for k, reads in self.reads.items()}
        self.joins = joins(loops)
        self.nodes: list[Node] = []
        self._values: dict[int, Node] = {}
        self._parts: dict[tuple[int, int], tuple[Node, Template]] = {}
        self._last: dict[tuple[int, int], Node] = {}
        self._moved: dict[tuple[int, int], Node] = {}
        self._tables: dict[np.dtype[Any], dict[int, tuple[Node, int]]] = {}
        self._stacked, self._ends = self._wanted()

    def graph(self) -> Graph:
        """The new graph."""
        total = len(self.c)
        for item in self._order():
            if item >= total:
                self._write_loop(item - total)
            else:
                self._write_node(item)
        sinks = [self.value(self.c.number[s]) for s in self.old.sinks]
        return Graph(self.old.leaves, sinks, self.nodes).without_dead()

    # --- what is wanted of each loop
    def _wanted(self) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
        """By loop the places that are stacked, and those of which only the last value is read."""
        stacked: dict[int, set[int]] = {k: set() for k in self.reads}
        for reads in self.reads.values():
            for j in reads.moving.tolist():
                if reads.steady(j).all():
                    stacked[int(reads.owner[0, j])].add(int(reads.spot[0, j]))
        for join in self.joins.values():
            for steps in join.all_steps():
                stacked[steps.loop].add(steps.place)
        ends: dict[int, set[int]] = {k: set() for k in self.reads}
        for q in self._read_singly():
            k, place = int(self.loops.owner[q]), int(self.loops.spot[q])
            if place in self.lines[k]:
                continue
            last = self.loops.step[q] == len(self.loops.rows[k]) - 1
            (ends if last else stacked)[k].add(place)
        for k, places in stacked.items():
            places.difference_update(self.lines[k])
            ends[k] -= places
        return stacked, ends

    def _read_singly(self) -> list[int]:
        """Values of single steps that are read outside of their loop."""
        c, owner = self.c, self.loops.owner
        single = [np.array([c.number[s] for s in self.old.sinks], np.int64)]
        flat = owner[c.user] < 0
        for q, join in self.joins.items():
            flat[c.first[q] : c.first[q + 1]] = join.single
        single.append(c.preds[flat])
        for k, reads in self.reads.items():
            foreign = reads.owner != k
            for j in reads.moving.tolist():
                if reads.steady(j).all():
                    foreign[:, j] = False
            single.append(reads.preds[foreign])
        read = np.unique(np.concatenate(single))
        return [int(q) for q in read[owner[read] >= 0]]

    # --- order
    def _order(self) -> list[int]:
        """Nodes and loops, each behind what it reads; otherwise by their first node."""
        c, items = self.c, self.loops.items()
        reads = items[c.preds]
        needs = {len(c) + k: np.unique(items[r.preds[r.owner != k]]).tolist() for k, r in self.reads.items()}
        done: dict[int, None] = dict.fromkeys(range(c.sources))
        first, reads_of = c.first.tolist(), reads.tolist()
        starts, firsts = np.unique(items[c.sources :], return_index=True)
        for start in starts[np.argsort(firsts)].tolist():
            todo = [start]
            while todo:
                item = todo[-1]
                if item not in done:
                    before = needs[item] if item in needs else reads_of[first[item] : first[item + 1]]
                    missing = [i for i in before if i not in done]
                    if missing:
                        todo += reversed(missing)
                        continue
                    done[item] = None
                todo.pop()
        return list(done)

    # --- nodes
    def made(self, node: Node, spec: Spec | None) -> Node:
        """Add a node."""
        node.spec = spec
        self.nodes.append(node)
        return node

    def _write_node(self, q: int) -> None:
        node = self.c.nodes[q]
        if q in self.joins:
            self._values[q] = replaced(self, self.joins[q])
            return
        preds = tuple([self.value(p) for p in self.c.preds[self.c.first[q] : self.c.first[q + 1]].tolist()])
        if all(map(_same, preds, node.preds)):
            self.nodes.append(node)
            self._values[q] = node
        else:
            new = Node(node.op, preds, node.params, None, node.where)
            self._values[q] = self.made(new, Spec.of(self.c.values[q]))

    def _write_loop(self, k: int) -> None:
        body = Body(self, k)
        rows, stacked, ends = self.loops.rows[k], sorted(self._stacked[k]), sorted(self._ends[k])
        flat, carries = body.graph(stacked, ends)
        graph, outputs = _whole(_rolled(flat, body.F, ends_are_free=True), len(body.initial))
        params: dict[str, Any] = {
            "body": graph,
            "count": len(rows),
            "carries": len(body.initial),
            "fixed": len(body.fixed),
            "slices": tuple(body.slices),
        }
        where = self.c.nodes[rows[0, 0]].where
        node = self.made(Node(loop, (*body.initial, *body.fixed, *body.stacked), params, None, where), None)
        parts = [
            self._part(node, number, Spec((len(rows), *spec.shape), spec.dtype))
            for number, spec in enumerate(_specs(graph, body), len(body.initial))
        ]
        for place, (number, template) in zip(stacked, outputs, strict=True):
            self._parts[k, place] = parts[number], template
        for place, number in carries.items():
            self._last[k, place] = self._part(node, number, Spec.of(self.c.values[rows[0, place]]))

    def _part(self, node: Node, number: int, spec: Spec) -> Node:
        return self.made(Node(part, (node,), {"index": number}, None, node.where), spec)

    # --- what bodies and joins ask for
    def value(self, q: int) -> Node:
        """The new node for the value of an old one."""
        if q not in self._values:
            self._values[q] = self._of_step(q)
        return self._values[q]

    def _of_step(self, q: int) -> Node:
        k, t, place = (int(column[q]) for column in (self.loops.owner, self.loops.step, self.loops.spot))
        node, spec = self.c.nodes[q], Spec.of(self.c.values[q])
        if place in self.lines[k]:
            array = self.value(self.lines[k][place].array)
            return self.made(Node(take, (array,), node.params, None, node.where), spec)
        if t == len(self.loops.rows[k]) - 1 and (k, place) in self._last:
            return self._last[k, place]
        array, template = self.stacked(k, place)
        return self.made(Node(take, (array,), {"template": (t, *template)}, None, node.where), spec)

    def stacked(self, k: int, place: int) -> tuple[Node, Template]:
        """The array of what a place made in all steps, and what to take of each of its rows."""
        return self._parts[k, place]

    def steps(self, of: Steps) -> Node:
        """What a place made in some steps, along axis 0."""
        line = self.lines[of.loop].get(of.place)
        start, pace, stop = of.start, of.pace, of.start + of.pace * of.trips
        if line is None:
            array, template = self.stacked(of.loop, of.place)
        else:
            array, template = self.with_axis_first(line.array, line.axis), line.template
            start, pace, stop = (
                line.start + line.step * start,
                line.step * pace,
                line.start + line.step * stop,
            )
        key = slice(start, stop if stop >= 0 else None, pace), *template
        if key == (slice(0, self.spec(array).shape[0], 1),):
            return array
        spec = Spec.of(blank(*self.spec(array))[key])
        return self.made(Node(take, (array,), {"template": key}), spec)

    def like(self, q: int, op: Primitive, preds: list[Node], params: dict[str, Any]) -> Node:
        """A new node for the value of an old one."""
        return self.made(
            Node(op, tuple(preds), params, None, self.c.nodes[q].where), Spec.of(self.c.values[q])
        )

    def spec(self, node: Node) -> Spec:
        """Shape and dtype of a new node, or of an old one."""
        return node.spec or Spec.of(self.c.values[self.c.number[node]])

    def initial(self, q: int, carried: Value) -> Node:
        """The initial value of a carry, of the dtype that it keeps."""
        kind = self.c.kind_of(q)
        if not kind.weak or type(carried) in PYTHON_NUMBERS:
            return self.value(q)
        dtype = np.result_type(carried)
        if self.c.nodes[q].op is CONSTANT:
            return self.constant(dtype.type(self.c.nodes[q].params["value"]))
        return self.made(Node(astype, (self.value(q),), {"dtype": dtype}), Spec((), dtype))

    def zero(self, value: Value) -> Node:
        """The initial value of a carry that nobody reads."""
        return self.constant(
            type(value)(0) if type(value) in PYTHON_NUMBERS else np.zeros(value.shape, value.dtype)[()]
        )

    def constant(self, value: Value) -> Node:
        """A new constant."""
        return self.made(constant(value), Spec.of(value))

    def table(self, column: list[int], dtype: np.dtype[Any]) -> tuple[Node, int, int]:
        """Values that go by no rule in one array; start and step in it. One that is there is read again."""
        known = self._tables.setdefault(dtype, {})
        table, start = known.get(column[0], (None, 0))
        step = known.get(column[1], (None, 0))[1] - start
        if table is None or any(known.get(q) != (table, start + step * t) for t, q in enumerate(column)):
            table, start, step = self._new_table(column, dtype), 0, 1
            known.update((q, (table, t)) for t, q in enumerate(column))
        return table, start, step

    def _new_table(self, column: list[int], dtype: np.dtype[Any]) -> Node:
        nodes, kind = [self.c.nodes[q] for q in column], self.c.kind_of(column[0])
        shape = (len(column), *kind.shape)
        if all(node.op is CONSTANT for node in nodes):
            return self.constant(np.array([node.params["value"] for node in nodes], dtype).reshape(shape))
        rows = tuple([self.value(q) for q in column])
        node = self.made(Node(stack, rows, {"axis": 0}), Spec(shape, kind.dtype))
        return (
            node
            if dtype == kind.dtype
            else self.made(Node(astype, (node,), {"dtype": dtype}), Spec(shape, dtype))
        )

    def with_axis_first(self, q: int, axis: int) -> Node:
        """A value with one of its axes moved to the front."""
        if not axis:
            return self.value(q)
        key = q, axis
        if key not in self._moved:
            self._moved[key] = self.moved(self.value(q), axis, 0)
        return self._moved[key]

    def moved(self, node: Node, axis: int, to: int) -> Node:
        """A new node with one axis moved."""
        if axis == to:
            return node
        shape, dtype = self.spec(node)
        order = [a for a in range(len(shape)) if a != axis]
        order.insert(to, axis)
        spec = Spec(tuple([shape[a] for a in order]), dtype)
        return self.made(Node(transpose, (node,), {"axes": tuple(order)}), spec)


def _specs(graph: Graph, body: Body) -> list[Spec]:
    """Shape and dtype of the outputs of one step."""
    return [v.spec or Spec.of(body.F[v]) for v in graph.sinks[len(body.initial) :]]


def _whole(graph: Graph, carries: int) -> tuple[Graph, list[tuple[int, Template]]]:
    """A body that hands over what a loop in it has stacked, rather than its rows one by one.

    Returns the body, and for each output of the old one the number of the output, and what to take of it.
    """
    outputs: dict[Node, int] = {}
    found: list[tuple[int, Template]] = []
    rows = Counter(v.preds[0] for v in graph.sinks[carries:] if _is_row(v))
    for v in graph.sinks[carries:]:
        split = _is_row(v) and rows[v.preds[0]] >= TRIPS
        output = v.preds[0] if split else v
        found.append((outputs.setdefault(output, len(outputs)), v.params["template"] if split else ()))
    sinks = [*graph.sinks[:carries], *outputs]
    return Graph(graph.leaves, sinks, graph.nodes).without_dead(), found


def _is_row(v: Node) -> bool:
    """Whether a node is one step of what a loop has stacked."""
    return v.op is take and v.preds[0].op is part and [type(e) for e in v.params["template"]] == [int]


def _same(new: Node, old: Node) -> bool:
    return new is old


__all__ = ["roll"]
