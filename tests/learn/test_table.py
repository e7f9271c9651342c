"""The record of a table: immutable, and able to say where each cell came from."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nazad.errors import DataError
from nazad.learn.table import Table, number_text, texts

PEOPLE = Table.of([[20.0, 1.5], [30.0, 2.5], [40.0, 3.5]], ["age", "fare"], "people")


def words(*cells: str) -> np.ndarray:
    return np.array(cells, dtype=object)


def test_columns_by_name():
    assert PEOPLE.column("fare").tolist() == [1.5, 2.5, 3.5]
    assert PEOPLE.rows == 3
    assert PEOPLE.named


def test_a_matrix_without_names():
    table = Table.of(np.eye(2, dtype=np.int8))
    assert table.names == ("x0", "x1")
    assert not table.named
    assert table.column("x1").dtype == np.float64


def test_a_column_that_is_not_there_offers_near_names():
    with pytest.raises(DataError, match=r"people: there is no column 'Ages'\. Did you mean 'age'\?"):
        PEOPLE.column("Ages")


def test_a_column_with_nothing_near_lists_those_there_are():
    with pytest.raises(DataError, match="There are 'age', 'fare'"):
        PEOPLE.column("colour")
    wide = Table.of(np.zeros((1, 100)))
    with pytest.raises(DataError, match=r"… \(100 in all\)") as caught:
        wide.column("colour")
    assert "x50" not in str(caught.value)


def test_the_place_of_a_cell_survives_taking_rows():
    taken = PEOPLE.take(np.array([2, 0]))
    assert taken.column("age").tolist() == [40.0, 20.0]
    assert taken.place(0, "age") == "people, row 2 (counted from 0), column 'age'"


def test_the_place_of_a_cell_in_a_file_with_lines():
    table = Table(("a",), (np.zeros(2),), "data.csv", np.array([2, 7]))
    assert table.place(1, "a") == "data.csv, line 7, column 'a'"


def test_without_a_column_that_may_be_missing():
    assert PEOPLE.without("age").names == ("fare",)
    assert PEOPLE.without("nothing").names == PEOPLE.names


def test_a_table_is_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PEOPLE.names = ()
    with pytest.raises(ValueError, match="read-only"):
        PEOPLE.column("age")[0] = 0.0


def test_the_array_it_was_made_of_stays_writeable():
    column = np.zeros(2)
    Table(("a",), (column,), "here", np.arange(2))
    column[0] = 1.0


def test_a_sparse_table_has_zeros_for_what_it_does_not_mention():
    table = Table.of([[1.0]], ["3"], sparse=True)
    assert table.has("7")
    assert table.column("7").tolist() == [0.0]
    assert not table.has("age")
    assert not PEOPLE.has("7")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a", "b", "a"], "several columns are named 'a'"),
        (["a", "", "c"], "column 2 of 3 has no name"),
        (["1", "0", "1"], "is the header line missing?"),
        (["a", "b"], "3 columns and 2 names"),
    ],
)
def test_names_that_are_none(names, said):
    with pytest.raises(DataError) as caught:
        Table.of(np.zeros((2, 3)), names, "here")
    assert said in str(caught.value)
    assert str(caught.value).startswith("here: ")


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros(3), r"shape \(3,\)"),
        (np.zeros((2, 2), complex), "complex128"),
        (np.array([["a", "b"]]), "<U1"),
        (np.array([[None]]), "object"),
    ],
)
def test_arrays_that_are_no_matrix(array, said):
    with pytest.raises(DataError, match=said):
        Table.of(array)


def test_columns_of_different_lengths():
    with pytest.raises(DataError, match="not as long"):
        Table(("a", "b"), (np.zeros(2), np.zeros(3)), "here", np.arange(2))


def test_numbers_as_text():
    assert texts(np.array([1.0, np.nan, 2.5, -0.0, np.inf])).tolist() == ["1", "", "2.5", "0", "inf"]
    assert texts(words("a", "")).tolist() == ["a", ""]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_as_text_is_that_number(value):
    assert float(number_text(value)) == value
