"""Properties over shapes, dtypes, strides and special values, drawn by hypothesis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import nazad as nz
from nazad import ops
from nazad.ops import special
from nazad.ops.families import Elementwise

OF_NUMPY = [op for name, op in ops.table().items() if name not in special.TABLE and op is not ops.marks.name]
UNARY = [op for op in OF_NUMPY if isinstance(op, Elementwise) and len(op.derivs) == 1]
BINARY = [op for op in OF_NUMPY if isinstance(op, Elementwise) and len(op.derivs) == 2]
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 5e-324, 1e300, -1e-30, 0.5, 3.0, 1e-8]
DTYPES = [np.float32, np.float64, np.complex64, np.complex128]
settings.register_profile("nazad", deadline=None)
settings.load_profile("nazad")


def floats(dtype: Any) -> Any:
    width = np.dtype(dtype).itemsize * 8
    special = st.sampled_from(
        [float(np.dtype(dtype).type(s)) for s in SPECIAL if abs(s) < 1e30 or not np.isfinite(s)]
    )
    return st.one_of(special, st.floats(width=width, allow_subnormal=True))


def numbers(dtype: Any) -> Any:
    if np.dtype(dtype).kind != "c":
        return floats(dtype)
    part = floats(np.zeros(0, dtype).real.dtype)
    return st.builds(complex, part, part)


@st.composite
def arrays(draw: Any, shape: Any = None, dtype: Any = None) -> np.ndarray:
    """Arrays of any shape and precision, also reversed, transposed or with gaps."""
    kind = draw(st.sampled_from(DTYPES)) if dtype is None else dtype
    size = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)) if shape is None else shape
    x = draw(hnp.arrays(kind, size, elements=numbers(kind)))
    view = draw(st.sampled_from(["as it is", "reversed", "transposed", "gaps"]))
    if view == "reversed" and x.ndim:
        return x[::-1]
    if view == "transposed" and shape is None:
        return x.T
    if view == "gaps" and x.ndim:
        return np.repeat(x, 2, axis=-1)[..., ::2]
    return x


@st.composite
def pairs(draw: Any) -> tuple[np.ndarray, np.ndarray]:
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3)).input_shapes
    return draw(arrays(shape=shapes[0])), draw(arrays(shape=shapes[1]))


def fits(op: Any, *xs: Any) -> bool:
    try:
        with np.errstate(all="ignore"):
            op.calc(*xs)
    except TypeError:  # bitwise operations on floats
        return False
    return True


def check(op: Any, *xs: Any) -> None:
    with np.errstate(all="ignore"):
        G = nz.trace(op, *xs)
        y = op.calc(*xs)
        np.testing.assert_array_equal(G.forward(list(xs))[G.sinks[0]], y, strict=True)
        if np.result_type(y).kind not in "fc":
            return
        y_bar = np.ones(np.shape(y), np.result_type(y))
        x_bars = nz.vjp(op, *xs)[1](y_bar)
        for x, x_bar in zip(xs, x_bars, strict=True):
            assert np.shape(x_bar) == np.shape(x)
            assert np.result_type(x_bar) == np.result_type(x)
        y_dot = nz.jvp(op, xs, tuple(np.ones_like(x) for x in xs))[1]
        assert np.shape(y_dot) == np.shape(y)
        assert np.result_type(y_dot) == np.result_type(y)
        zero = nz.vjp(op, *xs)[1](np.zeros_like(y_bar))
        assert all(np.all(np.asarray(z) == 0) for z in zero), (
            "a zero cotangent stays zero, whatever the partial"
        )


@settings(max_examples=15)
@pytest.mark.parametrize("op", UNARY, ids=lambda op: op.name)
@given(x=arrays())
def test_unary(op: Any, x: np.ndarray) -> None:
    if fits(op, x):
        check(op, x)


@settings(max_examples=15)
@pytest.mark.parametrize("op", [op for op in BINARY if op.name != "ldexp"], ids=lambda op: op.name)
@given(xs=pairs())
def test_binary(op: Any, xs: tuple[np.ndarray, np.ndarray]) -> None:
    if fits(op, *xs):
        check(op, *xs)


@settings(max_examples=60)
@given(x=arrays(dtype=np.float64), data=st.data())
def test_basic_index(x: np.ndarray, data: Any) -> None:
    index = data.draw(hnp.basic_indices(x.shape, allow_newaxis=True))
    G = nz.trace(lambda a: a[index], x)
    np.testing.assert_array_equal(G.forward([x])[G.sinks[0]], x[index])
    y_bar = np.arange(1.0, 1.0 + np.size(x[index])).reshape(np.shape(x[index]))
    expected = np.zeros_like(x)
    np.add.at(expected, index, y_bar)
    np.testing.assert_array_equal(nz.vjp(lambda a: a[index], x)[1](y_bar)[0], expected)


@settings(max_examples=60)
@given(data=st.data())
def test_fancy_index(data: Any) -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    index = data.draw(
        st.one_of(
            hnp.integer_array_indices(x.shape),
            hnp.arrays(bool, st.sampled_from([(2,), (2, 3), (2, 3, 4)])),
            st.tuples(
                st.just(slice(None)),
                hnp.arrays(np.intp, (2,), elements=st.integers(-3, 2)),
                st.integers(0, 3),
            ),
            st.tuples(
                hnp.arrays(np.intp, (2,), elements=st.integers(-2, 1)),
                st.just(slice(None)),
                st.integers(0, 3),
            ),
        )
    )
    many = np.stack([x, x * 2, x - 5])
    np.testing.assert_array_equal(nz.trace(lambda a: a[index], x).forward([x]).popitem()[1], x[index])
    np.testing.assert_array_equal(nz.vmap(lambda a: a[index])(many), np.stack([row[index] for row in many]))
    y_bar = np.ones(np.shape(x[index]))
    expected = np.zeros_like(x)
    np.add.at(expected, index, y_bar)
    np.testing.assert_array_equal(nz.vjp(lambda a: a[index], x)[1](y_bar)[0], expected)
    assert nz.grad(lambda a: np.sum(nz.grad(lambda b: np.sum(b[index] ** 3))(a)))(x).shape == x.shape


@settings(max_examples=40)
@given(
    data=st.data(),
    keepdims=st.booleans(),
    name=st.sampled_from(["sum", "mean", "max", "min", "prod", "var", "std"]),
)
def test_reductions_over_any_axes(data: Any, keepdims: bool, name: str) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3))
    x = data.draw(hnp.arrays(float, shape, elements=st.integers(-3, 3).map(float)))
    axis = data.draw(st.one_of(st.none(), hnp.valid_tuple_axes(x.ndim), st.integers(-x.ndim, x.ndim - 1)))
    function = getattr(np, name)
    G = nz.trace(lambda a: function(a, axis=axis, keepdims=keepdims), x)
    y = function(x, axis=axis, keepdims=keepdims)
    np.testing.assert_array_equal(G.forward([x])[G.sinks[0]], y)
    dots, y_bar = np.cos(np.arange(x.size)).reshape(x.shape), np.ones(np.shape(y))
    (x_bar,) = nz.vjp(lambda a: function(a, axis=axis, keepdims=keepdims), x)[1](y_bar)
    y_dot = nz.jvp(lambda a: function(a, axis=axis, keepdims=keepdims), (x,), (dots,))[1]
    np.testing.assert_allclose(np.vdot(x_bar, dots), np.vdot(y_bar, y_dot), atol=1e-10)
