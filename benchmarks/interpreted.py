"""Tracing and differentiating by interpretation, against HIPS autograd and advect on their own ground.

Run it with ``python benchmarks/interpreted.py``; the extra ``bench`` brings the peers (advect from Python
3.12 on).
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from side_by_side import medians, microseconds, report

import nazad as nz


def rosenbrock(np: Any) -> Callable[..., Any]:
    return lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def perceptron(np: Any) -> Callable[..., Any]:
    def loss(p: Any, X: Any, y: Any) -> Any:
        hidden = np.tanh(np.dot(X, p["w1"]) + p["b1"])
        output = np.dot(hidden, p["w2"]) + p["b2"]
        return np.mean((output[:, 0] - y) ** 2)

    return loss


def chain(np: Any) -> Callable[..., Any]:
    def f(x: Any) -> Any:
        for _ in range(250):
            x = np.sin(x)
            x = x * 1.01
            x = x + 0.1
            x = np.tanh(x)
        return x

    return f


def cases() -> dict[str, tuple[Callable[[Any], Callable[..., Any]], tuple[Any, ...]]]:
    rng = np.random.default_rng(0)
    p = {
        "w1": rng.normal(size=(20, 32)),
        "b1": np.zeros(32),
        "w2": rng.normal(size=(32, 1)),
        "b2": np.zeros(1),
    }
    return {
        "Rosenbrock, n = 10": (rosenbrock, (np.linspace(-1, 1, 10),)),
        "perceptron, 64 × 20 → 32 → 1": (perceptron, (p, rng.normal(size=(64, 20)), rng.normal(size=64))),
        "1000 small operations": (chain, (0.5,)),
    }


def peers(make: Callable[[Any], Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """Value and gradient by every library that is installed; autograd brings its own numpy."""
    found = {"nazad": nz.value_and_grad(make(np))}
    for name, numpy in (("autograd", "autograd.numpy"), ("advect", "numpy")):
        try:
            library = importlib.import_module(name)
        except ImportError:
            continue
        found[name] = library.value_and_grad(make(importlib.import_module(numpy)))
    return found


def main() -> None:
    rows, data = [], {}
    for title, (make, args) in cases().items():
        found = peers(make)
        agree(found, args)
        times = medians({name: functools.partial(g, *args) for name, g in found.items()}, seconds=4)
        ratios = {name: t / times["nazad"] for name, t in times.items()}
        data[title] = {"seconds": times, "peer over nazad": ratios}
        rows.append(
            [title, microseconds(times["nazad"])] + [cell(times, ratios, n) for n in ("autograd", "advect")]
        )
    report(
        "Interpreted: value and gradient, medians (times as long as nazad)",
        ["", "nazad", "autograd", "advect"],
        rows,
        data,
    )


def agree(found: dict[str, Callable[..., Any]], args: tuple[Any, ...]) -> None:
    """All contenders compute the same number before their times are compared."""
    values = [float(g(*args)[0]) for g in found.values()]
    np.testing.assert_allclose(values, values[0])


def cell(times: dict[str, float], ratios: dict[str, float], name: str) -> str:
    return f"{microseconds(times[name])} ({ratios[name]:.2f}×)" if name in times else "not installed"


if __name__ == "__main__":
    main()
