"""Fourier transforms: those in several dimensions go along one axis after another, in NumPy's order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nazad.graph import Value, shape_of
from nazad.ops import fourier, structure
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import one_axis

Transform = Callable[..., Value]
Sizes = Sequence[int] | None


def _resized(x: Value, n: int, axis: int) -> Value:
    """Cut, or with zeros behind, to n numbers along an axis."""
    size = shape_of(x)[axis]
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    if n <= size:
        return x if n == size else x[structure.at_axis(axis, slice(n))]
    return np.pad(x, [(0, n - size if k == axis else 0) for k in range(len(shape_of(x)))])


def _norm(norm: str | None) -> str:
    if norm is not None and norm not in fourier.OTHER_WAY:
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    return norm or "backward"


def _along(op: Any) -> Transform:
    """``np.fft.fft(a, n, axis, norm)`` and its like, which take and give as many numbers."""

    def transform(a: Value, n: int | None = None, axis: int = -1, norm: str | None = None) -> Value:
        place = one_axis(axis, len(shape_of(a)))
        x = a if n is None else _resized(a, n, place)
        return op(x, axis=place, norm=_norm(norm))

    return transform


_fft, _ifft, _rfft = (_along(op) for op in (fourier.fft, fourier.ifft, fourier.rfft))


def _irfft(a: Value, n: int | None = None, axis: int = -1, norm: str | None = None) -> Value:
    place = one_axis(axis, len(shape_of(a)))
    n = 2 * (shape_of(a)[place] - 1) if n is None else n
    x = _resized(a, n // 2 + 1, place) if n >= 1 else a
    return fourier.irfft(x, n=n, axis=place, norm=_norm(norm))


@rule(np.fft.hfft)
def _hfft(a: Value, n: int | None = None, axis: int = -1, norm: str | None = None) -> Value:
    return _irfft(np.conjugate(a), n, axis, fourier.OTHER_WAY[_norm(norm)])


@rule(np.fft.ihfft)
def _ihfft(a: Value, n: int | None = None, axis: int = -1, norm: str | None = None) -> Value:
    return np.conjugate(_rfft(a, n, axis, fourier.OTHER_WAY[_norm(norm)]))


def _each(a: Value, s: Sizes, axes: Sequence[int] | None) -> tuple[Sequence[int | None], Sequence[int]]:
    """A size, or None for what there is, and an axis for each transform."""
    if axes is None:
        axes = range(-len(shape_of(a) if s is None else s), 0)
    if s is None:
        return [None] * len(axes), axes
    if len(s) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    return [shape_of(a)[k] if n == -1 else n for n, k in zip(s, axes, strict=True)], axes


def _over(last: Transform, others: Transform, last_first: bool = True, axes: Any = None) -> Transform:
    """The transform over several axes: one of its own along the last of them, the same along the others."""
    default = axes

    def transform(a: Value, s: Sizes = None, axes: Any = default, norm: str | None = None) -> Value:
        sizes, places = _each(a, s, axes)
        steps = [*zip([others] * (len(places) - 1) + [last], sizes, places, strict=True)]
        for one, n, place in reversed(steps) if last_first else steps:
            a = one(a, n, place, norm)
        return a

    return transform


_FLAT = (-2, -1)
_TRANSFORMS: dict[Transform, Transform] = {
    np.fft.fft: _fft,
    np.fft.ifft: _ifft,
    np.fft.rfft: _rfft,
    np.fft.irfft: _irfft,
    np.fft.fftn: _over(_fft, _fft),
    np.fft.ifftn: _over(_ifft, _ifft),
    np.fft.rfftn: _over(_rfft, _fft),
    np.fft.irfftn: _over(_irfft, _ifft, last_first=False),
    np.fft.fft2: _over(_fft, _fft, axes=_FLAT),
    np.fft.ifft2: _over(_ifft, _ifft, axes=_FLAT),
    np.fft.rfft2: _over(_rfft, _fft, axes=_FLAT),
    np.fft.irfft2: _over(_irfft, _ifft, last_first=False, axes=_FLAT),
}
for _function, _transform in _TRANSFORMS.items():
    rule(_function)(_transform)


def _shifted(way: int) -> Transform:
    def shift(x: Value, axes: Any = None) -> Value:
        rank = len(shape_of(x))
        chosen = range(rank) if axes is None else [axes] if isinstance(axes, (int, np.integer)) else axes
        places = [one_axis(k, rank) for k in chosen]
        return np.roll(x, [way * (shape_of(x)[k] // 2) for k in places], places)

    return shift


rule(np.fft.fftshift)(_shifted(1))
rule(np.fft.ifftshift)(_shifted(-1))
