"""Roots and fixed points by the implicit function theorem; calls into code that only has values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import nazad as nz
from nazad.errors import ArgumentError, NoRuleError, ShapeError

optimize = pytest.importorskip("scipy.optimize")
integrate = pytest.importorskip("scipy.integrate")

rng = np.random.default_rng(11)
A = rng.normal(size=(4, 4)) / 3
c = rng.normal(size=4)


def layer(x: Any, A: Any, c: Any) -> Any:
    """A contraction: its fixed point is the output of a deep equilibrium model."""
    return np.tanh(A @ x + c) / 2


def unrolled(A: Any, c: Any) -> Any:
    x = np.zeros(4)
    for _ in range(80):
        x = layer(x, A, c)
    return x


SOLVED: dict[str, Any] = {
    "newton": lambda A, c: nz.root(lambda x, A, c: layer(x, A, c) - x, np.zeros(4), A, c),
    "captured": lambda A, c: nz.root(lambda x: layer(x, A, c) - x, np.zeros(4)),
    "fixed_point": lambda A, c: nz.fixed_point(layer, np.zeros(4), A, c),
    "gmres": lambda A, c: nz.fixed_point(layer, np.zeros(4), A, c, linear="gmres"),
    "scipy": lambda A, c: nz.root(
        lambda x, A, c: layer(x, A, c) - x,
        np.zeros(4),
        A,
        c,
        solver=lambda g, x0: optimize.root(g, x0, tol=1e-14).x,
    ),
    "structure": lambda A, c: nz.root(
        lambda s, A: {"x": layer(s["x"], A, s["c"]) - s["x"], "c": s["c"] - c},
        {"x": np.zeros(4), "c": c * 0},
        A,
    )["x"],
}


@pytest.mark.parametrize("solved", SOLVED.values(), ids=SOLVED)
def test_derivatives_are_those_of_the_unrolled_iteration(solved: Any) -> None:
    def f(A: Any, c: Any, x: Any = solved) -> Any:
        return np.sum(np.sin(x(A, c)) * np.arange(4))

    def plain(A: Any, c: Any) -> Any:
        return f(A, c, unrolled)

    assert f(A, c) == pytest.approx(plain(A, c), rel=1e-12)
    for k in (0, 1):
        np.testing.assert_allclose(nz.grad(f, k)(A, c), nz.grad(plain, k)(A, c), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(nz.jvp(f, (A, c), (A, c)), nz.jvp(plain, (A, c), (A, c)), rtol=1e-9)
    np.testing.assert_allclose(nz.hessian(f, 1)(A, c), nz.hessian(plain, 1)(A, c), rtol=1e-6, atol=1e-8)
    many = np.stack([c, -c])
    rows = nz.vmap(nz.grad(f, 1), (None, 0))(A, many)
    np.testing.assert_allclose(rows, [nz.grad(plain, 1)(A, row) for row in many], rtol=1e-8, atol=1e-10)


def test_compiled_it_runs_between_native_parts() -> None:
    f = nz.grad(lambda c: np.sum(nz.fixed_point(layer, np.zeros(4), A, c) ** 2))
    fast = nz.jit(f)
    np.testing.assert_allclose(fast(c), f(c), rtol=1e-12)
    np.testing.assert_allclose(fast(2 * c), f(2 * c), rtol=1e-12)
    assert "root" in str(fast.report())


def test_a_minimum_as_a_layer() -> None:
    """Ridge regression by SciPy's minimize, differentiated by the penalty."""
    X, y = rng.normal(size=(20, 3)), rng.normal(size=20)

    def objective(w: Any, penalty: Any) -> Any:
        return np.sum((X @ w - y) ** 2) + penalty * np.sum(w**2)

    def solver(g: Any, w0: Any) -> Any:
        return optimize.root(g, w0, tol=1e-13).x

    def fit(penalty: Any) -> Any:
        return nz.root(nz.grad(objective), np.zeros(3), penalty, solver=solver)

    def closed(penalty: Any) -> Any:
        return np.linalg.solve(X.T @ X + penalty * np.eye(3), X.T @ y)

    np.testing.assert_allclose(nz.jacobian(fit)(0.7), nz.jacobian(closed)(0.7), rtol=1e-8)

    def by_minimize(penalty: Any) -> Any:
        def solver(g: Any, w0: Any) -> Any:
            return optimize.minimize(
                nz.value_and_grad(lambda w: objective(w, 0.7)), w0, jac=True, tol=1e-12
            ).x

        return nz.root(nz.grad(objective), np.zeros(3), penalty, solver=solver)

    np.testing.assert_allclose(nz.jacobian(by_minimize)(0.7), nz.jacobian(closed)(0.7), rtol=1e-6)
    nz.check_gradients(lambda p: np.sum(np.sin(fit(p))), 0.7, order=2)


def test_the_guess_does_not_matter() -> None:
    def f(start: Any, a: Any) -> Any:
        return nz.root(lambda x, a: x * x - a, start, a)

    assert nz.grad(f)(1.0, 2.0) == 0.0
    assert nz.grad(f, 1)(1.0, 2.0) == pytest.approx(0.5 / np.sqrt(2))
    assert f(1, 4) == 2.0


def test_what_is_no_equation_is_refused() -> None:
    with pytest.raises(ShapeError, match="one entry for each unknown"):
        nz.root(lambda x: np.sum(x), np.ones(3))
    with pytest.raises(ArgumentError, match="singular"):
        nz.grad(lambda a: nz.root(lambda x, a: (x - a) ** 2, 1.0, a, solver=lambda g, x0: x0))(1.0)
    with pytest.raises(ArgumentError, match="has not settled"):
        nz.fixed_point(lambda x: x + 1, 0.0, steps=10)
    with pytest.raises(ArgumentError, match="did not converge"):
        nz.root(lambda x: x * x + 1, 0.3)


# --- differential equations, by a rule of their own
def pendulum(y: Any, damping: Any) -> Any:
    return np.stack([y[1], -np.sin(y[0]) - damping * y[1]])


@nz.custom
def solve(y0: Any, damping: Any) -> Any:
    found = integrate.solve_ivp(lambda t, y: pendulum(y, damping), (0, 3), y0, rtol=1e-11, atol=1e-12)
    return found.y[:, -1]


@solve.def_pull
@nz.custom  # not written in NumPy: where values are traced, it is an operation, too
def _adjoint(y_bar: Any, y: Any, y0: Any, damping: Any) -> Any:
    """Backwards in time: the state, its cotangent, and what has come together for the damping."""

    def back(t: float, state: Any) -> Any:
        value, pullback = nz.vjp(pendulum, state[:2], damping)
        state_bar, damping_bar = pullback(state[2:4])
        return np.concatenate([value, -state_bar, [-damping_bar]])

    begin = np.concatenate([y, y_bar, [0.0]])
    end = integrate.solve_ivp(back, (3, 0), begin, rtol=1e-11, atol=1e-12).y[:, -1]
    return end[2:4], end[4]


def test_an_ode_solver_by_its_adjoint() -> None:
    def f(y0: Any, damping: Any) -> Any:
        return np.sum(solve(y0, damping) * np.array([1.0, 2.0]))

    y0 = np.array([0.4, -0.2])
    nz.check_gradients(f, y0, np.float64(0.3), modes=["reverse"], rtol=1e-6)
    gradient = nz.grad(f, argnums=(0, 1))
    fast = nz.jit(gradient)
    for found, expected in zip(fast(y0, 0.3), gradient(y0, 0.3), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


# --- callbacks
def test_a_callback_has_values_and_no_derivative() -> None:
    def f(x: Any) -> Any:
        return np.sum(2 * nz.pure_callback(lambda x: np.sort(x)[:2], nz.Spec((2,), np.dtype(float)), x))

    x = np.array([3.0, 1.0, 2.0])
    assert f(x) == 6.0
    np.testing.assert_array_equal(nz.vmap(f)(np.stack([x, 2 * x])), [6.0, 12.0])
    assert nz.jit(f)(x) == 6.0
    for derivative in (nz.grad(f), lambda x: nz.jvp(f, (x,), (x,))):
        with pytest.raises(NoRuleError, match="derivative='differences'"):
            derivative(x)
    stopped = nz.grad(lambda x: np.sum(x) + f(np.sin(nz.stop_gradient(x))))
    np.testing.assert_array_equal(stopped(x), np.ones(3))


def gamma(x: Any, scale: Any = 1.0) -> Any:
    spec = {"y": x}
    return (
        scale
        * nz.pure_callback(lambda x: {"y": np.vectorize(math.gamma)(x)}, spec, x, derivative="differences")[
            "y"
        ]
    )


def test_numerical_derivatives_on_request() -> None:
    x = np.array([2.0, 3.0, 4.0])
    slope = np.array([1.0, 2.0, 6.0]) * (np.array([1.0, 1.5, 11 / 6]) - np.euler_gamma)
    np.testing.assert_allclose(nz.grad(lambda x: np.sum(gamma(x)))(x), slope, rtol=1e-8)
    np.testing.assert_allclose(nz.jvp(gamma, (x,), (np.ones(3),))[1], slope, rtol=1e-8)
    np.testing.assert_allclose(nz.vmap(nz.grad(gamma))(x), slope, rtol=1e-8)
    np.testing.assert_allclose(nz.jit(nz.grad(lambda x: np.sum(gamma(x))))(x), slope, rtol=1e-8)
    second = nz.grad(nz.grad(gamma))(3.0)
    assert second == pytest.approx(2 * ((1.5 - np.euler_gamma) ** 2 + np.pi**2 / 6 - 1.25), rel=1e-3)
    nz.check_gradients(lambda x, s: np.sum(gamma(x, s)), x, 2.0, modes=["reverse"])


def test_explanations_mark_what_is_numerical() -> None:
    text = nz.explain(lambda x: gamma(x, 2.0), 3.0).text(width=200)
    assert "derivative='differences'" in text
    assert "by differences" in text


def test_other_results_than_stated_are_refused() -> None:
    with pytest.raises(ShapeError, match="Its result_spec says float64"):
        nz.pure_callback(np.ravel, 1.0, np.ones((2, 2)))
    with pytest.raises(ArgumentError, match="'differences'"):
        nz.pure_callback(np.sin, 1.0, 1.0, derivative="exact")
    with pytest.raises(ArgumentError, match="structure"):
        nz.pure_callback(lambda x: (x, x), 1.0, 1.0)
    with pytest.raises(ArgumentError, match="Pass it as an argument"):
        nz.grad(lambda w: nz.pure_callback(lambda x: w * x, 1.0, np.ones(())))(1.0)


z = np.array([2 + 1j, 1 - 1j])


@pytest.mark.parametrize("linear", ["dense", "gmres"])
def test_equations_between_complex_numbers(linear: str) -> None:
    """Also such as conjugate the unknowns, which are linear over the real numbers alone."""

    def fixed(w: Any) -> Any:
        found = nz.fixed_point(lambda z, w: 0.2 * np.conj(z) * np.cos(z.real) + w / 2, w, w, linear=linear)
        return np.sum(np.abs(found) ** 2)

    def solved(w: Any) -> Any:
        return np.sum(np.abs(nz.root(lambda z, w: z * z + 0.1 * np.conj(z) - w, w, w, linear=linear)) ** 3)

    for f in (fixed, solved):
        assert nz.check_gradients(f, z).ok
        np.testing.assert_allclose(nz.jit(nz.grad(f))(z), nz.grad(f)(z), rtol=1e-10)


def test_numerical_derivatives_of_complex_numbers() -> None:
    def f(w: Any) -> Any:
        spec = nz.Spec((2,), np.dtype(complex))
        y = nz.pure_callback(lambda z: np.conj(z) * z.real, spec, w, derivative="differences")
        return np.sum(np.abs(y) ** 2)

    np.testing.assert_allclose(nz.grad(f)(z), nz.differences(f, z).value, rtol=1e-7)
