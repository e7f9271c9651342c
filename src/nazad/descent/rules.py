"""Update rules: from a gradient to a change of the parameters.

A rule is two pure functions. ``init(params)`` makes its first state, and

    ``update(gradient=, value=, params=, state=, step=, objective=) -> (change, state)``

says what to add to the parameters, and the state for the next step. Every update takes these keywords,
whether it needs them or not, so that rules can be exchanged and put together; those that look further (line
searches, steps against a reference point) have the objective of the very same rows, with the same weight, a
function of the parameters, which can be differentiated at will. All work on structures of arrays. A rule
returns the *change* and not the new parameters, so that a rule can go on where another left off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from nazad.descent.schedules import Schedule, as_schedule
from nazad.descent.vectors import Number
from nazad.tree import Tree, tree_map

State = Any


class Update(Protocol):
    """What every update takes, by keyword, and returns."""

    def __call__(
        self,
        *,
        gradient: Tree,
        value: Number,
        params: Tree,
        state: State,
        step: int,
        objective: Callable[[Tree], Any],
    ) -> tuple[Tree, State]: ...


class Rule(NamedTuple):
    """An update rule.

    Attributes
    ----------
    init : callable
        From the parameters to the first state, a structure of arrays, or None.
    update : callable
        From keywords (gradient, value, params, state, step, objective) to the change and the next state. It
        changes none of them in place.

    Examples
    --------
    Descent along the signs of the gradient:

    >>> import numpy as np
    >>> def update(*, gradient, **others):
    ...     return tree_map(lambda g: -0.5 * np.sign(g), gradient), None
    >>> rule = Rule(lambda params: None, update)
    >>> from nazad.descent import descend
    >>> [float(it.params) for it in descend(lambda x: x**2, 2.0, rule=rule, steps=3)]
    [2.0, 1.5, 1.0, 0.5]
    """

    init: Callable[[Tree], State]
    update: Update


def gradient_descent(step: float | Schedule) -> Rule:
    """θₖ₊₁ = θₖ − αₖ ∇f(θₖ), on all rows, on one, or on a minibatch: which, is up to the loop.

    Parameters
    ----------
    step : float or callable
        The step size α, or a schedule: a function of the step index.

    Returns
    -------
    Rule
        It has no state.

    References
    ----------
    A.-L. Cauchy, Méthode générale pour la résolution des systèmes d'équations simultanées, *C. R. Acad. Sci.
    Paris* 25 (1847), 536–538.
    S. Mihov, *Information retrieval: application of deep machine learning*, lecture 9.

    Examples
    --------
    >>> rule = gradient_descent(0.1)
    >>> rule.update(gradient=3.0, value=9.0, params=1.5, state=None, step=0, objective=lambda x: x**2 * 4)
    (-0.3, None)
    """
    size = as_schedule(step)

    def update(*, gradient: Tree, step: int, **others: Any) -> tuple[Tree, None]:
        alpha = size(step)
        return tree_map(lambda g: -alpha * g, gradient), None

    return Rule(lambda params: None, update)
