"""How a run ended, in a word and in a sentence that says what was seen and what to try next.

The verdicts are plain functions of a history. They look at values and gradients on all rows, never at a
single noisy one, and say what these show and no more. That a gradient is small says that the iterate is
nearly stationary. It does not say how far the minimum is: that takes strong convexity, ‖θ − θ*‖ ≤
‖∇f(θ)‖/μ, or the like. Nor do steps that shrink to nothing show that the iterates converge (θₖ = 1 + 1/2 +
… + 1/k has such steps and no limit), so no verdict here is drawn from ‖θₖ₊₁ − θₖ‖ → 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Literal

from nazad.descent.iterate import Record, measured
from nazad.descent.vectors import epsilon

Kind = Literal["converged", "stalled", "diverged", "out of steps", "interrupted"]

PATIENCE = 20  # measurements on all rows without a new lowest value, after which a run is given up
_FLAT = 16.0  # values that differ by so many units of rounding do not differ
_SHRUNK = 0.9  # a step that shrank by less than a tenth, from the first epoch to the last, was constant
_REMINDER = "A small gradient says nearly stationary; how near a minimum, only if f is strongly convex."


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run ended.

    Attributes
    ----------
    kind : {"converged", "stalled", "diverged", "out of steps", "interrupted"}
        The word.
    sentence : str
        What was seen, and what to try next.

    Examples
    --------
    >>> print(Verdict("interrupted", "Stopped at step 3."))
    interrupted: Stopped at step 3.
    """

    kind: Kind
    sentence: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.sentence}"


def judge(history: Sequence[Record], tolerance: float) -> Verdict | None:
    """The verdict on a run that is under way, or None if it should go on.

    Parameters
    ----------
    history : sequence of Record
        What has happened so far.
    tolerance : float
        The norm of the gradient on all rows at which a run has converged.

    Returns
    -------
    Verdict or None
        Diverged, converged or stalled.

    Examples
    --------
    >>> history = [Record(step=0, epoch=0, value=0.1, gradient_norm=1e-7, step_norm=0.0, full=(0.1, 1e-7))]
    >>> judge(history, 1e-6).kind
    'converged'
    """
    if not history:
        return None
    if not history[-1].finite:
        return _not_finite(history)
    if history[-1].full is None:
        return None
    return _converged(history, tolerance) or _stuck(history, tolerance)


def out_of_steps(history: Sequence[Record], tolerance: float) -> Verdict:
    """The verdict on a run that came to the end of its budget."""
    recent = _recent(history, len(history))
    seen = f"After {_steps(recent[-1])}: {_state(recent[-1])}, above the tolerance {tolerance:.3g}"
    return Verdict("out of steps", f"{seen}. {_outlook(recent, tolerance)}")


def interrupted(history: Sequence[Record]) -> Verdict:
    """The verdict on a run that was stopped from outside."""
    if not history:
        return Verdict("interrupted", "Stopped before the first value; the parameters are the given ones.")
    seen = f"Stopped after {_steps(history[-1])}: {_state(history[-1])}"
    on = "" if history[-1].full else " (on the rows of that step)"
    return Verdict("interrupted", f"{seen}{on}. Give these parameters to a new run to go on.")


# --- the ways to end early
def _not_finite(history: Sequence[Record]) -> Verdict:
    last = history[-1]
    what = "loss" if not math.isfinite(last.value) else "gradient"
    before = next((record for record in reversed(history) if record.finite), None)
    if before is None:
        seen = f"The {what} is not finite at the start: {_state(last)}"
        return Verdict("diverged", f"{seen}. Look for NaN in the data, and for log or division by zero.")
    seen = (
        f"The {what} is not finite at step {last.step}; at step {before.step} the loss was {before.value:.6g}"
    )
    return Verdict("diverged", f"{seen}. The parameters are those of step {before.step}. {_SMALLER}")


_SMALLER = "Try a step ten times smaller, or standardise the columns of the data."


def _converged(history: Sequence[Record], tolerance: float) -> Verdict | None:
    last = next(measured([history[-1]]))
    if last.gradient_norm > tolerance:
        return None
    seen = f"After {_steps(last)}: {_state(last)}, within the tolerance {tolerance:.3g}"
    return Verdict("converged", f"{seen}. {_REMINDER}")


def _stuck(history: Sequence[Record], tolerance: float) -> Verdict | None:
    """Values that only rise, stay, or hover."""
    recent = _recent(history, PATIENCE + 1)
    values = [float(record.value) for record in recent]
    if len(values) <= PATIENCE or values[0] - min(values[1:]) > _rounding(recent[0]):
        return None
    if _level(recent):
        return None if _gradient_falls(recent) else _stalled(recent, tolerance, _flat_advice(recent))
    rises = all(a < b for a, b in pairwise(values))
    if rises and values[-1] > next(measured(history)).value:
        return _risen(recent, next(measured(history)))
    epoch = recent[1].step - recent[0].step
    return _stalled(recent, tolerance, _too_long(rises) if epoch == 1 else _hovers(history, epoch))


def _level(recent: list[Record]) -> bool:
    """Whether most changes are within rounding, each by itself: over many, small falls add up to more."""
    level = [abs(float(b.value) - float(a.value)) <= _rounding(b) for a, b in pairwise(recent)]
    return sum(level) > len(level) / 2


def _too_long(rises: bool) -> str:
    how = "It only rises" if rises else "It goes up and down"
    return f"{how}: halve the step; 1/L is safe (estimate_smoothness)."


def _hovers(history: Sequence[Record], epoch: int) -> str:
    """Whether the step has shrunk shows in the run itself, whatever its rule or schedule."""
    first, last = _step_size(history[: epoch + 1]), _step_size(history[-epoch - 1 :])
    law = "Stochastic descent hovers at a height that grows with the step"
    if last < _SHRUNK * first:
        shrank = f"which shrank from {first:.3g} in the first epoch to {last:.3g} in the last"
        return f"{law}, {shrank}: let it shrink further, or take larger batches."
    stayed = f"which was {first:.3g} in the first epoch and {last:.3g} in the last"
    return f"{law}, {stayed}: let it shrink (inverse_time, inverse_sqrt), or take larger batches."


def _step_size(records: Sequence[Record]) -> float:
    """The length of the steps over that of the gradients: α for gradient descent."""
    gradients = sum(record.gradient_norm for record in records[:-1])
    return sum(record.step_norm for record in records[1:]) / (gradients or math.inf)


def _gradient_falls(recent: list[Record]) -> bool:
    """Below the rounding of the values, the gradient may still tell one iterate from another."""
    return min(record.gradient_norm for record in recent[1:]) < 0.99 * recent[0].gradient_norm


def _risen(recent: list[Record], first: Record) -> Verdict:
    last = recent[-1]
    seen = f"The loss rose {PATIENCE} times in a row, to {last.value:.6g} at step {last.step}"
    return Verdict("diverged", f"{seen}, from {first.value:.6g} at the start. {_SMALLER}")


def _stalled(recent: list[Record], tolerance: float, advice: str) -> Verdict:
    first, last = recent[0], recent[-1]
    steps = f"{last.step - first.step} steps, up to step {last.step}"
    seen = f"No loss clearly below {first.value:.6g} in {steps}"
    return Verdict("stalled", f"{seen}: {_state(last)}, above the tolerance {tolerance:.3g}. {advice}")


def _flat_advice(recent: list[Record]) -> str:
    if all(record.step_norm == 0 for record in recent[1:]):
        return "The steps have no length: the schedule has gone down to 0, or the step is below rounding."
    seen = f"The loss mostly changes by no more than rounding, {_FLAT:g} ε|f| = {_rounding(recent[-1]):.2g}"
    if epsilon(recent[-1].value) > epsilon(1.0):
        return f"{seen}: compute in float64, or raise the tolerance."
    return f"{seen}: raise the tolerance, standardise the columns of the data, or try a larger step."


# --- words and numbers
def _recent(history: Sequence[Record], count: int) -> list[Record]:
    """The last measurements on all rows, at most so many; of a run without any, its last record."""
    backwards: Iterator[Record] = measured(reversed(history))
    return list(islice(backwards, count))[::-1] or [history[-1]]


def _rounding(record: Record) -> float:
    return _FLAT * epsilon(record.value) * abs(float(record.value))


def _outlook(recent: list[Record], tolerance: float) -> str:
    """At the pace of the second half of the run, how many more steps it takes."""
    last, middle = recent[-1], recent[len(recent) // 2]
    steps, ratio = last.step - middle.step, last.gradient_norm / (middle.gradient_norm or math.inf)
    if steps < 1 or not 0 < ratio < 1 or tolerance <= 0:
        return "Allow more steps; if the gradient does not fall, try a smaller step."
    more = max(math.ceil(steps * math.log(tolerance / last.gradient_norm) / math.log(ratio)), 1)
    return f"At the pace of the last {steps} it takes about {more} more: allow them, or try a larger step."


def _steps(record: Record) -> str:
    return f"{record.step} step{'' if record.step == 1 else 's'}"


def _state(record: Record) -> str:
    return f"loss {record.value:.6g}, gradient norm {record.gradient_norm:.3g}"
