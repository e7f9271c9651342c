"""scipy.linalg: every function that has a rule gives SciPy's value, and the gradient of differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nazad as nz
from nazad.errors import NoRuleError, TraceError
from nazad.trace import scipy_table

sl = pytest.importorskip("scipy.linalg")

rng = np.random.default_rng(12)
A = rng.uniform(0.5, 2.0, (3, 4))
B = rng.uniform(0.5, 2.0, (4, 2))
M = rng.uniform(-1.0, 1.0, (3, 3)) + np.diag([2.0, 3.0, 4.0])
P = M @ M.T + np.diag([1.0, 2.0, 3.0])
C = rng.uniform(-1.0, 1.0, (3, 3))
v = rng.uniform(0.5, 2.0, 3)
c = np.array([5.0, 1.0, -0.5, 0.3])
ab = rng.uniform(-1, 1, (4, 5)) + np.array([[0], [0], [6], [0]])
hab = rng.uniform(-1, 1, (3, 5)) + np.array([[6], [0], [0]])
b5 = rng.uniform(0.5, 2.0, 5)


CALLS: dict[str, list[tuple[Callable[[Any], Any], Any]]] = {
    "solve": [
        (lambda x: sl.solve(x, v), M),
        (lambda x: sl.solve(M, x, overwrite_b=True), A),
        (lambda x: sl.solve(x, A, transposed=True), M),
        *[(lambda x, how=how: sl.solve(x, v, assume_a=how), P) for how in ("pos", "sym", "her", "diagonal")],
        (lambda x: sl.solve(x, v, lower=True, assume_a="pos"), P),
        (lambda x: sl.solve(x, v, assume_a="upper triangular"), M),
        (lambda x: sl.solve(x, v, assume_a="tridiagonal"), M),
    ],
    "solve_triangular": [
        *[
            (lambda x, t=t, lower=lower, u=u: sl.solve_triangular(x, v, t, lower, u), M)
            for t in (0, "T", 2)
            for lower in (True, False)
            for u in (True, False)
        ],
        (lambda x: sl.solve_triangular(M, x, lower=True), A),
    ],
    "inv": [(sl.inv, M), (lambda x: sl.inv(x, assume_a="pos", lower=True), P)],
    "det": [(sl.det, M)],
    "cholesky": [(sl.cholesky, P), (lambda x: sl.cholesky(x, lower=True, check_finite=False), P)],
    "cho_factor": [(lambda x: sl.cho_factor(x)[0], P), (lambda x: sl.cho_factor(x, lower=True)[0], P)],
    "cho_solve": [
        (lambda x: sl.cho_solve(sl.cho_factor(x, lower=True), v), P),
        (lambda x: sl.cho_solve(sl.cho_factor(P), x), A),
    ],
    "lu": [
        (lambda x: sl.lu(x)[1:], M),
        (lambda x: sl.lu(x, permute_l=True), A),
        (lambda x: sl.lu(x, p_indices=True)[1:], B),
    ],
    "lu_factor": [(lambda x: sl.lu_factor(x)[0], M)],
    "lu_solve": [
        *[(lambda x, t=t: sl.lu_solve(sl.lu_factor(x[[2, 0, 1]]), v, trans=t), M) for t in (0, 1, 2)],
        (lambda x: sl.lu_solve(sl.lu_factor(M[[1, 2, 0]]), x), A),
    ],
    "qr": [
        (sl.qr, M),
        (lambda x: sl.qr(x)[1], B),
        (lambda x: sl.qr(x, mode="economic"), B),
        (lambda x: sl.qr(x, mode="r"), A),
        (lambda x: sl.qr(x, mode="economic", pivoting=True)[:2], A),
    ],
    "polar": [(sl.polar, M), (sl.polar, B), (lambda x: sl.polar(x, side="left"), A), (sl.polar, np.eye(3))],
    "rq": [
        (sl.rq, M),
        (lambda x: sl.rq(x)[0], A.T),
        (lambda x: sl.rq(x, mode="economic"), A),
        (lambda x: sl.rq(x, mode="r"), A),
    ],
    "subspace_angles": [
        (lambda x: sl.subspace_angles(x, B[::-1]), B),
        (lambda x: sl.subspace_angles(A[:, :1], x), C[:, :2]),
    ],
    "orthogonal_procrustes": [(lambda x: sl.orthogonal_procrustes(x, B + 1), B)],
    "eigh": [
        (lambda x: sl.eigh(x, P), P + C),
        (lambda x: sl.eigh(P, x, lower=False), P + C),
        (lambda x: np.abs(sl.eigh(x)[1]) ** 3, P),
        (lambda x: sl.eigh(x, eigvals_only=True), P),
        (lambda x: sl.eigh(x, subset_by_index=[0, 1], eigvals_only=True), P),
    ],
    "eigvalsh": [(sl.eigvalsh, P), (lambda x: sl.eigvalsh(x, P @ P), P)],
    "eigvals": [(lambda x: np.abs(sl.eigvals(x)), M), (lambda x: np.abs(sl.eigvals(x, M)), C)],
    "eig": [
        (lambda x: np.abs(sl.eig(x)[1]), M),
        (lambda x: np.abs(sl.eig(x)[0]), C),
        (lambda x: np.abs(sl.eig(x, right=False)), C),
    ],
    "svd": [
        (sl.svd, M),
        (lambda x: sl.svd(x, full_matrices=False), B),
        (lambda x: sl.svd(x, compute_uv=False, lapack_driver="gesvd"), A),
    ],
    "svdvals": [(sl.svdvals, A)],
    "pinv": [(sl.pinv, A), (lambda x: sl.pinv(x, rtol=1e-8, return_rank=True)[0], B)],
    "lstsq": [(lambda x: sl.lstsq(x, A[0])[:2], B), (lambda x: sl.lstsq(M, x)[0], A)],
    "norm": [(sl.norm, A), (lambda x: sl.norm(x, "nuc"), A), (lambda x: sl.norm(x, 3, axis=0), A)],
    "pinvh": [(lambda x: sl.pinvh(x, lower=False), P)],
    "orth": [(sl.orth, B), (sl.orth, A)],
    "cholesky_banded": [(sl.cholesky_banded, hab[::-1]), (lambda x: sl.cholesky_banded(x, lower=True), hab)],
    "cho_solve_banded": [
        (lambda x: sl.cho_solve_banded((sl.cholesky_banded(x, lower=True), True), b5), hab),
        (lambda x: sl.cho_solve_banded((sl.cholesky_banded(hab[::-1]), False), x), b5),
    ],
    "eig_banded": [(lambda x: np.abs(sl.eig_banded(x)[1]), hab[::-1])],
    "eigvals_banded": [(lambda x: sl.eigvals_banded(x, lower=True), hab)],
    "eigh_tridiagonal": [(lambda x: np.abs(sl.eigh_tridiagonal(x, b5[:4])[1]), b5**2)],
    "eigvalsh_tridiagonal": [(lambda x: sl.eigvalsh_tridiagonal(b5, x), b5[1:])],
    # matrix equations
    "solve_sylvester": [
        (lambda x: sl.solve_sylvester(x, P, C), M),
        (lambda x: sl.solve_sylvester(M, x, C), P),
        (lambda x: sl.solve_sylvester(M, P, x), C),
    ],
    "solve_continuous_lyapunov": [
        (lambda x: sl.solve_continuous_lyapunov(x, P), M),
        (lambda x: sl.solve_continuous_lyapunov(M, x), P),
    ],
    "solve_discrete_lyapunov": [
        (lambda x: sl.solve_discrete_lyapunov(x, P), 0.3 * C),
        (lambda x: sl.solve_discrete_lyapunov(x, P, method="bilinear"), 0.3 * C),
        (lambda x: sl.solve_discrete_lyapunov(0.3 * C, x), P),
    ],
    "solve_continuous_are": [
        (lambda x: sl.solve_continuous_are(x, B[:3], P, np.eye(2)), M),
        (lambda x: sl.solve_continuous_are(M, x, P, np.eye(2)), B[:3]),
        (lambda x: sl.solve_continuous_are(M, B[:3], x @ x.T, np.eye(3)[:2] @ x @ x.T @ np.eye(3)[:, :2]), M),
    ],
    "solve_discrete_are": [
        (lambda x: sl.solve_discrete_are(x, B[:3], P, np.eye(2)), C),
        (lambda x: sl.solve_discrete_are(C, x, P, np.eye(2)), B[:3]),
        (lambda x: sl.solve_discrete_are(C, B[:3], x @ x.T, np.eye(3)[:2] @ x @ x.T @ np.eye(3)[:, :2]), M),
    ],
    # functions of matrices
    "expm": [(sl.expm, C), (sl.expm, np.stack([C, M / 4]))],
    "expm_frechet": [
        (lambda x: sl.expm_frechet(x, M), C),
        (lambda x: sl.expm_frechet(C, x, compute_expm=False), M),
    ],
    "logm": [(sl.logm, P)],
    "sqrtm": [(sl.sqrtm, P), (sl.sqrtm, np.eye(3))],
    "signm": [(sl.signm, np.diag([2.0, -3.0, 4.0]) + C)],
    "fractional_matrix_power": [
        (lambda x: sl.fractional_matrix_power(x, 0.3), P),
        (lambda x: sl.fractional_matrix_power(x, -2), P),
    ],
    **{
        name: [(lambda x, name=name: getattr(sl, name)(x), C)]
        for name in ("cosm", "sinm", "tanm", "coshm", "sinhm", "tanhm")
    },
    # patterns
    "toeplitz": [
        (sl.toeplitz, v),
        (sl.toeplitz, B),
        (lambda x: sl.toeplitz(c, x), B),
        (lambda x: sl.toeplitz(x, c), v),
        (lambda x: sl.toeplitz(c, x), v),
    ],
    "hankel": [(sl.hankel, v), (lambda x: sl.hankel(x, c), v), (lambda x: sl.hankel(c, x), v)],
    "circulant": [(sl.circulant, c)],
    "companion": [(sl.companion, c)],
    "leslie": [(lambda x: sl.leslie(x, c[:2]), v), (lambda x: sl.leslie(c, x), v)],
    "convolution_matrix": [
        (lambda x, mode=mode: sl.convolution_matrix(x, 5, mode), v) for mode in ("full", "same", "valid")
    ],
    "fiedler": [(sl.fiedler, v)],
    "diagsvd": [(lambda x: sl.diagsvd(x, 3, 4), v), (lambda x: sl.diagsvd(x, 3, 3), v)],
    "block_diag": [(lambda x: sl.block_diag(A, x, v), B)],
    "khatri_rao": [(lambda x: sl.khatri_rao(x, B[:, [0, 1, 1, 0]]), A)],
    "matmul_toeplitz": [(lambda x: sl.matmul_toeplitz((x, c[:3]), A), v)],
    "solve_toeplitz": [
        (lambda x: sl.solve_toeplitz(x, np.ones(4)), c),
        (lambda x: sl.solve_toeplitz((c, 0.7 * c), x), B),
    ],
    "solve_circulant": [
        (lambda x: sl.solve_circulant(x, np.arange(4.0)), c),
        (lambda x: sl.solve_circulant(c, x), B),
    ],
    "solve_banded": [
        (lambda x: sl.solve_banded((1, 2), x, b5), ab),
        (lambda x: sl.solve_banded((2, 1), ab[::-1] + ab, x), b5),
    ],
    "solveh_banded": [
        (lambda x: sl.solveh_banded(x, b5, lower=True), hab),
        (lambda x: sl.solveh_banded(x[::-1], np.stack([b5, b5**2], 1)), hab),
    ],
}

cases = pytest.mark.parametrize(
    ("f", "x"),
    [pytest.param(f, x, id=f"{name}-{k}") for name, rows in CALLS.items() for k, (f, x) in enumerate(rows)],
)


def parts(y: Any) -> tuple[Any, ...]:
    return tuple(y) if isinstance(y, (tuple, list)) else (y,)


def weighted(f: Callable[[Any], Any], x: Any) -> Callable[[Any], Any]:
    draw = np.random.default_rng(3)
    weights = [draw.uniform(0.5, 1.5, np.shape(y)) for y in parts(f(x))]
    return lambda x: sum(np.sum(y * w) for y, w in zip(parts(f(x)), weights, strict=True))


def difference(f: Callable[[Any], Any], x: Any, direction: Any, h: float = 1e-5) -> Any:
    return (f(x + h * direction) - f(x - h * direction)) / (2 * h)


@cases
def test_value_and_derivatives(f: Callable[[Any], Any], x: Any) -> None:
    G = nz.trace(f, x)
    for sink, expected in zip(G.sinks, parts(f(x)), strict=True):
        found = G.forward([x])[sink]
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
        assert np.result_type(found) == np.result_type(expected)
        assert np.shape(found) == np.shape(expected)
    total, direction = weighted(f, x), np.random.default_rng(4).normal(size=np.shape(x))
    slope = nz.grad(total)
    np.testing.assert_allclose(
        np.vdot(slope(x), direction), difference(total, x, direction), rtol=1e-6, atol=1e-7
    )
    bend = nz.jvp(slope, (x,), (direction,))[1]
    np.testing.assert_allclose(bend, difference(slope, x, direction), rtol=2e-6, atol=2e-6)


@cases
def test_compiled(f: Callable[[Any], Any], x: Any) -> None:
    transform = nz.value_and_grad(weighted(f, x))
    value, gradient = transform(x)
    compiled_value, compiled = nz.jit(transform)(x)
    np.testing.assert_allclose(compiled_value, value, rtol=1e-12)
    np.testing.assert_allclose(compiled, gradient, rtol=1e-9, atol=1e-11)


AS_WIDE_AS_THEIR_RANK = ("orth", "subspace_angles")


@pytest.mark.parametrize("name", [name for name in CALLS if name not in AS_WIDE_AS_THEIR_RANK])
def test_batched(name: str) -> None:
    f, x = CALLS[name][0]
    slope, many = nz.grad(weighted(f, x)), np.stack([x, x * 1.01])
    np.testing.assert_allclose(nz.vmap(slope)(many), [slope(each) for each in many], rtol=1e-9, atol=1e-11)


def test_every_rule_is_called_above() -> None:
    own = {f.__name__ for f in scipy_table.FUNCTIONS if f.__module__.startswith("scipy.linalg")}
    assert own == {*CALLS, "null_space"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: sl.null_space(x), "projection onto it"),
        (lambda x: sl.polar(x)[0], "Take side='left'"),
        (lambda x: sl.pinv(x, atol=0.1), r"pinv\(atol=\) cannot be traced"),
        (lambda x: sl.eigh(x[:, :3], type=2)[0], "type=2"),
        (lambda x: sl.eig(x[:, :3], left=True)[0], "left=True"),
        (lambda x: sl.eigh(x[:, :3], subset_by_value=(0, 1))[0], r"eigh\(subset_by_value=\)"),
        (lambda x: sl.qr(x, mode="raw")[0], "mode='raw'"),
    ],
)
def test_what_is_not_unique_is_refused(call: Callable[[Any], Any], message: str) -> None:
    with pytest.raises((NoRuleError, TraceError), match=message):
        nz.grad(lambda x: np.sum(call(x)))(A)


def test_complex_matrices() -> None:
    Z = M + 1j * C

    def f(x: Any, y: Any) -> Any:
        z = x + 1j * y
        total = sl.expm(z / 4)[0, 1] + sl.logm(z)[1, 0] + sl.sqrtm(z)[0, 0] + sl.solve(z, v)[0]
        total = total + sl.solve_triangular(z, v, trans="C")[0] + np.sum(sl.polar(z)[0] ** 2)
        total = total + np.sum(sl.lu_solve(sl.lu_factor(z), v, trans=2)) + sl.cosm(z / 4)[0, 0]
        return np.abs(total) + np.sum(np.abs(sl.eigh(z @ z.conj().T, P)[1]) ** 3)

    assert f(Z.real, Z.imag) == pytest.approx(nz.value_and_grad(f)(Z.real, Z.imag)[0], rel=1e-12)
    nz.check_gradients(f, Z.real, Z.imag)


def test_exponential_of_a_linear_system() -> None:
    """A matrix exponential as the solution of an equation in time, fitted to where it ends."""
    start, times = np.array([1.0, 0.0, -0.5]), np.linspace(0.1, 1.0, 4)
    seen = np.stack([sl.expm(C * t) @ start for t in times])

    def loss(K: Any) -> Any:
        return sum(np.sum((sl.expm(K * t) @ start - y) ** 2) for t, y in zip(times, seen, strict=True))

    nz.check_gradients(loss, 0.8 * C)
    np.testing.assert_allclose(nz.jit(nz.grad(loss))(0.8 * C), nz.grad(loss)(0.8 * C), rtol=1e-9)
    np.testing.assert_allclose(nz.grad(loss)(C), np.zeros((3, 3)), atol=1e-12)
