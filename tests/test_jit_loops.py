"""Python loops, compiled as loops: they are found, and give what the interpreter gives, gradients too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nazad as nz
from nazad.run.loops import Call, Loop

rng = np.random.default_rng(5)
STEPS = 37


def recurrent(p: Any, x: Any) -> Any:
    h, total = np.zeros(5), 0.0
    for t in range(STEPS):
        h = np.tanh(p["W"] @ h + p["U"] @ x[t] + p["b"])
        total = total + np.sum(h**2)
    return total


def gated(p: Any, x: Any) -> Any:
    h, c = np.zeros(5), np.zeros(5)
    for t in range(STEPS):
        z = p["W"] @ h + p["U"] @ x[t] + p["b"]
        forget = 1 / (1 + np.exp(-z))
        c = forget * c + (1 - forget) * np.tanh(z * 2)
        h = forget * np.tanh(c)
    return np.sum(h)


def swapped(p: Any, x: Any) -> Any:
    """Two values change places in each step."""
    a, b = p["b"], p["b"] * 2
    for t in range(STEPS):
        a, b = b, np.sin(a + x[t, 0])
    return np.sum(a * b)


def shifted(p: Any, x: Any) -> Any:
    """Each entry comes from its neighbour."""
    v = p["b"]
    for t in range(STEPS):
        v = np.concatenate([v[1:], v[:1]]) * np.cos(x[t, 1]) + 0.1
    return np.sum(v**2)


def crossed(p: Any, x: Any) -> Any:
    """A number and a vector, each from the other."""
    s, v = np.sum(p["b"]), p["b"]
    for t in range(STEPS):
        s, v = np.sin(v[0] + s), v * 0.9 + np.tanh(s) * x[t, 2]
    return s + np.sum(v)


def matrices(p: Any, x: Any) -> Any:
    M = np.eye(5)
    for t in range(STEPS):
        M = (M @ p["W"]) * 0.5 + np.outer(p["b"], p["b"]) * x[t, 0] * 0.1
    return np.sum(M**2)


def newton(p: Any, x: Any) -> Any:
    y = p["b"] ** 2 + 1
    for _ in range(STEPS):
        y = 0.5 * (y + (p["b"] ** 2 + 2) / y)
    return np.sum(y * x[0, 0])


def nested(p: Any, x: Any) -> Any:
    h = p["b"]
    for t in range(12):
        for _ in range(8):
            h = np.tanh(p["W"] @ h) * 0.9
        h = h + x[t, 1]
    return np.sum(h)


def backward_in_time(p: Any, x: Any) -> Any:
    h = p["b"]
    for t in range(STEPS - 1, -1, -1):
        h = np.tanh(h * x[t, 0] + x[t, 1])
    return np.sum(h)


def by_decay(p: Any, x: Any) -> Any:
    """A constant that differs from step to step."""
    v = p["b"]
    for t in range(STEPS):
        v = v - 0.1 / (1 + t) * np.sin(v * x[t, 2])
    return np.sum(v**2)


def all_kept(p: Any, x: Any) -> Any:
    h, hs = p["b"], []
    for t in range(STEPS):
        h = np.tanh(p["W"] @ h + x[t, 0])
        hs.append(h)
    return np.sum(np.stack(hs) * np.arange(STEPS)[:, None])


def branching(p: Any, x: Any) -> Any:
    h = p["b"]
    for t in range(STEPS):
        h = np.sin(h) + x[t, 0] if x[t, 1] > 0 else np.cos(h)
    return np.sum(h)


FOUND = [
    recurrent,
    gated,
    swapped,
    shifted,
    crossed,
    matrices,
    newton,
    nested,
    backward_in_time,
    by_decay,
    all_kept,
]


def arguments(dtype: str = "float64") -> tuple[Any, Any]:
    p = {"W": rng.normal(size=(5, 5)) * 0.4, "U": rng.normal(size=(5, 3)), "b": rng.normal(size=5)}
    return {k: v.astype(dtype) for k, v in p.items()}, rng.normal(size=(STEPS, 3)).astype(dtype)


def loops_of(fast: Any) -> list[Loop]:
    return [i for i in fast.variants[0].compiled.program.items if isinstance(i, Loop)]


@pytest.mark.parametrize("f", [*FOUND, branching])
def test_values_and_gradients(f: Callable[..., Any]) -> None:
    transform = nz.value_and_grad(f, (0, 1))
    fast = nz.jit(transform)
    for _ in range(3):  # other numbers through the same machine code
        args = arguments()
        value, gradient = transform(*args)
        compiled_value, compiled = fast(*args)
        np.testing.assert_allclose(compiled_value, value, rtol=1e-11)
        for k in gradient[0]:
            np.testing.assert_allclose(compiled[0][k], gradient[0][k], rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(compiled[1], gradient[1], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("f", FOUND)
def test_loops_are_found(f: Callable[..., Any]) -> None:
    fast = nz.jit(nz.value_and_grad(f))
    fast(*arguments())
    assert len(loops_of(fast)) >= 2, "one forward, one backward"


@pytest.mark.parametrize("f", [recurrent, swapped, matrices, all_kept])
def test_single_precision(f: Callable[..., Any]) -> None:
    args = arguments("float32")
    value = f(*args)
    compiled = nz.jit(f)(*args)
    assert np.asarray(compiled).dtype == np.asarray(value).dtype
    np.testing.assert_allclose(compiled, value, rtol=2e-5)


def test_an_operation_of_numpys_inside() -> None:
    """A body that cannot be native runs in NumPy as a whole."""

    def f(v: Any) -> Any:
        for _ in range(STEPS):
            v = np.sort(np.sin(v))[::-1] * 1.5
        return np.sum(v)

    v = rng.normal(size=6)
    fast = nz.jit(f)
    np.testing.assert_allclose(fast(v), f(v), rtol=1e-12)
    assert any(isinstance(i, Call) for i in fast.variants[0].compiled.program.items)


def test_what_it_compiles_does_not_grow_with_the_steps() -> None:
    def f(steps: int, x: Any) -> Any:
        for k in range(steps):
            x = np.tanh(x) + 0.01 * np.sin(x * k)
        return np.sum(x)

    sizes = []
    for steps in (50, 500):
        fast = nz.jit(nz.grad(f, 1), static_argnums=0)
        fast(steps, np.ones(3))
        sizes.append(len(fast.variants[0].compiled.ir))
    assert sizes[1] < 1.05 * sizes[0]
