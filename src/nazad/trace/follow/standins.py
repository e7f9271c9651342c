"""The table of what is called in place of functions that do not ask their arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nazad.trace.inside import any_traced

_standins: dict[int, tuple[Callable[..., Any], Callable[..., Any]]] = {}
"""By the identity of a function: its stand-in, and the function, which so lives as long as its entry."""


def standin_of(f: Any) -> Callable[..., Any] | None:
    """What is called in place of a function; None if it has no stand-in."""
    entry = _standins.get(id(f))
    return None if entry is None else entry[0]


def stands_in_for(*functions: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter what is called in place of one or several functions while a trace is running."""

    def enter(standin: Callable[..., Any]) -> Callable[..., Any]:
        _standins.update({id(function): (standin, function) for function in functions})
        return standin

    return enter


def on_traced(*functions: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter what is called in place of functions if there is a traced value among the arguments."""

    def enter(rule: Callable[..., Any]) -> Callable[..., Any]:
        for function in functions:
            stands_in_for(function)(_either(function, rule))
        return rule

    return enter


def _either(function: Callable[..., Any], rule: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        is_traced = any_traced(args) or (kwargs and any_traced(kwargs))
        return (rule if is_traced else function)(*args, **kwargs)

    return call
