"""Calls that protocols cannot catch: the value is NumPy's, and differences agree with the gradient."""

from __future__ import annotations

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
