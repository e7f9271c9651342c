"""What the loop language means: a program run in plain NumPy, slowly and without a doubt.

Whatever the compiler makes of a program has to give what :func:`evaluate` gives. So there is nothing clever
here: an axis is an array of its integers, turned so that the axes of a nest broadcast against one another; a
load picks from memory at such places; an operation is the primitive's own ``calc``, a fold the ``reduce`` of
a ufunc. Memory is flat, as it is for machine code, and notes what has been written. A program that reads an
entry nobody has written, goes outside a dimension, or stores several values in one entry, is wrong.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
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
    >>> from nazad.run.loops import Nest, Store
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
    """The entries of each buffer, in the order in which they lie, and which of them have been written."""

    def __init__(self) -> None:
        self._known: dict[Buffer, tuple[Array, Array]] = {}

    def of(self, buffer: Buffer) -> tuple[Array, Array]:
        """Entries, and whether each has been written."""
        root = buffer.root
        if root not in self._known:
            self._known[root] = np.empty(root.size, root.dtype), np.zeros(root.size, np.bool_)
        return self._known[root]

    def write(self, buffer: Buffer, places: Array, x: Any, done: bool = True) -> None:
        entries, written = self.of(buffer)
        entries[places], written[places] = x, done

    def read(self, buffer: Buffer, places: Any) -> Array:
        entries, written = self.of(buffer)
        missing = np.asarray(places)[~written[places]]
        if missing.size:
            raise CompileError(f"entry {missing.flat[0]} of {buffer} was read and not written")
        return np.asarray(entries[places])

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
    """The integers that each axis stands for; of the rows of a block, only those that run at the moment."""

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
    values: dict[Expr, Any] = {}
    for root in (s.expr, *(i for i in s.index if isinstance(i, Expr))):
        for e in walk(root):
            values[e] = values[e] if e in values else _value(e, values, space, memory)
    x, places = np.broadcast_to(values[s.expr], space.shape), _places(s, values, space)
    if isinstance(s, Fold):
        _fold(s, x, places, space, memory)
        return
    places = np.broadcast_to(places, space.shape)
    if s.add:
        memory.read(s.buffer, places)
        np.add.at(memory.of(s.buffer)[0], places, x)
    elif np.unique(places).size < places.size:
        raise CompileError(f"several values are stored in one entry by {s}")
    else:
        memory.write(s.buffer, places, x)


def _fold(s: Fold, x: Array, places: Any, space: Space, memory: Memory) -> None:
    """Fold; over the rows of a block, into what those before have left, and it is done with the last."""
    ufunc, over = getattr(np, s.op), tuple(k for k, a in enumerate(space.grid) if a in s.over)
    x = ufunc.reduce(x, axis=over, dtype=x.dtype, keepdims=True)
    places = np.broadcast_to(places, x.shape)
    by_rows = space.rows in s.over
    if by_rows and space.start > 0:
        x = ufunc(memory.of(s.buffer)[0][places], x, dtype=x.dtype)
    if np.unique(places).size < places.size:
        raise CompileError(f"several values are stored in one entry by {s}")
    memory.write(s.buffer, places, x, done=space.is_last or not by_rows)


# --- expressions
def _value(e: Expr, values: Mapping[Expr, Any], space: Space, memory: Memory) -> Any:
    if isinstance(e, Constant):
        return np.asarray(e.value, e.dtype)
    if isinstance(e, Load):
        return memory.read(e.buffer, _places(e, values, space))
    if isinstance(e, Cast):
        return values[e.arg].astype(e.dtype)
    assert isinstance(e, Apply)
    calc = np.where if e.op == "where" else _TABLE[e.op].calc
    return np.asarray(calc(*(values[a] for a in e.args))).astype(e.dtype)


def _places(what: Load | Statement, values: Mapping[Expr, Any], space: Space) -> Any:
    """Where the entries are in the memory of the buffer, for each point."""
    buffer, total = what.buffer, np.intp(0)
    for k, (place, n, stride) in enumerate(zip(what.index, buffer.shape, buffer.strides, strict=True)):
        at = space.at(place) if isinstance(place, Affine) else values[place].astype(np.intp)
        if k == buffer.rows and isinstance(place, Affine) and space.rows is not None:
            at = at - space.start * dict(place.terms).get(space.rows, 0)
        if np.size(at) and not (np.min(at) >= 0 and np.max(at) < n):
            raise CompileError(f"a place in {buffer} is outside dimension {k} of size {n}: {place}")
        total = total + at * stride
    return total


# --- blocks and calls
def _block(block: Block, memory: Memory) -> None:
    """All nests on some rows, then on the next; what is kept for these rows alone is forgotten each time."""
    for start in range(0, block.size, block.step):
        space = functools.partial(Space.of, start=start, end=min(start + block.step, block.size))
        statements = [(nest, s) for nest in block.nests for s in nest.statements]
        for _, s in statements:
            if s.buffer.rows is not None:
                memory.of(s.buffer)[1][...] = False
        for nest, s in statements:
            _statement(s, space(nest.axes, block.rows[nest]), memory)


def _call(call: Call, memory: Memory) -> None:
    args = [memory.get(x)[()] if isinstance(x, Buffer) else x for x in call.args]
    value = call.node.op.calc(*args, **call.node.params)
    for buffer, part in zip(call.results, value if len(call.results) > 1 else (value,), strict=True):
        memory.put(buffer, part)
