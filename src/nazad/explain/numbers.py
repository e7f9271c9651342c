"""Values as short texts, and as what JSON can hold."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nazad.graph import Node, Value, Where

_FEW = 6  # entries that are shown one by one
_WHOLE = 64  # entries that go into data one by one


def number(x: Any) -> str:
    """A number with six digits.

    Examples
    --------
    >>> number(np.log(2)), number(10.0), number(-0.0), number(True), number(0.5 - 2j)
    ('0.693147', '10', '0', 'True', '(0.5-2j)')
    """
    value = x.item() if hasattr(x, "item") else x
    if isinstance(value, complex):
        return f"({value + 0.0:.6g})"
    if isinstance(value, float):
        return f"{value + 0.0:.6g}"  # no minus zero
    return str(value)


def short(x: Value) -> str:
    """A value in a line: a number, a few numbers, or shape, dtype and range.

    Examples
    --------
    >>> short(np.array([1.0, 0.25])), short(np.eye(2))
    ('[1, 0.25]', '[[1, 0], [0, 1]]')
    >>> short(np.arange(10.0))
    'float64[10]: min 0, mean 4.5, max 9'
    """
    if type(x) is tuple:  # of an operation with several results, in which None stands for zero
        return f"({', '.join('0' if each is None else short(each) for each in x)})"
    if np.ndim(x) == 0:
        return number(x)
    if 0 < np.size(x) <= _FEW:
        return _listed(np.asarray(x).tolist())
    kind = f"{x.dtype}{list(x.shape)}"
    facts = summary(x)
    return f"{kind}: {', '.join(f'{k} {number(a)}' for k, a in facts.items())}" if facts else kind


def summary(x: np.ndarray[Any, Any]) -> dict[str, float]:
    """The least, the mean and the greatest entry; nothing where there are none, or none in order.

    Examples
    --------
    >>> summary(np.array([1.0, 2.0, 6.0]))
    {'min': 1.0, 'mean': 3.0, 'max': 6.0}
    """
    if not x.size or x.dtype.kind not in "biuf":
        return {}
    with np.errstate(all="ignore"):
        return {"min": x.min().item(), "mean": x.mean().item(), "max": x.max().item()}


def _listed(entries: Any) -> str:
    if isinstance(entries, list):
        return f"[{', '.join(map(_listed, entries))}]"
    return f"{entries + 0.0:.4g}" if isinstance(entries, float) else str(entries)


def plain(x: Any) -> Any:
    """Anything of a story as dicts, lists, texts and finite numbers.

    Examples
    --------
    >>> plain({"x": np.array([1.0, np.inf])})
    {'x': {'shape': [2], 'dtype': 'float64', 'entries': [1.0, 'inf']}}
    """
    if isinstance(x, (np.ndarray, np.generic)):
        return _array(x) if x.ndim else plain(x.item())
    if isinstance(x, float):
        return x if math.isfinite(x) else str(x)
    if x is None or isinstance(x, (bool, int, str)):
        return x
    return _record(x)


def _record(x: Any) -> Any:
    if isinstance(x, Node):
        return x.op.name
    if isinstance(x, Where):
        return {"file": x.file, "line": x.line, "function": x.function, "source": x.source}
    if dataclasses.is_dataclass(x):
        return {name: plain(getattr(x, name)) for name in dir(x) if not name.startswith("_")}
    if isinstance(x, Mapping):
        return {str(k): plain(a) for k, a in x.items()}
    return [plain(a) for a in x] if isinstance(x, Sequence) else str(x)


def _array(x: Any) -> dict[str, Any]:
    outline = {"shape": list(x.shape), "dtype": str(x.dtype)}
    return outline | ({"entries": plain(x.tolist())} if x.size <= _WHOLE else plain(summary(x)))
