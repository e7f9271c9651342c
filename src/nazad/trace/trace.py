"""From a Python function to a graph, at concrete arguments.

The function runs once, on handles of its arguments, which write down what is done with them.
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
from nazad.graph import NUMERIC, Graph, Node, Spec, Traced, Value
from nazad.ops.pushed import transpose_with
from nazad.trace import scipy_table
from nazad.trace.array import Array
from nazad.trace.follow import followed, forget
from nazad.trace.recording import Trace, refuse_subclass
from nazad.trace.running import begin, current, end
from nazad.trace.views import apart, is_written
from nazad.tree import Structure, flatten, labels, labels_anew, unflatten


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
    is_call, trace = trace is None, Trace() if trace is None else trace
    handles = [
        trace.leaf(_value(x, k, arguments), label)
        for k, (x, label) in enumerate(zip(arguments.leaves, arguments.labels, strict=True))
    ]
    leaves = [handle.node for handle in handles]  # the function may write into its arguments
    try:
        with _UnderWay(trace):
            result = followed(function)(*unflatten(arguments.structure, handles))
    except Exception as error:
        trace.raise_remembered(instead_of=error)
        raise
    if is_call:
        _demand_apart(arguments, [is_written(x, leaf) for x, leaf in zip(handles, leaves, strict=True)])
    result, aux = _split_aux(result, trace) if has_aux else (result, None)
    outputs, structure = flatten(result)
    return Run(trace.finish(leaves, outputs), trace.F, structure, aux, trace)


class _UnderWay:
    """While the function of a trace runs. A class: entering a generator takes as long as an operation."""

    __slots__ = ("_collected", "_token", "_trace")

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def __enter__(self) -> None:
        self._collected = gc.isenabled()
        gc.disable()
        self._token = begin(self._trace)

    def __exit__(self, *error: object) -> None:
        end(self._token)
        if self._collected:
            gc.enable()
        outer = current()
        if outer is None:
            forget()
        else:
            outer.draws += self._trace.draws  # what is constant here is constant there


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


def _demand_apart(arguments: Arguments, written: Sequence[bool]) -> None:
    """Raise if what was written into an argument would have been seen in another: handles are apart."""
    for k in itertools.compress(range(len(written)), written):
        x = arguments.leaves[k]
        for j, y in enumerate(arguments.leaves):
            arrays = isinstance(x, np.ndarray) and isinstance(y, np.ndarray)
            if j != k and (np.shares_memory(x, y) if arrays else x is y and isinstance(x, Traced)):
                raise TraceError(
                    f"{arguments.labels[k]} was written into, and {arguments.labels[j]} shares its memory",
                    "Pass a copy of one of them, or write into a copy.",
                )


def _value(x: Any, k: int, arguments: Arguments) -> Any:
    array: Any = x
    if isinstance(x, (np.ndarray, Traced, float, int, bool, complex, np.generic)):
        if type(x) is not np.ndarray:
            refuse_subclass(x, arguments.labels[k])
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
        structure, [apart(x.value) if isinstance(x, Array) and x.recorder is trace else x for x in leaves]
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


__all__ = ["Arguments", "Run", "argument_names", "collector_paused", "run", "trace"]
