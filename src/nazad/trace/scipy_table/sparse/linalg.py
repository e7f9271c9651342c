"""The room of :mod:`scipy.sparse.linalg`: systems of equations with sparse matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import linalg

from nazad.errors import ShapeError, TraceError
from nazad.graph import Value, here, rank_of, shape_of
from nazad.ops.sparse import factored_solve, sparse_solve
from nazad.trace.scipy_table import method, rule
from nazad.trace.scipy_table.sparse.array import dense, handle, is_sparse


@rule(linalg.spsolve)
def _spsolve(A: Any, b: Any, permc_spec: Any = None, use_umfpack: bool = True) -> Value:
    if is_sparse(b):
        raise TraceError("spsolve with a sparse right side", "Give b.toarray().", here())
    x = _Factors(A).solve(b)
    return np.ravel(x) if rank_of(x) == 2 and shape_of(x)[1] == 1 else x  # as SciPy has it


class _Factors:
    """What ``splu`` returns, of a matrix with traced entries."""

    def __init__(self, A: Any, **options: Any) -> None:
        self.matrix = handle(A)
        if self.matrix.shape[0] != self.matrix.shape[1]:
            raise ShapeError(f"a matrix of shape {self.matrix.shape} is to be solved", "", here())

    def solve(self, rhs: Any, trans: str = "N") -> Value:
        form = self.matrix.by_rows()
        return sparse_solve(*form.parts, dense(rhs), transposed=form.transposed != (trans != "N"))


rule(linalg.splu)(_Factors)
rule(linalg.factorized)(lambda A: _Factors(A).solve)


@method(linalg.SuperLU, "solve")
def _solve_again(self: Any, rhs: Value, trans: str = "N") -> Value:
    return factored_solve(rhs, factors=self, transposed=trans != "N")


@rule(linalg.norm)
def _norm(x: Any, ord: Any = None, axis: Any = None) -> Value:
    if ord not in (None, "fro") or axis is not None:
        raise TraceError("a norm of a sparse matrix that is not Frobenius's", "Take A.toarray().", here())
    return np.linalg.norm(handle(x).summed().data)
