"""What the two passes cost: operations, bytes and time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from nazad.graph import Graph, Node, Value
from nazad.trace import Arguments, run

_SHORT = 0.05  # seconds that the repetitions may take
_MOST = 50  # repetitions
_PYTHONS = 2e-5  # seconds of an operation below which it is Python that is measured


class Cost(NamedTuple):
    """Operations, bytes and time of the two passes.

    Attributes
    ----------
    forward, backward : int
        Operations of the graph, and those that its derivative needs besides.
    value, value_and_grad : float
        Seconds of Forward alone and of both passes, both interpreted on the same graph: the shortest of a
        few repetitions.
    bytes : int
        Of all values that Forward holds.
    """

    forward: int
    backward: int
    value: float
    value_and_grad: float
    bytes: int

    @property
    def ratio(self) -> float:
        """How many times longer value and gradient take than the value; at most 4, counted in operations of
        numbers (Baur and Strassen; Griewank)."""
        return self.value_and_grad / self.value

    @property
    def is_small(self) -> bool:
        """Whether an operation takes so little time that Python's own share in it is most."""
        return self.value < _PYTHONS * max(self.forward, 1)


def measure(graph: Graph, F: Mapping[Node, Value], seed: Value) -> Cost:
    """Count the operations, and run both passes a few times.

    Examples
    --------
    >>> import nazad as nz
    >>> G = nz.trace(lambda x: np.sin(x) * x, 2.0)
    >>> cost = measure(G, G.forward([2.0]), 1.0)
    >>> cost.forward, cost.backward, cost.ratio > 1
    (2, 5, True)
    """
    values = [F[x] for x in graph.leaves]

    def forward() -> Any:
        return graph.forward(values)

    def both() -> Any:
        return graph.backward(graph.forward(values), seed, wrt=graph.leaves)

    with np.errstate(all="ignore"):
        count = backward_operations(graph, values, seed)
        once, twice = _shortest(forward, both)
    return Cost(graph.operations, count, once, twice, _bytes(F))


def backward_operations(graph: Graph, values: list[Value], seed: Value) -> int:
    """How many operations the graph of value and gradient has beyond those of the value."""

    def value_and_grad(*xs: Value) -> Any:
        F = graph.forward(xs)
        B = graph.backward(F, seed, wrt=graph.leaves)
        return [F[graph.sinks[0]], *(B[x] for x in graph.leaves)]

    whole = run(value_and_grad, Arguments.of(tuple(values), [f"x{k}" for k in range(len(values))]))
    return whole.graph.without_dead().operations - graph.operations


def _shortest(*jobs: Callable[[], Any]) -> list[float]:
    """The shortest time of each, taking turns."""
    best, start = [float("inf")] * len(jobs), time.perf_counter()
    for _ in range(_MOST):
        for k, job in enumerate(jobs):
            began = time.perf_counter()
            job()
            best[k] = min(best[k], time.perf_counter() - began)
        if time.perf_counter() - start > _SHORT:
            break
    return [max(t, 1e-9) for t in best]


def _bytes(F: Mapping[Node, Value]) -> int:
    """Of every value once; a view holds what it is a view of."""
    held = {}
    for value in F.values():
        whole = value
        while isinstance(whole, np.ndarray) and isinstance(whole.base, np.ndarray):
            whole = whole.base
        held[id(whole)] = getattr(whole, "nbytes", 8)
    return sum(held.values())
