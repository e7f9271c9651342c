"""From SciPy's functions to primitives: the table, which its rooms fill.

Each room has the name of a subpackage of SciPy, ``linalg`` say, imports it at its top, and enters rules for
what the subpackage offers. A room is opened, that is imported, when a function, a class or an object of its
subpackage meets a traced value; by then SciPy is there, since the user has imported it. ``import nazad``
imports neither.

To add a room, write ``nazad/trace/scipy_table/NAME.py`` for ``scipy.NAME``::

    import scipy.stats

    from nazad.trace.scipy_table import method, rule

    @rule(scipy.stats.zscore)             # functions and classes: SciPy's own signature,
    def _zscore(a, axis=0, ddof=0): ...   # less what cannot be traced

    @method(scipy.stats.norm, "logpdf")   # methods of one object, or of a class and those derived from it;
    def _logpdf(self, x, loc=0, scale=1): ...   # "__call__" for an object that is called

A ufunc of :mod:`scipy.special` is entered in ``numpy_table.UFUNCS`` by the room ``special``, and NumPy hands
over its calls. All others are reached from the call sites of functions that are followed, which is the
business of :mod:`nazad.trace.follow`.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from collections.abc import Callable, Hashable
from types import MethodType
from typing import Any

from nazad.trace.numpy_table.dispatch import Entry, Rules, apply_rule, enter

FUNCTIONS: Rules = {}
"""Rules by SciPy's function or class."""
METHODS: dict[tuple[Any, str], Callable[..., Any]] = {}
"""Rules by an object or a class, and the name of a method; they are given the object first."""


def rule(*functions: Callable[..., Any]) -> Entry:
    """Enter a rule for one or several functions or classes of SciPy."""
    return enter(FUNCTIONS, *functions)


def method(owner: Any, *names: str) -> Entry:
    """Enter a rule for methods of an object, or of a class and the classes derived from it."""
    return enter(METHODS, *[(owner, name) for name in names])


@functools.cache
def open_room(subject: str) -> None:
    """Import the room of a subpackage, if there is one."""
    name = f"{__name__}.{subject}"
    if importlib.util.find_spec(name) is not None:
        importlib.import_module(name)


def open_for_ufunc(ufunc: Any) -> None:
    """Open the room of SciPy's ufuncs for one of them; ufuncs do not say where they are from."""
    if getattr(sys.modules.get("scipy.special"), ufunc.__name__, None) is ufunc:
        open_room("special")


def rule_of(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """What to call in place of a function, class, method or callable object of SciPy; None without a rule.

    Examples
    --------
    >>> rule_of(len) is None
    True
    """
    is_plain = hasattr(function, "__name__") and not isinstance(function, MethodType)
    owner = function if is_plain else type(getattr(function, "__self__", function))
    package, _, subject = (getattr(owner, "__module__", None) or "").partition(".")
    if package != "scipy":
        return None
    open_room(subject.partition(".")[0])
    return _function_rule(function) if is_plain else _method_rule(function)


def _function_rule(function: Callable[..., Any]) -> Callable[..., Any] | None:
    implementation = FUNCTIONS.get(function)
    if implementation is None:
        return None
    return lambda *args, **kwargs: apply_rule(implementation, function, args, kwargs)


def _method_rule(function: Any) -> Callable[..., Any] | None:
    """Of a bound method, or of an object that is called."""
    owner, name = getattr(function, "__self__", function), getattr(function, "__name__", "__call__")
    owners = [owner] if isinstance(owner, Hashable) else []
    for key in (*owners, *type(owner).__mro__):
        if (key, name) in METHODS:
            return functools.partial(METHODS[key, name], owner)
    return None


__all__ = ["FUNCTIONS", "METHODS", "method", "open_for_ufunc", "open_room", "rule", "rule_of"]
