"""``explain``: a function at a point, told node by node, forward and backward."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from nazad.api import jacobian, vmap
from nazad.errors import ArgumentError, NoSuchNode, ShapeError, TraceError
from nazad.explain.cost import Cost, measure
from nazad.explain.formula import written
from nazad.explain.names import NamingTrace, is_literal, name_nodes
from nazad.explain.numbers import plain
from nazad.explain.scenes import Scenes, Story, frozen
from nazad.explain.text import Page, as_text
from nazad.graph import Graph, Node, Traced, Value, Where, here
from nazad.nearby import suggest
from nazad.trace import Arguments, Run, argument_names, followed, note_specs, run
from nazad.tree import tree_map


def explain(
    f: Callable[..., Any], *args: Any, output: int | None = None, seed: Any = None, **kwargs: Any
) -> Explanation:
    """Follow a function forward and backward, node by node.

    Parameters
    ----------
    f : callable or Graph
        A function written in NumPy, or a graph made by hand.
    *args : pytree of array_like
        The point. Every number or array in it becomes a leaf.
    output : int, optional
        Which of several results to explain.
    seed : array_like, optional
        The cotangent of a result that is an array: one of its shape, or a number for all its entries.
    **kwargs
        Passed on to the function; they become no leaves.

    Returns
    -------
    Explanation
        Print it to see the tables; ask it for a node by the name of the user's variable.

    Raises
    ------
    ShapeError
        If the result is an array and there is no seed.
    ArgumentError
        If there are several results and ``output`` does not say which, or it is no real number.

    Examples
    --------
    >>> import numpy as np
    >>> from nazad.explain import explain
    >>> def f(x, y):
    ...     u = np.log(x)
    ...     v = x * y
    ...     s = u + v
    ...     w = np.sin(y)
    ...     return s - w
    >>> told = explain(f, 2.0, 5.0)
    >>> told
    <Explanation of f(x, y): 5 operations, value 11.6521>
    >>> told["s"].value, told["w"].cotangent
    (np.float64(10.693147180559945), np.float64(-1.0))
    >>> [(edge.name, edge.local) for edge in told.scenes.backward[1].edges]
    [('y', 'cos(y)')]
    """
    return tell(f, args, kwargs, output, seed, here())


def tell(
    f: Callable[..., Any] | Graph,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    output: int | None = None,
    seed: Any = None,
    origin: Where | None = None,
    title: str = "",
) -> Explanation:
    """As :func:`explain`; ``origin`` is the place that asked, ``title`` what stands above the tables."""
    if isinstance(f, Graph):
        graph, F, naming = f, f.forward([np.asarray(x)[()] for x in args]), None
    else:
        naming = NamingTrace(origin)
        done = _run(f, args, kwargs, naming)
        graph, F = done.graph, done.F
    sink = _chosen(graph, output)
    graph = Graph(graph.leaves, sink, graph.nodes).without_dead()
    F = {v: F[v] for v in graph.nodes}
    note_specs(F)
    start = _seed(F[sink], seed, None if sink.where == origin else sink.where)
    story = Story(graph, F, graph.backward(F, start), name_nodes(graph, naming), start, origin)
    return Explanation(story, title or _title(f, story))


def _run(f: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], trace: NamingTrace) -> Run:
    own = tree_map(lambda x: x.copy() if isinstance(x, np.ndarray) else x, args)  # the story is told later
    done = run(
        lambda *xs: followed(f)(*xs, **kwargs), Arguments.of(own, argument_names(f, len(args))), trace=trace
    )
    if any(isinstance(value, Traced) for value in done.F.values()):
        raise TraceError(
            "explain was called inside a traced function", "Call it outside, at numbers.", here()
        )
    return done


def _chosen(graph: Graph, output: int | None) -> Node:
    count = len(graph.sinks)
    if output is None and count != 1:
        met = f"the function returned {count} values, and a story has one end"
        raise ArgumentError(
            met, f"Choose one: output=0 to output={count - 1}." if count else "Return a number."
        )
    if not -count <= (output or 0) < count:
        raise ArgumentError(f"output={output}, but the function returned {count} values")
    return graph.sinks[output or 0]


def _seed(y: Value, seed: Any, where: Where | None) -> Value:
    dtype = np.result_type(y)
    if dtype.kind == "c":
        met = "the function returned complex numbers, and a gradient is that of a real one"
        raise ArgumentError(met, "Return .real, .imag or np.abs(...) of it.", where)
    if dtype.kind != "f":
        met = f"the function returned {dtype} numbers, which have no derivative"
        raise ArgumentError(met, "Give it real floating-point numbers (2.0 for 2), and return such.", where)
    if seed is None and np.ndim(y):
        met = f"the function returned an array of shape {np.shape(y)}, and a gradient is that of one number"
        raise ShapeError(met, "Sum it up, return one entry, or give its cotangent: seed=1.0 for ones.", where)
    try:
        return np.broadcast_to(np.asarray(1.0 if seed is None else seed, dtype), np.shape(y))[()]
    except ValueError:
        raise ShapeError(f"the seed has shape {np.shape(seed)} and the result {np.shape(y)}") from None


def _title(f: Any, story: Story) -> str:
    names = list(dict.fromkeys(story.names[v].split("[")[0] for v in story.graph.leaves))
    return f"{getattr(f, '__name__', type(f).__name__)}({', '.join(names)})"


class Explanation(Mapping[str, "Entry"]):
    """A function at a point, forward and backward.

    A mapping from the names of nodes to what is known of them; printed, two tables.

    Attributes
    ----------
    title : str
        What was explained.
    scenes : sequence of Scene
        The story, one step after another; ``scenes.forward`` and ``scenes.backward`` are its halves.
    graph : Graph
        The computational graph.
    """

    def __init__(self, story: Story, title: str) -> None:
        self._story, self.title, self.graph = story, title, story.graph
        self.scenes = Scenes(story)
        self._nodes = {story.names[v]: v for v in story.graph.nodes if not is_literal(v)}

    @property
    def value(self) -> Value:
        """What the function returned."""
        return frozen(self._story.F[self._story.sink])

    @property
    def gradient(self) -> dict[str, Value]:
        """The cotangents of the arguments, by name."""
        return {self._story.names[x]: frozen(self._story.B[x]) for x in self.graph.leaves}

    @functools.cached_property
    def cost(self) -> Cost:
        """Operations, bytes and time, forward and backward; measured when first asked for."""
        return measure(self.graph, self._story.F, self._story.seed)

    def __getitem__(self, name: str) -> Entry:
        return Entry(self._story, _find(self._nodes, name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    @property
    def page(self) -> Page:
        """What :func:`nazad.explain.text.show` prints."""
        return Page(self.title, self.scenes, self._story, self.cost)

    def text(self, width: int | None = None, all: bool = False) -> str:  # noqa: A002
        """Both tables as plain text.

        Parameters
        ----------
        width : int, optional
            In characters; 120 if not given.
        all : bool, optional
            Every row of a long graph; otherwise the first and the last of them, at most 60 to a table.
        """
        return as_text(self.page, width, all)

    def to_dict(self) -> dict[str, Any]:
        """The whole story as what JSON can hold; numbers that it cannot hold are texts, as ``"nan"``."""
        return {"title": self.title, "value": plain(self.value), "gradient": plain(self.gradient)} | {
            "cost": plain(self.cost._asdict() | {"ratio": self.cost.ratio}),
            "scenes": [plain(scene) for scene in self.scenes],
        }

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        value = f", value {self.value:.6g}" if np.ndim(self.value) == 0 else ""
        return f"<Explanation of {self.title}: {self.graph.operations} operations{value}>"

    __eq__ = object.__eq__
    __hash__ = object.__hash__


class Entry:
    """What is known of one node.

    Examples
    --------
    >>> import numpy as np
    >>> from nazad.explain import explain
    >>> def f(x):
    ...     t = 3 * x
    ...     return np.sum(t**2)
    >>> t = explain(f, np.array([1.0, 2.0]))["t"]
    >>> t
    <t = 3 * x>
    >>> t.cotangent
    array([ 6., 12.])
    >>> t.local_jacobian("x")
    array([[3., 0.],
           [0., 3.]])
    """

    __slots__ = ("_story", "node")

    def __init__(self, story: Story, node: Node) -> None:
        self._story, self.node = story, node

    @property
    def name(self) -> str:
        return self._story.names[self.node]

    @property
    def expression(self) -> str:
        """What the node is, in terms of its predecessors."""
        return (
            written(self.node, [self._story.part(p) for p in self.node.preds]).text if self.node.preds else ""
        )

    @property
    def value(self) -> Value:
        return frozen(self._story.F[self.node])

    @property
    def cotangent(self) -> Value:
        """The derivative of the result by this node."""
        return frozen(self._story.B[self.node])

    @property
    def where(self) -> Where | None:
        """The user's line that made it."""
        return self._story.where(self.node)

    @property
    def preds(self) -> tuple[str, ...]:
        """The names of its predecessors, in order."""
        return tuple(self._story.names[p] for p in self.node.preds)

    def local_jacobian(self, pred: str) -> Value:
        """The derivative of this node by one of its predecessors, whole.

        Parameters
        ----------
        pred : str
            The predecessor's name. If it stands among the arguments several times, in all of them at once.

        Returns
        -------
        array
            Of shape ``value.shape + pred.shape``.
        """
        v, story = self.node, self._story
        p = _find({story.names[p]: p for p in v.preds if not is_literal(p)}, pred)

        def alone(x: Value) -> Value:
            return v.op(*[x if q is p else story.F[q] for q in v.preds], **v.params)

        return jacobian(alone)(story.F[p])

    def jacobian(self, by: str) -> Value:
        """The derivative of this node by any node before it: the product of the local Jacobians.

        Parameters
        ----------
        by : str
            The name of that node.

        Returns
        -------
        array
            Of shape ``value.shape + by.shape``.
        """
        story, v = self._story, self.node
        x = _find({name: u for u, name in story.names.items() if not is_literal(u)}, by)
        graph = Graph(story.graph.leaves, v, story.graph.nodes)
        shape, dtype = np.shape(story.F[v]), _real(story, v)
        _real(story, x)
        size = int(np.prod(shape, dtype=int))
        units = np.eye(size, dtype=dtype).reshape(size, *shape)
        rows = vmap(lambda y_bar: graph.backward(story.F, y_bar, wrt=[x])[x])(units)
        return np.reshape(rows, (*shape, *np.shape(story.F[x])))

    def __repr__(self) -> str:
        return f"<{self.name} = {self.expression}>" if self.expression else f"<{self.name}>"


def _real(story: Story, v: Node) -> np.dtype[Any]:
    dtype = np.result_type(story.F[v])
    if dtype.kind != "f":
        raise ArgumentError(f"{story.names[v]} holds {dtype} numbers, which have no derivative")
    return dtype


def _find(nodes: Mapping[str, Node], name: str) -> Node:
    if name not in nodes:
        raise NoSuchNode(f"no node is called {name!r:.60}", suggest(str(name), list(nodes)))
    return nodes[name]
