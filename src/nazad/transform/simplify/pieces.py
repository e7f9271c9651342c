"""Rewrites of ``scatter`` and of joining: pieces that cover an array are its parts side by side.

Adding a part into zeros turns -0.0 into 0.0, so that these are exact only for parts that have none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nazad.graph import PYTHON_NUMBERS, Node, Value, shape_of
from nazad.ops.structure import Layout, Template
from nazad.transform.simplify.facts import PLUS
from nazad.transform.simplify.kinds import ends_of
from nazad.transform.simplify.places import Span, spans
from nazad.transform.simplify.rules import rule

if TYPE_CHECKING:
    from nazad.transform.simplify.walk import Bench


@rule("concatenate")
def joined_alone(bench: Bench, v: Node, y: Value) -> Node | None:
    """concatenate([a]) = a."""
    return v.preds[0] if len(v.preds) == 1 else None


@rule("stack")
def stacked_alone(bench: Bench, v: Node, y: Value) -> Node | None:
    """stack([a]) is a with one more axis."""
    return bench.new("reshape", v.preds[0], shape=y.shape) if len(v.preds) == 1 else None


@rule("scatter")
def side_by_side(bench: Bench, v: Node, y: Value) -> Node | None:
    """Pieces that cover the array and do not overlap, none of them with a -0.0."""
    return _joined(bench, v, y) if all(bench.has(p, PLUS) for p in v.preds) else None


@rule("scatter", exact=False)
def side_by_side_but_a_sign(bench: Bench, v: Node, y: Value) -> Node | None:
    """The same, of parts that may have a -0.0."""
    return _joined(bench, v, y)


def _joined(bench: Bench, v: Node, y: Value) -> Node | None:
    layout: Layout = v.params["layout"]
    if len(layout.templates) < len(v.preds) or not layout.templates:
        return None
    if len(v.preds) == 1 and _is_everywhere(layout.templates[0], y.shape):
        return bench.new("reshape", v.preds[0], shape=y.shape) if _fills(bench, v, y) else None
    axis = _cut_axis(layout, y.shape)
    if axis is None:
        return None
    lines = []
    for template, part in zip(layout.templates, v.preds, strict=True):
        read = spans(template, y.shape)
        if read is None or not _is_window(bench, part, read, axis, y):
            return None
        lines.append((read[axis], part))
    return _in_line(bench, lines, axis, y.shape[axis])


def _is_everywhere(template: Template, shape: Sequence[int]) -> bool:
    """Whether an index reads everything, with new axes or without."""
    whole: list[Span] = [range(n) for n in shape]
    return spans([part for part in template if part is not None], shape) == whole


def _fills(bench: Bench, v: Node, y: Value) -> bool:
    """Whether the only part has as many entries as the array, so that nothing is broadcast."""
    return math.prod(bench.shape(v.preds[0])) == math.prod(shape_of(y))


def _cut_axis(layout: Layout, shape: Sequence[int]) -> int | None:
    """The axis along which the first piece is not whole."""
    first = spans(layout.templates[0], shape)
    if first is None:
        return None
    return next((a for a, n in enumerate(shape) if first[a] != range(n)), None)


def _is_window(bench: Bench, part: Node, read: Sequence[Span], axis: int, y: Value) -> bool:
    """Whether the piece is whole along all other axes, and its part fills it without broadcasting."""
    if any(span != range(n) for a, (span, n) in enumerate(zip(read, y.shape, strict=True)) if a != axis):
        return False
    if type(bench.F[part]) in PYTHON_NUMBERS:
        return False
    return bench.shape(part) == tuple(len(span) for span in read if not isinstance(span, int))


def _in_line(bench: Bench, lines: Sequence[tuple[Span, Node]], axis: int, n: int) -> Node | None:
    if all(isinstance(span, int) for span, _ in lines):
        at = dict(lines)
        if len(at) < len(lines) or len(at) < n:
            return None
        return bench.new("stack", *[at[k] for k in range(n)], axis=axis)
    cuts = sorted(
        (span.start, span.stop, k)
        for k, (span, _) in enumerate(lines)
        if isinstance(span, range) and span.step == 1 and len(span) > 0
    )
    bounds = [0, *(stop for _, stop, _ in cuts)]
    if len(cuts) < len(lines) or bounds[-1] != n or bounds[:-1] != [start for start, _, _ in cuts]:
        return None
    ends = ends_of([stop - start for start, stop, _ in cuts])
    return bench.new("concatenate", *[lines[k][1] for _, _, k in cuts], axis=axis, ends=ends)
