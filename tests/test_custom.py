"""Functions with a derivative of their own: either mode from either rule, checked, in every transform."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import nazad as nz
from nazad.errors import ArgumentError, GradientMismatch, NoRuleError, ShapeError, TraceError

a, b = np.array([0.3, -0.7, 1.2]), np.array([1.1, 0.4, -0.2])


def polar(p: Any, scale: Any) -> Any:
    return {"r": scale * np.hypot(p[0], p[1]), "angle": np.arctan2(p[1], p[0])}


def made(push: bool, pull: bool) -> Any:
    f = nz.custom(polar)
    if push:

        @f.def_push
        def _(dots: Any, y: Any, p: Any, scale: Any) -> Any:
            (x_dot, y_dot), s_dot = dots
            size = np.hypot(p[0], p[1])
            r_dot = s_dot * size + scale * (p[0] * x_dot + p[1] * y_dot) / size
            return {"r": r_dot, "angle": (p[0] * y_dot - p[1] * x_dot) / size**2}

    if pull:

        @f.def_pull
        def _(bars: Any, y: Any, p: Any, scale: Any) -> Any:
            size = np.hypot(p[0], p[1])
            x_bar = bars["r"] * scale * p[0] / size - bars["angle"] * p[1] / size**2
            y_bar = bars["r"] * scale * p[1] / size + bars["angle"] * p[0] / size**2
            return (x_bar, y_bar), np.sum(bars["r"] * size)

    return f


def through(f: Any) -> Any:
    def loss(x: Any, y: Any, scale: Any) -> Any:
        found = f((x, y), scale)
        return np.sum(found["r"] * np.sin(3 * found["angle"]))

    return loss


@pytest.mark.parametrize(("push", "pull"), [(True, False), (False, True), (True, True)])
def test_either_rule_gives_both_modes_to_any_order(push: bool, pull: bool) -> None:
    f, plain = through(made(push, pull)), through(polar)
    point = a, b, np.float64(0.8)
    nz.check_gradients(f, *point, order=2)
    for k in range(3):
        np.testing.assert_allclose(nz.grad(f, k)(*point), nz.grad(plain, k)(*point), rtol=1e-13)
        np.testing.assert_allclose(nz.hessian(f, k)(*point), nz.hessian(plain, k)(*point), rtol=1e-12)
    dots = b, a, np.float64(1.0)
    np.testing.assert_allclose(nz.jvp(f, point, dots), nz.jvp(plain, point, dots), rtol=1e-13)
    many = np.stack([a, 2 * a]), np.stack([b, b])
    for wrap in (lambda g: g, lambda g: nz.grad(g)):
        rows = nz.vmap(wrap(f), (0, 0, None))(*many, point[2])
        np.testing.assert_allclose(rows, nz.vmap(wrap(plain), (0, 0, None))(*many, point[2]), rtol=1e-13)
    whole = [
        nz.grad(lambda x, g=g: np.sum(nz.vmap(g, (0, 0, None))(x, many[1], 0.8)))(many[0]) for g in (f, plain)
    ]
    np.testing.assert_allclose(*whole, rtol=1e-13)
    fast = nz.jit(nz.value_and_grad(f))
    np.testing.assert_allclose(fast(*point)[1], nz.grad(plain)(*point), rtol=1e-13)
    assert "run in NumPy" not in str(fast.report())


def test_code_that_takes_plain_numbers_alone() -> None:
    @nz.custom
    def gamma(x: Any) -> Any:
        return math.gamma(x)

    @gamma.def_pull
    def _(y_bar: Any, y: Any, x: Any) -> Any:
        return y_bar * y * digamma(x)

    @nz.custom
    def digamma(x: Any) -> Any:
        return (math.lgamma(x + 1e-5) - math.lgamma(x - 1e-5)) / 2e-5

    assert nz.grad(gamma)(3.0) == pytest.approx(2 * (1.5 - 0.5772156649), rel=1e-6)
    assert nz.jvp(gamma, (3.0,), (1.0,))[1] == pytest.approx(2 * (1.5 - 0.5772156649), rel=1e-6)
    xs = np.array([2.0, 3.0, 4.0])
    np.testing.assert_allclose(nz.vmap(gamma)(xs), [1.0, 2.0, 6.0])
    assert nz.vmap(nz.grad(gamma))(xs)[1] == pytest.approx(2 * (1.5 - 0.5772156649), rel=1e-6)
    fast = nz.jit(nz.grad(gamma))
    assert fast(3.0) == nz.grad(gamma)(3.0)
    with pytest.raises(NoRuleError, match="State one"):
        nz.hessian(gamma)(3.0)


def test_arguments_without_derivative() -> None:
    @nz.custom(nondiff=(0, 3))
    def apply(f: Any, x: Any, n: int, data: Any) -> Any:
        return f(x) ** n + data

    @apply.def_pull
    def _(y_bar: Any, y: Any, f: Any, x: Any, n: int, data: Any) -> Any:
        return y_bar * n * f(x) ** (n - 1) * np.cos(x), None

    got = nz.grad(lambda x: np.sum(apply(np.sin, x, 3, b)))(a)
    np.testing.assert_allclose(got, 3 * np.sin(a) ** 2 * np.cos(a))
    for derivative in (nz.grad, lambda f: lambda d: nz.jvp(f, (d,), (d,))):
        with pytest.raises(NoRuleError, match="argument 3 of apply has no derivative"):
            derivative(lambda d: np.sum(apply(np.sin, a, 3, d)))(b)
    stopped = nz.grad(lambda d: np.sum(d + apply(np.sin, a, 3, np.cos(nz.stop_gradient(d)))))
    np.testing.assert_array_equal(stopped(b), np.ones(3))


def test_arguments_may_be_given_by_name() -> None:
    @nz.custom
    def power(x: Any, n: Any = 2.0) -> Any:
        return x**n

    @power.def_pull
    def _(y_bar: Any, y: Any, x: Any, n: Any) -> Any:
        return y_bar * n * x ** (n - 1), None

    assert nz.grad(lambda x: power(n=3.0, x=x))(2.0) == 12.0
    assert nz.grad(lambda x: power(x=x))(2.0) == 4.0


def test_wrong_rules_are_found_and_blamed() -> None:
    f = nz.custom(lambda x: np.sin(x) * 2)
    f.def_pull(lambda y_bar, y, x: y_bar * np.cos(x))
    with pytest.raises(GradientMismatch, match="custom"):
        nz.check_gradients(lambda x: np.sum(f(x)), a)
    f.def_pull(lambda y_bar, y, x: y_bar * 2 * np.cos(x))
    f.def_push(lambda x_dot, y, x: x_dot * np.cos(x))
    assert not nz.adjoint_identity(lambda x: np.sum(f(x)), a, rng=0).holds
    with pytest.raises(GradientMismatch):
        nz.check_gradients(lambda x: np.sum(f(x)), a)


def test_what_does_not_fit_is_refused() -> None:
    f = nz.custom(lambda x, y: x * y)
    with pytest.raises(NoRuleError, match="no derivative yet"):
        nz.grad(lambda x: np.sum(f(x, b)))(a)
    f.def_pull(lambda z_bar, z, x, y: z_bar)
    with pytest.raises(ArgumentError, match="It returns 2"):
        nz.grad(lambda x: np.sum(f(x, b)))(a)
    f.def_pull(lambda z_bar, z, x, y: (z_bar[:1], None))
    with pytest.raises(ShapeError, match=r"returned shape \(1,\), and the argument has \(3,\)"):
        nz.grad(lambda x: np.sum(f(x, b)))(a)
    f.def_push(lambda dots, z, x, y: {"z": dots[0]})
    with pytest.raises(ShapeError):
        nz.jvp(f, (a, b), (a, b))
    g = nz.custom(lambda x: {"y": x["x"]})
    g.def_push(lambda dots, y, x: dots)
    g.def_pull(lambda bars, y, x: bars)
    for derivative in (nz.grad(lambda x: np.sum(g(x)["y"])), lambda x: nz.jvp(g, (x,), (x,))):
        with pytest.raises(ArgumentError, match="returned another structure"):
            derivative({"x": a})

    def captures(w: Any) -> Any:
        g = nz.custom(lambda x: w * x)
        g.def_pull(lambda y_bar, y, x: y_bar)
        return np.sum(g(a))

    with pytest.raises(TraceError, match="Pass it as an argument"):
        nz.grad(captures)(2.0)


def test_explanation_shows_its_name() -> None:
    f = nz.custom(polar)
    f.def_pull(lambda bars, y, p, scale: ((bars["r"], bars["r"]), None))
    assert "polar(" in nz.explain(through(f), a, b, 0.8).text()
