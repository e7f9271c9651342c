"""Complex numbers: the convention in closed forms, and NumPy's functions of them held to differences.

The gradient of a real function of z = x + iy is f_x - i f_y, so that it is the derivative where f is the real
part of a holomorphic function. Cotangents are paired with tangents by Re(sum(x_bar * x_dot)).
"""

from __future__ import annotations

import cmath
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nazad as nz
from nazad.errors import ArgumentError

rng = np.random.default_rng(19)


def complexes(*shape: int) -> Any:
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


z = complexes(3)
x = rng.normal(size=3)
A, B = complexes(3, 3), complexes(3, 3)


# --- the convention
REAL: list[tuple[Callable[[Any], Any], Callable[[Any], Any]]] = [
    (lambda z: np.sum(np.abs(z) ** 2), lambda z: 2 * z.conj()),
    (lambda z: np.sum((z * np.conj(z)).real), lambda z: 2 * z.conj()),
    (lambda z: np.vdot(z, z).real, lambda z: 2 * z.conj()),
    (lambda z: np.sum(z.real**2 + z.imag**2), lambda z: 2 * z.conj()),
    (lambda z: np.linalg.norm(z), lambda z: z.conj() / np.linalg.norm(z)),
    (lambda z: np.sum(np.abs(z)), lambda z: z.conj() / np.abs(z)),
    (lambda z: np.sum(z.real), lambda z: np.ones(3, complex)),
    (lambda z: np.sum(z.imag), lambda z: np.full(3, -1j)),
    (lambda z: np.sum(np.angle(z)), lambda z: -1j / z),
    (lambda z: np.sum(np.exp(z)).real, lambda z: np.exp(z)),
    (lambda z: np.sum(np.exp(z)).imag, lambda z: -1j * np.exp(z)),
    (lambda z: np.var(z) * 3, lambda z: 2 * (z - z.mean()).conj()),
    (lambda z: np.sum(np.log(np.abs(z))), lambda z: 1 / z),
    (lambda z: np.sum(np.sign(z)).real, lambda z: (1 - (z.conj() / np.abs(z)) ** 2) / (2 * np.abs(z))),
]


@pytest.mark.parametrize(("f", "closed"), REAL)
def test_gradient_of_a_real_function(f: Callable[[Any], Any], closed: Callable[[Any], Any]) -> None:
    np.testing.assert_allclose(nz.grad(f)(z), closed(z), rtol=1e-13, atol=1e-13)
    value, gradient = nz.value_and_grad(f)(z)
    assert value == f(z)
    assert gradient.dtype == np.complex128


def test_gradient_of_a_holomorphic_function_is_its_derivative() -> None:
    gradient = nz.grad(lambda z: np.sum(z**3 + np.sin(z)), holomorphic=True)(z)
    np.testing.assert_allclose(gradient, 3 * z**2 + np.cos(z), rtol=1e-14)
    assert nz.grad(lambda z: z**3, holomorphic=True)(1 + 1j) == 6j
    np.testing.assert_allclose(nz.jacobian(lambda z: A @ z**2, holomorphic=True)(z), 2 * A * z, rtol=1e-14)
    np.testing.assert_allclose(
        nz.hessian(lambda z: np.sum(z**3), holomorphic=True)(z), np.diag(6 * z), rtol=1e-14
    )


def test_a_cotangent_of_a_real_argument_is_real() -> None:
    gradient = nz.grad(lambda x: np.sum(np.exp(1j * x) * z).real)(x)
    np.testing.assert_allclose(gradient, (1j * np.exp(1j * x) * z).real, rtol=1e-14)
    assert gradient.dtype == np.float64
    assert type(nz.grad(lambda x: abs(np.exp((1 + 1j) * x)))(0.5)) is float


def test_jacobians_where_only_one_side_is_complex() -> None:
    np.testing.assert_allclose(nz.jacobian(lambda x: A @ x)(x), A, rtol=1e-15)
    by_complex = nz.jacobian(lambda z: np.abs(z) ** 2)(z)
    np.testing.assert_allclose(by_complex, np.diag(2 * z.conj()), rtol=1e-14)


def test_products_along_directions() -> None:
    d = complexes(3)
    assert np.allclose(nz.jvp(np.conj, (z,), (d,))[1], d.conj())
    assert np.allclose(nz.vjp(np.conj, z)[1](d)[0], d.conj())
    assert np.allclose(nz.jvp(np.abs, (z,), (d,))[1], (z.conj() * d).real / np.abs(z))
    assert np.allclose(nz.vjp(lambda z: z**2, z)[1](d)[0], 2 * z * d)
    product = nz.hvp(lambda z: np.sum(np.abs(z) ** 4), (z,), (d,))
    exact = 8 * (z.conj() * d).real * z.conj() + 4 * np.abs(z) ** 2 * d.conj()
    np.testing.assert_allclose(product, exact, rtol=1e-13)


def test_derivatives_at_zero() -> None:
    """Where there is none, the subgradient of least norm, as for real numbers."""
    zero = np.zeros(2, complex)
    for f in (lambda z: np.sum(np.abs(z)), lambda z: np.linalg.norm(z), lambda z: np.std(z)):
        assert nz.grad(f)(zero).tolist() == [0, 0]
    guarded = nz.grad(lambda z: np.sum(np.where(z == 0, 0, 1 / np.where(z == 0, 1, z))).real)
    np.testing.assert_array_equal(guarded(np.array([0, 2j])), [0, 0.25])


# --- NumPy's functions of complex numbers
CALLS: list[Callable[[Any], Any]] = [
    lambda z: z + 1j * z.real - z.imag * (2 - 1j),
    lambda z: z.conj() * np.conjugate(z**2),
    lambda z: np.real(z) * np.imag(z) + 1j * z,
    lambda z: 1 / z + z**-1 + z**2 + z**0.5 + z**3 + z ** (1 - 2j) + 2**z + (1 + 1j) ** z,
    lambda z: np.sqrt(z) + np.log(z) * np.log2(z) - np.log10(z) * np.log1p(z) + np.expm1(z) + np.exp2(z),
    lambda z: np.sin(z) + np.cos(z) * np.tan(z) + np.sinh(z) - np.cosh(z) / np.tanh(z),
    lambda z: np.arcsin(z) + np.arccos(z) * np.arctan(z) + np.arcsinh(z) - np.arccosh(z) / np.arctanh(z),
    lambda z: np.square(z) + np.reciprocal(z) + np.sinc(z),
    lambda z: np.sign(z) * np.abs(z) + np.angle(z, deg=True),
    lambda z: z / (1 + np.abs(z)) + np.nan_to_num(z),
    lambda z: np.maximum(z, 0.5j) + np.minimum(z, z[0]) + np.clip(z, -1, 1),
    lambda z: np.sort(z)[::-1] * z[np.argsort(z)],
    lambda z: np.real_if_close(z) + np.real_if_close(z + 1j * 0),
    lambda z: z * np.isreal(z) + z.real * np.iscomplex(z),
    lambda z: np.sum(z) + np.prod(z) + np.mean(z) + np.var(z) * np.std(z),
    lambda z: np.cumsum(z) * np.cumprod(z) + np.max(z) - np.min(z),
    lambda z: np.where(z.real > 0, z, 2j) + np.where(z.imag > 0, z.real, z),
    lambda z: np.concatenate([z, z.real, [1j]])[1:] * np.stack([z, z.conj()])[:, :1].ravel()[0],
    lambda z: A @ z + z @ B + np.dot(z, A) - A @ z.real,
    lambda z: np.vdot(z, A @ z) + np.inner(z, z) + np.outer(z, z.conj()) + np.kron(z, z)[:3],
    lambda z: np.einsum("i,ij,j->", z.conj(), A, z) + np.tensordot(A, z, 1) + np.trace(np.outer(z, z)),
    lambda z: np.vecdot(z, 1j * z),
    lambda z: np.linalg.norm(z) + np.linalg.norm(z, 1) + np.linalg.norm(z, 3) + np.linalg.norm(z, np.inf),
    lambda z: np.linalg.norm(np.outer(z, z)) + np.cross(z, A[0]),
    lambda z: z.astype(np.complex64).astype(complex) + z.real.astype(complex) * z,
    lambda z: np.average(z, weights=np.abs(z)) + np.diff(z) @ z[:2],
    lambda z: np.full_like(z, 2j) * np.zeros_like(z) + np.ones_like(z) * z + np.pad(z, 1)[1:-1],
]


def re(a: Any, b: Any) -> float:
    return float(np.sum(a * b).real)


@pytest.mark.parametrize("k", range(len(CALLS)))
def test_value_push_and_pull(k: int) -> None:
    f = CALLS[k]
    expected = np.asarray(f(z))
    y, pullback = nz.vjp(f, z)
    np.testing.assert_allclose(y, expected, rtol=1e-14)
    assert y.dtype == expected.dtype
    y_bar = complexes(*expected.shape) if np.iscomplexobj(expected) else rng.normal(size=expected.shape)
    d, h = complexes(3), 1e-6
    difference = re(y_bar, (f(z + h * d) - f(z - h * d)) / (2 * h))
    tolerance = {"rtol": 1e-6, "atol": 1e-6} if k != 24 else {"rtol": 1e-1}  # single precision in between
    np.testing.assert_allclose(re(pullback(y_bar)[0], d), difference, **tolerance)
    np.testing.assert_allclose(re(y_bar, nz.jvp(f, (z,), (d,))[1]), difference, **tolerance)


@pytest.mark.parametrize("k", [0, 4, 8, 18])
def test_rows(k: int) -> None:
    rows = complexes(4, 3)
    np.testing.assert_allclose(nz.vmap(CALLS[k])(rows), [CALLS[k](row) for row in rows], rtol=1e-14)


@pytest.mark.parametrize("a", [z, x, z.astype(np.complex64), x.astype(np.float32)])
def test_precision_is_kept(a: Any) -> None:
    value, gradient = nz.value_and_grad(lambda a: np.sum(np.abs(a * (1 + 2j) * np.exp(1j * a)) ** 2))(a)
    assert gradient.dtype == a.dtype
    assert value.dtype == a.real.dtype


def test_explained() -> None:
    told = str(nz.explain(lambda z: np.abs(z * 1j), 3 - 4j))
    assert "1 × (0.8-0.6j) = (0.8-0.6j)" in told
    assert "(0.8-0.6j) × (0+1j) = (0.6+0.8j)" in told
    with pytest.raises(ArgumentError, match="a gradient is that of a real one"):
        nz.explain(lambda z: z * 1j, 3 - 4j)


def test_what_is_not_there() -> None:
    with pytest.raises(ArgumentError, match=r"sparse Jacobian met complex numbers. Take nz.jacobian"):
        nz.sparse_jacobian(lambda z: z**2)(z)
    with pytest.raises(ArgumentError, match="no real floating-point number"):
        nz.minimize(lambda z: np.sum(np.abs(z) ** 2), z)


def test_python_numbers() -> None:
    assert nz.grad(lambda z: z.real**2 + z.imag**2)(3 + 4j) == 6 - 8j
    assert type(nz.grad(lambda z: (z * z).real)(1 + 2j)) is complex
    assert nz.jvp(lambda z: z * z, (1j,), (1.0,))[1] == 2j


def through_cmath(x: Any, y: Any) -> Any:
    z = complex(x, y)
    r, phi = cmath.polar(cmath.exp(z) / cmath.sqrt(z))
    w = cmath.rect(r, cmath.phase(z) * phi) + cmath.log(z, 2) * cmath.tanh(complex(x))
    return (w * w.conjugate()).real + abs(w) if cmath.isfinite(w) else 0.0


def test_pythons_functions_of_complex_numbers() -> None:
    value, gradient = nz.value_and_grad(through_cmath, argnums=(0, 1))(0.7, -1.2)
    np.testing.assert_allclose(value, through_cmath(0.7, -1.2), rtol=1e-14)
    assert nz.check_gradients(through_cmath, 0.7, -1.2).ok
    np.testing.assert_allclose(nz.jit(nz.grad(through_cmath, (0, 1)))(0.7, -1.2), gradient, rtol=1e-13)
    with pytest.raises(ValueError, match="math domain error"):
        nz.grad(lambda z: cmath.log(z).real)(0j)
    with pytest.raises(TypeError, match="not 'complex'"):
        nz.grad(lambda z: float(z))(1j)
