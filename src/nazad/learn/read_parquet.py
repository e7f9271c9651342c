"""Parquet files, by way of pyarrow (the extra ``data``)."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from nazad.errors import DataError
from nazad.extras import require
from nazad.learn.table import Column, Table
from nazad.nearby import shown


def read_parquet(path: Path, text: Collection[str] = ()) -> Table:
    """Read a Parquet file; see :func:`nazad.learn.read.read_table`. Its numbers need not be kept as text."""
    arrow = require("pyarrow", "data")
    parquet = require("pyarrow.parquet", "data")
    try:
        with parquet.ParquetFile(path) as file:  # not read_table, which takes folder names for columns
            content = file.read()
    except (arrow.ArrowException, OSError, ValueError, MemoryError) as fault:
        reason = shown(str(fault).splitlines()[0] if str(fault) else type(fault).__name__)[1:-1]
        met = f"this is no Parquet file, or it is damaged or cut short ({reason})"
        raise DataError(met, "", path) from None
    if not content.num_rows:
        raise DataError("the file has no rows", "", path)
    columns = [_column(arrow, content, j, path) for j in range(content.num_columns)]
    return Table(tuple(content.column_names), tuple(columns), str(path), np.arange(content.num_rows), "row")


def _column(arrow: Any, content: Any, j: int, path: Path) -> Column:
    column, types = content.column(j), arrow.types
    kind = column.type.value_type if types.is_dictionary(column.type) else column.type
    if any(test(kind) for test in (types.is_integer, types.is_floating, types.is_decimal, types.is_null)):
        found: Column = column.cast(arrow.float64(), safe=False).to_numpy()
    elif types.is_boolean(kind):
        found = column.cast(arrow.float64()).to_numpy()
    elif types.is_string(kind) or types.is_large_string(kind):
        found = column.cast(arrow.string()).fill_null("").to_numpy()
    else:
        met = f"column {shown(content.column_names[j])} is of type {column.type}"
        raise DataError(met, "Save numbers, booleans or strings", path)
    return found
