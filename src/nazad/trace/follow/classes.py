"""What is called in place of classes and of objects that can be called."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any

from nazad.trace.follow.functions import on_numbers
from nazad.trace.follow.resolve import finds, remembered, resolve
from nazad.trace.follow.source import is_library
from nazad.trace.follow.standins import standin_of
from nazad.trace.inside import any_traced
from nazad.trace.scipy_table import subject_of


@finds(type)
def of_class(c: type) -> Any:
    """A class of the user's: its constructor is followed."""
    if (standin := standin_of(c)) is not None:
        return remembered(c, standin)
    if subject_of(c):
        return remembered(c, on_numbers(c))
    return remembered(c, functools.partial(_made, c) if _has_constructor(c) else c)


def _has_constructor(c: type) -> bool:
    is_usual = type(c).__call__ is type.__call__
    return is_usual and (is_users(c.__init__) or is_users(c.__new__) or is_users(_after(c)))  # type: ignore[misc]


def is_users(f: Any) -> bool:
    """Whether it is a function of the user's, which may be followed."""
    return type(f) is FunctionType and not is_library(f.__code__.co_filename)


def _after(c: type) -> Any:
    return getattr(c, "__post_init__", None) if hasattr(c, "__dataclass_fields__") else None


def _made(c: type, /, *args: Any, **kwargs: Any) -> Any:
    """What type.__call__ does, with followed functions."""
    new = c.__new__
    obj = (resolve(new) if is_users(new) else new)(c, *args, **kwargs)
    if isinstance(obj, c):
        _initialised(obj, args, kwargs)
    return obj


def _initialised(obj: Any, args: Any, kwargs: Any) -> None:
    kind = type(obj)
    init, after = kind.__init__, _after(kind)
    is_written = type(init) is FunctionType and init.__code__.co_filename == "<string>"
    if is_written and is_users(after):  # the constructor that dataclasses write calls the other one
        init(_Fields(obj, resolve(after)), *args, **kwargs)
    else:
        resolve(init)(obj, *args, **kwargs)


class _Fields:
    """Takes the fields from the constructor of a dataclass, and hands them on before ``__post_init__``."""

    def __init__(self, obj: Any, after: Callable[..., Any]) -> None:
        self.__post_init__ = functools.partial(self._then, obj, after)

    def _then(self, obj: Any, after: Callable[..., Any], *args: Any) -> None:
        put = object.__setattr__ if type(obj).__dataclass_params__.frozen else setattr
        for name, value in vars(self).items():
            if name != "__post_init__":
                put(obj, name, value)
        after(obj, *args)


@finds(functools.partial)
def of_partial(f: functools.partial[Any]) -> Any:
    return functools.partial(resolve(f.func), *f.args, **f.keywords)


@finds(functools._lru_cache_wrapper)
def of_cached(f: Any) -> Any:
    """What is found under a trace goes into a cache of its own, which ends with the trace."""
    target = resolve(f.__wrapped__)
    cached = functools.lru_cache(maxsize=f.cache_parameters()["maxsize"])(target)
    return remembered(
        f, lambda *args, **kwargs: (target if any_traced((args, kwargs)) else cached)(*args, **kwargs)
    )


@finds(object)
def of_object(f: Any) -> Any:
    """An object that is called; or a class with a metaclass."""
    if isinstance(f, type):
        return of_class(f)
    call = getattr(type(f), "__call__", None)  # noqa: B004  what it is matters, not whether
    if is_users(call):
        return MethodType(resolve(call), f)
    return on_numbers(f) if subject_of(f) else f
