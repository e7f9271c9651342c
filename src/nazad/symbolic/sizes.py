"""How large a derivative is: as a formula, as a graph, and as the backward pass. No SymPy needed.

The docstring of :func:`swell` proves, in two lines each, what holds for trees and for formulas that name
their intermediate results. The counts are taken on the graph of the derivative, which forward mode writes by
the very rule of that proof: with names, its distinct nodes; written out, s(v) = 1 + Σ s(p) over the
predecessors p, in integers of any length.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from nazad.errors import ArgumentError
from nazad.extras import require
from nazad.graph import CONSTANT, Graph, Node, shape_of
from nazad.trace import Arguments, argument_names, followed, run
from nazad.transform.forward import pushforward
from nazad.tree import Tree, unflatten

_WHOLE = 10_000_000  # numbers from here on are shown with an exponent


@dataclass(frozen=True, slots=True)
class Swell:
    """The sizes of a function and of its derivative, each in operations. Made by :func:`swell`.

    Attributes
    ----------
    operations : int
        Of the function, as it was computed: the nodes of its graph.
    expression : int
        Of the function as one formula, in which every named result is written out wherever it is used.
    derivative : int
        Of all partial derivatives as formulas, by the rule of the lecture, written out.
    derivative_shared : int
        The same with every common subexpression written once.
    backward : int
        Of the graph that computes the gradient by backpropagation, the forward pass included.
    k : int or None
        The number that was given with it, in a table.
    """

    operations: int
    expression: int
    derivative: int
    derivative_shared: int
    backward: int
    k: int | None = None

    def text(self) -> str:
        """The sizes, one below the other; ``print(swell(...))`` shows it."""
        rows = [(name, _shown(getattr(self, name))) for name in SIZES]
        return "\n".join(f"{name.replace('_', ', '):<20}{size:>12}" for name, size in rows)

    __str__ = text


SIZES = tuple(field.name for field in fields(Swell) if field.name != "k")


def swell(f: Callable[..., Any], *args: Tree, **kwargs: Any) -> Swell:
    """Count how large the derivative of a function is, in each of the ways to have one.

    Parameters
    ----------
    f : callable
        A function written in NumPy.
    *args : pytree of array_like
        The point at which it is traced. The derivative is by every real number or array among them.
    **kwargs
        Passed on to the function.

    Returns
    -------
    Swell
        The sizes, in operations. One on whole arrays counts as one, one that multiplies by 1 as none.

    Raises
    ------
    ArgumentError
        If there is nothing among the arguments to differentiate by.

    Notes
    -----
    *Trees.* The rule D φ(u₁, …, uₘ) = Σ ∂ᵢφ · Duᵢ copies the subtrees below each node O(1) times, and a node
    lies in at most depth + 1 subtrees: a tree of k nodes has a derivative of size O(k · depth).

    *Named intermediates.* p ← p (1 − p), k times, is 2k operations; its derivative p′ (1 − p) − p p′ has p′
    in it twice: d(i+1) ≥ 2 d(i) + 1, so d(k) ≥ 2ᵏ − 1. Backpropagation keeps the names, and needs O(k).

    Nothing of that size is ever written down: the counts are sums over the graph, in integers of any length.

    Examples
    --------
    >>> import nazad as nz
    >>> def p(x, k):
    ...     for _ in range(k):
    ...         x = x * (1 - x)
    ...     return x
    >>> print(swell(p, 0.3, k=20))
    operations                    40
    expression               2097150
    derivative              4.19e+07
    derivative, shared           117
    backward                     117

    A product of leaves is a tree, and harmless:

    >>> swell(lambda a, b, c, d: a * b * c * d, 1.0, 2.0, 3.0, 4.0).derivative
    8
    """
    arguments = Arguments.of(args, argument_names(f, len(args)))
    moving = [k for k, x in enumerate(arguments.leaves) if np.result_type(x).kind == "f"]
    if not moving:
        raise ArgumentError("there is no real number among the arguments", "Write 2.0 for 2.")
    xs = tuple(arguments.leaves[k] for k in moving)
    names = [arguments.labels[k] for k in moving]

    def function(*values: Any) -> Any:
        leaves = list(arguments.leaves)
        for k, value in zip(moving, values, strict=True):
            leaves[k] = value
        return followed(f)(*unflatten(arguments.structure, leaves), **kwargs)

    own, by_rule, backward = (
        _graph(what, xs, names) for what in (function, _partials(function, names), _gradient(function, names))
    )
    operations, in_backward = _operations(own), _operations(backward)
    return Swell(operations, written(own), written(by_rule), shared(by_rule), in_backward)


def _graph(function: Callable[..., Any], xs: tuple[Any, ...], names: list[str]) -> Graph:
    return run(function, Arguments.of(xs, names)).graph.without_dead()


def _partials(function: Callable[..., Any], names: list[str]) -> Callable[..., Any]:
    """All partial derivatives by forward mode, one argument after another; an array moves as a whole."""

    def partials(*xs: Any) -> Any:
        done = run(function, Arguments.of(xs, names))
        found = []
        for leaf, x in zip(done.graph.leaves, xs, strict=True):
            tangents = pushforward(done.graph, done.F, {leaf: np.ones(shape_of(x), x.dtype)[()]})
            found += [tangents[sink] for sink in done.graph.sinks if sink in tangents]
        return found

    return partials


def _gradient(function: Callable[..., Any], names: list[str]) -> Callable[..., Any]:
    def gradient(*xs: Any) -> Any:
        done = run(function, Arguments.of(xs, names))
        seeds = [np.ones(shape_of(done.F[sink]))[()] for sink in done.graph.sinks]
        B = done.graph.backward(done.F, seeds, wrt=done.graph.leaves)
        return [B[leaf] for leaf in done.graph.leaves]

    return gradient


# --- counting
def _operations(graph: Graph) -> int:
    return sum(_counts(v) for v in graph.nodes)


def written(graph: Graph) -> int:
    """How many operations the sinks have when each is written out as one formula.

    Examples
    --------
    >>> import nazad as nz
    >>> def square_twice(x):
    ...     y = x * x
    ...     return y * y
    >>> written(nz.trace(square_twice, 3.0))
    3
    """
    size: dict[Node, int] = {}
    for v in graph.nodes:
        size[v] = _counts(v) + sum(size[p] for p in v.preds)
    return sum(size[sink] for sink in graph.sinks)


def shared(graph: Graph) -> int:
    """How many different operations there are, each common subexpression counted once.

    Examples
    --------
    >>> import nazad as nz
    >>> shared(nz.trace(lambda x: (x * x) * (x * x), 3.0))
    2
    """
    first: dict[Any, Node] = {}
    same: dict[Node, Node] = {}
    for v in graph.nodes:
        if _by_one(v):
            same[v] = same[next(p for p in v.preds if not _is_one(p))]
        else:
            same[v] = first.setdefault(_key(v, same), v)
    return sum(not v.is_source for v in first.values())


def _key(v: Node, same: dict[Node, Node]) -> Any:
    if v.op is CONSTANT:
        value = np.asarray(v.params["value"])
        return value.dtype.kind, value.shape, value.tobytes()
    if v.is_source:
        return v
    # an operator and its ufunc are two primitives with the same derivs
    kind = v.op.name, getattr(v.op, "derivs", None) or v.op
    return (*kind, repr(v.params), *(same[p] for p in v.preds))


def _is_one(v: Node) -> bool:
    return v.op is CONSTANT and shape_of(v.params["value"]) == () and v.params["value"] == 1


def _counts(v: Node) -> bool:
    return not v.is_source and not _by_one(v)


def _by_one(v: Node) -> bool:
    """The start of every tangent, which nobody would write."""
    return v.op.name == "chain" and sum(_is_one(p) for p in v.preds) == 1


# --- the exercise
@dataclass(frozen=True, slots=True)
class SwellTable:
    """The sizes of a family of functions. Made by :func:`swell_table`; iterate over it for its rows."""

    rows: tuple[Swell, ...]

    def __iter__(self) -> Iterator[Swell]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> Swell:
        return self.rows[place]

    def text(self) -> str:
        """The rows as a table in plain text; ``print(table)`` shows it."""
        heads = ["k", *(name.replace("_", ", ") for name in SIZES)]
        table = [heads, *([_shown(getattr(row, name)) for name in ("k", *SIZES)] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        return "\n".join(
            "  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)) for line in table
        )

    __str__ = text

    def plot(self, ax: Any = None) -> Any:
        """Draw the sizes against k, as powers of two: what grows exponentially is a rising line.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw; by default on a new figure.

        Returns
        -------
        axes
            Where it was drawn.
        """
        if ax is None:
            ax = require("matplotlib.pyplot", "plot").subplots()[1]
        ks = [row.k for row in self.rows]
        for name in SIZES:  # logarithms by hand, since the numbers may be larger than any float
            powers = [math.log2(max(1, getattr(row, name))) for row in self.rows]
            ax.plot(ks, powers, marker=".", label=name.replace("_", ", "))
        ax.set(xlabel="k", ylabel="log₂ of the operations")
        ax.legend()
        return ax


def swell_table(
    family: Callable[[int], Callable[..., Any]], ks: Iterable[int], *args: Tree, **kwargs: Any
) -> SwellTable:
    """The sizes of one function after another, to see how they grow.

    Parameters
    ----------
    family : callable
        ``family(k)`` is the k-th function.
    ks : iterable of int
        Which of them.
    *args, **kwargs
        Where they are traced, as in :func:`swell`.

    Returns
    -------
    SwellTable
        A row for each k. It can be printed, drawn and iterated over.

    Examples
    --------
    The lecture's exercise, an expression of size O(k) whose derivative has size O(2ᵏ):

    >>> def family(k):
    ...     def p(x):
    ...         for _ in range(k):
    ...             x = x * (1 - x)
    ...         return x
    ...     return p
    >>> print(swell_table(family, [1, 2, 4, 8, 16, 200], 0.3))
      k  operations  expression  derivative  derivative, shared  backward
      1           2           2           3                   3         3
      2           4           6          15                   9         9
      4           8          30         127                  21        21
      8          16         510        4095                  45        45
     16          32      131070     2097151                  93        93
    200         400    3.21e+60    6.43e+62                1197      1197
    """
    rows = [(k, swell(family(k), *args, **kwargs)) for k in ks]
    return SwellTable(tuple(Swell(**{name: getattr(row, name) for name in SIZES}, k=k) for k, row in rows))


def _shown(n: int) -> str:
    """A number, with an exponent where it is long; also beyond the largest float."""
    if n < _WHOLE:
        return str(n)
    power = math.log10(n)
    exponent = math.floor(power)
    return f"{10 ** (power - exponent):.2f}e+{exponent:02d}"
