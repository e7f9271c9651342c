"""The room of :mod:`scipy.sparse`: its classes and functions that are given traced values."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optree
import scipy.sparse as sp

from nazad.errors import TraceError
from nazad.graph import Traced, Value, here, shape_of
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
    data, *places = parts if len(parts) == 3 else (parts[0], *parts[1])
    data, *places = map(dense, (data, *places))
    owner = kind if len(parts) == 3 else sp.coo_array
    if any(isinstance(p, Traced) for p in places):  # compiled code looks at them itself
        known = SparseArray(owner, data, (places[0], places[1]), _given(shape))
    else:
        known = _checked(owner, data, places, shape)
    return known.asformat(format_of(kind)).of_kind(kind)


def _checked(owner: Any, data: Value, places: Sequence[Any], shape: Any) -> SparseArray:
    """SciPy itself looks whether these places make a matrix, and of which shape."""
    zeros = np.zeros(shape_of(data))
    found = owner((zeros, *places) if owner is not sp.coo_array else (zeros, tuple(places)), shape)
    return SparseArray.of(found).with_entries(data[: found.nnz])


def _given(shape: Any) -> tuple[int, int]:
    if shape is None:
        raise TraceError(
            "a sparse matrix whose shape depends on traced places", "Give shape=(rows, columns).", here()
        )
    rows, columns = shape
    return rows, columns


for _kind in KINDS:
    rule(_kind)(_constructor(_kind))


# --- entries of several matrices, moved
def _moved(function: Any, *args: Any, **kwargs: Any) -> Any:
    """What SciPy makes of structures of matrices, or of diagonals, by moving their entries."""
    name, parts = (None, args[0]) if args else next(iter(kwargs.items()))
    rest = {key: value for key, value in kwargs.items() if key not in (name, "dtype")}
    leaves, structure = optree.tree_flatten(parts, is_sparse, none_is_leaf=True)
    numbered, entries, first = [], [np.zeros(0, np.bool_)], 1
    for leaf in leaves:
        numbers, data = _numbered(leaf, first)
        numbered.append(numbers)
        entries.append(data)
        first += shape_of(data)[0]
    found = function(optree.tree_unflatten(structure, numbered), **rest)
    made = SparseArray.of_numbers(found, np.concatenate(entries))
    dtype = kwargs.get("dtype")  # one for entries, and not for their numbers
    return made if dtype is None else made.astype(dtype)


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
