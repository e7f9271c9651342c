"""From a Python function to a graph, at concrete arguments.

The function runs once, on handles. Each operation computes its value and writes down its node, so shapes,
dtypes, branches and loops are those of an ordinary run. Traces nest: a handle of the inner trace holds a
handle of the outer one as its value, and an operation belongs to the innermost trace among its arguments,
so that derivatives of derivatives keep their perturbations apart.
"""

from __future__ import annotations

import contextlib
import gc
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad.errors import ArgumentError, TraceError
from nazad.graph import (
    CONSTANT,
    LEAF,
    NUMERIC,
    Graph,
    Node,
    Primitive,
    Spec,
    Traced,
    Value,
    Where,
    here,
    leaf,
)
from nazad.ops.pushed import transpose_with
from nazad.trace import inplace, scipy_table
from nazad.trace.array import Array
from nazad.trace.follow import followed, forget, reason
from nazad.trace.numpy_table import open_rooms
from nazad.trace.running import current, running
from nazad.tree import Structure, flatten, labels, labels_anew, unflatten

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
    """

    has_answers = True
    """Whether a question about a value has one answer."""

    def __init__(self) -> None:
        open_rooms()
        self.level = next(_levels)
        self.F: dict[Node, Value] = {}
        self.guards: list[Guard] = []
        self.errors: list[Exception] = []
        self.finished = False
        self.nested = False  # whether values may themselves be traced
        self._depends: dict[Node, bool] = {}
        self._numbers: dict[tuple[type, Any], Node] = {}
        self._captured: dict[int, tuple[Node, np.ndarray[Any, Any], bytes]] = {}

    def leaf(self, value: Value, name: str) -> Array:
        """A handle for an argument."""
        node = leaf(name)
        if type(value) is np.ndarray:
            value = value.copy("K") if value.nbytes <= _SMALL else self._captured_value(value, node)
        self.F[node] = value
        self.nested = self.nested or isinstance(value, Traced)
        return Array(self, node, value)

    def record(self, op: Primitive, args: Sequence[Value], params: dict[str, Any]) -> Array:
        """Compute, and write down the node."""
        if self.finished:
            raise TraceError(
                f"{op.name} got a traced value whose trace has ended",
                "A traced value must not be kept beyond the call that it was made for; return it instead.",
                here(),
            )
        F = self.F
        preds = tuple(
            [a.node if isinstance(a, Array) and a.recorder is self else self._constant(a) for a in args]
        )
        values = [F[p] for p in preds]
        value = op(*values, **params) if self.nested else op.calc(*values, **params)
        node = Node(op, preds, params, None, here(3))
        F[node] = value
        return (
            inplace.made(Array(self, node, value), op, params, args[0])
            if op.is_view
            else Array(self, node, value)
        )

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
        return inplace.looked(x, picked, value, again)

    def copied(self, x: Array, order: str) -> Array:
        """Another array with the same entries; the layout decides what later is a view."""
        return inplace.copied(x, order)

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
        if isinstance(value, Traced):
            self._demand_outer(value)
        elif kind is np.ndarray and value.dtype.kind in NUMERIC:
            return self._captured_constant(value)
        elif kind is not complex and not (isinstance(value, np.generic) and value.dtype.kind in NUMERIC):
            return self._captured_constant(_plain(value))
        return self._new_constant(value)

    def _demand_outer(self, value: Traced) -> None:
        """A value of another trace must belong to one that is under way around this one."""
        trace = value.recorder
        if trace.finished or trace.level >= self.level:
            raise TraceError(
                "a traced value was used whose trace has ended",
                "A traced value must not be kept beyond the call that it was made for; return it instead.",
                here(),
            )

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
        return value if value.nbytes > _SMALL else value.copy("K")


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
    _refuse_subclass(value)
    array = np.asarray(value)
    if array.dtype.kind not in NUMERIC:
        raise ArgumentError(
            f"{type(value).__name__} of dtype {array.dtype} {value!r:.60} took part in a traced computation",
            "Traced computations work on numbers and arrays of numbers.",
            here(),
        )
    return array


def _refuse_subclass(value: Any, arguments: Arguments | None = None, k: int = 0) -> None:
    """Masked arrays and matrices mean other things by + and *; taken for arrays they would be wrong."""
    if isinstance(value, np.ndarray) and type(value) not in (np.ndarray, np.memmap):
        label = "an array" if arguments is None else arguments.labels[k]
        raise ArgumentError(
            f"{label} is a {type(value).__module__}.{type(value).__name__}, whose operations are its own",
            "Pass an ordinary array: np.asarray(...), and np.where for what a mask hides.",
            here(),
        )


class Run(NamedTuple):
    """A traced call: the graph, the values at the point, and the structure of what was returned."""

    graph: Graph
    F: dict[Node, Value]
    structure: Structure
    aux: Any
    trace: Trace

    @property
    def value(self) -> Any:
        """What the function returned, as ordinary values (or values of the outer trace)."""
        return unflatten(self.structure, [self.F[sink] for sink in self.graph.sinks])


class Arguments(NamedTuple):
    """The arguments that become leaves: taken apart, and how the user calls them."""

    leaves: list[Any]
    structure: Structure
    names: tuple[str, ...]
    is_large: bool = False
    """Whether the structure has the patterns of sparse matrices in it."""

    @classmethod
    def of(cls, args: tuple[Any, ...], names: Sequence[str]) -> Arguments:
        known = scipy_table.with_entries(args)
        return cls(*flatten(known), tuple(names), known is not args)

    @property
    def labels(self) -> list[str]:
        """How the user would write each leaf."""
        return (labels_anew if self.is_large else labels)(self.structure, self.names)


def run(
    function: Callable[..., Any], arguments: Arguments, has_aux: bool = False, trace: Trace | None = None
) -> Run:
    """Call ``function`` on handles for the leaves of the arguments and keep what came of it."""
    trace = Trace() if trace is None else trace
    handles = [
        trace.leaf(_value(x, k, arguments), label)
        for k, (x, label) in enumerate(zip(arguments.leaves, arguments.labels, strict=True))
    ]
    leaves = [handle.node for handle in handles]  # the function may write into its arguments
    try:
        with _under_way(trace):
            result = followed(function)(*unflatten(arguments.structure, handles))
    except Exception as error:
        trace.raise_remembered(instead_of=error)
        raise
    result, aux = _split_aux(result, trace) if has_aux else (result, None)
    outputs, structure = flatten(result)
    return Run(trace.finish(leaves, outputs), trace.F, structure, aux, trace)


@contextlib.contextmanager
def _under_way(trace: Trace) -> Iterator[None]:
    """While the function of a trace runs."""
    try:
        with collector_paused(), running(trace):
            yield
    finally:
        if current() is None:
            forget()


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """For what makes many objects and drops none, as a trace does: a third of its time goes into looking them
    through again and again."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _value(x: Any, k: int, arguments: Arguments) -> Any:
    array: Any = x
    if isinstance(x, (np.ndarray, Traced, float, int, bool, complex, np.generic)):
        if type(x) is not np.ndarray:
            _refuse_subclass(x, arguments, k)
    elif hasattr(x, "__array__") or hasattr(x, "__dlpack__"):
        array = np.asarray(x)
    else:
        raise ArgumentError(
            f"{arguments.labels[k]} is {type(x).__name__} {x!r:.40}",
            "Arguments that are traced are numbers or arrays of numbers.",
        )
    if getattr(array, "dtype", None) is not None and array.dtype.kind not in NUMERIC:
        raise ArgumentError(
            f"{arguments.labels[k]} has dtype {array.dtype}",
            "Arrays that are traced are arrays of numbers.",
        )
    return array


def _split_aux(result: Any, trace: Trace) -> tuple[Any, Any]:
    if not (isinstance(result, tuple) and len(result) == 2):
        met = "a single value" if isinstance(result, Traced) else f"{type(result).__name__} {result!r:.40}"
        raise ArgumentError(f"with has_aux=True the function returned {met}", "It must return (value, aux).")
    value, aux = result
    leaves, structure = flatten(aux)
    return value, unflatten(
        structure, [x.value if isinstance(x, Array) and x.recorder is trace else x for x in leaves]
    )


def _transpose(linear: Callable[[Value], Sequence[Value]], x_dot: Value, y_bars: Sequence[Value]) -> Value:
    """The transpose of a linear map, by the backward pass over its graph; None for zero."""
    trace = Trace()
    handle = trace.leaf(x_dot, "x_dot")
    pairs = [(y, bar) for y, bar in zip(linear(handle), y_bars, strict=True) if y is not None]
    graph = trace.finish([handle.node], [y for y, _ in pairs])
    return graph.backward(trace.F, [bar for _, bar in pairs], wrt=graph.leaves)[handle.node]


transpose_with(_transpose)


def argument_names(function: Callable[..., Any], count: int) -> list[str]:
    """How the user calls the positional arguments; ``x0, x1, ...`` where there is no telling."""
    code = getattr(function, "__code__", None)
    if code is not None and not hasattr(function, "__wrapped__"):  # inspect takes a hundred times as long
        first = int(inspect.ismethod(function))
        if code.co_argcount - first >= count:
            return list(code.co_varnames[first : first + count])
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    for p in parameters:
        if p.kind is p.VAR_POSITIONAL and p.name != "args":  # args is what wrappers say, not users
            names += [f"{p.name}[{k}]" for k in range(count - len(names))]
    return [names[k] if k < len(names) else f"x{k}" for k in range(count)]


def trace(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Graph:
    """Trace a Python function into its computational graph.

    Parameters
    ----------
    function : callable
        A function written in NumPy.
    *args : pytree of array_like
        The point at which it is traced. Branches are those taken there; every number or array in ``args``
        becomes a leaf.
    **kwargs
        Passed on to the function; they become no leaves.

    Returns
    -------
    Graph
        Its sinks are the leaves of what the function returned.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> G = nz.trace(lambda x, y: (np.log(x) + x * y) - np.sin(y), 2.0, 5.0)
    >>> print(G)
    v1 = log(x)
    v2 = multiply(x, y)
    v3 = add(v1, v2)
    v4 = sin(y)
    v5 = subtract(v3, v4)
    return v5
    """
    arguments = Arguments.of(args, argument_names(function, len(args)))
    done = run(lambda *xs: followed(function)(*xs, **kwargs), arguments)
    note_specs(done.F)
    return done.graph.without_dead()


def note_specs(F: Mapping[Node, Value]) -> None:
    """Write down shape and dtype of every node. Tracing leaves it out: a gradient has no use for them."""
    for node, value in F.items():
        node.spec = Spec.of(value)


__all__ = ["Arguments", "Guard", "Run", "Trace", "argument_names", "collector_paused", "run", "trace"]
