"""Complex numbers under jit: as pairs of real ones, in machine code or in calls of NumPy."""

from __future__ import annotations

import pathlib
import runpy
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nazad as nz

those = SimpleNamespace(**runpy.run_path(str(pathlib.Path(__file__).with_name("test_complex.py"))))
rng = np.random.default_rng(23)
z, A = those.z, those.A


def same(compiled: Any, interpreted: Any, near: float = 1e-13) -> None:
    assert type(compiled) is type(interpreted)
    a, b = np.asarray(compiled), np.asarray(interpreted)
    assert (a.shape, a.dtype) == (b.shape, b.dtype)
    np.testing.assert_allclose(a, b, rtol=near, atol=near)


@pytest.mark.parametrize("k", range(len(those.CALLS)))
def test_value_and_gradient(k: int) -> None:
    f = those.CALLS[k]
    weights = those.complexes(*np.shape(f(z)))

    def loss(z: Any) -> Any:
        return np.sum((f(z) * weights).real), f(z)

    transform = nz.value_and_grad(loss, has_aux=True)
    (value, aux), gradient = transform(z)
    (value_, aux_), gradient_ = nz.jit(transform)(z)
    near = 1e-12 if k != 24 else 1e-5  # single precision in between
    same(value_, value, near)
    same(aux_, aux, near)
    same(gradient_, gradient, near)


NUMBERS = [
    3 - 4j,
    np.complex64(1 + 2j),
    np.complex128(1 + 2j),
    np.array(2j),
    np.zeros((0, 2), complex),
    z[::-1],
]


@pytest.mark.parametrize("x", [*NUMBERS, z.astype(np.complex64), np.asfortranarray(A)], ids=repr)
def test_kinds_of_numbers(x: Any) -> None:
    """Arguments and results are what they are interpreted: of Python, of NumPy, in either precision."""
    for f in (lambda z: z, lambda z: z * (2 - 1j), lambda z: z * np.float32(2), lambda z: abs(z), np.conj):
        fast = nz.jit(f)
        for _ in range(2):
            same(fast(x), f(x), 1e-6)
        assert len(fast.variants) == 1


def test_numbers_of_both_kinds_at_once() -> None:
    def f(x: Any, z: Any, n: int, p: complex) -> Any:
        return x * z + n * p, (z * p).real, x**n

    fast = nz.jit(f)
    for args in ((2.0, z, 3, 1j), (0.5, z * 2, 3, 2 - 1j)):
        for a, b in zip(fast(*args), f(*args), strict=True):
            same(a, b)


def test_no_operation_is_left_to_numpy_that_has_a_formula() -> None:
    def f(z: Any) -> Any:
        w = np.exp(1j * z) / (z + 2) + np.sqrt(z) * np.log(z) - z**3 + np.where(z.real > 0, z, z.conj())
        return np.sum(np.abs(A @ w) ** 2) + np.linalg.norm(w) + np.var(w)

    fast = nz.jit(nz.grad(f))
    same(fast(z), nz.grad(f)(z))
    assert "run in NumPy" not in str(fast.report())
    mixed = nz.jit(lambda z: np.abs(np.fft.fft(np.exp(z))))
    same(mixed(z), np.abs(np.fft.fft(np.exp(z))))
    assert "fft" in str(mixed.report()).partition("run in NumPy")[2]


def test_branches_on_complex_numbers() -> None:
    def f(z: Any) -> Any:
        return z / abs(z) if z else z + 1 if z == 0 else z

    fast = nz.jit(f)
    for x in (np.complex128(3 + 4j), np.complex128(0), np.complex128(-1j)):
        same(fast(x), f(x))
    assert len(fast.variants) == 2


def test_a_loop_with_a_complex_state_is_found_again() -> None:
    def f(c: Any) -> Any:
        w = 0 * c
        for _ in range(40):
            w = w * w * 0.5 + c
        return np.sum(np.abs(w) ** 2)

    c = 0.3 * those.complexes(5)
    fast = nz.jit(nz.value_and_grad(f))
    value, gradient = nz.value_and_grad(f)(c)
    same(fast(c)[0], value)
    same(fast(c)[1], gradient)
    assert "loop" in str(fast.report())


def test_rows_and_second_derivatives() -> None:
    rows = those.complexes(4, 3)
    many = nz.vmap(nz.grad(lambda z: np.sum(np.abs(np.sin(z)))))
    same(nz.jit(many)(rows), many(rows))

    def product(z: Any, d: Any) -> Any:
        return nz.hvp(lambda z: np.sum(np.abs(A @ z) ** 3), (z,), (d,))

    same(nz.jit(product)(z, rows[0]), product(z, rows[0]))


def test_calls_within_calls() -> None:
    """Several operations in NumPy, one after another, and with parts that are native in between."""

    def f(z: Any, x: Any) -> Any:
        spectrum = np.fft.fft(z) * np.exp(1j * x)
        return np.fft.ifft(np.tanh(spectrum)).real, np.fft.irfft(np.fft.rfft(x), 3) + np.max(z).imag

    x = rng.normal(size=3)
    for a, b in zip(nz.jit(f)(z, x), f(z, x), strict=True):
        same(a, b)


parts = st.sampled_from([0.0, -0.0, 0.5, -0.5, 1.0, -3.0, 1e-160, -1e-160, 1e160])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(parts, parts), min_size=8, max_size=8),
    st.lists(st.tuples(parts, parts), min_size=8, max_size=8),
)
def test_finite_numbers_at_the_edges(a: Any, b: Any) -> None:
    """Where NumPy's value is finite, so is ours, and near it; zeros keep their signs on cuts."""
    a, b = (np.array([complex(*pair) for pair in x]) for x in (a, b))
    with np.errstate(all="ignore"):
        for found, expected in zip(EDGES_COMPILED(a, b), edges(a, b), strict=True):
            finite = np.isfinite(expected)
            np.testing.assert_allclose(found[finite], expected[finite], rtol=1e-13, atol=0)


def edges(a: Any, b: Any) -> Any:
    root = np.sqrt(a)
    return (
        a / b,
        root,
        np.abs(a),
        np.angle(a),
        1 / b,
        np.log(a).imag,
        np.tanh(a),
        np.tan(b),
        a == b,
        a.real * b,
    )


EDGES_COMPILED = nz.jit(edges)


def test_what_is_written_in_place() -> None:
    """Entries, parts and slices: all native, and the same as by differences."""

    def f(z: Any) -> Any:
        y = np.zeros(4, complex)
        y[1:] = z * z[::-1]
        y.real[2] = 0.5
        y.imag *= 2
        y[[0, 3]] += 1j * z[:2]
        return np.sum(np.abs(y) ** 2)

    assert nz.check_gradients(f, z).ok
    fast = nz.jit(nz.grad(f))
    same(fast(z), nz.grad(f)(z))
    assert "run in NumPy" not in str(fast.report())


def test_sparse_matrices_of_complex_numbers() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    S = sparse.csr_array(np.array([[1, 2j, 0], [0, 3.0, 1 + 1j]]))

    def f(S: Any, z: Any) -> Any:
        return np.sum(np.abs(S @ z) ** 2)

    dense = S.toarray()
    by_entry, by_z = nz.grad(f, (0, 1))(S, z)
    compiled_by_entry, compiled_by_z = nz.jit(nz.grad(f, (0, 1)))(S, z)
    same(compiled_by_entry.data, by_entry.data)
    same(compiled_by_z, by_z)
    np.testing.assert_allclose(by_z, 2 * dense.T @ (dense @ z).conj(), rtol=1e-14)
    np.testing.assert_allclose(by_entry.toarray()[0, 0], 2 * (dense @ z).conj()[0] * z[0], rtol=1e-14)


def scanned(z: Any) -> Any:
    def step(carry: Any, x: Any) -> Any:
        a, size = carry
        new = a * np.exp(1j * np.abs(x)) + x.conj()
        return (new, size + np.abs(new[0])), (new * a, size)

    (a, size), (ys, sizes) = nz.scan(step, (z, 1.0), np.stack([z, z * 2, z.conj()]))
    return np.sum(np.abs(a) ** 2) + np.sum(ys.real) * size + sizes.sum()


def nested(z: Any) -> Any:
    def outer(i: Any, c: Any) -> Any:
        return nz.fori_loop(0, 2, lambda j, d: d * 0.5j + c * z, c)

    return np.abs(np.sum(nz.fori_loop(0, 3, outer, z)))


def of_one_number(z: Any) -> Any:
    return np.abs(nz.fori_loop(0, 5, lambda i, c: c * c * np.complex64(0.5) + z[0], z[1]))


@pytest.mark.parametrize("f", [scanned, nested, of_one_number])
@pytest.mark.parametrize("dtype", [np.complex128, np.complex64])
def test_loops_with_complex_carries(f: Any, dtype: Any) -> None:
    point = (0.4 * z).astype(dtype)
    transform = nz.value_and_grad(f)
    fast = nz.jit(transform)
    for a, b in zip(fast(point), transform(point), strict=True):
        same(a, b, 1e-12 if dtype is np.complex128 else 1e-5)
    assert "run in NumPy" not in str(fast.report())
    assert "loop of" in str(fast.report())
