"""Writes that have not been put into an array yet.

A loop that fills an array writes an entry, or a row, at a time, and reads the last one back. Each write as a
new array would take the square of the time. Writes are therefore kept aside: what was written is read back as
it was, and only when the array is used as a whole, or read across what was written, are they put into it, all
at once. Where they cover the array they *are* the array, stacked up.
"""

from __future__ import annotations

import itertools
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
        """What was written to a box, if nothing else is needed to tell; None if there is more to it.

        That is one part, or several of one kind side by side, such as the entries of a row.
        """
        exact = self._exactly(box)
        return self._made_of_several(box) if exact is None else exact

    def _exactly(self, box: Box) -> Value:
        return self.groups.get(_kind(box), {}).get(_place(box))

    def _made_of_several(self, box: Box) -> Value:
        for kind, group in self.groups.items():
            if all(ranges is None or ranges == places for ranges, places in zip(kind, box, strict=True)):
                places = list(itertools.product(*_counted(kind, box)))
                if places and all(place in group for place in places):
                    return _side_by_side(kind, box, [group[place] for place in places])
        return None

    def add(self, box: Box, part: Value) -> bool:
        """Keep a write aside; False if it overlaps others without taking the place of one."""
        if self._exactly(box) is None and self.touches(box):
            return False
        self.groups.setdefault(_kind(box), {})[_place(box)] = part
        self._dirty[template_of(box)] = True
        self.latest = object()
        return True

    def _whole(self, kind: Kind, parts: Sequence[Value]) -> Value:
        everything = [
            range(n) if ranges is None else ranges for n, ranges in zip(self.shape, kind, strict=True)
        ]
        return parts[0] if None not in kind else _side_by_side(kind, tuple(everything), parts)

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
                return _oriented(self._whole(kind, parts), kind)
            x = _put(x, kind, places, parts)
        return x


def _counted(kind: Kind, box: Box) -> list[Sequence[int]]:
    """The places of a box along the axes along which the parts of a kind lie side by side."""
    pairs = zip(kind, box, strict=True)
    return [k if isinstance(k, range) else (k,) for ranges, k in pairs if ranges is None]


def _side_by_side(kind: Kind, box: Box, parts: Sequence[Value]) -> Value:
    """The parts that make up a box, in the order of their places, as its array."""
    stacked = [k for k, ranges in enumerate(kind) if ranges is None and isinstance(box[k], range)]
    axes = [k for k, places in enumerate(box) if isinstance(places, range)]
    if len(stacked) == 1:
        return stack(*parts, axis=axes.index(stacked[0]))
    order = [*stacked, *(k for k in axes if k not in stacked)]
    whole = np.reshape(stack(*parts, axis=0), [len(box[k]) for k in order])  # type: ignore[arg-type]
    back = [order.index(k) for k in axes]
    return whole if back == sorted(back) else np.transpose(whole, back)


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
