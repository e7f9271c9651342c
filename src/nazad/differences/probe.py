"""A function and the point where it is differentiated: it is called there and beside it, and counted.

A complex number is moved like two real ones, its parts: an array of them is a real one with one more axis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nazad.errors import ArgumentError
from nazad.tree import Tree, flatten, paths, unflatten

Array = NDArray[np.floating[Any]]


class Entry(NamedTuple):
    """One number among the arguments."""

    leaf: int
    place: int
    x: Any  # a floating scalar
    scale: Any


class Probe:
    """The function, called at the point and beside it; counts its calls."""

    def __init__(
        self,
        f: Callable[..., Any],
        args: Sequence[Tree],
        argnums: int | Sequence[int],
        dtype: Any,
        h: float | None,
    ) -> None:
        if not callable(f):
            raise ArgumentError(f"{f!r} cannot be called", "Give the function first, its arguments behind it")
        if dtype is not None and np.dtype(dtype).kind != "f":
            raise ArgumentError(f"dtype is {dtype!r}", "It is a floating type, as np.float64, or None")
        self.f, self.args, self.h = f, args, h
        self.numbers = _argument_numbers(argnums, len(args))
        picked = tuple(args[number] for number in self.numbers)
        self.several = isinstance(argnums, Sequence)
        self.leaves, self.structure = flatten(picked)
        self.names = [_name(self.numbers, path) for path in paths(picked)]
        numbers = [_point(*pair, dtype) for pair in zip(self.leaves, self.names, strict=True)]
        self.is_complex = [point.dtype.kind == "c" for point in numbers]
        self.points = [_parts(point) for point in numbers]
        self.eps = max((float(np.finfo(point.dtype).eps) for point in self.points), default=0.0)
        self.evaluations = 0
        self.shape: tuple[int, ...] | None = None
        self._centre: Array | None = None

    def entries(self) -> Iterator[Entry]:
        for leaf, point in enumerate(self.points):
            for place, x in enumerate(point.flat):
                yield Entry(leaf, place, x, np.maximum(abs(x), 1))

    def step(self, entry: Entry, fraction: float) -> Any:
        """The step in an entry, such that the sum x + h is exact."""
        return (entry.x + (self.h or fraction * entry.scale)) - entry.x

    def centre(self) -> Array:
        if self._centre is None:
            self._centre = self._call(self.points)
        return self._centre

    def at(self, entry: Entry, shift: Any) -> Array:
        """The function with one entry moved; NaN if it raises there as arithmetic does outside a domain."""
        if shift == 0:
            return self.centre()
        moved = [point.copy() if leaf == entry.leaf else point for leaf, point in enumerate(self.points)]
        moved[entry.leaf].flat[entry.place] += shift
        try:
            return self._call(moved)
        except (ArithmeticError, ValueError):
            return np.full_like(self.centre(), np.nan)  # unless the point itself is outside, and raises

    def quotient(self, entry: Entry, low: Any, high: Any) -> tuple[Array, Array]:
        """The difference quotient between two shifts, and the size of the values in it."""
        upper, lower = self.at(entry, high), self.at(entry, low)
        width = (entry.x + high) - (entry.x + low)
        return (upper - lower) / width, np.maximum(abs(upper), abs(lower))

    def named(self, entry: Entry) -> str:
        shape = self.points[entry.leaf].shape
        *place, part = np.unravel_index(entry.place, shape if self.is_complex[entry.leaf] else (*shape, 1))
        index = ", ".join(map(str, place))
        suffix = (".real", ".imag")[part] if self.is_complex[entry.leaf] else ""
        return self.names[entry.leaf] + (f"[{index}]" if index else "") + suffix

    def rebuilt(self, leaves: list[Any]) -> Tree:
        """Leaves in the structure of the arguments that were asked for."""
        arguments = unflatten(self.structure, leaves)
        return arguments if self.several else arguments[0]

    def _call(self, points: Sequence[Array]) -> Array:
        arguments = list(self.args)
        self.evaluations += 1
        together = [_number(x) if z else x.copy() for x, z in zip(points, self.is_complex, strict=True)]
        copies = [like(*pair) for pair in zip(self.leaves, together, strict=True)]
        for number, argument in zip(self.numbers, unflatten(self.structure, copies), strict=True):
            arguments[number] = argument
        out = _result(self.f(*arguments), any(self.is_complex))
        if self.shape is not None and out.shape != self.shape:
            remedy = "Its shape must not depend on the values of its arguments"
            raise ArgumentError(f"the function's result has shape {self.shape}, and then {out.shape}", remedy)
        self.shape = out.shape
        if out.dtype.kind in "fc":
            self.eps = max(self.eps, float(np.finfo(out.dtype).eps))
        return out.astype(np.promote_types(out.dtype, np.float64))


def _argument_numbers(argnums: int | Sequence[int], count: int) -> tuple[int, ...]:
    asked: tuple[Any, ...] = tuple(argnums) if isinstance(argnums, Sequence) else (argnums,)
    whole = all(isinstance(number, (int, np.integer)) and -count <= number < count for number in asked)
    numbers = tuple(number % count for number in asked) if whole else ()
    if not numbers or len(set(numbers)) < len(numbers):
        remedy = f"There are {count} arguments, counted from 0; each is named at most once"
        raise ArgumentError(f"argnums is {argnums!r}", remedy)
    return numbers


def _name(numbers: Sequence[int], path: str) -> str:
    """How the user would say which leaf it is; the path begins with the place in the tuple of arguments."""
    place, _, rest = path[1:].partition("]")
    return f"argument {numbers[int(place)]}{rest}"


def _point(leaf: Any, name: str, dtype: DTypeLike | None) -> Array:
    array = np.asarray(leaf)
    if array.dtype.kind in "biu":
        remedy = "Differences need floating numbers: write 2.0 for 2, or x.astype(float)"
        raise ArgumentError(f"{name} has the integer type {array.dtype}", remedy)
    if array.dtype.kind not in "fc":
        raise ArgumentError(f"{name} has the type {array.dtype}", "Differences need floating numbers")
    return np.array(array, np.promote_types(array.dtype, array.dtype if dtype is None else dtype))


def _parts(point: NDArray[Any]) -> Array:
    """What is moved: of complex numbers both parts."""
    return np.stack([point.real, point.imag], axis=-1) if point.dtype.kind == "c" else point


def _number(parts: Array) -> NDArray[Any]:
    return np.ascontiguousarray(parts).view(np.result_type(parts, np.complex64))[..., 0]


def _result(out: Any, of_complex: bool) -> NDArray[Any]:
    remedy = "It should return one real number or one array of them"
    if isinstance(out, (tuple, list, dict)):
        raise ArgumentError(f"the function returned a {type(out).__name__}", remedy + "; see np.stack")
    array = np.asarray(out)
    if array.dtype.kind not in ("iuf" if of_complex else "iufc"):
        raise ArgumentError(f"the function returned {type(out).__name__} of type {array.dtype}", remedy)
    return array


def like(leaf: Any, array: NDArray[Any]) -> Any:
    """An array as the kind of number that a leaf is; for a Python float NumPy's, whose 1/0 is inf."""
    return array if isinstance(leaf, np.ndarray) or array.shape else array[()]
