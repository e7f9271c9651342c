"""The body of a loop: a small graph, made from the nodes of the first step.

What a step reads becomes a leaf: a carry, an invariant, or the step's row of a stacked array. Rows come from
arrays that were there before (``x[t]``), from what another loop has stacked, or from a table of what differs
from step to step without a rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nazad.graph import CONSTANT, LEAF, Graph, Node, Spec, Value
from nazad.ops.structure import ARRAY, Template, take
from nazad.transform.roll.arrange import Loops, Reads, indices
from nazad.transform.roll.columns import Numbers, frozen
from nazad.transform.roll.indices import axes_of, blank, is_whole, without

if TYPE_CHECKING:
    from nazad.transform.roll.rewrite import Writer


class Row(NamedTuple):
    """In step t, ``array[start + step * t]`` along an axis, and of this what the template takes."""

    array: int
    axis: int
    start: int
    step: int
    template: Template


def rows_of_arrays(loops: Loops, k: int, reads: Reads) -> dict[int, Row]:
    """The places of a body that read one row of an array after another, and nothing else."""
    c, rows = loops.columns, loops.rows[k]
    columns: dict[int, list[tuple[int, Numbers]]] = {}
    for (b, entry), column in indices(loops, k):
        columns.setdefault(b, []).append((entry, column))
    found: dict[int, Row] = {}
    for b, [(entry, column), *more] in columns.items():
        template = c.nodes[rows[0, b]].params["template"]
        pace = np.diff(column)
        j = int(np.searchsorted(reads.place, b))
        if not more and ARRAY not in template and (pace == pace[0]).all() and reads.fixed[j]:
            array = int(reads.preds[0, j])
            axis = axes_of(template, len(c.kind_of(array).shape))[entry]
            found[b] = Row(array, axis, int(column[0]), int(pace[0]), without(template, entry))
    return found


class Body:
    """Builds the body of loop ``k``.

    Attributes
    ----------
    initial, fixed, stacked : list of Node
        Outside the loop, in the order of the leaves: what its carries begin with, its invariants, the arrays
        whose rows it reads.
    slices : list
        For each stacked array start and step.
    """

    def __init__(self, writer: Writer, k: int) -> None:
        self.writer, self.k = writer, k
        self.loops, self.c = writer.loops, writer.loops.columns
        self.rows, self.reads, self.lines = self.loops.rows[k], writer.reads[k], writer.lines[k]
        self.F: dict[Node, Value] = {}
        self.nodes: list[Node] = []
        self.places: list[Node] = []
        self.initial: list[Node] = []
        self.fixed: list[Node] = []
        self.stacked: list[Node] = []
        self.slices: list[tuple[int, int]] = []
        self._carries: dict[Any, Node] = {}
        self._after: list[Any] = []  # by carry, what it becomes: a place, or the carry before it
        self._fixed: dict[Any, Node] = {}
        self._moving: dict[Any, Node] = {}
        self._taken: dict[Any, Node] = {}
        self._constants: dict[int, Node] = {}
        self._tables: dict[Any, Node] = {}

    def graph(self, stacked: list[int], last: list[int]) -> tuple[Graph, dict[int, int]]:
        """The body, and for each place in ``last`` the number of the carry that ends up as its last value."""
        gathered = self._gathered()
        columns = iter(range(len(self.reads.place)))
        for b, q in enumerate(self.rows[0].tolist()):
            arguments = [next(columns) for _ in self.c.nodes[q].preds]
            self.places.append(
                self._row(self.lines[b]) if b in self.lines else self._copy(q, arguments, gathered.get(b, []))
            )
        carries = {b: self._last(b) for b in last}
        after = [self.places[a] if isinstance(a, int) else self._carries[a] for a in self._after]
        sinks = after + [self.places[b] for b in stacked]
        leaves = [*self._carries.values(), *self._fixed.values(), *self._moving.values()]
        return Graph(leaves, sinks, [*leaves, *self.nodes]).without_dead(), carries

    def _copy(self, q: int, arguments: list[int], gathered: list[tuple[int, Numbers]]) -> Node:
        """A node of the first step, applied to what stands in the body."""
        node = self.c.nodes[q]
        preds = [self._argument(j) for j in arguments]
        params = node.params
        if gathered:
            template = list(params["template"])
            arrays = dict(
                zip([e for e, entry in enumerate(template) if entry is ARRAY], preds[1:], strict=True)
            )
            for entry, column in gathered:
                template[entry] = ARRAY
                arrays[entry] = self._table(column)
            preds = [preds[0], *[arrays[entry] for entry in sorted(arrays)]]
            params = {"template": tuple(template)}
        return self._made(Node(node.op, tuple(preds), params, None, node.where), self.c.values[q])

    def _made(self, node: Node, value: Value) -> Node:
        node.spec = Spec.of(value)
        self.nodes.append(node)
        self.F[node] = value
        return node

    def _gathered(self) -> dict[int, list[tuple[int, Numbers]]]:
        """Integers in indices that go by no rule, or where the array differs too."""
        found: dict[int, list[tuple[int, Numbers]]] = {}
        for (b, entry), column in indices(self.loops, self.k):
            if b not in self.lines:
                found.setdefault(b, []).append((entry, column))
        return found

    # --- what an argument reads
    def _argument(self, j: int) -> Node:
        reads = self.reads
        lag = int(reads.lag[j])
        if lag == 0:
            return self.places[int(reads.spot[0, j])]
        if lag > 0:
            return self._carry(int(reads.spot[-1, j]), reads.preds[:lag, j][::-1].tolist())
        q = int(reads.preds[0, j])
        if reads.fixed[j]:
            return self._constant(q) if self.c.nodes[q].op is CONSTANT else self._invariant(q)
        return self._stepwise(j)

    def _leaf(self, name: str, known: dict[Any, Node], key: Any, value: Value) -> Node:
        leaf = known[key] = Node(LEAF, (), {"name": f"{name}{len(known)}"}, Spec.of(value))
        self.F[leaf] = value
        return leaf

    def _carry(self, place: int, initial: list[int]) -> Node:
        """The value of a place so many steps ago; initial values from the last step backwards."""
        key = place, tuple(initial)
        if key not in self._carries:
            if len(initial) > 1:
                self._carry(place, initial[:-1])
            value = self.c.values[self.rows[0, place]]
            self._leaf("carry", self._carries, key, value)
            self.initial.append(self.writer.initial(initial[-1], value))
            self._after.append((place, tuple(initial[:-1])) if len(initial) > 1 else place)
        return self._carries[key]

    def _last(self, place: int) -> int:
        """The number of the carry that holds the last value of a place; one that nobody reads if need be."""
        for k, after in enumerate(self._after):
            if after == place:
                return k
        value = self.c.values[self.rows[0, place]]
        self._leaf("carry", self._carries, (place, None), value)
        self.initial.append(self.writer.zero(value))
        self._after.append(place)
        return len(self._after) - 1

    def _invariant(self, q: int) -> Node:
        if q not in self._fixed:
            self._leaf("fixed", self._fixed, q, self.c.values[q])
            self.fixed.append(self.writer.value(q))
        return self._fixed[q]

    def _constant(self, q: int) -> Node:
        if q not in self._constants:
            node = self.c.nodes[q]
            self._constants[q] = self._made(Node(CONSTANT, (), node.params), self.c.values[q])
        return self._constants[q]

    def _stepwise(self, j: int) -> Node:
        reads = self.reads
        k, place = int(reads.owner[0, j]), int(reads.spot[0, j])
        if k >= 0 and reads.steady(j).all():
            start, step = int(reads.step[0, j]), int(reads.step[1, j] - reads.step[0, j])
            line = self.writer.lines[k].get(place)
            if line is not None:  # the other loop has only read it, too
                return self._row(line._replace(start=line.start + line.step * start, step=line.step * step))
            array, template = self.writer.stacked(k, place)
            return self._taking(self._moving_leaf(array, start, step), template)
        return self._unruly(j)

    def _row(self, row: Row) -> Node:
        array = self.writer.with_axis_first(row.array, row.axis)
        return self._taking(self._moving_leaf(array, row.start, row.step), row.template)

    def _moving_leaf(self, array: Node, start: int, step: int) -> Node:
        key = array, start, step
        if key not in self._moving:
            spec = self.writer.spec(array)
            self._leaf("row", self._moving, key, blank(spec.shape[1:], spec.dtype))
            self.stacked.append(array)
            self.slices.append((start, step))
        return self._moving[key]

    def _taking(self, leaf: Node, template: Template) -> Node:
        """What the template takes of a row; taken once."""
        if is_whole(template):
            return leaf
        key = leaf, frozen(template)
        if key not in self._taken:
            node = Node(take, (leaf,), {"template": template}, None, self.c.nodes[self.rows[0, 0]].where)
            self._taken[key] = self._made(node, self.F[leaf][template])
        return self._taken[key]

    def _table(self, column: Numbers) -> Node:
        key = column.tobytes()
        if key not in self._tables:
            self._tables[key] = self.writer.constant(column.astype(np.intp))
        return self._moving_leaf(self._tables[key], 0, 1)

    def _unruly(self, j: int) -> Node:
        """Something else in each step: constants in a table, other values stacked."""
        column = self.reads.preds[:, j]
        kind = self.c.kind_of(column[0])
        dtype = kind.dtype
        if kind.weak:
            found = self.loops.weakness.dtype_at(self.rows[0, self.reads.place[j]], self.reads.argument[j])
            dtype = dtype if found is None else found
        table, start, step = self.writer.table(column.tolist(), dtype)
        return self._moving_leaf(table, start, step)
