"""How good predictions are: accuracy, log loss, and which class is taken for which.

Classes are codes, 0 to K − 1. A row whose code is −1 is of a class that the model never met: it is predicted
wrongly whatever is said, and the log loss, which would be infinite, leaves it out.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from nazad.errors import ShapeError
from nazad.learn.columns import Matrix
from nazad.learn.labels import Label
from nazad.learn.logistic import Codes

Counts = NDArray[np.intp]


def accuracy(predicted: Codes, right: Codes) -> float:
    """The share of rows that were predicted rightly.

    Examples
    --------
    >>> accuracy(np.array([0, 1, 1]), np.array([0, 1, -1]))
    0.666...
    """
    _demand_rows(len(predicted), len(right))
    return float(np.mean(predicted == right))


def log_loss(log_probabilities: Matrix, right: Codes) -> float:
    """The mean of −log p of the right class; NaN if no row is of a known class.

    Taken from the logarithms of the probabilities, it needs no clipping.

    Examples
    --------
    >>> log_loss(np.log([[0.5, 0.5], [0.25, 0.75]]), np.array([0, -1]))
    0.693147...
    """
    _demand_rows(len(log_probabilities), len(right))
    known = np.flatnonzero(right >= 0)
    return -float(np.mean(log_probabilities[known, right[known]])) if len(known) else float("nan")


def confusion(predicted: Codes, right: Codes, classes: int) -> Counts:
    """How often rows of one class (down) were predicted to be of another (across); unknown ones are left out.

    Examples
    --------
    >>> confusion(np.array([0, 1, 1, 1]), np.array([0, 0, 1, -1]), 2)
    array([[1, 1],
           [0, 1]])
    """
    _demand_rows(len(predicted), len(right))
    known = right >= 0
    pairs = right[known] * classes + predicted[known]
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


@dataclasses.dataclass(frozen=True, eq=False)
class Scores:
    """What predictions are worth.

    Parameters
    ----------
    accuracy : float
        The share of rows predicted rightly.
    log_loss : float
        The mean of −log p of the right class.
    confusion : array of int
        Right classes down, predicted ones across.
    classes : tuple
        The classes.
    rows, unknown : int
        How many rows there were, and how many of them are of no known class.
    """

    accuracy: float
    log_loss: float
    confusion: Counts
    classes: tuple[Label, ...]
    rows: int
    unknown: int = 0

    @classmethod
    def of(cls, log_probabilities: Matrix, right: Codes, classes: tuple[Label, ...]) -> Scores:
        """Score the most probable classes.

        Examples
        --------
        >>> scores = Scores.of(np.log([[0.75, 0.25], [0.25, 0.75]]), np.array([0, 0]), ("no", "yes"))
        >>> scores.accuracy, round(scores.log_loss, 4), scores.confusion.tolist()
        (0.5, 0.837, [[1, 1], [0, 0]])
        """
        predicted = np.argmax(log_probabilities, axis=1)
        return cls(
            accuracy(predicted, right),
            log_loss(log_probabilities, right),
            confusion(predicted, right, len(classes)),
            classes,
            len(right),
            int(np.sum(right < 0)),
        )


def _demand_rows(found: int, right: int) -> None:
    if found != right or not found:
        raise ShapeError(f"{found} predictions for {right} rows", "There must be one for each row, and a row")
