"""Formulas: a node, or a small graph, written the way one would write it in NumPy.

A text goes together with how tightly its outermost operator binds, so that parentheses stand where they are
needed and nowhere else. Nothing recurses: texts are put together in the order of the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad.graph import CONSTANT, Node, Value
from nazad.ops.structure import ARRAY

ATOM, _POWER, _SIGN, _TIMES, _PLUS = 20, 14, 13, 12, 11
_BINDS = {
    "**": _POWER,
    "*": _TIMES,
    "/": _TIMES,
    "//": _TIMES,
    "%": _TIMES,
    "@": _TIMES,
    "+": _PLUS,
    "-": _PLUS,
}
_BINDS |= {"<<": 10, ">>": 10, "&": 9, "^": 8, "|": 7} | dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), 5)
_COMPARES, _UNKNOWN = 5, 4
_MOST = 6  # arguments that a call shows


class Part(NamedTuple):
    """A text, and how tightly its outermost operator binds."""

    text: str
    binds: int = ATOM

    def within(self, least: int) -> str:
        """The text, in parentheses if it binds less tightly than that."""
        return self.text if self.binds >= least else f"({self.text})"

    def behind(self, least: int) -> str:
        """As ``within``, and never a sign directly behind an operator."""
        return f"({self.text})" if self.text.startswith("-") else self.within(least)


def written(v: Node, parts: Sequence[Part], tight: bool = False) -> Part:
    """A node, from the texts of its predecessors.

    Parameters
    ----------
    v : Node
        The node.
    parts : sequence of Part
        One for each of its predecessors.
    tight : bool, optional
        Products without blanks, as in ``a + b*c``.

    Returns
    -------
    Part
        Its formula.

    Examples
    --------
    >>> from nazad import ops
    >>> from nazad.graph import leaf
    >>> v = ops.multiply(leaf("x"), leaf("y"))
    >>> written(v, [Part("x"), Part("a + b", 11)]).text
    'x * (a + b)'
    """
    symbol = getattr(v.op, "symbol", "")
    if symbol and len(parts) == 2:
        return _infix("*" if symbol == "·" else symbol, parts[0], parts[1], tight)
    rule = _RULES.get(v.op.name)
    return _called(v, parts) if rule is None else rule(v, parts)


def composed(
    nodes: Iterable[Node],
    known: Mapping[Node, Part],
    names: Mapping[Node, str] | None = None,
    longest: int = 200,
) -> dict[Node, Part]:
    """Every node of a graph in terms of the known ones.

    Parameters
    ----------
    nodes : iterable of Node
        In a topological order.
    known : mapping
        The texts of the leaves.
    names : mapping, optional
        What stands for a node whose own text would be longer than ``longest``.
    longest : int, optional
        In characters. Without it the text of a graph could be exponentially longer than the graph.

    Returns
    -------
    dict
        The texts.

    Examples
    --------
    >>> import nazad as nz
    >>> G = nz.trace(lambda x, y: (np.log(x) + x * y) - np.sin(y), 2.0, 5.0)
    >>> parts = composed(G.nodes, {v: Part(v.params["name"]) for v in G.leaves})
    >>> parts[G.sinks[0]].text
    'log(x) + x*y - sin(y)'
    """
    parts = dict(known)
    for v in nodes:
        if v not in parts:
            part = (
                literal(v.params["value"])
                if v.op is CONSTANT
                else written(v, [parts[p] for p in v.preds], True)
            )
            short = len(part.text) <= longest
            parts[v] = part if short else Part("…" if names is None else names[v])
    return parts


def literal(value: Value) -> Part:
    """A number as it stands in a formula; an array as its entries or its shape.

    Examples
    --------
    >>> literal(2.0).text, literal(np.float32(0.1)).text, literal(np.zeros((2, 3))).text
    ('2', '0.1', 'float64[2, 3]')
    """
    if np.ndim(value):
        return Part(f"{value.dtype}{list(np.shape(value))}")
    number = value.item() if hasattr(value, "item") else value
    text = f"{number:.6g}" if isinstance(number, float) else str(number)
    text = "-0.0" if text == "-0" else text  # an integer has no sign at zero
    return Part(text, _SIGN if text.startswith("-") else ATOM)


def _infix(symbol: str, a: Part, b: Part, tight: bool) -> Part:
    binds = _BINDS.get(symbol, _UNKNOWN)
    if symbol == "**":
        left, right = a.behind(binds + 1), b.behind(binds)
    else:
        left = a.within(binds + (binds <= _COMPARES))  # neither comparisons nor unknown signs associate
        right = b.behind(binds + 1)
    close = symbol == "**" or (tight and binds == _TIMES and symbol != "@")
    return Part(f"{left}{symbol}{right}" if close else f"{left} {symbol} {right}", binds)


def _called(v: Node, parts: Sequence[Part]) -> Part:
    """The plain form: ``name(x, y, axis=0)``."""
    params = [f"{k}={_param(a)}" for k, a in v.params.items() if a is not None and a is not False]
    return Part(f"{v.op.name}({', '.join([*_few(parts), *params])})")


def _few(parts: Sequence[Part]) -> list[str]:
    texts = [part.text for part in parts]
    return texts if len(texts) <= _MOST else [*texts[: _MOST - 2], "…", texts[-1]]


def _param(value: Any) -> str:
    return str(value) if isinstance(value, np.dtype) else repr(value)


def _signed(sign: str) -> Callable[[Node, Sequence[Part]], Part]:
    return lambda v, parts: Part(sign + parts[0].behind(_POWER), _SIGN)


def _squared(v: Node, parts: Sequence[Part]) -> Part:
    return Part(f"{parts[0].behind(_POWER + 1)}**2", _POWER)


def _folded(v: Node, parts: Sequence[Part]) -> Part:
    """``sum(x, axis=0)``; all axes are not mentioned."""
    axis, spec = v.params["axis"], v.preds[0].spec
    extra = {k: a for k, a in v.params.items() if k != "axis" and a}
    if spec is None or len(axis) < len(spec.shape) or extra.get("keepdims"):
        extra = {"axis": axis[0] if len(axis) == 1 else axis} | extra
    inside = [parts[0].text, *(f"{k}={a!r}" for k, a in extra.items())]
    return Part(f"{v.op.name}({', '.join(inside)})")


def _transposed(v: Node, parts: Sequence[Part]) -> Part:
    axes = tuple(v.params["axes"])
    if axes == tuple(range(len(axes)))[::-1]:
        return Part(f"{parts[0].within(ATOM)}.T")
    if axes == (*range(len(axes) - 2), len(axes) - 1, len(axes) - 2):
        return Part(f"{parts[0].within(ATOM)}.mT")
    return Part(f"transpose({parts[0].text}, {axes})")


def _shaped(v: Node, parts: Sequence[Part]) -> Part:
    return Part(f"{v.op.name}({parts[0].text}, {tuple(v.params['shape'])})")


def _taken(v: Node, parts: Sequence[Part]) -> Part:
    return Part(f"{parts[0].within(ATOM)}[{_index(v.params['template'], parts[1:])}]")


def _scattered(v: Node, parts: Sequence[Part]) -> Part:
    """The transpose of taking: zeros, but for what is added at these places."""
    inside, at = [], 0
    for template in v.params["layout"].templates:
        arrays = template.count(ARRAY)
        index = "" if template == (...,) else f" at [{_index(template, parts[at + 1 : at + 1 + arrays])}]"
        inside.append(Part(parts[at].text + index))
        at += 1 + arrays
    return Part(f"scatter({', '.join(_few(inside))})")


def _written(v: Node, parts: Sequence[Part]) -> Part:
    index = _index(v.params["template"], parts[2:])
    return Part(f"{parts[0].within(ATOM)} with [{index}] = {parts[1].text}")


def _index(template: Sequence[Any], arrays: Sequence[Part]) -> str:
    left = iter(arrays)
    return ", ".join(next(left).text if part is ARRAY else _place(part) for part in template) or "()"


def _place(part: Any) -> str:
    if isinstance(part, slice):
        ends = ["" if end is None else str(end) for end in (part.start, part.stop, part.step)]
        return ":".join(ends if ends[2] else ends[:2])
    return "..." if part is Ellipsis else str(part)


def _joined(v: Node, parts: Sequence[Part]) -> Part:
    return Part(f"{v.op.name}([{', '.join(_few(parts))}], axis={v.params['axis']})")


def _einsum(v: Node, parts: Sequence[Part]) -> Part:
    return Part(f"einsum({', '.join([repr(v.params['subscripts']), *_few(parts)])})")


def _custom(v: Node, parts: Sequence[Part]) -> Part:
    return Part(f"{v.params['rules'].name}({', '.join(_few(parts))})")


def _callback(v: Node, parts: Sequence[Part]) -> Part:
    how = ["derivative='differences'"] if v.params["numerical"] else []
    return Part(f"{v.params['name']}({', '.join([*_few(parts), *how])})")


def _carrying(name: str) -> Callable[[Node, Sequence[Part]], Part]:
    """An operation that carries graphs, by the name under which users write it; its body is not shown."""

    def rule(v: Node, parts: Sequence[Part]) -> Part:
        length = [f"length={v.params['count']}"] if "count" in v.params else []
        return Part(f"{name}({', '.join([*_few(parts), *length])})")

    return rule


_RULES: dict[str, Callable[[Node, Sequence[Part]], Part]] = {
    "negative": _signed("-"),
    "positive": _signed("+"),
    "invert": _signed("~"),
    "absolute": lambda v, parts: Part(f"abs({parts[0].text})"),
    "square": _squared,
    "reciprocal": lambda v, parts: _infix("/", Part("1"), parts[0], True),
    "transpose": _transposed,
    "reshape": _shaped,
    "broadcast_to": _shaped,
    "take": _taken,
    "scatter": _scattered,
    "write": _written,
    "concatenate": _joined,
    "stack": _joined,
    "einsum": _einsum,
    "part": lambda v, parts: Part(f"{parts[0].within(ATOM)}[{v.params['index']}]"),
    "name": lambda v, parts: parts[0],
    "loop": _carrying("scan"),
    "custom": _custom,
    "callback": _callback,
    "root": _carrying("root"),
    "checkpoint": _carrying("checkpoint"),
    "while_loop": _carrying("while_loop"),
    "whole": _carrying("whole"),
    "switch": _carrying("switch"),
    "astype": lambda v, parts: Part(f"astype({parts[0].text}, {_param(np.dtype(v.params['dtype']))})"),
}
_REDUCTIONS = "sum mean max min prod var std norm logsumexp all any count_nonzero argmax argmin"
_RULES |= dict.fromkeys(_REDUCTIONS.split(), _folded)
