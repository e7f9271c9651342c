"""jit(f) is f: for arguments and results of every kind, and around and inside every transform."""

from __future__ import annotations

import functools
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nazad as nz
from nazad.errors import ArgumentError
from nazad.tree import flatten

Pair = namedtuple("Pair", ["first", "second"])


@dataclass
class Layer:
    w: Any
    b: Any


@dataclass
class Named:
    w: Any
    name: str = field(default="", metadata={"static": True})


def same(got: Any, wanted: Any) -> None:
    """Equal in structure, order of keys, types, dtypes, shapes; values to a few units in the last place."""
    leaves, structure = flatten(got)
    others, other = flatten(wanted)
    assert structure == other
    assert repr(keys(got)) == repr(keys(wanted))
    for a, b in zip(leaves, others, strict=True):
        assert type(a) is type(b)
        assert np.asarray(a).dtype == np.asarray(b).dtype
        assert np.shape(a) == np.shape(b)
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-13, atol=1e-15)


def keys(tree: Any) -> Any:
    if isinstance(tree, dict):
        return [(k, keys(v)) for k, v in tree.items()]
    return [keys(v) for v in tree] if isinstance(tree, (tuple, list)) else None


def check(f: Any, *args: Any, **kwargs: Any) -> Any:
    """Compiled, called again, and called a third time: all as without jit. Nothing is compiled twice."""
    fast, wanted = nz.jit(f), f(*args, **kwargs)
    for _ in range(3):
        same(fast(*args, **kwargs), wanted)
    assert len(fast.variants) == fast.cache_info().misses == 1
    return fast


X = np.arange(12.0).reshape(3, 4) / 7


# --- structures
TREES = {
    "dict": {"w": X, "b": X[0]},
    "keys not in order": {"w": X[1], "b": X[0], "a": 2.0},
    "one key": {"w": X},
    "empty": {},
    "list": [X, 2.0],
    "tuple": (X, X[0]),
    "named tuple": Pair(X, X[0]),
    "dataclass": Layer(X, 0.5),
    "static field": Named(X, "first"),
    "none": None,
    "nested": {"layers": [Layer(X, X[0]), Layer(X, None)], "rest": (Pair(1.0, [X]), {"k": {"j": 1.5}})},
    "ordered": OrderedDict(z=X, a=X[0]),
    "default": defaultdict(list, {"a": X}),
}


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES)
def test_structures(tree):
    def twice(tree, x):
        leaves, structure = flatten(tree)
        return {"tree": structure.unflatten([leaf * 2 + x for leaf in leaves]), "x": x, "same": tree}

    check(twice, tree, 1.5)


def test_what_a_function_sees_are_the_same_types():
    def f(p, q):
        assert type(p) is Layer
        assert type(q) is Pair
        assert q.second is None
        return [p.w + q.first, p.b]

    check(f, Layer(X, 1.0), Pair(X, None))


def test_the_order_of_keys_counts():
    fast = nz.jit(lambda p: list(p.values()))
    for p in [{"a": 1.0, "b": 2.0}, {"b": 2.0, "a": 1.0}] * 2:
        assert fast(p) == list(p.values())
    assert fast.cache_info().variants == 2


def test_an_ordered_dict_is_no_dict():
    fast = nz.jit(lambda p: {"p": p})
    for kind in [dict, OrderedDict] * 2:
        assert type(fast(kind(a=1.0))["p"]) is kind


def test_structures_are_not_confused():
    fast = nz.jit(lambda *args, **kwargs: [list(flatten(args)[0]), list(kwargs)])
    assert fast((1.0,), {"k": 2.0}) == [[1.0, 2.0], []]
    with pytest.raises(ArgumentError, match="str"):
        fast(1.0, k=2.0)
    counts = nz.jit(lambda *args, **kwargs: [len(args), len(kwargs), *flatten((args, kwargs))[0]])
    for _ in range(2):
        assert counts((1.0,), {"k": 2.0}) == [2, 0, 1.0, 2.0]
        assert counts(1.0, k=2.0) == [1, 1, 1.0, 2.0]
        assert counts(1.0, 2.0) == [2, 0, 1.0, 2.0]
        assert counts([1.0, 2.0]) == [1, 0, 1.0, 2.0]
        assert counts((1.0, 2.0)) == [1, 0, 1.0, 2.0]


# --- numbers
NUMBERS = [
    2.0,
    3,
    -5,
    True,
    False,
    np.float64(2.5),
    np.float32(2.5),
    np.int32(7),
    np.uint8(200),
    np.bool(True),
]


@pytest.mark.parametrize("x", NUMBERS, ids=repr)
def test_numbers(x):
    check(lambda x: (x, x + 1, x * np.float32(2), np.multiply(x, x)), x)
    check(lambda y, x: y * x + x, X, x)


def test_python_numbers_are_weak_and_numpys_are_not():
    fast = nz.jit(lambda x, n: x * n)
    x = np.ones(3, np.float32)
    for n in [2.0, np.float64(2.0), 2, np.int64(2), True] * 2:
        same(fast(x, n), x * n)


def test_whole_numbers_stay_whole():
    check(lambda a, b: (a // b, a % b, a + b, a / b, -a), 7, -2)


def test_numbers_too_large_for_machine_code():
    fast = nz.jit(lambda n: n + 1)
    with pytest.warns(RuntimeWarning, match="whole numbers of more than 64 bits"):
        assert fast(2**70) == 2**70 + 1
    assert fast(2**70) == 2**70 + 1
    assert fast(2) == 3
    assert fast(-(2**63)) == -(2**63) + 1


@pytest.mark.parametrize("dtype", ["?", "b", "B", "h", "H", "i", "I", "l", "L", "f", "d"])
def test_dtypes(dtype):
    x = (np.arange(24) % 5).reshape(2, 3, 4).astype(dtype)
    check(lambda x: (x, x + x, np.maximum(x, x[::-1]), x.sum(axis=1), np.where(x > 2, x, 0)), x)


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble])
def test_dtypes_that_machine_code_has_not(dtype):
    fast = nz.jit(lambda x: x * 2)
    with pytest.warns(RuntimeWarning, match=np.dtype(dtype).name):
        assert fast(np.ones(2, dtype)).dtype == dtype
    assert fast(np.ones(2, dtype)).dtype == dtype  # and no second warning
    inside = nz.jit(lambda x: np.sum(x.astype(dtype)))
    with pytest.warns(RuntimeWarning, match=np.dtype(dtype).name):
        assert inside(np.ones(2)) == 2


# --- how arrays lie
def laid_out() -> dict[str, np.ndarray]:
    odd = np.zeros(8 * 12 + 1, np.uint8)[1:].view(float).reshape(3, 4)
    odd[...] = X
    frozen = X.copy()
    frozen.flags.writeable = False
    return {
        "strided": np.repeat(X, 2, axis=1)[:, ::2],
        "backwards": X[::-1, ::-1],
        "transposed": X.T,
        "Fortran": np.asfortranarray(X),
        "swapped": X.astype(">f8"),
        "swapped and strided": X.astype(">f8")[::2],
        "unaligned": odd,
        "read-only": frozen,
        "broadcast": np.broadcast_to(X[0], (5, 4)),
        "empty": X[:0],
        "no axes": np.array(1.5),
    }


@pytest.mark.parametrize("kind", laid_out())
def test_layouts(kind):
    x = laid_out()[kind]
    fast = check(lambda x: (x * 2 + 1, x.sum(), x + 0), x)
    dense = x.astype(float, order="C")
    same(fast(dense), (dense * 2 + 1, dense.sum(), dense + 0))
    assert len(fast.variants) == 1


def test_memory_maps(tmp_path):
    X.tofile(tmp_path / "x")
    mapped = np.memmap(tmp_path / "x", float, "r", shape=X.shape)
    fast = nz.jit(lambda x: x * 2)
    for x in [mapped, mapped[::2], X]:
        result = fast(x)
        assert type(result) is np.ndarray
        same(result, np.asarray(x) * 2)


def test_what_can_become_an_array():
    class Wrapped:
        def __array__(self, dtype=None, copy=None):
            return X

    same(nz.jit(lambda x: x + 1)(Wrapped()), X + 1)


def test_the_same_array_twice():
    check(lambda a, b, c: (a + b, a @ b, a - c), X[:, 0], X[:, 0], X[:, 0])


@given(st.lists(st.integers(0, 4), max_size=3), st.sampled_from("?ilfd"), st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_any_shape_and_layout(shape, dtype, random):
    x = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    x = x.transpose(random.sample(range(x.ndim), x.ndim))
    x = x[tuple(slice(None, None, random.choice([1, 2, -1])) for _ in shape)]
    check(lambda x: {"twice": x + x, "sum": np.sum(x, axis=x.ndim - 1 if x.ndim else None), "x": x}, x)


# --- results
def test_results_are_fresh_and_writable():
    constant = np.ones(2000)

    def f(x):
        return [x, x, constant, constant, x[1:], x.T, x + 0]

    fast = nz.jit(f)
    x = np.arange(3.0)
    for _ in range(3):
        results = fast(x)
        same(results, f(x))
        for k, y in enumerate(results):
            assert y.flags.writeable
            assert y.flags.owndata
            assert not any(np.shares_memory(y, z) for z in [x, constant, *results[:k]])
            y[...] = -1
    assert constant[0] == 1


def test_results_without_arguments():
    check(lambda: (np.ones(3), 2.0, 3))
    check(lambda: None)
    check(lambda x: [], 1.0)


def test_truths():
    check(lambda x: (x > 0, {"positive": np.all(x > 0.5)}), X[0])


def test_constant_truths():
    check(lambda x: (True, x), 1.0)


# --- what a function captures
@pytest.mark.parametrize("size", [3, 5000])
def test_captured_arrays_are_those_of_the_moment(size):
    captured = np.ones(size)
    fast = nz.jit(lambda x: x * captured)
    x = np.full(size, 2.0)
    assert fast(x)[0] == 2
    captured[:] = 5
    assert fast(x)[0] == 2
    fast.clear_cache()
    assert fast.cache_info() == (0, 0, 0, 0)
    assert fast(x)[0] == 10


# --- static arguments, keywords, methods, partial
def power(x, n, *, scale=1.0, mode="plain"):
    return x**n * scale if mode == "plain" else [x] * n


def test_keywords():
    check(power, X, 2)
    check(power, X, n=2.0)
    check(power, n=2.0, x=X)
    check(power, X, 2.0, scale=X[0])


@pytest.mark.parametrize(
    "options", [{"static_argnums": 1}, {"static_argnames": "n"}, {"static_argnums": (1,)}]
)
def test_static(options):
    fast = nz.jit(power, **options)
    for n in [2, 3, 2.0, True, 2]:
        same(fast(X, n), power(X, n))
        same(fast(X, n=n), power(X, n=n))
        same(fast(n=n, x=X), power(n=n, x=X))
    assert fast.cache_info().misses == 12  # 1 and True and 2 and 2.0 differ, whether by position or by name


def test_static_strings_and_several():
    fast = nz.jit(power, static_argnums=1, static_argnames=["mode"])
    assert len(fast(X, 3, mode="list")) == 3
    same(fast(X, 3, scale=2.0), power(X, 3, scale=2.0))
    same(fast(X, 3, scale=2.0, mode="plain"), power(X, 3, scale=2.0))
    assert len(fast(X, 2, mode="list")) == 2


def test_static_from_the_end_and_in_between():
    def f(kind, x, y, n):
        return (x if kind == "x" else y) * n

    fast = nz.jit(f, static_argnums=(0, -1))
    for kind in ["x", "y"]:
        for n in [1, 2, 1]:
            same(fast(kind, 2.0, 3.0, n), f(kind, 2.0, 3.0, n))
    assert fast.cache_info().misses == 4


def test_static_numbers_that_are_equal_and_differ():
    fast = nz.jit(lambda x, s: np.copysign(x, s), static_argnums=1)
    assert [fast(1.0, s) for s in (0.0, -0.0, 0.0)] == [1, -1, 1]
    fast = nz.jit(lambda x, s: x * s[0], static_argnums=1)
    assert [type(fast(1, s)) for s in [(1,), (1.0,), (1,)]] == [int, float, int]
    same_nan = nz.jit(lambda x, s: x * s, static_argnums=1)
    assert np.isnan([same_nan(1.0, float("nan")) for _ in range(3)]).all()
    assert same_nan.cache_info().misses == 1


def test_static_needs_a_hash():
    with pytest.raises(ArgumentError, match=r"static argument 1 of power is list.*tuple for a list"):
        nz.jit(power, static_argnums=1)(X, [2])


class Model:
    def __init__(self, w):
        self.w = w

    @functools.partial(nz.jit, static_argnums=0)
    def predict(self, x):
        """Predict."""
        return x @ self.w

    @staticmethod
    @nz.jit
    def loss(y):
        return np.sum(y**2)


def test_methods():
    one, two = Model(X[0]), Model(X[1])
    for _ in range(2):
        for model in (one, two):
            same(model.predict(X), X @ model.w)
            same(model.loss(X), np.sum(X**2))
    assert Model.predict is Model.__dict__["predict"]
    same(Model.predict(one, X), X @ one.w)
    assert Model.predict.cache_info().misses == 2
    assert one.predict.__doc__ == "Predict."
    assert len(one.predict.variants) == 2


def test_methods_of_dataclasses():
    @dataclass
    class Line:
        slope: Any
        start: Any

        @nz.jit
        def at(self, x):
            return self.slope * x + self.start

    for slope in (1.0, 2.0):
        same(Line(slope, 0.5).at(X), slope * X + 0.5)
    assert Line.at.cache_info().misses == 1


def test_partial():
    check(functools.partial(power, n=2), X)
    check(functools.partial(lambda a, x: a * x, X), 2.0)
    fast = nz.jit(functools.partial(power, scale=2.0), static_argnames="n")
    same(fast(X, n=3), power(X, 3, scale=2.0))


def test_what_it_is_called():
    fast = nz.jit(power)
    assert fast.__name__ == "power"
    assert fast.__wrapped__ is power
    assert fast.__doc__ == power.__doc__
    assert fast.__module__ == __name__
    assert repr(fast) == "<jit of power, 0 variants>"


# --- transforms
def model(w, x):
    return np.sum(np.tanh(x @ w) ** 2) + 0.1 * np.sum(w * w)


W = np.linspace(-0.5, 0.5, 4)
V = np.linspace(1.0, 2.0, 4)

INSIDE = {
    "grad": (nz.grad(model), W, X),
    "grad of both": (nz.grad(model, argnums=(0, 1)), W, X),
    "value_and_grad": (nz.value_and_grad(model), W, X),
    "has_aux": (nz.value_and_grad(lambda w: (w @ w, {"w": w * 2, "n": 3}), has_aux=True), W),
    "vjp": (lambda w: nz.vjp(lambda w: X @ w, w)[1](np.ones(3)), W),
    "jvp": (lambda w, v: nz.jvp(lambda w: X @ w, (w,), (v,)), W, V),
    "jacobian": (nz.jacobian(lambda w: np.sin(X @ w)), W),
    "hessian": (nz.hessian(model), W, X),
    "hvp": (lambda w, v: nz.hvp(lambda w: model(w, X), (w,), (v,)), W, V),
    "vmap": (nz.vmap(lambda x: np.exp(x) @ W), X),
    "vmap of grad": (nz.vmap(nz.grad(lambda x: np.sum(x**3))), X),
    "grad of grad": (nz.grad(nz.grad(lambda x: x**3 * np.sin(x))), np.float64(0.7)),
    "jit": (nz.jit(model), W, X),
    "jit of grad of jit": (nz.jit(nz.grad(nz.jit(model))), W, X),
    "of a tree": (nz.grad(lambda p: model(p["w"], X) * p["s"]), {"w": W, "s": np.float64(2.0)}),
}


@pytest.mark.parametrize("case", INSIDE.values(), ids=INSIDE)
def test_transforms_inside(case):
    check(*case)


def test_a_derivative_by_a_python_number_counts_as_one():
    assert isinstance(nz.jit(nz.grad(np.sin))(0.5), float)


OUTSIDE = {
    "grad": lambda f: nz.grad(f)(W, X),
    "value_and_grad": lambda f: nz.value_and_grad(f, argnums=1)(W, X),
    "hessian": lambda f: nz.hessian(f)(W, X),
    "jvp": lambda f: nz.jvp(lambda w: f(w, X), (W,), (V,)),
    "vmap": lambda f: nz.vmap(lambda x: f(W, x))(X),
    "hvp": lambda f: nz.hvp(lambda w: f(w, X), (W,), (V,)),
    "jit": lambda f: nz.jit(lambda w: f(w, X) * 2)(W),
}


@pytest.mark.parametrize("transform", OUTSIDE.values(), ids=OUTSIDE)
def test_transforms_outside_look_through(transform):
    fast = nz.jit(model)
    same(transform(fast), transform(model))
    fast(W, X)  # also once there is machine code
    same(transform(fast), transform(model))
    assert len(fast.variants) == 1


def test_a_captured_value_that_is_being_traced():
    def outer(w):
        return nz.jit(lambda x: x * w)(2.0)

    assert nz.grad(outer)(3.0) == 2.0


def test_a_static_argument_that_is_being_traced():
    fast = nz.jit(lambda x, n: x * n, static_argnums=1)
    assert nz.grad(lambda n: fast(2.0, n))(3.0) == 2.0
    assert fast(2.0, 3.0) == 6.0


@pytest.mark.parametrize("count", [2, 3, 8, 33])
def test_shares_that_all_fall_into_one_place(count):
    """One row taken many times: no two of its shares may be added at once, each on a lane of its own."""
    x, weights = np.array([[1.5]]), np.linspace(0.5, 2, count)[:, None]

    def loss(x):
        return np.sum(weights * np.sin(np.repeat(x, count, axis=0)) ** 2)

    same(nz.jit(nz.grad(loss))(x), nz.grad(loss)(x))
