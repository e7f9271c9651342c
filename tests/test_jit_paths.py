"""Branches, loops and other questions on values under jit: a variant for each path; errors as without it."""

from __future__ import annotations

import importlib
import traceback
import warnings
from typing import Any

import numpy as np
import pytest

import nazad as nz


def check(f: Any, *points: Any, variants: int) -> None:
    """Right at each of the points, whatever came before; with so many variants at the end."""
    fast = nz.jit(f)
    for _ in range(2):
        for args in points:
            got, wanted = fast(*args), f(*args)
            np.testing.assert_allclose(np.asarray(got), np.asarray(wanted), rtol=1e-14)
    assert len(fast.variants) == variants
    assert fast.cache_info().misses == variants


def piecewise(x):
    if x > 1:
        return x * 2
    if x < -1:
        return -x
    return x**2


def test_branches():
    check(piecewise, (2.0,), (3.0,), (-2.0,), (0.5,), (-0.5,), (1.0,), variants=3)


def test_branches_on_arrays():
    def f(x):
        y = np.exp(x)
        return y / y.sum() if np.all(x > 0) and x[0] < x[1] else y

    check(f, (np.array([1.0, 2]),), (np.array([2.0, 1]),), (np.array([-1.0, 1]),), variants=3)


@pytest.mark.parametrize("x", [0.0, -0.0, 1.0, np.nan, np.inf])
def test_truth_of_numbers(x):
    check(lambda x: x + 1 if x else x - 1, (x,), (1.0,), (0.0,), variants=2)


def test_nan_takes_the_branch_that_it_takes_in_python():
    fast = nz.jit(piecewise)
    assert np.isnan([fast(np.nan) for _ in range(3)]).all()
    assert [fast(x) for x in (2.0, 0.5, -2.0)] == [4, 0.25, 2]
    assert len(fast.variants) == 3


def newton(a):
    """The root of a, in as many steps as it takes."""
    x, steps = a, 0
    while abs(x * x - a) > 1e-12 * a:
        x, steps = 0.5 * (x + a / x), steps + 1
    return x, steps


def test_a_loop_whose_length_depends_on_the_data():
    fast = nz.jit(newton)
    points = [2.0, 3.0, 50.0, 1e4, 1.0, 2.5, 2.0]
    for a in points * 2:
        assert fast(a) == pytest.approx(newton(a), rel=1e-14)
        assert type(fast(a)[1]) is int
    lengths = {newton(a)[1] for a in points}
    assert len(fast.variants) == len(lengths) > 2
    # calls beyond the first few of each length go through no Python at all
    hits = fast.cache_info().hits
    fast(2.0)
    assert fast.cache_info().hits <= hits + 1


def count_down(n):
    total = n * 0
    while n > 0:
        total, n = total + n, n - 1
    return total


def test_more_paths_than_are_kept():
    fast = nz.jit(count_down)
    points = [float(n) for n in range(20)] * 2
    with pytest.warns(RuntimeWarning, match="count_down took 16 different paths") as record:
        assert [fast(n) for n in points] == [count_down(n) for n in points]
    (warning,) = record
    assert warning.filename == __file__
    assert len(fast.variants) == 16
    assert "took 16 different paths" in str(fast.report())
    with pytest.warns(RuntimeWarning):  # arguments of another kind have paths of their own
        assert [fast(np.int64(n)) for n in range(20)] == [count_down(n) for n in range(20)]


def test_more_questions_than_are_compiled(monkeypatch):
    monkeypatch.setattr(importlib.import_module("nazad.api.jit"), "MOST_GUARDS", 50)
    fast = nz.jit(count_down)
    assert fast(40.0) == 820
    with pytest.warns(RuntimeWarning, match="asked for values 61 times"):
        assert fast(60.0) == 1830
    assert fast(60.0) == 1830
    assert fast(40.0) == 820
    assert len(fast.variants) == 1


def test_ten_thousand_questions():
    fast = nz.jit(count_down)
    with pytest.warns(RuntimeWarning, match="asked for values 10001 times"):
        assert fast(10_000.0) == count_down(10_000.0)
    assert not fast.variants


# --- every question
def test_bool_in_a_condition():
    check(lambda x, flag: x if flag else -x, (1.5, True), (1.5, False), (2.5, True), variants=2)


def test_index():
    def f(x, n):
        total = 0.0
        for k in range(n):
            total = total + x[k] * [1.0, 2.0, 3.0][n - 1]
        return total

    x = np.array([2.0, 3.0, 5.0])
    check(f, (x, 1), (x, 3), (-x, 3), (x, 2), variants=3)


def test_int():
    check(lambda x: x * int(x), (2.5,), (2.9,), (-2.9,), (3.0,), (-0.5,), (0.5,), variants=4)
    check(
        lambda n, x: x * [int(n)][0], (np.int32(2), 1.5), (np.int32(2), 2.5), (np.int32(3), 1.5), variants=2
    )


def test_float():
    check(lambda n, x: np.full(2, float(n)) * x, (2, 1.5), (2, 2.5), (3, 1.5), variants=1)
    unseen = eval("lambda n, x: np.full(2, float(n)) * x", {"np": np})  # noqa: S307
    check(unseen, (2, 1.5), (2, 2.5), (3, 1.5), variants=2)


def test_round():
    check(lambda x: x * round(x), (2.4,), (1.6,), (2.5,), (3.5,), (-0.4,), (0.4,), variants=3)


def test_array():
    table = np.array([10.0, 20.0, 30.0])
    f = lambda n, x: table[np.asarray(n)] * x  # noqa: E731
    x = np.ones(2)
    check(f, (np.array([0, 2]), x), (np.array([0, 2]), 2 * x), (np.array([1, 1]), x), variants=2)


def test_nonzero():
    f = lambda x: np.sum(x[x > 0] ** 2)  # noqa: E731
    check(f, (np.array([1.0, -2, 3]),), (np.array([2.0, -1, 5]),), (np.array([-2.0, 1, 3]),), variants=2)
    g = lambda x: x[np.nonzero(x)] * 2  # noqa: E731
    check(g, (np.array([1.0, 0, 3]),), (np.array([2.0, 0, 5]),), (np.array([0.0, 1, 3]),), variants=2)


def test_questions_inside_a_gradient():
    f = nz.grad(lambda x: x**2 if x > 0 else -x)
    fast = nz.jit(f)
    for x in [2.0, -3.0, 4.0, -0.5]:
        assert fast(x) == f(x)
    assert len(fast.variants) == 2


def test_places_that_are_arguments():
    f = lambda x, k: x[k] * 2  # noqa: E731
    x = np.arange(4.0)
    check(f, (x, np.array([0, 3])), (x, np.array([-4, 1])), (x + 1, np.array([2, 2])), variants=1)
    check(f, (x, 0), (x, 3), (x, -1), variants=1)


# --- rounding decides
def test_when_the_last_digit_decides_nothing_is_compiled_again():
    def f(x):
        return x * 1 if np.sum(np.exp(x)) > total else x * 2

    rng, fast = np.random.default_rng(0), nz.jit(f)
    for _ in range(30):
        x = rng.normal(size=50)
        total = np.sum(np.exp(x))
        fast.clear_cache()
        for _ in range(3):
            np.testing.assert_array_equal(fast(x), f(x))
        assert len(fast.variants) == 1


# --- errors
def test_errors_are_those_of_the_function():
    def f(x, y):
        return np.sin(x) + y  # here

    fast = nz.jit(f)
    x = np.ones((2, 3))
    fast(x, x)
    for call in (f, fast):
        with pytest.raises(
            ValueError, match=r"could not be broadcast together with shapes \(2,3\) \(4,\)"
        ) as e:
            call(x, np.ones(4))
        assert any("# here" in (frame.line or "") for frame in traceback.extract_tb(e.value.__traceback__))
    np.testing.assert_allclose(fast(x, x), f(x, x))


def test_an_index_out_of_range():
    f = lambda x, k: np.exp(x)[k]  # noqa: E731
    fast = nz.jit(f)
    x = np.arange(3.0)
    for k in [np.array([0, 2]), np.array([0, 3]), np.array([-3, 1]), np.array([-4, 1])] * 2:
        if np.all((k >= -3) & (k < 3)):
            np.testing.assert_allclose(fast(x, k), f(x, k))
        else:
            with pytest.raises(IndexError, match="out of bounds for axis 0 with size 3"):
                fast(x, k)
    assert len(fast.variants) == 1


def test_an_error_of_the_users_own():
    def f(x):
        if x < 0:
            raise LookupError("negative")
        return np.sqrt(x)

    fast = nz.jit(f)
    for _ in range(2):
        assert fast(4.0) == 2
        with pytest.raises(LookupError, match="negative"):
            fast(-4.0)


def test_errors_of_a_path_not_taken_stay_there():
    def f(x, k):
        if k[0] < 3:
            return x[k] * 2
        return x[k - 3]

    fast = nz.jit(f)
    x = np.arange(3.0)
    for k in ([0, 1], [3, 5], [2, 2], [4, 3]):
        np.testing.assert_allclose(fast(x, np.array(k)), f(x, np.array(k)))
    assert len(fast.variants) == 2


def test_errors_in_numpy_between_native_parts():
    fussy = nz.elementwise(_fussy, lambda y, x: 1.0)

    def f(x):
        return fussy(x * 2) if x[0] > 0 else fussy(-x) * 3

    fast = nz.jit(f)
    for x in [np.array([1.0, 2.0]), np.array([-1.0, -2.0]), np.array([1.5, 2.5])]:
        np.testing.assert_allclose(fast(x), f(x))
    for x in [np.array([1.0, -2.0]), np.array([-1.0, 2.0])]:
        with pytest.raises(ArithmeticError, match="fussy"):
            fast(x)
    assert len(fast.variants) == 2


def _fussy(x):
    if np.any(np.asarray(x) < 0):
        raise ArithmeticError("fussy")
    return np.sqrt(x)


# --- warnings
def test_compiled_code_does_not_warn():
    fast = nz.jit(lambda x: np.log(x) / x)
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        for _ in range(2):
            assert np.isnan(fast(np.array([-1.0])))[0]
            assert fast(np.array([0.0]))[0] == -np.inf
