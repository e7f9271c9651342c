"""The table of SciPy's functions: what finds a rule, and which room is opened for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nazad.trace import scipy_table

scipy = pytest.importorskip("scipy")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The rooms that are asked for; none is imported."""
    asked: list[str] = []
    monkeypatch.setattr(scipy_table, "open_room", asked.append)
    return asked


def objects() -> list[tuple[Callable[..., Any], str]]:
    import scipy.linalg
    import scipy.sparse
    import scipy.sparse.linalg
    import scipy.special
    import scipy.stats

    return [
        (scipy.linalg.expm, "linalg"),
        (scipy.sparse.linalg.spsolve, "sparse"),
        (scipy.sparse.csr_array, "sparse"),
        (scipy.sparse.eye_array(2).multiply, "sparse"),
        (scipy.special.logsumexp, "special"),
        (scipy.stats.norm.logpdf, "stats"),
        (scipy.stats.norm, "stats"),
        (scipy.stats.norm(1.0).logpdf, "stats"),
    ]


@pytest.mark.parametrize("k", range(8))
def test_room_is_named_after_the_subpackage(k: int, opened: list[str]) -> None:
    function, subject = objects()[k]
    scipy_table.rule_of(function)
    assert opened[0] == subject


def test_ufunc_of_scipy_opens_its_room(opened: list[str]) -> None:
    import scipy.special

    scipy_table.open_for_ufunc(scipy.special.j0)
    scipy_table.open_for_ufunc(np.exp)
    scipy_table.open_for_ufunc(np.frompyfunc(abs, 1, 1))
    assert opened == ["special"]


def test_rules_of_functions_methods_and_objects(monkeypatch: pytest.MonkeyPatch, opened: list[str]) -> None:
    import scipy.linalg
    import scipy.stats

    monkeypatch.setattr(scipy_table, "FUNCTIONS", {})
    monkeypatch.setattr(scipy_table, "METHODS", {})
    scipy_table.rule(scipy.linalg.expm)(lambda A: ("expm", A))
    scipy_table.method(scipy.stats.norm, "logpdf", "__call__")(lambda self, x: (self, x))
    scipy_table.method(scipy.stats.rv_continuous, "pdf")(lambda self, x: ("any", x))
    norm = scipy.stats.norm
    calls = [
        (scipy.linalg.expm, ("expm", 1)),
        (norm.logpdf, (norm, 1)),
        (norm, (norm, 1)),
        (norm.pdf, ("any", 1)),
    ]
    for function, expected in calls:
        found = scipy_table.rule_of(function)
        assert found is not None
        assert found(1) == expected
    assert scipy_table.rule_of(scipy.stats.expon.logpdf) is None


def test_importing_nazad_imports_no_scipy() -> None:
    code = "import sys, nazad; assert 'scipy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
