"""What a traced sparse matrix is made of, and how it goes from one format to another."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import scipy.sparse as sp

from nazad.errors import TraceError
from nazad.graph import Holder, Traced, Value, here, shape_of
from nazad.trace.inside import plain
from nazad.trace.numpy_table import astype
from nazad.trace.scipy_table.sparse.places import added, are_distinct, compressed, counted, picked

KINDS = (sp.csr_array, sp.csc_array, sp.coo_array, sp.csr_matrix, sp.csc_matrix, sp.coo_matrix)
"""The classes of SciPy that have a traced form; others become the first or the fourth of them."""


class Form(NamedTuple):
    """A matrix, or the transposed one, as primitives take it: by rows."""

    parts: tuple[Value, Value, Value]
    shape: tuple[int, int]
    transposed: bool


def format_of(kind: type) -> str:
    """The format of the matrices of a class."""
    return kind.__name__[:3]


class Stored(Holder):
    """A sparse matrix whose stored entries may be traced.

    Attributes
    ----------
    kind : type
        The class of SciPy that it stands for.
    data : array
        The stored entries.
    places : tuple of array
        ``indices`` and ``indptr``, or ``row`` and ``col``.
    """

    __slots__ = ("data", "kind", "places", "shape")
    __hash__ = None  # type: ignore[assignment]
    ndim = 2

    def __init__(self, kind: Any, data: Value, places: tuple[Value, Value], shape: tuple[int, int]) -> None:
        self.kind, self.data, self.places, self.shape = kind, data, places, shape

    @classmethod
    def of(cls, A: Any) -> Self:
        """The same with the arrays of a matrix of SciPy's."""
        if A.ndim != 2:
            raise TraceError(
                f"a sparse array of {A.ndim} dimensions", "Give two dimensions, or A.toarray().", here()
            )
        if type(A) not in KINDS:
            A = sp.csr_array(A) if isinstance(A, sp.sparray) else sp.csr_matrix(A)
        if A.format == "coo":
            return cls(type(A), A.data, (A.row, A.col), A.shape)
        stored = A.indptr[-1]  # behind it there may be room for more
        return cls(type(A), A.data[:stored], (A.indices[:stored], A.indptr), A.shape)

    # --- what is known without the numbers
    @property
    def format(self) -> str:
        return format_of(self.kind)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.data.dtype  # type: ignore[no-any-return]

    @property
    def nnz(self) -> int:
        return int(shape_of(self.data)[0])

    size = nnz

    def __repr__(self) -> str:
        return f"<traced {self.kind.__name__} of shape {self.shape} with {self.nnz} stored entries>"

    def __len__(self) -> int:
        raise TypeError("sparse array length is ambiguous; use getnnz()")

    def getnnz(self) -> int:
        return self.nnz

    # --- the arrays
    @property
    def indices(self) -> Any:
        return self._place(0, "indices", "csr csc")

    @property
    def indptr(self) -> Any:
        return self._place(1, "indptr", "csr csc")

    @property
    def row(self) -> Any:
        return self._place(0, "row", "coo")

    @property
    def col(self) -> Any:
        return self._place(1, "col", "coo")

    @property
    def coords(self) -> tuple[Any, Any]:
        return self.row, self.col

    def _place(self, k: int, name: str, formats: str) -> Any:
        if self.format not in formats:
            raise AttributeError(f"a {self.kind.__name__} has no attribute {name!r}")
        return self.places[k]

    def entries(self) -> tuple[Any, Any]:
        """The row and the column of every stored entry."""
        if self.format == "coo":
            return self.places
        indices, indptr = self.places
        major = counted(indptr, self.nnz)
        return (major, indices) if self.format == "csr" else (indices, major)

    def by_rows(self) -> Form:
        """Itself by rows, or the transposed matrix."""
        m, n = self.shape
        if self.format == "coo":
            return Form(compressed(self.data, *self.places, m), (m, n), False)
        is_turned = self.format == "csc"
        return Form((self.data, *self.places), (n, m) if is_turned else (m, n), is_turned)

    def with_entries(self, data: Value) -> Self:
        return type(self)(self.kind, data, self.places, self.shape)

    def of_kind(self, kind: Any) -> Self:
        """The same as another class of the same format."""
        return type(self)(kind, self.data, self.places, self.shape)

    @property
    def parts(self) -> tuple[Value, ...]:
        return (self.data, *self.places)

    def plain(self) -> Any:
        data, *places = map(plain, self.parts)
        return self.kind((data, tuple(places)) if self.format == "coo" else (data, *places), self.shape)

    def _as(self, form: str) -> Any:
        """The class of SciPy for another format."""
        return getattr(sp, self.kind.__name__.replace(self.format, form, 1))

    # --- other formats
    def asformat(self, format: str | None, copy: bool = False) -> Self:
        if format in (None, self.format):
            return self.copy() if copy else self
        if format not in ("csr", "csc", "coo"):
            raise self._refused(
                f"a sparse matrix in the format {format}", "The formats are csr, csc and coo."
            )
        full = self.summed() if self.format == "coo" else self
        rows, columns = full.entries()
        if format == "coo":
            return type(self)(self._as("coo"), full.data, (rows, columns), self.shape)
        major, minor = (rows, columns) if format == "csr" else (columns, rows)
        data, *places = compressed(full.data, major, minor, self.shape[format == "csc"])
        return type(self)(self._as(format), data, (places[0], places[1]), self.shape)

    def tocsr(self, copy: bool = False) -> Self:
        return self.asformat("csr", copy)

    def tocsc(self, copy: bool = False) -> Self:
        return self.asformat("csc", copy)

    def tocoo(self, copy: bool = True) -> Self:
        return self.asformat("coo", copy)

    def toarray(self) -> Any:
        return added(self.data, self.entries(), self.shape)

    def todense(self) -> Any:
        self._demand_array("todense()", "A.toarray()")
        return self.toarray()

    def transpose(self, axes: None = None, copy: bool = False) -> Self:
        if copy:
            return self.copy().transpose()
        other = {"csr": "csc", "csc": "csr", "coo": "coo"}[self.format]
        places = self.places[::-1] if self.format == "coo" else self.places
        return type(self)(self._as(other), self.data, (places[0], places[1]), self.shape[::-1])

    @property
    def T(self) -> Self:
        return self.transpose()

    def copy(self) -> Self:
        """With entries of its own: those of a matrix can be written into."""
        return self.with_entries(self.data.copy())

    def astype(self, dtype: Any) -> Self:
        return self.with_entries(astype(self.data, dtype))

    def conjugate(self) -> Self:
        return self.with_entries(np.conjugate(self.data))

    conj = conjugate

    # --- entries that are moved
    def numbered(self, first: int = 1) -> Any:
        """SciPy's matrix of the same places, with the number of each entry in its own.

        What SciPy makes of it by moving entries says where they belong; :meth:`of_numbers` puts them there.
        """
        a, b = map(np.asarray, self.places)  # a question, if they are traced
        return type(self)(self.kind, np.arange(first, first + self.nnz), (a, b), self.shape).plain()

    @classmethod
    def of_numbers(cls, found: Any, entries: Value) -> Any:
        """Entries where their numbers, counted from one, stand; in full, where that is no matrix."""
        if not sp.issparse(found):
            return entries[int(found) - 1] if found else np.zeros((), entries.dtype)[()]
        listed = found.tocoo()
        if found.ndim == 1:
            return added(picked(entries, listed.data - 1), listed.coords, found.shape)
        numbers = cls.of(found)
        return numbers.with_entries(picked(entries, np.asarray(numbers.data).astype(np.intp) - 1))

    # --- entries in one place
    def _keys(self) -> Any:
        rows, columns = self.entries()
        return rows * np.int64(max(self.shape[1], 1)) + columns

    def summed(self) -> Self:
        """Itself, unless several entries stand in one place: then they are added up."""
        keys = self._keys()
        return self if are_distinct(keys) else self._collected(self.data, keys, self.shape)

    def _collected(self, data: Value, keys: Value, shape: tuple[int, int]) -> Self:
        """Entries with keys, which count the places row by row, as a matrix of this kind."""
        known, place = np.unique(np.asarray(keys), return_inverse=True)
        total = added(data, (place,), known.shape)
        rows, columns = np.divmod(known, max(shape[1], 1))
        return type(self)(self._as("coo"), total, (rows, columns), shape).asformat(self.format)

    # --- what is refused
    def _demand_array(self, what: str, remedy: str) -> None:
        if not issubclass(self.kind, sp.sparray):
            raise self._refused(
                f"{what} of a {self.kind.__name__}, which SciPy gives as an np.matrix",
                f"Write {remedy}, or make it a {self.format}_array.",
            )

    def _refused(self, met: str, remedy: str) -> TraceError:
        error = TraceError(met, remedy, here())
        if isinstance(self.data, Traced):
            self.data.recorder.errors.append(error)  # user code may swallow it; the end of the trace will not
        return error
