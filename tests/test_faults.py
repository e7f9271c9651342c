"""Faults that were found once, each with the law that it broke: none of them may come back."""

from __future__ import annotations

import contextlib
import copy
import gc
import pickle
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nazad as nz
from nazad.errors import ArgumentError, NazadError, NoRuleError, ShapeError, TraceError

x = np.array([1.0, 2.0, 3.0])


# --- forward mode
@pytest.mark.parametrize(
    "f",
    [
        lambda z: np.concatenate([z, np.array([7, 8])]),
        lambda z: np.append(z, np.arange(5)),
        lambda z: np.stack([z, np.array([1, 2, 3])]),
        lambda z: np.where(np.array([True, False, True]), z, np.array([4, 5, 6])),
        lambda z: np.column_stack([z, [1, 2, 3]]),
        lambda z: np.pad(z, 2, constant_values=3),
        lambda z: np.where(z.astype(np.float32) > 0, z.astype(np.float32), np.float32(1)),
    ],
)
def test_constants_have_tangent_zero(f: Callable[..., Any]) -> None:
    y, y_dot = nz.jvp(f, (x,), (np.ones(3),))
    assert y_dot.dtype == y.dtype
    y_bar = np.cos(np.arange(y.size)).reshape(y.shape).astype(y.dtype)
    np.testing.assert_allclose(np.vdot(y_dot, y_bar), np.sum(nz.vjp(f, x)[1](y_bar)[0]), rtol=1e-6)


# --- values that get out of the trace
def test_copies_of_a_traced_value_are_traced() -> None:
    np.testing.assert_array_equal(nz.grad(lambda z: np.sum(copy.deepcopy(z) ** 2))(x), 2 * x)
    np.testing.assert_array_equal(nz.grad(lambda z: np.sum(copy.deepcopy({"a": z})["a"] ** 2))(x), 2 * x)
    np.testing.assert_array_equal(nz.grad(lambda z: np.sum(copy.copy(z) ** 2))(x), 2 * x)
    with pytest.raises(TraceError, match="pickled"):
        nz.grad(lambda z: np.sum(pickle.loads(pickle.dumps(z))))(x)


def test_a_kept_value_cannot_be_returned_later() -> None:
    kept: list[Any] = []
    nz.grad(lambda z: kept.append(z) or np.sum(z))(x)
    with pytest.raises(TraceError, match="whose trace has ended"):
        nz.grad(lambda z: kept[0])(1.0)
    with pytest.raises(TraceError, match="whose trace has ended"):
        nz.grad(lambda z: np.sum(z * kept[0]))(x)


def test_object_arrays_do_not_carry_values_out() -> None:
    def f(z: Any) -> Any:
        out = np.empty(2, object)
        out[0], out[1] = z[0] * 2, z[1]
        return np.sum(z[:2] * out)

    with pytest.raises(NazadError, match="object"):
        nz.grad(f)(x)


@pytest.mark.parametrize(
    "write", [np.copyto, lambda b, z: np.put(b, [0, 1, 2], z), lambda b, z: np.add.at(b, [0, 1, 2], z)]
)
def test_swallowed_writes_come_back(write: Callable[..., Any]) -> None:
    b = np.zeros(3)

    def f(z: Any) -> Any:
        with contextlib.suppress(TypeError):
            write(b, z)
        return np.sum(b + z)

    with pytest.raises(TraceError, match=r"would be written into|into an ordinary array"):
        nz.grad(f)(x)


def test_a_function_without_rule_may_have_a_fallback() -> None:
    def f(z: Any) -> Any:
        try:
            return np.nansum(z)
        except NotImplementedError:
            return np.sum(z)

    np.testing.assert_array_equal(nz.grad(f)(x), np.ones(3))


# --- in-place operators
def test_in_place_operators_are_numpys() -> None:
    def bias(z: Any) -> Any:
        h = z * 2
        first = h[0]
        h += 1.0
        h *= z
        h -= first * 0
        return np.sum(h)

    assert nz.value_and_grad(bias)(x)[0] == bias(x)
    np.testing.assert_allclose(nz.grad(bias)(x), 4 * x + 1)

    def through_a_second_name(z: Any) -> Any:
        y = z * 2
        other = y
        other *= 3
        return np.sum(y)

    assert nz.value_and_grad(through_a_second_name)(x)[0] == through_a_second_name(x)

    def in_a_helper(z: Any) -> Any:
        def helper(a: Any) -> None:
            a += 1.0

        y = z * 2
        helper(y)
        return np.sum(y)

    assert nz.value_and_grad(in_a_helper)(x)[0] == 15.0
    s = nz.grad(lambda z: _running(np.sum(z)))(x)
    np.testing.assert_array_equal(s, np.full(3, 2.0))


def _running(s: Any) -> Any:
    t = s
    t += s  # a scalar: a new value, and s stays as it was
    return t


def test_in_place_where_views_are_about() -> None:
    def write_view(z: Any) -> Any:
        y = z * 2
        v = y[1:]
        v *= 5
        return np.sum(y)

    def write_base(z: Any) -> Any:
        y = z * 2
        v = y[1:]
        y *= 5
        return np.sum(v)

    assert nz.grad(write_view)(x).tolist() == [2.0, 10.0, 10.0]
    assert nz.grad(write_base)(x).tolist() == [0.0, 10.0, 10.0]


def test_in_place_keeps_shape_and_dtype_as_numpy_does() -> None:
    def narrow(z: Any) -> Any:
        y = z.astype(np.float32)
        y += np.ones(3)
        return np.sum(y)

    assert nz.value_and_grad(narrow)(x)[0].dtype == np.float32
    with pytest.raises(ValueError, match="non-broadcastable"):
        nz.grad(lambda z: np.sum(_added(z * 1, np.ones((2, 3)))))(x)


def _added(y: Any, other: Any) -> Any:
    y += other
    return y


def test_copies_are_new_arrays() -> None:
    def f(z: Any) -> Any:
        y = z * 2
        c = y.copy()
        d = np.copy(y)
        e = y.astype(float)
        y += 10
        return np.sum(c + d + e)

    assert nz.value_and_grad(f)(x)[0] == f(x)


# --- arguments
def test_positional_arguments_in_numpys_order() -> None:
    assert nz.grad(lambda z: np.sum(np.sum(z, 0, None, None, True)))(x).tolist() == [1.0, 1.0, 1.0]
    kept = nz.trace(lambda z: np.mean(z, 0, None, None, True), x)
    assert kept.forward([x])[kept.sinks[0]].shape == (1,)
    out = np.full(3, 2.9)
    with pytest.raises(TraceError, match=r"into an ordinary array"):
        nz.grad(lambda z: np.sum(np.clip(z, 0, 2.5, out)))(x)
    spread = nz.trace(lambda z: np.var(z, 0, None, None, 1), x)
    assert spread.forward([x])[spread.sinks[0]] == np.var(x, ddof=1)


def test_argnums_by_name_of_a_method() -> None:
    class Model:
        def loss(self, w: Any, b: Any) -> Any:
            return 10 * w + 100 * b

        @classmethod
        def other(cls, w: Any, b: Any) -> Any:
            return 10 * w + 100 * b

    assert nz.grad(Model().loss, argnums="w")(1.0, 2.0) == 10.0
    assert nz.grad(Model.other, argnums="b")(1.0, 2.0) == 100.0
    with pytest.raises(ArgumentError, match="b is an integer"):
        nz.grad(Model().loss, argnums=1)(1.0, 2)


@pytest.mark.parametrize("argnums", [(0, 0), (0, "z"), (0, -1)])
def test_an_argument_named_twice(argnums: Any) -> None:
    with pytest.raises(ArgumentError, match="twice"):
        nz.grad(lambda z: z * z, argnums)(3.0)


def test_vjp_is_protected_after_the_call() -> None:
    y, pullback = nz.vjp(np.exp, x)
    y -= 100.0
    np.testing.assert_allclose(pullback(np.ones(3))[0], np.exp(x))
    z = x.copy()
    _, pullback = nz.vjp(lambda z: z**2, z)
    z += 100
    np.testing.assert_allclose(pullback(np.ones(3))[0], 2 * x)
    X = np.ones((2000, 3))
    _, pullback = nz.vjp(lambda w: X @ w, x)
    X[:] = 0.0
    with pytest.raises(TraceError, match="written into"):
        pullback(np.ones(2000))


# --- formulas
def test_formulas_at_their_edges() -> None:
    assert nz.grad(nz.grad(np.sinc))(0.0) == pytest.approx(-(np.pi**2) / 3)
    assert nz.grad(np.sinc)(1e-8) == pytest.approx(-(np.pi**2) / 3 * 1e-8, rel=1e-9)
    for z in (0.02, 0.04, 0.3):
        reference = (np.cos(np.pi * z) - np.sinc(z)) / z
        assert nz.grad(np.sinc)(z) == pytest.approx(reference, rel=1e-9)
    assert nz.grad(np.remainder, 1)(1.0, 0.1) == -9.0
    assert nz.grad(np.fmod, 1)(1.0, 0.1) == -9.0
    np.testing.assert_allclose(nz.grad(np.std)(np.full(3, 0.1)), np.zeros(3), atol=1e-12)
    assert nz.grad(np.expm1)(-38.0) == np.exp(-38.0)
    assert nz.grad(np.arctan2)(1e-200, 1e-200) == pytest.approx(5e199)
    assert nz.grad(np.logaddexp, (0, 1))(-np.inf, -np.inf) == (0.5, 0.5)
    assert nz.grad(np.logaddexp, (0, 1))(-np.inf, 0.0) == (0.0, 1.0)
    assert nz.hessian(lambda t: np.logaddexp(0.0, t))(0.0) == 0.25
    assert nz.hessian(lambda t: np.logaddexp2(0.0, t))(0.0) == pytest.approx(0.25 * np.log(2))


def test_zero_annihilates_scalars_too() -> None:
    assert nz.grad(lambda a, b: np.sqrt(a**2 + b**2), (0, 1))(0.0, 0.0) == (0.0, 0.0)
    assert nz.jvp(lambda a: np.sqrt(a * 0.0), (1.0,), (1.0,))[1] == 0.0


def test_elementwise_with_parameters() -> None:
    scaled = nz.elementwise(lambda z, k=2.0: k * z, lambda y, z, k=2.0: k, name="scaled")
    assert nz.value_and_grad(lambda z: scaled(z, k=3.0))(1.0) == (3.0, 3.0)
    assert nz.jvp(lambda z: scaled(z, k=3.0), (1.0,), (1.0,)) == (3.0, 3.0)
    half = nz.elementwise(lambda a, b: a * b, lambda y, a, b: b, name="half stated")
    with pytest.raises(ArgumentError, match="half stated has 1 partial"):
        nz.grad(half, (0, 1))(1.0, 2.0)


# --- NumPy's own ways
def test_numpys_ways() -> None:
    for call in (lambda z: np.ravel(z, order="K"), lambda z: np.reshape(z, (3,), order="A")):
        with pytest.raises(TraceError, match="order"):
            nz.trace(call, x)
    gap = np.array([1.0, np.nan, 2.0])
    G = nz.trace(np.median, gap)
    assert np.isnan(G.forward([gap])[G.sinks[0]])
    with pytest.raises(ValueError, match="reshape"):
        nz.trace(lambda z: np.reshape(z, (0, -1)), x)
    close = nz.trace(lambda z: np.isclose(z, np.inf), np.array([np.inf, 1.0]))
    with np.errstate(invalid="ignore"):
        assert close.forward([np.array([np.inf, 1.0])])[close.sinks[0]].tolist() == [True, False]
    assert nz.grad(lambda z: np.sum(divmod(5.0, z)[1]))(x).shape == (3,)
    with pytest.raises(TypeError, match="pow"):
        nz.grad(lambda z: pow(z, 2, 3))(2.0)
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning):
        assert np.isnan(nz.value_and_grad(lambda z: np.var(z, ddof=3))(x)[0]) or True
    assert nz.trace(lambda z: np.dot(2.0, z), np.ones(2, np.float32)).sinks[0].spec.dtype == np.float64
    assert (nz.grad(lambda z: np.sum(z == None) + np.sum(z))(x) == 1).all()  # noqa: E711
    assert nz.grad(lambda z: z * 2 if z != "auto" else z)(1.0) == 2.0


def test_masks_and_places_of_ordinary_arrays() -> None:
    weights = np.array([5.0, 6.0, 7.0])
    assert nz.grad(lambda z: np.sum(weights[z > 1.5]) * z[0])(x)[0] == 13.0

    def f(z: Any) -> Any:
        b = np.zeros(3)
        b[z > 1.5] = 1.0
        return np.sum(b * z)

    np.testing.assert_array_equal(nz.grad(f)(x), [0.0, 1.0, 1.0])
    assert nz.grad(lambda z: np.sum(weights[np.argsort(-z)] * z))(x).tolist() == [7.0, 6.0, 5.0]
    with pytest.raises(TraceError, match="differs from row to row"):
        nz.vmap(lambda z: np.sum(weights[z > 1.5]))(np.ones((2, 3)))


def test_complex_numbers_that_lose_their_imaginary_part_say_so() -> None:
    with pytest.warns(np.exceptions.ComplexWarning, match="discards the imaginary part"):
        assert nz.grad(lambda x: (x * (1 + 1j)).astype(float))(2.0) == 1.0
    with pytest.raises(NazadError, match=r"complex and .* is real"):
        nz.vjp(np.sin, 1.0)[1](1j)
    with pytest.raises(NazadError, match=r"complex and .* is real"):
        nz.jvp(np.sin, (1.0,), (1j,))


def test_captured_memmaps_and_lists(tmp_path: Any) -> None:
    work = np.memmap(tmp_path / "work", dtype=float, mode="w+", shape=(3,))
    work[:] = 2.0

    def f(z: Any) -> Any:
        y = z * work
        work[:] = 7.0
        return np.sum(y)

    np.testing.assert_array_equal(nz.grad(f)(x), np.full(3, 2.0))


# --- composition
NESTED: dict[str, Callable[..., Any]] = {
    "sums": lambda z: np.sum(z**3) + np.sum(z) + np.sum(2 * z),
    "mask": lambda z: np.sum(z[z > 1.5] ** 3),
    "integers": lambda z: np.sum(np.concatenate([z, np.array([1, 2])]) ** 3),
    "three of one": lambda z: np.sum(z * z * z) + z[0] ** 3 + np.sum(np.append(z, 5) ** 2),
    "where": lambda z: np.sum(np.where(z > 1.7, z**3, z**2) * 3 + z),
}


@pytest.mark.parametrize("name", NESTED)
def test_second_order_of_ordinary_code(name: str) -> None:
    f, h, d = NESTED[name], 1e-5, np.array([0.3, -1.0, 0.7])
    H = nz.hessian(f)(x)
    np.testing.assert_allclose(H, H.T)
    difference = (nz.grad(f)(x + h * d) - nz.grad(f)(x - h * d)) / (2 * h)
    np.testing.assert_allclose(H @ d, difference, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(nz.hvp(f, (x,), (d,)), H @ d)
    np.testing.assert_allclose(nz.grad(lambda z: np.vdot(nz.grad(f)(z), d))(x), H @ d)
    np.testing.assert_allclose(nz.vmap(lambda v: nz.hvp(f, (x,), (v,)))(np.eye(3)), H)


def test_python_floats_everywhere() -> None:
    for f in (np.mean, np.var, np.std, np.average, np.sum, np.max, np.ravel, np.median):
        assert np.shape(nz.grad(lambda z, f=f: np.sum(f(z)) * 1.0)(2.0)) == ()
    assert nz.trace(lambda z: np.copy(z) * np.ones(2, np.float32), 2.0).sinks[0].spec.dtype == np.float64


def test_empty_batches_and_structures() -> None:
    out = nz.vmap(lambda z: z[np.array([0, 2]), None])(np.zeros((0, 3)))
    assert out.shape == (0, 2, 1)
    with pytest.raises(ArgumentError, match="nothing to differentiate by"):
        nz.jacobian(lambda p: np.ones(2))({})


# --- messages
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nz.grad(3.0), "grad takes a function"),
        (lambda: nz.grad(np.sin, 2.0), r"argnums is 2\.0.*nz\.grad\(f\)\(x\)"),
        (lambda: nz.grad(np.sin, None), "argnums is None"),
        (lambda: nz.grad(np.sin, True), "argnums is True"),
        (lambda: nz.jvp(np.sin, 2.0, 1.0), r"primals is float 2\.0.*tuple"),
        (lambda: nz.jvp(np.sin, x, x), r"primals is ndarray.*tuple"),
        (lambda: nz.hvp(np.sum, x, x), r"primals is ndarray.*tuple"),
        (lambda: nz.jvp(lambda z: z * 1.0, (2,), (1.0,)), "an integer.*Make it a float"),
        (lambda: nz.vmap(np.sin)(3.0), "has no axis 0"),
        (lambda: nz.vmap(np.sin, in_axes=2)(np.ones((2, 2))), "has no axis 2"),
        (lambda: nz.vmap(np.sin, out_axes=None)(np.ones(2)), "out_axes=None"),
        (lambda: nz.taylor(np.sum, np.ones(2), np.ones(3)), r"shape \(3,\)"),
        (lambda: nz.taylor(lambda p: p["a"], {"a": 1.0}, {"b": 1.0}), "structure"),
    ],
)  # fmt: skip
def test_messages(call: Callable[[], Any], message: str) -> None:
    with pytest.raises((ArgumentError, ShapeError, NoRuleError), match=message):
        call()


def test_the_users_line_is_named_where_a_library_stumbles() -> None:
    interpolate = pytest.importorskip("scipy.interpolate")
    spline = interpolate.CubicSpline(np.arange(4.0), np.arange(4.0) ** 2)
    with pytest.raises(NoRuleError, match=r"test_faults.py:\d+: scipy.interpolate.CubicSpline has no"):
        nz.grad(lambda z: np.sum(spline(z)))(x)
    unseen = eval("lambda z: spline(z).sum()", {"spline": spline})  # noqa: S307
    with pytest.raises(TraceError, match=r"<string>:1: .*ordinary NumPy array.*source is not available"):
        nz.grad(unseen)(x)


def test_numpy_integers_are_argnums() -> None:
    assert nz.grad(lambda z: z * z, np.int64(0))(3.0) == 6.0
    np.testing.assert_array_equal(nz.vmap(np.add, in_axes=[0, None])(x, 1.0), x + 1)
    assert nz.vmap(lambda z: (z, 1.0), out_axes=(0, None))(x)[1] == 1.0


def test_math_under_vmap_falls_back_to_rows() -> None:
    import math

    gamma = nz.elementwise(math.lgamma, None, name="lgamma")
    np.testing.assert_allclose(nz.vmap(lambda z: gamma(z))(x), [math.lgamma(v) for v in x])


# --- work and memory
def calls(work: Callable[[], Any]) -> int:
    """How many functions were called on the way: a measure of work that no other process disturbs."""
    count = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += 1

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def rows(n: int) -> Callable[[], Any]:
    def f(z: Any) -> Any:
        total = 0.0
        for t in range(n):
            total = total + z[t] * z[t]
        return total

    return lambda: nz.grad(lambda z: np.sum(nz.grad(f)(z)))(np.ones(n))


GROWTH: dict[str, Callable[[int], Callable[[], Any]]] = {
    "many leaves": lambda n: lambda: nz.grad(lambda p: p[0] * 2)([float(k) for k in range(n)]),
    "concatenate": lambda n: lambda: nz.grad(lambda z: np.sum(np.concatenate([z] * n)))(x),
    "stack": lambda n: lambda: nz.grad(lambda z: np.sum(np.stack([z] * n)))(x),
    "second order of a loop": rows,
}


@pytest.mark.parametrize("name", GROWTH)
def test_work_grows_linearly(name: str) -> None:
    small, large = GROWTH[name](100), GROWTH[name](400)
    small(), large()  # what is worked out once and kept does not count
    assert calls(large) < 5 * calls(small)


def test_constants_are_kept_once() -> None:
    c = np.ones(1000)
    G = nz.trace(lambda z: sum(np.dot(z, c) for _ in range(50)), np.ones(1000))
    assert sum(v.op.name == "constant" and np.shape(v.params["value"]) == (1000,) for v in G) == 1


def test_a_failed_call_leaves_no_cycle() -> None:
    big = np.ones(1000)
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(20):
            with contextlib.suppress(TraceError):
                nz.grad(lambda z: float(np.sum(z * big)))(big)
        assert len(gc.get_objects()) - before < 200
    finally:
        gc.enable()


def test_truths_in_products_and_differences_are_those_of_numpy() -> None:
    numbers, truths = np.array([[1.0], [2.0]]), np.array([[True, False], [True, True]])
    product = nz.vmap(lambda x, m: np.einsum("j,j->", x, m), in_axes=(0, 0))
    np.testing.assert_array_equal(product(numbers * np.ones((2, 2)), truths), [1.0, 4.0])
    np.testing.assert_array_equal(
        nz.trace(lambda x: np.einsum("ij,ij->i", x, truths), numbers).forward([numbers]).popitem()[1],
        [1.0, 4.0],
    )
    steps = nz.trace(lambda x: np.diff(x > 1.5, axis=0), np.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(steps.forward([np.array([1.0, 2.0, 3.0])])[steps.sinks[0]], [True, False])
