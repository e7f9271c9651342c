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
from types import BuiltinMethodType, FrameType, MethodType, ModuleType, NoneType
from typing import Any

import numpy as np

from nazad.trace.numpy_table.dispatch import Entry, Rules, apply_rule, enter
from nazad.tree import Tree

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
def open_room(subject: str) -> Any:
    """Import the room of a subpackage, if there is one, and return it."""
    *parent, _ = subject.rsplit(".", 1)
    if parent and not hasattr(open_room(*parent), "__path__"):
        return None
    name = f"{__name__}.{subject}"
    return None if importlib.util.find_spec(name) is None else importlib.import_module(name)


def sparse_room(x: Any) -> Any:
    """The room of sparse matrices, if a value is one; None for all else."""
    if isinstance(x, (np.ndarray, np.generic)) or "scipy.sparse" not in sys.modules:
        return None
    room = open_room("sparse.array")
    return room if room.is_sparse(x) else None


def with_entries(tree: Tree) -> Tree:
    """The same structure, in which sparse matrices have their stored entries for leaves."""
    return open_room("sparse.trees").with_entries(tree) if "scipy.sparse" in sys.modules else tree


def with_patterns(tree: Tree) -> Tree:
    """The same structure, in which sparse matrices have their entries and their pattern for leaves."""
    return open_room("sparse.trees").with_patterns(tree) if "scipy.sparse" in sys.modules else tree


def numbers_of_entries(tree: Tree) -> list[int]:
    """The numbers of the leaves that are entries of matrices by rows or columns, after with_patterns."""
    return open_room("sparse.trees").numbers_of_entries(tree) if "scipy.sparse" in sys.modules else []


def asks_beside(frame: FrameType | None) -> bool:
    """Whether an operator of a sparse matrix wants to know what stands beside it.

    It takes that for an array; what it finds to be none, it leaves to the other side, which knows better.
    """
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith(_BETWEEN):
            return False
        if module.startswith("scipy.sparse.") and frame.f_code.co_name in _OPERATORS:
            return True
        frame = frame.f_back
    return False


_NAMES = ("add", "sub", "mul", "truediv", "matmul", "eq", "ne", "lt", "le", "gt", "ge")
_BETWEEN = ("scipy.", "numpy.", "abc")
_OPERATORS = frozenset(f"__{name}__" for name in _NAMES)


def open_for_ufunc(ufunc: Any) -> None:
    """Open the room of SciPy's ufuncs for one of them; ufuncs do not say where they are from."""
    if getattr(sys.modules.get("scipy.special"), ufunc.__name__, None) is ufunc:
        open_room("special")


def subject_of(thing: Any) -> str:
    """The module of SciPy that a function, class, method or object is from; empty for all others."""
    for module in (_home(thing), _home(type(getattr(thing, "__self__", thing)))):
        if module.startswith("scipy."):
            return module.partition(".")[2]
    return ""


def rule_of(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """What to call in place of a function, class, method or callable object of SciPy; None without a rule.

    Examples
    --------
    >>> rule_of(len) is None
    True
    """
    subject = subject_of(function)
    if not subject:
        return None
    for depth in (1, 2):
        open_room(".".join(subject.split(".")[:depth]))
    is_method = isinstance(function, MethodType) or _is_bound(function)
    is_plain = hasattr(function, "__name__") and not is_method
    return _function_rule(function) if is_plain else _method_rule(function)


def _is_bound(function: Any) -> bool:
    """Whether a built-in is a method of an object."""
    return isinstance(function, BuiltinMethodType) and not isinstance(
        function.__self__, (ModuleType, NoneType)
    )


def _home(owner: Any) -> str:
    """The module of a function or class; one class of SciPy's does not say it."""
    is_unstated = getattr(owner, "__name__", "") == "SuperLU"
    return "scipy.sparse.linalg" if is_unstated else getattr(owner, "__module__", None) or ""


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


__all__ = [
    "FUNCTIONS",
    "METHODS",
    "asks_beside",
    "method",
    "numbers_of_entries",
    "open_for_ufunc",
    "open_room",
    "rule",
    "rule_of",
    "sparse_room",
    "subject_of",
    "with_entries",
    "with_patterns",
]
