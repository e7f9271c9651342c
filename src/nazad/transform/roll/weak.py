"""Python numbers among arrays: where may one be kept in an array without changing what comes out?

A Python number takes on the precision of what it meets; kept in an array it has a precision of its own. It
makes no difference where all floating-point numbers of the graph are of double precision. Otherwise it is
known for arithmetic and comparisons: there the number is rounded to the precision of the other argument.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nazad.transform.roll.columns import Columns, Numbers

if TYPE_CHECKING:
    from nazad.transform.roll.arrange import Reads

_COMPARISONS = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}
_PLAIN = {"add", "subtract", "multiply", "divide", "chain", "maximum", "minimum"} | _COMPARISONS
_DOUBLE = np.dtype(float)
_UNIT: dict[str, Any] = {"f": 1.0, "i": 1}


class Weakness:
    """Which Python numbers of a graph may get a dtype, and which."""

    def __init__(self, columns: Columns) -> None:
        self.c = columns
        self.any = any(kind.weak for kind in columns.kinds)
        self.all_double = all(kind.dtype == _DOUBLE for kind in columns.kinds if kind.dtype.kind in "fc")

    def dtype_at(self, node: int, argument: int) -> np.dtype[Any] | None:
        """The dtype in which a node reads a Python number as this argument; None where it is not known."""
        begin, end = self.c.first[node], self.c.first[node + 1]
        kinds = [self.c.kind_of(p) for p in self.c.preds[begin:end]]
        kind = kinds[argument]
        if kind.dtype.kind not in _UNIT:
            return None
        strong = [k.dtype for a, k in enumerate(kinds) if a != argument and not k.weak]
        if strong and self.c.nodes[node].op.name in _PLAIN:
            found = np.result_type(_UNIT[kind.dtype.kind], *strong)
            return found if found.kind == kind.dtype.kind or found.kind == "f" else None
        return _DOUBLE if self.all_double and kind.dtype == _DOUBLE else None

    def may_become(self, number: int, carried: int, reads: Reads, j: int, rows: Numbers) -> bool:
        """Whether an initial value may be cast to the kind that a carry has afterwards."""
        first, later = self.c.kind_of(number), self.c.kind_of(carried)
        if not first.weak or later.weak or later.shape:
            return False
        user = rows[0, reads.place[j]]
        return self.dtype_at(user, reads.argument[j]) == later.dtype

    def allows(self, reads: Reads, rows: Numbers) -> bool:
        """Whether all Python numbers that differ from step to step may be kept in arrays."""
        if not self.any:
            return True
        for j in reads.moving.tolist():
            kind = self.c.kind_of(reads.preds[0, j])
            if kind.weak:
                dtype = self.dtype_at(rows[0, reads.place[j]], reads.argument[j])
                kept = (reads.owner[:, j] >= 0).any()  # by another loop, in the dtype that NumPy gives it
                if dtype is None or (kept and dtype != kind.dtype):
                    return False
        return True
