"""Rules and schedules: pure functions on structures of arrays."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nazad.descent import Rule, constant, descend, gradient_descent, inverse_sqrt, inverse_time
from nazad.errors import ArgumentError, ShapeError

steps = st.floats(1e-6, 1e6)


@given(steps, st.integers(0, 10**9))
def test_schedules_as_in_their_papers(step, k):
    assert constant(step)(k) == step
    assert inverse_time(step)(k) == pytest.approx(step / (k + 1))
    assert inverse_sqrt(step)(k) == pytest.approx(step / np.sqrt(k + 1))
    assert inverse_time(step, 0.1)(10) == inverse_sqrt(step, 0.3)(10) == pytest.approx(step / 2)


@pytest.mark.parametrize("schedule", [constant, inverse_time, inverse_sqrt, gradient_descent])
@pytest.mark.parametrize("step", [0, -1.0, np.inf, np.nan, "fast", None, np.ones(2), 1j, [1.0]])
def test_steps_that_are_none(schedule, step):
    with pytest.raises(ArgumentError, match="step is"):
        schedule(step)


@pytest.mark.parametrize("decay", [0, -1, np.nan])
def test_decays_that_are_none(decay):
    with pytest.raises(ArgumentError, match="decay is"):
        inverse_time(1.0, decay)


def test_a_schedule_is_checked_when_it_is_asked():
    stream = descend(lambda x: x**2, 1.0, step=lambda k: 0.1 if k < 2 else np.nan, steps=5)
    with pytest.raises(ArgumentError, match="the size of step 2 is nan"):
        list(stream)


def test_a_schedule_may_end():
    *_, last = descend(lambda x: x**2, 1.0, step=lambda k: 0.25 if k < 1 else 0.0, steps=5)
    assert last.params == 0.5


def test_gradient_descent_is_pure():
    gradient = {"w": np.ones(2), "b": [2.0, None]}
    before = repr(gradient)
    rule = gradient_descent(inverse_time(0.5))
    change, state = rule.update(
        gradient=gradient, value=1.0, params=gradient, state=None, step=1, objective=lambda p: 0.0
    )
    assert change["w"].tolist() == [-0.25, -0.25]
    assert change["b"] == [-0.5, None]
    assert state is None
    assert repr(gradient) == before


def test_every_rule_is_given_the_same_keywords():
    met = {}

    def update(**keywords):
        met.update(keywords)
        return -0.5 * keywords["gradient"], keywords["state"] + 1

    X = np.array([1.0, 3.0])
    rule = Rule(lambda params: 7, update)
    last = list(descend(lambda w, X: np.mean((w - X) ** 2), 0.0, X, rule=rule, steps=1))[-1]
    assert set(met) == {"gradient", "value", "params", "state", "step", "objective"}
    assert met["value"] == met["objective"](0.0) == 5.0
    assert (met["state"], met["step"], met["params"], met["gradient"]) == (7, 0, 0.0, -4.0)
    assert (last.state, last.params) == (8, 2.0)
    expected = inspect.signature(gradient_descent(0.1).update).parameters
    assert set(expected) >= {"gradient", "step"}


def test_a_rule_may_look_ahead_on_the_same_rows():
    """Backtracking (Armijo), as a rule of a few lines: the objective is that of the very same batch."""

    def update(*, gradient, value, params, objective, **others):
        alpha = 8.0
        while objective(params - alpha * gradient) > value - alpha / 2 * gradient**2:
            alpha /= 2
        return -alpha * gradient, None

    rule = Rule(lambda params: None, update)
    *_, last = descend(lambda w, X: np.mean((w - X) ** 2), 0.0, np.arange(8.0), rule=rule, steps=60)
    assert last.params == pytest.approx(3.5)


def test_a_rule_that_changes_the_shape_is_refused():
    rule = Rule(lambda params: None, lambda **keywords: (np.zeros((2, 2)), None))
    with pytest.raises(ShapeError, match=r"shape \(2, 2\) out of \(2,\)"):
        list(descend(lambda w: np.sum(w**2), np.ones(2), rule=rule, steps=1))
