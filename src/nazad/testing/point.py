"""A function at a point, as a function of its floating-point arguments alone, each an array.

In a row of numbers a complex one is two real ones, its parts. Cotangents stand there conjugated, so that a
pairing Re(sum(x_bar * x_dot)) is the scalar product of two rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nazad.errors import ArgumentError
from nazad.graph import Value, shape_of
from nazad.trace import Arguments, Run, argument_names, followed, run
from nazad.trace.scipy_table import with_entries
from nazad.tree import flatten, paths_in, unflatten

ArgNums = int | str | Sequence[int | str] | None
Vector = NDArray[np.float64]


class Point(NamedTuple):
    """A function of arrays and where it is differentiated.

    ``function`` takes as many arguments as there are ``leaves``, and returns any structure; of that, only
    floating-point results count. ``results`` names them where the function's own structure does not.
    """

    function: Callable[..., Any]
    leaves: tuple[Any, ...]
    labels: tuple[str, ...]
    results: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], argnums: ArgNums
    ) -> Point:
        """The function of those leaves of the chosen arguments that are floating-point numbers."""
        leaves, structure = flatten(with_entries((args, kwargs)))
        names = argument_names(f, len(args))
        owners = [_owner(path, names) for path in paths_in(structure)]
        chosen = _chosen(argnums, len(args), kwargs, names)
        moving = [k for k, (key, _) in enumerate(owners) if key in chosen and is_float(leaves[k])]
        labels = tuple(owners[k][1] for k in moving)
        if argnums is not None:
            _demand_all_floats(leaves, owners, chosen)
        if not moving:
            raise ArgumentError(
                "none of the arguments is a floating-point number",
                "Write 2.0 for 2, x.astype(float) for x.",
            )

        def function(*xs: Any) -> Any:
            whole = list(leaves)
            for k, x in zip(moving, xs, strict=True):
                whole[k] = x
            new_args, new_kwargs = unflatten(structure, whole)
            return followed(f)(*new_args, **new_kwargs)

        return cls(function, tuple(leaves[k] for k in moving), labels)

    def run(self, xs: Sequence[Any] | None = None) -> Run:
        """The trace of the function, at the point or elsewhere."""
        return run(self.function, Arguments.of(tuple(self.leaves if xs is None else xs), self.labels))

    @property
    def vector(self) -> Vector:
        """All entries of all leaves in one row."""
        return np.concatenate([row(x) for x in self.leaves])

    def rebuilt(self, vector: Vector) -> list[Any]:
        """The leaves from such a row, in double precision whatever theirs is."""
        parts = np.split(vector, np.cumsum([length(x) for x in self.leaves])[:-1])
        return [numbers(part, x) for part, x in zip(parts, self.leaves, strict=True)]

    def working_dtype(self) -> np.dtype[Any]:
        """The least precise type that the function computes in when its arguments are in double precision."""
        F = self.run(self.rebuilt(self.vector)).F
        kinds = [np.finfo(getattr(y, "dtype", float)) for y in F.values() if is_float(y)]
        return max(kinds, key=lambda kind: float(kind.eps)).dtype

    def names(self) -> list[str]:
        """How one would write each entry."""
        return [name for x, label in zip(self.leaves, self.labels, strict=True) for name in entries(label, x)]

    def result_names(self, done: Run) -> list[str]:
        """How one would write each entry of the result; a function's single real number has no name."""
        labels = self.results or tuple(f"result{path}" for path in paths_in(done.structure))
        real = real_sinks(done)
        names = [name for k in real for name in entries(labels[k], done.F[done.graph.sinks[k]])]
        return [""] if names == ["result"] else names

    def gradient(self, seeds: Sequence[Value]) -> Point:
        """The gradient of the weighted sum of the results, as a function at the same point."""

        def gradient(*xs: Any) -> Any:
            done = self.run(xs)
            B = done.graph.backward(done.F, list(seeds), wrt=done.graph.leaves)
            return tuple(B[leaf] for leaf in done.graph.leaves)

        return Point(gradient, self.leaves, self.labels, tuple(f"gradient {label}" for label in self.labels))


def joined(result: Any, real: Sequence[int]) -> Vector:
    """Those results in one row."""
    leaves = flatten(result)[0]
    return np.concatenate([row(leaves[k]) for k in real])


def real_sinks(done: Run) -> list[int]:
    """The places of the results that are floating-point numbers."""
    return [k for k, sink in enumerate(done.graph.sinks) if is_float(done.F[sink])]


def is_float(x: Any) -> bool:
    """Whether derivatives flow through this value."""
    return isinstance(x, (float, complex)) or getattr(getattr(x, "dtype", None), "kind", "") in ("f", "c")


def row(x: Value) -> Vector:
    """The numbers of an array in a row."""
    if not np.iscomplexobj(x):
        return np.ravel(np.asarray(x, np.float64))
    return np.ravel(np.asarray(x, np.complex128)).view(np.float64)


def numbers(part: Vector, like: Value) -> Any:
    """The inverse of :func:`row`: in the shape of an array, in double precision."""
    kind = np.complex128 if np.iscomplexobj(like) else np.float64
    return np.ascontiguousarray(part).view(kind).reshape(np.shape(like))[()]


def length(x: Value) -> int:
    """How many numbers an array is in a row."""
    return int(np.size(x)) * (1 + np.iscomplexobj(x))


def entries(label: str, x: Value) -> list[str]:
    """How one would write each entry of an array."""
    names = [f"{label}[{', '.join(map(str, place))}]" for place in np.ndindex(shape_of(x))]
    names = names if shape_of(x) else [label]
    return [f"{name}{part}" for name in names for part in (".real", ".imag")] if np.iscomplexobj(x) else names


def precision(*values: Value) -> float:
    """The machine epsilon of the least precise of these."""
    kinds = [getattr(x, "dtype", np.dtype(float)) for x in values if is_float(x)]
    return max((float(np.finfo(kind).eps) for kind in kinds), default=float(np.finfo(float).eps))


def _owner(path: str, names: Sequence[str]) -> tuple[int | str, str]:
    """The argument that a leaf belongs to, by position or keyword, and how the user would write the leaf."""
    found = re.fullmatch(r"\[0\]\[(\d+)\](.*)|\[1\]\['(\w+)'\](.*)", path, re.DOTALL)
    assert found is not None
    if found[1] is not None:
        return int(found[1]), names[int(found[1])] + found[2]
    return found[3], found[3] + found[4]


def _chosen(argnums: ArgNums, count: int, kwargs: dict[str, Any], names: Sequence[str]) -> set[int | str]:
    if argnums is None:
        return set(range(count))
    wanted = [argnums] if isinstance(argnums, (int, str)) else argnums
    return {_key(each, count, kwargs, names) for each in wanted}


def _key(wanted: int | str, count: int, kwargs: dict[str, Any], names: Sequence[str]) -> int | str:
    if isinstance(wanted, str) and (wanted in kwargs or wanted in names):
        return wanted if wanted in kwargs else names.index(wanted)
    if not isinstance(wanted, str) and -count <= wanted < count:
        return wanted % count
    raise ArgumentError(
        f"argnums has {wanted!r}",
        f"There are {count} positional arguments, counted from 0, or name a keyword.",
    )


def _demand_all_floats(
    leaves: Sequence[Any], owners: Sequence[tuple[int | str, str]], chosen: set[int | str]
) -> None:
    for x, (key, label) in zip(leaves, owners, strict=True):
        if key in chosen and not is_float(x):
            raise ArgumentError(
                f"{label} is {type(x).__name__} {x!r:.40}",
                "Derivatives are by floating-point numbers; leave it out of argnums.",
            )
