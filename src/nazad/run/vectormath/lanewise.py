"""Vectors that are taken apart: a function of two scalars, called for one lane after the other."""

from __future__ import annotations

from nazad.run.vectormath.writer import Writer


def lanewise(writer: Writer, symbol: str, text: str, element: str, x: str, y: str) -> str:
    """Write a call of a function of two scalars in every lane; the name of its value.

    Parameters
    ----------
    writer : Writer
        Where the call goes; a loop around the function stands beside it in the module.
    symbol, text : str
        The function of scalars, and its definition.
    element : str
        The type of the scalars and of the result.
    x, y : str
        The arguments, vectors of this type.

    Examples
    --------
    >>> writer = Writer(4, fma=True)
    >>> lanewise(writer, "f", "define i64 @f(i64 %a, i64 %b) { ret i64 %a }", "i64", "%x", "%y")
    '%t1'
    >>> writer.lines, list(writer.needs)
    (['  %t1 = call <4 x i64> @f.4(<4 x i64> %x, <4 x i64> %y)'], ['f', 'f.4'])
    """
    kind, called = writer.type(element), needed(writer, symbol, text, element)
    return writer.write(f"call {kind} @{called}({kind} {x}, {kind} {y})")


def needed(writer: Writer, symbol: str, text: str, element: str) -> str:
    """Have the function and its loop stand in the module; the symbol to call."""
    width, whole = writer.width, symbol if writer.width == 1 else f"{symbol}.{writer.width}"
    writer.needs[symbol] = lambda: text
    if width > 1:
        writer.needs[whole] = lambda: _loop(whole, symbol, element, width)
    return whole


def _loop(symbol: str, one: str, element: str, width: int) -> str:
    vector = f"<{width} x {element}>"
    return f"""\
define internal {vector} @{symbol}({vector} %x, {vector} %y) noinline nounwind {{
entry:
  br label %lane
lane:
  %i = phi i32 [0, %entry], [%next, %lane]
  %before = phi {vector} [poison, %entry], [%after, %lane]
  %xi = extractelement {vector} %x, i32 %i
  %yi = extractelement {vector} %y, i32 %i
  %zi = call {element} @{one}({element} %xi, {element} %yi)
  %after = insertelement {vector} %before, {element} %zi, i32 %i
  %next = add i32 %i, 1
  %more = icmp ult i32 %next, {width}
  br i1 %more, label %lane, label %end
end:
  ret {vector} %after
}}"""
