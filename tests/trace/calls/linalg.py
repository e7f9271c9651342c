"""Sample calls of ``numpy.linalg``."""

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
P = S @ S.T + np.diag([1.0, 2.0, 3.0])
S6 = rng.uniform(0.5, 2.0, (6, 6))
NORMS = ("fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf)

DERIVATIVE: dict[str, list[Call]] = {
    "np.linalg.solve": [
        (lambda x: np.linalg.solve(x, v[:3]), P),
        (lambda x: np.linalg.solve(P, x), A),
        (lambda x: np.linalg.solve(x + P, np.ones((2, 3, 2))), S),
    ],
    "np.linalg.inv": [(np.linalg.inv, P), (lambda x: np.linalg.inv(x[:, :, :3] + 2 * np.eye(3)), T)],
    "np.linalg.det": [(np.linalg.det, S), (np.linalg.det, np.outer([1.0, 2.0, 3.0], [2.0, 1.0, 0.5]))],
    "np.linalg.slogdet": [(lambda x: np.linalg.slogdet(x).logabsdet, S), (np.linalg.slogdet, T[:, :, :3])],
    "np.linalg.cholesky": [(np.linalg.cholesky, P), (lambda x: np.linalg.cholesky(x, upper=True), P)],
    "np.linalg.qr": [
        (lambda x: np.linalg.qr(x).R, A),
        (lambda x: np.linalg.qr(x)[0], B),
        (lambda x: np.linalg.qr(x, "r"), A.T),
        (lambda x: np.linalg.qr(x, mode="complete")[1], B),
    ],
    "np.linalg.eig": [(lambda x: np.abs(np.linalg.eig(x)[0]), S), (lambda x: np.linalg.eig(x)[1].real, P)],
    "np.linalg.eigvals": [(lambda x: np.abs(np.linalg.eigvals(x)), S), (np.linalg.eigvals, P)],
    "np.linalg.eigh": [(np.linalg.eigh, P), (lambda x: np.linalg.eigh(x, UPLO="U").eigenvectors, S)],
    "np.linalg.eigvalsh": [(np.linalg.eigvalsh, P), (lambda x: np.linalg.eigvalsh(x, "U"), T[:, :, :3])],
    "np.linalg.svd": [
        (lambda x: np.linalg.svd(x, full_matrices=False), A),
        (lambda x: np.linalg.svd(x).S, B),
        (lambda x: np.linalg.svd(x, compute_uv=False), T),
        (lambda x: np.linalg.svd(x, hermitian=True), P - 2 * np.eye(3)),
        (lambda x: np.linalg.svd(x, compute_uv=False, hermitian=True), P),
    ],
    "np.linalg.svdvals": [(np.linalg.svdvals, T)],
    "np.linalg.pinv": [
        (np.linalg.pinv, A),
        (lambda x: np.linalg.pinv(x, rtol=1e-10), T),
        (lambda x: np.linalg.pinv(x, hermitian=True), P),
    ],
    "np.linalg.lstsq": [
        (lambda x: np.linalg.lstsq(x, A[0])[:2], B),
        (lambda x: np.linalg.lstsq(x, A)[3], S),
        (lambda x: np.linalg.lstsq(A, x, rcond=-1)[0], S),
        (lambda x: np.linalg.lstsq(B, x, rcond=1e-9)[1], A.T),
    ],
    "np.linalg.matrix_power": [
        *[(lambda x, n=n: np.linalg.matrix_power(x, n), P) for n in (0, 1, 2, 3, 6, -1, -2)],
    ],
    "np.linalg.multi_dot": [
        (lambda x: np.linalg.multi_dot([A, x, S[0, :2]]), B),
        (lambda x: np.linalg.multi_dot([x, A.T[:, :3], S, A]), v),
        (lambda x: np.linalg.multi_dot([v, x, B.T, v]), B),
    ],
    "np.linalg.cond": [
        (np.linalg.cond, P),
        (lambda x: np.linalg.cond(x, -2), A),
        (lambda x: np.linalg.cond(x, 1), P),
        (lambda x: np.linalg.cond(x, "fro"), P),
    ],
    "np.linalg.tensorsolve": [
        (lambda x: np.linalg.tensorsolve(np.reshape(x, (3, 2, 6)), A[:, :2]), S6),
        (lambda x: np.linalg.tensorsolve(np.reshape(S6, (2, 6, 3)), x, axes=(0,)), S6[0]),
    ],
    "np.linalg.tensorinv": [(lambda x: np.linalg.tensorinv(np.reshape(x, (6, 3, 2)), ind=1), S6)],
    "np.linalg.cross": [(lambda x: np.linalg.cross(x, S, axis=0), S)],
    "np.linalg.vecdot": [(lambda x: np.linalg.vecdot(x, A, axis=0), A)],
    "np.linalg.matmul": [(lambda x: np.linalg.matmul(x, B), A)],
    "np.linalg.tensordot": [(lambda x: np.linalg.tensordot(x, T, axes=([0], [1])), A)],
    "np.linalg.matrix_transpose": [(np.linalg.matrix_transpose, T)],
    "np.linalg.norm": [
        (np.linalg.norm, T),
        (lambda x: np.linalg.norm(x, axis=1), A),
        *[(lambda x, p=p: np.linalg.norm(x, p), v) for p in (None, 2, 1, 3, 0.5, -1, np.inf, -np.inf)],
        *[(lambda x, p=p: np.linalg.norm(x, p), A) for p in NORMS],
        *[(lambda x, p=p: np.linalg.norm(x, p, axis=(2, 0), keepdims=True), T) for p in NORMS],
    ],
    "np.linalg.vector_norm": [
        (np.linalg.vector_norm, T),
        (lambda x: np.linalg.vector_norm(x, axis=(0, 2), ord=3), T),
        (lambda x: np.linalg.vector_norm(x, axis=1, ord=np.inf, keepdims=True), T),
    ],
    "np.linalg.matrix_norm": [
        (np.linalg.matrix_norm, T),
        (lambda x: np.linalg.matrix_norm(x, ord="nuc", keepdims=True), T),
    ],
    "np.linalg.outer": [(lambda x: np.linalg.outer(x, v), v)],
    "np.linalg.trace": [(lambda x: np.linalg.trace(x, offset=1), T)],
    "np.linalg.diagonal": [(lambda x: np.linalg.diagonal(x, offset=1), T)],
}

VALUES: dict[str, list[Call]] = {
    "np.linalg.matrix_rank": [
        (np.linalg.matrix_rank, A),
        (lambda x: np.linalg.matrix_rank(x, tol=2.0), T),
        (lambda x: np.linalg.matrix_rank(np.outer(x, x), hermitian=True), v),
        (lambda x: np.linalg.matrix_rank(x, rtol=0.5), v),
    ],
}
