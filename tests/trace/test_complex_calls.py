"""The sample calls of NumPy's functions with a complex array: what NumPy takes, is traced to the same.

Which functions these are follows from NumPy itself. Values are held to NumPy, push and pull to differences.
"""

from __future__ import annotations

import functools
import pathlib
import runpy
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nazad as nz

here = pathlib.Path(__file__)
ROOMS = [
    SimpleNamespace(**runpy.run_path(str(room))) for room in sorted(here.with_name("calls").glob("*.py"))
]
TABLE = SimpleNamespace(**runpy.run_path(str(here.with_name("test_numpy_table.py"))))
Function = Callable[[Any], Any]
rng = np.random.default_rng(29)


def parts(y: Any) -> list[Any]:
    """What a function returned, as a list of arrays."""
    return [part for each in y for part in parts(each)] if isinstance(y, (tuple, list)) else [np.asarray(y)]


def complexified(x: Any) -> Any:
    return x + 1j * np.where(np.isnan(x), 0, rng.uniform(0.1, 0.4, np.shape(x)))


def taken(f: Function, z: Any) -> bool:
    """Whether NumPy computes it, and loses no imaginary part on the way."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            f(z.copy())
    except (TypeError, ValueError, np.exceptions.ComplexWarning):
        return False
    return True


def cases() -> list[Any]:
    named = [(n, c) for room in ROOMS for table in (room.DERIVATIVE, room.VALUES) for n, c in table.items()]
    calls = [(f"{name}-{k}", *call) for name, rows in named for k, call in enumerate(rows)]
    calls += [(f"table-{k}", *call) for k, call in enumerate((*TABLE.CALLS, *TABLE.VALUES))]
    found = [(name, f, complexified(x)) for name, f, x in calls if np.asarray(x).dtype.kind == "f"]
    free = {f"np.linalg.{name}" for name in ("eigh", "svd")}  # whose vectors are defined up to a phase
    free.add("np.arange")  # which counts complex steps by their real part
    return [pytest.param(f, z, id=n) for n, f, z in found if n[:-2] not in free and taken(f, z)]


def paired(xs: list[Any], ys: list[Any]) -> float:
    return float(sum(np.sum(x * y).real for x, y in zip(xs, ys, strict=True)))


def direction(x: Any) -> Any:
    drawn = rng.normal(size=(2, *np.shape(x)))
    return drawn[0] + 1j * drawn[1] if np.iscomplexobj(x) else drawn[0]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("f", "z"), cases())
def test_value_push_and_pull(f: Function, z: Any) -> None:
    expected = parts(f(z.copy()))
    G = nz.trace(f, z)
    for found, y in zip([G.forward([z])[sink] for sink in G.sinks], expected, strict=True):
        np.testing.assert_allclose(found, y, rtol=1e-12, atol=1e-13)
        assert (np.shape(found), np.result_type(found)) == (y.shape, y.dtype)
    y_bars = [direction(y) * (y.dtype.kind in "fc") for y in expected]
    z_dot, h = np.where(np.isnan(z), 0, direction(z)), 1e-6
    up, down = parts(f(z + h * z_dot)), parts(f(z - h * z_dot))
    difference = paired(
        y_bars, [np.subtract(a, b, dtype=complex) / (2 * h) for a, b in zip(up, down, strict=True)]
    )
    y_dot = nz.jvp(f, (z,), (z_dot,))[1]
    np.testing.assert_allclose(paired(y_bars, parts(y_dot)), difference, rtol=1e-5, atol=1e-5)

    def total(z: Any) -> Any:
        return sum(np.sum((a * b).real) for a, b in zip(flat(f(z)), y_bars, strict=True))

    z_bar = nz.grad(lambda z: total(z) + np.nansum(0 * z.real))(z)
    np.testing.assert_allclose(np.sum(z_bar * z_dot).real, difference, rtol=1e-5, atol=1e-5)


def flat(y: Any) -> list[Any]:
    return functools.reduce(lambda a, b: a + b, map(flat, y), []) if isinstance(y, (tuple, list)) else [y]
