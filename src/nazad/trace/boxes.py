"""Boxes: what slices and integers pick out of an array, in one normal form.

A box has an entry for every axis of the array: an integer, or the ``range`` of places along it. Two indices
that mean the same are then equal, and a place in a place is found by indexing ranges.
"""

from __future__ import annotations

from typing import Any

from nazad.ops.structure import ARRAY, Template

Box = tuple[int | range, ...]


def box_of(template: Template, shape: tuple[int, ...]) -> Box | None:
    """The box that an index picks; None if it does more than that, or points outside.

    Examples
    --------
    >>> box_of((-1, slice(None, None, 2)), (3, 5))
    (2, range(0, 5, 2))
    >>> box_of((..., 1), (3, 5))
    (range(0, 3), 1)
    """
    if None in template or ARRAY in template:
        return None
    return within(tuple(map(range, shape)), template)


def within(box: Box, template: Template) -> Box | None:
    """The box that an index picks from what a box has picked.

    Examples
    --------
    >>> within((2, range(0, 5, 2)), (1,))
    (2, 2)
    """
    if None in template or ARRAY in template:
        return None
    axes = [k for k, places in enumerate(box) if isinstance(places, range)]
    parts = _filled(template, len(axes))
    if parts is None:
        return None
    found: list[Any] = list(box)
    for k, part in zip(axes, parts, strict=True):
        places = box[k]
        assert isinstance(places, range)
        if type(part) is int and not -len(places) <= part < len(places):
            return None
        found[k] = places[part]
    return tuple(found)


def _filled(template: Template, rank: int) -> list[Any] | None:
    """One part of the index for each axis."""
    parts = list(template)
    gap = parts.index(Ellipsis) if Ellipsis in parts else len(parts)
    if gap < len(parts):
        del parts[gap]
    missing = rank - len(parts)
    if missing < 0 or Ellipsis in parts:
        return None
    return [*parts[:gap], *(slice(None),) * missing, *parts[gap:]]


def template_of(box: Box) -> Template:
    """The index of a box.

    Examples
    --------
    >>> template_of((2, range(4, -1, -2)))
    (2, slice(4, None, -2))
    """
    return tuple([_slice(places) if isinstance(places, range) else places for places in box])


def _slice(places: range) -> slice:
    if not places:
        return slice(0, 0)
    after = places[-1] + places.step
    return slice(places.start, after if after >= 0 else None, places.step)


def is_whole(box: Box, shape: tuple[int, ...]) -> bool:
    """Whether it picks everything, in order."""
    return all(places == range(n) for places, n in zip(box, shape, strict=True))
