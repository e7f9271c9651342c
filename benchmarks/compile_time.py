"""How long it takes to compile, stage by stage: value and gradient of ADBench's problems and Rosenbrock's.

Nothing is found on disk (NAZAD_CACHE=0), and each time it is another ``nz.jit``; a first round, in which LLVM
and all else is loaded, does not count. Tracing runs the function once, the guards are gathered, and *prepare*
finds the loops again; so these grow with the steps of a loop. After them it is one loop however many steps
there are, and the ratios of the longest text to the shortest, stage by stage, should be about one.
``python benchmarks/compile_time.py`` runs it; ``--only GMM`` one of the cases.
"""

from __future__ import annotations

import functools
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import one_thread  # noqa: F401

# isort: split
import numpy as np
from adbench import ba, gmm, lstm
from calls import rosenbrock
from side_by_side import duration, options, report, suffix

import nazad as nz

ROUNDS = 3
LAYERS = 2
TEXTS, QUICK_TEXTS = (256, 1024, 4096), (8, 32)  # characters

Case = Callable[[], tuple[Callable[..., Any], tuple[Any, ...]]]


def of_lstm(characters: int) -> Any:
    return nz.value_and_grad(lstm.written_in(np), lstm.BY), lstm.data(LAYERS, characters)


def of_gmm(n: int, d: int, k: int) -> Any:
    return nz.value_and_grad(gmm.written_in(np), gmm.BY), gmm.data(n, d, k)


def of_ba(n: int, m: int, p: int) -> Any:
    problem = ba.data(n, m, p)
    theta = ba.parameters(problem)
    return nz.sparse_jacobian(ba.residuals(problem)).plan(theta).values, (theta,)


def of_rosenbrock() -> Any:
    return nz.value_and_grad(rosenbrock(np)), (np.linspace(-1, 1, 10),)


def text(characters: int) -> str:
    return f"LSTM: {LAYERS} layers, {characters} characters"


def cases(quick: bool) -> dict[str, Case]:
    mixture, bundle = (gmm.QUICK[-1], ba.QUICK[0]) if quick else ((1000, 10, 25), ba.SIZES[0])
    texts = {text(c): functools.partial(of_lstm, c) for c in (QUICK_TEXTS if quick else TEXTS)}
    return texts | {
        "GMM: n = {}, d = {}, k = {}".format(*mixture): functools.partial(of_gmm, *mixture),
        "BA: {} cameras, {} points, {} observations".format(*bundle): functools.partial(of_ba, *bundle),
        "Rosenbrock: n = 10": of_rosenbrock,
    }


def compiled(f: Callable[..., Any], args: tuple[Any, ...]) -> dict[str, float]:
    """Seconds of each stage; of all of the first call, in which they are; bytes of machine code."""
    fast = nz.jit(f)
    start = time.perf_counter()
    fast(*args)
    seconds = time.perf_counter() - start
    (variant,) = fast.report().variants
    return variant.seconds | {"first call": seconds, "code": variant.code}


def measured(chosen: Any) -> dict[str, dict[str, float]]:
    """Medians of each case that is asked for; the cases take turns."""
    made = {title: make() for title, make in cases(chosen.quick).items() if chosen.only in title}
    found: dict[str, list[dict[str, float]]] = {title: [] for title in made}
    for k in range(2 if chosen.quick else 1 + ROUNDS):
        for title, (f, args) in made.items():
            stages = compiled(f, args)
            if k:
                found[title].append(stages)
    return {title: {name: median(seen, name) for name in seen[0]} for title, seen in found.items()}


def median(seen: list[dict[str, float]], name: str) -> float:
    return statistics.median(stages[name] for stages in seen)


def growth(short: dict[str, float], long: dict[str, float]) -> dict[str, float]:
    return {name: long[name] / short[name] for name in short}


def main() -> None:
    os.environ["NAZAD_CACHE"] = "0"
    chosen = options(__doc__)
    data = measured(chosen)
    names = list(next(iter(data.values()), {}))
    shown = [[title, *(quantity(name, times[name]) for name in names)] for title, times in data.items()]
    ends = [text(c) for c in (QUICK_TEXTS if chosen.quick else TEXTS)]
    if data.keys() >= set(ends):
        ratios = growth(data[ends[0]], data[ends[-1]])
        shown.append(["LSTM: longest over shortest", *(f"{ratios[name]:.2f} ×" for name in names)])
    if data:
        report("Compile time: nothing on disk", ["", *names], shown, data, suffix(chosen))


def quantity(name: str, x: float) -> str:
    return f"{x / 1000:.1f} kB" if name == "code" else duration(x)


if __name__ == "__main__":
    main()
