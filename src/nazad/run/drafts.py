"""Drafts of nests: how many points a space has, and a function that writes the statements for its axes.

:mod:`nazad.run.schedule` puts drafts of equal sizes together before it has them written, so that what they
have in common is worked out once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from nazad.graph import Node
from nazad.run.bounds import Bound
from nazad.run.buffers import Buffers
from nazad.run.expressions import Expressions, cast
from nazad.run.loops import Axis, Buffer, Call, Constant, Expr, Index, Statement, Store, is_here, loads_of
from nazad.run.places import places, sizes_of


class Draft(NamedTuple):
    """Statements to be written, once it is known for which axes."""

    node: Node
    sizes: tuple[int, ...]
    write: Callable[[Expressions, Sequence[Axis]], list[Statement]]
    buffer: Buffer
    kind: str = "part"
    """``whole`` if it writes its whole buffer once, entry by entry; ``fold``; ``product``, a sum of products,
    which is scheduled by itself; ``part`` or ``add`` if others write into the buffer too; ``carry`` if it
    overwrites what has been read before."""
    limits: tuple[tuple[int, int, Bound], ...] = ()
    """Of a product: the number of an axis, that of the axis that limits it, and how."""
    starts: Buffer | None = None
    """Where each place on the first axis begins its run of the second, which is ragged then."""
    is_open: bool = False
    """Whether the caller vouches for the end of the last run."""

    def reads(self, buffers: Buffers) -> dict[Buffer, bool]:
        """What it reads, and whether only at the place that its axes stand for."""
        axes = axes_of(self.sizes)
        found: dict[Buffer, bool] = {}
        for statement in self.write(Expressions(buffers), axes):
            for load in loads_of(statement):
                found[load.buffer] = found.get(load.buffer, True) and is_here(load, axes)
        return found if self.starts is None else found | {self.starts: False}

    @property
    def is_alone(self) -> bool:
        """Whether it becomes a nest by itself."""
        return self.kind == "product" or self.starts is not None


class LoopDraft(NamedTuple):
    """A loop to be written: what its steps do, and which buffers it reads and writes outside of them."""

    node: Node
    axis: Axis
    reads: list[Buffer]
    results: list[Buffer]
    inner: Buffers
    drafts: list[AnyDraft]


AnyDraft = Draft | Call | LoopDraft


def stored(
    v: Node,
    shape: tuple[int, ...],
    out: Buffer,
    value: Callable[[Expressions, Index], Expr],
    into: Callable[[Index], Index] = lambda place: place,
    kind: str = "part",
) -> Draft:
    """A draft that goes through an array of this shape, and stores a value for each place in it."""

    def write(expressions: Expressions, axes: Sequence[Axis]) -> list[Statement]:
        place = places(shape, axes)
        return [Store(out, into(place), cast(value(expressions, place), out.dtype))]

    return Draft(v, sizes_of(shape), write, out, kind)


def copy(v: Node, out: Buffer) -> Draft:
    """A draft that writes the whole value of a node, from what it is made of."""
    return stored(v, out.shape, out, lambda e, place: e.defined(v, place, out), kind="whole")


def zero(v: Node, out: Buffer) -> Draft:
    """A draft that sets a buffer to zero, for others to add to."""
    return stored(v, out.shape, out, lambda e, place: Constant(out.dtype, out.dtype.type(0)))


def axes_of(sizes: Sequence[int]) -> list[Axis]:
    """Fresh axes of these sizes."""
    return [Axis("ijklmnopqrst"[k] if k < 12 else f"i{k}", n) for k, n in enumerate(sizes)]
