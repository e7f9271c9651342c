"""Values of a function that is being written, to calculate with.

``x * x + 1`` on :class:`Floats` writes two instructions and is the value of the second. A function of the
library is therefore a Python function that looks like the mathematics, and one text serves every width and
both formats. A choice is a select, made by a :class:`Mask`. Nothing is marked fast: error-free
transformations rely on every rounding.

>>> from nazad.run.vectormath.form import BINARY32
>>> from nazad.run.vectormath.writer import Writer
>>> writer = Writer(4, fma=True)
>>> x = Floats(writer, BINARY32, "%x")
>>> y = x * x + 1.0
>>> print("\\n".join(writer.lines))
  %t1 = fmul <4 x float> %x, %x
  %t2 = fadd <4 x float> %t1, splat (float 0x3FF0000000000000)
"""

from __future__ import annotations

from dataclasses import dataclass

from nazad.run.vectormath.form import BINARY32, BINARY64, Form
from nazad.run.vectormath.writer import Writer


@dataclass(frozen=True, eq=False, slots=True)
class Floats:
    """A vector of floating-point numbers."""

    writer: Writer
    form: Form
    name: str

    @property
    def type(self) -> str:
        return self.writer.type(self.form.type)

    def _new(self, instruction: str) -> Floats:
        return Floats(self.writer, self.form, self.writer.write(instruction))

    def _text(self, other: Floats | float) -> str:
        if isinstance(other, Floats):
            return other.name
        return self.writer.splat(self.form.type, self.form.constant(other))

    def like(self, value: Floats | float) -> Floats:
        """A constant as a vector of this type."""
        return value if isinstance(value, Floats) else Floats(self.writer, self.form, self._text(value))

    def __add__(self, other: Floats | float) -> Floats:
        return self._new(f"fadd {self.type} {self.name}, {self._text(other)}")

    def __sub__(self, other: Floats | float) -> Floats:
        return self._new(f"fsub {self.type} {self.name}, {self._text(other)}")

    def __mul__(self, other: Floats | float) -> Floats:
        return self._new(f"fmul {self.type} {self.name}, {self._text(other)}")

    def __truediv__(self, other: Floats | float) -> Floats:
        return self._new(f"fdiv {self.type} {self.name}, {self._text(other)}")

    def __radd__(self, other: float) -> Floats:
        return self + other

    def __rmul__(self, other: float) -> Floats:
        return self * other

    def __rsub__(self, other: float) -> Floats:
        return self.like(other) - self

    def __rtruediv__(self, other: float) -> Floats:
        return self.like(other) / self

    def __neg__(self) -> Floats:
        return self._new(f"fneg {self.type} {self.name}")

    def __abs__(self) -> Floats:
        return self.intrinsic("fabs")

    def intrinsic(self, name: str, *others: Floats | float) -> Floats:
        """Call an intrinsic of LLVM on vectors of this type."""
        symbol = f"llvm.{name}.{self.writer.suffix(self.form)}"
        types = ", ".join([self.type] * (1 + len(others)))
        self.writer.declares.add(f"declare {self.type} @{symbol}({types})")
        return self.call(symbol, *others)

    def call(self, symbol: str, *others: Floats | float) -> Floats:
        """Call a function of vectors of this type."""
        operands = ", ".join(f"{self.type} {self._text(x)}" for x in (self, *others))
        return self._new(f"call {self.type} @{symbol}({operands})")

    def sqrt(self) -> Floats:
        return self.intrinsic("sqrt")

    def with_sign_of(self, other: Floats) -> Floats:
        """The magnitude of this, the sign of the other: zeros, infinities and nan included."""
        return self.intrinsic("copysign", other)

    def compare(self, predicate: str, other: Floats | float) -> Mask:
        """Compare by one of LLVM's predicates; those that begin with ``o`` are false for a nan."""
        name = self.writer.write(f"fcmp {predicate} {self.type} {self.name}, {self._text(other)}")
        return Mask(self.writer, name)

    def __lt__(self, other: Floats | float) -> Mask:
        return self.compare("olt", other)

    def __le__(self, other: Floats | float) -> Mask:
        return self.compare("ole", other)

    def __gt__(self, other: Floats | float) -> Mask:
        return self.compare("ogt", other)

    def __ge__(self, other: Floats | float) -> Mask:
        return self.compare("oge", other)

    def equals(self, other: Floats | float) -> Mask:
        return self.compare("oeq", other)

    def is_nan(self) -> Mask:
        return self.compare("uno", self)

    def has_sign(self) -> Mask:
        """Whether the sign bit is set, also that of a zero."""
        return self.bits() < 0

    def bits(self) -> Ints:
        """The same bits as integers."""
        name = self.writer.write(f"bitcast {self.type} {self.name} to {self.writer.type(self.form.integer)}")
        return Ints(self.writer, self.form, name)

    def widened(self) -> Floats:
        """In double precision."""
        name = self.writer.write(f"fpext {self.type} {self.name} to {self.writer.type(BINARY64.type)}")
        return Floats(self.writer, BINARY64, name)

    def narrowed(self) -> Floats:
        """Rounded to single precision."""
        name = self.writer.write(f"fptrunc {self.type} {self.name} to {self.writer.type(BINARY32.type)}")
        return Floats(self.writer, BINARY32, name)


@dataclass(frozen=True, eq=False, slots=True)
class Ints:
    """A vector of integers as wide as the floating-point numbers of ``form``."""

    writer: Writer
    form: Form
    name: str

    @property
    def type(self) -> str:
        return self.writer.type(self.form.integer)

    def _text(self, other: Ints | int) -> str:
        if isinstance(other, Ints):
            return other.name
        return self.writer.splat(self.form.integer, str(other))

    def _apply(self, operation: str, other: Ints | int) -> Ints:
        name = self.writer.write(f"{operation} {self.type} {self.name}, {self._text(other)}")
        return Ints(self.writer, self.form, name)

    def __add__(self, other: Ints | int) -> Ints:
        return self._apply("add", other)

    def __sub__(self, other: Ints | int) -> Ints:
        return self._apply("sub", other)

    def __and__(self, other: Ints | int) -> Ints:
        return self._apply("and", other)

    def __xor__(self, other: Ints | int) -> Ints:
        return self._apply("xor", other)

    def __lshift__(self, other: int) -> Ints:
        return self._apply("shl", other)

    def __rshift__(self, other: int) -> Ints:
        """Shift right and keep the sign."""
        return self._apply("ashr", other)

    def compare(self, predicate: str, other: Ints | int) -> Mask:
        """Compare by one of LLVM's predicates."""
        name = self.writer.write(f"icmp {predicate} {self.type} {self.name}, {self._text(other)}")
        return Mask(self.writer, name)

    def __lt__(self, other: Ints | int) -> Mask:
        return self.compare("slt", other)

    def has_bit(self, bit: int) -> Mask:
        """Whether this bit is set."""
        return (self & bit).compare("ne", 0)

    def floats(self) -> Floats:
        """The same bits as floating-point numbers."""
        name = self.writer.write(f"bitcast {self.type} {self.name} to {self.writer.type(self.form.type)}")
        return Floats(self.writer, self.form, name)


@dataclass(frozen=True, eq=False, slots=True)
class Mask:
    """A truth value in every lane."""

    writer: Writer
    name: str

    def _apply(self, operation: str, other: str) -> Mask:
        name = self.writer.write(f"{operation} {self.writer.type('i1')} {self.name}, {other}")
        return Mask(self.writer, name)

    def __and__(self, other: Mask) -> Mask:
        return self._apply("and", other.name)

    def __or__(self, other: Mask) -> Mask:
        return self._apply("or", other.name)

    def __xor__(self, other: Mask) -> Mask:
        return self._apply("xor", other.name)

    def __invert__(self) -> Mask:
        return self._apply("xor", self.writer.splat("i1", "true"))

    def where(self, yes: Floats | float, no: Floats | float) -> Floats:
        """``yes`` in the lanes where this holds, ``no`` in the others; one of them a vector."""
        pattern = yes if isinstance(yes, Floats) else no
        assert isinstance(pattern, Floats)
        return self.choose(pattern.like(yes), pattern.like(no))

    def choose(self, yes: Floats, no: Floats) -> Floats:
        """As ``where``, both of them vectors."""
        mask = f"{self.writer.type('i1')} {self.name}"
        name = self.writer.write(f"select {mask}, {yes.type} {yes.name}, {yes.type} {no.name}")
        return Floats(self.writer, yes.form, name)

    def anywhere(self) -> str:
        """The name of a truth value: whether this holds in any lane."""
        if self.writer.width == 1:
            return self.name
        kind = self.writer.type("i1")
        symbol = f"llvm.vector.reduce.or.v{self.writer.width}i1"
        self.writer.declares.add(f"declare i1 @{symbol}({kind})")
        return self.writer.write(f"call i1 @{symbol}({kind} {self.name})")
