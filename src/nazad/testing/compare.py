"""Numbers held to difference quotients, whose own error decides what counts as agreement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nazad.differences import differences
from nazad.testing.point import Vector

Function = Callable[[Vector], Vector]
Matrix = NDArray[np.float64]

STEP = float(np.cbrt(np.finfo(float).eps))  # of the central difference, times max(1, |x|)
_VAGUE = 1e-3  # a difference whose error is more than this part of the largest entry is made sharper
_SHARP = 1e-6  # and one with less error than this is not
_SHARPENED = 200  # at most so many, each at fourteen calls


class Entry(NamedTuple):
    """One partial derivative, from both sides."""

    name: str
    backpropagation: float
    differences: float
    error: float
    tolerance: float

    @property
    def is_checked(self) -> bool:
        """Whether differences found a derivative there."""
        return bool(np.isfinite(self.error))

    @property
    def agrees(self) -> bool:
        """Whether both are equal within the tolerance, or differences know nothing and it is a number."""
        if not self.is_checked:
            return not np.isnan(self.backpropagation)
        return abs(self.backpropagation - self.differences) <= self.tolerance

    @property
    def off(self) -> float:
        """By how many times the tolerance they part: above 1 they disagree."""
        if not self.is_checked and self.agrees:
            return 0.0
        off = abs(self.backpropagation - self.differences) / max(self.tolerance, 1e-300)
        return np.inf if np.isnan(off) else float(off)


class Compared(NamedTuple):
    """Matrices with a row for each result and a column for each direction of the argument."""

    exact: Matrix
    value: Matrix
    error: Matrix
    tolerance: Matrix

    @property
    def disagree(self) -> NDArray[np.bool_]:
        apart = ~(np.abs(self.exact - self.value) <= self.tolerance)
        return np.isnan(self.exact) | np.isfinite(self.error) & apart


def held_to_differences(g: Function, x: Vector, exact: Matrix, slack: Matrix) -> Compared:
    """Compare a Jacobian with differences, central at first; what is in doubt is extrapolated.

    Parameters
    ----------
    g : callable
        From a row of numbers to a row of numbers.
    x : array
        The point.
    exact : array
        The Jacobian to be checked.
    slack : array
        What is allowed besides the error of the differences, for rounding in ``exact``.
    """
    central = differences(g, x)
    first = Compared(exact, central.value, central.error, central.error + slack)
    doubtful = _doubtful(first)
    if not doubtful.size:
        return first
    sharp = differences(_restricted(g, x, doubtful), x[doubtful], method="richardson")
    return _sharpened(first, doubtful, sharp.value, sharp.error, slack)


def _doubtful(found: Compared) -> NDArray[np.intp]:
    """The columns in which something disagrees, or is known too vaguely to tell."""
    largest = np.max(np.abs(found.exact), axis=1, keepdims=True, initial=0, where=np.isfinite(found.exact))
    vague = (found.error > _VAGUE * largest) & (found.error > _SHARP)
    return np.flatnonzero((found.disagree | vague).any(axis=0))[:_SHARPENED]


def _sharpened(old: Compared, columns: Any, value: Matrix, error: Matrix, slack: Matrix) -> Compared:
    """Take the extrapolated difference where it agrees or is the sharper one."""
    wide = np.broadcast_to(slack, old.exact.shape)[:, columns]
    new = Compared(old.exact[:, columns], value, error, error + wide)
    agrees = np.isfinite(error) & ~new.disagree
    better = agrees & old.disagree[:, columns] | (error < old.error[:, columns])
    merged = Compared(old.exact, *(np.array(each) for each in old[1:]))
    for mine, other in zip(merged[1:], new[1:], strict=True):
        mine[:, columns] = np.where(better, other, mine[:, columns])
    return merged


def _restricted(g: Function, x: Vector, columns: NDArray[np.intp]) -> Function:
    """The function of some entries alone."""

    def on_some(part: Vector) -> Vector:
        moved = x.copy()
        moved[columns] = part
        return g(moved)

    return on_some


def one_sided(g: Function, x: Vector, column: int, step: float = STEP) -> tuple[Vector, Vector]:
    """The difference quotients to the left and to the right, by default at the central difference's step."""
    e = np.zeros_like(x)
    e[column] = step * max(1.0, abs(x[column]))
    with np.errstate(all="ignore"):
        middle = g(x)
        return (middle - g(x - e)) / e[column], (g(x + e) - middle) / e[column]


def at_a_kink(g: Function, x: Vector, column: int) -> tuple[NDArray[np.bool_], Vector, Vector]:
    """Which results have a kink or a jump within the step, and the slopes of all on both sides.

    Of a smooth function the two sides come together as the step shrinks.
    """
    left, right = one_sided(g, x, column)
    apart, nearer = np.abs(right - left), np.abs(np.subtract(*one_sided(g, x, column, STEP / 8)))
    noise = 1e3 * np.finfo(float).eps * np.abs(g(x)) / STEP
    kinked = (nearer > apart / 2) & (apart > 1e-3 * (np.abs(left) + np.abs(right))) & (apart > noise)
    return kinked, left, right
