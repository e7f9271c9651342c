"""NumPy's .npz archives: the arrays X and y, or one matrix; and perhaps the names of the columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nazad.errors import DataError
from nazad.files import read_arrays
from nazad.learn.table import NUMBER_KINDS, Column, Table, numbers
from nazad.nearby import counted

Arrays = Mapping[str, NDArray[Any]]

_NAMES = ("names", "feature_names")


def read_npz(path: Path, text: Collection[str] = ()) -> Table:
    """Read an .npz archive; see :func:`nazad.learn.read.read_table`. Its numbers need not be kept as text."""
    arrays = read_arrays(path, DataError)
    key = _matrix(arrays, path)
    table = Table.of(numbers(arrays[key], f"{path}, array {key!r}", 2), _names(arrays, path), str(path))
    if not table.rows:
        raise DataError(f"the array {key!r} has no rows", "", path)
    return table.with_column("y", _labels(arrays["y"], table.rows, path)) if "y" in arrays else table


def _matrix(arrays: Arrays, path: Path) -> str:
    """The key of the matrix: X, or the only array that is neither y nor the names."""
    others = [name for name in arrays if name not in (*_NAMES, "y")]
    if "X" in arrays:
        return "X"
    if len(others) == 1:
        return others[0]
    held = ", ".join(f"{name} {array.shape}" for name, array in arrays.items()) or "nothing"
    raise DataError(f"the archive holds {held}", "Save arrays named X and y, or one matrix", path)


def _names(arrays: Arrays, path: Path) -> list[str] | None:
    found = [arrays[key] for key in _NAMES if key in arrays]
    if not found:
        return None
    if found[0].ndim != 1 or found[0].dtype.kind not in "US":
        raise DataError(f"the names are an array of {found[0].dtype}", "Save a list of strings", path)
    return list(_decoded(found[0], path))


def _labels(y: NDArray[Any], rows: int, path: Path) -> Column:
    if y.shape != (rows,):
        met = f"y has the shape {y.shape}, X has {counted(rows, 'row')}"
        raise DataError(met, "Save one label for each row", path)
    if y.dtype.kind in NUMBER_KINDS:
        return y.astype(np.float64)
    if y.dtype.kind not in "US":
        raise DataError(f"y is an array of {y.dtype}", "Save labels as strings or integers", path)
    return _decoded(y, path)


def _decoded(array: NDArray[Any], path: Path) -> Column:
    try:
        return (np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array).astype(object)
    except UnicodeDecodeError:
        raise DataError("a string is not UTF-8", "", path) from None
