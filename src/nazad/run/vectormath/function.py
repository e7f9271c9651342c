"""Whole functions, and calls of those that are rarely needed."""

from __future__ import annotations

from collections.abc import Callable

from nazad.run.vectormath.form import Form
from nazad.run.vectormath.values import Floats, Mask
from nazad.run.vectormath.writer import Writer

INLINE, COLD = "alwaysinline nounwind", "noinline cold nounwind"


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
