"""Conventions at points without a derivative: every row of the published tables is held to what happens."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy import special

import nazad as nz

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
PAGE = pathlib.Path(__file__).parents[1] / "docs" / "reference" / "conventions.md"
CELL = r"\| *(?:`([^`|]*)`[^|]*)? *"
LINE = re.compile(f"^{CELL * 4}\\|$", re.MULTILINE)
KNOWN = {"np": np, "special": special, "inf": np.inf, "nan": np.nan}


class Row(NamedTuple):
    """A function at a point, its gradient there, and its Hessian where that is part of the convention."""

    f: Callable[..., Any]
    point: tuple[Any, ...]
    gradient: Any
    hessian: Any


def read(text: str) -> Any:
    """What a cell says: the page is ours, and written in Python."""
    return eval(text, dict(KNOWN))  # noqa: S307


def row(function: str, at: str, gradient: str, hessian: str | None) -> Row:
    point = read(f"dict({at})")
    f = read(f"lambda {', '.join(point)}: {function}")
    values = tuple(np.array(x, np.result_type(np.array(x), float))[()] for x in point.values())
    return Row(f, values, read(gradient), read(hessian) if hessian else None)


CELLS = [match.groups() for match in LINE.finditer(PAGE.read_text(encoding="utf-8")) if match[1] and match[2]]
ROWS = [pytest.param(row(*cells), id=f"{cells[0]} at {cells[1]}") for cells in CELLS]


def of_all(found: Any, point: tuple[Any, ...]) -> Any:
    """Derivatives by several arguments are tuples; by one, that one."""
    return found if len(point) > 1 else found[0]


def places(point: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(range(len(point)))


def test_every_row_of_the_page_is_read() -> None:
    assert len(ROWS) == PAGE.read_text(encoding="utf-8").count("\n| `") > 0


@pytest.mark.parametrize("at", ROWS)
def test_gradient(at: Row) -> None:
    found = nz.grad(at.f, places(at.point))(*at.point)
    np.testing.assert_allclose(of_all(found, at.point), at.gradient)


@pytest.mark.parametrize("at", ROWS)
def test_hessian(at: Row) -> None:
    if at.hessian is not None:
        found = nz.hessian(at.f, places(at.point))(*at.point)
        np.testing.assert_allclose(found if len(at.point) > 1 else found[0][0], at.hessian)


@pytest.mark.parametrize("at", ROWS)
def test_forward_mode_agrees(at: Row) -> None:
    dots = tuple(np.full_like(x, 2.0) for x in at.point)
    np.testing.assert_allclose(nz.jvp(at.f, at.point, dots)[1], 2 * np.sum(np.asarray(at.gradient)))


@pytest.mark.parametrize("at", ROWS)
def test_compiled(at: Row) -> None:
    found = nz.jit(nz.grad(at.f, places(at.point)))(*at.point)
    np.testing.assert_allclose(of_all(found, at.point), at.gradient)
