"""What a run consists of: iterates, and the history that remains of them.

A value or gradient on a few rows is a noisy one, and no two of them can be compared. Where a run is
stochastic, the iterate at the start of every epoch, and the last of all, are therefore measured on all rows
as well; verdicts, bounds and curves look at these alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nazad.descent.vectors import Number
from nazad.tree import Tree


class Measured(NamedTuple):
    """The loss and the length of its gradient, on all rows."""

    value: Number
    gradient_norm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is kept of an iterate θₖ.

    Attributes
    ----------
    step : int
        The index k: how many updates led here.
    epoch : int
        How many times all rows had been gone through before.
    value : float
        The loss at θₖ on the rows of this step. The last iterate of a run has no rows of its own; there it is
        the loss on all rows.
    gradient_norm : float
        The Euclidean norm of the gradient, on the same rows.
    step_norm : float
        ‖θₖ − θₖ₋₁‖, and 0 at the start.
    full : Measured or None
        Value and gradient norm on all rows, where they were measured: at every step with the full gradient,
        else at the start of every epoch and at the end.
    """

    step: int
    epoch: int
    value: Number
    gradient_norm: float
    step_norm: float
    full: Measured | None = None

    @property
    def finite(self) -> bool:
        """Whether nothing that was computed here is infinite or NaN."""
        numbers = [self.value, self.gradient_norm, self.step_norm, *(self.full or ())]
        return all(math.isfinite(x) for x in numbers)


_FIELDS = tuple(f.name for f in fields(Record))


@dataclass(frozen=True, slots=True, kw_only=True)
class Iterate(Record):
    """One iterate of a run.

    Attributes
    ----------
    params : pytree
        θₖ. Its arrays are read-only.
    state : object
        The state of the rule before the update at θₖ.
    """

    params: Tree
    state: Any = field(default=None, repr=False)

    def record(self) -> Record:
        """The iterate without its arrays."""
        return Record(**{name: getattr(self, name) for name in _FIELDS})


class History(Sequence[Record]):
    """The records of a run in order; also column by column.

    Parameters
    ----------
    records : iterable of Record
        They are copied.

    Examples
    --------
    >>> history = History(Record(step=k, epoch=k, value=v, gradient_norm=2 * v, step_norm=0.0)
    ...                   for k, v in enumerate([1.0, 0.25]))
    >>> history.values
    array([1.  , 0.25])
    >>> len(history), history[-1].gradient_norm
    (2, 0.5)
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._records = tuple(records)

    def __getitem__(self, index: Any) -> Any:
        chosen = self._records[index]
        return History(chosen) if isinstance(index, slice) else chosen

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def __repr__(self) -> str:
        return f"History of {len(self)} iterates"

    def _column(self, name: str) -> NDArray[Any]:
        return np.array([getattr(record, name) for record in self._records])

    @property
    def steps(self) -> NDArray[Any]:
        """The index of every iterate."""
        return self._column("step")

    @property
    def epochs(self) -> NDArray[Any]:
        """The epoch of every iterate."""
        return self._column("epoch")

    @property
    def values(self) -> NDArray[Any]:
        """The loss at every iterate, on the rows of that step."""
        return self._column("value")

    @property
    def gradient_norms(self) -> NDArray[Any]:
        """The norm of the gradient at every iterate, on the rows of that step."""
        return self._column("gradient_norm")

    @property
    def step_norms(self) -> NDArray[Any]:
        """The length of the step that led to every iterate."""
        return self._column("step_norm")

    @property
    def full(self) -> History:
        """The iterates that were measured on all rows, with these values and gradient norms."""
        return History(measured(self._records))

    @property
    def stochastic(self) -> bool:
        """Whether some iterates were measured on a part of the rows alone."""
        return any(record.full is None for record in self._records)


def measured(records: Iterable[Record]) -> Iterator[Record]:
    """The records that know value and gradient on all rows, with these in the place of the noisy ones."""
    for record in records:
        if record.full == (record.value, record.gradient_norm):
            yield record
        elif record.full is not None:
            yield replace(record, value=record.full.value, gradient_norm=record.full.gradient_norm)
