"""An operation with several results, in every transform: polar coordinates as one primitive."""

from __future__ import annotations

from typing import Any

import numpy as np

import nazad as nz
from nazad.ops.several import Several


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
