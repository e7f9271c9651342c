"""From tables to matrices, in training and later; and the split."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nazad.errors import ArgumentError, DataError, ModelFileError
from nazad.learn import prepare as module
from nazad.learn.prepare import Preparation, split
from nazad.learn.read import read_table
from nazad.learn.table import Table

TEXT = "age,sex,port,fare\n20,f,S,1.5\n,m,C,2.5\n40,m,,9.5\n30,f,S,2.5\n"


@pytest.fixture
def people(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(TEXT)
    return read_table(path)


def fault(call, *args, **options) -> str:
    with pytest.raises(DataError) as caught:
        call(*args, **options)
    return str(caught.value)


def test_the_whole_way(people):
    preparation = Preparation.fit(people, impute="mean", categorical=True)
    assert preparation.names == people.names
    assert preparation.text_names == ("sex", "port")
    assert preparation.features == ("age", "sex=f", "sex=m", "port=C", "port=S", "fare")
    X = preparation.apply(people)
    assert X[:, [0, 5]].mean(axis=0) == pytest.approx(0)
    assert X[:, [0, 5]].std(axis=0) == pytest.approx(1)
    assert X[1, 0] == 0.0
    assert X[:, 1:5].tolist() == [[1, 0, 0, 1], [0, 1, 1, 0], [0, 1, 0, 1], [1, 0, 0, 1]]


def test_text_without_categorical(people):
    said = fault(Preparation.fit, people, impute="mean")
    assert "people.csv, line 2, column 'sex': 'f' is not a number; columns 'sex', 'port' hold text" in said
    assert "--categorical" in said


def test_a_typing_error_among_numbers_is_named(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,b\n1,1\n2,2\n3o,3\n")
    said = fault(Preparation.fit, read_table(path))
    assert "line 4, column 'a': '3o' is not a number; column 'a' holds text" in said
    assert "mend the cell" in said


def test_a_decimal_comma_is_named(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a;b\n1,5;1\n")
    assert "decimals with a point" in fault(Preparation.fit, read_table(path))


def test_some_columns_categorical(people):
    said = fault(Preparation.fit, people, impute="mean", categorical=["sex"])
    assert "column 'port' holds text" in said
    numbers = people.without("port")
    assert Preparation.fit(numbers, "median", ["sex", "fare"]).features[-3:] == (
        "fare=1.5",
        "fare=2.5",
        "fare=9.5",
    )


def test_a_categorical_column_that_is_not_there(people):
    said = fault(Preparation.fit, people, categorical=["Sexe"])
    assert "'Sexe'" in said
    assert "Did you mean 'sex'?" in said


def test_a_gap_without_filling(people):
    said = fault(Preparation.fit, people.without("port"), categorical=True)
    assert "people.csv, line 3, column 'age': no number" in said
    assert "--impute" in said


def test_a_filling_that_does_not_exist(people):
    with pytest.raises(ArgumentError, match="'mode'"):
        Preparation.fit(people, impute="mode")


@pytest.mark.parametrize("table", [Table.of(np.zeros((0, 2))), Table((), (), "X", np.arange(3))])
def test_nothing_to_learn_from(table):
    assert "no column, or no row" in fault(Preparation.fit, table)


def test_constant_columns_alone():
    assert "every column is constant over 3 rows" in fault(Preparation.fit, Table.of(np.ones((3, 2))))


def test_too_many_categories(people, monkeypatch):
    monkeypatch.setattr(module, "_LARGEST", 100)
    said = fault(Preparation.fit, people.without("port"), "mean", True)
    assert "column 'sex' has 2 categories" in said


# --- later tables


@pytest.fixture
def fitted(people):
    return Preparation.fit(people, impute="mean", categorical=True)


def later(tmp_path, content: str) -> Table:
    path = tmp_path / "later.csv"
    path.write_text(content)
    return read_table(path)


def test_columns_go_by_name_and_others_are_passed_over(people, fitted, tmp_path):
    table = later(tmp_path, "fare,note,port,survived,sex,age\n1.5,x,S,1,f,20\n")
    assert fitted.apply(table).tolist() == fitted.apply(people)[:1].tolist()


def test_a_category_never_met_is_zeros(fitted, tmp_path):
    assert fitted.apply(later(tmp_path, "age,sex,port,fare\n20,x,Q,1\n"))[0, 1:5].tolist() == [0, 0, 0, 0]


def test_missing_columns_are_named(fitted, tmp_path):
    said = fault(fitted.apply, later(tmp_path, "Age,port,fares\n20,S,1\n"))
    assert "later.csv: there is no column 'age', 'sex', 'fare'" in said
    assert "Near it is 'Age', 'fares'" in said


def test_text_among_numbers_later(fitted, tmp_path):
    said = fault(fitted.apply, later(tmp_path, "age,sex,port,fare\n20,f,S,1\nold,f,S,2\n"))
    assert "later.csv, line 3, column 'age': 'old' is not a number" in said


def test_gaps_later(fitted, tmp_path):
    table = later(tmp_path, "age,sex,port,fare\n,,,1\n")
    assert fitted.apply(table)[0, :5].tolist() == pytest.approx([0, 1, 0, 0, 1])
    strict = Preparation.fit(Table.of([[1.0], [2.0]], ["age"]))
    assert "later.csv, line 2, column 'age'" in fault(strict.apply, table)


def test_a_later_table_of_no_rows(fitted, people):
    assert fitted.apply(people.take(np.array([], int))).shape == (0, 6)


def test_matrices_without_names_need_the_same_width():
    preparation = Preparation.fit(Table.of(np.eye(3)))
    assert preparation.apply(Table.of(np.eye(3)).with_column("y", np.zeros(3))).shape == (3, 3)
    assert "1 column beyond the 3" in fault(preparation.apply, Table.of(np.eye(4)))
    assert "no column 'x2'" in fault(preparation.apply, Table.of(np.eye(2)))


def test_svmlight_columns_that_are_not_mentioned_are_zero():
    preparation = Preparation.fit(Table.of(np.eye(3), ["1", "2", "3"], sparse=True))
    narrow = Table.of([[0.0, 1.0]], ["1", "2"], sparse=True)
    wide = Table.of([[0.0, 1.0, 0.0, 5.0]], ["1", "2", "3", "4"], sparse=True)
    assert preparation.apply(narrow).tolist() == preparation.apply(wide).tolist()


def test_categories_keep_their_text_through_files(tmp_path):
    (tmp_path / "train.csv").write_text("zip,b\n007,1\nA7,2\n007,3\n")
    preparation = Preparation.fit(read_table(tmp_path / "train.csv"), categorical=True)
    (tmp_path / "later.csv").write_text("zip,b\n007,1\n")
    table = read_table(tmp_path / "later.csv", text=preparation.text_names)
    assert preparation.apply(table)[0, :2].tolist() == [1, 0]


# --- saving

numbers = st.lists(st.floats(-1e307, 1e307), min_size=3, max_size=3)
words = st.lists(st.text(min_size=1), min_size=3, max_size=3)


@given(st.lists(st.one_of(numbers, words), min_size=1, max_size=4), st.sampled_from([None, "mean", "median"]))
def test_a_preparation_survives_json(columns, impute):
    arrays = [np.array(c, dtype=object if isinstance(c[0], str) else float) for c in columns]
    table = Table(tuple(f"c{j}" for j in range(len(columns))), tuple(arrays), "here", np.arange(3))
    assume(any(len(set(column)) > 1 for column in columns))
    preparation = Preparation.fit(table, impute, True)
    again = Preparation.from_dict(json.loads(json.dumps(preparation.to_dict(), allow_nan=False)))
    assert again == preparation
    assert again.apply(table).tolist() == preparation.apply(table).tolist()


NUMBER = {"name": "a", "fill": None, "center": 0.0, "gain": 1.0}
CATEGORY = {"name": "a", "fill": None, "categories": ["x"]}


@pytest.mark.parametrize(
    "state",
    [
        {},
        [],
        None,
        {"columns": 1},
        {"columns": [1]},
        {"columns": [{}]},
        {"columns": [{**NUMBER, "gain": "1"}]},
        {"columns": [{**NUMBER, "gain": float("nan")}]},
        {"columns": [{**NUMBER, "center": float("inf")}]},
        {"columns": [{**NUMBER, "name": 1}]},
        {"columns": [{**NUMBER, "more": 1}]},
        {"columns": [{**CATEGORY, "categories": [1]}]},
        {"columns": [{**CATEGORY, "categories": "x"}]},
        {"columns": [{**CATEGORY, "categories": []}]},
        {"columns": [{**CATEGORY, "fill": 1}]},
        {"columns": [CATEGORY, NUMBER]},
    ],
)
def test_a_damaged_state(state):
    with pytest.raises(ModelFileError, match="preparation is damaged"):
        Preparation.from_dict(state)


# --- the split


@given(
    st.lists(st.integers(0, 3), min_size=2, max_size=60).filter(lambda c: len(set(c)) < len(c)),
    st.floats(0.01, 0.99),
    st.integers(0, 2**32),
)
def test_a_split_is_a_partition_that_keeps_every_class_in_training(codes, fraction, seed):
    codes = np.array(codes)
    training, validation = split(codes, fraction, seed)
    assert sorted([*training, *validation]) == list(range(len(codes)))
    assert set(codes[training]) == set(codes)
    assert len(validation) >= 1
    assert (np.diff(training) > 0).all()
    assert (np.diff(validation) > 0).all()
    for code in set(codes):
        share, rows = (codes[validation] == code).sum(), (codes == code).sum()
        assert min(int(fraction * rows), rows - 1) <= share <= int(fraction * rows) + 1


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.25, 1 / 3, 0.5])
def test_shares_are_right_to_a_row(fraction):
    codes = np.repeat([0, 1, 2], [100, 33, 7])
    _, validation = split(codes, fraction, 0)
    assert len(validation) == round(140 * fraction)
    shares = np.bincount(codes[validation])
    assert (abs(shares - np.array([100, 33, 7]) * fraction) < 1).all()


def test_a_split_is_repeatable_and_the_global_state_untouched():
    codes = np.arange(50) % 2
    before = np.random.get_state()[1].tolist()  # noqa: NPY002 - to see that it stays
    first, second = split(codes, 0.2, 7), split(codes, 0.2, np.random.default_rng(7))
    assert first[1].tolist() == second[1].tolist()
    assert split(codes, 0.2, 8)[1].tolist() != first[1].tolist()
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_any_numbers_will_do_as_codes():
    assert len(split(np.array([5, -3, 5, -3]), 0.5, 0)[1]) == 2


def test_too_few_rows_to_split():
    assert "3 rows of 3 classes: too few to split" in fault(split, np.array([0, 1, 2]))
    assert "0 rows" in fault(split, np.array([], int))


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 2, float("nan")])
def test_a_fraction_that_is_none(fraction):
    with pytest.raises(ArgumentError, match="between 0 and 1"):
        split(np.array([0, 0, 1, 1]), fraction)
