"""Which trace is running: what is made from nothing, as an array of zeros, belongs to the innermost one.

It is kept in a context variable, so that each thread and each task has its own. A generator that a traced
function made sees the trace of whoever asks it for the next value.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from opcode import opmap
from types import FrameType
from typing import Any

import numpy as np

RESOLVER = "__nz__"
"""The name by which rewritten code calls :func:`nazad.trace.follow.resolve.resolve`."""
_innermost: ContextVar[Any] = ContextVar("the innermost trace", default=None)
_STORE = opmap["STORE_SUBSCR"]
current: Callable[[], Any] = _innermost.get
"""The innermost trace that is running; None outside of every trace."""
begin, end = _innermost.set, _innermost.reset
"""A trace runs from here on; and no longer, given what its beginning returned."""


def held(y: Any) -> Any:
    """A new array of real or complex numbers as a traced constant: traced values can be written into it."""
    trace = current()
    is_numbers = type(y) is np.ndarray and y.dtype.kind in "fc"
    return trace.constant(y) if trace is not None and is_numbers else y


def remembered_error(error: Exception) -> Exception:
    """An error that the end of the trace raises again, should user code swallow it."""
    if (trace := current()) is not None:
        trace.errors.append(error)
    return error


def writes_entries(frame: FrameType) -> bool:
    """Whether the frame may be writing entries into an array, as it asks for a whole number.

    Where it is followed, ``int`` has a stand-in, and so this is not what asks.
    """
    code = frame.f_code
    return RESOLVER in code.co_freevars or code.co_code[frame.f_lasti] == _STORE


__all__ = ["RESOLVER", "begin", "current", "end", "held", "remembered_error", "writes_entries"]
