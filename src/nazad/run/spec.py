"""What the loop language means: a program run in plain NumPy, slowly and without a doubt.

Whatever the compiler makes of a program has to give what :func:`evaluate` gives. So there is nothing clever
here: an axis is an array of its integers, turned so that the axes of a nest broadcast against one another; a
load picks from memory at such places; an operation is the primitive's own ``calc``, a fold the ``reduce`` of
a ufunc. Memory is flat, as it is for machine code, and notes what has been written. A program that reads an
entry nobody has written, goes outside a dimension, or stores several values in one entry, is wrong.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad import ops
from nazad.errors import CompileError
from nazad.run.folds import identity
from nazad.run.loops import (
    Affine,
    Apply,
    Axis,
    Block,
    Buffer,
    Call,
    Cast,
    Constant,
    Expr,
    Fold,
    Item,
    Load,
    Loop,
    Nest,
    Program,
    Statement,
    buffers_of,
    loose_in,
    walk,
)
from nazad.run.parts import rows_of_part

Array = np.ndarray[Any, Any]
_Loads = dict[Buffer, list[Any]]
_Stores = dict[Buffer, list[tuple[Array, bool]]]
_TABLE = ops.table()


def evaluate(program: Program, inputs: Sequence[Any]) -> list[Array]:
    """What a program computes.

    Parameters
    ----------
    program : Program
        In the loop language.
    inputs : sequence
        A value for every input.

    Returns
    -------
    list of ndarray
        The outputs.

    Raises
    ------
    CompileError
        If the program reads what was not written, or writes where it must not.

    Examples
    --------
    >>> from nazad.run.loops import Store
    >>> float64, i = np.dtype("float64"), Axis("i", 3)
    >>> x, y = Buffer("x", (3,), float64, "input", 0), Buffer("y", (3,), float64, "output", 0)
    >>> load = Load(float64, x, (Affine.of(i) * -1 + 2,))
    >>> turned = Nest([i], [Store(y, (Affine.of(i),), Apply(float64, "negative", (load,)))])
    >>> program = Program([x], [y], [], [turned])
    >>> evaluate(program, [np.array([1.0, 2.0, 3.0])])
    [array([-3., -2., -1.])]
    >>> evaluate(Program([x], [y], [], []), [np.zeros(3)])
    Traceback (most recent call last):
    nazad.errors.CompileError: entry 0 of y was read and not written
    """
    memory = Memory()
    for buffer, value in zip(program.inputs, inputs, strict=True):
        memory.put(buffer, value)
    for buffer in program.constants:
        memory.put(buffer, buffer.value)
    with np.errstate(all="ignore"):
        for item in program.items:
            run(item, memory, {})
    return [memory.get(buffer) for buffer in program.outputs]


class Memory:
    """The entries of each buffer, in the order in which they lie, and which of them have been written."""

    def __init__(self) -> None:
        self._known: dict[Buffer, tuple[Array, Array]] = {}

    def of(self, buffer: Buffer) -> tuple[Array, Array]:
        """Entries, and whether each has been written."""
        if buffer not in self._known:
            pairs = zip(buffer.shape, buffer.strides, strict=True)
            size = 1 + sum((n - 1) * stride for n, stride in pairs) if buffer.size else 0
            self._known[buffer] = np.empty(size, buffer.dtype), np.zeros(size, np.bool_)
        return self._known[buffer]

    def write(self, buffer: Buffer, places: Array, x: Any, done: bool = True) -> None:
        entries, written = self.of(buffer)
        entries[places], written[places] = x, done

    def read(self, buffer: Buffer, places: Any) -> Array:
        entries, written = self.of(buffer)
        missing = np.asarray(places)[~written[places]]
        if missing.size:
            raise CompileError(f"entry {missing.flat[0]} of {buffer} was read and not written")
        return np.asarray(entries[places])

    def forget(self, item: Block | Loop) -> None:
        """A new round begins: what the item owns is written anew."""
        for buffer in buffers_of(item):
            if buffer.owner is item:
                self.of(buffer)[1][...] = False

    def put(self, buffer: Buffer, value: Any) -> None:
        """Write a whole buffer."""
        self.write(buffer, everywhere(buffer), np.broadcast_to(np.asarray(value), buffer.shape))

    def get(self, buffer: Buffer) -> Array:
        """Read a whole buffer."""
        return self.read(buffer, everywhere(buffer))


def everywhere(buffer: Buffer) -> Array:
    """Where each entry of a buffer is in its memory."""
    steps = [np.arange(n) * s for n, s in zip(buffer.shape, buffer.strides, strict=True)]
    return np.asarray(sum(np.ix_(*steps), np.zeros(buffer.shape, np.intp)))


def run(item: Item, memory: Memory, around: Mapping[Axis, int]) -> None:
    """Run one item, with the axes of the loops around it."""
    if isinstance(item, Call):
        _call(item, memory)
    elif isinstance(item, Block):
        _block(item, memory, around)
    elif isinstance(item, Loop):
        for k in range(item.axis.size):
            memory.forget(item)
            for inner in item.items:
                run(inner, memory, {**around, item.axis: k})
    else:
        _nest(item, Space(around), memory)


def _nest(nest: Nest, space: Space, memory: Memory) -> None:
    """All points at once; where an axis is ragged, those of one run after another."""
    if not nest.ragged:
        _Points(nest, space, memory).run()
        return
    ((axis, (by, starts, _)),) = nest.ragged.items()
    inner = dataclasses.replace(nest, axes=[a for a in nest.axes if a is not by], ragged={})
    loads, stores = _Loads(), _Stores()
    for place in space.places(by):
        first, behind = (int(memory.read(starts, np.asarray(place + k))) for k in (0, 1))
        run = space._replace(around={**space.around, by: place}, run=(axis, first, behind))
        _Points(inner, run, memory, loads, stores).run()


def _block(block: Block, memory: Memory, around: Mapping[Axis, int]) -> None:
    """All nests on some rows, then on the next; one part of the rows after the other."""
    for part in range(block.parts):
        inside = around if block.part is None else {**around, block.part: part}
        rounds = _rounds(block, part)
        for k, (start, end) in enumerate(rounds):
            memory.forget(block)
            for nest in block.nests:
                space = Space(inside, block.rows[nest], start, end, k == 0, k == len(rounds) - 1)
                _nest(nest, space, memory)


def _rounds(block: Block, part: int) -> list[tuple[int, int]]:
    """Which rows a part goes through together; the last part has the rest. If it has none at all: no rows."""
    rows, whole = rows_of_part(block), block.size - block.size % block.step
    starts = range(part * rows, min((part + 1) * rows, whole), block.step)
    rest = [(whole, block.size)] if part == block.parts - 1 and whole < block.size else []
    return [(start, start + block.step) for start in starts] + rest or [(0, 0)]


class Space(NamedTuple):
    """Where the loops around a nest are, and which rows of a block are there: the first, the last?

    ``run`` is the axis that is ragged, and where its run begins and ends.
    """

    around: Mapping[Axis, int]
    rows: Axis | None = None
    start: int = 0
    end: int = 0
    begins: bool = True
    ends: bool = True
    run: tuple[Axis | None, int, int] = (None, 0, 0)

    def places(self, axis: Axis) -> Array:
        """Where an axis goes: everywhere, but for the rows of a block and the run of a ragged axis."""
        if axis is self.rows:
            return np.arange(self.start, self.end)
        return np.arange(*self.run[1:]) if axis is self.run[0] else np.arange(axis.size)

    def grid(self, axes: Sequence[Axis]) -> tuple[Array, ...]:
        """The values of axes, turned so that they broadcast against one another."""
        return np.ix_(*map(self.places, axes))


class _Points:
    """All points of a nest at once, and what is known there; what was read and stored before counts, too."""

    def __init__(
        self,
        nest: Nest,
        space: Space,
        memory: Memory,
        loads: _Loads | None = None,
        stores: _Stores | None = None,
    ) -> None:
        grid = space.grid(nest.axes)
        self.nest, self.space, self.memory = nest, space, memory
        self.at: dict[Axis, Any] = {**space.around, **dict(zip(nest.axes, grid, strict=True))}
        self.shape = np.broadcast_shapes(*(a.shape for a in grid))
        self.values: dict[Expr, Any] = {}
        self.loads: _Loads = {} if loads is None else loads
        self.stores: _Stores = {} if stores is None else stores

    def _inside(self, axes: Collection[Axis]) -> Any:
        """Where these axes are within their limits. Outside, zeros are added, or anything is written."""
        kept: Any = np.True_
        for axis in self.nest.limits.keys() & axes:
            by, low, high = self.nest.limits[axis]
            low_here, high_here = np.array(low)[self.at[by]], np.array(high)[self.at[by]]
            kept = kept & (low_here <= self.at[axis]) & (self.at[axis] < high_here)
        return kept

    def run(self) -> None:
        """Work out everything, and then write it."""
        for s in self.nest.statements:
            for root in (s.expr, *loose_in(s.index)):
                for e in walk(root):
                    self.values[e] = self.values[e] if e in self.values else self._value(e)
        for s in self.nest.statements:
            self._write(s)

    def _write(self, s: Statement) -> None:
        if 0 in (n for a, n in zip(self.nest.axes, self.shape, strict=True) if a not in s.over):
            return  # nothing is written
        x, places = np.broadcast_to(self.values[s.expr], self.shape), self._places(s)
        done = True
        if isinstance(s, Fold):
            x, done = self._folded(s, x, places)
        places = np.broadcast_to(places, x.shape)
        self._demand_order(s, places)
        if self.nest.limits:
            x = np.where(self._inside(self.nest.limits.keys() - {*s.over}), x, _wrong(x))
        if isinstance(s, Fold) and s.by_lane:
            x, places = _apart(s, x, places)
        if s.add:
            self.memory.read(s.buffer, places)
            np.add.at(self.memory.of(s.buffer)[0], places, x)
        else:
            self.memory.write(s.buffer, places, x, done)

    def _folded(self, s: Fold, x: Array, places: Any) -> tuple[Array, bool]:
        """The fold; by the rows of a block, into what those before have left, and done with the last."""
        ufunc, over = getattr(np, s.op), tuple(k for k, a in enumerate(self.nest.axes) if a in s.over)
        x = np.where(self._inside(s.over), x, x.dtype.type(0)) if self.nest.limits else x
        nothing = {} if x.size else {"initial": identity(s.op, x.dtype)}
        x = ufunc.reduce(x, axis=over, dtype=x.dtype, keepdims=True, **nothing)
        by_rows = self.space.rows in s.over
        if by_rows and not self.space.begins:
            x = ufunc(self.memory.of(s.buffer)[0][np.broadcast_to(places, x.shape)], x, dtype=x.dtype)
        return x, self.space.ends or not by_rows

    def _demand_order(self, s: Statement, places: Array) -> None:
        """The points may come in any order: none may write what another one writes or has to read."""
        if not s.add and np.unique(places).size < places.size:
            raise CompileError(f"several values are stored in one entry by {s}")
        before = self.stores.setdefault(s.buffer, [])
        if any(np.intersect1d(other, places).size for other, added in before if not (added and s.add)):
            raise CompileError(f"two statements write in one entry: {s}")
        before.append((places, s.add))
        if not all(np.all(np.equal(read, places)) for read in self.loads.get(s.buffer, ())):
            raise CompileError(f"one point may read what another one writes by {s}")

    # --- expressions
    def _value(self, e: Expr) -> Any:
        if isinstance(e, Constant):
            return np.asarray(e.value, e.dtype)
        if isinstance(e, Load):
            return self._load(e)
        if isinstance(e, Cast):
            return self.values[e.arg].astype(e.dtype)
        assert isinstance(e, Apply)
        calc = np.where if e.op == "where" else _TABLE[e.op].calc
        return np.asarray(calc(*(self.values[a] for a in e.args))).astype(e.dtype)

    def _load(self, load: Load) -> Array:
        if 0 in self.shape:  # nothing is read
            return np.empty(self.shape, load.dtype)
        places = self._places(load)
        self.loads.setdefault(load.buffer, []).append(places)
        if not self.nest.limits:
            return self.memory.read(load.buffer, places)
        x, kept = np.zeros(self.shape, load.dtype), np.broadcast_to(self._inside(self.nest.axes), self.shape)
        x[kept] = self.memory.read(load.buffer, np.broadcast_to(places, self.shape)[kept])
        return x

    def _places(self, what: Load | Statement) -> Any:
        """Where the entries are in the memory of the buffer, for each point."""
        buffer, total = what.buffer, np.intp(0)
        for k, (i, n, stride) in enumerate(zip(what.index, buffer.shape, buffer.strides, strict=True)):
            place = self._affine(i)
            if k == buffer.rows and self.space.rows is not None:
                place = place - self.space.start * dict(i.terms).get(self.space.rows, 0)
            if np.size(place) and not (np.min(place) >= 0 and np.max(place) < n):
                raise CompileError(f"a place in {buffer} is outside dimension {k} of size {n}: {i}")
            total = total + place * stride
        return total

    def _affine(self, place: Affine) -> Any:
        fixed = sum((self.at[a] * c for a, c in place.terms), np.intp(place.offset))
        return sum((self.values[e].astype(np.intp) * c for e, c in place.loose), fixed)


def _wrong(x: Array) -> Array:
    """What certainly makes a difference where it is used."""
    return np.full_like(x, np.nan) if x.dtype.kind == "f" else ~x


def _apart(s: Fold, x: Array, places: Array) -> tuple[Array, Array]:
    """The parts of a total, which is as good as any in the first of them."""
    parts = np.full((*x.shape, s.buffer.shape[-1]), getattr(np, s.op).identity, x.dtype)
    parts[..., 0] = x
    return parts, places[..., None] + np.arange(s.buffer.shape[-1]) * s.buffer.strides[-1]


def _call(call: Call, memory: Memory) -> None:
    args = [memory.get(x)[()] if isinstance(x, Buffer) else x for x in call.args]
    value = call.node.op.calc(*args, **call.node.params)
    for buffer, part in zip(call.results, value if type(value) is tuple else (value,), strict=True):
        memory.put(buffer, part)
