"""Every function of the table: as accurate as it says, right at special values, the same at every width."""

from __future__ import annotations

import ctypes
import itertools
import math
import re
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from scipy import special as special_functions

from nazad.run.llvm import Target, compile_ir
from nazad.run.vectormath import FUNCTIONS, Floats, Writer, emit, emit_all, form_of, support, symbol

ELSEWHERE: dict[str, Callable[..., Any]] = {
    "sigmoid": lambda x: np.where(x >= 0, 1 / (1 + np.exp(-abs(x))), np.exp(-abs(x)) / (1 + np.exp(-abs(x)))),
    "erf": lambda x: np.vectorize(math.erf)(x),
    "erfc": special_functions.erfc,
    "erfcx": special_functions.erfcx,
}
EXACT: dict[str, Callable[..., Any]] = {
    "exp2": lambda x: mp.mpf(2) ** x,
    "log2": lambda x: mp.log(x, 2),
    "log10": mp.log10,
    "sigmoid": lambda x: mp.exp(x) / (1 + mp.exp(x)),
    "arcsin": mp.asin,
    "arccos": mp.acos,
    "arctan": mp.atan,
    "arctan2": mp.atan2,
    "arcsinh": mp.asinh,
    "arccosh": mp.acosh,
    "arctanh": mp.atanh,
    "power": mp.power,
    "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    "erfc": lambda x: mp.erfc(x) if abs(x) < 1e3 else mp.mpf(1 - mp.sign(x)),
    "erfcx": lambda x: mp.exp(x * x) * mp.erfc(x) if abs(x) < 1e3 else far_erfcx(x),
}


def far_erfcx(x: Any) -> Any:
    """Infinite on the left, its expansion on the right."""
    s = 1 / (2 * x * x)
    return (
        (1 - s + 3 * s**2 - 15 * s**3 + 105 * s**4 - 945 * s**5) / (x * mp.sqrt(mp.pi)) if x > 0 else mp.inf
    )


ROUNDED = [name for name, function in FUNCTIONS.items() if function.double > 0.5 or name == "cbrt"]
FORMS = ["float64", "float32"]
FMA = pytest.mark.parametrize("fma", [True, False], ids=["fma", "mul+add"])

POSITIVE = {"log", "log2", "log10"}
INSIDE = {"arcsin", "arccos", "arctanh"}


def drawn(name: str, size: int, dtype: str, seed: int = 0) -> list[np.ndarray]:
    """Arguments from everywhere: all exponents, around 0 and 1, near breakpoints, large ones, denormals.

    Their number is no multiple of a vector's width, so that scalars serve for the rest.
    """
    rng = np.random.default_rng(seed)
    xs = [mixed(rng, size, dtype) for _ in range(FUNCTIONS[name].arity)]
    if name in POSITIVE:
        xs = [np.abs(x) for x in xs]
    if name == "log1p":
        xs = [np.where(x < -1, -x, x) for x in xs]
    if name == "arccosh":
        xs = [1 + np.abs(x) for x in xs]
    if name in INSIDE:
        xs = [np.where(np.abs(x) > 1, x / np.finfo(dtype).max, x) for x in xs]
    if name == "power":
        xs = powers(*xs, rng)
    return [x.astype(dtype)[:-3] for x in xs]


def mixed(rng: np.random.Generator, size: int, dtype: str) -> np.ndarray:
    n, tiny, most = size // 8, np.finfo(dtype).smallest_subnormal, np.finfo(dtype).maxexp * math.log(2)
    multiples = rng.integers(1, 10**5, n) * (math.pi / 2)
    x = [
        rng.choice([-1, 1], n) * np.exp(rng.uniform(-0.99, 0.99, n) * most),
        rng.uniform(-1.1, 1.1, n),
        rng.uniform(-most, most, n),
        rng.normal(size=n) * 4,
        1 + rng.normal(size=n) * np.exp(rng.uniform(-30, 0, n)),
        rng.choice([-1, 1], n) * np.exp(rng.uniform(-30, 15, n)),
        multiples * (1 + rng.integers(-2, 3, n) * np.finfo(dtype).eps),
        tiny.astype(float) * rng.integers(1, 2**22, n),
    ]
    return np.concatenate(x).astype(dtype)


def powers(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Exponents that keep most powers in range, half of them integers for negative x as well."""
    x = np.where(x == 1, x + x.dtype.type(0.5), x)
    range_of = np.finfo(x.dtype).maxexp * math.log(2)
    exponent = rng.uniform(-range_of, range_of, x.size) / np.log(np.abs(x.astype(float)))
    whole = np.arange(x.size) % 2 == 0
    return [np.where(whole, x, np.abs(x)), np.where(whole, np.round(exponent), exponent)]


def reference(name: str, *xs: np.ndarray) -> np.ndarray:
    """NumPy's answer, or that of a function NumPy has not."""
    with np.errstate(all="ignore"):
        return np.asarray((ELSEWHERE.get(name) or getattr(np, name))(*xs))


def exactly(name: str, *xs: np.ndarray) -> list[Any]:
    f = EXACT.get(name) or getattr(mp, name)
    with mp.workprec(160):
        return [mp.re(f(*map(mp.mpf, values))) for values in zip(*(x.tolist() for x in xs), strict=True)]


def worst(z: np.ndarray, exact: list[Any]) -> float:
    """The greatest error in units in the last place; infinite for a nan, and for what overflows wrongly."""
    with mp.workprec(160):
        return max(error(value, y, z.dtype) for value, y in zip(z.tolist(), exact, strict=True))


def error(value: float, y: Any, dtype: Any) -> float:
    if abs(y) > float(np.finfo(dtype).max) and math.isinf(value):
        return 0.0
    return float(abs(mp.mpf(value) - y) / unit(y, dtype)) if math.isfinite(value) else math.inf


def unit(y: Any, dtype: Any) -> Any:
    """One unit in the last place of y, were it rounded; that of denormals from there down."""
    info = np.finfo(dtype)
    exponent = int(mp.floor(mp.log(abs(y), 2))) if y else info.minexp
    return mp.mpf(2) ** (max(exponent, info.minexp) - info.nmant)


@FMA
@pytest.mark.parametrize("name", ROUNDED)
def test_doubles_are_as_accurate_as_stated(apply, name, fma):
    xs = drawn(name, 4000, "float64")
    z = apply(name, *xs, fma=fma)
    assert worst(z, exactly(name, *xs)) <= FUNCTIONS[name].double


@FMA
@pytest.mark.parametrize("name", ROUNDED)
def test_singles_are_as_accurate_as_stated(apply, name, fma):
    """Against double precision, of which the last bits do not matter here."""
    xs = drawn(name, 16000 if name == "erf" else 400000, "float32")
    z = apply(name, *xs, fma=fma)
    y = reference(name, *(x.astype(float) for x in xs))
    info = np.finfo("float32")
    within = np.abs(y) <= float(info.max)
    exponent = np.maximum(np.frexp(y[within])[1] - 1, info.minexp)
    errors = np.abs(z[within] - y[within]) * np.ldexp(1.0, info.nmant - exponent)
    assert errors.max() <= FUNCTIONS[name].single
    assert not np.isfinite(z[~within]).any()


def special(dtype: str) -> np.ndarray:
    info = np.finfo(dtype)
    tiny = float(info.smallest_subnormal)
    near_one = [1.0, 1 + float(info.eps), 1 - float(info.epsneg)]
    edges = [88.0, 89.0, 103.0, 104.0, 127.0, 128.0, 149.0, 150.0, 709.0, 710.0, 745.0, 746.0, 1024.0, 1074.0]
    sizes = [0.1, 0.5, 0.75, 1.5, 2.0, 2.5, 3.0, 4.0, 10.0, 100.0, 2.0**15, 2.0**20, 1e7, 1e22, 1e30]
    ends = [0.0, tiny, 5 * tiny, 0.7 * float(info.tiny), float(info.tiny), float(info.max), np.inf, np.nan]
    values = np.array(ends + near_one + sizes + edges, dtype)
    return np.concatenate([values, -values])


@FMA
@pytest.mark.parametrize("dtype", FORMS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_values_are_those_of_numpy(apply, name, dtype, fma):
    values = special(dtype)
    pairs = np.array(list(itertools.product(values, values))).T
    xs = [values] if FUNCTIONS[name].arity == 1 else [pairs[0].copy(), pairs[1].copy()]
    z = apply(name, *xs, fma=fma)
    y = reference(name, *xs).astype(dtype)
    with np.errstate(all="ignore"):
        close = np.abs(z - y) <= 8 * np.spacing(np.abs(y))
    assert np.all(close | (z == y) | (np.isnan(z) & np.isnan(y)))
    if name not in {"maximum", "minimum", "fmax", "fmin"}:  # of two zeros either may win
        assert np.array_equal(np.signbit(z)[y == 0], np.signbit(y)[y == 0])


@pytest.mark.parametrize("dtype", FORMS)
@pytest.mark.parametrize("name", ["exp", "log10", "arcsinh", "sin", "tan", "arctan2", "power", "cbrt", "erf"])
def test_every_width_gives_the_same_bits(apply, name, dtype):
    xs = drawn(name, 208, dtype, seed=3)
    scalar = apply(name, *xs, width=1)
    for width in (2, 4, 8, 16):
        assert np.array_equal(apply(name, *xs, width=width), scalar, equal_nan=True)


@pytest.mark.parametrize("dtype", FORMS)
@pytest.mark.parametrize("name", ROUNDED)
def test_an_old_processor_gives_the_same_bits(apply, name, dtype):
    """What is written with products and sums does not depend on what else the processor can do."""
    old = Target(Target.host().triple, "x86-64-v2")
    if not old.triple.startswith("x86_64"):
        pytest.skip("a processor of the x86 family")
    xs = drawn(name, 208, dtype, seed=4)
    expected = apply(name, *xs, fma=False)
    assert np.array_equal(apply(name, *xs, fma=False, width=2, target=old), expected, equal_nan=True)


@pytest.mark.parametrize("dtype", FORMS)
@pytest.mark.parametrize("name", ["sin", "cos", "tan", "power"])
def test_a_rare_lane_leaves_its_neighbours_alone(apply, name, dtype):
    xs = [np.linspace(0.5, 9.0, 64, dtype=dtype)] * FUNCTIONS[name].arity
    rare = xs[0].copy()
    rare[5::8] = np.inf
    kept = np.arange(64) % 8 != 5
    assert np.array_equal(apply(name, rare, *xs[1:])[kept], apply(name, *xs)[kept])


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_huge_arguments_and_near_multiples(apply, name):
    """6381956970095103 · 2^797 is the double that is nearest to a multiple of π/2 (Muller, table 11.1)."""
    rng = np.random.default_rng(1)
    x = np.exp(rng.uniform(math.log(1e6), math.log(1e308), 300))
    x[:3] = 6381956970095103.0 * 2.0**797, np.finfo(float).max, 2.0**20
    assert worst(apply(name, x), exactly(name, x)) <= FUNCTIONS[name].double


def test_logarithms_of_powers_are_exact(apply):
    tens, twos = np.arange(-22, 23), np.arange(-1074, 1024)
    assert np.array_equal(apply("log10", 10.0 ** tens[22:]), tens[22:])
    assert np.array_equal(apply("log2", np.ldexp(1.0, twos)), twos)
    assert np.array_equal(apply("exp2", twos.astype(float)), np.ldexp(1.0, twos))


def test_results_of_one_sign_and_in_range(apply):
    x = np.linspace(-40, 40, 100001)
    for name in ("tanh", "erf", "sin", "cos"):
        assert np.abs(apply(name, x)).max() <= 1
    assert np.all(np.diff(apply("sigmoid", x)) >= 0)


@pytest.mark.parametrize("dtype", FORMS)
def test_all_functions_live_in_one_module(dtype):
    """What two functions need is there once, at one width as at several."""
    text = emit_all([(name, dtype, width) for name in FUNCTIONS for width in (1, 8)])
    defined = re.findall(r"^define internal .*?@([\w.]+)\(", text, re.MULTILINE)
    assert len(defined) == len(set(defined))
    assert {symbol(name, dtype, 8) for name in FUNCTIONS} <= set(defined)
    compile_ir(text)


def lines_of(*names: str) -> list[str]:
    """A kernel that adds the functions of one vector, written in one piece."""
    writer = Writer(4, fma=True)
    x = Floats(writer, form_of("float64"), "%x")
    values = [FUNCTIONS[name].write(x) for name in names]
    total = sum(values[1:], values[0])
    head = "define void @kernel(ptr %p) {\nentry:\n  %x = load <4 x double>, ptr %p, align 8"
    end = f"  store <4 x double> {total.name}, ptr %p, align 8\n  ret void\n}}"
    return [support(writer), head, *writer.lines, end]


def test_functions_written_together_share_what_they_have_in_common():
    alone = len(lines_of("sin")) + len(lines_of("cos"))
    assert len(lines_of("sin", "cos")) < 0.75 * alone
    x = np.array([0.5, 3.0, 1e9, -2e300])
    y = x.copy()
    code = compile_ir("\n".join(lines_of("sin", "cos", "sin")))
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(code.address("kernel"))(y.ctypes.data)
    assert np.allclose(y, 2 * np.sin(x) + np.cos(x), rtol=1e-14, atol=1e-15)


def test_the_text_is_the_same_every_time():
    assert emit("sin", "float32", 8) == emit("sin", np.dtype("f4"), 8)


def test_stated_errors_are_small():
    assert max(max(function.double, function.single) for function in FUNCTIONS.values()) <= 4
