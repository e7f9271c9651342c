"""Step sizes as functions of the step index, which counts from 0.

A constant step suits the full gradient: with a step of at most 1/L every step descends. The gradient of a
few rows does not vanish at the minimum, so with a constant step the iterates end up hovering around it at a
distance that grows with the step; a step that shrinks lets them settle. Robbins and Monro asked for Σ αₖ =
∞, so that any distance can be covered, and Σ αₖ² < ∞, so that the noise dies out: 1/t does both. 1/√t
shrinks too slowly for the second and is the better choice far from the minimum, or with averaging.

References
----------
H. Robbins and S. Monro, A stochastic approximation method, *Ann. Math. Statist.* 22 (1951), 400–407.
L. Bottou, F. E. Curtis and J. Nocedal, Optimization methods for large-scale machine learning, *SIAM Review*
60 (2018), theorems 4.6 (constant step) and 4.7 (step of order 1/t).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from nazad.descent.vectors import positive

Schedule = Callable[[int], float]


def constant(step: float) -> Schedule:
    """The same step always.

    Parameters
    ----------
    step : float
        The step size α.

    Returns
    -------
    callable
        From the step index to the step size.

    Examples
    --------
    >>> constant(0.1)(7)
    0.1
    """
    size = positive(step, "step")
    return lambda k: size


def inverse_time(step: float, decay: float = 1.0) -> Schedule:
    """α / (1 + decay · k): the steps of Robbins and Monro (1951), of order 1/t.

    Parameters
    ----------
    step : float
        The first step size α.
    decay : float, optional
        How soon it shrinks: it has halved after 1/decay steps.

    Returns
    -------
    callable
        From the step index to the step size.

    Examples
    --------
    >>> alpha = inverse_time(0.6)
    >>> alpha(0), alpha(1), alpha(2)
    (0.6, 0.3, 0.2)
    """
    size, rate = positive(step, "step"), positive(decay, "decay")
    return lambda k: size / (1 + rate * k)


def inverse_sqrt(step: float, decay: float = 1.0) -> Schedule:
    """α / √(1 + decay · k): for convex losses without strong convexity, usually with averaging.

    Parameters
    ----------
    step : float
        The first step size α.
    decay : float, optional
        How soon it shrinks: it has halved after 3/decay steps.

    Returns
    -------
    callable
        From the step index to the step size.

    References
    ----------
    A. Nemirovski, A. Juditsky, G. Lan and A. Shapiro, Robust stochastic approximation approach to stochastic
    programming, *SIAM J. Optim.* 19 (2009), section 2.2.

    Examples
    --------
    >>> alpha = inverse_sqrt(0.6)
    >>> alpha(0), alpha(3)
    (0.6, 0.3)
    """
    size, rate = positive(step, "step"), positive(decay, "decay")
    return lambda k: size / math.sqrt(1 + rate * k)


def as_schedule(step: float | Schedule) -> Schedule:
    """A schedule from a number or a schedule; what it gives is checked whenever it is asked.

    Examples
    --------
    >>> as_schedule(0.5)(3)
    0.5
    """
    if not callable(step):
        return constant(step)

    def size(k: int) -> float:
        return positive(step(k), f"the size of step {k}", or_zero=True)  # a schedule may end

    return size
