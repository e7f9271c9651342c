"""From a table to a trained model: classes, split, preparation, descent, scores.

What is not said is chosen so that every method converges on ordinary data. The full gradient takes steps of
1/L, with the L that is known in closed form for logistic regression. Stochastic and minibatch descent begin
with a longer step than is proved to be safe, and halve it after every epoch that did not lower the loss.

A small penalty is the default because without one there may be no minimum: where a plane separates the
classes, the weights grow for ever.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from nazad.descent import Iterate, Record, Result, minimize
from nazad.errors import ArgumentError
from nazad.learn.columns import Impute, Matrix
from nazad.learn.halving import Halving
from nazad.learn.labels import Label, training_labels
from nazad.learn.logistic import Codes, objective, safe_step, start
from nazad.learn.model import Method, Model, Training
from nazad.learn.prepare import Preparation, split
from nazad.learn.scores import Scores
from nazad.learn.table import Table
from nazad.nearby import suggest

Watch = Callable[[Iterate], object]

METHODS: tuple[Method, ...] = get_args(Method)
MINIBATCH = 32
FULL_STEPS, STOCHASTIC_EPOCHS, MINIBATCH_EPOCHS = 10_000, 100, 500
# Gradients of few rows leave noise behind: a tighter tolerance would cost many epochs and gain little.
FULL_TOLERANCE, NOISY_TOLERANCE = 1e-3, 5e-3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """How to train.

    Parameters
    ----------
    method : {"full", "stochastic", "minibatch"}
        How many rows each gradient is of: all, one, or ``batch_size``.
    batch_size : int, optional
        The most rows of a batch, for minibatch alone; 32 by default.
    step : float, optional
        The step to begin with. The full gradient keeps it, the others halve it after every epoch that did not
        lower the loss. By default :func:`nazad.learn.logistic.safe_step`.
    epochs, steps : int, optional
        The budget, whichever comes first. By default 10 000 steps with the full gradient, else 100 epochs
        (stochastic) or 500 (minibatch).
    tolerance : float, optional
        The gradient norm on all rows at which to stop; 0.001 with the full gradient, else 0.005.
    l2 : float
        The penalty is l2/2 ‖w‖².
    validation : float
        The share of rows held back to score the model on; with 0 it is scored on those it was trained on.
    impute : {None, "mean", "median"}
        What fills missing cells.
    categorical : bool or collection of str
        Whether columns of text are categories, or which columns are.
    seed : int
        For the split, and the order of the rows.

    Examples
    --------
    >>> Plan(method="minibatch").rows_per_step, Plan(method="stochastic").rows_per_step, Plan().rows_per_step
    (32, 1, None)
    """

    method: Method = "full"
    batch_size: int | None = None
    step: float | None = None
    epochs: int | None = None
    steps: int | None = None
    tolerance: float | None = None
    l2: float = 1e-3
    validation: float = 0.2
    impute: Impute | None = None
    categorical: bool | Collection[str] = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ArgumentError(f"there is no method {self.method!r:.40}", suggest(str(self.method), METHODS))
        if self.batch_size is not None and self.method != "minibatch":
            met = f"a batch size of {self.batch_size} with the method {self.method}"
            raise ArgumentError(met, "Batches go with the method minibatch")
        for name in ("batch_size", "epochs", "steps"):
            value = getattr(self, name)
            _demand(value is None or value >= 1, name, value, "It is a whole number, at least 1")
        _demand(self.seed >= 0, "seed", self.seed, "It is a whole number, at least 0")
        _demand(self.step is None or 0 < self.step < math.inf, "step", self.step, "It is above 0")
        _demand(0 <= (self.tolerance or 0.0) < math.inf, "tolerance", self.tolerance, "It is at least 0")
        _demand(0 <= self.l2 < math.inf, "l2", self.l2, "It is at least 0")
        _demand(0 <= self.validation < 1, "validation", self.validation, "It is a share, such as 0.2")

    @property
    def rows_per_step(self) -> int | None:
        """The rows of each gradient, at most; None for all."""
        return {"full": None, "stochastic": 1, "minibatch": self.batch_size or MINIBATCH}[self.method]

    @property
    def budget(self) -> tuple[int | None, int | None]:
        """How many steps, and how many epochs."""
        if self.steps is not None or self.epochs is not None:
            return self.steps, self.epochs
        if self.method == "full":
            return FULL_STEPS, None
        return None, STOCHASTIC_EPOCHS if self.method == "stochastic" else MINIBATCH_EPOCHS

    @property
    def goal(self) -> float:
        """The tolerance."""
        if self.tolerance is not None:
            return self.tolerance
        return FULL_TOLERANCE if self.method == "full" else NOISY_TOLERANCE


class Trained(NamedTuple):
    """What came of a training."""

    model: Model
    result: Result
    scores: Scores
    scored_on: str  # "validation" or "training"


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
    """What is to be trained on; :meth:`of` makes it, and :meth:`train` trains.

    Parameters
    ----------
    plan : Plan
        How to train.
    table : Table
        All rows.
    target : str
        The column to predict.
    classes : tuple
        Its classes.
    counts : array of int
        How many rows of each there are.
    training, validation : array of int
        The rows of each part.
    preparation : Preparation
        Fitted on the training rows.
    X, y : array
        The matrix of the training rows, and their classes.
    step : float
        The step to begin with.
    """

    plan: Plan
    table: Table
    target: str
    classes: tuple[Label, ...]
    counts: NDArray[np.intp]
    training: NDArray[np.intp]
    validation: NDArray[np.intp]
    preparation: Preparation
    X: Matrix
    y: Codes
    step: float

    @classmethod
    def of(cls, table: Table, target: str, plan: Plan) -> Prepared:
        """Find the classes, split the rows, make the matrix; whatever is wrong with the data shows here."""
        labels = training_labels(table, target)
        inputs = table.without(target)
        training, validation = _parts(labels.codes, plan)
        preparation = _fitted(inputs, training, plan)
        X, y = preparation.apply(inputs.take(training)), labels.codes[training]
        step = plan.step or safe_step(X, len(labels.classes), plan.l2, plan.rows_per_step)
        return cls(
            plan, table, target, labels.classes, labels.counts, training, validation, preparation, X, y, step
        )

    def train(self, watch: Watch | None = None) -> Trained:
        """Descend, and score. Ctrl-C ends the descent with what there is."""
        result = self._descend(watch)
        params = {name: np.asarray(value) for name, value in result.params.items()}
        model = Model(self.preparation, params, self.classes, self.target, self._training(result))
        scored_on = "validation" if len(self.validation) else "training"
        rows = self.validation if len(self.validation) else self.training
        return Trained(model, result, model.score(self.table.take(rows)), scored_on)

    def _descend(self, watch: Watch | None) -> Result:
        K, rows = len(self.classes), self.plan.rows_per_step
        halving = Halving(self.step)

        def look(iterate: Iterate) -> None:
            if rows is not None:
                halving.look(iterate)
            if watch is not None:
                watch(iterate)

        steps, epochs = self.plan.budget
        return minimize(
            objective(K, self.plan.l2),
            start(self.X.shape[1], K),
            (self.X, self.y),
            step=halving,
            batch_size=rows,
            steps=steps,
            epochs=epochs,
            rng=self.plan.seed,
            tolerance=self.plan.goal,
            callback=look,
        )

    def _training(self, result: Result) -> Training:
        last = next((record for record in reversed(result.history) if record.finite), None)
        return Training(
            method=self.plan.method,
            batch_size=min(self.plan.rows_per_step or len(self.y), len(self.y)),
            step=self.step,
            steps=last.step if last else 0,
            epochs=last.epoch if last else 0,
            rows=len(self.y),
            l2=self.plan.l2,
            seed=self.plan.seed,
            loss=float(result.value),
            gradient_norm=_gradient_norm(last),
            verdict=result.verdict.kind,
            sentence=result.verdict.sentence,
        )


def train(table: Table, target: str, plan: Plan | None = None, watch: Watch | None = None) -> Trained:
    """Train a logistic regression on a table.

    Parameters
    ----------
    table : Table
        The data; a file is read with ``read_table(path, text=[target])``.
    target : str
        The column to predict.
    plan : Plan, optional
        How.
    watch : callable, optional
        Called with every iterate.

    Returns
    -------
    Trained
        The model, the result of the descent, and the scores.

    Raises
    ------
    DataError
        If the data are no good; the message names row and column.

    Examples
    --------
    >>> x = np.linspace(-1.0, 1.0, 50)
    >>> table = Table.of(x[:, None], ["x"], "line").with_column("y", (x > 0).astype(float))
    >>> trained = train(table, "y")
    >>> trained.result.verdict.kind, trained.scores.accuracy
    ('converged', 1.0)
    >>> trained.model.predict([[-0.5], [0.5]])
    array([0, 1])
    """
    return Prepared.of(table, target, plan or Plan()).train(watch)


def _demand(fine: bool, name: str, value: object, remedy: str) -> None:
    if not fine:
        raise ArgumentError(f"{name} is {value!r:.40}", remedy)


def _parts(codes: Codes, plan: Plan) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    if plan.validation == 0:
        return np.arange(len(codes)), np.arange(0)
    return split(codes, plan.validation, plan.seed)


def _fitted(inputs: Table, training: NDArray[np.intp], plan: Plan) -> Preparation:
    # All rows are looked at first, so that a fault is named by the first row that has it, in either part.
    whole = Preparation.fit(inputs, plan.impute, plan.categorical)
    if len(training) == inputs.rows:
        return whole
    return Preparation.fit(inputs.take(training), plan.impute, plan.categorical)


def _gradient_norm(last: Record | None) -> float:
    if last is None:
        return math.nan
    return float(last.full.gradient_norm if last.full else last.gradient_norm)
