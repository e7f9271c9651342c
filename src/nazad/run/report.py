"""What was compiled, to be read: as data by attributes, as text by ``str``.

A *kernel* is a nest of loops, a block of nests that run over the same rows, or a loop of these. Its
operations are those that were fused into it, by the names of their primitives, and its lines are those of the
user's code that they come from. What was folded away beforehand, or is nothing but another way to read an
array, is in no kernel.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nazad.graph import Where
from nazad.run.compiled import Compiled
from nazad.run.llvm import Machine, compile_ir
from nazad.run.loops import Apply, Buffer, Call, Fold, Loop, Nest, described, walk, written
from nazad.run.signature import Argument, Result
from nazad.trace import Guard

_FOLDS = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}
_FOLDS |= {"logical_and": "all", "logical_or": "any"}
_BLAS = re.compile(r"call [^@\n]*@nz_(\w+)\(")


@dataclass(frozen=True)
class Line:
    """A line of the user's code."""

    file: str
    number: int
    source: str

    @classmethod
    def of(cls, where: Where) -> Line:
        return cls(where.file, where.line, where.source)

    def __str__(self) -> str:
        return f"{self.file}:{self.number}" + (f": {self.source}" if self.source else "")


@dataclass(frozen=True)
class Question:
    """What Python asked about a value, and the answer on which the variant depends.

    Attributes
    ----------
    line : Line or None
        Where it asked.
    what : str
        ``bool``, ``int``, ``index``, ``float``, ``round``, ``array`` or ``nonzero``.
    """

    line: Line | None
    what: str
    answer: Any

    def __str__(self) -> str:
        return f"{_place(self.line)}  {self.what} -> {_short(self.answer)}"


@dataclass(frozen=True)
class Kernel:
    """A nest of loops, a block of nests, or a loop of these.

    Attributes
    ----------
    points : int
        How many points it goes through, all together.
    statements : tuple of str
        What it does at each point.
    operations : dict
        How often each primitive stands in the statements.
    lines : tuple of Line
        The lines that the operations come from.
    text : str
        The loops.
    """

    kind: str
    points: int
    statements: tuple[str, ...]
    operations: dict[str, int]
    lines: tuple[Line, ...]
    text: str

    @classmethod
    def of(cls, item: Any) -> Kernel:
        nests = list(_nests(item))
        operations = [found for nest, _ in nests for found in _operations(nest)]
        nodes = [node for part in (item, *(nest for nest, _ in nests)) for node in getattr(part, "nodes", ())]
        return cls(
            type(item).__name__.lower(),
            sum(nest.points * times for nest, times in nests),
            tuple(line for nest, _ in nests for line in written(nest.statements)),
            dict(Counter(name for name, _ in operations)),
            _lines([*(node.where for node in nodes), *(where for _, where in operations)]),
            str(item),
        )

    def __str__(self) -> str:
        operations = ", ".join(f"{k} ×{n}" if n > 1 else k for k, n in self.operations.items()) or "copies"
        head = f"{self.kind} of {self.points:,} points: {operations}"
        return "\n".join([head, *(f"    {line}" for line in self.lines)])


@dataclass(frozen=True)
class Fallback:
    """An operation that runs in NumPy, between native parts."""

    name: str
    line: Line | None

    def __str__(self) -> str:
        return f"{self.name}, {_place(self.line)}"


@dataclass(frozen=True)
class Memory:
    """Bytes that a call takes.

    Attributes
    ----------
    buffers : dict
        Values that are kept on the way, by name: dtype, shape and bytes. They share ``scratch``, which is the
        most that is in use at a time.
    """

    arguments: int
    results: int
    constants: int
    scratch: int
    buffers: dict[str, tuple[str, int]]

    @property
    def peak(self) -> int:
        """What a call has in use besides its arguments."""
        return self.results + self.constants + self.scratch

    def __str__(self) -> str:
        text = f"arguments {self.arguments:,} bytes, results {self.results:,}, constants {self.constants:,}, "
        buffers = [f"    {name}: {what}, {size:,} bytes" for name, (what, size) in self.buffers.items()]
        return "\n".join([f"{text}scratch {self.scratch:,}", *buffers])


@dataclass(frozen=True)
class Compilation:
    """One variant.

    Attributes
    ----------
    arguments, results : tuple of str
        Name, kind, dtype and shape of each.
    questions : tuple of Question
        What has to be answered in the same way for the variant to fit.
    draws : tuple of Line or None
        Where random numbers were drawn when it was traced; they are constants of the variant.
    kernels, fallbacks : tuple
        What it consists of, in order.
    blas : dict
        How many calls of each function of BLAS there are in the code.
    seconds : dict
        How long each stage of the compilation took.
    code : int
        Bytes of the object file.
    """

    name: str
    arguments: tuple[str, ...]
    results: tuple[str, ...]
    questions: tuple[Question, ...]
    draws: tuple[Line | None, ...]
    kernels: tuple[Kernel, ...]
    fallbacks: tuple[Fallback, ...]
    blas: dict[str, int]
    memory: Memory
    seconds: dict[str, float]
    code: int

    @classmethod
    def of(
        cls, compiled: Compiled, guards: Sequence[Guard] = (), draws: Sequence[Where | None] = ()
    ) -> Compilation:
        items = compiled.program.items
        names = [str(v.params["name"]) for v in compiled.graph.leaves]
        signature = compiled.signature
        return cls(
            compiled.name,
            tuple(f"{name}: {_form(a)}" for name, a in zip(names, signature.arguments, strict=True)),
            tuple(map(_form, signature.results)),
            tuple(Question(_line(g.where), g.what, g.answer) for g in guards),
            tuple(map(_line, draws)),
            tuple(Kernel.of(item) for item in items if not isinstance(item, Call)),
            tuple(Fallback(c.node.op.name, _line(c.node.where)) for c in items if isinstance(c, Call)),
            dict(Counter(_BLAS.findall(compiled.ir))),
            _memory(compiled),
            dict(compiled.times.stages),
            len(compiled.machine.object),
        )

    @property
    def questions_by_line(self) -> dict[Line | None, dict[str, int]]:
        """For each line, how often each ``question -> answer`` came up there."""
        found: dict[Line | None, Counter[str]] = {}
        for q in self.questions:
            found.setdefault(q.line, Counter())[f"{q.what} -> {_short(q.answer)}"] += 1
        return {line: dict(answers) for line, answers in found.items()}

    def __str__(self) -> str:
        stages = ", ".join(f"{stage} {1000 * t:.1f}" for stage, t in self.seconds.items())
        total = 1000 * sum(self.seconds.values())
        asked = [
            f"{_place(line)}  " + ", ".join(f"{a} ×{n}" if n > 1 else a for a, n in answers.items())
            for line, answers in self.questions_by_line.items()
        ]
        parts = [
            f"{self.name}({', '.join(self.arguments)}) -> {', '.join(self.results) or 'nothing'}",
            *_section("guards", asked),
            *_section("random numbers, drawn once and constant since", map(_place, self.draws)),
            *_section("kernels", self.kernels),
            *_section("run in NumPy", self.fallbacks),
            *_section("BLAS", [f"{name} ×{n}" for name, n in self.blas.items()]),
            *_section("memory", [self.memory]),
            f"  compiled in {total:.1f} ms: {stages}; {self.code:,} bytes of code",
        ]
        return "\n".join(parts)


@dataclass(frozen=True)
class Report:
    """All variants of a compiled function.

    Attributes
    ----------
    variants : tuple of Compilation
        Those of the latest kind of arguments first.
    stopped : tuple of str
        Why there are kinds of arguments for which nothing more is compiled.
    """

    name: str
    variants: tuple[Compilation, ...]
    stopped: tuple[str, ...]

    @classmethod
    def of(cls, name: str, variants: Iterable[tuple[Any, ...]], stopped: Sequence[str]) -> Report:
        return cls(name, tuple(Compilation.of(*variant) for variant in variants), tuple(stopped))

    def __str__(self) -> str:
        count = f"{len(self.variants)} variant{'s' * (len(self.variants) != 1)}"
        stopped = [f"partly uncompiled: it {why}" for why in self.stopped]
        return "\n\n".join([f"{self.name}: {count}", *stopped, *map(str, self.variants)])


class Lowered:
    """A compiled function in the languages that it goes through.

    Parameters
    ----------
    compiled : Compiled
        The function.
    """

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled

    @property
    def text(self) -> str:
        """The loops."""
        return str(self.compiled.program)

    @property
    def llvm(self) -> str:
        """The IR as it was written."""
        text: str = self.compiled.ir
        return text

    @property
    def llvm_optimized(self) -> str:
        """The IR that machine code was made of."""
        return self._machine.ir

    @property
    def asm(self) -> str:
        """The machine code."""
        return self._machine.assembly

    @functools.cached_property
    def _machine(self) -> Machine:
        """Compiled in this process: code from the cache on disk cannot be read."""
        return compile_ir(self.compiled.ir, self.compiled.name)

    def __str__(self) -> str:
        return self.text


def _nests(item: Any, times: int = 1) -> Iterator[tuple[Nest, int]]:
    """The nests of an item, and how often each of them runs."""
    if isinstance(item, Nest):
        yield item, times
    elif isinstance(item, Loop):
        for part in item.items:
            yield from _nests(part, times * item.axis.size)
    else:
        yield from ((nest, times) for nest in getattr(item, "nests", ()))


def _operations(nest: Nest) -> Iterator[tuple[str, Where | None]]:
    """The operations of a nest, each once however often its value is used."""
    seen: set[int] = set()
    for statement in nest.statements:
        for expr in walk(statement.expr):
            if isinstance(expr, Apply) and id(expr) not in seen:
                seen.add(id(expr))
                yield expr.op, expr.where
        if isinstance(statement, Fold):
            yield _FOLDS.get(statement.op, statement.op), None


def _lines(places: Iterable[Where | None]) -> tuple[Line, ...]:
    found = {Line.of(where) for where in dict.fromkeys(places) if where is not None}
    return tuple(sorted(found, key=lambda line: (line.file, line.number)))


def _line(where: Where | None) -> Line | None:
    return None if where is None else Line.of(where)


def _place(line: Line | None) -> str:
    return "somewhere" if line is None else str(line)


def _memory(compiled: Compiled) -> Memory:
    program = compiled.program
    return Memory(
        _bytes(program.inputs),
        _bytes(program.outputs),
        _bytes(program.constants),
        program.scratch,
        {b.name: (described(b), b.nbytes) for b in program.locals},
    )


def _bytes(buffers: Iterable[Buffer]) -> int:
    return sum(buffer.nbytes for buffer in buffers)


def _form(x: Argument | Result) -> str:
    if x.kind == "float":
        return "float"
    if isinstance(x, Argument) and x.is_open:
        return f"{x.dtype}[any]"
    return f"{x.dtype}{list(x.shape)}" if x.kind == "array" else str(x.dtype)


def _short(answer: Any) -> str:
    """An answer on one line."""
    parts = answer if isinstance(answer, tuple) else (answer,)
    texts = [np.array2string(p, threshold=6) if isinstance(p, np.ndarray) else repr(p) for p in parts]
    text = " ".join(", ".join(texts).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _section(title: str, entries: Iterable[object]) -> list[str]:
    lines = [f"    {line}" for entry in entries for line in str(entry).split("\n")]
    return [f"  {title}", *lines] if lines else []
