"""Where the entries of a result stand in the argument.

Slices, transposes, broadcasts, reshapes and picks are arithmetic on indices, and nothing is moved for them.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad.ops.structure import ARRAY
from nazad.run.loops import Affine, Apply, Axis, Cast, Constant, Expr, Index

NOWHERE = Affine()
"""The place along a dimension of size one."""


def places(shape: Sequence[int], axes: Sequence[Axis]) -> Index:
    """The place that the axes stand for in an array of this shape; dimensions of size one have no axis."""
    left = iter(axes)
    return tuple(NOWHERE if n == 1 else Affine.of(next(left)) for n in shape)


def sizes_of(shape: Sequence[int]) -> tuple[int, ...]:
    """The sizes of the axes that :func:`places` takes for a shape."""
    return tuple(n for n in shape if n != 1)


def broadcast(index: Index, shape: Sequence[int], whole: Sequence[int]) -> Index:
    """The place in an array of this shape that is read as one of shape ``whole``."""
    skipped = len(whole) - len(shape)
    triples = zip(index[skipped:], shape, whole[skipped:], strict=True)
    return tuple(NOWHERE if n == 1 != m else i for i, n, m in triples)


def reshaped(index: Index, new: Sequence[int], old: Sequence[int]) -> Index | None:
    """The place in an array of shape ``old`` that is read as one of shape ``new``."""
    result: list[Affine] = []
    for news, olds in reshape_groups(tuple(new), tuple(old)):
        flat = NOWHERE
        for k in news:
            flat = flat * new[k] + index[k]
        split: list[Affine] = []
        for k in reversed(olds[1:]):
            parts = flat.split(old[k])
            if parts is None:
                return None
            flat, low = parts
            split.append(low)
        result += [flat, *reversed(split)]
    for k, n in enumerate(old):
        if n == 1:
            result.insert(k, NOWHERE)
    return tuple(result)


@functools.lru_cache(maxsize=4096)
def reshape_groups(new: tuple[int, ...], old: tuple[int, ...]) -> list[tuple[list[int], list[int]]]:
    """Dimensions of both shapes, in groups of equal size, as small as can be; ones left out."""
    a = [k for k, n in enumerate(new) if n != 1]
    b = [k for k, n in enumerate(old) if n != 1]
    groups: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(a) and j < len(b):
        left, right = [a[i]], [b[j]]
        m, n = new[a[i]], old[b[j]]
        i, j = i + 1, j + 1
        while m != n:
            if m < n:
                left.append(a[i])
                m *= new[a[i]]
                i += 1
            else:
                right.append(b[j])
                n *= old[b[j]]
                j += 1
        groups.append((left, right))
    return groups


def affine_reshape(new: tuple[int, ...], old: tuple[int, ...]) -> bool:
    """Whether every place of the new shape is affine in the old one: dimensions are joined, never cut."""
    return 0 not in new and all(len(olds) == 1 for _, olds in reshape_groups(new, old))


class TakePlan(NamedTuple):
    """How the dimensions of a result of ``take`` map to those of its source and of its index arrays."""

    parts: tuple[Any, ...]
    """For each dimension of the source: (start, step, dimension of the result), a number, or ARRAY."""
    arrays: tuple[int, ...]
    """Which dimensions of the result the index arrays run over."""
    shapes: tuple[tuple[int, ...], ...]
    """Shapes of the index arrays."""
    indexed: tuple[int, ...]
    """Sizes of the dimensions that index arrays pick from."""

    def array_index(self, k: int, index: Index) -> Index:
        shape = self.shapes[k]
        last = self.arrays[len(self.arrays) - len(shape) :]
        return tuple(NOWHERE if n == 1 else index[d] for d, n in zip(last, shape, strict=True))

    def source(self, index: Index, taken: Sequence[Affine]) -> Index:
        left = iter(taken)
        found: list[Affine] = []
        for part in self.parts:
            if part is ARRAY:
                found.append(next(left))
            elif isinstance(part, int):
                found.append(NOWHERE + part)
            else:
                start, step, d = part
                found.append(index[d] * step + start)
        return tuple(found)


def plain(template: tuple[Any, ...]) -> tuple[Any, ...]:
    """A template that has a hash: slices do not, before Python 3.12."""
    return tuple(Cut(p.start, p.stop, p.step) if isinstance(p, slice) else p for p in template)


class Cut(NamedTuple):
    """A slice that has a hash."""

    start: int | None
    stop: int | None
    step: int | None


def held(place: Expr, size: int, sure: bool) -> Expr:
    """A place that was read: from the end if it is negative, and inside the dimension come what may.

    What lies outside has failed a guard (:func:`nazad.run.guards.guarded`), and nobody will see the result.
    """
    whole = np.dtype(np.int64)
    place = place if place.dtype == whole else Cast(whole, place)
    if sure:
        return place

    def apply(op: str, *args: Expr) -> Expr:
        return Apply(whole, op, args)

    last, zero = Constant(whole, np.int64(size - 1)), Constant(whole, np.int64(0))
    below = Apply(np.dtype(bool), "less", (place, zero))
    wrapped = apply("where", below, apply("add", place, Constant(whole, np.int64(size))), place)
    return apply("minimum", apply("maximum", wrapped, zero), last)


@functools.lru_cache(maxsize=4096)
def take_plan(template: tuple[Any, ...], shapes: tuple[tuple[int, ...], ...]) -> TakePlan:
    """Work out what a template picks from an array of the first shape, by index arrays of the others.

    Examples
    --------
    >>> take_plan(plain((slice(1, None), 0)), ((5, 3),)).parts
    ((1, 1, 0), 0)
    """
    source, *arrays = shapes
    filled = _filled(template, len(source))
    rank = len(np.broadcast_shapes(*arrays)) if arrays else 0
    first = _first_picked(filled) if arrays else None  # where the dimensions of the arrays go
    where = range(rank)
    parts: list[Any] = []
    d = rank if first == -1 else 0
    for k, part in enumerate(filled):
        if k == first:
            where = range(d, d + rank)
            d += rank
        if part is not None:
            parts.append(_resolved(part, source[len(parts)], d))
        d += part is None or isinstance(part, Cut)
    indexed = tuple(n for part, n in zip(parts, source, strict=True) if part is ARRAY)
    return TakePlan(tuple(parts), tuple(where), tuple(arrays), indexed)


def _resolved(part: Any, n: int, d: int) -> Any:
    """What a part of a template picks from a dimension of ``n``; what a slice leaves is dimension ``d``."""
    if part is ARRAY:
        return ARRAY
    if isinstance(part, int):
        return part % n if n else 0
    start, _, step = slice(*part).indices(n)
    return start, step, d


def _filled(template: tuple[Any, ...], rank: int) -> list[Any]:
    """The template with a part for each dimension."""
    used = sum(part is not None and part is not Ellipsis for part in template)
    filled: list[Any] = []
    for part in template if Ellipsis in template else (*template, Ellipsis):
        filled += [Cut(None, None, None)] * (rank - used) if part is Ellipsis else [part]
    return filled


def _first_picked(filled: Sequence[Any]) -> int:
    """The first of the parts that are picked, if they stand together; -1 if not: dimensions go in front."""
    spots = [k for k, part in enumerate(filled) if part is ARRAY or type(part) is int]
    return spots[0] if spots[-1] - spots[0] + 1 == len(spots) else -1
