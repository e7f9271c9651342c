"""The target column as classes: what a classifier is to tell apart.

Labels are kept as they stand in the file: integers if all of them are whole numbers, else text.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nazad.errors import DataError
from nazad.learn.table import Column, Table, distinct_texts, is_number, is_text, texts
from nazad.nearby import counted, listed, shown

Label = str | int

_WHOLE = re.compile(r"[+-]?(0|[1-9]\d{0,17})(\.0*)?")  # no leading zero: "007" is a name
_NONE = frozenset(["", "nan", "na", "n/a", "null", "?"])
_FEW = 20  # so many classes are never too many


@dataclasses.dataclass(frozen=True, eq=False)
class Labels:
    """The classes, sorted, and the class of every row.

    Parameters
    ----------
    codes : array of int
        For each row the index of its class, or -1 for a class that is not among them.
    classes : tuple of str or tuple of int
        The classes.
    """

    codes: NDArray[np.intp]
    classes: tuple[Label, ...]

    @property
    def counts(self) -> NDArray[np.intp]:
        """How many rows each class has."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.classes))


def training_labels(table: Table, target: str) -> Labels:
    """The classes of a column that a classifier can be trained on.

    Parameters
    ----------
    table : Table
        The table; a CSV file is read with ``text=[target]``, so that labels stay as they are written.
    target : str
        The name of the column.

    Raises
    ------
    DataError
        If there is no such column, a label is missing, there is a single class, or there are so many that the
        column is rather a quantity or an identifier.

    Examples
    --------
    >>> flowers = Table.of([[1.4], [4.7], [1.3]], ["petal"], "flowers")
    >>> labels = training_labels(flowers.with_column("kind", np.array(["b", "a", "b"], dtype=object)), "kind")
    >>> labels.classes, labels.codes
    (('a', 'b'), array([1, 0, 1]))
    """
    cells = _present(table, target)
    words = distinct_texts(cells)
    _check_classes(words, table, target)
    values = _values(words)
    return Labels(_codes(cells, [words[j] for j in _order(values)]), tuple(sorted(values)))


def known_labels(table: Table, target: str, classes: Sequence[Label]) -> Labels:
    """The rows of a later table, in the classes that a model was trained on; a class it never met is -1.

    Examples
    --------
    >>> later = Table.of([[1.0], [0.0], [7.0]], ["y"], "later")
    >>> known_labels(later, "y", (0, 1)).codes
    array([ 1,  0, -1])
    """
    cells = _present(table, target)
    words = distinct_texts(cells)
    values = [_whole(word) for word in words] if classes and isinstance(classes[0], int) else words
    index: dict[Label | None, int] = {label: code for code, label in enumerate(classes)}
    codes = {word: index.get(value, -1) for word, value in zip(words, values, strict=True)}
    return Labels(np.fromiter(map(codes.__getitem__, cells), np.intp, len(cells)), tuple(classes))


def _present(table: Table, target: str) -> Column:
    """The target's cells as text, none of them missing."""
    if target not in table.names:
        # Asking a sparse table would be answered with zeros.
        table = dataclasses.replace(table, sparse=False)
    column = table.column(target)
    cells = texts(column)
    absent = {cell for cell in distinct_texts(cells) if cell.strip().lower() in _NONE}
    if absent:
        row = next(row for row, cell in enumerate(cells) if cell in absent)
        number = sum(cell in absent for cell in cells)
        met = f"the target has no value; {counted(number, 'such row')} in all"
        raise DataError(met, "A label cannot be filled in: remove these rows", table.place(row, target))
    if not is_text(column) and np.isinf(column).any():
        row = int(np.flatnonzero(np.isinf(column))[0])
        raise DataError("the target is infinite", "Labels are classes", table.place(row, target))
    return cells


def _check_classes(words: Sequence[str], table: Table, target: str) -> None:
    where = f"{table.source}, column {shown(target)}"
    if len(words) == 1:
        met = f"all {counted(table.rows, 'row')} are of a single class, {shown(words[0])}"
        raise DataError(met, "There is nothing to tell apart: a classifier needs two classes or more", where)
    if len(words) <= _FEW:
        return
    if all(map(is_number, words)) and not all(map(_WHOLE.fullmatch, words)):
        met = f"{len(words)} different numbers, {listed(words[:3])} and so on: this is a quantity"
        raise DataError(
            met, "Classification needs classes: cut it into ranges, or choose another target", where
        )
    if 2 * len(words) > table.rows:
        met = f"{len(words)} different values in {counted(table.rows, 'row')}: they identify rows"
        raise DataError(met, "Classification needs a few classes: choose another target", where)


def _values(words: Sequence[str]) -> list[Label]:
    """Integers, if all are whole numbers and remain different; else the texts."""
    whole = [_whole(word) for word in words]
    kept = [value for value in whole if value is not None]
    return list(kept) if len(set(kept)) == len(words) else list(words)


def _whole(word: str) -> int | None:
    return int(word.partition(".")[0]) if _WHOLE.fullmatch(word) else None


def _order(values: Sequence[Label]) -> list[int]:
    return sorted(range(len(values)), key=values.__getitem__)


def _codes(cells: Column, words: Sequence[str]) -> NDArray[np.intp]:
    index = {word: code for code, word in enumerate(words)}
    return np.fromiter(map(index.__getitem__, cells), np.intp, len(cells))
