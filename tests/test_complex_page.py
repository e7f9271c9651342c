"""The page on complex numbers says of every operation what it is, and that is held to the operations."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import numpy as np

import nazad as nz
from nazad import ops
from nazad.ops.families import Elementwise

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "reference" / "complex.md"
HOLOMORPHIC, REAL, STEP = (
    "holomorphic, or one of their arguments",
    "real, with a gradient",
    "truths and steps",
)
COMPOSED = "composed of others"


def kind_of(op: Elementwise) -> str:
    """What an operation is on complex numbers, as NumPy and the derivative say; empty for nothing."""
    z, *others = (np.array([0.4 + 0.3j, -0.2 + 0.6j]) * (k + 1) for k in range(len(op.derivs)))
    try:
        y = op.calc(z, *others)
    except TypeError:
        return ""
    if y.dtype.kind == "f":
        return REAL
    if all(deriv is None for deriv in op.derivs):
        return STEP
    d = np.array([1.0 - 2j, 0.5j])
    pushed, turned = (nz.jvp(lambda z: op(z, *others), (z,), (c * d,))[1] for c in (1, 1j))
    np.testing.assert_allclose(turned, 1j * pushed, rtol=1e-12)
    return HOLOMORPHIC


def test_the_page_says_which_operations_are_what() -> None:
    lists = re.findall(r"^\| ([a-z, ]+) \| ([a-z_0-9, ]+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    shown = {name: kind for kind, names in lists[1:] for name in names.split(", ")}
    own: dict[str, Any] = {n: op for n, op in vars(ops.elementwise).items() if isinstance(op, Elementwise)}
    found = {name: kind_of(op) for name, op in own.items() if hasattr(np, name)}
    composed = {name for name, kind in shown.items() if kind == COMPOSED}
    expected = {name: COMPOSED if name in composed else kind for name, kind in found.items() if kind}
    assert expected == shown
