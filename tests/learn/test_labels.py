"""Targets as classes: kept as they stand, and refused when they are none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nazad.errors import DataError
from nazad.learn.labels import known_labels, training_labels
from nazad.learn.table import Table


def table(*cells) -> Table:
    column = np.array(cells, dtype=object if isinstance(cells[0], str) else np.float64)
    return Table(("x", "kind"), (np.zeros(len(cells)), column), "data.csv", np.arange(len(cells)) + 2)


def fault(*cells) -> str:
    with pytest.raises(DataError) as caught:
        training_labels(table(*cells), "kind")
    return str(caught.value)


@pytest.mark.parametrize(
    ("cells", "classes", "codes"),
    [
        (["b", "a", "b"], ("a", "b"), [1, 0, 1]),
        (["10", "9", "10"], (9, 10), [1, 0, 1]),
        (["1.0", "0.0"], (0, 1), [1, 0]),
        (["+1", "-1"], (-1, 1), [1, 0]),
        (["007", "12"], ("007", "12"), [0, 1]),
        (["1", "1.0"], ("1", "1.0"), [0, 1]),
        (["1", "x"], ("1", "x"), [0, 1]),
        (["0.5", "1"], ("0.5", "1"), [0, 1]),
        (["9" * 30, "1"], ("1", "9" * 30), [1, 0]),
        ([1.0, -1.0, 1.0], (-1, 1), [1, 0, 1]),
        ([0.5, 1.5], ("0.5", "1.5"), [0, 1]),
        (["none", "mild"], ("mild", "none"), [1, 0]),
    ],
)
def test_labels_as_they_stand(cells, classes, codes):
    labels = training_labels(table(*cells), "kind")
    assert labels.classes == classes
    assert [type(label) for label in labels.classes] == [type(label) for label in classes]
    assert labels.codes.tolist() == codes
    assert labels.counts.tolist() == [codes.count(code) for code in range(len(classes))]


def test_a_target_that_is_not_there():
    with pytest.raises(DataError, match=r"data.csv: there is no column 'knd'\. Did you mean 'kind'\?"):
        training_labels(table("a", "b"), "knd")


def test_a_target_that_a_sparse_file_does_not_have():
    sparse = Table.of([[1.0]], ["1"], "data.svm", sparse=True)
    with pytest.raises(DataError, match="there is no column '7'"):
        training_labels(sparse, "7")


def test_a_single_class():
    said = fault("a", "a", "a")
    assert "data.csv, column 'kind': all 3 rows are of a single class, 'a'" in said
    assert "two classes" in said


@pytest.mark.parametrize("cells", [("a", "", "b", ""), (1.0, np.nan, 0.0, np.nan), ("a", "NaN", "b", "?")])
def test_a_missing_label(cells):
    said = fault(*cells)
    assert "data.csv, line 3, column 'kind'" in said
    assert "2 such rows" in said
    assert "remove these rows" in said


def test_an_infinite_label():
    assert "data.csv, line 3, column 'kind': the target is infinite" in fault(1.0, np.inf)


@pytest.mark.parametrize("kind", [float, str])
def test_a_quantity(kind):
    said = fault(*(kind(i + 0.5) for i in range(100)))
    assert "column 'kind': 100 different numbers, '0.5', '1.5'" in said
    assert "Classification needs classes" in said


def test_an_identifier():
    said = fault(*(f"id{i}" for i in range(100)))
    assert "100 different values in 100 rows" in said


def test_many_classes_are_fine_with_enough_rows():
    assert len(training_labels(table(*(f"word{i % 50}" for i in range(200))), "kind").classes) == 50


def test_later_labels():
    later = known_labels(table("b", "c", "a"), "kind", ("a", "b"))
    assert later.codes.tolist() == [1, -1, 0]
    assert later.counts.tolist() == [1, 1]


def test_later_labels_of_one_class_are_fine():
    assert known_labels(table("a", "a"), "kind", ("a", "b")).codes.tolist() == [0, 0]


def test_later_whole_numbers_however_written():
    assert known_labels(table("1.0", "+0", "x"), "kind", (0, 1)).codes.tolist() == [1, 0, -1]
    assert known_labels(table(1.0, 0.0), "kind", (0, 1)).codes.tolist() == [1, 0]


@given(st.lists(st.sampled_from(["a", "b", "1", "2.5", "-3"]), min_size=2).filter(lambda c: len(set(c)) > 1))
def test_codes_point_back_at_the_cells(cells):
    labels = training_labels(table(*cells), "kind")
    assert [str(labels.classes[code]) for code in labels.codes] == cells
    assert known_labels(table(*cells), "kind", labels.classes).codes.tolist() == labels.codes.tolist()
