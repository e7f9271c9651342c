"""The table of coverage is true: every function has a verdict, and each verdict is seen to hold.

The rooms of ``calls`` hold sample calls by name: ``DERIVATIVE`` functions of one argument and the point where
they are smooth, ``VALUES`` those whose values are whole numbers, truths or steps.
"""

from __future__ import annotations

import functools
import pathlib
import runpy
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nazad as nz
from nazad import ops
from nazad.errors import TraceError
from nazad.ops.families import Elementwise
from nazad.trace.coverage import DERIVATIVE, NAMESPACES, NO_RULE, VALUE, coverage

ROOMS = sorted(pathlib.Path(__file__).with_name("calls").glob("*.py"))
ROWS = [SimpleNamespace(**runpy.run_path(str(room))) for room in ROOMS]
DERIVATIVES: dict[str, Any] = {name: calls for room in ROWS for name, calls in room.DERIVATIVE.items()}
VALUES: dict[str, Any] = {name: calls for room in ROWS for name, calls in room.VALUES.items()}
pytestmark = pytest.mark.filterwarnings(
    "ignore:numpy.fix is deprecated", "ignore:`row_stack`", "ignore:divide by zero"
)

Function = Callable[[Any], Any]


def cases(table: dict[str, Any]) -> list[Any]:
    return [
        pytest.param(f, x, id=f"{name}-{k}") for name, rows in table.items() for k, (f, x) in enumerate(rows)
    ]


def parts(y: Any) -> list[Any]:
    """What a function returned, as a list of arrays."""
    return [part for each in y for part in parts(each)] if isinstance(y, (tuple, list)) else [y]


def weighted(f: Function, y: Any) -> Function:
    """The sum of all entries of the result, each with a weight of its own."""
    rng = np.random.default_rng(3)
    weights = [rng.uniform(0.5, 1.5, np.shape(part)) for part in parts(y)]

    def total(x: Any) -> Any:
        return sum(np.sum(a * b) for a, b in zip(parts(f(x)), weights, strict=True))

    return total


def difference(f: Function, x: Any, direction: Any, h: float = 1e-5) -> Any:
    return (f(x + h * direction) - f(x - h * direction)) / (2 * h)


def traced(f: Function, x: Any) -> Any:
    G = nz.trace(f, x)
    return [G.forward([x])[sink] for sink in G.sinks]


@pytest.mark.parametrize(("f", "x"), cases(DERIVATIVES))
def test_derivative(f: Function, x: Any) -> None:
    y = f(x)
    for found, expected in zip(traced(f, x), parts(y), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13)
        assert np.shape(found) == np.shape(expected)
        assert np.result_type(found) == np.result_type(expected)
    total = weighted(f, y)
    direction = np.random.default_rng(4).normal(size=np.shape(x))
    there = np.where(np.isnan(x), 0.0, direction)
    slope = nz.grad(total)
    np.testing.assert_allclose(np.vdot(slope(x), there), difference(total, x, there), rtol=1e-7, atol=1e-7)
    bend = nz.jvp(slope, (x,), (there,))[1]
    np.testing.assert_allclose(bend, difference(slope, x, there), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("f", "x"), cases(VALUES))
def test_value_only(f: Function, x: Any) -> None:
    y = f(x)
    for found, expected in zip(traced(f, x), parts(y), strict=True):
        np.testing.assert_array_equal(found, expected)
        assert np.result_type(found) == np.result_type(expected)
    total = weighted(f, y)
    np.testing.assert_array_equal(nz.grad(lambda x: total(x) + 0.0 * np.nansum(x))(x), np.zeros(np.shape(x)))


ONE_EACH = {name: rows[:1] for name, rows in (DERIVATIVES | VALUES).items()}


@pytest.mark.parametrize(("f", "x"), cases(ONE_EACH))
def test_compiled(f: Function, x: Any) -> None:
    total = weighted(f, f(x))
    transform = nz.value_and_grad(lambda x: total(x) + 0.0 * np.nansum(x))
    value, gradient = transform(x)
    compiled_value, compiled = nz.jit(transform)(x)
    np.testing.assert_allclose(compiled_value, value, rtol=1e-13)
    np.testing.assert_allclose(compiled, gradient, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
@pytest.mark.parametrize(("f", "x"), cases(ONE_EACH))
def test_other_precisions(f: Function, x: Any, dtype: Any) -> None:
    """Values in single precision and of whole numbers have NumPy's dtype."""
    point = np.asarray(np.nan_to_num(x) * (10 if dtype is np.int64 else 1)).astype(dtype)[()]
    try:
        expected = parts(f(point))
    except (TypeError, ValueError, IndexError, np.linalg.LinAlgError):
        return  # NumPy refuses it
    for found, known in zip(traced(f, point), expected, strict=True):
        assert np.shape(found) == np.shape(known)
        assert np.result_type(found) == np.result_type(known) or isinstance(known, float)
        np.testing.assert_allclose(found, known, rtol=2e-3, atol=1e-4)


TABLE, POINT = np.array([3.0, 1.0, 4.0, 1.5]), np.array([1.2, 0.7, 1.9, 0.4])
UNASKED: list[Function] = [
    lambda x: np.take(TABLE, np.argsort(x)) * x,
    lambda x: np.pad(TABLE, 1, constant_values=x[0]),
    lambda x: np.unwrap(TABLE * 2.9, period=x[0] * 2),
    lambda x: np.interp(TABLE, [1.2, 3.0], [1.0, 2.0], left=x[0], right=x[1]),
    lambda x: np.polyint(TABLE, k=x[0]),
    lambda x: np.sum(TABLE, where=x > 1) * x,
    lambda x: np.repeat(TABLE, np.argsort(x)) * x[0],
    lambda x: np.triu(np.outer(x, TABLE), np.argmax(x) - 2),
    lambda x: np.sum(TABLE, initial=x[1]),
    lambda x: np.apply_along_axis(lambda line: line * x, 0, TABLE),
    lambda x: np.apply_over_axes(lambda a, axis: np.sum(a * x, axis), np.outer(TABLE, TABLE), [0, 1]),
    lambda x: np.piecewise(TABLE, [TABLE > 2], [lambda t: t * x[0], lambda t: t**2]),
]


@pytest.mark.parametrize("k", range(len(UNASKED)))
def test_arguments_that_numpy_does_not_ask(k: int) -> None:
    """Where call sites are rewritten, a rule is found by any of the arguments."""
    f = UNASKED[k]
    total = weighted(f, f(POINT))
    np.testing.assert_allclose(traced(f, POINT)[0], f(POINT), rtol=1e-14)
    direction = np.array([0.3, -0.2, 0.5, 0.1])
    found = nz.grad(lambda x: total(x) + 0.0 * np.sum(x))(POINT)
    np.testing.assert_allclose(found @ direction, difference(total, POINT, direction), rtol=1e-7, atol=1e-7)


NOTHING, BROKEN = np.zeros((0, 3)), np.array([[1.0, np.inf, 2.0], [np.nan, 3.0, 0.0], [4.0, -1.0, 2.0]])
EDGES: list[tuple[Function, Any]] = [
    (lambda x: np.unique(x, return_inverse=True), NOTHING),
    (lambda x: np.unique(x, axis=1, return_counts=True), NOTHING),
    (lambda x: np.unique(np.round(x), axis=0, return_inverse=True), BROKEN),
    (lambda x: np.setxor1d(x, []), NOTHING),
    (lambda x: np.setdiff1d(x, [1.0]), NOTHING),
    (lambda x: np.median(x, axis=0), NOTHING),
    (lambda x: np.nanmedian(x, axis=0, keepdims=True), NOTHING),
    (lambda x: np.max(x, axis=0, initial=2.0), NOTHING),
    (lambda x: np.nanmin(x, initial=2.0), NOTHING),
    (lambda x: np.sum(x, axis=1), NOTHING),
    (lambda x: np.concatenate([x, x]), NOTHING),
    (lambda x: np.diff(x, axis=0), NOTHING[:, :0]),
    (lambda x: np.quantile(x, [0.3, 1.0], axis=0, method="higher"), BROKEN),
    (lambda x: np.nanquantile(x, [0.3, 1.0], axis=0, method="inverted_cdf"), BROKEN),
    (lambda x: np.gradient(x, np.array([0.0, 1.0, 3.0]), 2.0, edge_order=2), BROKEN),
    (lambda x: np.pad(x, 2, "symmetric", reflect_type="odd"), BROKEN[2:]),
    (lambda x: np.insert(x, slice(0, 2), 7.0, axis=1), BROKEN),
    (lambda x: np.insert(x, [1], 7.0, axis=1), BROKEN),
    (lambda x: np.histogram(x, 3, (0.0, 2.0)), BROKEN[2].astype(np.float32)),
    (lambda x: np.histogram(x, 3), np.array([2.0, 2.0])),
    (lambda x: np.hypot.reduce(x, axis=1), -BROKEN[2:, :1]),
    (lambda x: np.hypot.reduceat(x, [0, 0, 2], axis=1), -BROKEN),
    (lambda x: np.nanmax(x, axis=0), np.full((2, 2), np.nan)),
    (lambda x: np.cumprod(x, axis=0), NOTHING),
    (lambda x: np.interp(x, [1.0], [5.0]), BROKEN),
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("k", range(len(EDGES)))
def test_edges(k: int) -> None:
    """Nothing, one, what is not finite: NumPy's value, shape and dtype."""
    f, x = EDGES[k]
    for found, expected in zip(traced(f, x), parts(f(x)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13)
        assert (np.shape(found), np.result_type(found)) == (np.shape(expected), np.result_type(expected))


ASKS = {
    *("unique", "unique_all", "unique_counts", "unique_inverse", "unique_values"),
    *("union1d", "intersect1d", "setdiff1d", "setxor1d"),
    *("nonzero", "ndarray.nonzero", "flatnonzero", "argwhere", "ix_", "trim_zeros", "piecewise"),
    *("arange", "polymul", "polydiv", "roots", "allclose", "array_equal", "array_equiv"),
}
"""What has a size, or a branch, that depends on the numbers: rows that differ in it do not stack."""


@pytest.mark.parametrize("name", ONE_EACH)
def test_batch_is_a_loop(name: str) -> None:
    ((f, x),) = ONE_EACH[name]
    rows = np.stack([x, np.asarray(x) * 1.001 + 0.001])
    if name.removeprefix("np.") in ASKS or name.startswith("np.emath"):
        with pytest.raises(TraceError, match="differs from row to row"):
            nz.vmap(f)(rows)
        return
    expected = [np.stack(column) for column in zip(*[parts(f(row)) for row in rows], strict=True)]
    for found, known in zip(parts(nz.vmap(f)(rows)), expected, strict=True):
        np.testing.assert_allclose(found, known, rtol=1e-12, atol=1e-12)


# --- the table
LAWS = {op.calc for op in ops.table().values() if isinstance(op, Elementwise)}
"""Functions that are a primitive as they are: tests/ops/test_laws.py has samples of every one."""


def function_of(name: str) -> Any:
    return functools.reduce(getattr, name.split(".")[1:], np)


def verdicts() -> dict[str, Any]:
    """The row of every function of NumPy, by the name by which it is called."""
    ours = [namespace for namespace in NAMESPACES if namespace.startswith("numpy")]
    return {f"{each.replace('numpy', 'np')}.{row.name}": row for each in ours for row in coverage(each)}


def test_every_function_of_numpy_has_a_verdict() -> None:
    assert [name for name, row in verdicts().items() if row.remark == NO_RULE] == []


@pytest.mark.parametrize(("verdict", "table"), [(DERIVATIVE, DERIVATIVES), (VALUE, VALUES)])
def test_every_verdict_is_seen_to_hold(verdict: str, table: dict[str, Any]) -> None:
    shown = LAWS | {function_of(name) for name in table}
    named = [name for name, row in verdicts().items() if row.verdict == verdict]
    assert [name for name in named if function_of(name) not in shown] == []


@pytest.mark.parametrize(("verdict", "table"), [(DERIVATIVE, DERIVATIVES), (VALUE, VALUES)])
def test_samples_are_of_functions_with_that_verdict(verdict: str, table: dict[str, Any]) -> None:
    known = verdicts()
    assert [name for name in table if known[name].verdict != verdict] == []
