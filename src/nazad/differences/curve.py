"""The error of difference quotients against the step: the lecture's first picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nazad.differences.quotient import Method, differences
from nazad.errors import ArgumentError, ShapeError
from nazad.extras import require

_EPS = float(np.finfo(np.float64).eps)
_ABOVE_ROUNDING = 30.0  # times the rounding, and an error counts as one of truncation
_DECADES = 2.5  # of h, from where truncation takes over: farther up, the next term of the series is felt


@dataclass(frozen=True, slots=True, eq=False)
class ErrorCurve:
    """How far difference quotients are from the derivative, step by step.

    Attributes
    ----------
    h : array
        The steps, the largest first.
    forward, central, richardson : array
        The Euclidean norm of the error at each step, over all entries of the derivative; Richardson's is that
        of (4 D(h/2) − D(h)) / 3, D being central.
    rounding : array
        What rounding alone is expected to do at each step, about ε abs(f)/h.
    slopes : mapping
        For each method the power of h that its error is seen to follow before rounding takes over; NaN if the
        quotient is exact but for rounding, as for a polynomial of low degree.
    floor : mapping
        For each method the least error, single lucky steps aside: of three steps in a row the worst counts.
    best_h : mapping
        For each method the step where it has that.
    """

    h: NDArray[np.float64]
    forward: NDArray[np.float64]
    central: NDArray[np.float64]
    richardson: NDArray[np.float64]
    rounding: NDArray[np.float64]
    slopes: Mapping[str, float]
    floor: Mapping[str, float]
    best_h: Mapping[str, float]

    @property
    def errors(self) -> dict[str, NDArray[np.float64]]:
        """The three columns by name."""
        return {"forward": self.forward, "central": self.central, "richardson": self.richardson}

    def text(self) -> str:
        """The curve as a table in plain text; ``print(curve)`` shows it."""
        rows = [("h", *self.errors)]
        rows += [
            tuple(f"{number:.1e}" for number in row)
            for row in zip(self.h, *self.errors.values(), strict=True)
        ]
        rows.append(("slope", *(f"{self.slopes[name]:.2f}" for name in self.errors)))
        rows.append(("least error", *(f"{self.floor[name]:.1e}" for name in self.errors)))
        rows.append(("at h", *(f"{self.best_h[name]:.1e}" for name in self.errors)))
        return "\n".join("".join(f"{cell:>12}" for cell in row) for row in rows)

    __str__ = text

    def plot(self, ax: Any = None) -> Any:
        """Draw the curve on logarithmic axes: straight lines down to the floor of rounding.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw; by default on a new figure.

        Returns
        -------
        axes
            Where it was drawn.
        """
        if ax is None:
            ax = require("matplotlib.pyplot", "plot").subplots()[1]
        for name, error in self.errors.items():
            ax.plot(self.h, error, marker=".", label=f"{name}, slope {self.slopes[name]:.2f}")
        ax.plot(self.h, self.rounding, linestyle="--", color="gray", label="rounding")
        ax.set_xscale("log")
        ax.set_yscale("log", nonpositive="mask")  # a lucky error of zero is a gap
        ax.set(xlabel="step h", ylabel="error")
        ax.legend()
        return ax


def error_curve(
    f: Callable[[Any], Any],
    x: ArrayLike,
    exact: ArrayLike | Callable[[Any], Any] | None = None,
    hs: ArrayLike | None = None,
) -> ErrorCurve:
    """Measure the error of difference quotients at many steps.

    Parameters
    ----------
    f : callable
        A function of one number or array, to a number or an array.
    x : float or array
        Where to differentiate.
    exact : float, array or callable, optional
        The true derivative at x, or the function that gives it. By default the reference is Richardson's
        extrapolation, whose own error limits what can be seen to some 1e-12 of f.
    hs : array, optional
        The steps, taken for every entry. By default from 0.1 down to 1e-15, three for each power of ten,
        times the scale max(1, abs(x)).

    Returns
    -------
    ErrorCurve
        Steps, errors and slopes, which can be printed and drawn.

    Raises
    ------
    ShapeError
        If ``exact`` has not the shape of the derivative.

    Notes
    -----
    Each step takes 5n + 1 calls of ``f`` for n entries.

    Examples
    --------
    >>> import numpy as np
    >>> curve = error_curve(np.exp, 1.0, exact=np.e)
    >>> [round(slope, 1) for slope in curve.slopes.values()]
    [1.0, 2.0, 4.0]
    >>> curve.best_h["forward"] < 1e-6 < curve.best_h["central"]
    True
    >>> print(error_curve(np.exp, 1.0, np.e, hs=[1e-1, 1e-2, 1e-3]).text().partition("slope")[0])
               h     forward     central  richardson
         1.0e-01     1.4e-01     4.5e-03     5.7e-07
         1.0e-02     1.4e-02     4.5e-05     5.7e-11
         1.0e-03     1.4e-03     4.5e-07     ...
    """
    reference = _reference(f, x, exact)
    h = _steps(x, hs)
    central = [_quotient(f, x, step, "central") for step in h]
    halved = [_quotient(f, x, step / 2, "central") for step in h]
    errors = {
        "forward": _norms([_quotient(f, x, step, "forward") - reference for step in h]),
        "central": _norms([value - reference for value in central]),
        "richardson": _norms([(4 * b - a) / 3 - reference for a, b in zip(central, halved, strict=True)]),
    }
    rounding = _rounding(f, x, reference, h)
    slopes = {name: _slope(h, error, rounding) for name, error in errors.items()}
    worst = {name: _worst_of_three(error) for name, error in errors.items()}
    floor = {name: float(error.min()) for name, error in worst.items()}
    best_h = {name: float(h[error.argmin()]) for name, error in worst.items()}
    facts = (MappingProxyType(fact) for fact in (slopes, floor, best_h))
    return ErrorCurve(h, errors["forward"], errors["central"], errors["richardson"], rounding, *facts)


def _quotient(f: Callable[[Any], Any], x: ArrayLike, h: float, method: Method) -> NDArray[np.float64]:
    return np.asarray(differences(f, x, method=method, h=float(h)).value)


def _reference(f: Callable[[Any], Any], x: Any, exact: Any) -> NDArray[np.float64]:
    measured = differences(f, x, method="richardson")  # also finds a wrong argument, before it is called
    if exact is None:
        return np.asarray(measured.value)
    given = np.asarray(exact(_copied(x)) if callable(exact) else exact, np.asarray(measured.value).dtype)
    if given.shape != np.shape(measured.value):
        raise ShapeError(
            f"the exact derivative has shape {given.shape}", f"It should be {np.shape(measured.value)}"
        )
    return given


def _steps(x: Any, hs: Any) -> NDArray[np.float64]:
    if hs is None:
        return np.logspace(-1, -15, 43) * max(1.0, float(np.max(np.abs(x), initial=0)))
    steps = np.sort(np.asarray(hs, np.float64).ravel())[::-1]
    if steps.size and steps[-1] > 0 and np.isfinite(steps).all():
        return steps
    raise ArgumentError(f"the steps hs are {hs!r}", "They are positive numbers, or None for good ones")


def _norms(errors: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.array([np.linalg.norm(error.ravel()) for error in errors])


def _rounding(f: Callable[[Any], Any], x: Any, reference: Any, h: NDArray[np.float64]) -> NDArray[np.float64]:
    """ε abs(f)/h for every entry, and the last digit of the derivative itself."""
    with np.errstate(all="ignore"):
        size = float(np.linalg.norm(np.ravel(f(_copied(x))))) * np.sqrt(np.size(x))
    rounding: NDArray[np.float64] = _EPS * (size / h + np.linalg.norm(reference.ravel()))
    return rounding


def _copied(x: Any) -> Any:
    """The point as ``f`` may do with it what it likes; a number is a NumPy number."""
    point = np.array(x, np.result_type(np.asarray(x), np.float64))
    return point if point.shape else point[()]


def _worst_of_three(error: NDArray[np.float64]) -> NDArray[np.float64]:
    padded = np.pad(np.where(np.isnan(error), np.inf, error), 1, mode="edge")
    return np.array([padded[i : i + 3].max() for i in range(error.size)])


def _slope(h: NDArray[np.float64], error: NDArray[np.float64], rounding: NDArray[np.float64]) -> float:
    """The slope of the error on logarithmic axes, where it is one of truncation and the first term leads."""
    truncated = error > _ABOVE_ROUNDING * rounding
    if not truncated.any():
        return np.nan
    window = truncated & (h <= h[truncated].min() * 10**_DECADES)
    return float(np.polyfit(np.log(h[window]), np.log(error[window]), 1)[0]) if window.sum() > 2 else np.nan
