"""Whole functions, and calls of those that are rarely needed."""

from __future__ import annotations

from collections.abc import Callable

from nazad.run.vectormath.form import Form
from nazad.run.vectormath.values import Floats, Mask
from nazad.run.vectormath.writer import Writer

INLINE, COLD = "alwaysinline nounwind", "noinline cold nounwind"
SHARED = "noinline nounwind"
_CROWDED = 1000
"""Lines from which on a function calls what it would have inlined: machine code for straight-line code takes
longer than in proportion."""


def rarely(condition: Mask, y: Floats, symbol: str, *arguments: Floats) -> Floats:
    """y, but where the condition holds in any lane the value of a function that is never inlined.

    For lanes to be independent, that function must give y where the condition does not hold.
    """
    writer, before = y.writer, y.writer.block
    rare, after = writer.fresh("rare."), writer.fresh("after.")
    writer.lines.append(f"  br i1 {condition.anywhere()}, label %{rare}, label %{after}")
    writer.enter(rare)
    operands = ", ".join(f"{x.type} {x.name}" for x in arguments)
    z = writer.write_anew(f"call {y.type} @{symbol}({operands})")
    writer.lines.append(f"  br label %{after}")
    writer.enter(after)
    return Floats(writer, y.form, writer.write_anew(f"phi {y.type} [{y.name}, %{before}], [{z}, %{rare}]"))


def is_crowded(writer: Writer) -> bool:
    """Whether what comes next had better be called than written out once more: in long scalar code."""
    return writer.width == 1 and len(writer.lines) > _CROWDED


def called(name: str, write: Callable[..., Floats], *xs: Floats) -> Floats:
    """The value of a function that stands in the module once."""
    writer, form = xs[0].writer, xs[0].form
    symbol = f"nz.{name}.shared.{writer.suffix(form)}"
    if symbol not in writer.needs:
        own = Writer(writer.width, writer.fma)
        text = definition(symbol, form, len(xs), write, own, SHARED)
        writer.needs |= own.needs
        writer.needs[symbol] = lambda: text
    operands = ", ".join(f"{x.type} {x.name}" for x in xs)
    return Floats(writer, form, writer.write(f"call {xs[0].type} @{symbol}({operands})"))


def definition(
    symbol: str, form: Form, arity: int, write: Callable[..., Floats], writer: Writer, attributes: str = COLD
) -> str:
    """A function as IR text: its declarations, then itself."""
    arguments = [Floats(writer, form, name) for name in ("%a", "%b")[:arity]]
    y = write(*arguments)
    typed = ", ".join(f"{y.type} {x.name}" for x in arguments)
    head = f"define internal {y.type} @{symbol}({typed}) {attributes} {{"
    body = [head, "entry:", *writer.lines, f"  ret {y.type} {y.name}", "}"]
    return "\n".join([*sorted(writer.declares), *body])
