"""What threads bring: large programs on one thread and on several, taking turns in one process.

Only nazad's own threads are compared. BLAS is kept to one throughout, so that a product that goes to it gains
nothing here. Where the work is cut depends on sizes alone; so the results must be the same to the last bit,
and that is seen to before anything is timed. ``python benchmarks/threads.py`` compares one thread with two,
``THREADS=4`` with four; ``--only GMM`` some of the cases.

Threads beyond the free cores gain nothing, and on a shared machine cores are not always free. What they give
at the time is told by the first case, hashes worked out one after another and by as many threads of Python.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import one_thread

# isort: split
import networks
import numpy as np
import optree
import rows
from adbench import gmm
from chains import chain
from chains import data as numbers
from side_by_side import Contenders, compare, options

import nazad as nz
from nazad.run.blas import few_threads

MANY = max(2, one_thread.THREADS)


def on(threads: int, f: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Saying how many takes a microsecond."""
    nz.set_threads(threads)
    return f(*args)


def compared(f: Callable[..., Any], args: tuple[Any, ...]) -> Contenders:
    """One compiled function on few threads and on many, which gives the same bits."""
    fast = nz.jit(f)
    calls: Contenders = {f"threads: {n}": functools.partial(on, n, fast, args) for n in (1, MANY)}
    first, *others = (optree.tree_leaves(call()) for call in [*calls.values()] * 3)
    for results in others:
        for mine, its in zip(first, results, strict=True):
            assert np.array_equal(mine, its), "the number of threads changes the result"
    return calls


def hashes(size: int) -> Contenders:
    """What the machine gives, nazad apart: hashing lets other threads run and needs no memory to speak of."""
    texts, pool = [bytes(size)] * MANY, ThreadPoolExecutor(MANY)

    def run(each: Callable[..., Any]) -> None:
        for _ in each(hashlib.sha256, texts):
            pass

    return {"threads: 1": lambda: run(map), f"threads: {MANY}": lambda: run(pool.map)}


def gradient(f: Callable[..., Any], args: tuple[Any, ...], by: Any = 0) -> Contenders:
    return compared(nz.value_and_grad(f, argnums=by), args)


def of_gmm(n: int, d: int, k: int) -> Contenders:
    return gradient(gmm.written_in(np), gmm.data(n, d, k), gmm.BY)


def of_rows(n: int, d: int) -> Contenders:
    return gradient(rows.loss, rows.observations(n, d, "float64"))


def of_chain(take: Callable[..., Contenders], size: int) -> Contenders:
    return take(chain(np, "sin"), numbers(size, "float64"))


def of_perceptron(batch: int) -> Contenders:
    return gradient(networks.perceptron, networks.perceptron_data(batch))


def cases(quick: bool) -> dict[str, Callable[[], Contenders]]:
    mixtures = gmm.QUICK if quick else ((10_000, 10, 25), (1000, 128, 25))
    (n, d), size, batch = ((300, 20), 1000, 2) if quick else ((200_000, 100), 10**7, 256)
    found: dict[str, Callable[[], Contenders]] = {
        f"{MANY} hashes of {size:,} bytes": functools.partial(hashes, size)
    }
    found |= {f"GMM, n = {n}, d = {d}, k = {k}": functools.partial(of_gmm, n, d, k) for n, d, k in mixtures}
    return found | {
        f"logistic loss, n = {n}, d = {d}": functools.partial(of_rows, n, d),
        f"sum(sin(a x)) of {size:,}": functools.partial(of_chain, compared, size),
        f"gradient of sum(sin(a x)) of {size:,}": functools.partial(of_chain, gradient, size),
        f"perceptron, batch {batch}": functools.partial(of_perceptron, batch),
    }


def main() -> None:
    chosen = options(__doc__)
    with few_threads(1):  # of BLAS: THREADS means it, too
        compare("Threads: compiled, BLAS on one", cases(chosen.quick), chosen, turn=0.02)


if __name__ == "__main__":
    main()
