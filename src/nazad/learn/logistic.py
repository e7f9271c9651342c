"""Logistic regression, as the lecture writes it: vectors and matrices, in plain NumPy.

With two classes a row has one score, t = Xw + b, and the second class the probability σ(t). With more, it has
a score for each class, and their softmax is the probabilities. The loss h is the cross-entropy, the mean of
−log p of the right class. nazad differentiates these very functions; the closed forms at the end are there to
be compared.

References
----------
S. Mihov, *Information retrieval: application of deep machine learning*, lecture 9.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nazad.api import grad
from nazad.descent import Batches, logistic_smoothness
from nazad.descent.smoothness import expected_smoothness
from nazad.learn.columns import Matrix

Params = dict[str, Any]  # {"w": weights, "b": intercept}
Codes = NDArray[np.integer[Any]]
Loss = Callable[[Params, Matrix, Codes], Any]


# --- the loss
def scores_of(params: Params, X: Matrix) -> Any:
    """The scores t = Xw + b: one for each row, or one for each row and class.

    Examples
    --------
    >>> scores_of({"w": np.array([1.0, -1.0]), "b": 0.5}, np.eye(2))
    array([ 1.5, -0.5])
    """
    return X @ params["w"] + params["b"]


def binary_h(t: Any, y: Codes) -> Any:
    """The cross-entropy as a function of the scores, for rows of class 0 or 1.

    −log p of the right class is log(1 + eᵗ) − y t, which overflows for no t.

    Examples
    --------
    >>> binary_h(np.array([0.0, 800.0]), np.array([0, 1]))  # half of log 2, and the other half of 0
    np.float64(0.346573...)
    """
    return np.mean(np.logaddexp(0.0, t) - y * t)


def softmax_h(t: Any, y: Codes) -> Any:
    """The cross-entropy as a function of the scores, for rows of class 0, 1, …, K − 1.

    −log p of the right class is log Σ exp t − t of that class. With the largest score taken out of the sum,
    it overflows for no t.

    Examples
    --------
    >>> softmax_h(np.zeros((2, 3)), np.array([0, 2]))  # log 3
    np.float64(1.098612...)
    """
    top = np.max(t, axis=1)
    right = t[np.arange(len(y)), y]
    return np.mean(top + np.log(np.sum(np.exp(t - top[:, None]), axis=1)) - right)


def binary_cross_entropy(params: Params, X: Matrix, y: Codes) -> Any:
    """h = cross-entropy of σ(Xw + b).

    Examples
    --------
    >>> binary_cross_entropy({"w": np.zeros(2), "b": 0.0}, np.eye(2), np.array([0, 1]))  # log 2
    np.float64(0.693147...)
    """
    return binary_h(scores_of(params, X), y)


def cross_entropy(params: Params, X: Matrix, y: Codes) -> Any:
    """h = cross-entropy of the softmax of Xw + b.

    Examples
    --------
    >>> cross_entropy({"w": np.zeros((2, 3)), "b": np.zeros(3)}, np.eye(2), np.array([0, 2]))  # log 3
    np.float64(1.098612...)
    """
    return softmax_h(scores_of(params, X), y)


def with_penalty(loss: Loss, l2: float) -> Loss:
    """The loss and l2/2 ‖w‖²; the intercept is free, as in scikit-learn, where l2 is 1/(C S).

    Examples
    --------
    >>> penalised = with_penalty(binary_cross_entropy, 0.5)
    >>> penalised({"w": np.array([2.0]), "b": 0.0}, np.zeros((1, 1)), np.array([0])) - np.log(2)
    np.float64(1.0)
    """
    if l2 == 0:
        return loss

    def penalised(params: Params, X: Matrix, y: Codes) -> Any:
        return loss(params, X, y) + 0.5 * l2 * np.sum(params["w"] ** 2)

    return penalised


def objective(classes: int, l2: float = 0.0) -> Loss:
    """The loss for so many classes, with its penalty."""
    return with_penalty(binary_cross_entropy if classes == 2 else cross_entropy, l2)


def start(features: int, classes: int) -> Params:
    """Parameters of zeros, by which all classes are equally likely.

    Examples
    --------
    >>> start(2, 2)
    {'w': array([0., 0.]), 'b': 0.0}
    """
    if classes == 2:
        return {"w": np.zeros(features), "b": 0.0}
    return {"w": np.zeros((features, classes)), "b": np.zeros(classes)}


# --- probabilities
def log_probabilities(params: Params, X: Matrix) -> Matrix:
    """The logarithm of the probability of each class, in columns; never −inf for finite scores.

    Examples
    --------
    >>> log_probabilities({"w": np.array([1.0]), "b": 0.0}, np.array([[-1000.0]]))
    array([[    0., -1000.]])
    """
    t = np.asarray(scores_of(params, X))
    if t.ndim == 1:
        return np.column_stack([-np.logaddexp(0.0, t), -np.logaddexp(0.0, -t)])
    below = t - t.max(axis=1, keepdims=True)
    logarithms: Matrix = below - np.log(np.exp(below).sum(axis=1, keepdims=True))
    return logarithms


def probabilities(params: Params, X: Matrix) -> Matrix:
    """The probability of each class, in columns.

    Examples
    --------
    >>> probabilities(start(1, 2), np.array([[3.0]]))
    array([[0.5, 0.5]])
    """
    return np.exp(log_probabilities(params, X))


# --- how long a step may be
def safe_step(X: Matrix, classes: int, l2: float = 0.0, batch_size: int | None = None) -> float:
    """A step to begin with: 1/L for the full gradient, and less for batches.

    The Hessian is bounded by L everywhere, so that a step of 1/L descends always. A batch can be more curved
    than all rows: about :func:`nazad.descent.smoothness.expected_smoothness`, here with the mean curvature of
    single rows in place of the largest. One over that is a start and no proof:
    :class:`nazad.learn.halving.Halving` lets it shrink.

    Examples
    --------
    >>> X = np.array([[1.0], [-1.0]])
    >>> safe_step(X, 2), safe_step(X, 2, batch_size=1)
    (4.0, 2.0)
    """
    L = logistic_smoothness(X, classes).upper
    alone = (0.25 if classes == 2 else 0.5) * (1 + float(np.mean(np.sum(X**2, axis=1))))
    least = Batches.of(X, batch_size, rng=0).least
    return 1 / (expected_smoothness(len(X), least, L, alone) + l2)


# --- the lecture's derivatives
class Jacobians(NamedTuple):
    """The derivatives ∂h/∂t, ∂h/∂w and ∂h/∂b of the cross-entropy, by name."""

    t: Matrix
    w: Matrix
    b: Matrix


def closed_jacobians(params: Params, X: Matrix, y: Codes) -> Jacobians:
    """The derivatives by the lecture's closed forms, without backpropagation.

    ∂h/∂t = −(y − σ(Xw + b))ᵀ/S, ∂h/∂w = ∂h/∂t · X and ∂h/∂b = ∂h/∂t · 1; with more than two classes, y is
    the matrix whose rows have a one at the right class, and σ is softmax.

    Examples
    --------
    >>> params, X, y = start(1, 2), np.array([[1.0], [3.0]]), np.array([0, 1])
    >>> closed_jacobians(params, X, y)
    Jacobians(t=array([ 0.25, -0.25]), w=array([-0.5]), b=...0.0...)
    """
    p = probabilities(params, X)
    rest = p.copy()
    rest[np.arange(len(y)), y] -= 1.0
    t = (rest if np.ndim(params["w"]) == 2 else rest[:, 1]) / len(y)
    return Jacobians(t, X.T @ t, np.sum(t, axis=0))


def jacobians(params: Params, X: Matrix, y: Codes) -> Jacobians:
    """The same derivatives by backpropagation.

    Examples
    --------
    >>> params, X, y = start(1, 2), np.array([[1.0], [3.0]]), np.array([0, 1])
    >>> jacobians(params, X, y)
    Jacobians(t=array([ 0.25, -0.25]), w=array([-0.5]), b=...0.0...)
    """
    h_of_t, h = (binary_h, binary_cross_entropy) if np.ndim(params["w"]) == 1 else (softmax_h, cross_entropy)
    gradient = grad(h)(params, X, y)
    return Jacobians(grad(h_of_t)(np.asarray(scores_of(params, X)), y), gradient["w"], gradient["b"])
