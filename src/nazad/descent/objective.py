"""The loss on some rows of the data, as a function of the parameters alone.

It is the one thing that the loop, the update rules and the estimates of smoothness and noise look at. Being
an ordinary function of the parameters, it can be given to every transform: ``nz.grad(objective)``,
``nz.hvp(objective, ...)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nazad.api import hvp, value_and_grad
from nazad.descent.vectors import Number, Vector, ravel, unravel
from nazad.tree import Tree, tree_map

Loss = Callable[..., Any]


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """The loss on some rows.

    Attributes
    ----------
    loss : callable
        What the user wrote: ``loss(params)``, ``loss(params, data)`` or ``loss(params, *data)``.
    args : tuple
        What stands behind the parameters: nothing, a block of rows, or the blocks of a tuple of arrays.
    weight : float
        How often the loss on these rows counts.

    Examples
    --------
    >>> f = Objective(lambda w, x: np.mean((x - w) ** 2), (np.array([1.0, 3.0]),))
    >>> f(2.0)
    np.float64(1.0)
    >>> f.value_and_grad(1.0)
    (np.float64(2.0), -2.0)
    """

    loss: Loss
    args: tuple[Any, ...] = ()
    weight: float = 1.0

    def __call__(self, params: Tree) -> Any:
        return self.weighted(self.loss(params, *self.args))

    def times(self, weight: float) -> Objective:
        """The same loss on the same rows, which counts so often."""
        return Objective(self.loss, self.args, weight)

    def weighted(self, x: Any) -> Any:
        """A value or partial derivative of the loss as often as it counts."""
        return x if self.weight == 1 else self.weight * x

    def value_and_grad(self, params: Tree) -> tuple[Number, Tree]:
        """Value and gradient. Overflow is no warning here: what is not finite becomes the verdict."""
        with np.errstate(all="ignore"):
            value, gradient = value_and_grad(self.loss)(params, *self.args)
            return self.weighted(value), tree_map(self.weighted, gradient)

    def curvature(self, params: Tree, vector: Vector) -> Vector:
        """The Hessian at ``params`` times a vector."""
        with np.errstate(all="ignore"):
            return ravel(hvp(self, (params,), (unravel(vector, params),)))


def on_row(loss: Loss, row: tuple[Any, ...]) -> Objective:
    """The loss on one row alone, as :func:`nazad.vmap` hands it over: without the axis of the rows.

    Examples
    --------
    >>> on_row(lambda w, x: np.mean((x - w) ** 2), (np.array(3.0),))(1.0)
    np.float64(4.0)
    """
    return Objective(loss, tree_map(lambda x: x[None], row))
