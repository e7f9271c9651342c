"""The stream of iterates and the run that drains it."""

from __future__ import annotations

import dataclasses
from itertools import islice

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

import nazad as nz
from nazad.descent import Rule, descend, gradient_descent, inverse_sqrt, inverse_time, minimize
from nazad.descent.batches import Batches
from nazad.errors import ArgumentError, ShapeError


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y.astype(float)


def cross_entropy(p, X, y):
    t = X @ p["w"] + p["b"]
    return np.mean(np.logaddexp(0, t) - y * t)


def zeros(n=30):
    return {"w": np.zeros(n), "b": 0.0}


def quadratic(w):
    return np.sum(np.array([1.0, 4.0]) * w**2) / 2


# --- the stream
def test_iterates_are_those_of_the_lecture():
    alpha, w = 0.1, np.array([1.0, -2.0])
    for k, it in enumerate(descend(quadratic, w, step=alpha, steps=5)):
        gradient = np.array([1.0, 4.0]) * w
        assert (it.step, it.epoch) == (k, k)
        np.testing.assert_array_equal(it.params, w)
        assert it.value == quadratic(w)
        assert it.gradient_norm == pytest.approx(np.linalg.norm(gradient))
        assert it.full == (it.value, it.gradient_norm)
        w = w - alpha * gradient
    assert k == 5


def test_step_norms():
    first, second, third = descend(quadratic, np.ones(2), step=0.1, steps=2)
    assert first.step_norm == 0
    assert second.step_norm == pytest.approx(np.linalg.norm(second.params - first.params))
    assert third.step_norm == pytest.approx(0.1 * second.gradient_norm)


def test_a_known_rate_on_a_quadratic():
    """α = 2/(L + μ): the error shrinks by (L − μ)/(L + μ) in every step (Nesterov 2004, theorem 2.1.15)."""
    iterates = list(descend(quadratic, np.array([4.0, 1.0]), step=2 / 5, steps=40))
    lengths = np.array([np.linalg.norm(it.params) for it in iterates])
    np.testing.assert_allclose(lengths[1:] / lengths[:-1], 3 / 5, rtol=1e-12)


def test_without_an_end_it_has_none():
    assert [it.step for it in islice(descend(quadratic, np.ones(2), step=0.1), 50)] == list(range(50))


@pytest.mark.parametrize(
    ("budget", "last"),
    [({"steps": 3}, 3), ({"epochs": 2}, 10), ({"steps": 3, "epochs": 2}, 3), ({"steps": 0}, 0)],
)
def test_budgets(budget, last):
    X = np.arange(10.0)
    *_, it = descend(lambda w, X: np.mean((w - X) ** 2), 0.0, X, step=0.1, batch_size=2, rng=0, **budget)
    assert it.step == last
    assert it.full == (it.value, it.gradient_norm)  # the last one is measured on all rows


def test_all_rows_are_measured_once_per_epoch(cancer):
    iterates = list(descend(cross_entropy, zeros(), cancer, step=0.1, batch_size=100, epochs=3, rng=0))
    assert [it.step for it in iterates if it.full] == [0, 6, 12, 18]
    for it in iterates:
        if it.full:
            assert it.full.value == cross_entropy(it.params, *cancer)
    assert [it.epoch for it in iterates] == [0] * 6 + [1] * 6 + [2] * 6 + [3]


def test_the_same_seed_is_the_same_run_bit_for_bit(cancer):
    one, two, other = (
        list(descend(cross_entropy, zeros(), cancer, batch_size=50, epochs=2, rng=seed)) for seed in (5, 5, 6)
    )
    for a, b in zip(one, two, strict=True):
        assert a.record() == b.record()
        assert a.params["w"].tobytes() == b.params["w"].tobytes()
    assert one[-1].params["b"] != other[-1].params["b"]


def test_a_step_of_one_batch_is_that_of_its_rows(cancer):
    X, y = cancer
    first, second = list(islice(descend(cross_entropy, zeros(), cancer, step=0.5, batch_size=7, rng=1), 2))
    rows = next(Batches.of(cancer, 7, 1).stream()).rows
    gradient = nz.grad(cross_entropy)(zeros(), X[rows], y[rows])
    weight = 6 / (569 / 82)  # 82 batches of 6 or 7 rows, of which this is one of 6
    np.testing.assert_allclose(second.params["w"], -0.5 * weight * gradient["w"], rtol=1e-12)
    assert first.value == pytest.approx(np.log(2))
    assert first.gradient_norm == pytest.approx(np.hypot(np.linalg.norm(gradient["w"]), gradient["b"]))


def test_an_epoch_of_short_steps_goes_where_the_full_gradient_does():
    """Five rows by two are batches of one, two and two: no row pulls more than another."""
    x = np.array([0.0, 0.0, 0.0, 0.0, 100.0])
    for seed in range(10):
        *_, last = descend(lambda w, x: np.mean(w * x), 0.0, x, step=0.01, batch_size=2, epochs=1, rng=seed)
        assert last.params == pytest.approx(-0.01 * 3 * 20.0)


def test_rules_see_one_objective():
    """Value, gradient and objective agree, also where batches differ in size."""

    def update(*, gradient, value, params, objective, **others):
        assert objective.value_and_grad(params) == (value, gradient)
        assert objective(params) == value
        assert nz.grad(objective)(params) == pytest.approx(gradient)
        return -0.1 * gradient, None

    rule = Rule(lambda params: None, update)
    x = np.arange(5.0)
    *_, last = descend(lambda w, x: np.mean((w - x) ** 2), 0.0, x, rule=rule, batch_size=2, epochs=2, rng=0)
    assert last.step == 6


@dataclasses.dataclass
class Layer:
    w: np.ndarray
    b: float
    name: str = dataclasses.field(default="first", metadata={"static": True})


@pytest.mark.parametrize(
    "start",
    [
        1.5,
        np.float64(1.5),
        np.array(1.5),
        np.array([1.0, 2.0]),
        [1.0, np.ones(2)],
        (np.ones((2, 2)), {"a": 0.5}),
        Layer(np.ones(2), 0.5),
        {"w": np.ones(2), "none": None},
    ],
)
def test_parameters_keep_their_structure(start):
    def loss(p):
        return sum(np.sum((x - 3.0) ** 2) for x in nz.tree.flatten(p)[0])

    result = minimize(loss, start, step=0.3, tolerance=1e-8)
    assert result.verdict.kind == "converged"
    leaves, structure = nz.tree.flatten(result.params)
    before, expected = nz.tree.flatten(start)
    assert structure == expected
    for x, y in zip(leaves, before, strict=True):
        assert type(x) is type(y)
        np.testing.assert_allclose(x, 3.0)


def test_float32_stays_float32(cancer):
    X, y = (x.astype(np.float32) for x in cancer)
    start = {"w": np.zeros(30, np.float32), "b": np.float32(0)}
    for kwargs in ({}, {"batch_size": 64, "rng": 0, "step": inverse_sqrt(np.float64(0.5))}):
        for it in descend(cross_entropy, start, (X, y), epochs=2, **kwargs):
            assert it.params["w"].dtype == it.params["b"].dtype == np.float32
            assert it.value.dtype == np.float32


def test_iterates_are_immutable_and_the_start_is_the_callers():
    start = np.ones(2)
    iterates = list(descend(quadratic, start, step=0.1, steps=2))
    assert start.flags.writeable
    for it in iterates:
        with pytest.raises(ValueError, match="read-only"):
            it.params[0] = 7.0
        with pytest.raises(dataclasses.FrozenInstanceError):
            it.step = 3
    stream = descend(quadratic, start, step=0.1, steps=2)
    start[:] = 100.0
    assert next(stream).value == 2.5


def test_a_result_may_be_written_into():
    result = minimize(quadratic, np.ones(2), steps=3, step=0.1)
    result.params[:] = 0.0


# --- the drain
def test_three_kinds_of_descent_on_real_data(cancer):
    values = {}
    for batch_size in (None, 1, 32):
        result = minimize(cross_entropy, zeros(), cancer, batch_size=batch_size, epochs=5, rng=0)
        values[batch_size] = result.value
        assert result.value == cross_entropy(result.params, *cancer)
        assert result.value < 0.25
        assert "No step was given" in result.notes[0]
    # an epoch of many small steps goes farther than one of a single large step
    assert values[1] < values[None]
    assert values[32] < values[None]


def test_the_full_gradient_converges_on_real_data(cancer):
    def ridge(p, X, y):
        return cross_entropy(p, X, y) + 0.05 * np.sum(p["w"] ** 2)

    result = minimize(ridge, zeros(), cancer)
    assert result.verdict.kind == "converged"
    gradient = nz.grad(ridge)(result.params, *cancer)
    assert np.hypot(np.linalg.norm(gradient["w"]), gradient["b"]) <= 1e-4
    assert str(result) == f"{result.verdict}\n{result.notes[0]}"


def test_data_as_an_array_a_dict_and_a_tuple(cancer):
    X, y = cancer
    by_tuple = minimize(cross_entropy, zeros(), (X, y), batch_size=64, epochs=2, rng=0, step=0.1)
    by_dict = minimize(
        lambda p, d: cross_entropy(p, d["X"], d["y"]),
        zeros(),
        {"X": X, "y": y},
        batch_size=64,
        epochs=2,
        rng=0,
        step=0.1,
    )
    table = np.column_stack([X, y])
    by_array = minimize(
        lambda p, d: cross_entropy(p, d[:, :-1], d[:, -1]),
        zeros(),
        table,
        batch_size=64,
        epochs=2,
        rng=0,
        step=0.1,
    )
    assert by_tuple.value == pytest.approx(by_dict.value, rel=1e-12)
    assert by_tuple.value == pytest.approx(by_array.value, rel=1e-12)


def test_diverged_keeps_the_last_finite_parameters():
    with np.errstate(all="raise"):  # the run itself is quiet
        result = minimize(lambda w: np.exp(w**2), 2.0, step=1.0)
    assert result.verdict.kind == "diverged"
    assert np.isfinite(result.params)
    assert np.isfinite(result.value)
    assert "at step" in result.verdict.sentence
    assert result.value == np.exp(result.params**2)


def test_nan_in_the_data():
    result = minimize(lambda w, x: np.mean((w - x) ** 2), 1.0, np.array([1.0, np.nan]), step=0.1)
    assert result.verdict.kind == "diverged"
    assert "at the start" in result.verdict.sentence
    assert result.params == 1.0
    assert np.isnan(result.value)


def test_nan_in_one_row_of_a_stochastic_run():
    x = np.ones(50)
    x[7] = np.nan
    iterates = list(
        descend(lambda w, x: np.mean((w - x) ** 2), 0.0, x, step=0.1, batch_size=5, rng=0, epochs=9)
    )
    assert not iterates[-1].finite
    assert all(it.finite for it in iterates[:-1])


def test_a_step_too_long_diverges_and_the_stream_ends():
    result = minimize(quadratic, np.ones(2), step=3.0)
    assert result.verdict.kind == "diverged"
    assert "rose" in result.verdict.sentence


def test_on_the_edge_of_stability_it_stalls():
    """α = 2/L goes back and forth between two points for ever."""
    result = minimize(lambda w: w**2, 1.0, step=1.0)
    assert result.verdict.kind == "stalled"


def test_a_constant_step_hovers_and_says_so():
    rng = np.random.default_rng(0)
    x = rng.normal(size=64)
    result = minimize(
        lambda w, x: np.mean((w - x) ** 2), 3.0, x, step=0.4, batch_size=1, epochs=400, rng=0, tolerance=1e-9
    )
    assert result.verdict.kind == "stalled"
    assert "inverse_time" in result.verdict.sentence


def test_a_step_that_shrinks_too_slowly_hovers_and_is_not_called_constant():
    x = np.random.default_rng(0).normal(size=64)
    result = minimize(
        lambda w, x: np.mean((w - x) ** 2),
        3.0,
        x,
        step=inverse_sqrt(0.4, 1e-3),
        batch_size=1,
        epochs=400,
        rng=0,
        tolerance=1e-9,
    )
    assert result.verdict.kind == "stalled"
    assert "constant" not in result.verdict.sentence
    assert "shrank from 0.39" in result.verdict.sentence
    assert "inverse_time" not in result.verdict.sentence


def test_robbins_and_monro_settle():
    """With steps 1/2(k + 1) on the mean square, θ is the running mean: after an epoch, the minimum."""
    x = np.random.default_rng(0).normal(size=64)
    result = minimize(
        lambda w, x: np.mean((w - x) ** 2),
        3.0,
        x,
        step=inverse_time(0.5),
        batch_size=1,
        rng=0,
        tolerance=1e-9,
    )
    assert result.verdict.kind == "converged"
    assert result.params == pytest.approx(x.mean())


# --- interruption
def test_an_interrupt_returns_what_there_is(cancer):
    def stop(it):
        if it.step == 5:
            raise KeyboardInterrupt

    result = minimize(cross_entropy, zeros(), cancer, step=0.1, callback=stop)
    assert result.verdict.kind == "interrupted"
    assert len(result.history) == 6
    *_, same = descend(cross_entropy, zeros(), cancer, step=0.1, steps=5)
    np.testing.assert_array_equal(result.params["w"], same.params["w"])
    assert result.value == same.value


@pytest.mark.parametrize("at", [1, 2, 5])
def test_an_interrupt_in_the_middle_of_the_loss(at):
    calls = []

    def loss(w):
        calls.append(w)
        if len(calls) == at:
            raise KeyboardInterrupt
        return np.sum(w**2)

    result = minimize(loss, np.ones(2), step=0.1)
    assert result.verdict.kind == "interrupted"
    assert len(result.history) == at - 1
    assert np.isfinite(result.params).all()


def test_an_interrupt_while_the_step_is_chosen():
    def loss(w):
        raise KeyboardInterrupt

    result = minimize(loss, np.ones(2))
    assert result.verdict.kind == "interrupted"
    assert result.params.tolist() == [1.0, 1.0]


def test_any_other_error_of_a_callback_is_the_callers():
    with pytest.raises(ZeroDivisionError):
        minimize(quadratic, np.ones(2), step=0.1, callback=lambda it: 1 / 0)


# --- bad arguments
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"step": 0.1, "rule": gradient_descent(0.1)}, "both a step and a rule"),
        ({"rule": 0.1}, "rule is 0.1"),
        ({"step": -1.0}, "step is -1.0"),
        ({"step": 0.1, "steps": -1}, "steps is -1"),
        ({"step": 0.1, "epochs": 1.5}, "epochs is 1.5"),
        ({"step": 0.1, "batch_size": 3}, "there are no data"),
        ({"step": 0.1, "tolerance": -1}, "tolerance is -1"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        minimize(quadratic, np.ones(2), **arguments)


@pytest.mark.parametrize("start", [1, np.arange(3), "w", None, {}, [True], np.array([1j]), [np.ones(2), "b"]])
def test_parameters_that_are_none(start):
    with pytest.raises(ArgumentError, match="params"):
        descend(lambda p: 0.0, start, step=0.1)


def test_a_loss_that_is_none():
    with pytest.raises(ArgumentError, match="loss is 3"):
        descend(3, 1.0, step=0.1)


def test_a_loss_that_returns_an_array():
    with pytest.raises(ShapeError, match="one number"):
        minimize(lambda w: w**2, np.ones(2), step=0.1)


def test_wrong_shapes_are_named(cancer):
    X, y = cancer
    with pytest.raises(ShapeError, match=r"data\[0\] has 569, data\[1\] has 568"):
        minimize(cross_entropy, zeros(), (X, y[:-1]))


@pytest.mark.parametrize("loss", [lambda w: 2.0 * w, lambda w: w * np.nan, lambda w: 0.0 * w])
def test_no_step_without_curvature(loss):
    with pytest.raises(ArgumentError, match=r"no step was given.*Give step="):
        minimize(loss, 1.0)


def test_errors_come_with_the_call_and_not_with_the_first_iterate():
    with pytest.raises(ArgumentError):
        descend(quadratic, np.ones(2), step=-1.0)
