"""Sample calls of functions that make arrays to be filled, and of functions that write into them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Call = tuple[Callable[[Any], Any], Any]

rng = np.random.default_rng(14)
A = rng.uniform(0.5, 2.0, (3, 4))
v = rng.uniform(0.5, 2.0, 4)
mask = A > 1.2


def filled(make: Callable[[], Any]) -> list[Call]:
    """Squares, put one by one into what was made."""

    def f(x: Any) -> Any:
        y = make()
        for k in range(len(x)):
            y[k] = x[k] ** 2
        return y

    return [(f, v)]


def written(write: Callable[[Any, Any], Any]) -> list[Call]:
    """A copy, into which was written."""

    def f(x: Any) -> Any:
        y = 2 * x
        write(y, x)
        return y * x

    return [(f, A)]


DERIVATIVE: dict[str, list[Call]] = {
    "np.zeros": filled(lambda: np.zeros(4)),
    "np.ones": filled(lambda: np.ones((4,))),
    "np.empty": filled(lambda: np.empty(4)),
    "np.full": [(lambda x: np.full((2, 4), x), v), *filled(lambda: np.full(4, 7.0))],
    "np.arange": [(lambda x: np.arange(x, 3.0, 0.5) * x, 1.2)],
    "np.array": [(lambda x: np.array([[x[0], 1.0], [x[1] ** 2, x[2]]]), v)],
    "np.asarray": [(lambda x: np.asarray([x[0], x[1] * x[2]]), v)],
    "np.asanyarray": [(lambda x: np.asanyarray((x[0], 2.0)) * x[1], v)],
    "np.asarray_chkfinite": [(lambda x: np.asarray_chkfinite(x) ** 2, v)],
    "np.ascontiguousarray": [(lambda x: np.ascontiguousarray(x.T) ** 2, A)],
    "np.asfortranarray": [(lambda x: np.asfortranarray(x) ** 2, A)],
    "np.kaiser": [(lambda b: np.kaiser(5, b), 3.0), (lambda x: np.kaiser(4, 5.0) * x, v)],
    "np.copyto": written(lambda y, x: np.copyto(y, x**2, where=mask)),
    "np.fill_diagonal": written(lambda y, x: np.fill_diagonal(y, x[0, 1])),
    "np.place": written(lambda y, x: np.place(y, mask, x[0])),
    "np.put": written(lambda y, x: np.put(y, [0, 5], x[0, :2])),
    "np.put_along_axis": written(lambda y, x: np.put_along_axis(y, np.array([[0], [2], [1]]), x[:, :1], 1)),
    "np.putmask": written(lambda y, x: np.putmask(y, mask, x[1])),
}

VALUES: dict[str, list[Call]] = {}
