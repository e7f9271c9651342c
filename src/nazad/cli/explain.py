"""``nazad explain``: an expression at a point, forward and backward."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from nazad.cli.expression import CONSTANTS, FUNCTIONS, Expression, parse, parse_values
from nazad.errors import ArgumentError
from nazad.graph import here
from nazad.nearby import listed, suggest

_PIPE = 120  # characters of a line where there is no terminal


def add_parser(subparsers: Any) -> None:
    """Say what the command takes."""
    parser = subparsers.add_parser(
        "explain",
        help="show the forward and backward pass of an expression",
        description="Show the forward and backward pass of an expression, node by node.",
        epilog=f"Functions: {', '.join(sorted(FUNCTIONS))}. Constants: {', '.join(CONSTANTS)}. "
        "Put -- in front of an expression that begins with a minus sign. "
        'Example: nazad explain "(log(x) + x*y) - sin(y)" x=2 y=5',
    )
    parser.add_argument("expression", help='such as "(log(x) + x*y) - sin(y)"')
    parser.add_argument("values", nargs="*", metavar="name=value", help="a number, or several with commas")
    parser.add_argument("--all", action="store_true", help="every row of a long table")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the tables."""
    from rich.console import Console

    from nazad.explain.story import tell
    from nazad.explain.text import show

    expression = parse(args.expression)
    values = _in_order(expression, parse_values(args.values))
    console = Console() if Console().is_terminal else Console(width=_PIPE)
    with np.errstate(all="ignore"), console.capture() as printed:
        told = tell(expression.function, values, {}, origin=here(), title=" ".join(expression.text.split()))
        show(told.page, console, args.all)
    print(printed.get(), end="")
    return 0


def _in_order(expression: Expression, values: Mapping[str, Any]) -> tuple[Any, ...]:
    """A value for every variable, as NumPy's numbers: 1/0 is inf."""
    missing = [name for name in expression.names if name not in values]
    if missing:
        raise ArgumentError(f"no value is given for {listed(missing)}", f"Write {_assigned(missing)}")
    for name in values:
        if name not in expression.names:
            raise ArgumentError(
                f"{name!r:.40} does not occur in the expression", suggest(name, expression.names)
            )
    return tuple(
        np.float64(x) if type(x) is float else x for x in (values[name] for name in expression.names)
    )


def _assigned(names: Iterable[str]) -> str:
    return " ".join(f"{name}=1" for name in list(names)[:3])
