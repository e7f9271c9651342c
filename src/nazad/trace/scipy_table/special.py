"""From :mod:`scipy.special` to primitives: its ufuncs, and its functions made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from scipy import special as sc

from nazad.graph import Value
from nazad.ops import elementwise
from nazad.ops.special import TABLE
from nazad.ops.special.family import Part
from nazad.trace.numpy_table.dispatch import UFUNCS


def _enter(table: Iterable[Any]) -> None:
    """Every ufunc is known by the primitive that is made from it, or by those of its results."""
    parts: dict[np.ufunc, dict[int, Any]] = {}
    for op in table:
        if isinstance(op.calc, Part):
            parts.setdefault(op.calc.ufunc, {})[op.calc.place] = op
        elif isinstance(op.calc, np.ufunc):
            UFUNCS[op.calc] = op
    for ufunc, found in parts.items():
        UFUNCS[ufunc] = _together([found[k] for k in sorted(found)])


def _together(parts: Sequence[Any]) -> Callable[..., tuple[Value, ...]]:
    return lambda *xs: tuple([op(*xs) for op in parts])


_enter(TABLE.values())
UFUNCS[sc.expm1] = elementwise.expm1
UFUNCS[sc.log1p] = elementwise.log1p
UFUNCS[sc.exp2] = elementwise.exp2
UFUNCS[sc.cbrt] = elementwise.cbrt
UFUNCS[sc.round] = elementwise.rint
