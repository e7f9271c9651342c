"""Matrices whose entries repeat a few numbers by a pattern: all are picks from an array."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
import scipy.linalg

from nazad.graph import Value, shape_of
from nazad.ops.parts import conjugated
from nazad.trace import scipy_table
from nazad.trace.numpy_table.normal import array
from nazad.trace.scipy_table.linalg.entry import rule

_STACKS = np.lib.NumpyVersion(scipy.__version__) >= "1.17.0"
"""Before that, SciPy laid several rows out as one."""


def _line(x: Value) -> Value:
    return np.ravel(array(x))


def _lines(x: Value) -> Value:
    return np.atleast_1d(array(x)) if _STACKS else _line(x)


@rule(scipy.linalg.toeplitz)
def toeplitz(c: Value, r: Value = None) -> Any:
    """Entry (i, j) is c[i - j], or r[j - i] above the diagonal; of each row of a stack."""
    column = _lines(c)
    row = conjugated(column) if r is None else _lines(r)
    rows, columns = shape_of(column)[-1], shape_of(row)[-1]
    stack = np.broadcast_shapes(shape_of(column)[:-1], shape_of(row)[:-1])
    column, row = np.broadcast_to(column, (*stack, rows)), np.broadcast_to(row, (*stack, columns))
    entries = np.concatenate([column[..., ::-1], row[..., 1:]], axis=-1)
    return entries[..., rows - 1 - np.arange(rows)[:, None] + np.arange(columns)]


@rule(scipy.linalg.hankel)
def _hankel(c: Value, r: Value = None) -> Any:
    column = _line(c)
    row = np.zeros_like(column) if r is None else _line(r)
    entries = np.concatenate([column, row[1:]])
    return entries[np.arange(shape_of(column)[0])[:, None] + np.arange(shape_of(row)[0])]


@rule(scipy.linalg.circulant)
def _circulant(c: Value) -> Any:
    n = np.arange(shape_of(array(c))[-1])
    return array(c)[..., (n[:, None] - n) % len(n)]


@rule(scipy.linalg.companion)
def _companion(a: Value) -> Any:
    a = array(a)
    n = shape_of(a)[-1] - 1
    first = -a[..., 1:] / a[..., :1]
    below = np.broadcast_to(np.eye(n - 1, n, dtype=first.dtype), (*shape_of(a)[:-1], n - 1, n))
    return np.concatenate([first[..., None, :], below], axis=-2)


@rule(scipy.linalg.fiedler)
def _fiedler(a: Value) -> Any:
    a = np.atleast_1d(array(a))
    return np.abs(a[..., :, None] - a[..., None, :])


@rule(scipy.linalg.diagsvd)
def _diagsvd(s: Value, M: int, N: int) -> Any:
    square = np.diag(array(s))
    return square[:M, :N] if M == N else _padded(square, M - shape_of(square)[0], N - shape_of(square)[0])


def _padded(x: Value, rows: int, columns: int) -> Value:
    return np.pad(x, ((0, rows), (0, columns)))


@rule(scipy.linalg.convolution_matrix)
def _convolution_matrix(a: Value, n: int, mode: str = "full") -> Any:
    a = _lines(a)
    size, zeros = shape_of(a)[-1], np.zeros((*shape_of(a)[:-1], n - 1), a.dtype)
    full = toeplitz(np.concatenate([a, zeros], axis=-1), np.concatenate([a[..., :1], zeros], axis=-1))
    start = {"full": 0, "same": (min(n, size) - 1) // 2, "valid": min(n, size) - 1}[mode]
    rows = {"full": n + size - 1, "same": max(n, size), "valid": max(n, size) - min(n, size) + 1}[mode]
    return full[..., start : start + rows, :]


@rule(scipy.linalg.leslie)
def _leslie(f: Value, s: Value) -> Any:
    f = array(f)
    below = np.diag(array(s))
    return np.concatenate([f[None, :], np.concatenate([below, np.zeros_like(below[:, :1])], axis=1)])


@scipy_table.rule(scipy.linalg.block_diag)
def _block_diag(*arrs: Value) -> Any:
    blocks = [np.atleast_2d(array(a)) for a in arrs]
    widths = [shape_of(b)[-1] for b in blocks]

    def zeros(block: Value, width: int) -> Value:
        return np.zeros((*shape_of(block)[:-1], width), block.dtype)

    rows = [
        np.concatenate([zeros(b, sum(widths[:k])), b, zeros(b, sum(widths[k + 1 :]))], axis=-1)
        for k, b in enumerate(blocks)
    ]
    return np.concatenate(rows, axis=-2)


@rule(scipy.linalg.khatri_rao)
def _khatri_rao(a: Value, b: Value) -> Any:
    a, b = array(a), array(b)
    spread = a[..., :, None, :] * b[..., None, :, :]
    return np.reshape(spread, (*shape_of(spread)[:-3], -1, shape_of(spread)[-1]))


@rule(scipy.linalg.matmul_toeplitz)
def _matmul_toeplitz(c_or_cr: Any, x: Value) -> Any:
    return (toeplitz(*c_or_cr) if isinstance(c_or_cr, tuple) else toeplitz(c_or_cr)) @ array(x)
