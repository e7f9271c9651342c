"""Programs with one feature each that NumPy's protocols cannot catch, or that go with following calls.

Each is a function of one number or array that gives a number.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import itertools
import math
import operator
from collections import deque, namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial, reduce
from math import exp, tanh
from typing import Any, NamedTuple

import numpy as np
from numpy import exp as vector_exp
from numpy import zeros as nothing

Program = Callable[[Any], Any]
PROGRAMS: list[tuple[Program, Any]] = []
S = 1.3
V = np.array([0.4, 1.2, 0.7])
A = np.array([[1.5, 0.3], [0.2, 1.1]])
DATA = np.array([0.5, -1.0, 2.0])


def at(point: Any) -> Callable[[Program], Program]:
    def enter(program: Program) -> Program:
        PROGRAMS.append((program, point))
        return program

    return enter


# --- arrays made of traced values
@at(S)
def array_of_list(x):
    return np.sum(np.array([x, x * x, 2.0]) * DATA)


@at(S)
def array_of_nested_lists(x):
    return np.linalg.norm(np.array([[x, 1.0], [np.sin(x), x * x]]))


@at(S)
def array_of_tuples_and_rows(x):
    row = np.array((x, 2 * x))
    return np.sum(np.array([row, (1, x), [3.0, 4.0]]) ** 2)


@at(S)
def array_with_dtype(x):
    return np.sum(np.array([x, 2], dtype=float) * np.array([3, 4]))


@at(V)
def array_copies(x):
    return np.sum(np.array(x) * np.copy(x))


@at(V)
def array_with_ndmin(x):
    return np.sum(np.array(x, ndmin=2) @ np.array([x]).T)


@at(V)
def as_arrays(x):
    return np.sum(np.asarray(x) * np.asanyarray(x) + np.ascontiguousarray(x) * np.asarray([x[0], 1.0, x[1]]))


@at(V)
def as_array_with_dtype(x):
    return np.sum(np.asarray(x, dtype=np.float64) ** 2)


@at(V)
def array_of_generated(x):
    return np.sum(np.array([t * t for t in x]))


@at(V)
def joined_in_brackets(x):
    line = np.r_[x, 1.0, x[0], 0:2] @ np.arange(7.0)
    assert np.r_[1.0, 2:4].shape == (3,)
    return line + np.sum(np.c_[x, DATA, [x[0], 1.0, 2.0]] @ np.c_[DATA]) + np.c_[x[0], 2.0][0, 0]


@at(S)
def the_one_true(x):
    assert (x > 1) is True
    assert (x > 1) is not False
    return x * x if (1 < x < 2) is True else 0.0


@at(S)
def truths_in_patterns(x):
    match {"large": x > 1, "small": [x < 0], "count": 1}:
        case {"count": True}:
            return x
        case {"large": True, "small": [False]}:
            return x * x
    return 0.0


@at(np.array([0.4, 0.4, 1.7]))
def whole_numbers_and_truths_as_keys(x):
    groups = {}
    for label, value in zip(np.floor(x).astype(int), x, strict=True):
        groups.setdefault(label, []).append(value)
    sizes = {len(group) for group in groups.values()}
    return np.prod(groups[0]) * groups[1][0] * {True: 2.0, False: x[0]}[x[1] > 1] * len(sizes)


class Twins:
    """Has operators of its own, and knows nothing of arrays."""

    def __init__(self, a, b):
        self.a, self.b = a, b

    def __add__(self, other):
        return Twins(self.a + other.a, self.b + other.b)

    def __rmul__(self, factor):
        return Twins(factor * self.a, factor * self.b)

    def __rsub__(self, number):
        return Twins(number - self.a, number - self.b)


@at(S)
def operators_of_own_classes(x):
    total = x * Twins(x, 2.0) + np.sin(x) * Twins(1.0, x)
    return total.a * total.b + (x - Twins(x, 1.0)).b


@at(V)
def arrays_in_texts(x):
    assert ("%s, %.1f" % (x, x[0])).startswith("[0.")  # noqa: UP031
    return x[0] * ("%s" % [x[0]]).count("[")


@at(S)
def lists_for_arrays(x):
    losses = [np.sum(DATA * x), x * x, 2.0]
    rows = [[x, 1.0], (2.0, x * x)]
    total = np.mean(losses) + np.square(losses).sum() + np.max((x, 2 * x)) + np.add.reduce([x, x * x])
    system = np.linalg.solve(rows, [1.0, x])[0] + np.linalg.det(rows) + np.dot([1.0, x], [x, 2.0])
    return total + system + np.average([1.0, x], weights=[x, 2.0]) + np.interp(0.4, [0.0, 1.0], [x, x * x])


@at(V)
def queues_and_named_tuples_for_arrays(x):
    window, total = deque(maxlen=2), 0.0
    for value in x:
        window.append(value)
        total += np.mean(window) * np.max(window)
    point = namedtuple("Point", "a b")(x[0], x[1])
    return total + np.sum(point) * np.array(point)[1] + np.asarray(window) @ [1.0, 2.0]


@at(S)
def lists_of_lists_of_several_lengths(x):
    joined = np.concatenate([[x, 1.0], [x * x]]) @ DATA + np.hstack(([x], np.sin([x, 2.0]))) @ DATA
    columns = np.sum(np.column_stack([[x, 1.0], [2.0, x * x]]) @ A)
    return joined + columns + np.append([1.0], [x, x])[2] + np.block([[x, 1.0], [2.0, x]])[1, 1]


@at(S)
def lists_of_arrays(x):
    return (
        np.mean([DATA * x, np.sin(DATA * x)], axis=0) @ DATA + np.linalg.multi_dot([x * A, A, [1.0, 2.0]])[0]
    )


@at(S)
def lists_of_truths_and_places(x):
    place = np.argmax([x, 2 * x])
    assert np.any([x > 5, x > 1])
    return np.reshape(DATA * x, (place, -1, 3))[0, 0, place]


@at(V)
def method_of_constant_with_list(x):
    return A.dot([x[0], x[1]])[0] * np.multiply.outer([x[2], 1.0], [1.0, x[0]])[0, 1]


@at(S)
def full_of_traced(x):
    return np.sum(np.full((2, 2), x) * A)


@at(S)
def full_like_of_traced(x):
    return np.sum(np.full_like(DATA, x) * DATA)


@at(S)
def arange_of_traced(x):
    return np.sum(np.arange(0.0, x, x / 4) ** 2)


@at(V)
def constants(x):
    flat = np.ones(3) + np.zeros(3) + np.linspace(0, 1, 3) + np.arange(3.0) + np.full(3, 2.0)
    square = np.eye(3) + np.identity(3) + np.tri(3)
    return flat @ square @ x + np.sum(np.ones_like(x) + np.zeros_like(DATA) * x)


@at(V)
def constants_in_library_code(x):
    weights = np.linspace(1.0, 2.0, 3)
    order = sorted(weights.tolist(), reverse=True)
    draws = np.random.default_rng(1).normal(np.zeros(3), weights)
    return np.sum(x * draws) * order[0] + np.sum(np.fft.fft(np.ones(4)).real) * x[0]


@at(S)
def arguments_by_name(x):
    made = np.array(object=[x, 1.0], dtype=np.float64) + np.full(shape=2, fill_value=x)
    steps = np.arange(start=1.0, stop=x + 1, step=1)
    return np.sum(made * steps) + np.sum(np.fromiter((x * k for k in range(3)), float))


@at(V)
def functions_along_axes(x):
    table = np.apply_along_axis(norm_of, 1, np.stack([x, 2 * x]))
    parts = np.piecewise(x, [x < 0.5, x >= 0.5], [math_free, lambda t: t**3])
    steps = np.fromfunction(lambda i: np.exp(i) * math.exp(0.5), (3,))
    return np.sum(table) + np.sum(parts * steps) + sum(k[0] * math.exp(t) for k, t in np.ndenumerate(x))


def norm_of(row):
    return math.sqrt(sum(math.pow(t, 2) for t in row))


def math_free(t):
    return np.array([np.sin(each) for each in t])


# --- arrays that are filled
@at(S)
def filled_in_a_loop(x):
    y = np.zeros(4)
    for k in range(4):
        y[k] = math.exp(k * x)
    y[1:3] *= 2
    return np.sum(y)


@at(V)
def filled_like_another(x):
    y, z = np.empty_like(x), np.zeros_like(DATA)
    for k, t in enumerate(x):
        y[k], z[-k - 1] = float(t) ** 2, math.sin(t)
    return y @ z


@at(S)
def filled_by_views_and_masks(x):
    y = np.ones((2, 3))
    y.T[1] = x
    row = y[0]
    row += np.arange(3.0) * x
    y[y > 2] = x * x
    return np.sum(y**2)


@at(S)
def filled_constants(x):
    table = np.array([1.0, 2.0, 3.0])
    table[1] = x
    other = table.copy()
    other[:2] += np.add.at(table, [0, 0], x) or 1.0
    kept = DATA.copy()
    kept[0] = x
    return table @ other + np.sum(kept * np.exp(table, out=table))


@at(0.4)
def dynamic_programming(x):
    table = np.zeros((4, 5))
    table[0, :] = np.arange(5) * x
    for i in range(1, 4):
        for j in range(1, 5):
            table[i, j] = min(table[i - 1, j] + x, table[i, j - 1] + 0.3, table[i - 1, j - 1] + math.exp(-x))
    return table[-1, -1]


@at(np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]]))
def elimination(x):
    a, lower = x.copy(), np.eye(3)
    for k in range(3):
        for i in range(k + 1, 3):
            lower[i, k] = a[i, k] / a[k, k]
            a[i] -= lower[i, k] * a[k]
    return sum(math.log(a[k, k]) for k in range(3)) + np.sum(lower)


@at(V)
def swapped_and_sorted(x):
    y = np.array(x)
    y[[0, 2]] = y[[2, 0]]
    rows = [*y]
    rows.sort(key=by_square)
    return rows[0] + 2 * rows[1] * y[0]


def by_square(t):
    return -math.pow(t, 2)


@at(V)
def imported_names(x):
    return np.sum(nothing(3) + vector_exp(x)) * exp(x[0])


# --- math
@at(S)
def math_exp_log(x):
    return (
        math.exp(x) * math.log(x)
        + math.log(x, 3)
        + math.log1p(x)
        + math.expm1(x)
        + math.log2(x) * math.log10(x)
    )


@at(0.4)
def math_trigonometry(x):
    return (
        math.sin(x) * math.cos(x)
        + math.tan(x)
        + math.asin(x) * math.acos(x)
        + math.atan(x)
        + math.atan2(x, 2.0)
    )


@at(1.4)
def math_hyperbolic(x):
    return math.sinh(x) / math.cosh(x) + tanh(x) + math.asinh(x) + math.acosh(x) + math.atanh(x / 2)


@at(S)
def math_roots_and_powers(x):
    return math.sqrt(x) + math.pow(x, 2.5) + math.fabs(-x) + math.cbrt(x) + math.exp2(x)


@at(S)
def math_error_and_gamma(x):
    return math.erf(x) + 2 * math.erfc(x / 2) + math.gamma(x) * math.lgamma(x)


@at(S)
def math_of_several(x):
    return (
        math.hypot(x, 2.0, x)
        + math.dist((x, 1.0), (2.0, x))
        + math.fsum([x, x * x, 1.0])
        + math.prod([x, x, 2])
    )


@at(3.7)
def math_remainders(x):
    return (
        math.fmod(x, 1.5)
        + math.remainder(x, 1.5)
        + math.copysign(x, -1.0)
        + math.modf(x)[0]
        + math.ldexp(x, 3)
    )


@at(3.7)
def math_degrees(x):
    return math.degrees(x) * math.radians(x)


@at(3.7)
def math_whole_numbers(x):
    return (
        x * (math.floor(x) + math.ceil(x) + math.trunc(x) + math.frexp(x)[1])
        + math.comb(int(x), 2)
        + math.gcd(6, int(x))
    )


@at(S)
def math_questions(x):
    return x if math.isclose(x, x + 1e-12) and math.isfinite(x) and not math.isnan(x) else -x


@at(V)
def math_of_entries(x):
    return sum(math.exp(t) for t in x)


@at(0.5)
def math_error_is_caught(x):
    try:
        return math.log(x - 1.0)
    except ValueError:
        return x * x


# --- builtins
@at(S)
def float_of_traced(x):
    return float(x) ** 2 + float(np.sum(np.array([x, x])))


@at(S)
def numpy_scalars(x):
    return np.float64(x) * np.float64(2.0) * float("1.5")


@at(3.4)
def int_of_traced(x):
    return x * int(x)


@at(np.array([-0.4, 1.2]))
def abs_sum_pow_divmod(x):
    whole, rest = divmod(x[1], 0.5)
    return abs(x[0]) + sum(x) + sum([x[0], x[1]], 1.0) + pow(x[1], 3) + whole + rest


@at(V)
def max_and_min(x):
    return max(x[0], x[1]) * min(x) + max(x[0], 0.0) + max([x[1], 1.0, 0]) + min(x, key=lambda t: -t)


@at(2.46)
def rounded(x):
    return x * round(x) + x * round(x, 1)


@at(V)
def sorted_with_key(x):
    a, b, c = sorted(x, key=lambda t: -math.exp(t))
    first, *_ = sorted([x[1], x[0]])
    return a + 2 * b + 3 * c + first


@at(V)
def mapped_filtered_reduced(x):
    squares = map(partial(helper, 0.0, 1.0), x)
    return reduce(lambda s, t: s * math.exp(t), squares, 1.0) + sum(filter(lambda t: float(t) > 0.5, x))


@at(V)
def zipped_and_counted(x):
    return sum(k * math.exp(t) * d for k, (t, d) in enumerate(zip(x, DATA, strict=True)))


@at(V)
def iterated_tools(x):
    running = itertools.accumulate(x, lambda s, t: s * math.cos(t))
    pairs = itertools.starmap(lambda a, b: math.hypot(a, b), itertools.pairwise(x))
    long = itertools.takewhile(lambda t: math.exp(t) < 3, x)
    return sum(running) + sum(pairs) + sum(long) + reduce(operator.mul, x)


@at(S)
def kinds(x):
    assert isinstance(x, float)
    assert isinstance(np.full(2, x), np.ndarray)
    assert not isinstance(x, (np.ndarray, str))
    assert type(x) is float
    assert hasattr(np.full(2, x), "shape")
    assert not hasattr(x, "shape")
    assert np.isscalar(x)
    return x**2 if isinstance(x, (int, float)) else 0.0


@at(S)
def texts(x):
    assert f"{x:.2f} {x:.1e}" == "1.30 1.3e+00"
    assert "%.1f %s" % (x, "a") == "1.3 a"  # noqa: UP031
    assert "%d" % x == "1"  # noqa: UP031
    assert "{:.1f}".format(x) == "1.3"  # noqa: UP032
    assert str(x).startswith("1.")
    assert "%(x).1f" % {"x": x} == "1.3"  # noqa: UP031
    assert "%s" % np.full(2, x) == str(np.full(2, 1.3)) or x != 1.3  # noqa: UP031
    return x * len(f"{x:.3f}")


@at(V)
def own_names(x):
    scale = 2.0
    assert sorted(locals()) == ["scale", "x"]
    assert dir() == ["scale", "x"]
    return scale * sum(vars()["x"])


# --- control
@at(S)
def branches(x):
    if x > 1 and not x > 2:
        return math.exp(x)
    return x


@at(S)
def comparison_chain(x):
    return x * x if 0 < x < 2 else -x


@at(S)
def while_loop(x):
    while x < 10:
        x = x * math.sqrt(x + 1)
    return x


def power(x, n):
    return 1.0 if n == 0 else math.exp(math.log(x)) * power(x, n - 1)


@at(S)
def recursion(x):
    return power(x, 4)


@at(S)
def early_return(x):
    for k in range(10):
        x = x + math.sin(x)
        if x > 2:
            return x * k
    return 0.0


@at(S)
def try_and_finally(x):
    try:
        raise KeyError("a")
    except KeyError:
        x = math.exp(x)
    else:
        x = 0.0
    finally:
        x = 2 * x
    return x


@at(S)
def walrus(x):
    return y * y if (y := math.exp(x)) > 1 else x


@at(V)
def unpacking(x):
    a, *rest = x
    b, c = rest
    return math.exp(a) * b - c


@at(A)
def rows(x):
    return sum(math.exp(row[0]) * row[1] for row in x)


@at(S)
def matched(x):
    match (1, {"kind": "square", "of": x}):
        case (1, {"kind": "square", "of": value}):
            return math.pow(value, 2)
        case _:
            return 0.0


@at(S)
def matched_by_class(x):
    match (x, np.array([x, x])):
        case (int(), _) | (_, float()):
            return 0.0
        case (float(y), np.ndarray(shape=(2,))):
            return math.exp(y)
        case _:
            return 1.0


@at(S)
def asserted(x):
    assert math.exp(x) > 0, "positive"
    return math.exp(x)


@at(S)
def comprehensions(x):
    table = {k: math.exp(k * x) for k in range(3)}
    nested = [[math.sin(a * x) for a in range(b)] for b in range(3)]
    return sum(table.values()) + sum(sum(row) for row in nested)


# --- functions
def helper(x, scale=2.0, *more, power=1, **rest):
    return scale * math.exp(x) ** power + sum(more) + sum(rest.values())


@at(0.3)
def arguments_of_all_kinds(x):
    given = (x, 3.0, x * x)
    return helper(x) + helper(*given, power=2) + helper(x, scale=x, other=x)


@at(S)
def closures(x):
    count = 0

    def inner(t):
        nonlocal count
        count += 1
        return math.exp(t) * x

    return inner(x) + inner(2 * x) * count


@at(S)
def closure_whose_cell_changes(x):
    scale = 1.0

    def inner(t):
        return math.exp(t) * scale

    first = inner(x)
    scale = math.sin(x)
    return first + inner(x)


def made_elsewhere(scale):
    return lambda t: math.exp(scale * t)


OUTSIDE = made_elsewhere(0.5)
TWO = [lambda t: math.exp(t), lambda t: math.sin(t)]  # fmt: skip


@at(S)
def lambdas(x):
    square = lambda t: math.pow(t, 2)  # noqa: E731
    return OUTSIDE(x) + made_elsewhere(x)(x) + square(x) + TWO[0](x) * TWO[1](x)


@at(S)
def partials(x):
    return partial(helper, scale=3.0)(x) + partial(math.pow, x)(3.0)


def twice(f):
    @functools.wraps(f)
    def wrapper(*args, **kwargs):
        return 2 * f(*args, **kwargs)

    return wrapper


@twice
def decorated(x):
    return math.exp(x)


@functools.lru_cache
def cached(x):
    return math.exp(x)


@functools.cache
def fibonacci(n):
    return 1.0 if n < 2 else fibonacci(n - 1) + math.exp(0.0) * fibonacci(n - 2)


@at(S)
def decorators(x):
    return decorated(x) + cached(x) + cached(1.0) * fibonacci(60) / 1e12 * x


@functools.singledispatch
def kind_of(x):
    return 0.0


@kind_of.register
def _(x: float):
    return math.exp(x)


@kind_of.register
def _(x: np.ndarray):
    return 2 * sum(x)


@at(S)
def single_dispatch(x):
    return kind_of(x) + kind_of(np.full(2, x))


def generated(x):
    for k in range(3):
        yield math.exp(k * x)
    yield from (math.sin(x) for _ in range(2))


@at(0.4)
def generators(x):
    return sum(generated(x)) + max(generated(x))


@np.vectorize
def vectorized(a, b):
    return math.exp(a) * b if a > 0.5 else math.sin(a)


@at(V)
def numpy_vectorize(x):
    return np.sum(vectorized(x, 2.0)) + np.sum(np.vectorize(math.exp)(x))


# --- objects
class Gauss:
    count = 0

    def __init__(self, mean, deviation):
        self.mean, self.__deviation = mean, deviation
        self.constant = math.log(2 * math.pi) / 2

    @property
    def variance(self):
        return math.pow(self.__deviation, 2)

    @functools.cached_property
    def precision(self):
        return math.exp(-2 * math.log(self.__deviation))

    @classmethod
    def standard(cls):
        return cls(float(0), math.exp(0))

    @staticmethod
    def halved(x):
        return math.ldexp(x, -1)

    @property
    def __hidden(self):
        return math.exp(self.mean)

    def hidden(self):
        return self.__hidden

    def __call__(self, x):
        return -self.halved((x - self.mean) ** 2 / self.variance) - self.__log_deviation() - self.constant

    def __log_deviation(self):
        return math.log(self.__deviation)

    def __enter__(self):
        return math.exp(self.mean)

    def __exit__(self, *raised):
        return False

    def __iter__(self):
        return (math.exp(k * self.mean) for k in range(3))


class Shifted(Gauss):
    def __init__(self, mean, deviation, shift):
        super().__init__(mean, deviation)
        self.shift = math.exp(shift)

    def __call__(self, x):
        return super().__call__(x - self.shift) + self.precision


FIXED = Gauss(0.2, 1.5)


@at(S)
def methods(x):
    return FIXED(x) + Gauss(x, 2 * x)(0.3) + Gauss.standard()(x)


@at(S)
def properties(x):
    return FIXED.variance * x + Gauss(x, 1.0).hidden() + Gauss(0.0, x).variance + Gauss(0.0, x).precision


@at(S)
def inheritance(x):
    return Shifted(x, x, x)(1.0) + Shifted.halved(x)


@at(S)
def context_managers(x):
    with Gauss(x, 1.0) as value, scaled(x) as scale:
        return value * scale


@contextlib.contextmanager
def scaled(x):
    yield math.exp(x)


@at(0.4)
def iterable_objects(x):
    return sum(t for t in Gauss(x, 1.0)) + sum(list(FIXED)) * x


class Countdown:
    def __init__(self, start):
        self.start = start

    def __iter__(self):
        return self

    def __next__(self):
        self.start -= 1
        if self.start < 0:
            raise StopIteration
        return math.exp(self.start)


@at(S)
def iterators(x):
    return sum([k * x for k in Countdown(3)])


@dataclass
class Line:
    slope: Any
    offset: Any = 1.0
    parts: list = field(default_factory=list)

    def __post_init__(self):
        self.norm = math.hypot(self.slope, self.offset)

    def __call__(self, x):
        return math.exp(self.slope * x + self.offset) / self.norm


@dataclass(frozen=True, slots=True)
class Point:
    x: Any
    y: Any = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "y", math.exp(self.x))


@dataclass(init=False)
class Bare:
    x: Any = 1.0

    def __post_init__(self):
        self.x = 2.0


Pair = namedtuple("Pair", "a b")


class Named(NamedTuple):
    a: Any
    b: Any

    def product(self):
        return math.exp(self.a) * self.b


@at(0.4)
def dataclasses_and_tuples(x):
    pair = Pair(x, 2.0)
    return Bare().x * Line(x)(0.5) + Point(x).y * pair.a + pair._replace(b=x).b + Named(x, 2.0).product()


@at(V)
def copies(x):
    line = copy.deepcopy(Line(x[0]))
    return line(0.1) + np.sum(copy.copy(x) * copy.deepcopy(x)) + np.sum(x.copy())


@at(S)
def local_classes(x):
    class Local:
        scale = math.exp(0.5)

        def __init__(self):
            self.value = math.exp(x)

        def get(self):
            return self.value * self.scale

    return Local().get()


@at(V)
def methods_of_arrays(x):
    return DATA.dot(x) + np.sum(DATA.clip(0.0, x)) + A.copy()[0, 0] * x[0] + DATA.astype(float)[1] * x[1]
