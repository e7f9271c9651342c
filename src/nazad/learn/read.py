"""Reading data files: the format goes by the end of the name."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from nazad.errors import DataError
from nazad.files import AnyPath, check_readable
from nazad.learn.read_csv import read_csv
from nazad.learn.read_npz import read_npz
from nazad.learn.read_parquet import read_parquet
from nazad.learn.read_svmlight import read_svmlight
from nazad.learn.table import Table

_READERS: dict[str, Callable[[Path, Collection[str]], Table]] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".txt": read_csv,
    ".npz": read_npz,
    ".parquet": read_parquet,
    ".svm": read_svmlight,
    ".svmlight": read_svmlight,
    ".libsvm": read_svmlight,
}


def read_table(path: AnyPath, text: Collection[str] = ()) -> Table:
    """Read a data file into a table.

    Parameters
    ----------
    path : str or path-like
        The file: ``.csv``, ``.tsv``, ``.txt`` (a header line; comma, semicolon or tab; UTF-8), ``.npz``
        (arrays ``X`` and ``y``, or one matrix, and perhaps ``names``), ``.parquet``, ``.svm``, ``.svmlight``,
        ``.libsvm``.
    text : collection of str
        Columns whose cells are kept as they are written, even if all of them are numbers: the target and the
        categories. Names that the file does not have are passed over.

    Returns
    -------
    Table
        The columns as they were read. What an .npz or svmlight file has as labels is the column ``y``.

    Raises
    ------
    DataError
        If the file is missing, damaged or malformed; it names the line.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "flowers.csv"
    >>> _ = path.write_text("petal,species\\n1.4,setosa\\n4.7,versicolor\\n")
    >>> table = read_table(path)
    >>> table.names, table.column("petal")
    (('petal', 'species'), array([1.4, 4.7]))
    """
    reader = _READERS.get(Path(path).suffix.lower())
    checked = check_readable(path, DataError)
    if reader is None:
        known = ", ".join(_READERS)
        raise DataError(f"files ending in {checked.suffix!r} are not read", f"Known are {known}", checked)
    return reader(checked, text)
