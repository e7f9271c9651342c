"""A table of sets of columns, each with a number: unions of very many of them at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.extras import require

Numbers = np.ndarray[Any, Any]
"""For every entry of a value the number of its set of columns."""

_MOST = 1 << 28  # columns in all sets, from which on one set for many places is made instead
_FEW = 8  # sets whose union is made without sparse matrices


class Sets:
    """A table of sets of columns. Set 0 is empty, and set ``1 + k`` holds column ``k`` alone.

    Examples
    --------
    >>> sets = Sets(3)
    >>> sets.united(np.array([0, 0, 1]), np.array([1, 2, 3]), 2)
    array([4, 3], dtype=int32)
    >>> sets.matrix(np.array([4, 3])).toarray().astype(int)
    array([[1, 1, 0],
           [0, 0, 1]])
    """

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self._csr = require("scipy.sparse", "learn").csr_array
        self._members = _Growing(np.arange(columns, dtype=np.int32))
        self._starts = _Growing(np.r_[0, np.arange(columns + 1)].astype(np.int32))
        self._known: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._starts.all) - 1

    def matrix(self, numbers: Numbers) -> Any:
        """A row for each number, with True in the columns of its set."""
        return self._table()[numbers]

    def united(self, places: Numbers, numbers: Numbers, size: int) -> Numbers:
        """For so many places, the number of the union of all the sets that stand there."""
        if size == 1:
            return np.array([self._union(numbers)], np.int32)
        if numbers.size and not numbers.all():
            places, numbers = places[numbers != 0], numbers[numbers != 0]
        bags = self._csr((np.ones(numbers.size, bool), (places, numbers)), shape=(size, len(self)))
        held = np.diff(bags.indptr)
        result = np.zeros(size, np.int32)
        single, several = np.flatnonzero(held == 1), np.flatnonzero(held > 1)
        result[single] = bags.indices[bags.indptr[single]]
        if several.size:
            result[several] = self._unions(bags if several.size == size else bags[several])
        return result

    def _unions(self, bags: Any) -> Numbers:
        """The number of the union for each bag of two or more numbers."""
        first, which = _distinct(bags)
        rows = bags if first.size == which.size else bags[first]
        held = self._held(rows.indices)
        numbers, most = _largest(rows, held)
        unfilled = np.flatnonzero(most < self.columns)  # to a full set nothing can be added
        if self._starts.all[-1] + np.add.reduceat(held, rows.indptr[:-1])[unfilled].sum() > _MOST:
            return np.full(which.size, self._union(rows.indices))
        unions = self._united_rows(rows if unfilled.size == numbers.size else rows[unfilled])
        grown = np.flatnonzero(np.diff(unions.indptr) > most[unfilled])  # others are the largest of their bag
        new = unions if grown.size == unfilled.size else unions[grown]
        numbers[unfilled[grown]] = self._entered(new.indices, new.indptr[1:])
        return numbers[which]

    def _united_rows(self, bags: Any) -> Any:
        """For each bag the union of its sets, which for pairs is a sum and takes half the time."""
        table = self._table()
        if bags.nnz == 2 * bags.shape[0]:
            return table[bags.indices[::2]] + table[bags.indices[1::2]]
        unions = bags @ table
        unions.sort_indices()
        return unions

    def _union(self, numbers: Numbers) -> int:
        """The number of the union of all these sets."""
        bag = np.unique(numbers[numbers != 0])
        if bag.size < 2:
            return int(bag[0]) if bag.size else 0
        key = bag.tobytes()
        if key not in self._known:
            columns, held = self._columns(bag), self._held(bag)
            largest = int(held.argmax())
            grown = columns.size > held[largest]
            self._known[key] = int(self._entered(columns, [columns.size])[0] if grown else bag[largest])
        return self._known[key]

    def _columns(self, bag: Numbers) -> Numbers:
        """The columns of some sets; of a few without the price of a sparse matrix."""
        if bag.size <= _FEW:
            starts, members = self._starts.all, self._members.all
            return np.unique(np.concatenate([members[starts[k] : starts[k + 1]] for k in bag]))
        hit = np.zeros(self.columns, bool)
        hit[self._table()[bag].indices] = True
        return np.flatnonzero(hit)

    def _held(self, numbers: Numbers) -> Numbers:
        """How many columns each of these sets holds."""
        starts = self._starts.all
        held: Numbers = starts[numbers + 1].astype(np.int64) - starts[numbers]
        return held

    def _entered(self, columns: Numbers, ends: Any) -> Numbers:
        """The numbers of new sets, given by their columns one after another and where each ends."""
        first, filled = len(self), int(self._starts.all[-1])
        if filled + columns.size > np.iinfo(np.int32).max:
            raise MemoryError("the sets of the pattern of a Jacobian have more than 2**31 columns in all")
        self._members.extend(columns)
        self._starts.extend(np.add(ends, filled))
        return np.arange(first, len(self), dtype=np.int32)

    def _table(self) -> Any:
        members, starts = self._members.all, self._starts.all
        held = np.ones(members.size, bool)
        return self._csr((held, members, starts), shape=(starts.size - 1, self.columns))


class _Growing:
    """An array that is appended to, in time proportional to what is appended."""

    def __init__(self, start: Numbers) -> None:
        self._room, self._size = start, start.size

    @property
    def all(self) -> Numbers:
        return self._room[: self._size]

    def extend(self, more: Numbers) -> None:
        needed = self._size + more.size
        if needed > self._room.size:
            room = np.empty(max(needed, 2 * self._size), self._room.dtype)
            room[: self._size] = self.all
            self._room = room
        self._room[self._size : needed] = more
        self._size = needed


def _largest(rows: Any, held: Numbers) -> tuple[Numbers, Numbers]:
    """For each row the number of its largest set, and how much that holds."""
    both = np.maximum.reduceat(held << 32 | rows.indices, rows.indptr[:-1])
    return (both & 0xFFFFFFFF).astype(np.int32), both >> 32


def _distinct(bags: Any) -> tuple[Numbers, Numbers]:
    """The first row of each kind, and for every row which kind it is of.

    Rows are told apart by a sum of scrambled numbers, and those that agree in it are compared.
    """
    scrambled = (bags.indices.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    scrambled = (scrambled ^ (scrambled >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    sums = np.add.reduceat(scrambled ^ (scrambled >> np.uint64(32)), bags.indptr[:-1])
    _, first, which = np.unique(sums, return_index=True, return_inverse=True)
    if first.size < which.size:
        again = bags[first][which]
        if np.array_equal(again.indptr, bags.indptr) and np.array_equal(again.indices, bags.indices):
            return first, which
    return np.arange(which.size), np.arange(which.size)
