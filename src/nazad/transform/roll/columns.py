"""A graph as columns of numbers, so that all of its nodes are looked at in a few array operations.

Sources come first, since they are no work and would only break the rhythm; equal constants count as one.
Two nodes have the same *token* if they are the same but for what they are applied to and for integers in an
index: ``x[3]`` and ``x[4]`` have one token.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nazad.graph import CONSTANT, PYTHON_NUMBERS, Graph, Node, Value, dtype_of, shape_of
from nazad.ops.structure import Layout, Template, take

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
_SMALL = 4096  # bytes up to which arrays are compared by their entries


class Kind(NamedTuple):
    """Shape and dtype of a value, and whether it is a Python number, which is weak in promotion."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    weak: bool


class Columns:
    """The columns of a graph.

    Attributes
    ----------
    nodes : list of Node
        The sources, then the others in the order of creation. All columns count nodes in this order.
    sources : int
        How many sources there are.
    token, kind : array
        By node: its token, and a number for its :class:`Kind`.
    several : array
        By node: whether it has several results. Such a value never leaves its step; what is taken out of it
        may.
    first, preds, user : array
        The predecessors of node i are ``preds[first[i]:first[i + 1]]``; ``user`` is i for each of them.
    first_index, indices : array
        Likewise the integers in the index of node i.
    """

    def __init__(self, graph: Graph, F: Mapping[Node, Value]) -> None:
        sources = [v for v in graph.nodes if not v.preds]
        work = [v for v in graph.nodes if v.preds]
        self.nodes, self.sources = sources + work, len(sources)
        self.values = [F[v] for v in self.nodes]
        self.kinds: list[Kind] = []
        self.kind = np.array(self._kinds(), np.int64)
        self.several: Flags = np.array([type(value) is tuple for value in self.values], bool)
        self.number = _numbered(sources, work)
        self.token, self.indices, counts = self._tokens(work)
        self.first_index = _offsets(itertools.chain(itertools.repeat(0, len(sources)), counts))
        number = self.number
        self.preds = np.array([number[p] for v in work for p in v.preds], np.int64)
        self.first = _offsets(len(v.preds) for v in self.nodes)
        self.user = np.repeat(np.arange(len(self.nodes)), np.diff(self.first))

    def __len__(self) -> int:
        return len(self.nodes)

    def kind_of(self, i: int) -> Kind:
        """The kind of node i."""
        return self.kinds[int(self.kind[i])]

    def _kinds(self) -> list[int]:
        known: dict[Any, int] = {}
        column: list[int] = []
        for value in self.values:
            type_ = type(value)
            key = type_ if type_ in PYTHON_NUMBERS else None if type_ is tuple else (value.shape, value.dtype)
            k = known.get(key)
            if k is None:
                k = known[key] = len(known)
                self.kinds.append(_kind(value))
            column.append(k)
        return column

    def _tokens(self, work: list[Node]) -> tuple[Numbers, Numbers, list[int]]:
        tokens: dict[Any, int] = {}
        op_names: dict[Any, Any] = {}
        column = list(range(-self.sources, 0))  # each source is one of its kind
        indices: list[int] = []
        counts: list[int] = []
        for v, kind in zip(work, self.kind[self.sources :].tolist(), strict=True):
            op = op_names.get(v.op)
            if op is None:  # Python's a + b and b + a are two primitives that do the same
                op = op_names[v.op] = v.op.name, id(v.op.calc)
            before = len(indices)
            if not v.params:
                key: Any = op, kind, len(v.preds)
            elif v.op is take:
                key = op, kind, len(v.preds), _without_integers(v.params["template"], indices)
            else:
                key = op, kind, len(v.preds), *[(k, frozen(a)) for k, a in v.params.items()]
            counts.append(len(indices) - before)
            column.append(tokens.setdefault(key, len(tokens)))
        return np.array(column, np.int64), np.array(indices, np.int64), counts


def _kind(value: Value) -> Kind:
    if type(value) is tuple:
        return Kind((), np.dtype(object), False)
    return Kind(shape_of(value), dtype_of(value), type(value) in PYTHON_NUMBERS)


def _offsets(counts: Iterable[int]) -> Numbers:
    return np.array(list(itertools.accumulate(counts, initial=0)), np.int64)


def _numbered(sources: list[Node], work: list[Node]) -> dict[Node, int]:
    """The number of each node; constants of equal value share the first one's."""
    numbers: dict[Node, int] = {}
    constants: dict[Any, int] = {}
    for i, v in enumerate(sources):
        numbers[v] = constants.setdefault(_content(v.params["value"]), i) if v.op is CONSTANT else i
    numbers.update(zip(work, range(len(sources), len(sources) + len(work)), strict=True))
    return numbers


def _content(value: Value) -> Any:
    if type(value) in PYTHON_NUMBERS or isinstance(value, np.generic):
        return type(value), np.asarray(value).tobytes()
    if type(value) is np.ndarray and value.nbytes <= _SMALL:
        return value.shape, value.dtype, value.tobytes()
    return id(value)


def _without_integers(template: Template, indices: list[int]) -> Any:
    """The template with its integers set down in the list."""
    if len(template) == 1 and type(template[0]) is int:
        indices.append(template[0])
        return int
    rest: list[Any] = []
    for entry in template:
        if type(entry) is int:
            indices.append(entry)
            rest.append(int)
        else:
            rest.append(frozen(entry))
    return tuple(rest)


def frozen(value: Any) -> Any:
    """Something that may be a key and is equal where the parameter is; slices are none before Python 3.12."""
    if isinstance(value, slice):
        return slice, value.start, value.stop, value.step
    if type(value) is tuple:
        return tuple([frozen(v) for v in value])
    if isinstance(value, Layout):
        return frozen(value.templates)
    try:
        hash(value)
    except TypeError:
        return id(value)
    return value
