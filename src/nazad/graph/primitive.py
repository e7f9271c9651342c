"""The indivisible operation, as the graph sees it, and what the graph needs to know about traced values.

A primitive computes (``calc``) and carries one linear map per argument in both directions: ``push`` takes
a tangent forward, ``pull`` takes a cotangent backward. How these follow from a local derivative, stated
once, is the business of the families in :mod:`nazad.ops.families`; nothing in this folder knows a single
operation by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from nazad.errors import GraphError
from nazad.graph.node import Node
from nazad.graph.spec import Spec

Value = Any
"""An ndarray, a NumPy or Python number, or a traced value: every rule works on all of them alike."""

Params = dict[str, Any]


class Recorder(Protocol):
    """What a traced value belongs to: it turns an application of a primitive into a node."""

    level: int
    finished: bool
    has_answers: bool
    errors: list[Exception]
    texts: set[str]
    F: dict[Node, Value]

    def record(self, op: Primitive, args: Sequence[Value], params: Params) -> Value: ...

    def hold(self, value: Value) -> Any: ...

    def assign(self, x: Any, key: Any, value: Any) -> None: ...

    def looked(self, x: Any, picked: Any, value: Value, again: Any) -> Any: ...

    def copied(self, x: Any, order: str) -> Any: ...

    def answered(self, node: Node, what: str, answer: Any) -> None: ...

    def depends(self, node: Node) -> bool: ...

    def why_not_followed(self, where: Any) -> str: ...


class Traced:
    """The mark of a traced value; the handle itself is :class:`nazad.trace.array.Array`."""

    __slots__ = ("recorder",)
    recorder: Recorder


class Holder:
    """The mark of what holds traced values and is none itself: a sparse matrix, whose entries are traced."""

    __slots__ = ()

    @property
    def parts(self) -> tuple[Value, ...]:
        """What it is made of, traced or not."""
        raise NotImplementedError

    def plain(self) -> Any:
        """The same of plain numbers, as users know it, at the point of the trace."""
        raise NotImplementedError


class Primitive:
    """An indivisible operation.

    A family says how it is differentiated and batched; by itself it only computes.

    Calling it on numbers computes. Calling it on traced values computes and records a node. Calling it on
    nodes makes a node, which is how a graph is built by hand.

    Parameters
    ----------
    name : str
        The name by which the operation goes in pictures, tables and error messages.
    calc : callable
        ``calc(*xs, **params)``, the value from the arguments' values.
    """

    is_view = False
    """Whether NumPy's result may share its memory with the argument."""

    stops = False
    """Whether nothing is differentiated through it, whatever it depends on."""

    joint = False
    """Whether the shares of all arguments come out of one computation, ``pull_all``, as a loop's do."""

    fold = ""
    """For an operation that folds axes: the elementwise primitive by which the compiler folds them."""

    simpler: Callable[..., Value] | None = None
    """The same made of simpler operations, ``simpler(*xs, **params)`` in plain NumPy, for the compiler."""

    def __init__(
        self,
        name: str,
        calc: Callable[..., Value],
        *,
        fold: str = "",
        simpler: Callable[..., Value] | None = None,
    ) -> None:
        self.name, self.calc = name, calc
        if fold:
            self.fold = fold
        if simpler is not None:
            self.simpler = simpler

    def __call__(self, *args: Value, **params: Any) -> Value:
        innermost: Recorder | None = None
        for arg in args:
            if isinstance(arg, Traced):
                if innermost is None or arg.recorder.level > innermost.level:
                    innermost = arg.recorder
            elif type(arg) is Node:
                return self._by_hand(args, params)
        if innermost is not None:
            return innermost.record(self, args, params)
        return self.calc(*args, **params)

    def _by_hand(self, args: Sequence[Value], params: Params) -> Node:
        if any(isinstance(arg, Traced) for arg in args):
            raise GraphError(f"{self.name} was called on a node and on a traced value at once")
        return Node(self, tuple(a if type(a) is Node else constant(a) for a in args), params)

    def pull(self, i: int, y_bar: Value, y: Value, xs: Sequence[Value], params: Params) -> Any:
        """The share of argument ``i`` in the cotangent ``y_bar``; None where there is none."""
        raise NotImplementedError(f"{self.name} has no derivative")

    def pull_all(
        self, wanted: Sequence[bool], y_bar: Value, y: Value, xs: Sequence[Value], params: Params
    ) -> Sequence[Any]:
        """The share of every argument that is wanted."""
        return [self.pull(i, y_bar, y, xs, params) if w else None for i, w in enumerate(wanted)]

    def push(self, x_dots: Sequence[Value], y: Value, xs: Sequence[Value], params: Params) -> Value:
        """The tangent of the value, from the arguments' tangents (None for zero); None for zero."""
        raise NotImplementedError(f"{self.name} has no derivative")

    def batch(self, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
        """The values for a whole batch; batched arguments and the result have the batch as axis 0."""
        raise NotImplementedError(f"{self.name} has no batching rule")

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


class Source(Primitive):
    """A primitive without arguments: the origin of a leaf or of a constant."""

    def pull(self, i: int, y_bar: Value, y: Value, xs: Sequence[Value], params: Params) -> None:
        return None

    def push(self, x_dots: Sequence[Value], y: Value, xs: Sequence[Value], params: Params) -> None:
        return None

    def batch(self, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
        return self.calc(**params)


def _unread(name: str) -> Value:
    raise GraphError(f"the leaf {name} has no value", "Give forward a value for every leaf.")


LEAF = Source("leaf", _unread)
CONSTANT = Source("constant", lambda value: value)


def leaf(name: str, spec: Spec | None = None) -> Node:
    """A node without predecessors whose value is read from outside.

    Examples
    --------
    >>> leaf("x")
    <leaf x>
    """
    return Node(LEAF, (), {"name": name}, spec)


def constant(value: Value) -> Node:
    """A node without predecessors that carries its value.

    Examples
    --------
    >>> constant(3.0)
    <constant 3.0>
    """
    return Node(CONSTANT, (), {"value": value}, Spec.of(value))
