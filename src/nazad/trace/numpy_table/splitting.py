"""Functions that take an array apart."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from nazad.graph import Value, rank_of, shape_of
from nazad.ops import structure
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import array, one_axis


@rule(np.array_split)
def _array_split(ary: Value, indices_or_sections: Any, axis: int = 0) -> Any:
    place = one_axis(axis, rank_of(ary))
    size = shape_of(ary)[place]
    if isinstance(indices_or_sections, (int, np.integer)):
        small, rest = divmod(size, int(indices_or_sections))
        ends = list(itertools.accumulate(small + (k < rest) for k in range(int(indices_or_sections))))[:-1]
    else:
        ends = [int(e) for e in indices_or_sections]
    return [ary[structure.at_axis(place, slice(a, b))] for a, b in itertools.pairwise([0, *ends, size])]


@rule(np.split)
def _split(ary: Value, indices_or_sections: Any, axis: int = 0) -> Any:
    if isinstance(indices_or_sections, (int, np.integer)) and shape_of(ary)[axis] % indices_or_sections:
        raise ValueError("array split does not result in an equal division")
    return _array_split(ary, indices_or_sections, axis)


def _split_along(axis: int, least: int) -> Callable[..., Any]:
    def split(ary: Value, indices_or_sections: Any) -> Any:
        if rank_of(ary) < least:
            raise ValueError(f"splitting along this axis only works on arrays of {least} or more dimensions")
        return _split(ary, indices_or_sections, min(axis, rank_of(ary) - 1))

    return split


rule(np.hsplit)(_split_along(1, 1))
rule(np.vsplit)(_split_along(0, 2))
rule(np.dsplit)(_split_along(2, 3))


@rule(np.unstack)
def _unstack(x: Value, axis: int = 0) -> Any:
    return tuple(np.moveaxis(array(x), axis, 0))
