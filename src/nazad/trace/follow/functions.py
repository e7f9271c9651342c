"""What is called in place of functions and methods."""

from __future__ import annotations

import functools
import sys
from types import BuiltinFunctionType, CellType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from nazad.errors import TraceError
from nazad.graph import here
from nazad.trace import scipy_table
from nazad.trace.array import Array
from nazad.trace.follow.resolve import CELL, finds, remembered, resolve
from nazad.trace.follow.source import NotFollowed, is_library, twin_of
from nazad.trace.follow.standins import standin_of
from nazad.trace.inside import SEQUENCES, any_traced, as_constants, depends, plain, traced_in
from nazad.trace.nested import listed, listed_numbers, parts_listed
from nazad.trace.numpy_table.dispatch import FUNCTIONS, full_name, no_rule
from nazad.trace.running import RESOLVER, current, held

_UNDERSTAND = frozenset({"nazad", "numpy", *sys.stdlib_module_names})
"""Packages whose functions take traced values as they are, or have stand-ins."""


@finds(FunctionType)
def of_function(f: FunctionType) -> Any:
    """A function of the user's is followed; one of a library gets numbers where it can."""
    if RESOLVER in f.__code__.co_freevars:
        return f
    if (standin := standin_of(f)) is not None:
        return remembered(f, standin)
    if not is_library(f.__code__.co_filename):
        return remembered(f, _followed(f))
    return of_library(f)


def _followed(f: FunctionType) -> FunctionType:
    """The rewritten version, with the globals, cells, defaults and attributes of the original."""
    try:
        code = twin_of(f)
    except NotFollowed:
        return f
    if RESOLVER not in code.co_freevars:  # it calls nothing
        return f
    cells = dict(zip(f.__code__.co_freevars, f.__closure__ or (), strict=True)) | {RESOLVER: CELL}
    return _with_cells(f, code, tuple([cells[name] for name in code.co_freevars]))


def _with_cells(f: FunctionType, code: Any, cells: tuple[CellType, ...]) -> FunctionType:
    g = FunctionType(code, f.__globals__, f.__name__, f.__defaults__, cells)
    g.__kwdefaults__, g.__qualname__, g.__dict__ = f.__kwdefaults__, f.__qualname__, f.__dict__
    return g


def of_library(f: FunctionType) -> Any:
    """A wrapper of a function of the user's is followed through; others get numbers where they can."""
    if _wraps_users(f):
        return remembered(f, _rewrapped(f))
    return f if _package(f) in _UNDERSTAND else remembered(f, on_numbers(f))


def _package(f: Any) -> str:
    return (getattr(f, "__module__", None) or "").partition(".")[0]


def _wraps_users(f: FunctionType) -> bool:
    inner = getattr(f, "__wrapped__", None)
    return (
        type(inner) is FunctionType and not is_library(inner.__code__.co_filename) and _package(f) != "nazad"
    )


def _rewrapped(f: FunctionType) -> Any:
    """A wrapper that a decorator of some library made, around a function that is followed."""
    if hasattr(f, "registry") and hasattr(f, "dispatch"):  # functools.singledispatch
        return lambda x, *args, **kwargs: resolve(f.dispatch(type(plain(x))))(x, *args, **kwargs)
    wrapped, cells = f.__wrapped__, f.__closure__ or ()  # type: ignore[attr-defined]
    changed = [CellType(resolve(wrapped)) if _holds(cell, wrapped) else cell for cell in cells]
    return _with_cells(f, f.__code__, tuple(changed))


def _holds(cell: CellType, value: Any) -> bool:
    try:
        return cell.cell_contents is value
    except ValueError:  # an empty cell
        return False


def on_numbers(f: Any) -> Any:
    """What SciPy offers, by its rule; what has none, with numbers if nothing depends on what is traced."""

    def call(*args: Any, **kwargs: Any) -> Any:
        if current() is None:  # kept from a trace that has ended
            return f(*args, **kwargs)
        if not depends((args, kwargs)):  # but a function among them may depend
            return _tried(f, as_constants(args), as_constants(kwargs))
        rule = scipy_table.rule_of(f)
        if rule is None:
            return _tried(f, args, kwargs)
        return rule(*map(listed_numbers, args), **{k: listed_numbers(x) for k, x in kwargs.items()})

    return call


def _tried(f: Any, args: Any, kwargs: Any) -> Any:
    """A function may be made of ufuncs alone; if it is not, its name says more than a line inside."""
    traces = [current(), *(handle.recorder for handle in traced_in((args, kwargs)))]
    met = [len(trace.errors) for trace in traces]
    try:
        return f(*args, **kwargs)
    except Exception as error:  # compiled code of SciPy may put its own in place of ours
        is_ours = isinstance(error, TraceError) or any(map(_more, traces, met))
        if not is_ours or not scipy_table.subject_of(f):
            raise
        for trace, count in zip(traces, met, strict=True):
            del trace.errors[count:]
        raise no_rule(full_name(f)) from error


def _more(trace: Any, count: int) -> bool:
    return len(trace.errors) > count


@finds(MethodType)
def of_method(f: MethodType) -> Any:
    func = f.__func__
    if type(func) is not FunctionType or isinstance(f.__self__, Array):
        _note_draw(f.__self__)
        return f
    if is_library(func.__code__.co_filename) and not _wraps_users(func):
        _note_draw(f.__self__)
        return f if _package(func) in _UNDERSTAND else on_numbers(f)
    followed = resolve(func)
    return f if followed is func else MethodType(followed, f.__self__)


@finds(BuiltinFunctionType)
def of_builtin(f: Any) -> Any:
    if (standin := standin_of(f)) is not None:
        return remembered(f, standin)
    owner = f.__self__
    _note_draw(owner)
    if owner is None or type(owner) is ModuleType:
        return remembered(f, f)
    if isinstance(owner, np.ndarray):
        return of_array_method(f, owner)
    if isinstance(owner, np.ufunc):
        return on_lists(f)
    if scipy_table.subject_of(f):
        return on_numbers(f)
    standin = standin_of(getattr(type(owner), f.__name__, None))
    return f if standin is None else functools.partial(standin, owner)


def _note_draw(owner: Any) -> None:
    """Note that random numbers are drawn here: what comes out is a constant of the trace."""
    if type(owner).__module__ in _RANDOM:
        current().draws.append(here())


_RANDOM = frozenset({"random", "numpy.random._generator", "numpy.random.mtrand"})


def of_array_method(f: Any, owner: np.ndarray[Any, Any]) -> Any:
    """A method of an ordinary array: copies can be written into; arguments may be traced."""
    name = f.__name__
    if name in _COPIES:
        return lambda *args, **kwargs: held(f(*args, **kwargs))
    function = getattr(np, name, None) if name in _WITH_ARRAYS else None
    if function is None:
        return f
    return lambda *args, **kwargs: (
        resolve(function)(owner, *args, **kwargs) if any_traced((args, kwargs)) else f(*args, **kwargs)
    )


_COPIES = frozenset({"copy", "astype", "flatten"})
_WITH_ARRAYS = frozenset(["choose", "clip", "compress", "dot", "repeat", "searchsorted", "take"])
"""Methods that have arrays for arguments, and are functions of NumPy by the same name."""


@finds(np.ufunc, type(np.sum))
def of_numpy(f: Any) -> Any:
    """Ufuncs and NumPy's functions ask their arguments by themselves, but for those that stand in lists."""
    return remembered(f, standin_of(f) or (f if f is np.block else on_lists(f)))


def on_lists(f: Any) -> Any:
    """A function of NumPy to which lists are arrays; or are lists of arrays, each of which may be a list."""
    as_array = parts_listed if f in _OF_SEVERAL else listed

    def call(*args: Any, **kwargs: Any) -> Any:
        for x in (*args, *kwargs.values()):
            if isinstance(x, SEQUENCES):
                args, kwargs = tuple(map(as_array, args)), {name: as_array(x) for name, x in kwargs.items()}
                break
        handle = _unasked(args, kwargs) if f in FUNCTIONS else None
        return f(*args, **kwargs) if handle is None else handle.__array_function__(f, (), args, kwargs)

    return call


def _unasked(args: Any, kwargs: Any) -> Any:
    """A traced value beside an ordinary array; NumPy might not ask it, since it asks some arguments alone."""
    if args and type(args[0]) is np.ndarray:
        return next((x for x in (*args[1:], *kwargs.values()) if isinstance(x, Array)), None)
    return None


_OF_SEVERAL = frozenset(
    (
        np.concatenate,
        np.stack,
        np.vstack,
        np.hstack,
        np.dstack,
        np.column_stack,
        np.select,
        np.linalg.multi_dot,
    )
)
