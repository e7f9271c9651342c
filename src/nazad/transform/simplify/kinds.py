"""What decides promotion: shape, dtype, and whether a value is a Python number, which is weak.

A rewrite must leave all three as they are, or a float32 further down becomes a float64. The kind of a new
node is found without computing it: the entry is computed on ones, the shape is broadcast.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Mapping, Sequence
from types import BuiltinFunctionType
from typing import Any, NamedTuple

import numpy as np

from nazad import ops
from nazad.graph import PYTHON_NUMBERS, Primitive, Value, dtype_of
from nazad.ops.families import Elementwise

TABLE = ops.table()
Shape = tuple[int, ...]


class Kind(NamedTuple):
    """Shape, dtype, and the type of a Python number (None for everything else)."""

    shape: Shape
    dtype: np.dtype[Any]
    weak: type | None = None

    @classmethod
    def of(cls, value: Value) -> Kind:
        kind = type(value)
        if kind in PYTHON_NUMBERS:
            return cls((), dtype_of(value), kind)
        return cls(value.shape, value.dtype)


# --- which operation it is
_OPERATORS: dict[Any, str] = {
    operator.add: "add",
    operator.sub: "subtract",
    operator.mul: "multiply",
    operator.truediv: "divide",
    operator.floordiv: "floor_divide",
    operator.mod: "remainder",
    operator.pow: "power",
    operator.and_: "bitwise_and",
    operator.or_: "bitwise_or",
    operator.xor: "bitwise_xor",
    operator.lshift: "left_shift",
    operator.rshift: "right_shift",
    operator.eq: "equal",
    operator.ne: "not_equal",
    operator.lt: "less",
    operator.le: "less_equal",
    operator.gt: "greater",
    operator.ge: "greater_equal",
    operator.neg: "negative",
    operator.pos: "positive",
    operator.abs: "absolute",
    operator.invert: "invert",
}


def name_of(op: Primitive) -> str:
    """The name under which rules know an operation; empty for one that only shares a name of the table.

    Python's operators go under the name of the ufunc that they are on arrays.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> name_of(nz.trace(lambda x: x * 2.0, np.ones(3)).nodes[-1].op)
    'multiply'
    >>> name_of(nz.elementwise(np.hypot, name="sin"))
    ''
    """
    if TABLE.get(op.name) is op:
        return op.name
    calc = op.calc
    if type(calc) is BuiltinFunctionType and _OPERATORS.get(calc) == op.name:
        return op.name
    return ""


def identity_of(op: Primitive) -> Any:
    """Equal for operations that give equal values: NumPy's and Python's power differ in the last place."""
    name = name_of(op)
    if not name:
        return op
    return name if name != "power" or TABLE[name] is op else op.calc


# --- the kind of a node that is not there yet
def predicted(op: Primitive, kinds: Sequence[Kind], params: Mapping[str, Any]) -> Kind | None:
    """The kind of what an operation would give; None for operations of which no rule makes new nodes."""
    if isinstance(op, Elementwise):
        entry = _entry(op, tuple(k.weak or k.dtype for k in kinds))
        return entry and Kind(broadcast([k.shape for k in kinds]), entry.dtype, entry.weak)
    rule = _STRUCTURE.get(op.name)
    return None if rule is None else rule(kinds, **params)


@functools.lru_cache(maxsize=4096)
def _entry(op: Primitive, types: tuple[Any, ...]) -> Kind | None:
    """The kind of one entry; None where there is none, as for -True."""
    ones = [t(1) if t in PYTHON_NUMBERS else t.type(1) for t in types]
    try:
        with np.errstate(all="ignore"):
            return Kind.of(op.calc(*ones))
    except TypeError:
        return None


def broadcast(shapes: Sequence[Shape]) -> Shape:
    """``np.broadcast_shapes``, with the frequent cases first.

    Examples
    --------
    >>> broadcast([(3,), (), (3,)])
    (3,)
    """
    distinct = {s for s in shapes if s}
    if len(distinct) > 1:
        return np.broadcast_shapes(*distinct)
    return distinct.pop() if distinct else ()


def _common(kinds: Sequence[Kind]) -> np.dtype[Any]:
    return np.result_type(*[k.dtype for k in kinds])


def _concatenated(kinds: Sequence[Kind], axis: int, ends: Sequence[int]) -> Kind:
    shape = kinds[0].shape
    return Kind((*shape[:axis], ends[-1], *shape[axis + 1 :]), _common(kinds))


def _stacked(kinds: Sequence[Kind], axis: int) -> Kind:
    shape = kinds[0].shape
    return Kind((*shape[:axis], len(kinds), *shape[axis:]), _common(kinds))


def _taken(kinds: Sequence[Kind], template: tuple[Any, ...]) -> Kind:
    window = np.broadcast_to(kinds[0].dtype.type(1), kinds[0].shape)[template]
    return Kind(window.shape, window.dtype)


def _chosen(kinds: Sequence[Kind]) -> Kind:
    types = [k.weak(1) if k.weak else k.dtype for k in kinds[1:]]
    return Kind(broadcast([k.shape for k in kinds]), np.result_type(*types))


_STRUCTURE: dict[str, Callable[..., Kind]] = {
    "reshape": lambda kinds, shape: Kind(tuple(shape), kinds[0].dtype),
    "broadcast_to": lambda kinds, shape: Kind(tuple(shape), kinds[0].dtype),
    "transpose": lambda kinds, axes: Kind(tuple(kinds[0].shape[a] for a in axes), kinds[0].dtype),
    "astype": lambda kinds, dtype: Kind(kinds[0].shape, np.dtype(dtype)),
    "concatenate": _concatenated,
    "stack": _stacked,
    "take": _taken,
    "where": _chosen,
}


def ends_of(lengths: Sequence[int]) -> tuple[int, ...]:
    """Where each part of a concatenation ends."""
    return tuple(itertools.accumulate(lengths))
