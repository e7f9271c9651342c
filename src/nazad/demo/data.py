"""Real data that ship with scikit-learn, as tables."""

from __future__ import annotations

import csv

import numpy as np

from nazad.extras import require
from nazad.files import AnyPath, replacing
from nazad.learn import Table


def breast_cancer() -> tuple[Table, str]:
    """569 tumours of which 30 features were measured, and the name of the target column.

    W. N. Street, W. H. Wolberg and O. L. Mangasarian, Nuclear feature extraction for breast tumor diagnosis,
    1993.

    Examples
    --------
    >>> table, target = breast_cancer()
    >>> table.rows, len(table.names) - 1, target
    (569, 30, 'diagnosis')
    """
    data = require("sklearn.datasets", "learn").load_breast_cancer()
    names = [str(name) for name in data.feature_names]
    diagnosis = np.array([str(name) for name in data.target_names], dtype=object)[data.target]
    return Table.of(data.data, names, "breast cancer").with_column("diagnosis", diagnosis), "diagnosis"


def digits() -> tuple[Table, str]:
    """1797 handwritten digits of 8 × 8 pixels, and the name of the target column.

    E. Alpaydin and C. Kaynak, Optical recognition of handwritten digits, UCI, 1998.

    Examples
    --------
    >>> table, target = digits()
    >>> table.rows, len(table.names) - 1, target
    (1797, 64, 'digit')
    """
    data = require("sklearn.datasets", "learn").load_digits()
    table = Table.of(data.data, [str(name) for name in data.feature_names], "digits")
    return table.with_column("digit", data.target.astype(np.float64)), "digit"


def write_csv(table: Table, path: AnyPath) -> None:
    """Write a table as CSV."""
    with replacing(path, "w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.names)
        writer.writerows(zip(*(column.tolist() for column in table.columns), strict=True))
