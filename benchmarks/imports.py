"""What ``import nazad`` adds to ``import numpy``, in new processes that take turns."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

from side_by_side import report

PROGRAM = """
import time, numpy
start = time.perf_counter()
import {module}
print(time.perf_counter() - start)
"""
MODULES = ("nazad", "autograd", "scipy.optimize", "sklearn.linear_model")
ROUNDS = 15


ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}  # as users run it


def main() -> None:
    times: dict[str, list[float]] = {module: [] for module in MODULES}
    for round_ in range(ROUNDS + 1):
        for module in MODULES:
            done = subprocess.run(
                [sys.executable, "-c", PROGRAM.format(module=module)],
                capture_output=True,
                text=True,
                env=ENVIRONMENT,
            )
            if done.returncode == 0 and round_:  # the first writes the bytecode
                times[module].append(float(done.stdout))
    data = {module: statistics.median(t) for module, t in times.items() if t}
    rows = [[module, f"{seconds * 1e3:.0f} ms"] for module, seconds in data.items()]
    report("Imports: time on top of numpy (nazad: at most 60 ms)", ["module", "median"], rows, data)


if __name__ == "__main__":
    main()
