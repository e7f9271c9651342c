"""The place in the user's code that made a node.

Recorded at every traced operation, so recording must cost next to nothing: a code object and an offset
into its bytecode. File, line and columns are worked out when somebody asks.
"""

from __future__ import annotations

import itertools
import linecache
import os
import sys
from abc import ABCMeta
from types import CodeType, FrameType
from typing import NamedTuple

import numpy as np

_HOMES = tuple(os.path.dirname(os.path.abspath(p)) + os.sep for p in (os.path.dirname(__file__), np.__file__))


_LIBRARIES = tuple(os.path.join("site-packages", name, "") for name in ("scipy", "sklearn", "pandas"))
"""Libraries that call back into array code: the user's line is the one that called them."""


_ABSTRACT = ABCMeta.__instancecheck__.__code__.co_filename


class _Ours(dict[str, bool]):
    """Whether a file belongs to nazad, NumPy or their like; looked up at every operation, found out once."""

    def __missing__(self, file: str) -> bool:
        self[file] = file.startswith(_HOMES) or any(library in file for library in _LIBRARIES)
        return self[file]


_ours = _Ours()


class Where(NamedTuple):
    """A position in a code object; the rest is looked up lazily."""

    code: CodeType
    offset: int

    @property
    def file(self) -> str:
        return self.code.co_filename

    @property
    def span(self) -> tuple[int | None, int | None, int | None, int | None]:
        """First line, last line, first column, last column; lines from 1, columns in bytes from 0."""
        return next(itertools.islice(self.code.co_positions(), self.offset // 2, None))

    @property
    def line(self) -> int:
        return self.span[0] or self.code.co_firstlineno

    @property
    def function(self) -> str:
        return self.code.co_qualname

    @property
    def source(self) -> str:
        """The source line, stripped; empty where the source is not to be had."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def is_ours(file: str) -> bool:
    """Whether a file belongs to nazad, NumPy or their like, rather than to the user."""
    return _ours[file]


def asked_by_ours(frame: FrameType) -> bool:
    """Whether the question that this frame puts to an object is one of nazad, NumPy or their like."""
    while frame.f_code.co_filename == _ABSTRACT and frame.f_back is not None:
        frame = frame.f_back  # isinstance(x, Number) comes by way of the abstract class
    return _ours[frame.f_code.co_filename]


def here(above: int = 1) -> Where | None:
    """The innermost place on the stack outside nazad and NumPy, at least so many frames above."""
    frame = sys._getframe(above)
    while _ours[frame.f_code.co_filename]:
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return tuple.__new__(Where, (frame.f_code, frame.f_lasti))  # half the time of Where(...)
