"""The svmlight format, ``label index:value ...``, by way of scikit-learn (the extra ``learn``).

A column is named by the index that the file gives it. Those that a file does not mention are zero: files
written by the same program differ in the last index that they happen to use.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from nazad.errors import DataError
from nazad.extras import require
from nazad.learn.table import Table
from nazad.nearby import counted, shown

DENSE_LIMIT = 2**30  # bytes

_NUMBER = rb"[+-]?(\d+\.?\d*|\.\d+|nan|inf|infinity)([eE][+-]?\d+)?"
_LINE = re.compile(rb"\s*" + _NUMBER + rb"(\s+qid:\d+)?(\s+\d+:" + _NUMBER + rb")*\s*", re.IGNORECASE)

_INDEX = re.compile(rb"\s(\d{1,18}):")


def read_svmlight(path: Path, text: Collection[str] = ()) -> Table:
    """Read an svmlight file; see :func:`nazad.learn.read.read_table`. It has no text."""
    datasets = require("sklearn.datasets", "learn")
    try:
        X, y = datasets.load_svmlight_file(
            str(path), zero_based=True
        )  # the indices as they are, never shifted
    except (ValueError, OverflowError, IndexError, MemoryError) as fault:
        raise _malformed(path, fault) from None
    if not X.shape[0]:
        raise DataError("the file has no rows", "", path)
    first = 0 if X.shape[1] and X[:, [0]].nnz else 1  # most programs count from 1
    dense = _dense(X[:, first:], path)
    names = [str(j) for j in range(first, X.shape[1])]
    return Table.of(dense, names, str(path), sparse=True).with_column("y", y.astype(np.float64))


def _dense(X: Any, path: Path) -> Any:
    rows, width = X.shape
    if rows * width * 8 > DENSE_LIMIT:
        size = rows * width * 8 / 2**30
        met = f"{counted(rows, 'row')} × {counted(width, 'column')} would fill {size:.1f} GiB"
        remedy = (
            "The command line reads at most 1 GiB; in Python, fit the estimator on the sparse matrix itself"
        )
        raise DataError(met, remedy, path)
    return X.toarray()


def _malformed(path: Path, fault: BaseException) -> DataError:
    """Find the line, which the loader does not name."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            content = line.partition(b"#")[0]
            where = f"{path}, line {number}"
            if content.strip() and not _LINE.fullmatch(content):
                met = f"{shown(content.decode('utf-8', 'replace').strip())} is not 'label index:value ...'"
                return DataError(met, "Is the file cut short?", where)
            indices = [int(index) for index in _INDEX.findall(content)]
            if any(after <= before for before, after in itertools.pairwise(indices)):
                return DataError("the indices do not rise", "Write each index once, in rising order", where)
    return DataError(f"the file cannot be read ({fault})", "", path)
