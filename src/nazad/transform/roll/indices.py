"""Indices of arrays: which axis an entry of a template stands for, and templates without it."""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.graph import Value
from nazad.ops.structure import ARRAY, Template


def axes_of(template: Template, rank: int) -> list[int]:
    """For each entry of a template the axis of the array that it reads, or the next one if it reads none.

    Examples
    --------
    >>> axes_of((slice(None), 3, ..., 0), 4)
    [0, 1, 2, 3]
    >>> axes_of((None, 3), 1)
    [0, 0]
    """
    hidden = rank - sum(entry is not None and entry is not Ellipsis for entry in template)
    axes: list[int] = []
    axis = 0
    for entry in template:
        axes.append(axis)
        axis += hidden if entry is Ellipsis else entry is not None
    return axes


def kept_before(template: Template, entry: int, rank: int) -> int:
    """How many axes of what is read stand before the place of an entry.

    Examples
    --------
    >>> kept_before((slice(None), 0, 3), 2, 3)
    1
    """
    before = template[:entry]
    hidden = rank - sum(e is not None and e is not Ellipsis for e in template)
    return sum(hidden if e is Ellipsis else type(e) is not int for e in before)


def without(template: Template, entry: int) -> Template:
    """The template for one row along the axis of an entry."""
    return (*template[:entry], *template[entry + 1 :])


def is_whole(template: Template) -> bool:
    """Whether everything is read, as it stands."""
    return (
        all(e is Ellipsis or e == slice(None) for e in template if e is not ARRAY) and ARRAY not in template
    )


def blank(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Value:
    """A value of which only shape and dtype are looked at; it takes no memory."""
    return np.broadcast_to(np.zeros((), dtype), shape)
