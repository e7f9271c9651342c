"""The entry point of a compiled program: a built-in function, whose code lies beside the program's.

The interpreter calls it as it calls any built-in function, without a frame and without a tuple of arguments.
It looks at the arguments, makes the results, calls the program, and packs what it returns. Whatever is not
exactly as it was compiled for is left, with the same arguments, to a fallback in Python; so the entry itself
has nothing to complain about.

>>> from nazad.run.llvm import compile_ir
>>> from nazad.run.signature import Argument, Result
>>> twice = '''
... define i32 @program(ptr %inputs, ptr %outputs, ptr %constants, ptr %scratch) {
...   %input = load ptr, ptr %inputs
...   %output = load ptr, ptr %outputs
...   %x = load double, ptr %input
...   %y = fadd double %x, %x
...   store double %y, ptr %output
...   ret i32 1
... }'''
>>> signature = Signature((Argument("float"),), (Result("float"),), 0)
>>> machine = compile_ir(twice + entry_ir(signature))
>>> f = make_entry(machine, signature, lambda x: f"twice {x!r}", "f")
>>> f(21.0), f(21)
(42.0, 'twice 21')
"""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from nazad.errors import CompileError
from nazad.run import cpython
from nazad.run.cpython import call
from nazad.run.llvm import Machine
from nazad.run.signature import (
    LINE,
    Argument,
    Array,
    Result,
    Runner,
    Signature,
    Structure,
    aligned,
    dense,
    leaves,
    pointers,
)
from nazad.run.vectormath import Writer

ON_STACK = 8192
"""Bytes of scratch memory that are taken from the stack; more are kept with the function, for one call at a
time, and a call that comes while another runs gets memory of its own."""


def entry_ir(signature: Signature, attributes: str = "nounwind") -> str:
    """The IR of the entry point, for the module that defines ``@program``.

    Parameters
    ----------
    signature : Signature
        How the program is called.
    attributes : str
        Attributes of the function.

    Returns
    -------
    str
        Empty where :func:`.cpython.layout_holds` does not. It names symbols that are published by this
        call, and that have to be published, by :func:`.cpython.publish`, before its object file is linked
        in another process.

    Examples
    --------
    >>> "define ptr @entry(" in entry_ir(Signature((), (), ()))
    True
    """
    if not cpython.layout_holds():
        return ""
    cpython.publish()
    shapes = [_shape(i, result) for i, result in enumerate(signature.results) if result.shape]
    head = f"define ptr @entry(ptr %self, ptr %arguments, i64 %count, ptr %names) {attributes} {{"
    return "\n".join([cpython.declarations(), *shapes, _CONNECT, head, *_Entry(signature).written(), "}", ""])


def make_entry(
    machine: Machine,
    signature: Signature,
    fallback: Callable[..., Any],
    name: str,
    constants: Sequence[Array] = (),
) -> Callable[..., Any]:
    """The function that calls a program, or the fallback where the program cannot be called.

    Parameters
    ----------
    machine : Machine
        Compiled from the program and :func:`entry_ir`. It has one entry, and lives as long as that does.
    signature : Signature
        The one that :func:`entry_ir` was given.
    fallback : callable
        Called with the same arguments where they are not those of the signature, or a guard does not hold.
    name : str
        The function's name.
    constants : sequence of ndarray
        The arrays that the program captured; their data must stay where they are.

    Returns
    -------
    callable
        A built-in function; one in Python where :func:`.cpython.layout_holds` does not.

    Examples
    --------
    >>> from nazad.run.llvm import compile_ir
    >>> never = "define i32 @program(ptr %inputs, ptr %outputs, ptr %constants, ptr %scratch) { ret i32 0 }"
    >>> signature = Signature((), (), ())
    >>> make_entry(compile_ir(never + entry_ir(signature)), signature, lambda: "otherwise", "f")()
    'otherwise'
    """
    if not cpython.layout_holds():
        return Runner(machine, signature, constants).entry(fallback, name)
    table = pointers(dense(constants))
    memory, arena = aligned(signature.scratch if signature.scratch > ON_STACK else 0)
    connect = ctypes.PYFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)
    if not connect(machine.address("entry.connect"))(table, arena):
        raise CompileError("this machine code has an entry already", "Link its object file anew.", name)
    return cpython.builtin(machine.address("entry"), fallback, name, machine, constants, table, memory)


_CONNECT = """
@entry.connected = internal global i32 0
@entry.constants = internal global ptr null
@entry.arena = internal global ptr null
@entry.busy = internal global i32 0
define i32 @entry.connect(ptr %constants, ptr %arena) nounwind {
  %pair = cmpxchg ptr @entry.connected, i32 0, i32 1 acq_rel monotonic
  %first = extractvalue { i32, i1 } %pair, 1
  br i1 %first, label %connect, label %end
connect:
  store ptr %constants, ptr @entry.constants
  store ptr %arena, ptr @entry.arena
  br label %end
end:
  %answer = zext i1 %first to i32
  ret i32 %answer
}"""

_BORROW = """
  %pair = cmpxchg ptr @entry.busy, i32 0, i32 1 acquire monotonic
  %mine = extractvalue { i32, i1 } %pair, 1
  br i1 %mine, label %arena, label %busy
arena:
  %own = load ptr, ptr @entry.arena
  br label %borrowed
busy:
  %new = ALLOCATE
  %none = icmp eq ptr %new, null
  br i1 %none, label %unsuitable, label %align
align:
  %address = ptrtoint ptr %new to i64
  %above = add i64 %address, PADDING
  %line = and i64 %above, -LINE
  %other = inttoptr i64 %line to ptr
  br label %borrowed
borrowed:
  %scratch = phi ptr [%own, %arena], [%other, %align]
  %block = phi ptr [null, %arena], [%new, %align]"""

_GIVE_BACK = """
  br i1 %mine, label %idle, label %free
idle:
  store atomic i32 0, ptr @entry.busy release, align 4
  br label %returned
free:
  FREE
  br label %returned
returned:"""


class _Entry:
    """Writes the entry's instructions, in the order in which they run.

    What the entry owns lies in slots, null until then: one for each result, and one for each tuple. So there
    are three ways out of trouble: ``slow`` where nothing is owned yet, ``unsuitable``, which lets go of all
    and is slow then, and ``raised``, which lets go of all where an error is set.
    """

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.writer = Writer(1, fma=False, stem="v")
        self.stack: list[str] = []
        self.slots: list[str] = []
        self.results = [self.slot() for _ in signature.results]
        self.uses = Counter(leaves(signature.structure))

    def written(self) -> list[str]:
        """All lines of the function."""
        inputs = self.arguments()
        outputs = [*map(self.output, range(len(self.results)))]
        self.run(self.table(inputs), self.table(outputs))
        self.numbers(outputs)
        self.give(self.packed(self.signature.structure))
        self.ways_out()
        return self.stack + self.writer.lines

    def arguments(self) -> list[str]:
        """Look at the arguments; where their data are."""
        wanted = self.signature.arguments
        self.require("slow", self.equal("i64", "%count", len(wanted)), self.equal("ptr", "%names", "null"))
        return [self.argument(self.load("ptr", "%arguments", 8 * j), wanted[j]) for j in range(len(wanted))]

    def argument(self, value: str, wanted: Argument) -> str:
        kind = self.load("ptr", value, cpython.TYPE)
        self.require("slow", self.equal("ptr", kind, cpython.type_of(wanted.type)))
        if wanted.kind != "array":
            return self.at(value, cpython.HEADER)
        self.require("slow", *self.form(value, len(wanted.shape)))
        self.require("slow", *self.dtype(self.load("ptr", value, cpython.DTYPE), wanted.dtype))
        if wanted.shape and not wanted.is_open:
            shape = self.load("ptr", value, cpython.SHAPE)
            lengths = [self.load("i64", shape, 8 * k) for k in range(len(wanted.shape))]
            self.require("slow", *map(self.equal, ["i64"] * len(lengths), lengths, wanted.shape))
        return self.load("ptr", value, cpython.DATA)

    def form(self, array: str, rank: int) -> list[str]:
        """Conditions: the array has this rank, is C-contiguous, and aligned."""
        flags = self.value(f"and i32 {self.load('i32', array, cpython.FLAGS)}, {cpython.DENSE}")
        return [
            self.equal("i32", self.load("i32", array, cpython.RANK), rank),
            self.equal("i32", flags, cpython.DENSE),
        ]

    def dtype(self, dtype: str, wanted: np.dtype[Any]) -> list[str]:
        """Conditions: the dtype is this, in native byte order; it need not be the same object."""
        number, order = self.load("i32", dtype, cpython.NUMBER), self.load("i8", dtype, cpython.BYTE_ORDER)
        twins = [self.equal("i32", number, twin.num) for twin in cpython.DTYPES if twin == wanted]
        return [self.joined("or", twins), self.value(f"icmp ne i8 {order}, {cpython.SWAPPED}")]

    def output(self, i: int) -> str:
        """Make an array, or room for a number; where its data are."""
        result = self.signature.results[i]
        if result.kind != "array":
            return self.room("[2 x i64]" if result.dtype.kind == "c" else "i64")
        shape = f"@entry.shape{i}" if result.shape else "null"
        kind, rank, number = cpython.type_of(np.ndarray), str(len(result.shape)), str(result.dtype.num)
        new = call("PyArray_New", kind, rank, shape, number, "null", "null", "0", "0", "null")
        return self.load("ptr", self.own(self.results[i], new), cpython.DATA)

    def run(self, inputs: str, outputs: str) -> None:
        """Call the program, with its scratch memory, and without the GIL if so wished."""
        signature = self.signature
        scratch, constants = self.scratch(signature.scratch), self.load("ptr", "@entry.constants")
        if signature.release_gil:
            thread = self.value(call("PyEval_SaveThread"))
        given = f"ptr {inputs}, ptr {outputs}, ptr {constants}, ptr {scratch}"
        held = self.value(f"call i32 @program({given})")
        if signature.release_gil:
            self.add(call("PyEval_RestoreThread", thread))
        if signature.scratch > ON_STACK:
            self.add(_GIVE_BACK.replace("FREE", call("PyMem_RawFree", "%block")))
        self.require("unsuitable", self.value(f"icmp ne i32 {held}, 0"))

    def scratch(self, size: int) -> str:
        if not size:
            return "null"
        if size <= ON_STACK:
            return self.room(f"[{size} x i8]", LINE)
        allocate = call("PyMem_RawMalloc", str(size + LINE - 1))
        text = _BORROW.replace("ALLOCATE", allocate)
        self.add(text.replace("PADDING", str(LINE - 1)).replace("LINE", str(LINE)))
        return "%scratch"

    def numbers(self, outputs: list[str]) -> None:
        """Make the results that are numbers from what the program left."""
        for slot, result, output in zip(self.results, self.signature.results, outputs, strict=True):
            if result.kind == "float":
                self.own(slot, call("PyFloat_FromDouble", self.load("double", output)))
            elif result.kind == "scalar":
                self.own(slot, call("PyArray_Scalar", output, cpython.dtype_object(result.dtype), "null"))

    def packed(self, structure: Structure) -> str:
        """Make the tuples; the object, which is no longer owned here."""
        if isinstance(structure, int):
            return self.share(structure)
        slot = self.slot()
        made = self.own(slot, call("PyTuple_New", str(len(structure))))
        for k, part in enumerate(structure):
            self.value(call("PyTuple_SetItem", made, str(k), self.packed(part)))
        return self.move(slot)

    def share(self, i: int) -> str:
        """A result for one of the places where it stands; the last of them gets what is owned here."""
        self.uses[i] -= 1
        if not self.uses[i]:
            return self.move(self.results[i])
        shared = self.load("ptr", self.results[i])
        self.add(call("Py_IncRef", shared))
        return shared

    def give(self, value: str) -> None:
        """Return; what stands nowhere in the structure is still owned."""
        self.let_go(slot for i, slot in enumerate(self.results) if i not in self.uses)
        self.add(f"ret ptr {value}")

    def ways_out(self) -> None:
        self.writer.enter("unsuitable")
        self.let_go(self.slots)
        self.add("br label %slow")
        self.writer.enter("slow")
        self.leave_to_fallback()
        self.writer.enter("raised")
        self.let_go(self.slots)
        self.add("ret ptr null")

    def leave_to_fallback(self) -> None:
        """Jump there: were it a call, fallbacks that come back here would fill the stack with scratch."""
        given = call("PyObject_Vectorcall", "%self", "%arguments", "%count", "%names")
        self.add(f"ret ptr {self.value(f'musttail {given}')}")

    def slot(self) -> str:
        slot = self.room("ptr")
        self.slots.append(slot)
        self.stack.append(f"  store ptr null, ptr {slot}")
        return slot

    def own(self, slot: str, instruction: str) -> str:
        """Put a new object into a slot; a null pointer is an error."""
        made = self.value(instruction)
        self.add(f"store ptr {made}, ptr {slot}")
        self.require("raised", self.value(f"icmp ne ptr {made}, null"))
        return made

    def move(self, slot: str) -> str:
        """Take the object out of its slot."""
        moved = self.load("ptr", slot)
        self.add(f"store ptr null, ptr {slot}")
        return moved

    def let_go(self, slots: Iterable[str]) -> None:
        for slot in slots:
            self.add(call("Py_DecRef", self.load("ptr", slot)))

    def table(self, entries: list[str]) -> str:
        """Pointers in a row."""
        table = self.room(f"[{len(entries)} x ptr]")
        for j, entry in enumerate(entries):
            self.add(f"store ptr {entry}, ptr {self.at(table, 8 * j)}")
        return table

    def require(self, otherwise: str, *conditions: str) -> None:
        """Go on where all conditions hold."""
        label = self.writer.fresh()
        self.add(f"br i1 {self.joined('and', conditions)}, label %{label}, label %{otherwise}")
        self.writer.enter(label)

    def joined(self, operation: str, conditions: Sequence[str]) -> str:
        whole, *rest = conditions
        for condition in rest:
            whole = self.value(f"{operation} i1 {whole}, {condition}")
        return whole

    def equal(self, kind: str, left: str, right: object) -> str:
        return self.value(f"icmp eq {kind} {left}, {right}")

    def load(self, kind: str, pointer: str, offset: int = 0) -> str:
        return self.value(f"load {kind}, ptr {self.at(pointer, offset)}")

    def at(self, pointer: str, offset: int) -> str:
        return self.value(f"getelementptr i8, ptr {pointer}, i64 {offset}") if offset else pointer

    def room(self, kind: str, alignment: int = 8) -> str:
        name = self.writer.fresh("%")
        self.stack.append(f"  {name} = alloca {kind}, align {alignment}")
        return name

    def value(self, instruction: str) -> str:
        return self.writer.write_anew(instruction)

    def add(self, line: str) -> None:
        self.writer.lines.append(f"  {line}")


def _shape(i: int, result: Result) -> str:
    lengths = ", ".join(f"i64 {length}" for length in result.shape)
    return f"@entry.shape{i} = private constant [{len(result.shape)} x i64] [{lengths}]"
