"""Numerical derivatives: their orders, what they cost, and whether their errors are what they say."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nazad.differences import Differences, ErrorCurve, differences, error_curve
from nazad.errors import ArgumentError, ShapeError

METHODS = ["forward", "central", "richardson"]
each_method = pytest.mark.parametrize("method", METHODS)


class Counted:
    """A function that counts its calls."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f, self.calls = f, 0

    def __call__(self, *args: Any) -> Any:
        self.calls += 1
        return self.f(*args)


def lecture(x: Any, y: Any) -> Any:
    return np.log(x) + x * y - np.sin(y)


def cube(x: Any) -> Any:
    return x**3


# Values


@each_method
def test_the_lecture_example(method: Any) -> None:
    found = differences(lecture, 2.0, 5.0, argnums=(0, 1), method=method)
    for value, error, exact in zip(found.value, found.error, (5.5, 2 - math.cos(5)), strict=True):
        assert abs(value - exact) <= error < {"forward": 1e-4, "central": 1e-6, "richardson": 1e-10}[method]
        assert type(value) is type(error) is float
    assert found.method == method
    assert found.notes == ()


@each_method
def test_gradient_of_an_array(method: Any) -> None:
    x = np.array([[1.0, -2.0, 0.5], [3.0, 0.0, 10.0]])
    found = differences(lambda x: np.sum(np.sin(x) * x), x, method=method)
    assert found.value.shape == found.error.shape == found.h.shape == (2, 3)
    assert np.all(abs(found.value - (np.sin(x) + x * np.cos(x))) <= found.error)


@each_method
def test_jacobian_has_the_shape_of_the_result_then_of_the_argument(method: Any) -> None:
    a = np.arange(6.0).reshape(2, 3)
    found = differences(lambda x: np.outer(a @ x, x), np.array([1.0, 2.0, -1.0]), method=method)
    x = np.array([1.0, 2.0, -1.0])
    exact = np.einsum("ik,j->ijk", a, x) + np.einsum("i,jk->ijk", a @ x, np.eye(3))
    assert found.value.shape == found.error.shape == (2, 3, 3)
    assert found.h.shape == (3,)
    assert np.all(abs(found.value - exact) <= found.error)


def test_array_of_a_scalar_and_scalar_of_an_array() -> None:
    found = differences(lambda x, v: x * v, 2.0, np.array([1.0, 3.0]), argnums=(0, 1))
    np.testing.assert_allclose(found.value[0], [1.0, 3.0], rtol=1e-9)
    np.testing.assert_allclose(found.value[1], 2 * np.eye(2), atol=1e-9)
    assert type(found.h[0]) is float


# Structures


class Layer(NamedTuple):
    weight: Any
    bias: Any


@dataclasses.dataclass
class Model:
    first: Any
    rest: Any


def test_structures_come_back_as_they_are() -> None:
    model = Model(first={"w": np.array([1.0, 2.0]), "b": 3.0}, rest=[Layer(np.float64(0.5), None), (2.0,)])

    def f(model: Model) -> Any:
        layer = model.rest[0]
        assert isinstance(layer, Layer)
        assert layer.bias is None
        return model.first["b"] * np.sum(model.first["w"] ** 2) + layer.weight * model.rest[1][0]

    found = differences(f, model)
    assert found.evaluations == 2 * 5
    for tree in (found.value, found.error, found.h):
        assert isinstance(tree, Model)
        assert isinstance(tree.rest[0], Layer)
    np.testing.assert_allclose(found.value.first["w"], [6.0, 12.0], rtol=1e-9)
    assert found.value.first["b"] == pytest.approx(5.0, rel=1e-9)
    assert found.value.rest[0].weight == pytest.approx(2.0, rel=1e-9)
    assert found.value.rest[1][0] == pytest.approx(0.5, rel=1e-9)


def test_argnums() -> None:
    assert differences(lecture, 2.0, 5.0, argnums=1).value == pytest.approx(2 - math.cos(5))
    assert differences(lecture, 2.0, 5.0, argnums=-2).value == pytest.approx(5.5)
    one = differences(lecture, 2.0, 5.0, argnums=(1,)).value
    assert isinstance(one, tuple)
    assert len(one) == 1
    swapped = differences(lecture, 2.0, 5.0, argnums=[1, 0]).value
    assert swapped == pytest.approx((2 - math.cos(5), 5.5))


@pytest.mark.parametrize("argnums", [2, -3, (0, 0), (0, -2), (), "0", 1.0, (0, 5)])
def test_argnums_refused(argnums: Any) -> None:
    with pytest.raises(ArgumentError, match="There are 2 arguments"):
        differences(lecture, 2.0, 5.0, argnums=argnums)


def test_other_arguments_may_be_anything() -> None:
    found = differences(lambda x, power, names: x ** power[0], 3.0, [2], "abc")
    assert found.value == pytest.approx(6.0)


# What it costs


@pytest.mark.parametrize("n", [1, 2, 7])
def test_evaluations_are_counted(n: int) -> None:
    x = np.linspace(0.5, 2.0, n)
    for method, expected in (("forward", n + 1), ("central", 2 * n)):
        f = Counted(lambda x: np.sum(np.exp(x)))
        assert differences(f, x, method=method).evaluations == f.calls == expected  # type: ignore[arg-type]
    f = Counted(lambda x: np.sum(np.exp(x)))
    assert differences(f, x, method="richardson").evaluations == f.calls
    assert 6 * n <= f.calls <= 24 * n


@pytest.mark.parametrize("f", [np.sqrt, np.log, np.cbrt, lambda x: np.full(2, 1e6) * x, np.float32])
def test_evaluations_are_counted_at_the_edges_too(f: Callable[..., Any]) -> None:
    for x in (0.0, 1e-7, 1.0):
        counted = Counted(f)
        assert differences(counted, x).evaluations == counted.calls


# Kinds of numbers


def test_empty_and_zero_dimensional() -> None:
    empty = differences(lambda x: np.stack([np.sum(x), 1.0]), np.zeros((0, 3)))
    assert empty.value.shape == empty.error.shape == (2, 0, 3)
    assert empty.evaluations == 1  # the shape of the result has to come from somewhere
    assert differences(np.sum, np.zeros(0), method="forward").evaluations == 1
    assert differences(lambda x: x[:0], np.ones(3)).value.shape == (0, 3)

    def f(x: Any) -> Any:
        assert isinstance(x, np.ndarray)
        return x * x

    point = differences(f, np.array(3.0))
    assert isinstance(point.value, np.ndarray)
    assert point.value.shape == ()
    assert type(differences(cube, np.float64(3)).value) is np.float64


def test_nothing_to_move() -> None:
    found = differences(lambda tree: 1.0, {"a": None})
    assert found.value == {"a": None}


def test_float32_is_moved_in_float64() -> None:
    seen = set()

    def f(x: Any) -> Any:
        seen.add(x.dtype)
        return np.sum(x**3)

    x = np.array([1.0, 2.0], np.float32)
    wide, own = differences(f, x), differences(f, x, dtype=None)
    assert seen == {np.dtype(np.float64), np.dtype(np.float32)}
    assert wide.value.dtype == own.value.dtype == np.float64
    for found, most in ((wide, 1e-6), (own, 1e-1)):
        assert np.all(abs(found.value - [3.0, 12.0]) <= found.error)
        assert np.all(found.error < most)
    assert own.h.dtype == np.float32
    assert differences(cube, np.float32(2)).error < 1e-6


@each_method
def test_a_function_that_computes_in_float32(method: Any) -> None:
    x = np.array([1.0, 2.0, 0.3])
    found = differences(lambda x: np.sum(np.sin(x.astype(np.float32))), x, method=method)
    assert np.all(abs(found.value - np.cos(x)) <= found.error)
    assert np.all(found.error < 0.1)
    assert found.notes == ()


def test_more_than_float64_is_kept() -> None:
    x = np.longdouble(1)
    found = differences(np.sin, x, method="richardson")
    assert found.value.dtype == np.longdouble
    assert abs(found.value - np.cos(x)) <= found.error


def test_a_result_of_integers_is_constant() -> None:
    assert differences(lambda x: 3, 1.0).value == 0.0
    assert differences(lambda x: np.sum(x > 0), np.ones(2)).value.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (2, "argument 0 has the integer type int64. Differences need floating numbers: write 2.0 for 2"),
        (True, "argument 0 has the integer type bool"),
        (np.arange(3), "x.astype(float)"),
        ({"w": [1.0, 2]}, "argument 0['w'][1] has the integer type"),
        ("x", "argument 0 has the type <U1"),
        (np.array([None]), "argument 0 has the type object"),
    ],
)
def test_arguments_refused(x: Any, words: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        differences(lambda x: x, x)
    assert words in str(caught.value)


@pytest.mark.parametrize("out", ["1", None, True, (1.0, 2.0), [1.0], {"a": 1.0}, np.array([None]), object()])
def test_results_refused(out: Any) -> None:
    with pytest.raises(ArgumentError, match=r"the function returned .* It should return one real number"):
        differences(lambda x: out, 1.0)


def test_other_mistakes() -> None:
    with pytest.raises(ArgumentError, match="cannot be called"):
        differences(3.0, 1.0)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="Take one of forward, central, richardson"):
        differences(cube, 1.0, method="backward")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="dtype is 'int32'"):
        differences(cube, 1.0, dtype="int32")
    with pytest.raises(ArgumentError, match="has shape"):
        differences(lambda x: np.ones(1 if x > 1 else 2), 1.0)
    for h in (0.0, -1.0, math.nan, math.inf, np.ones(2)):
        with pytest.raises(ArgumentError, match="one positive number"):
            differences(cube, 1.0, h=h)  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        differences(lambda x: {}["missing"], 1.0)
    with pytest.raises(ValueError, match="broken"):
        differences(broken, 1.0)


def broken(x: Any) -> Any:
    raise ValueError("broken")


def test_the_callers_arrays_are_never_changed() -> None:
    x, w = np.array([1.0, 2.0, 3.0]), np.array([4.0])

    def f(x: Any, w: Any) -> Any:
        x *= 2  # which is f's own affair
        return np.sum(x**2) * w[0]

    for method in METHODS:
        found = differences(f, x, w, argnums=0, method=method)  # type: ignore[arg-type]
        np.testing.assert_allclose(found.value, [32.0, 64.0, 96.0], rtol=1e-6)
    np.testing.assert_array_equal(x, [1.0, 2.0, 3.0])
    frozen = np.ones(3)
    frozen.flags.writeable = False
    assert differences(np.sum, frozen).value.tolist() == pytest.approx([1, 1, 1])


def test_a_result_that_is_reused_by_the_function() -> None:
    buffer = np.zeros(2)
    found = differences(lambda x: np.multiply(x, [1.0, 2.0], out=buffer), 1.0)
    np.testing.assert_allclose(found.value, [1.0, 2.0], rtol=1e-9)


def test_the_result_is_immutable() -> None:
    found = differences(cube, 1.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.value = 2.0  # type: ignore[misc]
    assert isinstance(found, Differences)


# Steps


@pytest.mark.parametrize("x", [0.0, 1e-3, 1 / 3, 1.0, math.pi, 1e5, -7.7, 1e300])
def test_steps_are_exact_and_follow_the_scale(x: float) -> None:
    for method, power in (("forward", 1 / 2), ("central", 1 / 3)):
        h = differences(lambda x: x / 1e300, x, method=method).h  # type: ignore[arg-type]
        assert (x + h) - x == h
        assert h == pytest.approx(2.0 ** (-52 * power) * max(1, abs(x)), rel=1e-6)


def test_a_given_step_is_taken() -> None:
    found = differences(cube, np.array([1.0, 2.0]), h=0.5)
    assert found.h.tolist() == [0.5, 0.5]
    np.testing.assert_allclose(np.diag(found.value), [3.25, 12.25])  # 3 x**2 + h**2
    assert differences(cube, 1.0, h=0.5, method="forward").value == 4.75
    assert differences(np.sin, 1.0, h=0.5, method="richardson").h == 0.5


def test_a_step_too_small_to_be_one() -> None:
    for method in METHODS:
        found = differences(cube, 1.0, h=1e-20, method=method)  # type: ignore[arg-type]
        assert math.isnan(found.value)
        assert found.error == math.inf
        assert len(found.notes) == 1


# The estimates of the errors


def bell(x: Any) -> Any:
    return np.exp(-(x**2))


def witch(x: Any) -> Any:
    return 1 / (1 + x**2)


FAMILY: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "sin": (lambda a, b, x: a * np.sin(b * x), lambda a, b, x: a * b * np.cos(b * x)),
    "exp": (lambda a, b, x: a * np.exp(b * x), lambda a, b, x: a * b * np.exp(b * x)),
    "cube": (lambda a, b, x: a * x**3 + b * x, lambda a, b, x: 3 * a * x**2 + b),
    "fifth": (lambda a, b, x: (a * x + b) ** 5, lambda a, b, x: 5 * a * (a * x + b) ** 4),
    "tanh": (lambda a, b, x: np.tanh(a * x + b), lambda a, b, x: a / np.cosh(a * x + b) ** 2),
    "bell": (lambda a, b, x: a * bell(x - b), lambda a, b, x: -2 * a * (x - b) * bell(x - b)),
    "witch": (lambda a, b, x: a * witch(x - b), lambda a, b, x: -2 * a * (x - b) * witch(x - b) ** 2),
    "log": (lambda a, b, x: a * np.log(x * x + b * b + 1), lambda a, b, x: 2 * a * x / (x * x + b * b + 1)),
    "root": (lambda a, b, x: np.hypot(x, 0.3 + a * a), lambda a, b, x: x / np.hypot(x, 0.3 + a * a)),
    "constant": (lambda a, b, x: a + 0 * x, lambda a, b, x: 0.0),
}  # fmt: skip


def missed(method: Any, name: str, a: float, b: float, x: float) -> float:
    """The true error in units of the estimated one."""
    f, derivative = FAMILY[name]
    found = differences(lambda x: f(a, b, x), x, method=method)
    exact = float(derivative(a, b, x))
    return max(abs(found.value - exact) - 4e-16 * abs(exact), 0) / found.error


def floats(most: float) -> st.SearchStrategy[float]:
    return st.floats(-most, most, allow_subnormal=False)


@given(st.sampled_from(sorted(FAMILY)), floats(3), floats(3), floats(4))
def test_measured_errors_are_bounds(name: str, a: float, b: float, x: float) -> None:
    assert missed("richardson", name, a, b, x) <= 1


@pytest.mark.parametrize("method", ["forward", "central"])
@given(st.sampled_from(sorted(FAMILY)), floats(1), floats(1), floats(4))
def test_assumed_errors_are_bounds_where_the_assumption_holds(
    method: Any, name: str, a: float, b: float, x: float
) -> None:
    assert missed(method, name, a, b, x) <= 1


@pytest.mark.parametrize("method", ["forward", "central"])
def test_assumed_errors_are_bounds_nearly_always_where_it_need_not(method: Any) -> None:
    rng = np.random.default_rng(0)
    names = rng.choice(sorted(FAMILY), 3000)
    points = rng.uniform(-1, 1, (3000, 3)) * (3, 3, 4)
    found = np.array([missed(method, name, *point) for name, point in zip(names, points, strict=True)])
    assert np.mean(found <= 1) > 0.995
    assert np.max(found) < 10


@each_method
def test_errors_are_no_wild_guesses(method: Any) -> None:
    """Within a thousand times of the truth, for half of a family; a bound of infinity would bound as well."""
    ratios = []
    for f, derivative in FAMILY.values():
        for x in np.linspace(-3.1, 2.9, 15):
            found = differences(lambda x, f=f: f(1.3, 0.7, x), x, method=method)
            ratios.append(found.error / max(abs(found.value - derivative(1.3, 0.7, x)), 1e-16))
    assert 1 < np.median(ratios) < 1000


HARD: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
    (lambda x: np.sin(30 * x), lambda x: 30 * np.cos(30 * x)),
    (lambda x: np.sin(200 * x), lambda x: 200 * np.cos(200 * x)),
    (lambda x: np.sin(20 * np.pi * x), lambda x: 20 * np.pi * np.cos(20 * np.pi * x)),  # a period of 0.1
    (lambda x: np.sin(2 * np.pi * x), lambda x: 2 * np.pi * np.cos(2 * np.pi * x)),
    (np.log, lambda x: 1 / x),
    (np.sqrt, lambda x: 0.5 / np.sqrt(x)),
    (lambda x: 1 / x, lambda x: -1 / x**2),
    (lambda x: x**x, lambda x: x**x * (np.log(x) + 1)),
    (lambda x: np.abs(x - 0.25), lambda x: np.sign(x - 0.25)),
    (lambda x: x**12, lambda x: 12 * x**11),
    (lambda x: 1e9 * np.cos(x), lambda x: -1e9 * np.sin(x)),
]


@pytest.mark.parametrize("place", range(len(HARD)))
@pytest.mark.parametrize("x", [1e-6, 1e-4, 1e-3, 0.01, 0.1, 0.3, 1.0, 3.0, 50.0])
def test_richardson_measures(place: int, x: float) -> None:
    """Where an assumption about f is wrong, extrapolation sees it."""
    f, derivative = HARD[place]
    found = differences(f, x, method="richardson")
    if math.isnan(found.value):
        assert found.error == math.inf
        assert found.notes
    else:
        exact = float(derivative(x))
        assert abs(found.value - exact) <= found.error + 4e-16 * abs(exact)


# Edges of the domain


@each_method
@pytest.mark.parametrize("x", [1e-3, 1e-5, 1e-7, 1e-10])
def test_log_near_zero(method: Any, x: float) -> None:
    found = differences(np.log, x, method=method)
    assert found.value == pytest.approx(1 / x, rel=1e-4)
    assert abs(found.value - 1 / x) <= found.error


@pytest.mark.parametrize("method", ["forward", "central"])
def test_math_functions_raise_outside_their_domain(method: Any) -> None:
    found = differences(math.log, 1e-7, method=method)
    assert abs(found.value - 1e7) <= found.error < 1e3
    assert differences(lambda x: 1 / math.sqrt(x), 1e-7, method=method).error < math.inf
    with pytest.raises(ValueError, match=r"domain|positive"):  # Python 3.14 says it otherwise
        differences(math.log, 0.0, method=method)


@each_method
@pytest.mark.parametrize(
    ("f", "x"),
    [
        (np.sqrt, 0.0), (np.cbrt, 0.0), (np.log, 0.0), (np.log, -1.0), (np.arcsin, 1.0), (np.arccosh, 1.0),
        (lambda x: np.sqrt(np.maximum(x, 0)), 0.0), (lambda x: x * np.log(x), 0.0), (np.exp, 800.0),
        (lambda x: x + np.nan, 1.0), (np.sin, np.nan), (np.sin, np.inf), (np.sin, 1e308),
    ],
)  # fmt: skip
def test_no_derivative_is_never_a_number(method: Any, f: Callable[..., Any], x: float) -> None:
    found = differences(f, x, method=method)
    assert math.isnan(found.value)
    assert found.error == math.inf
    assert len(found.notes) == 1
    assert found.notes[0].startswith("argument 0: ")
    assert found.evaluations < 200


@each_method
def test_one_sided(method: Any) -> None:
    right = differences(lambda x: np.where(x >= 0, np.sin(x), np.nan), 0.0, method=method)
    left = differences(lambda x: np.where(x <= 1, np.exp(x), np.nan), 1.0, method=method)
    for found, exact, side in ((right, 1.0, "above"), (left, math.e, "below")):
        assert abs(found.value - exact) <= found.error < 1e-6
        if method != "forward" or side == "below":
            assert side in found.notes[0]


def test_one_bad_entry_leaves_the_others_alone() -> None:
    found = differences(lambda p: np.sum(np.sqrt(p["w"])), {"w": np.array([[1.0, 0.0], [4.0, 9.0]])})
    np.testing.assert_allclose(found.value["w"], [[0.5, np.nan], [0.25, 1 / 6]], rtol=1e-9)
    assert found.error["w"][0, 1] == math.inf
    assert np.isfinite(np.delete(found.error["w"].ravel(), 1)).all()
    assert [note.partition(":")[0] for note in found.notes] == ["argument 0['w'][0, 1]"]
    outputs = differences(lambda x: np.stack([np.sqrt(x), np.sin(x), np.abs(x)]), 0.0)
    np.testing.assert_allclose(outputs.value, [np.nan, 1.0, 0.0], atol=1e-9)


def test_a_given_step_is_not_replaced() -> None:
    f = Counted(np.sqrt)
    found = differences(f, 0.0, h=1e-3)
    assert math.isnan(found.value)
    assert found.error == math.inf
    assert f.calls == found.evaluations == 2
    assert "not finite" in found.notes[0]


def test_kinks_are_averaged() -> None:
    assert differences(np.abs, 0.0).value == 0.0
    assert differences(lambda x: np.maximum(x, 0), 0.0).value == pytest.approx(0.5)


# The curve of the errors


@pytest.mark.parametrize(
    ("f", "x", "exact"),
    [
        (np.exp, 1.0, math.e),
        (np.sin, 2.0, np.cos),
        (lambda x: lecture(x, 5.0), 2.0, 5.5),
        (lambda x: lecture(2.0, x), 5.0, None),
        (np.tanh, 0.5, None),
        (lambda x: 1 / x, 0.5, lambda x: -(x**-2)),
        (lambda x: np.sin(10 * x), 0.3, None),
        (lambda x: 1e3 * np.cos(x), 1000.0, None),
        (lambda x: np.sum(np.exp(x) * x), np.array([0.3, 1.0, -2.0]), lambda x: np.exp(x) * (1 + x)),
        (lambda x: np.outer(x, x**3), np.array([1.0, 2.0]), None),
    ],
)
def test_slopes(f: Callable[..., Any], x: Any, exact: Any) -> None:
    curve = error_curve(f, x, exact)
    assert curve.slopes["forward"] == pytest.approx(1, abs=0.1)
    assert curve.slopes["central"] == pytest.approx(2, abs=0.1)
    if np.ndim(x) == 0:
        assert curve.slopes["richardson"] == pytest.approx(4, abs=0.2)


def test_the_floor_of_rounding() -> None:
    curve = error_curve(np.exp, 1.0, np.e)
    assert 1e-10 < curve.floor["forward"] < 1e-6
    assert 1e-13 < curve.floor["central"] < 1e-9
    assert curve.floor["richardson"] < 1e-11
    assert 1e-10 < curve.best_h["forward"] < 1e-6 < curve.best_h["central"] < 1e-3
    assert curve.best_h["central"] < curve.best_h["richardson"]
    small = curve.h < 1e-9  # where nothing is left but rounding, it is of the size that it is said to have
    assert 0.01 < np.median(curve.central[small] / curve.rounding[small]) < 10
    assert np.all(np.diff(curve.h) < 0)


def test_slopes_where_there_is_no_truncation() -> None:
    linear = error_curve(lambda x: 3 * x, 1.0, 3.0)
    assert all(math.isnan(slope) for slope in linear.slopes.values())
    square = error_curve(lambda x: x * x, 3.0, 6.0)
    assert square.slopes["forward"] == pytest.approx(1, abs=0.1)
    assert math.isnan(square.slopes["central"])


def test_steps_of_the_curve() -> None:
    curve = error_curve(cube, np.array([1.0, 2.0]), hs=[1e-3, 0.1, 0.01])
    assert curve.h.tolist() == [0.1, 0.01, 0.001]
    np.testing.assert_allclose(curve.central, np.sqrt(2) * curve.h**2, rtol=1e-3)
    np.testing.assert_allclose(
        curve.forward, np.hypot(3 * curve.h + curve.h**2, 6 * curve.h + curve.h**2), rtol=1e-6
    )
    assert np.all(curve.richardson < 1e-10)
    assert all(math.isfinite(each) for each in error_curve(cube, 1.0, hs=[0.1]).floor.values())


def test_the_curve_leaves_its_argument_alone() -> None:
    def f(x: Any) -> Any:
        x += 0.0
        x *= 2.0
        return np.sum(x**2)

    x = np.array([1.0, 2.0])
    curve = error_curve(f, x, exact=lambda x: 8 * x)
    assert x.tolist() == [1.0, 2.0]
    assert curve.slopes["forward"] == pytest.approx(1, abs=0.1)


def test_mistakes_at_the_curve() -> None:
    with pytest.raises(ShapeError, match=r"has shape \(3,\). It should be \(\)"):
        error_curve(np.exp, 1.0, np.ones(3))
    with pytest.raises(ArgumentError, match="integer"):
        error_curve(np.exp, 1)
    for hs in ([], [0.0], [-1.0, 1.0], [math.nan], [math.inf]):
        with pytest.raises(ArgumentError, match="positive numbers"):
            error_curve(np.exp, 1.0, hs=hs)


def test_text() -> None:
    curve = error_curve(np.exp, 1.0, np.e)
    lines = curve.text().splitlines()
    assert str(curve) == curve.text()
    assert lines[0].split() == ["h", "forward", "central", "richardson"]
    assert len(lines) == 1 + len(curve.h) + 3
    assert {len(line) for line in lines} == {48}
    assert lines[1].split() == [
        f"{each:.1e}" for each in (0.1, curve.forward[0], curve.central[0], curve.richardson[0])
    ]
    assert lines[-3].split() == ["slope", "1.00", "2.00", "4.00"]
    assert lines[-2].split()[:2] == ["least", "error"]
    assert lines[-1].split()[:2] == ["at", "h"]


def test_plot() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    curve = error_curve(lambda x: 3 * x + np.exp(x), 1.0)
    figure, ax = pyplot.subplots()
    assert curve.plot(ax) is ax
    figure.canvas.draw()
    lines = {line.get_label().partition(",")[0]: line for line in ax.get_lines()}
    assert set(lines) == {"forward", "central", "richardson", "rounding"}
    for name, line in lines.items():
        np.testing.assert_array_equal(line.get_xdata(), curve.h)
        np.testing.assert_array_equal(line.get_ydata(), getattr(curve, name))
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert "slope 2.0" in lines["central"].get_label()
    assert ax.yaxis.get_transform()._clip is False  # a lucky error of zero is a gap, not a line down
    own = error_curve(lambda x: 3 * x, 1.0).plot()  # errors of zero, and slopes of NaN
    own.figure.canvas.draw()
    pyplot.close("all")
    assert isinstance(curve, ErrorCurve)


@pytest.mark.parametrize("method", ["forward", "central", "richardson"])
def test_complex_numbers_are_moved_along_both_parts(method: Any) -> None:
    z = np.array([1 + 2j, -0.5j])
    found = differences(lambda z: np.sum(np.abs(z) ** 2), z, method=method)
    assert np.all(abs(found.value - 2 * z.conj()) <= found.error)
    assert np.all(found.error < 1e-5)
    assert (found.value.dtype, found.error.dtype) == (np.complex128, np.float64)
    assert np.all((found.h.real > 0) & (found.h.imag > 0))
    assert type(differences(abs, 1 + 1j, method=method).value) is complex
    turned = differences(lambda t: np.exp(1j * t), 0.5, method=method)
    assert abs(turned.value - 1j * np.exp(0.5j)) <= turned.error
    with pytest.raises(ArgumentError, match="of type complex128"):
        differences(lambda z: z * z, z, method=method)


def test_which_part_has_no_derivative() -> None:
    found = differences(lambda z: np.sum(np.sqrt(z.imag)), np.array([1j, 0j]))
    assert found.notes == ("argument 0[1].imag: f is not finite at x + h or x - h; no derivative was found",)
