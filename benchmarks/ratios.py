"""A derivative as times its function: value and gradient over the value, both compiled, on one thread.

Griewank's bound, that a gradient costs a small multiple of its function, holds for operations counted; here
the clock is held to it. For bundle adjustment it is the Jacobian, all its entries, over the residuals. Each
has the same compiler: a quick function, of which little is left to gain, makes for a high ratio as well as a
slow gradient does. Before they are timed the derivatives are compared with those that run interpreted.
``python benchmarks/ratios.py`` runs it; ``--only LSTM`` some of the cases.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import one_thread  # noqa: F401

# isort: split
import numpy as np
from adbench import ba, gmm, lstm
from side_by_side import Contenders, agree, duration, medians, options, report, suffix

import nazad as nz

FUNCTION, DERIVATIVE = "function", "with derivative"


class Kind(NamedTuple):
    """A problem of ADBench: how its pair is made, from which sizes, and the most that the ratio may be."""

    make: Callable[..., Contenders]
    says: str
    sizes: tuple[tuple[int, ...], ...]
    quick: tuple[tuple[int, ...], ...]
    bound: float


def pair(f: Callable[..., Any], derivative: Callable[..., Any], args: tuple[Any, ...]) -> Contenders:
    """A function and its derivative, compiled; the derivative is what it is interpreted."""
    calls: Contenders = {FUNCTION: functools.partial(nz.jit(f), *args)}
    calls[DERIVATIVE] = functools.partial(nz.jit(derivative), *args)
    agree({"compiled": calls[DERIVATIVE], "interpreted": functools.partial(derivative, *args)})
    return calls


def with_value(f: Callable[..., Any], args: tuple[Any, ...], by: Any) -> Contenders:
    """A function and its value and gradient, whose values are the same."""
    calls = pair(f, nz.value_and_grad(f, argnums=by), args)
    agree({FUNCTION: calls[FUNCTION], DERIVATIVE: lambda: calls[DERIVATIVE]()[0]})
    return calls


def of_gmm(n: int, d: int, k: int) -> Contenders:
    return with_value(gmm.written_in(np), gmm.data(n, d, k), gmm.BY)


def of_ba(n: int, m: int, p: int) -> Contenders:
    problem = ba.data(n, m, p)
    theta, f = ba.parameters(problem), ba.residuals(problem)
    return pair(f, nz.sparse_jacobian(f).plan(theta).values, (theta,))


def of_lstm(layers: int, characters: int) -> Contenders:
    return with_value(lstm.written_in(np), lstm.data(layers, characters), lstm.BY)


KINDS = {
    "GMM": Kind(
        of_gmm, "n = {}, d = {}, k = {}", ((1000, 10, 25), (10_000, 10, 25), (1000, 64, 5)), gmm.QUICK, 2.5
    ),
    "BA": Kind(of_ba, "{} cameras, {} points, {} observations", ba.SIZES, ba.QUICK, 3.0),
    "LSTM": Kind(of_lstm, "{} layers, {} characters", lstm.SIZES, lstm.QUICK, 3.5),
}


def timed(calls: Contenders, quick: bool) -> dict[str, float]:
    seconds, least = (0.1, 2) if quick else (3.0, 5)
    return medians(calls, seconds, least, turn=0.02)


def main() -> None:
    chosen = options(__doc__)
    rows, data = [], {}
    for name, kind in KINDS.items():
        for size in kind.quick if chosen.quick else kind.sizes:
            title = f"{name}: {kind.says.format(*size)}"
            if chosen.only not in title:
                continue
            times = timed(kind.make(*size), chosen.quick)
            ratio = times[DERIVATIVE] / times[FUNCTION]
            data[title] = {"seconds": times, "ratio": ratio, "bound": kind.bound}
            cells = [duration(times[FUNCTION]), duration(times[DERIVATIVE])]
            rows.append([title, *cells, f"{ratio:.2f}", f"{kind.bound:g}"])
    what = "Ratios: derivative over function, compiled, one thread"
    if rows:
        report(what, ["", FUNCTION, DERIVATIVE, "ratio", "at most"], rows, data, suffix(chosen))


if __name__ == "__main__":
    main()
