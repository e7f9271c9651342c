"""numpy.linalg: factorisations, systems of equations, determinants, and what is made of them."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nazad.errors import TraceError
from nazad.graph import Traced, Value, here, rank_of, shape_of
from nazad.ops.linalg import determinants, factors, least_squares, spectra, systems
from nazad.ops.linalg.matrices import adjoint, eye, transposed
from nazad.ops.linalg.matrices import hermitian as read_triangle
from nazad.ops.parts import conjugated
from nazad.trace.numpy_table.dispatch import no_rule, rule
from nazad.trace.numpy_table.normal import array

_MISSING = np._NoValue


def _named(result: str, *values: Value) -> Any:
    """NumPy's named tuple for several results."""
    return getattr(np.linalg._linalg, result)(*values)


# --- systems of equations
@rule(np.linalg.solve)
def _solve(a: Value, b: Value) -> Any:
    a, b = array(a), array(b)
    return systems.solve(a, b[:, None])[..., 0] if rank_of(b) == 1 else systems.solve(a, b)


rule(np.linalg.inv)(lambda a: systems.inv(a))
rule(np.linalg.det)(lambda a: determinants.det(a))
rule(np.linalg.slogdet)(lambda a: _named("SlogdetResult", *determinants.slogdet(a)))


@rule(np.linalg.tensorsolve)
def _tensorsolve(a: Value, b: Value, axes: Any = None) -> Any:
    a, b = array(a), array(b)
    moved = np.moveaxis(a, axes, range(rank_of(a) - len(axes), rank_of(a))) if axes is not None else a
    unknowns = shape_of(moved)[rank_of(b) :]
    size = math.prod(unknowns)
    if math.prod(shape_of(a)) != size**2:
        raise np.linalg.LinAlgError("tensorsolve takes as many equations as unknowns")
    return np.reshape(_solve(np.reshape(moved, (size, size)), np.ravel(b)), unknowns)


@rule(np.linalg.tensorinv)
def _tensorinv(a: Value, ind: int = 2) -> Any:
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    shape = shape_of(a)
    flat = np.reshape(a, (math.prod(shape[:ind]), math.prod(shape[ind:])))
    return np.reshape(systems.inv(flat), (*shape[ind:], *shape[:ind]))


# --- factorisations
rule(np.linalg.cholesky)(lambda a, *, upper=False: factors.cholesky(a, upper=bool(upper)))


@rule(np.linalg.qr)
def _qr(a: Value, mode: str = "reduced") -> Any:
    if mode in ("reduced", "complete"):
        return _named("QRResult", *factors.qr(a, mode=mode))
    if mode == "r":
        return factors.qr(a, mode="reduced")[1]
    raise no_rule(f"np.linalg.qr(mode={mode!r})")


rule(np.linalg.eig)(lambda a: _named("EigResult", *spectra.eig(a)))
rule(np.linalg.eigvals)(lambda a: spectra.eigvals(a))
rule(np.linalg.eigh)(lambda a, UPLO="L": _named("EighResult", *spectra.eigh(a, UPLO=UPLO.upper())))
rule(np.linalg.eigvalsh)(lambda a, UPLO="L": spectra.eigvalsh(a, UPLO=UPLO.upper()))
rule(np.linalg.svdvals)(lambda x: spectra.svdvals(x))


@rule(np.linalg.svd)
def _svd(a: Value, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    if not compute_uv:
        return _singular_values(a, hermitian)
    if hermitian:
        return _named("SVDResult", *_svd_of_hermitian(a))
    return _named("SVDResult", *spectra.svd(a, full_matrices=bool(full_matrices)))


def _singular_values(a: Value, hermitian: bool) -> Value:
    if hermitian:
        return np.sort(np.abs(spectra.eigvalsh(a, UPLO="L")), axis=-1)[..., ::-1]
    return spectra.svdvals(a)


def _svd_of_hermitian(a: Value) -> tuple[Value, ...]:
    """Eigenvalues by their size; their signs go into the second factor."""
    w, v = spectra.eigh(a, UPLO="L")
    order = np.argsort(np.abs(w), axis=-1)[..., ::-1]
    w, u = np.take_along_axis(w, order, axis=-1), np.take_along_axis(v, order[..., None, :], axis=-1)
    return u, np.abs(w), adjoint(u * np.sign(w)[..., None, :])


# --- rank and least squares
@rule(np.linalg.pinv)
def _pinv(a: Value, rcond: Any = None, hermitian: bool = False, *, rtol: Any = _MISSING) -> Any:
    if rcond is None:
        rcond = 1e-15 if rtol is _MISSING else _relative(a, rtol)
    _demand_number(rcond, "np.linalg.pinv", "rcond")
    matrix = read_triangle(a) if hermitian else a
    return least_squares.pinv(matrix, rcond=rcond, hermitian=bool(hermitian))


def _relative(a: Value, tolerance: Any) -> Any:
    """How small singular values may be, relative to the largest one."""
    return max(shape_of(a)[-2:]) * _eps(a) if tolerance is None else tolerance


def _eps(a: Value) -> Any:
    return np.finfo(a.dtype if a.dtype.kind in "fc" else float).eps


def _demand_number(x: Any, function: str, argument: str) -> None:
    if isinstance(x, Traced):
        raise TraceError(
            f"{function} got a traced value for {argument}",
            "Which singular values count as zero has no derivative: pass an ordinary number.",
            here(),
        )


@rule(np.linalg.lstsq)
def _lstsq(a: Value, b: Value, rcond: Any = None) -> Any:
    _demand_number(rcond, "np.linalg.lstsq", "rcond")
    a, b = array(a), array(b)
    cutoff = _relative(a, None) if rcond is None else _eps(a) if rcond == -1 else rcond
    columns = b[:, None] if rank_of(b) == 1 else b
    x, residuals, rank, s = least_squares.lstsq(a, columns, rcond=cutoff)
    return (x[:, 0] if rank_of(b) == 1 else x), residuals, rank, s


@rule(np.linalg.matrix_rank, derivative=False)
def _matrix_rank(A: Value, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    if rank_of(A) < 2:
        return np.any(np.not_equal(A, 0)).astype(int)
    s = _singular_values(A, hermitian)
    if tol is None:
        tol = np.max(s, axis=-1, keepdims=True) * np.expand_dims(_relative(A, rtol), -1)
    else:
        tol = np.expand_dims(tol, -1)
    return np.count_nonzero(s > tol, axis=-1)


@rule(np.linalg.cond)
def _cond(x: Value, p: Any = None) -> Any:
    if p in (None, 2, -2):
        s = spectra.svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    pair = (-2, -1)
    return np.linalg.norm(x, p, axis=pair) * np.linalg.norm(systems.inv(x), p, axis=pair)


# --- products
@rule(np.linalg.matrix_power)
def _matrix_power(a: Value, n: int) -> Any:
    """By squaring, in NumPy's order."""
    if n == 0:
        return np.zeros(shape_of(a), a.dtype) + eye(a)
    base = a if n > 0 else systems.inv(a)
    n = abs(n)
    if n == 3:
        return (base @ base) @ base
    result = None
    while n:
        if n % 2:
            result = base if result is None else result @ base
        n //= 2
        base = base @ base if n else base
    return result


@rule(np.linalg.multi_dot)
def _multi_dot(arrays: Sequence[Value]) -> Any:
    lined = [array(a) for a in arrays]
    first, last = rank_of(lined[0]), rank_of(lined[-1])
    lined[0] = lined[0] if first == 2 else lined[0][None, :]
    lined[-1] = lined[-1] if last == 2 else lined[-1][:, None]
    product = _cheapest(tuple(shape_of(a) for a in lined))(lined)
    return np.reshape(product, shape_of(product)[2 - first : last]) if min(first, last) == 1 else product


@functools.lru_cache(maxsize=256)
def _cheapest(shapes: tuple[tuple[int, int], ...]) -> Any:
    """What multiplies matrices of these shapes in the order that takes the fewest multiplications."""
    sizes = [shapes[0][0], *[columns for _, columns in shapes]]
    cost: dict[tuple[int, int], tuple[int, int]] = {(i, i + 1): (0, i) for i in range(len(shapes))}
    for length in range(2, len(shapes) + 1):
        for i in range(len(shapes) + 1 - length):
            j = i + length
            cost[i, j] = min(
                (cost[i, k][0] + cost[k, j][0] + sizes[i] * sizes[k] * sizes[j], k) for k in range(i + 1, j)
            )

    def multiply(arrays: Sequence[Value], i: int = 0, j: int = len(shapes)) -> Value:
        k = cost[i, j][1]
        return arrays[i] if j == i + 1 else multiply(arrays, i, k) @ multiply(arrays, k, j)

    return multiply


rule(np.linalg.matmul)(lambda x1, x2: np.matmul(x1, x2))
rule(np.linalg.tensordot)(lambda x1, x2, *, axes=2: np.tensordot(x1, x2, axes=axes))
rule(np.linalg.matrix_transpose)(lambda x: transposed(x))
rule(np.linalg.cross)(lambda x1, x2, *, axis=-1: np.cross(x1, x2, axis=axis))
rule(np.linalg.vecdot)(lambda x1, x2, *, axis=-1: np.sum(conjugated(x1) * x2, axis=axis))
