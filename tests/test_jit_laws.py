"""The law of the compiler: every primitive, and its derivatives, gives compiled what it gives interpreted."""

from __future__ import annotations

import pathlib
import runpy
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nazad as nz
from nazad import ops
from nazad.graph import is_real
from nazad.ops import special

laws = SimpleNamespace(**runpy.run_path(str(pathlib.Path(__file__).parent / "ops" / "test_laws.py")))

CASES = [
    pytest.param(ops.table()[name], sample, id=label)
    for label, name, sample in laws.all_samples()
    if name not in special.TABLE or label == f"{name}-0"
]


def same(compiled: Any, interpreted: Any) -> None:
    """Equal to a few units in the last place, in value, shape, dtype and type."""
    assert type(compiled) is type(interpreted)
    if isinstance(compiled, tuple):
        for one, other in zip(compiled, interpreted, strict=True):
            same(one, other)
        return
    a, b = np.asarray(compiled), np.asarray(interpreted)
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    if a.dtype.kind in "fc":
        np.testing.assert_allclose(a, b, rtol=2e-14, atol=1e-14)
    else:
        np.testing.assert_array_equal(a, b)


def moving(op: Any, sample: Any) -> list[int]:
    """The arguments by which there is a derivative."""
    return [k for k, x in enumerate(sample.xs) if is_real(x) and laws.has_rule(op, k)]


VALUES = [case for case in CASES if case.values[0].name not in special.TABLE or not moving(*case.values)]
"""Values of SciPy's functions are seen together with their derivatives."""


@pytest.mark.parametrize(("op", "sample"), VALUES)
def test_value(op: Any, sample: Any) -> None:
    f = nz.jit(lambda *xs: op(*xs, **sample.params))
    with np.errstate(all="ignore"):
        expected = op.calc(*sample.xs, **sample.params)
    for _ in range(2):  # compiled, then called again
        same(f(*sample.xs), expected)


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_pullback(op: Any, sample: Any) -> None:
    places = moving(op, sample)
    ys = laws.each(op.calc(*sample.xs, **sample.params))
    if not places or not is_real(np.asarray(ys[0])) or np.size(ys[0]) == 0:
        return

    def weighted(*xs: Any) -> Any:
        full = list(sample.xs)
        for k, x in zip(places, xs, strict=True):
            full[k] = x
        parts = zip(laws.each(op(*full, **sample.params)), weights, strict=True)
        return sum(np.sum((y * w).real) for y, w in parts)

    draw = np.random.default_rng(3)
    weights = [draw.uniform(0.5, 1.5, np.shape(y)) * (1 + 0.5j * np.iscomplexobj(y)) for y in ys]
    transform = nz.value_and_grad(weighted, argnums=tuple(range(len(places))))
    args = [np.asarray(sample.xs[k]) for k in places]
    value, gradient = transform(*args)
    compiled_value, compiled = nz.jit(transform)(*args)
    same(compiled_value, value)
    for a, b in zip(compiled, gradient, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-13, atol=1e-13)
