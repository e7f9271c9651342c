"""Systems of linear equations, with whatever is known of their matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from nazad.errors import TraceError
from nazad.graph import Value, here, rank_of, shape_of
from nazad.ops import linalg
from nazad.ops.linalg.matrices import diagonal, hermitian, transposed
from nazad.ops.parts import conjugated
from nazad.ops.scipy_linalg import banded, equations
from nazad.ops.scipy_linalg import factors as pivoted
from nazad.trace.numpy_table.dispatch import unsupported
from nazad.trace.numpy_table.normal import array
from nazad.trace.scipy_table.linalg.entry import on_columns, rows_of, rule
from nazad.trace.scipy_table.linalg.patterns import toeplitz


# --- one matrix, and what of it is read
@rule(scipy.linalg.solve)
def _solve(a: Value, b: Value, lower: bool = False, assume_a: Any = None, transposed: bool = False) -> Any:
    A = _as_assumed(array(a), assume_a or "gen", lower)
    matrix = np.swapaxes(A, -1, -2) if transposed else A
    return on_columns(lambda columns: linalg.systems.solve(matrix, columns), array(b))


def _as_assumed(A: Value, kind: str, lower: bool) -> Value:
    """The matrix that is meant by the part of it that is read."""
    if kind in ("gen", "general", "banded"):
        return A
    if kind in ("her", "hermitian", "pos", "positive definite"):
        return hermitian(A, lower)
    if kind in ("sym", "symmetric"):
        strict = np.tril(A, -1) if lower else np.triu(A, 1)
        return strict + transposed(strict) + diagonal(A)
    if kind == "diagonal":
        return diagonal(A)
    if kind == "tridiagonal":
        return np.tril(np.triu(A, -1), 1)
    if kind in ("lower triangular", "upper triangular"):
        return np.tril(A) if kind.startswith("lower") else np.triu(A)
    raise ValueError(f"{kind} is not a recognized matrix structure")


@rule(scipy.linalg.inv)
def _inv(a: Value, assume_a: Any = None, lower: bool = False) -> Any:
    return linalg.systems.inv(_as_assumed(array(a), assume_a or "gen", lower))


rule(scipy.linalg.det)(lambda a: linalg.determinants.det(array(a)))


@rule(scipy.linalg.solve_triangular)
def _solve_triangular(
    a: Value, b: Value, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False
) -> Any:
    number = {"N": 0, "T": 1, "C": 2}.get(trans, trans)
    how = {"trans": min(number, 1), "lower": bool(lower), "unit_diagonal": bool(unit_diagonal)}
    A = conjugated(array(a)) if number == 2 else array(a)
    return on_columns(lambda columns: equations.solve_triangular(A, columns, **how), array(b))


# --- by a factorisation that is there
@rule(scipy.linalg.cho_solve)
def _cho_solve(c_and_lower: Any, b: Value) -> Any:
    c, lower = c_and_lower
    first, second = ("N", "C") if lower else ("C", "N")
    half = _solve_triangular(c, b, trans=first, lower=lower)
    return _solve_triangular(c, half, trans=second, lower=lower)


@rule(scipy.linalg.lu_solve)
def _lu_solve(lu_and_piv: Any, b: Value, trans: int = 0) -> Any:
    packed, pivots = map(array, lu_and_piv)
    order = pivoted.permutation(pivots, size=shape_of(packed)[-1])
    unit = {"lower": True, "unit_diagonal": True}
    if trans == 0:
        return _solve_triangular(packed, _solve_triangular(packed, rows_of(array(b), order), **unit))
    half = _solve_triangular(packed, array(b), trans=trans)
    return rows_of(_solve_triangular(packed, half, trans=trans, **unit), np.argsort(order))


# --- banded and circulant matrices
@rule(scipy.linalg.solve_banded)
def _solve_banded(l_and_u: Any, ab: Value, b: Value) -> Any:
    lower, upper = map(int, l_and_u)
    return on_columns(
        lambda columns: banded.solve_banded(array(ab), columns, lower=lower, upper=upper), array(b)
    )


@rule(scipy.linalg.solveh_banded)
def _solveh_banded(ab: Value, b: Value, lower: bool = False) -> Any:
    """All diagonals from those below, of which the middle one is real."""
    middle, *rows = banded.below(array(ab), lower)
    above = [conjugated(banded.shifted(x, d)) for d, x in enumerate(rows, 1)]
    whole = np.stack([*above[::-1], middle.real.astype(middle.dtype), *rows])
    return _solve_banded((len(rows), len(rows)), whole, b)


@rule(scipy.linalg.cho_solve_banded)
def _cho_solve_banded(cb_and_lower: Any, b: Value) -> Any:
    c, lower = cb_and_lower
    rows = banded.below(array(c), lower)
    width = shape_of(rows)[0] - 1
    back = np.stack([conjugated(banded.shifted(rows[d], d)) for d in range(width, -1, -1)])
    return _solve_banded((0, width), back, _solve_banded((width, 0), rows, b))


@rule(scipy.linalg.solve_toeplitz)
def _solve_toeplitz(c_or_cr: Any, b: Value) -> Any:
    matrix = toeplitz(*c_or_cr) if isinstance(c_or_cr, tuple) else toeplitz(c_or_cr)
    return on_columns(lambda columns: linalg.systems.solve(matrix, columns), array(b))


@rule(scipy.linalg.solve_circulant)
def _solve_circulant(c: Value, b: Value, singular: str = "raise") -> Any:
    """A product of polynomials modulo xⁿ - 1, undone after a Fourier transform."""
    if singular != "raise" or rank_of(c) != 1:
        raise TraceError(
            "scipy.linalg.solve_circulant with singular='lstsq' or a stack of circulants cannot be traced",
            "Solve with scipy.linalg.lstsq(circulant(c), b).",
            here(),
        )
    c, b = array(c), array(b)
    factors = np.reshape(np.fft.fft(c), (-1, *(1,) * (rank_of(b) - 1)))
    x = np.fft.ifft(np.fft.fft(b, axis=0) / factors, axis=0)
    return x if "c" in (c.dtype.kind, b.dtype.kind) else x.real


# --- least squares
@rule(scipy.linalg.lstsq)
def _lstsq(a: Value, b: Value, cond: Any = None) -> Any:
    x, residuals, rank, s = np.linalg.lstsq(array(a), array(b), -1 if cond is None else cond)
    return x, (residuals[0] if rank_of(b) == 1 and shape_of(residuals)[0] else residuals), rank, s


@rule(scipy.linalg.pinv)
def _pinv(a: Value, atol: Any = None, rtol: Any = None, return_rank: bool = False) -> Any:
    """Singular values count if they are larger than ``rtol`` times the largest."""
    if atol:
        raise unsupported("scipy.linalg.pinv", "atol")
    P = np.linalg.pinv(array(a), rtol=rtol)
    return (P, np.linalg.matrix_rank(array(a), rtol=rtol)) if return_rank else P


@rule(scipy.linalg.pinvh)
def _pinvh(
    a: Value, atol: Any = None, rtol: Any = None, lower: bool = True, return_rank: bool = False
) -> Any:
    return _pinv(hermitian(array(a), lower), atol, rtol, return_rank)
