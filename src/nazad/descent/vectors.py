"""Structures of arrays as vectors: their length, their sum, their entries in a row; and checked numbers."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nazad.errors import ArgumentError, ShapeError
from nazad.tree import Tree, flatten, paths, tree_map, unflatten

Vector = NDArray[np.float64]
Number = float | np.floating[Any]


def norm(tree: Tree) -> float:
    """The Euclidean length of a structure of arrays, computed in float64.

    Examples
    --------
    >>> norm({"w": np.array([3.0, 0.0]), "b": 4.0})
    5.0
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return math.sqrt(sum(float(np.vdot(x, x)) for x in map(_wide, flatten(tree)[0])))


def _wide(x: Any) -> Vector:
    return np.asarray(x, np.float64)


def moved(params: Tree, change: Tree) -> Tree:
    """The parameters plus a change, of the kind and dtype that they have.

    Examples
    --------
    >>> moved({"w": np.ones(2, np.float32), "b": 0.5}, {"w": np.ones(2), "b": np.float64(1.0)})
    {'w': array([2., 2.], dtype=float32), 'b': 1.5}
    """
    with np.errstate(all="ignore"):  # what is not finite becomes the verdict
        return tree_map(lambda x, d: _like(x, x + d), params, change)


def _like(x: Any, y: Any) -> Any:
    """NumPy makes scalars of arrays without axes, and wide dtypes of wide changes: not wanted here."""
    if np.shape(y) != np.shape(x):
        raise ShapeError(
            f"a change makes parameters of shape {np.shape(y)} out of {np.shape(x)}", "Rules keep it."
        )
    if isinstance(x, np.ndarray):
        return np.asarray(y, x.dtype)
    return type(x)(y) if isinstance(x, (float, np.generic)) else y


def copied(params: Tree) -> Tree:
    """The same parameters in arrays of their own."""
    return tree_map(lambda x: x if isinstance(x, (float, int, np.generic)) else np.array(x), params)


def sealed(params: Tree) -> Tree:
    """The same arrays, which from now on cannot be written into."""
    for x in flatten(params)[0]:
        if isinstance(x, np.ndarray):
            x.flags.writeable = False
    return params


def ravel(tree: Tree) -> Vector:
    """All entries in a row, in float64.

    Examples
    --------
    >>> ravel({"w": np.ones((2, 2)), "b": 0.5})
    array([0.5, 1. , 1. , 1. , 1. ])
    """
    return np.concatenate([np.zeros(0)] + [_wide(x).ravel() for x in flatten(tree)[0]])


def unravel(vector: Vector, like: Tree) -> Tree:
    """The inverse of :func:`ravel`, in the structure, shapes and dtypes of ``like``."""
    leaves, structure = flatten(like)
    ends = np.cumsum([np.size(x) for x in leaves])[:-1]
    parts = zip(np.split(vector, ends), leaves, strict=True)
    return unflatten(structure, [part.reshape(np.shape(x)).astype(np.result_type(x)) for part, x in parts])


def epsilon(value: Number) -> float:
    """The unit of rounding of a value: that of its dtype, or of float64.

    Examples
    --------
    >>> epsilon(1.0) == 2.0**-52, epsilon(np.float32(1.0)) == 2.0**-23
    (True, True)
    """
    dtype = np.asarray(value).dtype
    return float(np.finfo(dtype if dtype.kind == "f" else np.float64).eps)


# --- what is asked of arguments
def checked_params(params: Tree) -> Tree:
    """A copy of the parameters, if there are any and all are real floating-point numbers."""
    leaves, _ = flatten(params)
    if not leaves:
        raise ArgumentError(f"params {params!r:.40} has no numbers in it", "Give the point to start from.")
    for x, path in zip(leaves, paths(params), strict=True):
        if _kind(x) != "f":
            met = f"params{path} is {type(x).__name__} {x!r:.40}, which is no real floating-point number"
            raise ArgumentError(met, "Start from floats: 0.0 for 0, np.zeros(n), x.astype(float) for x.")
    return copied(params)


def _kind(x: Any) -> str:
    if isinstance(x, (str, bytes)) or not (isinstance(x, (float, int)) or hasattr(x, "__array__")):
        return "O"
    return np.asarray(x).dtype.kind


def whole_number(value: Any, name: str, least: int) -> int:
    """The value as an int, if it is a whole number and large enough.

    Examples
    --------
    >>> whole_number(np.int64(3), "steps", 0)
    3
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least or isinstance(value, (bool, np.bool_)):
        raise ArgumentError(f"{name} is {value!r:.40}", f"It is a whole number, at least {least}.")
    return number


def positive(value: Any, name: str, or_zero: bool = False) -> float:
    """The value as a float, if it is a finite number above zero, or zero where that is allowed.

    Examples
    --------
    >>> positive(np.float32(0.5), "step")
    0.5
    """
    number = float(value) if np.ndim(value) == 0 and _kind(value) in "fiu" else math.nan
    if 0 < number < math.inf or (or_zero and number == 0):
        return number
    raise ArgumentError(
        f"{name} is {value!r:.40}", f"It is a finite number, {'at least' if or_zero else 'above'} 0."
    )
