"""The table of primitives, by family: elementwise, parts, reduction, structure, ..."""

from __future__ import annotations

from types import ModuleType

from nazad.graph import Primitive
from nazad.ops import contraction, elementwise, families, fourier, order, parts, reduction, structure

ROOMS: tuple[ModuleType, ...] = (elementwise, parts, reduction, structure, order, contraction, fourier)


def table() -> dict[str, Primitive]:
    """Every primitive of the library by name, in the order of its room."""
    found: dict[str, Primitive] = {"chain": families.chain}
    for room in ROOMS:
        found |= {
            name: op for name, op in vars(room).items() if isinstance(op, Primitive) and op.name == name
        }
    return found


def __getattr__(name: str) -> Primitive:
    if name in _TABLE:
        return _TABLE[name]
    raise AttributeError(f"module {__name__!r} has no primitive {name!r}")


_TABLE = table()

__all__ = ["ROOMS", "table"]
