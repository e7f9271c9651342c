"""Random programs with views and writes in place: NumPy's values, and gradients that differences confirm."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import optree
import pytest

import nazad as nz

HERE = Path(__file__).parent
programs = SimpleNamespace(**runpy.run_path(str(HERE / "programs.py")))
CORPUS = (HERE / "corpus.txt").read_text().split("\n\n")
POINT = np.linspace(0.21, 1.43, 6), np.linspace(-0.7, 1.13, 12).reshape(3, 4)


def compiled(source: str) -> Any:
    space: dict[str, Any] = {"np": np}
    exec(source, space)  # noqa: S102
    return space["f"]


def agrees(source: str) -> None:
    """The value is NumPy's, and the slope along one direction that of central differences."""
    f = compiled(source)
    x, y = (a.copy() for a in POINT)
    value, (gx, gy) = nz.value_and_grad(f, argnums=(0, 1))(x, y)
    assert all(np.array_equal(a, b) for a, b in zip((x, y), POINT, strict=True)), source
    plain = f(*(a.copy() for a in POINT))
    assert np.allclose(value, plain, rtol=1e-13, atol=1e-13), source
    rng = np.random.default_rng(1)
    dx, dy = rng.standard_normal(6), rng.standard_normal((3, 4))
    slope, h = np.sum(gx * dx) + np.sum(gy * dy), 1e-5
    there = [f(POINT[0] + s * h * dx, POINT[1] + s * h * dy) for s in (1, -1)]
    assert np.isclose(slope, (there[0] - there[1]) / (2 * h), rtol=1e-5, atol=1e-6), source
    _, pushed = nz.jvp(f, POINT, (dx, dy))
    assert np.isclose(slope, pushed, rtol=1e-9, atol=1e-9), source


@pytest.mark.parametrize("source", CORPUS)
def test_programs_that_were_wrong_once(source: str) -> None:
    agrees(source)


@pytest.mark.parametrize("block", range(20))
def test_random_programs(block: int) -> None:
    for seed in range(100 * block, 100 * block + 100):
        agrees(programs.Writer(seed).program(9))


@pytest.mark.parametrize("seed", range(12))
def test_random_programs_compiled(seed: int) -> None:
    f = nz.value_and_grad(compiled(programs.Writer(seed).program(9)), argnums=(0, 1))
    g = nz.jit(f)
    for stretch in (1.0, 1.01):
        x, y = (a * stretch for a in POINT)
        for ours, others in zip(optree.tree_leaves(g(x, y)), optree.tree_leaves(f(x, y)), strict=True):
            np.testing.assert_allclose(ours, others, rtol=1e-9, atol=1e-11)
