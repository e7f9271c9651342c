"""The loop language: what a compiled function does, without saying on which processor.

A program is a list of *nests*. A nest has axes, which it runs over in any order, and statements, which hold
at every point of that space: *store* an expression in a buffer, or *fold* an expression over some of the axes
into a buffer. An expression is a tree of scalars: constants, loads at places that are affine in the axes (or
are themselves loaded), and elementwise operations under the names of their primitives. Nothing here is ever
differentiated; derivatives are written out in the graph before.

A *block* runs several nests over a few rows at a time, so that what one leaves for the next stays in the
cache. A *call* is an operation that has no loops: it runs in NumPy, or in BLAS.

Print a program to read it; :mod:`nazad.run.spec` says what it means.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from nazad.graph import Node, Where

_WIDE = 200  # characters from which on a part of an expression gets a line of its own


@dataclass(frozen=True, eq=False, slots=True)
class Axis:
    """A range of integers from 0 that a nest runs over; compared by identity."""

    name: str
    size: int

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Affine:
    """A place along one dimension: a sum of axes times whole numbers, and an offset.

    ``loose`` has whole numbers that are worked out on the spot, each with its factor: places that an index
    array names.

    Examples
    --------
    >>> i, j = Axis("i", 4), Axis("j", 3)
    >>> place = Affine.of(i) * 3 + Affine.of(j) + 1
    >>> place, place.range
    (3*i + j + 1, (1, 12))
    """

    terms: tuple[tuple[Axis, int], ...] = ()
    offset: int = 0
    loose: tuple[tuple[Expr, int], ...] = ()

    @classmethod
    def of(cls, axis: Axis) -> Affine:
        return cls(((axis, 1),))

    @classmethod
    def read(cls, expr: Expr) -> Affine:
        """A place that an expression says."""
        return cls((), 0, ((expr, 1),))

    def __add__(self, other: Affine | int) -> Affine:
        if isinstance(other, int):
            return Affine(self.terms, self.offset + other, self.loose)
        sums = dict(self.terms)
        for axis, c in other.terms:
            sums[axis] = sums.get(axis, 0) + c
        terms = tuple((a, c) for a, c in sums.items() if c)
        return Affine(terms, self.offset + other.offset, self.loose + other.loose)

    def __mul__(self, factor: int) -> Affine:
        terms = tuple((a, c * factor) for a, c in self.terms if factor)
        return Affine(terms, self.offset * factor, tuple((e, c * factor) for e, c in self.loose if factor))

    @property
    def range(self) -> tuple[int, int]:
        """The least and the greatest value, of what is not loose."""
        reach = [c * (a.size - 1) for a, c in self.terms]
        low = sum(r for r in reach if r < 0)
        return self.offset + low, self.offset + sum(r for r in reach if r > 0)

    @property
    def axis(self) -> Axis | None:
        """The axis that this place is, without factor and offset; None if it is none."""
        ((axis, c),) = self.terms if len(self.terms) == 1 else ((None, 0),)
        return axis if c == 1 and self.offset == 0 and not self.loose else None

    def split(self, size: int) -> tuple[Affine, Affine] | None:
        """Quotient and remainder by a size, where both are affine; None where they are not."""
        if any(c % size for _, c in self.loose):
            return None
        high = tuple((a, c // size) for a, c in self.terms if c % size == 0)
        loose = tuple((e, c // size) for e, c in self.loose)
        low = Affine(tuple((a, c) for a, c in self.terms if c % size), self.offset % size)
        least, most = low.range
        return (Affine(high, self.offset // size, loose), low) if least >= 0 and most < size else None

    def renamed(self, axes: Mapping[Axis, Axis]) -> Affine:
        return Affine(tuple((axes.get(a, a), c) for a, c in self.terms), self.offset, self.loose)

    def __repr__(self) -> str:
        parts = [f"{c}*{a}" if c != 1 else str(a) for a, c in self.terms]
        parts += [f"{c}*{e!r}" if c != 1 else repr(e) for e, c in self.loose]
        parts += [str(self.offset)] if self.offset or not parts else []
        return " + ".join(parts).replace("+ -", "- ")


Index = tuple[Affine, ...]
"""A place in a buffer, one for each dimension."""


@dataclass(eq=False)
class Buffer:
    """A piece of memory with a shape, laid out in the order of ``order``, the last one closest together.

    Attributes
    ----------
    kind : str
        ``input``, ``output``, ``constant``, or ``local``.
    number : int
        Which input, output or constant; for a local buffer its first byte in the scratch memory.
    rows : int or None
        The dimension of which a block keeps only a few rows at a time.
    owner : Block, Loop or None
        What writes it anew on each of its rounds; nothing outside reads it.
    step : int or None
        Entries from one part to the next, where the first dimension counts the parts of a block.
    is_open : bool
        Whether a vector may have any number of entries: the shape says how many there were at first.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    kind: str = "local"
    number: int = -1
    order: tuple[int, ...] = ()
    rows: int | None = None
    value: Any = None
    owner: Any = None
    step: int | None = None
    is_open: bool = False

    @property
    def strides(self) -> tuple[int, ...]:
        """Entries from one place to the next, for each dimension."""
        strides, step = [0] * len(self.shape), 1
        for k in reversed(self.order or range(len(self.shape))):
            strides[k] = step
            step *= self.shape[k]
        if self.step is not None:
            strides[0] = self.step
        return tuple(strides)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def __repr__(self) -> str:
        return self.name


@dataclass(eq=False, slots=True)
class Expr:
    """A scalar at every point of a nest's space; compared by identity."""

    dtype: np.dtype[Any]


@dataclass(eq=False, slots=True)
class Constant(Expr):
    """A number."""

    value: Any

    def __repr__(self) -> str:
        return repr(self.value.item() if isinstance(self.value, np.generic) else self.value)


@dataclass(eq=False, slots=True)
class Load(Expr):
    """An entry of a buffer."""

    buffer: Buffer
    index: Index

    def __repr__(self) -> str:
        return f"{self.buffer}[{', '.join(map(repr, self.index))}]" if self.index else f"{self.buffer}"


@dataclass(eq=False, slots=True)
class Apply(Expr):
    """An elementwise operation under the name of its primitive, on arguments in the dtypes it runs in."""

    op: str
    args: tuple[Expr, ...]
    where: Where | None = None

    def __repr__(self) -> str:
        return f"{self.op}({', '.join(map(repr, self.args))})"


@dataclass(eq=False, slots=True)
class Cast(Expr):
    """The same number in another dtype."""

    arg: Expr

    def __repr__(self) -> str:
        return f"{self.dtype}({self.arg!r})"


@dataclass(eq=False)
class Store:
    """``buffer[index] = expr`` everywhere, or ``+=`` with ``add``."""

    buffer: Buffer
    index: Index
    expr: Expr
    add: bool = False

    over: tuple[Axis, ...] = ()

    @property
    def left(self) -> str:
        """What stands on the left."""
        return f"{Load(self.buffer.dtype, self.buffer, self.index)} {'+' if self.add else ''}= "

    def __repr__(self) -> str:
        return "; ".join(written([self]))


@dataclass(eq=False)
class Fold:
    """``buffer[index] = op over axes of expr``: add, multiply, maximum, minimum, logical_and, logical_or."""

    buffer: Buffer
    index: Index
    expr: Expr
    op: str
    over: tuple[Axis, ...]
    by_lane: bool = False
    """Whether the buffer has one dimension more, along which the parts of the total are kept apart: how, is
    left open; only their total means anything."""

    add: bool = False

    @property
    def left(self) -> str:
        """What stands on the left."""
        place = Load(self.buffer.dtype, self.buffer, self.index)
        return f"{place} = {self.op} over {', '.join(map(repr, self.over))} of "

    def __repr__(self) -> str:
        return "; ".join(written([self]))


Statement = Store | Fold


class Limit(NamedTuple):
    """The part of an axis that counts, for each place on another axis: from low up to high, without it."""

    by: Axis
    low: tuple[int, ...]
    high: tuple[int, ...]

    def tiled(self, by: int, step: int, size: int) -> Limit:
        """For several places at a time on the other axis, and in whole steps on this one."""
        starts = range(0, len(self.low), by)
        low = [min(self.low[k : k + by]) // step * step for k in starts for _ in range(by)]
        high = [min(-(-max(self.high[k : k + by]) // step) * step, size) for k in starts for _ in range(by)]
        n = len(self.low)
        return Limit(
            self.by, tuple(low[:n]), tuple(max(a, b) for a, b in zip(low[:n], high[:n], strict=True))
        )


class Ragged(NamedTuple):
    """The run of an axis that each place on another one has to itself, up to the start of the next one's."""

    by: Axis
    starts: Buffer
    most: int | None
    """How far runs go at most; None where the last start says it, for which the caller vouches."""

    @property
    def place(self) -> Index:
        """The farther of the two places at which starts are read."""
        return (Affine.of(self.by) + 1,)

    def __repr__(self) -> str:
        return f"{self.starts}[{self.by}]..{self.starts}[{self.by} + 1]"


@dataclass(eq=False)
class Nest:
    """Statements that hold at every point of a space.

    Attributes
    ----------
    ragged : dict
        Axes that have another run for each place on another axis, as the entries of a sparse matrix have for
        each of its rows; outside of it there are no points.
    limits : dict
        Parts of axes outside which there are only zeros to add, or results that nobody uses: points that may
        be left out.
    nodes : list of Node
        The nodes of the graph that it works out, for reports.
    """

    axes: list[Axis]
    statements: list[Statement]
    nodes: list[Node] = field(default_factory=list)
    limits: dict[Axis, Limit] = field(default_factory=dict)
    ragged: dict[Axis, Ragged] = field(default_factory=dict)

    @property
    def uneven(self) -> set[Axis]:
        """Axes whose places are gone through one after another: ragged ones, and those by which they are."""
        return {*self.ragged, *(r.by for r in self.ragged.values())}

    @property
    def points(self) -> int:
        """How many points its space has; a place whose run is empty counts as one."""
        runs = {r.by: max(a.size, r.by.size) for a, r in self.ragged.items()}
        sizes = [runs.get(a, a.size) for a in self.axes if a not in self.ragged]
        return int(np.prod(sizes, dtype=np.int64))

    def __str__(self) -> str:
        ranges = [f"{a} in {self.ragged[a]}" if a in self.ragged else f"{a}<{a.size}" for a in self.axes]
        head = f"for {', '.join(ranges)}:" if ranges else "once:"
        head += "".join(f"  # {a} limited by {limit.by}" for a, limit in self.limits.items())
        return "\n".join([head, *(f"    {line}" for line in written(self.statements))])


@dataclass(eq=False)
class Block:
    """Nests that run together on ``step`` rows at a time; ``rows`` has the axis that counts them in each.

    The blocks of rows are dealt out to ``parts`` that may run at the same time; the axis ``part`` says in
    places which one it is.
    """

    size: int
    step: int
    nests: list[Nest]
    rows: dict[Nest, Axis]
    parts: int = 1
    part: Axis | None = None

    def __str__(self) -> str:
        parts = f" in {self.parts} parts" if self.parts > 1 else ""
        head = f"for rows<{self.size} by {self.step}{parts}:"
        inside = [f"    {line}" for nest in self.nests for line in str(nest).split("\n")]
        return "\n".join([head, *inside])


@dataclass(eq=False)
class Loop:
    """Items that run once for each value of an axis, one after another."""

    axis: Axis
    items: list[Item]
    nodes: list[Node] = field(default_factory=list)

    def __str__(self) -> str:
        inside = [f"    {line}" for item in self.items for line in str(item).split("\n")]
        return "\n".join([f"loop {self.axis}<{self.axis.size}:", *inside])


@dataclass(eq=False)
class Call:
    """An operation that runs in NumPy between native parts."""

    node: Node
    args: list[Any]
    results: list[Buffer]

    def __str__(self) -> str:
        args = ", ".join(map(repr, self.args))
        return f"{', '.join(map(repr, self.results))} = numpy {self.node.op.name}({args})"


Item = Nest | Block | Loop | Call


@dataclass
class Program:
    """A whole function: its buffers and, in order, what happens to them.

    Attributes
    ----------
    ok : Buffer or None
        Where it says, at the end, whether all guards held.
    scratch : int
        Bytes of memory for local buffers.
    """

    inputs: list[Buffer]
    outputs: list[Buffer]
    constants: list[Buffer]
    items: list[Item]
    ok: Buffer | None = None
    locals: list[Buffer] = field(default_factory=list)
    scratch: int = 0

    def __str__(self) -> str:
        groups = (("input", self.inputs), ("constant", self.constants), ("output", self.outputs))
        lines = [f"{kind} {b}: {described(b)}" for kind, group in groups for b in group]
        lines += [f"local {b}: {described(b)}" for b in self.locals]
        return "\n".join([*lines, *(str(item) for item in self.items)])


def written(statements: Sequence[Statement]) -> list[str]:
    """The statements as lines; what is long, or stands in several places, is written once under a name."""
    roots = [s.expr for s in statements]
    exprs = {id(e): e for root in roots for e in walk(root)}
    uses = Counter(id(a) for e in exprs.values() for a in args_of(e)) + Counter(map(id, roots))
    names: dict[int, str] = {}
    lines: list[str] = []
    for s in statements:
        for e in walk(s.expr):
            if id(e) in names:
                continue
            text = _shown(e, names)
            is_deep = isinstance(e, Apply) and any(isinstance(a, Apply) for a in e.args)
            if (uses[id(e)] > 1 and is_deep) or len(text) > _WIDE:
                names[id(e)] = f"u{sum(line.startswith('u') for line in lines)}"
                lines.append(f"{names[id(e)]} = {text}")
            else:
                names[id(e)] = text
        lines.append(s.left + names[id(s.expr)])
    return lines


def _shown(e: Expr, names: Mapping[int, str]) -> str:
    if isinstance(e, Apply):
        return f"{e.op}({', '.join(names[id(a)] for a in e.args)})"
    return f"{e.dtype}({names[id(e.arg)]})" if isinstance(e, Cast) else repr(e)


def described(buffer: Buffer) -> str:
    """Dtype and shape; an order of dimensions that is not the usual one."""
    order = f" in order {list(buffer.order)}" if buffer.order != tuple(range(len(buffer.shape))) else ""
    shape = "[any]" if buffer.is_open else list(buffer.shape)
    return f"{buffer.dtype}{shape}{order if buffer.order else ''}"


def nests_of(items: Iterable[Item]) -> Iterator[Nest]:
    """All nests, also those in blocks and loops."""
    for item in items:
        if isinstance(item, Nest):
            yield item
        elif isinstance(item, Block):
            yield from item.nests
        elif isinstance(item, Loop):
            yield from nests_of(item.items)


def walk(*exprs: Expr) -> Iterator[Expr]:
    """Expressions and all in them, each once, arguments first; they may have much in common."""
    seen: set[int] = set()
    todo: list[tuple[Expr, bool]] = [(expr, False) for expr in reversed(exprs)]
    while todo:
        e, done = todo.pop()
        if done:
            yield e
        elif id(e) not in seen:
            seen.add(id(e))
            todo.append((e, True))
            todo += [(a, False) for a in reversed(args_of(e))]


def args_of(expr: Expr) -> Sequence[Expr]:
    """What an expression is made of."""
    if isinstance(expr, Apply):
        return expr.args
    if isinstance(expr, Cast):
        return (expr.arg,)
    if isinstance(expr, Load):
        return loose_in(expr.index)
    return ()


def loose_in(index: Index) -> list[Expr]:
    """What has to be worked out to know a place."""
    return [e for i in index for e, _ in i.loose]


def parts_of(statement: Statement) -> list[Expr]:
    """What a statement stores, and what has to be worked out to know where."""
    return [statement.expr, *loose_in(statement.index)]


def loads_of(*statements: Statement) -> Iterator[Load]:
    """Everything that statements read."""
    return (e for e in walk(*[part for s in statements for part in parts_of(s)]) if isinstance(e, Load))


def buffers_of(item: Item) -> list[Buffer]:
    """What an item reads or writes, each once."""
    if isinstance(item, Call):
        return [*(b for b in item.args if isinstance(b, Buffer)), *item.results]
    found: dict[Buffer, None] = {}
    for nest in nests_of([item]):
        found.update((s.buffer, None) for s in nest.statements)
        found.update((load.buffer, None) for load in loads_of(*nest.statements))
        found.update((r.starts, None) for r in nest.ragged.values())
    return list(found)


def is_here(load: Load, axes: Sequence[Axis]) -> bool:
    """Whether a load reads at the place that all the axes stand for, in order."""
    pairs = list(zip(load.index, load.buffer.shape, strict=True))
    wide = [i.axis for i, n in pairs if n != 1]
    return wide == list(axes) and all(i == Affine() for i, n in pairs if n == 1)
