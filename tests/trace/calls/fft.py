"""Sample calls of ``numpy.fft``: real functions of a real array, through the complex numbers and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Call = tuple[Callable[[Any], Any], Any]

rng = np.random.default_rng(12)
A = rng.normal(size=(3, 4))
C = rng.normal(size=(3, 4)) + 1j * rng.normal(size=(3, 4))


def seen(function: Any, **keywords: Any) -> list[Call]:
    """The real and the imaginary part of what comes out, for what goes in."""

    def parts(x: Any) -> Any:
        y = function(x * C, **keywords)
        return np.real(y), np.imag(y)

    return [(parts, A)]


def seen_real(function: Any, **keywords: Any) -> list[Call]:
    def parts(x: Any) -> Any:
        y = function(x, **keywords)
        return np.real(y), np.imag(y)

    return [(parts, A)]


DERIVATIVE: dict[str, list[Call]] = {
    "np.fft.fft": seen(np.fft.fft, n=5),
    "np.fft.ifft": seen(np.fft.ifft, axis=0, norm="ortho"),
    "np.fft.fft2": seen(np.fft.fft2),
    "np.fft.ifft2": seen(np.fft.ifft2),
    "np.fft.fftn": seen(np.fft.fftn, norm="forward"),
    "np.fft.ifftn": seen(np.fft.ifftn),
    "np.fft.rfft": seen_real(np.fft.rfft),
    "np.fft.irfft": seen(np.fft.irfft),
    "np.fft.rfft2": seen_real(np.fft.rfft2),
    "np.fft.irfft2": seen(np.fft.irfft2),
    "np.fft.rfftn": seen_real(np.fft.rfftn),
    "np.fft.irfftn": seen(np.fft.irfftn, s=(3, 5), axes=(0, 1)),
    "np.fft.hfft": seen(np.fft.hfft),
    "np.fft.ihfft": seen_real(np.fft.ihfft),
    "np.fft.fftshift": seen_real(np.fft.fftshift),
    "np.fft.ifftshift": seen_real(np.fft.ifftshift),
}

VALUES: dict[str, list[Call]] = {
    "np.fft.fftfreq": [(lambda x: np.fft.fftfreq(len(x)), A)],
    "np.fft.rfftfreq": [(lambda x: np.fft.rfftfreq(len(x)), A)],
}
