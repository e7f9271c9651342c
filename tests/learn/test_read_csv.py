"""Delimited text as it comes: every fault names its line."""

from __future__ import annotations

import csv
import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nazad.errors import DataError
from nazad.learn import read_csv as module
from nazad.learn.read_csv import read_csv


@pytest.fixture
def write(tmp_path):
    def write(content: str | bytes, name: str = "data.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def fault(path, **options) -> str:
    with pytest.raises(DataError) as caught:
        read_csv(path, **options)
    return str(caught.value)


def test_numbers_and_text(write):
    table = read_csv(write("age,name\n20,Ann\n30.5,Bob\n"))
    assert table.names == ("age", "name")
    assert table.column("age").tolist() == [20.0, 30.5]
    assert table.column("name").tolist() == ["Ann", "Bob"]
    assert table.place(1, "age").endswith("data.csv, line 3, column 'age'")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters(write, delimiter):
    table = read_csv(write('a|"b,;c"|d\n1|2|3\n'.replace("|", delimiter)))
    assert table.names == ("a", "b,;c", "d")
    assert table.column("d").tolist() == [3.0]


def test_a_tsv_has_tabs_whatever_else_its_names_hold(write):
    assert read_csv(write("a,b,c\td\n1\t2\n", "data.tsv")).names == ("a,b,c", "d")


def test_one_column(write):
    assert read_csv(write("a\n1\n2\n")).column("a").tolist() == [1.0, 2.0]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks(write, end, mark):
    table = read_csv(write(mark + end.join(["a,b", "1,x", "2,y"])))
    assert table.names == ("a", "b")
    assert table.lines.tolist() == [2, 3]
    assert table.column("b").tolist() == ["x", "y"]


def test_blank_lines_are_passed_over_and_counted(write):
    table = read_csv(write("\n\na,b\n\n1,2\n  \n3,4\n\n"))
    assert table.column("a").tolist() == [1.0, 3.0]
    assert table.lines.tolist() == [5, 7]


def test_cells_of_several_lines(write):
    table = read_csv(write('a,b\n"x\ny",1\nz,2\n'))
    assert table.column("a").tolist() == ["x\ny", "z"]
    assert table.lines.tolist() == [2, 4]


def test_blanks_around_numbers_and_names(write):
    table = read_csv(write("a , b\n 1 , 2\n"))
    assert table.names == ("a", "b")
    assert table.column("b").tolist() == [2.0]


@pytest.mark.parametrize("cell", ["", "nan", "NaN", "NA", "n/a", "null", "?", " "])
def test_missing_numbers_are_nan(write, cell):
    column = read_csv(write(f"a,b\n1,1\n{cell},2\n")).column("a")
    assert np.isnan(column[1])
    assert column[0] == 1.0


def test_missing_text_stays_empty(write):
    assert read_csv(write("a,b\nNA,1\nx,2\n,3\n")).column("a").tolist() == ["NA", "x", ""]


def test_columns_kept_as_text(write):
    table = read_csv(write("zip,y\n007,1.0\n12,+1\n"), text=["zip", "y", "elsewhere"])
    assert table.column("zip").tolist() == ["007", "12"]
    assert table.column("y").tolist() == ["1.0", "+1"]


def test_identifiers_are_not_python_numbers(write):
    assert read_csv(write("a,b\n2021_01,1\n")).column("a").tolist() == ["2021_01"]


def test_text_far_down_makes_the_whole_column_text(write, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 2)  # two rows
    table = read_csv(write("a,b\n01,1\n2,2\n,3\n4,4\nx,5\n6,\n"))
    assert table.column("a").tolist() == ["01", "2", "", "4", "x", "6"]
    assert table.column("b")[:5].tolist() == [1, 2, 3, 4, 5]
    assert np.isnan(table.column("b")[5])


# --- faults


def test_nothing_but_blank_lines(write):
    assert "nothing but blank lines" in fault(write("\n \n\n"))


def test_a_header_alone(write):
    assert "a header line and no rows" in fault(write("a,b\n"))


@pytest.mark.parametrize(
    ("row", "number"), [("1,2", "2 cells"), ("1", "1 cell,"), ("1,2,3,4", "4 cells"), (",,,,", "5 cells")]
)
def test_a_ragged_line(write, row, number):
    said = fault(write(f"a,b,c\n1,2,3\n\n{row}\n1,2,3\n"))
    assert "data.csv, line 4: " in said
    assert number in said
    assert "3 columns" in said


def test_a_ragged_line_behind_a_long_cell_counts_lines_not_rows(write):
    assert "line 5:" in fault(write('a,b\n"x\n\ny",1\n1\n'))


def test_a_file_cut_in_the_middle_of_a_line(write):
    said = fault(write("a,b,c\n1,2,3\n4,5"))
    assert "line 3" in said
    assert "cut short" in said


def test_too_many_cells_suggest_quotes(write):
    assert "Put quotes around a cell that holds the delimiter ';'" in fault(write("a;b\n1;2;3\n"))


def test_a_quote_that_is_never_closed(write):
    said = fault(write('a,b\n1,x\n2,"y\n3,z\n4,w\n'))
    assert "line 3" in said
    assert "never closed" in said


def test_a_quote_that_is_never_closed_in_a_large_file(write):
    said = fault(write('a,b\n1,x\n2,"y\n' + "3,z\n" * 100_000))
    assert "line 3" in said
    assert "never closed" in said


def test_a_quote_within_a_quoted_cell(write):
    said = fault(write('a,b\n1,x\n2,"y"z\n'))
    assert "line 3" in said
    assert '""' in said


def test_names_that_stand_twice(write):
    said = fault(write("a,b,a,b,c\n1,2,3,4,5\n"))
    assert "'a', 'b'" in said
    assert "data.csv" in said


def test_a_column_without_a_name(write):
    said = fault(write(",a\n0,1\n"))
    assert "column 1 of 2 has no name" in said
    assert "index=False" in said


def test_a_missing_header(write):
    said = fault(write("5.1,3.5,1.4\n4.9,3.0,1.4\n"))
    assert "line 1" in said
    assert "'5.1', '3.5', '1.4'" in said
    assert "header" in said


def test_a_missing_header_of_whole_numbers(write):
    assert "header line missing" in fault(write("0,1,0\n1,1,0\n"))


def test_names_may_be_counted(write):
    assert read_csv(write("0,1,2\n5,6,7\n")).names == ("0", "1", "2")


def test_bytes_that_are_not_utf8(write):
    said = fault(write(b"a,b\n1,x\n" + "2,é\n".encode("latin-1") + b"3,y\n"))
    assert "line 3" in said
    assert "byte 0xe9 is not UTF-8" in said


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16(write, encoding):
    mark = "\ufeff" if encoding.endswith("be") else ""
    assert "UTF-16" in fault(write((mark + "a,b\n1,2\n").encode(encoding)))


def test_a_binary_file(write):
    assert "zero bytes" in fault(write(b"a\0b,c\0\n1,2\n"))


def test_a_file_that_vanishes(tmp_path):
    assert "cannot be read" in fault(tmp_path / "gone.csv")


# --- laws


def outcome(path) -> str:
    """What a file turns out to be: an error of ours in words, or a table with its last line."""
    try:
        table = read_csv(path)
    except DataError as error:
        return str(error)
    return table.place(table.rows - 1, table.names[-1])


cells = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
rows = st.integers(1, 4).flatmap(lambda d: st.lists(st.lists(cells, min_size=d, max_size=d), min_size=1))


@given(rows, st.sampled_from(",;\t"))
def test_what_the_csv_module_writes_is_read_back(tmp_path_factory, rows, delimiter):
    path = tmp_path_factory.mktemp("csv") / ("data.tsv" if delimiter == "\t" else "data.csv")
    names = [f"name{j}" for j in range(len(rows[0]))]
    rows = [[cell.lstrip(" ") for cell in row] for row in rows]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([names, *rows])
    path.write_bytes(text.getvalue().encode())
    kept = [row for row in rows if row != [""]]
    if not kept:
        return
    table = read_csv(path, text=names)
    assert [list(row) for row in zip(*(table.column(name) for name in names), strict=True)] == kept


@given(st.lists(st.floats(), min_size=1))
def test_numbers_are_read_exactly(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("csv") / "data.csv"
    path.write_text("a,b\n" + "".join(f"{value!r},0\n" for value in values))
    np.testing.assert_array_equal(read_csv(path).column("a"), values)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_table_or_an_error_of_ours(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("csv") / "data.csv"
    path.write_bytes(content)
    assert "data.csv" in outcome(path)


def test_a_file_cut_anywhere_is_a_shorter_table_or_names_a_line(write):
    whole = 'age,"the name",fare\n20,"Ann, B.",1.5\n30,Bob,2.5\n'
    for length in range(1, len(whole)):
        assert "line" in outcome(write(whole[:length]))


def test_memory_is_that_of_the_numbers_not_of_the_text(write):
    path = write("a,b,c,d\n" + "0.123456789,1.123456789,2.123456789,3.123456789\n" * 200_000)
    tracemalloc.start()
    try:
        table = read_csv(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    numbers = sum(column.nbytes for column in table.columns)
    assert peak < 5 * numbers
