"""Structures of arguments: dicts, lists, tuples, named tuples and dataclasses, by way of optree.

A dataclass is a structure from the moment that it is first met: its fields are its branches, in order,
apart from those marked ``field(metadata={"static": True})``, which belong to the structure itself.
``None`` is a structure without leaves. Keys of a dict are taken in sorted order.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import numpy as np
import optree

Tree = Any
Structure = Any

SPACE = "nazad"
_LEAF: Structure = optree.tree_structure(cast(Any, 0.0), namespace=SPACE)
_ONE_LEAF: Structure = optree.tree_structure(cast(Any, (0.0,)), namespace=SPACE)
_PLAIN = {np.ndarray, np.float64, float, int}  # what needs no looking into
_known: set[type] = set()


def flatten(tree: Tree) -> tuple[list[Any], Structure]:
    """The leaves of a structure in order, and the structure without them.

    Examples
    --------
    >>> leaves, structure = flatten({"w": 1.0, "b": [2.0, None]})
    >>> leaves
    [2.0, 1.0]
    >>> unflatten(structure, leaves)
    {'w': 1.0, 'b': [2.0, None]}
    """
    if type(tree) in _PLAIN:
        return [tree], _LEAF
    if type(tree) is tuple and len(tree) == 1 and type(tree[0]) in _PLAIN:
        return [tree[0]], _ONE_LEAF
    leaves, structure = optree.tree_flatten(tree, namespace=SPACE)
    for leaf in leaves:
        if type(leaf) not in _PLAIN and _register_dataclasses(leaves):
            return flatten(tree)
    return leaves, structure


def unflatten(structure: Structure, leaves: Iterable[Any]) -> Tree:
    """The inverse of :func:`flatten`."""
    if structure is _LEAF:
        (leaf,) = leaves
        return leaf
    if structure is _ONE_LEAF:
        return tuple(leaves)
    return optree.tree_unflatten(structure, leaves)


def paths(tree: Tree) -> list[str]:
    """How one would write each leaf in Python, with nothing in front.

    Examples
    --------
    >>> paths({"layers": [1.0, 2.0]})
    ["['layers'][0]", "['layers'][1]"]
    """
    return paths_in(flatten(tree)[1])


def _paths_in(structure: Structure) -> list[str]:
    return [accessor.codify("") for accessor in structure.accessors()]


@functools.lru_cache(maxsize=256)
def paths_in(structure: Structure) -> list[str]:
    """The same from the structure alone, as :func:`flatten` returns it."""
    return _paths_in(structure)


def tree_map(function: Callable[..., Any], tree: Tree, *rest: Tree) -> Tree:
    """Apply a function to corresponding leaves of structures that are alike.

    Examples
    --------
    >>> tree_map(lambda a, b: a + b, {"x": 1}, {"x": 10})
    {'x': 11}
    """
    leaves, structure = flatten(tree)
    others = [structure.flatten_up_to(other) for other in rest]
    return unflatten(structure, [function(*column) for column in zip(leaves, *others, strict=True)])


@functools.lru_cache(maxsize=256)
def labels(structure: Structure, names: tuple[str, ...]) -> list[str]:
    """How one would write each leaf of a tuple of arguments that go by these names.

    Examples
    --------
    >>> labels(flatten((1.0, {"w": 2.0}))[1], ("x", "params"))
    ['x', "params['w']"]
    """
    return labels_anew(structure, names)


def labels_anew(structure: Structure, names: tuple[str, ...]) -> list[str]:
    """The same for a structure that is large, and so is not to be kept."""
    written = []
    for path in _paths_in(structure):
        number, rest = path.removeprefix("[").split("]", 1)
        written.append(names[int(number)] + rest)
    return written


def _register_dataclasses(leaves: Sequence[Any]) -> bool:
    """Teach optree the dataclasses among these leaves; whether there were any."""
    new = {type(leaf) for leaf in leaves if hasattr(type(leaf), "__dataclass_fields__")} - _known
    for kind in new:
        _known.add(kind)
        _register(kind)
    return bool(new)


def _register(kind: type) -> None:
    static = [f.name for f in dataclasses.fields(kind) if f.metadata.get("static")]
    names = [f.name for f in dataclasses.fields(kind) if not f.metadata.get("static")]

    def parts(value: Any) -> tuple[tuple[Any, ...], tuple[Any, ...], tuple[str, ...]]:
        fixed = tuple((name, getattr(value, name)) for name in static)
        return tuple(getattr(value, name) for name in names), fixed, tuple(names)

    def build(fixed: tuple[Any, ...], branches: Iterable[Any]) -> Any:
        value: Any = object.__new__(kind)  # __init__ may compute, and would see placeholders
        for name, branch in (*fixed, *zip(names, branches, strict=True)):
            object.__setattr__(value, name, branch)
        return value

    optree.register_pytree_node(
        kind, parts, cast(Any, build), path_entry_type=optree.DataclassEntry, namespace=SPACE
    )
