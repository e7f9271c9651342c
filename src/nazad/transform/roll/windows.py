"""Slices that move from step to step, as the rows of one array.

A loop that reads ``x[t : t + 5]`` reads another slice in each step, and a body has no way to say so. The rows
of ``x[[[0, 1, 2, 3, 4], [1, 2, 3, 4, 5], ...]]`` it can read by their number; the index array counts evenly,
and reading through it costs nothing. The other way round, pieces that are added at slices which move are
added as the rows of one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nazad.graph import Graph, Node, Spec, Value, constant, shape_of
from nazad.ops.structure import ARRAY, Layout, Template, scatter, stack, take
from nazad.trace.boxes import box_of

_FEWEST = 8
"""Slices from which on it is worth while."""
_MOST = 1 << 22
"""Entries that all rows together may have, should they be kept."""

Window = tuple[int, int, int]
"""The axis along which a slice may move, its length, and how far apart its entries are."""


def windows_as_rows(graph: Graph, F: Mapping[Node, Value]) -> tuple[Graph, Mapping[Node, Value]]:
    """An equal graph, in which slices of one array that differ in their start alone are rows.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> G = nz.trace(lambda x: [np.sin(x[t : t + 3]) for t in range(9)], np.ones(11))
    >>> H, _ = windows_as_rows(G, G.forward([np.ones(11)]))
    >>> [v.params["template"] for v in H.nodes if v.op.name == "take"][:3]
    [(array,), (0,), (1,)]
    """
    rows = _Rows(graph, F)
    if not (rows.starts or any(v.op is scatter for v in graph.nodes)):
        return graph, F
    for v in graph.nodes:
        rows.add(v)
    return Graph(graph.leaves, [rows.now[v] for v in graph.sinks], tuple(rows.values)), rows.values


class _Rows:
    """The new graph, node by node.

    Attributes
    ----------
    starts : dict
        By array and window, where the slices start that become rows, and the numbers of these.
    now, values : dict
        What each node has become, and the values of these.
    """

    def __init__(self, graph: Graph, F: Mapping[Node, Value]) -> None:
        self.F = F
        self.slices = _slices(graph.nodes, F)
        found: dict[tuple[Node, Window], set[int]] = {}
        for v, (window, start) in self.slices.items():
            found.setdefault((v.preds[0], window), set()).add(start)
        self.starts: dict[tuple[Node, Window], dict[int, int]] = {
            key: {start: k for k, start in enumerate(sorted(starts))}
            for key, starts in found.items()
            if self._pays(*key, len(starts))
        }
        self.now: dict[Node, Node] = {}
        self.values: dict[Node, Value] = {}
        self._made: dict[tuple[Node, Window], Node] = {}

    def _pays(self, array: Node, window: Window, count: int) -> bool:
        shape = shape_of(self.F[array])
        rest = math.prod(n for k, n in enumerate(shape) if k != window[0])
        return count >= _FEWEST and count * window[1] * rest <= _MOST

    def add(self, v: Node) -> None:
        window, start = self.slices.get(v, ((0, 0, 0), 0))
        key = (v.preds[0], window) if v in self.slices else None
        if key is not None and key in self.starts:
            place = (*(slice(None),) * window[0], self.starts[key][start])
            new = Node(take, (self._rows_of(key),), {"template": place}, v.spec, v.where)
        elif v.op is scatter:
            new = self._scattered(v)
        else:
            new = v.on(tuple([self.now[p] for p in v.preds]))
        self.now[v] = new
        self.values[new] = self.F[v]

    def _rows_of(self, key: tuple[Node, Window]) -> Node:
        """The array with the axis replaced by two, the number of a slice and the place in it."""
        if key not in self._made:
            array, (axis, length, _) = key
            places, shape = self._places(list(self.starts[key]), key[1]), shape_of(self.F[array])
            template = (*(slice(None),) * axis, ARRAY)
            rows = (*shape[:axis], len(self.starts[key]), length, *shape[axis + 1 :])
            self._made[key] = self._new(take, (self.now[array], places), {"template": template}, rows, array)
        return self._made[key]

    def _scattered(self, v: Node) -> Node:
        """Pieces at slices that move, as one piece."""
        alike: dict[Window, list[tuple[int, Node]]] = {}
        rest: list[tuple[Template, Sequence[Node]]] = []
        for template, part, arrays in v.params["layout"].pieces(v.preds):
            found = None if arrays else _window(template, v.params["shape"])
            if found is None or shape_of(self.F[part]) != _picked(v.params["shape"], found[0]):
                rest.append((template, [self.now[p] for p in (part, *arrays)]))
            else:
                alike.setdefault(found[0], []).append((found[1], part))
        if all(len(pieces) < _FEWEST for pieces in alike.values()):
            return v.on(tuple([self.now[p] for p in v.preds]))
        for window, pieces in alike.items():
            rest.append(self._joined(window, pieces))
        preds = tuple([p for _, nodes in rest for p in nodes])
        layout = Layout([template for template, _ in rest])
        return Node(scatter, preds, v.params | {"layout": layout}, v.spec, v.where)

    def _joined(self, window: Window, pieces: Sequence[tuple[int, Node]]) -> tuple[Template, list[Node]]:
        axis, parts = window[0], [part for _, part in pieces]
        shape = shape_of(self.F[parts[0]])
        whole = (*shape[:axis], len(parts), *shape[axis:])
        rows = self._new(stack, tuple([self.now[p] for p in parts]), {"axis": axis}, whole, parts[0])
        places = self._places([start for start, _ in pieces], window)
        return (*(slice(None),) * axis, ARRAY), [rows, places]

    def _places(self, starts: Sequence[int], window: Window) -> Node:
        places = constant(np.add.outer(starts, window[2] * np.arange(window[1])))
        self.values[places] = places.params["value"]
        return places

    def _new(self, op: Any, preds: tuple[Node, ...], params: dict[str, Any], shape: Any, like: Node) -> Node:
        """A node, with a value of which nothing but the kind is looked at."""
        dtype = self.F[like].dtype
        node = Node(op, preds, params, Spec(shape, dtype), like.where)
        self.values[node] = np.broadcast_to(dtype.type(0), shape)
        return node


def _slices(nodes: Iterable[Node], F: Mapping[Node, Value]) -> dict[Node, tuple[Window, int]]:
    """The slices that may move, and where each starts."""
    plain = [v for v in nodes if v.op is take and len(v.preds) == 1]
    found = [(v, _window(v.params["template"], shape_of(F[v.preds[0]]))) for v in plain]
    return {v: window for v, window in found if window is not None}


def _window(template: Template, shape: Sequence[int]) -> tuple[Window, int] | None:
    """What an index picks if it is a slice along one axis of all that stands along the others."""
    box = box_of(template, tuple(shape))
    moving = [k for k, places in enumerate(box or ()) if places != range(shape[k])]
    if box is None or len(moving) != 1:
        return None
    places = box[moving[0]]
    if not isinstance(places, range) or not places:
        return None
    return (moving[0], len(places), places.step), places.start


def _picked(shape: Sequence[int], window: Window) -> tuple[int, ...]:
    axis, length, _ = window
    return (*shape[:axis], length, *shape[axis + 1 :])
