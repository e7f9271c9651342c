"""A chain of many nodes: no recursion, time and memory linear in its length.

Each length runs in a process of its own, so that the peak memory is its own too.
"""

from __future__ import annotations

import json
import subprocess
import sys

from side_by_side import report

LENGTHS = (10_000, 100_000, 1_000_000)
PROGRAM = """
import json, resource, sys, time
import nazad as nz

def chain(x, n):
    for _ in range(n):
        x = x * 0.999999
    return x

n = int(sys.argv[1])
nz.grad(chain)(1.0, 10)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
g = nz.grad(chain)(1.0, n)
seconds = time.perf_counter() - start
assert abs(g - 0.999999**n) <= 1e-6 * 0.999999**n, g
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": seconds, "kilobytes": peak - before}))
"""


def main() -> None:
    data = {n: json.loads(subprocess.check_output([sys.executable, "-c", PROGRAM, str(n)])) for n in LENGTHS}
    rows = [
        [
            f"{n:,}",
            f"{d['seconds']:.2f} s",
            f"{d['seconds'] / n * 1e6:.2f} µs",
            f"{d['kilobytes'] / 1024:.0f} MB",
            f"{d['kilobytes'] * 1024 / n:.0f} B",
        ]
        for n, d in data.items()
    ]
    report("Depth: gradient of a chain", ["nodes", "time", "a node", "memory", "a node"], rows, data)


if __name__ == "__main__":
    main()
