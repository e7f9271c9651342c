"""Rewrites of what changes shapes and formats: what changes nothing, what undoes another, what can wait."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from nazad.graph import PYTHON_NUMBERS, Node, Value, shape_of
from nazad.ops.families import Elementwise
from nazad.transform.simplify.facts import PLUS
from nazad.transform.simplify.kinds import TABLE, broadcast
from nazad.transform.simplify.rules import rule

if TYPE_CHECKING:
    from nazad.transform.simplify.walk import Bench


@rule("reshape", "broadcast_to", "transpose", "astype")
def nothing_changes(bench: Bench, v: Node, y: Value) -> Node | None:
    """To the shape and dtype that it has already, axes in the order in which they are."""
    x = v.preds[0]
    if bench.name(v) == "transpose" and list(v.params["axes"]) != sorted(v.params["axes"]):
        return None
    return x if bench.shape(x) == shape_of(y) else None


@rule("reshape")
def reshaped_twice(bench: Bench, v: Node, y: Value) -> Node | None:
    """The second shape is the one that counts."""
    inner = v.preds[0]
    return bench.new("reshape", inner.preds[0], shape=y.shape) if bench.name(inner) == "reshape" else None


@rule("transpose")
def transposed_twice(bench: Bench, v: Node, y: Value) -> Node | None:
    """Permutations follow one another."""
    inner = v.preds[0]
    if bench.name(inner) != "transpose":
        return None
    first = inner.params["axes"]
    return bench.new("transpose", inner.preds[0], axes=tuple(first[a] for a in v.params["axes"]))


@rule("broadcast_to")
def broadcast_twice(bench: Bench, v: Node, y: Value) -> Node | None:
    """Broadcast at once; axes of length one in front come by themselves."""
    inner = v.preds[0]
    if bench.name(inner) == "broadcast_to":
        return bench.new("broadcast_to", inner.preds[0], shape=y.shape)
    if bench.name(inner) == "reshape":
        before, after = bench.shape(inner.preds[0]), bench.shape(inner)
        if after == (1,) * (len(after) - len(before)) + before:
            return bench.new("broadcast_to", inner.preds[0], shape=y.shape)
    return None


@rule("astype")
def cast_twice(bench: Bench, v: Node, y: Value) -> Node | None:
    """A wider format on the way changes nothing."""
    inner = v.preds[0]
    if bench.name(inner) != "astype":
        return None
    source, between = bench.F[inner.preds[0]], bench.F[inner].dtype
    if type(source) in PYTHON_NUMBERS or source.dtype.kind != between.kind:
        return None
    if not np.can_cast(source.dtype, between, "safe"):
        return None
    x = inner.preds[0]
    return x if source.dtype == y.dtype else bench.new("astype", x, dtype=y.dtype)


@rule("einsum")
def axes_exchanged(bench: Bench, v: Node, y: Value) -> Node | None:
    """einsum("ij->ji", x) is a transposition, and einsum("ij->ij", x) is x."""
    term, output = v.params["subscripts"].split("->")
    if len(v.preds) > 1 or sorted(term) != sorted(output) or len(set(term)) < len(term):
        return None
    return bench.new("transpose", v.preds[0], axes=tuple(term.index(c) for c in output))


# --- folding one entry
@rule("max", "min", "prod")
def folds_nothing(bench: Bench, v: Node, y: Value) -> Node | None:
    """A single entry is its own maximum, minimum and product."""
    return _unfolded(bench, v, y)


@rule("sum", "mean")
def sums_nothing(bench: Bench, v: Node, y: Value) -> Node | None:
    """A single entry is its own sum and mean, but NumPy's sum of -0.0 is 0.0."""
    return _unfolded(bench, v, y) if bench.has(v.preds[0], PLUS) else None


@rule("sum", "mean", exact=False)
def sums_nothing_but_a_sign(bench: Bench, v: Node, y: Value) -> Node | None:
    """The same, of entries that may be -0.0."""
    return _unfolded(bench, v, y)


def _unfolded(bench: Bench, v: Node, y: Value) -> Node | None:
    x = v.preds[0]
    shape = bench.shape(x)
    if math.prod([shape[a] for a in v.params["axis"]]) != 1:
        return None
    return x if shape == shape_of(y) else bench.new("reshape", x, shape=shape_of(y))


# --- broadcasting put off
def gathered(bench: Bench, v: Node) -> Node:
    """The smaller node whose entries stand here several times, or the node itself."""
    if v not in bench.spread:
        return v
    return v.preds[0] if v.preds else bench.constant(bench.uniform[v])


def _number(bench: Bench, v: Node) -> Node | None:
    """The number of which this node is the broadcast, or the node itself if it is a number."""
    x = gathered(bench, v)
    return None if bench.shape(x) else x


@rule("reshape", "transpose", "take")
def of_a_spread_number(bench: Bench, v: Node, y: Value) -> Node | None:
    """One number everywhere is the same number everywhere, wherever it is moved."""
    if len(v.preds) > 1 or v.preds[0] not in bench.spread:
        return None
    number = _number(bench, v.preds[0])
    if number is None or not shape_of(y):
        return number
    return bench.new("broadcast_to", number, shape=y.shape)


_ENTRYWISE = [*(name for name, op in TABLE.items() if isinstance(op, Elementwise)), "where"]
_AS_ON_ARRAYS = frozenset(
    ("add", "subtract", "multiply", "divide", "chain", "negative", "square", "absolute", "sqrt", "reciprocal")
)
"""Of these NumPy computes one number as it does an array of them, to the last bit."""


@rule(*_ENTRYWISE)
def of_a_broadcast(bench: Bench, v: Node, y: Value) -> Node | None:
    """An argument that would be broadcast anyway; a result that is one number everywhere."""
    if bench.spread.isdisjoint(v.preds):
        return None
    return _spread_later(bench, v, y) or _not_spread(bench, v, y)


def _spread_later(bench: Bench, v: Node, y: Value) -> Node | None:
    if bench.name(v) not in _AS_ON_ARRAYS or not shape_of(y):
        return None
    numbers = [_number(bench, p) for p in v.preds]
    known = [x for x in numbers if x is not None]
    if len(known) < len(numbers) or all(type(bench.F[x]) in PYTHON_NUMBERS for x in known):
        return None
    return bench.new("broadcast_to", bench.put(Node(v.op, tuple(known), v.params)), shape=y.shape)


def _not_spread(bench: Bench, v: Node, y: Value) -> Node | None:
    preds = list(v.preds)
    for i, p in enumerate(preds):
        small = gathered(bench, p)
        if small is p or type(bench.F[small]) in PYTHON_NUMBERS:  # a Python number would be weak
            continue
        shorter = [*preds[:i], small, *preds[i + 1 :]]
        if broadcast([bench.shape(x) for x in shorter]) == shape_of(y):
            preds = shorter
    return None if list(v.preds) == preds else Node(v.op, tuple(preds), v.params)


# --- choices
@rule("where")
def chosen_in_advance(bench: Bench, v: Node, y: Value) -> Node | None:
    """where(True, a, b) = a, where(False, a, b) = b, where(c, a, a) = a."""
    condition, a, b = v.preds
    number = bench.uniform.get(condition)
    if a is b:
        return bench.fitted(a, y)
    return None if number is None else bench.fitted(a if number else b, y)


@rule("where")
def turned_round(bench: Bench, v: Node, y: Value) -> Node | None:
    """where(not c, a, b) = where(c, b, a)."""
    condition, a, b = v.preds
    return bench.new("where", condition.preds[0], b, a) if bench.name(condition) == "logical_not" else None
