"""The svmlight format."""

from __future__ import annotations

import numpy as np
import pytest

from nazad.errors import DataError
from nazad.learn import read_svmlight as module
from nazad.learn.read_svmlight import read_svmlight

pytest.importorskip("sklearn")


@pytest.fixture
def write(tmp_path):
    def write(content: str | bytes):
        path = tmp_path / "data.svm"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def fault(path) -> str:
    with pytest.raises(DataError) as caught:
        read_svmlight(path)
    assert "data.svm" in str(caught.value)
    return str(caught.value)


def test_indices_are_names(write):
    table = read_svmlight(write("+1 1:0.5 3:2 # the first\n-1 2:1e1\n"))
    assert table.names == ("1", "2", "3", "y")
    assert table.column("3").tolist() == [2.0, 0.0]
    assert table.column("y").tolist() == [1.0, -1.0]


def test_indices_from_zero(write):
    assert read_svmlight(write("1 0:1\n0 1:1\n")).names == ("0", "1", "y")


def test_a_column_that_is_not_mentioned_is_zero(write):
    table = read_svmlight(write("1 1:1\n"))
    assert table.has("99")
    assert table.column("99").tolist() == [0.0]


@pytest.mark.parametrize(
    ("bad", "shown"),
    [
        ("1 1:0.5 2:", "'1 1:0.5 2:'"),
        ("1 1:0.5 2", "'1 1:0.5 2'"),
        ("1 1:abc", "'1 1:abc'"),
        ("yes 1:1", "'yes 1:1'"),
        ("a,b,c", "'a,b,c'"),
        ("1 -1:1", "'1 -1:1'"),
        ("1 2:1 1:1", "do not rise"),
        ("1 2:1 2:1", "do not rise"),
    ],
)
def test_a_malformed_line(write, bad, shown):
    said = fault(write(f"1 1:0.5\n# a comment\n{bad}\n0 1:1\n"))
    assert "data.svm, line 3: " in said
    assert shown in said


def test_nothing_but_comments(write):
    assert "no rows" in fault(write("# nothing\n"))


def test_binary_content(write):
    assert "line 1" in fault(write(b"\xff\xfe\x00\x01\n"))


def test_an_index_that_no_machine_can_hold(write):
    fault(write("1 1:1 99999999999999999999:1\n"))


def test_a_matrix_that_is_too_large_to_be_dense(write):
    said = fault(write("".join(f"{i % 2} {10_000_000 * (i + 1)}:1\n" for i in range(20))))
    assert "20 rows × 200000000 columns" in said
    assert "29.8 GiB" in said


def test_the_limit(write, monkeypatch):
    monkeypatch.setattr(module, "DENSE_LIMIT", 32)
    assert read_svmlight(write("1 1:1 2:1\n0 1:1\n")).rows == 2
    assert "would fill" in fault(write("1 1:1 2:1\n0 1:1\n1 1:1\n"))


def test_infinite_values_are_left_to_the_preparation(write):
    assert np.isinf(read_svmlight(write("1 1:inf\n0 1:1\n")).column("1")[0])
