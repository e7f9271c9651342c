"""From a table to a matrix: gaps filled, categories one-hot, numbers standardised; the split for validation.

What is learned from the training rows is a :class:`Preparation`. It belongs to the model, is saved with it,
and makes of every later table the matrix that the model's weights are meant for, whatever the order of its
columns.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nazad.errors import ArgumentError, DataError, ModelFileError
from nazad.learn.columns import Category, Impute, Matrix, Number, column_from_dict, first_text
from nazad.learn.table import Table, check_names, is_text
from nazad.nearby import counted, listed, near, shown, suggest

_LARGEST = 2**30  # bytes of a one-hot matrix
_FILLINGS = (None, "mean", "median")


@dataclasses.dataclass(frozen=True)
class Preparation:
    """What was learned from the training rows about each column, in the order of the matrix.

    Parameters
    ----------
    columns : tuple
        A record for each column: how it is filled, and standardised or one-hot.

    Examples
    --------
    >>> people = Table.of([[20.0], [30.0], [40.0]], ["age"], "people")
    >>> people = people.with_column("sex", np.array(["f", "m", "f"], dtype=object))
    >>> preparation = Preparation.fit(people, categorical=True)
    >>> preparation.features
    ('age', 'sex=f', 'sex=m')
    >>> preparation.apply(people).round(2)
    array([[-1.22,  1.  ,  0.  ],
           [ 0.  ,  0.  ,  1.  ],
           [ 1.22,  1.  ,  0.  ]])
    """

    columns: tuple[Number | Category, ...]

    @classmethod
    def fit(
        cls, table: Table, impute: Impute | None = None, categorical: bool | Collection[str] = False
    ) -> Preparation:
        """Learn from the training rows.

        Parameters
        ----------
        table : Table
            The training rows, without the target.
        impute : {None, "mean", "median"}
            What fills an empty, NaN or infinite cell; an empty category becomes the most frequent one. With
            None, such a cell is an error.
        categorical : bool or collection of str
            Whether columns of text are categories, or which columns are.

        Raises
        ------
        DataError
            If a column cannot become numbers; it names the row, the column and the remedy.
        """
        if impute not in _FILLINGS:
            raise ArgumentError(f"impute is {impute!r}", 'Write "mean", "median" or None')
        chosen = _chosen(table, categorical)
        _check_columns(table, chosen)
        columns = tuple(
            (Category if name in chosen else Number).fit(table, name, impute) for name in table.names
        )
        _check_width(columns, table)
        return cls(columns)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that a table needs."""
        return tuple(column.name for column in self.columns)

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the matrix's columns: ``age``, ``sex=f``, ``sex=m``."""
        return tuple(feature for column in self.columns for feature in column.features)

    @property
    def text_names(self) -> tuple[str, ...]:
        """The columns that are categories: what a later file is to be read with, as ``text``."""
        return tuple(column.name for column in self.columns if isinstance(column, Category))

    def apply(self, table: Table) -> Matrix:
        """The matrix of a table, a row for each row; columns that training did not have are passed over."""
        self._check_names(table)
        X = np.empty((table.rows, len(self.features)))
        start = 0
        for column in self.columns:
            stop = start + len(column.features)
            column.write(table, X[:, start:stop])
            start = stop
        return X

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it; floats survive exactly."""
        return {"columns": [column.to_dict() for column in self.columns]}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Preparation:
        """The inverse of :meth:`to_dict`; a ModelFileError if it is none."""
        try:
            columns = tuple(column_from_dict(column) for column in state["columns"])
            check_names([column.name for column in columns], None)
            return cls(columns)
        except (DataError, KeyError, TypeError, ValueError, AttributeError) as fault:
            raise ModelFileError(
                f"the model's preparation is damaged: {fault}", "Train the model again"
            ) from None

    def _check_names(self, table: Table) -> None:
        lacking = [name for name in self.names if not table.has(name)]
        if lacking:
            met = f"there is no column {listed(lacking)}, on which the model was trained"
            found = [other for name in lacking[:3] for other in near(name, table.names, most=1)]
            raise DataError(met, f"Near it is {listed(found)}" if found else "", table.source)
        extra = set(table.names) - set(self.names)
        if not table.named and any(name[1:].isdecimal() for name in extra):  # x7, made up by Table.of
            met = f"{counted(len(extra), 'column')} beyond the {len(self.names)} of the training"
            raise DataError(met, "Give the same columns in the same order, or name them", table.source)


def split(
    codes: NDArray[np.integer[Any]],
    fraction: float = 0.2,
    rng: np.random.Generator | int | None = None,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split rows into a training and a validation part that have the classes in the same shares.

    Parameters
    ----------
    codes : array of int
        The class of each row. A class of a single row goes to the training part.
    fraction : float
        The share of the validation part, between 0 and 1.
    rng : Generator or int, optional
        As in SPEC 7.

    Returns
    -------
    training, validation : array of int
        The rows of each part, in rising order; each row stands in one of them.

    Examples
    --------
    >>> training, validation = split(np.array([0, 0, 0, 0, 1, 1, 1, 1]), 0.25, rng=0)
    >>> len(training), len(validation)
    (6, 2)
    """
    if not 0 < fraction < 1:
        raise ArgumentError(f"a validation part of {fraction}", "Give a share between 0 and 1, such as 0.2")
    generator = np.random.default_rng(rng)
    _, groups, counts = np.unique(codes, return_inverse=True, return_counts=True)
    shuffled = generator.permutation(len(groups))
    by_class = shuffled[np.argsort(groups[shuffled], kind="stable")]
    ranks = np.arange(len(groups)) - np.repeat(np.cumsum(counts) - counts, counts)
    held = ranks < np.repeat(_shares(counts, fraction), counts)
    if not held.any():
        met = f"{counted(len(groups), 'row')} of {counted(len(counts), 'class', 'classes')}: too few to split"
        raise DataError(met, "A validation part needs a class of two rows or more")
    return np.sort(by_class[~held]), np.sort(by_class[held])


def _shares(counts: NDArray[np.intp], fraction: float) -> NDArray[np.intp]:
    """How many rows of each class go to validation: rounded so that the sum is right, and one is left."""
    exact = counts * fraction
    shares = np.minimum(exact.astype(np.intp), counts - 1)
    wanted = max(1, round(float(exact.sum()))) - int(shares.sum())
    able = np.flatnonzero(shares < counts - 1)
    order = able[np.argsort(shares[able] - exact[able], kind="stable")]
    shares[order[: max(wanted, 0)]] += 1
    return shares


def _chosen(table: Table, categorical: bool | Collection[str]) -> frozenset[str]:
    """The columns that become categories."""
    if isinstance(categorical, bool):
        text = [name for name in table.names if is_text(table.column(name))]
        return frozenset(text if categorical else ())
    for name in categorical:
        if name not in table.names:
            met = f"there is no column {shown(name)} to be categorical"
            raise DataError(met, suggest(name, table.names), table.source)
    return frozenset(categorical)


def _check_columns(table: Table, chosen: Collection[str]) -> None:
    if not table.names or not table.rows:
        raise DataError("there is no column, or no row, to learn from", "", table.source)
    text = [name for name in table.names if name not in chosen and is_text(table.column(name))]
    if text:
        raise _text_met(table, text)
    if all(_constant(table, name) for name in table.names):
        met = f"every column is constant over {counted(table.rows, 'row')}"
        raise DataError(met, "There is nothing to learn from", table.source)


def _constant(table: Table, name: str) -> bool:
    column = table.column(name)
    return bool((column == column[0]).all())


def _text_met(table: Table, text: Sequence[str]) -> DataError:
    column = table.column(text[0])
    row = first_text(column)
    which = f"column {listed(text)} holds" if len(text) == 1 else f"columns {listed(text)} hold"
    met = f"{shown(column[row])} is not a number; {which} text"
    return DataError(met, _remedy(column[row]), table.place(row, text[0]))


def _remedy(cell: str) -> str:
    if cell.replace(",", "").lstrip("+-").isdecimal():
        return "Write decimals with a point, and thousands without a mark"
    return "Pass --categorical to make categories of text (categorical=True in Python), or mend the cell"


def _check_width(columns: Sequence[Number | Category], table: Table) -> None:
    width = sum(len(column.features) for column in columns)
    largest = max(columns, key=lambda column: len(column.features))
    if isinstance(largest, Category) and width * table.rows * 8 > _LARGEST:
        met = f"column {shown(largest.name)} has {len(largest.features)} categories: more than 1 GiB of zeros"
        raise DataError(met, "Remove it, or join its categories", table.source)
