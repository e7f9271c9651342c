"""Views in which an entry stands at several places: windows that slide, and strides given by hand.

In the graph, index arrays pick the entries; as they count evenly, they cost nothing when it is compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from nazad.graph import Traced, Value, shape_of
from nazad.trace.numpy_table.dispatch import rule


@rule(sliding_window_view)
def _windows(x: Any, window_shape: Any, axis: Any = None, writeable: bool = False) -> Any:
    return _seen_anew(x, lambda a: sliding_window_view(a, window_shape, axis))


def strided(
    x: Any, shape: Sequence[int] | None = None, strides: Sequence[int] | None = None, **flags: Any
) -> Any:
    """``as_strided`` on a traced array whose entries lie side by side.

    Raises
    ------
    ValueError
        If the view would reach beyond the array, or the array is itself a view with gaps.
    """
    steps = x.strides if strides is None else strides
    sizes = shape_of(x) if shape is None else shape
    if not x.flags.c_contiguous:
        raise ValueError("as_strided of a traced array that is a view with gaps: copy it first, x.copy()")
    ends = [(n - 1) * step for n, step in zip(sizes, steps, strict=True)]
    low, high = sum(min(end, 0) for end in ends), sum(max(end, 0) for end in ends)
    if 0 not in sizes and (low < 0 or high >= x.nbytes):
        raise ValueError(f"as_strided would reach beyond an array of shape {shape_of(x)}: {sizes}, {steps}")
    width = np.dtype(np.intp).itemsize

    def look(a: Any) -> Any:
        ratio = 1 if a.dtype == x.dtype else width // x.itemsize
        seen = strided if isinstance(a, Traced) else as_strided  # an outer trace may be under way
        return seen(a, sizes, [step * ratio for step in steps])

    return _seen_anew(x, look)


def _seen_anew(x: Any, look: Callable[[Any], Any]) -> Any:
    """A view that is only read: the places are those at which the numbers of the entries are seen."""
    places = look(np.reshape(np.arange(np.size(x)), shape_of(x)))
    picked: Value = np.reshape(x, (-1,))[places]
    return x.recorder.looked(x, picked, look(x.value), lambda a: _seen_anew(a, look))
