"""Contenders timed in one run, taking turns, compared as ratios of medians.

Taking turns matters more than many repetitions: a shared machine drifts, and what drifts for all cancels in
the ratio.
"""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


def medians(
    contenders: dict[str, Callable[[], Any]], seconds: float = 2.0, least: int = 5
) -> dict[str, float]:
    """Median seconds of each contender; one call each in turn until the time is up."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for call in contenders.values():
        call()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or min(map(len, times.values())) < least:
        for name, call in contenders.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(t) for name, t in times.items()}


def report(title: str, columns: list[str], rows: list[list[str]], data: Any) -> None:
    """Print a table and keep its figures beside the benchmark."""
    table = Table(title=title, title_justify="left")
    for k, column in enumerate(columns):
        table.add_column(column, justify="left" if k == 0 else "right")
    for row in rows:
        table.add_row(*row)
    Console(width=110).print(table)
    RESULTS.mkdir(exist_ok=True)
    name = title.split(":")[0].strip().lower().replace(" ", "-")
    machine = {"python": platform.python_version(), "machine": platform.machine()}
    (RESULTS / f"{name}.json").write_text(
        json.dumps({"title": title, "on": machine, "figures": data}, indent=2) + "\n"
    )


def microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f} µs"
