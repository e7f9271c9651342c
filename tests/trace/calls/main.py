"""A sample call of every function of NumPy's main namespace: the table of coverage is held to it.

``DERIVATIVE`` holds functions of one argument and the point where they are smooth; ``VALUES`` those whose
values are whole numbers, truths or steps.
"""

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
mask = A > 1.2
some = np.array([True, False, True, True])
grid = np.array([0.0, 0.7, 1.3, 2.5])
gaps = A.copy()
gaps[0, 1] = gaps[2, 3] = np.nan
whole = np.array([[3, 0, 2, 2], [1, 1, 0, 3], [2, 3, 3, 1]])


METHODS = (
    *("linear", "weibull", "hazen", "interpolated_inverted_cdf", "median_unbiased", "normal_unbiased"),
    *("lower", "higher", "nearest", "midpoint"),
    *("inverted_cdf", "averaged_inverted_cdf", "closest_observation"),
)
PADDING = ("edge", "reflect", "symmetric", "wrap", "maximum", "mean", "median", "minimum", "linear_ramp")


def all_of(function: Any) -> Any:
    """One method of quantiles after the other."""
    return lambda x: np.stack([function(x, method) for method in METHODS])


DERIVATIVE: dict[str, list[Call]] = {
    # reductions
    "np.sum": [(lambda x: np.sum(x, 0), A), (lambda x: np.sum(x, where=mask, initial=2.0), A)],
    "np.prod": [(lambda x: np.prod(x, 1, keepdims=True), A), (lambda x: np.prod(x, where=mask), A)],
    "np.mean": [(np.mean, A), (lambda x: np.mean(x, axis=1, where=mask, keepdims=True), A)],
    "np.var": [
        (lambda x: np.var(x, 0, ddof=1), A),
        (lambda x: np.var(x, axis=1, where=mask), A),
        (lambda x: np.var(x, axis=0, mean=np.mean(x, axis=0, keepdims=True)), A),
        (lambda x: np.var(x, correction=1), A),
    ],
    "np.std": [(lambda x: np.std(x, 1), A), (lambda x: np.std(x, where=mask, ddof=0.5, keepdims=True), A)],
    "np.max": [(lambda x: np.max(x, 0), A), (lambda x: np.max(x, 1, where=mask, initial=1.0), A)],
    "np.min": [(lambda x: np.min(x, 0), A), (lambda x: np.min(x, 1, where=mask, initial=1.0), A)],
    "np.amax": [(np.amax, A)],
    "np.amin": [(np.amin, A)],
    "np.ptp": [(lambda x: np.ptp(x, 1), A)],
    "np.average": [
        (np.average, A),
        (lambda x: np.average(x, 1, v), A),
        (lambda x: np.average(A, (0, 1), x, keepdims=True), A),
        (lambda x: np.average(x, axis=0, weights=A, returned=True), A),
    ],
    "np.trace": [(lambda x: np.trace(x, 1), A)],
    # what is not a number
    "np.nansum": [(lambda x: np.nansum(x, 0), gaps)],
    "np.nanprod": [(lambda x: np.nanprod(x, axis=1), gaps)],
    "np.nanmean": [(lambda x: np.nanmean(x, 0), gaps), (lambda x: np.nanmean(x, where=mask), gaps)],
    "np.nanvar": [(lambda x: np.nanvar(x, 1, ddof=1), gaps)],
    "np.nanstd": [(lambda x: np.nanstd(x, 1, keepdims=True), gaps)],
    "np.nanmax": [(lambda x: np.nanmax(x, 0), gaps), (lambda x: np.nanmax(x, initial=1.9), gaps)],
    "np.nanmin": [(lambda x: np.nanmin(x, 1), gaps)],
    "np.nancumsum": [(lambda x: np.nancumsum(x, 1), gaps)],
    "np.nancumprod": [(lambda x: np.nancumprod(x, 1), gaps)],
    "np.nanmedian": [(np.nanmedian, gaps), (lambda x: np.nanmedian(x, 1, keepdims=True), gaps)],
    "np.nanquantile": [
        (all_of(lambda x, method: np.nanquantile(x, [0.2, 0.5], 1, method=method)), gaps),
        (lambda q: np.nanquantile(gaps, q, axis=0), np.array([0.3, 0.8])),
        (lambda x: np.nanquantile(x, 0.4, 0, method="inverted_cdf", weights=A), gaps),
    ],
    "np.nanpercentile": [(lambda x: np.nanpercentile(x, 30.0), gaps)],
    # order
    "np.median": [(np.median, A), (lambda x: np.median(x, (0, 1), keepdims=True), A), (np.median, v[:3])],
    "np.quantile": [
        (all_of(lambda x, method: np.quantile(x, [0.25, 0.4, 1.0], 0, method=method)), A),
        (lambda q: np.quantile(A, q), np.array([[0.31], [0.77]])),
        (lambda x: np.quantile(x, 0.3, axis=1, method="inverted_cdf", weights=v, keepdims=True), A),
    ],
    "np.percentile": [(lambda x: np.percentile(x, 35), A), (lambda x: np.percentile(x, [10, 90], axis=1), A)],
    "np.sort_complex": [(lambda x: np.real(np.sort_complex(x)), v)],
    "np.sort": [(lambda x: np.sort(x, 0), A), (lambda x: np.sort(x, axis=None), A)],
    "np.partition": [(lambda x: np.partition(x, 1), v), (lambda x: np.partition(x, (0, 2), 1)[:, [0, 2]], A)],
    "np.unique": [
        (np.unique, v),
        (lambda x: np.unique(x[whole], axis=0), v),
        (lambda x: np.unique(x[[0, 1, 0, 2]], True, True, True)[0], v),
    ],
    "np.unique_all": [(lambda x: np.unique_all(x).values, v)],
    "np.unique_counts": [(lambda x: np.unique_counts(x).values, v)],
    "np.unique_inverse": [(lambda x: np.unique_inverse(x).values, v)],
    "np.unique_values": [(lambda x: np.sort(np.unique_values(x)), v)],
    "np.union1d": [(lambda x: np.union1d(x, grid), v)],
    "np.intersect1d": [(lambda x: np.intersect1d(x, x[:2]), v)],
    "np.setdiff1d": [(lambda x: np.setdiff1d(x, grid), v)],
    "np.setxor1d": [(lambda x: np.setxor1d(x, grid), v)],
    "np.trim_zeros": [(lambda x: np.trim_zeros(np.concatenate([np.zeros(2), x, np.zeros(1)])), v)],
    # running folds, differences, lines
    "np.cumsum": [(np.cumsum, A), (lambda x: np.cumsum(x, 0), A)],
    "np.cumprod": [(np.cumprod, A), (lambda x: np.cumprod(x, 1), A)],
    "np.cumulative_sum": [(lambda x: np.cumulative_sum(x, axis=1, include_initial=True), A)],
    "np.cumulative_prod": [(lambda x: np.cumulative_prod(x, include_initial=True), v)],
    "np.diff": [
        (lambda x: np.diff(x, 2, 0), A),
        (lambda x: np.diff(x, prepend=1.0, append=A[:, :2]), A),
        (lambda x: np.diff(A, axis=0, append=x), 1.5),
    ],
    "np.ediff1d": [(lambda x: np.ediff1d(x, [7.0], x[:2]), v)],
    "np.gradient": [
        (lambda x: np.gradient(x), v),
        (lambda x: np.gradient(x, 0.5, grid, edge_order=2), A),
        (lambda h: np.gradient(A, h, axis=1), 0.7),
        (lambda h: np.gradient(v, h, edge_order=2), grid),
    ],
    "np.trapezoid": [
        (lambda x: np.trapezoid(x, dx=0.5, axis=0), A),
        (lambda x: np.trapezoid(A, x), grid),
        (lambda h: np.trapezoid(A, dx=h), 0.4),
    ],
    "np.interp": [
        (lambda x: np.interp(x, grid, v), np.array([[-0.5, 0.3], [1.9, 3.0]])),
        (lambda xp: np.interp([0.3, 1.9, 2.2], xp, v), grid),
        (lambda fp: np.interp([-1.0, 0.3, 9.0], grid, fp, right=3.0), v),
        (lambda x: np.interp(x, grid, v, period=2.6), np.array([-0.5, 0.3, 7.0])),
        (lambda b: np.interp(b - 9, grid, v, left=b), 2.0),
    ],
    "np.unwrap": [(lambda x: np.unwrap(x * 4), v), (lambda x: np.unwrap(x, axis=0, period=1.0), A)],
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
    # statistics and bins
    "np.cov": [
        (np.cov, A),
        (lambda x: np.cov(x, v, bias=True), A),
        (lambda x: np.cov(x, rowvar=False, ddof=0), A),
        (lambda x: np.cov(x, fweights=[1, 2, 1, 3], aweights=v), A),
        (lambda x: np.cov(A, aweights=x), v),
    ],
    "np.corrcoef": [(lambda x: np.corrcoef(x)[0, 1:], A), (lambda x: np.corrcoef(x, grid)[0, 1], v)],
    "np.bincount": [(lambda x: np.bincount([0, 2, 2, 1], x, 5), v)],
    "np.histogram": [
        (lambda x: np.histogram([0.1, 0.5, 0.6, 0.9], 3, weights=x), v),
        (lambda x: np.histogram(x, 3)[1], v),
        (lambda x: np.histogram(x, 3, density=True), v),
    ],
    "np.histogram2d": [(lambda x: np.histogram2d(v, w, [2, 3], weights=x)[0], v)],
    "np.histogramdd": [(lambda x: np.histogramdd(A.T, 2, weights=x)[0], v)],
    "np.histogram_bin_edges": [(lambda x: np.histogram_bin_edges(x, 4), v)],
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
    "np.delete": [(lambda x: np.delete(x, [1, 2], 1), A), (lambda x: np.delete(x, slice(0, 3)), A)],
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
    ],
    "np.flip": [(lambda x: np.flip(x, 1), A)],
    "np.flipud": [(np.flipud, A)],
    "np.fliplr": [(np.fliplr, A)],
    "np.roll": [(lambda x: np.roll(x, (1, 2), (0, 1)), A), (lambda x: np.roll(x, -3), A)],
    "np.rot90": [(np.rot90, A), (lambda x: np.rot90(x, 3), A)],
    "np.repeat": [(lambda x: np.repeat(x, [1, 0, 2, 1], 1), A)],
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
    # functions of functions
    "np.fromfunction": [(lambda x: np.fromfunction(lambda i, j: x[0] * i + x[1] * j, (2, 3)), v)],
    "np.apply_along_axis": [
        (lambda x: np.apply_along_axis(np.cumsum, 0, x), A),
        (lambda x: np.apply_along_axis(lambda line: np.outer(line, line), 1, x), A),
        (lambda x: np.apply_along_axis(np.prod, 1, x), T),
    ],
    "np.apply_over_axes": [(lambda x: np.apply_over_axes(np.sum, x, (0, 2)), T)],
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
