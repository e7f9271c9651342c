"""The adjoint identity ⟨ȳ, J ẋ⟩ = ⟨Jᵀ ȳ, ẋ⟩ between forward and reverse mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad.graph import Node, Value, dtype_of, shape_of, total
from nazad.ops.families import chain
from nazad.testing.point import Point, is_float, length, numbers, precision, real_sinks, row
from nazad.trace import Run
from nazad.transform.forward import pushforward

_SAFETY = 64  # times the first-order estimate of rounding: long sums have more of it
_LOCAL = 1e-2  # the part by which the two sides may differ, for a node to be to blame, is √ε at least


class AdjointIdentity(NamedTuple):
    """Both sides of the identity for random ȳ and ẋ. Made by :func:`adjoint_identity`.

    Attributes
    ----------
    pushed : float
        ⟨ȳ, J ẋ⟩, with J ẋ by forward mode.
    pulled : float
        ⟨Jᵀ ȳ, ẋ⟩, with Jᵀ ȳ by backpropagation.
    rounding : float
        By how much rounding may make them differ.
    """

    pushed: float
    pulled: float
    rounding: float

    @property
    def holds(self) -> bool:
        """Whether they are equal to rounding; so are two that are not finite."""
        if not (np.isfinite(self.pushed) and np.isfinite(self.pulled)):
            return not np.isfinite(self.pushed) and not np.isfinite(self.pulled)
        return abs(self.pushed - self.pulled) <= self.rounding

    def __str__(self) -> str:
        sign = "=" if self.holds else "≠"
        pulled = f"{self.pulled:.15g} = ⟨Jᵀ ȳ, ẋ⟩"
        return f"⟨ȳ, J ẋ⟩ = {self.pushed:.15g} {sign} {pulled} (rounding {self.rounding:.1e})"


def adjoint_identity(
    f: Callable[..., Any], *primals: Any, rng: np.random.Generator | int | None = None, **kwargs: Any
) -> AdjointIdentity:
    """Hold forward mode to reverse mode: one linear map and its transpose, along random directions.

    Parameters
    ----------
    f : callable
        A function written in NumPy; it may return any structure of arrays.
    *primals : pytree of array_like
        The point. The identity is in the floating-point numbers among them, in the pairing Re(Σ x̄ ẋ).
    rng : numpy.random.Generator or seed, optional
        Where the directions come from.
    **kwargs
        Passed on to the function.

    Returns
    -------
    AdjointIdentity
        Both sides, and what rounding may do.

    Notes
    -----
    Rounding at a node v with tangent v̇ and cotangent v̄ changes either side by about ε abs(v̄ · v̇); the sum
    of that over all nodes, with some safety, is what they may differ by. There is no tolerance to choose.

    Examples
    --------
    >>> import numpy as np
    >>> adjoint_identity(lambda A, x: np.tanh(A @ x), np.eye(3), np.ones(3), rng=0).holds
    True
    """
    point = Point.of(f, primals, kwargs, None)
    with np.errstate(all="ignore"):
        return identity(point.run(), np.random.default_rng(rng))


def identity(done: Run, rng: np.random.Generator) -> AdjointIdentity:
    """The identity for a traced function."""
    graph, F = done.graph, done.F
    y_bars = random_seeds(done, rng)
    x_dots = {leaf: _random_like(F[leaf], rng) for leaf in graph.leaves}
    dots = pushforward(graph, F, x_dots)
    B = graph.backward(F, y_bars, wrt=dots)
    pushed = sum(
        _dot(y_bar, dots[sink])
        for sink, y_bar in zip(graph.sinks, y_bars, strict=True)
        if y_bar is not None and sink in dots
    )
    pulled = sum(_dot(B[leaf], x_dot) for leaf, x_dot in x_dots.items())
    size = sum(
        float(np.sum(chain(np.abs(B[v]), np.abs(dots[v]))))  # what is not asked for may be nan
        for v in dots
        if type(F[v]) is not tuple and shape_of(B[v]) == shape_of(dots[v])
    )
    eps = precision(*(F[v] for v in dots))
    return AdjointIdentity(float(pushed), float(pulled), float(_SAFETY * eps * size))


def random_seeds(done: Run, rng: np.random.Generator) -> list[Value]:
    """A random cotangent for every real result, None for the others."""
    real = set(real_sinks(done))
    return [_random_like(done.F[sink], rng) if k in real else None for k, sink in enumerate(done.graph.sinks)]


def local_identity(
    v: Node, F: dict[Node, Value], moving: Sequence[int], rng: np.random.Generator
) -> AdjointIdentity:
    """The identity for one node at its recorded values, in those of its arguments that move."""
    y, xs = F[v], [F[p] for p in v.preds]
    y_bar = _random_like(y, rng)
    x_dots = [_random_like(x, rng) if i in moving else None for i, x in enumerate(xs)]
    y_dot = v.op.push(x_dots, y, xs, v.params)
    pulls = {i: pulled_share(v, i, y_bar, F) for i in moving}
    parts = [_dot(share, x_dots[i]) for i, share in pulls.items() if share is not None]
    pushed = 0.0 if y_dot is None else _dot(y_bar, y_dot)
    size = sum(map(abs, parts), abs(pushed))
    return AdjointIdentity(pushed, float(sum(parts)), _LOCAL * max(precision(y, *xs) ** 0.5, 1e-6) * size)


def pulled_share(v: Node, i: int, y_bar: Value, F: dict[Node, Value]) -> Value:
    """What a node hands to one argument, as an array; None for nothing."""
    return total_or_none(v.op.pull(i, y_bar, F[v], [F[p] for p in v.preds], v.params))


def total_or_none(share: Any) -> Value:
    return None if share is None else total([share])


def _random_like(x: Value, rng: np.random.Generator) -> Value:
    if type(x) is tuple:  # of an operation with several results
        return tuple([_random_like(each, rng) for each in x])
    dtype = dtype_of(x) if is_float(x) else np.dtype(float)
    drawn = numbers(rng.standard_normal(length(x)), x)
    return np.asarray(drawn, dtype)[()]


def _dot(a: Value, b: Value) -> float:
    if a is None or b is None:
        return 0.0
    if type(a) is tuple:
        return sum(map(_dot, a, b))
    return float(row(np.conjugate(a)) @ row(b))
