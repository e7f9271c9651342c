"""How noisy the gradient of a few rows is, measured against the law tr Σ / B.

Let gᵢ be the gradient of the loss on row i alone, g their mean, the full gradient, and Σ their covariance.
The mean over B random rows is g on average, and its squared distance from g is tr Σ / B on average: B times
the work for a deviation that is √B times smaller. That is for rows drawn with replacement. Batches of a
shuffled epoch are drawn without, so that the last of S rows cannot surprise any more, and

    E ‖g_B − g‖² = tr Σ / B · (S − B)/(S − 1).

The gᵢ come from one batched backward pass. The gradients of the batches are computed as the loop computes
them, from the loss on B rows: for a loss that is no mean over its rows, the two part, and that is worth
knowing.

References
----------
L. Bottou, F. E. Curtis and J. Nocedal, Optimization methods for large-scale machine learning, *SIAM Review*
60 (2018), section 4.
W. G. Cochran, *Sampling Techniques*, 3rd ed., Wiley 1977, theorem 2.2 (the factor (S − B)/(S − 1)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nazad.api import grad, vmap
from nazad.descent.batches import Index, Rng, Rows, in_full, seed_of
from nazad.descent.objective import Loss, Objective, on_row
from nazad.descent.vectors import Vector, checked_params, ravel, whole_number
from nazad.errors import ArgumentError
from nazad.tree import Tree, flatten

_SIZES = (1, 4, 16, 64, 256)


class Deviation(NamedTuple):
    """The mean of ‖g_B − g‖² for one batch size."""

    batch_size: int
    measured: float
    error: float  # one standard error of it
    predicted: float  # tr Σ / B · (S − B)/(S − 1)


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise of minibatch gradients at one point.

    Attributes
    ----------
    rows : int
        S, the number of rows looked at.
    trace : float
        tr Σ.
    signal : float
        ‖g‖².
    deviations : tuple of Deviation
        Measured against predicted, one for each batch size.

    Examples
    --------
    >>> print(gradient_noise(lambda w, x: np.mean((w - x) ** 2), 0.0, np.arange(50.0), batch_sizes=[5, 25]))
    50 rows: tr Σ = 833, ‖g‖² = 2.4e+03
    B = 5: ...predicted 153
    B = 25: ...predicted 17
    """

    rows: int
    trace: float
    signal: float
    deviations: tuple[Deviation, ...]

    def __str__(self) -> str:
        head = f"{self.rows} rows: tr Σ = {self.trace:.3g}, ‖g‖² = {self.signal:.3g}"
        lines = [
            f"B = {d.batch_size}: ‖g_B − g‖² = {d.measured:.3g} ± {d.error:.2g}, predicted {d.predicted:.3g}"
            for d in self.deviations
        ]
        return "\n".join([head, *lines])


def gradient_noise(
    loss: Loss,
    params: Tree,
    data: Tree,
    *,
    batch_sizes: Sequence[int] | None = None,
    sample: int = 1024,
    draws: int = 400,
    rng: Rng = 0,
) -> Noise:
    """Measure how far gradients of B rows are from that of all, and compare with tr Σ / B.

    Parameters
    ----------
    loss : callable
        A mean over rows, as for :func:`nazad.descent.descend`.
    params : pytree
        The point.
    data : array_like or pytree of array_like
        Arrays that agree on axis 0.
    batch_sizes : sequence of int, optional
        The B to try. By default 1, 4, 16, 64 and 256, as far as there are rows.
    sample : int, optional
        How many rows to look at, at most; all that is said is about these.
    draws : int, optional
        How many batches of each size. Where a few rows have far longer gradients than the rest, as they often
        do, the measured means and their errors are too low until such rows are drawn: take more.
    rng : int, Generator or None
        What the sample and the batches depend on.

    Returns
    -------
    Noise
        ``print`` it for a table.

    Raises
    ------
    ArgumentError
        If there are no data, or a batch is larger than the sample.
    TraceError
        If the loss branches on values that differ from row to row.
    """
    generator = np.random.default_rng(seed_of(rng))
    point, rows = checked_params(params), Rows(data)
    if not rows.count:
        raise ArgumentError("there are no data", "Noise is that of a choice of rows.")
    picked = generator.permutation(rows.count)[: whole_number(sample, "sample", 1)]
    chosen = Rows(rows.take(picked))
    sizes = _checked_sizes(batch_sizes, chosen.count)
    gradients = per_row_gradients(loss, point, chosen.args)
    mean = gradients.mean(axis=0)
    trace = float(np.sum(np.square(gradients - mean))) / chosen.count
    count = whole_number(draws, "draws", 2)
    deviations = [_deviation(loss, point, chosen, B, count, mean, trace, generator) for B in sizes]
    return Noise(chosen.count, trace, float(mean @ mean), tuple(deviations))


def per_row_gradients(loss: Loss, params: Tree, args: tuple[Any, ...]) -> Vector:
    """The gradient on each row alone, as the rows of a matrix, from one batched backward pass.

    Examples
    --------
    >>> per_row_gradients(lambda w, x: np.mean(w * x), 1.0, (np.array([2.0, 3.0]),))
    array([[2.],
           [3.]])
    """

    args = in_full(args)

    def gradient(*row: Any) -> Any:
        return grad(on_row(loss, row))(params)

    with np.errstate(all="ignore"):
        by_leaf = flatten(vmap(gradient)(*args))[0]
    count = len(flatten(args)[0][0])
    return np.column_stack([np.reshape(np.asarray(g, np.float64), (count, -1)) for g in by_leaf])


def _checked_sizes(batch_sizes: Sequence[int] | None, rows: int) -> list[int]:
    if batch_sizes is None:
        return [B for B in _SIZES if rows >= B]
    sizes = [whole_number(B, "batch_sizes", 1) for B in batch_sizes]
    if max(sizes, default=0) > rows:
        raise ArgumentError(
            f"batch_sizes has {max(sizes)}, and there are {rows} rows", "Give a larger sample."
        )
    return sizes


def _deviation(
    loss: Loss,
    params: Tree,
    rows: Rows,
    B: int,
    draws: int,
    mean: Vector,
    trace: float,
    generator: np.random.Generator,
) -> Deviation:
    S = rows.count
    batches: list[Index] = [generator.choice(S, B, replace=False) for _ in range(draws)]
    squares: NDArray[Any] = np.array([_square(loss, params, rows.take(batch), mean) for batch in batches])
    predicted = trace / B * (S - B) / (S - 1) if S > 1 else 0.0
    return Deviation(B, float(squares.mean()), float(squares.std(ddof=1) / np.sqrt(draws)), predicted)


def _square(loss: Loss, params: Tree, args: tuple[Any, ...], mean: Vector) -> float:
    off = ravel(Objective(loss, args).value_and_grad(params)[1]) - mean
    return float(off @ off)
