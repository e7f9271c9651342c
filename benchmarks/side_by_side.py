"""Contenders timed in one run, taking turns, compared as ratios of medians.

Taking turns matters more than many repetitions: a shared machine drifts, and what drifts for all cancels in
the ratio. A contender is a call without arguments. Before they are timed, contenders that compute the same
must agree: a benchmark that compares different numbers is worth nothing.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optree
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
LIBRARIES = ("nazad", "numpy", "scipy", "llvmlite", "jax", "torch", "numba", "autograd", "advect")

Contenders = dict[str, Callable[[], Any]]


def options(doc: str | None) -> argparse.Namespace:
    """What every benchmark is asked on the command line."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help="small sizes and few repetitions, to see that all works"
    )
    parser.add_argument(
        "--only",
        metavar="TEXT",
        default="",
        help="only the cases with this in their title, and no file of figures",
    )
    return parser.parse_args()


def compare(
    title: str,
    cases: Mapping[str, Callable[[], Contenders]],
    chosen: argparse.Namespace,
    seconds: float = 3.0,
    least: int = 5,
    turn: float = 0.0,
    apart: Collection[str] = (),
) -> None:
    """Make the contenders of each case, see that they agree, time them, and report.

    Those named in ``apart`` compute something else, such as the plain read of the data, and need not agree.
    ``seconds``, ``least`` and ``turn`` are those of :func:`medians`, for each case.
    """
    figures = {}
    for name, make in cases.items():
        if chosen.only in name:
            contenders = make()
            agree({who: call for who, call in contenders.items() if who not in apart})
            few = {"seconds": 0.1, "least": 2} if chosen.quick else {"seconds": seconds, "least": least}
            figures[name] = medians(contenders, turn=turn, **few)
    if figures:
        tabulate(title, figures, chosen)


def medians(
    contenders: Contenders, seconds: float = 2.0, least: int = 5, turn: float = 0.0
) -> dict[str, float]:
    """Median seconds of each contender; one turn each until the time is up, and ``least`` turns at least.

    A turn is one call, or the mean of as many as take about ``turn`` seconds: for calls so short that
    reading the clock would count.
    """
    times: dict[str, list[float]] = {name: [] for name in contenders}
    calls = {name: calls_a_turn(call, turn) for name, call in contenders.items()}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or min(map(len, times.values())) < least:
        for name, call in contenders.items():
            times[name].append(repeated(call, calls[name]))
    return {name: statistics.median(t) for name, t in times.items()}


def calls_a_turn(call: Callable[[], Any], turn: float) -> int:
    """How many calls take about ``turn`` seconds; the call is warm afterwards."""
    call()
    count = 1
    while turn and (taken := repeated(call, count) * count) < turn / 2:
        count *= 2 if taken < turn / 20 else max(2, round(turn / taken))
    return count


def repeated(call: Callable[[], Any], count: int) -> float:
    """Mean seconds of ``count`` calls."""
    if count == 1:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start
    turns = range(count)
    start = time.perf_counter()
    for _ in turns:
        call()
    return (time.perf_counter() - start) / count


def agree(contenders: Contenders) -> None:
    """All contenders compute the same numbers, array by array, to half the digits of the coarsest dtype."""
    found = {name: [np.asarray(x) for x in optree.tree_leaves(call())] for name, call in contenders.items()}
    first, *others = found
    for name in others:
        assert len(found[name]) == len(found[first]), f"{name} gives other results than {first}"
        for k, (mine, its) in enumerate(zip(found[first], found[name], strict=True)):
            assert mine.shape == its.shape, f"{name}: result {k} has shape {its.shape}, not {mine.shape}"
            far = distance(mine, its)
            bound = max(float(np.finfo(a.dtype).eps) for a in (mine, its) if a.dtype.kind == "f") ** 0.5
            assert far <= bound, f"{name} and {first} differ by {far:.1e} in result {k}"


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """The distance of two arrays relative to their size."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return float(np.linalg.norm(a - b) / max(np.linalg.norm(a), np.linalg.norm(b), 1e-300))


def tabulate(title: str, figures: Mapping[str, Mapping[str, float]], chosen: argparse.Namespace) -> None:
    """A table of times, each with the times as long as the first contender takes; and the same as JSON."""
    names = list(dict.fromkeys(name for times in figures.values() for name in times))
    rows, data = [], {}
    for case, times in figures.items():
        first = next(iter(times.values()))
        ratios = {name: t / first for name, t in times.items()}
        data[case] = {"seconds": dict(times), "times as long as the first": ratios}
        cells = [f"{duration(times[n])}\n{ratios[n]:.3g} ×" if n in times else "–" for n in names]
        rows.append([case, *cells])
    what = f"{title} (×: times as long as the first)"
    report(what, ["", *names], rows, data, suffix(chosen))


def suffix(chosen: argparse.Namespace) -> str | None:
    """What is added to the name of the file with the figures; None, to keep none, if they are but a part."""
    return None if chosen.only else "-quick" if chosen.quick else ""


def report(title: str, columns: list[str], rows: list[list[str]], data: Any, suffix: str | None = "") -> None:
    """Print a table and keep its figures beside the benchmark, unless ``suffix`` is None."""
    table = Table(
        title=title, title_justify="left", show_lines=any("\n" in cell for row in rows for cell in row)
    )
    for k, column in enumerate(columns):
        table.add_column(column, justify="left" if k == 0 else "right")
    for row in rows:
        table.add_row(*row)
    Console(width=max(110, 30 + 13 * len(columns))).print(table)
    if suffix is None:
        return
    RESULTS.mkdir(exist_ok=True)
    name = title.split(":")[0].strip().lower().replace(" ", "-")
    (RESULTS / f"{name}{suffix}.json").write_text(
        json.dumps({"title": title, "on": machine(), "figures": data}, indent=2) + "\n"
    )


def machine() -> dict[str, Any]:
    """Where and with what the figures were taken."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": processor(),
        "load": round(os.getloadavg()[0], 1),  # with others at work, what hands over between threads suffers
        "threads": os.environ.get("OMP_NUM_THREADS", "as the libraries choose"),
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES if name in sys.modules},
    }


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def duration(seconds: float) -> str:
    """Three digits, in the unit that suits."""
    for unit, factor in (("ns", 1e9), ("µs", 1e6), ("ms", 1e3)):
        if seconds * factor < 999.5:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds:.3g} s"


def microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f} µs"
