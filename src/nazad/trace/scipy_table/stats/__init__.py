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

from nazad.errors import NoRuleError
from nazad.graph import Value, here
from nazad.trace.scipy_table import METHODS, method
from nazad.trace.scipy_table.stats import half_line, interval, line, multivariate, summaries, whole
from nazad.trace.scipy_table.stats.frozen import Frozen
from nazad.trace.scipy_table.stats.law import Evaluation, Law

LAWS: dict[Any, Law] = line.LAWS | half_line.LAWS | interval.LAWS | whole.LAWS
"""Laws by SciPy's distribution."""

_EVALUATIONS: dict[str, Evaluation] = {
    **dict.fromkeys(("pdf", "logpdf", "pmf", "logpmf"), Law.density),
    **dict.fromkeys(("cdf", "sf", "logcdf", "logsf"), Law.distribution),
    **dict.fromkeys(("ppf", "isf"), Law.quantile),
}
_NOT_OF_REALS, _NOT_OF_WHOLES = ("pmf", "logpmf"), ("pdf", "logpdf", "ppf", "isf")


def _kind(distribution: Any) -> tuple[type, float, float]:
    """What a distribution shares with its frozen copies: one class may serve two supports."""
    return type(distribution), distribution.a, distribution.b


_LAWS = {_kind(distribution): law for distribution, law in LAWS.items()}


def _enter(distribution: Any, law: Law) -> None:
    """Rules for the methods of one distribution, and for freezing it."""
    absent = _NOT_OF_WHOLES if law.whole else _NOT_OF_REALS
    rules = {name: _rule(name) for name in _EVALUATIONS if name not in absent}
    for name, rule in rules.items():
        method(type(distribution), name)(rule)
    method(type(distribution), "__call__")(_freezing(rules))


def _rule(name: str) -> Callable[..., Value]:
    def rule(self: Any, x: Value, *args: Any, **kwargs: Any) -> Value:
        law = _LAWS.get(_kind(self))
        if law is None:
            raise NoRuleError(
                f"{type(self).__name__} with support from {self.a:g} to {self.b:g} has no rule in nazad",
                "Write its formula in NumPy and scipy.special.",
                here(),
            )
        return _EVALUATIONS[name](law, name, x, *self._parse_args(*args, **kwargs))

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
for _name in _EVALUATIONS:
    method(rv_frozen, _name)(_frozen(_name))

__all__ = ["LAWS", "multivariate", "summaries"]
