"""Writes that have not been put into an array yet.

A loop that fills an array writes an entry, or a row, at a time, and reads the last one back. Each write as a
new array would take the square of the time. Writes are therefore kept aside: what was written is read back as
it was, and only when the array is used as a whole, or read across what was written, are they put into it, all
at once. Where they cover the array they *are* the array, stacked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nazad.graph import Value
from nazad.ops.structure import ARRAY, stack
from nazad.ops.writing import write
from nazad.trace.boxes import Box, template_of

Kind = tuple[range | None, ...]
Place = tuple[int, ...]


def _kind(box: Box) -> Kind:
    return tuple([places if isinstance(places, range) else None for places in box])


def _place(box: Box) -> Place:
    return tuple([k for k in box if isinstance(k, int)])


class Pending:
    """Writes to boxes that do not overlap, in groups of the same kind.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array.

    Attributes
    ----------
    groups : dict
        Boxes that differ in their integers alone make one group: what was written, by these integers.
    latest : object
        Another one after each write.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.groups: dict[Kind, dict[Place, Value]] = {}
        self.latest = object()
        self._dirty = np.zeros(shape, bool)

    def touches(self, box: Box) -> bool:
        """Whether something has been written there."""
        return bool(np.any(self._dirty[template_of(box)]))

    def read(self, box: Box) -> Value:
        """What was written to exactly this box; None if nothing was."""
        group = self.groups.get(_kind(box))
        return None if group is None else group.get(_place(box))

    def add(self, box: Box, part: Value) -> bool:
        """Keep a write aside; False if it overlaps others without taking the place of one."""
        if self.read(box) is None and self.touches(box):
            return False
        self.groups.setdefault(_kind(box), {})[_place(box)] = part
        self._dirty[template_of(box)] = True
        self.latest = object()
        return True

    def into(self, x: Value, stackable: bool) -> Value:
        """The array with everything put into it.

        Parameters
        ----------
        x : array
            The array as it was before.
        stackable : bool
            Whether an array that is covered may be made anew, in row-major order.
        """
        for kind, group in self.groups.items():
            places = sorted(group)
            parts = [group[place] for place in places]
            if stackable and len(self.groups) == 1 and self._dirty.all():
                return _covered(kind, places, parts, self.shape)
            x = _put(x, kind, places, parts)
        return x


def _covered(kind: Kind, places: Sequence[Place], parts: Sequence[Value], shape: tuple[int, ...]) -> Value:
    """The parts side by side, when nothing is left of the array."""
    if not places[0]:
        return _oriented(parts[0], kind)
    counted = [k for k, ranges in enumerate(kind) if ranges is None]
    if len(counted) == 1:
        return _oriented(_stacked(parts, counted[0]), kind)
    sizes = [shape[k] for k in counted]
    rest = [k for k in range(len(shape)) if k not in counted]
    whole = np.reshape(_stacked(parts, 0), (*sizes, *(shape[k] for k in rest)))
    order = [*counted, *rest]
    back = tuple(order.index(k) for k in range(len(shape)))
    return _oriented(whole if back == tuple(range(len(shape))) else np.transpose(whole, back), kind)


def _oriented(whole: Value, kind: Kind) -> Value:
    """In rising order along every axis."""
    falling = tuple([slice(None, None, -1) if ranges and ranges.step < 0 else slice(None) for ranges in kind])
    return whole if falling == (slice(None),) * len(kind) else whole[falling]


def _put(x: Value, kind: Kind, places: Sequence[Place], parts: Sequence[Value]) -> Value:
    if len(parts) == 1:
        return write(x, parts[0], template=template_of(_filled(kind, places[0])))
    counted = [k for k, ranges in enumerate(kind) if ranges is None]
    if len(counted) == 1:
        return _put_along(x, kind, counted[0], [place[0] for place in places], parts)
    beside = counted[-1] - counted[0] + 1 == len(counted)
    columns = [np.array(column) for column in zip(*places, strict=True)]
    template = template_of(_filled(kind, (ARRAY,) * len(counted)))
    return write(x, _stacked(parts, counted[0] if beside else 0), *columns, template=template)


def _put_along(x: Value, kind: Kind, axis: int, places: Sequence[int], parts: Sequence[Value]) -> Value:
    """Parts that lie along one axis; as a slice if they are evenly spaced."""
    joined, even = _stacked(parts, axis), range(places[0], places[-1] + 1, places[1] - places[0])
    if list(even) == list(places):
        return write(x, joined, template=template_of(tuple([even if r is None else r for r in kind])))
    template = template_of(_filled(kind, (ARRAY,)))
    return write(x, joined, np.array(places), template=template)


def _filled(kind: Kind, entries: Sequence[Any]) -> Any:
    left = iter(entries)
    return tuple([next(left) if ranges is None else ranges for ranges in kind])


def _stacked(parts: Sequence[Value], axis: int) -> Value:
    return stack(*parts, axis=axis)
