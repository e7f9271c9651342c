"""``out=``: what a function worked out, written into an array that the caller gave."""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.errors import TraceError
from nazad.graph import Traced, Value, dtype_of, here, shape_of


def written_into(out: Any, results: Any, where: Any = True) -> Any:
    """Write results into the arrays given for them, and return these as NumPy does.

    Parameters
    ----------
    out : array or tuple
        The array, or one for each result; None for a result that is returned as it is.
    results : array or tuple
        What to write.
    where : array_like of bool
        Where to write; elsewhere the array stays as it is.

    Raises
    ------
    TraceError
        If an array is no traced one: the derivative would be lost.
    """
    if not isinstance(out, tuple):
        return _written_into(out, results, where)
    several = results if isinstance(results, tuple) else (results,)
    given = tuple([_written_into(o, y, where) for o, y in zip(out, several, strict=True)])
    return given if isinstance(results, tuple) else given[0]


def _written_into(out: Any, result: Value, where: Any) -> Any:
    if out is None:
        return result
    if isinstance(out, np.ndarray) and out.dtype.kind in "iub" and dtype_of(result).kind in "iub":
        np.copyto(out, np.asarray(result), where=np.asarray(where))  # asked for: no derivative is lost
        return out
    demand_traced(out)
    whole = result if shape_of(result) == shape_of(out) else np.broadcast_to(result, shape_of(out))
    return out.overwrite(whole if where is True else np.where(where, whole, out))


def demand_traced(out: Any) -> None:
    """Refuse to write traced values into an ordinary array."""
    if not isinstance(out, Traced):
        raise TraceError(
            "a traced value would be written into an ordinary array, and its derivative would be lost",
            "Make the array inside the function, as np.zeros_like(x) does, or pass it as an argument.",
            here(),
        )
