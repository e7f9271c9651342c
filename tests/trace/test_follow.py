"""Calls that protocols cannot catch: the value is NumPy's, and differences agree with the gradient."""

from __future__ import annotations

import math
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nazad as nz

followed = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("followed.py"))))
CASES = [pytest.param(f, x, id=f.__name__) for f, x in followed.PROGRAMS]


def slopes(f: Callable[..., Any], x: Any, h: float = 1e-6) -> Any:
    """The gradient by central differences."""
    if not isinstance(x, np.ndarray):
        return (f(x + h) - f(x - h)) / (2 * h)
    steps = np.eye(x.size).reshape(-1, *x.shape) * h
    return np.array([(f(x + step) - f(x - step)) / (2 * h) for step in steps]).reshape(x.shape)


@pytest.mark.parametrize(("f", "x"), CASES)
def test_value_and_gradient(f: Callable[..., Any], x: Any) -> None:
    value, gradient = nz.value_and_grad(f)(x)
    np.testing.assert_allclose(value, f(x), rtol=1e-14)
    np.testing.assert_allclose(gradient, slopes(f, x), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("f", "x"), CASES)
def test_compiled(f: Callable[..., Any], x: Any) -> None:
    pytest.importorskip("llvmlite")
    fast = nz.jit(nz.value_and_grad(f))
    for point in (x, x * 1.0000001):
        value, gradient = fast(point)
        np.testing.assert_allclose(value, f(point), rtol=1e-12)
        np.testing.assert_allclose(gradient, slopes(f, point), rtol=1e-6, atol=1e-8)


def test_pythons_numbers_are_weak() -> None:
    """They leave single precision as it is, whatever comes out of math."""
    single = np.ones(3, np.float32)

    def f(x: Any) -> Any:
        return single * math.exp(x) * float(x) * max(x, 0.5) * float(np.sum(single)) * math.hypot(x, 1.0)

    assert f(1.5).dtype == np.float32
    assert nz.trace(f, 1.5).sinks[0].spec.dtype == np.float32
    fast = nz.jit(f)
    for x in (1.5, 2.5):
        assert fast(x).dtype == np.float32
        np.testing.assert_allclose(fast(x), f(x), rtol=1e-6)
        np.testing.assert_allclose(
            nz.grad(lambda x: f(x).sum())(x), slopes(lambda x: f(x)[0] * 3.0, x, 1e-3), rtol=1e-3
        )
    assert nz.vmap(f)(np.ones(2)).shape == (2, 3)


def test_a_function_of_math_is_one_operation() -> None:
    assert str(nz.trace(lambda x: math.exp(x) * 2, 1.0)).splitlines()[0] == "v1 = exp(x)"
    assert len(nz.trace(lambda x: math.exp(math.sin(x)), 1.0).nodes) == 3
    assert nz.value_and_grad(lambda x: math.exp(x))(0.3)[0] == math.exp(0.3)
