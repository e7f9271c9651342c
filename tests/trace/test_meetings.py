"""Where writing, nesting and compiling meet: values and derivatives as NumPy has them, or an error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nazad as nz

X = np.array([0.3, 0.7, 1.1, 0.4])


# --- several writes to one place
@pytest.mark.parametrize("index", [[1, 1], [2, 0], [0, 0], [-1, 3]])
@pytest.mark.parametrize("traced", [False, True])
def test_the_last_of_several_writes_to_one_place_counts(index: list[int], traced: bool) -> None:
    def f(x: Any, index: Any) -> Any:
        y, z = x.copy(), np.zeros((4, 4))
        y[index] = np.sin(x[[0, 2]])
        z[:, index] = np.stack([x, 2 * x], axis=1)
        return np.sum(y**2 * x) + np.sum(z**3)

    where = np.array(index)
    if traced:
        value, gradient = nz.jit(nz.value_and_grad(f))(X, where)
    else:
        value, gradient = nz.jit(nz.value_and_grad(lambda x: f(x, where)))(X)
    np.testing.assert_allclose(value, f(X, where), rtol=1e-13)
    np.testing.assert_allclose(gradient, nz.grad(f)(X, where), rtol=1e-13)


def test_the_order_of_writes_is_that_of_the_index_whatever_the_layout() -> None:
    def f(x: Any) -> Any:
        y = np.zeros(3)
        y[np.array([[0, 1], [1, 2]])] = x.reshape(2, 2).T
        return y

    np.testing.assert_array_equal(nz.jit(f)(X), f(X))


# --- what an inner function has read is written into afterwards
def written_by_the_inner_function(x: Any) -> Any:
    z = x * 2

    def inner(y: Any) -> Any:
        w = z * y
        z[1] = 5.0
        return np.sum(w**2)

    return np.sum(nz.grad(inner)(x) * z)


def argument_written_by_the_inner_function(x: Any) -> Any:
    z = x * 2

    def inner(y: Any) -> Any:
        s = np.sum(y**3)
        z[1] = 5.0
        return s

    return np.sum(nz.grad(inner)(z))


def written_before_the_way_back(x: Any) -> Any:
    z, c = x * 2, x * 3
    _, pullback = nz.vjp(lambda y: np.sum(y**3 * c), z)
    z[0], c[1] = 5.0, 7.0
    return np.sum(pullback(1.0)[0] * z)


def view_written_by_the_inner_function(x: Any) -> Any:
    z = x * 2
    v = z[::2]

    def inner(y: Any) -> Any:
        s = np.sum(y**2 * v)
        z[2] = 9.0
        return s

    return np.sum(nz.grad(inner)(v))


@pytest.mark.parametrize(
    "f",
    [
        written_by_the_inner_function,
        argument_written_by_the_inner_function,
        written_before_the_way_back,
        view_written_by_the_inner_function,
    ],
)
def test_an_inner_function_keeps_what_it_has_read(f: Any) -> None:
    value, gradient = nz.value_and_grad(f)(X)
    np.testing.assert_allclose(value, f(X.copy()))
    np.testing.assert_allclose(gradient, nz.differences(f, X).value, rtol=1e-6)
    np.testing.assert_allclose(nz.vmap(nz.grad(f))(np.stack([X, X]))[1], gradient)
