"""Every NumPy function that has a rule: traced value = NumPy's value, gradient = central differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nazad as nz
from nazad.errors import NoRuleError, TraceError
from nazad.trace import numpy_table

numpy_table.open_rooms()
rng = np.random.default_rng(7)
pytestmark = pytest.mark.filterwarnings("ignore:numpy.fix is deprecated")  # from NumPy 2.5 on
A = rng.uniform(0.5, 2.0, (3, 4))
B = rng.uniform(0.5, 2.0, (4, 2))
v = rng.uniform(0.5, 2.0, 4)
T = rng.uniform(0.5, 2.0, (2, 3, 4))
mask = A > 1.2

CALLS: list[tuple[Callable[..., Any], Any]] = [
    # reductions
    (lambda x: np.sum(x), A),
    (lambda x: np.sum(x, axis=-1), T),
    (lambda x: np.sum(x, axis=(0, 2), keepdims=True), T),
    (lambda x: np.sum(x, where=mask), A),
    (lambda x: np.sum(x, initial=3.0), A),
    (lambda x: x.sum(0), A),
    (lambda x: np.prod(x, axis=0), A),
    (lambda x: np.prod(x), v),
    (lambda x: np.max(x, axis=1), A),
    (lambda x: np.amin(x), A),
    (lambda x: np.max(x, where=mask, initial=0.0), A),
    (lambda x: np.mean(x), A),
    (lambda x: np.mean(x, axis=(0, 1)), T),
    (lambda x: x.mean(axis=1, keepdims=True), A),
    (lambda x: np.var(x), A),
    (lambda x: np.var(x, axis=0, ddof=1), A),
    (lambda x: np.std(x, axis=1), A),
    (lambda x: x.std(ddof=1), A),
    (lambda x: np.ptp(x, axis=0), A),
    (lambda x: np.average(x, axis=0), A),
    (lambda x: np.average(x, weights=np.arange(4.0), axis=1), A),
    (lambda x: np.average(A, weights=x), A),
    (lambda x: np.median(x), v),
    (lambda x: np.median(x, axis=1), A),
    (lambda x: np.median(x, axis=1, keepdims=True), A),
    (lambda x: np.add.reduce(x), A),
    (lambda x: np.multiply.reduce(x, axis=1), A),
    (lambda x: np.maximum.reduce(x), A),
    (lambda x: np.minimum.reduce(x, axis=1), A),
    (lambda x: np.logaddexp.reduce(x), A),
    (lambda x: np.logaddexp.reduce(x, axis=1), A),
    (lambda x: np.add.accumulate(x), A),
    (lambda x: np.multiply.accumulate(x, axis=1), A),
    (lambda x: np.add.outer(x, v), A),
    (lambda x: np.multiply.outer(v, x), A),
    (lambda x: np.linalg.norm(x), A),
    (lambda x: np.linalg.norm(x, axis=1), A),
    (lambda x: np.linalg.norm(x, "fro"), A),
    (lambda x: np.linalg.norm(x, 1), v),
    (lambda x: np.linalg.norm(x, 3), v),
    (lambda x: np.linalg.norm(x, np.inf), v),
    (lambda x: np.linalg.norm(x, -np.inf), v),
    (lambda x: np.linalg.norm(x, 0), v),
    (lambda x: np.linalg.norm(x, 1), A),
    (lambda x: np.linalg.norm(x, np.inf), A),
    (lambda x: np.linalg.norm(x, -1, axis=(1, 0), keepdims=True), A),
    # shape
    (lambda x: np.reshape(x, (2, -1)), A),
    (lambda x: x.reshape(4, 3), A),
    (lambda x: np.reshape(x, (4, 3), order="F"), A),
    (lambda x: np.ravel(x), A),
    (lambda x: x.flatten(), A),
    (lambda x: np.ravel(x, order="F"), A),
    (lambda x: x.T, A),
    (lambda x: np.transpose(x, (1, 2, 0)), T),
    (lambda x: x.transpose(2, 0, 1), T),
    (lambda x: np.matrix_transpose(x), T),
    (lambda x: x.mT, T),
    (lambda x: np.swapaxes(x, 0, -1), T),
    (lambda x: np.moveaxis(x, 0, -1), T),
    (lambda x: np.moveaxis(x, (0, 1), (2, 0)), T),
    (lambda x: np.rollaxis(x, 2), T),
    (lambda x: np.expand_dims(x, (0, 2)), A),
    (lambda x: np.squeeze(x[None]), A),
    (lambda x: np.squeeze(x[:, None], axis=1), A),
    (lambda x: np.broadcast_to(x, (3, 4)), v),
    (lambda x: np.broadcast_arrays(x, A)[0], v),
    (lambda x: np.atleast_1d(x[0, 0]), A),
    (lambda x: np.atleast_2d(x), v),
    (lambda x: np.atleast_3d(x), v),
    (lambda x: np.atleast_3d(x), A),
    (lambda x: np.astype(x, np.float64), A),
    (lambda x: np.copy(x) * 2, A),
    (lambda x: x.astype(np.float64), A),
    # joining
    (lambda x: np.concatenate([x, A], axis=1), A),
    (lambda x: np.concatenate([x, v], axis=None), A),
    (lambda x: np.stack([x, x * 2], 1), A),
    (lambda x: np.vstack([x, A]), v),
    (lambda x: np.hstack([x, v]), v),
    (lambda x: np.hstack([x, A]), A),
    (lambda x: np.dstack([x, A]), A),
    (lambda x: np.column_stack([x, A.T]), v),
    (lambda x: np.append(x, 3.0), A),
    (lambda x: np.append(x, A, axis=0), A),
    (lambda x: np.split(x, 2, axis=1)[1], A),
    (lambda x: np.split(x, [1, 3], axis=1)[1], A),
    (lambda x: np.array_split(x, 3, axis=1)[0], A),
    (lambda x: np.where(mask, x, 2 * x), A),
    (lambda x: np.where(x > 1, x, 0), A),
    (lambda x: np.select([x > 1.5, x > 1], [x, x**2], -x), A),
    # index arithmetic
    (lambda x: np.take(x, [0, 2, 2]), A),
    (lambda x: np.take(x, 1, axis=1), A),
    (lambda x: np.take(x, [[0, 1]], axis=0), A),
    (lambda x: np.take_along_axis(x, np.argsort(A, axis=1), axis=1), A),
    (lambda x: np.take_along_axis(x, np.array([1, 1]), None), A),
    (lambda x: np.flip(x), A),
    (lambda x: np.flip(x, 1), A),
    (lambda x: np.flipud(x), A),
    (lambda x: np.fliplr(x), A),
    (lambda x: np.roll(x, 2), A),
    (lambda x: np.roll(x, -1, axis=1), A),
    (lambda x: np.roll(x, (1, 2), axis=(0, 1)), A),
    (lambda x: np.rot90(x), A),
    (lambda x: np.rot90(x, 2), A),
    (lambda x: np.rot90(x, 3), A),
    (lambda x: np.repeat(x, 2), A),
    (lambda x: np.repeat(x, [1, 0, 2], axis=0), A),
    (lambda x: np.tile(x, 2), v),
    (lambda x: np.tile(x, (2, 1, 2)), A),
    (lambda x: np.pad(x, 1), A),
    (lambda x: np.pad(x, ((1, 0), (0, 2)), constant_values=5), A),
    (lambda x: np.pad(x, 2, mode="reflect"), A),
    (lambda x: np.pad(x, 1, mode="edge"), A),
    (lambda x: np.pad(x, (1, 2), mode="wrap"), A),
    (lambda x: np.pad(x, 1, mode="symmetric"), A),
    (lambda x: np.diagonal(x), A),
    (lambda x: np.diagonal(x, 1), A),
    (lambda x: np.diagonal(x, -1, 1, 2), T),
    (lambda x: np.trace(x), A),
    (lambda x: np.linalg.diagonal(x), T),
    (lambda x: np.linalg.trace(x), T),
    (lambda x: np.diag(x), v),
    (lambda x: np.diag(x, -2), v),
    (lambda x: np.diag(x, 1), A),
    (lambda x: np.tril(x), A),
    (lambda x: np.triu(x, 1), T),
    (lambda x: np.tril(x), v),
    (lambda x: np.diff(x), A),
    (lambda x: np.diff(x, 2, axis=0), A),
    (lambda x: np.trapezoid(x), A),
    (lambda x: np.trapezoid(x, v, axis=1), A),
    (lambda x: np.trapezoid(v, x), v),
    (lambda x: np.meshgrid(x, np.arange(3.0))[0], v),
    (lambda x: np.meshgrid(x, v, indexing="ij")[0], v),
    (lambda x: np.bincount([0, 2, 2, 5], x), v),
    (lambda x: np.bincount([0, 2, 2, 1], weights=x, minlength=6), v),
    (lambda x: np.sum(x[0], axis=0) + np.max(x[1], axis=-1) + np.ptp(x[2], axis=0), v),
    (lambda x: np.cumsum(x[0], axis=0), v),
    (lambda x: np.sort(x), A),
    (lambda x: np.sort(x, axis=0), A),
    (lambda x: np.sort(x, axis=None), A),
    (lambda x: np.cumsum(x), A),
    (lambda x: np.cumsum(x, axis=1), A),
    (lambda x: x.cumsum(0), A),
    (lambda x: np.cumprod(x, axis=1), A),
    (lambda x: np.cumprod(x), A),
    (lambda x: x[np.nonzero(x > 1)], A),
    (lambda x: x[x > 1], A),
    (lambda x: x[mask], A),
    (lambda x: x[:, [0, 0, 3]], A),
    (lambda x: x[range(2), (1, 3)] + x[range(2)][:, 0], A),
    (lambda x: x[np.array([0, 1])[:, None], [2, 3]], A),
    (lambda x: x[..., -1], T),
    (lambda x: x[::-1, None, 1:3], A),
    (lambda x: x[-1, ::2], A),
    (lambda x: x[:, [0, 2], :][0], T),
    (lambda x: x[[0, 1], :, [0, 2]], T),
    (lambda x: x[np.argsort(x)], v),
    (lambda x: x[np.argmax(x)], v),
    (lambda x: x[int(np.argmin(x))], v),
    # products
    (lambda x: np.dot(x, B), A),
    (lambda x: np.dot(x, v), A),
    (lambda x: np.dot(x, 3.0), A),
    (lambda x: np.dot(v, x), v),
    (lambda x: x.dot(B), A),
    (lambda x: np.dot(A, x), rng.normal(size=(2, 4, 3))),
    (lambda x: np.vdot(x, A), A),
    (lambda x: np.inner(x, A), A),
    (lambda x: np.inner(x, v), v),
    (lambda x: np.outer(x, A), v),
    (lambda x: np.linalg.outer(x, v), v),
    (lambda x: np.kron(x, B), A),
    (lambda x: np.kron(v, x), A),
    (lambda x: np.tensordot(x, B, 1), A),
    (lambda x: np.tensordot(x, T, ((0, 1), (1, 2))), A),
    (lambda x: np.matmul(x, B), T),
    (lambda x: x @ v, T),
    (lambda x: v @ x, B),
    (lambda x: np.einsum("ij,jk", x, B), A),
    (lambda x: np.einsum("...j,j->...", T, x), v),
    (lambda x: np.einsum("ii->i", x), rng.normal(size=(3, 3))),
    (lambda x: np.einsum("ii", x), rng.normal(size=(3, 3))),
    (lambda x: np.einsum("iji->j", x), rng.normal(size=(3, 2, 3))),
    (lambda x: np.einsum(x, [0, 1], B, [1, 2], [2, 0]), A),
    (lambda x: np.einsum("ij,ij,j->i", x, A, v, optimize=True), A),
    (lambda x: np.cross(x, np.array([1.0, 2.0, 3.0])), rng.normal(size=(4, 3))),
    # elementwise
    (lambda x: np.clip(x, 0.8, 1.4), A),
    (lambda x: np.clip(x, None, 1.4), A),
    (lambda x: np.clip(x, 0.8, None), A),
    (lambda x: x.clip(min=1.0), A),
    (lambda x: np.sinc(x), A),
    (lambda x: np.nan_to_num(x), A),
    (lambda x: np.real(x), A),
    (lambda x: np.imag(x), A),
    (lambda x: x.real + x.imag, A),
    (lambda x: np.angle(x) + np.angle(x + 1j * x**2), A),
    (lambda x: np.real_if_close(x) * np.real_if_close(x + 0j), A),
    (lambda x: np.round(x, 1), A),
    (lambda x: np.around(x), A),
    (lambda x: np.fix(x), A),
    (lambda x: np.divmod(x, 0.7)[1], A),
    (lambda x: np.modf(x)[0], A),
    (lambda x: np.frexp(x)[0] * 2.0, A),
    (lambda x: divmod(x, 0.7)[0], A),
    (lambda x: abs(-x), A),
    (lambda x: x**2 + x**0.5 + x**-1 + x**1 + x**3 + 2**x, A),
    (lambda x: -x + 3 - x / 2 * 5 % 2, A),
    (lambda x: 1 / x, A),
    (lambda x: x // 0.3, A),
    (lambda x: np.full_like(x, 2.0) * x, A),
    (lambda x: np.zeros_like(x) + np.ones_like(x) * x, A),
    (
        lambda x: (
            np.asarray([np.size(x), x.size, np.size(x, 0), np.ndim(x), x.ndim, len(x), *np.shape(x)])
            + 0 * x[0, 0]
        ),
        A,
    ),
    (lambda x: x * float(np.can_cast(x, np.float32)) + x * float(np.result_type(x, np.float32).itemsize), A),
    (lambda x: x * (1.0 + np.isrealobj(x) + np.iscomplexobj(x)), A),
    (lambda x: np.vecdot(x, A), A),
    (lambda x: x.item(2) * x.repeat(2), v),
    (lambda x: sum(x.tolist()), v),
    (lambda x: sum(row.sum() for row in x), A),
    (lambda x: max(x), v),
    (lambda x: sum(x.flat), A),
    (lambda x: np.permute_dims(x, (1, 0)), A),
    (lambda x: np.min(x, axis=0), A),
    (lambda x: np.amax(x), A),
]

VALUES: list[tuple[Callable[..., Any], Any]] = [
    (lambda x: np.argmax(x), A),
    (lambda x: np.argmin(x, axis=0), A),
    (lambda x: np.argmax(x, axis=1, keepdims=True), A),
    (lambda x: np.argmax(x, keepdims=True), A),
    (lambda x: np.argsort(x, axis=0), A),
    (lambda x: np.argsort(x[0]), v),
    (lambda x: np.argsort(x, axis=None), A),
    (lambda x: np.all(x > 0, axis=1), A),
    (lambda x: np.any(x > 1.5), A),
    (lambda x: np.count_nonzero(x > 1, axis=0), A),
    (lambda x: np.isclose(x, A), A),
    (lambda x: np.array(np.allclose(x, A)), A),
    (lambda x: np.array(np.array_equal(x, A)), A),
    (lambda x: np.frexp(x)[1], A),
    (lambda x: (x > 1) & (x < 2) | ~(x == 3), A),
    (lambda x: np.isnan(x), A),
    (lambda x: np.isreal(x + 1j * (x > 1)), A),
    (lambda x: np.iscomplex(x), A),
    (lambda x: x.astype(int), A),
    (lambda x: np.nonzero(x > 1)[0], A),
]


def value_of(f: Callable[..., Any], x: Any) -> Any:
    G = nz.trace(f, x)
    return G.forward([x])[G.sinks[0]]


@pytest.mark.parametrize("k", range(len(CALLS)))
def test_value_and_gradient(k: int) -> None:
    f, x = CALLS[k]
    expected = f(x)
    np.testing.assert_allclose(value_of(f, x), expected, rtol=1e-14)
    assert np.shape(value_of(f, x)) == np.shape(expected)
    y_bar = rng.normal(size=np.shape(expected))
    (x_bar,) = nz.vjp(f, x)[1](y_bar)
    direction, h = rng.normal(size=np.shape(x)), 1e-6
    difference = np.vdot(y_bar, (f(x + h * direction) - f(x - h * direction)) / (2 * h))
    np.testing.assert_allclose(np.vdot(x_bar, direction), difference, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(
        np.vdot(nz.jvp(f, (x,), (direction,))[1], y_bar), difference, rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize("k", range(len(VALUES)))
def test_value_without_derivative(k: int) -> None:
    f, x = VALUES[k]
    np.testing.assert_array_equal(value_of(f, x), f(x), strict=True)


# --- what has no rule says so
def test_function_without_a_rule_names_itself_the_line_and_a_remedy() -> None:
    with pytest.raises(
        NoRuleError, match=r"test_numpy_table.py:\d+: np.may_share_memory has no derivative rule.*Write it"
    ):
        nz.grad(lambda x: x[0] * np.may_share_memory(x, v))(v)


def test_near_name_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(numpy_table.FUNCTIONS, np.nancumsum)
    with pytest.raises(NoRuleError, match=r"np.nancumsum has no derivative rule.*np.cumsum"):
        nz.grad(lambda x: np.nancumsum(x).sum())(v)


def unseen(source: str) -> Any:
    """A function whose source is not to be had, and which therefore is not followed."""
    return eval(source, {"np": np})  # noqa: S307


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: np.add(x, 1, out=v).sum(), "written into an ordinary array"),
        (
            lambda x: np.add(x, 1, where=v > 1).sum(),
            r"np.add\(where=\) without out= leaves entries undefined. Choose with np.where",
        ),
        (lambda x: np.cumsum(x, out=v), "written into an ordinary array"),
        (unseen("lambda x: np.array([x[0], x[1]]).sum()"), "would become an ordinary NumPy array"),
        (unseen("lambda x: np.asarray(x).sum()"), "would become an ordinary NumPy array"),
        (unseen("lambda x: float(x[0])"), r"would become float\(\)"),
        (unseen("lambda x: np.full_like(np.ones(2), x[0])"), "written into an ordinary array"),
        (lambda x: x.astype(str), "cast to <U"),
    ],
)
def test_what_would_drop_a_derivative_raises(call: Callable[..., Any], message: str) -> None:
    with pytest.raises((TraceError, NoRuleError, TypeError), match=message):
        nz.grad(call)(v)


def test_swallowed_errors_come_back_at_the_end() -> None:
    scale_of = unseen("lambda x: float(x[0])")

    def f(x: Any) -> Any:
        try:
            scale = scale_of(x)
        except TypeError:
            scale = 1.0
        return scale * np.sum(x)

    with pytest.raises(TraceError, match=r"float\(\)"):
        nz.grad(f)(v)


def test_writing_into_an_ordinary_array_raises() -> None:
    kept = np.zeros(4)

    def f(x: Any) -> Any:
        kept[0] = x[0]
        return np.sum(kept)

    with pytest.raises(TraceError, match="derivative would be lost"):
        nz.grad(f)(v)
