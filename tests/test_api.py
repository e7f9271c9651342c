"""The public transforms: each by itself, each with every other, and what they refuse."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import nazad as nz
from nazad.errors import ArgumentError, ShapeError, TraceError

rng = np.random.default_rng(3)
A = rng.normal(size=(3, 3))


def f(x: Any, y: Any) -> Any:
    return (np.log(x) + x * y) - np.sin(y)


# --- structure of arguments and results
class Pair(NamedTuple):
    w: Any
    b: Any


@dataclasses.dataclass
class Params:
    w: Any
    b: Any
    name: str = dataclasses.field(default="model", metadata={"static": True})


@dataclasses.dataclass(frozen=True)
class Frozen:
    w: Any
    b: Any


X = rng.normal(size=(5, 3))


def score(w: Any, b: Any) -> Any:
    return np.mean(np.tanh(X @ w + b))


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda w, b: {"w": w, "b": b}, lambda p: (p["w"], p["b"])),
        (lambda w, b: [w, b], lambda p: (p[0], p[1])),
        (lambda w, b: (w, (b,)), lambda p: (p[0], p[1][0])),
        (Pair, lambda p: (p.w, p.b)),
        (Params, lambda p: (p.w, p.b)),
        (Frozen, lambda p: (p.w, p.b)),
        (
            lambda w, b: {"layers": [Params(w, None), Pair(b, None)]},
            lambda p: (p["layers"][0].w, p["layers"][1].w),
        ),
    ],
)
def test_gradient_has_the_structure_of_the_argument(
    make: Callable[..., Any], parts: Callable[..., Any]
) -> None:
    w, b = rng.normal(size=3), 0.3
    point = make(w, b)
    g = nz.grad(lambda p: score(*parts(p)))(point)
    assert type(g) is type(point)
    gw, gb = nz.grad(score, argnums=(0, 1))(w, b)
    np.testing.assert_array_equal(parts(g)[0], gw)
    assert parts(g)[1] == gb
    assert isinstance(gb, float)


def test_static_fields_stay() -> None:
    assert nz.grad(lambda p: np.sum(p.w**2) * p.b)(Params(np.ones(2), 2.0, "mine")).name == "mine"


def test_argnums() -> None:
    assert nz.grad(f)(2.0, 5.0) == 5.5
    assert nz.grad(f, argnums=1)(2.0, 5.0) == pytest.approx(1.716, abs=1e-3)
    assert nz.grad(f, argnums=-1)(2.0, 5.0) == nz.grad(f, argnums=1)(2.0, 5.0)
    assert nz.grad(f, argnums=(1, 0))(2.0, 5.0) == (nz.grad(f, 1)(2.0, 5.0), 5.5)
    assert nz.grad(f, argnums="y")(2.0, y=5.0) == nz.grad(f, 1)(2.0, 5.0)
    assert nz.grad(f, argnums=(0, "y"))(2.0, y=5.0) == nz.grad(f, (0, 1))(2.0, 5.0)
    assert nz.grad(f, argnums="y")(2.0, 5.0) == nz.grad(f, 1)(2.0, 5.0)
    with pytest.raises(ArgumentError, match="argnums=2, but f got 2 positional arguments"):
        nz.grad(f, argnums=2)(2.0, 5.0)
    with pytest.raises(ArgumentError, match="argnums names 'z'"):
        nz.grad(f, argnums="z")(2.0, 5.0)


def test_keyword_arguments_pass_through() -> None:
    assert nz.grad(lambda x, *, power, name: x**power)(2.0, power=3, name="text") == 12.0


def test_has_aux() -> None:
    def with_aux(x: Any) -> Any:
        y = np.sin(x)
        return y * 2, {"y": y, "note": "plain"}

    (value, aux), g = nz.value_and_grad(with_aux, has_aux=True)(0.5)
    assert (value, g) == (2 * np.sin(0.5), pytest.approx(2 * np.cos(0.5)))
    assert aux == {"y": np.sin(0.5), "note": "plain"}
    assert not hasattr(aux["y"], "node")
    assert nz.grad(with_aux, has_aux=True)(0.5)[1]["note"] == "plain"
    assert nz.jacobian(with_aux, has_aux=True)(0.5)[0] == pytest.approx(2 * np.cos(0.5))
    assert (
        len(nz.vjp(with_aux, 0.5, has_aux=True)) == len(nz.jvp(with_aux, (0.5,), (1.0,), has_aux=True)) == 3
    )
    with pytest.raises(ArgumentError, match="has_aux=True the function returned a single value"):
        nz.grad(lambda x: np.sin(x), has_aux=True)(1.0)


def test_several_outputs() -> None:
    def outputs(x: Any) -> Any:
        return {"sum": np.sum(x), "rest": [np.sin(x), x[0]]}

    x = np.array([1.0, 2.0])
    _y, pullback = nz.vjp(outputs, x)
    (x_bar,) = pullback({"sum": 1.0, "rest": [np.array([0.0, 10.0]), 5.0]})
    np.testing.assert_allclose(x_bar, [6.0, 1 + 10 * np.cos(2.0)])
    J = nz.jacobian(outputs)(x)
    np.testing.assert_allclose(J["rest"][0], np.diag(np.cos(x)))
    np.testing.assert_array_equal(J["rest"][1], [1.0, 0.0])
    np.testing.assert_array_equal(J["sum"], [1.0, 1.0])


def test_owned_results() -> None:
    """Gradients may be written into, and are not one array twice."""
    x, y = np.ones(3), np.ones(3)
    gx, gy = nz.grad(lambda x, y: np.sum(x + y), (0, 1))(x, y)
    gx += 1
    np.testing.assert_array_equal(gy, np.ones(3))
    big = nz.grad(np.sum)(np.ones(5000))
    big[0] = 7.0


# --- composition
NESTS = {
    "grad of grad": lambda g: nz.grad(nz.grad(g)),
    "grad of jvp": lambda g: nz.grad(lambda x: nz.jvp(g, (x,), (1.0,))[1]),
    "jvp of grad": lambda g: lambda x: nz.jvp(nz.grad(g), (x,), (1.0,))[1],
    "jvp of jvp": lambda g: lambda x: nz.jvp(lambda z: nz.jvp(g, (z,), (1.0,))[1], (x,), (1.0,))[1],
    "hessian": lambda g: nz.hessian(g),
    "jacobian of grad": lambda g: nz.jacobian(nz.grad(g)),
    "grad of jacobian": lambda g: nz.grad(nz.jacobian(g)),
    "jacobian of jacobian": lambda g: nz.jacobian(nz.jacobian(g)),
    "hvp": lambda g: lambda x: nz.hvp(g, (x,), (1.0,)),
    "vjp of vjp": lambda g: lambda x: nz.vjp(lambda z: nz.vjp(g, z)[1](1.0)[0], x)[1](1.0)[0],
    "vmap of grad of grad": lambda g: lambda x: nz.vmap(nz.grad(nz.grad(g)))(np.array([x, 9.0]))[0],
    "grad of vmap of grad": lambda g: nz.grad(lambda x: nz.vmap(nz.grad(g))(x * np.ones(3))[1]),
    "jvp of vmap of grad": lambda g: (
        lambda x: nz.jvp(lambda z: nz.vmap(nz.grad(g))(z * np.ones(2))[0], (x,), (1.0,))[1]
    ),
    "taylor": lambda g: lambda x: nz.taylor(g, x, x + 1.0).quadratic * 2,
    "grad of taylor": lambda g: nz.grad(lambda x: nz.taylor(g, x, x + 1.0).linear),
}


@pytest.mark.parametrize("name", NESTS)
def test_every_nest_is_the_second_derivative(name: str) -> None:
    def g(x: Any) -> Any:
        return np.exp(np.sin(x)) * x

    x = 0.7
    s, c, e = math.sin(x), math.cos(x), math.exp(math.sin(x))
    assert float(NESTS[name](g)(x)) == pytest.approx(e * (2 * c + x * (c * c - s)), rel=1e-12)


def test_high_orders() -> None:
    g: Callable[..., Any] = np.exp
    for _ in range(6):
        g = nz.grad(g)
    assert g(0.5) == pytest.approx(math.exp(0.5))
    assert nz.grad(nz.grad(nz.grad(lambda x: x**4 if x > 0 else x)))(2.0) == 48.0


def test_perturbation_confusion() -> None:
    assert nz.grad(lambda x: x * nz.grad(lambda y: x + y)(1.0))(1.0) == 1.0
    assert nz.grad(lambda x: x * nz.grad(lambda y: x * y * y)(3.0))(2.0) == 24.0
    inner = nz.jvp(lambda x: x * nz.jvp(lambda y: x * y, (2.0,), (1.0,))[1], (3.0,), (1.0,))
    assert inner == (9.0, 6.0)
    assert nz.jvp(lambda x: x * nz.grad(lambda y: x * y)(2.0), (3.0,), (1.0,))[1] == 6.0


def test_nested_closures_and_many_uses() -> None:
    def outer(x: Any) -> Any:
        def middle(y: Any) -> Any:
            return nz.grad(lambda z: x * y * z**2)(y)

        return nz.grad(middle)(x) + x

    assert nz.grad(outer)(3.0) == pytest.approx(4 * 2 * 3.0 + 1)  # d/dx (4x * x ... ) = 8x + 1
    assert nz.grad(lambda x: sum([x] * 1000))(1.0) == 1000.0


def test_hessian_of_a_structure() -> None:
    H = nz.hessian(lambda p: p["a"] @ A @ p["a"] * p["b"])({"a": np.ones(3), "b": 2.0})
    np.testing.assert_allclose(H["a"]["a"], 2 * (A + A.T))
    np.testing.assert_allclose(H["a"]["b"], (A + A.T) @ np.ones(3))
    np.testing.assert_allclose(H["b"]["a"], H["a"]["b"])
    assert H["b"]["b"] == 0.0


@pytest.mark.parametrize(
    "shapes",
    [((), (4,)), ((4,), ()), ((2, 3), (4,)), ((5,), (2, 2)), ((0,), (2,)), ((2,), (0,)), ((3,), (3,))],
)
def test_jacobian_both_ways(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    n_in, n_out = (int(np.prod(s)) for s in shapes)
    M = rng.normal(size=(n_out, n_in))

    def g(x: Any) -> Any:
        return np.sin(np.reshape(M @ np.reshape(x, (n_in,)), shapes[1]))

    x = rng.normal(size=shapes[0])
    J = nz.jacobian(g)(x)
    assert np.shape(J) == (*shapes[1], *shapes[0])
    expected = np.cos(M @ np.reshape(x, n_in))[:, None] * M
    np.testing.assert_allclose(np.reshape(J, (n_out, n_in)), expected)


# --- vmap
def test_vmap_axes() -> None:
    a, b = rng.normal(size=(4, 3)), rng.normal(size=(3, 4))
    np.testing.assert_allclose(nz.vmap(np.dot, in_axes=(0, 1))(a, b), np.einsum("ij,ji->i", a, b))
    np.testing.assert_allclose(nz.vmap(np.dot, (0, None))(a, b[:, 0]), a @ b[:, 0])
    np.testing.assert_allclose(nz.vmap(lambda x: x * 2, out_axes=1)(a), (a * 2).T)
    np.testing.assert_allclose(
        nz.vmap(lambda p: p["x"] @ p["m"], in_axes=({"x": 0, "m": None},))({"x": a, "m": b}), a @ b
    )
    np.testing.assert_allclose(
        nz.vmap(nz.vmap(np.multiply, (None, 0)), (0, None))(a[:, 0], a[0]), np.outer(a[:, 0], a[0])
    )
    out = nz.vmap(lambda x: {"s": np.sum(x), "c": 1.0})(a)
    np.testing.assert_allclose(out["s"], a.sum(1))
    np.testing.assert_array_equal(out["c"], np.ones(4))
    assert nz.vmap(np.sum)(np.zeros((0, 3))).shape == (0,)


def test_vmap_refuses() -> None:
    with pytest.raises(
        TraceError, match=r"asked for the bool of a value that differs from row to row.*np.where"
    ):
        nz.vmap(lambda x: x if x > 0 else -x)(np.ones(3))
    with pytest.raises(ShapeError, match=r"different numbers of rows: \[0\]: 3, \[1\]: 4"):
        nz.vmap(np.add)(np.ones(3), np.ones(4))
    with pytest.raises(ArgumentError, match="no argument to go along"):
        nz.vmap(np.sin, in_axes=None)(np.ones(3))
    with pytest.raises(ArgumentError, match="in_axes has 1 entries and there are 2"):
        nz.vmap(np.add, in_axes=(0,))(np.ones(3), np.ones(3))


# --- values, dtypes, branches
def test_where_protects_the_branch_not_taken() -> None:
    def g(x: Any) -> Any:
        with np.errstate(invalid="ignore"):
            return np.where(x > 0, np.sqrt(x), x)

    assert nz.grad(g)(-1.0) == 1.0
    assert nz.jvp(g, (-1.0,), (1.0,))[1] == 1.0
    assert nz.grad(nz.grad(g))(-1.0) == 0.0
    np.testing.assert_array_equal(nz.grad(lambda x: np.sum(g(x)))(np.array([-1.0, 0.25])), [1.0, 1.0])


def test_kinks_share_evenly() -> None:
    assert nz.grad(np.abs)(0.0) == 0.0
    assert nz.grad(np.maximum, (0, 1))(1.0, 1.0) == (0.5, 0.5)
    np.testing.assert_array_equal(nz.grad(np.max)(np.array([1.0, 3.0, 3.0])), [0.0, 0.5, 0.5])
    np.testing.assert_array_equal(nz.grad(np.linalg.norm)(np.zeros(3)), np.zeros(3))
    np.testing.assert_array_equal(nz.grad(lambda x: np.linalg.norm(x) ** 2)(np.zeros(3)), np.zeros(3))
    assert nz.grad(np.hypot, (0, 1))(0.0, 0.0) == (0.0, 0.0)
    assert nz.grad(lambda x: x**0)(0.0) == 0.0
    np.testing.assert_array_equal(nz.grad(np.std)(np.ones(3)), np.zeros(3))


def test_if_and_while_take_the_path_of_the_point() -> None:
    def root(a: float) -> float:
        x = a
        while abs(x * x - a) > 1e-13:
            x = (x + a / x) / 2
        return x

    assert nz.grad(root)(2.0) == pytest.approx(0.5 / math.sqrt(2))
    assert nz.grad(lambda x: x if 0 < x < 1 else -x)(2.0) == -1.0
    assert nz.grad(lambda x: x * int(x))(2.5) == 2.0
    assert nz.grad(lambda x: sum(x for _ in range(int(x))))(3.0) == 3.0


def test_a_result_that_does_not_depend_on_its_input() -> None:
    assert nz.grad(lambda x: 3.0)(1.0) == 0.0
    np.testing.assert_array_equal(nz.grad(lambda x: np.float64(3.0))(np.ones(2)), [0.0, 0.0])
    assert nz.grad(lambda x: np.floor(x) * 2.0)(1.5) == 0.0
    assert nz.jvp(lambda x: 3.0, (1.0,), (1.0,)) == (3.0, 0.0)
    assert nz.jacobian(lambda x: np.ones(2))(1.0).tolist() == [0.0, 0.0]


def test_empty_and_zero_dimensional() -> None:
    assert nz.grad(np.sum)(np.zeros((0, 3))).shape == (0, 3)
    assert nz.grad(lambda x: np.sum(np.sin(x)) + 1.0)(np.zeros(0)).shape == (0,)
    g = nz.grad(lambda x: x * x)(np.array(3.0))
    assert g == 6.0
    assert np.shape(g) == ()
    assert isinstance(nz.grad(lambda x: x * x)(3.0), float)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_precision_is_that_of_the_argument(dtype: Any) -> None:
    x = np.ones((3, 2), dtype)

    def g(x: Any) -> Any:
        return np.mean(np.maximum(np.exp(-x) / (1 + x**2) * 0.5, 0.1)) + np.mean(
            np.clip(x, 0, 2) @ np.ones(2, dtype)
        )

    value, gradient = nz.value_and_grad(g)(x)
    assert value.dtype == gradient.dtype == dtype
    assert nz.jvp(g, (x,), (x,))[1].dtype == dtype
    assert nz.hessian(g)(x).dtype == dtype


def test_promotion_is_numpys() -> None:
    single, double = np.float32(2), np.ones(2)
    g = nz.grad(lambda a, b: np.sum(a * b), (0, 1))(single, double)
    assert (g[0].dtype, g[1].dtype) == (np.float32, np.float64)
    scaled = nz.trace(lambda s: (s * 3.0) * np.ones(2, np.float32), 2.0)  # Python numbers are weak
    assert scaled.sinks[0].spec.dtype == np.float32
    assert scaled.forward([2.0])[scaled.sinks[0]].dtype == np.float32


def test_warnings_are_those_of_numpy_and_backward_adds_none() -> None:
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        nz.value_and_grad(lambda x: np.sum(np.log(x)))(np.zeros(2))
    assert nz.grad(lambda x: np.sum(np.sqrt(x)))(np.zeros(2)).tolist() == [np.inf, np.inf]


# --- refusals
class Own(np.ndarray):
    """A subclass that may mean anything by *."""

    @classmethod
    def of(cls, values: Any) -> Any:
        return np.asarray(values).view(cls)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: nz.grad(lambda x: x)(1),
            ArgumentError,
            r"test_api.py:\d+: x is an integer.*Make it a float",
        ),
        (lambda: nz.grad(lambda x: x[0])(np.arange(3)), ArgumentError, "x is an integer"),
        (lambda: nz.grad(lambda x: x)(True), ArgumentError, "x is an integer or a boolean"),
        (
            lambda: nz.grad(lambda p: p["a"])({"a": 1.0, "n": [2, 3]}),
            ArgumentError,
            r"p\['n'\]\[0\] is an integer",
        ),
        (lambda: nz.grad(lambda x: x)("text"), ArgumentError, "x is str 'text'"),
        (
            lambda: nz.grad(np.sum)(np.ma.masked_less(np.ones(3), 2)),
            ArgumentError,
            "a is a numpy.ma.*MaskedArray",
        ),
        (
            lambda: nz.grad(lambda x: np.sum(x * Own.of([1.0])))(np.ones(3)),
            ArgumentError,
            "is a .*Own, whose",
        ),
        (lambda: nz.grad(lambda x: x)(1j), ArgumentError, "x is complex, and so is the result"),
        (lambda: nz.grad(lambda x: x * 1j)(1.0), ArgumentError, "returned a complex number"),
        (lambda: nz.grad(lambda x: x * 1j, holomorphic=True)(1.0), ArgumentError, "x is real"),
        (lambda: nz.grad(np.abs, holomorphic=True)(1j), ArgumentError, "returned a real number"),
        (lambda: nz.hessian(np.abs)(1j), ArgumentError, "x is complex, and so is the result"),
        (
            lambda: nz.grad(np.sin)(np.ones(3)),
            ShapeError,
            r"sin returned an array of shape \(3,\).*jacobian or vjp",
        ),
        (
            lambda: nz.grad(lambda x: (x, x))(1.0),
            ArgumentError,
            "returned 2 values, and a gradient is that of one",
        ),
        (lambda: nz.grad(lambda x: np.argmax(x))(np.ones(3)), ArgumentError, "returned int64 numbers"),
        (lambda: nz.grad(lambda x: "text")(1.0), ArgumentError, "'text' took part"),
        (
            lambda: nz.jvp(np.sin, (np.ones(3),), (np.ones(2),)),
            ShapeError,
            r"tangent has shape \(2,\) and its primal \(3,\)",
        ),
        (lambda: nz.jvp(np.sin, (1.0,), ([1.0],)), ArgumentError, "the tangent has the structure"),
        (lambda: nz.vjp(np.sin, np.ones(2))[1](np.ones(3)), ShapeError, r"shape \(3,\)"),
        (
            lambda: nz.taylor(np.sin, np.ones(2), np.zeros(2)),
            ArgumentError,
            "Taylor's theorem is for a single number",
        ),
    ],
)
def test_refusals(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_leaked_values_are_noticed() -> None:
    kept: list[Any] = []
    nz.grad(lambda x: kept.append(x) or x * 2)(1.0)
    with pytest.raises(TraceError, match="whose trace has ended"):
        kept[0] + 1
    with pytest.raises(TraceError, match="whose trace has ended"):
        nz.grad(lambda x: x * kept[0])(1.0)


@pytest.mark.parametrize("size", [10, 5000])
def test_a_captured_array_that_is_written_into(size: int) -> None:
    """Small ones are copied when captured, larger ones watched: never a silently wrong derivative."""
    work = np.full(size, 2.0)

    def g(x: Any) -> Any:
        work[:] = 2.0
        y = x * work
        work[:] = 5.0
        return np.sum(y * work)

    if size == 10:
        assert nz.grad(g)(1.0) == 2.0 * 5.0 * size
    else:
        with pytest.raises(TraceError, match="has been written into since"):
            nz.grad(g)(1.0)


@pytest.mark.parametrize("size", [10, 5000])
def test_an_array_that_the_function_makes_may_be_written_into_again(size: int) -> None:
    def g(x: Any) -> Any:
        work = np.full(size, 2.0)
        y = x * work
        work[:] = 5.0
        return np.sum(y * work)

    assert nz.grad(g)(1.0) == 2.0 * 5.0 * size


def test_arguments_are_left_as_they_were() -> None:
    x = rng.normal(size=4)
    before = x.copy()
    nz.hessian(lambda x: np.sum(np.sort(x) ** 2) + np.sum(x[::2]))(x)
    np.testing.assert_array_equal(x, before)


def test_many_threads_at_once() -> None:
    wrong: list[float] = []

    def work(seed: int) -> None:
        x = np.random.default_rng(seed).normal(size=20)
        for _ in range(50):
            g = nz.grad(lambda x: np.sum(np.sin(x) * nz.grad(lambda y: np.sum(y**3))(x)))(x)
            if not np.allclose(g, 3 * x**2 * np.cos(x) + 6 * x * np.sin(x)):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


# --- Taylor
def test_taylor_of_a_quadratic_is_exact() -> None:
    e = nz.taylor(lambda x: x @ A @ x + x[0], np.ones(3), np.array([0.3, -1.0, 2.0]))
    assert e.remainder == pytest.approx(0.0, abs=1e-13)
    assert 0 < e.t_bar < 1


@settings(deadline=None, max_examples=50)
@given(hnp.arrays(float, 3, elements=st.floats(-1, 1)), hnp.arrays(float, 3, elements=st.floats(-1, 1)))
def test_taylors_theorem(x0: np.ndarray, x: np.ndarray) -> None:
    """f(x) = f(x0) + gradient'd + d' Hessian(x_bar) d / 2 at the x_bar that t_bar names."""

    def g(x: Any) -> Any:
        return np.sum(np.exp(x) * np.array([1.0, 2.0, 3.0])) + np.sin(x[0] * x[1])

    e, d = nz.taylor(g, x0, x), x - x0
    np.testing.assert_allclose(e.linear, nz.grad(g)(x0) @ d, atol=1e-12)
    np.testing.assert_allclose(e.quadratic, d @ nz.hessian(g)(x0) @ d / 2, atol=1e-12)
    t = e.t_bar
    assert t is not None
    middle = x0 + t * d
    np.testing.assert_allclose(
        g(x), g(x0) + nz.grad(g)(x0) @ d + d @ nz.hessian(g)(middle) @ d / 2, atol=1e-9
    )


# --- real callers
def test_scipy_optimisers_take_our_derivatives() -> None:
    optimize = pytest.importorskip("scipy.optimize")

    def rosenbrock(x: Any) -> Any:
        return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    x0 = np.full(5, -1.2)
    found = optimize.minimize(nz.value_and_grad(rosenbrock), x0, jac=True, method="BFGS")
    np.testing.assert_allclose(found.x, np.ones(5), atol=1e-4)
    exact = optimize.minimize(
        rosenbrock, x0, jac=nz.grad(rosenbrock), hess=nz.hessian(rosenbrock), method="trust-exact"
    )
    np.testing.assert_allclose(exact.x, np.ones(5), atol=1e-6)
    newton = optimize.minimize(
        rosenbrock,
        x0,
        jac=nz.grad(rosenbrock),
        hessp=lambda x, p: nz.hvp(rosenbrock, (x,), (p,)),
        method="Newton-CG",
    )
    np.testing.assert_allclose(newton.x, np.ones(5), atol=1e-3)

    def residuals(p: Any) -> Any:
        t = np.linspace(0, 1, 20)
        return p[0] * np.exp(-p[1] * t) - 2 * np.exp(-3 * t)

    fitted = optimize.least_squares(residuals, [1.0, 1.0], jac=nz.jacobian(residuals))
    np.testing.assert_allclose(fitted.x, [2.0, 3.0], atol=1e-6)
