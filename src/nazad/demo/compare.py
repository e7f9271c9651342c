"""Full, stochastic and minibatch descent on the same rows, at the same number of passes over them."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import NamedTuple

from nazad.descent import History
from nazad.learn import Plan, Prepared, Table, Trained
from nazad.learn.model import Method
from nazad.learn.train import METHODS

_TOLERANCE = 1e-3


class Run(NamedTuple):
    """A training, and how long it took."""

    method: Method
    trained: Trained
    seconds: float

    @property
    def curve(self) -> History:
        """What was measured on all rows."""
        return self.trained.result.history.full


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """The three kinds of descent on one table.

    Parameters
    ----------
    prepared : Prepared
        The rows that all were trained on.
    passes : int
        How often each may go through them.
    runs : tuple of Run
        One for each kind.
    finished : Run
        The full gradient until it converged.
    """

    prepared: Prepared
    passes: int
    runs: tuple[Run, ...]
    finished: Run

    @classmethod
    def of(
        cls, table: Table, target: str, passes: int, tell: Callable[[str], object] = lambda what: None
    ) -> Comparison:
        """Train in all three ways; ``tell`` is told what comes next.

        Examples
        --------
        >>> import numpy as np
        >>> x = np.linspace(-1.0, 1.0, 50)
        >>> table = Table.of(x[:, None], ["x"], "line").with_column("y", (x > 0).astype(float))
        >>> [run.method for run in Comparison.of(table, "y", 2).runs]
        ['full', 'stochastic', 'minibatch']
        """
        plans = [Plan(method=method, epochs=passes, tolerance=_TOLERANCE) for method in METHODS]
        runs = []
        for plan in (*plans, Plan(tolerance=_TOLERANCE)):
            tell(f"{table.source}: {plan.method} gradient")
            runs.append(_timed(Prepared.of(table, target, plan)))
        return cls(Prepared.of(table, target, plans[0]), passes, tuple(runs[:-1]), runs[-1])

    @property
    def lowest(self) -> Run:
        """The run that came lowest in the given passes."""
        return min(self.runs, key=lambda run: float(run.trained.result.value))


def _timed(prepared: Prepared) -> Run:
    start = time.perf_counter()
    trained = prepared.train()
    return Run(prepared.plan.method, trained, time.perf_counter() - start)
