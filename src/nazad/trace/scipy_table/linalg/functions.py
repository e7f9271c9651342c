"""Functions of matrices: those of SciPy's that are made of exponentials are made of them here."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from nazad.graph import Value, dtype_of
from nazad.ops import linalg
from nazad.ops.scipy_linalg import functions
from nazad.trace.numpy_table.normal import array
from nazad.trace.scipy_table.linalg.entry import rule


@rule(scipy.linalg.expm)
def _expm(A: Value) -> Any:
    return functions.expm(array(A))


rule(scipy.linalg.logm)(lambda A: functions.logm(array(A)))
rule(scipy.linalg.sqrtm)(lambda A: functions.sqrtm(array(A)))
rule(scipy.linalg.signm)(lambda A: functions.signm(array(A)))


@rule(scipy.linalg.expm_frechet)
def _expm_frechet(A: Value, E: Value, compute_expm: bool = True) -> Any:
    derivative = functions.frechet(array(A), array(E), of="expm")
    return (_expm(A), derivative) if compute_expm else derivative


@rule(scipy.linalg.fractional_matrix_power)
def _fractional_matrix_power(A: Value, t: float) -> Any:
    if t == int(t):
        return np.linalg.matrix_power(array(A), int(t))
    return functions.fractional_matrix_power(array(A), t=t)


# --- trigonometric and hyperbolic
@rule(scipy.linalg.cosm)
def _cosm(A: Value) -> Any:
    A = array(A)
    if dtype_of(A).kind != "c":
        return _expm(1j * A).real
    return 0.5 * (_expm(1j * A) + _expm(-1j * A))


@rule(scipy.linalg.sinm)
def _sinm(A: Value) -> Any:
    A = array(A)
    if dtype_of(A).kind != "c":
        return _expm(1j * A).imag
    return -0.5j * (_expm(1j * A) - _expm(-1j * A))


@rule(scipy.linalg.coshm)
def _coshm(A: Value) -> Any:
    return 0.5 * (_expm(A) + _expm(-array(A)))


@rule(scipy.linalg.sinhm)
def _sinhm(A: Value) -> Any:
    return 0.5 * (_expm(A) - _expm(-array(A)))


rule(scipy.linalg.tanm)(lambda A: linalg.systems.solve(_cosm(A), _sinm(A)))
rule(scipy.linalg.tanhm)(lambda A: linalg.systems.solve(_coshm(A), _sinhm(A)))
