"""A view or a copy: what a function gives shares memory with its argument where NumPy's result does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided, sliding_window_view

import nazad as nz

x = np.linspace(0.3, 1.9, 6)


def table(a: Any) -> Any:
    return a.reshape(2, 3)


MAKERS: dict[str, Callable[[Any], Any]] = {
    "slice": lambda a: a[1:5:2],
    "reversed": lambda a: a[::-1],
    "list": lambda a: a[[0, 1]],
    "mask": lambda a: a[a > 0.5],
    "newaxis": lambda a: a[:, None],
    "reshape": lambda a: a.reshape(3, 2),
    "reshape of a view with gaps": lambda a: a[::2].reshape(1, 3),
    "reshape of a transpose": lambda a: table(a).T.reshape(-1),
    "reshape, order F": lambda a: np.reshape(a, (2, 3), order="F"),
    "ravel": lambda a: table(a).ravel(),
    "ravel of a view with gaps": lambda a: a[::2].ravel(),
    "ravel, order F": lambda a: table(a).ravel("F"),
    "flatten": lambda a: table(a).flatten(),
    "T": lambda a: table(a).T,
    "mT": lambda a: table(a).mT,
    "swapaxes": lambda a: table(a).swapaxes(0, 1),
    "moveaxis": lambda a: np.moveaxis(table(a), 0, 1),
    "rollaxis": lambda a: np.rollaxis(table(a), 1),
    "squeeze": lambda a: a.reshape(1, 6).squeeze(),
    "expand_dims": lambda a: np.expand_dims(a, 0),
    "atleast_3d": lambda a: np.atleast_3d(a),
    "rot90": lambda a: np.rot90(table(a)),
    "flip": lambda a: np.flip(a),
    "split": lambda a: np.split(a, 2)[1],
    "array_split": lambda a: np.array_split(a, 4)[1],
    "vsplit": lambda a: np.vsplit(table(a), 2)[0],
    "diagonal": lambda a: table(a).diagonal(),
    "diag": lambda a: np.diag(table(a)),
    "broadcast_to": lambda a: np.broadcast_to(a, (2, 6)),
    "broadcast_arrays": lambda a: np.broadcast_arrays(a, np.ones((2, 6)))[0],
    "einsum ij->ji": lambda a: np.einsum("ij->ji", table(a)),
    "einsum ii->i": lambda a: np.einsum("ii->i", a[:4].reshape(2, 2)),
    "einsum i->i": lambda a: np.einsum("i->i", a),
    "sliding windows": lambda a: sliding_window_view(a, 3),
    "sliding windows in two directions": lambda a: sliding_window_view(table(a), (2, 2)),
    "as_strided": lambda a: as_strided(a, (3, 2), (16, 8)),
    "real": lambda a: np.real(a),
    "view": lambda a: a.view(),
    "meshgrid": lambda a: np.meshgrid(a, a)[0],
    "meshgrid without copies": lambda a: np.meshgrid(a, a, copy=False)[0],
    "asarray": lambda a: np.asarray(a),
    "array": lambda a: np.array(a),
    "require": lambda a: np.require(a),
    "asfortranarray": lambda a: np.asfortranarray(table(a)),
    "ascontiguousarray": lambda a: np.ascontiguousarray(table(a).T),
    "astype": lambda a: a.astype(float),
    "astype without a copy": lambda a: a.astype(float, copy=False),
    "nan_to_num": lambda a: np.nan_to_num(a),
    "nan_to_num without a copy": lambda a: np.nan_to_num(a, copy=False),
    "positive": lambda a: +a,
    "conj": lambda a: a.conj(),
    "round": lambda a: np.round(a, 1),
    "where": lambda a: np.where(True, a, a),
    "tile": lambda a: np.tile(a, 1),
    "repeat": lambda a: np.repeat(a, 1),
    "concatenate": lambda a: np.concatenate([a]),
    "roll": lambda a: np.roll(a, 0),
    "pad": lambda a: np.pad(a, 0),
    "resize": lambda a: np.resize(a, 6),
    "trim_zeros": lambda a: np.trim_zeros(a),
    "sum over nothing": lambda a: np.sum(a, axis=()),
    "max of one": lambda a: np.max(a.reshape(1, 6), axis=0),
    "clip by nothing": lambda a: np.clip(a, -np.inf, None),
    "flat": lambda a: a.flat[1:3],
    "sort": lambda a: np.sort(a),
    "triu": lambda a: np.triu(table(a)),
    "compress": lambda a: np.compress([True] * 6, a),
    "delete": lambda a: np.delete(a, []),
    "insert": lambda a: np.insert(a, 0, 1.0),
    "block": lambda a: np.block([a]),
    "copy": lambda a: a.copy(),
}


def weighted(v: Any) -> Any:
    return np.sum(np.ravel(v) * np.arange(1.0, np.size(v) + 1))


@pytest.mark.parametrize("name", MAKERS)
def test_a_change_of_the_base_is_seen_as_in_numpy(name: str) -> None:
    def f(x: Any) -> Any:
        a = x * 1.0
        v = MAKERS[name](a)
        a[1] = 7.0
        a[4] += a[3]
        return weighted(v) + np.sum(a * a)

    np.testing.assert_allclose(nz.value_and_grad(f)(x)[0], f(x), rtol=1e-13)
    nz.check_gradients(f, x)


@pytest.mark.parametrize("name", MAKERS)
def test_a_change_of_the_result_is_seen_as_in_numpy_or_refused(name: str) -> None:
    def f(x: Any) -> Any:
        a = x * 1.0
        v = MAKERS[name](a)
        v[...] = 0.5 * v + x[0]
        return weighted(v) + np.sum(a * a)

    try:
        value = nz.value_and_grad(f)(x)[0]
    except ValueError as error:
        assert "read-only" in str(error)  # noqa: PT017  NumPy writes into some of these, with a warning
        assert name in READ_ONLY
    else:
        np.testing.assert_allclose(value, f(x), rtol=1e-13)


READ_ONLY = {
    "diagonal",
    "diag",
    "broadcast_to",
    "broadcast_arrays",
    "einsum ii->i",
    "sliding windows",
    "sliding windows in two directions",
    "as_strided",
    "meshgrid without copies",
}


@pytest.mark.parametrize("name", ["as_strided", "sliding windows"])
def test_windows_under_two_traces(name: str) -> None:
    nz.check_gradients(nz.grad(lambda x: np.sum(np.sin(MAKERS[name](x)))), x)


def test_strides_by_hand_stay_inside_of_the_array() -> None:
    with pytest.raises(ValueError, match="beyond an array"):
        nz.grad(lambda x: np.sum(as_strided(x, (3, 3), (16, 8))))(x)
    with pytest.raises(ValueError, match="view with gaps"):
        nz.grad(lambda x: np.sum(as_strided(x[::2], (2, 2), (8, 8))))(x)


@pytest.mark.parametrize(
    "lie", [lambda B: B[::2], lambda B: B[:, 1:3], lambda B: B.T, lambda B: B[::-1, ::2]]
)
def test_arguments_lie_in_memory_as_they_were_given(lie: Callable[[Any], Any]) -> None:
    def f(B: Any) -> Any:
        flat = np.ravel(B)
        flat[0] = 5.0
        B[0, 1] *= 2.0
        line = B.reshape(-1)
        line[1] = 3.0
        return np.sum(B * B) + weighted(flat)

    B = lie(np.linspace(0.1, 1.2, 24).reshape(6, 4))
    np.testing.assert_allclose(nz.value_and_grad(f)(B)[0], f(lie(np.linspace(0.1, 1.2, 24).reshape(6, 4))))
