"""SciPy's functions in kernels: called through the loops of their ufuncs, or written as vector code."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import nazad as nz

sc = pytest.importorskip("scipy.special")

from nazad.ops.special import TABLE  # noqa: E402
from nazad.run.lanes import loop  # noqa: E402
from nazad.run.lanes.special import SPECIAL  # noqa: E402

POINTS = np.concatenate(
    [
        [
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.5,
            np.inf,
            -np.inf,
            np.nan,
            5e-324,
            1e-300,
            1e300,
            -1e300,
            710.5,
            -745.2,
            37.5,
        ],
        np.linspace(-3, 3, 61),
        np.random.default_rng(4).normal(size=30) * 20,
    ]
)


IN_TAILS = ["erfc", "erfcx", "ndtr", "log_ndtr"]
"""Functions of which SciPy loses digits far out; ours are held to mpmath, in test_vectormath.py."""


def quietly(f: Any, *xs: Any) -> Any:
    with np.errstate(all="ignore"):
        return f(*xs)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", [*SPECIAL, "erf", "erfc", "erfcx"])
def test_vector_code_gives_scipys_values(name: str, dtype: str) -> None:
    with np.errstate(all="ignore"):
        points = POINTS.astype(dtype)
    xs = [points] if len(TABLE[name].derivs) == 1 else [points[:, None], points]
    ufunc = getattr(sc, name)
    ours, theirs = quietly(nz.jit(lambda *xs: ufunc(*xs)), *xs), quietly(ufunc, *xs)
    assert ours.dtype == theirs.dtype
    tight = 2e-13 if name in IN_TAILS else 1e-14
    rtol, atol = (tight, 1e-305) if dtype == "float64" else (3e-6, 1e-37)
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)


CALLED = [
    (lambda x: sc.gammaln(x), (POINTS[:40],)),
    (lambda x: sc.airy(x)[1] + sc.airy(x)[2], (np.linspace(-3, 3, 9),)),
    (lambda n, x: sc.eval_hermite(n, x), (np.arange(5), np.linspace(-3, 3, 5))),
    (lambda n, x: sc.yn(n, x) * sc.kn(2, x), (np.arange(3)[:, None], np.linspace(0.5, 3, 5))),
    (lambda x: np.sum(sc.psi(x)), (np.linspace(0.5, 3, 35),)),
    (lambda x: sc.gammainc(x, np.float32(1.5)), (np.linspace(0.5, 3, 35, dtype=np.float32),)),
    (lambda x: sc.erfcx(x), (2.5,)),
]


@pytest.mark.parametrize("k", range(len(CALLED)))
def test_loop_of_a_ufunc_is_called(k: int) -> None:
    f, args = CALLED[k]
    fast = nz.jit(f)
    found, expected = quietly(fast, *args), quietly(f, *args)
    np.testing.assert_allclose(found, expected, rtol=1e-14, strict=True)
    assert "calls" not in str(fast.report()), "it is no call of NumPy between kernels"


def test_every_loop_of_real_numbers_is_found() -> None:
    """The layout of ufuncs is as believed, for all of them."""
    missing = []
    for name, op in TABLE.items():
        ufunc = getattr(op.calc, "ufunc", op.calc)
        if isinstance(ufunc, np.ufunc) and any(set(types) <= set("fdl->") for types in ufunc.types):
            types = next(types for types in ufunc.types if set(types) <= set("dl->") and "d" in types)
            taken = [np.dtype(c) for c in types.split("->")[0]]
            if loop.loop_of(ufunc, taken) is None:
                missing.append(name)
    assert missing == []


def test_ufunc_that_is_laid_out_otherwise_has_no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    class Shifted(ctypes.Structure):
        _fields_ = (("padding", ctypes.c_int), *loop._Ufunc._fields_)

    monkeypatch.setattr(loop, "_Ufunc", Shifted)
    assert loop._laid_out(sc.erfcx) is None


def test_machine_code_on_disk_knows_no_address(tmp_path: Any) -> None:
    """A second process, in which SciPy lies elsewhere, runs what the first one compiled."""
    program = """
import numpy as np, nazad as nz
from scipy import special
f = nz.jit(lambda x: np.sum(special.gammaln(x) + special.jv(1.5, x)))
x = np.linspace(0.5, 3, 50)
print(float(f(x)) == float(f(x)), abs(f(x) / np.sum(special.gammaln(x) + special.jv(1.5, x)) - 1) < 1e-13)
"""
    environment = os.environ | {"NAZAD_CACHE": str(tmp_path)}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == ["True", "True"]
    assert len(list(tmp_path.iterdir())) == 1
