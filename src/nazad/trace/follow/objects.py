"""What happens without a call: properties, ``with``, ``for``, ``is True``, and ``%`` on text.

Rewritten code asks, ``__nz__.of(a, "name").name``, and mostly gets back what it gave.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

from nazad.trace.array import Array
from nazad.trace.follow.classes import is_users
from nazad.trace.follow.resolve import GETTERS, helper, resolve
from nazad.trace.inside import plain, traced_in
from nazad.trace.running import current

_UNKNOWN: Any = object()


@helper
def of(obj: Any, name: str) -> Any:
    """The object of which the attribute is taken; for a property, one that has its value."""
    getter = GETTERS.get((type(obj), name), _UNKNOWN)
    if getter is _UNKNOWN:
        getter = _learnt(type(obj), name)
    if getter is None or (getter.is_stored and name in obj.__dict__):
        return obj
    return types.SimpleNamespace(**{name: resolve(getter.function)(obj)})


class _Getter(NamedTuple):
    function: Any
    is_stored: bool


def _learnt(kind: type, name: str) -> _Getter | None:
    """The function of the user's that computes an attribute, and whether the object stores its value."""
    if current() is None:
        return None
    found: Any = next((vars(c)[name] for c in kind.__mro__ if name in vars(c)), None)
    is_stored = isinstance(found, functools.cached_property)
    getter = found.func if is_stored else found.fget if isinstance(found, property) else None
    entry = GETTERS[kind, name] = _Getter(getter, is_stored) if is_users(getter) else None
    return entry


@helper
def context(manager: Any) -> Any:
    """What stands after ``with``."""
    is_followed = current() is not None and is_users(getattr(type(manager), "__enter__", None))
    return _Context(manager) if is_followed else manager


class _Context:
    """A context manager of the user's, whose methods are followed."""

    def __init__(self, manager: Any) -> None:
        self._manager, self._kind = manager, type(manager)

    def __enter__(self) -> Any:
        return resolve(self._kind.__enter__)(self._manager)

    def __exit__(self, *raised: Any) -> Any:
        return resolve(self._kind.__exit__)(self._manager, *raised)


@helper
def items(iterable: Any) -> Any:
    """What a loop goes through."""
    kind = type(iterable)
    if kind is Array or current() is None or not is_users(getattr(kind, "__iter__", None)):
        return iterable
    iterator = resolve(kind.__iter__)(iterable)
    return _steps(iterator) if is_users(getattr(type(iterator), "__next__", None)) else iterator


def _steps(iterator: Any) -> Iterator[Any]:
    step = resolve(type(iterator).__next__)
    while True:
        try:
            value = step(iterator)
        except StopIteration:
            return
        yield value


@helper
def text(pattern: str, values: Any) -> str:
    """``pattern % values``, with numbers for traced values."""
    if type(values) is tuple:
        shown: Any = tuple(map(plain, values))
    else:
        shown = {key: plain(x) for key, x in values.items()} if type(values) is dict else plain(values)
    said = str(pattern % shown)
    for handle in traced_in(values):
        if handle.depends:
            handle.recorder.texts.add(said.strip())
    return said


# --- the one True and the one False, which a traced truth is not
@helper
def truth(x: Any) -> Any:
    """What stands beside ``is True`` or ``is not False``."""
    return bool(x) if isinstance(x, Array) and type(plain(x)) is bool else x


class _Truth:
    """What stands in a pattern for True or False: equal to that alone, while 1 is equal to True."""

    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: bool) -> None:
        self.value, self.__name__ = value, str(value).lower()

    def __eq__(self, other: object) -> bool:
        return truth(other) is self.value


helper(_Truth(True))
helper(_Truth(False))
