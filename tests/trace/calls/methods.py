"""Sample calls of the methods of an array, and its attributes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Call = tuple[Callable[[Any], Any], Any]

rng = np.random.default_rng(13)
A = rng.uniform(0.5, 2.0, (3, 4))
S = rng.uniform(0.5, 2.0, (3, 3))
v = rng.uniform(0.5, 2.0, 4)


def listed(calls: dict[str, Callable[[Any], Any]], x: Any = A) -> dict[str, list[Call]]:
    return {f"np.ndarray.{name}": [(f, x)] for name, f in calls.items()}


def changed(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A copy, after something was done to it."""

    def f(x: Any) -> Any:
        y = x.copy()
        change(y)
        return y * x

    return f


DERIVATIVE = listed(
    {
        "fill": changed(lambda y: y[1].fill(3.0)),
        "partition": changed(lambda y: y.partition(1, axis=0)),
        "put": changed(lambda y: y.put([0, 5], [1.0, 2.0])),
        "sort": changed(lambda y: y.sort(0)),
        "T": lambda x: x.T,
        "mT": lambda x: x.mT,
        "real": lambda x: x.real,
        "imag": lambda x: x.imag + 0 * x,
        "flat": lambda x: list(x.flat),
        "astype": lambda x: x.astype(np.float64),
        "choose": lambda x: np.array([[0, 1, 1, 0]]).choose((1.0, 2.0)) * x,
        "clip": lambda x: x.clip(0.8, 1.4),
        "compress": lambda x: x.compress([True, False, True], axis=0),
        "conj": lambda x: x.conj(),
        "conjugate": lambda x: x.conjugate(),
        "copy": lambda x: x.copy(),
        "cumprod": lambda x: x.cumprod(1),
        "cumsum": lambda x: x.cumsum(0),
        "diagonal": lambda x: x.diagonal(1),
        "dot": lambda x: x.dot(v),
        "flatten": lambda x: x.flatten(),
        "item": lambda x: x.item(1, 2) * x.item(3),
        "max": lambda x: x.max(0),
        "mean": lambda x: x.mean(axis=1, keepdims=True),
        "min": lambda x: x.min(),
        "prod": lambda x: x.prod(1),
        "ravel": lambda x: x.ravel(),
        "repeat": lambda x: x.repeat(2, axis=0),
        "reshape": lambda x: x.reshape(2, 6),
        "squeeze": lambda x: x[None].squeeze(0),
        "std": lambda x: x.std(ddof=1),
        "sum": lambda x: x.sum(-1),
        "swapaxes": lambda x: x.swapaxes(0, 1),
        "take": lambda x: x.take([0, 2], 1),
        "tolist": lambda x: x.tolist(),
        "trace": lambda x: x.trace(1),
        "transpose": lambda x: x.transpose(1, 0),
        "var": lambda x: x.var(0),
    }
)

VALUES = listed(
    {
        "all": lambda x: (x > 0.6).all(1),
        "any": lambda x: (x > 1.8).any(),
        "argmax": lambda x: x.argmax(1),
        "argmin": lambda x: x.argmin(),
        "argpartition": lambda x: x.argpartition(1, axis=1),
        "argsort": lambda x: x.argsort(0),
        "dtype": lambda x: x.dtype.itemsize,
        "itemsize": lambda x: x.itemsize,
        "nbytes": lambda x: x.nbytes,
        "ndim": lambda x: x.ndim,
        "nonzero": lambda x: (x > 1).nonzero(),
        "round": lambda x: x.round(1),
        "searchsorted": lambda x: np.sort(x, axis=None).searchsorted(v),
        "shape": lambda x: x.shape,
        "size": lambda x: x.size,
    }
)
