"""Delimited text: a header line, then a record for each row; comma, semicolon or tab; quotes as in RFC 4180.

The file is read in blocks of rows, and each column of a block is converted at once. Cells are looked at one
by one only where that fails. A column is one of numbers if every cell in it is a number or empty.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nazad.errors import DataError
from nazad.learn.table import Column, Table, is_number
from nazad.nearby import counted, shown

Record = tuple[int, list[str]]  # the line on which it begins, and its cells

MISSING = frozenset(
    ["", "?", "na", "n/a", "#n/a", "nan", "null"]
)  # in a column of numbers; case does not matter

_DELIMITERS = ",;\t"
_BLOCK = 80_000  # cells converted at once


def read_csv(path: Path, text: Collection[str] = ()) -> Table:
    """Read delimited text; see :func:`nazad.learn.read.read_table`."""
    try:
        delimiter = "\t" if path.suffix.lower() == ".tsv" else _sniff(path)
        names = _header(path, delimiter)
        columns, lines = _columns(
            path, delimiter, names, {names.index(name) for name in text if name in names}
        )
    except UnicodeDecodeError as fault:
        raise _not_utf8(path, fault) from None
    except OSError as fault:
        raise DataError(f"the file cannot be read: {fault.strerror}", "", path) from None
    return Table(tuple(names), tuple(columns), str(path), lines)


def missing(cell: str) -> bool:
    """Whether a cell means that there is no value.

    Examples
    --------
    >>> missing(" "), missing("NaN"), missing("0")
    (True, True, False)
    """
    return cell.strip().lower() in MISSING


def _records(path: Path, delimiter: str) -> Iterator[Record]:
    """The records, header first; blank lines are passed over."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True, skipinitialspace=True)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as fault:
                raise _malformed(path, line, reader.line_num, str(fault)) from None
            if cells and cells != [""]:
                yield line, cells


def _sniff(path: Path) -> str:
    """The delimiter that cuts the header into the most cells; the comma if there is no difference."""
    return max(_DELIMITERS, key=lambda delimiter: _width(path, delimiter))


def _width(path: Path, delimiter: str) -> int:
    try:
        return len(next(_records(path, delimiter), (0, []))[1])
    except DataError:  # quotes that make no sense with this delimiter
        return 0


def _header(path: Path, delimiter: str) -> list[str]:
    line, cells = next(_records(path, delimiter), (0, []))
    names = [cell.strip() for cell in cells]
    if not names:
        raise DataError("the file holds nothing but blank lines", "", path)
    if any("\0" in name for name in names):
        raise DataError("this is no text file: its first line holds zero bytes", "", path)
    if all(map(is_number, names)) and not all(name.isdecimal() for name in names):
        met = f"the first line holds numbers, {', '.join(map(shown, names[:3]))}, instead of names"
        raise DataError(
            met, "Put a header line with the names of the columns above it", f"{path}, line {line}"
        )
    return names


def _columns(
    path: Path, delimiter: str, names: Sequence[str], text: set[int]
) -> tuple[list[Column], NDArray[np.int64]]:
    """The columns, each converted block by block; those in ``text`` are left alone."""
    parts: list[list[Column]] = [[] for _ in names]
    known, lines, words = set(text), [], [dict[str, str]() for _ in names]
    for block in _blocks(_checked(path, delimiter, names), 1 + _BLOCK // len(names)):
        lines.append(np.array([line for line, _ in block], dtype=np.int64))
        for j, cells in enumerate(zip(*(cells for _, cells in block), strict=True)):
            part = None if j in known else _numbers(cells)
            if part is None:
                known.add(j)
                part = _words(cells, words[j])
            parts[j].append(part)
    if not lines:
        raise DataError("the file has a header line and no rows", "", path)
    if any(part[0].dtype != part[-1].dtype for part in parts):
        return _columns(path, delimiter, names, known)  # numbers above, text below: once more, now as text
    return [np.concatenate(part) for part in parts], np.concatenate(lines)


def _blocks(records: Iterator[Record], rows: int) -> Iterator[list[Record]]:
    while block := list(itertools.islice(records, rows)):
        yield block


def _checked(path: Path, delimiter: str, names: Sequence[str]) -> Iterator[Record]:
    """The records behind the header, held to its width."""
    for record in itertools.islice(_records(path, delimiter), 1, None):
        if len(record[1]) != len(names):
            raise _ragged(path, delimiter, names, record)
        yield record


def _numbers(cells: Sequence[str]) -> NDArray[np.float64] | None:
    """The cells as numbers, or None if one is text."""
    found = _converted(cells)
    if found is None and any(map(missing, cells)):
        return _converted(["nan" if missing(cell) else cell for cell in cells])
    return found


def _converted(cells: Sequence[str]) -> NDArray[np.float64] | None:
    try:
        found = np.array(cells, dtype=np.float64)
    except ValueError:
        return None
    # "2021_01" is a name that Python happens to read as 202101.
    return None if "_" in ",".join(cells) else found


def _words(cells: Iterable[str], known: dict[str, str]) -> Column:
    """The cells as text, where equal ones are one object: categories repeat."""
    return np.array([known.setdefault(cell, cell) for cell in cells], dtype=object)


def _malformed(path: Path, first: int, last: int, reason: str) -> DataError:
    where = f"{path}, line {first}"
    if "unexpected end" in reason or "field larger" in reason:
        return DataError("a quote that opens here is never closed", "Is the file cut short?", where)
    met = f"the quotes do not match ({reason})"
    return DataError(met, 'Write a quote inside a quoted cell twice: ""', f"{path}, line {max(first, last)}")


def _ragged(path: Path, delimiter: str, names: Sequence[str], record: Record) -> DataError:
    line, cells = record
    met = f"{counted(len(cells), 'cell')}, where the header has {counted(len(names), 'column')}"
    if len(cells) < len(names):
        remedy = "Is the line, or the file, cut short?"
    else:
        remedy = f"Put quotes around a cell that holds the delimiter {delimiter!r}"
    return DataError(met, remedy, f"{path}, line {line}")


def _not_utf8(path: Path, fault: UnicodeDecodeError) -> DataError:
    """Find the line, which the decoder does not know."""
    with open(path, "rb") as file:
        start = file.read(2)
        if start in (b"\xff\xfe", b"\xfe\xff"):
            return DataError("the file is in UTF-16", "Save it as UTF-8", path)
        file.seek(0)
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                met = f"byte 0x{line[error.start]:02x} is not UTF-8"
                return DataError(met, "Save the file as UTF-8", f"{path}, line {number}")
    return DataError(f"the file is not UTF-8 ({fault.reason})", "Save it as UTF-8", path)
