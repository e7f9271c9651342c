"""What commands print on, and write to: a console for words, and files known to be writable beforehand."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from nazad.errors import ArgumentError, NazadError
from nazad.files import AnyPath

if TYPE_CHECKING:
    from rich.console import Console

_PIPE = 120  # characters of a line where there is no terminal


def console(stderr: bool = False, quiet: bool = False) -> Console:
    """A console in which all text is text: names from data files are no markup."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    made = Console(file=stream, markup=False, highlight=False, emoji=False, quiet=quiet)
    if not made.is_terminal:  # a sentence is a line, and can be searched for
        made.width, made.soft_wrap = _PIPE, True
    return made


def plain(text: object) -> str:
    """Text on one line without characters that would steer a terminal.

    Examples
    --------
    >>> plain("two\\nlines"), plain(3)
    ('two\ufffdlines', '3')
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))


def check_writable(path: AnyPath) -> None:
    """Raise if a file could not be written, as far as can be told beforehand.

    Examples
    --------
    >>> check_writable("/no/such/model.npz")
    Traceback (most recent call last):
    nazad.errors.ArgumentError: /no/such/model.npz: there is no folder '/no/such'. Create it, or choose ...
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise ArgumentError("this is a folder", "Name a file in it", path)
    if target.exists() and not target.is_file():
        return  # a device or a pipe
    if not target.parent.is_dir():
        raise ArgumentError(
            f"there is no folder {str(target.parent)!r}", "Create it, or choose another --output", path
        )
    if target.exists() and not os.access(target, os.W_OK):
        raise ArgumentError("the file is write-protected", "Choose another --output", path)
    try:
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as fault:
        met = f"nothing can be written there: {fault.strerror}"
        raise ArgumentError(met, "Choose another --output", path) from None


def check_different(output: AnyPath, source: AnyPath) -> None:
    """Raise if a result would take the place of the file that it was made from."""
    with contextlib.suppress(OSError):
        if os.path.samefile(output, source) and Path(output).is_file():
            raise ArgumentError("this is the file that is read", "Choose another --output", output)


@contextlib.contextmanager
def writing(path: AnyPath) -> Iterator[None]:
    """Say in words that a file could not be written, and that nothing is lost.

    Examples
    --------
    >>> with writing("model.npz"):
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
    nazad.errors.NazadError: model.npz: it could not be written: No space left on device. What was there ...
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as fault:
        met = f"it could not be written: {fault.strerror or fault}"
        raise NazadError(met, "What was there before is as it was", path) from None
