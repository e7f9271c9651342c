"""Sample calls of functions that move entries about, join arrays and take them apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Call = tuple[Callable[[Any], Any], Any]

rng = np.random.default_rng(11)
A = rng.uniform(0.5, 2.0, (3, 4))
S = rng.uniform(0.5, 2.0, (3, 3))
T = rng.uniform(0.5, 2.0, (2, 3, 4))
v = rng.uniform(0.5, 2.0, 4)
mask = A > 1.2
some = np.array([True, False, True, True])
grid = np.array([0.0, 0.7, 1.3, 2.5])
PADDING = ("edge", "reflect", "symmetric", "wrap", "maximum", "mean", "median", "minimum", "linear_ramp")

DERIVATIVE: dict[str, list[Call]] = {
    # shapes
    "np.reshape": [(lambda x: np.reshape(x, (2, -1)), A), (lambda x: np.reshape(x, (4, 3), order="F"), A)],
    "np.ravel": [(np.ravel, A)],
    "np.transpose": [(lambda x: np.transpose(x, (1, 2, 0)), T)],
    "np.permute_dims": [(lambda x: np.permute_dims(x, (1, 2, 0)), T)],
    "np.matrix_transpose": [(np.matrix_transpose, T)],
    "np.swapaxes": [(lambda x: np.swapaxes(x, 0, 2), T)],
    "np.moveaxis": [(lambda x: np.moveaxis(x, 0, -1), T)],
    "np.rollaxis": [(lambda x: np.rollaxis(x, 2), T)],
    "np.expand_dims": [(lambda x: np.expand_dims(x, (0, 2)), A)],
    "np.squeeze": [(lambda x: np.squeeze(x[None]), A)],
    "np.broadcast_to": [(lambda x: np.broadcast_to(x, (2, 4)), v)],
    "np.broadcast_arrays": [(lambda x: np.broadcast_arrays(x, A), v)],
    "np.atleast_1d": [(np.atleast_1d, 2.0)],
    "np.atleast_2d": [(np.atleast_2d, v)],
    "np.atleast_3d": [(np.atleast_3d, A)],
    "np.astype": [(lambda x: np.astype(x, float), A)],
    "np.copy": [(np.copy, A)],
    "np.resize": [(lambda x: np.resize(x, (3, 3)), v)],
    "np.full_like": [(lambda x: np.full_like(x, x[0, 1]), A)],
    # joining and splitting
    "np.concatenate": [
        (lambda x: np.concatenate([x, x * 2]), v),
        (lambda x: np.concatenate([x, A], None), A),
    ],
    "np.stack": [(lambda x: np.stack([x, v], axis=1), v)],
    "np.row_stack": [(lambda x: np.vstack([x, A]), v)],
    "np.vstack": [(lambda x: np.vstack([x, A]), v)],
    "np.hstack": [(lambda x: np.hstack([x, A]), A)],
    "np.dstack": [(lambda x: np.dstack([x, A]), A)],
    "np.column_stack": [(lambda x: np.column_stack([x, x]), v)],
    "np.block": [(lambda x: np.block([[x, x], [v, v]]), A), (lambda x: np.block([x, 2 * x]), v)],
    "np.append": [(lambda x: np.append(x, A, 0), A), (lambda x: np.append(A, x), v)],
    "np.insert": [
        (lambda x: np.insert(x, [1, 3], 9.0), v),
        (lambda x: np.insert(A, 1, x, axis=1), v[:3]),
        (lambda x: np.insert(A, [1, 2], x, 0), A[:2]),
    ],
    "np.delete": [
        (lambda x: np.delete(x, [1, 2], 1), A),
        (lambda x: np.delete(x, slice(0, 3)), A),
        (lambda x: np.delete(x, x[0] > 1, 1), A),
    ],
    "np.split": [(lambda x: np.split(x, 2, 1), A)],
    "np.array_split": [(lambda x: np.array_split(x, 3), v)],
    "np.hsplit": [(lambda x: np.hsplit(x, [1, 2]), A)],
    "np.vsplit": [(lambda x: np.vsplit(x, 3), A)],
    "np.dsplit": [(lambda x: np.dsplit(x, 2), T)],
    "np.unstack": [(lambda x: np.unstack(x, axis=1), A)],
    "np.meshgrid": [(lambda x: np.meshgrid(x, grid), v), (lambda x: np.meshgrid(x, grid, indexing="ij"), v)],
    # places
    "np.take": [
        (lambda x: np.take(x, [0, 5], mode="wrap"), v),
        (lambda x: np.take(x, [9], 1, mode="clip"), A),
    ],
    "np.take_along_axis": [
        (lambda x: np.take_along_axis(x, np.argsort(x, 1), 1), A),
        (lambda x: np.take_along_axis(x, np.array([[3, 0]]), 1), A),
    ],
    "np.choose": [(lambda x: np.choose([0, 1, 1, 0], [x, 2 * v]), v)],
    "np.compress": [(lambda x: np.compress(some, x, axis=1), A)],
    "np.extract": [(lambda x: np.extract(mask, x), A)],
    "np.where": [(lambda x: np.where(mask, x, 0.0), A)],
    "np.select": [(lambda x: np.select([x > 1.5, x > 1], [x**2, x**3], 7.0), A)],
    "np.piecewise": [
        (lambda x: np.piecewise(x, [x < 1, x > 1.5], [np.sin, lambda z: z**2, 3.0]), A),
        (lambda x: np.piecewise(x, x > 1, [lambda z, k: k * z, 0.5], 3.0), v),
        (lambda x: np.piecewise(x, [x > 1], [np.exp]), 1.4),
        (lambda x: np.piecewise(x, [True, False, True, False], [np.exp, np.sin]), v),
    ],
    "np.flip": [(lambda x: np.flip(x, 1), A)],
    "np.flipud": [(np.flipud, A)],
    "np.fliplr": [(np.fliplr, A)],
    "np.roll": [(lambda x: np.roll(x, (1, 2), (0, 1)), A), (lambda x: np.roll(x, -3), A)],
    "np.rot90": [(np.rot90, A), (lambda x: np.rot90(x, 3), A)],
    "np.repeat": [
        (lambda x: np.repeat(x, [1, 0, 2, 1], 1), A),
        (lambda x: np.repeat(x, (x > 1) * 2), v),
    ],
    "np.tile": [(lambda x: np.tile(x, (2, 1, 2)), A)],
    "np.pad": [
        (
            lambda x: np.concatenate([np.pad(x, 2, mode=mode) for mode in PADDING]),
            A,
        ),
        (lambda x: np.pad(x, ((1, 0), (0, 3)), constant_values=((1, 2), (3, 4))), A),
        (lambda x: np.pad(x, (3, 1), "mean", stat_length=2), v),
        (lambda x: np.pad(x, (2, 6), "reflect", reflect_type="odd"), v),
        (lambda x: np.pad(x, {1: 2}, "linear_ramp", end_values=5.0), A),
    ],
    "np.diagonal": [(lambda x: np.diagonal(x, 1), A)],
    "np.diag": [(lambda x: np.diag(x, -1), v), (np.diag, S)],
    "np.diagflat": [(lambda x: np.diagflat(x, 1), A[:2, :2])],
    "np.tril": [(lambda x: np.tril(x, -1), A)],
    "np.triu": [(lambda x: np.triu(x, 1), T)],
    # functions of functions
    "np.fromfunction": [(lambda x: np.fromfunction(lambda i, j: x[0] * i + x[1] * j, (2, 3)), v)],
    "np.apply_along_axis": [
        (lambda x: np.apply_along_axis(np.cumsum, 0, x), A),
        (lambda x: np.apply_along_axis(lambda line: np.outer(line, line), 1, x), A),
        (lambda x: np.apply_along_axis(np.prod, 1, x), T),
    ],
    "np.apply_over_axes": [(lambda x: np.apply_over_axes(np.sum, x, (0, 2)), T)],
}

VALUES: dict[str, list[Call]] = {}
