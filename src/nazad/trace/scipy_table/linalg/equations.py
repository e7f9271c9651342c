"""Matrix equations: Sylvester's, Lyapunov's and Riccati's."""

from __future__ import annotations

from typing import Any

import scipy.linalg

from nazad.graph import Value
from nazad.ops.scipy_linalg import equations
from nazad.trace.numpy_table.normal import array
from nazad.trace.scipy_table.linalg.entry import rule


@rule(scipy.linalg.solve_sylvester)
def _solve_sylvester(a: Value, b: Value, q: Value) -> Any:
    return equations.solve_sylvester(array(a), array(b), array(q))


@rule(scipy.linalg.solve_continuous_lyapunov)
def _solve_continuous_lyapunov(a: Value, q: Value) -> Any:
    return equations.continuous_lyapunov(array(a), array(q))


@rule(scipy.linalg.solve_discrete_lyapunov)
def _solve_discrete_lyapunov(a: Value, q: Value, method: str | None = None) -> Any:
    return equations.discrete_lyapunov(array(a), array(q), None if method is None else method == "direct")


@rule(scipy.linalg.solve_continuous_are)
def _solve_continuous_are(a: Value, b: Value, q: Value, r: Value) -> Any:
    return equations.continuous_are(*map(array, (a, b, q, r)))


@rule(scipy.linalg.solve_discrete_are)
def _solve_discrete_are(a: Value, b: Value, q: Value, r: Value) -> Any:
    return equations.discrete_are(*map(array, (a, b, q, r)))
