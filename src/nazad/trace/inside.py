"""Traced values inside of arguments: in lists, tuples and dicts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np

from nazad.graph import Holder, Traced

SEQUENCES = (list, tuple, deque)
"""What NumPy takes for an array, and may have traced values in it."""


def traced_in(x: Any) -> Iterator[Any]:
    """The traced values in a structure."""
    if isinstance(x, (*SEQUENCES, dict)):
        for part in x.values() if isinstance(x, dict) else x:
            yield from traced_in(part)
    elif isinstance(x, Traced):
        yield x
    elif isinstance(x, Holder):
        yield from traced_in(x.parts)


def any_traced(x: Any) -> bool:
    """Whether there is a traced value in a structure."""
    if isinstance(x, SEQUENCES):
        return any(map(any_traced, x))
    if isinstance(x, Holder):
        return any_traced(x.parts)
    return isinstance(x, Traced) or (isinstance(x, dict) and any(map(any_traced, x.values())))


def depends(x: Any) -> bool:
    """Whether there is one that depends on an argument of a traced function."""
    return any(handle.depends for handle in traced_in(x))


def plain(x: Any) -> Any:
    """The number, array or matrix behind a traced value, at the point of the trace."""
    while isinstance(x, Traced):
        x = x.value  # type: ignore[attr-defined]
    return x.plain() if isinstance(x, Holder) else x


def as_constants(x: Any) -> Any:
    """A structure with numbers and read-only arrays in place of traced values that depend on no argument."""
    kind = type(x)
    if kind is list or kind is tuple:
        return kind([as_constants(part) for part in x])
    if kind is dict:
        return {key: as_constants(part) for key, part in x.items()}
    if isinstance(x, Holder):
        return x.plain()
    return (np.asarray(x) if x.shape else plain(x)) if isinstance(x, Traced) else x  # type: ignore[attr-defined]
