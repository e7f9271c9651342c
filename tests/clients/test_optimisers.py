"""SciPy's optimisers and integrators take derivatives from here, as from a formula written by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nazad as nz

optimize = pytest.importorskip("scipy.optimize")
datasets = pytest.importorskip("sklearn.datasets")

from scipy.integrate import quad, solve_bvp, solve_ivp  # noqa: E402
from scipy.special import gammaln  # noqa: E402


def rosenbrock(x: Any) -> Any:
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def himmelblau(p: Any) -> Any:
    x, y = p
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def beale(p: Any) -> Any:
    return sum((c - p[0] * (1 - p[1] ** k)) ** 2 for k, c in enumerate((1.5, 2.25, 2.625), start=1))


def wood(x: Any) -> Any:
    terms = [
        10 * (x[1] - x[0] ** 2), 1 - x[0], np.sqrt(90) * (x[3] - x[2] ** 2), 1 - x[2],
        np.sqrt(10) * (x[1] + x[3] - 2), (x[1] - x[3]) / np.sqrt(10),
    ]  # fmt: skip
    return np.sum(np.square(terms))


CLASSICS: list[tuple[Callable[..., Any], Any, Any]] = [
    (rosenbrock, np.array([-1.2, 1.0, 0.7]), np.ones(3)),
    (himmelblau, np.array([3.5, 1.5]), np.array([3.0, 2.0])),
    (beale, np.array([2.5, 0.3]), np.array([3.0, 0.5])),
    (wood, np.array([-0.5, -0.5, 0.2, 0.2]), np.ones(4)),
]
METHODS = ["BFGS", "CG", "L-BFGS-B", "SLSQP", "Newton-CG", "trust-ncg", "trust-krylov", "trust-exact"]
SECOND = {
    "Newton-CG": "hessp",
    "trust-ncg": "hessp",
    "trust-krylov": "hessp",
    "trust-exact": "hess",
}


def second(method: str, f: Callable[..., Any]) -> dict[str, Any]:
    """What a method takes besides the gradient."""
    known = {
        "hess": lambda: nz.jit(nz.hessian(f)),
        "hessp": lambda: nz.jit(lambda x, p: nz.hvp(f, (x,), (p,))),
    }
    return {name: known[name]() for name in [SECOND[method]]} if method in SECOND else {}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("f", "start", "solution"), CLASSICS, ids=lambda x: getattr(x, "__name__", ""))
def test_classic_functions(f: Any, start: Any, solution: Any, method: str) -> None:
    value_and_grad = nz.jit(nz.value_and_grad(f))
    found = optimize.minimize(value_and_grad, start, jac=True, method=method, **second(method, f))
    np.testing.assert_allclose(found.x, solution, atol=2e-2)
    assert np.linalg.norm(nz.grad(f)(found.x)) < 1e-2


def test_interpreted_derivatives_do_as_well() -> None:
    found = optimize.minimize(
        rosenbrock, np.zeros(4), jac=nz.grad(rosenbrock), hess=nz.hessian(rosenbrock), method="trust-exact"
    )
    np.testing.assert_allclose(found.x, np.ones(4), atol=1e-3)


@pytest.mark.parametrize("method", ["SLSQP", "trust-constr"])
def test_constraints_have_gradients(method: str) -> None:
    """A portfolio of least variance for a return that is asked for."""
    returns = np.array([0.05, 0.08, 0.12])
    covariance = np.array([[0.04, 0.01, 0.0], [0.01, 0.09, 0.02], [0.0, 0.02, 0.16]])

    def risk(w: Any) -> Any:
        return np.sqrt(w @ covariance @ w)

    def budget(w: Any) -> Any:
        return np.array([w.sum() - 1, w @ returns - 0.09])

    constraint = (
        {"type": "eq", "fun": budget, "jac": nz.jacobian(budget)}
        if method == "SLSQP"
        else optimize.NonlinearConstraint(
            budget, 0, 0, jac=nz.jacobian(budget), hess=lambda w, v: nz.hessian(lambda w: v @ budget(w))(w)
        )
    )
    more = {} if method == "SLSQP" else {"hess": nz.hessian(risk)}
    found = optimize.minimize(
        risk, np.ones(3) / 3, jac=nz.grad(risk), method=method, constraints=[constraint], **more
    )
    assert found.success
    np.testing.assert_allclose(budget(found.x), 0, atol=1e-6)
    normals = np.vstack([np.ones(3), returns])
    multipliers = np.linalg.lstsq(normals.T, nz.grad(risk)(found.x), rcond=None)[0]
    np.testing.assert_allclose(normals.T @ multipliers, nz.grad(risk)(found.x), atol=1e-4)


# --- data
def test_logistic_regression_of_the_breast_cancer_data() -> None:
    X, y = datasets.load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)

    def loss(theta: Any, X: Any, y: Any) -> Any:
        t = X @ theta[:-1] + theta[-1]
        return np.mean(np.logaddexp(0, t) - y * t) + 0.5e-2 * np.sum(theta[:-1] ** 2)

    fast = nz.jit(nz.value_and_grad(loss))
    found = optimize.minimize(fast, np.zeros(31), args=(X, y), jac=True, method="L-BFGS-B", tol=1e-10)
    second = optimize.minimize(
        fast, np.zeros(31), args=(X, y), jac=True, method="Newton-CG", hess=nz.jit(nz.hessian(loss))
    )
    assert np.mean((X @ found.x[:-1] + found.x[-1] > 0) == y) > 0.97
    np.testing.assert_allclose(found.x, second.x, atol=1e-3)


def test_poisson_regression_of_the_diabetes_data() -> None:
    X, y = datasets.load_diabetes(return_X_y=True)
    X = np.column_stack([np.ones(len(X)), 10 * X])

    def loss(beta: Any) -> Any:
        eta = X @ beta
        return np.mean(np.exp(eta) - y * eta + gammaln(y + 1))

    start = np.append(np.log(y.mean()), np.zeros(10))
    found = optimize.minimize(loss, start, jac=nz.grad(loss), hess=nz.hessian(loss), method="trust-exact")
    np.testing.assert_allclose(X.T @ (np.exp(X @ found.x) - y) / len(y), 0, atol=1e-3)


def test_curve_of_growth() -> None:
    def logistic(t: Any, size: Any, rate: Any, middle: Any) -> Any:
        return size / (1 + np.exp(-rate * (t - middle)))

    t = np.linspace(0, 10, 25)
    truth = (3.0, 1.3, 4.5)
    data = logistic(t, *truth) + 0.01 * np.cos(20 * t)
    slopes = nz.jit(nz.jacobian(lambda p, t: logistic(t, *p)))
    found, covariance = optimize.curve_fit(
        logistic, t, data, p0=[1.0, 1.0, 3.0], jac=lambda t, *p: slopes(np.array(p), t)
    )
    np.testing.assert_allclose(found, truth, rtol=0.02)
    by_differences, other = optimize.curve_fit(logistic, t, data, p0=[1.0, 1.0, 3.0])
    np.testing.assert_allclose(found, by_differences, rtol=1e-5)
    np.testing.assert_allclose(covariance, other, rtol=1e-3)


@pytest.mark.parametrize("loss", ["linear", "soft_l1"])
def test_circle_through_iris(loss: str) -> None:
    """Least squares on data, with the Jacobian in full."""
    X = datasets.load_iris().data[:50, :2]

    def residuals(p: Any) -> Any:
        return np.hypot(X[:, 0] - p[0], X[:, 1] - p[1]) - p[2]

    ours = optimize.least_squares(residuals, [5.0, 2.0, 1.0], jac=nz.jacobian(residuals), loss=loss)
    theirs = optimize.least_squares(residuals, [5.0, 2.0, 1.0], loss=loss)
    np.testing.assert_allclose(ours.cost, theirs.cost, rtol=1e-8)


def test_sparse_jacobian_of_a_boundary_value_problem() -> None:
    """u'' = exp(u), by finite volumes: each equation knows its neighbours alone."""
    n = 60

    def equations(u: Any) -> Any:
        padded = np.pad(u, 1)
        return (padded[2:] - 2 * u + padded[:-2]) * (n + 1) ** 2 - np.exp(u)

    jac = nz.sparse_jacobian(equations)
    found = optimize.least_squares(equations, np.zeros(n), jac=jac, method="trf", x_scale="jac")
    assert jac(found.x).nnz <= 3 * n
    assert np.abs(equations(found.x)).max() < 1e-5
    theirs = solve_bvp(
        lambda x, y: np.vstack([y[1], np.exp(y[0])]),
        lambda a, b: np.array([a[0], b[0]]),
        np.linspace(0, 1, 30),
        np.zeros((2, 30)),
    )
    np.testing.assert_allclose(found.x, theirs.sol(np.arange(1, n + 1) / (n + 1))[0], atol=1e-4)


@pytest.mark.parametrize("method", ["hybr", "lm"])
def test_root(method: str) -> None:
    def chemistry(c: Any) -> Any:
        a, b, ab = c
        return np.array([ab / (a * b) - 20.0, a + ab - 1.0, b + ab - 0.7])

    found = optimize.root(chemistry, [0.5, 0.3, 0.4], jac=nz.jacobian(chemistry), method=method)
    assert found.success
    np.testing.assert_allclose(chemistry(found.x), 0, atol=1e-9)


def test_root_of_one_number() -> None:
    def f(x: Any) -> Any:
        return x * np.exp(x) - 2.0

    found = optimize.root_scalar(f, x0=1.0, fprime=nz.grad(f), fprime2=nz.grad(nz.grad(f)), method="halley")
    assert found.root == pytest.approx(0.8526055020137254)
    assert optimize.newton(f, 1.0, fprime=nz.grad(f)) == pytest.approx(found.root)


def test_check_grad_agrees() -> None:
    assert optimize.check_grad(wood, nz.grad(wood), np.array([0.3, -0.5, 0.2, 1.1])) < 1e-4


# --- integrators
def field(t: float, y: Any, theta: Any) -> Any:
    """Van der Pol's oscillator with friction."""
    return np.array([y[1], theta[0] * (1 - y[0] ** 2) * y[1] - theta[1] * y[0]])


def integrated(f: Callable[..., Any], y0: Any, span: tuple[float, float], **options: Any) -> Any:
    return solve_ivp(f, span, y0, rtol=1e-10, atol=1e-12, **options).y[:, -1]


@nz.custom
def flow(y0: Any, theta: Any) -> Any:
    """Where the oscillator is after some time, by SciPy."""
    return integrated(lambda t, y: field(t, y, theta), y0, (0.0, 1.5))


@nz.custom
def way_back(y_bar: Any, y: Any, theta: Any) -> Any:
    """The equation of the cotangent, from the end to the beginning, beside that of the state."""
    n, m = np.size(y), np.size(theta)

    def reverse(t: float, state: Any) -> Any:
        value, pull = nz.vjp(lambda y, theta: field(t, y, theta), state[:n], theta)
        y_share, theta_share = pull(state[n : 2 * n])
        return np.concatenate([value, -y_share, -theta_share])

    end = integrated(reverse, np.concatenate([y, y_bar, np.zeros(m)]), (1.5, 0.0))
    return end[n : 2 * n], end[2 * n :]


@flow.def_pull
def _pull(y_bar: Any, y: Any, y0: Any, theta: Any) -> Any:
    return way_back(y_bar, y, theta)


def test_initial_value_problem_with_a_rule_of_its_own() -> None:
    def loss(y0: Any, theta: Any) -> Any:
        return np.sum(flow(y0, theta) ** 2) + theta[1]

    point = np.array([1.2, 0.3]), np.array([0.8, 1.1])
    check = nz.check_gradients(loss, *point, modes=["reverse"])
    assert check.ok
    value, gradient = nz.jit(nz.value_and_grad(loss, argnums=(0, 1)))(*point)
    assert value == pytest.approx(loss(*point))
    np.testing.assert_allclose(
        np.concatenate(gradient), np.concatenate(nz.grad(loss, (0, 1))(*point)), rtol=1e-6
    )


def test_stiff_integrators_take_a_jacobian() -> None:
    """Robertson's reactions."""

    def reactions(t: float, y: Any) -> Any:
        a, b, c = 0.04 * y[0], 3e7 * y[1] ** 2, 1e4 * y[1] * y[2]
        return np.array([-a + c, a - b - c, b])

    slopes = nz.jit(nz.jacobian(reactions, argnums=1))
    found = solve_ivp(reactions, (0, 100.0), [1.0, 0.0, 0.0], method="BDF", jac=slopes, rtol=1e-6, atol=1e-9)
    assert found.success
    assert found.y[:, -1].sum() == pytest.approx(1.0)
    assert found.y[0, -1] == pytest.approx(0.6172, abs=1e-3)


def test_integral_by_its_limit_and_its_parameter() -> None:
    @nz.custom
    def integral(b: Any, k: Any) -> Any:
        return quad(lambda x: np.exp(-k * x * x), 0.0, b)[0]

    @integral.def_push
    def _push(x_dot: Any, y: Any, b: Any, k: Any) -> Any:
        b_dot, k_dot = x_dot
        inner = quad(lambda x: -x * x * np.exp(-k * x * x), 0.0, b)[0]
        return np.exp(-k * b * b) * b_dot + inner * k_dot

    nz.check_gradients(lambda b, k: integral(b, k) ** 2, 0.7, 1.3)
