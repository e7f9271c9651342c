"""What the user calls a value: the variable that it was assigned to, found from the place that made it.

A node knows a code object and an offset into its bytecode; Python knows the exact span of source text that
belongs to this offset; and the syntax tree of the file knows what stands at this span. If it is the whole
right-hand side of ``t = X @ w + b``, the node is called t. A value that a function returns directly takes
the name that its caller gives it.
"""

from __future__ import annotations

import ast
import linecache
import sys
import warnings
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from nazad.explain.formula import literal
from nazad.graph import CONSTANT, LEAF, Graph, Node, Primitive, Value, Where
from nazad.graph.where import is_ours
from nazad.ops import marks
from nazad.trace import Array, Trace

_RETURNED = "return"  # no variable can be called that
Span = tuple[int | None, int | None, int | None, int | None]


class Place(NamedTuple):
    """What stands at a span of source text, and the name that its value gets."""

    tree: ast.AST
    name: str | None


class Sources:
    """The syntax trees of the user's files, looked up by span."""

    def __init__(self) -> None:
        self._files: dict[str, dict[Span, Place]] = {}
        self._places: dict[Where, Place | None] = {}

    def place(self, where: Where) -> Place | None:
        """What stands there; None where the source is not to be had."""
        if where not in self._places:
            self._places[where] = self._file(where.file).get(where.span)
        return self._places[where]

    def _file(self, file: str) -> dict[Span, Place]:
        if file not in self._files:
            self._files[file] = places("".join(linecache.getlines(file)))
        return self._files[file]


def places(source: str) -> dict[Span, Place]:
    """Every expression of a source text by its span.

    Examples
    --------
    >>> found = places("t = X @ w")
    >>> found[1, 1, 4, 9].name
    't'
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is odd about the user's source is not ours to say
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    names = dict(_named(tree))
    found: dict[Span, Place] = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.expr, ast.AugAssign)):
            for span in _spans(node):
                found.setdefault(span, Place(node, names.get(node)))
    return found


def _named(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """The expressions whose value gets a name, and the name."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[target, *_], value=value):
                yield from _pairs(target, value)
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.NamedExpr(target=target, value=value)
            ):
                yield from _pairs(target, value)
            case ast.AugAssign(target=target):
                yield from _pairs(target, node)
            case ast.Return(value=ast.expr() as value) | ast.Lambda(body=value):
                yield from ((branch, _RETURNED) for branch in _branches(value))


def _pairs(target: ast.AST, value: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    match target, value:
        case ((ast.Name() | ast.Attribute(value=ast.Name())), _):
            yield from ((branch, ast.unparse(target)) for branch in _branches(value))
        case (
            (ast.Tuple(elts=names) | ast.List(elts=names)),
            (ast.Tuple(elts=values) | ast.List(elts=values)),
        ):
            if len(names) == len(values):
                for name, part in zip(names, values, strict=True):
                    yield from _pairs(name, part)


def _branches(value: ast.AST) -> Iterator[ast.AST]:
    todo = [value]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.IfExp):
            todo += [node.orelse, node.body]
        else:
            yield node


def _spans(node: ast.expr | ast.AugAssign) -> Iterator[Span]:
    yield node.lineno, node.end_lineno, node.col_offset, node.end_col_offset
    match node:
        case ast.Call(func=ast.Attribute() as method) if method.end_col_offset is not None:
            # of a call that goes over several lines Python remembers the part from the method's name on
            start = method.end_col_offset - len(method.attr.encode())
            yield method.end_lineno, node.end_lineno, start, node.end_col_offset


class Call(NamedTuple):
    """The nodes that one call in the user's code made, and the variable that got the result."""

    name: str | None
    nodes: list[Node]


class NamingTrace(Trace):
    """A trace that looks up names while the frames of the user's functions are still there.

    Parameters
    ----------
    origin : Where or None
        The place that asked for the explanation. A node that seems to have been made there was made by
        something without a line of its own, and must not take its name.
    """

    def __init__(self, origin: Where | None) -> None:
        super().__init__()
        self.origin = origin
        self.calls: list[Call] = []
        self.constants: dict[Node, str] = {}
        self._sources = Sources()
        self._entry: FrameType | None = None
        self._arrays: dict[int, tuple[Value, Node]] = {}

    def record(self, op: Primitive, args: Sequence[Value], params: dict[str, Any]) -> Array:
        handle = super().record(op, args, params)
        entry, user = _frames(handle.node.where)
        if entry is not self._entry or not self.calls:
            self._entry = entry
            self.calls.append(Call(self._variable(user), []))
        self.calls[-1].nodes.append(handle.node)
        self._name_constants(handle.node, args, user)
        return handle

    def finish(self, leaves: Sequence[Node], outputs: Sequence[Any]) -> Graph:
        self._entry = None  # a frame keeps everything in it alive
        return super().finish(leaves, outputs)

    def _constant(self, value: Value) -> Node:
        """An array that is used twice, and was not written into between, is one constant."""
        if type(value) is not np.ndarray:
            return super()._constant(value)
        _, node = self._arrays.get(id(value), (None, None))
        if node is None or not np.array_equal(
            node.params["value"], value, equal_nan=value.dtype.kind in "fc"
        ):
            node = super()._constant(value)
            self._arrays[id(value)] = value, node
        return node

    def _place(self, frame: FrameType | None) -> Place | None:
        if frame is None or is_ours(frame.f_code.co_filename):
            return None
        where = Where(frame.f_code, frame.f_lasti)
        return None if where == self.origin else self._sources.place(where)

    def _variable(self, frame: FrameType | None) -> str | None:
        place = self._place(frame)
        while place is not None and place.name == _RETURNED:
            assert frame is not None
            frame = frame.f_back
            place = self._place(frame)
        return None if place is None else place.name

    def _name_constants(self, v: Node, args: Sequence[Value], frame: FrameType | None) -> None:
        """Arrays from outside are called as they are in the expression that used them."""
        new = [(p, x) for p, x in zip(v.preds, args, strict=True) if _is_array(p)]
        place = self._place(frame) if new and any(p not in self.constants for p, _ in new) else None
        if place is None or frame is None:
            return
        variables = {id(x): name for name, x in _variables(place.tree, frame).items()}
        for p, x in new:
            if id(x) in variables:
                self.constants.setdefault(p, variables[id(x)])


def _frames(where: Where | None) -> tuple[FrameType | None, FrameType | None]:
    """The frame that made a node, which is the user's, and the frame that it called for it."""
    entry, frame = None, None if where is None else sys._getframe(1)
    while frame is not None and where is not None and (frame.f_code, frame.f_lasti) != where:
        entry, frame = frame, frame.f_back
    return entry, frame


def _variables(tree: ast.AST, frame: FrameType) -> dict[str, Any]:
    """The variables that an expression mentions, with their values."""
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    known = ChainMap(frame.f_locals, frame.f_globals)
    return {name: known[name] for name in sorted(names) if name in known}


def name_nodes(graph: Graph, trace: NamingTrace | None = None) -> dict[Node, str]:
    """A name for every node: its argument's, its variable's, its number if it is one, else v1, v2, ...

    Parameters
    ----------
    graph : Graph
        The graph, without dead nodes.
    trace : NamingTrace, optional
        The trace that made it.

    Returns
    -------
    dict
        Names; no two nodes but numbers share one. A variable that was assigned to again becomes ``x#2``.
    """
    wanted = {v: str(v.params["name"]) for v in graph.nodes if v.op is LEAF}
    if trace is not None:
        wanted |= trace.constants | _variables_of(graph, trace)
    wanted |= {v: v.params["label"] for v in graph.nodes if v.op is marks.name}
    names: dict[Node, str] = {}
    unique = _Unique()
    for v in (*graph.leaves, *graph.nodes):
        if v in wanted and v not in names:
            names[v] = unique.of(wanted[v])
    for v in graph.nodes:
        if v not in names:
            letter = "c" if v.op is CONSTANT else "v"
            names[v] = literal(v.params["value"]).text if is_literal(v) else unique.next(letter)
    return names


def _is_array(v: Node) -> bool:
    return v.op is CONSTANT and np.ndim(v.params["value"]) > 0


def is_literal(v: Node) -> bool:
    """Whether a node is a number that stands in the program as such."""
    return v.op is CONSTANT and np.ndim(v.params["value"]) == 0


def _variables_of(graph: Graph, trace: NamingTrace) -> dict[Node, str]:
    users, sinks = graph.succs(), set(graph.sinks)
    found: dict[Node, str] = {}
    for call in trace.calls:
        result = _result(call.nodes, users, sinks) if call.name else None
        if result is not None and call.name:
            found[result] = call.name
    return found


def _result(nodes: Sequence[Node], users: Mapping[Node, Sequence[Node]], sinks: set[Node]) -> Node | None:
    """The one node among those that a call made which others use."""
    inside = set(nodes)
    seen = [v for v in nodes if v in sinks or any(u not in inside for u in users.get(v, ()))]
    return seen[0] if len(seen) == 1 else None


class _Unique:
    """Names that were not given before."""

    def __init__(self) -> None:
        self._given: set[str] = set()
        self._counts: dict[str, int] = {}

    def of(self, name: str) -> str:
        count = self._counts.get(name, 0) + 1
        unique = name if count == 1 else f"{name}#{count}"
        self._counts[name] = count
        self._given.add(unique)
        return unique

    def next(self, letter: str) -> str:
        """``v1``, ``v2``, ...: the next that is free."""
        count = self._counts.get(f"\0{letter}", 0) + 1
        while f"{letter}{count}" in self._given:
            count += 1
        self._counts[f"\0{letter}"] = count
        return f"{letter}{count}"
