"""Random programs on complex numbers: compiled as interpreted, and the gradient by differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import nazad as nz

Step = Callable[[Any, Any], Any]
A = np.array([[0.3 - 0.1j, 0.8, 0.2j], [0.1, -0.5 + 0.4j, 0.7], [1j, 0.2, 0.6 - 0.3j]])
STEPS: dict[str, Step] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - 1j * b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / (b + 3),
    "real": lambda a, b: a * b.real,
    "imag": lambda a, b: a.imag + b,
    "conj": lambda a, b: np.conj(a) + b[::-1],
    "abs": lambda a, b: np.abs(a + 2) * b,
    "exp": lambda a, b: np.exp(0.5j * a),
    "sqrt": lambda a, b: np.sqrt(a + 2.5),
    "square": lambda a, b: a**2 * 0.5,
    "cube": lambda a, b: (a / 2) ** 3,
    "inverse": lambda a, b: (a + 3) ** -2,
    "sin": lambda a, b: np.sin(a * 0.5) + np.cosh(b * 0.3),
    "log": lambda a, b: np.log(a + 3),
    "matmul": lambda a, b: A @ a,
    "outer": lambda a, b: np.outer(a, b.conj())[:, 1],
    "dot": lambda a, b: np.vdot(a, b) * b * 0.3,
    "where": lambda a, b: np.where(b.real > 0.1, a, b),
    "index": lambda a, b: a[[2, 0, 0]] * 1j,
    "write": lambda a, b: _written(a, b),
    "sum": lambda a, b: a - np.sum(b) / 3,
    "join": lambda a, b: np.concatenate([a[1:], b.real[:1]]),
    "norm": lambda a, b: a / (np.linalg.norm(b) + 1),
    "fft": lambda a, b: np.fft.fft(a) / 2 + b,
    "angle": lambda a, b: a * np.angle(b + 3),
    "polar": lambda a, b: np.abs(a + 2) * np.exp(1j * b.real),
    "single": lambda a, b: a * np.complex64(1 + 2j) * 0.4,
}


def _written(a: Any, b: Any) -> Any:
    y = a * 1
    y[1:] *= b[:-1]
    y.imag[0] = 0.5
    return y


def program(names: list[str]) -> Callable[[Any], Any]:
    """One step after the other, each on the last two values; what comes of it as a real number."""

    def f(z: Any) -> Any:
        a, b = z, z * (0.5 - 0.2j)
        for name in names:
            a, b = STEPS[name](a, b), a
        return np.sum(np.abs(a + 0.7) ** 2) + np.sum(b.imag)

    return f


def cut(z: Any, names: list[str]) -> bool:
    """Whether a value comes near a branch cut or a corner, or grows large, and differences mean nothing."""
    a, b = z, z * (0.5 - 0.2j)
    for name in names:
        near = np.abs(b.real - 0.1).min() if name == "where" else 1.0
        if near < 1e-3 or not np.all(np.abs(a) < 30) or np.any(np.abs(a.imag) < 1e-4):
            return True
        a, b = STEPS[name](a, b), a
    return not np.all(np.abs(a) < 30)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*STEPS]), min_size=2, max_size=6), st.integers(0, 99))
def test_random_programs(names: list[str], seed: int) -> None:
    rng = np.random.default_rng(seed)
    z = rng.uniform(-1, 1, 3) + 1j * rng.uniform(-1, 1, 3)
    f = program(names)
    value, gradient = nz.value_and_grad(f)(z)
    np.testing.assert_allclose(value, f(z), rtol=1e-13)
    compiled_value, compiled = nz.jit(nz.value_and_grad(f))(z)
    size = np.max(np.abs(gradient))
    np.testing.assert_allclose(compiled_value, value, rtol=1e-12)
    np.testing.assert_allclose(compiled, gradient, rtol=1e-11, atol=1e-12 * size)
    if not cut(z, names):
        d, h = rng.normal(size=3) + 1j * rng.normal(size=3), 1e-6
        difference = (f(z + h * d) - f(z - h * d)) / (2 * h)
        np.testing.assert_allclose(np.sum(gradient * d).real, difference, rtol=1e-5, atol=1e-5 * size)
