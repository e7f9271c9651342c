"""A call, taken apart: the leaves that vary, and the form that a variant is compiled for.

The form is everything about the arguments but their numbers, shapes and dtypes: static arguments, keywords,
the structure of the others, and the order in which dicts have their keys, since a function may go by it.
Taking a call apart for the first time goes through optree. When a form is known, its *reader* does the same
in a fraction of the time: it looks whether another call is alike, and fetches the leaves.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad.api.chosen import called
from nazad.errors import ArgumentError
from nazad.graph import NUMERIC, PYTHON_NUMBERS, Traced
from nazad.run.cpython import DTYPES
from nazad.trace import Arguments, Run, argument_names, followed, run
from nazad.trace.scipy_table import numbers_of_entries, with_patterns
from nazad.tree import Structure, flatten, labels

Read = Callable[[Any], Any]
"""The leaves of a structure; None if it is another structure."""
Leaves = Callable[[tuple[Any, ...], dict[str, Any]], Any]
"""The leaves of a call; None if it has another form."""

_LARGEST = 2**63


class Form(NamedTuple):
    """What calls have in common for which the same variants may do.

    Attributes
    ----------
    static : tuple
        Positions and names of arguments that may be static; ``fixed`` holds those that this form is for.
    example : tuple
        The values that vary, those with keywords last.
    """

    function: Callable[..., Any]
    static: tuple[int | str, ...]
    fixed: dict[int | str, Any]
    keywords: tuple[str, ...]
    example: tuple[Any, ...]
    structure: Structure

    @property
    def key(self) -> Any:
        """Equal for forms that are alike."""
        return self.structure, tuple(_orders(self.example)), self.keywords, _marked(self.fixed)

    def trace(self, leaves: Sequence[Any]) -> Run:
        """Run the function on handles; machine code does not warn, and so this does not either."""
        with np.errstate(all="ignore"):
            return run(self._call, Arguments(list(leaves), self.structure, self.names))

    def _call(self, *values: Any) -> Any:
        count = len(values) - len(self.keywords)
        args, kwargs = list(values[:count]), dict(zip(self.keywords, values[count:], strict=True))
        for k in sorted(k for k in self.fixed if isinstance(k, int)):
            args.insert(k, self.fixed[k])
        kwargs |= {k: value for k, value in self.fixed.items() if isinstance(k, str)}
        return with_patterns(followed(self.function)(*args, **kwargs))

    @property
    def names(self) -> tuple[str, ...]:
        """How the user calls the values."""
        placed = [k for k in self.fixed if isinstance(k, int)]
        count = len(self.example) - len(self.keywords) + len(placed)
        names = argument_names(self.function, count)
        return (*(name for k, name in enumerate(names) if k not in placed), *self.keywords)

    @property
    def labels(self) -> list[str]:
        """How the user would write each leaf."""
        return labels(self.structure, self.names)

    @property
    def matrices(self) -> list[int]:
        """The numbers of leaves that are the entries of sparse matrices; their columns come next."""
        return numbers_of_entries(self.example)

    def is_flat(self) -> bool:
        """Whether the arguments are the leaves, in order."""
        return not self.static and not self.keywords and all(c.is_leaf() for c in self.structure.children())

    def reader(self) -> Leaves | None:
        """What takes calls of this form apart quickly; None if the structure is out of the ordinary."""
        try:
            read = _reader(self.example, self.structure)
        except _Unusual:
            return None
        assert read is not None
        return self._split_reader(read) if self.static else _whole_reader(read, self.keywords)

    def _split_reader(self, read: Read) -> Leaves:
        function, static, wanted = self.function, self.static, _marked(self.fixed)
        inner = _whole_reader(read, self.keywords)

        def leaves_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            args, kwargs, fixed = _split(function, static, args, kwargs)
            return inner(args, kwargs) if _marked(fixed) == wanted else None

        return leaves_of


class Call(NamedTuple):
    """A call, taken apart; its arrays as machine code takes them: dense, aligned, in native byte order."""

    form: Form
    leaves: list[Any]

    @property
    def key(self) -> Any:
        """Equal for calls to which the same variants may fit."""
        return self.form.key, tuple(map(_kind, self.leaves))

    @property
    def open_key(self) -> Any:
        """The same without the number of entries of sparse matrices."""
        kinds = [_kind(x) for x in self.leaves]
        for k in self.form.matrices:
            kinds[k : k + 2] = [x.dtype for x in self.leaves[k : k + 2]]
        return self.form.key, tuple(kinds)


def beyond(values: Iterable[Any]) -> str:
    """What there is among values that machine code has no numbers for; empty if nothing."""
    for x in values:
        if type(x) is int:
            if not _fits(x):
                return "whole numbers of more than 64 bits"
        elif isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in NUMERIC and x.dtype not in DTYPES:
            return f"{x.dtype} numbers"
    return ""


def taken_apart(
    function: Callable[..., Any], static: tuple[int | str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Call | None:
    """The call; None if some of it is being traced, for then another transform looks through."""
    fixed: dict[int | str, Any] = {}
    if static:
        args, kwargs, fixed = _split(function, static, args, kwargs)
    values = with_patterns((*args, *kwargs.values()))
    leaves, structure = flatten(values)
    if any(isinstance(x, Traced) for x in (*leaves, *fixed.values())):
        return None
    form = Form(function, static, fixed, tuple(kwargs), values, structure)
    return Call(form, [_normal(x, form, k) for k, x in enumerate(leaves)])


def _split(
    function: Callable[..., Any], static: tuple[int | str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any], dict[int | str, Any]]:
    """The arguments without the static ones, and those."""
    fixed: dict[int | str, Any] = {}
    for key in static:
        if isinstance(key, str) and key in kwargs:
            fixed[key] = kwargs[key]
        elif isinstance(key, int) and -len(args) <= key < len(args):
            fixed[key % len(args)] = args[key]
    for key, value in fixed.items():
        _demand_hash(key, value, function)
    rest = tuple(x for k, x in enumerate(args) if k not in fixed)
    return rest, {k: v for k, v in kwargs.items() if k not in fixed}, fixed


def _demand_hash(key: int | str, value: Any, function: Callable[..., Any]) -> None:
    if isinstance(value, Traced):
        return
    try:
        hash(value)
    except TypeError:
        raise ArgumentError(
            f"the static argument {key!r} of {called(function)} is {type(value).__name__}, which has no hash",
            "Static arguments are compared with those of earlier calls: give a tuple for a list, say.",
        ) from None


def _marked(value: Any) -> Any:
    """As a key: 1, 1.0 and True are equal, as are 0.0 and -0.0, and a function may tell them apart."""
    if type(value) is dict:
        return tuple((k, _marked(v)) for k, v in sorted(value.items(), key=lambda item: str(item[0])))
    if type(value) is tuple:
        return tuple, tuple(map(_marked, value))
    return type(value), value.hex() if type(value) is float else value


def _orders(tree: Any) -> Iterator[tuple[Any, ...]]:
    """The keys of all dicts as they were put in; structures are equal whatever the order."""
    if isinstance(tree, dict):
        yield tuple(tree)
        parts: Any = tree.values()
    elif dataclasses.is_dataclass(tree):
        parts = [getattr(tree, field.name, None) for field in dataclasses.fields(tree)]
    else:
        parts = tree if isinstance(tree, (tuple, list)) else ()
    for part in parts:
        yield from _orders(part)


# --- leaves
def _normal(x: Any, form: Form, k: int) -> Any:
    if isinstance(x, np.ndarray):
        return _dense(np.asarray(x) if type(x) is np.memmap else x)
    if type(x) in PYTHON_NUMBERS or isinstance(x, np.generic):
        return x
    if isinstance(x, (float, int)):
        return float(x) if isinstance(x, float) else int(x)
    if hasattr(x, "__array__"):
        return _dense(np.asarray(x))
    raise ArgumentError(
        f"{form.labels[k]} of {called(form.function)} is {type(x).__name__} {x!r:.40}",
        "Arguments of a compiled function are numbers and arrays of them; name others in static_argnums "
        "or static_argnames.",
    )


def _dense(x: Any) -> Any:
    flags = x.flags
    if type(x) is not np.ndarray or (flags.c_contiguous and flags.aligned and x.dtype.isnative):
        return x
    return np.array(x, x.dtype.newbyteorder("="), order="C")


def _kind(x: Any) -> Any:
    if isinstance(x, np.ndarray):
        return x.dtype, x.shape
    return type(x) if type(x) is not int or _fits(x) else "large"


def _fits(x: int) -> bool:
    return -_LARGEST <= x < _LARGEST


# --- readers
class _Unusual(Exception):
    """A structure that only optree takes apart."""


def _whole_reader(read: Read, keywords: tuple[str, ...]) -> Leaves:
    def positional(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return None if kwargs else read(args)

    def with_keywords(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return read((*args, *kwargs.values())) if tuple(kwargs) == keywords else None

    return with_keywords if keywords else positional


def _reader(tree: Any, structure: Structure) -> Read | None:
    """What reads structures like this one; None for a leaf."""
    if structure.is_leaf():
        return None
    if hasattr(tree, "reader"):  # a sparse matrix, which in calls is SciPy's
        return tree.reader()  # type: ignore[no-any-return]
    parts = _parts_of(tree, structure)
    children = structure.children()
    readers = [_reader(part, child) for part, child in zip(parts(tree), children, strict=True)]
    if not any(readers):
        return parts
    return _first_reader(readers[0]) if type(tree) is tuple and len(tree) == 1 else _joint(parts, readers)


def _first_reader(read: Any) -> Read:
    return lambda x: read(x[0]) if type(x) is tuple and len(x) == 1 else None


def _joint(parts: Read, readers: Sequence[Read | None]) -> Read:
    """The leaves of all branches, one after another."""

    def read(x: Any) -> Any:
        found, leaves = parts(x), []
        if found is None:
            return None
        for read_part, part in zip(readers, found, strict=True):
            if read_part is None:
                leaves.append(part)
            elif (more := read_part(part)) is None:
                return None
            else:
                leaves += more
        return leaves

    return read


def _parts_of(tree: Any, structure: Structure) -> Read:
    """What fetches the branches in optree's order; None where they are not the same."""
    kind, count = type(tree), structure.num_children
    if kind is dict:
        return _parts_of_dict(list(tree), structure.entries())
    if kind in (tuple, list) or (issubclass(kind, tuple) and hasattr(kind, "_fields")):
        return lambda x: x if type(x) is kind and len(x) == count else None
    if tree is None:
        return lambda x: () if x is None else None
    if dataclasses.is_dataclass(kind) and len(dataclasses.fields(kind)) == count > 0:
        fetch = _fetcher(operator.attrgetter, structure.entries())
        return lambda x: fetch(x) if type(x) is kind else None
    raise _Unusual


def _parts_of_dict(keys: list[Any], entries: list[Any]) -> Read:
    if keys == entries:
        return lambda x: x.values() if type(x) is dict and [*x] == keys else None
    fetch = _fetcher(operator.itemgetter, entries)
    return lambda x: fetch(x) if type(x) is dict and [*x] == keys else None


def _fetcher(getter: Any, entries: list[Any]) -> Callable[[Any], Any]:
    if len(entries) == 1:
        one = getter(entries[0])
        return lambda x: (one(x),)
    found: Callable[[Any], Any] = getter(*entries)
    return found
