"""Descent: a stream of iterates, and the run that drains it.

:func:`descend` yields θ₀, θ₁, … one after the other, with what was measured at each; whoever consumes the
stream decides when it ends. :func:`minimize` is one such consumer: it stops with a verdict.

With all rows in every step this is gradient descent, with one row stochastic gradient descent, and with B
rows minibatch descent: they differ in ``batch_size`` alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nazad.descent.batches import Batch, Batches, Rng
from nazad.descent.iterate import History, Iterate, Measured, Record
from nazad.descent.objective import Loss, Objective
from nazad.descent.rules import Rule, gradient_descent
from nazad.descent.schedules import Schedule
from nazad.descent.stepsize import chosen_step
from nazad.descent.vectors import Number, checked_params, copied, moved, norm, positive, sealed, whole_number
from nazad.descent.verdict import Verdict, interrupted, judge, out_of_steps
from nazad.errors import ArgumentError
from nazad.tree import Tree, tree_map

_STEPS, _EPOCHS = 1000, 100  # the budget of minimize, with the full gradient and with less


def descend(
    loss: Loss,
    params: Tree,
    data: Tree = None,
    *,
    step: float | Schedule | None = None,
    rule: Rule | None = None,
    batch_size: int | None = None,
    steps: int | None = None,
    epochs: int | None = None,
    rng: Rng = None,
) -> Iterator[Iterate]:
    """Descend along the gradient of a loss, one iterate after the other.

    Parameters
    ----------
    loss : callable
        A function written in NumPy that returns a single number: ``loss(params)`` without data,
        ``loss(params, X, y)`` for the data ``(X, y)``, and ``loss(params, data)`` for a single array, a dict
        or another structure. With ``batch_size`` it sees blocks of rows, and should be a mean over rows, so
        that its gradient on a block estimates that on all rows.
    params : pytree
        Where to start: a number, an array, or a structure of them. It is copied.
    data : array_like or pytree of array_like, optional
        Arrays that agree on axis 0.
    step : float or callable, optional
        The step size, or a schedule: a function of the step index. By default 1/L, with L measured at the
        start.
    rule : Rule, optional
        How to get from a gradient to a change. By default ``gradient_descent(step)``.
    batch_size : int, optional
        Rows in every step: None for all (the full gradient), 1 for stochastic, B for minibatch descent. The
        rows are shuffled anew in every epoch and cut into as few batches of at most B as will do, of the same
        number of rows but for one, and weighted by it: see :mod:`nazad.descent.batches`.
    steps, epochs : int, optional
        Where to end, whichever comes first; without either, the stream has no end.
    rng : int, Generator or None
        What the order of the rows depends on, as in SPEC 7.

    Yields
    ------
    Iterate
        θ₀ first; so there is one more than there are steps. The stream ends after an iterate whose value or
        gradient is not finite.

    Raises
    ------
    ArgumentError
        If both a step and a rule are given, or an argument is of a wrong kind.
    ShapeError
        If the arrays of the data disagree about the number of rows.

    Notes
    -----
    NumPy's warnings of overflow, invalid values and division by zero are not issued while the loss is
    computed: a value that is not finite ends the stream, and is seen in the last iterate.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> for it in descend(lambda x: np.sum((x - 3.0) ** 2), np.zeros(1), step=0.25, steps=2):
    ...     print(it.step, it.params, float(it.value), it.gradient_norm, it.step_norm)
    0 [0.] 9.0 6.0 0.0
    1 [1.5] 2.25 3.0 1.5
    2 [2.25] 0.5625 1.5 0.75
    """
    run = _prepared(loss, params, data, step, rule, batch_size, rng)
    return _iterates(run, _end(run.batches, steps, epochs))


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run.

    Attributes
    ----------
    params : pytree
        The last parameters whose value and gradient were finite, in arrays of the caller's own.
    value : float
        The loss there, on all rows where it was measured on them.
    verdict : Verdict
        How the run ended, and what to try next.
    history : History
        What was measured at every iterate.
    notes : tuple of str
        What was chosen for the caller: the step, for instance.
    """

    params: Tree
    value: Number
    verdict: Verdict
    history: History
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join([str(self.verdict), *self.notes])


def minimize(
    loss: Loss,
    params: Tree,
    data: Tree = None,
    *,
    step: float | Schedule | None = None,
    rule: Rule | None = None,
    batch_size: int | None = None,
    steps: int | None = None,
    epochs: int | None = None,
    rng: Rng = None,
    tolerance: float = 1e-4,
    callback: Callable[[Iterate], object] | None = None,
) -> Result:
    """Minimise a loss by descending along its gradient, until a verdict can be given.

    Parameters
    ----------
    loss, params, data, step, rule, batch_size, rng
        As in :func:`descend`.
    steps, epochs : int, optional
        The budget, whichever comes first. By default 1000 steps with the full gradient, else 100 epochs.
    tolerance : float, optional
        The run has converged when the Euclidean norm of the gradient on all rows is at most this.
    callback : callable, optional
        Called with every iterate. What it returns is ignored; a ``KeyboardInterrupt`` from it, as from
        anywhere in the run, ends the run with what there is.

    Returns
    -------
    Result
        The parameters, their value, the verdict and the history.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> result = minimize(lambda w: np.sum((w - np.array([1.0, 2.0])) ** 2), np.zeros(2), step=0.3)
    >>> result.params.round(4), result.verdict.kind
    (array([1., 2.]), 'converged')

    Logistic regression by minibatches, on a dict of parameters:

    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0.0, 1.0, 0.0, 1.0])
    >>> def cross_entropy(p, X, y):
    ...     t = X @ p["w"] + p["b"]
    ...     return np.mean(np.logaddexp(0, t) - y * t)
    >>> start = {"w": np.zeros(1), "b": 0.0}
    >>> result = minimize(cross_entropy, start, (X, y), batch_size=2, epochs=50, rng=0)
    >>> bool(result.value < cross_entropy(start, X, y))
    True
    """
    tolerance = positive(tolerance, "tolerance", or_zero=True)
    draining = _Draining(checked_params(params), tolerance, callback)
    try:
        run = _prepared(loss, params, data, step, rule, batch_size, rng)
        draining.notes = run.notes
        if steps is None and epochs is None:
            steps, epochs = (_STEPS, None) if run.batches.size is None else (None, _EPOCHS)
        return draining.drain(_iterates(run, _end(run.batches, steps, epochs)))
    except KeyboardInterrupt:
        return draining.result(interrupted(draining.records))


# --- the stream
@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """A run whose arguments have been checked."""

    loss: Loss
    start: Tree
    batches: Batches
    rule: Rule
    notes: tuple[str, ...]

    def objective(self, batch: Batch) -> Objective:
        return Objective(self.loss, self.batches.take(batch))

    @property
    def whole(self) -> Objective:
        return Objective(self.loss, self.batches.rows.args)


def _prepared(
    loss: Loss,
    params: Tree,
    data: Tree,
    step: float | Schedule | None,
    rule: Rule | None,
    batch_size: int | None,
    rng: Rng,
) -> _Prepared:
    if not callable(loss):
        raise ArgumentError(f"loss is {loss!r:.40}", "It is a function of the parameters.")
    if rule is not None and step is not None:
        raise ArgumentError(
            "both a step and a rule were given", "A rule has its own step: gradient_descent(0.1)."
        )
    if rule is not None and not isinstance(rule, Rule):
        raise ArgumentError(f"rule is {rule!r:.40}", "It is a Rule, such as gradient_descent(0.1).")
    start, batches = checked_params(params), Batches.of(data, batch_size, rng)
    if rule is not None:
        return _Prepared(loss, start, batches, rule, ())
    if step is not None:
        return _Prepared(loss, start, batches, gradient_descent(step), ())
    chosen = chosen_step(loss, start, batches)
    return _Prepared(loss, start, batches, gradient_descent(chosen.step), (chosen.note,))


def _end(batches: Batches, steps: int | None, epochs: int | None) -> int | None:
    """The index of the last iterate, if there is one."""
    ends = [] if steps is None else [whole_number(steps, "steps", 0)]
    if epochs is not None:
        ends.append(whole_number(epochs, "epochs", 0) * batches.per_epoch)
    return min(ends, default=None)


def _iterates(run: _Prepared, end: int | None) -> Iterator[Iterate]:
    params, state, length = sealed(run.start), run.rule.init(run.start), 0.0
    for step, batch in enumerate(run.batches.stream()):
        objective = run.whole if step == end else run.objective(batch)
        value, gradient = objective.value_and_grad(params)
        here = Measured(value, norm(gradient))
        full = _measured_in_full(run, step, end, params, here)
        iterate = Iterate(
            step=step, epoch=batch.epoch, params=params, value=value,
            gradient_norm=here.gradient_norm, step_norm=length, full=full, state=state
        )  # fmt: skip
        yield iterate
        if step == end or not iterate.finite:
            return
        change, state = _updated(run.rule, iterate, gradient, objective.times(batch.weight))
        params, length = sealed(moved(params, change)), norm(change)


def _measured_in_full(
    run: _Prepared, step: int, end: int | None, params: Tree, here: Measured
) -> Measured | None:
    if run.batches.size is None or step == end:
        return here
    if step % run.batches.per_epoch:
        return None
    value, gradient = run.whole.value_and_grad(params)
    return Measured(value, norm(gradient))


def _updated(rule: Rule, at: Iterate, gradient: Tree, objective: Objective) -> tuple[Tree, Any]:
    """The rule sees its rows by their weight in the epoch; what was measured on them is a plain mean."""
    with np.errstate(all="ignore"):
        return rule.update(
            gradient=tree_map(objective.weighted, gradient),
            value=objective.weighted(at.value),
            params=at.params,
            state=at.state,
            step=at.step,
            objective=objective,
        )


# --- the drain
class _Draining:
    """What a run has come to so far; it can be read at any moment, so that an interrupt loses nothing."""

    def __init__(self, start: Tree, tolerance: float, callback: Callable[[Iterate], object] | None) -> None:
        self.params = start
        self.value: Number = math.nan
        self.tolerance, self.callback = tolerance, callback
        self.records: list[Record] = []
        self.notes: tuple[str, ...] = ()

    def drain(self, iterates: Iterator[Iterate]) -> Result:
        for iterate in iterates:
            self._keep(iterate)
            if self.callback is not None:
                self.callback(iterate)
            verdict = judge(self.records, self.tolerance)
            if verdict is not None:
                return self.result(verdict)
        return self.result(out_of_steps(self.records, self.tolerance))

    def _keep(self, iterate: Iterate) -> None:
        self.records.append(iterate.record())
        if iterate.finite:
            self.params = iterate.params
            self.value = iterate.full.value if iterate.full else iterate.value

    def result(self, verdict: Verdict) -> Result:
        return Result(copied(self.params), self.value, verdict, History(self.records), self.notes)
