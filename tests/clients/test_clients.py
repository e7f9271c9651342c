"""Whole programs in plain NumPy: value, gradient in both modes, and the same compiled."""

from __future__ import annotations

import copy
import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nazad as nz

pytest.importorskip("scipy")


def _programs(name: str) -> Any:
    """The folder ``programs``, as a package; tests are no package themselves."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / "programs" / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    package = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    return package


CLIENTS = [pytest.param(f, point, id=f.__name__) for f, point in _programs("client_programs").CLIENTS]


def same(x: Any, y: Any, rtol: float) -> None:
    np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol)


@pytest.mark.parametrize(("f", "point"), CLIENTS)
def test_client(f: Any, point: tuple[Any, ...]) -> None:
    before = copy.deepcopy(point)
    expected = f(*copy.deepcopy(point))
    value, gradient = nz.value_and_grad(f, argnums=tuple(range(len(point))))(*point)
    same(value, expected, 1e-12)
    assert nz.check_gradients(f, *point)
    for x, kept, slope in zip(point, before, gradient, strict=True):
        np.testing.assert_array_equal(x, kept)
        assert np.any(slope != 0)


@pytest.mark.parametrize(("f", "point"), CLIENTS)
def test_compiled(f: Any, point: tuple[Any, ...]) -> None:
    pytest.importorskip("llvmlite")
    interpreted = nz.value_and_grad(f, argnums=tuple(range(len(point))))
    compiled = nz.jit(interpreted)
    for factor in (1.0, 1.0 + 1e-7):
        moved = tuple(x * factor for x in point)
        before = copy.deepcopy(moved)
        value, gradient = compiled(*moved)
        expected, slopes = interpreted(*moved)
        same(value, expected, 1e-11)
        for x, kept, found, slope in zip(moved, before, gradient, slopes, strict=True):
            np.testing.assert_array_equal(x, kept)
            same(found, slope, 1e-9)
