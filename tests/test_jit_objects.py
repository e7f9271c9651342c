"""A jitted function as an object: threads, processes, pickling, memory, and the ways around Python's part."""

from __future__ import annotations

import gc
import importlib
import pickle
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import nazad as nz

jit_module = importlib.import_module("nazad.api.jit")


@nz.jit
def decorated(x):
    """Twice."""
    return x * 2


def plain(x):
    return x * 3


named = nz.jit(plain)


class Holder:
    @staticmethod
    @nz.jit
    def method(x):
        return x * 4


# --- threads and processes
def test_eight_threads_with_arguments_of_their_own():
    fast = nz.jit(lambda p, s: {"y": np.exp(p["x"]) * s, "n": np.sum(p["x"])})
    start = threading.Barrier(8)

    def work(k):
        start.wait()
        for step in range(60):
            x = np.full(1 + (k + step) % 8, 0.1 * k)
            result = fast({"x": x}, 2.0)
            np.testing.assert_allclose(result["y"], np.exp(x) * 2)
            np.testing.assert_allclose(result["n"], np.sum(x))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert fast.cache_info()[1:] == (8, 8, 8)  # nothing was compiled twice


def test_eight_threads_on_different_paths():
    def f(x):
        return x * 2 if x[0] > 0 else -x

    fast, start = nz.jit(f), threading.Barrier(8)

    def work(k):
        start.wait()
        for step in range(200):
            x = np.full(50, (-1.0) ** (k + step) * k)
            np.testing.assert_array_equal(fast(x), f(x))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert fast.cache_info()[1:3] == (2, 2)


def test_clearing_while_others_call():
    fast = nz.jit(lambda x: x + 1)
    done = threading.Event()

    def work(_):
        x = np.ones(3)
        while not done.is_set():
            assert fast(x)[0] == 2

    with ThreadPoolExecutor(3) as pool:
        futures = pool.map(work, range(2))
        for _ in range(20):
            fast.clear_cache()
            fast(np.ones(4))
        done.set()
        list(futures)


FORK = """
import os, warnings
import numpy as np, nazad as nz
warnings.simplefilter("ignore")  # of threads that NumPy's BLAS may have
fast = nz.jit(lambda x: np.exp(x) @ x)
x = np.ones(3)
before = fast(x)
child = os.fork()
if not child:
    os._exit(0 if fast(x) == before and fast(np.ones(4)) > before else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), fast(x) == before)
"""


@pytest.mark.skipif(not hasattr(sys.modules["os"], "fork"), reason="needs fork")
def test_after_a_fork():
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "True"]


# --- pickling
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_decorated_function_is_pickled_by_name(protocol, monkeypatch):
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or _this_module())
    for fast in (decorated, Holder.method):
        assert pickle.loads(pickle.dumps(fast, protocol)) is fast


def test_another_is_pickled_with_its_function(monkeypatch):
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or _this_module())
    copy = pickle.loads(pickle.dumps(named))
    assert copy is not named
    assert copy.__wrapped__ is plain
    assert copy(2.0) == 6.0
    assert pickle.loads(pickle.dumps(nz.jit(plain, static_argnums=0)))(2.0) == 6.0


def _this_module():
    module = type(sys)(__name__)
    module.__dict__.update(globals())
    return module


# --- memory
def test_what_is_dropped_is_freed():
    fast = nz.jit(lambda x, p: {"y": x * p["a"] if x[0] > 0 else x})
    for x in (np.ones(3), -np.ones(3), np.ones(4)):
        fast(x, {"a": 2.0})
    variant = fast.variants[0]
    seen = [weakref.ref(part) for part in (fast, type(fast), variant, variant.compiled.machine)]
    del fast, variant
    gc.collect()
    assert [ref() for ref in seen] == [None] * 4


def test_what_is_cleared_is_freed():
    fast = nz.jit(lambda x: x + 1)
    fast(np.ones(3))
    machine = weakref.ref(fast.variants[0].compiled.machine)
    fast.clear_cache()
    gc.collect()
    assert machine() is None
    assert fast(np.ones(3))[0] == 2


def test_calls_leave_nothing_behind():
    fast = nz.jit(lambda p, n: ({"a": p["a"] * n}, p["b"]))
    p = {"a": np.ones(3), "b": 2.5}
    for _ in range(5):
        fast(p, 2)
    counts = [sys.getrefcount(x) for x in (p, p["a"], p["b"], None)]
    before = len(gc.get_objects())
    for _ in range(500):
        fast(p, 2)
    assert len(gc.get_objects()) - before < 50
    after = [sys.getrefcount(x) for x in (p, p["a"], p["b"], None)]
    assert max(abs(a - b) for a, b in zip(after, counts, strict=True)) < 50


def test_captured_arrays_are_not_kept_for_ever():
    captured = np.ones(10_000)
    ref = weakref.ref(captured)
    fast = nz.jit(lambda x, c=captured: x * c)
    fast(2.0)
    del captured, fast
    gc.collect()
    assert ref() is None


# --- kinds of arguments come and go
def sizes(fast):
    return {v.compiled.signature.arguments[0].shape[0] for v in fast.variants}


def test_the_kind_not_used_for_longest_goes_first(monkeypatch):
    monkeypatch.setattr(jit_module, "_KINDS", 8)
    fast = nz.jit(lambda x: np.sum(x * x))
    for n in range(1, 31):
        assert fast(np.ones(n)) == n
    assert sizes(fast) == set(range(23, 31))
    assert fast.cache_info() == (0, 30, 8, 8)
    machines = [weakref.ref(v.compiled.machine) for v in fast.variants]
    for n in range(1, 31):  # those that went are compiled again, and all are right
        assert fast(np.ones(n)) == n
    gc.collect()
    assert all(machine() is None for machine in machines)


def test_the_usual_bound_holds():
    fast = nz.jit(lambda x: x)
    for n in range(70):
        fast(np.ones(n))
    assert len(fast.variants) == jit_module._KINDS == 64


def test_what_is_called_directly_does_not_seem_unused(monkeypatch):
    monkeypatch.setattr(jit_module, "_KINDS", 8)
    fast = nz.jit(lambda x: np.sum(x * x))
    for n in range(1, 21):
        for _ in range(3):
            assert fast(np.ones(100)) == 100
            assert fast(np.ones(n)) == n
    assert fast.cache_info().misses == 21


def test_a_dropped_variant_that_is_still_held_may_be_called():
    fast = nz.jit(lambda x: x * 2)
    fast(np.ones(3))
    entry, call = fast.variants[0].compiled.entry, type(fast).__call__
    fast.clear_cache()
    fast(np.ones(4))
    gc.collect()
    for _ in range(3):
        np.testing.assert_array_equal(entry(np.ones(3)), [2, 2, 2])
        np.testing.assert_array_equal(call(np.ones(3)), [2, 2, 2])
        np.testing.assert_array_equal(call(np.ones(5)), [2] * 5)  # through Python, which compiles it


def test_what_is_used_comes_to_the_head_of_the_chain():
    fast = nz.jit(lambda x: np.sum(x))
    for n in range(1, 9):
        fast(np.ones(n))
    for _ in range(10):
        assert fast(np.ones(1)) == 1
    assert fast.cache_info().hits == 2  # twice through Python, and then no more
    for n in [1, 8, 7, 6] * 5:
        assert fast(np.ones(n)) == n
    assert fast.cache_info().hits == 2


DIRECT = {
    "arrays": ((np.ones(3), 2.0), {}),
    "scalars": ((np.float32(1), 2.0), {}),
    "a dict": (({"b": np.ones(3), "a": 1.0}, 2.0), {}),
    "a deep one": (({"b": [np.ones(3), None], "a": (1.0, {"c": 2.0})}, 2.0), {}),
    "whole numbers": ((np.ones(3), 2), {}),
    "truths": ((np.ones(3), True), {}),
    "keywords": ((), {"p": [np.ones(3)], "s": 2.0}),
}


@pytest.mark.parametrize("case", DIRECT.values(), ids=DIRECT)
def test_a_call_like_the_last_one_is_not_looked_up(case):
    args, kwargs = case
    fast = nz.jit(lambda p, s: {"p": p, "s": s * 2})
    for _ in range(4):
        assert fast(*args, **kwargs)["s"] == 2 * (args[1] if args else 2.0)
    assert fast.cache_info() == (0, 1, 1, 1)


def test_a_call_with_static_arguments_is_not_looked_up_either():
    fast = nz.jit(lambda kind, p: {"p": p} if kind == "dict" else [p], static_argnums=0)
    for kind in ["dict", "list"] * 3:
        assert type(fast(kind, 1.0)).__name__ == kind
    assert fast.cache_info() == (0, 2, 2, 2)


# --- others
def test_two_jits_of_one_function():
    one, two = nz.jit(plain), nz.jit(plain)
    assert one(2.0) == two(2.0) == 6.0
    one.clear_cache()
    assert (len(one.variants), len(two.variants)) == (0, 1)


def test_a_function_that_calls_itself():
    @nz.jit
    def factorial(n):
        return n * factorial(n - 1) if n > 1 else n * 0 + 1

    for _ in range(2):
        assert [factorial(n) for n in (5, 3, 5.0)] == [120, 6, 120.0]
    assert factorial.cache_info().misses == 3


def test_functions_that_call_each_other_from_several_threads():
    @nz.jit
    def even(n):
        return True * n if n == 0 else odd(n - 1)

    @nz.jit
    def odd(n):
        return False * n if n == 0 else even(n - 1)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(even, [2.0, 3.0, 4.0, 5.0] * 5)) == [0.0] * 20
        assert list(pool.map(odd, [2.0, 3.0] * 5)) == [0.0] * 10


def test_a_list_of_attributes():
    assert decorated.__name__ == "decorated"
    assert decorated.__doc__ == "Twice."
    assert isinstance(decorated, jit_module.Jitted)
    assert callable(decorated)


def test_what_is_no_function():
    with pytest.raises(nz.errors.ArgumentError, match="jit takes a function and got"):
        nz.jit(np.ones(3))
