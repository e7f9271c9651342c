"""Where writing, nesting and compiling meet: values and derivatives as NumPy has them, or an error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nazad as nz
from nazad.errors import TraceError

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
