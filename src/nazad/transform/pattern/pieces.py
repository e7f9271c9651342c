"""Where the entries of a sparse Jacobian are found among its products, and where each of them goes.

A product of the Jacobian with a seed is an array for each result. The results are looked at where they were
made, before they were reshaped and joined (:func:`ends`), so that nothing is joined to be taken apart again.

The entries of one colour in one such array go to known places of the vector of all entries. Where the problem
is regular these places count evenly along the dimensions of the array, perhaps in several pieces
(:func:`split`), and then a compiled program needs no table of them.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad.graph import Graph, Node, Value, shape_of
from nazad.ops import structure

Numbers = np.ndarray[Any, Any]

_PIECES = 4  # into how many pieces places are split so that those of each count evenly
_SHORT = 4  # entries that a piece has on average at least
_NARROW = 4  # the length of an axis up to which each place on it may be a piece of its own


class End(NamedTuple):
    """A node whose entries are entries of the results, or of the arguments.

    Attributes
    ----------
    place : int
        Where the node stands in its graph.
    numbers : ndarray of int
        For every entry its number among all entries of the results, or of the arguments.
    """

    place: int
    numbers: Numbers


class Piece(NamedTuple):
    """Entries that are read from an array together.

    Attributes
    ----------
    read : tuple
        The index that reads them.
    places : ndarray of int
        For each where it goes.
    """

    read: tuple[Any, ...]
    places: Numbers


# --- where results were made
def ends(graph: Graph, F: Mapping[Node, Value]) -> list[End]:
    """The arrays that the results are made of, by reshaping and joining alone.

    Examples
    --------
    >>> import nazad as nz
    >>> def f(x):
    ...     return np.concatenate([np.sin(x), np.ravel(np.outer(x, x).T)])
    >>> G = nz.trace(f, np.ones(2))
    >>> for end in ends(G, G.forward([np.ones(2)])):
    ...     print(G.nodes[end.place].op.name, end.numbers.tolist())
    sin [0, 1]
    multiply [[2, 4], [3, 5]]
    """
    found: list[End] = []
    place = {v: k for k, v in enumerate(graph.nodes)}
    for whole in _numbered(graph.sinks, F):
        todo = [whole]
        while todo:
            v, numbers = todo.pop()
            before = list(_before(v, numbers, F))
            todo += reversed(before)
            if not before:
                found.append(End(place[v], numbers))
    return found


def starts(graph: Graph, F: Mapping[Node, Value]) -> list[End]:
    """The arguments, their entries numbered one after another."""
    place = {v: k for k, v in enumerate(graph.nodes)}
    return [End(place[v], numbers) for v, numbers in _numbered(graph.leaves, F)]


def _numbered(nodes: Sequence[Node], F: Mapping[Node, Value]) -> Iterator[tuple[Node, Numbers]]:
    start = 0
    for v in nodes:
        shape = shape_of(F[v])
        yield v, np.arange(start, start + math.prod(shape)).reshape(shape)
        start += math.prod(shape)


def _before(v: Node, numbers: Numbers, F: Mapping[Node, Value]) -> Iterator[tuple[Node, Numbers]]:
    """What a node was made of if it only puts together, with the numbers of the entries there."""
    if v.op is structure.reshape:
        yield v.preds[0], numbers.reshape(shape_of(F[v.preds[0]]))
    elif v.op is structure.transpose:
        yield v.preds[0], numbers.transpose(np.argsort(v.params["axes"]))
    elif v.op is structure.stack:
        for k, p in enumerate(v.preds):
            yield p, numbers.take(k, v.params["axis"])
    elif v.op is structure.concatenate:
        cut = np.split(numbers, v.params["ends"][:-1], v.params["axis"])
        yield from zip(v.preds, cut, strict=True)


# --- where entries go
def split(places: Numbers) -> list[Piece]:
    """The pieces of an array whose entries go to these places; -1 for an entry that is not wanted.

    Few pieces whose places count evenly, or else one.

    Examples
    --------
    >>> for piece in split(np.array([-1, 0, 3, 6, 9, 20, 21, 22])):
    ...     print(piece)
    Piece(read=(slice(1, 5, 1),), places=array([0, 3, 6, 9]))
    Piece(read=(slice(5, 8, 1),), places=array([20, 21, 22]))
    >>> split(np.array([4, 1, -1, 7, 0, 2]))
    [Piece(read=(array([0, 1, 3, 4, 5]),), places=array([4, 1, 7, 0, 2]))]
    """
    found = _evenly(places, _PIECES)
    if found is not None:
        return found
    box = _box(places >= 0)
    read = np.nonzero(places >= 0) if box is None else box
    return [Piece(read, np.asarray(places[read]))]


def _evenly(places: Numbers, most: int) -> list[Piece] | None:
    """At most so many pieces with even places; None if there are more."""
    if not np.any(places >= 0):
        return []
    if most < 1:
        return None
    box = _box(places >= 0)
    if box is not None and is_even(places[box]):
        return [Piece(box, np.asarray(places[box]))]
    if places.ndim == 1:
        return _in_runs(places, most)
    axis = min(range(places.ndim), key=places.shape.__getitem__)
    return _by_each(places, axis, most) if places.shape[axis] <= _NARROW else None


def _by_each(places: Numbers, axis: int, most: int) -> list[Piece] | None:
    """Each place along a short axis by itself."""
    found: list[Piece] = []
    for k in range(places.shape[axis]):
        pieces = _evenly(places.take(k, axis), most - len(found))
        if pieces is None:
            return None
        for read, there in pieces:
            rest = read or (slice(None),) * (places.ndim - 1)
            found.append(Piece((*rest[:axis], k, *rest[axis:]), there))
    return found


def _in_runs(places: Numbers, most: int) -> list[Piece] | None:
    """Along one axis: what counts evenly without interruption."""
    steps, wanted = np.diff(places), places >= 0
    turns = np.flatnonzero(steps[1:] != steps[:-1]) + 2
    holes = np.flatnonzero(wanted[1:] != wanted[:-1]) + 1
    if turns.size > 4 * most:  # a jump is two turns, and two at a hole
        return None
    found, start = [], 0
    while start < places.size:
        after = [*turns[turns > start + 1], *holes[holes > start], places.size]
        end = int(min(after))
        if wanted[start]:
            found.append(Piece((slice(start, end, 1),), places[start:end]))
        start = end
    return found if len(found) <= min(most, 1 + places.size // _SHORT) else None


def is_even(places: Numbers) -> bool:
    """Whether the places count evenly along each dimension.

    Examples
    --------
    >>> is_even(np.array([[3, 5], [4, 6]])), is_even(np.array([3, 5, 6]))
    (True, False)
    """
    first = places.ravel()[0]
    lines = [np.moveaxis(places, k, -1).ravel()[: places.shape[k]] for k in range(places.ndim)]
    steps = [np.arange(line.size) * (line[min(1, line.size - 1)] - first) for line in lines]
    even: Numbers = functools.reduce(np.add, np.ix_(*steps), first)
    return np.array_equal(even, places)


def _box(wanted: Numbers) -> tuple[slice, ...] | None:
    """The slices that read exactly what is wanted; none for all of it, None if there are none that do."""
    if wanted.all():
        return ()
    sides = [_side(wanted, axis) for axis in range(wanted.ndim)]
    if any(side is None for side in sides):
        return None
    box = tuple(side for side in sides if side is not None)
    return box if math.prod(wanted[box].shape) == np.count_nonzero(wanted) else None


def _side(wanted: Numbers, axis: int) -> slice | None:
    others = tuple(a for a in range(wanted.ndim) if a != axis)
    hit = np.flatnonzero(wanted.any(axis=others))
    step = int(hit[1] - hit[0]) if hit.size > 1 else 1
    if hit.size == 0 or np.any(np.diff(hit) != step):
        return None
    return slice(int(hit[0]), int(hit[-1]) + 1, step)
