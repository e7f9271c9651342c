"""Peak memory of a value and its gradient, above the arguments, each contender in a process of its own.

What is measured is the resident memory that Linux counts (VmRSS, and its peak VmHWM, set back before each
call). Before stand the libraries, the arguments in the library's own arrays, and a call of the same function
at a tiny size; everything else is above that.

- *first call*: the most during the first call of full size, with its tracing, which runs the function as it
  stands, and its compiling, of which nothing is found on disk.
- *kept*: what is there after it without its results: graph, machine code, memory for the next call, and what
  the allocator could not give back.
- *later calls*: the most during a call after that, with what was kept. It can be more than during the first,
  since C's allocator learns from it to give back less at once.
- *own account*: what nazad's report says of results, constants and scratch memory.

The contenders give the same gradient, as its norms show. ``python benchmarks/memory.py`` runs it;
``--only LSTM`` one of the cases.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import one_thread  # noqa: F401

# isort: split
import numpy as np
import optree
import rows
from adbench import gmm, lstm
from side_by_side import options, report, suffix

import nazad as nz

HERE = Path(__file__).parent
PROGRAM = "import sys, memory; memory.measure(*sys.argv[1:3], sys.argv[3] == 'quick')"
FIGURES = ("first call", "kept", "later calls", "own account")
ENVIRONMENT = os.environ | {"NAZAD_CACHE": "0"}

Call = Callable[[], Any]


# --- by hand: the gradients worked out on paper, written as one writes NumPy


def gmm_by_hand(alpha: Any, means: Any, q: Any, below: Any, x: Any) -> Any:
    """All points and components at once: y, its squares and its share have n k d entries each."""
    (n, d), k = x.shape, len(alpha)
    places, diagonal = gmm.places(d), np.exp(q)
    Q = np.concatenate([diagonal, below, np.zeros((k, 1))], axis=1)[:, places]
    y = (x @ Q.reshape(k * d, d).T).reshape(n, k, d) - np.einsum("kij,kj->ki", Q, means)
    terms = alpha + np.sum(q, axis=1) - 0.5 * np.sum(y**2, axis=2)
    logs, chances = softmax(terms)
    log, prior_chances = softmax(alpha)
    prior = 0.5 * gmm.GAMMA**2 * (np.sum(diagonal**2) + np.sum(below**2)) - gmm.M * np.sum(q)
    value = np.sum(logs) - n * log + prior + gmm.constant(n, d, k)
    total, share = np.sum(chances, axis=0), -chances[:, :, None] * y
    at_means = np.sum(share, axis=0)
    at_Q = (share.reshape(n, k * d).T @ x).reshape(k, d, d) - at_means[:, :, None] * means[:, None, :]
    entries = np.zeros((k, d + below.shape[1] + 1))
    entries[:, places] = at_Q
    at_q = total[:, None] + entries[:, :d] * diagonal + gmm.GAMMA**2 * diagonal**2 - gmm.M
    at_below = entries[:, d:-1] + gmm.GAMMA**2 * below
    return value, (total - n * prior_chances, -np.einsum("kij,ki->kj", Q, at_means), at_q, at_below)


def softmax(x: Any) -> tuple[Any, Any]:
    """The logarithm of the sum of exponentials along the last axis, and its gradient."""
    top = np.max(x, axis=-1, keepdims=True)
    powers = np.exp(x - top)
    sums = np.sum(powers, axis=-1, keepdims=True)
    return np.squeeze(top + np.log(sums), -1), powers / sums


def lstm_by_hand(main: Any, extra: Any, state: Any, text: Any) -> Any:
    """Backpropagation through time; each step keeps its gates and its cells."""
    hidden, kept = forwards(main, extra, state, text)
    prediction = hidden * extra[1] + extra[2]
    powers, gold, size = np.exp(prediction), text[1:], text[1:].size
    sums = np.sum(powers, axis=1, keepdims=True) + 2
    value = -np.sum(gold * (prediction - np.log(sums))) / size
    share = (np.sum(gold, axis=1, keepdims=True) * powers / sums - gold) / size
    at_main, at_inputs = backwards(main, share * extra[1], kept)
    at_extra = [np.sum(a, axis=0) for a in (at_inputs * text[:-1], share * hidden, share)]
    return value, (at_main, np.stack(at_extra))


def forwards(main: Any, extra: Any, state: Any, text: Any) -> tuple[Any, list[Any]]:
    """The last layer's output of each step; and of each step and layer what the way back needs."""
    state, hidden, kept = state.copy(), [], []
    for x in text[:-1] * extra[0]:
        for k in range(0, len(main), 2):
            inputs = np.concatenate([x, state[k], x, state[k]])
            z = inputs * main[k] + main[k + 1]
            gates = np.concatenate([1 / (1 + np.exp(-z[: 3 * lstm.BITS])), np.tanh(z[3 * lstm.BITS :])])
            forget, ingate, outgate, change = gates.reshape(4, -1)
            before, state[k + 1] = state[k + 1].copy(), state[k + 1] * forget + ingate * change
            bent = np.tanh(state[k + 1])
            x = state[k] = outgate * bent
            kept.append((inputs, gates, before, bent))
        hidden.append(x)
    return np.stack(hidden), kept


def backwards(main: Any, shares: Any, kept: list[Any]) -> tuple[Any, Any]:
    """The gradient by the weights and biases, and by the input of each step."""
    at_main, at_state, at_inputs = np.zeros_like(main), np.zeros((len(main), lstm.BITS)), []
    for share in shares[::-1]:
        for k in range(len(main) - 2, -1, -2):
            inputs, gates, before, bent = kept.pop()
            forget, ingate, outgate, change = gates.reshape(4, -1)
            output = share + at_state[k]
            cell = at_state[k + 1] + output * outgate * (1 - bent**2)
            slopes = gates * (1 - gates)
            slopes[3 * lstm.BITS :] = 1 - change**2
            z = np.concatenate([cell * before, cell * change, output * bent, cell * ingate]) * slopes
            at_main[k] += z * inputs
            at_main[k + 1] += z
            a, b, c, e = (z * main[k]).reshape(4, -1)
            share, at_state[k], at_state[k + 1] = a + c, b + e, cell * forget
        at_inputs.append(share)
    return at_main, np.stack(at_inputs[::-1])


def rows_in_place(w: Any, X: Any, y: Any) -> Any:
    """As :func:`rows.by_hand`, each step written over one before: three arrays, and a truth for each row."""
    t = X @ w
    small = np.abs(t)
    np.exp(np.negative(small, out=small), out=small)
    spare = np.maximum(t, 0)
    value = np.sum(spare) + np.sum(np.log1p(small, out=spare)) - y @ t
    np.add(small, 1, out=spare)
    small[t >= 0] = 1
    small /= spare
    small -= y
    small /= len(y)
    return value / len(y), X.T @ small


# --- the cases


class Case(NamedTuple):
    """Arguments by size, and how each contender makes a call of them; None, if its library is missing."""

    data: Callable[..., tuple[Any, ...]]
    full: tuple[int, ...]
    quick: tuple[int, ...]
    tiny: tuple[int, ...]
    ways: dict[str, Callable[[tuple[Any, ...]], Call | None]]


def by_hand(f: Callable[..., Any]) -> Callable[[tuple[Any, ...]], Call]:
    return lambda args: functools.partial(f, *args)


def by_nazad(f: Callable[..., Any], by: Any = 0) -> Callable[[tuple[Any, ...]], Call]:
    return lambda args: functools.partial(nz.jit(nz.value_and_grad(f, argnums=by)), *args)


def peer(make: Callable[..., Any], name: str) -> Callable[[tuple[Any, ...]], Call | None]:
    return lambda args: make(args).get(name)


def rows_of(n: int, d: int) -> tuple[Any, ...]:
    return rows.observations(n, d, "float64")


CASES = {
    "GMM": Case(
        gmm.data,
        (10_000, 10, 25),
        (30, 10, 4),
        (5, 2, 3),
        {
            "nazad": by_nazad(gmm.written_in(np), gmm.BY),
            "by hand, NumPy": by_hand(gmm_by_hand),
            "JAX": peer(gmm.by_jax, "JAX"),
            "JAX, blocks": peer(gmm.by_jax, "JAX, blocks"),
            "PyTorch": peer(gmm.by_torch, "PyTorch"),
        },
    ),
    "LSTM": Case(
        lstm.data,
        (2, 1024),
        (2, 12),
        (2, 5),
        {
            "nazad": by_nazad(lstm.written_in(np), lstm.BY),
            "by hand, NumPy": by_hand(lstm_by_hand),
            "JAX": peer(lstm.by_jax, "JAX, scan"),
            "PyTorch": peer(lstm.by_torch, "PyTorch"),
        },
    ),
    "rows": Case(
        rows_of,
        (200_000, 100),
        (300, 20),
        (10, 3),
        {
            "nazad": by_nazad(rows.loss),
            "by hand, NumPy": by_hand(rows.by_hand),
            "by hand, in place": by_hand(rows_in_place),
            "JAX": peer(rows.dense_by_jax, "JAX"),
            "PyTorch": peer(rows.dense_by_torch, "PyTorch"),
        },
    ),
}


# --- in the process of a contender


def measure(title: str, who: str, quick: bool) -> None:
    """Print the figures of one contender, in bytes, and the norms of its results; None, if it is missing."""
    case = CASES[title]
    way, args = case.ways[who], case.data(*(case.quick if quick else case.full))
    tiny, call = way(case.data(*case.tiny)), way(args)
    if tiny is None or call is None:
        print(json.dumps(None))
        return
    tiny()
    before = resident("VmRSS")
    first, kept = peak(call)[0], resident("VmRSS")
    later, results = peak(call)
    above = {"first call": first - before, "kept": kept - before, "later calls": later - before}
    found: dict[str, Any] = above | {"norms": norms(results)}
    if isinstance(call, functools.partial) and hasattr(call.func, "report"):
        found["own account"] = call.func.report().variants[0].memory.peak
    print(json.dumps(found | {"arguments": sum(a.nbytes for a in args)}))


def resident(name: str) -> int:
    """Bytes, when what is not in use any more has been given back, as far as the allocator can."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return stated(name)


def stated(name: str) -> int:
    found = re.search(rf"^{name}:\s*(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found, f"this system does not state {name}"
    return 1024 * int(found[1])


def peak(call: Call) -> tuple[int, Any]:
    """The most memory that was in use during a call, and its results."""
    resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak is what it is now
    results = call()
    return stated("VmHWM"), results


def norms(results: Any) -> list[float]:
    return [float(np.linalg.norm(np.ravel(np.asarray(x)))) for x in optree.tree_leaves(results)]


# --- and in ours


def measured(title: str, quick: bool) -> dict[str, dict[str, Any]]:
    """The figures of all contenders that are there, which compute the same."""
    found = {}
    for who in CASES[title].ways:
        command = [sys.executable, "-c", PROGRAM, title, who, "quick" if quick else ""]
        output = subprocess.check_output(command, cwd=HERE, text=True, env=ENVIRONMENT)
        if figures := json.loads(output.splitlines()[-1]):
            found[who] = figures
    first, *others = [np.array(figures.pop("norms")) for figures in found.values()]
    for its in others:
        assert np.allclose(its, first, rtol=1e-8, atol=0), f"{title}: the contenders compute different things"
    return found


def megabytes(figures: dict[str, Any], name: str) -> str:
    return f"{figures[name] / 1e6:.2f} MB" if name in figures else "–"


def main() -> None:
    chosen = options(__doc__)
    cells, data = [], {}
    for title, case in CASES.items():
        if chosen.only in title:
            size = " × ".join(map(str, case.quick if chosen.quick else case.full))
            data[title] = measured(title, chosen.quick)
            for who, figures in data[title].items():
                names = ("arguments", *FIGURES)
                cells.append([f"{title}, {size}: {who}", *(megabytes(figures, name) for name in names)])
    what = "Memory: peak of value and gradient above the arguments, one thread"
    if data:
        report(what, ["", "arguments", *FIGURES], cells, data, suffix(chosen))


if __name__ == "__main__":
    main()
