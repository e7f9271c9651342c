"""Integers to calculate with, as wide as a NumPy dtype and signed as it is; sums and products wrap."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from nazad.run.vectormath.values import Floats, Mask
from nazad.run.vectormath.writer import Writer


@dataclass(frozen=True, eq=False, slots=True)
class Whole:
    """A vector of integers of one dtype.

    Examples
    --------
    >>> writer = Writer(4, fma=True)
    >>> x = Whole(writer, np.dtype("uint8"), "%x")
    >>> mask = (x + 1).compare("lt", 200)
    >>> print("\\n".join(writer.lines))
      %t1 = add <4 x i8> %x, splat (i8 1)
      %t2 = icmp ult <4 x i8> %t1, splat (i8 -56)
    """

    writer: Writer
    dtype: np.dtype[Any]
    name: str

    @property
    def bits(self) -> int:
        return 8 * self.dtype.itemsize

    @property
    def signed(self) -> bool:
        return self.dtype.kind == "i"

    @property
    def element(self) -> str:
        return f"i{self.bits}"

    @property
    def type(self) -> str:
        return self.writer.type(self.element)

    @property
    def least(self) -> int:
        """The least number of the dtype."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    def like(self, value: Whole | int) -> Whole:
        """A constant as a vector of this type."""
        if isinstance(value, Whole):
            return value
        half = 1 << (self.bits - 1)
        text = str((value + half) % (2 * half) - half)
        return Whole(self.writer, self.dtype, self.writer.splat(self.element, text))

    def named(self, name: str) -> Whole:
        """Another vector of this type."""
        return Whole(self.writer, self.dtype, name)

    def apply(self, operation: str, other: Whole | int) -> Whole:
        """An instruction of two vectors of this type."""
        return self.named(self.writer.write(f"{operation} {self.type} {self.name}, {self.like(other).name}"))

    def __add__(self, other: Whole | int) -> Whole:
        return self.apply("add", other)

    def __sub__(self, other: Whole | int) -> Whole:
        return self.apply("sub", other)

    def __mul__(self, other: Whole | int) -> Whole:
        return self.apply("mul", other)

    def __and__(self, other: Whole | int) -> Whole:
        return self.apply("and", other)

    def __or__(self, other: Whole | int) -> Whole:
        return self.apply("or", other)

    def __xor__(self, other: Whole | int) -> Whole:
        return self.apply("xor", other)

    def __lshift__(self, other: Whole | int) -> Whole:
        return self.apply("shl", other)

    def __rshift__(self, other: Whole | int) -> Whole:
        """Shift right; a signed number keeps its sign."""
        return self.apply("ashr" if self.signed else "lshr", other)

    def __neg__(self) -> Whole:
        return self.like(0) - self

    def __abs__(self) -> Whole:
        """The magnitude; the least number stays as it is."""
        return pick(self.is_negative(), -self, self) if self.signed else self

    def compare(self, predicate: str, other: Whole | int) -> Mask:
        """``eq`` and ``ne``, or ``lt``, ``le``, ``gt`` and ``ge`` by the rules of this dtype."""
        if predicate not in {"eq", "ne"}:
            predicate = ("s" if self.signed else "u") + predicate
        name = self.writer.write(f"icmp {predicate} {self.type} {self.name}, {self.like(other).name}")
        return Mask(self.writer, name)

    def is_negative(self) -> Mask:
        return self.compare("lt", 0)

    def resized(self, dtype: Any) -> Whole:
        """As another integer type: the low bits, or the same number where it is wider."""
        dtype = np.dtype(dtype)
        change = dtype.itemsize - self.dtype.itemsize
        if change == 0:
            return Whole(self.writer, dtype, self.name)
        operation = "trunc" if change < 0 else "sext" if self.signed else "zext"
        target = self.writer.type(f"i{8 * dtype.itemsize}")
        name = self.writer.write(f"{operation} {self.type} {self.name} to {target}")
        return Whole(self.writer, dtype, name)

    def ones(self) -> Whole:
        """How many bits are set."""
        suffix = self.element if self.writer.width == 1 else f"v{self.writer.width}{self.element}"
        symbol = f"llvm.ctpop.{suffix}"
        self.writer.declares.add(f"declare {self.type} @{symbol}({self.type})")
        return self.named(self.writer.write(f"call {self.type} @{symbol}({self.type} {self.name})"))


Value = Floats | Whole | Mask
"""A vector to calculate with, of any kind."""


def type_of(x: Value) -> str:
    """The type that a vector has in IR.

    Examples
    --------
    >>> type_of(Mask(Writer(8, fma=True), "%m"))
    '<8 x i1>'
    """
    return x.writer.type("i1") if isinstance(x, Mask) else x.type


Kind = TypeVar("Kind", Floats, Whole, Mask)


def pick(mask: Mask, yes: Kind, no: Kind) -> Kind:
    """``yes`` in the lanes where the mask holds, ``no`` in the others."""
    kind = type_of(yes)
    choice = f"select {type_of(mask)} {mask.name}, {kind} {yes.name}, {kind} {no.name}"
    return replace(yes, name=yes.writer.write(choice))
