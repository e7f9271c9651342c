"""The table of primitives, by family: elementwise, parts, reduction, structure, ...

Rooms of primitives from optional libraries (:mod:`nazad.ops.special`) announce themselves when they are
imported, which is when a function of that library is first met.
"""

from __future__ import annotations

from types import ModuleType

from nazad.graph import Primitive
from nazad.ops import (
    contraction,
    elementwise,
    families,
    fourier,
    linalg,
    marks,
    order,
    parts,
    reduction,
    sparse,
    structure,
    writing,
)

ROOMS: tuple[ModuleType, ...] = (
    elementwise,
    parts,
    reduction,
    structure,
    writing,
    order,
    contraction,
    fourier,
    sparse,
    marks,
    *linalg.ROOMS,
)

_TABLE: dict[str, Primitive] = {"chain": families.chain}


def announce(*rooms: ModuleType) -> dict[str, Primitive]:
    """Enter the primitives of some rooms in the table, and return them."""
    everything = [pair for room in rooms for pair in vars(room).items()]
    own = {name: op for name, op in everything if isinstance(op, Primitive) and op.name == name}
    _TABLE.update(own)
    return own


def table() -> dict[str, Primitive]:
    """Every primitive of the library by name, in the order of its room; it grows when a room is announced."""
    return _TABLE


def __getattr__(name: str) -> Primitive:
    if name in _TABLE:
        return _TABLE[name]
    raise AttributeError(f"module {__name__!r} has no primitive {name!r}")


announce(*ROOMS)

__all__ = ["ROOMS", "announce", "table"]
