"""A program as a module of LLVM IR: a function for each nest or block, and one that calls them in order.

``@program`` gets tables of pointers and knows where every buffer is. Where operations run in NumPy between
native parts, there are several such functions, ``@segment0``, ``@segment1``, ..., and ``@program`` is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from nazad.run import threads
from nazad.run.gemm import Gemm, as_gemm, gemm_lines
from nazad.run.llvm import Target
from nazad.run.loops import (
    Affine,
    Axis,
    Block,
    Buffer,
    Call,
    Constant,
    Fold,
    Item,
    Loop,
    Nest,
    Program,
    Store,
    buffers_of,
)
from nazad.run.nest import NestCode, identity
from nazad.run.parts import rows_of_part
from nazad.run.plan import plan_nest
from nazad.run.vectormath import support
from nazad.run.vectormath.writer import Writer

_TABLES = "ptr %inputs, ptr %outputs, ptr %constants, ptr %scratch"
_SMALL = 256  # points up to which a nest is written into its caller


def module_ir(program: Program, target: Target) -> str:
    """The whole module."""
    parts, writers = [], []
    for k, item in enumerate(program.items):
        if not isinstance(item, Call):
            text, writer = _function(f"item{k}", item, target)
            parts.append(text)
            writers += writer
    parts += [_segment(name, program, numbers, last, target) for name, numbers, last in segments(program)]
    return "\n".join([support(*writers), *parts])


def segments(program: Program) -> list[tuple[str, list[int], bool]]:
    """Runs of native items: the function's name, the numbers of its items, and whether it is the last."""
    runs: list[list[int]] = [[]]
    for k, item in enumerate(program.items):
        if isinstance(item, Call):
            runs.append([])
        else:
            runs[-1].append(k)
    if len(runs) == 1:
        return [("program", runs[0], True)]
    return [(f"segment{n}", numbers, n == len(runs) - 1) for n, numbers in enumerate(runs)]


def _segment(name: str, program: Program, numbers: Sequence[int], last: bool, target: Target) -> str:
    lines = [f"define i32 @{name}({_TABLES}) {target.attributes} {{", "entry:"]
    known: dict[Buffer, str] = {}
    for k in numbers:
        buffers = buffers_of(program.items[k])
        lines += [line for b in buffers if b not in known for line in _pointer(b, known)]
        lines.append(f"  call void @item{k}({', '.join(f'ptr {known[b]}' for b in buffers)})")
    if last and program.ok is not None:
        lines += _pointer(program.ok, known) if program.ok not in known else []
        lines += [
            f"  %held = load i8, ptr {known[program.ok]}",
            "  %ok = zext i8 %held to i32",
            "  ret i32 %ok",
        ]
    else:
        lines.append("  ret i32 1")
    return "\n".join([*lines, "}"])


def _pointer(buffer: Buffer, known: dict[Buffer, str]) -> list[str]:
    known[buffer] = name = f"%b{len(known)}"
    if buffer.kind == "local":
        return [f"  {name} = getelementptr i8, ptr %scratch, i64 {buffer.number}"]
    return [
        f"  {name}.at = getelementptr ptr, ptr %{buffer.kind}s, i64 {buffer.number}",
        f"  {name} = load ptr, ptr {name}.at",
    ]


def _function(name: str, item: Item, target: Target) -> tuple[str, list[Writer]]:
    buffers = buffers_of(item)
    pointers = {b: f"%p{k}" for k, b in enumerate(buffers)}
    code = _Function(pointers, target, f"{name}.")
    if isinstance(item, Block) and item.parts > 1:
        part = _part(name, item, pointers, target)
        code.begin(item)
        code.all_parts(f"@{name}.part", item.parts)
        before, writers = [part.text], [*code.writers, *part.writers]
    else:
        code.write(item)
        before, writers = [], code.writers
    arguments = _arguments(pointers)
    small = isinstance(item, Nest) and item.points <= _SMALL
    attributes = "alwaysinline" if small else "noinline"
    head = f"define internal void @{name}({arguments}) {attributes} {target.attributes} {{"
    return "\n".join([*before, code.body(head)]), writers


def _arguments(pointers: dict[Buffer, str]) -> str:
    """Pointers of a function; LLVM is told which memory nobody else there has, now or later."""
    spans = {
        b: (b.number, b.number + b.nbytes // (b.shape[0] if b.step else 1))
        for b in pointers
        if b.kind == "local"
    }
    shared = {
        b
        for b, (start, end) in spans.items()
        for c, (first, last) in spans.items()
        if b is not c and start < last and first < end
    }
    return ", ".join(f"ptr {p}" if b in shared else f"ptr noalias {p}" for b, p in pointers.items())


class _Part(NamedTuple):
    text: str
    writers: list[Writer]


def _part(name: str, block: Block, pointers: dict[Buffer, str], target: Target) -> _Part:
    """Two functions: one part of a block, and what takes its pointers from a table."""
    code = _Function(pointers, target, f"{name}.part.")
    code.one_part(block)
    arguments = _arguments(pointers)
    head = f"define internal void @{name}.rows({arguments}, i64 %part) noinline {target.attributes} {{"
    lines = [f"define internal void @{name}.part(ptr %table, i64 %part) {target.attributes} {{", "entry:"]
    for k, p in enumerate(pointers.values()):
        lines.append(f"  {p}.at = getelementptr ptr, ptr %table, i64 {k}")
        lines.append(f"  {p} = load ptr, ptr {p}.at")
    given = ", ".join(f"ptr {p}" for p in pointers.values())
    lines += [f"  call void @{name}.rows({given}, i64 %part)", "  ret void", "}"]
    return _Part("\n".join([code.body(head), *lines]), code.writers)


class _Function:
    """The body of one function: nests one after another, each with a writer of its width."""

    def __init__(self, pointers: dict[Buffer, str], target: Target, stem: str) -> None:
        self.stem = stem  # of names that a module has once
        self.pointers, self.target = pointers, target
        self.lines: list[str] = []
        self.allocas: list[str] = []
        self.tables: list[str] = []
        self.writers: list[Writer] = []
        self.block = "entry"
        self.count = 0
        self.around: dict[Axis, str] = {}

    def body(self, head: str) -> str:
        """The whole function."""
        return "\n".join([*self.tables, head, "entry:", *self.allocas, *self.lines, "  ret void", "}"])

    def all_parts(self, function: str, parts: int) -> None:
        """Run all parts of a block, on whatever threads there are."""
        count = len(self.pointers)
        self.allocas.append(f"  %table = alloca [{count} x ptr]")
        for k, p in enumerate(self.pointers.values()):
            self.lines.append(f"  %table.{k} = getelementptr ptr, ptr %table, i64 {k}")
            self.lines.append(f"  store ptr {p}, ptr %table.{k}")
        self.lines.append(f"  {threads.call(function, '%table', parts)}")
        self.declared(threads.DECLARE)

    def one_part(self, block: Block) -> None:
        """The rows of the part whose number is given; the last one takes the rest."""
        whole, rows = block.size - block.size % block.step, rows_of_part(block)
        assert block.part is not None
        self.around[block.part] = "%part"
        self.lines += [
            f"  %first = mul i64 %part, {rows}",
            f"  %behind = add i64 %first, {rows}",
            f"  %end = call i64 @llvm.smin.i64(i64 %behind, i64 {whole})",
        ]
        self.declared("declare i64 @llvm.smin.i64(i64, i64)")
        self._repeat("%first", "%end", block.step, lambda row: self._some_rows(block, row, block.step))
        if whole < block.size:
            self.lines.append(f"  %is.last = icmp eq i64 %part, {block.parts - 1}")
            self.lines.append("  br i1 %is.last, label %rest, label %finished")
            self.lines.append("rest:")
            self.block = "rest"
            self._some_rows(block, str(whole), block.size - whole)
            self.lines += ["  br label %finished", "finished:"]
            self.block = "finished"

    def declared(self, declaration: str) -> None:
        writer = Writer(1, self.target.fma)
        writer.declares.add(declaration)
        self.writers.append(writer)

    def write(self, item: Item) -> None:
        if isinstance(item, Block):
            self._rows(item)
        elif isinstance(item, Loop):
            self._loop(item)
        else:
            assert isinstance(item, Nest)
            self.nest(item, {}, {}, starting=True)

    def _loop(self, loop: Loop) -> None:
        def inside(counter: str) -> None:
            self.around[loop.axis] = counter
            for item in loop.items:
                self.write(item)
            del self.around[loop.axis]

        self._repeat(0, loop.axis.size, 1, inside)

    def _repeat(self, start: int | str, end: int | str, step: int, inside: Callable[[str], None]) -> None:
        """A loop around what ``inside`` writes, which gets the name of the counter."""
        self.count += 1
        label, counter = f"round.{self.count}", f"%at.{self.count}"
        if isinstance(end, str):  # there may be nothing to do
            self.lines.append(f"  {counter}.some = icmp slt i64 {start}, {end}")
            self.lines.append(f"  br i1 {counter}.some, label %{label}, label %{label}.done")
            self.lines.append(f"{label}:")
        else:
            self.lines += [f"  br label %{label}", f"{label}:"]
        self.lines.append(f"  {counter} = phi i64 [{start}, %{self.block}], [{counter}.up, %{label}.next]")
        self.block = label
        inside(counter)
        self.lines += [f"  br label %{label}.next", f"{label}.next:"]
        self.lines.append(f"  {counter}.up = add nuw nsw i64 {counter}, {step}")
        self.lines.append(f"  {counter}.again = icmp slt i64 {counter}.up, {end}")
        self.lines.append(f"  br i1 {counter}.again, label %{label}, label %{label}.done")
        self.lines.append(f"{label}.done:")
        self.block = f"{label}.done"

    def nest(
        self, nest: Nest, starts: dict[Axis, tuple[str, int]], sizes: dict[Axis, int], starting: bool
    ) -> None:
        """One nest; first what its folds begin with, unless that was done before."""
        product = as_gemm(nest) if starting and not self.around else None
        if product is not None:
            self._product(product)
            return
        plan = plan_nest(nest, self.target, sizes)
        self.count += 1
        writer = Writer(plan.width, self.target.fma, f"{self.stem}t{self.count}.", self.lines)
        writer.block = self.block
        code = NestCode(nest, plan, self.target, writer, self.pointers, starts, self.around)
        if starting:
            for start in beginnings(nest, code):
                self.nest(start, {}, {}, starting=False)
            writer.block = self.block
        code.write()
        self.allocas += code.allocas
        self.tables += code.tables
        self.writers.append(writer)
        self.block = writer.block

    def _product(self, product: Gemm) -> None:
        self.count += 1
        slots, lines, declare = gemm_lines(product, self.pointers, f"gemm.{self.count}")
        self.allocas += slots
        self.lines += lines
        self.declared(declare)

    def _rows(self, block: Block) -> None:
        """A loop over blocks of rows, and once more for the rows that are left."""
        self.begin(block)
        whole = block.size - block.size % block.step
        self._repeat(0, whole, block.step, lambda row: self._some_rows(block, row, block.step))
        if whole < block.size:
            self._some_rows(block, str(whole), block.size - whole)

    def begin(self, block: Block) -> None:
        """Folds over the rows begin before the first block."""
        for nest in block.nests:
            row = block.rows[nest]
            for start in self._beginnings(nest, {row: ("0", block.step)}, {row: block.step}):
                if row not in start.axes:
                    self.nest(_for_all(start, block), {}, {}, starting=False)

    def _some_rows(self, block: Block, start: str, count: int) -> None:
        for nest in block.nests:
            row = block.rows[nest]
            starts, sizes = {row: (start, count)}, {row: count}
            for begun in self._beginnings(nest, starts, sizes):
                if row in begun.axes:
                    self.nest(begun, starts, sizes, starting=False)
            self.nest(nest, starts, sizes, starting=False)

    def _beginnings(
        self, nest: Nest, starts: dict[Axis, tuple[str, int]], sizes: dict[Axis, int]
    ) -> list[Nest]:
        plan = plan_nest(nest, self.target, sizes)
        return beginnings(
            nest, NestCode(nest, plan, self.target, Writer(plan.width, True), self.pointers, starts)
        )


def _for_all(start: Nest, block: Block) -> Nest:
    """What folds begin with, for all parts."""
    with_part = block.part is not None and block.parts > 1
    return Nest([block.part, *start.axes], start.statements) if with_part and block.part else start


def beginnings(nest: Nest, code: NestCode) -> list[Nest]:
    """Nests that set the folds to what they begin with, where they come back to an entry several times."""
    found = []
    for s in nest.statements:
        if isinstance(s, Fold) and (nest.points == 0 or code.in_memory(s)):
            free = [a for a in nest.axes if a not in s.over]
            start = Constant(s.buffer.dtype, identity(s.op, s.buffer.dtype))
            index = s.index
            if s.by_lane:
                free.append(Axis("lane", s.buffer.shape[-1]))
                index = (*index[:-1], Affine.of(free[-1]))
            found.append(Nest(free, [Store(s.buffer, index, start)]))
    return found
