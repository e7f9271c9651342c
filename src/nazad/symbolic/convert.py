"""A graph run forward on symbols: the same loop as on numbers, with SymPy's functions for the primitives."""

from __future__ import annotations

import contextlib
import functools
import operator
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nazad import ops
from nazad.errors import GraphError, NazadError, NoRuleError
from nazad.graph import Graph, Node, Value
from nazad.ops.families import Elementwise
from nazad.symbolic.meaning import (
    OF_TRUTH,
    Expr,
    Objects,
    array_meanings,
    by_entry,
    elementwise_meanings,
    number,
    objects,
    sympy,
)
from nazad.trace import trace

_BUILT_IN = ops.table()
_OPERATORS = {id(function) for function in vars(operator).values()}
_NO_MEANING = (TypeError, ValueError, AttributeError, IndexError, NotImplementedError)


def on_symbols(graph: Graph, F: Mapping[Node, Value], leaves: Mapping[Node, Objects]) -> list[Any]:
    """The expressions of the sinks: arrays of them, and numbers where a sink does not depend on the leaves.

    Parameters
    ----------
    graph : Graph
        The computation.
    F : mapping
        Its values at the point, where primitives of the user's are looked into.
    leaves : mapping
        The symbols of the leaves; a leaf that is not in it stays the number that it is.
    """
    S: dict[Node, Any] = dict(leaves)
    for v in graph.nodes:
        if v not in S:
            xs = [S[p] for p in v.preds]
            S[v] = _one_node(v, xs, F) if any(map(_symbolic, xs)) else F[v]
    return [S[sink] for sink in graph.sinks]


def _symbolic(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "O"


def _one_node(v: Node, xs: list[Any], F: Mapping[Node, Value]) -> Objects:
    try:
        return _expression(v, xs, F)
    except _NO_MEANING as error:
        if isinstance(error, NazadError):
            raise
        raise NoRuleError(
            f"{v.op.name} has no meaning as a formula at these arguments ({_first_line(error)})",
            "Leave it out, or differentiate with nz.grad. Numbers that only choose (an index, a mask) are "
            "given by keyword, and stay numbers.",
            v.where,
        ) from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:80]


def _expression(v: Node, xs: list[Any], F: Mapping[Node, Value]) -> Objects:
    op = v.op
    if op.name == "where" and op is _BUILT_IN["where"]:
        return by_entry(elementwise_meanings()["where"], xs, truth=True)
    if isinstance(op, Elementwise):
        return _elementwise(op, xs, [F[v], *(F[p] for p in v.preds)])
    exact = [objects(x) if not _symbolic(x) and _is_float(x) else x for x in xs]
    if op is _BUILT_IN.get(op.name) and op.name in array_meanings():
        return np.asarray(array_meanings()[op.name](*exact, **v.params), dtype=object)
    params = v.params | {"dtype": object} if "dtype" in v.params else v.params
    return np.asarray(op.calc(*exact, **params), dtype=object)


def _is_float(x: Value) -> bool:
    return isinstance(x, (float, complex)) or getattr(x, "dtype", np.dtype(int)).kind in "fc"


def _elementwise(op: Elementwise, xs: list[Any], values: list[Value]) -> Objects:
    if is_built_in(op):
        meaning = elementwise_meanings().get(op.name) or function_of_its_own(op, _sample(values))
        return by_entry(meaning, xs, op.name in OF_TRUTH)
    looked_into = _looked_into(op, values[1:], xs)
    return by_entry(function_of_its_own(op, _sample(values)), xs) if looked_into is None else looked_into


def is_built_in(op: Elementwise) -> bool:
    """Whether this is a primitive of the library, also where Python's operator takes the ufunc's place."""
    known = _BUILT_IN.get(op.name)
    if op is known or not isinstance(known, Elementwise):
        return op is known
    return id(op.calc) in _OPERATORS and op.derivs == known.derivs


def _looked_into(op: Elementwise, values: list[Value], xs: list[Any]) -> Objects | None:
    """A primitive of the user's by what its calc does, if that can be traced."""
    try:
        with np.errstate(all="ignore"):
            inner = trace(op.calc, *values)
        F = inner.forward(values)
        return objects(on_symbols(inner, F, dict(zip(inner.leaves, map(objects, xs), strict=True)))[0])
    except _NO_MEANING:
        return None


def _sample(values: list[Value]) -> tuple[float, ...]:
    """The first entry of each, for tracing a derivative on single numbers."""
    return tuple(float(np.ravel(value)[0]) if np.size(value) else 1.0 for value in values)


@functools.lru_cache(maxsize=1024)
def _new_function(op: Elementwise) -> Any:
    sp = sympy()
    name = re.sub(r"\W", "_", op.name)
    if hasattr(sp, name) and not is_built_in(op):
        name += "_"  # SymPy would take it for its own

    def fdiff(self: Any, argindex: int = 1) -> Expr:
        derived = _derived(op, argindex - 1, self.sample, self)
        if derived is None:
            raise sp.core.function.ArgumentIndexError(self, argindex)  # it stays a derivative with a name
        return derived

    body = {"fdiff": fdiff, "nargs": len(op.derivs), "calc": staticmethod(op.calc), "sample": None}
    return type(name, (sp.Function,), body)


def function_of_its_own(op: Elementwise, sample: tuple[float, ...]) -> Any:
    """A SymPy function without a meaning, but with a derivative: the primitive's own ``deriv`` on symbols."""
    new = _new_function(op)
    new.sample = new.sample or sample
    return new


def _derived(op: Elementwise, i: int, sample: tuple[float, ...], y: Expr) -> Expr | None:
    deriv = op.derivs[i]
    if deriv is None:
        return sympy().Integer(0)
    try:
        with np.errstate(all="ignore"):
            inner = trace(deriv, *map(np.float64, sample))
            F = inner.forward([np.float64(x) for x in sample])
        symbols = dict(zip(inner.leaves, map(objects, (y, *y.args)), strict=True))
        return number(objects(on_symbols(inner, F, symbols)[0])[()])
    except _NO_MEANING:
        return None


@contextlib.contextmanager
def not_too_deep(graph: Graph) -> Iterator[None]:
    """SymPy works recursively: on a long chain it meets Python's limit, which is said in nazad's words."""
    try:
        yield
    except RecursionError:
        raise GraphError(
            f"the formula is nested {_depth(graph)} deep, and SymPy, being recursive, gives up",
            "nz.grad and nz.swell do not mind depth. sys.setrecursionlimit moves SymPy's limit a little.",
        ) from None


def _depth(graph: Graph) -> int:
    depth: dict[Node, int] = {}
    for v in graph.nodes:
        depth[v] = 1 + max((depth[p] for p in v.preds), default=-1)
    return max((depth[sink] for sink in graph.sinks), default=0)


def written_out(expression: Expr) -> int:
    """How many operations and function calls an expression has when it is written out; a loop over its DAG.

    Examples
    --------
    >>> import sympy
    >>> x = sympy.Symbol("x")
    >>> written_out(x + x**2), written_out(sympy.sin(x * x))
    (2, 2)
    """
    size: dict[Any, int] = {}
    todo = [expression]
    while todo:
        e = todo[-1]
        missing = [a for a in e.args if a not in size]
        if missing and e not in size:
            todo += missing
            continue
        todo.pop()
        own = max(1, len(e.args) - 1) if e.args else 0
        size[e] = own + sum(size[a] for a in e.args)
    return size[expression]


__all__ = ["function_of_its_own", "is_built_in", "not_too_deep", "on_symbols", "written_out"]
