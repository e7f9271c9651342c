"""The local derivative as a formula: a primitive's own rule, traced on leaves with the right names.

So nothing about calculus is written down a second time: the table says ``cos(y)`` because the rule for sin,
run on a leaf called y, made the graph cos(y).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nazad.errors import NazadError
from nazad.explain.formula import ATOM, Part, composed
from nazad.graph import Node, Piece, Value, total
from nazad.ops.families import Elementwise, Reduction
from nazad.trace import Arguments, note_specs, run

_LONGEST = 60  # characters; a longer rule is called by its symbol
_MOST = 16  # predecessors; so is the rule of a node with more
_FAILS = (NazadError, ArithmeticError, AttributeError, TypeError, ValueError, LookupError)
Named = tuple[Value, Part]


def local_value(v: Node, i: int, y: Value, xs: Sequence[Value]) -> Value:
    """The local derivative as numbers, where there are numbers to it: None for a linear map.

    Examples
    --------
    >>> from nazad import ops
    >>> from nazad.graph import leaf
    >>> float(local_value(ops.sin(leaf("x")), 0, 0.0, [np.float64(0.0)]))
    1.0
    """
    if isinstance(v.op, Elementwise):
        return v.op.local(i, y, xs, v.params)
    if isinstance(v.op, Reduction):
        return v.op.local(y, xs[0], **v.params)
    return None


def local_formula(v: Node, i: int, y: Named, xs: Sequence[Named], y_bar: Value) -> str:
    """The local derivative of a node by one predecessor, or the map that takes its cotangent there.

    Parameters
    ----------
    v : Node
        The node.
    i : int
        Which of its predecessors.
    y, xs : (value, Part)
        The value of the node and of its predecessors, with their names; numbers that stand in the program
        as such are their own names.
    y_bar : array
        The cotangent of the node.

    Returns
    -------
    str
        A formula, such as ``cos(y)`` or ``X.T @ Z_bar``; ``0`` where no derivative flows.

    Examples
    --------
    >>> from nazad import ops
    >>> from nazad.graph import leaf
    >>> v = ops.divide(leaf("a"), leaf("b"))
    >>> local_formula(v, 1, (2.0, Part("v")), [(6.0, Part("a")), (3.0, Part("b"))], 1.0)
    '-v/b'
    """
    if v.params.get("numerical"):
        return f"≈ ∂{y[1].text}/∂{xs[i][1].text} by differences"
    try:
        text = _rule_of(v, i, y, list(xs), y_bar).text if len(xs) <= _MOST else ""
    except _FAILS:
        text = ""
    return text if 0 < len(text) <= _LONGEST else f"∂{y[1].text}/∂{xs[i][1].text}"


def _rule_of(v: Node, i: int, y: Named, xs: list[Named], y_bar: Value) -> Part:
    op = v.op
    if isinstance(op, Elementwise):
        entries = [(_entry(x), part) for x, part in (y, *xs)]
        return _traced(lambda y, *xs: op.local(i, y, xs, v.params), entries)
    if isinstance(op, Reduction):
        kept = np.reshape(y[0], [1 if a in v.params["axis"] else n for a, n in enumerate(np.shape(xs[0][0]))])
        rest = {k: a for k, a in v.params.items() if k != "keepdims"}
        return _traced(
            lambda y, x: None if op.deriv is None else op.deriv(y, x, **rest), [(kept, y[1]), xs[0]]
        )
    upstream = (y_bar, Part(bar(y[1].text)))
    return _traced(lambda y_bar, y, *xs: op.pull(i, y_bar, y, xs, v.params), [upstream, y, *xs])


def _traced(rule: Callable[..., Any], given: Sequence[Named]) -> Part:
    """Run a rule on leaves with these names, and write down the graph that comes of it."""
    moving = [k for k, (_, part) in enumerate(given) if not _is_literal(part)]

    def on_leaves(*handles: Value) -> Any:
        values = [x for x, _ in given]
        for k, handle in zip(moving, handles, strict=True):
            values[k] = handle
        share = rule(*values)
        return total([share]) if isinstance(share, Piece) else share

    with np.errstate(all="ignore"):
        values = tuple(given[k][0] for k in moving)
        done = run(on_leaves, Arguments.of(values, [given[k][1].text for k in moving]))
    note_specs(done.F)
    if not done.graph.sinks:
        return Part("0")
    leaves = {leaf: given[k][1] for k, leaf in zip(moving, done.graph.leaves, strict=True)}
    return composed(done.graph.without_dead().nodes, leaves)[done.graph.sinks[0]]


def _is_literal(part: Part) -> bool:
    return part.text[:1].isdigit() or part.binds != ATOM


def _entry(x: Value) -> Value:
    """One entry stands for all: an elementwise rule is the same everywhere."""
    if np.ndim(x):
        return x.flat[0] if np.size(x) else np.ones((), x.dtype)[()]
    return np.float64(x) if type(x) in (int, float) else x


def bar(name: str) -> str:
    """The name of a node's cotangent.

    Examples
    --------
    >>> bar("y"), bar("v1"), bar("loss")
    ('ȳ', 'v̄1', 'loss_bar')
    """
    if name[:1].isalpha() and not name[1:2].isalpha() and name[1:2] != "_":
        return unicodedata.normalize("NFC", name[0] + "\N{COMBINING MACRON}") + name[1:]
    return f"{name}_bar"
