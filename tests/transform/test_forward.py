"""Forward mode: what is left out because it is known to be zero."""

from __future__ import annotations

from typing import Any

import numpy as np

import nazad as nz
from nazad.graph import Traced
from nazad.trace import Arguments, run
from nazad.transform.forward import pushforward


def halves(theta: Any) -> Any:
    """Its second half moves only where the second half of theta does."""
    return np.sin(theta[:3]), np.reshape(theta[3:], (3, 1)) ** 2


FIRST = np.array([1.0, 0.0, 1.0, 0.0, 0.0, 0.0])


def test_zeros_that_were_only_moved_are_dropped():
    theta = np.arange(6.0)
    G = nz.trace(halves, theta)
    F = G.forward([theta])
    all_of = pushforward(G, F, {G.leaves[0]: FIRST})
    fewer = pushforward(G, F, {G.leaves[0]: FIRST}, drop_zeros=True)
    first, second = G.sinks
    np.testing.assert_array_equal(fewer[first], all_of[first])
    np.testing.assert_array_equal(all_of[second], np.zeros((3, 1)))
    assert second not in fewer
    assert len(fewer) < len(all_of)


def test_a_zero_that_depends_on_the_point_is_kept():
    G = nz.trace(lambda x: np.cos(x)[:2], np.zeros(3))
    F = G.forward([np.zeros(3)])
    tangents = pushforward(G, F, {G.leaves[0]: np.ones(3)}, drop_zeros=True)
    np.testing.assert_array_equal(tangents[G.sinks[0]], np.zeros(2))


def test_among_traced_values_plain_arrays_are_known():
    """There 2 * theta has a tangent that is an array, although it was not only moved."""
    seen: list[dict[Any, Any]] = []

    def f(theta: Any) -> Any:
        done = run(lambda t: halves(2 * t), Arguments.of((theta,), ["t"]))
        G = done.graph
        seen.append(pushforward(G, done.F, {G.leaves[0]: FIRST}, drop_zeros=True))
        return [seen[-1].get(y) for y in G.sinks]

    G = nz.trace(lambda theta: f(theta)[0], np.arange(6.0))
    first, second = f(np.arange(6.0))
    assert second is not None  # of arrays nothing is known beforehand
    np.testing.assert_allclose(G.forward([np.arange(6.0)])[G.sinks[0]], first)
    assert sum(isinstance(y_dot, Traced) for y_dot in seen[0].values()) >= 1
    assert len(seen[0]) < len(seen[1])
