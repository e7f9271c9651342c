"""What a run of a function on handles writes down: nodes, values, constants, and questions asked.

Each operation computes its value and writes down its node, so shapes, dtypes, branches and loops are those of
an ordinary run. Traces nest: a handle of the inner trace holds a handle of the outer one as its value, and an
operation belongs to the innermost trace among its arguments, so that derivatives of derivatives keep their
perturbations apart.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad.errors import ArgumentError, TraceError
from nazad.graph import CONSTANT, LEAF, NUMERIC, Graph, Node, Primitive, Traced, Value, Where, here, leaf
from nazad.ops.writing import duplicate
from nazad.trace import inplace, views
from nazad.trace.array import Array
from nazad.trace.follow import reason
from nazad.trace.inside import plain
from nazad.trace.numpy_table import open_rooms
from nazad.trace.running import current

_levels = itertools.count(1)
_SMALL = 8192  # bytes up to which a captured array is copied
_WATCHED = 512  # how many entries of a larger one are looked at again


class Guard(NamedTuple):
    """A question that Python asked about a traced value, and the answer that the trace depends on."""

    node: Node
    what: str
    answer: Any
    where: Where | None


class Trace:
    """One run of a function on handles.

    Attributes
    ----------
    F : dict
        The value of every node, in the order of creation, which is a topological order.
    guards : list of Guard
        What Python asked about values on the way: the branches taken.
    draws : list of Where or None
        Where random numbers were drawn, which are constants of the trace.
    """

    has_answers = True
    """Whether a question about a value has one answer."""

    def __init__(self) -> None:
        open_rooms()
        self.level = next(_levels)
        self.F: dict[Node, Value] = {}
        self.guards: list[Guard] = []
        self.draws: list[Where | None] = []
        self.errors: list[Exception] = []
        outer = current()
        self.texts: set[str] = set() if outer is None else outer.texts  # what traced values look like
        self.finished = False
        self.nested = False  # whether values may themselves be traced
        self._depends: dict[Node, bool] = {}
        self._numbers: dict[tuple[type, Any], Node] = {}
        self._captured: dict[int, tuple[Node, np.ndarray[Any, Any], bytes]] = {}

    def leaf(self, value: Value, name: str) -> Array:
        """A handle for an argument."""
        node = leaf(name)
        if type(value) is np.ndarray:
            value = duplicate(value) if value.nbytes <= _SMALL else self._captured_value(value, node)
        value = views.as_it_is(value)
        self.F[node] = value
        self.nested = self.nested or isinstance(value, Traced)
        return Array(self, node, value)

    def record(self, op: Primitive, args: Sequence[Value], params: dict[str, Any]) -> Array:
        """Compute, and write down the node."""
        if self.finished:
            kept = [_left(a) if isinstance(a, Array) and a.recorder.finished else a for a in args]
            return op(*kept, **params)  # type: ignore[no-any-return]
        F = self.F
        preds = tuple(
            [a.node if isinstance(a, Array) and a.recorder is self else self._constant(a) for a in args]
        )
        values = [F[p] for p in preds]
        value = op(*values, **params) if self.nested else op.calc(*values, **params)
        node = Node(op, preds, params, None, here(3))
        F[node] = value
        made = Array(self, node, value)
        return views.made(made, op, params, args[0]) if op.is_view else made

    def hold(self, value: Value) -> Array:
        """A handle for a value that does not depend on the leaves: an array that the function makes."""
        node = self._constant(value)
        return Array(self, node, self.F[node])

    def assign(self, x: Array, key: Any, value: Any) -> None:
        """``x[key] = value``."""
        if isinstance(value, Traced) and value.recorder.level > self.level:
            raise x._forbidden(
                "an array that an outer function made was written into by an inner one",
                "Make the array inside the function that is differentiated, and return it.",
            )
        inplace.assign(x, key, value)

    def looked(self, x: Array, picked: Array, value: Value, again: Callable[[Array], Array]) -> Array:
        """A view of ``x`` whose entries index arrays have picked for the graph."""
        return views.looked(x, picked, value, again)

    def copied(self, x: Array, order: str) -> Array:
        """Another array with the same entries; the layout decides what later is a view."""
        return views.copied(x, order)

    def answered(self, node: Node, what: str, answer: Any) -> None:
        """Note a question about a value."""
        self.guards.append(Guard(node, what, answer, here()))

    def constant(self, value: Value) -> Array:
        """A handle for a new array, which nobody else holds."""
        return Array(self, self._new_constant(value), value)

    def depends(self, node: Node) -> bool:
        """Whether a node depends on a leaf, of this trace or of one around it."""
        known, waiting = self._depends, [node]
        while waiting:
            v = waiting[-1]
            unknown = [p for p in v.preds if p not in known]
            if v in known or not unknown:
                known[waiting.pop()] = any(known[p] for p in v.preds) if v.preds else self._is_origin(v)
            else:
                waiting += unknown
        return known[node]

    def _is_origin(self, source: Node) -> bool:
        value = self.F[source]
        return source.op is LEAF or (isinstance(value, Array) and value.depends)

    def why_not_followed(self, where: Where | None) -> str:
        """Why the function is not followed in which something went wrong, as a sentence; empty if it is."""
        why = "" if where is None else reason(where.code)
        return f"{where.function} is not followed: {why}. " if where is not None and why else ""

    def finish(self, leaves: Sequence[Node], outputs: Sequence[Any]) -> Graph:
        """The graph of what the function returned."""
        if self.errors:
            self.raise_remembered()
        self.look_again()
        sinks = [self._sink(y) for y in outputs]
        self.finished = True
        return Graph(leaves, sinks, tuple(self.F))

    def raise_remembered(self, instead_of: Exception | None = None) -> None:
        """Raise the first error that user code, or NumPy, has swallowed or put another in place of."""
        errors, self.errors = self.errors, []  # an error that the trace kept would keep the trace
        try:
            if errors and errors[0] is not instead_of:
                raise errors[0] from instead_of
        finally:
            del errors

    def look_again(self) -> None:
        """Raise if a large array that was captured has been written into."""
        for _, value, before in self._captured.values():
            if value.nbytes > _SMALL and _sample(value) != before:
                raise TraceError(
                    f"an array of shape {value.shape} was used and has been written into since",
                    "Derivatives need the value as it was: write into a copy.",
                )

    def _sink(self, y: Any) -> Node:
        if isinstance(y, Array) and y.recorder is self:
            return y.node
        return self._constant(y)

    # --- constants: values that do not depend on the leaves of this trace
    def _constant(self, value: Value) -> Node:
        kind = type(value)
        if kind is float or kind is int or kind is bool:
            node = self._numbers.get((kind, value)) if value else None
            if node is None:
                node = self._numbers[kind, value] = self._new_constant(value)
            return node
        if isinstance(value, Array) and value.recorder.finished:
            return self._constant(_left(value))
        if isinstance(value, Traced):
            self._demand_outer(value)
            value = views.as_it_is(value)
        elif kind is np.ndarray and value.dtype.kind in NUMERIC:
            return self._captured_constant(value)
        elif kind is not complex and not (isinstance(value, np.generic) and value.dtype.kind in NUMERIC):
            return self._captured_constant(_plain(value))
        return self._new_constant(value)

    def _demand_outer(self, value: Traced) -> None:
        """A value of another trace must belong to one that is under way around this one."""
        if value.recorder.finished or value.recorder.level >= self.level:
            raise _ended()

    def _new_constant(self, value: Value) -> Node:
        node = Node(CONSTANT, (), {"value": value})
        self.F[node] = value
        self.nested = self.nested or isinstance(value, Traced)
        return node

    def _captured_constant(self, value: np.ndarray[Any, Any]) -> Node:
        """One node for an array as long as it stays as it is."""
        known = self._captured.get(id(value))
        if known is not None:
            if _sample(value) != known[2]:
                self.look_again()  # of a large one there is no copy
            elif known[0].op is CONSTANT:
                return known[0]
        node = Node(CONSTANT, (), {})
        node.params["value"] = self.F[node] = self._captured_value(value, node)
        return node

    def _captured_value(self, value: np.ndarray[Any, Any], node: Node) -> np.ndarray[Any, Any]:
        """A copy of a small array; a large one itself, which is looked at again when the trace ends."""
        self._captured[id(value)] = node, value, _sample(value)
        return value if value.nbytes > _SMALL else duplicate(value)


def _left(x: Array) -> Value:
    """The array that is left of a value whose trace has ended, if it depends on no argument.

    Programs keep what they make once: a grid, a table of weights.
    """
    if x.depends:
        raise _ended()
    return plain(x)


def _ended() -> TraceError:
    return TraceError(
        "a traced value was used whose trace has ended",
        "A traced value must not be kept beyond the call that it was made for; return it instead.",
        here(),
    )


def _sample(value: np.ndarray[Any, Any]) -> bytes:
    """All of a small array; of a large one some hundred entries, spread evenly, or some of its rows."""
    if value.nbytes <= _SMALL:
        return value.tobytes()
    if not value.flags.forc:
        rows = value[:: max(1, len(value) // 16)] if value.ndim else value
        return rows.tobytes() if rows.nbytes <= _SMALL else rows[..., :1].tobytes()
    flat = value.ravel("K")
    return flat[:: max(1, flat.size // _WATCHED)].tobytes()


def _plain(value: Any) -> Any:
    """Lists and the like as arrays."""
    refuse_subclass(value)
    array = np.asarray(value)
    if array.dtype.kind not in NUMERIC:
        raise ArgumentError(
            f"{type(value).__name__} of dtype {array.dtype} {value!r:.60} took part in a traced computation",
            "Traced computations work on numbers and arrays of numbers.",
            here(),
        )
    return array


def refuse_subclass(value: Any, label: str = "an array") -> None:
    """Masked arrays and matrices mean other things by + and *; taken for arrays they would be wrong."""
    if isinstance(value, np.ndarray) and type(value) not in (np.ndarray, np.memmap):
        raise ArgumentError(
            f"{label} is a {type(value).__module__}.{type(value).__name__}, whose operations are its own",
            "Pass an ordinary array: np.asarray(...), and np.where for what a mask hides.",
            here(),
        )
