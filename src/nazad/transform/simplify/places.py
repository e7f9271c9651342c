"""Rewrites of ``take``: reading what was put together, reading from what was read, reading all."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nazad.graph import Node, Value, shape_of
from nazad.ops.structure import ARRAY
from nazad.transform.simplify.rules import rule

if TYPE_CHECKING:
    from nazad.transform.simplify.walk import Bench

Span = int | range
"""What is read along one axis: one place, or evenly spaced ones."""


def spans(template: Sequence[Any], shape: Sequence[int]) -> list[Span] | None:
    """What an index reads along each axis; None if it has arrays or new axes.

    Examples
    --------
    >>> spans((-1, slice(None, None, 2)), (4, 5))
    [3, range(0, 5, 2)]
    """
    given = [part for part in template if part is not Ellipsis]
    if any(part is ARRAY or part is None or not _is_plain(part) for part in given):
        return None
    gap = len(shape) - len(given)
    middle = next((i for i, part in enumerate(template) if part is Ellipsis), len(given))
    parts = [*given[:middle], *(slice(None),) * gap, *given[middle:]]
    return [part % n if type(part) is int else range(n)[part] for part, n in zip(parts, shape, strict=True)]


def _is_plain(part: Any) -> bool:
    """A bound may be a traced value, which must not be asked again."""
    if type(part) is slice:
        return all(x is None or isinstance(x, (int, np.integer)) for x in (part.start, part.stop, part.step))
    return type(part) is int


def template_of(read: Sequence[Span], shape: Sequence[int]) -> tuple[Any, ...]:
    """The inverse of :func:`spans`, as short as it can be.

    Examples
    --------
    >>> template_of([2, range(3, -1, -1), range(5)], (4, 4, 5))
    (2, slice(3, None, -1))
    """
    parts = [span if isinstance(span, int) else _slice(span, n) for span, n in zip(read, shape, strict=True)]
    while parts and parts[-1] == slice(None):
        parts.pop()
    return tuple(parts)


def _slice(span: range, n: int) -> slice:
    if span == range(n):
        return slice(None)
    if not span:
        return slice(0, 0)
    return slice(span.start, span.stop if span.stop >= 0 else None, None if span.step == 1 else span.step)


def _read(bench: Bench, x: Node, read: Sequence[Span]) -> Node:
    """The node that reads this, or all of it."""
    template = template_of(read, bench.shape(x))
    return bench.new("take", x, template=template) if template else x


def _spans(bench: Bench, v: Node) -> list[Span] | None:
    return spans(v.params["template"], bench.shape(v.preds[0])) if len(v.preds) == 1 else None


@rule("take")
def everything_taken(bench: Bench, v: Node, y: Value) -> Node | None:
    """x[:] = x[...] = x."""
    read = _spans(bench, v)
    x = v.preds[0]
    if read is None or any(span != range(n) for span, n in zip(read, bench.shape(x), strict=True)):
        return None
    return x


@rule("take")
def new_axes(bench: Bench, v: Node, y: Value) -> Node | None:
    """x[:, None] is x in another shape."""
    template = v.params["template"]
    if None not in template or ARRAY in template:
        return None
    x = v.preds[0]
    rest = tuple(part for part in template if part is not None)
    read = bench.put(bench.new("take", x, template=rest)) if rest else x
    return bench.new("reshape", read, shape=shape_of(y))


@rule("take")
def taken_from_taken(bench: Bench, v: Node, y: Value) -> Node | None:
    """x[i:][j] = x[i + j]."""
    inner = v.preds[0]
    outer, first = _spans(bench, v), _spans(bench, inner) if bench.name(inner) == "take" else None
    if outer is None or first is None:
        return None
    left = iter(outer)
    read = [span if isinstance(span, int) else _composed(span, next(left)) for span in first]
    return _read(bench, inner.preds[0], read)


def _composed(first: range, second: Span) -> Span:
    return first[second] if isinstance(second, int) else first[_slice(second, len(first))]


@rule("take")
def taken_from_stack(bench: Bench, v: Node, y: Value) -> Node | None:
    """stack([a, b, c])[1] = b."""
    inner = v.preds[0]
    read = _spans(bench, v) if bench.name(inner) == "stack" else None
    if read is None:
        return None
    axis = inner.params["axis"]
    place = read[axis]
    if not isinstance(place, int):
        return None
    return _read(bench, inner.preds[place], [*read[:axis], *read[axis + 1 :]])


@rule("take")
def taken_from_joined(bench: Bench, v: Node, y: Value) -> Node | None:
    """concatenate([a, b])[len(a):] = b, and so with whatever lies within one part."""
    inner = v.preds[0]
    read = _spans(bench, v) if bench.name(inner) == "concatenate" else None
    if read is None:
        return None
    axis, ends = inner.params["axis"], inner.params["ends"]
    span = read[axis]
    touched = [span] if isinstance(span, int) else [span[0], span[-1]] if span else []
    part = bisect.bisect_right(ends, min(touched)) if touched else len(ends)
    if part == len(ends) or max(touched) >= ends[part]:
        return None
    start = ends[part - 1] if part else 0
    moved = span - start if isinstance(span, int) else range(span.start - start, span.stop - start, span.step)
    return _read(bench, inner.preds[part], [*read[:axis], moved, *read[axis + 1 :]])
