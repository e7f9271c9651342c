"""Sample calls of functions whose values are whole numbers, truths or steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Call = tuple[Callable[[Any], Any], Any]

rng = np.random.default_rng(11)
A = rng.uniform(0.5, 2.0, (3, 4))
B = rng.uniform(0.5, 2.0, (4, 2))
S = rng.uniform(0.5, 2.0, (3, 3))
v = rng.uniform(0.5, 2.0, 4)
mask = A > 1.2
grid = np.array([0.0, 0.7, 1.3, 2.5])
gaps = A.copy()
gaps[0, 1] = gaps[2, 3] = np.nan

DERIVATIVE: dict[str, list[Call]] = {}

VALUES: dict[str, list[Call]] = {
    "np.all": [(lambda x: np.all(x > 0.6, 1), A), (lambda x: np.all(x > 1, where=mask), A)],
    "np.any": [(lambda x: np.any(x > 1.8, 1), A), (lambda x: np.any(x > 1, axis=0, where=mask), A)],
    "np.count_nonzero": [(lambda x: np.count_nonzero(x > 1, axis=0), A)],
    "np.argmax": [(np.argmax, A), (lambda x: np.argmax(x, axis=1, keepdims=True), A)],
    "np.argmin": [(lambda x: np.argmin(x, 0), A)],
    "np.nanargmax": [(lambda x: np.nanargmax(x, 1), gaps)],
    "np.nanargmin": [(np.nanargmin, gaps)],
    "np.argsort": [(lambda x: np.argsort(x, 0), A), (lambda x: np.argsort(x, axis=None), A)],
    "np.argpartition": [(lambda x: np.argpartition(x, 1, 1), A)],
    "np.lexsort": [(lambda x: np.lexsort((x[0], np.round(x[1]))), A), (lambda x: np.lexsort(x), A)],
    "np.searchsorted": [
        (lambda x: np.searchsorted(grid, x, "right"), A),
        (lambda x: np.searchsorted(x, 1.0), grid),
    ],
    "np.digitize": [
        (lambda x: np.digitize(x, grid), A),
        (lambda x: np.digitize(x, grid[::-1], right=True), A),
    ],
    "np.nonzero": [(lambda x: np.nonzero(x > 1), A)],
    "np.flatnonzero": [(lambda x: np.flatnonzero(x > 1), A)],
    "np.argwhere": [(lambda x: np.argwhere(x > 1), A)],
    "np.ix_": [(lambda x: np.ix_(x > 1, [0, 2]), v)],
    "np.isin": [(lambda x: np.isin(x, [v[1], 7.0]), v), (lambda x: np.isin(x, v[2:], invert=True), v)],
    "np.round": [(lambda x: np.round(x, 1), A), (lambda x: np.round(100 * x, -1), A)],
    "np.around": [(np.around, A)],
    "np.fix": [(np.fix, A)],
    "np.isreal": [(np.isreal, A)],
    "np.iscomplex": [(np.iscomplex, A)],
    "np.isposinf": [(lambda x: np.isposinf(x / 0.0), v)],
    "np.isneginf": [(lambda x: np.isneginf(x / 0.0), v)],
    "np.isclose": [(lambda x: np.isclose(x, A), A), (lambda x: np.isclose(x, gaps, equal_nan=True), gaps)],
    "np.allclose": [(lambda x: np.allclose(x, A), A)],
    "np.array_equal": [(lambda x: np.array_equal(x, gaps, equal_nan=True), gaps)],
    "np.array_equiv": [(lambda x: np.array_equiv(x, A), v)],
    "np.shape": [(np.shape, A)],
    "np.ndim": [(np.ndim, A)],
    "np.size": [(np.size, A), (lambda x: np.size(x, 1), A)],
    "np.iscomplexobj": [(np.iscomplexobj, A)],
    "np.isrealobj": [(np.isrealobj, A)],
    "np.zeros_like": [(np.zeros_like, A)],
    "np.ones_like": [(lambda x: np.ones_like(x, shape=3), A)],
    "np.empty_like": [(lambda x: np.shape(np.empty_like(x)), A)],
    "np.result_type": [(lambda x: np.result_type(x, np.float32).itemsize, A)],
    "np.common_type": [(lambda x: np.dtype(np.common_type(x, v)).itemsize, A)],
    "np.min_scalar_type": [(lambda x: np.min_scalar_type(x).itemsize, A)],
    "np.can_cast": [(lambda x: np.can_cast(x, np.float32), A)],
    "np.array_str": [(lambda x: len(np.array_str(x)), A)],
    "np.array_repr": [(lambda x: len(np.array_repr(x)), A)],
    "np.array2string": [(lambda x: len(np.array2string(x, precision=2)), A)],
    "np.einsum_path": [(lambda x: len(np.einsum_path("ij,jk", x, B)[0]), A)],
    "np.diag_indices_from": [(np.diag_indices_from, S)],
    "np.tril_indices_from": [(lambda x: np.tril_indices_from(x, 1), A)],
    "np.triu_indices_from": [(np.triu_indices_from, A)],
    "np.unravel_index": [(lambda x: np.unravel_index(np.argmax(x), x.shape), A)],
    "np.ravel_multi_index": [(lambda x: np.ravel_multi_index((np.argmax(x, 0), [0, 1, 2, 3]), (3, 4)), A)],
    "np.packbits": [
        (lambda x: np.packbits(x > 1, axis=1), A),
        (lambda x: np.packbits(x > 1, bitorder="little"), A),
    ],
    "np.unpackbits": [(lambda x: np.unpackbits(np.packbits(x > 1), count=12), A)],
    # functions that need no rule
    "np.bartlett": [(lambda x: np.bartlett(len(x)), A)],
    "np.blackman": [(lambda x: np.blackman(len(x)), A)],
    "np.hamming": [(lambda x: np.hamming(len(x)), A)],
    "np.hanning": [(lambda x: np.hanning(len(x)), A)],
    "np.broadcast_shapes": [(lambda x: np.broadcast_shapes(x.shape, (3, 1)), A)],
    "np.promote_types": [(lambda x: np.promote_types(x.dtype, np.float32).itemsize, A)],
    "np.isdtype": [(lambda x: np.isdtype(x.dtype, "real floating"), A)],
    "np.issubdtype": [(lambda x: np.issubdtype(x.dtype, np.integer), A)],
    "np.typename": [(lambda x: len(np.typename(x.dtype.char)), A)],
    "np.mintypecode": [(lambda x: len(np.mintypecode([x.dtype.char])), A)],
    "np.isscalar": [(lambda x: np.isscalar(x), A)],
    "np.iterable": [(lambda x: np.iterable(x), A)],
    "np.diag_indices": [(lambda x: np.diag_indices(len(x)), A)],
    "np.tril_indices": [(lambda x: np.tril_indices(len(x)), A)],
    "np.triu_indices": [(lambda x: np.triu_indices(len(x)), A)],
    "np.mask_indices": [(lambda x: np.mask_indices(len(x), np.triu), A)],
    "np.indices": [(lambda x: np.indices(x.shape), A)],
    "np.eye": [(lambda x: np.eye(len(x)), A)],
    "np.identity": [(lambda x: np.identity(len(x)), A)],
    "np.tri": [(lambda x: np.tri(len(x), 4), A)],
}
