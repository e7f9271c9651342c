"""Arrays that change: writing in place, and views, over a graph that does not change.

A handle stands for an array as it is now; its node, for one value that it has had. Writing gives the handle
another node. A view remembers its root, the array whose memory it shares, the steps that lead from there, and
how the root stood when it was last read; if the root has changed since, it is read again, and what is written
into a view goes into the root. Whether NumPy's result is a view is not decided here: the values of a trace
are NumPy's own, and a view is what shares their memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad.graph import Primitive, Traced, Value, dtype_of, rank_of, shape_of
from nazad.ops import parts
from nazad.ops.structure import Template, broadcast_to, reshape, split_index, take, transpose
from nazad.ops.writing import copy, write
from nazad.trace.array import Array
from nazad.trace.boxes import Box, box_of, is_whole, within
from nazad.trace.nested import nested
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


class Changed(Array):
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

    @property
    def shape(self) -> tuple[int, ...]:
        return shape_of(_VALUE.__get__(self))

    @property
    def dtype(self) -> np.dtype[Any]:
        return dtype_of(_VALUE.__get__(self))

    def __getitem__(self, key: Any) -> Any:
        template, arrays = split_index(key)
        box = None if arrays else box_of(template, self.shape)
        return super().__getitem__(key) if box is None else _read(self, template, box)


class View(Array):
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
    def shape(self) -> tuple[int, ...]:
        return shape_of(_VALUE.__get__(self))

    @property
    def dtype(self) -> np.dtype[Any]:
        return dtype_of(_VALUE.__get__(self))

    @property
    def base(self) -> Any:
        return self.state.root

    @property
    def flags(self) -> Any:
        _look_again(self)
        ghost = self.state.ghost
        return super().flags if ghost is None else ghost.flags


_WRITABLE = (take, transpose, reshape, parts.real, parts.imag)


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
    before = _numbers(view) if ghost is None else ghost
    now = _behind_all(root, steps)
    if type(root) is Changed and rank_of(before) > 1 and _numbers(now).strides != before.strides:
        settle(root)
        now = _behind_all(root, steps)
    _NODE.__set__(view, now.node)
    _VALUE.__set__(view, now.value)
    lies_as_before = _numbers(now).strides == before.strides
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
    found = Array(x.recorder, part.node, part.value) if _belongs(part, x) else x.recorder.hold(part)
    true = _numbers(x)[template]
    if type(true) is not np.ndarray:
        return found
    if _numbers(found).strides == true.strides:
        return _behind(found, x, Step(take, {"template": template}))
    if true.ndim > 1:  # what else is a view depends on how it lies in memory
        settle(x)
        return x[template]
    return _behind(found, x, Step(take, {"template": template}), true)


def _before(x: Changed) -> Array:
    return Array(x.recorder, _NODE.__get__(x), _VALUE.__get__(x))


def _belongs(part: Value, x: Array) -> bool:
    return isinstance(part, Array) and part.recorder is x.recorder


# --- writing
def assign(x: Array, key: Any, value: Any) -> None:
    """``x[key] = value``."""
    _demand_writable(x)
    mask = _mask(key, x)
    if mask is not None and rank_of(value) <= x.ndim - rank_of(mask):
        wide = np.reshape(mask, (*shape_of(mask), *(1,) * (x.ndim - rank_of(mask))))
        replace(x, np.where(wide, _fitted(x, value, None), x))
        return
    template, arrays = split_index(key)
    root, box, steps = _located(x)
    goal = None if box is None or arrays else within(box, template)
    if goal is not None:
        if not _is_itself(value, root, goal):
            _put(root, goal, _fitted(x, value, tuple(len(r) for r in goal if isinstance(r, range))))
        return
    ghost = take(np.broadcast_to(np.False_, x.shape), *arrays, template=template)
    part = _fitted(x, value, shape_of(ghost))
    _put_back(root, steps, write(x, part, *arrays, template=template))


def replace(x: Array, value: Any) -> None:
    """``x[...] = value``, and ``x += value`` when that has been worked out."""
    _demand_writable(x)
    root, box, steps = _located(x)
    part = _fitted(x, value, x.shape)
    if box is not None:
        _put(root, box, part)
    else:
        _put_back(root, steps, part)


def settle(x: Array) -> None:
    """Put the writes that were kept aside into the array."""
    pending: Pending = x.state
    x.__class__ = Array
    _become(x, pending.into(x, stackable=x.flags.c_contiguous))


def _put(root: Array, box: Box, part: Value) -> None:
    if is_whole(box, root.shape):
        root.__class__ = Array  # whatever was written before is overwritten
        _become(root, part)
        return
    if not isinstance(root, Changed):
        root.__class__ = Changed
        root.state = Pending(root.shape)
    if not root.state.add(box, part):
        settle(root)
        _put(root, box, part)


def _put_back(root: Array, steps: Sequence[Step], new: Value) -> None:
    """Write what lies behind these steps, from the last to the first."""
    if not steps:
        _become(root, new)
        return
    seen = [root]
    for step in steps[:-1]:
        seen.append(step.read(seen[-1]))
    for x, step in zip(reversed(seen), reversed(steps), strict=True):
        if step.again is not None or step.op not in _WRITABLE:
            raise ValueError("assignment destination is read-only")  # as NumPy says it
        new = _undone(x, step.op, step.params, new)
    _become(root, new)


def _undone(x: Array, op: Primitive, params: dict[str, Any], new: Value) -> Value:
    """The array that looks like ``new`` after a step, and like ``x`` where the step does not look."""
    if op is take:
        return write(x, new, template=params["template"])
    if op is transpose:
        return np.transpose(new, np.argsort(params["axes"]).tolist())
    if op is reshape:
        return np.reshape(new, x.shape)
    return parts.complex(new, x.imag) if op is parts.real else parts.complex(x.real, new)


def _become(x: Array, new: Value) -> None:
    """Take another node, and keep the order of the entries in memory, on which views depend."""
    kept = new if _belongs(new, x) else x.recorder.hold(new)
    if kept.flags.c_contiguous != x.flags.c_contiguous:
        everything = {"template": (slice(None),) * x.ndim}
        kept = (
            x.recorder.record(copy, (kept,), {})
            if x.flags.c_contiguous
            else x.recorder.record(write, (x, kept), everything)
        )
    x.node, x.value = kept.node, kept.value


def _numbers(x: Array) -> Any:
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


# --- where, and what
def _located(x: Array) -> tuple[Array, Box | None, tuple[Step, ...]]:
    """The array behind a view, the box of it that the view is, if it is one, and the steps between."""
    if type(x) is not View:
        return x, tuple(map(range, x.shape)), ()
    root, steps = x.state.root, x.state.steps
    box: Box | None = tuple(map(range, root.shape))
    for step in steps:
        if box is not None:
            box = within(box, step.params["template"]) if step.op is take and step.again is None else None
    return root, box, steps


def _is_itself(value: Any, root: Array, goal: Box) -> bool:
    """``x[i] += v`` writes twice, first through the view and then by ``x[i] =``; once is enough."""
    if type(value) is not View or value.state.root is not root:
        return False
    return _located(value)[1] == goal


def _mask(key: Any, x: Array) -> Value:
    """An index that is a mask over the first axes; None for any other."""
    if isinstance(key, list) and key and isinstance(key[0], (bool, np.bool_)):
        key = np.asarray(key)
    if not isinstance(key, (np.ndarray, Traced)) or dtype_of(key).kind != "b" or not rank_of(key):
        return None
    return key if shape_of(key) == x.shape[: rank_of(key)] else None


def _fitted(x: Array, value: Any, shape: tuple[int, ...] | None) -> Value:
    """A value as it is written into an array: of its dtype, of this shape, and as it is now."""
    part = nested(value)
    part = _cast(x, part.copy() if part is value and isinstance(part, np.ndarray) else part)
    if shape is not None and shape_of(part) != shape:
        part = _stretched(part, shape)
    return Array(part.recorder, part.node, part.value) if isinstance(part, Array) else part


def _stretched(part: Value, shape: tuple[int, ...]) -> Value:
    """Broadcast to a shape; as NumPy allows it, without axes of length one in front."""
    extra = rank_of(part) - len(shape)
    if extra > 0 and all(n == 1 for n in shape_of(part)[:extra]):
        part = np.reshape(part, shape_of(part)[extra:])
    pairs = zip(reversed(shape_of(part)), reversed(shape), strict=False)
    if rank_of(part) > len(shape) or any(n not in (1, goal) for n, goal in pairs):
        raise ValueError(f"could not broadcast input array from shape {shape_of(part)} into shape {shape}")
    return np.broadcast_to(part, shape)


def _cast(x: Array, part: Value) -> Value:
    if dtype_of(part) == x.dtype:
        return part
    if not isinstance(part, Traced):
        return part.astype(x.dtype)
    if x.dtype.kind not in "fc" and dtype_of(part).kind in "fc":
        raise x._forbidden(
            f"a traced {dtype_of(part)} was written into an array of {x.dtype}, which would cut it off",
            "Make the array one of floats: np.zeros(n), or x.astype(float).",
        )
    return part.astype(x.dtype)  # type: ignore[attr-defined]


def _demand_writable(x: Array) -> None:
    kind = type(_numbers(x))
    if kind is not np.ndarray:
        raise TypeError(f"'{kind.__name__}' object does not support item assignment")
