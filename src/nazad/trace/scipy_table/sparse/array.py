"""The traced sparse matrix: its stored entries are traced, and its pattern stays as it is.

It answers to what SciPy's matrices answer to, in three formats: by rows (csr), by columns (csc), and as a
list of places (coo). Whatever would need other places than are stored, or is an ``np.matrix`` in SciPy,
raises.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import scipy.sparse as sp

from nazad.errors import ShapeError
from nazad.graph import PYTHON_NUMBERS, Traced, Value, here, rank_of, shape_of
from nazad.ops.sparse import sparse_matmul
from nazad.trace.numpy_table import astype
from nazad.trace.numpy_table.normal import one_axis
from nazad.trace.scipy_table import asks_beside
from nazad.trace.scipy_table.sparse.places import added, picked
from nazad.trace.scipy_table.sparse.stored import Stored

_KEEPING = "sin tan arcsin arctan sinh tanh arcsinh arctanh expm1 log1p sqrt deg2rad rad2deg"
_KEEP_ZEROS = frozenset([*_KEEPING.split(), "rint", "sign", "floor", "ceil", "trunc"])


def is_sparse(x: Any) -> bool:
    """Whether a value is a sparse matrix, SciPy's or a traced one."""
    return isinstance(x, SparseArray) or sp.issparse(x)


def handle(A: Any) -> SparseArray:
    """The traced form of any sparse matrix; one that holds plain numbers is a constant."""
    return A if isinstance(A, SparseArray) else SparseArray.of(A)


class SparseArray(Stored):
    """A sparse matrix whose stored entries may be traced: what is worked out with it."""

    __slots__ = ()

    # --- products
    def __matmul__(self, other: Any) -> Any:
        if is_sparse(other):
            return self._times_sparse(handle(other))
        x = dense(other)
        if rank_of(x) == 0:
            raise ValueError("Scalar operands are not allowed, use '*' instead")
        if rank_of(x) > 2 or shape_of(x)[0] != self.shape[1]:
            raise ShapeError(f"A @ x for A of shape {self.shape} and x of shape {shape_of(x)}", "", here())
        form = self.by_rows()
        return sparse_matmul(*form.parts, x, shape=form.shape, transposed=form.transposed)

    def __rmatmul__(self, other: Any) -> Any:
        if is_sparse(other):
            return handle(other) @ self
        return np.transpose(self.T @ np.transpose(dense(other)))

    def dot(self, other: Any) -> Any:
        return self.multiply(other) if _is_scalar(other) else self @ other

    def _times_sparse(self, other: SparseArray) -> SparseArray:
        """Each entry meets the row of the other matrix that its column names."""
        if self.shape[1] != other.shape[0]:
            raise ShapeError(f"A @ B for A of shape {self.shape} and B of shape {other.shape}", "", here())
        right = other.tocsr()
        rows, columns = map(np.asarray, self.entries())
        starts, shape = np.asarray(right.indptr), (self.shape[0], other.shape[1])
        counts = np.diff(starts)[columns]
        a = np.repeat(np.arange(self.nnz), counts)
        b = np.arange(len(a)) + np.repeat(starts[columns] - np.cumsum(counts) + counts, counts)
        keys = rows[a] * np.int64(max(shape[1], 1)) + np.asarray(right.indices)[b]
        return self._collected(picked(self.data, a) * picked(right.data, b), keys, shape)

    def multiply(self, other: Any) -> SparseArray:
        """Entry by entry; what is not stored stays zero."""
        if _is_scalar(other):
            return self.with_entries(self.data * other)
        if is_sparse(other):
            return self._times_entries(handle(other))
        x = dense(other)
        if rank_of(x) > 2 or np.broadcast_shapes(shape_of(x), self.shape) != self.shape:
            raise self._refused(
                f"a sparse matrix of shape {self.shape} is multiplied by an array of shape {shape_of(x)}",
                "The matrix keeps its shape: give an array that is broadcast to it, or take A.toarray().",
            )
        places = self.entries()[2 - rank_of(x) :]
        picks = [0 if n == 1 else place for place, n in zip(places, shape_of(x), strict=True)]
        return self.with_entries(self.data * picked(x, *picks))

    def _times_entries(self, other: SparseArray) -> SparseArray:
        """A product is stored wherever one of the two is."""
        a, b = self.aligned(other)
        return a.with_entries(a.data * b.data)

    def aligned(self, other: SparseArray) -> tuple[SparseArray, SparseArray]:
        """Both with all places that either of them has."""
        if self.shape != other.shape:
            raise ShapeError(f"sparse matrices of shapes {self.shape} and {other.shape}", "", here())
        keys, others = np.asarray(self._keys()), np.asarray(other._keys())
        zeros = np.zeros(len(others), self.dtype), np.zeros(len(keys), other.dtype)
        whole = np.concatenate([keys, others])
        a = self._collected(np.concatenate([self.data, zeros[0]]), whole, self.shape)
        return a, self._collected(np.concatenate([zeros[1], other.data]), whole, self.shape)

    def __mul__(self, other: Any) -> Any:
        is_product = _is_scalar(other) or issubclass(self.kind, sp.sparray)
        return self.multiply(other) if is_product else self @ other

    def __rmul__(self, other: Any) -> Any:
        is_product = _is_scalar(other) or issubclass(self.kind, sp.sparray)
        return self.multiply(other) if is_product else self.__rmatmul__(other)

    def __truediv__(self, other: Any) -> SparseArray:
        if is_sparse(other):
            raise self._refused("a sparse matrix divided by another", "Divide A.data by the entries meant.")
        return self.with_entries(self.data / other) if _is_scalar(other) else self.multiply(1 / dense(other))

    def __imul__(self, other: Any) -> Any:
        """By a number, the entries change under all names of the matrix, as in SciPy."""
        if not _is_scalar(other):
            return self * other
        self.data *= other
        return self

    def __itruediv__(self, other: Any) -> Any:
        if not _is_scalar(other):
            return self / other
        self.data /= other
        return self

    # --- sums
    def __add__(self, other: Any) -> SparseArray:
        if not is_sparse(other):
            if type(other) in PYTHON_NUMBERS and other == 0:
                return self.copy()
            raise self._refused(
                "the sum of a sparse matrix and a number or array, which has all entries",
                "Write A.toarray() + x.",
            )
        a, b = self.aligned(handle(other))
        return a.with_entries(a.data + b.data)

    __radd__ = __add__

    def __sub__(self, other: Any) -> SparseArray:
        return self.__add__(-other)

    def __rsub__(self, other: Any) -> SparseArray:
        return self.__neg__().__add__(other)

    def __neg__(self) -> SparseArray:
        return self.with_entries(-self.data)

    def __pos__(self) -> SparseArray:
        return self.copy()

    def sum(self, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
        if out is not None:
            raise self._refused("sum(out=)", "Take the returned array.")
        data = self.data if dtype is None else astype(self.data, dtype)
        if axis is None:
            return np.sum(data)
        gone = one_axis(axis, 2)
        self._demand_array(f"sum(axis={axis})", f"A{'' if gone else '.T'} @ np.ones(A.shape[{gone}])")
        ones = np.ones(self.shape[gone], np.add.reduce(np.ones(0, self.dtype), dtype=dtype).dtype)
        whole = self.with_entries(data)
        return whole @ ones if gone else ones @ whole

    def mean(self, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
        count = self.shape[0] * self.shape[1] if axis is None else self.shape[one_axis(axis, 2)]
        kind = dtype or (None if self.dtype.kind == "f" else np.float64)
        return self.sum(axis, kind, out) / count

    def diagonal(self, k: int = 0) -> Any:
        rows, columns = self.entries()
        m, n = self.shape
        first, size = max(-k, 0), max(min(m + min(k, 0), n - max(k, 0)), 0)
        on = columns - rows == k
        kept = np.where(on, self.data, np.zeros((), self.dtype))
        return added(kept, (np.where(on, rows - first, 0),), (max(size, 1),))[:size]

    def trace(self, offset: int = 0) -> Any:
        return np.sum(self.diagonal(offset))

    # --- entry by entry
    def mapped(self, function: Callable[[Value], Value]) -> SparseArray:
        """A function that keeps zeros, of every entry."""
        full = self.summed()
        return full.with_entries(function(full.data))

    def __abs__(self) -> SparseArray:
        return self.mapped(np.abs)

    def power(self, n: Any, dtype: Any = None) -> SparseArray:
        if not _is_scalar(n) or isinstance(n, Traced) or n <= 0:
            raise self._refused(f"power({n!r:.40})", "A power that keeps zeros is a positive number.")
        return self.mapped(lambda data: (data if dtype is None else astype(data, dtype)) ** n)

    def __pow__(self, n: Any) -> SparseArray:
        self._demand_array("**", "A.power(n) for powers of entries, A @ A for those of the matrix")
        return self.power(n)

    def __getattr__(self, name: str) -> Any:
        if name in _KEEP_ZEROS:
            return lambda: self.mapped(getattr(np, name))
        remedy = "Work on A.data, with A.indices and A.indptr as they are, or on A.toarray()."
        raise AttributeError(f".{name} of a sparse matrix cannot be traced. {remedy}")

    # --- parts
    def __getitem__(self, key: Any) -> Any:
        full = (self.tocsr() if self.format == "coo" else self).summed()
        return self.of_numbers(full.numbered()[key], full.data)

    def reshape(self, *shape: Any, order: str = "C", copy: bool = False) -> Any:
        full = self.summed()
        return self.of_numbers(full.numbered().reshape(*shape, order=order), full.data)

    def getrow(self, i: int) -> Any:
        return self[[i]]

    def getcol(self, j: int) -> Any:
        return self[:, [j]]

    # --- what would need other places, or lose the derivative
    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        raise self._refused(
            "a traced sparse matrix was written into",
            "Its pattern stays as it is: make another one, csr_array((data, indices, indptr), shape).",
        )

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """To ``isinstance`` it is one of SciPy's, but for an operator that would work on its arrays."""
        return SparseArray if asks_beside(sys._getframe(1)) else self.kind

    def __copy__(self) -> SparseArray:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> SparseArray:
        return self.copy()

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise self._refused("a traced sparse matrix was pickled", "Pickle what the transform returns.")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if asks_beside(sys._getframe(1)):
            return np.array(None, object)  # no array of numbers: the operator of this class is to answer
        raise self._refused("a traced sparse matrix would become an ordinary array", "Write A.toarray().")

    def __eq__(self, other: object) -> NoReturn:
        raise self._refused("a sparse matrix was compared", "Compare A.data, or A.toarray().")

    __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __eq__

    def __bool__(self) -> NoReturn:
        raise ValueError("The truth value of an array with more than one element is ambiguous.")

    # --- NumPy's protocols
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name = _OPERATORS.get(ufunc)
        if method == "__call__" and not kwargs:
            if name is not None:
                return operate(name, *inputs)
            if ufunc.__name__ in _KEEP_ZEROS:
                return self.mapped(ufunc)
        raise self._refused(
            f"np.{ufunc.__name__} of a sparse matrix", "Work on A.data if it keeps zeros, or on A.toarray()."
        )

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        if function in (np.sum, np.mean) and args[0] is self:
            return getattr(self, function.__name__)(*args[1:], **kwargs)
        raise self._refused(
            f"np.{function.__name__} of a sparse matrix", "Call a method of the matrix, or take A.toarray()."
        )


_OPERATORS: dict[np.ufunc, str] = {
    np.add: "add",
    np.subtract: "sub",
    np.multiply: "mul",
    np.matmul: "matmul",
    np.true_divide: "truediv",
    np.power: "pow",
    np.negative: "neg",
    np.absolute: "abs",
}
"""Ufuncs that are operators, which Python's module ``operator`` has by these names."""


def operate(name: str, *operands: Any) -> Any:
    """An operator, by its name in Python, of which one operand at least is a sparse matrix."""
    known = [_operand(x) for x in operands]
    owner = next((k for k, x in enumerate(known) if isinstance(x, SparseArray)), None)
    if owner is None:
        return getattr(operator, name)(*known)
    method = getattr(SparseArray, f"__{'r' * owner}{name}__", None)
    if method is None:
        raise known[owner]._refused(
            f"the operator {name} on a sparse matrix and a traced value",
            "Write it for A.data or A.toarray().",
        )
    return method(known[owner], *known[:owner], *known[owner + 1 :])


def _operand(x: Any) -> Any:
    """A matrix in its traced form; a sparse array of one dimension is not worth one."""
    return x if not is_sparse(x) else x.toarray() if x.ndim == 1 else handle(x)


def _is_scalar(x: Any) -> bool:
    return not is_sparse(x) and not isinstance(x, (list, tuple)) and rank_of(x) == 0


def dense(x: Any) -> Value:
    return x if isinstance(x, Traced) else np.asarray(x)
