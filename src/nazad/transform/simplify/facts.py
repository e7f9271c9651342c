"""Facts: what holds for every entry of a node, whatever the leaves are.

A small abstract interpretation, forward. Each fact is one bit, and all but the first hold for entries that
are no nan, so that ``|tanh(x)| <= 1`` can be said although x may be nan. Finite means NUMBER and BOUNDED.
Leaves are unknown but for what their dtype says. A product of finite numbers may overflow and is not proven
finite; a product of others than zero may underflow and is not proven to be other than zero. Of float16, whose
range is left by numbers as small as 70000, nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nazad.graph import CONSTANT, LEAF, PYTHON_NUMBERS, Graph, Node, Value, dtype_of
from nazad.transform.simplify.keys import SMALL
from nazad.transform.simplify.kinds import name_of

NUMBER = 1  # no entry is nan
BOUNDED = 2  # none is infinite
NONZERO = 4  # none equals zero
NONNEGATIVE = 8  # none is below zero; one may be -0.0
NONPOSITIVE = 16  # none is above zero
PLUS = 32  # none is -0.0
UNIT = 64  # none is above 1 in size
ONE = 128  # each is 1
FINITE = NUMBER | BOUNDED
_UNKNOWN = 0
_ALL = 255

_BY_DTYPE = {
    "b": FINITE | NONNEGATIVE | PLUS | UNIT,
    "u": FINITE | NONNEGATIVE | PLUS,
    "i": FINITE | PLUS,
}
Facts = int
Rule = Callable[[Sequence[Facts], Node], Facts]


def facts_in(graph: Graph, F: Mapping[Node, Value]) -> dict[Node, Facts]:
    """What is known of each node's entries.

    Parameters
    ----------
    graph : Graph
        The computation.
    F : mapping
        The values of its nodes at some point; of these only constants, shapes and dtypes are used.

    Returns
    -------
    dict
        For each node the sum of the bits named in this module.

    Examples
    --------
    >>> import nazad as nz
    >>> G = nz.trace(lambda x: np.square(np.tanh(x)), np.ones(3))
    >>> known = facts_in(G, G.forward([np.ones(3)]))[G.sinks[0]]
    >>> known == BOUNDED | NONNEGATIVE | PLUS | UNIT  # no NUMBER, since x may be nan
    True
    """
    known: dict[Node, Facts] = {}
    for v in graph.nodes:
        known[v] = facts_of(v, name_of(v.op), F, known)
    return known


def facts_of(v: Node, name: str, F: Mapping[Node, Value], known: Mapping[Node, Facts]) -> Facts:
    """The facts of one node, from those of its predecessors."""
    y = F[v]
    if v.op is CONSTANT:
        return facts_of_constant(y)
    dtype = getattr(y, "dtype", None)
    if dtype is None:  # a Python number, or several values at once
        return _UNKNOWN
    if dtype.kind != "f":
        moved = _SAME.get(name)
        base = _BY_DTYPE.get(dtype.kind, _UNKNOWN)
        return base if moved is None else base | moved([known[p] for p in v.preds], v)
    rule = None if v.op is LEAF else _RULES.get(name)
    if rule is None or dtype.itemsize < 4:
        return _UNKNOWN
    if name == "astype":
        return _of_cast(known[v.preds[0]], dtype_of(F[v.preds[0]]), dtype)
    if name == "sum":
        return _of_sum(known[v.preds[0]])
    return _closed(rule([known[p] for p in v.preds], v))


def _closed(m: Facts) -> Facts:
    return m | BOUNDED if m & UNIT else m


def facts_of_constant(value: Value) -> Facts:
    """What can be seen by looking. A Python number takes part as float64 or, rounded, as float32."""
    if type(value) in PYTHON_NUMBERS:
        try:
            number = np.asarray(value, np.float64)
        except OverflowError:  # a whole number beyond the range of floats
            return _UNKNOWN
        with np.errstate(all="ignore"):
            return looked_at(number) & looked_at(number.astype(np.float32))
    if isinstance(value, (np.ndarray, np.generic)) and value.nbytes <= SMALL and value.dtype.kind in "biuf":
        return looked_at(np.asarray(value))
    return _BY_DTYPE.get(dtype_of(value).kind, _UNKNOWN)


def looked_at(x: np.ndarray[Any, Any]) -> Facts:
    if x.dtype.kind != "f":
        x = x.astype(float)
    tests = [
        (NUMBER, ~np.isnan(x)),
        (BOUNDED, ~np.isinf(x)),
        (NONZERO, x != 0),
        (NONNEGATIVE, ~(x < 0)),
        (NONPOSITIVE, ~(x > 0)),
        (PLUS, (x != 0) | ~np.signbit(x)),
        (UNIT, ~(np.abs(x) > 1)),
        (ONE, x == 1),
    ]
    return sum(bit for bit, holds in tests if holds.all())


def _of_cast(m: Facts, source: np.dtype[Any], target: np.dtype[Any]) -> Facts:
    """To a narrower format numbers may overflow and underflow."""
    if source.kind != "f" or source.itemsize <= target.itemsize:
        return m
    kept = NUMBER | NONNEGATIVE | NONPOSITIVE | UNIT | ONE | (PLUS if m & NONNEGATIVE else 0)
    return _closed(m & kept)


def _of_sum(m: Facts) -> Facts:
    """Numbers of both signs may overflow to both infinities, whose sum is nan; numbers up to 1 do not."""
    out = m & (NONNEGATIVE | NONPOSITIVE | PLUS)
    if m & NUMBER and m & (NONNEGATIVE | NONPOSITIVE | UNIT):
        out |= NUMBER
    return out | (BOUNDED if m & UNIT else 0)


# --- entrywise
def _keeps(bits: Facts, adds: Facts = 0) -> Rule:
    return lambda m, v: m[0] & bits | adds


def _product_is_number(a: Facts, b: Facts) -> bool:
    """No nan, and no zero meets an infinity."""
    return bool(a & b & NUMBER and (a & NONZERO or b & BOUNDED) and (b & NONZERO or a & BOUNDED))


def _signs(a: Facts, b: Facts) -> Facts:
    """The sign of a product or quotient, by the rule of signs."""
    if a & b & NONNEGATIVE:
        return NONNEGATIVE | (a & b & PLUS)
    if a & b & NONPOSITIVE:
        return NONNEGATIVE
    opposite = (a & NONNEGATIVE and b & NONPOSITIVE) or (a & NONPOSITIVE and b & NONNEGATIVE)
    return NONPOSITIVE if opposite else 0


def _multiply(m: Sequence[Facts], v: Node) -> Facts:
    a, b = m
    if v.preds[0] is v.preds[1]:
        return _square(m, v)
    out = _signs(a, b) | (a & b & UNIT)
    if a & b & BOUNDED and (a | b) & UNIT:
        out |= BOUNDED
    return out | (NUMBER if _product_is_number(a, b) else 0)


def _chain(m: Sequence[Facts], v: Node) -> Facts:
    out = _multiply(m, v)
    return out | NUMBER if m[0] & m[1] & NUMBER else out


def _add(m: Sequence[Facts], v: Node) -> Facts:
    a, b = m
    out = a & b & (NONNEGATIVE | NONPOSITIVE) | (a | b) & PLUS
    if out & (NONNEGATIVE | NONPOSITIVE):
        out |= (a | b) & NONZERO
    if a & b & NUMBER and (out & (NONNEGATIVE | NONPOSITIVE) or (a | b) & BOUNDED):
        out |= NUMBER
    return out | (BOUNDED if a & b & UNIT else 0)


def _subtract(m: Sequence[Facts], v: Node) -> Facts:
    a, b = m
    out = _add((a, _negated(b)), v)
    if a & b & UNIT and a & b & NONNEGATIVE:
        out |= UNIT
    return out | (NONNEGATIVE if a & ONE and b & UNIT else 0)


def _negated(m: Facts) -> Facts:
    out = m & (NUMBER | BOUNDED | NONZERO | UNIT)
    if m & NONNEGATIVE:
        out |= NONPOSITIVE
    if m & NONPOSITIVE:
        out |= NONNEGATIVE
    return out | (PLUS if m & NONZERO else 0)


def _divide(m: Sequence[Facts], v: Node) -> Facts:
    a, b = m
    out = _signs(a, b) if b & NONZERO or (a & b & NONNEGATIVE and b & PLUS) else 0
    safe = (a | b) & NONZERO and (a | b) & BOUNDED
    return out | (NUMBER if a & b & NUMBER and safe else 0)


def _square(m: Sequence[Facts], v: Node) -> Facts:
    return m[0] & (NUMBER | UNIT) | NONNEGATIVE | PLUS


def _exp(m: Sequence[Facts], v: Node) -> Facts:
    out = m[0] & NUMBER | NONNEGATIVE | PLUS
    if m[0] & NONPOSITIVE:
        out |= UNIT
    return out | (BOUNDED | NONZERO if m[0] & UNIT else 0)


def _sqrt(m: Sequence[Facts], v: Node) -> Facts:
    out = m[0] & (BOUNDED | NONZERO | PLUS | UNIT) | NONNEGATIVE
    return out | (m[0] & NUMBER if m[0] & NONNEGATIVE else 0)


def _log(m: Sequence[Facts], v: Node) -> Facts:
    return m[0] & NUMBER if m[0] & NONNEGATIVE else 0


def _wave(m: Sequence[Facts], v: Node) -> Facts:
    """Sine and cosine, which are nan at infinity."""
    return UNIT | (NUMBER if m[0] & FINITE == FINITE else 0)


def _maximum(m: Sequence[Facts], v: Node) -> Facts:
    either = (m[0] | m[1]) & NONNEGATIVE
    above = any(x & NONZERO and x & NONNEGATIVE for x in m)
    return m[0] & m[1] & ~ONE | either | (NONZERO | PLUS if above else 0)


def _minimum(m: Sequence[Facts], v: Node) -> Facts:
    either = (m[0] | m[1]) & NONPOSITIVE
    below = any(x & NONZERO and x & NONPOSITIVE for x in m)
    return m[0] & m[1] & ~ONE | either | (NONZERO | PLUS if below else 0)


def _of_all(m: Sequence[Facts], v: Node) -> Facts:
    """What every argument has."""
    out = _ALL
    for each in m:
        out &= each
    return out


_SAME: dict[str, Rule] = {
    **dict.fromkeys(("reshape", "transpose", "broadcast_to", "take", "sort"), lambda m, v: m[0]),
    **dict.fromkeys(("concatenate", "stack"), _of_all),
    "where": lambda m, v: m[1] & m[2],
}
"""Entries moved about: every fact goes with them, of whole numbers too."""

_RULES: dict[str, Rule] = {
    **_SAME,
    **dict.fromkeys(("max", "min"), lambda m, v: m[0]),
    **dict.fromkeys(("sum", "astype"), lambda m, v: m[0]),  # these two need to know more
    "scatter": lambda m, v: PLUS,
    "multiply": _multiply,
    "chain": _chain,
    "add": _add,
    "subtract": _subtract,
    "divide": _divide,
    "negative": lambda m, v: _negated(m[0]),
    "square": _square,
    **dict.fromkeys(("absolute", "fabs"), _keeps(NUMBER | BOUNDED | NONZERO | UNIT, NONNEGATIVE | PLUS)),
    **dict.fromkeys(("exp", "exp2"), _exp),
    **dict.fromkeys(("log", "log2", "log10"), _log),
    "log1p": lambda m, v: m[0] & (NUMBER | NONNEGATIVE) if m[0] & NONNEGATIVE else 0,
    "sqrt": _sqrt,
    **dict.fromkeys(("sin", "cos"), _wave),
    "tanh": _keeps(NUMBER | NONNEGATIVE | NONPOSITIVE, UNIT),
    "arctan": _keeps(NUMBER | NONNEGATIVE | NONPOSITIVE, BOUNDED),
    "sign": _keeps(NUMBER | NONZERO | NONNEGATIVE | NONPOSITIVE, UNIT),
    "cosh": _keeps(NUMBER, NONZERO | NONNEGATIVE | PLUS),
    **dict.fromkeys(("floor", "ceil", "rint", "trunc"), _keeps(NUMBER | BOUNDED | NONNEGATIVE | NONPOSITIVE)),
    "winner": lambda m, v: FINITE | NONNEGATIVE | PLUS | UNIT,
    "maximum": _maximum,
    "minimum": _minimum,
    "hypot": lambda m, v: NONNEGATIVE | PLUS | (m[0] & m[1] & NUMBER),
}
