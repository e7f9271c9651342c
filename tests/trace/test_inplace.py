"""Writing in place, views and ``out=``, as people write them; random programs are in test_inplace_random."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nazad as nz
from nazad.errors import TraceError

x = np.linspace(0.3, 1.9, 6)
ORDINARY = np.zeros(6)


def recurrence(x: Any) -> Any:
    y = np.zeros_like(x)
    y[0] = x[0]
    for t in range(1, len(x)):
        y[t] = np.sin(y[t - 1]) * x[t] + 0.5 * y[t]
    return np.sum(y * y)


def columns(x: Any) -> Any:
    Y = np.zeros_like(np.outer(np.ones(4), x))
    for t in range(6):
        Y[:, t] = x[t] * np.arange(4.0) + (np.tanh(Y[:, t - 1]) if t else 0.0)
    return np.sum(np.cos(Y))


def table(x: Any) -> Any:
    """Alignment: each entry from three that were written before."""
    D = np.zeros_like(np.outer(x, x))
    for i in range(1, 6):
        for j in range(1, 6):
            D[i, j] = np.logaddexp(
                D[i - 1, j - 1] + x[i] * x[j], np.logaddexp(D[i - 1, j], D[i, j - 1]) - 0.4
            )
    return D[-1, -1]


def entries_and_rows(x: Any) -> Any:
    """Rows that are written entry by entry, read as a whole, and written over."""
    Y = np.zeros_like(np.outer(x, x[:2]))
    Y[0] = x[:2]
    for t in range(1, 6):
        a, b = Y[t - 1]
        Y[t, 0] = a + 0.1 * b * x[t]
        Y[t, 1] = b - 0.2 * a
        if t == 3:
            Y[t] = Y[t] * x[t]
            Y[t, 1] = x[0]
    Y[2] = Y[1]
    return np.sum(Y**2) + np.sum(Y[1:4, 0] * x[:3])


def every_entry(x: Any) -> Any:
    Y = np.empty_like(np.outer(x[:2], x[:3]))
    for i in range(2):
        for j in range(3):
            Y[i, j] = x[3 * i + j] ** 2
    return np.sum(Y @ Y.T)


def elimination(x: Any) -> Any:
    A = np.outer(x[:3], x[3:]) + np.diag(x[:3] + 3.0)
    for k in range(3):
        A[k + 1 :, k] /= A[k, k]
        A[k + 1 :, k + 1 :] -= np.outer(A[k + 1 :, k], A[k, k + 1 :])
    return np.sum(np.log(np.diagonal(A)))


def gauss_seidel(x: Any) -> Any:
    A, u = np.eye(6) * 4 + 0.3, np.zeros_like(x)
    for _ in range(3):
        for i in range(6):
            u[i] = (x[i] - A[i] @ u + A[i, i] * u[i]) / A[i, i]
    return u @ u


def heat(x: Any) -> Any:
    u = x.copy()
    for _ in range(4):
        u[1:-1] += 0.2 * (u[2:] - 2 * u[1:-1] + u[:-2])
        u[0], u[-1] = 0.0, u[-2]
    return np.sum(u**3)


def swaps(x: Any) -> Any:
    x[[0, 1]] = x[[1, 0]]
    x[2], x[3] = x[3], x[2]
    x[::2] = x[::-2]
    return x @ np.arange(6.0)


def buffers(x: Any) -> Any:
    a, b = np.empty_like(x), np.ones_like(x)
    np.exp(x, out=a)
    np.multiply(a, x, b)
    np.divide(1.0, x - 0.3, out=b, where=x > 0.5)  # not where it divides by zero
    c = np.cumsum(a, out=np.zeros_like(x))
    return np.sum(a * b) + np.sum(c)


def accumulated(x: Any) -> Any:
    bins = np.zeros_like(x[:3])
    np.add.at(bins, [0, 2, 0, 1, 2, 2], x)
    np.subtract.at(bins, [1, 1], x[:2] ** 2)
    np.multiply.at(bins, [0, 0], x[4:])
    np.maximum.at(bins, np.array([1, 2]), 0.9 * x[1:3])
    return np.sum(bins**2)


def helpers(x: Any) -> Any:
    a = np.outer(x[:3], x[3:])
    np.fill_diagonal(a, x[:3] ** 3)
    np.put(a, [1, -2], x[4:])
    np.putmask(a, a > 1.5, x)
    np.place(a, np.eye(3) > 0, x[:2])
    np.put_along_axis(a, np.array([[0], [1], [2]]), x[:3, None] * 2, axis=1)
    np.copyto(a[0], x[3:], where=[True, False, True])
    a.flat[4:6] = x[:2]
    a.T[2, :2] *= x[0]
    b = a.copy()
    b.sort(axis=0)
    b.flat = b.flat[::-1] * x[0]
    b[1:].fill(x[1])
    return np.sum(a * np.arange(9.0).reshape(3, 3)) + np.sum(b)


def lists(x: Any) -> Any:
    A = np.zeros_like(np.outer(x[:2], x[:2]))
    A[...] = [[x[0], 1.0], [np.sin(x[1]), x[2] * x[3]]]
    A[0] = x[0], x[1]
    A[:, 1] += [1.0, 2.0]
    return np.sum(np.tanh(A))


def parts(x: Any) -> Any:
    z = np.zeros_like(x) * 1j
    z.real = x
    z.imag[1:] = x[:-1]
    z *= 1j
    return np.sum(np.abs(z) ** 2 * x)


FUNCTIONS: list[Callable[..., Any]] = [
    recurrence,
    columns,
    table,
    entries_and_rows,
    every_entry,
    elimination,
    gauss_seidel,
    heat,
    swaps,
    buffers,
    accumulated,
    helpers,
    lists,
    parts,
]


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_value_and_gradients(f: Callable[..., Any]) -> None:
    before = x.copy()
    value = nz.value_and_grad(f)(x)[0]
    assert np.array_equal(x, before)  # the caller's array stays as it was
    np.testing.assert_allclose(value, f(x.copy()), rtol=1e-13)
    nz.check_gradients(f, x, order=2)
    if f is not parts:
        np.testing.assert_allclose(nz.jit(nz.grad(f))(x), nz.grad(f)(x), rtol=1e-9, atol=1e-12)
    rows = np.stack([x, x[::-1].copy()])
    if f is not helpers:  # places that depend on the numbers
        with np.errstate(divide="ignore"):  # rows are worked out everywhere
            np.testing.assert_allclose(nz.vmap(f)(rows), [f(row.copy()) for row in rows], rtol=1e-12)


# --- what is written down
def names(f: Callable[..., Any], *args: Any) -> list[str]:
    return [v.op.name for v in nz.trace(f, *args).nodes if not v.is_source]


def test_an_array_that_is_filled_is_the_stack_of_what_was_written() -> None:
    assert names(recurrence, x)[-3:] == ["stack", "multiply", "sum"]
    assert "write" not in names(recurrence, x) + names(every_entry, x)


def test_what_was_written_is_read_back_as_it_was() -> None:
    """Whole loops over a table cost no copy of it: the border is written around once."""
    assert names(table, x).count("write") == 0


def test_rows_are_put_together_in_any_order() -> None:
    def f(x: Any) -> Any:
        Y = np.zeros_like(np.outer(x, x[:2]))
        for i in (3, 0, 5, 1, 4, 2):
            Y[i] = x[i] * x[:2]
        return Y

    assert (names(f, x).count("stack"), names(f, x).count("write")) == (1, 0)
    np.testing.assert_allclose(nz.jit(f)(x), f(x))


def test_evenly_spaced_rows_are_one_write() -> None:
    def f(x: Any) -> Any:
        y = x.copy()
        for i in (1, 3, 5):
            y[i] = x[i - 1] ** 2
        return y

    assert [v.params["template"] for v in nz.trace(f, x) if v.op.name == "write"] == [(slice(1, 7, 2),)]


# --- semantics
def test_scalars_are_replaced_and_arrays_change_under_all_names() -> None:
    def f(x: Any) -> Any:
        s = t = np.sum(x)
        t += 1.0
        a = b = x * 1.0
        b += 1.0
        return s, t, a

    s, t, a = nz.vjp(f, x)[0]
    assert t == s + 1
    np.testing.assert_array_equal(a, x + 1)


def test_a_view_follows_its_base_and_writes_through() -> None:
    def f(x: Any) -> Any:
        a = x * 1.0
        row, turned = a[2:5], a[::-1]
        a[3] = 7.0
        turned[0] = 5.0
        row[0] = 3.0
        return a, row, turned

    for value in (nz.vjp(f, x)[0], nz.jit(f)(x)):
        for ours, numpys in zip(value, f(x), strict=True):
            np.testing.assert_array_equal(ours, numpys)


@pytest.mark.parametrize(
    ("write", "error", "message"),
    [
        (lambda x: np.sum(x).__setitem__((), 1.0), TypeError, "does not support item assignment"),
        (lambda x: np.broadcast_to(x, (2, 6)).__setitem__(0, 1.0), ValueError, "read-only"),
        (lambda x: np.diagonal(np.outer(x, x)).__setitem__(0, 1.0), ValueError, "read-only"),
        (lambda x: x.__setitem__(9, 1.0), IndexError, "out of bounds"),
        (lambda x: x.__setitem__(slice(0, 2), x), ValueError, "could not broadcast"),
        (lambda x: np.exp(x, where=x > 1), TraceError, "out="),
        (lambda x: np.add.at(ORDINARY, [0], x[0]), TraceError, "ordinary array"),
        (lambda x: np.exp(x, out=ORDINARY), TraceError, "ordinary array"),
        (lambda x: (x > 1).__setitem__(0, x[0]), TraceError, "cut it off"),
    ],
)
def test_what_cannot_be_written_raises(write: Any, error: type[Exception], message: str) -> None:
    def f(x: Any) -> Any:
        write(x)
        return np.sum(x)

    with pytest.raises(error, match=message):
        nz.grad(f)(x)


def test_writing_into_an_array_of_an_outer_function_raises() -> None:
    def f(x: Any) -> Any:
        kept = np.zeros_like(x)

        def inner(t: Any) -> Any:
            kept[0] = t
            return kept[0] ** 2

        return nz.grad(inner)(x[0])

    with pytest.raises(TraceError, match="outer function"):
        nz.grad(f)(x)


def test_a_buffer_that_is_used_again_is_taken_as_it_was() -> None:
    def f(x: Any) -> Any:
        y, buffer = np.zeros_like(np.outer(x[:2], x[:3])), np.zeros(3)
        for i in range(2):
            buffer[:] = i + 1.0
            y[i] = buffer
        return np.sum(y * x[:3])

    np.testing.assert_allclose(nz.grad(f)(x), [3.0, 3.0, 3.0, 0.0, 0.0, 0.0])
