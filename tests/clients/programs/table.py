"""The table of programs; a program enters it with the point at which it is differentiated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Program = Callable[..., Any]
CLIENTS: list[tuple[Program, tuple[Any, ...]]] = []


def client(*point: Any) -> Callable[[Program], Program]:
    """Enter a program, which is differentiated by all of its arguments."""

    def enter(program: Program) -> Program:
        CLIENTS.append((program, point))
        return program

    return enter
