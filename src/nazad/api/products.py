"""The products of a sparse Jacobian with vectors of zeros and ones, and how its entries come of them.

For each colour there is a *seed* for each argument (or result, where rows are coloured), one where an entry
has that colour. The product of the Jacobian with it is an array for each result (or argument), and in each of
these arrays there is a *goal* for every entry that is an entry of the Jacobian: its place among those that
CSR stores. Values are written straight to their goals; among traced values by a single ``scatter``, whose
places are constants that a compiled program need not store where they count evenly.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nazad.api.rows import vmap
from nazad.graph import Graph, Traced, Value, dtype_of, shape_of, zeros_like
from nazad.ops.structure import ARRAY, Layout, scatter
from nazad.trace import Run
from nazad.transform.coloring import Coloring
from nazad.transform.forward import pushforward
from nazad.transform.pattern.pieces import End, Piece, ends, split, starts

Numbers = np.ndarray[Any, Any]

_BATCH = 1 << 25  # numbers in the largest array of one batch
_FEW = 64  # colours that are written out one by one in a trace, where arrays are large
_FEWER = 16  # and where they are small
_LARGE = 1 << 12  # numbers in an array from which on a batch of them no longer fits into the cache


class Products:
    """What has to be worked out for a coloured Jacobian, and where it goes.

    Parameters
    ----------
    done : Run
        A trace of the function.
    colored : Coloring
        The colours.
    matrix : scipy.sparse.csr_array
        The pattern.
    """

    def __init__(self, done: Run, colored: Coloring, matrix: Any) -> None:
        graph, F = done.graph, done.F
        self._by_rows, self._size = colored.by_rows, int(matrix.nnz)
        self._arguments, self._results = starts(graph, F), ends(graph, F)
        self._dtype = _dtype(
            F[v] for v in (graph.sinks if self._size and not self._by_rows else graph.leaves)
        )
        seeded, read = self._arguments, self._results
        if self._by_rows:
            seeded, read = read, seeded
        dtypes = [zeros_like(F[graph.nodes[end.place]]).dtype for end in seeded]
        most = max(1, _BATCH // _largest(done))
        self.batches = _batches(colored, seeded, dtypes, _goals(colored, matrix, read), len(read), most)

    def data(self, done: Run) -> Value:
        """The entries of the Jacobian at a point, in the order in which CSR stores them.

        Parameters
        ----------
        done : Run
            Another trace of the same graph.
        """
        nodes = done.graph.nodes
        made = [nodes[end.place] for end in self._results]
        within = Graph(done.graph.leaves, made, nodes).without_dead()
        with np.errstate(all="ignore"):
            found = [pair for batch in self.batches for pair in self._found(done, within, batch)]
        return _collected(found, self._size, self._dtype)

    def _found(self, done: Run, within: Graph, batch: Batch) -> list[tuple[Value, Goal]]:
        """The products of all colours, with their goals."""
        along = functools.partial(self._pulled if self._by_rows else self._pushed, done, within, batch)
        if _is_one_batch(done, batch.colors.size):
            whole = vmap(lambda *seeds: tuple(along(seeds, every=True)))(*batch.seeds)
            return list(zip(whole, batch.together, strict=True))
        found = []
        for seeds, goals in zip(zip(*batch.seeds, strict=True), batch.goals, strict=True):
            values = along(seeds)
            found += [(x, goal) for x, goal in zip(values, goals, strict=True) if goal is not None]
        return found

    def _pushed(
        self, done: Run, within: Graph, batch: Batch, seeds: Sequence[Value], every: bool = False
    ) -> list[Value]:
        """The product of the Jacobian with a seed: an array for each end; None may stand for zeros."""
        x_dots = {within.leaves[k]: x_dot for k, x_dot in zip(batch.arrays, seeds, strict=True)}
        tangents = pushforward(within, done.F, x_dots, drop_zeros=True)
        ys = [within.sinks[k] for k in batch.reads]
        return [zeros_like(done.F[y]) if every and y not in tangents else tangents.get(y) for y in ys]

    def _pulled(
        self, done: Run, within: Graph, batch: Batch, seeds: Sequence[Value], every: bool = False
    ) -> list[Value]:
        """The product of a seed with the Jacobian: an array for each argument."""
        y_bars = dict(zip(batch.arrays, seeds, strict=True))
        B = within.backward(done.F, [y_bars.get(k) for k in range(len(within.sinks))], wrt=within.leaves)
        return [B[within.leaves[k]] for k in batch.reads]


class Goal:
    """Which entries of an array go where.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array.
    at : ndarray of int or None
        Which of its entries, counted as in C; None for all.
    places : ndarray of int
        The place of each.
    """

    def __init__(self, shape: tuple[int, ...], at: Numbers | None, places: Numbers) -> None:
        self.shape, self.at, self.places = shape, at, places

    @functools.cached_property
    def pieces(self) -> list[Piece]:
        """The same in pieces that count evenly."""
        whole = np.full(math.prod(self.shape), -1)
        whole[slice(None) if self.at is None else self.at] = self.places
        return split(whole.reshape(self.shape))

    def taken(self, value: Value) -> Value:
        """What goes to the places."""
        flat = np.ravel(value)
        return flat if self.at is None else flat[self.at]


class Batch:
    """Colours that touch the same arrays.

    Attributes
    ----------
    colors : ndarray of int
        The colours.
    arrays : list of int
        The arrays that they touch; the others stand still meanwhile.
    seeds : list of ndarray
        For each of these arrays the seeds of all colours.
    reads : list of int
        The arrays in which entries are found.
    goals : list of list of Goal
        For each colour and each of these arrays where they go; None where there are no entries.
    """

    def __init__(
        self, colors: Numbers, seeds: dict[int, Numbers], goals: dict[tuple[int, int], Goal], count: int
    ) -> None:
        self.colors, self.arrays, self.seeds = colors, list(seeds), list(seeds.values())
        self.reads = [k for k in range(count) if any((c, k) in goals for c in colors.tolist())]
        self.goals = [[goals.get((c, k)) for k in self.reads] for c in colors.tolist()]

    @functools.cached_property
    def together(self) -> list[Goal]:
        """The goals in the arrays of all colours in a row."""
        return [_stacked(goals) for goals in zip(*self.goals, strict=True)]


def _stacked(goals: Sequence[Goal | None]) -> Goal:
    shape = next(goal.shape for goal in goals if goal is not None)
    size = math.prod(shape)
    known = [(k, goal) for k, goal in enumerate(goals) if goal is not None]
    at = [size * k + (np.arange(size) if goal.at is None else goal.at) for k, goal in known]
    return Goal((len(goals), *shape), np.concatenate(at), np.concatenate([goal.places for _, goal in known]))


def _batches(
    colored: Coloring,
    seeded: Sequence[End],
    dtypes: Sequence[np.dtype[Any]],
    goals: dict[tuple[int, int], Goal],
    count: int,
    most: int,
) -> list[Batch]:
    """All colours, by the arguments (or results) that they touch, at most so many at once."""
    own = [colored.colors[end.numbers] for end in seeded]
    touched = np.zeros((colored.number, len(seeded)), bool)
    for k, colors in enumerate(own):
        touched[colors[colors >= 0], k] = True
    made = []
    for kind in np.unique(touched, axis=0):
        alike = np.flatnonzero((touched == kind).all(axis=1))
        for some in (alike[k : k + most] for k in range(0, alike.size, most)):
            seeds = {k: _seeds(some, own[k], dtypes[k]) for k in np.flatnonzero(kind).tolist()}
            made.append(Batch(some, seeds, goals, count))
    return made


def _seeds(some: Numbers, colors: Numbers, dtype: np.dtype[Any]) -> Numbers:
    """For each of some colours an array that is one where that colour is."""
    hit = np.equal(some.reshape((-1, *(1,) * colors.ndim)), colors)
    return hit.astype(dtype)


def _goals(colored: Coloring, matrix: Any, read: Sequence[End]) -> dict[tuple[int, int], Goal]:
    """For each colour and each array the entries that are found there."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    seeded, met = (rows, matrix.indices) if colored.by_rows else (matrix.indices, rows)
    number = matrix.shape[colored.by_rows]
    end_of, at, spot = np.zeros((3, number), int)
    sizes = [end.numbers.size for end in read]
    for k, (end, start) in enumerate(zip(read, itertools.accumulate(sizes, initial=0), strict=False)):
        line = np.ravel(end.numbers)
        end_of[line], at[line], spot[line] = k, np.arange(line.size), start + np.arange(line.size)
    color = colored.colors[seeded]
    order = _sorted_by(color, spot[met], colored.number)
    kinds = color[order] * len(read) + end_of[met[order]]
    found = {}
    for places in np.split(order, np.flatnonzero(np.diff(kinds)) + 1) if order.size else []:
        k = int(end_of[met[places[0]]])
        shape = read[k].numbers.shape
        whole = places.size == math.prod(shape)
        found[int(color[places[0]]), k] = Goal(shape, None if whole else at[met[places]], places)
    return found


def _sorted_by(color: Numbers, spot: Numbers, number: int) -> Numbers:
    """The order by colour, and within a colour by spot."""
    order = np.argsort(spot, kind="stable")
    small = color[order].astype(np.min_scalar_type(number))  # which are sorted in one pass
    return order[np.argsort(small, kind="stable")]


def _collected(found: Sequence[tuple[Value, Goal]], size: int, dtype: np.dtype[Any]) -> Value:
    """Everything at its place; zero where nothing goes."""
    if any(isinstance(value, Traced) for value, _ in found):
        return _scattered(found, size, dtype)
    out = np.zeros(size, dtype)
    for value, goal in found:
        if value is not None:
            out[goal.places] = goal.taken(value)
    return out


def _scattered(found: Sequence[tuple[Value, Goal]], size: int, dtype: np.dtype[Any]) -> Value:
    """The same of traced values; zeros that are known are written like all others, so that all is covered."""
    parts: list[Value] = []
    templates = []
    for value, goal in found:
        for read, places in goal.pieces:
            parts.append(_read(value, read, places.shape, dtype))
            templates.append((ARRAY,) if places.ndim else (int(places),))
            parts += [places] if places.ndim else []
    whole = len(found) == 1 and np.array_equal(np.ravel(parts[-1]), np.arange(size))
    if whole and dtype_of(parts[0]) == dtype and templates == [(ARRAY,)]:
        return np.reshape(parts[0], (size,))
    return scatter(*parts, layout=Layout(templates), shape=(size,), dtype=dtype)


def _read(value: Value, read: tuple[Any, ...], shape: tuple[int, ...], dtype: np.dtype[Any]) -> Value:
    if value is None:
        return np.zeros(shape, dtype)
    return value[read] if read else value


def _dtype(values: Any) -> np.dtype[Any]:
    return np.result_type(*[zeros_like(x).dtype for x in values])


def _is_one_batch(done: Run, size: int) -> bool:
    """Whether so many colours are worked on at once.

    That saves time where arrays are small; large ones are worked on faster one colour after another. In a
    trace it saves nodes, but zeros of the seeds are seen only in one colour after another.
    """
    large = _largest(done) >= _LARGE
    if done.trace.nested:
        return size > (_FEW if large else _FEWER)
    return size > 1 and not large


def _largest(done: Run) -> int:
    values = (done.F[v] for v in done.graph.nodes)
    arrays = (x for value in values for x in (value if type(value) is tuple else (value,)))
    return max(1, *(math.prod(shape_of(x)) for x in arrays))
