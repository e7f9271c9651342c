"""Arrays that change, and views of them, over a graph that does not change.

A handle stands for an array as it is now; its node, for one value that it has had. Writing gives the handle
another node. A view remembers its root, the array whose memory it shares, the steps that lead from there, and
how the root stood when it was last read; if the root has changed since, it is read again. Whether NumPy's
result is a view is not decided here: the values of a trace are NumPy's own, and a view is what shares their
memory. How something is written is the business of :mod:`nazad.trace.inplace`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad.graph import Node, Primitive, Value, dtype_of, rank_of, shape_of
from nazad.ops.structure import Template, broadcast_to, split_index, take
from nazad.ops.writing import copy, write
from nazad.trace.array import Array
from nazad.trace.boxes import Box, box_of
from nazad.trace.pending import Pending


class Step(NamedTuple):
    """From an array to a view of it."""

    op: Primitive
    params: dict[str, Any]
    again: Callable[[Array], Array] | None = None
    """How to look once more, where the entries were picked by index arrays; such a view is only read."""

    def read(self, x: Array) -> Array:
        if self.again is not None:
            return self.again(x)
        if self.op is take:
            return x[self.params["template"]]  # type: ignore[no-any-return]
        return x.recorder.record(self.op, (x,), self.params)  # type: ignore[no-any-return]


_NODE: Any = Array.__dict__["node"]  # the slots, which subclasses hide
_VALUE: Any = Array.__dict__["value"]


class _Outdated(Array):
    """An array whose node and value have to be looked at again; shape and dtype are those that it had."""

    __slots__ = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return shape_of(_VALUE.__get__(self))

    @property
    def dtype(self) -> np.dtype[Any]:
        return dtype_of(_VALUE.__get__(self))


class Changed(_Outdated):
    """An array into which something has been written that its node does not have yet.

    Its ``state`` holds the writes. Asked for its node it becomes an ordinary array again.
    """

    __slots__ = ()

    @property
    def node(self) -> Any:  # type: ignore[override]
        settle(self)
        return self.node  # by now of an ordinary array

    @property
    def value(self) -> Any:
        settle(self)
        return self.value

    def __getitem__(self, key: Any) -> Any:
        template, arrays = split_index(key)
        box = None if arrays else box_of(template, self.shape)
        return super().__getitem__(key) if box is None else _read(self, template, box)


class View(_Outdated):
    """An array that shares the memory of another one; its ``state`` says how."""

    __slots__ = ()

    @property
    def node(self) -> Any:  # type: ignore[override]
        _look_again(self)
        return _NODE.__get__(self)

    @property
    def value(self) -> Any:
        _look_again(self)
        return _VALUE.__get__(self)

    @property
    def base(self) -> Any:
        return self.state.root

    @property
    def flags(self) -> Any:
        _look_again(self)
        ghost = self.state.ghost
        return super().flags if ghost is None else ghost.flags


class Place(NamedTuple):
    """What a view knows."""

    root: Array
    steps: tuple[Step, ...]
    """From the root to the view."""
    stood: object
    """How the root stood when the view was last read."""
    ghost: Value = None
    """An array that lies in memory as the view does, where the value does not: it has been written, and is
    read back as it was."""


# --- what is a view
def made(result: Array, op: Primitive, params: dict[str, Any], x: Value) -> Array:
    """The result of an operation that may give a view of ``x``; a view if it does."""
    if not isinstance(x, Array) or x.recorder is not result.recorder or len(result.node.preds) > 1:
        return result  # what index arrays pick is a copy
    ghost = x.state.ghost if type(x) is View else None
    if ghost is None:
        return _behind(result, x, Step(op, params)) if _shares(result.value, x.value, op) else result
    look = op.calc(ghost, **params)
    return _behind(result, x, Step(op, params), look) if _shares(look, ghost, op) else result


def looked(x: Array, picked: Array, value: Value, again: Callable[[Array], Array]) -> Array:
    """A view, whose entries index arrays have picked for the graph and whose value is NumPy's view."""
    picked.value = x.recorder.F[picked.node] = value
    return _behind(picked, x, Step(take, picked.node.params, again))


def _behind(result: Array, x: Array, step: Step, ghost: Value = None) -> Array:
    """A view, one step behind an array."""
    root, steps = (x.state.root, x.state.steps) if type(x) is View else (x, ())
    return _as_view(result, root, (*steps, step), ghost)


def _shares(y: Value, x: Value, op: Primitive) -> bool:
    """Whether a value lies in the memory of another; a broadcast one always does, in the eyes of NumPy."""
    if type(y) is View:  # the values of a nested trace are handles of the outer one
        return y.state.root is (x.state.root if type(x) is View else x)
    if type(y) is not np.ndarray or op is broadcast_to:
        return type(y) is np.ndarray
    return type(x) is np.ndarray and y.base is not None and (y.base is x or y.base is x.base)


def _as_view(result: Array, root: Array, steps: tuple[Step, ...], ghost: Value = None) -> Array:
    result.__class__ = View
    result.state = Place(root, steps, _stand(root), ghost)
    return result


def _stand(root: Array) -> object:
    """What changes whenever the array does."""
    return root.state.latest if type(root) is Changed else root.node


def _look_again(view: View) -> None:
    """Read the view anew if the array behind it has changed."""
    root, steps, stood, ghost = view.state
    if _stand(root) is stood:
        return
    before = numbers_of(view) if ghost is None else ghost
    now = _behind_all(root, steps)
    if type(root) is Changed and rank_of(before) > 1 and numbers_of(now).strides != before.strides:
        settle(root)
        now = _behind_all(root, steps)
    _NODE.__set__(view, now.node)
    _VALUE.__set__(view, now.value)
    lies_as_before = numbers_of(now).strides == before.strides
    view.state = Place(root, steps, _stand(root), None if lies_as_before else before)


def _behind_all(root: Array, steps: Sequence[Step]) -> Array:
    for step in steps:
        root = step.read(root)
    return root


# --- reading across what was written
def _read(x: Changed, template: Template, box: Box) -> Any:
    """A part of an array with writes kept aside: one of these, or what none has touched."""
    pending: Pending = x.state
    part = pending.read(box)
    if part is None:
        if pending.touches(box):
            settle(x)
            return x[template]
        part = x.recorder.record(take, (_before(x),), {"template": template})
    found = Array(x.recorder, part.node, part.value) if belongs(part, x) else x.recorder.hold(part)
    true = numbers_of(x)[template]
    if type(true) is not np.ndarray:
        return found
    found = like(true, found)
    if numbers_of(found).strides == true.strides:
        return _behind(found, x, Step(take, {"template": template}))
    if true.ndim > 1:  # what else is a view depends on how it lies in memory
        settle(x)
        return x[template]
    return _behind(found, x, Step(take, {"template": template}), true)


def _before(x: Changed) -> Array:
    return Array(x.recorder, _NODE.__get__(x), _VALUE.__get__(x))


def belongs(part: Value, x: Array) -> bool:
    return isinstance(part, Array) and part.recorder is x.recorder


# --- the array as it is now
def is_written(x: Array, first: Node) -> bool:
    """Whether something has been written into an array since it had this node."""
    return type(x) is Changed or x.node is not first


def settle(x: Array) -> None:
    """Put the writes that were kept aside into the array."""
    pending: Pending = x.state
    x.__class__ = Array
    become(x, pending.into(x, stackable=x.flags.c_contiguous))


def become(x: Array, new: Value) -> None:
    """Take another node, and keep the order of the entries in memory, on which views depend."""
    kept = like(x, new if belongs(new, x) else x.recorder.hold(new))
    if kept.flags.c_contiguous != x.flags.c_contiguous:
        everything = {"template": (slice(None),) * x.ndim}
        kept = (
            x.recorder.record(copy, (kept,), {})
            if x.flags.c_contiguous
            else x.recorder.record(write, (x, kept), everything)
        )
    x.node, x.value = kept.node, kept.value


def like(x: Value, new: Array) -> Array:
    """An array without axes stays an array, although NumPy computes numbers from it."""
    if type(numbers_of(x)) is not np.ndarray or type(numbers_of(new)) is np.ndarray:
        return new
    same: Array = new.recorder.record(copy, (new,), {})
    return same


def as_it_is(x: Value) -> Value:
    """The value that an array has now; what is written into it later does not reach that."""
    return Array(x.recorder, x.node, x.value) if isinstance(x, Array) else x


def apart(x: Any) -> Any:
    """The same value in an array of its own, into which its holder may write."""
    return x.copy() if isinstance(x, (np.ndarray, Array)) else x


def numbers_of(x: Array) -> Any:
    """The value, or one that it has had; plain numbers even where traces are nested."""
    value: Any = x
    while isinstance(value, Array):
        value = _VALUE.__get__(value)
    return value


def copied(x: Array, order: str) -> Array:
    """Another array with the same entries."""
    flags = x.flags
    if flags.c_contiguous or (order in "KA" and flags.f_contiguous):
        return Array(x.recorder, x.node, x.value)
    same: Array = x.recorder.record(copy, (x,), {})
    return same
