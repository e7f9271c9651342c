"""The expansion of a function to second order, as the lecture derives it: along the segment.

With g(t) = f(x0 + t(x - x0)) the theorem of one variable,

    g(1) = g(0) + g'(0) + g''(t)/2    for some t between 0 and 1,

is the theorem of many: g'(0) is the gradient times (x - x0), and g''(t) the Hessian at the point t of the
segment, from both sides. Two tangents, one within the other, give g, g' and g'' at the cost of a few f; no
Hessian is ever formed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nazad.api import jvp
from nazad.errors import ArgumentError, ShapeError
from nazad.graph import shape_of
from nazad.tree import Tree, flatten, tree_map, unflatten

_GRID = 64
_HALVINGS = 60


@dataclass(frozen=True)
class Expansion:
    """f(x) about x0, term by term.

    Attributes
    ----------
    value : float
        f(x0).
    linear : float
        The gradient at x0 times (x - x0).
    quadratic : float
        Half of (x - x0)' times the Hessian at x0 times (x - x0).
    exact : float
        f(x).
    """

    value: Any
    linear: Any
    quadratic: Any
    exact: Any
    _curvature: Callable[[float], Any]

    @property
    def first(self) -> Any:
        """The expansion to first order."""
        return self.value + self.linear

    @property
    def second(self) -> Any:
        """The expansion to second order."""
        return self.first + self.quadratic

    @property
    def remainder(self) -> Any:
        """What the expansion to second order leaves: f(x) minus it, of third order in the distance."""
        return self.exact - self.second

    @property
    def t_bar(self) -> float | None:
        """The point of the segment whose Hessian makes the theorem exact: f(x) = first + g''(t_bar)/2.

        The theorem says that there is one where the second derivative is continuous. None where none is
        found: on such a segment f is not twice continuously differentiable, or rounding hides the change.
        """
        goal = float(self.exact - self.first)
        scale = max(abs(float(self.value)), abs(float(self.exact)), abs(float(self.linear)))

        def gap(t: float) -> float:
            return float(self._curvature(t)) / 2 - goal

        return _root(gap, allowance=8 * np.finfo(float).eps * scale)

    def __str__(self) -> str:
        return (
            f"f(x0) = {self.value:.6g}, first order {self.first:.6g}, second order {self.second:.6g}, "
            f"f(x) = {self.exact:.6g}, remainder {self.remainder:.3g}"
        )


def taylor(f: Callable[..., Any], x0: Tree, x: Tree) -> Expansion:
    """The expansion of ``f`` about ``x0`` to second order, at ``x``, with its remainder.

    Parameters
    ----------
    f : callable
        A function of one argument written in NumPy that returns a single real number.
    x0 : pytree of array_like
        The point of expansion.
    x : pytree of array_like
        The point at which the expansion is taken; of the structure and shapes of ``x0``.

    Returns
    -------
    Expansion
        Its terms, the exact value, the remainder, and the point ``t_bar`` of the segment that the theorem
        promises. The terms can be differentiated further.

    Raises
    ------
    ArgumentError
        If ``f`` returns an array.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> e = nz.taylor(np.exp, 0.0, 0.5)
    >>> round(float(e.first), 4), round(float(e.second), 4), round(float(e.exact), 4)
    (1.5, 1.625, 1.6487)
    >>> round(e.t_bar, 4)
    0.3475
    """
    step = _from(x0, x)

    def g(t: Any) -> Any:
        return f(tree_map(lambda a, d: a + t * d, x0, step))

    def slope(t: Any) -> Any:
        return jvp(g, (t,), (1.0,))[1]

    value, linear = jvp(g, (0.0,), (1.0,))
    if shape_of(value) != ():
        raise ArgumentError(
            f"the function returned an array of shape {shape_of(value)}",
            "Taylor's theorem is for a single number.",
        )
    return Expansion(value, linear, _second(slope, 0.0) / 2, f(x), lambda t: _second(slope, t))


def _from(x0: Tree, x: Tree) -> Tree:
    """x - x0, entry by entry."""
    (start, structure), (goal, other) = flatten(x0), flatten(x)
    if structure != other:
        raise ArgumentError(f"x has the structure {other}", f"It has that of x0: {structure}.")
    for a, b in zip(start, goal, strict=True):
        if shape_of(a) != shape_of(b):
            raise ShapeError(f"x has shape {shape_of(b)} where x0 has shape {shape_of(a)}")
    return unflatten(structure, [b - a for a, b in zip(start, goal, strict=True)])


def _second(slope: Callable[[Any], Any], t: float) -> Any:
    return jvp(slope, (t,), (1.0,))[1]


def _root(gap: Callable[[float], float], allowance: float) -> float | None:
    """The first place between 0 and 1 where a continuous function vanishes or changes sign."""
    before, left = None, 0.0
    for k in range(1, _GRID):
        t = k / _GRID
        now = gap(t)
        if abs(now) <= allowance:
            return t
        if before is not None and (before < 0) != (now < 0):
            return _halve(gap, left, t, before < 0)
        before, left = now, t
    return _towards_the_ends(gap)


def _halve(gap: Callable[[float], float], left: float, right: float, rising: bool) -> float:
    for _ in range(_HALVINGS):
        middle = (left + right) / 2
        if (gap(middle) < 0) == rising:
            left = middle
        else:
            right = middle
    return (left + right) / 2


def _towards_the_ends(gap: Callable[[float], float]) -> float | None:
    for left, right in ((0.0, 1 / _GRID), (1 - 1 / _GRID, 1.0)):
        if (gap(left) < 0) != (gap(right) < 0):
            return _halve(gap, left, right, gap(left) < 0)
    return None
