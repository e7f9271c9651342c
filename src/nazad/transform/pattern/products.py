"""The rules for products that sum over shared axes: matmul, einsum, and products with sparse matrices."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad.graph import CONSTANT, Node, Traced, Value, rank_of, shape_of
from nazad.ops import contraction
from nazad.transform.pattern.found import Dependencies
from nazad.transform.pattern.sets import Numbers

_PAIRS = 1 << 24  # pairs of entries up to which the zeros of a constant are used


def contracted(found: Dependencies, v: Node) -> Numbers | None:
    """Of each operand the union over the letters that the result does not have."""
    ranks = [rank_of(found.F[p]) for p in v.preds]
    terms, output = contraction.parse(v.params["subscripts"]) if v.params else _matmul_terms(*ranks)
    shape = shape_of(found.F[v])
    if any(len(set(term)) < len(term) for term in (*terms, output)):
        return found.everything(v)
    mask = _zeros_in_a_constant(found, v, terms)
    parts = []
    for p, term in zip(v.preds, terms, strict=True):
        if p in found.of:
            lettered = _narrow(found.of[p], term)
            part = None if mask is None else _by_places(found, lettered, mask, output)
            parts.append(_spread(part or _by_folding(found, lettered, output), output))
    return found.union(parts, shape)


class Lettered(NamedTuple):
    """An array whose axes have letters, those of length one left out."""

    array: Numbers
    letters: str

    @property
    def sizes(self) -> dict[str, int]:
        return dict(zip(self.letters, self.array.shape, strict=True))


def _matmul_terms(left: int, right: int) -> tuple[list[str], str]:
    """A product of matrices in the letters of einsum: capitals count what is stacked, from the right."""
    stacked = [_CAPITALS[len(_CAPITALS) - max(rank - 2, 0) :] for rank in (left, right)]
    rows, columns = "i" * (left > 1), "j" * (right > 1)
    return [f"{stacked[0]}{rows}k", f"{stacked[1]}k{columns}"], f"{max(stacked, key=len)}{rows}{columns}"


_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _narrow(array: Numbers, term: str) -> Lettered:
    letters = "".join(c for c, n in zip(term, array.shape, strict=True) if n != 1)
    return Lettered(np.reshape(array, tuple(n for n in array.shape if n != 1)), letters)


def _spread(part: Lettered, output: str) -> Numbers:
    """With the axes in the order of the result, of length one where it has others."""
    order = [part.letters.index(c) for c in output if c in part.letters]
    return np.reshape(np.transpose(part.array, order), tuple(part.sizes.get(c, 1) for c in output))


def _by_folding(found: Dependencies, x: Lettered, output: str) -> Lettered:
    gone = [k for k, c in enumerate(x.letters) if c not in output]
    return Lettered(found.folded(x.array, gone), "".join(c for c in x.letters if c in output))


def _zeros_in_a_constant(found: Dependencies, v: Node, terms: Sequence[str]) -> Lettered | None:
    """Where a constant operand is not zero; of several the emptiest, and None where none has a zero."""
    known = [
        (float(np.mean(_nonzero(found.F[p]))), k)
        for k, p in enumerate(v.preds)
        if p.op is CONSTANT and not isinstance(found.F[p], Traced) and np.size(found.F[p])
    ]
    share, k = min(known, default=(1.0, 0))
    mask = found.read(v.preds[k], _nonzero) if share < 1 else None
    return None if mask is None else _narrow(mask, terms[k])


def _nonzero(value: Value) -> Numbers:
    return np.asarray(np.not_equal(value, 0))


def _by_places(found: Dependencies, x: Lettered, mask: Lettered, output: str) -> Lettered | None:
    """Only what meets an entry that is not zero; None where there are too many pairs to write down."""
    sizes = mask.sizes | x.sizes
    free = [c for c in x.letters if c not in mask.letters]
    shape = int(np.count_nonzero(mask.array)), math.prod(sizes[c] for c in free)
    if shape[0] * shape[1] > _PAIRS:
        return None
    at = {c: k[:, None] for c, k in zip(mask.letters, np.argwhere(mask.array).T, strict=True)}
    steps = np.reshape(np.indices([sizes[c] for c in free]), (len(free), shape[1]))
    at |= dict(zip(free, steps, strict=True))
    kept = "".join(c for c in output if c in sizes)
    numbers = x.array.ravel()[_place(x.letters, at, sizes, shape)]
    goal = tuple(sizes[c] for c in kept)
    united = found.sets.united(_place(kept, at, sizes, shape), numbers, math.prod(goal))
    return Lettered(united.reshape(goal), kept)


def _place(letters: str, at: Mapping[str, Numbers], sizes: Mapping[str, int], shape: Any) -> Numbers:
    """Places in a flat array from places along its axes."""
    place = np.zeros(shape, int)
    for c in letters:
        place = place * sizes[c] + at[c]
    return place.ravel()


# --- sparse matrices
def of_a_sparse_matrix(found: Dependencies, v: Node) -> Numbers:
    """Each entry of the result depends on what its stored entries, and the entries that they meet, do."""
    data, indices, indptr, x = v.preds
    columns, starts = found.read(indices), found.read(indptr)
    if columns is None or starts is None:
        return found.everything(v)
    rows = np.repeat(np.arange(starts.size - 1), np.diff(starts))
    into, source = (columns, rows) if v.params["transposed"] else (rows, columns)
    shape = shape_of(found.F[v])
    spots = np.reshape(np.arange(math.prod(shape)), (shape[0], -1))[into]
    met = [np.reshape(found.of[data], (-1, 1))] if data in found.of else []
    if x in found.of:
        met.append(np.reshape(found.of[x], (shape_of(found.F[x])[0], -1))[source])
    numbers = [np.broadcast_to(part, spots.shape).ravel() for part in met]
    places = np.tile(spots.ravel(), len(met))
    return found.sets.united(places, np.concatenate(numbers), math.prod(shape)).reshape(shape)
