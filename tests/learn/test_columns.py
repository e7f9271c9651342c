"""Numbers and categories, one column at a time: the arithmetic, and its extremes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nazad.errors import DataError
from nazad.learn.columns import Category, Number, column_from_dict
from nazad.learn.table import Table


def one(*cells) -> Table:
    column = np.array(cells, dtype=object if isinstance(cells[0], str) else np.float64)
    return Table(("a",), (column,), "data.csv", np.arange(len(cells)) + 2)


def written(column, table) -> np.ndarray:
    out = np.full((table.rows, len(column.features)), np.nan)
    column.write(table, out)
    return out


@pytest.mark.parametrize("power", [0, 100, 200, 300, -100, -200, -300])
def test_zero_mean_and_unit_deviation_whatever_the_unit(power):
    table = one(*(np.array([1.0, 2.0, 3.0, 6.0]) * 10.0**power))
    out = written(Number.fit(table, "a", None), table)
    assert out.mean() == pytest.approx(0, abs=1e-14)
    assert out.std() == pytest.approx(1)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e308, -1e-308, 5e-324])
def test_a_constant_column_is_zero_for_ever(value):
    column = Number.fit(one(value, value, value), "a", None)
    assert written(column, one(value, value)).tolist() == [[0.0], [0.0]]
    assert written(column, one(7.0)).tolist() == [[0.0]]


def test_a_deviation_that_cannot_be_divided_by_counts_as_none():
    assert Number.fit(one(0.0, 5e-324), "a", None).gain == 0.0


@pytest.mark.parametrize(("impute", "fill"), [("mean", 4.0), ("median", 2.0)])
def test_filling(impute, fill):
    column = Number.fit(one(1.0, np.nan, 2.0, 9.0, np.inf), "a", impute)
    assert column.fill == fill
    later = written(column, one(fill, np.nan, -np.inf))
    assert later[0] == later[1] == later[2]


@pytest.mark.parametrize("impute", ["mean", "median"])
def test_filling_with_huge_numbers(impute):
    assert Number.fit(one(1.7e308, 1.7e308, np.nan, 1.5e308), "a", impute).fill > 1e308


@pytest.mark.parametrize("impute", ["mean", "median"])
@pytest.mark.parametrize("kind", [Number, Category])
def test_nothing_to_fill_with(kind, impute):
    with pytest.raises(DataError, match=r"data.csv: column 'a' holds no value at all. Remove it"):
        kind.fit(one(np.nan, np.nan), "a", impute)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ((1.0, np.nan, np.nan), "line 3, column 'a': no number: the cell is empty, or NaN; 1 more"),
        ((1.0, 2.0, -np.inf), "line 4, column 'a': an infinite number. Pass"),
    ],
)
def test_gaps_without_filling(cells, said):
    for column in (
        lambda: Number.fit(one(*cells), "a", None),
        lambda: written(Number("a", None, 0.0, 1.0), one(*cells)),
    ):
        with pytest.raises(DataError) as caught:
            column()
        assert f"data.csv, {said}" in str(caught.value)
        assert "--impute mean" in str(caught.value)


def test_text_where_training_had_numbers():
    with pytest.raises(DataError, match=r"data.csv, line 4, column 'a': 'abc' is not a number. In training"):
        written(Number("a", None, 0.0, 1.0), one("1", "", "abc"))


def test_a_number_too_large_for_the_training_unit():
    column = Number.fit(one(0.0, 1e-5), "a", None)
    with pytest.raises(DataError, match=r"data.csv, line 3, column 'a': the number is too large"):
        written(column, one(1.0, 1e305))


@given(
    st.lists(st.floats(-1e307, 1e307), min_size=1),
    st.sampled_from([None, "mean", "median"]),
)
def test_any_finite_numbers_become_finite(values, impute):
    table = one(*values)
    column = Number.fit(table, "a", impute)
    out = written(column, table)
    assert np.isfinite(out).all()
    assert column_from_dict(json.loads(json.dumps(column.to_dict(), allow_nan=False))) == column


@given(st.lists(st.floats(-1e6, 1e6), min_size=2))
def test_standardisation_is_that_of_numpy(values):
    assume(np.std(values) > 1e-3)
    out = written(Number.fit(one(*values), "a", None), one(*values))[:, 0]
    np.testing.assert_allclose(out, (values - np.mean(values)) / np.std(values), rtol=1e-6, atol=1e-6)


def test_categories_are_one_hot():
    column = Category.fit(one("b", "a", "b"), "a", None)
    assert column.features == ("a=a", "a=b")
    assert written(column, one("b", "a")).tolist() == [[0, 1], [1, 0]]


def test_a_category_never_met_is_zeros():
    assert written(Category.fit(one("b", "a"), "a", None), one("c")).tolist() == [[0, 0]]


def test_numbers_as_categories_match_their_text():
    column = Category.fit(one("1", "2.5", "x"), "a", None)
    assert written(column, one(2.5, 1.0)).tolist() == [[0, 1, 0], [1, 0, 0]]


def test_an_empty_category():
    with pytest.raises(
        DataError, match=r"data.csv, line 3, column 'a': the cell is empty; 2 such rows"
    ) as caught:
        Category.fit(one("a", "", "b", ""), "a", None)
    assert "--impute" in str(caught.value)


def test_an_empty_category_becomes_the_most_frequent():
    column = Category.fit(one("a", "", "b", "b"), "a", "median")
    assert column.fill == "b"
    assert written(column, one("")).tolist() == [[0, 1]]


@given(st.lists(st.text(min_size=1), min_size=1), st.sampled_from([None, "mean"]))
def test_a_category_survives_json(cells, impute):
    column = Category.fit(one(*cells), "a", impute)
    assert column_from_dict(json.loads(json.dumps(column.to_dict()))) == column
    assert (written(column, one(*cells)).sum(axis=1) == 1).all()
