"""Factorisations, eigenvalues and singular values."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from nazad.errors import NoRuleError
from nazad.graph import Value, here, shape_of
from nazad.ops import linalg
from nazad.ops.linalg.matrices import adjoint
from nazad.ops.parts import conjugated
from nazad.ops.scipy_linalg import banded, factors
from nazad.trace.numpy_table.dispatch import no_rule, unsupported
from nazad.trace.numpy_table.normal import array
from nazad.trace.scipy_table.linalg.entry import rows_of, rule


# --- triangles
@rule(scipy.linalg.cholesky)
def _cholesky(a: Value, lower: bool = False) -> Any:
    return linalg.factors.cholesky(array(a), upper=not lower)


@rule(scipy.linalg.cho_factor)
def _cho_factor(a: Value, lower: bool = False) -> Any:
    """With the entries of a in the other triangle, as SciPy leaves them."""
    c, rest = _cholesky(a, lower), array(a)
    return c + (np.triu(rest, 1) if lower else np.tril(rest, -1)), lower


@rule(scipy.linalg.cholesky_banded)
def _cholesky_banded(ab: Value, lower: bool = False) -> Any:
    """With what ab holds in places that belong to no diagonal, as SciPy leaves it."""
    count, n = shape_of(array(ab))
    factor = linalg.factors.cholesky(banded.dense(banded.below(array(ab), lower)), upper=False)
    lines = [np.diagonal(factor, -d) for d in range(count)]
    rows = np.stack([np.concatenate([x, np.zeros(d, x.dtype)]) for d, x in enumerate(lines)])
    if not lower:
        rows = np.stack([conjugated(banded.shifted(x, d)) for d, x in enumerate(rows)])[::-1]
    places = np.arange(n) + np.arange(count)[:, None]
    return np.where(places < n if lower else places >= count - 1, rows, array(ab))


@rule(scipy.linalg.lu_factor)
def _lu_factor(a: Value) -> Any:
    return factors.lu(array(a))


@rule(scipy.linalg.lu)
def _lu(a: Value, permute_l: bool = False, p_indices: bool = False) -> Any:
    A = array(a)
    rows, columns = shape_of(A)[-2:]
    packed, pivots = factors.lu(A)
    k = min(rows, columns)
    L = np.tril(packed[..., :k], -1) + np.eye(rows, k, dtype=packed.dtype)
    U = np.triu(packed[..., :k, :])
    back = np.argsort(factors.permutation(pivots, size=rows), axis=-1)
    if permute_l:
        return np.take_along_axis(L, back[..., None], axis=-2), U
    return (back if p_indices else rows_of(np.eye(rows), back)), L, U


@rule(scipy.linalg.qr)
def _qr(a: Value, mode: str = "full", pivoting: bool = False) -> Any:
    if mode not in ("full", "economic", "r"):
        raise no_rule(f"scipy.linalg.qr(mode={mode!r})")
    A = array(a)
    pivots = [factors.column_pivots(A)] if pivoting else []
    moved = np.take_along_axis(A, pivots[0][..., None, :], axis=-1) if pivoting else A
    q, r = linalg.factors.qr(moved, mode="reduced" if mode == "economic" else "complete")
    return (*([r] if mode == "r" else [q, r]), *pivots)


@rule(scipy.linalg.rq)
def _rq(a: Value, mode: str = "full") -> Any:
    """QR from the other end."""
    found = _qr(_half_turned(array(a)), mode)[::-1]
    return _half_turned(found[0]) if mode == "r" else tuple(map(_half_turned, found))


def _half_turned(x: Value) -> Value:
    return adjoint(x)[..., ::-1, ::-1]


@rule(scipy.linalg.polar)
def _polar(a: Value, side: str = "right") -> Any:
    A = array(a) if side == "right" else adjoint(array(a))
    if shape_of(A)[-2] < shape_of(A)[-1]:
        other = "left" if side == "right" else "right"
        raise NoRuleError(
            f"the factors of scipy.linalg.polar(side={side!r}) are not unique for shape {shape_of(array(a))}",
            f"Take side={other!r}.",
            here(),
        )
    u, p = factors.polar(A)
    return (u if side == "right" else adjoint(u)), p


@rule(scipy.linalg.orthogonal_procrustes)
def _orthogonal_procrustes(A: Value, B: Value) -> Any:
    """The orthogonal factor of Aᴴ B."""
    product = adjoint(array(A)) @ array(B)
    return factors.polar(product)[0], np.sum(linalg.spectra.svdvals(product))


# --- eigenvalues
@rule(scipy.linalg.eigh)
def _eigh(
    a: Value,
    b: Value = None,
    lower: bool = True,
    eigvals_only: bool = False,
    type: int = 1,
    subset_by_index: Any = None,
) -> Any:
    if type != 1:
        raise no_rule(f"scipy.linalg.eigh(type={type})")
    pair = [array(a)] if b is None else [array(a), array(b)]
    w, v = factors.pencil(*pair, lower=bool(lower))
    first, last = (0, shape_of(w)[-1] - 1) if subset_by_index is None else subset_by_index
    chosen = slice(first, last + 1)
    return w[..., chosen] if eigvals_only else (w[..., chosen], v[..., chosen])


@rule(scipy.linalg.eigvalsh)
def _eigvalsh(
    a: Value, b: Value = None, lower: bool = True, type: int = 1, subset_by_index: Any = None
) -> Any:
    return _eigh(a, b, lower, True, type, subset_by_index)


@rule(scipy.linalg.eigvals)
def _eigvals(a: Value, b: Value = None) -> Any:
    matrix = array(a) if b is None else linalg.systems.solve(array(b), array(a))
    w = linalg.spectra.eigvals(matrix)
    return w.astype(np.result_type(w, np.complex64))


@rule(scipy.linalg.eig)
def _eig(a: Value, left: bool = False, right: bool = True) -> Any:
    """Eigenvalues are complex in any case, and vectors where they have to be."""
    if left:
        raise no_rule("scipy.linalg.eig(left=True)")
    w, v = linalg.spectra.eig(array(a))
    w = w.astype(np.result_type(w, np.complex64))
    return (w, v) if right else w


@rule(scipy.linalg.eig_banded)
def _eig_banded(a_band: Value, lower: bool = False, eigvals_only: bool = False, select: Any = "a") -> Any:
    _demand_all(select, "eig_banded")
    w, v = banded.eig_banded(banded.below(array(a_band), lower))
    return w if eigvals_only else (w, v)


@rule(scipy.linalg.eigvals_banded)
def _eigvals_banded(a_band: Value, lower: bool = False, select: Any = "a") -> Any:
    return _eig_banded(a_band, lower, True, select)


@rule(scipy.linalg.eigh_tridiagonal)
def _eigh_tridiagonal(d: Value, e: Value, eigvals_only: bool = False, select: Any = "a") -> Any:
    _demand_all(select, "eigh_tridiagonal")
    e = array(e)
    w, v = banded.eigh_tridiagonal(np.stack([array(d), np.concatenate([e, np.zeros(1, e.dtype)])]))
    return w if eigvals_only else (w, v)


@rule(scipy.linalg.eigvalsh_tridiagonal)
def _eigvalsh_tridiagonal(d: Value, e: Value, select: Any = "a") -> Any:
    return _eigh_tridiagonal(d, e, True, select)


def _demand_all(select: Any, name: str) -> None:
    if select not in ("a", 0):
        raise unsupported(f"scipy.linalg.{name}", "select")


# --- singular values
@rule(scipy.linalg.svd)
def _svd(a: Value, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    if not compute_uv:
        return linalg.spectra.svdvals(array(a))
    return linalg.spectra.svd(array(a), full_matrices=bool(full_matrices))


rule(scipy.linalg.svdvals)(lambda a: linalg.spectra.svdvals(array(a)))


@rule(scipy.linalg.orth)
def _orth(A: Value, rcond: Any = None) -> Any:
    """How many singular values count is a question to the numbers."""
    u, s, _ = linalg.spectra.svd(array(A), full_matrices=False)
    relative = np.finfo(s.dtype).eps * max(shape_of(array(A))) if rcond is None else rcond
    return u[:, : int(np.sum(s > np.max(s, initial=0.0) * relative))]


@rule(scipy.linalg.subspace_angles)
def _subspace_angles(A: Value, B: Value) -> Any:
    """Large angles by their cosines, small ones by their sines (Knyazev and Argentati, 2002)."""
    a, b = _orth(A), _orth(B)
    across = adjoint(a) @ b
    rest = b - a @ across if shape_of(a)[1] >= shape_of(b)[1] else a - b @ adjoint(across)
    cosines, sines = linalg.spectra.svdvals(across), linalg.spectra.svdvals(rest)
    large = np.arccos(np.clip(cosines[::-1], -1.0, 1.0))
    return np.where(cosines**2 >= 0.5, np.arcsin(np.clip(sines, -1.0, 1.0)), large)


@rule(scipy.linalg.null_space)
def _null_space(A: Value, rcond: Any = None) -> Any:
    raise NoRuleError(
        "scipy.linalg.null_space gives a basis of which only the span is determined",
        "Take the projection onto it, which is unique: np.eye(n) - scipy.linalg.pinv(A) @ A.",
        here(),
    )


@rule(scipy.linalg.norm)
def _norm(a: Value, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    return np.linalg.norm(array(a), ord, axis, keepdims)
