"""For tests of the compiler's middle: programs of functions, random functions, machine code under watch.

A random function is a list of lines of NumPy, and prints as such. Where a line asks whether one number is
less than another, both are small multiples of a power of two that every order of summation gets exactly, so
that rounding cannot change the answer (``Line.fraction``).
"""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import itertools
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

import nazad as nz
from nazad.graph import Graph
from nazad.run import blocks, gemm, parts, rows
from nazad.run.emit import module_ir, segments
from nazad.run.expand import expand
from nazad.run.llvm import Machine, Target, compile_ir
from nazad.run.loops import Buffer, Call, Program
from nazad.run.lower import Lowering
from nazad.run.prepare import prepare
from nazad.run.schedule import schedule
from nazad.run.threads import prepare as prepare_threads
from nazad.trace.trace import Arguments
from nazad.trace.trace import run as traced


# --- from a function to a program
@dataclasses.dataclass
class Case:
    """A function at arguments: its program, and what the interpreter gives."""

    program: Program
    args: list[Any]
    expected: list[np.ndarray]
    scale: float
    eps: float

    def check(self, results: Sequence[Any], ulps: float = 2e4) -> None:
        """Compare results with the interpreter's, as exactly as rounding on the way allows."""
        assert len(results) == len(self.expected)
        for k, (y, right) in enumerate(zip(results, self.expected, strict=True)):
            assert (y.shape, y.dtype) == (right.shape, right.dtype), f"output {k}"
            if right.dtype.kind == "f":
                near = ulps * self.eps
                np.testing.assert_allclose(y, right, near, near * self.scale, err_msg=f"output {k}")
            else:
                np.testing.assert_array_equal(y, right, err_msg=f"output {k}")


def case_of(function: Callable[..., Any], args: Sequence[Any], simple: bool = True) -> Case:
    """Trace, prepare, lower and schedule, as the compiler does; not ``simple``, without simplification."""
    with np.errstate(all="ignore"):
        done = traced(
            lambda *xs: function(*xs), Arguments.of(tuple(args), [f"x{k}" for k in range(len(args))])
        )
        graph, F = done.graph.without_dead(), done.F
        expected = [np.asarray(F[v]) for v in graph.sinks]
        graph, F = prepare(graph, F) if simple else _expanded(graph, F)
    return Case(
        program_of(graph, F), list(args), expected, _largest(done.F.values()), _roughest(done.F.values())
    )


def _expanded(graph: Graph, F: Any) -> tuple[Graph, Any]:
    while True:
        wider, F = expand(graph, F)
        if wider is graph:
            return graph, F
        graph = wider


def program_of(graph: Graph, F: Any) -> Program:
    lowering = Lowering(graph, F)
    return schedule(lowering, lowering.run())


def _largest(values: Any) -> float:
    """The largest finite number on the way, by which rounding is measured."""
    found = 1.0
    for value in values:
        x = np.abs(np.asarray(value, np.float64))
        found = max(found, float(np.max(x, where=np.isfinite(x), initial=0)))
    return found


def _roughest(values: Any) -> float:
    """The coarsest rounding on the way."""
    dtypes = {np.result_type(value) for value in values}
    return max((float(np.finfo(d).eps) for d in dtypes if d.kind == "f"), default=0.0)


# --- machine code under watch
class Watched:
    """A program's machine code; its memory is poisoned before, and looked at around the edges after."""

    def __init__(self, program: Program, target: Target | None = None) -> None:
        self.program, target = program, target or Target.host()
        prepare_threads()
        self.ir = module_ir(program, target)
        self.machine: Machine = compile_ir(self.ir, "a random program", target)

    def __call__(self, args: Sequence[Any]) -> list[np.ndarray]:
        p = self.program
        inputs = [_Fenced.of(np.asarray(x)) for x in args]
        constants = [_Fenced.of(b.value) for b in p.constants]
        outputs = [_Fenced(b.nbytes, b.dtype.itemsize) for b in p.outputs]
        scratch = _Fenced(p.scratch, 0)
        before = [x.bytes.tobytes() for x in (*inputs, *constants)]
        arrays = {"input": inputs, "constant": constants, "output": outputs}

        def view(b: Buffer) -> np.ndarray:
            if b.kind == "local":
                raw = scratch.bytes[b.number : b.number + b.nbytes]
            else:
                raw = arrays[b.kind][b.number].bytes
            return raw.view(b.dtype).reshape(b.shape)

        tables = [_table(x) for x in (inputs, outputs, constants)]
        calls = [item for item in p.items if isinstance(item, Call)]
        for (name, _, _), call in itertools.zip_longest(segments(p), calls):
            prototype = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 4)
            held = prototype(self.machine.address(name))(*tables, scratch.address)
            if call is not None:
                self._call(call, view)
        assert held == 1
        assert all(x.is_whole() for x in (*inputs, *constants, *outputs, scratch)), "written beyond an edge"
        assert before == [x.bytes.tobytes() for x in (*inputs, *constants)], "an argument was written to"
        return [view(b).copy() for b in p.outputs]

    @staticmethod
    def _call(call: Call, view: Callable[[Buffer], np.ndarray]) -> None:
        xs = [view(x)[()] if isinstance(x, Buffer) else x for x in call.args]
        with np.errstate(all="ignore"):
            value = call.node.op.calc(*xs, **call.node.params)
        for b, part in zip(call.results, value if len(call.results) > 1 else (value,), strict=True):
            np.copyto(view(b), part)


class _Fenced:
    """Bytes between two fences, which begin ``shift`` bytes behind a cache line; all ones at first, NaN."""

    FENCE = 128

    def __init__(self, size: int, shift: int) -> None:
        self._memory = np.full(size + 2 * self.FENCE + 64, 0xFF, np.uint8)
        start = self.FENCE - self._memory.ctypes.data % 64 + shift
        self.bytes = self._memory[start : start + size]
        self._fences = self._memory[:start], self._memory[start + size :]
        self.address = self._memory.ctypes.data + start

    @classmethod
    def of(cls, value: np.ndarray) -> _Fenced:
        fenced = cls(value.nbytes, value.dtype.itemsize)
        fenced.bytes[:] = np.frombuffer(value.tobytes(), np.uint8)
        return fenced

    def is_whole(self) -> bool:
        return all((fence == 0xFF).all() for fence in self._fences)


def _table(parts: Sequence[_Fenced]) -> Any:
    return (ctypes.c_void_p * len(parts))(*[part.address for part in parts])


def smaller(patch: pytest.MonkeyPatch) -> None:
    """Blocks, parts of blocks and calls of BLAS where there would be none: all goes through few numbers."""
    for module, name, value in SMALLER:
        patch.setattr(module, name, value)


SMALLER = [(rows, "_NEAR", 2000), (blocks, "_CACHE", 2000), (rows, "_FEW", 8), (blocks, "_MOST", 24)]
SMALLER += [(blocks, "_LONG", 200), (parts, "_LONG", 500)]
SMALLER += [(gemm, "_LONG", 4), (gemm, "_WIDE", 2), (gemm, "_MUCH", 16)]


def targets() -> list[Target]:
    """The host, and lesser processors whose code it can run."""
    host = Target.host()
    if not host.triple.startswith("x86_64"):
        return [host]
    lesser = [("x86-64-v2", "+sse4.2"), ("x86-64-v3", "+avx,+avx2,+fma"), ("x86-64-v3", "+avx,+avx2,-fma")]
    return [host, *(Target(host.triple, cpu, f) for cpu, f in lesser if host.vector_bits >= 256)]


# --- random functions
SIZES = [1, 2, 3, 7, 8, 9, 16, 17, 33, 100]
MOST = 2500
"""Entries of the largest array."""
LARGEST = 100.0

SMOOTH = ["np.sin({0})", "np.tanh({0})", "np.exp(np.tanh({0}))", "np.sqrt(1 + np.square({0}))"]
SMOOTH += ["1 / (2 + np.square({0}))", "np.arctan({0})", "np.cos({0})", "np.log1p(np.exp(-np.square({0})))"]
SMOOTH_OF_TWO = ["{0} / (1 + np.square({1}))", "np.hypot(1 + np.square({0}), {1})", "np.sin({0}) * {1}"]
STEPS = ["-{0}", "np.abs({0})", "np.maximum({0}, 0)", "np.floor({0})", "np.sign({0})", "{0} * 2", "{0} + 1"]
SUMS = ["{0} + {1}", "{0} - {1}", "{1} - {0}", "np.maximum({0}, {1})", "np.minimum({0}, {1})"]
ASKS = ["{0} < {1}", "{0} >= {1}", "{0} == {1}", "{0} != {1}"]
TRUTHS = ["np.logical_and({0}, {1})", "np.logical_or({0}, {1})", "{0} ^ {1}"]
FOLDS = ["np.sum({0}, axis={1})", "np.max({0}, axis={1})", "np.min({0}, axis={1})", "np.mean({0}, axis={1})"]
FOLDS += ["np.sum({0}, axis={1}, keepdims=True)", "np.max({0}, axis={1}, keepdims=True)"]
CASTS = ["float64", "float32", "int64", "int32", "uint8", "bool"]


@dataclasses.dataclass
class Line:
    """A line of a function: ``name = text``, and its value at the arguments.

    ``fraction`` has the binary places behind the point, if the value is exact however it is rounded.
    """

    name: str
    text: str
    value: Any
    fraction: int | None

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)

    @property
    def kind(self) -> str:
        return np.asarray(self.value).dtype.kind

    @functools.cached_property
    def code(self) -> Any:
        return compile(self.text, self.name, "eval")

    @functools.cached_property
    def largest(self) -> float:
        return _largest([self.value])


class Function:
    """Lines of NumPy; callable, also on traced values."""

    def __init__(self, args: list[Line], lines: list[Line], results: list[str]) -> None:
        self.args, self.lines, self.results = args, lines, results

    def __call__(self, *xs: Any) -> Any:
        known = dict(zip((a.name for a in self.args), xs, strict=True))
        for line in self.lines:
            known[line.name] = _value(line.code, known)
        return tuple(known[name] for name in self.results)

    @property
    def values(self) -> list[Any]:
        return [a.value for a in self.args]

    def gradient(self) -> Callable[..., Any] | None:
        """The gradient of a weighted sum of all results by all arguments that are floats."""
        moving = tuple(k for k, a in enumerate(self.args) if a.kind == "f")
        ends = [k for k, name in enumerate(self.results) if self._line(name).kind == "f"]
        if not moving or not ends:
            return None
        weights = [np.cos(np.arange(self._line(self.results[k]).value.size)) for k in ends]

        def loss(*xs: Any) -> Any:
            ys = self(*xs)
            return sum(np.sum(ys[k] * w.reshape(np.shape(ys[k]))) for k, w in zip(ends, weights, strict=True))

        return nz.value_and_grad(loss, argnums=moving)

    def _line(self, name: str) -> Line:
        return next(line for line in (*self.args, *self.lines) if line.name == name)

    def __repr__(self) -> str:
        inputs = [f"{a.name} = {a.text}  # {np.asarray(a.value).dtype}{list(a.shape)}" for a in self.args]
        return "\n".join(
            ["", *inputs, *(f"{x.name} = {x.text}" for x in self.lines), f"return {', '.join(self.results)}"]
        )


def _value(code: Any, known: dict[str, Any]) -> Any:
    return eval(code, {"np": np}, known)  # noqa: S307 - the text is ours


@st.composite
def functions(draw: Any, least: int = 1, most: int = 8, special: bool = False) -> Function:
    """A function, with arguments to call it at; with ``special``, NaN and infinities among them."""
    return _Author(draw, special).write(draw(st.integers(least, most)))


class _Author:
    """Writes a function, line by line; a line that would not do is left out."""

    def __init__(self, draw: Any, special: bool) -> None:
        self.draw, self.special = draw, special
        self.sizes = draw(st.lists(st.sampled_from(SIZES), min_size=2, max_size=3))
        self.args: list[Line] = []
        self.lines: list[Line] = []

    def pick(self, options: Sequence[Any]) -> Any:
        return self.draw(st.sampled_from(options))

    def some(self) -> Line:
        return self.pick((self.args + self.lines)[::-1])

    def write(self, count: int) -> Function:
        for k in range(self.pick([2, 1, 3])):
            self.argument(f"x{k}")
        for _ in range(count):
            kinds = [self.smooth, self.step, self.pair, self.move, self.fold, self.index, self.choose]
            kinds += [self.join, self.product, self.gather, self.repeat, self.cast, self.whole]
            kinds += [self.move, self.pair, self.fold]
            self.pick(kinds)()
        results = self.lines[-self.pick([1, 2, 3]) :] or self.args[-1:]
        return Function(self.args, self.lines, [line.name for line in results])

    def argument(self, name: str) -> None:
        shape = tuple(self.pick([*self.sizes, *self.sizes, 1]) for _ in range(self.pick([2, 1, 3, 0])))
        while math.prod(shape) > MOST:
            shape = shape[1:]
        dtype = self.pick(["float64", "float64", "float64", "float32", "int64", "bool", "int32"])
        seed = self.draw(st.integers(0, 99))
        text = f"np.random.default_rng({seed}).integers(-8, 9, {shape})"
        value = np.random.default_rng(seed).integers(-8, 9, shape)
        if dtype.startswith("float"):
            value, text = value / 4, f"{text} / 4"
        line = Line(name, f"({text}).astype({dtype!r})", np.asarray(value).astype(dtype), 2)
        if self.special and dtype.startswith("float") and np.size(value):
            flat = line.value.reshape(-1)
            flat[:: self.pick([3, 5, 7])] = self.pick([np.nan, np.inf, -np.inf, -0.0])
        self.args.append(line)

    def add(self, text: str, *parts: Line, fraction: int | None = None, bound: float = 0.0) -> None:
        """Write a line, unless what it gives is too large in any sense."""
        names = [p.name for p in parts]
        line = Line(f"v{len(self.lines)}", text.format(*names), None, None)
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("error")  # NumPy's, for the mean of nothing
                line.value = _value(line.code, {p.name: p.value for p in parts})
        except (ValueError, TypeError, IndexError, RuntimeWarning):
            return
        if np.size(line.value) > MOST or line.largest > LARGEST or np.result_type(line.value) == np.float16:
            return
        digits = {"f": 50 if np.asarray(line.value).dtype.itemsize == 8 else 21}.get(line.kind, 99)
        if fraction is not None and fraction + math.log2(max(bound, line.largest)) < digits:
            line.fraction = fraction
        if line.kind in "iub":
            line.fraction = 0
        self.lines.append(line)

    # --- lines, one kind each
    def smooth(self) -> None:
        self.add(self.pick(SMOOTH + SMOOTH_OF_TWO), self.some(), self.some())

    def step(self) -> None:
        x = self.some()
        if x.fraction is not None:
            self.add(self.pick(STEPS), x, fraction=x.fraction)

    def pair(self) -> None:
        x, y = self.some(), self.some()
        known = x.fraction is not None and y.fraction is not None
        if x.kind == y.kind == "b":
            self.add(self.pick(TRUTHS), x, y)
        elif self.pick([True, False]):
            self.add("{0} * {1}", x, y, fraction=x.fraction + y.fraction if known else None)
        elif known:
            self.add(self.pick(SUMS + ASKS), x, y, fraction=max(x.fraction, y.fraction))
        else:
            self.add(self.pick(SUMS[:3]), x, y)

    def choose(self) -> None:
        condition, x, y = self.some(), self.some(), self.some()
        if condition.fraction is not None:
            known = x.fraction is not None and y.fraction is not None
            self.add(
                "np.where({0} > 0, {1}, {2})" if condition.kind != "b" else "np.where({0}, {1}, {2})",
                condition,
                x,
                y,
                fraction=max(x.fraction, y.fraction) if known else None,
            )

    def cast(self) -> None:
        x, dtype = self.some(), self.pick(CASTS)
        if x.fraction is None and not dtype.startswith("float"):
            return
        text = f"({{0}}).astype('{dtype}')" if dtype != "uint8" else "np.abs({0}).astype('uint8')"
        if x.shape and np.isfinite(x.value).all():
            self.add(text, x, fraction=x.fraction)

    def fold(self) -> None:
        x = self.some()
        if not x.shape:
            return
        axes = [k for k in range(len(x.shape)) if self.pick([True, False])] or [
            self.pick(range(len(x.shape)))
        ]
        text = self.pick(FOLDS if x.kind != "b" else ["np.any({0}, axis={1})", "np.all({0}, axis={1})"])
        if ("max" in text or "min" in text) and x.fraction is None:
            return
        text = text.format("{0}", tuple(axes))
        count = math.prod(x.shape[k] for k in axes)
        self.add(text, x, fraction=None if "mean" in text else x.fraction, bound=count * x.largest)

    def move(self) -> None:
        x = self.some()
        rank = len(x.shape)
        how = self.pick(["transpose", "reshape", "broadcast", "newaxis", "squeeze", "flip"])
        texts = {
            "transpose": lambda: f"np.transpose({{0}}, {tuple(self.draw(st.permutations(range(rank))))})",
            "reshape": lambda: f"np.reshape({{0}}, {self.shape_like(x.shape)})",
            "broadcast": lambda: f"np.broadcast_to({{0}}, {(self.pick(self.sizes), *x.shape)})",
            "newaxis": lambda: f"np.expand_dims({{0}}, {self.pick(range(rank + 1))})",
            "squeeze": lambda: "np.squeeze({0})",
            "flip": lambda: f"np.flip({{0}}, {self.pick(range(rank))})" if rank else "{0} + 0",
        }
        self.add(texts[how](), x, fraction=x.fraction)

    def shape_like(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Another shape of the same size: dimensions joined, and cut."""
        parts = list(shape)
        if len(parts) > 1 and self.pick([True, False]):
            k = self.pick(range(len(parts) - 1))
            parts[k : k + 2] = [parts[k] * parts[k + 1]]
        elif parts:
            k = self.pick(range(len(parts)))
            divisor = self.pick([d for d in range(1, parts[k] + 1) if parts[k] % d == 0] or [1])
            parts[k : k + 1] = [divisor, parts[k] // divisor]
        return tuple(parts)

    def index(self) -> None:
        x = self.some()
        parts = [self.slice(n) for n in x.shape]
        if parts:
            self.add(f"{{0}}[{', '.join(parts)}]", x, fraction=x.fraction)

    def slice(self, n: int) -> str:
        whole = st.sampled_from([None, *range(-n, n + 1)])
        step = self.pick([None, 1, -1, 2, -2, 3])
        kind = self.pick(["whole", "cut", "step", "one"])
        if kind == "one":
            return str(self.pick(range(-n, n)) if n else ":")
        start, stop = (self.draw(whole), self.draw(whole)) if kind == "cut" else (None, None)
        text = f"{start}:{stop}:{step if kind != 'whole' else None}"
        return text.replace("None", "")

    def gather(self) -> None:
        """At known places, or at places that are traced."""
        x = self.some()
        if not x.shape or 0 in x.shape:
            return
        count = self.pick([1, 2, 1]) if len(x.shape) > 1 else 1
        shape = tuple(self.pick(self.sizes) for _ in range(self.pick([1, 2])))
        axes = sorted(self.draw(st.permutations(range(len(x.shape))))[:count])
        parts, places = [], []
        for k, n in enumerate(x.shape):
            if k not in axes:
                parts.append(self.slice(n))
            elif self.pick([True, False]):
                parts.append(f"np.random.default_rng({k}).integers({-n}, {n}, {shape})")
            else:
                own = np.random.default_rng(k).integers(-n, n, shape)
                self.args.append(Line(f"p{len(self.args)}", f"integers(-{n}, {n}, {shape})", own, 0))
                places.append(self.args[-1])
                parts.append(f"{{{len(places)}}}")
        self.add(f"{{0}}[{', '.join(parts)}]", x, *places, fraction=x.fraction)

    def join(self) -> None:
        x, y = self.some(), self.some()
        known = x.fraction is not None and y.fraction is not None
        axis = self.pick(range(max(len(x.shape), 1)))
        text = self.pick(["np.stack([{0}, {1}, {0}], axis=%d)", "np.concatenate([{0}, {1}], axis=%d)"]) % axis
        if x.shape and x.shape != y.shape:
            text = f"np.concatenate([{{0}}, {{0}}], axis={axis})"
            y = x
        self.add(text, x, y, fraction=max(x.fraction, y.fraction) if known else None)

    def product(self) -> None:
        x, y = self.some(), self.some()
        if (x.kind == "b") != (y.kind == "b"):  # NumPy's optimised einsum may count booleans wrongly
            return
        known = x.fraction is not None and y.fraction is not None
        texts = ["{0} @ {1}", "{0} @ np.swapaxes({1}, -1, -2)", "np.swapaxes({0}, -1, -2) @ {1}"]
        texts += ["np.einsum('ij,kj->ik', {0}, {1})", "np.einsum('ij,ij->i', {0}, {1})", "np.outer({0}, {1})"]
        texts += ["np.einsum('i,j->ji', {0}, {1})", "np.einsum('ij,i->j', {0}, {1})", "np.dot({0}, {1})"]
        texts += ["np.tril({0}) @ {1}", "{0} @ np.triu({1})", "np.tril({0} @ {1})", "np.triu({0} @ {1}.T, 1)"]
        texts += ["np.tril({0}, -1) @ np.tril({1})", "np.diag({0}) @ {1}", "np.tril(np.tril({0}) @ {1})"]
        if self.special:  # what is left out of a product is zero also where a factor is not finite
            texts = [text for text in texts if not text.startswith(("np.tri", "np.diag"))]
            texts.remove("{0} @ np.triu({1})")
        texts += ["np.einsum('ij,jk,ik->i', {0}, {1}, {0})", "np.tensordot({0}, {1}, 1)"]
        bound = x.largest * y.largest * max(x.shape[-1:] + y.shape + (1,))
        for text in self.draw(st.permutations(texts)):
            before = len(self.lines)
            self.add(text, x, y, fraction=x.fraction + y.fraction if known else None, bound=bound)
            if len(self.lines) > before:
                return

    def repeat(self) -> None:
        """The same few lines again and again, as a loop in Python leaves them."""
        x, y = self.some(), self.some()
        texts = [
            "{0} + np.sin({1}) / 2",
            "np.tanh({0} * {1})",
            "np.tanh({0}[::-1]) + {1}",
            "np.cos({0}) - {0} / 2",
        ]
        texts += [
            "np.where({2} > 0, {0} / 2, np.sin({0}))",
            "np.tanh({0} @ {2}) + {1}",
            "{0}[1:] / 2 - {0}[:-1]",
        ]
        first, second = self.pick(texts), self.pick(["", "", *texts[:4]])
        for _ in range(self.pick([5, 9, 12])):
            count = len(self.lines)
            self.add(first, x, y, self.args[0])
            if len(self.lines) == count:
                return
            x, before = self.lines[-1], x
            if second:
                self.add(second, y, before)
                y = self.lines[-1]

    def whole(self) -> None:
        """Something larger, as people write it."""
        x = self.some()
        texts = ["{0} - np.mean({0}, axis=-1, keepdims=True)", "np.sum(np.tanh({0}) * {0})"]
        texts += ["np.tanh({0}) / np.sum(1 + np.square({0}), axis=0)", "np.var({0}, axis=-1)"]
        texts += ["np.exp(np.tanh({0})) / np.sum(np.exp(np.tanh({0})), axis=-1, keepdims=True)"]
        texts += ["np.linalg.norm(1 + np.square({0}))", "np.diff({0}, axis=-1)", "np.roll({0}, 1, axis=-1)"]
        texts += ["np.cumsum({0}, axis=-1)", "np.tril({0})", "np.repeat({0}, 2, axis=0)", "np.pad({0}, 1)"]
        if x.shape and x.kind != "b":
            self.add(self.pick(texts), x)
