"""Sparse matrices as structures: which of their arrays are leaves.

A derivative by a matrix is one by its stored entries, and so these are its only leaf; the pattern belongs to
the structure, and the derivative, put into it, is a matrix again. For compiled code the pattern is an
argument like the entries, so that one program serves many patterns: there all three arrays are leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import optree

from nazad.errors import ArgumentError
from nazad.trace.scipy_table.sparse.array import SparseArray, handle, is_sparse
from nazad.tree import SPACE, Tree


class Pattern:
    """A matrix without its entries; equal where the same entries mean the same matrix.

    It has no hash, since what is kept by it would keep its arrays.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, matrix: SparseArray) -> None:
        self.kind, self.places, self.shape = matrix.kind, matrix.places, matrix.shape

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pattern) or self.kind is not other.kind or self.shape != other.shape:
            return False
        return all(map(_same, self.places, other.places))

    def __repr__(self) -> str:
        return f"{self.kind.__name__} of shape {self.shape}"


def _same(a: Any, b: Any) -> bool:
    return a is b or (type(a) is np.ndarray is type(b) and np.array_equal(a, b))


class Whole:
    """A matrix with all its arrays as leaves."""

    def __init__(self, matrix: Any) -> None:
        known = handle(matrix)
        self.kind, self.shape, self.arrays = known.kind, known.shape, (known.data, *known.places)
        self.names = ("data", *(("row", "col") if known.format == "coo" else ("indices", "indptr")))

    def reader(self) -> Callable[[Any], Any]:
        """What fetches the arrays of SciPy's matrices of this class and shape; None of anything else."""
        kind, shape = self.kind, self.shape
        if self.names[1] == "row":
            return lambda x: (x.data, x.row, x.col) if type(x) is kind and x.shape == shape else None

        def arrays(x: Any) -> Any:
            if type(x) is not kind or x.shape != shape:
                return None
            data, indices, indptr = x.data, x.indices, x.indptr
            return (data, indices, indptr) if len(data) == len(indices) == indptr[-1] else None

        return arrays


def numbers_of_entries(tree: Tree) -> list[int]:
    """The numbers of the leaves that are entries of matrices by rows or columns."""
    found, count = [], 0
    for part in optree.tree_leaves(tree, lambda x: isinstance(x, Whole), namespace=SPACE):
        if isinstance(part, Whole) and part.names[1] == "indices":
            found.append(count)
        count += 3 if isinstance(part, Whole) else 1
    return found


def built(kind: Any, shape: tuple[int, int], data: Any, *places: Any) -> Any:
    """SciPy's matrix of plain numbers, its arrays its own; the traced one of anything else."""
    if not all(type(x) is np.ndarray for x in (data, *places)):
        return SparseArray(kind, data, (places[0], places[1]), shape)
    matrix = SparseArray(kind, data, (places[0].copy(), places[1].copy()), shape)
    if data.ndim != 1:
        raise ArgumentError(
            f"many derivatives by a sparse matrix, of shape {data.shape}, are no sparse matrix",
            "Differentiate by its entries: lambda data: f(csr_array((data, A.indices, A.indptr), A.shape)).",
        )
    return matrix.plain()


def _register(kind: type, parts: Callable[[Any], Any], build: Callable[[Any, Any], Any]) -> None:
    optree.register_pytree_node(kind, parts, build, path_entry_type=optree.GetAttrEntry, namespace=SPACE)


_register(
    SparseArray,
    lambda A: ((A.data,), Pattern(A), ("data",)),
    lambda pattern, leaves: built(pattern.kind, pattern.shape, *leaves, *pattern.places),
)
_register(
    Whole,
    lambda A: (A.arrays, (A.kind, A.shape), A.names),
    lambda fixed, leaves: built(*fixed, *leaves),
)


def with_entries(tree: Tree) -> Tree:
    """The same structure with the entries of sparse matrices for leaves."""
    return _replaced(tree, _by_entries)


def _by_entries(A: Any) -> SparseArray:
    if A.format not in ("csr", "csc", "coo"):
        raise ArgumentError(
            f"a matrix in the format {A.format} is differentiated by, some of whose entries are implied",
            "Give A.tocsr(), which stores each by itself.",
        )
    return handle(A)


def with_patterns(tree: Tree) -> Tree:
    """The same structure with all arrays of sparse matrices for leaves."""
    return _replaced(tree, Whole)


def _replaced(tree: Tree, change: Callable[[Any], Any]) -> Tree:
    leaves, structure = optree.tree_flatten(tree, is_sparse, namespace=SPACE)
    if not any(map(is_sparse, leaves)):
        return tree
    return optree.tree_unflatten(structure, [change(x) if is_sparse(x) else x for x in leaves])
