"""How one column of a table becomes columns of a matrix: a number standardised, or a category one-hot.

Each kind of column is an immutable record that was fitted on the training rows, and is applied to any later
table. ``gain`` is one over the deviation, and zero for a constant column, which thereby stays zero for ever.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nazad.errors import DataError
from nazad.learn.table import Column, Table, distinct_texts, is_number, is_text, texts
from nazad.nearby import counted, shown

Impute = Literal["mean", "median"]
Matrix = NDArray[np.float64]

FILL = 'Pass --impute mean or --impute median (impute="mean" in Python) when fitting, or remove the rows'


@dataclasses.dataclass(frozen=True)
class Number:
    """A column of numbers: missing ones are filled, then (value - center) · gain."""

    name: str
    fill: float | None
    center: float
    gain: float

    @classmethod
    def fit(cls, table: Table, name: str, impute: Impute | None) -> Number:
        """Learn filling, center and deviation."""
        values = table.column(name)
        good = values[np.isfinite(values)]
        if impute and not len(good):
            raise DataError(f"column {shown(name)} holds no value at all", "Remove it", table.source)
        fill = _mean(good) if impute == "mean" else _median(good) if impute else None
        filled = _filled(table, name, fill)
        center, gain = _center_and_gain(filled)
        return cls(name, fill, center, gain)

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the matrix's columns that this one becomes."""
        return (self.name,)

    def write(self, table: Table, out: Matrix) -> None:
        """Write the prepared values of a table into columns of a matrix."""
        with np.errstate(over="ignore", invalid="ignore"):
            np.multiply(_filled(table, self.name, self.fill) - self.center, self.gain, out=out[:, 0])
        if not np.isfinite(out).all():
            row = int(np.flatnonzero(~np.isfinite(out[:, 0]))[0])
            raise DataError(
                "the number is too large", "Write it in another unit", table.place(row, self.name)
            )

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Category:
    """A column of categories: a zero or one for each, and zeros alone for one never met in training."""

    name: str
    fill: str | None
    categories: tuple[str, ...]

    @classmethod
    def fit(cls, table: Table, name: str, impute: Impute | None) -> Category:
        """Learn the categories, and the most frequent one for filling."""
        cells = texts(table.column(name))
        categories = [cell for cell in distinct_texts(cells) if cell]
        if not categories:
            raise DataError(f"column {shown(name)} holds no value at all", "Remove it", table.source)
        fill = _most_frequent(cells, categories) if impute else None
        _present(table, name, cells, fill)
        return cls(name, fill, tuple(categories))

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the matrix's columns that this one becomes."""
        return tuple(f"{self.name}={category}" for category in self.categories)

    def write(self, table: Table, out: Matrix) -> None:
        """Write the prepared values of a table into columns of a matrix."""
        cells = _present(table, self.name, texts(table.column(self.name)), self.fill)
        index = {category: code for code, category in enumerate(self.categories)}
        codes = np.fromiter((index.get(cell, -1) for cell in cells), np.intp, len(cells))
        met = np.flatnonzero(codes >= 0)
        out[...] = 0.0
        out[met, codes[met]] = 1.0

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"name": self.name, "fill": self.fill, "categories": list(self.categories)}


def column_from_dict(state: Mapping[str, Any]) -> Number | Category:
    """The inverse of ``to_dict``; a ValueError if it is none.

    Examples
    --------
    >>> column_from_dict(Number("age", None, 30.0, 0.1).to_dict())
    Number(name='age', fill=None, center=30.0, gain=0.1)
    """
    kind, types = (Category, _CATEGORY) if "categories" in state else (Number, _NUMBER)
    if set(state) != set(types) or not all(isinstance(state[key], types[key]) for key in types):
        raise ValueError(f"a column is stated as {dict(state)!r:.80}")
    if kind is Number:
        figures = [value for value in state.values() if isinstance(value, float)]
        if not np.isfinite(figures).all():
            raise ValueError(f"the figures of column {state['name']!r} are not finite")
        return Number(**state)
    categories = tuple(state["categories"])
    if not categories or not all(isinstance(category, str) for category in categories):
        raise ValueError(f"the categories of {state['name']!r} are no texts")
    return Category(state["name"], state["fill"], categories)


_NUMBER: dict[str, Any] = {"name": str, "fill": float | None, "center": float, "gain": float}
_CATEGORY: dict[str, Any] = {"name": str, "fill": str | None, "categories": list}


def _filled(table: Table, name: str, fill: float | None) -> Matrix:
    """The column without gaps, or an error at the first cell that is none."""
    values = table.column(name)
    if is_text(values):
        raise _not_a_number(table, name, values)
    finite = np.isfinite(values)
    if finite.all():
        return values
    if fill is not None:
        return np.where(finite, values, fill)
    raise _gap(table, name, values, ~finite)


def _gap(table: Table, name: str, values: Column, bad: NDArray[np.bool_]) -> DataError:
    row = int(np.flatnonzero(bad)[0])
    met = "an infinite number" if np.isinf(values[row]) else "no number: the cell is empty, or NaN"
    more = int(bad.sum()) - 1
    rest = f"; {more} more in this column" if more else ""
    return DataError(met + rest, FILL, table.place(row, name))


def _not_a_number(table: Table, name: str, values: Column) -> DataError:
    row = first_text(values)
    met = f"{shown(values[row])} is not a number"
    return DataError(met, "In training this column held numbers alone", table.place(row, name))


def first_text(values: Column) -> int:
    """The row of the first cell that is neither a number nor empty; 0 if there is none."""
    return next((row for row, cell in enumerate(values) if cell and not is_number(cell)), 0)


def _present(table: Table, name: str, cells: Column, fill: str | None) -> Column:
    empty = cells == ""
    if not empty.any():
        return cells
    if fill is not None:
        return np.where(empty, fill, cells)
    met = f"the cell is empty; {counted(int(empty.sum()), 'such row')} in this column"
    raise DataError(met, FILL, table.place(int(np.flatnonzero(empty)[0]), name))


def _most_frequent(cells: Column, categories: list[str]) -> str:
    codes = np.searchsorted(np.array(categories, dtype=object), cells[cells != ""])
    return categories[int(np.bincount(codes).argmax())]


def _scale(values: Matrix) -> float:
    """A power of two by which squares neither overflow nor vanish; 1 for all ordinary data."""
    largest = float(np.abs(values).max(initial=0.0))
    ordinary = largest == 0.0 or 1e-100 < largest < 1e150
    return 1.0 if ordinary else math.ldexp(1.0, math.frexp(largest)[1] - 1)


def _mean(values: Matrix) -> float:
    scale = _scale(values)
    return float(np.mean(values / scale)) * scale


def _median(values: Matrix) -> float:
    scale = _scale(values)
    return float(np.median(values / scale)) * scale


def _center_and_gain(values: Matrix) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if low == high:
        return low, 0.0
    scale = _scale(values)
    scaled = values / scale
    center = float(np.mean(scaled))
    deviation = float(np.sqrt(np.mean((scaled - center) ** 2)))
    gain = 1.0 / deviation / scale if deviation > 0.0 else 0.0
    return center * scale, gain if math.isfinite(gain) else 0.0
