"""Verdicts on made-up histories."""

from __future__ import annotations

import numpy as np
import pytest

from nazad.descent import inverse_time
from nazad.descent.iterate import History, Measured, Record
from nazad.descent.verdict import PATIENCE, interrupted, judge, out_of_steps


def history(values, norms=None, length=0.1, stochastic=False):
    """Records with these values and gradient norms; if stochastic, every other one is on a few rows."""
    norms = [1.0] * len(values) if norms is None else norms
    records = []
    for k, (value, gradient_norm) in enumerate(zip(values, norms, strict=True)):
        full = Measured(value, gradient_norm)
        if not stochastic:
            records.append(record(k, value, gradient_norm, length, full))
            continue
        records.append(record(2 * k - 1, 0.0, 0.0, length, None))
        records.append(record(2 * k, 17.0, 99.0, length, full))
    return records


def record(step, value, gradient_norm, length, full):
    return Record(
        step=step, epoch=step, value=value, gradient_norm=gradient_norm, step_norm=length, full=full
    )


def falling(n):
    return list(np.geomspace(1, 1e-3, n))


def test_nothing_has_happened():
    assert judge([], 1e-3) is None


@pytest.mark.parametrize("stochastic", [False, True])
def test_a_run_that_goes_well_goes_on(stochastic):
    for n in (1, PATIENCE, 3 * PATIENCE):
        assert judge(history(falling(n), stochastic=stochastic), 1e-3) is None


@pytest.mark.parametrize("stochastic", [False, True])
def test_converged(stochastic):
    verdict = judge(history([1.0, 0.5], [1.0, 1e-4], stochastic=stochastic), 1e-3)
    assert verdict.kind == "converged"
    assert "gradient norm 0.0001, within the tolerance 0.001" in verdict.sentence
    assert "how near a minimum, only if f is strongly convex" in verdict.sentence


def test_a_single_noisy_gradient_is_no_convergence():
    """On the rows of one step value and gradient are 0 here; on all rows they are not."""
    records = history([1.0, 0.9], stochastic=True)
    assert judge(records[:3], 1e-3) is None
    assert records[2].gradient_norm == 0


def test_short_steps_are_no_convergence():
    """θₖ = 1 + 1/2 + … + 1/k: steps that vanish, and no limit."""
    n = 10 * PATIENCE
    records = [
        record(k, 10 - np.log(k + 1), 0.5, 1 / (k + 1), Measured(10 - np.log(k + 1), 0.5)) for k in range(n)
    ]
    assert judge(records, 1e-2) is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, np.float32(np.nan)])
def test_diverged_with_the_step_named(value):
    verdict = judge(history([1.0, 2.0, value]), 1e-3)
    assert verdict.kind == "diverged"
    assert "loss is not finite at step 2; at step 1 the loss was 2." in verdict.sentence
    assert "those of step 1" in verdict.sentence
    assert "smaller" in verdict.sentence


def test_diverged_in_the_gradient():
    assert "gradient is not finite at step 1" in judge(history([1.0, 1.0], [1.0, np.nan]), 1e-3).sentence


def test_diverged_from_the_start():
    verdict = judge(history([np.nan]), 1e-3)
    assert verdict.kind == "diverged"
    assert "at the start" in verdict.sentence
    assert "NaN in the data" in verdict.sentence


def test_diverged_on_a_few_rows():
    records = [*history([1.0, 0.9], stochastic=True), record(3, np.nan, 1.0, 0.1, None)]
    assert judge(records, 1e-3).kind == "diverged"


def test_diverged_by_rising():
    verdict = judge(history([2.0**k for k in range(PATIENCE + 1)]), 1e-3)
    assert verdict.kind == "diverged"
    assert f"rose {PATIENCE} times in a row" in verdict.sentence
    assert judge(history([2.0**k for k in range(PATIENCE)]), 1e-3) is None


def test_a_rise_to_below_the_start_has_not_diverged():
    values = [100.0, *(2 + 0.1 * k for k in range(PATIENCE + 1))]
    verdict = judge(history(values), 1e-3)
    assert verdict.kind == "stalled"
    assert "up and down" not in verdict.sentence  # it only rises
    assert "halve the step" in verdict.sentence


def test_stalled_going_up_and_down():
    verdict = judge(history([*[1.0, 2.0] * PATIENCE, 1.0]), 1e-3)
    assert verdict.kind == "stalled"
    assert "halve the step" in verdict.sentence


def hovering(size):
    """A stochastic run that stays where it is, with steps of these sizes."""
    length = 0.0
    for k in range(10 * PATIENCE):
        norm = 1.0 + k % 3
        yield record(k, 1.0, norm, length, None if k % 5 else Measured(1.0 + k % 2, 1.0))
        length = size(k) * norm


def test_stalled_hovering_at_a_constant_step():
    verdict = judge(list(hovering(lambda k: 0.4))[:-9], 1e-3)
    assert verdict.kind == "stalled"
    assert "was 0.4 in the first epoch and 0.4 in the last: let it shrink (inverse_time" in verdict.sentence
    assert "larger batches" in verdict.sentence


def test_hovering_when_the_budget_ends_right_after_an_epoch():
    records = list(hovering(lambda k: 0.4))[:-14]
    last = record(186, 1.0, 1.0, 0.4, Measured(1.5, 1.0))
    assert "hovers" in judge([*records, last], 1e-3).sentence


@pytest.mark.parametrize("size", [inverse_time(0.4, 0.01), lambda k: 0.4 if k < 9 * PATIENCE else 0.2])
def test_stalled_hovering_although_the_step_shrank(size):
    verdict = judge(list(hovering(size))[:-9], 1e-3)
    assert verdict.kind == "stalled"
    assert "constant" not in verdict.sentence
    assert "shrank from " in verdict.sentence
    assert "let it shrink further" in verdict.sentence
    assert "larger batches" in verdict.sentence


@pytest.mark.parametrize(
    ("value", "length", "advice"),
    [(1.0, 0.1, "standardise"), (np.float32(1.0), 0.1, "float64"), (1.0, 0.0, "no length")],
)
def test_stalled_within_rounding(value, length, advice):
    verdict = judge(history([value] * (PATIENCE + 1), length=length), 1e-3)
    assert verdict.kind == "stalled"
    assert advice in verdict.sentence


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("norms", [(1.0, 1.0), (1.0, 0.95)])
def test_falls_as_small_as_rounding_are_no_oscillation(dtype, norms):
    """As of a logistic loss in float32: one rise, and falls of a unit or two, 17 units in all."""
    units = np.cumsum([0, 1, -2, -1, -1, 0, -1, -2, -1, -1, -1, -1, 0, -1, -2, 0, -2, 0, 0, -1, 0])
    values = [dtype(0.7) + dtype(n * np.finfo(dtype).eps * 0.7) for n in units]
    verdict = judge(history(values, np.linspace(*norms, len(values))), 1e-3)
    if norms[1] < norms[0]:
        assert verdict is None  # the gradient still tells the iterates apart
        return
    assert verdict.kind == "stalled"
    assert "rounding, 16 ε|f| = " in verdict.sentence
    assert "halve the step" not in verdict.sentence


def test_not_stalled_while_the_gradient_falls():
    """The loss of float32 is blind long before its gradient is."""
    norms = list(np.geomspace(1, 1e-2, 2 * PATIENCE))
    assert judge(history([np.float32(0.5)] * len(norms), norms), 1e-3) is None


def test_out_of_steps_tells_the_pace():
    norms = [0.9**k for k in range(101)]
    verdict = out_of_steps(history(norms, norms), 0.9**150)
    assert verdict.kind == "out of steps"
    assert "After 100 steps" in verdict.sentence
    assert "about 50 more" in verdict.sentence


def test_out_of_steps_without_a_pace():
    verdict = out_of_steps(history([1.0] * 10), 1e-3)
    assert "try a smaller step" in verdict.sentence
    assert out_of_steps(history([1.0]), 1e-3).kind == "out of steps"
    assert "After 1 step:" in out_of_steps(history([1.0, 1.0]), 0.0).sentence


def test_interrupted():
    assert "before the first value" in interrupted([]).sentence
    assert "after 2 steps: loss 0.25" in interrupted(history([1.0, 0.5, 0.25])).sentence
    assert "on the rows of that step" in interrupted(history([1.0, 0.5], stochastic=True)[:-1]).sentence


def test_every_verdict_names_itself_first():
    assert str(interrupted([])).startswith("interrupted: ")


def test_a_history_column_by_column():
    whole = History(history([1.0, 0.5, 0.25], stochastic=True))
    assert len(whole) == 6
    assert whole.stochastic
    assert whole.full.values.tolist() == [1.0, 0.5, 0.25]
    assert whole.full.gradient_norms.tolist() == [1.0, 1.0, 1.0]
    assert not whole.full.stochastic
    assert whole.steps.tolist() == [-1, 0, 1, 2, 3, 4]
    assert whole[1:3].values.tolist() == [17.0, 0.0]
    assert whole[-1] == list(whole)[-1]
    assert whole.epochs.tolist() == whole.steps.tolist()
    assert set(whole.step_norms) == {0.1}
    assert repr(whole) == "History of 6 iterates"
