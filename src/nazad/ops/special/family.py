"""How a function of SciPy becomes a primitive: in one line, with a partial for each argument.

A partial is one of three: a rule; None, where the function moves in steps, so that it is zero; or ``...``,
where a derivative exists and no formula for it is known. Asking for the last raises, and never gives zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import EllipsisType
from typing import Any

import numpy as np

from nazad.errors import NoRuleError
from nazad.graph import Value, dtype_of, here
from nazad.graph.primitive import Params
from nazad.ops.families import Elementwise, Rule

Partial = Rule | EllipsisType | None


class Unknown:
    """A partial that exists and for which no formula is known.

    Examples
    --------
    >>> import nazad as nz
    >>> from scipy import special
    >>> nz.grad(lambda v: special.mathieu_a(1, v))(0.5)
    Traceback (most recent call last):
    nazad.errors.NoRuleError: ...: no formula is known for the derivative of mathieu_a by its argument 1...
    """

    def __init__(self, name: str, place: int) -> None:
        self.name, self.place = name, place

    def __call__(self, y: Value, *xs: Value) -> None:
        if dtype_of(xs[self.place]).kind not in "fc":
            return  # whole numbers do not move
        raise NoRuleError(
            f"no formula is known for the derivative of {self.name} by its argument {self.place}",
            "Hold it constant, or give the function a rule of your own with nazad.elementwise.",
            here(),
        )


class Function(Elementwise):
    """An elementwise function of SciPy: its parameters are real even where its argument is complex."""

    def local(self, i: int, y: Value, xs: Sequence[Value], params: Params) -> Value:
        kind = dtype_of(y).type(0).real.dtype.type
        return super().local(i, y, [kind(x) if type(x) in (bool, int, float) else x for x in xs], params)


class Part:
    """One of several results of a ufunc, as a function of its own.

    Examples
    --------
    >>> from scipy import special
    >>> float(Part(special.airy, 0)(0.0))
    0.3550280538878172
    """

    def __init__(self, ufunc: np.ufunc, place: int) -> None:
        self.ufunc, self.place = ufunc, place

    def __call__(self, *xs: Value) -> Value:
        return self.ufunc(*xs)[self.place]


def op(calc: Callable[..., Value], *partials: Partial, name: str = "") -> Elementwise:
    """A primitive from a ufunc of SciPy, or from one of its results."""
    name = name or str(getattr(calc, "__name__", ""))
    rules = [Unknown(name, i) if isinstance(p, EllipsisType) else p for i, p in enumerate(partials)]
    return Function(name, calc, *rules)


def inverse(ufunc: np.ufunc, of: Elementwise, place: int) -> Elementwise:
    """The primitive that solves for one argument; in its place stands the value.

    From F(x, inv(x, p)) = p follow the partials of the inverse, 1 / F' and -F_x / F'.
    """

    def rule(i: int, partial: Rule) -> Rule:
        def deriv(y: Value, *xs: Value) -> Value:
            at = (xs[place], *xs[:place], y, *xs[place + 1 :])
            slope = _rule(of, place)(*at)
            return 1 / slope if i == place else -partial(*at) / slope

        return deriv

    name, is_known = ufunc.__name__, not isinstance(of.derivs[place], Unknown)
    rules: list[Rule | None] = [
        None if p is None else rule(i, p) if is_known and not isinstance(p, Unknown) else Unknown(name, i)
        for i, p in enumerate(of.derivs)
    ]
    return Function(name, ufunc, *rules)


def _rule(of: Elementwise, place: int) -> Rule:
    partial = of.derivs[place]
    assert partial is not None
    return partial


def on_reals(rule: Rule) -> Rule:
    """A partial that is known for real arguments alone."""

    def deriv(y: Value, *xs: Value) -> Value:
        if any(dtype_of(x).kind == "c" for x in xs):
            raise NoRuleError(
                "the derivative of this function of SciPy is known for real arguments, and these are complex",
                "Take the function of real and imaginary parts, or give it a rule with nazad.elementwise.",
                here(),
            )
        return rule(y, *xs)

    return deriv


def whole(n: Any) -> Any:
    """A whole number that was made a real one, as the ufuncs take it."""
    return n if dtype_of(n).kind in "iu" else n.astype(int)


def series(x: Value, coefficients: list[float]) -> Value:
    """A polynomial by Horner's rule, the coefficient of the constant first."""
    total: Any = coefficients[-1]
    for c in reversed(coefficients[:-1]):
        total = total * x + c
    return total
