"""Python's builtins that look at types, or at the frame of their caller."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from nazad.trace.follow.standins import on_traced, stands_in_for
from nazad.trace.inside import plain
from nazad.trace.running import RESOLVER

_MISSING = object()


@on_traced(type)
def _type(x: Any, *rest: Any) -> Any:
    return type(plain(x), *rest)


@on_traced(hasattr)
def _hasattr(x: Any, name: str) -> bool:
    return hasattr(plain(x), name)


@on_traced(getattr)
def _getattr(x: Any, name: str, *default: Any) -> Any:
    return getattr(x if hasattr(plain(x), name) else plain(x), name, *default)


@on_traced(np.isscalar)
def _isscalar(x: Any) -> bool:
    return np.isscalar(plain(x))


@stands_in_for(locals)
def _locals() -> dict[str, Any]:
    names = sys._getframe(1).f_locals
    return {name: value for name, value in names.items() if name != RESOLVER} if RESOLVER in names else names


@stands_in_for(vars)
def _vars(*of: Any) -> Any:
    return vars(*of) if of else {k: v for k, v in sys._getframe(1).f_locals.items() if k != RESOLVER}


@stands_in_for(dir)
def _dir(*of: Any) -> list[str]:
    return dir(*of) if of else sorted(name for name in sys._getframe(1).f_locals if name != RESOLVER)
