"""Rows in blocks: each once per epoch, in an order that depends on seed and epoch alone."""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nazad.descent.batches import Batches, Rows, seed_of
from nazad.errors import ArgumentError, ShapeError

sizes = st.integers(1, 40)


@given(rows=sizes, size=sizes, seed=st.integers(0, 2**64), epoch=st.integers(0, 1000))
def test_every_row_once_per_epoch(rows, size, seed, epoch):
    batches = Batches.of(np.arange(rows), size, seed)
    blocks = [block for (block,) in batches.epoch(epoch)]
    assert sorted(np.concatenate(blocks)) == list(range(rows))
    assert len(blocks) == batches.per_epoch == -(-rows // size)


@given(rows=st.integers(1, 200), size=sizes)
def test_the_batches_of_an_epoch_are_of_nearly_the_same_size(rows, size):
    batches = Batches.of(np.arange(rows), size, 0)
    epoch = list(islice(batches.stream(), batches.per_epoch))
    lengths = [len(batch.rows) for batch in epoch]
    assert min(lengths) == batches.least
    assert max(lengths) <= min(batches.least + 1, size)
    assert all(batch.weight == len(batch.rows) * len(epoch) / rows for batch in epoch)
    if rows % len(epoch) == 0:
        assert {batch.weight for batch in epoch} == {1.0}


def test_no_batch_is_left_with_the_rest():
    sizes = [len(block) for (block,) in Batches.of(np.arange(65), 32, 0).epoch(0)]
    assert sizes == [21, 22, 22]


@given(rows=sizes, size=sizes, seed=st.integers(0, 2**32), first=st.integers(0, 200))
def test_a_stream_taken_up_in_the_middle_is_the_same(rows, size, seed, first):
    batches = Batches.of(np.arange(rows), size, seed)
    whole, late = batches.stream(), batches.stream(first)
    for _ in range(first):
        next(whole)
    for _ in range(3):
        one, other = next(whole), next(late)
        assert one.epoch == other.epoch
        assert np.array_equal(one.rows, other.rows)


def test_epochs_and_seeds_differ():
    batches, other = (Batches.of(np.arange(100), 10, seed) for seed in (0, 1))
    assert not np.array_equal(batches.order(0), batches.order(1))
    assert not np.array_equal(batches.order(0), other.order(0))
    assert np.array_equal(batches.order(5), Batches.of(np.arange(100), 7, 0).order(5))


def test_the_order_is_uniform():
    places = np.array([Batches.of(np.arange(4), 1, 0).order(epoch) for epoch in range(4000)])
    counts = np.array([np.bincount(column, minlength=4) for column in places.T])
    assert np.all(np.abs(counts - 1000) < 5 * np.sqrt(4000 * 3 / 16))


def test_seeds_as_in_spec_7():
    assert seed_of(3) == seed_of(np.random.default_rng(3)) == seed_of(np.int64(3))
    assert seed_of(None) != seed_of(None)
    generator = np.random.default_rng(3)
    assert seed_of(generator) != seed_of(generator)  # it is drawn from
    state = np.random.default_rng(3)
    Batches.of(np.arange(4), None, state)  # nothing to shuffle, nothing drawn
    assert seed_of(state) == seed_of(3)


def test_all_rows_are_neither_shuffled_nor_copied():
    X = np.arange(6.0)
    for size in (None, 6, 100):
        batches = Batches.of(X, size, 0)
        assert batches.per_epoch == 1
        assert next(batches.epoch(0))[0] is X


class Pair(NamedTuple):
    X: np.ndarray
    y: np.ndarray


@pytest.mark.parametrize(
    ("data", "arguments"),
    [
        (np.eye(3), 1),
        ((np.eye(3),), 1),
        ((np.eye(3), np.arange(3)), 2),
        ((np.eye(3), None), 2),
        ({"X": np.eye(3), "y": np.arange(3)}, 1),
        (Pair(np.eye(3), np.arange(3)), 1),
        ([np.eye(3), np.arange(3)], 1),
        (({"X": np.eye(3)}, np.arange(3)), 2),
        (None, 0),
    ],
)
def test_what_the_loss_is_given(data, arguments):
    rows = Rows(data)
    assert len(rows.args) == arguments
    assert rows.count == (0 if data is None else 3)
    for x in rows.take(np.array([2, 0])):
        assert x is None or isinstance(x, (dict, list, Pair)) or len(x) == 2


def test_a_named_tuple_stays_one():
    (block,) = Rows(Pair(np.eye(3), np.arange(3))).take(np.array([1]))
    assert isinstance(block, Pair)
    assert block.y.tolist() == [1]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((np.zeros((3, 2)), np.zeros(4)), r"data\[0\] has 3, data\[1\] has 4"),
        ({"X": np.zeros(3), "y": np.zeros(2)}, r"data\['X'\] has 3, data\['y'\] has 2"),
        (np.zeros((0, 3)), "data has no rows"),
        (np.float64(1.0), r"data is .* has no rows"),
        ([1.0, 2.0], r"data\[0\] is 1.0 and has no rows"),
    ],
)
def test_arrays_that_are_no_rows(data, message):
    with pytest.raises(ShapeError, match=message):
        Rows(data)


@pytest.mark.parametrize("data", [(), {}, np.array([object()]), (np.zeros(1), [None])])
def test_data_without_numbers(data):
    if isinstance(data, tuple) and data:
        assert Rows(data).count == 1  # None is a structure without arrays
        return
    with pytest.raises(ArgumentError, match="data"):
        Rows(data)


@pytest.mark.parametrize("size", [0, -1, 2.5, 2.0, True, "auto", np.nan, [1], np.array([1, 2])])
def test_batch_sizes_that_are_none(size):
    with pytest.raises(ArgumentError, match="batch_size is"):
        Batches.of(np.zeros(5), size)


def test_a_batch_size_without_data():
    with pytest.raises(ArgumentError, match="there are no data"):
        Batches.of(None, 3)


@pytest.mark.parametrize("rng", [-1, "seven", 1.5, object()])
def test_rng_that_is_none(rng):
    with pytest.raises(ArgumentError, match="rng is"):
        Batches.of(np.zeros(5), 2, rng)
