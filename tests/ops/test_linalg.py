"""Linear algebra where it is not smooth, not unique, singular, empty, complex or single precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nazad as nz

la = np.linalg
rng = np.random.default_rng(5)
M = rng.normal(size=(3, 3))
S = M @ M.T + np.diag([1.0, 2.0, 3.0])
one = np.eye(3)
rank_one = np.outer([1.0, 2.0, 3.0], [1.0, 1.0, 2.0])
rank_two = rank_one + np.outer([1.0, 0.0, 1.0], [0.0, 1.0, 1.0])


def adjugate(A: Any) -> Any:
    """Transposed: by definition, minor by minor."""
    n = len(A)
    minors = [[la.det(np.delete(np.delete(A, i, 0), j, 1)) for j in range(n)] for i in range(n)]
    return np.array(minors) * (-1.0) ** np.add.outer(np.arange(n), np.arange(n))


# --- determinants
@pytest.mark.parametrize("A", [M, rank_two, rank_one, np.zeros((3, 3)), one])
def test_a_determinant_has_the_adjugate_for_gradient(A: Any) -> None:
    np.testing.assert_allclose(nz.grad(la.det)(A), adjugate(A), atol=1e-14)
    np.testing.assert_allclose(nz.jit(nz.grad(la.det))(A), adjugate(A), atol=1e-14)


@pytest.mark.parametrize("A", [M, rank_two, rank_one, np.zeros((3, 3)), one])
def test_second_derivatives_of_a_determinant_exist_everywhere(A: Any) -> None:
    H = nz.hessian(la.det)(A)
    h, E = 1e-6, rng.normal(size=(3, 3))
    difference = (adjugate(A + h * E) - adjugate(A - h * E)) / (2 * h)
    np.testing.assert_allclose(np.tensordot(H, E), difference, atol=1e-8)


def test_third_derivatives_of_a_determinant_take_an_inverse() -> None:
    third = nz.jacobian(nz.hessian(la.det))
    assert third(M)[0, 0, 1, 1, 2, 2] == pytest.approx(1.0)
    assert third(M)[0, 0, 1, 2, 2, 1] == pytest.approx(-1.0)
    with pytest.raises(la.LinAlgError):
        third(rank_one)


# --- one triangle is read
@pytest.mark.parametrize(
    "f",
    [la.cholesky, la.eigvalsh, lambda A: la.eigh(A)[1], lambda A: la.pinv(A, hermitian=True)],
)
def test_derivatives_are_of_the_triangle_that_is_read(f: Callable[[Any], Any]) -> None:
    weights = rng.normal(size=np.shape(f(S)))
    gradient = nz.grad(lambda A: np.sum(weights * f(A)))
    slope = gradient(S)
    assert np.array_equal(slope, np.tril(slope))
    through_factors = nz.grad(lambda B: np.sum(weights * f(B @ B.T + one)))(M)
    symmetric = gradient(M @ M.T + one)
    np.testing.assert_allclose(through_factors, (symmetric + symmetric.T) @ M, rtol=1e-10)


# --- equal values
def test_functions_of_a_spectrum_are_smooth_where_eigenvalues_meet() -> None:
    for A in (one, np.diag([1.0, 1.0, 2.0])):
        np.testing.assert_allclose(nz.grad(lambda A: np.sum(la.eigvalsh(A) ** 2))(A), 2 * A, atol=1e-14)
        np.testing.assert_allclose(nz.grad(lambda A: np.sum(la.eigh(A)[0]))(A), one, atol=1e-14)
        np.testing.assert_allclose(nz.grad(lambda A: np.sum(la.svd(A)[1]))(A), one, atol=1e-14)
        np.testing.assert_allclose(nz.grad(lambda A: la.norm(A, "nuc"))(A), one, atol=1e-14)


def test_vectors_of_equal_values_have_no_derivative_and_the_others_have() -> None:
    A = np.diag([1.0, 1.0, 2.0])
    for vectors in (lambda A: la.eigh(A)[1], lambda A: la.eig(A)[1], lambda A: la.svd(A)[0][:, ::-1]):
        assert np.isnan(nz.grad(lambda A, v=vectors: np.sum(v(A)[:, :2] ** 3))(A)).any()
        gradient = nz.grad(lambda A, v=vectors: np.sum(v(A)[:, 2] ** 3 + v(A)[:, 2]))(A)
        assert np.isfinite(gradient).all()
        assert np.isfinite(nz.jvp(vectors, (A,), (M,))[1][:, 2]).all()
        assert np.isnan(nz.jvp(vectors, (A,), (M,))[1][:, :2]).all()
        np.testing.assert_array_equal(nz.jit(nz.grad(lambda A, v=vectors: v(A)[0, 2]))(A) * 0, 0)


# --- what completes a basis
def test_columns_that_complete_a_basis_have_no_derivative() -> None:
    B = rng.normal(size=(4, 2))
    for columns in (lambda B: la.svd(B)[0], lambda B: la.qr(B, "complete")[0]):
        assert np.isnan(nz.grad(lambda B, q=columns: np.sum(q(B) ** 3))(B)).all()
        nz.check_gradients(lambda B, q=columns: np.sum(q(B)[:, :2] ** 3), B)


# --- singular and rank-deficient
def test_norms_have_gradient_zero_at_zero() -> None:
    zero = np.zeros((3, 3))
    for order in ("fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf):
        np.testing.assert_array_equal(nz.grad(lambda A, p=order: la.norm(A, p))(zero), zero)
    np.testing.assert_array_equal(nz.grad(lambda A: np.sum(la.svd(A)[1]))(zero), zero)
    for order in (2, 1, 3, np.inf, -np.inf):
        np.testing.assert_array_equal(nz.grad(lambda x, p=order: la.norm(x, p))(zero[0]), zero[0])


def test_pseudoinverses_move_within_their_rank() -> None:
    """Along matrices of the same rank, which is all that a derivative can be of."""
    left, right, b = rng.normal(size=(4, 2)), rng.normal(size=(2, 3)), rng.normal(size=4)
    for f in (
        lambda L, R: np.sum(la.pinv(L @ R, 1e-10) ** 2),
        lambda L, R: np.sum(la.lstsq(L @ R, b, 1e-10)[0] ** 3),
    ):
        nz.check_gradients(f, left, right)


def test_singular_matrices_raise_where_a_derivative_needs_the_inverse() -> None:
    for f in (lambda A: la.slogdet(A)[1], lambda A: la.inv(A)[0, 0], lambda A: la.qr(A)[0][0, 0]):
        with pytest.raises(la.LinAlgError):
            nz.grad(f)(np.diag([1.0, 2.0, 0.0]))


# --- kinds of numbers
C = M + 1j * rng.normal(size=(3, 3))
H = C @ C.conj().T + one


@pytest.mark.parametrize(
    "f",
    [
        lambda A: np.sum(np.abs(la.eigh(A)[1]) ** 4),
        lambda A: np.sum(np.abs(la.eigh(A)[1][:, :1] @ la.eigh(A)[1][:, :1].conj().T) ** 3),
        lambda A: np.sum(np.abs(la.svd(A)[0]) ** 4 + np.abs(la.svd(A)[2]) ** 3),
        lambda A: np.sum(np.abs(la.svd(A)[0][:, :1] @ la.svd(A)[2][:1] + 1) ** 3),
        lambda A: np.sum(np.abs(la.svd(A[:2], full_matrices=False)[2]) ** 3),
    ],
)
def test_what_does_not_depend_on_phases_has_a_derivative(f: Callable[[Any], Any]) -> None:
    def of_parts(x: Any, y: Any) -> Any:
        return f(x + 1j * y)

    nz.check_gradients(of_parts, H.real.copy(), H.imag.copy())
    slope = nz.grad(of_parts, argnums=(0, 1))
    nz.check_gradients(lambda x, y: sum(np.sum(np.cos(g)) for g in slope(x, y)), H.real.copy(), H.imag.copy())


def test_eigenvalues_of_a_real_matrix_may_be_complex() -> None:
    turn = np.array([[0.3, 1.0], [-1.2, 0.1]])
    nz.check_gradients(lambda A: np.sum(np.abs(la.eigvals(A)) ** 3), turn)
    nz.check_gradients(lambda A: np.sum(la.eig(A)[1].imag ** 3), turn)
    fast = nz.jit(lambda A: np.sum(np.abs(la.eigvals(A)) ** 3))
    for A in (turn, np.diag([1.0, 2.0]), turn, np.diag([2.0, 1.0])):
        np.testing.assert_allclose(fast(A), np.sum(np.abs(la.eigvals(A)) ** 3))


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "solve": lambda A: np.sum(la.solve(A, A[..., :1]) * A),
    "inv": lambda A: np.sum(la.inv(A)),
    "det": lambda A: np.sum(la.det(A)),
    "slogdet": lambda A: np.sum(la.slogdet(A)[1]),
    "cholesky": lambda A: np.sum(la.cholesky(A)),
    "qr": lambda A: np.sum(la.qr(A)[0]) + np.sum(la.qr(A)[1]),
    "eigh": lambda A: np.sum(la.eigh(A)[0] ** 2) + np.sum(la.eigh(A)[1] ** 3),
    "eigvals": lambda A: np.sum(la.eigvals(A).real ** 2),
    "svd": lambda A: np.sum(la.svd(A)[0] ** 3) + np.sum(la.svd(A)[2] ** 3),
    "svdvals": lambda A: np.sum(la.svdvals(A) ** 2),
    "pinv": lambda A: np.sum(la.pinv(A)),
    "power": lambda A: np.sum(la.matrix_power(A, -3)),
    "nuc": lambda A: np.sum(la.matrix_norm(A, ord="nuc")),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@given(st.sampled_from([(), (2,), (0,), (2, 1)]), st.integers(0, 3), st.booleans())
@settings(max_examples=8, deadline=None)
def test_stacks_of_any_shape_keep_their_precision(
    name: str, stack: tuple[int, ...], n: int, single: bool
) -> None:
    draw = np.random.default_rng(n).normal(size=(*stack, n, n))
    A = draw @ draw.swapaxes(-1, -2) + np.diag(np.arange(1.0, n + 1))
    A = A.astype(np.float32) if single else A
    f = FUNCTIONS[name]
    value, gradient = nz.value_and_grad(f)(A)
    assert value.dtype == gradient.dtype == A.dtype
    assert gradient.shape == A.shape
    direction = np.random.default_rng(1).normal(size=A.shape).astype(A.dtype)
    exact = float(np.vdot(nz.grad(f)(A.astype(float)), direction))
    tolerance = 1e-2 if single else 1e-10
    assert float(np.vdot(gradient, direction)) == pytest.approx(exact, rel=tolerance, abs=tolerance)
    assert nz.jvp(f, (A,), (direction,))[1] == pytest.approx(exact, rel=tolerance, abs=tolerance)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_rows_of_a_batch_are_as_single_ones(name: str) -> None:
    f, many = nz.grad(FUNCTIONS[name]), np.stack([S, 2 * S, S + one])
    np.testing.assert_allclose(nz.vmap(f)(many), [f(A) for A in many], rtol=1e-12, atol=1e-14)


def test_a_vector_is_no_stack_of_matrices() -> None:
    assert nz.vmap(la.solve)(np.stack([S, S]), np.ones((2, 3))).shape == (2, 3)
    assert nz.vmap(la.solve, in_axes=(None, 0))(S, np.ones((2, 3))).shape == (2, 3)
    assert nz.vmap(la.solve, in_axes=(0, None))(np.stack([S, S]), np.ones((3, 2))).shape == (2, 3, 2)
