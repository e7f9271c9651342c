"""SciPy's functions in SymPy: what they mean there has SciPy's values."""

from __future__ import annotations

import pathlib
import runpy
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nazad as nz

sympy = pytest.importorskip("sympy")
sc = pytest.importorskip("scipy.special")

from nazad.ops.special import TABLE  # noqa: E402
from nazad.symbolic.special import special_meanings  # noqa: E402

of_scipy = SimpleNamespace(
    **runpy.run_path(str(pathlib.Path(__file__).parent / "ops" / "special_samples.py"))
)
MEANINGS = special_meanings()


@pytest.mark.parametrize("name", MEANINGS)
def test_meaning_has_scipys_value(name: str) -> None:
    xs = [x[0] for x in of_scipy.samples(TABLE[name])[0]]
    exact = [sympy.Integer(int(x)) if isinstance(x, np.integer) else sympy.Float(float(x), 30) for x in xs]
    found = complex(MEANINGS[name](*exact).evalf(20))
    np.testing.assert_allclose(found, TABLE[name].calc(*xs), rtol=1e-9)


def test_gradient_is_an_expression() -> None:
    def log_likelihood(mu: Any) -> Any:
        return sc.xlogy(3.0, mu) - mu - sc.gammaln(mu)

    assert str(nz.symbolic(nz.grad(log_likelihood), 2.0)).count("polygamma") == 1
