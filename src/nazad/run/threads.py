"""A pool of threads that machine code hands its parts to, without Python taking part.

A program that can be cut into parts says into how many, and each part writes where no other does. Which
thread runs which part is left to chance, so results cannot depend on it, nor on the number of threads: the
cut is made when the program is compiled. ``@nz_parallel(ptr %function, ptr %data, i64 %parts)`` calls
``void function(ptr %data, i64 %part)`` for each part and returns when all are done.

The pool is machine code too (:mod:`nazad.run.pool`), on top of POSIX threads. What makes it simple:

- The caller takes parts itself until none is left, so the work gets done even if no worker ever comes.
- One word, the gate, holds the job's number, whether it is open, and how many workers are inside. A worker
  enters by an exchange that fails if any of these changed. The caller closes the gate and waits for those
  inside; then no thread has a part, and the next job may be written down.
- Who finds the pool busy, from another thread or from within a part, runs its parts in a row.
- Workers exist in the process that made them. In the child of a fork the pool starts from nothing; where
  Python did not see the fork, the number of the process tells.

A worker waits for a few microseconds before it goes to sleep. It handles no signals, so that they interrupt
Python's threads as ever, and computes with the caller's rounding and treatment of denormal numbers. Where
there are no POSIX threads (Windows), parts run in a row.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import operator
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from nazad.errors import ArgumentError
from nazad.extras import require
from nazad.run.cache import compiled
from nazad.run.llvm import Target
from nazad.run.pool import needs, pool_ir, row_ir

DECLARE = "declare void @nz_parallel(ptr, ptr, i64) nounwind"
"""The declaration that a module needs once."""

_MOST = 1024
_LOCK = threading.Lock()
_chosen: int | None = None


def set_threads(n: int | None) -> None:
    """Say how many threads compiled programs use, the caller's own included.

    Parameters
    ----------
    n : int or None
        From 1, which keeps everything in the caller's thread, to 1024. None takes what is usual: the
        environment variable NAZAD_THREADS, else the number of cores that this process may use.

    Examples
    --------
    >>> set_threads(2)
    >>> threads()
    2
    >>> set_threads(0)
    Traceback (most recent call last):
    nazad.errors.ArgumentError: 0 is no number of threads. It must be a whole number from 1 to 1024
    >>> set_threads(None)
    """
    global _chosen
    _chosen = None if n is None else _checked(n, "")
    if _is_ready():
        _pool().set_threads(threads())


def threads() -> int:
    """How many threads compiled programs use, the caller's own included.

    Examples
    --------
    >>> threads() >= 1
    True
    """
    return _usual() if _chosen is None else _chosen


def prepare() -> None:
    """Make ``@nz_parallel`` a symbol that machine code may call; needed before it is compiled or linked."""
    if not _is_ready():
        with _LOCK:
            _pool()


def call(function: str, data: str, parts: int | str) -> str:
    """The instruction that runs all parts.

    Examples
    --------
    >>> call("@part", "%data", 8)
    'call void @nz_parallel(ptr @part, ptr %data, i64 8)'
    """
    return f"call void @nz_parallel(ptr {function}, ptr {data}, i64 {parts})"


def parallel(address: int, pointers: Sequence[int], parts: int) -> None:
    """Run all parts of a function of machine code; the GIL is released meanwhile.

    Parameters
    ----------
    address : int
        Where ``void function(ptr %data, i64 %part)`` is. It must not call Python.
    pointers : sequence of int
        Addresses; ``%data`` points to an array of them.
    parts : int
        How many parts there are.

    Examples
    --------
    >>> machine = compiled('''
    ... define void @part(ptr %data, i64 %i) {
    ...   %x = load ptr, ptr %data
    ...   %xi = getelementptr i64, ptr %x, i64 %i
    ...   store i64 %i, ptr %xi
    ...   ret void
    ... }''')
    >>> x = (ctypes.c_int64 * 4)()
    >>> parallel(machine.address("part"), [ctypes.addressof(x)], 4)
    >>> list(x)
    [0, 1, 2, 3]
    """
    if not 0 <= parts < 2**63:
        raise ArgumentError(f"{parts} is no number of parts", "It must not be negative")
    prepare()
    _pool().parallel(address, (ctypes.c_void_p * len(pointers))(*pointers), parts)


def _checked(n: Any, source: str) -> int:
    try:
        number = 0 if isinstance(n, bool) else operator.index(n)
    except TypeError:
        number = 0
    if not 1 <= number <= _MOST:
        raise ArgumentError(
            f"{source}{n!r:.40} is no number of threads", f"It must be a whole number from 1 to {_MOST}"
        )
    return number


def _usual() -> int:
    stated = os.environ.get("NAZAD_THREADS", "").strip()
    if stated:
        number = int(stated) if stated.isascii() and stated.isdigit() else stated
        return _checked(number, "NAZAD_THREADS: ")
    return min(_cores(), _MOST)


@functools.cache
def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _is_ready() -> bool:
    return _pool.cache_info().currsize > 0


class _Pool(NamedTuple):
    parallel: Callable[[int, Any, int], None]
    set_threads: Callable[[int], None]


@functools.cache
def _pool() -> _Pool:
    machine = compiled(_text(), "the pool of threads")
    # Never freed: while the interpreter ends, workers still wait in this code.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(machine))
    require("llvmlite.binding", "native").add_symbol("nz_parallel", machine.address("nz_parallel"))
    pointer = ctypes.c_void_p
    pool = _Pool(
        ctypes.CFUNCTYPE(None, pointer, pointer, ctypes.c_int64)(machine.address("nz_parallel")),
        ctypes.CFUNCTYPE(None, ctypes.c_int32)(machine.address("nz_set_threads")),
    )
    pool.set_threads(threads())
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=ctypes.CFUNCTYPE(None)(machine.address("nz_forget")))
    return pool


def _text() -> str:
    return pool_ir(Target.host()) if _found() else row_ir()


def _found() -> bool:
    """Whether the system has what the pool needs; it becomes symbols of LLVM."""
    with contextlib.suppress(OSError, TypeError, AttributeError):  # Windows knows no library without a name
        process = ctypes.CDLL(None)
        found = {name: ctypes.cast(getattr(process, name), ctypes.c_void_p).value for name in needs()}
        binding = require("llvmlite.binding", "native")
        for name, address in found.items():
            binding.add_symbol(name, address)
        return True
    return False
