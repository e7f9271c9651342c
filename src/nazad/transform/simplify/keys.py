"""Keys under which equal nodes meet: an operation, its predecessors, its parameters made hashable.

Constants meet by value where they are small, and by identity where comparing them would cost more than it
saves. Equal means equal in every bit: -0.0 is not 0.0, and a nan is a nan.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from nazad.graph import PYTHON_NUMBERS, Node, Value
from nazad.ops.structure import Layout

SMALL = 8192
"""Bytes up to which a constant is looked at; a trace has copied it then, so that it cannot change."""

_PLAIN = frozenset((int, str, bool, type(None), type(Ellipsis), type))
COMMUTATIVE = frozenset(
    ("add", "multiply", "chain", "equal", "not_equal", "bitwise_and", "bitwise_or", "bitwise_xor")
)


def node_key(v: Node, identity: Hashable, y: Value) -> Hashable:
    """What two nodes have in common exactly if they have the same value."""
    preds = v.preds
    if len(preds) == 2 and identity in COMMUTATIVE and id(preds[0]) > id(preds[1]):
        preds = (preds[1], preds[0])
    params = frozen(v.params) if v.params else None
    return identity, preds, params, type(y) in PYTHON_NUMBERS


def frozen(x: Any) -> Hashable:
    """A parameter as something hashable that is equal only where the parameter means the same.

    Examples
    --------
    >>> frozen((slice(0, 3), 1)) == frozen((slice(0, 3), 1)), frozen((0,)) == frozen((0.0,))
    (True, False)
    """
    kind = type(x)
    if kind in _PLAIN:
        return kind, x
    if kind is tuple or kind is list:
        return kind, tuple([frozen(each) for each in x])
    if kind is slice:
        return kind, frozen(x.start), frozen(x.stop), frozen(x.step)
    if kind is float or kind is complex:
        return kind, repr(x)
    if isinstance(x, Mapping):
        return kind, tuple([(key, frozen(each)) for key, each in x.items()])
    if isinstance(x, Layout):
        return kind, frozen(x.templates)
    if isinstance(x, np.dtype):
        return np.dtype, x
    if isinstance(x, np.generic):
        return kind, x.tobytes()
    return kind, id(x)  # the node keeps it alive as long as the key is in use


def constant_key(value: Value) -> Hashable:
    """Equal for constants that may stand for one another.

    Examples
    --------
    >>> constant_key(0.0) == constant_key(-0.0), constant_key(np.nan) == constant_key(np.nan)
    (False, True)
    """
    kind = type(value)
    if kind in PYTHON_NUMBERS:
        return kind, repr(value)
    if isinstance(value, (np.ndarray, np.generic)) and value.nbytes <= SMALL:
        return value.dtype, value.shape, value.tobytes()
    return kind, id(value)
