"""The first gradient in a new process: how long after its import a library answers.

Each figure is of processes of their own, which take turns. Cold: the library has seen the function never
before; warm: its cache on the disk is that of the process before, where it has one (nazad, JAX,
torch.compile). The call makes the gradient and waits for its numbers; the second call, beside it, is what is
left when all is compiled. ``python benchmarks/first_call.py`` runs it; torch.compile needs a C++ compiler
and half a minute each time, and ``--quick`` leaves it out.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from typing import NamedTuple

import one_thread  # noqa: F401

# isort: split
from side_by_side import duration, options, report, suffix

ROUNDS = 7
PATIENCE = 5.0  # seconds; what takes longer is measured once
COLUMNS = ("import", "first", "first, warm", "second")

CASES = {
    "Rosenbrock, n = 10": """
args = (numpy.linspace(-1, 1, 10),)
def f(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
""",
    "perceptron, 64 × 20 → 32 → 1": """
rng = numpy.random.default_rng(0)
shapes = {"w1": (20, 32), "b1": (32,), "w2": (32,), "b2": (1,)}
p = {name: rng.normal(size=shape) for name, shape in shapes.items()}
args = p, rng.normal(size=(64, 20)), rng.normal(size=64)
def f(p, x, y):
    return np.mean((np.tanh(x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"] - y) ** 2)
""",
    "250 steps of a loop": """
args = (numpy.linspace(-1, 1, 10),)
def f(x):
    for _ in range(250):
        x = np.tanh(x * 1.01 + 0.1)
    return np.sum(x)
""",
}
"""Functions of ``np`` that NumPy and JAX share."""


class Library(NamedTuple):
    """How a library is imported and makes ``call``, the gradient of ``f``; variables that name its cache."""

    imports: str
    makes: str
    cache: tuple[str, ...] = ()


TENSORS = """
import optree
args = optree.tree_map(torch.from_numpy, args)
leaves = [leaf.requires_grad_() for leaf in optree.tree_leaves(args[0])]
"""
LIBRARIES = {
    "nazad": Library(
        "import nazad as nz; np = numpy",
        "gradient = getattr(nz, 'jit', lambda g: g)(nz.value_and_grad(f))\ncall = lambda: gradient(*args)",
        ("NAZAD_CACHE",),
    ),
    "JAX": Library(
        """
import jax, jax.numpy as np
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
""",
        "gradient = jax.jit(jax.value_and_grad(f))\ncall = lambda: jax.block_until_ready(gradient(*args))",
        ("JAX_COMPILATION_CACHE_DIR",),
    ),
    "torch.compile": Library(
        "import torch, torch as np; torch.set_num_threads(1)",
        TENSORS + "f = torch.compile(f)\ncall = lambda: torch.autograd.grad(f(*args), leaves)",
        ("TORCHINDUCTOR_CACHE_DIR",),
    ),
    "PyTorch": Library(
        "import torch, torch as np; torch.set_num_threads(1)",
        TENSORS + "call = lambda: torch.autograd.grad(f(*args), leaves)",
    ),
}
PROGRAM = """
import json, time
import numpy
clock = time.perf_counter
started = clock()
{imports}
imported = clock()
{case}
{makes}
ready = clock()
call()
first = clock()
call()
print(json.dumps({{"import": imported - started, "first": first - ready, "second": clock() - first}}))
"""


def run(library: Library, case: str, cache: str) -> dict[str, float] | None:
    """The seconds of one new process; None if the library is not there or does not work."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}  # as users run it
    environment |= dict.fromkeys(library.cache, cache)
    program = PROGRAM.format(imports=library.imports, case=case, makes=library.makes)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    if done.returncode:
        print(f"left out: {library.imports.strip().splitlines()[0]}: {done.stderr.strip().splitlines()[-1]}")
        return None
    return json.loads(done.stdout)


def cold_and_warm(library: Library, case: str) -> dict[str, float] | None:
    """Two processes, the second with the cache that the first has left."""
    with tempfile.TemporaryDirectory() as cache:
        cold = run(library, case, cache)
        warm = run(library, case, cache) if cold and library.cache else None
    if not cold:
        return None
    return cold | ({"first, warm": warm["first"]} if warm else {})


def raced(case: str, rounds: int, quick: bool) -> dict[str, dict[str, float]]:
    """Medians of every library that works; the first round brings files into memory and does not count."""
    found: dict[str, list[dict[str, float]]] = {}
    for name, library in LIBRARIES.items():
        if quick and name == "torch.compile":
            continue
        if seconds := cold_and_warm(library, case):
            found[name] = [seconds]
    for k in range(rounds):
        for name, seen in found.items():
            if k == 0 or seen[0]["first"] < PATIENCE:
                seen.append(cold_and_warm(LIBRARIES[name], case) or seen[0])
    return {n: {k: statistics.median(s[k] for s in seen[1:]) for k in seen[0]} for n, seen in found.items()}


def main() -> None:
    chosen = options(__doc__)
    rows, data = [], {}
    for title, case in CASES.items():
        if chosen.only in title:
            data[title] = raced(case, 1 if chosen.quick else ROUNDS, chosen.quick)
            for name, seconds in data[title].items():
                cells = [duration(seconds[k]) if k in seconds else "–" for k in COLUMNS]
                rows.append([f"{title}: {name}", *cells])
    what = "First call: value and gradient in a new process, one thread"
    report(what, ["", *COLUMNS], rows, data, suffix(chosen))


if __name__ == "__main__":
    main()
