"""What a law of probability states, in standard form, and what follows from it.

A law states the logarithm of its density and whatever else has a closed form. The rest follows: the density
is the exponential, the survival function is one less the distribution function, logarithms are logarithms;
place and scale stand around all of them. Outside the support the logarithm of the density is -inf and its
gradient zero; there no formula is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nazad.errors import NoRuleError, TraceError
from nazad.graph import Value, dtype_of, here

Formula = Callable[..., Value]
Evaluation = Callable[..., Value]
"""A law, the name of a method, a point, shapes, place and scale: one of the methods of :class:`Law`."""
End = float | Formula
"""An end of the support; from the shapes, if it depends on them."""


@dataclass(frozen=True)
class Law:
    """A law in standard form. Each formula takes a point, or a probability, and then the shapes.

    Attributes
    ----------
    log : callable, optional
        The logarithm of the density, or of the probability of a whole number.
    cdf, sf, logcdf, logsf, ppf, isf : callable, optional
        As in SciPy.
    low, high : float or callable
        The ends of the support.
    valid : callable
        Whether the shapes are admissible; as a rule, if they are positive.
    whole : bool
        Whether it is a law of whole numbers.

    Examples
    --------
    >>> law = Law(lambda x: -x, sf=lambda x: np.exp(-x), low=0.0)
    >>> law.density("logpdf", 3.0, (), 1.0, 2.0), law.distribution("cdf", 1.0, (), 1.0, 2.0)
    (np.float64(-1.6931471805599454), np.float64(0.0))
    """

    log: Formula | None
    cdf: Formula | None = None
    sf: Formula | None = None
    logcdf: Formula | None = None
    logsf: Formula | None = None
    ppf: Formula | None = None
    isf: Formula | None = None
    low: End = -math.inf
    high: End = math.inf
    valid: Callable[..., Value] = lambda *shapes: all_of(*[np.greater(shape, 0) for shape in shapes])
    whole: bool = False

    def density(self, name: str, x: Value, shapes: tuple[Value, ...], loc: Value, scale: Value) -> Value:
        """The density, or its logarithm; of whole numbers the probability."""
        low, high = self._support(shapes)
        y = _standard(x, loc, scale)
        outside = np.less(y, low) | np.greater(y, high)
        if self.whole:
            outside = outside | np.not_equal(y, np.floor(y))
        formula = self.log or self._missing(name)
        inside = formula(self._held(y, outside, low, high), *shapes)
        inside = inside - np.log(np.where(np.greater(scale, 0), scale, 1.0))
        log = np.where(outside, -np.inf, inside)
        return self._checked(log if name.startswith("log") else np.exp(log), shapes, scale)

    def distribution(self, name: str, x: Value, shapes: tuple[Value, ...], loc: Value, scale: Value) -> Value:
        """cdf, sf, or the logarithm of one."""
        low, high = self._support(shapes)
        y = _standard(x, loc, scale)
        below = np.less(y, low) if self.whole else np.less_equal(y, low)
        above = np.greater_equal(y, high)
        inside = self._formula(name)(self._held(y, below | above, low, high), *shapes)
        left, right = _BESIDE[name]
        return self._checked(np.where(below, left, np.where(above, right, inside)), shapes, scale)

    def quantile(self, name: str, q: Value, shapes: tuple[Value, ...], loc: Value, scale: Value) -> Value:
        """ppf or isf."""
        possible = np.greater_equal(q, 0) & np.less_equal(q, 1)
        y = self._formula(name)(np.where(possible, q, 0.5), *shapes) * scale + loc
        return self._checked(np.where(possible, y, np.nan), shapes, scale)

    def _formula(self, name: str) -> Formula:
        """As stated, or from another one."""
        stated = getattr(self, name)
        for source, follow in () if stated else _FOLLOWS[name]:
            found = getattr(self, source)
            if found is not None:
                return follow(found)
        return stated or self._missing(name)

    def _missing(self, name: str) -> Formula:
        raise NoRuleError(
            f"{name} of this distribution has no closed form that nazad knows",
            "Take another of its functions, or integrate the density.",
            here(),
        )

    def _support(self, shapes: tuple[Value, ...]) -> tuple[Value, Value]:
        low, high = (end(*shapes) if callable(end) else end for end in (self.low, self.high))
        return low, high

    def _held(self, y: Value, outside: Value, low: Value, high: Value) -> Value:
        """The point, or one inside in place of one outside."""
        if isinstance(low, float) and isinstance(high, float) and math.isinf(low) and math.isinf(high):
            return np.floor(y) if self.whole else y
        held = np.where(outside, _inside(low, high), y)
        return np.floor(held) if self.whole else held

    def _checked(self, y: Value, shapes: tuple[Value, ...], scale: Value) -> Value:
        """nan where a shape or the scale is not admissible."""
        return np.where(all_of(np.greater(scale, 0), self.valid(*shapes)), y, np.nan)[()]


def with_shapes(law: Law, *fixed: float) -> Law:
    """A law of which the shapes are given."""

    def bound(formula: Any) -> Any:
        return (lambda y: formula(y, *fixed)) if callable(formula) else formula

    names = ("log", "cdf", "sf", "logcdf", "logsf", "ppf", "isf")
    return replace(law, **{name: bound(getattr(law, name)) for name in names})


def all_of(*conditions: Value) -> Value:
    """Whether all hold."""
    held: Any = True
    for condition in conditions:
        held = np.logical_and(held, condition)
    return held


def anything(*shapes: Value) -> bool:
    """Any shapes are admissible."""
    return True


def not_negative(*shapes: Value) -> Value:
    """Shapes of zero are admissible, too."""
    return all_of(*[np.greater_equal(shape, 0) for shape in shapes])


_REAL = "Its formulas are for real numbers: take np.real(...) or np.abs(...)."


def _standard(x: Value, loc: Value, scale: Value) -> Value:
    """In double precision, as in SciPy."""
    x = x if hasattr(x, "dtype") else np.asarray(x)
    if dtype_of(x).kind == "c":
        raise TraceError("a distribution of SciPy was asked about a complex number", _REAL, here())
    return ((x if dtype_of(x).char == "d" else x.astype(float)) - loc) / scale


def _inside(low: Value, high: Value) -> Value:
    """A point of the support."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(low), high - 1, np.where(np.isinf(high), low + 1, (low + high) / 2))


def _less(f: Formula) -> Formula:
    return lambda y, *shapes: 1 - f(y, *shapes)


def _log(f: Formula) -> Formula:
    return lambda y, *shapes: np.log(f(y, *shapes))


def _log_less(f: Formula) -> Formula:
    return lambda y, *shapes: np.log1p(-f(y, *shapes))


def _exp(f: Formula) -> Formula:
    return lambda y, *shapes: np.exp(f(y, *shapes))


def _mirrored(f: Formula) -> Formula:
    return lambda q, *shapes: f(1 - q, *shapes)


_BESIDE = {"cdf": (0.0, 1.0), "sf": (1.0, 0.0), "logcdf": (-math.inf, 0.0), "logsf": (0.0, -math.inf)}
"""The values below and above the support."""
_FOLLOWS: dict[str, list[tuple[str, Callable[[Formula], Formula]]]] = {
    "cdf": [("logcdf", _exp), ("sf", _less)],
    "sf": [("logsf", _exp), ("cdf", _less)],
    "logcdf": [("cdf", _log), ("sf", _log_less)],
    "logsf": [("sf", _log), ("cdf", _log_less)],
    "ppf": [("isf", _mirrored)],
    "isf": [("ppf", _mirrored)],
}
"""From what a function follows that is not stated."""
