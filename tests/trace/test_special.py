"""scipy.special on traced values: its ufuncs by NumPy's protocol, its functions by the table of rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import nazad as nz

sc = pytest.importorskip("scipy.special")

from nazad.errors import NoRuleError  # noqa: E402
from nazad.trace import scipy_table  # noqa: E402
from nazad.trace.numpy_table.dispatch import UFUNCS  # noqa: E402

scipy_table.open_room("special")

UNCOVERED = {"obl_rad2", "obl_rad2_cv"}
"""Functions that SciPy gives wrong slopes to."""


def test_every_ufunc_is_known() -> None:
    ufuncs = {name: f for name, f in vars(sc).items() if isinstance(f, np.ufunc)}
    assert {name for name, f in ufuncs.items() if f not in UFUNCS} == UNCOVERED


def test_ufunc_with_several_results() -> None:
    values = nz.trace(sc.airy, 0.7)
    np.testing.assert_array_equal([values.forward([0.7])[sink] for sink in values.sinks], sc.airy(0.7))
    assert nz.grad(lambda x: sc.airy(x)[0])(0.7) == sc.airy(0.7)[1]


def test_same_function_under_two_names() -> None:
    for ours, theirs in ((sc.expm1, np.expm1), (sc.log1p, np.log1p), (sc.exp2, np.exp2), (sc.cbrt, np.cbrt)):
        assert nz.grad(ours)(0.7) == nz.grad(theirs)(0.7)


X = np.array([[0.3, 1.4, 0.8], [2.1, 0.2, 0.6]])
CALLS: dict[str, list[tuple[Callable[..., Any], tuple[Any, ...]]]] = {
    "logsumexp": [
        (lambda f, x: f(x), (X,)),
        (lambda f, x: f(x, axis=1, keepdims=True), (X,)),
        (lambda f, x, b: f(x, axis=0, b=b), (X, X + 1)),
        (lambda f, x: f(x, axis=1, b=np.array([1.0, -2.0, -1.5]), return_sign=True)[0], (X,)),
    ],
    "softmax": [(lambda f, x: f(x, axis=1), (X,)), (lambda f, x: f(x), (X,))],
    "log_softmax": [(lambda f, x: f(x, axis=0), (X,)), (lambda f, x: f(x), (1000 * X,))],
    "softplus": [(lambda f, x: f(x), (X,))],
    "factorial": [(lambda f, x: f(x), (X - 0.9,))],
    "comb": [(lambda f, n, k: f(n, k), (X + 3, X)), (lambda f, n, k: f(n, k, repetition=True), (X + 3, X))],
    "perm": [(lambda f, n, k: f(n, k), (X + 3, X))],
    "polygamma": [(lambda f, x: f(2, x), (X,)), (lambda f, x: f([[0], [3]], x), (X,))],
    "multigammaln": [(lambda f, x: f(x, 3), (X + 1.5,))],
    "zeta": [(lambda f, x: f(2.0, x), (X,))],
    "lambertw": [(lambda f, x: f(x).real, (X,)), (lambda f, x: f(-x / 6, k=-1).real, (X,))],
    "spherical_jn": [(lambda f, x: f(2, x), (X,)), (lambda f, x: f(2, x, derivative=True), (X,))],
    "spherical_kn": [(lambda f, x: f(0, x), (X,))],
    "jvp": [(lambda f, x: f(1, x, 2), (X,))],
    "kvp": [(lambda f, x: f(1.5, x), (X,)), (lambda f, x: f(1.5, x, 2), (X,))],
    "ivp": [(lambda f, x: f(1.5, x, 0), (X,))],
    "h1vp": [(lambda f, x: f(1.5, x).imag, (X,))],
    "assoc_laguerre": [(lambda f, x: f(x, 3, 1.5), (X,))],
    "diric": [(lambda f, x: f(x, 4), (X,)), (lambda f, x: f(x, 4), (2 * np.pi + 0 * X,))],
    "legendre_p": [(lambda f, x: f(3, x), (X / 3,))],
    "sph_harm_y": [
        (lambda f, x, y: f(3, 2, x, y).real + f(2, -1, x, y).imag, (X, X + 1)),
        (lambda f, x: f(2, np.array([[0], [2]]), x, 0.3).real, (X[:, 0],)),
    ],
    "kelvin": [(lambda f, x: f(x)[1].real + f(x)[2].imag, (X,))],
}
EACH = [
    pytest.param(getattr(sc, name), k, id=f"{name}-{k}")
    for name, calls in CALLS.items()
    for k in range(len(calls))
]


@pytest.mark.parametrize(("function", "k"), EACH)
def test_function(function: Any, k: int) -> None:
    call, args = CALLS[function.__name__][k]
    ours = scipy_table.rule_of(function) or function

    def f(*xs: Any) -> Any:
        return np.sum(call(ours, *xs) * 1.3)

    np.testing.assert_allclose(call(ours, *args), call(function, *args), rtol=1e-13)
    towards = [np.cos(np.arange(x.size)).reshape(x.shape) for x in args]
    up, down = ([x + h * d for x, d in zip(args, towards, strict=True)] for h in (1e-6, -1e-6))
    numerical = (np.sum(call(function, *up) * 1.3) - np.sum(call(function, *down) * 1.3)) / 2e-6
    gradients = nz.grad(f, argnums=tuple(range(len(args))))(*args)
    slope = sum(np.sum(g * d) for g, d in zip(gradients, towards, strict=True))
    np.testing.assert_allclose(slope, numerical, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(nz.jit(f)(*args), f(*args), rtol=1e-13)


# --- derivatives where a careless formula would overflow, cancel or be nan
FAR: list[tuple[Callable[[Any], Any], float, float]] = [
    (sc.expit, 40.0, 4.248354255291589e-18),
    (sc.expit, -800.0, 0.0),
    (sc.log_expit, -800.0, 1.0),
    (sc.log_ndtr, -1000.0, 1000.000999998),
    (sc.log_ndtr, -1e10, 1e10),
    (sc.log_ndtr, 50.0, 0.0),
    (sc.erfcx, 1e5, -5.641895834631e-11),
    (sc.dawsn, 1e6, -5.000000000007501e-13),
    (sc.entr, 1.0, -1.0),
    (lambda x: sc.xlogy(0.0, x), 0.0, 0.0),
    (lambda x: sc.xlogy(2.0, x), 4.0, 0.5),
    (lambda x: sc.rel_entr(0.0, x), 0.0, 0.0),
    (sc.rgamma, -3.0, -6.0),
    (sc.rgamma, 0.0, 1.0),
    (sc.exprel, 0.0, 0.5),
    (lambda p: sc.boxcox(2.0, p), 0.0, 0.2402265069591007),
    (sc.ellipk, 0.0, 0.39269908169872414),
    (sc.ellipe, 0.0, -0.39269908169872414),
    (sc.j1, 0.0, 0.5),
    (sc.i1, 0.0, 0.5),
    (lambda x: sc.eval_legendre(3, x), 1.0, 6.0),
    (sc.spence, 1.0, -1.0),
    (lambda x: sc.sici(x)[0], 0.0, 1.0),
    (lambda x: sc.pseudo_huber(2.0, x), 0.0, 0.0),
    (sc.kolmogorov, 0.01, 0.0),
    (lambda a: sc.gammainc(a, 0.0), 2.0, 0.0),
    (lambda k: sc.binom(5.0, k), 7.0, 0.023809523809523808),
    (sc.ndtri_exp, -1e5, 0.0022361353),
]


@pytest.mark.parametrize("k", range(len(FAR)))
def test_derivative_is_finite_where_it_should_be(k: int) -> None:
    f, x, slope = FAR[k]
    np.testing.assert_allclose(nz.grad(f)(x), slope, rtol=1e-6, atol=1e-300)


def student(v: Any, t: Any) -> Any:
    return mpmath.betainc(v / 2, 0.5, 0, v / (v + t * t), regularized=True) / 2


SPOTS: list[tuple[Callable[..., Any], Callable[..., Any], tuple[float, ...], int]] = [
    (sc.gammainc, lambda a, x: mpmath.gammainc(a, 0, x, regularized=True), (2.3, 1.7), 0),
    (sc.gammainc, lambda a, x: mpmath.gammainc(a, 0, x, regularized=True), (0.03, 0.2), 0),
    (sc.gammaincc, lambda a, x: mpmath.gammainc(a, x, regularized=True), (40.0, 61.0), 0),
    (sc.betainc, lambda a, b, x: mpmath.betainc(a, b, 0, x, regularized=True), (0.4, 7.0, 0.1), 0),
    (sc.betainc, lambda a, b, x: mpmath.betainc(a, b, 0, x, regularized=True), (0.4, 7.0, 0.1), 1),
    (sc.betainc, lambda a, b, x: mpmath.betainc(a, b, 0, x, regularized=True), (30.0, 0.2, 0.999), 1),
    (sc.log_ndtr, lambda x: mpmath.log(mpmath.ncdf(x)), (-7.3,), 0),
    (sc.psi, mpmath.psi, (-2.3,), 0),
    (sc.kve, lambda v, x: mpmath.exp(x) * mpmath.besselk(v, x), (1.3, 20.0), 1),
    (sc.kv, mpmath.besselk, (0.3, 0.01), 0),
    (sc.kv, mpmath.besselk, (40.5, 7.0), 0),
    (sc.zetac, mpmath.zeta, (1.7,), 0),
    (sc.zetac, mpmath.zeta, (-3.4,), 0),
    (sc.hyp2f1, mpmath.hyp2f1, (0.3, 1.2, 2.1, 0.8), 3),
    (
        sc.stdtr,
        lambda v, t: mpmath.betainc(v / 2, 0.5, 0, v / (v + t * t), regularized=True) / 2,
        (3.2, -2.5),
        0,
    ),
    (sc.ellipkinc, mpmath.ellipf, (2.9, 0.7), 1),
]


@pytest.mark.parametrize("k", range(len(SPOTS)))
def test_derivative_is_mpmaths(k: int) -> None:
    f, exact, args, place = SPOTS[k]
    with mpmath.workdps(40):
        if exact is mpmath.psi:
            expected = mpmath.psi(1, args[0])
        else:
            at = [mpmath.mpf(a) for a in args]
            expected = mpmath.diff(lambda x: exact(*at[:place], x, *at[place + 1 :]), at[place])
    np.testing.assert_allclose(nz.grad(f, argnums=place)(*args), float(expected), rtol=3e-13)


def test_precision_is_kept() -> None:
    x = np.linspace(0.2, 0.9, 4, dtype=np.float32)
    for f in (sc.erf, sc.gammaln, sc.expit, sc.log_ndtr, sc.i0e, sc.psi, sc.ndtri, sc.exprel, sc.ellipk):
        gradient = nz.grad(lambda x, f=f: np.sum(f(x)))(x)
        assert gradient.dtype == np.float32
        exact = nz.grad(lambda x, f=f: np.sum(f(x)))(x.astype(float))
        np.testing.assert_allclose(gradient, exact, rtol=3e-6)


def test_what_is_not_known_raises_and_is_never_zero() -> None:
    x = 0.7
    refused: list[tuple[Callable[[Any], Any], Any]] = [
        (lambda v: sc.mathieu_a(1, v), x),
        (lambda a: sc.hyp1f1(a, 1.2, 0.3), x),
        (lambda v: sc.jv(v, 1.3), x),
        (nz.grad(lambda x: sc.nctdtr(3.0, 0.4, x)), x),
        (lambda x: np.real(sc.ive(1.5, x + 1j)), x),
    ]
    for f, at in refused:
        with pytest.raises(NoRuleError, match=r"no formula|known for real arguments"):
            nz.grad(f)(at)


def test_whole_orders_do_not_move() -> None:
    orders = np.array([0, 1, 2])
    np.testing.assert_array_equal(
        nz.grad(lambda x: np.sum(sc.jv(orders, x)))(0.7), np.sum(sc.jvp(orders, 0.7))
    )


def matern(order: Any, length: Any, noise: Any, points: np.ndarray, values: np.ndarray) -> Any:
    """The log marginal likelihood of a Gaussian process with Matérn's kernel, its smoothness included."""
    gaps = np.abs(points[:, None] - points)
    r = np.sqrt(2 * order) * np.where(gaps == 0, 1.0, gaps) / length
    kernel = np.where(gaps == 0, 1.0, 2 ** (1 - order) / sc.gamma(order) * r**order * sc.kv(order, r))
    factor = np.linalg.cholesky(kernel + noise * np.eye(len(points)))
    white = np.linalg.solve(factor, values)
    return -np.sum(white**2) / 2 - np.sum(np.log(np.diagonal(factor)))


def test_smoothness_of_a_gaussian_process_is_learnt() -> None:
    points, values = np.linspace(0, 3, 7), np.sin(np.linspace(0, 3, 7))
    at = np.array([1.7, 0.8, 0.1])
    f = nz.value_and_grad(lambda theta: matern(*theta, points, values))
    value, gradient = f(at)
    for k, step in enumerate(1e-6 * np.eye(3)):
        up, down = (matern(*(at + s * step), points, values) for s in (1, -1))
        np.testing.assert_allclose(gradient[k], (up - down) / 2e-6, rtol=1e-5)
    compiled_value, compiled = nz.jit(f)(at)
    np.testing.assert_allclose(compiled_value, value, rtol=1e-10)
    np.testing.assert_allclose(compiled, gradient, rtol=1e-8)


def test_negative_binomial_regression_has_a_hessian() -> None:
    X, counts = np.column_stack([np.ones(6), np.arange(6) / 3]), np.array([1.0, 0, 2, 3, 5, 9])

    def loss(theta: Any) -> Any:
        mean, size = np.exp(X @ theta[:2]), np.exp(theta[2])
        terms = sc.gammaln(counts + size) - sc.gammaln(size) + size * np.log(size / (size + mean))
        return -np.sum(terms + sc.xlogy(counts, mean / (size + mean)))

    at = np.array([0.2, 0.7, 0.4])
    H = nz.hessian(loss)(at)
    for k, step in enumerate(1e-5 * np.eye(3)):
        numerical = (nz.grad(loss)(at + step) - nz.grad(loss)(at - step)) / 2e-5
        np.testing.assert_allclose(H[k], numerical, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(nz.jit(nz.hessian(loss))(at), H, rtol=1e-11)
