"""The gradient of a loop of ten thousand steps: time and peak memory, by how many carries are held.

The loop hands on an array of 2000 numbers. Contenders are the same loop as Python's own, as a scan that holds
the carry of each step, and as a scan with binomial checkpointing (Griewank and Walther's Algorithm 799). Each
runs in a process of its own, so that the peak of resident memory is its own too; the gradients are the same
to the last bit. *Steps run again* are those forward, besides the one of each step on the way back.
"""

from __future__ import annotations

import json
import subprocess
import sys

from side_by_side import report

from nazad.bodies.revolve import fewest

STEPS = 10_000
CHECKPOINTS = (500, 100, 50, 20, 10, 5)
PROGRAM = r"""
import json, pathlib, re, sys, time
import numpy as np
import nazad as nz

how, n = sys.argv[1], int(sys.argv[2])
start = np.linspace(0.0, 1.0, 2000)
budget = {"checkpoints": int(how)} if how.isdigit() else {}

def step(c, w):
    return np.sin(w * c) + 0.1 * c

def f(w, n):
    if how == "for":
        c = start
        for _ in range(n):
            c = step(c, w)
    else:
        c, _ = nz.scan(lambda c, _: (step(c, w), None), start, length=n, **budget)
    return np.sum(c * c)

def kilobytes(name):
    return int(re.search(name + r":\s+(\d+)", pathlib.Path("/proc/self/status").read_text())[1])

nz.grad(f)(1.3, 10)
pathlib.Path("/proc/self/clear_refs").write_text("5")  # sets the peak back
before = kilobytes("VmRSS")
begin = time.perf_counter()
g = nz.grad(f)(1.3, n)
seconds = time.perf_counter() - begin
print(json.dumps({"seconds": seconds, "kilobytes": kilobytes("VmHWM") - before, "gradient": float(g).hex()}))
"""


def measured(how: str) -> dict[str, float]:
    found: dict[str, float] = json.loads(
        subprocess.check_output([sys.executable, "-c", PROGRAM, how, str(STEPS)])
    )
    return found


def main() -> None:
    data = {how: measured(how) for how in ("for", "scan", *map(str, CHECKPOINTS))}
    assert len({d["gradient"] for d in data.values()}) == 1
    rows = []
    for how, d in data.items():
        again = f"{fewest(STEPS, int(how)):,}" if how.isdigit() else "0" if how == "for" else f"{STEPS:,}"
        name = {"for": "Python's for", "scan": "scan, all carries held"}.get(how, f"scan, {how} held")
        rows.append([name, again, f"{d['seconds']:.2f} s", f"{d['kilobytes'] / 1024:.1f} MB"])
    columns = ["", "steps run again", "time", "memory"]
    report(f"Checkpoints: gradient of {STEPS:,} steps", columns, rows, data)


if __name__ == "__main__":
    main()
