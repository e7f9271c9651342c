"""What the loop language means: a program run in plain NumPy, slowly and without a doubt.

Whatever the compiler makes of a program has to give what :func:`evaluate` gives. So there is nothing clever
here. An axis is an array of its integers, turned so that the axes of a nest broadcast against one another; a
load picks from memory at such places, an operation is the primitive's own ``calc``, a fold is the ``reduce`` of
a ufunc.

Memory is flat, as it is for machine code, and keeps note of what has been written. A program is wrong that
reads an entry nobody has written, goes outside a dimension, or stores two values in one entry: it would give
something, and nobody knows what.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad import ops
from nazad.errors import CompileError
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
    Nest,
    Program,
    Statement,
    walk,
)

Array = np.ndarray[Any, Any]
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
            run(item, memory)
    return [memory.get(buffer) for buffer in program.outputs]


class Memory:
    """The entries of each buffer, side by side in the order in which they lie, and which have been written."""

    def __init__(self) -> None:
        self._entries: dict[Buffer, Array] = {}
        self._written: dict[Buffer, Array] = {}

    def entries(self, buffer: Buffer) -> Array:
        root = buffer.root
        if root not in self._entries:
            self._entries[root] = np.empty(root.size, root.dtype)
            self._written[root] = np.zeros(root.size, np.bool_)
        return self._entries[root]

    def written(self, buffer: Buffer) -> Array:
        self.entries(buffer)
        return self._written[buffer.root]

    def put(self, buffer: Buffer, value: Any) -> None:
        """Write a whole buffer."""
        places = everywhere(buffer)
        self.entries(buffer)[places] = np.broadcast_to(np.asarray(value), buffer.shape)
        self.written(buffer)[places] = True

    def get(self, buffer: Buffer) -> Array:
        """Read a whole buffer."""
        return self.read(buffer, everywhere(buffer))

    def read(self, buffer: Buffer, places: Any) -> Array:
        missing = np.asarray(places)[~self.written(buffer)[places]]
        if missing.size:
            raise CompileError(f"entry {missing.flat[0]} of {buffer} was read and not written")
        return np.asarray(self.entries(buffer)[places])


def everywhere(buffer: Buffer) -> Array:
    """Where each entry of a buffer is in its memory."""
    steps = [np.arange(n) * s for n, s in zip(buffer.shape, buffer.strides, strict=True)]
    return np.asarray(sum(np.ix_(*steps), np.zeros(buffer.shape, np.intp)))


def run(item: Item, memory: Memory) -> None:
    """Run one item of a program."""
    if isinstance(item, Call):
        _call(item, memory)
    elif isinstance(item, Block):
        _block(item, memory)
    else:
        for s in item.statements:
            _statement(s, Space.of(item.axes), memory)


class Space(NamedTuple):
    """The points at which statements hold: which integers each axis stands for.

    Attributes
    ----------
    rows : Axis or None
        The axis that counts the rows of a block, of which only some are there at the moment.
    start : int
        The first of them.
    is_last : bool
        Whether no more will come.
    """

    grid: dict[Axis, Array]
    rows: Axis | None = None
    start: int = 0
    is_last: bool = True

    @classmethod
    def of(cls, axes: Sequence[Axis], rows: Axis | None = None, start: int = 0, end: int = 0) -> Space:
        steps = [np.arange(start, end) if a is rows else np.arange(a.size) for a in axes]
        last = rows is None or end == rows.size
        return cls(dict(zip(axes, np.ix_(*steps), strict=True)), rows, start, last)

    @property
    def shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(*(a.shape for a in self.grid.values()))

    def at(self, place: Affine) -> Any:
        return sum((self.grid[a] * c for a, c in place.terms), np.intp(place.offset))


# --- statements
def _statement(s: Statement, space: Space, memory: Memory) -> None:
    """Work out the value everywhere, and write it where it belongs."""
    values = _values((s.expr, *(i for i in s.index if isinstance(i, Expr))), space, memory)
    x = np.broadcast_to(values[s.expr], space.shape)
    places = _places(s.buffer, s.index, values, space)
    if isinstance(s, Fold):
        _fold(s, x, places, space, memory)
    elif s.add:
        memory.read(s.buffer, places)
        np.add.at(memory.entries(s.buffer), np.broadcast_to(places, space.shape), x)
    else:
        _store(s, x, np.broadcast_to(places, space.shape), memory)


def _store(s: Statement, x: Array, places: Array, memory: Memory) -> None:
    if np.unique(places).size < places.size:
        raise CompileError(f"several values are stored in one entry by {s}")
    memory.entries(s.buffer)[places] = x
    memory.written(s.buffer)[places] = True


def _fold(s: Fold, x: Array, places: Any, space: Space, memory: Memory) -> None:
    """Fold; over the rows of a block, into what those before have left, and it is done with the last."""
    ufunc, over = getattr(np, s.op), tuple(k for k, a in enumerate(space.grid) if a in s.over)
    x = ufunc.reduce(x, axis=over, dtype=x.dtype, keepdims=True)
    places = np.broadcast_to(places, x.shape)
    by_rows = space.rows in s.over
    if by_rows and space.start > 0:
        x = ufunc(memory.entries(s.buffer)[places], x, dtype=x.dtype)
    _store(s, x, places, memory)
    if by_rows:
        memory.written(s.buffer)[places] = space.is_last


# --- expressions
def _values(roots: Iterable[Expr], space: Space, memory: Memory) -> dict[Expr, Any]:
    """The values of expressions and of all in them, as arrays that broadcast to the shape of the space."""
    values: dict[Expr, Any] = {}
    for root in roots:
        for e in walk(root):
            if e not in values:
                values[e] = _value(e, values, space, memory)
    return values


def _value(e: Expr, values: Mapping[Expr, Any], space: Space, memory: Memory) -> Any:
    if isinstance(e, Constant):
        return np.asarray(e.value, e.dtype)
    if isinstance(e, Load):
        return memory.read(e.buffer, _places(e.buffer, e.index, values, space))
    if isinstance(e, Cast):
        return values[e.arg].astype(e.dtype)
    assert isinstance(e, Apply)
    calc = np.where if e.op == "where" else _TABLE[e.op].calc
    return np.asarray(calc(*(values[a] for a in e.args))).astype(e.dtype)


def _places(buffer: Buffer, index: Sequence[Affine | Expr], values: Mapping[Expr, Any], space: Space) -> Any:
    """Where the entries are in the memory of a buffer, for each point."""
    total: Any = np.intp(0)
    for k, (place, n, stride) in enumerate(zip(index, buffer.shape, buffer.strides, strict=True)):
        at = space.at(place) if isinstance(place, Affine) else values[place].astype(np.intp)
        if k == buffer.rows and isinstance(place, Affine):
            at = at - space.start * dict(place.terms).get(space.rows, 0)
        if np.size(at) and not (np.min(at) >= 0 and np.max(at) < n):
            raise CompileError(f"a place in {buffer} is outside dimension {k} of size {n}: {place}")
        total = total + at * stride
    return total


# --- blocks and calls
def _block(block: Block, memory: Memory) -> None:
    """All nests on some rows, then on the next; what is kept for these rows alone is forgotten each time."""
    for start in range(0, block.size, block.step):
        for buffer in _kept_for_rows(block):
            memory.written(buffer)[...] = False
        end = min(start + block.step, block.size)
        for nest in block.nests:
            for s in nest.statements:
                _statement(s, Space.of(nest.axes, block.rows[nest], start, end), memory)


def _kept_for_rows(block: Block) -> Iterator[Buffer]:
    return (s.buffer for nest in block.nests for s in nest.statements if s.buffer.rows is not None)


def _call(call: Call, memory: Memory) -> None:
    args = [memory.get(x)[()] if isinstance(x, Buffer) else x for x in call.args]
    value = call.node.op.calc(*args, **call.node.params)
    for buffer, part in zip(call.results, value if len(call.results) > 1 else (value,), strict=True):
        memory.put(buffer, part)
