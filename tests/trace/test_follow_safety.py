"""Following does no harm to tracebacks, debuggers, closures and caches; what it cannot reach says so."""

from __future__ import annotations

import asyncio
import contextlib
import doctest
import functools
import gc
import heapq
import importlib.util
import json.decoder
import linecache
import math
import numbers
import pickle
import statistics
import sys
import textwrap
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import numpy as np
import pytest

import nazad as nz
from nazad.errors import NoRuleError, TraceError
from nazad.trace import current, followed
from nazad.trace.follow import source
from nazad.trace.running import RESOLVER


def unseen(source: str, **names: Any) -> Any:
    """A function whose source is not to be had."""
    return eval(source, {"math": math, "np": np, **names})  # noqa: S307


def module_of(path: Path, source: str) -> ModuleType:
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- where the source is found, and where it is not
def test_a_function_without_source_says_so() -> None:
    with pytest.raises(
        TraceError, match=r"float\(\).* <lambda> is not followed: its source is not available"
    ):
        nz.grad(unseen("lambda x: math.exp(x)"))(1.0)
    assert nz.grad(unseen("lambda x: np.exp(x)"))(0.0) == 1.0


def test_a_source_that_is_not_what_runs(tmp_path: Path) -> None:
    source = "import math\n\ndef f(x):\n    return math.exp(x)\n"
    path = tmp_path / "edited.py"
    module = module_of(path, source)
    path.write_text(source.replace("exp", "sin"))
    linecache.checkcache(str(path))
    with pytest.raises(TraceError, match="f is not followed: its source is not what runs"):
        nz.grad(module.f)(1.0)
    path.write_text("import math\n" + source)
    with pytest.raises(TraceError, match="f is not followed: its source is not what runs"):
        nz.grad(module_of(path, source).f and module.f)(1.0)


def test_a_source_that_is_loaded_again(tmp_path: Path) -> None:
    path = tmp_path / "reloaded.py"
    source = "import math\ndef f(x):\n    return math.exp(x)\n"
    assert nz.grad(module_of(path, source).f)(0.0) == 1.0
    again = module_of(path, source.replace("exp(x)", "sin(2 * x) + 0"))
    assert nz.grad(again.f)(0.0) == 2.0


def test_cells_of_a_notebook() -> None:
    name, source = "<ipython-input-1-abc>", "import math\nf = lambda x: math.exp(x)\n"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    space: dict[str, Any] = {}
    exec(compile(source, name, "exec"), space)  # noqa: S102
    assert nz.grad(space["f"])(0.0) == 1.0


def test_examples_of_doctest() -> None:
    text = """
    >>> import math, nazad
    >>> def f(x):
    ...     return math.exp(2 * x)
    >>> nazad.grad(f)(0.0)
    2.0
    >>> nazad.grad(lambda x: math.sin(x) * 3.0)(0.0)
    3.0
    """
    test = doctest.DocTestParser().get_doctest(text, {}, "follow", None, None)
    assert doctest.DocTestRunner().run(test).failed == 0


def test_statements_of_every_kind(tmp_path: Path) -> None:
    source = """
from __future__ import annotations
import math, sys
if sys:
    from math import cos
    f: object = lambda x: math.exp(x)
g: object = lambda x: math.exp(x)
h, k = (lambda x: math.exp(x)), (lambda x: cos(x)); l = lambda x: math.sin(x)
class A:
    class B:
        def __m(self, x: cos(0)) -> math.exp(0): return [math.exp(x) for _ in range(2)][0]
        def m(self, x): return self.__m(x)
for p in [1]:
    @(lambda f: f)
    def q(x, y=math.exp(0)): return math.exp(x) * y
try:
    r = [lambda x: math.exp(x) for _ in range(1)][0]
finally:
    pass
"""
    module = module_of(tmp_path / "kinds.py", source)
    for f in (module.f, module.g, module.h, module.A.B().m, module.q, module.r):
        assert nz.grad(f)(0.0) == 1.0
    assert nz.grad(module.k)(math.pi / 2) == -1.0
    assert nz.grad(module.l)(0.0) == 1.0


def test_library_code_is_not_followed() -> None:
    with pytest.raises((TraceError, TypeError)):
        nz.grad(lambda x: statistics.fmean([x, 1.0]))(1.0)
    assert followed(statistics.mean) is statistics.mean


# --- what is the same as without
def codes_in(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from codes_in(each)


def lines_of(code: CodeType) -> set[int]:
    return {line for _, _, line in code.co_lines() if line is not None}


@pytest.mark.parametrize("module", [statistics, textwrap, heapq, contextlib, json.decoder], ids=str)
def test_every_function_of_a_module_has_a_twin(module: ModuleType) -> None:
    assert module.__file__ is not None
    text = Path(module.__file__).read_text()
    file = source._File(module.__file__, text)
    for plain in codes_in(compile(text, module.__file__, "exec", dont_inherit=True)):
        twin = file.twin(plain, vars(module))
        for name in ("co_name", "co_qualname", "co_firstlineno", "co_varnames", "co_filename"):
            assert getattr(twin, name) == getattr(plain, name)
        assert {*twin.co_freevars} - {RESOLVER} == {*plain.co_freevars}
        assert lines_of(twin) == lines_of(plain)


def test_rewritten_code_computes_the_same() -> None:
    """A module of which everything is rewritten, in a trace and outside."""
    text = Path(textwrap.__file__).read_text()
    name = "<cell of textwrap>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    space: dict[str, Any] = {"__name__": "cell"}
    exec(compile(text, name, "exec"), space)  # noqa: S102
    words = "Every call looks first whether something stands in for what is called. " * 5
    seen: list[Any] = []

    def f(x: Any) -> Any:
        seen.append(space["wrap"](words, 31))
        return math.exp(x) * len(seen[0])

    assert nz.grad(f)(0.0) == len(textwrap.wrap(words, 31))
    assert seen[0] == textwrap.wrap(words, 31)
    assert RESOLVER in source.twin_of(space["wrap"]).co_freevars


def f_with_defaults(x: Any, y: float = 2.0, *, z: float = 3.0) -> Any:
    """Documented."""
    return math.exp(x) * y * z


def test_a_version_looks_like_its_original() -> None:
    seen: list[Any] = []

    def probe(x: Any) -> Any:
        seen.append(followed(f_with_defaults))
        return f_with_defaults(x)

    nz.grad(probe)(1.0)
    (g,) = seen
    assert g is not f_with_defaults
    for name in ("__name__", "__qualname__", "__module__", "__defaults__", "__kwdefaults__", "__doc__"):
        assert getattr(g, name) == getattr(f_with_defaults, name)
    assert g.__globals__ is f_with_defaults.__globals__
    assert g.__code__.co_filename == __file__
    assert g.__code__.co_firstlineno == f_with_defaults.__code__.co_firstlineno
    assert RESOLVER not in f_with_defaults.__code__.co_freevars
    assert pickle.loads(pickle.dumps(f_with_defaults)) is f_with_defaults


def stumbling(x: Any) -> Any:
    y = math.exp(x)
    raise KeyError(y)


def test_tracebacks_have_the_users_lines_and_nothing_between() -> None:
    def outer(x: Any) -> Any:
        return [
            stumbling(x)
            for _ in range(1)
        ]  # fmt: skip

    def lines(f: Callable[..., Any]) -> list[Any]:
        with pytest.raises(KeyError) as caught:
            f(1.0)
        frames = [f for f in traceback.extract_tb(caught.value.__traceback__) if f.filename == __file__]
        return [(f.name, f.lineno, f.colno, f.end_colno) for f in frames[1:]]

    assert lines(nz.grad(outer)) == lines(outer)


def test_debuggers_stop_at_the_same_lines() -> None:
    def f(x: Any) -> Any:
        total = 0.0
        for k in range(2):
            total += math.exp(
                k * x,
            )
        return f_with_defaults(total)

    def steps(g: Callable[..., Any]) -> list[Any]:
        seen: list[Any] = []

        def watch(frame: Any, event: str, argument: Any) -> Any:
            if frame.f_code.co_filename != __file__:
                return None
            seen.append((event, frame.f_code.co_name, frame.f_lineno))
            return watch

        sys.settrace(watch)
        try:
            g(0.5)
        finally:
            sys.settrace(None)
        return seen

    assert steps(lambda x: nz.grad(f)(x))[2:] == steps(lambda x: f(x))[2:]


def test_a_closure_that_escapes_is_plain() -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        def inner(t: Any) -> Any:
            values = np.array([math.exp(t), float(t), max(t, 0.0)])
            assert isinstance(t, float)
            return values.sum()

        kept.append(inner)
        return inner(x)

    nz.grad(f)(1.0)
    value = kept[0](1.0)
    assert type(value) is np.float64
    assert value == math.e + 2
    assert current() is None


def test_nothing_is_kept_alive() -> None:
    def made() -> Any:
        data = np.ones(3)
        return lambda x: math.exp(x) * data[0]

    f = made()
    gone = weakref.ref(f)
    assert nz.grad(f)(0.0) == 1.0
    del f
    gc.collect()
    assert gone() is None


def test_traced_values_stay_out_of_caches() -> None:
    outer: list[Any] = []

    @functools.cache
    def table(k: int) -> Any:
        return math.exp(k) * outer[0]

    def f(x: Any) -> Any:
        outer[:] = [x]
        return table(0) + table(0) * 2

    assert nz.grad(f)(2.0) == 3.0
    assert table.cache_info().currsize == 0
    outer[:] = [5.0]
    assert table(0) == 5.0


def test_threads_have_traces_of_their_own() -> None:
    results: dict[int, Any] = {}

    def f(x: Any, k: int) -> Any:
        total = 0.0
        for _ in range(50):
            total = total + math.exp(np.array([x, 2.0])[0] * k / 10)
        return total

    def work(k: int) -> None:
        results[k] = nz.grad(f)(1.0, k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(8):
        np.testing.assert_allclose(results[k], 50 * k / 10 * math.exp(k / 10))


def test_coroutines_are_left_alone() -> None:
    async def later(x: Any) -> Any:
        return np.exp(x)

    def f(x: Any) -> Any:
        return asyncio.run(later(x)) * math.exp(x)

    np.testing.assert_allclose(nz.grad(f)(0.5), 2 * math.exp(1.0))


def test_scipy_with_a_function_that_captures_a_traced_value() -> None:
    optimize, integrate = pytest.importorskip("scipy.optimize"), pytest.importorskip("scipy.integrate")
    with pytest.raises(NoRuleError, match=r"scipy.optimize.brentq has no derivative rule.* nz.root"):
        nz.grad(lambda x: optimize.brentq(lambda z: z**3 - x, 0.0, 2.0))(1.3)
    with pytest.raises(NoRuleError, match=r"scipy.integrate.quad has no derivative rule.* nz.custom"):
        nz.grad(lambda x: integrate.quad(lambda z: math.exp(-x * z), 0.0, 1.0)[0])(1.3)


def test_what_is_kept_by_a_float_is_not_found_by_a_traced_one() -> None:
    """The entry of another call would have no derivative."""
    memory: dict[Any, Any] = {}

    def f(x: Any) -> Any:
        if x not in memory:
            memory[x] = x * x
        return memory[x]

    assert f(1.5) == 2.25
    with pytest.raises(TraceError, match=r"looked up in a dict or a set.* functools.cache"):
        nz.grad(f)(1.5)


class Model:
    """Makes what it needs when it first needs it."""

    def __init__(self) -> None:
        self.grid: Any = None

    @functools.cached_property
    def weights(self) -> Any:
        made = np.zeros(3)
        made[0] = 1.0
        made[1:] = np.linspace(0.5, 1.0, 2)
        return made

    def loss(self, x: Any) -> Any:
        if self.grid is None:
            self.grid = np.linspace(0, 1, 3)
            self.grid += 1.0
        return np.sum(self.weights * x) + np.sum(self.grid * x**2) + self.grid[1:].sum()


@pytest.mark.parametrize("transform", [nz.grad, nz.hessian, lambda f: lambda x: nz.jvp(f, (x,), (x,))[1]])
def test_what_a_program_makes_once_lives_on(transform: Callable[..., Any]) -> None:
    model, x = Model(), np.array([1.0, 2.0, 3.0])
    expected = transform(Model().loss)(x)
    for _ in range(2):
        np.testing.assert_allclose(transform(model.loss)(x), expected)
    assert model.loss(x) == Model().loss(x)
    model.grid[0] = 5.0
    assert model.loss(x) == Model().loss(x) + 4.0
    assert float(np.dot(model.weights, model.grid)) == 5.0 + 0.5 * 1.5 + 2.0
    assert nz.grad(model.loss)(x)[0] == 1.0 + 2 * 5.0


# --- other transforms
def test_every_order_and_every_mode() -> None:
    def f(x: Any) -> Any:
        return math.exp(2 * x) * float(x)

    np.testing.assert_allclose(nz.grad(nz.grad(f))(0.5), 8 * math.e * 0.5 + 4 * math.e - 4 * 0.5 * math.e)
    np.testing.assert_allclose(nz.jvp(f, (0.5,), (1.0,))[1], nz.grad(f)(0.5))
    np.testing.assert_allclose(nz.vmap(f)(np.array([0.1, 0.5])), [f(0.1), f(0.5)])
    np.testing.assert_allclose(nz.vmap(nz.grad(f))(np.array([0.1, 0.5])), [nz.grad(f)(0.1), nz.grad(f)(0.5)])
    assert "exp" in str(nz.trace(f, 0.5))
    assert nz.check_gradients(f, 0.5)


def test_functions_through_transforms_inside() -> None:
    def inner(t: Any) -> Any:
        return math.exp(t)

    def f(x: Any) -> Any:
        return nz.grad(inner)(x) * nz.jit(inner)(x) + nz.vmap(inner)(np.array([x, 2 * x]))[1]

    np.testing.assert_allclose(nz.grad(f)(0.5), 4 * math.e, rtol=1e-12)


# --- fail closed
def into_whole_numbers(x: Any) -> Any:
    y = np.zeros(2, int)
    y[0] = x
    return y[0]


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: np.array([x, 1.0], dtype=object), "an array of object was made of traced values"),
        (into_whole_numbers, "Make it an array of floats"),
        (lambda x: np.vectorize(math.exp, signature="()->()")(x), "Write the loop"),
        (lambda x: math.nextafter(x, 2.0), r"float\(\)"),
        (lambda x: DATA.__setitem__(0, x), "derivative would be lost"),
        (lambda x: pickle.dumps(x), "pickled"),
        (lambda x: float(str(x)), "the text '1.3' of a traced value would become a number"),
        (lambda x: float("%.2f" % x), "the text '1.30' of a traced value would become a number"),  # noqa: UP031
        (lambda x: int(f"{x:.0f}"), "the text '1' of a traced value would become a number"),
    ],
)
def test_what_cannot_be_followed_raises(f: Callable[..., Any], message: str) -> None:
    def swallowing(x: Any) -> Any:
        with contextlib.suppress(TypeError):
            f(x)
        return 2 * x

    with pytest.raises(TraceError, match=message):
        nz.grad(f)(1.3)
    with pytest.raises(TraceError, match=message):
        nz.grad(swallowing)(1.3)


DATA = np.ones(3)


def test_kinds_are_told_without_following_too() -> None:
    for kind, x in (
        (float, 2.0),
        (numbers.Real, 2.0),
        (np.floating, np.float32(2.0)),
        (np.ndarray, np.array(2.0)),
    ):
        f = unseen("lambda x: x * x if isinstance(x, kind) else 0 * x", kind=kind)
        assert nz.grad(f)(x) == 4.0
    other = unseen("lambda x: x * x if isinstance(x, (np.ndarray, int)) else 3 * x")
    assert nz.grad(other)(2.0) == 3.0


def test_scipy_without_a_rule_names_the_function() -> None:
    interpolate = pytest.importorskip("scipy.interpolate")
    spline = interpolate.CubicSpline(np.arange(4.0), np.arange(4.0))
    with pytest.raises(NoRuleError, match=r"scipy.interpolate.CubicSpline has no derivative rule"):
        nz.grad(lambda x: spline(x))(1.5)

    def with_constants(x: Any) -> Any:
        return x * spline(np.linspace(0.0, 1.0, 3))[2]

    np.testing.assert_allclose(nz.grad(with_constants)(1.5), 1.0)


def test_a_function_of_scipy_that_is_kept_from_a_trace() -> None:
    integrate = pytest.importorskip("scipy.integrate")
    kept: list[Any] = []

    def f(x: Any) -> Any:
        kept.append(map(integrate.quad, [math.exp], [0.0], [1.0]))
        return x

    nz.grad(f)(2.0)
    assert next(kept[0])[0] == pytest.approx(math.e - 1)


def test_scipy_by_its_rules() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    from scipy.sparse.linalg import splu, spsolve

    A = sparse.csc_array(np.array([[3.0, 1.0], [0.0, 2.0]]))
    x = np.array([0.5, 1.5])
    inverse = np.linalg.inv(A.toarray())
    for f in (lambda b: spsolve(A, b), lambda b: splu(A).solve(b)):
        np.testing.assert_allclose(nz.jacobian(f)(x), inverse)
    np.testing.assert_allclose(nz.grad(lambda x: A.multiply(x).sum())(x), [3.0, 3.0])
