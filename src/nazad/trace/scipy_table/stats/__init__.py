"""From the distributions of :mod:`scipy.stats` to formulas in plain NumPy and :mod:`scipy.special`.

The laws stand in rooms by their support: all numbers, one side, an interval, whole numbers; ``multivariate``
has those of vectors and matrices, ``summaries`` the functions of samples. A frozen distribution hands over to
the one that it was made from.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from scipy.stats._distn_infrastructure import rv_frozen

from nazad.graph import Value
from nazad.trace.scipy_table import METHODS, method
from nazad.trace.scipy_table.stats import half_line, interval, line, multivariate, summaries, whole
from nazad.trace.scipy_table.stats.frozen import Frozen
from nazad.trace.scipy_table.stats.law import Evaluation, Law

LAWS: dict[Any, Law] = line.LAWS | half_line.LAWS | interval.LAWS | whole.LAWS
"""Laws by SciPy's distribution."""

_DENSITIES = ("pdf", "logpdf"), ("pmf", "logpmf")
_DISTRIBUTIONS = ("cdf", "sf", "logcdf", "logsf")
_QUANTILES = ("ppf", "isf")


def _enter(distribution: Any, law: Law) -> None:
    """Rules for the methods of one distribution, and for freezing it."""
    evaluations = {
        **dict.fromkeys(_DENSITIES[law.whole], law.density),
        **dict.fromkeys(_DISTRIBUTIONS, law.distribution),
        **dict.fromkeys(() if law.whole else _QUANTILES, law.quantile),
    }
    rules = {name: _rule(name, evaluate) for name, evaluate in evaluations.items()}
    for name, rule in rules.items():
        method(type(distribution), name)(rule)
    method(type(distribution), "__call__")(_freezing(rules))


def _rule(name: str, evaluate: Evaluation) -> Callable[..., Value]:
    def rule(self: Any, x: Value, *args: Any, **kwargs: Any) -> Value:
        return evaluate(name, x, *self._parse_args(*args, **kwargs))

    return rule


def _freezing(rules: dict[str, Callable[..., Value]]) -> Callable[..., Frozen]:
    def freeze(self: Any, *args: Any, **kwargs: Any) -> Frozen:
        return Frozen({name: partial(rule, self) for name, rule in rules.items()}, args, kwargs)

    return freeze


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

__all__ = ["LAWS", "multivariate", "summaries"]
