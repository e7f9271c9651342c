"""Products by BLAS from machine code, against NumPy: transposed, parts of larger arrays, sums of no terms."""

from __future__ import annotations

import ctypes
import functools
import itertools
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from nazad.errors import CompileError
from nazad.run import blas
from nazad.run.blas import Call, dot, few_threads, gemm, gemv, ger, threads
from nazad.run.llvm import Machine, compile_ir

pytestmark = pytest.mark.skipif(not blas.available(), reason="needs SciPy's BLAS")

DTYPES = ["float64", "float32"]
ELEMENT = {"float64": "double", "float32": "float"}
POINTERS = ["%p", "%q", "%r"]
SIZES = [f"%n{k}" for k in range(6)]


def machine(call: Call, dtype: str) -> Machine:
    """The call as a function of three pointers, six sizes and two factors."""
    kind = ELEMENT[dtype]
    taken = [
        *(f"ptr {x}" for x in POINTERS),
        *(f"i64 {n}" for n in SIZES),
        f"{kind} %alpha",
        f"{kind} %beta",
    ]
    body = [f"define void @f({', '.join(taken)}) {{", "entry:", *call.slots, *call.lines, "  ret void", "}"]
    return compiled("\n".join([call.declare, *body]))


@functools.cache
def compiled(text: str) -> Machine:
    return compile_ir(text, "f")


def run(call: Call, arrays: Any, sizes: Any = (), alpha: float = 0.0, beta: float = 0.0) -> None:
    dtype = arrays[0].dtype.name
    number = {"float64": ctypes.c_double, "float32": ctypes.c_float}[dtype]
    kinds = [*[ctypes.c_void_p] * 3, *[ctypes.c_int64] * 6, number, number]
    code = machine(call, dtype)
    pointers = [array.ctypes.data for array in arrays]
    padded = [*pointers, *[None] * (3 - len(pointers)), *sizes, *[0] * (6 - len(sizes)), alpha, beta]
    ctypes.CFUNCTYPE(None, *kinds)(code.address("f"))(*padded)


def drawn(rng: np.random.Generator, dtype: str, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(dtype)


def inside(array: np.ndarray, more: int) -> np.ndarray:
    """The same matrix as the left part of a wider one, filled with what would be noticed."""
    wide = np.full((array.shape[0], array.shape[1] + more), np.nan, array.dtype)
    wide[:, : array.shape[1]] = array
    return wide[:, : array.shape[1]]


def row(array: np.ndarray) -> int:
    """Entries from one row to the next."""
    return array.strides[0] // array.itemsize


def check(actual: np.ndarray, expected: np.ndarray) -> None:
    tolerance = 1e-12 if actual.dtype == np.float64 else 1e-4
    np.testing.assert_allclose(actual, expected, tolerance, tolerance)


def op(array: np.ndarray, transposed: bool) -> np.ndarray:
    return array.T if transposed else array


def product(a: np.ndarray, b: np.ndarray, c: np.ndarray, alpha: float, beta: float) -> np.ndarray:
    """What C becomes, in doubles; with beta 0 what it holds does not matter."""
    made = alpha * (a.astype(float) @ b.astype(float))
    return made + beta * c.astype(float) if beta else made


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("trans_a", [False, True])
@pytest.mark.parametrize("trans_b", [False, True])
@pytest.mark.parametrize("more", [0, 3])
@pytest.mark.parametrize("known", [True, False])
def test_products_of_matrices(dtype, trans_a, trans_b, more, known):
    rng = np.random.default_rng(1)
    m, n, k = 5, 7, 4
    a = inside(drawn(rng, dtype, *((k, m) if trans_a else (m, k))), more)
    b = inside(drawn(rng, dtype, *((n, k) if trans_b else (k, n))), more)
    c = inside(drawn(rng, dtype, m, n), more)
    expected = product(op(a, trans_a), op(b, trans_b), c, 1.5, -0.5)
    sizes = [m, n, k, row(a), row(b), row(c)]
    m_, n_, k_, lda, ldb, ldc = sizes if known else SIZES
    factors = (1.5, -0.5) if known else ("%alpha", "%beta")
    call = gemm(dtype, m_, n_, k_, "%p", lda, trans_a, "%q", ldb, trans_b, "%r", ldc, *factors)
    run(call, [a, b, c], sizes, 1.5, -0.5)
    check(c, expected)
    beyond = np.lib.stride_tricks.as_strided(c, (m - 1, n + more), c.strides)[:, n:]
    assert np.isnan(beyond).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("trans", [False, True])
@pytest.mark.parametrize("more", [0, 3])
@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("known", [True, False])
def test_products_of_a_matrix_and_a_vector(dtype, trans, more, step, known):
    rng = np.random.default_rng(2)
    m, n = 5, 7
    a = inside(drawn(rng, dtype, m, n), more)
    x = drawn(rng, dtype, (m if trans else n) * step)[::step]
    y = drawn(rng, dtype, (n if trans else m) * 3)[::3]
    expected = product(op(a, trans), x, y, 1.5, -0.5)
    m_, n_, lda = (m, n, row(a)) if known else SIZES[:3]
    factors = (1.5, -0.5) if known else ("%alpha", "%beta")
    call = gemv(dtype, m_, n_, "%p", lda, trans, "%q", step, "%r", 3, *factors)
    run(call, [a, x, y], [m, n, row(a)], 1.5, -0.5)
    check(y, expected)


ZEROS = [(0, 2, 3), (2, 0, 3), (2, 3, 0), (0, 0, 0)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("size", "known"),
    [(size, False) for size in itertools.product([0, 1, 3], repeat=3)] + [(size, True) for size in ZEROS],
)
@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_sizes_that_are_zero_and_one(dtype, size, known, beta):
    rng = np.random.default_rng(3)
    m, n, k = size
    for trans_a, trans_b in itertools.product([False, True], repeat=2):
        a = drawn(rng, dtype, *((k, m) if trans_a else (m, k)))
        b = drawn(rng, dtype, *((n, k) if trans_b else (k, n)))
        c = drawn(rng, dtype, m, n)
        expected = product(op(a, trans_a), op(b, trans_b), c, 1.5, beta)
        sizes = [m, n, k, a.shape[1], b.shape[1], n]
        m_, n_, k_, lda, ldb, ldc = sizes if known else SIZES
        call = gemm(dtype, m_, n_, k_, "%p", lda, trans_a, "%q", ldb, trans_b, "%r", ldc, "%alpha", "%beta")
        run(call, [a, b, c], sizes, 1.5, beta)
        check(c, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", list(itertools.product([0, 1, 3], repeat=2)))
@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("known", [True, False])
def test_vectors_of_no_entries(dtype, size, beta, known):
    rng = np.random.default_rng(4)
    m, n = size
    for trans in (False, True):
        a, x, y = (
            drawn(rng, dtype, m, n),
            drawn(rng, dtype, m if trans else n),
            drawn(rng, dtype, n if trans else m),
        )
        expected = product(op(a, trans), x, y, 1.5, beta)
        m_, n_, lda = (m, n, n) if known else SIZES[:3]
        alpha = 1.5 if known else "%alpha"
        call = gemv(dtype, m_, n_, "%p", lda, trans, "%q", 1, "%r", 1, alpha, "%beta")
        run(call, [a, x, y], [m, n, n], 1.5, beta)
        check(y, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("trans", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (4, 3), (70, 50)])
@pytest.mark.parametrize("left", [np.nan, np.inf])
def test_with_beta_zero_it_does_not_matter_what_was_there(dtype, trans, size, left):
    rng = np.random.default_rng(5)
    m, n = size
    a, x = drawn(rng, dtype, m, n), drawn(rng, dtype, m if trans else n)
    y = np.full(n if trans else m, left, dtype)
    call = gemv(dtype, "%n0", "%n1", "%p", "%n1", trans, "%q", 1, "%r", 1, "%alpha", "%beta")
    run(call, [a, x, y], size, 1.0, 0.0)
    check(y, op(a, trans).astype(float) @ x)
    b, c = drawn(rng, dtype, n, m), np.full((m, m), left, dtype)
    run(gemm(dtype, m, m, n, "%p", n, False, "%q", m, False, "%r", m), [a, b, c])
    check(c, a.astype(float) @ b)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("trans", [False, True])
@pytest.mark.parametrize("left", [np.nan, np.inf])
def test_a_product_of_no_terms_is_zero_whatever_was_there(dtype, trans, left):
    a, c = np.empty((0, 4) if trans else (4, 0), dtype), np.full((4, 5), left, dtype)
    run(gemm(dtype, 4, 5, 0, "%p", a.shape[1], trans, "%q", 5, False, "%r", 5), [a, a, c])
    assert not c.any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("trans", [False, True])
@pytest.mark.parametrize("known", [True, False])
def test_a_sum_of_no_terms_is_zero_whatever_was_there(dtype, trans, known):
    nothing, y = np.full(1, np.nan, dtype), np.full(6, np.nan, dtype)
    sizes = [0, 6, 6] if trans else [6, 0, 0]
    m, n, lda = sizes if known else SIZES[:3]
    run(gemv(dtype, m, n, "%p", lda, trans, "%q", 1, "%r", 1), [nothing, nothing, y], sizes)
    assert not y.any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [(0, 3), (3, 0), (1, 1), (5, 7)])
@pytest.mark.parametrize("more", [0, 2])
def test_outer_products_are_added(dtype, size, more):
    rng = np.random.default_rng(6)
    m, n = size
    x, y, a = drawn(rng, dtype, 2 * m)[::2], drawn(rng, dtype, n), inside(drawn(rng, dtype, m, n), more)
    expected = a + 1.5 * np.outer(x, y)
    run(ger(dtype, "%n0", n, "%p", 2, "%q", 1, "%r", row(a), 1.5), [x, y, a], [m])
    check(a, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [0, 1, 1000])
def test_sums_of_products(dtype, n):
    rng = np.random.default_rng(7)
    x, y, result = drawn(rng, dtype, 2 * n)[::2], drawn(rng, dtype, n), np.full(1, np.nan, dtype)
    call = dot(dtype, "%n0", "%p", 2, "%q", 1, "%sum")
    store = f"  store {ELEMENT[dtype]} %sum, ptr %r"
    run(call._replace(lines=[*call.lines, store]), [x, y, result], [n])
    check(result, np.array([x.astype(float) @ y]))


def test_large_products_that_blas_splits_among_threads():
    rng = np.random.default_rng(8)
    a, b, c = drawn(rng, "float64", 300, 400), drawn(rng, "float64", 500, 400), np.empty((300, 500))
    run(gemm("float64", 300, 500, 400, "%p", 400, False, "%q", 400, True, "%r", 500), [a, b, c])
    check(c, a @ b.T)


def test_a_loop_does_not_grow_the_stack():
    """With slots in the entry block a million calls fit any stack."""
    call = dot("float64", 1, "%x", 1, "%x", 1, "%one")
    body = "\n".join(call.lines)
    text = f"""{call.declare}
    define double @f(ptr %x, i64 %turns) {{
    entry:
      {"".join(f"{slot} " for slot in call.slots)}
      br label %loop
    loop:
      %i = phi i64 [0, %entry], [%i1, %loop]
      %sum = phi double [0.0, %entry], [%sum1, %loop]
    {body}
      %sum1 = fadd double %sum, %one
      %i1 = add i64 %i, 1
      %more = icmp ult i64 %i1, %turns
      br i1 %more, label %loop, label %end
    end:
      ret double %sum1
    }}"""
    code = compile_ir(text, "f")
    x = np.ones(1)
    f = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_void_p, ctypes.c_int64)(code.address("f"))
    assert f(x.ctypes.data, 10**6) == 10**6


def test_two_calls_in_one_function_have_names_of_their_own():
    first = gemv("float64", "%n0", "%n0", "%p", "%n0", False, "%q", 1, "%r", 1, stem="first")
    second = gemv("float64", "%n0", "%n0", "%p", "%n0", False, "%r", 1, "%q", 1, stem="second")
    rng = np.random.default_rng(9)
    a, x, y = drawn(rng, "float64", 3, 3), drawn(rng, "float64", 3), np.empty(3)
    expected = a @ (a @ x)
    run(Call(first.slots + second.slots, first.lines + second.lines, first.declare), [a, x, y], [3])
    check(x, expected)


@pytest.mark.parametrize("size", [2**31, -1])
def test_sizes_that_blas_cannot_have(size):
    with pytest.raises(CompileError, match=f"sizes of 32 bits, and this one is {size}"):
        gemm("float64", size, 1, 1, "%p", 1, False, "%q", 1, False, "%r", 1)


def test_only_known_signatures_are_trusted(monkeypatch):
    extension = blas._extension()
    assert blas._pointer(extension, "dgemm")
    assert blas._pointer(extension, "dgemm_of_the_future") is None
    with monkeypatch.context() as patch:
        patch.setattr(blas, "_I", "long *")
        patch.setitem(blas._SIGNATURES, "gemm", ("void", *["char *"] * 2, *["long *"] * 3))
        assert blas._pointer(extension, "dgemm") is None
        blas.available.cache_clear()
        assert not blas.available()
    blas.available.cache_clear()
    assert blas.available()


def said(program: str) -> str:
    """What a program prints in an interpreter of its own."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_scipy_linalg_is_not_imported_and_can_be_imported_afterwards():
    program = """
import sys
from nazad.run import blas
assert blas.available()
print("scipy.linalg" in sys.modules, "scipy.linalg.cython_blas" in sys.modules)
import scipy.linalg.cython_blas, scipy.optimize
print(scipy.linalg.cython_blas is blas._extension(), scipy.linalg.inv([[2.0]]))"""
    assert said(program) == "False False\nTrue [[0.5]]"


def test_what_scipy_has_loaded_is_taken():
    program = """
import scipy.linalg.cython_blas
from nazad.run import blas
print(blas.available(), blas._extension() is scipy.linalg.cython_blas)"""
    assert said(program) == "True True"


def test_where_the_file_is_not_found_it_is_imported():
    program = """
from nazad.run import blas
blas._file = lambda: None
print(blas.available())
import scipy.linalg.cython_blas
print(blas._extension() is scipy.linalg.cython_blas)"""
    assert said(program) == "True\nTrue"


def test_without_scipy_there_is_none():
    program = """
import sys
sys.modules["scipy"] = None
from nazad.run import blas
print(blas.available(), blas.threads())
with blas.few_threads(1) as limited:
    print(limited)"""
    assert said(program) == "False None\nFalse"


def test_threads_of_blas_are_few_in_a_block():
    found = threads()
    if found is None:
        pytest.skip("a BLAS whose threads can be set")
    before = found.get()
    with few_threads(1) as limited:
        assert limited
        assert found.get() == 1
        with few_threads(5):
            assert found.get() == 1  # never more than there were
    assert found.get() == before
    with pytest.raises(KeyError), few_threads(1):
        raise KeyError
    assert found.get() == before


def test_machine_code_can_set_the_threads_of_blas():
    found = threads()
    if found is None:
        pytest.skip("a BLAS whose threads can be set")
    code = compile_ir("""
    declare i32 @nz_blas_get_threads()
    declare void @nz_blas_set_threads(i32)
    define i32 @f() {
      %before = call i32 @nz_blas_get_threads()
      call void @nz_blas_set_threads(i32 1)
      %within = call i32 @nz_blas_get_threads()
      call void @nz_blas_set_threads(i32 %before)
      ret i32 %within
    }""")
    before = found.get()
    assert ctypes.CFUNCTYPE(ctypes.c_int32)(code.address("f"))() == 1
    assert found.get() == before
