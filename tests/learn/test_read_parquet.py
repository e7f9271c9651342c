"""Parquet files by way of pyarrow."""

from __future__ import annotations

import datetime
import decimal

import numpy as np
import pytest

from nazad.errors import DataError, MissingExtra
from nazad.learn import read_parquet as module
from nazad.learn.read_parquet import read_parquet

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def save(tmp_path):
    def save(columns):
        path = tmp_path / "data.parquet"
        pq.write_table(pa.table(columns), path)
        return path

    return save


def fault(path) -> str:
    with pytest.raises(DataError) as caught:
        read_parquet(path)
    assert "data.parquet" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, None], [1, 2, np.nan]),
        ([1.5, None, 2.5], [1.5, np.nan, 2.5]),
        ([True, False, None], [1, 0, np.nan]),
        ([decimal.Decimal("1.5"), None], [1.5, np.nan]),
        ([None, None], [np.nan, np.nan]),
        (pa.array([1, 2], pa.uint8()), [1, 2]),
        (pa.array([0.5, 2], pa.float16()) if hasattr(pa, "float16") else [0.5, 2], [0.5, 2]),
        (pa.array([2**60 + 1]), [2.0**60]),
        (pa.array([1, 1, None]).dictionary_encode(), [1, 1, np.nan]),
    ],
)
def test_numbers(save, values, expected):
    column = read_parquet(save({"a": values})).column("a")
    assert column.dtype == np.float64
    np.testing.assert_array_equal(column, expected)


@pytest.mark.parametrize("kind", ["string", "large_string", "dictionary"])
def test_texts(save, kind):
    values = pa.array(["b", None, "ä"], pa.large_string() if kind == "large_string" else pa.string())
    column = read_parquet(save({"a": values.dictionary_encode() if kind == "dictionary" else values})).column(
        "a"
    )
    assert column.dtype == object
    assert column.tolist() == ["b", "", "ä"]


def test_places_are_rows(save):
    table = read_parquet(save({"a": [1, 2]}))
    assert table.place(1, "a").endswith("data.parquet, row 1 (counted from 0), column 'a'")


def test_folder_names_are_not_columns(tmp_path):
    folder = tmp_path / "year=2020"
    folder.mkdir()
    pq.write_table(pa.table({"a": [1]}), folder / "data.parquet")
    assert read_parquet(folder / "data.parquet").names == ("a",)


@pytest.mark.parametrize("values", [[datetime.date(2020, 1, 1)], [[1, 2]], [{"b": 1}], [b"bytes"]])
def test_types_that_are_no_numbers(save, values):
    said = fault(save({"fine": [1], "strange": values}))
    assert "column 'strange' is of type" in said


def test_no_rows(save):
    assert "no rows" in fault(save({"a": pa.array([], pa.int64())}))


def test_names_that_stand_twice(tmp_path):
    path = tmp_path / "data.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), path)
    assert "named 'a'" in fault(path)


def test_a_file_cut_anywhere(save):
    path = save({"a": list(range(100)), "b": ["x"] * 100})
    content = path.read_bytes()
    for length in range(1, len(content), 11):
        path.write_bytes(content[:length])
        assert "cut short" in fault(path)


def test_a_file_of_something_else(tmp_path):
    (tmp_path / "data.parquet").write_text("a,b\n1,2\n")
    assert "no Parquet file" in fault(tmp_path / "data.parquet")


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    def missing(name, extra):
        raise MissingExtra(f"this needs {name}", f'pip install "nazad[{extra}]"')

    monkeypatch.setattr(module, "require", missing)
    with pytest.raises(MissingExtra, match=r"pyarrow.*nazad\[data\]"):
        read_parquet(tmp_path / "data.parquet")
