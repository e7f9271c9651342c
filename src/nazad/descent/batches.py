"""Data as rows, and rows in blocks: all of them, one at a time, or a minibatch.

The lecture draws a random observation for every step. Here all rows are shuffled instead, anew in every
epoch, and taken in that order: each is met exactly once per epoch. In every single step the rows are still a
uniformly random subset, so the mean of their gradients is still an unbiased estimate of the full one.

An epoch of S rows has P = ⌈S/B⌉ batches of at most B rows, and no two of them differ by more than one row.
Cut at B, the last would be whatever remains, and each row in it could weigh up to B times as much as the
others: no single epoch would pull where the full gradient does, however short its steps. A single row more
still matters for small batches; so the loop lets a batch of n rows count n/(S/P) times, which is near 1, or 1
where P divides S. At a fixed θ, with gᵢ the gradient on row i, the mean over an epoch is then

    1/P Σⱼ nⱼP/S · (1/nⱼ Σ_{i in batch j} gᵢ) = 1/S Σᵢ gᵢ,

the full gradient, exactly and in every epoch.

The order of an epoch depends on the seed and the number of the epoch alone, and not on what was drawn before,
so that a run can be taken up in the middle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nazad.descent.vectors import whole_number
from nazad.errors import ArgumentError, ShapeError
from nazad.tree import Tree, flatten, paths, tree_map, unflatten

Index = NDArray[np.intp]
Rng = Any  # what np.random.default_rng takes: SPEC 7


class Rows:
    """Arrays that agree on axis 0, to be cut into blocks of rows.

    Parameters
    ----------
    data : array_like or pytree of array_like, optional
        One array, or a tuple, dict or other structure of arrays; sparse matrices of SciPy's are arrays, too.
        None: there are no rows.

    Attributes
    ----------
    count : int
        The number of rows; 0 without data.
    args : tuple
        All rows, as the loss takes them behind the parameters: the entries of a tuple are arguments of their
        own, and anything else is one argument.

    Raises
    ------
    ShapeError
        If the arrays disagree about the number of rows, or have none.

    Examples
    --------
    >>> rows = Rows((np.eye(3), np.array([1, 0, 1])))
    >>> rows.count
    3
    >>> rows.take(np.array([2]))
    (array([[0., 0., 1.]]), array([1]))
    """

    def __init__(self, data: Tree = None) -> None:
        leaves, structure = flatten(data)
        labels = ["data" + path for path in paths(data)]
        arrays = [_array(x, label) for x, label in zip(leaves, labels, strict=True)]
        if data is not None and not arrays:
            raise ArgumentError(f"data {data!r:.40} has no arrays in it", "Give arrays, or leave it out.")
        self.count = _agreed({label: x.shape[0] for x, label in zip(arrays, labels, strict=True)})
        self.args: tuple[Any, ...] = self._arguments(unflatten(structure, arrays))

    @staticmethod
    def _arguments(data: Tree) -> tuple[Any, ...]:
        if data is None:
            return ()
        # named tuples are records, and stay whole
        return data if type(data) is tuple else (data,)

    def take(self, index: Index) -> tuple[Any, ...]:
        """The arguments of the loss, cut to these rows."""
        args: tuple[Any, ...] = tree_map(lambda x: x[index], self.args)
        return args


def _array(x: Any, label: str) -> Any:
    """An array; a sparse matrix of SciPy's by rows, of which some can be taken."""
    if hasattr(x, "tocsr"):
        return x.tocsr()
    array = np.asarray(x)
    if array.dtype == object:
        met = f"{label} is {type(x).__name__}, which is no array of numbers"
        raise ArgumentError(met, "Give NumPy arrays, or sparse matrices of SciPy's.")
    if array.ndim == 0:
        raise ShapeError(f"{label} is {x!r:.40} and has no rows", "Data are arrays with a row per example.")
    return array


def in_full(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same rows without sparse matrices, whose rows cannot go by themselves."""
    full: tuple[Any, ...] = tree_map(lambda x: x.toarray() if hasattr(x, "tocsr") else x, args)
    return full


def _agreed(counts: dict[str, int]) -> int:
    if len(set(counts.values())) > 1:
        met = ", ".join(f"{label} has {count}" for label, count in counts.items())
        raise ShapeError(f"arrays differ in their number of rows: {met}", "They agree on axis 0.")
    count = next(iter(counts.values()), None)
    if count == 0:
        raise ShapeError(f"{next(iter(counts))} has no rows", "Data have at least one row.")
    return count or 0


class Batch(NamedTuple):
    """Which rows come next, in which epoch, and how much their mean counts in it."""

    epoch: int
    rows: Index
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Batches:
    """The rows of a data set in blocks, shuffled anew in every epoch.

    Made by :meth:`of`.

    Attributes
    ----------
    rows : Rows
        The data.
    size : int or None
        The most rows in a block; None for all of them, in their own order.
    seed : tuple of int
        What the order of the rows depends on, together with the epoch.

    Examples
    --------
    >>> batches = Batches.of(np.arange(5.0), batch_size=2, rng=0)
    >>> [block.tolist() for (block,) in batches.epoch(0)]
    [[2.0], [1.0, 3.0], [4.0, 0.0]]
    >>> batches.per_epoch, batches.least
    (3, 1)
    """

    rows: Rows
    size: int | None
    seed: tuple[int, ...]

    @classmethod
    def of(cls, data: Tree = None, batch_size: int | None = None, rng: Rng = None) -> Batches:
        """Cut data into blocks.

        Parameters
        ----------
        data : array_like or pytree of array_like, optional
            Arrays that agree on axis 0.
        batch_size : int, optional
            The most rows in a block; all blocks have as many, or else all have fewer, and differ by one at
            most. From the number of rows on, as by default, there is one block, of all rows in their order.
        rng : int, Generator or None
            The seed, as in SPEC 7. A generator is drawn from once.
        """
        rows = Rows(data)
        if batch_size is None:
            return cls(rows, None, ())
        size = whole_number(batch_size, "batch_size", 1)
        if data is None:
            raise ArgumentError(f"batch_size is {size}, and there are no data", "Give data, or leave it out.")
        return cls(rows, None if size >= rows.count else size, seed_of(rng))

    @cached_property
    def per_epoch(self) -> int:
        """The number of blocks in an epoch."""
        return 1 if self.size is None else -(-self.rows.count // self.size)

    @property
    def least(self) -> int:
        """The number of rows in the smallest block; no other has more than one row more."""
        return self.rows.count // self.per_epoch

    def order(self, epoch: int) -> Index:
        """The rows in the order of an epoch."""
        if self.size is None:
            return self._unshuffled
        return np.random.default_rng([*self.seed, epoch]).permutation(self.rows.count)

    @cached_property
    def _unshuffled(self) -> Index:
        return np.arange(self.rows.count)

    def stream(self, first: int = 0) -> Iterator[Batch]:
        """Which rows come in every step, without end, from the step with this index on."""
        S, P = self.rows.count, self.per_epoch
        epoch, skipped = divmod(first, P)
        while True:
            order = self.order(epoch)
            for k in range(skipped, P):
                rows = order[k * S // P : (k + 1) * S // P]
                yield Batch(epoch, rows, len(rows) * P / S if S else 1.0)
            epoch, skipped = epoch + 1, 0

    def take(self, batch: Batch) -> tuple[Any, ...]:
        """The rows of a batch, as arguments of the loss; all rows are not copied."""
        return self.rows.args if self.size is None else self.rows.take(batch.rows)

    def epoch(self, epoch: int) -> Iterator[tuple[Any, ...]]:
        """The blocks of one epoch, each as the arguments of the loss behind the parameters.

        Their weights are those of :meth:`stream`.
        """
        for batch in self.stream(epoch * self.per_epoch):
            if batch.epoch > epoch:
                return
            yield self.take(batch)


def seed_of(rng: Rng) -> tuple[int, ...]:
    """128 bits drawn from what SPEC 7 allows: an int, a Generator, None and their like.

    Examples
    --------
    >>> seed_of(7) == seed_of(np.random.default_rng(7))
    True
    """
    try:
        generator = np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        remedy = "Give a whole number from 0, a numpy.random.Generator or None."
        raise ArgumentError(f"rng is {rng!r:.40}", remedy) from error
    return tuple(generator.integers(2**32, size=4, dtype=np.uint32).tolist())
