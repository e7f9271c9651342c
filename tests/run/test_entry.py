"""The entry point does what Python would do, leaves the rest to the fallback, and loses nothing."""

from __future__ import annotations

import ctypes
import gc
import pickle
import subprocess
import sys
import threading
import tracemalloc
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from nazad.errors import ArgumentError, CompileError
from nazad.run import cpython
from nazad.run.entry import ON_STACK, entry_ir, make_entry
from nazad.run.llvm import Machine, compile_ir, link
from nazad.run.signature import Argument, Result, Signature

F8 = np.dtype("float64")
SIZES = ["8", "16", "32", "64"]
NAMES = ["bool", "float32", "float64", *[kind + size for kind in ("int", "uint") for size in SIZES]]
DTYPES = [*map(np.dtype, NAMES), np.dtype("longlong")]
SHAPES = [(), (0,), (3,), (2, 3), (2, 0, 4), (1, 1, 5)]
SHARED = ((0, 0), 2, (0, ()))
HEAD = "define i32 @program(ptr %inputs, ptr %outputs, ptr %constants, ptr %scratch) {"


def copying(*sizes: int) -> str:
    """A program whose results are its arguments, of these many bytes."""
    lines = ["declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)", HEAD]
    for i, size in enumerate(sizes):
        lines += [
            f"%ip{i} = getelementptr ptr, ptr %inputs, i64 {i}",
            f"%op{i} = getelementptr ptr, ptr %outputs, i64 {i}",
            f"%i{i} = load ptr, ptr %ip{i}",
            f"%o{i} = load ptr, ptr %op{i}",
            f"call void @llvm.memcpy.p0.p0.i64(ptr %o{i}, ptr %i{i}, i64 {size}, i1 false)",
        ]
    return "\n".join([*lines, "ret i32 1", "}"])


TELLING = f"""
{HEAD}
  %output = load ptr, ptr %outputs
  %where = ptrtoint ptr %scratch to i64
  store i64 %where, ptr %output
  ret i32 1
}}"""
"""A program whose result is the address of its scratch memory."""

MEETING = f"""
{HEAD}
  %door = load ptr, ptr %constants
  %seats = getelementptr i64, ptr %door, i64 1
  %wanted = load i64, ptr %seats
  %before = atomicrmw add ptr %door, i64 1 seq_cst
  br label %wait
wait:
  %turn = phi i64 [0, %0], [%next, %still]
  %inside = load atomic i64, ptr %door seq_cst, align 8
  %all = icmp sge i64 %inside, %wanted
  br i1 %all, label %end, label %still
still:
  %next = add i64 %turn, 1
  %patient = icmp slt i64 %next, TURNS
  br i1 %patient, label %wait, label %alone
alone:
  ret i32 0
end:
  %output = load ptr, ptr %outputs
  %where = ptrtoint ptr %scratch to i64
  store i64 %where, ptr %output
  ret i32 1
}}"""
"""The same, but it waits until as many calls as the second constant says are in it at once."""


class Fallback:
    """Remembers what it was called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def __call__(self, *args: Any, **options: Any) -> str:
        self.calls.append((args, options))
        return "fallback"


class Sub(np.ndarray):
    """Not exactly an array."""


class Number(float):
    """Not exactly a float."""


Make = Callable[..., Callable[..., Any]]


def made(program: str, signature: Signature, fallback: Any = None, constants: Sequence[Any] = ()) -> Any:
    machine = compile_ir(program + entry_ir(signature))
    return make_entry(machine, signature, fallback or Fallback(), "f", constants)


@pytest.fixture(params=["built-in", "Python"])
def make(request, monkeypatch) -> Make:
    """Both rungs of the ladder."""
    if request.param == "Python":
        monkeypatch.setattr(cpython, "layout_holds", lambda: False)
    return made


def copier(make: Make, kind: str, dtype: np.dtype, shape: tuple[int, ...] = (), fallback: Any = None) -> Any:
    signature = Signature((Argument(kind, dtype, shape),), (Result(kind, dtype, shape),), 0)
    return make(copying(dtype.itemsize * int(np.prod(shape))), signature, fallback)


def numbers(dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    return np.array(np.random.default_rng(0).integers(0, 2**7, shape), dtype)


def traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def loses(call: Callable[[], Any], calls: int = 500) -> bool:
    """Whether every time calls leave something behind: an object has 16 bytes at least."""
    for _ in range(5):
        before = traced()
        for _ in range(calls):
            call()
        if traced() < before + 10 * calls:
            return False
    return True


@pytest.fixture
def tracing():
    tracemalloc.start()
    yield
    tracemalloc.stop()


def test_the_entry_is_machine_code_here():
    assert cpython.layout_holds()
    f = copier(made, "array", F8, (3,))
    assert type(f) is type(len)


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.char)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_arrays_of_all_dtypes_go_in_and_come_out(make, dtype, shape):
    x = numbers(dtype, shape)
    y = copier(make, "array", dtype, shape)(x)
    assert type(y) is np.ndarray
    assert (y.dtype.char, y.shape, y.strides) == (dtype.char, shape, x.strides)
    assert y.base is None
    assert y.flags.owndata
    assert y.flags.carray
    np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.char)
def test_scalars_of_all_dtypes_go_in_and_come_out(make, dtype):
    f = copier(make, "scalar", dtype)
    for value in (0, 1, 100):
        x = dtype.type(value)
        y = f(x)
        assert type(y) is type(x)
        assert y == x


def test_floats_go_in_and_come_out(make):
    f = copier(make, "float", F8)
    for x in (0.1, -0.0, float("inf"), 5e-324):
        assert type(f(x)) is float
        assert repr(f(x)) == repr(x)


def base(shape: tuple[int, ...] = (2, 3)) -> np.ndarray:
    return np.arange(float(np.prod(shape))).reshape(shape)


def read_only() -> np.ndarray:
    x = base()
    x.flags.writeable = False
    return x


def unaligned() -> np.ndarray:
    return np.zeros(49, np.int8)[1:].view(F8).reshape(2, 3)


ACCEPTED = {
    "array": base(),
    "read-only": read_only(),
    "view": base((4, 3))[1:3],
    "pickled": pickle.loads(pickle.dumps(base())),
    "dtype object of its own": np.ones((2, 3), np.dtype("f8", metadata={"unit": "m"})),
    "another view's dtype": np.ones((2, 3), np.dtype([("x", "f8")]))["x"],
}
REFUSED = {
    "other shape": base((3, 2)),
    "other rank": base((6,)),
    "more axes": base((1, 2, 3)),
    "0-d": np.array(1.0),
    "empty": np.ones((0, 3)),
    "float32": base().astype("f4"),
    "int64": base().astype("i8"),
    "complex": base().astype("c16"),
    "long double": base().astype("g"),
    "objects": base().astype(object),
    "strings": base().astype("U8"),
    "dates": np.zeros((2, 3), "M8[s]"),
    "records": np.zeros((2, 3), [("x", "f8")]),
    "Fortran order": np.asfortranarray(base()),
    "transposed": base((3, 2)).T,
    "every other": base((2, 6))[:, ::2],
    "backwards": base()[::-1],
    "broadcast": np.broadcast_to(1.0, (2, 3)),
    "byte-swapped": base().astype(F8.newbyteorder("S")),
    "unaligned": unaligned(),
    "subclass": base().view(Sub),
    "masked": np.ma.masked_array(base()),
    "list": base().tolist(),
    "None": None,
    "float": 1.0,
    "int": 1,
    "NumPy's number": np.float64(1.0),
    "type": np.ndarray,
}


def is_fast(f: Any, fallback: Fallback, *args: Any, **options: Any) -> bool:
    """Whether the fallback was spared; if not, that it got these very objects."""
    before = len(fallback.calls)
    answer = f(*args, **options)
    if len(fallback.calls) == before:
        return True
    ((got, options_got),) = fallback.calls[before:]
    assert answer == "fallback"
    assert len(got) == len(args)
    assert all(x is y for x, y in zip(got, args, strict=True))
    assert options_got == options
    return False


@pytest.mark.parametrize("name", [*ACCEPTED, *REFUSED])
def test_what_is_not_the_compiled_array_goes_to_the_fallback(make, name):
    x, fallback = (ACCEPTED | REFUSED)[name], Fallback()
    f = copier(make, "array", F8, (2, 3), fallback)
    before = sys.getrefcount(x)
    assert is_fast(f, fallback, x) == (name in ACCEPTED)
    fallback.calls.clear()
    after = sys.getrefcount(x)
    assert after == before or not isinstance(x, np.ndarray)
    if name in ACCEPTED:
        np.testing.assert_array_equal(f(x), x)


@pytest.mark.parametrize(
    ("kind", "dtype", "accepted", "refused"),
    [
        ("float", "f8", [1.0, float("nan")], [np.float64(1), Number(1), 1, True, np.array(1.0), None, 1j]),
        ("scalar", "f8", [np.float64(1)], [1.0, Number(1), np.float32(1), np.array(1.0), 1, None]),
        ("scalar", "f4", [np.float32(1)], [1.0, np.float64(1), np.float16(1), np.int32(1)]),
        ("scalar", "?", [np.bool(True), np.False_], [True, 1, np.uint8(1)]),
        ("scalar", "i8", [np.int64(1)], [1, True, np.int32(1), np.uint64(1), np.array(1)]),
        ("array", "f8", [np.array(1.0)], [1.0, np.float64(1), np.ones(1), np.array(1.0, "f4")]),
        ("array", "i8", [np.array(1, "l"), np.array(1, "q")], [np.array(1, "Q"), np.array(1, "m8[s]"), 1]),
        ("array", "i1", [np.array(1, "i1")], [np.array(True), np.array(1, "u1"), np.array("a", "S1")]),
    ],
)
def test_numbers_have_to_be_exactly_of_their_type(make, kind, dtype, accepted, refused):
    fallback = Fallback()
    f = copier(make, kind, np.dtype(dtype), (), fallback)
    assert all(is_fast(f, fallback, x) for x in accepted)
    assert not any(is_fast(f, fallback, x) for x in refused)


def test_strides_do_not_matter_where_there_is_one_entry_or_none(make):
    fallback = Fallback()
    one, none = copier(make, "array", F8, (1, 3), fallback), copier(make, "array", F8, (0, 3), fallback)
    np.testing.assert_array_equal(one(base((4, 3))[2:3]), base((4, 3))[2:3])
    assert is_fast(one, fallback, base((4, 3))[::4])
    assert is_fast(none, fallback, np.ones((4, 6))[:0, ::2])


def test_other_counts_and_keywords_go_to_the_fallback(make):
    fallback = Fallback()
    signature = Signature((Argument("float"), Argument("float")), (Result("float"), Result("float")), (1, 0))
    f = make(copying(8, 8), signature, fallback)
    assert f(1.0, 2.0) == (2.0, 1.0)
    options: dict[str, Any] = {}
    assert f(*[1.0, 2.0], **options) == (2.0, 1.0)
    assert not fallback.calls
    for args in ((), (1.0,), (1.0, 2.0, 3.0)):
        assert not is_fast(f, fallback, *args)
    assert not is_fast(f, fallback, 1.0, y=2.0)
    assert not is_fast(f, fallback, 1.0, 2.0, z=None)
    assert not is_fast(f, fallback, x=1.0, y=2.0)


def test_the_same_array_twice(make):
    signature = Signature((Argument("array", F8, (3,)),) * 2, (Result("array", F8, (3,)),) * 2, (0, 1))
    x = np.arange(3.0)
    a, b = make(copying(24, 24), signature)(x, x)
    assert a is not b
    np.testing.assert_array_equal([a, b], [x, x])


def test_a_guard_that_does_not_hold_leaves_it_to_the_fallback(make, tracing):
    fallback = Fallback()
    results = (Result("array", F8, (1000,)), Result("float"), Result("array", F8, (1000,)))
    for scratch in (0, 100, 10 * ON_STACK):
        signature = Signature((Argument("float"),), results, (0, (1, 2)), scratch)
        f = make(f"{HEAD} ret i32 0 }}", signature, fallback)
        assert not is_fast(f, fallback, 1.0)
        fallback.calls.clear()
        assert not loses(lambda f=f: (f(1.0), fallback.calls.clear()))


@pytest.mark.parametrize("structure", [(), 0, 2, (0,), (1, 0), (2, (0, 1)), SHARED, (1, 1)], ids=str)
def test_results_are_packed_as_the_structure_says(make, structure, tracing):
    results = (Result("array", F8, (1000,)), Result("float"), Result("scalar", np.dtype("i4")))
    arguments = (Argument("array", F8, (1000,)), Argument("float"), Argument("scalar", np.dtype("i4")))
    args = np.arange(1000.0), 0.5, np.int32(7)
    f = make(copying(8000, 8, 4), Signature(arguments, results, structure))
    y = f(*args)
    assert repr(y) == repr(Signature(arguments, results, structure).pack(args))
    if structure == SHARED:
        assert y[0][0] is y[0][1] is y[2][0]
        count = sys.getrefcount(y[0][0])
        assert count == 4  # three in tuples, and the argument here
    assert not loses(lambda: f(*args))


def test_errors_of_the_fallback_come_through(make):
    def fallback(x: Any) -> None:
        raise ZeroDivisionError(f"no {x}")

    f = copier(make, "float", F8, (), fallback)
    with pytest.raises(ZeroDivisionError, match="no 1") as caught:
        f(1)
    assert caught.traceback[-1].name == "fallback"
    with pytest.raises(TypeError, match=r"fallback\(\) missing 1 required positional argument: 'x'"):
        f()


def test_a_fallback_may_come_back_to_the_entry_without_filling_the_stack(make):
    signature = Signature((Argument("float"),), (Result("float"),), 0, ON_STACK)
    entry: list[Any] = []
    f = make(copying(8), signature, lambda x: entry[0](x))
    entry.append(f)
    result: list[Any] = []

    def run() -> None:
        with pytest.raises(RecursionError) as caught:
            f(1)
        result.append(caught)

    size = threading.stack_size(1 << 21)  # less than a thousand times the scratch
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(size)
    assert len(result) == 1


@pytest.mark.parametrize("release", [False, True])
def test_nothing_is_lost_in_many_calls(make, release, tracing):
    arguments = (Argument("array", F8, (10,)), Argument("float"), Argument("scalar", np.dtype("f4")))
    results = (Result("array", F8, (10,)), Result("float"), Result("scalar", np.dtype("f4")))
    f = make(copying(80, 8, 4), Signature(arguments, results, ((0, 1), 2), 2 * ON_STACK, release))
    args = np.arange(10.0), 1e300, np.float32(2.5)
    watched = [*args, np.ndarray, F8, np.dtype("f4"), float, np.float32, tuple, None, f, f.__class__]
    calls = 100_000 if type(f) is type(len) else 2000
    before = [sys.getrefcount(x) for x in watched]
    assert not loses(lambda: f(*args), calls)
    after = [sys.getrefcount(x) for x in watched]
    assert max(abs(a - b) for a, b in zip(after, before, strict=True)) < calls / 5


def test_memory_that_is_not_there_is_an_error(make, tracing):
    results = (Result("array", F8, (1000,)), Result("array", F8, (1 << 50,)))
    f = make(f"{HEAD} ret i32 1 }}", Signature((), results, (0, 1)))

    def call() -> None:
        with pytest.raises(MemoryError):
            f()

    assert not loses(call, 100)


def test_every_allocation_may_fail(tracing):
    hooks = pytest.importorskip("_testcapi")
    arguments = (Argument("array", F8, (1000,)), Argument("float"), Argument("scalar", F8))
    results = (Result("array", F8, (1000,)), Result("float"), Result("scalar", F8))
    f = made(copying(8000, 8, 8), Signature(arguments, results, (0, (1, 2)), 2 * ON_STACK))
    args = np.arange(1000.0), 0.5, np.float64(1.5)
    outcomes = []
    before = traced()
    for k in range(12):
        floats = [float(i) for i in range(300)]  # none of them is left for reuse
        hooks.set_nomemory(k, k + 1)
        try:
            f(*args)
            failed = False
        except MemoryError:
            failed = True
        finally:
            hooks.remove_mem_hooks()
        del floats
        outcomes.append(failed)
    assert any(outcomes)
    assert not outcomes[-1]
    assert traced() < before + 4000
    assert repr(f(*args)) == repr((args[0], (0.5, np.float64(1.5))))


def test_constants_are_where_the_program_looks(make):
    program = f"""
    {HEAD}
      %first = load ptr, ptr %constants
      %place = getelementptr ptr, ptr %constants, i64 1
      %second = load ptr, ptr %place
      %a = load double, ptr %first
      %b = load double, ptr %second
      %c = fsub double %a, %b
      %output = load ptr, ptr %outputs
      store double %c, ptr %output
      ret i32 1
    }}"""
    a, b = np.array([5.0, 0.0]), np.array(2.0)
    f = make(program, Signature((), (Result("float"),), 0), None, [a, b])
    assert f() == 3.0
    a[0] = 7.0
    assert f() == 5.0
    del a, b
    gc.collect()
    assert f() == 5.0
    with pytest.raises(ArgumentError, match="not C-contiguous"):
        make(program, Signature((), (Result("float"),), 0), None, [np.ones((2, 3)).T, np.ones(1)])


@pytest.mark.parametrize("size", [1, 100, ON_STACK, ON_STACK + 1, 1 << 20])
def test_scratch_memory_begins_with_a_cache_line(make, size):
    f = make(TELLING, Signature((), (Result("array", np.dtype("i8")),), 0, size))
    assert f() > 0
    assert f() % 64 == 0


def test_no_scratch_memory_is_null(make):
    assert make(TELLING, Signature((), (Result("array", np.dtype("i8")),), 0))() == 0


def test_much_scratch_memory_is_taken_once():
    f = made(TELLING, Signature((), (Result("array", np.dtype("i8")),), 0, ON_STACK + 1))
    assert len({int(f()) for _ in range(100)}) == 1


def meet(make: Make, calls: int, scratch: int, release: bool) -> list[Any]:
    """Call a program from threads, where each call waits for the others; the addresses of their memory."""
    door = np.array([0, calls])
    signature = Signature((), (Result("array", np.dtype("i8")),), 0, scratch, release)
    f = make(MEETING.replace("TURNS", str(10**10 if release else 10**5)), signature, None, [door])
    with ThreadPoolExecutor(calls) as pool:
        return [answer.result() for answer in [pool.submit(f) for _ in range(calls)]]


@pytest.mark.parametrize("scratch", [100, 2 * ON_STACK])
def test_calls_at_once_have_memory_of_their_own(make, scratch):
    addresses = meet(make, 4, scratch, release=True)
    assert "fallback" not in addresses
    assert len({int(address) for address in addresses}) == 4
    assert all(address % 64 == 0 for address in addresses)


def test_the_first_of_calls_at_once_takes_the_arena_and_gives_it_back(tracing):
    door, scratch = np.array([0, 4]), 1 << 22
    signature = Signature((), (Result("array", np.dtype("i8")),), 0, scratch, release_gil=True)
    f = made(MEETING.replace("TURNS", str(10**10)), signature, None, [door])
    before = traced()
    door[1] = 1
    arena = int(f())
    for _ in range(5):
        door[:] = 0, 4
        with ThreadPoolExecutor(4) as pool:
            addresses = [int(job.result()) for job in [pool.submit(f) for _ in range(4)]]
        assert addresses.count(arena) == 1
        door[1] = 1
        assert int(f()) == arena
    assert traced() < before + scratch  # what the others had is free again


def test_with_the_gil_held_one_call_runs_at_a_time(make):
    """Each but the last waits in vain, and its guard does not hold."""
    assert meet(make, 3, 100, release=False)[:2] == ["fallback"] * 2


def test_four_threads_get_what_one_gets(make):
    arguments, results = (Argument("array", F8, (1000,)),), (Result("array", F8, (1000,)),)
    signature = Signature(arguments, results, (0,), 2 * ON_STACK, release_gil=True)
    f = make(copying(8000), signature)

    def job(k: int) -> bool:
        x = np.full(1000, float(k))
        return all(np.array_equal(f(x)[0], x) for _ in range(300))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(job, range(8)))


def test_the_machine_lives_as_long_as_its_function():
    signature = Signature((Argument("float"),), (Result("float"),), 0)
    machine, fallback = compile_ir(copying(8) + entry_ir(signature)), Fallback()
    f = make_entry(machine, signature, fallback, "f")
    alive, fallback_alive = weakref.ref(machine), weakref.ref(fallback)
    del machine, fallback
    gc.collect()
    assert f(2.0) == 2.0
    del f
    gc.collect()
    assert alive() is None
    assert fallback_alive() is None


def test_garbage_may_still_call_the_function():
    """The collector runs every ``__del__`` of a cycle, the oldest first, and machine code has one too."""
    answers, machines = [], []

    class Owner:
        def __init__(self, f: Any) -> None:
            self.f = f

        def __del__(self) -> None:
            answers.append((self.f(2.0), self.f(2)))

    def forget() -> None:
        signature, cycle = Signature((Argument("float"),), (Result("float"),), 0), []
        machine = compile_ir(copying(8) + entry_ir(signature))
        machines.append(weakref.ref(machine))
        cycle.append(Owner(make_entry(machine, signature, lambda x: f"fallback {len(cycle)}", "f")))

    for _ in range(3):
        forget()
    assert not answers
    gc.collect()
    assert answers == [(2.0, "fallback 1")] * 3
    assert [machine() for machine in machines] == [None] * 3


def test_a_machine_has_one_entry():
    signature = Signature((Argument("float"),), (Result("float"),), 0)
    machine = compile_ir(copying(8) + entry_ir(signature))
    f = make_entry(machine, signature, Fallback(), "f")
    with pytest.raises(CompileError, match="g: this machine code has an entry already"):
        make_entry(machine, signature, Fallback(), "g")
    again = make_entry(link(machine.object), signature, Fallback(), "again")
    assert f(2.0) == again(2.0) == 2.0


def test_an_object_file_serves_another_process(tmp_path):
    """No address is in it: there, all are others."""
    arguments = (Argument("array", F8, (3,)), Argument("scalar", np.dtype("f4")))
    results = (Result("array", F8, (3,)), Result("scalar", np.dtype("f4")))
    machine = compile_ir(copying(24, 4) + entry_ir(Signature(arguments, results, (0, 1), 2 * ON_STACK)))
    (tmp_path / "object").write_bytes(machine.object)
    program = f"""
import numpy as np
from nazad.run import cpython
from nazad.run.entry import make_entry
from nazad.run.llvm import link
from nazad.run.signature import Argument, Result, Signature

kinds = [("array", np.dtype("f8"), (3,)), ("scalar", np.dtype("f4"))]
arguments, results = [tuple(make(*kind) for kind in kinds) for make in (Argument, Result)]
cpython.publish()
machine = link(open({str(tmp_path / "object")!r}, "rb").read())
f = make_entry(machine, Signature(arguments, results, (0, 1), {2 * ON_STACK}), lambda x, y: "fallback", "f")
print(f(np.arange(3.0), np.float32(2.5)), f([1], 2))"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "(array([0., 1., 2.]), np.float32(2.5)) fallback\n"


def test_the_function_looks_like_its_fallback(make):
    def fallback(x: float) -> float:
        """Give it back."""
        return x

    f = copier(make, "float", F8, (), fallback)
    assert (f.__name__, f.__doc__, f.__module__) == ("f", "Give it back.", __name__)


def test_a_fallback_need_not_be_a_function(make):
    assert copier(make, "float", F8, (), int)("12") == 12
    assert copier(make, "float", F8, (), "{}, {}".format)(1, 2) == "1, 2"


FIELDS = ["DATA", "RANK", "SHAPE", "DTYPE", "FLAGS", "NUMBER", "BYTE_ORDER", "HEADER", "TYPE"]


@pytest.mark.parametrize("field", FIELDS)
def test_a_layout_that_is_not_the_known_one_is_noticed(monkeypatch, field):
    monkeypatch.setattr(cpython, field, getattr(cpython, field) + (8 if field == "SHAPE" else -8))
    assert not cpython.layout_holds.__wrapped__()


def test_a_table_that_is_not_the_known_one_is_noticed(monkeypatch):
    known = cpython._table()
    table = (ctypes.c_void_p * 100)(*known)
    monkeypatch.setattr(cpython, "_table", lambda: table)
    assert cpython._table_holds()
    table[cpython._VERSION] = cpython._address("PyErr_Occurred")  # which answers 0
    assert not cpython._table_holds()
    table[cpython._VERSION] = known[cpython._VERSION]
    table[cpython._ARRAY] = id(float)
    assert not cpython._table_holds()


@pytest.mark.parametrize(
    ("make_it", "message"),
    [
        (lambda: Argument("list"), "'list' is no kind of argument or result"),
        (lambda: Argument("array", np.dtype("f2"), (2,)), "no numbers of dtype float16"),
        (lambda: Result("array", F8.newbyteorder("S")), "no numbers of dtype"),
        (lambda: Result("scalar", F8, (2,)), "a scalar of dtype float64 and shape"),
        (lambda: Argument("float", np.dtype("f4")), "a float of dtype float32"),
        (lambda: Signature((), (Result("float"),), (0, 1)), "names result 1, and there are 1"),
    ],
)
def test_signatures_that_cannot_be_say_so(make_it, message):
    with pytest.raises(ArgumentError, match=message):
        make_it()


def test_the_machine_of_a_program_needs_no_more_than_the_program(monkeypatch):
    """Without an entry point nothing of CPython is named."""
    monkeypatch.setattr(cpython, "layout_holds", lambda: False)
    assert entry_ir(Signature((), (), ())) == ""
    assert isinstance(compile_ir(copying(8)), Machine)
