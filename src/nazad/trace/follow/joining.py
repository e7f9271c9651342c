"""``np.r_`` and ``np.c_``, which join what stands in brackets behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nazad.errors import TraceError
from nazad.graph import here, rank_of
from nazad.trace.follow.resolve import helper
from nazad.trace.inside import any_traced
from nazad.trace.nested import nested
from nazad.trace.running import current, held


@helper
def joining(maker: Any) -> Any:
    """What stands before the brackets: one of the two, or something of the user's."""
    known = current() is not None and (maker is np.r_ or maker is np.c_)
    return _Joining(maker, _line if maker is np.r_ else _column) if known else maker


class _Joining:
    """Joins lines, or columns, some of which may be traced."""

    def __init__(self, maker: Any, shaped: Callable[[Any], Any]) -> None:
        self._maker, self._shaped = maker, shaped

    def __getitem__(self, key: Any) -> Any:
        if not any_traced(key):
            return held(self._maker[key])
        parts = key if isinstance(key, tuple) else (key,)
        if isinstance(parts[0], str):
            raise TraceError(
                f"a traced value was joined by np.r_[{parts[0]!r}, ...]", "Use np.concatenate.", here()
            )
        lines = [np.r_[part] if isinstance(part, slice) else nested(part) for part in parts]
        return np.concatenate([self._shaped(line) for line in lines], axis=0 if self._maker is np.r_ else -1)


def _line(x: Any) -> Any:
    return np.atleast_1d(x)


def _column(x: Any) -> Any:
    return np.reshape(x, (-1, 1)) if rank_of(x) < 2 else x
