"""Reading and writing the entries of buffers for the lanes of a vector.

What decides is how far apart the entries of neighbouring lanes are. Not at all: one entry is read, and stands
in every lane. Side by side: the vector is read as it lies. Anything else is gathered from an address for each
lane. A strip that is shorter than the vectors has a mask, which holds back the lanes beyond its end.

An address is linear in the counters of the loops. What is known while the code is written, the offsets of
unrolled copies among it, becomes one number, so that copies share all the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nazad.run import lanes
from nazad.run.lanes import Lanes
from nazad.run.loops import Axis, Buffer, Expr, Index
from nazad.run.plan import Copy, Plan, stride_of
from nazad.run.vectormath.writer import Writer


class Stretch(NamedTuple):
    """The part of an axis that runs: the name of its first place, and how many there are."""

    start: str
    size: int


@dataclass
class Here:
    """Where the code that is being written stands.

    Attributes
    ----------
    pointers : dict
        The name of the pointer to the first entry of each buffer.
    stretches : dict
        Axes of which only a part runs.
    counters : dict
        The names of the counters of the loops around; of a loop that runs once, the number.
    mask : str or None
        The lanes that count, in a strip that is shorter than the vectors.
    is_alone : bool
        Whether that strip has one lane.
    """

    pointers: dict[Buffer, str]
    stretches: Mapping[Axis, Stretch]
    counters: dict[Axis, str]
    mask: str | None = None
    is_alone: bool = False

    def size(self, axis: Axis) -> int:
        """How many places of an axis run."""
        return self.stretches[axis].size if axis in self.stretches else axis.size


class _Address(NamedTuple):
    """A place in a buffer: what moves with the loops, what is known, and what is read, as vectors."""

    terms: list[str]
    offset: int
    loose: list[str]


class Access:
    """Loads and stores of one nest.

    Parameters
    ----------
    value : callable
        Writes the expressions that places are read from.
    changing : set of Buffer
        What the nest both reads and writes, so that each read has to be made anew.
    """

    def __init__(
        self,
        plan: Plan,
        writer: Writer,
        here: Here,
        value: Callable[[Expr, Copy], Lanes],
        changing: set[Buffer],
    ) -> None:
        self.lane, self.w, self.here = plan.lane, writer, here
        self.value, self.changing = value, changing

    # --- whole accesses
    def load(self, buffer: Buffer, index: Index, copy: Copy) -> Lanes:
        """The entries for all lanes."""
        write = self.w.write_anew if buffer in self.changing else self.w.write
        one, many, align = _types(buffer, self.w.width)
        step = self._step(buffer, index)
        if step == 0:
            name = write(f"load {one}, ptr {self.pointer(buffer, index, copy)}, align {align}")
            name = self._splat(one, name)
        elif step == 1 and self.here.mask is None:
            name = write(f"load {many}, ptr {self.pointer(buffer, index, copy)}, align {align}")
        else:
            name = write(self._masked_load(many, self._place(buffer, index, copy, step), align))
        return lanes.load_cast(self.w, name, buffer.dtype)

    def store(self, buffer: Buffer, index: Index, x: Lanes, copy: Copy) -> None:
        """Write the lanes to their entries; what has one place for all lanes is written once."""
        w, name = self.w, lanes.store_cast(self.w, x)
        one, many, align = _types(buffer, w.width)
        step = self._step(buffer, index)
        if step == 0 or (step == 1 and self.here.is_alone):  # LLVM 22 stores too much by a mask with one lane
            name = name if w.width == 1 else w.write(f"extractelement {many} {name}, i64 0")
            w.lines.append(f"  store {one} {name}, ptr {self.pointer(buffer, index, copy)}, align {align}")
        elif step == 1 and self.here.mask is None:
            w.lines.append(f"  store {many} {name}, ptr {self.pointer(buffer, index, copy)}, align {align}")
        else:
            place = self._place(buffer, index, copy, step)
            w.lines.append(f"  {self._masked_store(many, name, place, align)}")

    def fold(self, buffer: Buffer, index: Index, x: Lanes, copy: Copy, op: str) -> None:
        """Fold the lanes into what is there."""
        self.changing.add(buffer)
        old = self.load(buffer, index, copy)
        self.store(buffer, index, lanes.apply(self.w, op, [old, x], x.dtype), copy)

    def fold_apart(self, buffer: Buffer, index: Index, x: Lanes, copy: Copy, op: str) -> None:
        """Fold each lane into an entry of its own; those lie side by side."""
        w, kind = self.w, lanes.ir_type(x.dtype, self.w.width)
        place, align = self.pointer(buffer, index, copy), x.dtype.itemsize
        old = Lanes(x.dtype, w.write_anew(f"load {kind}, ptr {place}, align {align}"))
        new = lanes.apply(w, op, [old, x], x.dtype)
        w.lines.append(f"  store {kind} {new.name}, ptr {place}, align {align}")

    def _step(self, buffer: Buffer, index: Index) -> int | None:
        """How far apart the entries of neighbouring lanes are; None where there is no telling."""
        return 0 if self.lane is None or self.w.width == 1 else stride_of(buffer, index, self.lane)

    def _splat(self, element: str, name: str) -> str:
        w, kind = self.w, self.w.type(element)
        if w.width == 1:
            return name
        first = w.write(f"insertelement {kind} poison, {element} {name}, i64 0")
        return w.write(f"shufflevector {kind} {first}, {kind} poison, <{w.width} x i32> zeroinitializer")

    # --- some of the lanes
    def _place(self, buffer: Buffer, index: Index, copy: Copy, step: int | None) -> str:
        """One address, from which on the lanes lie side by side, or one for each lane; with its type."""
        if step == 1:
            return f"ptr {self.pointer(buffer, index, copy)}"
        return f"{self.w.type('ptr')} {self._pointers(buffer, index, copy)}"

    def _masked_load(self, kind: str, place: str, align: int) -> str:
        name, bits = self._intrinsic("gather" if place.startswith("<") else "load", kind), self.w.type("i1")
        pointers, _ = place.rsplit(" ", 1)
        self.w.declares.add(f"declare {kind} @{name}({pointers}, i32, {bits}, {kind})")
        return f"call {kind} @{name}({place}, i32 {align}, {bits} {self._mask()}, {kind} zeroinitializer)"

    def _masked_store(self, kind: str, x: str, place: str, align: int) -> str:
        name, bits = self._intrinsic("scatter" if place.startswith("<") else "store", kind), self.w.type("i1")
        pointers, _ = place.rsplit(" ", 1)
        self.w.declares.add(f"declare void @{name}({kind}, {pointers}, i32, {bits})")
        return f"call void @{name}({kind} {x}, {place}, i32 {align}, {bits} {self._mask()})"

    def _intrinsic(self, name: str, kind: str) -> str:
        """LLVM's full name of it: llvm.masked.gather.v8f64.v8p0."""
        place = "p0" if name in ("load", "store") else f"v{self.w.width}p0"
        return f"llvm.masked.{name}.{_suffix(kind)}.{place}"

    def _mask(self) -> str:
        return self.here.mask or self.w.splat("i1", "true")

    # --- addresses
    def pointer(self, buffer: Buffer, index: Index, copy: Copy) -> str:
        """The address of the entry in the first lane."""
        at = self._address(buffer, index, copy)
        base, element = self.here.pointers[buffer], lanes.memory_type(buffer.dtype, 1)
        total = self._sum([*at.terms, *map(self._first, at.loose)])
        if total is not None:
            base = self.w.write(f"getelementptr {element}, ptr {base}, i64 {total}")
        return self.w.write(f"getelementptr {element}, ptr {base}, i64 {at.offset}") if at.offset else base

    def _pointers(self, buffer: Buffer, index: Index, copy: Copy) -> str:
        """Addresses for every lane."""
        w, whole = self.w, self.w.type("i64")
        at = self._address(buffer, index, copy)
        pairs = zip(index, buffer.strides, strict=True)
        apart = sum(c * stride for place, stride in pairs for a, c in place.terms if a is self.lane)
        total = f"<{', '.join(f'i64 {at.offset + apart * k}' for k in range(w.width))}>"
        for term in at.terms:
            total = w.write(f"add {whole} {self._splat('i64', term)}, {total}")
        for x in at.loose:
            total = w.write(f"add {whole} {x}, {total}")
        element = lanes.memory_type(buffer.dtype, 1)
        return w.write(f"getelementptr {element}, ptr {self.here.pointers[buffer]}, {whole} {total}")

    def _address(self, buffer: Buffer, index: Index, copy: Copy) -> _Address:
        factors: dict[Axis, int] = {}
        offset, loose = 0, []
        for place, stride in zip(index, buffer.strides, strict=True):
            offset += place.offset * stride
            for a, c in place.terms:
                factors[a] = factors.get(a, 0) + c * stride
            loose += [self._read(e, c * stride, copy) for e, c in place.loose]
        offset += sum(factors[a] * k for a, k in copy if a in factors)
        terms = []
        for a, c in factors.items():
            known, names = self._along(a, buffer, index)
            offset += c * known
            terms += [self._times("i64", name, c, str(c)) for name in names]
        return _Address(terms, offset, loose)

    def _along(self, axis: Axis, buffer: Buffer, index: Index) -> tuple[int, list[str]]:
        """Where an axis stands: a number, and names to be added to it."""
        counter, names = self.here.counters[axis], []
        if axis in self.here.stretches and not _is_local(buffer, axis, index):
            names.append(self.here.stretches[axis].start)
        return (int(counter), names) if counter.isdigit() else (0, [*names, counter])

    def _read(self, expr: Expr, factor: int, copy: Copy) -> str:
        """What a place that is read adds to the address, for every lane."""
        found = lanes.cast(self.w, self.value(expr, copy), np.dtype(np.int64))
        return self._times(self.w.type("i64"), found.name, factor, self.w.splat("i64", str(factor)))

    def _times(self, kind: str, name: str, factor: int, written: str) -> str:
        return name if factor == 1 else self.w.write(f"mul {kind} {name}, {written}")

    def _first(self, x: str) -> str:
        if self.w.width == 1:
            return x
        return self.w.write(f"extractelement {self.w.type('i64')} {x}, i64 0")

    def _sum(self, terms: Sequence[str]) -> str | None:
        total: str | None = None
        for term in terms:
            total = term if total is None else self.w.write(f"add i64 {total}, {term}")
        return total


def _types(buffer: Buffer, width: int) -> tuple[str, str, int]:
    """How entries lie in memory: the type of one, of as many as there are lanes, and the alignment."""
    one, many = lanes.memory_type(buffer.dtype, 1), lanes.memory_type(buffer.dtype, width)
    return one, many, buffer.dtype.itemsize


def _is_local(buffer: Buffer, axis: Axis, index: Index) -> bool:
    """Whether the buffer has only the rows of the block that is running."""
    return buffer.rows is not None and any(a is axis for a, _ in index[buffer.rows].terms)


def _suffix(kind: str) -> str:
    """What intrinsics call a vector type: v8f64 for <8 x double>."""
    count, element = kind.strip("<>").split(" x ")
    return f"v{count}{({'double': 'f64', 'float': 'f32'}).get(element, element)}"
