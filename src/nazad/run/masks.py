"""Arrays of booleans that say something of every entry of a value, as small as they can be.

A mask has the rank of its value, and each of its dimensions has the full size or 1 where all along it are
alike: what holds for each of 10000 rows is said once. None is True everywhere.

Masks err to one side. An entry that *may* be other than zero, or *may* be used, has True, and so None stands
as well for whatever is not known or would take too many entries to say.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad.ops.structure import ARRAY, Template
from nazad.run.places import Cut, TakePlan, plain, reshape_groups, take_plan

Shape = tuple[int, ...]
Numbers = np.ndarray[Any, Any]
Mask = np.ndarray[Any, np.dtype[np.bool_]] | None

MOST = 1 << 16
"""The entries of the largest mask."""
_POINTS = 1 << 24
"""The most pairs of entries that are gone through for the mask of a product."""
_FEW = 1 << 14
"""So many are gone through one by one, which then takes less time than to arrange them for BLAS."""


def narrow(mask: Numbers) -> Mask:
    """The smallest mask that says the same.

    Examples
    --------
    >>> narrow(np.array([[True, False], [True, False]]))
    array([[ True, False]])
    """
    if mask.all():
        return None
    for axis, n in enumerate(mask.shape):
        first = mask[(slice(None),) * axis + (slice(0, 1),)]
        if n > 1 and np.equal(mask, first).all():
            mask = first
    return mask


def ranked(mask: Numbers, rank: int) -> Numbers:
    """The same for a value of higher rank, as broadcasting makes it."""
    return mask if mask.ndim == rank else mask.reshape((1,) * (rank - mask.ndim) + mask.shape)


def fits(*masks: Numbers) -> bool:
    """Whether masks, broadcast against one another, are not too large."""
    return np.broadcast(*masks).size <= MOST


def either(*masks: Mask) -> Mask:
    """True where one of the masks is."""
    found = [m for m in masks if m is not None]
    if len(found) < len(masks) or not fits(*found):
        return None
    return found[0] if len(found) == 1 else narrow(functools.reduce(np.logical_or, found))


def all_of(*masks: Mask) -> Mask:
    """True where all the masks are."""
    found = [m for m in masks if m is not None]
    if not found or not fits(*found):
        return None
    return found[0] if len(found) == 1 else narrow(functools.reduce(np.logical_and, found))


def shrunk(mask: Mask, shape: Shape) -> Mask:
    """Of a value that was broadcast to the mask's: what holds for one of its copies."""
    if mask is None:
        return None
    rest = mask.shape[mask.ndim - len(shape) :]
    extra = tuple(range(mask.ndim - len(shape)))
    alike = tuple(k for k, (m, n) in enumerate(zip(rest, shape, strict=True)) if m > n)
    if not extra and not alike:
        return mask
    kept = np.asarray(mask.any(axis=(*extra, *(k + len(extra) for k in alike)), keepdims=True))
    return narrow(kept.reshape(kept.shape[len(extra) :]))


def regrouped(mask: Mask, old: Shape, new: Shape) -> Mask:
    """The mask of a value that is reshaped; dimensions that stay or stay alike keep size 1."""
    if mask is None or 0 in old:
        return None
    wide, goal = list(mask.shape), [1] * len(new)
    for news, olds in reshape_groups(new, old):
        if any(mask.shape[k] > 1 for k in olds):
            for k in olds:
                wide[k] = old[k]
            for k in news:
                goal[k] = new[k]
    return narrow(np.broadcast_to(mask, wide).reshape(goal)) if math.prod(goal) <= MOST else None


def joined(masks: Sequence[Mask], sizes: Sequence[int], rank: int, axis: int) -> Mask:
    """Masks one behind the other, for values of these sizes along the axis."""
    if all(m is None for m in masks):
        return None
    parts = [np.ones((1,) * rank, bool) if m is None else m for m in masks]
    others = np.max([(*p.shape[:axis], 1, *p.shape[axis + 1 :]) for p in parts], axis=0).tolist()
    if math.prod(others) * sum(sizes) > MOST:
        return None
    shapes = [(*others[:axis], n, *others[axis + 1 :]) for n in sizes]
    return narrow(np.concatenate([np.broadcast_to(*part) for part in zip(parts, shapes, strict=True)], axis))


# --- at places
class Picked(NamedTuple):
    """What an index picks: the shapes of the array and of the result, and its arrays, None where unknown."""

    plan: TakePlan
    source: Shape
    taken: Shape
    arrays: Sequence[Numbers | None]

    def parts(self) -> Iterator[tuple[Any, Numbers | None]]:
        """For each dimension of the source what is taken of it, and the array of places if it is one."""
        left = iter(self.arrays)
        return ((part, next(left) if part is ARRAY else None) for part in self.plan.parts)

    def places(self, told: Sequence[bool]) -> tuple[Numbers, ...]:
        """The places in each dimension of the source, lined up with the result; 0 if not told apart."""
        rank = len(self.taken)
        found = []
        for (part, array), apart in zip(self.parts(), told, strict=True):
            if not apart:
                found.append(_lined(np.array(0), (), rank))
            elif array is not None:
                found.append(_lined(array, self.plan.arrays, rank))
            elif isinstance(part, int):
                found.append(_lined(np.array(part), (), rank))
            else:
                start, step, d = part
                found.append(_lined(start + step * np.arange(self.taken[d]), (d,), rank))
        return tuple(found)


def _lined(array: Numbers, dims: Sequence[int], rank: int) -> Numbers:
    shape = [1] * rank
    for d, n in zip(dims[len(dims) - array.ndim :], array.shape, strict=True):
        shape[d] = n
    return array.reshape(shape)


def picked(
    template: Template, source: Shape, shapes: Sequence[Shape], arrays: Sequence[Numbers | None]
) -> Picked:
    """What a template with these index arrays picks from an array of this shape."""
    hashed = plain(template)
    plan = take_plan(hashed, (source, *shapes))
    return Picked(plan, source, _taken_shape(hashed, source, tuple(shapes)), arrays)


@functools.lru_cache(maxsize=4096)
def _taken_shape(template: tuple[Any, ...], source: Shape, shapes: tuple[Shape, ...]) -> Shape:
    plan = take_plan(template, (source, *shapes))
    index = [slice(*p) if isinstance(p, Cut) else p for p in template if p is not None]
    whole = tuple(slice(None) if p is ARRAY or type(p) is int else p for p in index)
    counts = np.broadcast_to(False, source)[whole].shape
    cut = [(part[2], n) for part, n in zip(plan.parts, counts, strict=True) if isinstance(part, tuple)]
    shape = [1] * (len(cut) + len(plan.arrays) + template.count(None))
    for d, n in (*cut, *zip(plan.arrays, np.broadcast_shapes(*shapes), strict=True)):
        shape[d] = n
    return tuple(shape)


def gathered(mask: Mask, at: Picked) -> Mask:
    """The mask of what is picked, from that of the source."""
    if mask is None:
        return None
    unknown = tuple(k for k, (part, array) in enumerate(at.parts()) if part is ARRAY and array is None)
    source = np.asarray(mask.any(axis=unknown, keepdims=True))
    places = at.places([n > 1 for n in source.shape])
    if not places:
        return ranked(source, len(at.taken))
    return narrow(source[places]) if fits(*places) else None


def spread(mask: Mask, at: Picked) -> Mask:
    """The mask of the source: the entries that are picked to where the mask of what is picked holds."""
    told = [
        n > 1 and not _is_whole(part, array, n, mask, at.taken)
        for (part, array), n in zip(at.parts(), at.source, strict=True)
    ]
    places = at.places(told)
    size = math.prod(n for n, apart in zip(at.source, told, strict=True) if apart)
    held = np.ones((1,) * len(at.taken), bool) if mask is None else mask
    if (mask is None and not any(told)) or size > MOST or not fits(held, *places):
        return None
    out = np.zeros([n if apart else 1 for n, apart in zip(at.source, told, strict=True)], bool)
    hit, *spots = np.broadcast_arrays(held, *places)
    out[tuple(spot[hit] for spot in spots)] = hit.any()
    return narrow(out)


def _is_whole(part: Any, array: Numbers | None, n: int, mask: Mask, taken: Shape) -> bool:
    """Whether a dimension is taken as a whole and alike, or nobody knows where."""
    if part is ARRAY:
        return array is None
    return not isinstance(part, int) and taken[part[2]] == n and (mask is None or mask.shape[part[2]] == 1)


# --- products
def multiplied(factors: Sequence[tuple[Mask, Sequence[int]]], output: Sequence[int]) -> Mask:
    """True where one of the products that are added up there has no factor that is False.

    Parameters
    ----------
    factors : sequence of pairs
        A mask, and the letters of its dimensions: numbers that the factors share.
    output : sequence of int
        The letters of the result.

    Examples
    --------
    >>> lower = np.tri(3, dtype=bool)
    >>> multiplied([(lower, (0, 1)), (lower, (1, 2))], (0, 2)).astype(int)
    array([[1, 0, 0],
           [1, 1, 0],
           [1, 1, 1]])
    """
    known = [(mask, term) for mask, term in factors if mask is not None]
    sizes = {c: n for mask, term in known for c, n in zip(term, mask.shape, strict=True) if n > 1}
    kept = [c for c in dict.fromkeys(output) if c in sizes]
    points = math.prod(sizes.values())
    if not known or points > _POINTS or math.prod(sizes[c] for c in kept) > MOST:
        return None
    number = {c: k for k, c in enumerate(sizes)}
    args: list[Any] = []
    for mask, term in known:
        cut = [(number[c], n) for c, n in zip(term, mask.shape, strict=True) if n > 1]
        args += [mask.reshape([n for _, n in cut]).astype(np.float32), [c for c, _ in cut]]
    counts = np.asarray(np.einsum(*args, [number[c] for c in kept], optimize=points > _FEW))
    first = [c in sizes and c not in output[:k] for k, c in enumerate(output)]
    return narrow((counts > 0).reshape([sizes[c] if f else 1 for c, f in zip(output, first, strict=True)]))
