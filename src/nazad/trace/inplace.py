"""Writing into traced arrays: by index, through views, and as a whole.

What is written into a view goes into its root, back along the steps that lead to the view.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nazad.graph import Primitive, Traced, Value, dtype_of, rank_of, shape_of
from nazad.ops import parts
from nazad.ops.structure import reshape, split_index, take, transpose
from nazad.ops.writing import write
from nazad.trace.array import Array
from nazad.trace.boxes import Box, is_whole, within
from nazad.trace.nested import nested
from nazad.trace.pending import Pending
from nazad.trace.views import Changed, Step, View, as_it_is, become, numbers_of, settle

_WRITABLE = (take, transpose, reshape, parts.real, parts.imag)


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


def _put(root: Array, box: Box, part: Value) -> None:
    if is_whole(box, root.shape):
        root.__class__ = Array  # whatever was written before is overwritten
        become(root, part)
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
        become(root, new)
        return
    seen = [root]
    for step in steps[:-1]:
        seen.append(step.read(seen[-1]))
    for x, step in zip(reversed(seen), reversed(steps), strict=True):
        if step.again is not None or step.op not in _WRITABLE:
            raise ValueError("assignment destination is read-only")  # as NumPy says it
        new = _undone(x, step.op, step.params, new)
    become(root, new)


def _undone(x: Array, op: Primitive, params: dict[str, Any], new: Value) -> Value:
    """The array that looks like ``new`` after a step, and like ``x`` where the step does not look."""
    if op is take:
        return write(x, new, template=params["template"])
    if op is transpose:
        return np.transpose(new, np.argsort(params["axes"]).tolist())
    if op is reshape:
        return np.reshape(new, x.shape)
    return parts.complex(new, x.imag) if op is parts.real else parts.complex(x.real, new)


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
    return as_it_is(part)


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
    kind = type(numbers_of(x))
    if kind is not np.ndarray:
        raise TypeError(f"'{kind.__name__}' object does not support item assignment")
