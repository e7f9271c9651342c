"""What was compiled, as data and as text."""

from __future__ import annotations

import inspect
import random

import numpy as np
import pytest

import nazad as nz
from nazad.api.variants import Variant
from nazad.errors import ArgumentError
from nazad.run import loops
from nazad.run.report import Kernel, Line

X = np.linspace(0.1, 1.0, 600).reshape(200, 3)


def line_of(function, offset):
    """A line of a function's source: file, number, text."""
    lines, first = inspect.getsourcelines(function)
    return Line(inspect.getsourcefile(function), first + offset, lines[offset].strip())


def softplus(x, threshold):
    y = np.exp(x)
    z = np.log1p(y) * 2
    if np.sum(x) > threshold:
        z = z + 1
    return {"z": z, "total": np.sum(z)}


def compiled(f, *args):
    fast = nz.jit(f)
    fast(*args)
    (variant,) = fast.report().variants
    return variant


def test_arguments_and_results():
    variant = compiled(softplus, X, 2.0)
    assert variant.name == "softplus"
    assert variant.arguments == ("x: float64[200, 3]", "threshold: float")
    assert variant.results == ("float64", "float64[200, 3]")  # in the order of keys


def test_arguments_in_structures_go_by_the_users_names():
    variant = compiled(lambda p, n: p["w"] * n, {"w": np.ones(2, np.float32), "b": 1.0}, 3)
    assert variant.arguments == ("p['b']: float", "p['w']: float32[2]", "n: int64")


def test_kernels_say_what_was_fused_and_whose_lines_it_was():
    variant = compiled(softplus, X, 2.0)
    operations = {name for kernel in variant.kernels for name in kernel.operations}
    assert operations >= {"exp", "log1p", "multiply", "add", "sum", "greater"}
    lines = {line for kernel in variant.kernels for line in kernel.lines}
    assert lines >= {line_of(softplus, k) for k in (1, 2, 3, 4)}
    assert all(kernel.statements and kernel.text for kernel in variant.kernels)


def test_one_kernel_of_one_chain():
    (kernel,) = compiled(lambda x: np.sum(np.exp(x) * x + 1), X).kernels
    assert kernel.operations == {"exp": 1, "multiply": 1, "add": 1, "sum": 1}
    assert (kernel.kind, kernel.points) == ("nest", 600)
    assert str(kernel).startswith("nest of 600 points: exp, multiply, add, sum\n    ")


def test_loops_count_their_steps():
    def steps(x):
        for _ in range(50):
            x = x * 0.5 + np.sin(x)
        return x

    kernels = compiled(steps, np.ones(10)).kernels
    assert sum(kernel.points for kernel in kernels) == pytest.approx(500, abs=30)
    (loop,) = [kernel for kernel in kernels if kernel.kind == "loop"]
    assert loop.operations["sin"] == 1
    assert line_of(steps, 2) in loop.lines


def test_guards_with_their_lines():
    def root(a):
        x = a
        while abs(x * x - a) > 1e-9:
            x = 0.5 * (x + a / x)
        return x if x > 0 else -x

    variant = compiled(root, 2.0)
    count = len(variant.questions) - 2
    assert count > 2
    assert all(q.what == "bool" for q in variant.questions)
    assert str(variant.questions[0]) == f"{line_of(root, 2)}  bool -> True"
    assert variant.questions_by_line == {
        line_of(root, 2): {"bool -> True": count, "bool -> False": 1},
        line_of(root, 4): {"bool -> True": 1},
    }
    assert f"bool -> True ×{count}, bool -> False" in str(variant)


def test_random_numbers_are_said_to_be_constants():
    rng = np.random.default_rng(0)

    def noisy(x):
        return np.sum(x * rng.normal(size=3)) + random.gauss(0, 1)

    f = nz.jit(nz.value_and_grad(noisy))
    assert f(np.ones(3))[0] == f(np.ones(3))[0]
    (variant,) = f.report().variants
    assert [line.number for line in variant.draws if line] == [line_of(noisy, 1).number] * 2
    assert "drawn once and constant since" in str(variant)


def test_answers_are_short():
    variant = compiled(lambda x: np.sum(x[x > 0.5]), X[:, 0])
    (question,) = variant.questions
    assert question.what in ("nonzero", "array")
    assert len(str(question).split("->")[-1]) < 65


def test_memory():
    captured = np.arange(600.0)
    variant = compiled(lambda x: np.sort(np.cos(x.ravel() * captured))[::-1] * 2, X)
    memory = variant.memory
    assert (memory.arguments, memory.results, memory.constants) == (4800, 4800, 4800)
    assert memory.scratch >= 4800
    assert sum(size for _, size in memory.buffers.values()) >= 4800
    assert memory.peak == memory.results + memory.constants + memory.scratch


def test_operations_that_run_in_numpy():
    def f(x):
        return np.exp(np.sort(x * 2))

    variant = compiled(f, X[:, 0])
    (fallback,) = variant.fallbacks
    assert (fallback.name, fallback.line) == ("sort", line_of(f, 1))
    assert "run in NumPy" in str(variant)


def test_blas_is_counted():
    variant = compiled(lambda x: x * 2, X)
    assert variant.blas == {}
    fast = nz.jit(lambda x: x * 2)
    fast(X)
    machine_code = fast.variants[0].compiled
    machine_code.ir += "\n  call void @nz_dgemm(ptr %a)\n  %x = call double @nz_ddot(ptr %n)"
    machine_code.ir += "\n  call void @nz_dgemm(ptr %b)\ndeclare void @nz_dgemv(ptr)"
    assert fast.report().variants[0].blas == {"dgemm": 2, "ddot": 1}
    assert "dgemm ×2" in str(fast.report())


def test_times_of_all_stages():
    variant = compiled(softplus, X, 2.0)
    assert {"trace", "guards", "lower", "emit", "machine code"} <= set(variant.seconds)
    assert all(0 <= t < 60 for t in variant.seconds.values())
    assert variant.code > 100


def test_all_variants_the_latest_kind_first():
    fast = nz.jit(softplus)
    assert str(fast.report()) == "softplus: 0 variants"
    fast(X, 2.0)
    fast(X, 1e9)
    fast(X[0], 2.0)
    variants = fast.report().variants
    assert [v.arguments[0] for v in variants] == ["x: float64[3]"] + ["x: float64[200, 3]"] * 2
    assert str(fast.report()).startswith("softplus: 3 variants\n\nsoftplus(x: float64[3], threshold: float)")


def test_a_report_is_plain_text_with_all_sections():
    text = str(compiled(softplus, X, 2.0))
    for word in ["guards", "kernels", "memory", "scratch", "compiled in", "machine code"]:
        assert word in text
    assert "\x1b" not in text


def test_unknown_items_of_a_program_are_shown_as_they_are():
    class Novelty:
        def __str__(self):
            return "something new"

    kernel = Kernel.of(Novelty())
    assert (kernel.kind, kernel.points, kernel.text) == ("novelty", 0, "something new")
    assert "copies" in str(kernel)


def test_blocks_and_loops_are_looked_into():
    axis, steps = loops.Axis("i", 4), loops.Axis("k", 5)
    buffer = loops.Buffer("b", (4,), np.dtype(float))
    place = (loops.Affine.of(axis),)
    load = loops.Load(buffer.dtype, buffer, place)
    nest = loops.Nest([axis], [loops.Store(buffer, place, loops.Apply(buffer.dtype, "sin", (load,)))])
    block = loops.Block(4, 2, [nest, nest], {nest: axis})
    assert (Kernel.of(block).points, Kernel.of(block).operations) == (8, {"sin": 2})
    loop = Kernel.of(loops.Loop(steps, [block, nest]))
    assert (loop.kind, loop.points, loop.operations) == ("loop", 60, {"sin": 3})


# --- lower
def test_lower_shows_every_language():
    lowered = nz.jit(softplus).lower(X, 2.0)
    assert "exp(x0[" in lowered.text
    assert str(lowered) == lowered.text
    assert "define i32 @program(" in lowered.llvm
    assert "define i32 @program(" in lowered.llvm_optimized
    assert lowered.llvm_optimized != lowered.llvm
    assert "program" in lowered.asm
    assert "ret" in lowered.asm


def test_lower_does_not_run_and_keeps_nothing(monkeypatch):
    fast = nz.jit(softplus)
    with monkeypatch.context() as patch:
        patch.setattr(Variant, "run", lambda self, leaves: pytest.fail("it ran"))
        fast.lower(X, 2.0)
    assert not fast.variants
    assert fast.cache_info() == (0, 0, 0, 0)


def test_lower_takes_structures_keywords_and_static_arguments():
    fast = nz.jit(lambda p, *, kind: p["x"] + 1 if kind == "plus" else p["x"], static_argnames="kind")
    assert "add" in fast.lower({"x": X}, kind="plus").text
    assert "add" not in fast.lower({"x": X}, kind="other").text


def test_lower_of_what_cannot_be_compiled():
    with pytest.raises(ArgumentError, match="float16"):
        nz.jit(softplus).lower(X.astype(np.float16), 2.0)
    with pytest.raises(ArgumentError, match="being traced"):
        nz.grad(lambda x: nz.jit(np.sum).lower(x))(X)
