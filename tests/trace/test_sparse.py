"""SciPy's sparse matrices in traced code: as constants, and by their stored entries."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as linalg
from hypothesis import given
from hypothesis import strategies as st

import nazad as nz
from nazad.errors import ArgumentError, ShapeError, TraceError

rng = np.random.default_rng(4)
FORMATS = ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")
CLASSES = [getattr(sp, f"{form}_{kind}") for form in FORMATS for kind in ("array", "matrix")]
TRACED = CLASSES[:6]
D = np.array([[0.0, 0.7, 0.0], [0.3, 0.0, 1.2], [0.0, 0.0, 0.0], [2.0, 0.5, 0.9]])
x, y, X = rng.normal(size=3), rng.normal(size=4), rng.normal(size=(3, 2))


def moved(A: Any, k: int, h: float) -> Any:
    B = A.copy()
    B.data[k] += h
    return B


def differences(f: Callable[[Any], Any], A: Any) -> np.ndarray:
    h = 1e-6
    return np.array([(f(moved(A, k, h)) - f(moved(A, k, -h))) / (2 * h) for k in range(A.nnz)])


def same(a: Any, b: Any) -> None:
    """Equal numbers; of matrices, equal places and class, too."""
    if sp.issparse(a):
        assert type(a) is type(b)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a.nonzero(), b.nonzero())
        a, b = a.data, b.data
    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


# --- constants
PRODUCTS = {
    "A @ x": (lambda A, x: A @ x, x),
    "A @ X": (lambda A, x: A @ x, X),
    "y @ A": (lambda A, x: x @ A, y),
    "Y @ A": (lambda A, x: x @ A, rng.normal(size=(2, 4))),
    "A.T @ y": (lambda A, x: A.T @ x, y),
    "scaled": (lambda A, t: ((A * t + (2 * t) * A) / t - A) @ (t * t * X), np.array(1.5)),
}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda c: c.__name__)
@pytest.mark.parametrize("name", PRODUCTS)
def test_products_with_a_constant(kind: Any, name: str) -> None:
    f, at = PRODUCTS[name]

    def loss(A: Any, x: Any) -> Any:
        return np.sum(np.sin(f(A, x)))

    A = kind(D)
    value, gradient = nz.value_and_grad(loss, argnums=1)(A, at)
    expected = nz.value_and_grad(loss, argnums=1)(D, at)
    same(value, loss(A, at))
    same((value, *np.ravel(gradient)), (expected[0], *np.ravel(expected[1])))
    if kind in TRACED[:3]:
        compiled = nz.jit(nz.value_and_grad(lambda x: loss(A, x)))(at)
        np.testing.assert_allclose(compiled[1], gradient, rtol=1e-12)


@pytest.mark.parametrize("kind", [sp.csr_array, sp.coo_array, sp.csc_matrix])
def test_constant_in_every_transform(kind: Any) -> None:
    A = kind(D)
    same(nz.jacobian(lambda x: A @ x)(x), D)
    same(nz.hessian(lambda x: np.sum((A @ x) ** 2))(x), 2 * D.T @ D)
    same(nz.jvp(lambda x: A @ x, (x,), (x,))[1], D @ x)
    same(nz.vmap(lambda x: A @ x)(X.T), X.T @ D.T)
    same(
        nz.vmap(lambda y: A.T @ np.outer(y, x))(np.stack([y, 2 * y])),
        np.stack([D.T @ np.outer(y, x)] * 2).T.T * np.array([1, 2])[:, None, None],
    )


def test_parts_and_sums_of_a_constant_are_scipys() -> None:
    A = sp.csr_array(D)
    same(
        nz.grad(lambda x: A[1] @ x + np.sum(A[[3, 0]] @ x) + np.sum(A[:2] @ x))(x),
        D[1] + D[[3, 0]].sum(0) + D[:2].sum(0),
    )
    same(
        nz.grad(lambda x: np.sum(A.sum(axis=0) * x) + A.diagonal() @ x + np.sum(abs(A) @ x))(x),
        D.sum(0) + np.diag(D) + D.sum(0),
    )
    same(nz.grad(lambda x: np.sum(A.multiply(x) @ x))(x), 2 * D.sum(0) * x)
    same(nz.grad(lambda x: np.sum((A * x) @ x))(x), 2 * D.sum(0) * x)


@pytest.mark.parametrize("dtype", ["float32", "int32", "bool"])
def test_dtypes_are_numpys(dtype: str) -> None:
    A = sp.csr_array(D.astype(dtype))
    at = x.astype("float32")
    gradient = nz.grad(lambda x: np.sum(A @ x))(at)
    assert gradient.dtype == "float32"
    np.testing.assert_allclose(gradient, D.astype(dtype).sum(0), rtol=1e-6)
    assert nz.jit(lambda x: A @ x)(at).dtype == (A @ at).dtype


# --- by the stored entries
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "A @ x": lambda A: np.sum(np.sin(A @ x) * y),
    "A @ X": lambda A: np.sum(np.sin(A @ X)),
    "y @ A": lambda A: np.sum(np.sin(y @ A)),
    "A.T": lambda A: np.sum(np.tanh(A.T @ y)),
    "dot": lambda A: A.dot(x) @ y,
    "A.T @ A": lambda A: np.sum(((A.T @ A) @ x) ** 2),
    "multiply by rows": lambda A: np.sum(A.multiply(np.arange(3.0)) @ x),
    "multiply by columns": lambda A: np.sum(A.multiply(y[:, None]) @ x),
    "multiply by all": lambda A: np.sum(A.multiply(np.outer(y, x)) @ x),
    "multiply by a matrix": lambda A: np.sum(A.multiply(A) @ x),
    "A + B": lambda A: np.sum((A + 2 * A - A.multiply(3) / 2) @ x),
    "A + another": lambda A: np.sum((A + sp.csr_array(D > 0.6) - A) @ x),
    "sum": lambda A: np.sin(A.sum()),
    "mean": lambda A: np.sin(A.mean()) + A.mean(),
    "toarray": lambda A: np.sum(np.cos(A.toarray())),
    "diagonal": lambda A: np.sum(A.diagonal() ** 2) + A.diagonal(-2)[1] ** 2,
    "trace": lambda A: A.trace(),
    "power": lambda A: A.power(2).sum() + A.power(0.5).sum(),
    "sqrt": lambda A: A.sqrt().sum() + A.expm1().sum() + abs(-A).sum(),
    "data": lambda A: np.sum(np.log(A.data)),
    "formats": lambda A: np.sum((A.tocsc() @ x) * (A.tocsr() @ x) * (A.tocoo() @ x)),
    "slices": lambda A: np.sum(np.sin(A.tocsr()[1:4, [0, 2]] @ x[:2])) + A.tocsr()[3, 1] ** 2,
    "rows": lambda A: np.sum(np.sin(A.tocsr()[[3, 3, 0]] @ x)),
    "reshape": lambda A: np.sum(np.sin(A.reshape((6, 2)) @ x[:2])),
    "stacked": lambda A: np.sum(np.sin(sp.vstack([A, 2 * A, np.ones((1, 3))]) @ x)),
    "side by side": lambda A: np.sum(np.sin(sp.hstack([A, sp.eye_array(4), A]) @ np.arange(10.0))),
    "blocks": lambda A: np.sum(np.sin(sp.block_array([[A, None], [None, A]]) @ np.arange(6.0))),
    "triangle": lambda A: np.sum(np.sin(sp.tril(A, -1) @ x)) + sp.triu(A).sum(),
    "diagonals": lambda A: np.sum(np.sin(sp.diags_array([A.data[:3], 2 * A.data[3:5]], offsets=[0, -1]) @ x)),
}


@pytest.mark.parametrize("kind", TRACED, ids=lambda c: c.__name__)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivative_by_stored_entries(kind: Any, name: str) -> None:
    f, A = FUNCTIONS[name], kind(D)
    value, gradient = nz.value_and_grad(f)(A)
    same(value, f(A))
    same(gradient != 0, (gradient != 0).astype(bool))
    assert type(gradient) is kind
    assert gradient.shape == A.shape
    np.testing.assert_allclose(gradient.data, differences(f, A), rtol=1e-6, atol=1e-8)
    ones = A.copy()
    ones.data[:] = 1
    same(nz.jvp(f, (A,), (ones,))[1], gradient.data.sum())


@pytest.mark.parametrize("kind", TRACED, ids=lambda c: c.__name__)
@pytest.mark.parametrize(
    "name", ["A @ x", "A.T @ A", "A + B", "multiply by columns", "power", "formats", "rows", "stacked"]
)
def test_compiled_derivative_by_stored_entries(kind: Any, name: str) -> None:
    f, A = FUNCTIONS[name], kind(D)
    fast = nz.jit(nz.value_and_grad(f))
    for B in (A, kind(np.roll(D, 1, axis=1)), A):
        value, gradient = nz.value_and_grad(f)(B)
        compiled = fast(B)
        same(compiled[0], value)
        same(compiled[1], gradient)


def test_pattern_is_an_argument_of_compiled_code() -> None:
    fast = nz.jit(nz.grad(lambda A: np.sum(np.sin(A @ x))))
    for shift in range(4):
        A = sp.csr_array(np.roll(D, shift, axis=0))
        same(fast(A), nz.grad(lambda A: np.sum(np.sin(A @ x)))(A))
    assert len(fast.variants) == 1


def test_matrix_in_and_out() -> None:
    A = sp.csr_array(D)
    for transform in (lambda f: f, nz.jit):
        scaled, turned = transform(lambda p: (p["A"] * 2.0, p["A"].T))({"A": A})
        same(scaled, A * 2.0)
        same(turned, A.T)
    gradient = nz.grad(lambda p: np.sum(p["A"] @ p["x"]))({"A": A, "x": x})
    same(gradient["A"].data, x[A.indices])
    assert not np.shares_memory(gradient["A"].indices, A.indices)
    assert nz.grad(lambda A: A.sum())(A.astype("float32")).dtype == "float32"
    nz.check_gradients(lambda A, x: np.sum(np.sin(A @ x)), A, x)


def test_another_pattern_is_no_tangent() -> None:
    A, B = sp.csr_array(D), sp.csr_array(np.roll(D, 1))
    with pytest.raises(ArgumentError, match="structure"):
        nz.jvp(lambda A: A @ x, (A,), (B,))


def test_rows_of_a_batch_share_a_matrix() -> None:
    A = sp.csr_array(D)
    same(nz.vmap(lambda A, x: A @ x, in_axes=(None, 0))(A, X.T), X.T @ D.T)
    with pytest.raises(ArgumentError, match="sparse matrix, which has no rows"):
        nz.vmap(lambda A: A @ x)(A)


@pytest.mark.parametrize("kind", CLASSES[6:], ids=lambda c: c.__name__)
def test_formats_that_imply_entries_are_not_differentiated_by(kind: Any) -> None:
    with pytest.raises(ArgumentError, match="tocsr"):
        nz.grad(lambda A: A.sum())(kind(D))


def test_many_derivatives_are_no_matrix() -> None:
    with pytest.raises(ArgumentError, match="Differentiate by its entries"):
        nz.jacobian(lambda A: A @ x)(sp.csr_array(D))


def test_sums_along_an_axis() -> None:
    A = sp.csr_array(D)
    same(nz.grad(lambda A: A.sum(axis=0) @ x)(A).data, x[A.indices])
    same(nz.grad(lambda A: A.mean(axis=1) @ y)(A).data, y[A.tocoo().row] / 3)
    with pytest.raises(TraceError, match=r"np\.matrix"):
        nz.grad(lambda A: np.sum(A.sum(axis=0)))(sp.csr_matrix(D))


def test_numbers_of_entries_are_not_cast() -> None:
    A = sp.random_array((40, 40), density=0.5, rng=0, format="csr")
    gradient = nz.grad(lambda A: np.sum(sp.vstack([A, A.power(2)], dtype=np.float16).toarray()))(A)
    np.testing.assert_allclose(gradient.data, 1 + 2 * A.data, rtol=1e-2)


def test_one_row_of_an_array_is_given_in_full() -> None:
    A = sp.csr_array(D)
    same(nz.grad(lambda A: np.sum(A[3] * x))(A).toarray()[3], x)


# --- any pattern: unsorted, several in one place, empty rows, zeros
@st.composite
def patterns(draw: Any) -> sp.coo_array:
    shape = draw(st.tuples(st.integers(0, 4), st.integers(0, 4)))
    places = st.tuples(*[st.integers(0, max(n - 1, 0)) for n in shape])
    found = draw(st.lists(places, max_size=8)) if min(shape) else []
    data = draw(st.lists(st.sampled_from([0.0, 1.0, -2.0, 0.5]), min_size=len(found), max_size=len(found)))
    row, col = np.array(found, int).reshape(-1, 2).T
    return sp.coo_array((np.array(data), (row, col)), shape)


def unsummed(A: sp.coo_array, kind: Any) -> Any:
    """The same entries in another format, none of them added up."""
    if kind is sp.coo_array:
        return A
    major, minor = (A.row, A.col) if kind is sp.csr_array else (A.col, A.row)
    order = np.argsort(major, kind="stable")
    starts = np.cumsum([0, *np.bincount(major, minlength=A.shape[kind is sp.csc_array])])
    return kind((A.data[order], minor[order], starts), A.shape)


@given(patterns(), st.sampled_from([sp.csr_array, sp.csc_array, sp.coo_array]))
def test_any_pattern(A: sp.coo_array, kind: Any) -> None:
    B = unsummed(A, kind)
    full, u, v = A.toarray(), np.arange(1.0, A.shape[0] + 1), np.arange(2.0, A.shape[1] + 2)
    functions: list[Callable[[Any], Any]] = [
        lambda M: np.sin(u @ (M @ v)),
        lambda M: np.sin(M.sum()) + np.sum(M.sum(axis=0) * v) + np.sum(M.sum(axis=1) * u),
    ]
    for f in functions:
        value, gradient = nz.value_and_grad(f)(B)
        expected = nz.value_and_grad(f)(full)
        same(value, expected[0])
        same(gradient.data, expected[1][B.tocoo().coords] if kind is not sp.csc_array else gradient.data)
    # a function of entries is one of their sums, where several stand in one place
    value, gradient = nz.value_and_grad(lambda M: M.power(2).sum() + np.sum(M.tocsc().tocsr().toarray()))(B)
    same(value, np.sum(full**2 + full))
    rows, columns = B.tocoo().coords
    np.testing.assert_allclose(np.sum(gradient.toarray()), np.sum((2 * full + 1)[rows, columns]))


# --- made from parts, and solved with
def tridiagonal(data: Any) -> Any:
    """Diagonally dominant, of any data near those of SYSTEM."""
    return sp.csr_array((data, SYSTEM.indices, SYSTEM.indptr), shape=SYSTEM.shape)


SYSTEM = sp.csr_array(np.diag([4.0, 5.0, 3.0]) + np.diag([1.0, -0.5], 1) + np.diag([0.3, 0.7], -1))
PARTS: dict[str, Callable[[Any], Any]] = {
    "csr": tridiagonal,
    "csc": lambda d: sp.csc_matrix((d, SYSTEM.indices, SYSTEM.indptr)),
    "coo": lambda d: sp.coo_array((d, SYSTEM.tocoo().coords), shape=(3, 3)),
    "csr of a list": lambda d: sp.csr_matrix((d, SYSTEM.tocoo().coords)),
    "csc of another": lambda d: sp.csc_array(tridiagonal(d)),
}


@pytest.mark.parametrize("name", PARTS)
def test_matrix_is_made_of_traced_entries(name: str) -> None:
    made, data = PARTS[name], SYSTEM.data
    assert made(data).toarray().shape == (3, 3)

    def f(data: Any) -> Any:
        return np.sum(np.sin(made(data) @ x))

    nz.check_gradients(f, data)
    same(nz.jit(nz.grad(f))(data), nz.grad(f)(data))
    same(nz.hessian(f)(data), nz.jacobian(nz.grad(f))(data))


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("b", [x, X], ids=["vector", "matrix"])
def test_solution(name: str, b: Any) -> None:
    made, data, spsolve = PARTS[name], SYSTEM.data, linalg.spsolve

    def f(data: Any, b: Any) -> Any:
        return np.sum(np.sin(spsolve(made(data).tocsc(), b)) * b)

    def dense(data: Any, b: Any) -> Any:
        return np.sum(np.sin(np.linalg.solve(made(data).toarray(), b)) * b)

    same(f(data, b), dense(data, b))
    nz.check_gradients(f, data, b)
    gradient = nz.grad(f, argnums=(0, 1))(data, b)
    compiled = nz.jit(nz.grad(f, argnums=(0, 1)))(data, b)
    dots = nz.jvp(f, (data, b), gradient)[1]
    same(dots, sum(np.sum(g * g) for g in gradient))
    for a, c in zip(gradient, compiled, strict=True):
        same(c, a)
    nz.check_gradients(lambda data: np.sum(nz.grad(f)(data, b) ** 2), data)


def test_solution_with_a_constant() -> None:
    A, inverse = SYSTEM.tocsc(), np.linalg.inv(SYSTEM.toarray())
    factors = linalg.splu(A)
    for solve in (
        lambda b: linalg.spsolve(A, b),
        factors.solve,
        linalg.factorized(A),
        lambda b: linalg.splu(tridiagonal(SYSTEM.data).tocsc()).solve(b, "N"),
        lambda b: factors.solve(factors.solve(A.T @ b, "T")),
    ):
        same(nz.jacobian(solve)(x), inverse)
        same(nz.vmap(solve)(X.T), X.T @ inverse.T)
        same(nz.vmap(solve)(np.stack([X, X])), np.stack([inverse @ X] * 2))
        same(nz.jit(solve)(x), inverse @ x)


WRITTEN: dict[str, Callable[[Any], Any]] = {
    "copy": lambda A: A.copy(),
    "same class": lambda A: sp.csr_array(A, copy=True),
    "plus nothing": lambda A: A + 0,
    "other format": lambda A: A.tocsr(copy=True),
    "transposed": lambda A: A.transpose(copy=True).T,
    "itself": lambda A: A,
    "a view": lambda A: A.T.T,
}


@pytest.mark.parametrize("name", WRITTEN)
def test_entries_are_written_into_as_in_scipy(name: str) -> None:
    def f(A: Any) -> Any:
        B = WRITTEN[name](A)
        B *= 6.0
        B /= 3.0
        B.data[1] = 7.0
        return np.sum(np.sin(A @ x)) + np.sum(np.sin(B @ x))

    A = sp.csr_array(D)
    value, gradient = nz.value_and_grad(f)(A)
    same(value, f(A.copy()))
    assert A.data[1] == D[1, 0]
    np.testing.assert_allclose(gradient.data, differences(lambda A: f(A.copy()), A), rtol=1e-6, atol=1e-8)
    compiled = nz.jit(nz.value_and_grad(f))(A)
    same(compiled[1].data, gradient.data)


def test_norm() -> None:
    A = sp.csr_array(D)
    same(nz.grad(lambda A: linalg.norm(A))(A).data, A.data / linalg.norm(A))


def test_traced_matrix_is_one_of_scipys_to_whoever_asks() -> None:
    unseen = eval("lambda A: sp.issparse(A) and isinstance(A, sp.csr_array)")  # noqa: S307
    for is_one in (
        unseen,
        lambda A: sp.issparse(A) and isinstance(A, sp.sparray) and type(A) is sp.csr_array,
        lambda A: not isinstance(A, (np.ndarray, sp.spmatrix)) and hasattr(A, "tocsr"),
    ):
        assert nz.grad(lambda A, ask=is_one: A.sum() if ask(A) else 0.0)(sp.csr_array(D)).data.all()


@pytest.mark.parametrize("kind", TRACED, ids=lambda c: c.__name__)
def test_constant_matrix_beside_a_traced_one(kind: Any) -> None:
    B, A = kind(D), kind(np.roll(D, 1, axis=1))
    for f in (
        lambda A: np.sum((B.T @ A) @ x),
        lambda A: np.sum(((B + A) - (B - A)) @ x) + np.sum((A - B) @ x),
        lambda A: np.sum(B.multiply(A) @ x) + np.sum(B.T.dot(A) @ x),
    ):
        np.testing.assert_allclose(nz.grad(f)(A).data, differences(f, A), rtol=1e-6, atol=1e-8)


# --- what is refused
REFUSED: dict[str, Callable[[Any, Any], Any]] = {
    "A + x": lambda A, x: A + x,
    "x - A": lambda A, x: x - A,
    "A > x": operator.gt,
    "A ** x": operator.pow,
    "A written": lambda A, x: A.__setitem__((0, 1), x[0]),
    "array": lambda A, x: np.asarray(A * x[0]),
    "np.exp": lambda A, x: np.exp(A * x[0]),
    "np.where": lambda A, x: np.where(A * x[0], 1, 2),
    "np.concatenate": lambda A, x: np.concatenate([A * x[0], A * x[0]]),
    "x / A": lambda A, x: x / A,
    "max": lambda A, x: (A * x[0]).max(),
    "matrix of a dense one": lambda A, x: sp.csr_array(np.outer(x, x)),
    "not followed": eval("lambda A, x: A.multiply(x)"),  # noqa: S307
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("kind", TRACED, ids=lambda c: c.__name__)
def test_refused(name: str, kind: Any) -> None:
    A = kind(D)

    def swallowed(x: Any) -> Any:
        with contextlib.suppress(TypeError):
            REFUSED[name](A, x)
        return x[0]

    with pytest.raises((TypeError, AttributeError, NotImplementedError)):
        nz.grad(lambda x: np.sum(REFUSED[name](A, x)))(x)
    if name in ("array", "not followed"):
        with pytest.raises(TraceError):
            nz.grad(swallowed)(x)


def test_wrong_shapes_are_errors_of_shape() -> None:
    A = sp.csr_array(D)
    for f in (lambda A: A @ y, lambda A: A + A.T, lambda A: A @ A):
        with pytest.raises(ShapeError):
            nz.grad(lambda A, f=f: np.sum(f(A).sum()))(A)
