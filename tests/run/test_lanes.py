"""Every elementwise primitive on every real dtype gives what NumPy gives, special values included."""

from __future__ import annotations

import ctypes
import functools
import itertools
import math
import platform
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from nazad import ops
from nazad.errors import ArgumentError, CompileError
from nazad.ops import special as of_scipy
from nazad.ops.families import Elementwise, elementwise
from nazad.run import lanes
from nazad.run.lanes import Lanes
from nazad.run.llvm import Machine, Target, compile_ir
from nazad.run.vectormath import FUNCTIONS, Writer, support

REALS = ["float64", "float32"]
WHOLES = [f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)]
DTYPES = ["bool", *WHOLES, *REALS]
TABLE = {name: op for name, op in ops.table().items() if name not in of_scipy.TABLE}
NAMES = [*(name for name, op in TABLE.items() if isinstance(op, Elementwise) and not op.simpler), "where"]
WAYS = [(8, True), (1, False)]
"""Width of the vectors, and whether they use fused multiply-add."""

MISSING = {("power", dtype): "a negative exponent is an error" for dtype in ("bool", *WHOLES[:4])}
"""What NumPy computes in these dtypes and we do not."""

ROUNDED = {name for name, function in FUNCTIONS.items() if function.double > 0.5} | {"cbrt", "float_power"}
EITHER_ZERO = {"maximum", "minimum", "fmax", "fmin", "clip"}
"""Of two zeros either may win, in NumPy too."""

Case = tuple[str, tuple[str, ...]]
"""A name, and the dtypes of its arguments."""


def arity(name: str) -> int:
    op = TABLE[name]
    return len(op.derivs) if isinstance(op, Elementwise) else 3


def kinds(name: str, dtype: str) -> tuple[str, ...]:
    """Arguments of one dtype, but for those that have one of their own."""
    if name == "where":
        return ("bool", dtype, dtype)
    return (dtype, "int32" if dtype in REALS else dtype) if name == "ldexp" else (dtype,) * arity(name)


def result_dtype(name: str, arguments: Sequence[str]) -> np.dtype[Any] | None:
    """That of NumPy's value; None where it has none."""
    try:
        with np.errstate(all="ignore"):
            return np.asarray(TABLE[name].calc(*(np.ones(1, each) for each in arguments))).dtype
    except TypeError:
        return None


def cases() -> list[Case]:
    """Every primitive with every dtype on which NumPy defines it and we have code for it."""
    every = [(name, kinds(name, dtype)) for dtype in DTYPES for name in NAMES]
    dtypes = {case: result_dtype(*case) for case in every}
    return [(n, k) for (n, k), y in dtypes.items() if y and lanes.supports(n, tuple(map(np.dtype, k)), y)]


CASES = cases()


def kernel(symbol: str, case: Case, dtype: Any, width: int, fma: bool) -> tuple[str, Writer]:
    """z[i] = f(x0[i], x1[i], x2[i]) as IR."""
    name, arguments = case
    writer = Writer(width, fma, block="loop")
    xs = []
    for i, each in enumerate(arguments):
        writer.lines.append(f"  %q{i} = getelementptr {lanes.memory_type(each, 1)}, ptr %p{i}, i64 %i")
        loaded = writer.write_anew(f"load {lanes.memory_type(each, width)}, ptr %q{i}, align 1")
        xs.append(lanes.load_cast(writer, loaded, each))
    y = lanes.cast(writer, xs[0], dtype) if name == "astype" else lanes.apply(writer, name, xs, dtype)
    stored = lanes.store_cast(writer, y)
    return (
        f"""\
define void @{symbol}(ptr %p0, ptr %p1, ptr %p2, ptr %pz, i64 %n) {Target.host().attributes} {{
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%i1, %{writer.block}]
{chr(10).join(writer.lines)}
  %qz = getelementptr {lanes.memory_type(dtype, 1)}, ptr %pz, i64 %i
  store {lanes.memory_type(dtype, width)} {stored}, ptr %qz, align 1
  %i1 = add i64 %i, {width}
  %more = icmp ult i64 %i1, %n
  br i1 %more, label %loop, label %end
end:
  ret void
}}
""",
        writer,
    )


@functools.cache
def compiled(batch: tuple[tuple[Case, Any], ...], width: int, fma: bool) -> Machine:
    """One module of several kernels."""
    parts = [kernel(f"k{i}", case, dtype, width, fma) for i, (case, dtype) in enumerate(batch)]
    return compile_ir("\n".join([support(*(writer for _, writer in parts)), *(text for text, _ in parts)]))


@functools.cache
def batches() -> dict[Case, tuple[tuple[Case, Any], ...]]:
    """What is compiled together with each case."""
    found: dict[Case, tuple[tuple[Case, Any], ...]] = {}
    for start in range(0, len(CASES), 24):
        batch = tuple((case, result_dtype(*case)) for case in CASES[start : start + 24])
        found |= dict.fromkeys(CASES[start : start + 24], batch)
    return found


def run(code: Machine, symbol: str, xs: Sequence[np.ndarray], dtype: Any) -> np.ndarray:
    z, size = np.empty(xs[0].size + 8, dtype), xs[0].size
    padded = [np.concatenate([x, np.ones(8, x.dtype)]) for x in xs]
    pointers = [x.ctypes.data for x in (*padded, *padded[:1], *padded[:1])[:3]]
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4, ctypes.c_int64)(code.address(symbol))
    function(*pointers, z.ctypes.data, size)
    return z[:size]


def applied(case: Case, xs: Sequence[np.ndarray], width: int, fma: bool) -> np.ndarray:
    batch = batches()[case]
    place, dtype = next((i, dtype) for i, (each, dtype) in enumerate(batch) if each == case)
    return run(compiled(batch, width, fma), f"k{place}", xs, dtype)


def applied_alone(case: Case, xs: Sequence[np.ndarray], dtype: Any, width: int = 8) -> np.ndarray:
    return run(compiled(((case, np.dtype(dtype)),), width, True), "k0", xs, dtype)


def special(dtype: str, few: bool = False) -> np.ndarray:
    """The values at which functions break."""
    if dtype == "bool":
        return np.array([False, True])
    if dtype in WHOLES:
        info = np.iinfo(dtype)
        values = [0, 1, 2, 3, 7, 8, 31, 63, 64, 100, info.max, info.max - 1, info.max // 2 + 1, info.min]
        negative = [-1, -2, -3, -7, -8, -64, info.min + 1, info.min // 2]
        return np.array(values + (negative if info.min else []), dtype)
    info = np.finfo(dtype)
    tiny, small = float(info.smallest_subnormal), float(info.tiny)
    ends = [0.0, tiny, small, 1.0, 2.5, float(info.max), np.inf, np.nan]
    rest = [3 * tiny, 0.7 * small, 1 + float(info.eps), 0.5, 1.5, 2.0, 3.0, 7.25, 89.0, 710.0, 2.0**30, 1e30]
    values = np.array(ends if few else ends + rest, dtype)
    return np.concatenate([values, -values])


def drawn(dtype: str, size: int, rng: np.random.Generator) -> np.ndarray:
    if dtype == "bool":
        return rng.random(size) < 0.5
    if dtype in WHOLES:
        info = np.iinfo(dtype)
        large = rng.integers(info.min, info.max, size, dtype, endpoint=True)
        return np.where(rng.random(size) < 0.5, large, rng.integers(info.min and -9, 70, size).astype(dtype))
    most = np.finfo(dtype).maxexp * math.log(2)
    wide = rng.choice([-1, 1], size) * np.exp(rng.uniform(-0.99, 0.99, size) * most)
    usual = rng.choice([rng.normal(size=size), rng.normal(size=size) * 20, rng.uniform(-1, 1, size)], axis=0)
    return np.where(rng.random(size) < 0.3, wide, usual).astype(dtype)


def arguments(case: Case) -> list[np.ndarray]:
    """All combinations of special values, and random ones."""
    name, dtypes = case
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    grid = np.array(
        list(itertools.product(*(range(special(each, len(dtypes) > 2).size) for each in dtypes)))
    ).T
    xs = [special(each, len(dtypes) > 2)[places] for each, places in zip(dtypes, grid, strict=True)]
    return [np.concatenate([x, drawn(x.dtype.name, 1000, rng)]) for x in xs]


def entrywise(name: str, *xs: np.ndarray) -> np.ndarray:
    """NumPy's answer; of ``chain``, one entry at a time, as its docstring promises."""
    with np.errstate(all="ignore"):
        y = np.asarray(TABLE["multiply" if name == "chain" else name].calc(*xs))
        if name == "chain" and y.dtype.kind == "f":
            y = np.where(np.isnan(y) & ((xs[0] == 0) | (xs[1] == 0)), y.dtype.type(0), y)
    return y


def same(z: np.ndarray, y: np.ndarray, signs: bool = True) -> np.ndarray:
    """Where two arrays agree, of nan only that they are."""
    if y.dtype.kind != "f":
        return np.asarray(z == y)
    alike = (z == y) & ((np.signbit(z) == np.signbit(y)) | (not signs))
    return np.asarray(alike | (np.isnan(z) & np.isnan(y)))


def complaint(xs: Sequence[np.ndarray], z: np.ndarray, y: np.ndarray, good: np.ndarray) -> str:
    return "; ".join(f"{[x[i] for x in xs]}: {z[i]}, not {y[i]}" for i in np.flatnonzero(~good)[:5])


def wider(xs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """In a format with more bits, in which NumPy's own errors do not count."""
    return [x.astype({"f4": "f8", "f8": np.longdouble}[x.dtype.str[1:]]) for x in xs]


def is_close(z: np.ndarray, exact: np.ndarray, scale: np.ndarray, ulps: float = 4) -> np.ndarray:
    with np.errstate(all="ignore"):
        unit = np.spacing(np.abs(scale).astype(z.dtype))
        return np.asarray(np.abs(z.astype(exact.dtype) - exact) <= ulps * unit.astype(exact.dtype))


def titled(case: Case) -> str:
    return "-".join((case[0], *dict.fromkeys(case[1])))


UNSIGNED_POWERS = [case for case in CASES if case[0] == "power" and case[1][0] in WHOLES]
ROUNDED_CASES = [case for case in CASES if case[0] in ROUNDED and case not in UNSIGNED_POWERS]
INEXACT = ROUNDED | {"logaddexp", "logaddexp2", "sinc"}
EXACT = [case for case in CASES if case[0] not in INEXACT] + UNSIGNED_POWERS


@pytest.mark.parametrize("case", EXACT, ids=titled)
def test_exact_functions_are_those_of_numpy(case):
    xs = arguments(case)
    y = entrywise(case[0], *xs)
    for width, fma in WAYS:
        z = applied(case, xs, width, fma)
        good = same(z, y, signs=case[0] not in EITHER_ZERO)
        assert z.dtype == y.dtype
        assert good.all(), complaint(xs, z, y, good)


@pytest.mark.parametrize("case", ROUNDED_CASES, ids=titled)
def test_rounded_functions_are_close(case):
    xs = arguments(case)
    y = entrywise(case[0], *xs)
    loop = lanes.loop_dtypes(case[0], [x.dtype for x in xs], y.dtype)
    with np.errstate(all="ignore"):
        exact = TABLE[case[0]].calc(*wider([x.astype(kind) for x, kind in zip(xs, loop, strict=False)]))
    for width, fma in WAYS:
        z = applied(case, xs, width, fma)
        good = same(z, y) | is_close(z, exact, y) & (np.signbit(z) == np.signbit(y))
        assert good.all(), complaint(xs, z, y, good)


@pytest.mark.parametrize("case", [case for case in CASES if case[0].startswith("logadd")], ids=titled)
def test_logarithms_of_sums_are_close_to_the_larger_part(case):
    """The sum of the larger argument and a logarithm may cancel, in NumPy as well."""
    xs = arguments(case)
    y = entrywise(case[0], *xs)
    exact = entrywise(case[0], *wider([x.astype(y.dtype) for x in xs]))
    for width, fma in WAYS:
        z = applied(case, xs, width, fma)
        good = same(z, y, signs=False) | is_close(z, exact, np.maximum(np.abs(np.maximum(*xs)), np.abs(y)))
        assert good.all(), complaint(xs, z, y, good)


@pytest.mark.parametrize("case", [case for case in CASES if case[0] == "sinc"], ids=titled)
def test_sinc_rounds_its_argument_as_numpy_does(case):
    xs = arguments(case)
    y = entrywise("sinc", *xs)
    with np.errstate(all="ignore"):
        t = xs[0].astype(y.dtype) * y.dtype.type(np.pi)
        (t,) = wider([np.where(t == 0, np.finfo(y.dtype).eps, t)])
        exact = np.sin(t) / t
    for width, fma in WAYS:
        z = applied(case, xs, width, fma)
        good = same(z, y, signs=False) | is_close(z, exact, y)
        assert good.all(), complaint(xs, z, y, good)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_there_is_code_wherever_numpy_has_a_loop(name, dtype):
    """And nowhere else: not for half precision, in which NumPy computes functions of small integers."""
    y = result_dtype(name, kinds(name, dtype))
    found = y is not None and lanes.supports(name, tuple(map(np.dtype, kinds(name, dtype))), y)
    half = y is not None and np.dtype("float16") in loop_of(name, dtype, y)
    assert found == (y is not None and not half and (name, dtype) not in MISSING)


def loop_of(name: str, dtype: str, result: Any) -> tuple[np.dtype[Any], ...]:
    return lanes.loop_dtypes(name, tuple(map(np.dtype, kinds(name, dtype))), result)


def test_there_is_code_for_every_primitive_of_the_table():
    assert {case[0] for case in CASES} == set(NAMES)


@pytest.mark.parametrize("name", ["nan_to_num", "negative", "absolute", "copysign", "positive"])
@pytest.mark.parametrize("dtype", REALS)
def test_signs_of_nan_are_kept_where_numpy_keeps_them(name, dtype):
    case = (name, kinds(name, dtype))
    xs = [np.tile(np.copysign(np.array([np.nan, 1.0], dtype), sign), 4) for sign in (1.0, -1.0)]
    for x, y in itertools.product(xs, xs):
        args = [x, y][: arity(name)]
        assert np.array_equal(np.signbit(applied(case, args, 8, True)), np.signbit(entrywise(name, *args)))


MIXED = [
    ("add", ("int8", "float32")),
    ("multiply", ("uint8", "int8")),
    ("subtract", ("bool", "int16")),
    ("divide", ("int64", "uint64")),
    ("less", ("int64", "uint64")),
    ("greater_equal", ("uint64", "int8")),
    ("equal", ("uint64", "int64")),
    ("not_equal", ("int64", "uint64")),
    ("less_equal", ("float32", "int64")),
    ("winner", ("uint64", "int64")),
    ("winner", ("float32", "int8")),
    ("chain", ("float64", "int64")),
    ("clip", ("int32", "float32", "int8")),
    ("where", ("float64", "float32", "int64")),
    ("ldexp", ("float64", "int64")),
    ("ldexp", ("float32", "int8")),
    ("right_shift", ("int64", "uint8")),
    ("copysign", ("float32", "float64")),
]


@pytest.mark.parametrize("case", MIXED, ids=lambda case: "-".join((case[0], *case[1])))
def test_mixed_arguments_are_cast_as_numpy_casts_them(case):
    xs, y = arguments(case), entrywise(case[0], *arguments(case))
    assert lanes.supports(case[0], [x.dtype for x in xs], y.dtype)
    z = applied_alone(case, xs, y.dtype)
    good = same(z, y, signs=case[0] not in EITHER_ZERO)
    assert good.all(), complaint(xs, z, y, good)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("source", DTYPES)
def test_casts_are_those_of_astype(source, dtype):
    rng = np.random.default_rng(0)
    x = np.concatenate([special(source), drawn(source, 500, rng)])
    if source in REALS:
        edges = np.exp2([7.0, 8.0, 15.0, 16.0, 31.0, 32.0, 63.0, 64.0])
        more = np.concatenate([edges, edges * 0.999, edges - 1, edges + 5, edges * 1.5, [41000.7, 0.3]])
        x = np.concatenate([x, more, -more]).astype(source)
        x = x[defined(x, dtype)]
    with np.errstate(all="ignore"):
        y = x.astype(dtype)
    for width in (8, 1):
        z = applied_alone(("astype", (source,)), [x], dtype, width)
        good = same(z, y)
        assert good.all(), complaint([x], z, y, good)


def defined(x: np.ndarray, dtype: str) -> np.ndarray:
    """The reals whose cast is always the same in NumPy: all on x86, where it is what instructions leave, but
    for uint32, whose low bits depend on where in the array an entry stands."""
    if dtype not in WHOLES or (dtype != "uint32" and platform.machine() in {"x86_64", "AMD64"}):
        return np.ones(x.size, bool)
    info = np.iinfo(dtype)
    return np.asarray((x > max(info.min, -(2**31)) - 1.0) & (x < float(info.max)))


@pytest.mark.parametrize("dtype", REALS)
def test_remainders_of_all_sizes(dtype):
    """Quotients of every length, near whole numbers too, with and without fused multiply-add."""
    rng = np.random.default_rng(5)
    info = np.finfo(dtype)
    y = np.ldexp(rng.uniform(0.5, 1, 20000), rng.integers(info.minexp - 20, info.maxexp, 20000)).astype(dtype)
    y[0] = info.smallest_subnormal
    with np.errstate(over="ignore"):
        near = y * np.floor(np.exp2(rng.uniform(0, info.nmant + 3, y.size))).astype(dtype)
        x = np.where(rng.random(y.size) < 0.5, near, rng.permutation(y)) * rng.choice([-1, 1], y.size)
    x, y = x.astype(dtype), y * rng.choice([-1, 1], y.size).astype(dtype)
    for name, (width, fma) in itertools.product(("fmod", "remainder", "floor_divide"), [*WAYS, (8, False)]):
        z = applied((name, (dtype, dtype)), [x, y], width, fma)
        good = same(z, entrywise(name, x, y))
        assert good.all(), complaint([x, y], z, entrywise(name, x, y), good)


@pytest.mark.parametrize("dtype", REALS)
def test_ldexp_rounds_once(dtype):
    rng = np.random.default_rng(6)
    span = 3 * np.finfo(dtype).maxexp
    x, n = drawn(dtype, 20000, rng), rng.integers(-span, span, 20000).astype("int32")
    near = x[: n.size // 2]  # to the smallest numbers
    n[: near.size] = np.finfo(dtype).minexp - np.frexp(near)[1] - rng.integers(-3, 30, near.size)
    z = applied(("ldexp", (dtype, "int32")), [x, n], 8, True)
    good = same(z, entrywise("ldexp", x, n))
    assert good.all(), complaint([x, n], z, entrywise("ldexp", x, n), good)


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
def test_unsigned_powers_wrap(bits):
    rng = np.random.default_rng(7)
    x, y = (rng.integers(0, 2**bits - 1, 500, f"uint{bits}", endpoint=True) for _ in range(2))
    case = ("power", (f"uint{bits}",) * 2)
    expected = [pow(int(a), int(b), 2**bits) for a, b in zip(x, y, strict=True)]
    assert applied(case, [x, y], 8, True).tolist() == expected


def test_loops_follow_the_promotion_of_numpy():
    f4, f8, i4, i8, u8, truth = map(np.dtype, ("f4", "f8", "i4", "i8", "u8", "?"))
    assert lanes.loop_dtypes("add", (f4, float), f4) == (f4, f4, f4)
    assert lanes.loop_dtypes("power", (i4, float), f8) == (f8, f8, f8)
    assert lanes.loop_dtypes("multiply", (truth, int), i8) == (i8, i8, i8)
    assert lanes.loop_dtypes("add", (float, int), f8) == (f8, f8, f8)
    assert lanes.loop_dtypes("less", (i8, u8), truth) == (i8, u8, truth)
    assert lanes.loop_dtypes("exponent", (i8,), i4) == (f8, i4)
    assert lanes.loop_dtypes("winner", (i4, i4), f8) == (i4, i4, f8)
    assert lanes.loop_dtypes("where", (f8, f4, f4), f4) == (truth, f4, f4, f4)
    assert lanes.loop_dtypes("logical_and", (f8, bool), truth) == (truth, truth, truth)
    assert lanes.loop_dtypes(TABLE["sinc"], (i4,), f8) == (f8, f8)


def test_what_there_is_no_code_for():
    f8 = np.dtype("f8")
    with pytest.raises(ArgumentError, match="NumPy does not define bitwise_and here"):
        lanes.loop_dtypes("bitwise_and", (f8, f8), f8)
    with pytest.raises(CompileError, match="no vector code for float16"):
        lanes.ir_type("float16", 8)
    with pytest.raises(CompileError, match="no vector code for sin in float16"):
        lanes.apply(Writer(8, fma=True), "sin", [Lanes(np.dtype("int8"), "%x")], "float16")
    assert not lanes.supports("matmul", (f8, f8), f8)
    assert not lanes.supports("sin", (np.dtype("complex128"),), "complex128")
    assert not lanes.supports("bitwise_and", (f8, f8), f8)
    assert not lanes.supports(elementwise(np.sin, name="sin"), (f8,), f8)
    assert lanes.supports(TABLE["sin"], (f8,), f8)


@pytest.mark.parametrize("width", [1, 8])
@pytest.mark.parametrize("dtype", DTYPES)
def test_constants_keep_every_bit(dtype, width):
    values = special(dtype)
    writer = Writer(width, fma=True)
    for i, value in enumerate(values):
        stored = lanes.store_cast(writer, lanes.constant(writer, value, dtype))
        writer.lines.append(f"  %q{i} = getelementptr i8, ptr %p, i64 {i * width * values.itemsize}")
        writer.lines.append(f"  store {lanes.memory_type(dtype, width)} {stored}, ptr %q{i}, align 1")
    body = "\n".join(writer.lines)
    code = compile_ir(f"define void @constants(ptr %p) {{\nentry:\n{body}\n  ret void\n}}")
    z = np.empty((values.size, width), dtype)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(code.address("constants"))(z.ctypes.data)
    assert z.tobytes() == np.repeat(values, width).tobytes()


def test_a_constant_that_does_not_fit_is_an_error():
    with pytest.raises(OverflowError):
        lanes.constant(Writer(8, fma=True), 300, "int8")


def test_nothing_is_marked_fast():
    marks = {"fast", "nnan", "ninf", "nsz", "arcp", "contract", "afn", "reassoc"}
    for case in CASES:
        if set(case[1]) & set(REALS):
            text, writer = kernel("k", case, result_dtype(*case), 8, True)
            assert not marks & set((support(writer) + text).replace("\n", " ").split(" ")), case
