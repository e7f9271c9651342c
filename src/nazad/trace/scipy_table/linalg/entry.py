"""How a function of SciPy becomes a rule: without what only says how memory and LAPACK are used."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from nazad.graph import Value, rank_of
from nazad.ops import structure
from nazad.trace import scipy_table
from nazad.trace.numpy_table.dispatch import full_name, unsupported

_IDLE = {"overwrite_a", "overwrite_b", "overwrite_ab", "check_finite", "lapack_driver", "driver", "lwork"}
_IDLE |= {"workers", "disp", "blocksize", "method", "balanced"}


def rule(function: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a rule whose parameters are some of SciPy's, by name; the others must have their defaults."""
    signature = inspect.signature(function)

    def enter(implementation: Callable[..., Any]) -> Callable[..., Any]:
        taken = inspect.signature(implementation).parameters

        def bound(*args: Any, **kwargs: Any) -> Any:
            given = signature.bind(*args, **kwargs).arguments
            for name, value in given.items():
                is_idle = name in _IDLE or value is signature.parameters[name].default
                if name not in taken and not is_idle:
                    raise unsupported(full_name(function), name)
            return implementation(**{name: value for name, value in given.items() if name in taken})

        scipy_table.rule(function)(bound)
        return implementation

    return enter


def on_columns(solve: Callable[[Value], Value], b: Value) -> Value:
    """What takes matrices, on a vector as well."""
    return solve(b[:, None])[..., 0] if rank_of(b) == 1 else solve(b)


def rows_of(x: Value, order: Value) -> Any:
    """Rows in a traced order; an ordinary array that is indexed by one would ask for it."""
    return structure.take(x, order, template=(structure.ARRAY,))
