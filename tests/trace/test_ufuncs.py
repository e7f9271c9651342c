"""Ufuncs with keywords and their methods: derived for every one of them, and held to NumPy's."""

from __future__ import annotations

import inspect
import pathlib
import runpy
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nazad as nz
from nazad.errors import TraceError
from nazad.trace.numpy_table import UFUNCS, open_rooms
from nazad.trace.numpy_table.dispatch import FUNCTIONS, REFUSED, WITHOUT_EFFECT, full_name, parameters

held = SimpleNamespace(**runpy.run_path(str(pathlib.Path(__file__).with_name("test_coverage.py"))))

open_rooms()
rng = np.random.default_rng(5)
A = rng.uniform(0.5, 2.0, (5, 3))
W = rng.integers(1, 6, (5, 3))
mask = rng.random((5, 3)) < 0.7
BINARY = [f for f in UFUNCS if f.nin == 2 and f.nout == 1 and not f.signature and hasattr(np, f.__name__)]
ASTRAY = {"power", "arctan2"}
"""In NumPy 2.4, vectorised, these two reduce the last axis wrongly; what they accumulate is right."""
WHOLE = {"bitwise_and", "bitwise_or", "bitwise_xor", "gcd", "lcm", "left_shift", "right_shift"}


def point(ufunc: np.ufunc) -> Any:
    return W if ufunc.__name__ in WHOLE else A


def folded(ufunc: np.ufunc, x: Any) -> Any:
    if ufunc.__name__ in ASTRAY and isinstance(x, np.ndarray):
        return ufunc.accumulate(x, axis=-1)[..., -1:]
    return ufunc.reduce(x, axis=-1, keepdims=True)


def agree(f: Callable[[Any], Any], x: Any) -> None:
    """NumPy's value, and derivatives up to the second as differences have them."""
    y = f(x)
    (found,) = held.traced(f, x)
    np.testing.assert_allclose(found, y, rtol=1e-13)
    assert np.shape(found) == np.shape(y)
    assert np.result_type(found) == np.result_type(y)
    if np.result_type(y).kind == "f" and x.dtype.kind == "f":
        total = held.weighted(f, y)
        direction = rng.normal(size=x.shape)
        slope = nz.grad(total)
        expected = held.difference(total, x, direction)
        np.testing.assert_allclose(np.vdot(slope(x), direction), expected, rtol=1e-6, atol=1e-6)
        bend = nz.jvp(slope, (x,), (direction,))[1]
        np.testing.assert_allclose(bend, held.difference(slope, x, direction), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("method", ["reduce", "accumulate", "reduceat", "outer"])
@pytest.mark.parametrize("ufunc", BINARY, ids=lambda f: f.__name__)
def test_method(ufunc: np.ufunc, method: str) -> None:
    calls = {
        "reduce": lambda x: folded(ufunc, x),
        "accumulate": lambda x: ufunc.accumulate(x),
        "reduceat": lambda x: ufunc.reduceat(x, [0, 2, 1, 3]),
        "outer": lambda x: ufunc.outer(x, point(ufunc)[0] + (0 if ufunc.__name__ in WHOLE else 0.01)),
    }
    x = point(ufunc)
    try:
        calls[method](x)
    except (TypeError, ValueError) as error:  # what NumPy refuses, is refused traced
        with pytest.raises(type(error)):
            held.traced(calls[method], x)
        return
    agree(calls[method], x)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.hypot.reduce(x, axis=(0, 1), initial=3.0),
        lambda x: np.hypot.reduce(x, where=mask),
        lambda x: np.add.reduce(x, axis=None, where=mask, initial=2.0),
        lambda x: np.maximum.reduce(x, axis=1, where=mask, initial=1.0),
        lambda x: np.fmin.reduce(x, where=mask, initial=1.2),
        lambda x: np.logaddexp.reduce(x, axis=(1, 0)),
        lambda x: np.logaddexp2.reduce(x, initial=0.5),
        lambda x: np.subtract.reduce(x, initial=0.5),
        lambda x: np.multiply.reduce(x[:0]),
        lambda x: np.add.reduce(x, dtype=np.float32),
        lambda x: np.add.accumulate(x, 1, dtype=np.float32),
        lambda x: np.logical_or.reduce(x > 1.5, axis=1),
        lambda x: np.logical_xor.reduce(x - 1.0, axis=1),
        lambda x: np.multiply.outer(x, A[0], dtype=np.float32),
        lambda x: np.add(x, 1, where=True),
        lambda x: np.add(x, A.astype(np.float32), dtype=np.float64, casting="safe"),
        lambda x: np.multiply(x, 2, signature="dd->d"),
        lambda x: np.divide(W, 3, dtype=np.float32) * x,
        lambda x: np.less(x, 1.0, dtype=bool),
        lambda x: np.matmul(x, A, axes=[(1, 0), (0, 1), (1, 0)]),
        lambda x: np.vecdot(x, A, axis=0, keepdims=True),
        lambda x: np.matvec(x, A[0], axes=[(0, 1), 0, 0]),
    ],
)
def test_keywords(f: Callable[[Any], Any]) -> None:
    if np.result_type(f(A)) == np.float32:
        (found,) = held.traced(f, A)
        np.testing.assert_allclose(found, f(A), rtol=1e-6)
        assert found.dtype == np.float32
        return
    agree(f, A)


def test_fold_of_nothing_has_no_value_without_identity() -> None:
    with pytest.raises(ValueError, match="identity"):
        nz.grad(lambda x: np.fmax.reduce(x[:0]).sum())(A)


def test_places_left_out_need_a_neutral_entry() -> None:
    with pytest.raises(TraceError, match=r"np.fmax.reduce\(where=\)"):
        nz.grad(lambda x: np.fmax.reduce(x, where=mask).sum())(A)


def test_undefined_entries_raise() -> None:
    with pytest.raises(TraceError, match=r"np.add\(where=\) without out= leaves entries undefined.*np.where"):
        nz.grad(lambda x: np.add(x, 1, where=mask).sum())(A)


def test_casting_that_numpy_refuses_is_refused() -> None:
    with pytest.raises(TypeError, match="add"):
        nz.grad(lambda x: np.add(x, 1, dtype=int).sum())(A)


# --- the signatures of the table
def untaken(function: Any) -> set[str]:
    """Parameters of NumPy that its rule does not take, and that change the result."""
    own = parameters(FUNCTIONS[function])
    if not own:
        return set()
    named = [p for p in inspect.signature(function).parameters.values() if p.kind is not p.VAR_KEYWORD]
    later = [
        p for k, p in enumerate(named) if not (p.kind is p.POSITIONAL_ONLY or p.kind is p.VAR_POSITIONAL)
    ]
    return {p.name for p in later} - own - WITHOUT_EFFECT


@pytest.mark.parametrize(
    "function", [f for f in FUNCTIONS if f.__module__.startswith("numpy")], ids=full_name
)
def test_every_parameter_of_numpy_is_taken_or_refused_with_a_remedy(function: Any) -> None:
    assert untaken(function) <= set(REFUSED)
