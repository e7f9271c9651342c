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


# --- functions that write into what they are given, and callers into what they got
def settling(g: Any, y: Any, a: Any) -> Any:
    y *= 0.1
    y += g(0.2 * a)
    return y


def through(transform: Any) -> Any:
    """A function that calls, through a transform, one that writes into its argument and returns a view."""

    def scaled(y: Any) -> Any:
        y[0] = y[1] * 3
        y[2:] *= y[:2]
        return y[::-1]

    def f(x: Any) -> Any:
        z = np.exp(x)
        w = transform(scaled)(z)
        w[1] = 0.5
        return np.sum(w * z * x)

    return f


@nz.custom
def own_rule(y: Any) -> Any:
    y[0] *= 2
    y *= y
    return y


@own_rule.def_pull
def _(y_bar: Any, y: Any, x: Any) -> Any:
    x[0] *= 4
    y[:] = 2
    return y_bar * (x * y)


@pytest.mark.parametrize(
    "f",
    [
        through(nz.checkpoint),
        through(nz.jit),
        through(lambda g: lambda x: nz.cond(np.sum(x) > 0, g, g, x)),
        through(lambda g: lambda x: nz.switch(1, [g, g], x)),
        through(lambda g: lambda x: nz.vmap(g)(x[None])[0]),
        through(lambda g: lambda x: nz.jvp(g, (x,), (x,))[1]),
        through(lambda g: lambda x: nz.fixed_point(lambda y, a: settling(g, y, a), np.zeros(4), x)),
        through(lambda g: lambda x: nz.root(lambda y, a: g(a) - y, np.zeros(4), x)),
        lambda x: np.sum(own_rule(x) * x) + np.sum(own_rule(np.exp(x))) + np.sum(x**2),
    ],
)
def test_a_function_under_a_transform_has_its_arguments_for_itself(f: Any) -> None:
    value, gradient = nz.value_and_grad(f)(X)
    np.testing.assert_allclose(value, f(X.copy()), rtol=1e-12)
    np.testing.assert_allclose(gradient, nz.differences(f, X).value, rtol=1e-6)
    np.testing.assert_allclose(nz.jit(nz.grad(f))(X), gradient, rtol=1e-12)


def value_overwritten(x: Any) -> Any:
    y, pullback = nz.vjp(np.exp, x)
    y *= 0
    return np.sum(pullback(np.ones(4))[0] * x)


def aux_overwritten(x: Any) -> Any:
    def exponential(x: Any) -> Any:
        y = np.exp(x)
        return y, y

    _, pullback, aux = nz.vjp(exponential, x, has_aux=True)
    aux *= 0
    return np.sum(pullback(np.ones(4))[0] * x)


def gradient_overwritten(x: Any) -> Any:
    a, b = nz.grad(lambda a, b: np.sum((a + b) * np.sin(x)), (0, 1))(x, x)
    a *= 3
    return np.sum(a * b * x)


def results_that_share_memory(x: Any) -> Any:
    def several(y: Any) -> Any:
        return y * 2, y[1:], y

    (a, b, c), pullback = nz.vjp(several, x)
    c[:] = 7.0
    b *= a[1:]
    return np.sum(pullback((a, b, c))[0] * x) + np.sum(b)


@pytest.mark.parametrize(
    "f", [value_overwritten, aux_overwritten, gradient_overwritten, results_that_share_memory]
)
def test_results_are_arrays_of_their_own(f: Any) -> None:
    value, gradient = nz.value_and_grad(f)(X)
    np.testing.assert_allclose(value, f(X.copy()), rtol=1e-12)
    np.testing.assert_allclose(gradient, nz.differences(f, X).value, rtol=1e-6)
    if f is value_overwritten or f is aux_overwritten:
        np.testing.assert_allclose(value, np.sum(np.exp(X) * X), rtol=1e-12)


def test_a_callback_has_its_arguments_for_itself() -> None:
    def changed(v: Any) -> Any:
        v *= 2
        return v + 1

    def f(x: Any) -> Any:
        z = np.exp(x)
        return np.sum(nz.pure_callback(changed, z, z, derivative="differences") * z)

    np.testing.assert_allclose(nz.value_and_grad(f)(X)[0], np.sum((2 * np.exp(X) + 1) * np.exp(X)))
    np.testing.assert_allclose(nz.grad(f)(X), 4 * np.exp(2 * X) + np.exp(X), rtol=1e-6)


# --- places that are traced
@pytest.mark.parametrize(
    "f",
    [
        lambda x, n: np.sum(x[:n] ** 2),
        lambda x, n: np.sum(x[None, n:] ** 2),
        lambda x, n: np.sum(x[::n] ** 2),
        lambda x, n: np.sum(filled(x[:n], 2.0) * x[:n]) + np.sum(x**2),
        lambda x, n: np.sum(filled(x.copy(), x[0], slice(n, None)) ** 2),
        lambda x, n: np.sum(x[np.argmin(x) : n] * x[0]),
    ],
)
def test_the_ends_of_a_slice_are_numbers_that_were_asked_for(f: Any) -> None:
    fast = nz.jit(nz.grad(f))
    for n in (2, 3, 1, 2):
        np.testing.assert_allclose(fast(X, n), nz.grad(f)(X, n))
        np.testing.assert_allclose(fast(X, n), nz.differences(f, X, n).value, rtol=1e-6, atol=1e-9)


def filled(y: Any, value: Any, key: Any = slice(None)) -> Any:
    y[key] = value
    return y


@pytest.mark.parametrize("value", [0.0, "x"])
@pytest.mark.parametrize(
    "transform", [lambda f: f, lambda f: lambda x, i: nz.grad(lambda x: np.sum(f(x, i)))(x)]
)
def test_compiled_nothing_is_written_outside(value: Any, transform: Any) -> None:
    def f(x: Any, i: Any) -> Any:
        return filled(x * 2, x[0] if value == "x" else value, i)

    fast = nz.jit(transform(f))
    np.testing.assert_allclose(fast(X, 2), transform(f)(X, 2))
    np.testing.assert_allclose(fast(X, -1), transform(f)(X, -1))
    for outside in (4, 70, -5):
        with pytest.raises(IndexError):
            fast(X, outside)


def test_no_step_of_a_compiled_scan_writes_outside() -> None:
    def f(x: Any, n: Any) -> Any:
        return nz.scan(lambda c, i: (filled(c, 1.0, i), None), x, n)[0]

    fast = nz.jit(f)
    np.testing.assert_allclose(fast(X, np.array([0, 2])), f(X, np.array([0, 2])))
    with pytest.raises(IndexError):
        fast(X, np.array([0, 9]))


# --- arrays without axes
def accumulated(x: Any) -> Any:
    z = np.zeros(())
    for a in x:
        z += a * a
    w = z
    w /= 2
    return z * w


def entry_as_a_view(x: Any) -> Any:
    v, w = x[0, ...], x[1:2].reshape(())
    v[...] = 5 * x[2]
    v *= 2
    w -= x[3]
    return np.sum(x**2)


def made_of_a_number(x: Any) -> Any:
    z = np.array(x[0])
    w = z
    z += 1
    w *= x[1]
    z[...] *= x[2]
    return z * w * x[0]


def numbers_are_replaced(x: Any) -> Any:
    total = 0.0
    for number in (
        np.median(x),
        np.quantile(x, 0.3),
        np.sum(x),
        x[0],
        np.einsum("i,i->", x, x),
        np.nanmax(x),
        np.imag(1j * x[0]),
        np.interp(x[0], [0.0, 1.0], [0.0, 2.0]),
        np.linalg.multi_dot([x, np.outer(x, x), x]),
        np.nanstd(x),
    ):
        before = number
        number += x[1]
        total = total + number * before
    return total


@pytest.mark.parametrize("f", [accumulated, entry_as_a_view, made_of_a_number, numbers_are_replaced])
def test_arrays_without_axes_change_and_numbers_are_replaced(f: Any) -> None:
    value, gradient = nz.value_and_grad(f)(X)
    np.testing.assert_allclose(value, f(X.copy()), rtol=1e-12)
    np.testing.assert_allclose(gradient, nz.differences(f, X).value, rtol=1e-6)
    np.testing.assert_allclose(nz.jit(nz.grad(f))(X), gradient, rtol=1e-12)
    np.testing.assert_allclose(nz.vmap(nz.grad(f))(np.stack([X, X]))[1], gradient, rtol=1e-12)
    np.testing.assert_allclose(nz.grad(lambda x: np.sum(nz.grad(f)(x)))(X), np.sum(nz.hessian(f)(X), axis=0))


def test_a_python_number_is_a_whole_exponent() -> None:
    def f(x: Any) -> Any:
        return np.sum(np.ldexp(x, 2) ** 2 + np.ldexp(x, -1))

    np.testing.assert_allclose(nz.grad(f)(X), 32 * X + 0.5)
    np.testing.assert_allclose(nz.jit(nz.grad(f))(X), 32 * X + 0.5)
    assert nz.grad(lambda x: np.ldexp(x, 3))(2.0) == 8.0


# --- arguments that are out of the ordinary
@pytest.mark.parametrize("f", [np.cumprod, np.multiply.accumulate, np.nancumprod, np.multiply.reduce])
def test_products_of_a_dtype(f: Any) -> None:
    value, gradient = nz.value_and_grad(lambda x: np.sum(np.real(f(x, dtype=complex)) ** 2))(X)
    np.testing.assert_allclose(value, np.sum(f(X) ** 2))
    np.testing.assert_allclose(gradient, nz.grad(lambda x: np.sum(f(x, dtype=float) ** 2))(X))


def test_functions_of_scipy_that_take_more_than_one_thinks() -> None:
    linalg, special = pytest.importorskip("scipy.linalg"), pytest.importorskip("scipy.special")
    stats, wide = pytest.importorskip("scipy.stats"), np.stack([X, X**2])
    for f in (
        lambda x: stats.kurtosis(x, axis=None),
        lambda x: stats.skew(x, axis=None, bias=False),
        lambda x: stats.sem(x, axis=None),
        lambda x: linalg.convolution_matrix(x, 3, "same"),
        lambda x: special.logsumexp(x * (1 + 2j), axis=-1).real,
        lambda x: special.logsumexp(x * (1 + 2j), axis=-1, return_sign=True)[0],
        lambda x: special.logsumexp(x * (1 + 2j), return_sign=True)[1].imag,
    ):
        weights = np.cos(np.arange(np.size(f(wide)))).reshape(np.shape(f(wide)))
        value, gradient = nz.value_and_grad(lambda x, f=f, weights=weights: np.sum(f(x) * weights))(wide)
        np.testing.assert_allclose(value, np.sum(f(wide) * weights), rtol=1e-12)
        wanted = nz.differences(lambda x, f=f, weights=weights: np.sum(f(x) * weights), wide).value
        np.testing.assert_allclose(gradient, wanted, rtol=1e-5, atol=1e-8)
    with pytest.raises(TraceError, match="complex number"):
        nz.grad(lambda x: np.sum(np.abs(stats.norm.logpdf(x + 1j))))(X)


def test_what_is_stopped_or_named_is_another_array() -> None:
    def f(x: Any) -> Any:
        y, z, n = nz.stop_gradient(x), nz.name(x, "z"), nz.stop_gradient(np.arange(4))
        y[0], z[1], n[2] = x[1], 4.0, 7
        return np.sum(y * x) + np.sum(z * n)

    np.testing.assert_allclose(nz.value_and_grad(f)(X)[0], f(X.copy()))


def test_what_is_written_into_one_argument_and_seen_in_another_is_refused() -> None:
    def f(p: Any) -> Any:
        p["a"][0] = p["b"][1] * 3
        return np.sum(p["a"] ** 2) + np.sum(p["b"] ** 2)

    def g(x: Any) -> Any:
        return nz.grad(f)({"a": x, "b": x})["a"][1]

    def only_read(p: Any) -> Any:
        return np.sum(p["a"] * p["b"])

    for transform in (nz.grad, nz.jit, nz.value_and_grad):
        with pytest.raises(TraceError, match="shares its memory"):
            transform(f)({"a": X, "b": X})
        with pytest.raises(TraceError, match="shares its memory"):
            transform(f)({"a": X[1:], "b": X[:-1]})
    with pytest.raises(TraceError, match="shares its memory"):
        nz.grad(g)(X)
    np.testing.assert_allclose(nz.grad(only_read)({"a": X, "b": X})["a"], X)
    M = np.ones((3, 2))
    np.testing.assert_allclose(nz.grad(f)({"a": M[:, 0], "b": M[:, 1]})["b"], [2, 20, 2])


def test_whole_numbers_and_truths_that_depend_on_values_are_added_up() -> None:
    def f(x: Any) -> Any:
        counts, seen = np.zeros(4, int), np.zeros(4, bool)
        for k in (1, 2):
            counts += (k * 10 * x).astype(int)
            seen |= k * x > 1.3
        np.add(counts, x > 0.5, out=counts, where=x > 0.6)
        return np.sum(counts * x**2) + np.sum(x[seen])

    fast = nz.jit(nz.grad(f))
    for x in (X, X + 0.33, X):
        np.testing.assert_allclose(nz.value_and_grad(f)(x)[0], f(x))
        np.testing.assert_allclose(fast(x), nz.grad(f)(x))
    np.testing.assert_allclose(nz.grad(f)(X + 0.013), nz.differences(f, X + 0.013).value, rtol=1e-6)
    with pytest.raises(TraceError, match="from row to row"):
        nz.vmap(f)(np.stack([X, X]))
