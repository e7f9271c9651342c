"""For the tests of the simplifier: graphs of functions, their values, and when values are the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nazad.graph import PYTHON_NUMBERS, Graph, Node
from nazad.trace.trace import Arguments, run

SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    2.5,
    -0.3,
    np.inf,
    -np.inf,
    np.nan,
    5e-324,
    -5e-324,
    1e-40,
    3e38,
    -1.7e308,
    1e-160,
]


def graph_of(f: Callable[..., Any], *args: Any) -> tuple[Graph, dict[Node, Any]]:
    with np.errstate(all="ignore"):
        done = run(lambda *xs: f(*xs), Arguments.of(args, [f"x{k}" for k in range(len(args))]))
    return done.graph.without_dead(), done.F


def forward(G: Graph, args: Any) -> list[Any]:
    with np.errstate(all="ignore"):
        F = G.forward(args)
    return [F[sink] for sink in G.sinks]


def assert_same(got: Any, expected: Any, signs: bool = True, ulps: int = 0) -> None:
    """Equal in kind and in every bit, but for what distinguishes one nan from another, and so many ulps."""
    assert (type(got) in PYTHON_NUMBERS) == (type(expected) in PYTHON_NUMBERS)
    a, b = np.asarray(got), np.asarray(expected)
    assert (a.shape, a.dtype) == (b.shape, b.dtype)
    if a.dtype.kind != "f":
        assert np.array_equal(a, b)
        return
    assert np.array_equal(np.isnan(a), np.isnan(b))
    a, b = a[~np.isnan(a)], b[~np.isnan(b)]
    if ulps:
        np.testing.assert_array_max_ulp(a, b, maxulp=ulps, dtype=a.dtype)
    else:
        assert np.array_equal(a, b)
    if signs:
        assert np.array_equal(np.signbit(a), np.signbit(b))
