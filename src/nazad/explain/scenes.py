"""The story as data: one scene for every node on the way forward, and one on the way back.

Scenes are what every renderer draws, and hold everything that it needs. They are laid down when somebody
looks at them: a table of a million nodes that shows sixty of them costs sixty scenes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, overload

import numpy as np

from nazad.explain.formula import Part, literal, written
from nazad.explain.local import local_formula, local_value
from nazad.explain.names import is_literal
from nazad.graph import CONSTANT, Graph, Node, Piece, Value, Where, total

Phase = Literal["forward", "backward"]
Slot = tuple[Node, int]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A share that a node got from one of its users.

    Attributes
    ----------
    name : str
        The user's name.
    slot : int
        At which of the user's arguments the node stands.
    share : array
        Upstream times local.
    """

    name: str
    slot: int
    _share: Callable[[], Value]

    @property
    def share(self) -> Value:
        return (
            self._share()
        )  # an array of which a loop read every entry gets as many shares as it has entries


@dataclass(frozen=True, slots=True)
class Edge:
    """What a node hands to one of its predecessors.

    Attributes
    ----------
    slot : int
        Which argument the predecessor is.
    name : str
        Its name.
    local : str
        The local derivative as a formula; for a linear map, what it does to the node's cotangent.
    derivative : array or None
        The local derivative as numbers; None for a linear map, which has no dense partial.
    share : array or None
        Upstream times local; None where no derivative flows, as into an integer.
    constant : bool
        Whether the predecessor is a constant, by which nobody differentiates.
    so_far : array or None
        The predecessor's cotangent before this share is added; None if this is the first.
    """

    slot: int
    name: str
    local: str
    derivative: Value | None
    share: Value | None
    constant: bool
    _so_far: Callable[[], Value | None]

    @property
    def so_far(self) -> Value | None:
        return self._so_far()


@dataclass(frozen=True, slots=True)
class Scene:
    """One step of Forward or of Backward.

    Attributes
    ----------
    number : int
        Its place in the story, from 0.
    phase : "forward" or "backward"
        On the way forward a node gets its value; on the way back its cotangent is complete, and it hands
        every predecessor its share.
    node : Node
        The node.
    name, expression : str
        What it is called, and what it is: ``v`` and ``x * y``; the expression of a leaf is empty.
    inputs : tuple of (str, array)
        The names and values of its predecessors.
    value : array
        Its value.
    where : Where or None
        The user's line that made it.
    cotangent : array or None
        Complete; None on the way forward.
    arrivals : tuple of Arrival
        The shares that met here, in the order in which they arrived; the cotangent is their sum. Those that
        are zero without having been worked out are left out, and the sink has its seed besides.
    edges : tuple of Edge
        One for each predecessor; empty on the way forward.
    """

    number: int
    phase: Phase
    node: Node
    name: str
    expression: str
    inputs: tuple[tuple[str, Value], ...]
    value: Value
    where: Where | None
    cotangent: Value | None = None
    arrivals: tuple[Arrival, ...] = ()
    edges: tuple[Edge, ...] = ()

    @property
    def formula(self) -> str:
        """The expression with the name in front: ``v = x * y``."""
        return f"{self.name} = {self.expression}" if self.expression else self.name


@dataclass(slots=True)
class Story:
    """A graph with its values, cotangents and names: what scenes are made from.

    Attributes
    ----------
    graph : Graph
        The graph, with one sink.
    F, B : mapping
        The value and the cotangent of every node.
    names : mapping
        The name of every node.
    seed : array
        The cotangent of the sink.
    origin : Where or None
        The place that asked for the explanation; it made no node.
    """

    graph: Graph
    F: Mapping[Node, Value]
    B: Mapping[Node, Value]
    names: Mapping[Node, str]
    seed: Value
    origin: Where | None = None
    order: dict[Node, int] = field(init=False)
    _users: dict[Node, list[Node]] = field(init=False)
    _arrived: dict[Node, list[Slot]] = field(init=False, default_factory=dict)
    _numbers: dict[Slot, int] = field(init=False, default_factory=dict)
    _sums: dict[Node, tuple[int, Value]] = field(init=False, default_factory=dict)
    _last: tuple[Node | None, list[Value]] = field(init=False, default=(None, []))

    def __post_init__(self) -> None:
        self.order = {v: k for k, v in enumerate(self.graph.nodes)}
        self._users = self.graph.succs()

    @property
    def sink(self) -> Node:
        return self.graph.sinks[0]

    def part(self, v: Node) -> Part:
        """The name of a node as it stands in a formula."""
        return literal(v.params["value"]) if is_literal(v) else Part(self.names[v])

    def where(self, v: Node) -> Where | None:
        return None if v.where == self.origin else v.where

    def share(self, v: Node, i: int) -> Value:
        """What a node hands to its predecessor ``i``; None where no derivative flows."""
        share = self._pulled(v, i)
        return frozen(total([share]) if isinstance(share, Piece) else share)

    def _pulled(self, v: Node, i: int) -> Any:
        with np.errstate(all="ignore"):
            return v.op.pull(i, self.B[v], self.F[v], self._inputs_of(v), v.params)

    def _inputs_of(self, v: Node) -> list[Value]:
        last, xs = self._last
        if last is not v:  # a node of many predecessors is asked once for each
            xs = [self.F[p] for p in v.preds]
            self._last = v, xs
        return xs

    def arrived(self, p: Node) -> list[Slot]:
        """From which slots a node gets its shares, in the order in which Backward brings them."""
        if p not in self._arrived:
            slots = [(u, i) for u in dict.fromkeys(self._users[p]) for i, q in enumerate(u.preds) if q is p]
            slots.sort(key=lambda slot: -self.order[slot[0]])
            self._arrived[p] = [slot for slot in slots if self._pulled(*slot) is not None]
            self._numbers |= {slot: k for k, slot in enumerate(self._arrived[p])}
        return self._arrived[p]

    def so_far(self, v: Node, i: int) -> Value | None:
        """The cotangent of the predecessor ``i`` before the share that ``v`` hands to it."""
        p = v.preds[i]
        slots = self.arrived(p)
        number = self._numbers.get((v, i), 0)
        done, so_far = self._sums.get(p, (0, None))
        if done != number:
            if done == number - 1 and so_far is not None:
                so_far = so_far + self.share(*slots[done])
            else:
                so_far = total([self._pulled(*slot) for slot in slots[:number]])
            self._sums[p] = number, so_far
        return frozen(so_far)


class Scenes(Sequence[Scene]):
    """All scenes, first forward in topological order, then backward in reverse; each made when it is read."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._nodes = [v for v in story.graph.nodes if v is story.sink or not is_literal(v)]

    def __len__(self) -> int:
        return 2 * len(self._nodes)

    def __iter__(self) -> Iterator[Scene]:
        return (self._scene(k) for k in range(len(self)))

    @overload
    def __getitem__(self, k: int) -> Scene: ...
    @overload
    def __getitem__(self, k: slice) -> tuple[Scene, ...]: ...
    def __getitem__(self, k: int | slice) -> Scene | tuple[Scene, ...]:
        places = range(len(self))[k]
        return self._scene(places) if isinstance(places, int) else tuple(self._scene(i) for i in places)

    @property
    def forward(self) -> Sequence[Scene]:
        return _Part(self, 0, len(self._nodes))

    @property
    def backward(self) -> Sequence[Scene]:
        return _Part(self, len(self._nodes), len(self._nodes))

    def _scene(self, number: int) -> Scene:
        count = len(self._nodes)
        if number < count:
            return self._told(number, "forward", self._nodes[number])
        v = self._nodes[2 * count - 1 - number]
        story = self._story
        arrivals = [
            Arrival(story.names[u], i, functools.partial(story.share, u, i)) for u, i in story.arrived(v)
        ]
        named = [(story.F[p], story.part(p)) for p in v.preds]
        edges = [self._edge(v, i, named) for i in range(len(v.preds))]
        back = {"cotangent": frozen(story.B[v]), "arrivals": tuple(arrivals), "edges": tuple(edges)}
        return self._told(number, "backward", v, **back)

    def _told(self, number: int, phase: Phase, v: Node, **back: Any) -> Scene:
        story = self._story
        inputs = tuple((story.names[p], frozen(story.F[p])) for p in v.preds)
        expression = written(v, [story.part(p) for p in v.preds]).text if v.preds else ""
        value = frozen(story.F[v])
        return Scene(number, phase, v, story.names[v], expression, inputs, value, story.where(v), **back)

    def _edge(self, v: Node, i: int, named: Sequence[tuple[Value, Part]]) -> Edge:
        story, p = self._story, v.preds[i]
        name, constant = story.names[p], p.op is CONSTANT
        share, so_far = story.share(v, i), functools.partial(story.so_far, v, i)
        if share is None:
            return Edge(i, name, "0", None, None, constant, so_far)
        with np.errstate(all="ignore"):
            derivative = frozen(local_value(v, i, story.F[v], [x for x, _ in named]))
        local = local_formula(v, i, (story.F[v], story.part(v)), named, story.B[v])
        return Edge(i, name, local, derivative, share, constant, so_far)


class _Part(Sequence[Scene]):
    """A stretch of a sequence of scenes, as lazy as the whole."""

    def __init__(self, scenes: Scenes, start: int, count: int) -> None:
        self._scenes, self._places = scenes, range(start, start + count)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, k: int) -> Scene: ...
    @overload
    def __getitem__(self, k: slice) -> tuple[Scene, ...]: ...
    def __getitem__(self, k: int | slice) -> Scene | tuple[Scene, ...]:
        places = self._places[k]
        return self._scenes[places] if isinstance(places, int) else tuple(self._scenes[i] for i in places)


def frozen(x: Value) -> Value:
    """The value, and nobody can write into it."""
    if type(x) is not np.ndarray:
        return x
    view = x.view()
    view.flags.writeable = False
    return view


__all__ = ["Arrival", "Edge", "Phase", "Scene", "Scenes", "Story", "frozen"]
