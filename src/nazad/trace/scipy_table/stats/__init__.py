"""From the distributions of :mod:`scipy.stats` to formulas in plain NumPy and :mod:`scipy.special`.

The laws stand in rooms by their support: all numbers, one side, an interval, whole numbers; ``multivariate``
has those of vectors. A frozen distribution hands over to the one that it was made from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scipy.stats._distn_infrastructure import rv_frozen

from nazad.graph import Value
from nazad.trace.scipy_table import METHODS, method
from nazad.trace.scipy_table.stats import half_line, interval, line, multivariate, whole
from nazad.trace.scipy_table.stats.law import Law

LAWS: dict[Any, Law] = line.LAWS | half_line.LAWS | interval.LAWS | whole.LAWS
"""Laws by SciPy's distribution."""

_DENSITIES = ("pdf", "logpdf"), ("pmf", "logpmf")
_DISTRIBUTIONS = ("cdf", "sf", "logcdf", "logsf")
_QUANTILES = ("ppf", "isf")


def _enter(distribution: Any, law: Law) -> None:
    """Rules for the methods of one distribution."""
    quantiles = () if law.whole else _QUANTILES
    for evaluate, names in (
        (law.density, _DENSITIES[law.whole]),
        (law.distribution, _DISTRIBUTIONS),
        (law.quantile, quantiles),
    ):
        for name in names:
            method(type(distribution), name)(_rule(name, evaluate))


def _rule(name: str, evaluate: Callable[..., Value]) -> Callable[..., Value]:
    def rule(self: Any, x: Value, *args: Any, **kwargs: Any) -> Value:
        return evaluate(name, x, *self._parse_args(*args, **kwargs))

    return rule


def _frozen(name: str) -> Callable[..., Value]:
    def rule(self: Any, x: Value) -> Value:
        known = METHODS.get((type(self.dist), name))
        args = (x, *self.args)
        return known(self.dist, *args, **self.kwds) if known else getattr(self.dist, name)(*args, **self.kwds)

    return rule


for _distribution, _law in LAWS.items():
    _enter(_distribution, _law)
for _name in (*_DENSITIES[0], *_DENSITIES[1], *_DISTRIBUTIONS, *_QUANTILES):
    method(rv_frozen, _name)(_frozen(_name))

__all__ = ["LAWS", "multivariate"]
