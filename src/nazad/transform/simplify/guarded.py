"""The product of the chain rule, in which a zero annihilates, where no zero can meet anything to annihilate.

``chain(a, b)`` differs from ``a * b`` only where one factor is zero and the other infinite or nan. So it is
an ordinary product if neither pairing can occur: (a is nowhere zero, or b is finite) and the same with a and
b exchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nazad.graph import Node, Value
from nazad.transform.simplify.arithmetic import is_zero, kind_of
from nazad.transform.simplify.facts import FINITE, NONZERO
from nazad.transform.simplify.rules import rule

if TYPE_CHECKING:
    from nazad.transform.simplify.walk import Bench


@rule("chain")
def chained_with_one(bench: Bench, v: Node, y: Value) -> Node | None:
    """chain(1, d) = d, chain(-1, d) = -d."""
    for factor, d in (v.preds, v.preds[::-1]):
        number = bench.uniform.get(factor)
        if number is not None and number == 1:
            return bench.fitted(d, y)
        if number is not None and number == -1 and kind_of(y) in "fi":
            return bench.new("negative", d)
    return None


@rule("chain")
def nothing_to_annihilate(bench: Bench, v: Node, y: Value) -> Node | None:
    """chain(a, b) = a * b where no zero can meet an infinity or a nan."""
    a, b = v.preds
    if kind_of(y) == "f" and y.dtype.itemsize < 4:
        return None  # the facts of a Python number are those of its float32
    left, right = bench.facts[a], bench.facts[b]
    if (left & NONZERO or right & FINITE == FINITE) and (right & NONZERO or left & FINITE == FINITE):
        return bench.new("multiply", a, b)
    return None


@rule("chain", exact=False)
def annihilated(bench: Bench, v: Node, y: Value) -> Node | None:
    """chain(0, d) = 0, whatever d is; that the zero is 0.0 rather than -0.0 is not exact."""
    if not any(is_zero(bench.uniform.get(p)) for p in v.preds) or kind_of(y) == "P":
        return None
    return bench.new("broadcast_to", bench.constant(y.dtype.type(0)), shape=y.shape)
