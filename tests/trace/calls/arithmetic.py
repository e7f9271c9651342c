"""Sample calls of products, polynomials, and what is done to every entry by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Call = tuple[Callable[[Any], Any], Any]

rng = np.random.default_rng(11)
A = rng.uniform(0.5, 2.0, (3, 4))
B = rng.uniform(0.5, 2.0, (4, 2))
S = rng.uniform(0.5, 2.0, (3, 3))
T = rng.uniform(0.5, 2.0, (2, 3, 4))
v = rng.uniform(0.5, 2.0, 4)
w = rng.uniform(0.5, 2.0, 4)
grid = np.array([0.0, 0.7, 1.3, 2.5])
gaps = A.copy()
gaps[0, 1] = gaps[2, 3] = np.nan

DERIVATIVE: dict[str, list[Call]] = {
    # products and polynomials
    "np.dot": [(lambda x: np.dot(x, B), A), (lambda x: np.dot(T, x), B)],
    "np.vdot": [(lambda x: np.vdot(x, A), A)],
    "np.inner": [(lambda x: np.inner(x, A), A), (lambda x: np.inner(x, v), v)],
    "np.outer": [(lambda x: np.outer(x, A), v)],
    "np.kron": [(lambda x: np.kron(x, B), A)],
    "np.tensordot": [
        (lambda x: np.tensordot(x, B, 1), A),
        (lambda x: np.tensordot(T, x, ((1, 2), (0, 1))), A),
    ],
    "np.einsum": [
        (lambda x: np.einsum("ij,jk", x, B), A),
        (lambda x: np.einsum("...ij,ij->...", T, x), A),
        (lambda x: np.einsum(x, [0, ...], [..., 0]), A),
        (lambda x: np.einsum("ii->i", x), S),
    ],
    "np.cross": [
        (lambda x: np.cross(x, S), S),
        (lambda x: np.cross(x, S, axisa=0, axisb=1, axisc=0), S),
        (lambda x: np.cross(x, S, axis=0), S),
    ],
    "np.convolve": [
        (lambda x: np.convolve(x, grid, "same"), v),
        (lambda x: np.convolve(v, x, "valid"), A[0, :2]),
        (lambda x: np.convolve(x, x), v),
    ],
    "np.correlate": [
        (lambda x: np.correlate(x, grid, "full"), v),
        (lambda x: np.correlate(x[:2], grid, "same"), v),
        (lambda x: np.correlate(grid, x), v[:2]),
    ],
    "np.polyval": [(lambda p: np.polyval(p, A), v), (lambda x: np.polyval(v, x), A)],
    "np.polyadd": [(lambda x: np.polyadd(x, B[:2, 0]), v)],
    "np.polysub": [(lambda x: np.polysub(B[:2, 0], x), v)],
    "np.polymul": [(lambda x: np.polymul(x, v), v)],
    "np.polydiv": [(lambda x: np.polydiv(x, B[:2, 0]), v), (lambda x: np.polydiv(v, x), B[:2, 0])],
    "np.polyder": [(lambda x: np.polyder(x, 2), v)],
    "np.polyint": [(lambda x: np.polyint(x, 2, [1.0, 2.0]), v), (lambda k: np.polyint(k * v, k=k), 1.5)],
    "np.poly": [(np.poly, v)],
    "np.roots": [
        (np.roots, np.array([1.0, -3.5, 3.0])),
        (lambda x: np.sort(np.abs(np.roots(x))), v),
        (lambda x: np.roots(np.concatenate([[0.0], x, [0.0]])).real, np.array([1.0, -3.5, 3.0])),
    ],
    "np.polyfit": [
        (lambda x: np.polyfit(grid, x, 1, cov=True), v),
        (lambda x: np.polyfit(x, A.T, 2, w=v), grid),
        (lambda w: np.polyfit(grid, v, 1, w=w, full=True)[1], v),
        (lambda x: np.polyfit(grid, x, 1, cov="unscaled"), v),
    ],
    "np.vander": [(lambda x: np.vander(x, 3), v), (lambda x: np.vander(x, increasing=True), v)],
    # every entry by itself
    "np.clip": [(lambda x: np.clip(x, 0.8, 1.4), A), (lambda x: np.clip(x, max=1.1), A)],
    "np.sinc": [(np.sinc, A)],
    "np.i0": [(np.i0, A)],
    "np.nan_to_num": [(lambda x: np.nan_to_num(x, nan=3.0, posinf=1.0, neginf=2.0), gaps)],
    "np.real": [(np.real, A)],
    "np.conjugate": [(np.conjugate, A)],
    "np.real_if_close": [(np.real_if_close, A)],
    "np.imag": [(np.imag, A)],
    "np.angle": [(lambda x: np.angle(x, deg=True), A)],
    # between two ends
    "np.linspace": [
        (lambda x: np.linspace(x, 3.0, 4), 0.5),
        (lambda x: np.linspace(v, x, 3, endpoint=False, retstep=True, axis=1), 2 * v),
    ],
    "np.logspace": [(lambda x: np.logspace(0.2, x, 4), 0.9), (lambda b: np.logspace(v, 1.0, 3, base=b), 2.0)],
    "np.geomspace": [(lambda x: np.geomspace(x, 9.0, 4), 0.5), (lambda x: np.geomspace(-v, x, 3), -3 * v)],
    # where the real functions end
    "np.emath.sqrt": [(np.emath.sqrt, A)],
    "np.emath.log": [(np.emath.log, A)],
    "np.emath.log2": [(np.emath.log2, A)],
    "np.emath.log10": [(np.emath.log10, A)],
    "np.emath.logn": [(lambda x: np.emath.logn(x, 3.0), 2.0)],
    "np.emath.power": [(lambda x: np.emath.power(x, 1.5), A)],
    "np.emath.arccos": [(np.emath.arccos, A / 3)],
    "np.emath.arcsin": [(np.emath.arcsin, A / 3)],
    "np.emath.arctanh": [(np.emath.arctanh, A / 3)],
    # ufuncs that are not one elementwise primitive
    "np.divmod": [(lambda x: np.divmod(x, 0.7)[1], A)],
    "np.modf": [(lambda x: np.modf(x)[0], A)],
    "np.frexp": [(lambda x: np.frexp(x)[0], A)],
    "np.matmul": [
        (lambda x: np.matmul(x, B), A),
        (lambda x: np.matmul(x, S, axes=[(1, 0), (0, 1), (0, 1)]), S),
    ],
    "np.vecdot": [(lambda x: np.vecdot(x, A), A), (lambda x: np.vecdot(x, A, axis=0), A)],
    "np.matvec": [(lambda x: np.matvec(x, v), A)],
    "np.vecmat": [(lambda x: np.vecmat(v, x), B)],
}

VALUES: dict[str, list[Call]] = {}
