"""numpy.fft: NumPy's values, and derivatives by the adjoint identity and by differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nazad as nz
from nazad.errors import TraceError
from nazad.trace import numpy_table

rng = np.random.default_rng(5)
F = np.fft
ALONG = [F.fft, F.ifft, F.rfft, F.irfft, F.hfft, F.ihfft]
OVER = [F.fftn, F.ifftn, F.rfftn, F.irfftn, F.fft2, F.ifft2, F.rfft2, F.irfft2]
OF_REALS = {F.rfft, F.ihfft, F.rfftn, F.rfft2}
SHIFTS = [F.fftshift, F.ifftshift]
NORMS = st.sampled_from([None, "backward", "ortho", "forward"])


def point(f: Any, shape: tuple[int, ...], single: bool) -> Any:
    x = rng.normal(size=shape) + (0 if f in OF_REALS else 1j * rng.normal(size=shape))
    return x.astype(f"{x.dtype.kind}{x.itemsize // 2}") if single else x


def vector(x: Any) -> Any:
    parts = rng.normal(size=(2, *np.shape(x)))
    return (parts[0] + 1j * parts[1] if np.iscomplexobj(x) else parts[0]).astype(x.dtype)


def held(f: Callable[[Any], Any], x: Any) -> None:
    """NumPy's value to the last bit, a push that is the function itself, and the adjoint identity."""
    expected = f(x)
    y, pullback = nz.vjp(f, x)
    np.testing.assert_array_equal(y, expected, strict=True)
    x_dot, y_bar = vector(x), vector(expected)
    y_dot, (x_bar,) = nz.jvp(f, (x,), (x_dot,))[1], pullback(y_bar)
    assert (y_dot.dtype, x_bar.dtype) == (expected.dtype, x.dtype)
    eps = np.finfo(x.dtype).eps
    np.testing.assert_allclose(y_dot, f(x_dot), rtol=0, atol=50 * eps * x.size)
    left, right = np.sum(y_bar * y_dot).real, np.sum(x_bar * x_dot).real
    assert abs(left - right) <= 50 * eps * x.size * (1 + abs(left))


@given(
    st.sampled_from(ALONG),
    st.integers(1, 6),
    st.none() | st.integers(1, 9),
    st.integers(0, 1),
    NORMS,
    st.booleans(),
)
def test_along_one_axis(f: Any, size: int, n: int | None, axis: int, norm: Any, single: bool) -> None:
    if n is None and size == 1 and f in (F.irfft, F.hfft):
        n = 1
    shape = (size, 3) if axis == 0 else (2, size)
    held(lambda x: f(x, n, axis, norm), point(f, shape, single))


@given(
    st.sampled_from(OVER),
    st.tuples(*[st.integers(2, 5)] * 3),
    st.sampled_from([(0, 1), (-1, 0), (2, 1)]),
    st.none() | st.tuples(*[st.integers(1, 6) | st.just(-1)] * 2),
    NORMS,
)
def test_over_several_axes(f: Any, shape: Any, axes: Any, s: Any, norm: Any) -> None:
    held(lambda x: f(x, s, axes, norm), point(f, shape, single=False))


@pytest.mark.parametrize("f", OVER)
def test_as_called_without_more(f: Any) -> None:
    held(f, point(f, (3, 4), single=False))
    held(lambda x: f(x, axes=(1,)), point(f, (3, 4), single=False))


@pytest.mark.parametrize("axes", [None, 0, -1, (0, 1), (1,)])
@pytest.mark.parametrize("f", SHIFTS)
def test_shifts(f: Any, axes: Any) -> None:
    held(lambda x: f(x, axes=axes), rng.normal(size=(3, 4)))


def test_every_transform_is_held_above() -> None:
    known = {f for f in numpy_table.FUNCTIONS if f.__module__ == "numpy.fft"}
    assert known == {*ALONG, *OVER, *SHIFTS}


def test_filtering() -> None:
    """The least squares of a blurred signal: its gradient is a correlation with the kernel."""
    kernel, data = rng.normal(size=8), rng.normal(size=8)
    k = F.rfft(kernel)

    def loss(x: Any) -> Any:
        return np.sum((F.irfft(F.rfft(x) * k, 8) - data) ** 2) / 2

    x = rng.normal(size=8)
    blur = np.array([np.roll(kernel, i) for i in range(8)]).T
    np.testing.assert_allclose(nz.grad(loss)(x), blur.T @ (blur @ x - data), rtol=1e-12)
    np.testing.assert_allclose(nz.hessian(loss)(x), blur.T @ blur, rtol=1e-12, atol=1e-12)


def test_frequencies_by_their_spacing() -> None:
    gradient = nz.grad(lambda d: np.sum(np.cos(F.fftfreq(5, d)) + F.rfftfreq(8, d)))(0.5)
    h = 1e-6
    f = [np.sum(np.cos(F.fftfreq(5, d)) + F.rfftfreq(8, d)) for d in (0.5 + h, 0.5 - h)]
    np.testing.assert_allclose(gradient, (f[0] - f[1]) / (2 * h), rtol=1e-7)


@pytest.mark.parametrize("f", [F.fft, F.rfft, F.irfft])
def test_refusals(f: Any) -> None:
    x = np.ones(4)
    for bad in (lambda x: f(x, 0), lambda x: f(x, norm="orthogonal"), lambda x: f(x, axis=2)):
        for call in (bad, lambda x, bad=bad: nz.vjp(bad, x)):
            with pytest.raises((ValueError, IndexError)):
                call(x)
    ordinary = f(x)
    with pytest.raises(TraceError, match="ordinary array"):
        nz.vjp(lambda x: f(x, out=ordinary), x)
    with pytest.raises(TypeError):
        nz.vjp(F.rfft, 1j * x)
