"""Loops that read slices which move: one body, however many steps there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nazad as nz
from nazad.transform.roll import windows_as_rows

x = np.random.default_rng(3).normal(size=130)
w = np.array([0.3, -0.2, 0.5])


def filtered(w: Any, x: Any) -> Any:
    y = np.zeros(40)
    for t in range(40):
        y[t] = np.tanh(w @ x[t : t + 3])
    return np.sum(y**2)


def strided(w: Any, x: Any) -> Any:
    return sum(np.tanh(w @ x[2 * t : 2 * t + 9 : 4]) for t in range(40))


def batches(w: Any, x: Any) -> Any:
    for t in range(40):
        w = w - 0.1 * np.sin(w * x[3 * t : 3 * t + 3])
    return np.sum(w)


def columns(w: Any, x: Any) -> Any:
    X = np.reshape(x, (2, 65))
    return sum(np.sum(np.cos(X[:, t : t + 3] * w)) for t in range(40))


def backwards(w: Any, x: Any) -> Any:
    return sum(np.tanh(w @ x[t + 2 : t - 1 if t else None : -1]) for t in range(40))


LOOPS = [filtered, strided, batches, columns, backwards]


@pytest.mark.parametrize("f", LOOPS, ids=lambda f: f.__name__)
def test_values_and_gradients(f: Callable[..., Any]) -> None:
    g = nz.value_and_grad(f, argnums=(0, 1))
    value, (w_bar, x_bar) = nz.jit(g)(w, x)
    expected, (w_grad, x_grad) = g(w, x)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(w_bar, w_grad, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(x_bar, x_grad, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("f", [filtered, batches], ids=lambda f: f.__name__)
def test_the_code_does_not_grow_with_the_steps(f: Callable[..., Any]) -> None:
    text = nz.jit(nz.value_and_grad(f, argnums=(0, 1))).lower(w, x).text
    assert len(text.splitlines()) < 80


@pytest.mark.parametrize("f", LOOPS, ids=lambda f: f.__name__)
def test_the_rewritten_graph_is_equal(f: Callable[..., Any]) -> None:
    G = nz.trace(nz.grad(f, argnums=(0, 1)), w, x)
    before = G.forward([w, x])
    H, values = windows_as_rows(G, before)
    after = H.forward([w, x])
    for a, b in zip(G.sinks, H.sinks, strict=True):
        np.testing.assert_allclose(after[b], before[a], rtol=1e-12, atol=1e-14)
    for v in H.nodes:
        assert np.shape(values[v]) == np.shape(after[v])


def test_few_slices_stay_as_they_are() -> None:
    G = nz.trace(lambda x: [x[t : t + 3] * 2 for t in range(5)], x)
    F = G.forward([x])
    assert windows_as_rows(G, F)[0].nodes == G.nodes
