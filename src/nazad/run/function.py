"""The inside of one function of machine code: nests, blocks of rows and loops, one after another.

A fold that comes back to the same entry several times, because it goes over the rows of a block or because
other loops stand inside it, folds into memory; and so it has a nest before it, which writes what changes
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from nazad.run import threads
from nazad.run.access import Here, Stretch
from nazad.run.folds import comes_back, identity
from nazad.run.gemm import Gemm, as_gemm, gemm_lines
from nazad.run.llvm import Target
from nazad.run.loops import Affine, Axis, Block, Buffer, Constant, Fold, Item, Loop, Nest, Store
from nazad.run.nest import NestCode, Range, around
from nazad.run.parts import rows_of_part
from nazad.run.plan import Plan, plan_nest
from nazad.run.vectormath.writer import Writer


class Function:
    """The body of one function: nests one after another, each with a writer of its width.

    Attributes
    ----------
    w : Writer
        Of what stands around the nests.
    writers : list of Writer
        All of them, which know what the function calls.
    counters : dict
        The names of the counters of the loops around, and of the number of the part.
    """

    def __init__(self, pointers: dict[Buffer, str], target: Target, stem: str) -> None:
        self.pointers, self.target, self.stem = pointers, target, stem
        self.w = Writer(1, target.fma, stem)
        self.writers = [self.w]
        self.allocas: list[str] = []
        self.tables: list[str] = []
        self.counters: dict[Axis, str] = {}

    def body(self, head: str) -> str:
        """The whole function."""
        return "\n".join([*self.tables, head, "entry:", *self.allocas, *self.w.lines, "  ret void", "}"])

    def all_parts(self, function: str, parts: int) -> None:
        """Run all parts of a block, on whatever threads there are."""
        count = len(self.pointers)
        self.allocas.append(f"  %table = alloca [{count} x ptr]")
        for k, p in enumerate(self.pointers.values()):
            self.w.lines.append(f"  %table.{k} = getelementptr ptr, ptr %table, i64 {k}")
            self.w.lines.append(f"  store ptr {p}, ptr %table.{k}")
        self.w.lines.append(f"  {threads.call(function, '%table', parts)}")
        self.w.declares.add(threads.DECLARE)

    def one_part(self, block: Block) -> None:
        """The rows of the part whose number is given; the last one takes the rest."""
        whole, rows = block.size - block.size % block.step, rows_of_part(block)
        assert block.part is not None
        self.counters[block.part] = "%part"
        self.w.lines += [
            f"  %first = mul i64 %part, {rows}",
            f"  %behind = add i64 %first, {rows}",
            f"  %end = call i64 @llvm.smin.i64(i64 %behind, i64 {whole})",
        ]
        self.w.declares.add("declare i64 @llvm.smin.i64(i64, i64)")
        mine = Range("%first", "%end", block.step, may_be_empty=True)
        around(self.w, mine, lambda row: self._some_rows(block, row, block.step))
        if whole < block.size:
            self.w.lines.append(f"  %is.last = icmp eq i64 %part, {block.parts - 1}")
            self.w.lines.append("  br i1 %is.last, label %rest, label %finished")
            self.w.begin("rest")
            self._some_rows(block, str(whole), block.size - whole)
            self.w.lines.append("  br label %finished")
            self.w.begin("finished")

    def write(self, item: Item) -> None:
        """Everything that an item does."""
        if isinstance(item, Block):
            self._rows(item)
        elif isinstance(item, Loop):
            self._loop(item)
        else:
            assert isinstance(item, Nest)
            self.nest(item, {}, starting=True)

    def _loop(self, loop: Loop) -> None:
        def inside(counter: str) -> None:
            self.counters[loop.axis] = counter
            for item in loop.items:
                self.write(item)
            del self.counters[loop.axis]

        around(self.w, Range(0, loop.axis.size, 1), inside)

    def nest(self, nest: Nest, stretches: Mapping[Axis, Stretch], starting: bool = False) -> None:
        """One nest; with ``starting``, first what its folds begin with."""
        product = as_gemm(nest) if starting and not self.counters else None
        if product is not None:
            self._product(product)
            return
        plan = self._plan(nest, stretches)
        writer = Writer(plan.width, self.target.fma, f"{self.stem}t{len(self.writers)}.", self.w.lines)
        self.writers.append(writer)
        if starting:
            for start in beginnings(nest, plan, stretches):
                self.nest(start, {})
        here = Here(self.pointers, stretches, dict(self.counters))
        code = NestCode(nest, plan, self.target, writer, here)
        writer.block = self.w.block
        code.write()
        self.w.block = writer.block
        self.allocas += code.allocas
        self.tables += code.tables

    def _plan(self, nest: Nest, stretches: Mapping[Axis, Stretch]) -> Plan:
        return plan_nest(nest, self.target, {a: stretch.size for a, stretch in stretches.items()})

    def _product(self, product: Gemm) -> None:
        slots, lines, declare = gemm_lines(product, self.pointers, self.w.fresh("gemm."))
        self.allocas += slots
        self.w.lines += lines
        self.w.declares.add(declare)

    def _rows(self, block: Block) -> None:
        """A loop over blocks of rows, and once more for the rows that are left."""
        self.begin(block)
        whole = block.size - block.size % block.step
        around(self.w, Range(0, whole, block.step), lambda row: self._some_rows(block, row, block.step))
        if whole < block.size:
            self._some_rows(block, str(whole), block.size - whole)

    def begin(self, block: Block) -> None:
        """Folds over the rows begin before the first block."""
        for nest in block.nests:
            row = block.rows[nest]
            for start in self._beginnings(nest, {row: Stretch("0", block.step)}):
                if row not in start.axes:
                    self.nest(_for_all(start, block), {})

    def _some_rows(self, block: Block, start: str, count: int) -> None:
        """All nests of a block, on the rows from one on."""
        for nest in block.nests:
            row = block.rows[nest]
            stretches = {row: Stretch(start, count)}
            for begun in self._beginnings(nest, stretches):
                if row in begun.axes:
                    self.nest(begun, stretches)
            self.nest(nest, stretches)

    def _beginnings(self, nest: Nest, stretches: Mapping[Axis, Stretch]) -> list[Nest]:
        return beginnings(nest, self._plan(nest, stretches), stretches)


def _for_all(start: Nest, block: Block) -> Nest:
    """What folds begin with, for all parts."""
    if block.part is None or block.parts == 1:
        return start
    return Nest([block.part, *start.axes], start.statements)


def beginnings(nest: Nest, plan: Plan, stretches: Mapping[Axis, Stretch]) -> list[Nest]:
    """Nests that set the folds to what they begin with, where they come back to an entry several times."""
    folds = [s for s in nest.statements if isinstance(s, Fold)]
    return [_beginning(nest, s) for s in folds if nest.points == 0 or comes_back(s, plan, stretches)]


def _beginning(nest: Nest, s: Fold) -> Nest:
    free, index = [a for a in nest.axes if a not in s.over], s.index
    if s.by_lane:
        free.append(Axis("lane", s.buffer.shape[-1]))
        index = (*index[:-1], Affine.of(free[-1]))
    start = Constant(s.buffer.dtype, identity(s.op, s.buffer.dtype))
    return Nest(free, [Store(s.buffer, index, start)])
