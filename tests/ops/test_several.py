"""An operation with several results, in every transform: polar coordinates as one primitive."""

from __future__ import annotations

from typing import Any

import numpy as np

import nazad as nz
from nazad.ops.several import Several
from nazad.tree import flatten


def _push(x_dots: Any, ys: Any, x: Any, y: Any) -> Any:
    r, _ = ys
    x_dot, y_dot = (np.zeros_like(x) if d is None else d for d in x_dots)
    return (x * x_dot + y * y_dot) / r, (x * y_dot - y * x_dot) / r**2


def _bars(y_bars: Any, ys: Any) -> Any:
    return (np.zeros_like(y) if bar is None else bar for bar, y in zip(y_bars, ys, strict=True))


def _pull_x(y_bars: Any, ys: Any, x: Any, y: Any) -> Any:
    r_bar, a_bar = _bars(y_bars, ys)
    return r_bar * x / ys[0] - a_bar * y / ys[0] ** 2


def _pull_y(y_bars: Any, ys: Any, x: Any, y: Any) -> Any:
    r_bar, a_bar = _bars(y_bars, ys)
    return r_bar * y / ys[0] + a_bar * x / ys[0] ** 2


polar = Several("polar", lambda x, y: (np.hypot(x, y), np.arctan2(y, x)), _push, _pull_x, _pull_y)
wide = Several("wide", lambda x, y: (np.hypot(x, y), np.arctan2(y, x)), _push, _pull_x, _pull_y)
x, y = np.array([0.3, -1.2]), np.array([0.7, 0.4])


def f(x: Any, y: Any) -> Any:
    r, angle = polar(x, y)
    return np.sum(r * np.sin(3 * angle) + np.exp(-r))


def g(x: Any, y: Any) -> Any:
    """One of the results alone."""
    return np.sum(polar(x, y * y)[1] ** 2)


def test_gradients_agree_with_differences_to_second_order() -> None:
    for function in (f, g):
        nz.check_gradients(function, x, y)
        nz.check_gradients(lambda x, y, h=function: np.sum(np.cos(nz.grad(h, argnums=1)(x, y))), x, y)
        forward = nz.jvp(function, (x, y), (np.ones(2), np.zeros(2)))[1]
        np.testing.assert_allclose(forward, np.sum(nz.grad(function)(x, y)))
        nz.hessian(function)(x, y)


def test_rows_are_taken_one_by_one() -> None:
    many = nz.vmap(lambda x, y: polar(x, y)[1] * 2)(np.stack([x, y]), np.stack([y, x]))
    np.testing.assert_allclose(many, 2 * np.stack([np.arctan2(y, x), np.arctan2(x, y)]))
    none = nz.vmap(lambda x, y: polar(x, y))(np.zeros((0, 2)), np.zeros((0, 2)))
    assert [each.shape for each in none] == [(0, 2), (0, 2)]


def test_on_numbers_it_computes() -> None:
    assert polar(3.0, 4.0)[0] == 5.0
    assert nz.explain(f, x, y).text()


def test_compiled_it_gives_what_it_gives_interpreted() -> None:
    """It runs in NumPy between native parts, each of which finds every result in a buffer of its own."""

    def both(x: Any, y: Any) -> Any:
        r, angle = polar(x + 1, y)
        return r, angle, np.exp(r) * angle

    for function in (f, g, both, nz.value_and_grad(f, argnums=(0, 1)), nz.grad(g, argnums=1), nz.hessian(f)):
        fast = nz.jit(function)
        for found, expected in zip(flatten(fast(x, y))[0], flatten(function(x, y))[0], strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-13)
        assert "polar" in str(fast.report())


def test_loops_that_take_out_results_are_compiled() -> None:
    """What repeats is one operation with what takes its results out, never one without the other."""

    def walk(x: Any, y: Any) -> Any:
        for _ in range(12):
            r, angle = polar(x, y)
            x, y = np.sqrt(r) + 0.1 * angle, y + 0.1 * np.sin(angle)
        return np.sum(x * y)

    def turned(x: Any, y: Any) -> Any:
        """Its steps seem to begin with taking out what something else gave at first."""
        results = wide(2 * x, y)
        for _ in range(12):
            x, y = np.sqrt(results[0]) + 0.1 * results[1], y + 0.1 * np.sin(results[1])
            results = polar(x, y)
        return np.sum(results[0])

    for function in (walk, turned, nz.grad(walk, argnums=(0, 1))):
        fast = nz.jit(function)
        np.testing.assert_allclose(fast(x, y), function(x, y), rtol=1e-12)
        np.testing.assert_allclose(fast(x, y), function(x, y), rtol=1e-12)


def test_no_result_needs_to_be_used() -> None:
    fast = nz.jit(lambda x, y: (polar(x, y)[0], x + y))
    np.testing.assert_allclose(fast(x, y), (np.hypot(x, y), x + y))
