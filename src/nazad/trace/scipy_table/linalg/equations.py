"""Matrix equations: Sylvester's and Lyapunov's."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from nazad.graph import Value, shape_of
from nazad.ops.linalg.matrices import adjoint, conj, eye
from nazad.ops.scipy_linalg import equations
from nazad.trace.numpy_table.normal import array
from nazad.trace.scipy_table.linalg.entry import rule


@rule(scipy.linalg.solve_sylvester)
def _solve_sylvester(a: Value, b: Value, q: Value) -> Any:
    return equations.solve_sylvester(array(a), array(b), array(q))


@rule(scipy.linalg.solve_continuous_lyapunov)
def _solve_continuous_lyapunov(a: Value, q: Value) -> Any:
    A = array(a)
    return equations.solve_sylvester(A, adjoint(A), array(q))


@rule(scipy.linalg.solve_discrete_lyapunov)
def _solve_discrete_lyapunov(a: Value, q: Value, method: Any = None) -> Any:
    """Directly, or by a bilinear change to a continuous one; as SciPy chooses."""
    A, Q = array(a), array(q)
    n = shape_of(A)[0]
    if method == "direct" or (method is None and n < 10):
        kron = np.kron(A, conj(A))
        return np.reshape(np.linalg.solve(np.eye(n * n) - kron, np.ravel(Q)), (n, n))
    back = adjoint(A)
    right = np.linalg.inv(back + eye(A))
    left = (back - eye(A)) @ right
    middle = 2 * (np.linalg.inv(A + eye(A)) @ Q) @ right
    return _solve_continuous_lyapunov(adjoint(left), -middle)
