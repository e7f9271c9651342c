"""The pool of threads: each part runs once, whoever calls, from wherever, in whatever process."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from nazad.errors import ArgumentError
from nazad.extras import require
from nazad.run import threads as module
from nazad.run.llvm import Machine, Target, compile_ir
from nazad.run.pool import needs, pool_ir, row_ir
from nazad.run.threads import DECLARE, call, parallel, prepare, set_threads, threads

FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
LINUX = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")

PARTS = f"""
{DECLARE}
; data: x, sums, size of a part
define void @sum(ptr %data, i64 %part) {{
entry:
  %x = load ptr, ptr %data
  %second = getelementptr ptr, ptr %data, i64 1
  %sums = load ptr, ptr %second
  %third = getelementptr ptr, ptr %data, i64 2
  %size = load i64, ptr %third
  %begin = mul i64 %part, %size
  %end = add i64 %begin, %size
  br label %loop
loop:
  %i = phi i64 [%begin, %entry], [%i1, %loop]
  %s = phi double [0.0, %entry], [%s1, %loop]
  %xi = getelementptr double, ptr %x, i64 %i
  %v = load double, ptr %xi
  %s1 = fadd double %s, %v
  %i1 = add i64 %i, 1
  %more = icmp ult i64 %i1, %end
  br i1 %more, label %loop, label %done
done:
  %slot = getelementptr double, ptr %sums, i64 %part
  store double %s1, ptr %slot
  ret void
}}
; data: counts
define void @count(ptr %data, i64 %part) {{
  %counts = load ptr, ptr %data
  %slot = getelementptr i64, ptr %counts, i64 %part
  %before = atomicrmw add ptr %slot, i64 1 monotonic
  ret void
}}
; data: counts of all parts of all parts
define void @nested(ptr %data, i64 %part) {{
  %counts = load ptr, ptr %data
  %offset = mul i64 %part, 8
  %row = getelementptr i64, ptr %counts, i64 %offset
  %inner = alloca ptr
  store ptr %row, ptr %inner
  {call("@count", "%inner", 8)}
  ret void
}}
; data: how many have come, then what each part saw; a part goes on when two have come
define void @meet(ptr %data, i64 %part) {{
entry:
  %words = load ptr, ptr %data
  %one = atomicrmw add ptr %words, i64 1 seq_cst
  br label %loop
loop:
  %turn = phi i64 [0, %entry], [%turn1, %loop]
  %here = load atomic i64, ptr %words seq_cst, align 8
  %both = icmp sge i64 %here, 2
  %turn1 = add i64 %turn, 1
  %late = icmp ugt i64 %turn1, 5000000000
  %go = or i1 %both, %late
  br i1 %go, label %end, label %loop
end:
  %seen = phi i64 [%here, %loop]
  %place = add i64 %part, 1
  %slot = getelementptr i64, ptr %words, i64 %place
  store i64 %seen, ptr %slot
  ret void
}}
"""


@pytest.fixture(name="parts", scope="module")
def parts_fixture() -> Machine:
    prepare()
    return compile_ir(PARTS, "parts")


@pytest.fixture(autouse=True)
def _usual_number():
    yield
    set_threads(None)


def counted(parts: Machine, n: int, name: str = "count", size: int = 0) -> np.ndarray:
    counts = np.zeros(size or n, np.int64)
    parallel(parts.address(name), [counts.ctypes.data], n)
    return counts


def workers() -> int:
    """Threads that block the signals: ours."""
    found = 0
    for task in Path("/proc/self/task").iterdir():
        try:
            lines = (task / "status").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
        blocked = int(next(line.split()[1] for line in lines if line.startswith("SigBlk")), 16)
        found += bool(blocked >> (signal.SIGINT - 1) & 1)
    return found


def soon(condition: Callable[[], bool]) -> bool:
    """Whether it comes true within a few seconds."""
    end = time.monotonic() + 5
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.001)
    return True


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 1000])
def test_each_part_runs_once(parts, n, count):
    set_threads(n)
    for _ in range(200):
        assert (counted(parts, count) == 1).all()


def test_sums_are_the_same_for_any_number_of_threads(parts):
    x = np.random.default_rng(1).standard_normal(64 * 1000) * 1e8
    size = 1000
    results = set()
    for n in (1, 2, 4, 1, 4, 2):
        set_threads(n)
        for _ in range(20):
            sums = np.zeros(64)
            parallel(parts.address("sum"), [x.ctypes.data, sums.ctypes.data, size], 64)
            results.add(sums.tobytes())
    assert len(results) == 1
    np.testing.assert_allclose(np.frombuffer(results.pop()), x.reshape(64, 1000).sum(1), rtol=1e-9)


def test_two_parts_run_at_once(parts):
    set_threads(2)
    words = np.zeros(3, np.int64)
    parallel(parts.address("meet"), [words.ctypes.data], 2)
    assert list(words) == [2, 2, 2]


def test_workers_that_sleep_are_woken(parts):
    set_threads(2)
    for _ in range(20):
        time.sleep(0.002)
        words = np.zeros(3, np.int64)
        parallel(parts.address("meet"), [words.ctypes.data], 2)
        assert list(words) == [2, 2, 2]


def test_a_part_may_have_parts(parts):
    set_threads(3)
    for _ in range(50):
        assert (counted(parts, 100, "nested", 800) == 1).all()


def test_callers_in_several_threads(parts):
    set_threads(3)

    def job(k: int) -> bool:
        return all((counted(parts, 1 + (k * 7 + i) % 50) == 1).all() for i in range(100))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(job, range(32)))


def test_the_number_changes_while_parts_run(parts):
    stop = threading.Event()

    def change() -> None:
        k = 0
        while not stop.is_set():
            k += 1
            set_threads(1 + k % 5)

    changer = threading.Thread(target=change)
    changer.start()
    try:
        for _ in range(2000):
            assert (counted(parts, 20) == 1).all()
    finally:
        stop.set()
        changer.join()


def test_the_gil_is_released(parts):
    """A part waits for another that only a second Python thread can start."""
    set_threads(1)
    words = np.zeros(3, np.int64)

    def come() -> None:
        parallel(parts.address("meet"), [words.ctypes.data], 1)

    first, second = threading.Thread(target=come), threading.Thread(target=come)
    first.start()
    second.start()
    first.join()
    second.join()
    assert list(words) == [2, 2, 0]


@LINUX
def test_surplus_workers_retire(parts):
    """Beside whatever other threads block signals; counted again, as threads that end may hide others."""
    set_threads(1)
    time.sleep(0.2)
    others = workers()

    def ours(expected: int, work: bool = True) -> int:
        soon(lambda: (not work or counted(parts, 10).all()) and workers() - others == expected)
        return workers() - others

    set_threads(5)
    assert ours(4) == 4
    set_threads(2)
    assert ours(1, work=False) == 1
    assert ours(1) == 1
    set_threads(3)
    assert ours(2) == 2
    set_threads(1)
    assert ours(0, work=False) == 0


def test_denormal_numbers_do_not_depend_on_the_thread(parts):
    """The caller flushes them to zero; so must whoever takes its parts."""
    if not Target.host().triple.startswith("x86_64"):
        pytest.skip("a processor of the x86 family")
    text = f"""
    {DECLARE}
    declare void @llvm.x86.sse.stmxcsr(ptr)
    declare void @llvm.x86.sse.ldmxcsr(ptr)
    define void @halve(ptr %data, i64 %part) {{
      %words = load ptr, ptr %data
      %one = atomicrmw add ptr %words, i64 1 seq_cst
      br label %loop
    loop:
      %here = load atomic i64, ptr %words seq_cst, align 8
      %both = icmp sge i64 %here, 2
      br i1 %both, label %end, label %loop
    end:
      %place = add i64 %part, 1
      %slot = getelementptr double, ptr %words, i64 %place
      %x = load volatile double, ptr %slot
      %y = fmul double %x, 0.5
      store double %y, ptr %slot
      ret void
    }}
    define void @flushed(ptr %data, i32 %bits) {{
      %slot = alloca i32
      %other = alloca i32
      call void @llvm.x86.sse.stmxcsr(ptr %slot)
      %mode = load i32, ptr %slot
      %flush = or i32 %mode, %bits
      store i32 %flush, ptr %other
      call void @llvm.x86.sse.ldmxcsr(ptr %other)
      {call("@halve", "%data", 2)}
      call void @llvm.x86.sse.ldmxcsr(ptr %slot)
      ret void
    }}"""
    machine = compile_ir(text, "flushed")
    flushed = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int32)(machine.address("flushed"))
    set_threads(2)
    tiny = np.finfo(float).tiny
    for bits, expected in ((32768, 0.0), (0, tiny / 2), (32768, 0.0)):
        words = np.array([0.0, tiny, tiny])
        data = np.array([words.ctypes.data])
        flushed(data.ctypes.data, bits)
        assert list(words[1:]) == [expected] * 2


def said(program: str, **environment: str) -> str:
    """What a program prints in an interpreter of its own, which must end well and soon."""
    prologue = f"""
import ctypes, os, sys, threading, time, warnings
warnings.simplefilter("ignore")  # newer Pythons warn of every fork beside threads
from nazad.run.llvm import compile_ir
from nazad.run.threads import parallel, prepare, set_threads, threads
prepare()
machine = compile_ir('''{PARTS}''')
counting, meeting_each_other = machine.address("count"), machine.address("meet")
def right(count=50):
    counts = (ctypes.c_int64 * count)()
    parallel(counting, [ctypes.addressof(counts)], count)
    return list(counts) == [1] * count
def meeting():
    words = (ctypes.c_int64 * 3)()
    parallel(meeting_each_other, [ctypes.addressof(words)], 2)
    return list(words) == [2, 2, 2]
def ended(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
set_threads(2)
"""
    done = subprocess.run(
        [sys.executable, "-c", prologue + program],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=os.environ | environment,
    )
    return done.stdout.strip()


@FORKS
def test_the_child_of_a_fork_has_workers_of_its_own():
    program = """
assert right() and meeting()
for _ in range(10):
    child = os.fork()
    if child == 0:
        os._exit(0 if right() and meeting() else 1)
    assert ended(child) == 0
    assert meeting()
print("right")"""
    assert said(program) == "right"


@FORKS
def test_a_fork_that_python_does_not_see():
    program = """
assert meeting()
child = ctypes.PyDLL(None).fork()
if child == 0:
    os._exit(0 if right() and meeting() else 1)
print(ended(child), meeting())"""
    assert said(program) == "0 True"


@FORKS
def test_a_fork_while_another_thread_has_the_pool():
    program = """
stop = False
def work():
    while not stop:
        assert right(1000)
worker = threading.Thread(target=work)
worker.start()
for _ in range(30):
    child = os.fork()
    if child == 0:
        os._exit(0 if right() and meeting() else 1)
    assert ended(child) == 0
stop = True
worker.join()
print("right")"""
    assert said(program) == "right"


@FORKS
def test_a_child_of_a_child():
    program = """
assert meeting()
child = os.fork()
if child == 0:
    assert meeting()
    grandchild = os.fork()
    if grandchild == 0:
        os._exit(0 if meeting() else 1)
    os._exit(ended(grandchild))
print(ended(child))"""
    assert said(program) == "0"


def test_the_interpreter_ends_while_workers_look_for_work():
    for _ in range(3):
        assert said("print(right())") == "True"


def test_the_interpreter_ends_while_workers_sleep():
    assert said("assert right(); time.sleep(0.1); print(right()); time.sleep(0.1)") == "True"


@LINUX
def test_faults_of_workers_are_not_hidden():
    """Workers block the signals that others may handle, not those of what they do themselves."""
    program = """
assert meeting()
for task in os.listdir("/proc/self/task"):
    lines = open(f"/proc/self/task/{task}/status").read().splitlines()
    blocked = int(next(line.split()[1] for line in lines if line.startswith("SigBlk")), 16)
    if blocked >> 1 & 1:  # SIGINT
        print([bool(blocked >> n - 1 & 1) for n in (2, 15, 11, 8)])"""
    assert said(program) == "[True, True, False, False]"


def test_the_pool_is_there_in_a_process_that_has_compiled_nothing():
    assert said("print(meeting())") == "True"


def test_where_there_are_no_threads_parts_run_in_a_row(parts, monkeypatch):
    monkeypatch.setattr(module, "needs", lambda: [*needs(), "pthread_of_the_future"])
    text = module._text()
    assert text == row_ir()
    machine = compile_ir(text, "row")
    pointer = ctypes.c_void_p
    run = ctypes.CFUNCTYPE(None, pointer, pointer, ctypes.c_int64)(machine.address("nz_parallel"))
    ctypes.CFUNCTYPE(None, ctypes.c_int32)(machine.address("nz_set_threads"))(4)
    ctypes.CFUNCTYPE(None)(machine.address("nz_forget"))()
    for n in (0, 1, 5):
        counts = np.zeros(n, np.int64)
        data = np.array([counts.ctypes.data])
        run(parts.address("count"), data.ctypes.data, n)
        assert (counts == 1).all()


@pytest.mark.parametrize(
    "triple", ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "arm64-apple-darwin", "riscv64-linux"]
)
def test_code_is_made_for_other_processors(triple):
    binding = require("llvmlite.binding", "native")
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    module = binding.parse_assembly(pool_ir(Target(triple, "")))
    module.verify()
    assembly = binding.Target.from_triple(triple).create_target_machine(jit=True).emit_assembly(module)
    assert "nz_parallel" in assembly
    pause = "pause" if triple.startswith("x86") else "isb" if triple.startswith("a") else "pthread"
    assert pause in assembly


@pytest.mark.parametrize("n", [0, -1, 1025, 10**30, 1.5, "2", True, [2], np.float64(2)])
def test_what_is_no_number_of_threads(n):
    set_threads(3)
    with pytest.raises(
        ArgumentError, match=r"is no number of threads\. It must be a whole number from 1 to 1024"
    ):
        set_threads(n)
    assert threads() == 3


def test_integers_of_numpy_are_numbers():
    set_threads(np.int32(3))
    assert threads() == 3


@pytest.mark.parametrize("parts_", [-1, 2**63])
def test_what_is_no_number_of_parts(parts, parts_):
    with pytest.raises(ArgumentError, match=f"{parts_} is no number of parts"):
        parallel(parts.address("count"), [0], parts_)


def test_the_usual_number(monkeypatch):
    set_threads(None)
    monkeypatch.setenv("NAZAD_THREADS", "7")
    assert threads() == 7
    monkeypatch.setenv("NAZAD_THREADS", "")
    usual = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert threads() == usual
    set_threads(3)
    monkeypatch.setenv("NAZAD_THREADS", "7")
    assert threads() == 3  # what was chosen comes first


@pytest.mark.parametrize("stated", ["many", "0", "-2", "1e3", "²", "2000"])
def test_an_environment_that_states_no_number(stated, monkeypatch):
    set_threads(None)
    monkeypatch.setenv("NAZAD_THREADS", stated)
    with pytest.raises(ArgumentError, match=r"NAZAD_THREADS: .* is no number of threads"):
        threads()


def test_the_pool_uses_the_number_of_the_environment():
    program = """
set_threads(None)
words = (ctypes.c_int64 * 4)()
print(threads(), meeting())"""
    assert said(program, NAZAD_THREADS="2") == "2 True"


def test_handing_over_is_cheap(parts):
    """Far below what it would cost to make threads, even on a busy machine."""
    set_threads(2)
    times = []
    for _ in range(300):
        start = time.perf_counter()
        counted(parts, 2)
        times.append(time.perf_counter() - start)
    assert sorted(times)[30] < 200e-6
