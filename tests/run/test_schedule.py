"""What runs together, in which order, and where it leaves its values."""

from __future__ import annotations

import itertools
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import nazad as nz
from nazad.errors import CompileError
from nazad.run import spec
from nazad.run.guards import guarded
from nazad.run.loops import (
    Affine,
    Axis,
    Block,
    Buffer,
    Constant,
    Fold,
    Load,
    Loop,
    Nest,
    Program,
    Store,
    buffers_of,
    nests_of,
)
from nazad.run.lower import Lowering
from nazad.run.schedule import schedule
from nazad.trace.trace import Arguments, run

programs = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("programs.py"))))
FLOAT = np.dtype("float64")


class Shared(spec.Memory):
    """Local buffers share the scratch memory: what is written into one is lost to those that overlap it."""

    def __init__(self, program: Program) -> None:
        super().__init__()
        self.bytes = {b: addresses(b) for b in program.locals}
        spans = {b: (a.min(initial=0), a.max(initial=-1)) for b, a in self.bytes.items()}
        self.others = {
            b: [c for c in spans if c is not b and spans[b][0] <= spans[c][1] and spans[c][0] <= spans[b][1]]
            for b in spans
        }
        self.size = program.scratch

    def write(self, buffer: Buffer, places: Any, x: Any, done: bool = True) -> None:
        super().write(buffer, places, x, done)
        lost = np.zeros(self.size, np.bool_)
        if self.others.get(buffer):
            lost[self.bytes[buffer][np.ravel(places)]] = True
        for other in self.others.get(buffer, ()):
            self.of(other)[1][lost[self.bytes[other]].any(axis=1)] = False


def addresses(b: Buffer) -> np.ndarray:
    """The bytes of each entry of the memory of a buffer; rows between parts are nobody's and left out."""
    entries, _ = spec.Memory().of(b)
    own = np.zeros(entries.size, np.bool_)
    own[spec.everywhere(b)] = True
    starts = np.where(own, np.arange(entries.size), spec.everywhere(b).max(initial=0))
    return b.number + starts[:, None] * b.dtype.itemsize + np.arange(b.dtype.itemsize)


def results(program: Program, args: list[Any], memory: spec.Memory) -> list[np.ndarray]:
    values = [*args, *(b.value for b in program.constants)]
    for b, x in zip([*program.inputs, *program.constants], values, strict=True):
        memory.put(b, x)
    with np.errstate(all="ignore"):
        for item in program.items:
            spec.run(item, memory, {})
    return [memory.get(b) for b in program.outputs]


def check(f: Any, *args: Any) -> Program:
    """The program of a function, once it has been seen to be right although buffers share memory."""
    case = programs.case_of(f, args)
    program = case.program
    case.check(results(program, list(args), Shared(program)))
    for b in program.locals:
        assert b.number % 64 == 0
        assert b.number >= 0
        assert addresses(b).max(initial=0) < program.scratch
    touched = {b for item in program.items for b in buffers_of(item) if b.kind == "local"}
    assert touched <= set(program.locals)
    return program


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, shape)


# --- what becomes one nest
X, W = numbers(40, 9), numbers(9)
COUNTS = [
    (lambda x: np.sin(x) * x + 1, [X], 1),
    (lambda x: (np.sin(x), np.cos(x), np.sum(x)), [X], 1),
    (nz.value_and_grad(lambda x: np.sum(np.sin(x) * x)), [X], 1),
    (nz.value_and_grad(lambda x: np.mean(np.tanh(x[1:] - x[:-1]) ** 2)), [X], None),
    (lambda x: x - np.sum(x, axis=0), [X], 2),
    (lambda x: np.exp(x) / np.sum(np.exp(x), axis=1, keepdims=True), [X], 2),
    (lambda x, w: np.tanh(x @ w), [X, W], 2),
    (lambda x: np.concatenate([x, x]), [X], 1),
    (lambda x: np.stack([x, np.sin(x)]), [X], 1),
    (lambda x: (x.T + 1, x.T * 2), [X], 1),
]


@pytest.mark.parametrize(("f", "args", "count"), COUNTS)
def test_number_of_nests(f, args, count):
    program = check(f, *args)
    assert all(isinstance(item, Nest) for item in program.items)
    assert count is None or len(program.items) == count


def test_what_is_common_is_worked_out_once():
    program = check(lambda x: (np.exp(x) * 2, np.exp(x) * 3), X)
    (nest,) = program.items
    first, second = nest.statements
    assert set(spec.walk(first.expr)) & set(spec.walk(second.expr))
    assert program.scratch == 0


def test_a_value_is_taken_as_it_is_written():
    """A result that is used at its very place is not read from memory."""
    program = check(lambda x: (y := np.sin(x), y * 2), X)
    (nest,) = program.items
    read = {load.buffer.kind for s in nest.statements for load in spec.walk(s.expr) if isinstance(load, Load)}
    assert read == {"input"}


def test_a_value_that_is_used_elsewhere_waits_for_all_of_it():
    for f in (
        lambda x: (y := np.exp(np.sin(x)), y[::-1]),
        lambda x: (y := np.exp(np.sin(x)), y[np.array([-1, 0])]),
        lambda x: (y := np.exp(np.sin(x)), np.reshape(y, -1)[::-1]),
    ):
        assert len(check(f, X).items) > 1
        check(f, X[:1, :1])


def test_a_single_entry_that_is_picked_waits_too():
    check(lambda x: (y := np.abs(x), y[np.array([[-1]]), ::-2]), np.ones((1, 1, 1)))


# --- memory
def test_buffers_that_are_done_with_make_room():
    def chain(x: Any) -> Any:
        for w in np.split(numbers(80, 8), 10):
            x = np.tanh(x @ w)
        return x

    program = check(chain, numbers(8, 8))
    assert len(program.locals) >= 10
    assert program.scratch <= 3 * 8 * 8 * 8


def test_memory_that_is_lost_is_noticed():
    """The check itself: two buffers in one place, the first of them needed after the second."""
    i = Axis("i", 3)
    a, b = Buffer("a", (3,), FLOAT, number=0), Buffer("b", (3,), FLOAT, number=16)
    y = Buffer("y", (3,), FLOAT, "output", 0)
    at = (Affine.of(i),)
    one, two = Store(a, at, Constant(FLOAT, 1.0)), Store(b, at, Constant(FLOAT, 2.0))
    items: list[Any] = [Nest([i], [one]), Nest([i], [two]), Nest([i], [Store(y, at, Load(FLOAT, a, at))])]
    program = Program([], [y], [], items, locals=[a, b], scratch=128)
    with pytest.raises(CompileError, match="read and not written"):
        results(program, [], Shared(program))
    b.number = 64
    assert results(program, [], Shared(program))[0].tolist() == [1, 1, 1]


def test_guards_are_kept_to_the_end():
    def f(x: Any) -> Any:
        return np.sum(np.sin(x @ x.T)) if x[0, 0] > 0 else x

    args = [np.abs(numbers(9, 9))]
    graph, F, has_guards, _ = guarded(run(lambda *xs: f(*xs), Arguments.of(tuple(args), ["x"])))
    assert has_guards
    lowering = Lowering(graph, F, True)
    program = schedule(lowering, lowering.run())
    assert program.ok is not None
    for sign, held in ((1, True), (-1, False)):
        memory = Shared(program)
        results(program, [sign * args[0]], memory)
        assert bool(memory.get(program.ok)) is held


# --- blocks
@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    programs.smaller(monkeypatch)


def blocks(program: Program) -> list[Block]:
    return [item for item in program.items if isinstance(item, Block)]


def softmax_regression(X: Any, w: Any) -> Any:
    z = np.tanh(X @ w)
    p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
    return -np.sum(np.log(p[:, 0])) + np.sum(p * p)


@pytest.mark.parametrize("size", [40, 48, 50])
@pytest.mark.usefixtures("small_blocks")
def test_rows_go_through_several_nests_together(size):
    program = check(nz.value_and_grad(softmax_regression, argnums=1), numbers(size, 9), numbers(9, 3))
    (block, *_) = blocks(program)
    assert len(block.nests) > 1
    assert block.size == size
    assert 0 < block.step <= 24
    kept = [b for b in program.locals if b.owner is block and b.rows is not None]
    assert kept
    assert all(b.shape[b.rows] == block.step for b in kept)


@pytest.mark.usefixtures("small_blocks")
def test_a_fold_over_all_rows_ends_a_pass():
    """What needs the mean cannot run in the block that adds it up."""
    program = check(
        lambda x: np.tanh((x - np.mean(np.sin(x) ** 2, axis=0)) @ np.ones((9, 2))), numbers(50, 9)
    )
    (writer,) = [k for k, item in enumerate(program.items) for b in folds_of(item) if b.shape == (9,)]
    (mean,) = [b for b in folds_of(program.items[writer]) if b.shape == (9,)]
    assert any(mean in buffers_of(item) for item in program.items[writer + 1 :])


def folds_of(item: Any) -> list[Buffer]:
    return [s.buffer for nest in nests_of([item]) for s in nest.statements if isinstance(s, Fold)]


def test_large_arrays_go_through_blocks_and_little_memory():
    size = 20_000
    args = [numbers(size, 8), numbers(8, 3)]
    case = programs.case_of(nz.value_and_grad(softmax_regression, argnums=1), args)
    case.check(spec.evaluate(case.program, args))
    assert blocks(case.program)
    assert case.program.scratch < size * 10 * 8  # one copy of X and one row more would not fit


# --- loops
def repeated(x: Any, y: Any) -> Any:
    for _ in range(40):
        x, y = np.tanh(x) + y / 2, np.cos(y[::-1]) - x / 3
    return x, y


def test_what_a_step_hands_on_is_not_read_too_late():
    for f in (repeated, nz.grad(lambda x, y: np.sum(repeated(x, y)[0] * 2), argnums=(0, 1))):
        program = check(f, numbers(5), numbers(5))
        assert any(isinstance(item, Loop) for item in program.items)


def test_steps_that_exchange_what_they_hand_on():
    def f(x: Any, y: Any) -> Any:
        for _ in range(40):
            x, y = y, np.sin(x) + y[::-1]
        return x, y

    check(f, numbers(5), numbers(5))


# --- anything
@settings(max_examples=60, deadline=None)
@given(programs.functions(most=12))
def test_random_functions(f):
    check(f, *f.values)
    with pytest.MonkeyPatch.context() as patch:
        programs.smaller(patch)
        check(f, *f.values)


def test_pairs_of_sizes_and_orders():
    """Every pair of shapes in one function, so that levels of several sizes stand side by side."""
    for n, m in itertools.product((1, 2, 5), repeat=2):
        check(lambda x, y: (np.outer(x, y) + x[:, None], np.sum(x) * y, x * 2), numbers(n), numbers(m))
