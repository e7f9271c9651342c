"""The room of :mod:`scipy.sparse`: its classes and functions that are given traced values."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import optree
import scipy.sparse as sp

from nazad.errors import TraceError
from nazad.graph import Value, here, shape_of
from nazad.trace.scipy_table import method, rule
from nazad.trace.scipy_table.sparse.array import SparseArray, dense, handle, is_sparse
from nazad.trace.scipy_table.sparse.stored import KINDS, format_of

rule(sp.issparse)(is_sparse)


# --- matrices from their parts
def _constructor(kind: Any) -> Callable[..., SparseArray]:
    def constructed(arg1: Any, shape: Any = None, dtype: Any = None, copy: bool = False) -> SparseArray:
        made = _made(kind, arg1, shape)
        if dtype is not None:
            return made.astype(dtype)
        return made.copy() if copy else made

    return constructed


def _made(kind: Any, parts: Any, shape: Any) -> SparseArray:
    if is_sparse(parts):
        return handle(parts).asformat(format_of(kind)).of_kind(kind)
    if not isinstance(parts, tuple):
        raise TraceError(
            f"{kind.__name__} of an array, some of whose zeros may depend on traced values",
            "Give the entries and their places: (data, (row, col)) or (data, indices, indptr).",
            here(),
        )
    if len(parts) == 2:
        row, col = map(dense, parts[1])
        return _listed(parts[0], row, col, shape).asformat(format_of(kind)).of_kind(kind)
    data, indices, indptr = map(dense, parts)
    if shape is None:
        size = shape_of(indptr)[0] - 1, _reach(indices)
        shape = size if format_of(kind) == "csr" else size[::-1]
    return SparseArray(kind, data, (indices, indptr), tuple(shape))


def _listed(data: Any, row: Value, col: Value, shape: Any) -> SparseArray:
    size = (_reach(row), _reach(col)) if shape is None else tuple(shape)
    return SparseArray(sp.coo_array, dense(data), (row, col), size)


def _reach(places: Value) -> int:
    return int(np.max(places)) + 1 if shape_of(places)[0] else 0


for _kind in KINDS:
    rule(_kind)(_constructor(_kind))


# --- entries of several matrices, moved
def _moved(function: Any, *args: Any, **kwargs: Any) -> Any:
    """What SciPy makes of structures of matrices, or of diagonals, by moving their entries."""
    name, parts = (None, args[0]) if args else next(iter(kwargs.items()))
    rest = {key: value for key, value in kwargs.items() if key != name}
    leaves, structure = optree.tree_flatten(parts, is_sparse, none_is_leaf=True)
    numbered, entries, first = [], [np.zeros(0, np.bool_)], 1
    for leaf in leaves:
        numbers, data = _numbered(leaf, first)
        numbered.append(numbers)
        entries.append(data)
        first += shape_of(data)[0]
    found = function(optree.tree_unflatten(structure, numbered), **rest)
    return SparseArray.of_numbers(found, np.concatenate(entries))


def _numbered(leaf: Any, first: int) -> tuple[Any, Value]:
    """A matrix or an array with the numbers of its entries for these, and them."""
    if leaf is None:
        return None, np.zeros(0, np.bool_)
    if is_sparse(leaf):
        full = handle(leaf).summed()
        return full.numbered(first), full.data
    data = np.ravel(dense(leaf))
    return np.reshape(np.arange(float(first), first + shape_of(data)[0]), shape_of(leaf)), data


_MOVING = "vstack hstack bmat block_array block_diag tril triu diags diags_array"
for _name in _MOVING.split():
    rule(getattr(sp, _name))(functools.partial(_moved, getattr(sp, _name)))


# --- methods of constants, given traced values
def _of_traced(name: str) -> Callable[..., Any]:
    return lambda A, *args, **kwargs: getattr(handle(A), name)(*args, **kwargs)


for _format in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil"):
    for _kind in (f"{_format}_array", f"{_format}_matrix"):
        for _name in ("multiply", "dot"):
            method(getattr(sp, _kind), _name)(_of_traced(_name))
