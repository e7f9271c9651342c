"""The command ``nazad``: its subcommands, and what becomes of their errors.

A subcommand is a module with two functions: ``add_parser(subparsers)`` says what it takes, in a parser whose
default for ``run`` is its ``run(args) -> int``. What is heavy it imports when it runs. An error is one line
on stderr and an exit code: 2 for input that is no good, 1 for what went wrong otherwise, 130 for Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn, Protocol

from nazad import __version__
from nazad.cli import demo, explain, fit, predict
from nazad.errors import ArgumentError, DataError, ExpressionError, ModelFileError, NazadError, ShapeError

FAILED, USAGE, INTERRUPTED, PIPE_CLOSED = 1, 2, 130, 141
_BAD_INPUT = (ArgumentError, DataError, ExpressionError, ModelFileError, ShapeError)
_LONGEST = 400  # characters of an error


class Command(Protocol):
    """What a module of a subcommand has."""

    def add_parser(self, subparsers: Any) -> None: ...


COMMANDS: tuple[Command, ...] = (explain, fit, predict, demo)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments behind the command's name; those of the process if not given.

    Returns
    -------
    int
        The exit code.

    Examples
    --------
    >>> main(["--version"])
    nazad ...
    0
    """
    _write_anything()
    try:
        args = parser().parse_args(argv)
        code = int(args.run(args))
        sys.stdout.flush()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except BrokenPipeError:
        _drop_output()
        return PIPE_CLOSED
    except KeyboardInterrupt:
        return _failed("interrupted", INTERRUPTED)
    except (NazadError, OSError, MemoryError) as error:
        return _failed(
            str(error) or "there is not enough memory", USAGE if isinstance(error, _BAD_INPUT) else FAILED
        )
    return code


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    whole = _Parser(
        prog="nazad",
        description="Differentiate NumPy code by backpropagation, see every step, descend.",
    )
    whole.add_argument("--version", action="version", version=f"nazad {__version__}")
    subparsers = whole.add_subparsers(title="commands", metavar="command", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return whole


class _Parser(argparse.ArgumentParser):
    """An error in the usage is one line, too."""

    def error(self, message: str) -> NoReturn:
        minus = "Behind -- an argument may begin with a minus sign; " if "unrecognized" in message else ""
        sys.exit(_failed(f"{message[: _LONGEST // 2]}. {minus}{self.prog} --help says more", USAGE))


def _failed(message: str, code: int) -> int:
    line = " ".join(message.split())
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
    print(f"nazad: {shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + '…'}", file=sys.stderr)
    return code


def _write_anything() -> None:
    """A terminal that lacks a character gets a question mark for it, not an exception."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def _drop_output() -> None:
    """Nobody reads any more: let Python's last flush go nowhere instead of failing."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
