"""From a graph to something to call: all stages of the compiler in a row, each with its time.

    prepare -> lower -> schedule -> emit -> machine code

What comes out takes the leaves of the graph and returns its sinks. Mostly it is one native function
(:mod:`nazad.run.entry`); where operations run in NumPy between native parts, it is a few of them, and a loop
in Python that goes from one to the next.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nazad.errors import CompileError
from nazad.graph import PYTHON_NUMBERS, Graph, Node, Spec, Value, dtype_of, shape_of
from nazad.run import cache, cpython, threads
from nazad.run.emit import module_ir, segments
from nazad.run.entry import entry_ir, make_entry
from nazad.run.llvm import Machine, Target
from nazad.run.loops import Buffer, Call, Program, nests_of
from nazad.run.lower import Lowering
from nazad.run.pairs import as_real
from nazad.run.prepare import prepare
from nazad.run.schedule import schedule
from nazad.run.signature import Argument, Result, Signature, Structure, aligned, pointers

MISS: Any = object()
"""What :func:`missed` returns."""
_LONG = 20_000
"""Points of nests from which on a call is worth letting other threads run."""


@dataclass
class Times:
    """Seconds that each stage took."""

    stages: dict[str, float] = field(default_factory=dict)

    def of(self, stage: str, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function and add its time."""
        start = time.perf_counter()
        try:
            return function(*args)
        finally:
            self.stages[stage] = self.stages.get(stage, 0.0) + time.perf_counter() - start

    @property
    def total(self) -> float:
        return sum(self.stages.values())


def missed(*arguments: Any, **options: Any) -> Any:
    """The fallback that only says that it was called."""
    return MISS


class Compiled:
    """A graph as native code.

    Parameters
    ----------
    graph, F
        The graph, and values of its nodes, which tell shapes and dtypes. With ``guarded`` the last sink is a
        truth value: whether the guards of the trace hold.
    structure : int or tuple
        How results are packed into tuples.
    fallback : callable
        What the entry calls with arguments that do not fit.
    is_open : frozenset of int
        The numbers of leaves that may have any number of entries; what reads them is told how many count.

    Attributes
    ----------
    entry : callable
        Takes the leaves and returns the results in their structure.
    """

    def __init__(
        self,
        graph: Graph,
        F: Mapping[Node, Value],
        structure: Structure,
        fallback: Callable[..., Any],
        name: str,
        guarded: bool = False,
        times: Times | None = None,
        is_open: frozenset[int] = frozenset(),
    ) -> None:
        self.name, self.times, self.is_open = name, times or Times(), is_open
        self.graph, values = self.times.of("prepare", prepare, graph, F)
        self.program = self._scheduled(self.graph, values, guarded)
        results = [F[v] for v in (graph.sinks[:-1] if guarded else graph.sinks)]
        arguments = [_argument(F[v], k in is_open) for k, v in enumerate(graph.leaves)]
        self.signature = _signature(arguments, results, self.program, structure)
        for buffer in self.program.constants:
            buffer.value = buffer.value.copy()  # the user may write into what was captured
        self.constants = [b.value for b in self.program.constants]
        self.is_whole = not any(isinstance(item, Call) for item in self.program.items)
        self.machine = self._machine()
        if self.is_whole:
            self.entry = make_entry(self.machine, self.signature, fallback, name, self.constants)
        else:
            self.entry = _Stepwise(self.program, self.signature, self.machine, self.constants, fallback)

    def before(self, fallback: Callable[..., Any]) -> Callable[..., Any]:
        """The same entry with another fallback; the one that it was made with must return :data:`MISS`."""
        entry = self.entry
        if self.is_whole and cpython.layout_holds():
            return cpython.builtin(self.machine.address("entry"), fallback, self.name, entry)

        def otherwise(*arguments: Any, **options: Any) -> Any:
            results = entry(*arguments, **options)
            return fallback(*arguments, **options) if results is MISS else results

        return otherwise

    def _scheduled(self, graph: Graph, F: Mapping[Node, Value], guarded: bool) -> Program:
        lowering = self.times.of("lower", Lowering, graph, F, guarded, self.is_open)
        lowered = self.times.of("lower", lowering.run)
        program: Program = self.times.of("schedule", schedule, lowering, lowered)
        return program

    def _machine(self) -> Machine:
        self.ir = self.times.of("emit", module_ir, self.program, Target.host())
        if self.is_whole:
            self.ir += "\n" + self.times.of("emit", entry_ir, self.signature, Target.host().attributes)
        if threads.DECLARE in self.ir:
            threads.prepare()
        machine: Machine = self.times.of("machine code", cache.compiled, self.ir, self.name)
        return machine


def _signature(
    arguments: Sequence[Argument], results: Sequence[Value], program: Program, structure: Structure
) -> Signature:
    points = sum(nest.points for nest in nests_of(program.items))
    return Signature(
        tuple(arguments),
        tuple(map(_result, results)),
        structure,
        program.scratch,
        points > _LONG,
    )


def _argument(value: Value, is_open: bool) -> Argument:
    if type(value) is float:
        return Argument("float")
    kind = "scalar" if type(value) in PYTHON_NUMBERS or isinstance(value, np.generic) else "array"
    return Argument(kind, dtype_of(value), shape_of(value), is_open)


def _result(value: Value) -> Result:
    if type(value) is float:
        return Result("float")
    return Result("array" if isinstance(value, np.ndarray) else "scalar", dtype_of(value), shape_of(value))


class _Stepwise:
    """Native parts and calls of NumPy, in order."""

    def __init__(
        self,
        program: Program,
        signature: Signature,
        machine: Machine,
        constants: Sequence[np.ndarray[Any, Any]],
        fallback: Callable[..., Any],
    ) -> None:
        self.program, self.signature, self.fallback = program, signature, fallback
        self._kept = machine, constants
        self._constants = pointers(constants)
        prototype = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 4)
        self._parts = [prototype(machine.address(name)) for name, _, _ in segments(program)]

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if options or not self._accepts(arguments):
            return self.fallback(*arguments, **options)
        outputs = [np.empty(r.shape, r.dtype) for r in self.signature.results]
        memory, scratch = aligned(self.program.scratch)
        given = [as_real(x) for x in arguments]
        inputs = [np.asarray(x) for x in given]
        views = _Views(inputs, [as_real(y) for y in outputs], memory, scratch)
        tables = pointers(inputs), pointers(outputs), self._constants, scratch
        held = self._parts[0](*tables)
        calls = (item for item in self.program.items if isinstance(item, Call))
        for part, call in zip(self._parts[1:], calls, strict=True):
            if not views.call(call, given):
                return self.fallback(*arguments)
            held = part(*tables)
        if not held:
            return self.fallback(*arguments)
        return self.signature.pack([r.of(y) for r, y in zip(self.signature.results, outputs, strict=True)])

    def _accepts(self, arguments: Sequence[Any]) -> bool:
        wanted = self.signature.arguments
        return len(arguments) == len(wanted) and all(map(Argument.accepts, wanted, arguments))


class _Views:
    """The buffers of a running program as arrays."""

    def __init__(self, inputs: Sequence[Any], outputs: Sequence[Any], memory: Any, scratch: int) -> None:
        self.inputs, self.outputs = inputs, outputs
        self.memory, self.start = memory, scratch - memory.ctypes.data

    def of(self, buffer: Buffer) -> Any:
        if buffer.kind == "input":
            return self.inputs[buffer.number]
        if buffer.kind == "output":
            return self.outputs[buffer.number]
        if buffer.kind == "constant":
            return buffer.value
        first = self.start + buffer.number
        return self.memory[first : first + buffer.nbytes].view(buffer.dtype).reshape(buffer.shape)

    def call(self, call: Call, arguments: Sequence[Any]) -> bool:
        """Whether it went well: the path may be a wrong one, and else the fallback finds the same error."""
        xs = [self._argument(x, arguments) for x in call.args]
        try:
            with np.errstate(all="ignore"):
                value = call.node.op.calc(*xs, **call.node.params)
            parts = value if type(value) is tuple else (value,)
            for buffer, part in zip(call.results, parts, strict=True):
                if Spec.of(part) != (buffer.shape, buffer.dtype):
                    return False  # real eigenvalues, where they were complex when it was traced
                np.copyto(self.of(buffer), part)
        except Exception:  # noqa: BLE001  whatever it is
            return False
        return True

    def _argument(self, x: Any, arguments: Sequence[Any]) -> Any:
        """As the operation got it when it was traced: a scalar for what has no shape."""
        if not isinstance(x, Buffer):
            return x
        if x.kind == "input":
            return arguments[x.number]
        found = self.of(x)
        return found[()] if not x.shape else found


__all__ = ["MISS", "CompileError", "Compiled", "Times", "cpython", "missed"]
