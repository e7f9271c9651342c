"""A distribution with parameters some of which are traced: SciPy would make plain arrays of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nazad.errors import NoRuleError
from nazad.graph import Value, here


class Frozen:
    """What freezing a distribution gives: its methods, of a point alone.

    Examples
    --------
    >>> Frozen({"pdf": lambda x, scale: x / scale}, (), {"scale": 2.0}).pdf(3.0)
    1.5
    """

    def __init__(
        self, methods: Mapping[str, Callable[..., Value]], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self._methods, self._args, self._kwargs = methods, args, kwargs

    def __getattr__(self, name: str) -> Callable[[Value], Value]:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._methods:
            known = ", ".join(self._methods)
            raise NoRuleError(
                f"the method {name} of a distribution of traced parameters has no derivative rule in nazad",
                f"Those that have one are {known}.",
                here(),
            )
        return lambda x: self._methods[name](x, *self._args, **self._kwargs)
