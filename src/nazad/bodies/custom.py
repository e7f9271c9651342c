"""An operation of the user's with a derivative of its own.

The rules are functions of the user's on flat values, stated for one mode or for both; a mode that is not
stated is the transpose of the other, which is linear in what it is given. A rule is written in NumPy: on
traced values it writes the next graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from nazad.bodies.derive import Flags, both, chosen, count_rows, rows_through, spread
from nazad.bodies.traced import derived, is_traced
from nazad.errors import NazadError, TraceError
from nazad.graph import Value, here, is_real, zeros_like
from nazad.ops.control import Carrying
from nazad.ops.families import row_by_row
from nazad.trace import Arguments, run

Values = Sequence[Value]


class Rules(Protocol):
    """What an operation of the user's states, on flat values."""

    name: str

    def value(self, xs: Values) -> list[Value]:
        """The results."""
        ...

    push: Callable[[Values, Values, Values], list[Value]] | None
    """``push(x_dots, ys, xs)``: the tangents of the results."""
    pull: Callable[[Values, Values, Values], list[Value]] | None
    """``pull(y_bars, ys, xs)``: the shares of the arguments."""

    def demand(self, moving: Flags) -> None:
        """Raise if neither is stated, or there is no derivative by one of these arguments."""
        ...


def _run(*xs: Value, rules: Rules) -> tuple[Value, ...]:
    ys = rules.value(xs)
    if is_traced(ys) and not is_traced(xs):
        raise TraceError(
            f"{rules.name} captured a value that is being traced, and its rule knows nothing of it",
            "Pass it as an argument.",
            here(),
        )
    return tuple(ys)


def _filled(bars: Values, of: Values) -> list[Value]:
    return [zeros_like(x) if bar is None else bar for bar, x in zip(bars, of, strict=True)]


def _push(x_dots: Values, ys: Values, *xs: Value, rules: Rules) -> Values:
    real = [is_real(x) and dot is not None for x, dot in zip(xs, x_dots, strict=True)]
    rules.demand(real)
    if rules.push is not None:
        return rules.push(_filled(x_dots, xs), ys, xs)
    moved = [is_real(y) for y in ys]
    pull: Any = rules.pull

    def shares(*y_bars: Value) -> list[Value]:
        return chosen(pull(_filled(spread(y_bars, moved), ys), ys, xs), real)

    dots = _transposed(shares, chosen(ys, moved), chosen(x_dots, real))
    return spread(dots, moved)


def _pull(wanted: Flags, y_bars: Values, ys: Values, *xs: Value, rules: Rules) -> Values:
    real = both(wanted, [is_real(x) for x in xs])
    rules.demand(real)
    if rules.pull is not None:
        return rules.pull(_filled(y_bars, ys), ys, xs)
    push: Any = rules.push
    moved = [is_real(y) for y in ys]

    def tangents(*x_dots: Value) -> list[Value]:
        return chosen(push(_filled(spread(x_dots, real), xs), ys, xs), moved)

    shares = _transposed(tangents, chosen(xs, real), chosen(_filled(y_bars, ys), moved))
    return spread(shares, real)


def _transposed(linear: Callable[..., Values], kinds: Values, bars: Values) -> list[Value]:
    """What the transpose of a linear function of values of these kinds makes of cotangents."""
    zeros = tuple([zeros_like(x) for x in kinds])
    done = run(lambda *values: tuple(linear(*values)), _arguments(zeros))
    B = done.graph.backward(done.F, list(bars), wrt=done.graph.leaves)
    return [B[leaf] for leaf in done.graph.leaves]


def _arguments(xs: Values) -> Arguments:
    return Arguments.of(tuple(xs), [f"x{k}" for k in range(len(xs))])


def _batch(op: Any, xs: Values, along: Flags, params: Any) -> tuple[Value, ...]:
    """All rows at once, if the function is written in NumPy and nothing depends on its rule."""
    if not is_traced(xs):
        try:
            return tuple(_rows(params["rules"], xs, along))
        except (NazadError, TypeError, ValueError, AttributeError):
            pass  # a function of plain numbers
    rows: tuple[Value, ...] = row_by_row(op, xs, along, params)
    return rows


def _rows(rules: Rules, xs: Values, along: Flags) -> list[Value]:
    size = count_rows(xs, along)
    row = [x[0] if b else x for x, b in zip(xs, along, strict=True)]
    body = derived(lambda *values: rules.value(values), row)
    return rows_through(body, xs, along, size, [True] * len(body.sinks))


custom = Carrying("custom", _run, _push, _pull, _batch, simpler=_run)
