"""Whole programs in plain NumPy: value, gradient in both modes, and the same compiled."""

from __future__ import annotations

import copy
import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import optree
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


def same(xs: Any, ys: Any, rtol: float = 0.0) -> None:
    """The same structure, and the same numbers up to rounding."""
    assert optree.tree_structure(xs) == optree.tree_structure(ys)
    for x, y in zip(optree.tree_leaves(xs), optree.tree_leaves(ys), strict=True):
        np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol)


@pytest.mark.parametrize(("f", "point"), CLIENTS)
def test_client(f: Any, point: tuple[Any, ...]) -> None:
    before = copy.deepcopy(point)
    expected = f(*copy.deepcopy(point))
    value, gradient = nz.value_and_grad(f, argnums=tuple(range(len(point))))(*point)
    assert nz.check_gradients(f, *point)  # against differences, and forward mode against reverse mode
    same(value, expected, 1e-12)
    same(point, before)
    assert all(np.any(slope) for slope in optree.tree_leaves(gradient))


@pytest.mark.parametrize(("f", "point"), CLIENTS)
def test_compiled(f: Any, point: tuple[Any, ...]) -> None:
    pytest.importorskip("llvmlite")
    interpreted = nz.value_and_grad(f, argnums=tuple(range(len(point))))
    compiled = nz.jit(interpreted)
    for factor in (1.0, 1.0 + 1e-7):
        moved = optree.tree_map(lambda x, factor=factor: x * factor, point)
        before = copy.deepcopy(moved)
        value, gradient = compiled(*moved)
        same(moved, before)
        expected, slopes = interpreted(*moved)
        same(value, expected, 1e-11)
        same(gradient, slopes, 1e-9)
