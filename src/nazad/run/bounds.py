"""Loops that leave out zeros and what nobody uses: a range of one axis for each place on another.

Half of a triangle is left out by an inner loop that runs up to where the outer one stands. Where operands of
a product have zeros (:mod:`nazad.run.sparsity`) that is an axis that is added up, bounded by one of the
result; where entries of the result are not needed, it is one axis of the result, bounded by another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nazad.graph import Node
from nazad.run.masks import Numbers, multiplied
from nazad.run.sparsity import Sparsity

_WORTH = 0.25
"""The part of the points of its two axes that a bound has to save."""
Factors = Sequence[tuple[Numbers, Sequence[int]]]
"""Masks, with a letter for each of their dimensions."""
Pairs = Sequence[tuple[int, int]]


class Bound(NamedTuple):
    """The part of an axis that counts, for each place on another one: from low up to high, without it."""

    axis: int
    by: int
    low: tuple[int, ...]
    high: tuple[int, ...]


class Bounds(NamedTuple):
    """Bounds for the loops of a product; None where too little would be saved."""

    zero: Bound | None
    """Of an axis that is added up, by one of the result: all outside adds zeros."""
    needed: Bound | None
    """Of an axis of the result, by another one: all outside is used by nobody."""


def bounds(found: Sparsity, v: Node, terms: Sequence[Sequence[int]], output: Sequence[int]) -> Bounds:
    """Ranges of the axes of a product.

    Parameters
    ----------
    found : Sparsity
        From :func:`nazad.run.sparsity.analyse`.
    v : Node
        The product.
    terms, output : sequences of int
        The dimensions of the operands and of the result as letters, which are numbers that they share.

    Returns
    -------
    Bounds
        Of each kind the one that saves most of the points of its two axes, if that is a quarter of them.

    Examples
    --------
    >>> import nazad as nz
    >>> from nazad.run.sparsity import analyse
    >>> G = nz.trace(lambda A, b: np.tril(A) @ b, np.ones((3, 3)), np.ones(3))
    >>> found = analyse(G, G.forward([np.ones((3, 3)), np.ones(3)]))
    >>> bounds(found, G.sinks[0], [[0, 1], [1]], [0]).zero
    Bound(axis=1, by=0, low=(0, 0, 0), high=(1, 2, 3))
    """
    zeros = [(found.zero[p], term) for p, term in zip(v.preds, terms, strict=True)]
    alive = [(~zero, term) for zero, term in zeros if zero is not None]
    mask = found.needed[v]
    needed = [] if mask is None else [(mask, output)]
    return Bounds(_best(alive, _inner(alive, output)), _best(needed, _outer(needed)))


def _inner(alive: Factors, output: Sequence[int]) -> Pairs:
    """Axes that are added up, each with those of the result that the same operand has."""
    told = [_told(*factor) for factor in alive]
    return [(a, b) for letters in told for a in letters for b in letters if a not in output and b in output]


def _outer(needed: Factors) -> Pairs:
    """Two axes of the result, the later one first: the innermost loop is the one to be cut short."""
    told = [_told(*factor) for factor in needed]
    return [(a, b) for letters in told for a in reversed(letters) for b in letters if a != b]


def _told(mask: Numbers, term: Sequence[int]) -> list[int]:
    """The letters along which a mask is not alike."""
    return [c for c, n in zip(term, mask.shape, strict=True) if n > 1]


def _best(factors: Factors, pairs: Pairs) -> Bound | None:
    """The bound that leaves the smallest part of the points of its axes, the first one of equals."""
    sizes = {c: n for mask, term in factors for c, n in zip(term, mask.shape, strict=True) if n > 1}
    least, best = 1 - _WORTH, None
    for axis, by in dict.fromkeys(pairs):
        region = multiplied(factors, (axis, by))
        if region is None:
            continue
        low, high = _ranges(np.broadcast_to(region, (sizes[axis], sizes[by])))
        left = float(np.mean(high - low)) / sizes[axis]
        if left < least or (best is None and left == least):
            least, best = left, Bound(axis, by, tuple(low.tolist()), tuple(high.tolist()))
    return best


def _ranges(region: Numbers) -> tuple[Numbers, Numbers]:
    """For each column the first row that holds, and the one behind the last; 0 and 0 if none does."""
    high = len(region) - region[::-1].argmax(axis=0)
    return region.argmax(axis=0), np.where(region.any(axis=0), high, 0)
