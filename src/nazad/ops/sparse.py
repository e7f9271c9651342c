"""Sparse matrices: a product, its transposes, and what undoes it.

A matrix is the three arrays of the compressed format: ``data``, the stored entries row by row, ``indices``,
the column of each, and ``indptr``, where each row begins, with the number of entries behind the last. The
pattern is two arguments of whole numbers, so that one graph serves many patterns; a derivative by a matrix is
one by ``data``. Entries may stand in any order within a row, and several in one place add up. Columns instead
of rows are the transposed matrix, and so one flag, ``transposed``, stands for both.

The product is linear in ``data`` and in ``x``. Its transpose in ``x`` is the product with the transposed
matrix, its transpose in ``data`` a product of two dense matrices, worked out at the stored places alone; the
transposes of that are products again. SciPy, which is there where its matrices are, is imported on first use.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nazad.extras import require
from nazad.graph import Primitive, Value, rank_of, shape_of
from nazad.graph.primitive import Params
from nazad.ops.families import Linear, fit, row_by_row

Shape = tuple[int, int]


def _in_columns(multiply: Callable[[Value], Value], x: Value) -> Value:
    """What acts on vectors and on each column of a matrix, on a batch of those: all are columns."""
    if rank_of(x) == 2:
        return np.transpose(multiply(np.transpose(x)))
    size, rows, columns = shape_of(x)
    flat = multiply(np.reshape(np.swapaxes(x, 0, 1), (rows, size * columns)))
    return np.swapaxes(np.reshape(flat, (shape_of(flat)[0], size, columns)), 0, 1)


def _batch_last(op: Primitive, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
    """All at once where only the dense argument, which is the last, differs from row to row."""
    if any(batched[:-1]):
        return row_by_row(op, xs, batched, params)
    return _in_columns(lambda x: op(*xs[:-1], x, **params), xs[-1])


def _batch_product(op: Primitive, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
    """Matrices of one pattern are blocks along the diagonal of one large matrix."""
    data, indices, indptr, x = xs
    if not batched[0] or batched[1] or batched[2]:
        return _batch_last(op, xs, batched, params)
    (size, count), (rows, columns) = shape_of(data), params["shape"]
    steps = np.arange(size)[:, None]
    wide = np.reshape(indices + columns * steps, -1)
    starts = np.concatenate([indptr[:1], np.reshape(indptr[1:] + count * steps, -1)])
    x = x if batched[3] else np.broadcast_to(x, (size, *shape_of(x)))
    tall = np.reshape(x, (size * shape_of(x)[1], *shape_of(x)[2:]))
    shape, turned = (size * rows, size * columns), params["transposed"]
    y = op(np.reshape(data, -1), wide, starts, tall, shape=shape, transposed=turned)
    return np.reshape(y, (size, columns if turned else rows, *shape_of(y)[1:]))


# --- products
def _product(data: Value, indices: Value, indptr: Value, x: Value, shape: Shape, transposed: bool) -> Value:
    A = require("scipy.sparse", "learn").csr_array((data, indices, indptr), shape)
    return (A.T if transposed else A) @ x


def _share_of_data(
    y_bar: Value, data: Value, indices: Value, indptr: Value, x: Value, shape: Shape, transposed: bool
) -> Value:
    rows, columns = (x, y_bar) if transposed else (y_bar, x)
    return sampled_product(rows, columns, indices, indptr)


def _share_of_x(
    y_bar: Value, data: Value, indices: Value, indptr: Value, x: Value, shape: Shape, transposed: bool
) -> Value:
    return sparse_matmul(data, indices, indptr, y_bar, shape=shape, transposed=not transposed)


sparse_matmul = Linear(
    "sparse_matmul", _product, _share_of_data, None, None, _share_of_x, batch=_batch_product, symbol="@"
)


def _sampled(rows: Value, columns: Value, indices: Value, indptr: Value) -> Value:
    products = np.repeat(rows, np.diff(indptr), axis=0) * columns[indices]
    return products if rank_of(rows) == 1 else np.sum(products, axis=1)


def _back(transposed: bool) -> Callable[..., Value]:
    """The share of the rows, or of the columns: the cotangents stand in the matrix as its entries."""

    def share(s_bar: Value, rows: Value, columns: Value, indices: Value, indptr: Value) -> Value:
        shape = shape_of(rows)[0], shape_of(columns)[0]
        x = rows if transposed else columns
        return sparse_matmul(s_bar, indices, indptr, x, shape=shape, transposed=transposed)

    return share


sampled_product = Linear("sampled_product", _sampled, _back(False), _back(True), None, None)


# --- systems of equations
class _Solve(Primitive):
    """Solves A x = b. From A x = b follows A x_dot = b_dot - A_dot x, and that is the whole derivative."""

    def push(self, x_dots: Sequence[Value], y: Value, xs: Sequence[Value], params: Params) -> Value:
        (data, indices, indptr, _), (data_dot, _, _, moved) = xs, x_dots
        if data_dot is not None:
            shape = (shape_of(y)[0],) * 2
            minus = -sparse_matmul(data_dot, indices, indptr, y, shape=shape, **params)
            moved = minus if moved is None else moved + minus
        return None if moved is None else self(data, indices, indptr, moved, **params)

    def pull(self, i: int, y_bar: Value, y: Value, xs: Sequence[Value], params: Params) -> Value:
        if i in (1, 2):
            return None
        transposed = params["transposed"]
        share = self(*xs[:3], y_bar, transposed=not transposed)
        if i == 3:
            return fit(share, xs[3])
        rows, columns = (y, share) if transposed else (share, y)
        return fit(-sampled_product(rows, columns, *xs[1:3]), xs[0])

    def batch(self, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
        return _batch_last(self, xs, batched, params)


def _solution(data: Value, indices: Value, indptr: Value, b: Value, transposed: bool) -> Value:
    dtype = np.result_type(data, b)
    data, b = (np.asarray(x, dtype if dtype.kind in "fc" else float) for x in (data, b))
    parts = [np.ascontiguousarray(x) for x in (data, indices, indptr)]
    # factored are the columns of the transposed matrix, which are the rows of this one
    factors = _factored(*[(x.dtype.str, x.tobytes()) for x in parts])
    return factors.solve(b, "N" if transposed else "T")


@functools.lru_cache(maxsize=2)
def _factored(*parts: tuple[str, bytes]) -> Any:
    """The factors of a matrix, kept for the next solution: the transposed one is needed in any pull."""
    data, indices, indptr = (np.frombuffer(entries, dtype) for dtype, entries in parts)
    shape = (len(indptr) - 1,) * 2
    matrix = require("scipy.sparse", "learn").csc_array((data, indices, indptr), shape, copy=True)
    return require("scipy.sparse.linalg", "learn").splu(matrix)


sparse_solve = _Solve("sparse_solve", _solution)

factored_solve: Linear = Linear(
    "factored_solve",
    lambda b, factors, transposed: factors.solve(b, "T" if transposed else "N"),
    lambda y_bar, b, factors, transposed: factored_solve(y_bar, factors=factors, transposed=not transposed),
    batch=_batch_last,
)
"""The solution with a matrix that has been factored already, by ``scipy.sparse.linalg.splu`` say."""
