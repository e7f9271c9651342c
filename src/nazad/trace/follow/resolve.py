"""``__nz__``: what a call site of the user's calls.

The answer depends on what stands there, and each kind has its finder: a function of the user's is followed;
for one that would not ask its arguments there is a stand-in; everything else is called as it is. In any case
it is called from the user's own frame.

Outside of a trace everything is called as it is: a closure that was made under one may live longer.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CellType
from typing import Any

from nazad.trace.running import current

Finder = Callable[[Any], Any]
_finders: dict[type, Finder] = {}
_memo: dict[int, tuple[Any, Any]] = {}
"""By the identity of what was called: what is called instead, and what was called, so that it stays alive."""

GETTERS: dict[tuple[type, str], Any] = {}
"""By class and attribute: the function of the user's that computes it, if there is one."""


def resolve(f: Any) -> Any:
    """What is called in place of ``f``."""
    known = _memo.get(id(f))
    if known is not None:
        return known[0]
    if current() is None:
        return f
    return (_finders.get(type(f)) or _finders[object])(f)


def remembered(f: Any, instead: Any) -> Any:
    """Note for the time of the outermost trace what is called in place of ``f``."""
    _memo[id(f)] = instead, f
    return instead


def forget() -> None:
    """At the end of the outermost trace: nothing is kept alive any longer."""
    _memo.clear()
    GETTERS.clear()


def finds(*kinds: type) -> Callable[[Finder], Finder]:
    """Enter a finder for things of some types; that of ``object`` is for all others."""

    def enter(finder: Finder) -> Finder:
        _finders.update(dict.fromkeys(kinds, finder))
        return finder

    return enter


def helper(function: Any) -> Any:
    """Enter what rewritten code finds by ``__nz__.NAME``."""
    setattr(resolve, function.__name__, function)
    return function


CELL = CellType(resolve)
"""The closure cell that rewritten functions have."""
