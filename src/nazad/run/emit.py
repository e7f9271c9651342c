"""A program as a module of LLVM IR: a function for each nest or block, and one that calls them in order.

``@program`` gets tables of pointers and knows where every buffer is. Where operations run in NumPy between
native parts, there are several such functions, ``@segment0``, ``@segment1``, ..., and ``@program`` is
missing.
"""

from __future__ import annotations

from collections.abc import Sequence

from nazad.run.function import Function
from nazad.run.llvm import Target
from nazad.run.loops import Block, Buffer, Call, Item, Nest, Program, buffers_of
from nazad.run.vectormath import support
from nazad.run.vectormath.writer import Writer

_TABLES = "ptr %inputs, ptr %outputs, ptr %constants, ptr %scratch"
_SMALL = 256  # points up to which a nest is written into its caller


def module_ir(program: Program, target: Target) -> str:
    """The whole module."""
    parts: list[str] = []
    writers: list[Writer] = []
    for k, item in enumerate(program.items):
        if not isinstance(item, Call):
            code = _functions(f"item{k}", item, target)
            parts += code[0]
            writers += code[1]
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
    ok = program.ok if last else None
    if ok is None:
        return "\n".join([*lines, "  ret i32 1", "}"])
    lines += _pointer(ok, known) if ok not in known else []
    lines += [f"  %held = load i8, ptr {known[ok]}", "  %ok = zext i8 %held to i32", "  ret i32 %ok", "}"]
    return "\n".join(lines)


def _pointer(buffer: Buffer, known: dict[Buffer, str]) -> list[str]:
    known[buffer] = name = f"%b{len(known)}"
    if buffer.kind == "local":
        return [f"  {name} = getelementptr i8, ptr %scratch, i64 {buffer.number}"]
    return [
        f"  {name}.at = getelementptr ptr, ptr %{buffer.kind}s, i64 {buffer.number}",
        f"  {name} = load ptr, ptr {name}.at",
    ]


# --- functions of items
def _functions(name: str, item: Item, target: Target) -> tuple[list[str], list[Writer]]:
    """The functions of one item, and what knows what they call."""
    buffers = buffers_of(item)
    pointers = {b: f"%p{k}" for k, b in enumerate(buffers)}
    code = Function(pointers, target, f"{name}.")
    before: tuple[list[str], list[Writer]] = [], []
    if isinstance(item, Block) and item.parts > 1:
        before = _part(name, item, pointers, target)
        code.begin(item)
        code.all_parts(f"@{name}.part", item.parts)
    else:
        code.write(item)
    is_small = isinstance(item, Nest) and item.points <= _SMALL
    inline = "alwaysinline" if is_small else "noinline"
    head = f"define internal void @{name}({_arguments(pointers)}) {inline} {target.attributes} {{"
    return [*before[0], code.body(head)], [*code.writers, *before[1]]


def _arguments(pointers: dict[Buffer, str]) -> str:
    """Pointers of a function; LLVM is told which memory nobody else there has, now or later."""
    own = [b for b in pointers if b.kind == "local"]
    spans = {b: (b.number, b.number + b.nbytes // (b.shape[0] if b.step else 1)) for b in own}

    def overlap(b: Buffer, c: Buffer) -> bool:
        return spans[b][0] < spans[c][1] and spans[c][0] < spans[b][1]

    shared = {b for b in own if any(b is not c and overlap(b, c) for c in own)}
    return ", ".join(f"ptr {p}" if b in shared else f"ptr noalias {p}" for b, p in pointers.items())


def _part(
    name: str, block: Block, pointers: dict[Buffer, str], target: Target
) -> tuple[list[str], list[Writer]]:
    """Two functions: one part of a block, and what takes its pointers from a table."""
    code = Function(pointers, target, f"{name}.part.")
    code.one_part(block)
    arguments = f"{_arguments(pointers)}, i64 %part"
    head = f"define internal void @{name}.rows({arguments}) noinline {target.attributes} {{"
    lines = [f"define internal void @{name}.part(ptr %table, i64 %part) {target.attributes} {{", "entry:"]
    for k, p in enumerate(pointers.values()):
        lines.append(f"  {p}.at = getelementptr ptr, ptr %table, i64 {k}")
        lines.append(f"  {p} = load ptr, ptr {p}.at")
    given = ", ".join(f"ptr {p}" for p in pointers.values())
    lines += [f"  call void @{name}.rows({given}, i64 %part)", "  ret void", "}"]
    return [code.body(head), *lines], code.writers
