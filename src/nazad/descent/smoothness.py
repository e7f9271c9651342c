"""The smoothness constant L, a bound on ‖∇²f‖, and with it the step 1/L.

For linear models the Hessian of the loss is bounded in closed form, everywhere. With A = [X 1] and S rows,

- least squares, mean (Aθ − y)²: ∇²f = 2AᵀA/S, so L = 2 λmax(AᵀA)/S;
- logistic loss: ∇²f = Aᵀ diag(σ′(t)) A/S and σ′ ≤ ¼, so L = λmax(AᵀA)/4S;
- cross-entropy of K classes: ∇²f ≤ ½ (I − 11ᵀ/K) ⊗ AᵀA/S (Böhning 1992), so L = λmax(AᵀA)/2S.

For any other loss the largest eigenvalue of the Hessian *at one point* is had from products with vectors
alone, by the Lanczos method. What it finds is never above λmax, but for rounding. By how much it is below
is bounded, with high probability, for a start drawn at random (Kuczyński and Woźniakowski 1992). That is a
measurement at a point: it proves nothing about other points.

References
----------
D. Böhning, Multinomial logistic regression algorithm, *Ann. Inst. Statist. Math.* 44 (1992), 197–200.
J. Kuczyński and H. Woźniakowski, Estimating the largest eigenvalue by the power and Lanczos algorithms with a
random start, *SIAM J. Matrix Anal. Appl.* 13 (1992), 1094–1122, theorem 3.2.
G. H. Golub and C. F. Van Loan, *Matrix Computations*, 4th ed., 2013, section 10.1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nazad.descent.batches import Rng, Rows, seed_of
from nazad.descent.objective import Loss, Objective
from nazad.descent.vectors import Vector, checked_params, epsilon, ravel, whole_number
from nazad.errors import ArgumentError, ShapeError
from nazad.tree import Tree, flatten

_RISK = 0.005  # that an end of the spectrum is farther out than the error says; there are two ends
_ENOUGH = 0.03  # the relative error with which the search is content
_SPENT = 100.0  # a new direction shorter than so many units of rounding is nothing but rounding


@dataclass(frozen=True, slots=True)
class Smoothness:
    """A smoothness constant, and how far to trust it.

    Attributes
    ----------
    value : float
        L, or its estimate.
    error : float
        L is at most ``value + error``: surely if ``proved``, else with probability 0.99 at that one point.
    proved : bool
        Whether ``value + error`` bounds the Hessian everywhere, rather than having been measured at a point.
    source : str
        Where it comes from, in words.
    products : int
        How many products of the Hessian and a vector it took.
    """

    value: float
    error: float
    proved: bool
    source: str
    products: int = 0

    @property
    def upper(self) -> float:
        """L and its error together."""
        return self.value + self.error

    @property
    def step(self) -> float:
        """1/L, with the error counted in; infinite where L is 0."""
        return 1 / self.upper if self.upper else math.inf


# --- closed forms
def logistic_smoothness(X: Any, classes: int = 2, intercept: bool = True) -> Smoothness:
    """L of the mean logistic loss: λmax([X 1]ᵀ[X 1])/4S, and twice that for more than two classes.

    Parameters
    ----------
    X : array_like
        The rows, of shape (S, n).
    classes : int, optional
        Two stands for one score and the loss log(1 + exp(t)) − y t; more, for one score per class and the
        cross-entropy of their softmax.
    intercept : bool, optional
        Whether the scores have an intercept b.

    Returns
    -------
    Smoothness
        It is proved: it holds at every θ.

    Examples
    --------
    >>> X = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> logistic_smoothness(X, intercept=False).value
    0.5
    """
    if whole_number(classes, "classes", 2) == 2:
        return _from_gram(X, intercept, 0.25, "λmax([X 1]ᵀ[X 1])/4S, closed form for the logistic loss")
    return _from_gram(X, intercept, 0.5, "λmax([X 1]ᵀ[X 1])/2S, Böhning's bound for the cross-entropy")


def least_squares_smoothness(X: Any, intercept: bool = True) -> Smoothness:
    """L of the mean squared error, mean (Xw + b − y)²: 2 λmax([X 1]ᵀ[X 1])/S.

    Parameters
    ----------
    X : array_like
        The rows, of shape (S, n).
    intercept : bool, optional
        Whether the predictions have an intercept b.

    Returns
    -------
    Smoothness
        It is proved: it holds at every θ.

    Examples
    --------
    >>> least_squares_smoothness(np.array([[3.0], [4.0]]), intercept=False).value
    25.0
    """
    return _from_gram(X, intercept, 2.0, "2 λmax([X 1]ᵀ[X 1])/S, closed form for least squares")


def _from_gram(X: Any, intercept: bool, factor: float, source: str) -> Smoothness:
    A = np.asarray(X, np.float64)
    if A.ndim != 2 or not A.size:
        raise ShapeError(f"X has shape {A.shape}", "It is a table with at least one row and one column.")
    if not np.isfinite(A).all():
        raise ArgumentError("X has entries that are NaN or infinite", "Remove or impute them.")
    if intercept:
        A = np.column_stack([A, np.ones(len(A))])
    gram = A.T @ A if A.shape[1] <= A.shape[0] else A @ A.T
    value = factor * float(np.linalg.eigvalsh(gram)[-1]) / len(A)
    # rounding of the products (inner dimension) and of the eigenvalues (order), with room
    return Smoothness(value, 4 * sum(A.shape) * epsilon(1.0) * value, True, _without(source, intercept))


def _without(source: str, intercept: bool) -> str:
    return source if intercept else source.replace("[X 1]", "X")


# --- batches
def expected_smoothness(rows: int, batch_size: int, together: float, alone: float) -> float:
    """How much the loss on a random batch curves: as all rows do together, and as single ones.

    For batches of B out of S rows drawn without replacement, it is the *expected smoothness* of Gower and
    others, 𝓛 = S(B − 1)/(B(S − 1)) · L + (S − B)/(B(S − 1)) · max Lᵢ, with Lᵢ that of row i alone: L for B =
    S, and max Lᵢ for B = 1.

    References
    ----------
    R. M. Gower, N. Loizou, X. Qian, A. Sailanbayev, E. Shulgin and P. Richtárik, SGD: general analysis and
    improved rates, *ICML* 2019, proposition 3.8.

    Examples
    --------
    >>> [expected_smoothness(101, B, together=1.0, alone=4.0) for B in (1, 101)]
    [4.0, 1.0]
    >>> round(expected_smoothness(101, 10, together=1.0, alone=4.0), 3)
    1.273
    """
    S, B = rows, batch_size
    if B == S:
        return together
    return (S * (B - 1) * together + (S - B) * alone) / (B * (S - 1))


# --- measured at a point
def estimate_smoothness(
    loss: Loss, params: Tree, data: Tree = None, *, products: int = 60, rng: Rng = 0
) -> Smoothness:
    """The norm of the Hessian at a point, from products with vectors.

    Parameters
    ----------
    loss : callable
        ``loss(params)``, ``loss(params, data)``, or ``loss(params, *data)`` for a tuple; written in NumPy.
    params : pytree
        The point.
    data : array_like or pytree, optional
        All rows are used.
    products : int, optional
        How many products at most, each at a small multiple of the cost of the gradient. Fewer are taken
        once the error is below 3 per cent.
    rng : int, Generator or None
        For the vector to start from. The same by default.

    Returns
    -------
    Smoothness
        A measurement at ``params``, not a bound elsewhere.

    Examples
    --------
    >>> estimate = estimate_smoothness(lambda w: np.sum(np.array([1.0, 5.0]) * w**2), np.zeros(2))
    >>> round(estimate.value, 6), estimate.error < 1e-6, estimate.proved
    (10.0, True, False)
    """
    point = checked_params(params)
    objective = Objective(loss, Rows(data).args)
    return measured_smoothness(objective, point, whole_number(products, "products", 1), seed_of(rng))


def measured_smoothness(
    objective: Objective, params: Tree, products: int, seed: tuple[int, ...]
) -> Smoothness:
    """Lanczos on the Hessian of an objective; see :func:`estimate_smoothness`."""
    if not len(ravel(params)):
        raise ArgumentError("params have no entries", "Give at least one number to move.")
    start = np.random.default_rng(seed).standard_normal(len(ravel(params)))
    rounding = max(epsilon(x) for x in flatten(params)[0])
    low, high, error, done = lanczos(lambda v: objective.curvature(params, v), start, products, rounding)
    source = f"the largest eigenvalue of the Hessian at one point, by Lanczos with {done} products"
    return Smoothness(max(abs(low), abs(high)), error, False, source, done)


def lanczos(
    product: Callable[[Vector], Vector], start: Vector, most: int, rounding: float
) -> tuple[float, float, float, int]:
    """Both ends of the spectrum of a symmetric map, the error bound, and the number of products.

    Golub and Van Loan, algorithm 10.1.1, with every new direction made orthogonal to all earlier ones.

    Examples
    --------
    >>> D = np.array([1.0, 2.0, 7.0])
    >>> low, high, error, done = lanczos(lambda v: D * v, np.ones(3), 10, 2.0**-52)
    >>> round(low, 6), round(high, 6), error < 1e-9, done
    (1.0, 7.0, True, 3)
    """
    basis, alphas, betas = np.empty((0, len(start))), list[float](), list[float]()
    w = start
    while True:
        basis = np.vstack([basis, w / np.linalg.norm(w)])
        w = product(basis[-1])
        alphas.append(float(basis[-1] @ w))
        w = _orthogonal(w, basis)
        (low, high), beta = _ends(alphas, betas), float(np.linalg.norm(w))
        size, done = max(abs(low), abs(high)), len(basis)
        floor = _SPENT * rounding * size
        if beta <= floor or done == len(start):
            return low, high, floor, done
        error = _unseen(len(start), done, high - low) + floor
        if done >= most or error <= _ENOUGH * size:
            return low, high, error, done
        betas.append(beta)


def _orthogonal(w: Vector, basis: Vector) -> Vector:
    """The vector without its parts along the basis; the second time removes what rounding left (Parlett)."""
    if not np.isfinite(w).all():
        remedy = "Start elsewhere; look for NaN in the data and for division by zero in the loss."
        raise ArgumentError("the Hessian is not finite at this point", remedy)
    for _ in range(2):
        w = w - basis.T @ (basis @ w)
    return w


def _ends(alphas: list[float], betas: list[float]) -> tuple[float, float]:
    ritz = np.linalg.eigvalsh(np.diag(alphas) + np.diag(betas, 1) + np.diag(betas, -1))
    return float(ritz[0]), float(ritz[-1])


def _unseen(n: int, m: int, width: float) -> float:
    """How far beyond the spectrum that was found, of this width, the true one may go.

    Kuczyński and Woźniakowski: after m products, from a random start, an end of the spectrum is missed by
    more than ε times its true width with a probability of at most 1.648 √n exp(−(2m − 1) √ε).
    """
    missed: float = (math.log(1.648 * math.sqrt(n) / _RISK) / (2 * m - 1)) ** 2
    return width * missed / (1 - 2 * missed) if missed < 0.5 else math.inf
