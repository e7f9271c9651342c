"""A table as it was read: named columns of numbers or of text, and the place of every cell in its file.

Nothing is interpreted here. An empty cell is still empty, text is still text; :mod:`nazad.learn.prepare`
makes a matrix of it, :mod:`nazad.learn.labels` the classes. Both name the cell at fault by
:meth:`Table.place`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nazad.errors import DataError
from nazad.nearby import counted, listed, shown, suggest

Column = NDArray[Any]  # float64, where NaN is an empty cell; or Python strings, where "" is
Rows = NDArray[np.integer[Any]]

NUMBER_KINDS = "biuf"


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """An immutable table.

    Parameters
    ----------
    names : tuple of str
        The names of the columns, each once.
    columns : tuple of array
        One array for each name, all of one length: float64 with NaN for an empty cell, or Python strings
        (dtype object) with ``""`` for one.
    source : str
        What the table was read from.
    lines : array of int
        The line of the file on which each row begins, or the row's index if the file has no lines.
    unit : {"line", "row"}
        What ``lines`` counts.
    named : bool
        Whether the names come from the file, rather than being x0, x1 and so on.
    sparse : bool
        Whether a column that the file does not mention is one of zeros, as in svmlight files.

    Examples
    --------
    >>> table = Table.of([[1.0, 2.0], [3.0, 4.0]], ["age", "fare"], source="people")
    >>> table.column("fare")
    array([2., 4.])
    >>> table.place(1, "fare")
    "people, row 1 (counted from 0), column 'fare'"
    """

    names: tuple[str, ...]
    columns: tuple[Column, ...]
    source: str
    lines: Rows
    unit: str = "line"
    named: bool = True
    sparse: bool = False

    def __post_init__(self) -> None:
        check_names(self.names, self.source)
        columns = tuple(_frozen(column) for column in self.columns)
        if len(columns) != len(self.names) or any(len(column) != self.rows for column in columns):
            raise DataError("the columns are not as many, or not as long, as stated", "", self.source)
        object.__setattr__(self, "columns", columns)

    @classmethod
    def of(cls, X: ArrayLike, names: Sequence[str] | None = None, source: str = "X", **more: Any) -> Table:
        """The table of a matrix of numbers; columns without names are x0, x1 and so on."""
        matrix = numbers(X, source, 2)
        rows, width = matrix.shape
        if names is not None and len(names) != width:
            raise DataError(f"{counted(width, 'column')} and {counted(len(names), 'name')}", "", source)
        named = names is not None
        names = tuple(names) if names is not None else tuple(f"x{j}" for j in range(width))
        return cls(names, tuple(matrix.T), source, np.arange(rows), "row", named, **more)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.lines)

    @functools.cached_property
    def _index(self) -> dict[str, int]:
        return {name: j for j, name in enumerate(self.names)}

    def has(self, name: str) -> bool:
        """Whether there is such a column, be it one of implied zeros."""
        return name in self._index or (self.sparse and name.isdecimal())

    def column(self, name: str) -> Column:
        """The column of that name, or an error that offers near names."""
        if name in self._index:
            return self.columns[self._index[name]]
        if self.has(name):
            return np.zeros(self.rows)
        raise DataError(f"there is no column {shown(name)}", suggest(name, self.names), self.source)

    def place(self, row: int, name: str) -> str:
        """Where a cell stands in its file."""
        counted_from = "" if self.unit == "line" else " (counted from 0)"
        return f"{self.source}, {self.unit} {self.lines[row]}{counted_from}, column {shown(name)}"

    def take(self, rows: Rows) -> Table:
        """The table of some of the rows; each keeps its place in the file."""
        columns = tuple(column[rows] for column in self.columns)
        return dataclasses.replace(self, columns=columns, lines=self.lines[rows])

    def without(self, name: str) -> Table:
        """The table less one column, which need not exist: predicting works with and without the target."""
        kept = [j for j, other in enumerate(self.names) if other != name]
        return dataclasses.replace(
            self, names=tuple(self.names[j] for j in kept), columns=tuple(self.columns[j] for j in kept)
        )

    def with_column(self, name: str, column: Column) -> Table:
        """The table and one more column behind the others."""
        return dataclasses.replace(self, names=(*self.names, name), columns=(*self.columns, column))


def is_text(column: Column) -> bool:
    """Whether a column of a table holds text."""
    return column.dtype == object


def number_text(value: float) -> str:
    """How a number is written when it stands for a category or a class.

    Examples
    --------
    >>> number_text(3.0), number_text(-0.0), number_text(2.5)
    ('3', '0', '2.5')
    """
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def texts(column: Column) -> Column:
    """A column's cells as text, and ``""`` for those that are empty."""
    if is_text(column):
        return column
    distinct, codes = np.unique(column, return_inverse=True)
    words = [
        "" if np.isnan(value) else number_text(value) if np.isfinite(value) else str(value)
        for value in distinct
    ]
    return np.array(words, dtype=object)[codes]


def distinct_texts(cells: Iterable[str]) -> list[str]:
    """The different ones among some texts, sorted.

    Examples
    --------
    >>> distinct_texts(["b", "a", "b"])
    ['a', 'b']
    """
    return sorted(set(cells))


def numbers(values: ArrayLike, source: str, dimensions: int) -> NDArray[np.float64]:
    """An array as float64 of so many dimensions, or an error that says what was met instead."""
    array = np.asarray(values)
    if array.dtype.kind not in NUMBER_KINDS:
        raise DataError(f"an array of {array.dtype}", "Give one of real numbers", source)
    if array.ndim != dimensions:
        raise DataError(f"an array of shape {array.shape}", f"Give one of {dimensions} dimensions", source)
    with np.errstate(over="ignore"):  # a long double that does not fit is inf, and named as such later
        return array.astype(np.float64)


def check_names(names: Sequence[str], source: object) -> None:
    """Raise if a name stands twice, or if a column has none."""
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        met = f"several columns are named {listed(twice)}"
        raise DataError(met, "Give every column a name of its own" + _no_header(names), source)
    if "" in names:
        met = f"column {list(names).index('') + 1} of {len(names)} has no name"
        raise DataError(met, "Name it, or remove it (in pandas: to_csv(..., index=False))", source)


def _no_header(names: Sequence[str]) -> str:
    return "; the names look like data: is the header line missing?" if all(map(is_number, names)) else ""


def is_number(text: str) -> bool:
    """Whether a text is a number as data files write it.

    Examples
    --------
    >>> is_number("-1.5e3"), is_number("1_000"), is_number("abc")
    (True, False, False)
    """
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # Python's own digit grouping, which no data file means


def _frozen(column: Column) -> Column:
    view = column.view()
    view.flags.writeable = False
    return view
