"""Where instructions go: the lines of one function, without doing the same work twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from nazad.run.vectormath.form import Form


@dataclass
class Writer:
    """The instructions of one function, for vectors of one width.

    An instruction that was written before is not written again; its value is used. So sin and cos of one
    argument, written by one writer, share the reduction of the argument.

    Parameters
    ----------
    width : int
        Lanes of a vector; 1 for a scalar.
    fma : bool
        Whether the target has fused multiply-add; without it a product and a sum round twice.
    stem : str
        What names begin with; two writers whose lines end up in one function need two stems.

    Attributes
    ----------
    lines : list of str
        What was written.
    declares, needs : set of str, dict
        Declarations of what the lines call, and what defines it; :func:`.emit.support` makes the text.
    block : str
        The label of the block that is being written.

    Examples
    --------
    >>> writer = Writer(4, fma=True)
    >>> writer.write("fadd <4 x double> %x, %y"), writer.write("fadd <4 x double> %x, %y")
    ('%t1', '%t1')
    >>> writer.begin("loop")
    >>> writer.write("fadd <4 x double> %x, %y")
    '%t2'
    """

    width: int
    fma: bool
    stem: str = "t"
    lines: list[str] = field(default_factory=list)
    declares: set[str] = field(default_factory=set)
    needs: dict[str, Callable[[], str]] = field(default_factory=dict)
    block: str = "entry"
    _written: dict[str, str] = field(default_factory=dict)
    _count: int = 0

    def write(self, instruction: str) -> str:
        """Write an instruction without side effects, unless it was written before; the name of its value."""
        if instruction not in self._written:
            self._written[instruction] = self.write_anew(instruction)
        return self._written[instruction]

    def write_anew(self, instruction: str) -> str:
        """Write an instruction; the name of its value."""
        name = self.fresh("%")
        self.lines.append(f"  {name} = {instruction}")
        return name

    def fresh(self, prefix: str = "") -> str:
        """A new name."""
        self._count += 1
        return f"{prefix}{self.stem}{self._count}"

    def begin(self, block: str) -> None:
        """Begin a block to which the last one may lead; values known before may not be known there."""
        self.enter(block)
        self._written.clear()

    def enter(self, block: str) -> None:
        """Begin a block that is reached through the last one only, where all its values are known."""
        self.lines.append(f"{block}:")
        self.block = block

    def type(self, element: str) -> str:
        """The vector type with these elements."""
        return element if self.width == 1 else f"<{self.width} x {element}>"

    def splat(self, element: str, constant: str) -> str:
        """The same constant in every lane."""
        return constant if self.width == 1 else f"splat ({element} {constant})"

    def suffix(self, form: Form) -> str:
        """What intrinsics call the type: v8f64, f32."""
        return form.suffix if self.width == 1 else f"v{self.width}{form.suffix}"
