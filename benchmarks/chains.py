"""Elementwise chains into a sum: sum(f(a x)), its value and its gradient by x, at three sizes.

A fused loop reads x once and writes nothing for the value, one array for the gradient; NumPy writes each
step down. 10⁴ numbers stay in the caches, 10⁷ do not. NumPy's gradient is a · f′(a x) worked out on paper.
``python benchmarks/chains.py`` runs it; ``--only exp`` one function, ``--only float32`` one precision.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import one_thread  # noqa: F401

# isort: split
import numpy as np
from peers import by_jax, by_nazad, jax_gradient, nazad_gradient, needs
from side_by_side import Contenders, compare, options

SIZES = (10_000, 1_000_000, 10_000_000)
QUICK = (1000,)
FACTOR = 0.75


def functions(np: Any) -> dict[str, Callable[[Any], Any]]:
    return {
        "exp": np.exp,
        "tanh": np.tanh,
        "log1p": np.log1p,
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "sin": np.sin,
        "cos": np.cos,
    }


BY_HAND: dict[
    str, Callable[[Any], tuple[Any, Any]]
] = {  # a function and its derivative, sharing what they can
    "exp": lambda x: (y := np.exp(x), y),
    "tanh": lambda x: (y := np.tanh(x), 1 - y * y),
    "log1p": lambda x: (np.log1p(x), 1 / (1 + x)),
    "sigmoid": lambda x: (y := 1 / (1 + np.exp(-x)), y * (1 - y)),
    "sin": lambda x: (np.sin(x), np.cos(x)),
    "cos": lambda x: (np.cos(x), -np.sin(x)),
}


def chain(np: Any, name: str) -> Callable[[Any, Any], Any]:
    f = functions(np)[name]
    return lambda x, a: np.sum(f(a * x))


def data(size: int, dtype: str) -> tuple[np.ndarray, float]:
    """Within the domain of all the functions."""
    return np.random.default_rng(0).uniform(-1.0, 3.0, size).astype(dtype), FACTOR


def numpy_gradient(name: str, x: np.ndarray, a: float) -> Any:
    y, slope = BY_HAND[name](a * x)
    return np.sum(y), a * slope


@needs("jax")
def jax_value(jax: Any, name: str, args: tuple[Any, ...]) -> Contenders:
    return {"JAX": by_jax(jax, chain(jax.numpy, name), args)}


@needs("jax")
def jax_with_gradient(jax: Any, name: str, args: tuple[Any, ...]) -> Contenders:
    return {"JAX": jax_gradient(jax, chain(jax.numpy, name), args)}


def value(name: str, size: int, dtype: str) -> Contenders:
    args, f = data(size, dtype), chain(np, name)
    return by_nazad(f, args) | {"NumPy": functools.partial(f, *args)} | jax_value(name, args)


def gradient(name: str, size: int, dtype: str) -> Contenders:
    args = data(size, dtype)
    hand = {"NumPy": functools.partial(numpy_gradient, name, *args)}
    return nazad_gradient(chain(np, name), args) | hand | jax_with_gradient(name, args)


def main() -> None:
    chosen = options(__doc__)
    for title, make in (("Chains", value), ("Gradients of chains", gradient)):
        cases = {
            f"{name}, {size:,}, {dtype}": functools.partial(make, name, size, dtype)
            for dtype in ("float64", "float32")
            for name in BY_HAND
            for size in (QUICK if chosen.quick else SIZES)
        }
        compare(f"{title}: sum(f(a x)), one thread", cases, chosen, seconds=1.0, turn=1e-3)


if __name__ == "__main__":
    main()
