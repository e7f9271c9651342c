"""The step that is taken when none is given: from the curvature of the loss at the start.

With the full gradient it is 1/L. With few rows it has to be smaller, since a row can be much more curved
than the mean of all. Gower and others show for convex losses that 1/(2𝓛), with the *expected smoothness* 𝓛 of
:func:`nazad.descent.smoothness.expected_smoothness`, brings the iterates, at the rate of the full gradient,
as near to the minimum as the noise lets them.

Both are measured where the run starts. For the logistic loss at θ = 0 that is the bound for all θ; in general
it promises nothing about other points, and the notes of a run say so.

References
----------
R. M. Gower, N. Loizou, X. Qian, A. Sailanbayev, E. Shulgin and P. Richtárik, SGD: general analysis and
improved rates, *ICML* 2019, theorem 3.1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nazad.api import hvp, vmap
from nazad.descent.batches import Batches, in_full
from nazad.descent.objective import Loss, Objective, on_row
from nazad.descent.smoothness import expected_smoothness, measured_smoothness
from nazad.errors import ArgumentError, NazadError
from nazad.tree import Tree, flatten, tree_map

_SAMPLE = 1024  # rows
_ENTRIES = 2**22  # of the parameters, for all rows of the sample together
_PRODUCTS = 60
_ROUNDS = 8  # of power iteration on each row; the Hessian of one row of a linear model needs one
_SEED = (0,)  # the start of a search: the same always, so that the same run is the same bit for bit


class Chosen(NamedTuple):
    """A step size, and how it was chosen."""

    step: float
    note: str


def chosen_step(loss: Loss, params: Tree, batches: Batches) -> Chosen:
    """The step for a loss at a point: 1/L with the full gradient, 1/(2𝓛) with fewer rows.

    Raises
    ------
    ArgumentError
        If there is no second derivative, or it is 0 or not finite; the step has to be given then.

    Examples
    --------
    >>> round(chosen_step(lambda w: np.sum(w**2), np.ones(3), Batches.of()).step, 6)
    0.5
    """
    try:
        chosen = _full(loss, params, batches) if batches.size is None else _few_rows(loss, params, batches)
    except NazadError as error:
        raise ArgumentError(f"no step was given, and none can be worked out: {error}", _GIVE) from error
    if not (0 < chosen.step < np.inf):
        raise ArgumentError(
            "no step was given, and the loss has no curvature at the start to work it out from", _GIVE
        )
    return chosen


_GIVE = "Give step=, a number or a schedule."
_LOCAL = "Elsewhere the loss may curve more."


def _full(loss: Loss, params: Tree, batches: Batches) -> Chosen:
    L = measured_smoothness(Objective(loss, batches.rows.args), params, _PRODUCTS, _SEED)
    known = f"with L = {L.upper:.4g} measured at the start ({L.source})"
    return Chosen(L.step, f"No step was given: 1/L = {L.step:.4g}, {known}. {_LOCAL}")


def _few_rows(loss: Loss, params: Tree, batches: Batches) -> Chosen:
    index = np.sort(batches.order(0)[: _sample_size(params)])
    sample = batches.rows.take(index)
    L = measured_smoothness(Objective(loss, sample), params, _PRODUCTS, _SEED).upper
    L_max = float(np.max(row_curvatures(loss, params, sample)))
    B = batches.least
    expected = expected_smoothness(batches.rows.count, B, L, max(L, L_max))
    step = 1 / (2 * expected) if expected else np.inf
    known = f"L = {L:.4g} for all rows together and {L_max:.4g} for a single one"
    note = (
        f"No step was given: {step:.4g}, half of 1/{expected:.4g} for batches of {B}, from {known}, "
        f"measured at the start on {len(index)} rows. {_LOCAL}"
    )
    return Chosen(step, note)


def _sample_size(params: Tree) -> int:
    entries = sum(np.size(x) for x in flatten(params)[0])
    return max(1, min(_SAMPLE, _ENTRIES // max(entries, 1)))


def row_curvatures(loss: Loss, params: Tree, args: tuple[Any, ...]) -> Any:
    """The norm of the Hessian of the loss on each row alone, by power iteration on all rows at once.

    Examples
    --------
    >>> def loss(w, X):
    ...     return np.mean((X @ w) ** 2)
    >>> row_curvatures(loss, np.zeros(2), (np.array([[1.0, 0.0], [3.0, 4.0]]),))
    array([ 2., 50.])
    """
    args = in_full(args)
    count = len(flatten(args)[0][0])
    rng = np.random.default_rng(_SEED)
    vectors = _unit(tree_map(lambda x: rng.standard_normal((count, *np.shape(x))), params))[0]

    def product(vector: Tree, row: tuple[Any, ...]) -> Any:
        return hvp(on_row(loss, row), (params,), (vector,))

    for _ in range(_ROUNDS):
        with np.errstate(all="ignore"):
            vectors, lengths = _unit(vmap(product)(vectors, args))
    return lengths


def _unit(vectors: Tree) -> tuple[Tree, Any]:
    """Vectors of length 1, one per row, and the lengths that they had; zero stays zero."""
    squares = [np.sum(np.reshape(np.square(x), (len(x), -1)), axis=1) for x in flatten(vectors)[0]]
    lengths = np.sqrt(np.sum(squares, axis=0))
    safe = np.where(lengths > 0, lengths, 1)
    return tree_map(lambda x: x / safe.reshape(-1, *[1] * (np.ndim(x) - 1)), vectors), lengths
