"""Fourier transforms along one axis: linear, and each the transpose of one of them.

The matrix of ``fft`` is symmetric, and so is its inverse: both are their own transposes. ``rfft`` keeps one
of each pair of conjugate coefficients, and ``irfft`` takes each for two; so they are each other's transposes,
but for a factor of two wherever there is a pair, and for the direction. What NumPy offers besides, in several
dimensions, padded, cut or shifted, is made of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nazad.graph import Value, dtype_of, rank_of, shape_of
from nazad.graph.primitive import Params
from nazad.ops.families import Linear

OTHER_WAY = {"backward": "forward", "ortho": "ortho", "forward": "backward"}
"""The norm by which a transform in the other direction is scaled alike."""


def _next_axis(op: Linear, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
    return op(xs[0], **(params | {"axis": params["axis"] + 1}))


def _coefficients(half: Value, n: int, axis: int, of_a_pair: float) -> Any:
    """For each coefficient that ``rfft`` gives of n numbers: a factor if it stands for a pair, else one."""
    factors = np.full(n // 2 + 1, of_a_pair, dtype_of(half.real))
    factors[0] = 1
    if n % 2 == 0:
        factors[-1] = 1
    return factors.reshape((-1, *(1,) * (rank_of(half) - axis - 1)))


def _rfft_transpose(y_bar: Value, x: Value, axis: int, norm: str) -> Value:
    n = shape_of(x)[axis]
    half = np.conjugate(y_bar) * _coefficients(y_bar, n, axis, 0.5)
    return irfft(half, n=n, axis=axis, norm=OTHER_WAY[norm])


def _irfft_transpose(y_bar: Value, x: Value, n: int, axis: int, norm: str) -> Value:
    half = np.conjugate(rfft(y_bar, axis=axis, norm=OTHER_WAY[norm]))
    return half * _coefficients(half, n, axis, 2.0)


fft: Linear = Linear(
    "fft",
    lambda x, axis, norm: np.fft.fft(x, axis=axis, norm=norm),
    lambda y_bar, x, axis, norm: fft(y_bar, axis=axis, norm=norm),
    batch=_next_axis,
)
ifft: Linear = Linear(
    "ifft",
    lambda x, axis, norm: np.fft.ifft(x, axis=axis, norm=norm),
    lambda y_bar, x, axis, norm: ifft(y_bar, axis=axis, norm=norm),
    batch=_next_axis,
)
rfft = Linear(
    "rfft", lambda x, axis, norm: np.fft.rfft(x, axis=axis, norm=norm), _rfft_transpose, batch=_next_axis
)
irfft = Linear(
    "irfft",
    lambda x, n, axis, norm: np.fft.irfft(x, n, axis=axis, norm=norm),
    _irfft_transpose,
    batch=_next_axis,
)
