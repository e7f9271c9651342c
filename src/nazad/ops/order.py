"""Where entries belong in an order: whole numbers, without derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from nazad.graph import Value
from nazad.ops.families import Linear, Paired


def _searchsorted(a: Value, v: Value, side: Any) -> Value:
    return np.searchsorted(a, v, side=side)


searchsorted = Linear("searchsorted", _searchsorted, None, None)
argpartition = Paired(
    "argpartition",
    lambda x, kth, axis: np.argpartition(x, kth, axis=axis),
    lambda x_dot, y, x, kth, axis: None,
    lambda y_bar, y, x, kth, axis: None,
    batch=lambda op, xs, batched, params: op(xs[0], **(params | {"axis": params["axis"] + 1})),
)
