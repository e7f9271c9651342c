"""Dispatch: a function of NumPy called on traced values finds its rule, or an error that helps."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nazad import ops
from nazad.errors import NoRuleError, TraceError
from nazad.graph import Value, here, rank_of, shape_of

UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    op.calc: op for op in ops.table().values() if isinstance(op.calc, np.ufunc)
}
FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {}
UFUNC_METHODS: dict[tuple[np.ufunc, str], Callable[..., Any]] = {}
_PARAMETERS: dict[Callable[..., Any], frozenset[str]] = {}


def rule(*functions: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a rule for one or several NumPy functions."""

    def enter(implementation: Callable[..., Any]) -> Callable[..., Any]:
        for function in functions:
            FUNCTIONS[function] = implementation
            _PARAMETERS[function] = _parameters(implementation)
        return implementation

    return enter


def _parameters(implementation: Callable[..., Any]) -> frozenset[str]:
    code = getattr(implementation, "__code__", None)  # inspect.signature would be a fifth of the import
    return frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code else ())


def call_function(function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Apply the rule of a NumPy function, or say that there is none."""
    implementation = FUNCTIONS.get(function)
    if implementation is None:
        raise no_rule(_full_name(function))
    for name in kwargs.keys() - _PARAMETERS[function] if kwargs else ():
        if kwargs[name] is None or kwargs[name] is np._NoValue:
            kwargs = {k: v for k, v in kwargs.items() if k != name}
        else:
            raise unsupported(_full_name(function), name)
    return implementation(*args, **kwargs)


def call_ufunc(ufunc: np.ufunc, method: str, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Apply a ufunc, or one of its methods, to traced values."""
    for name in kwargs:
        if name not in ("axis", "keepdims", "dtype") or method == "__call__":
            if name == "where" and kwargs[name] is True:
                continue
            raise unsupported(f"np.{ufunc.__name__}", name)
    if method == "__call__":
        op = UFUNCS.get(ufunc)
        if op is None:
            raise no_rule(f"np.{ufunc.__name__}" if hasattr(np, ufunc.__name__) else ufunc.__name__)
        return op(*inputs)
    derived = UFUNC_METHODS.get((ufunc, method))
    if derived is not None:
        return derived(*inputs, **kwargs)
    if method == "outer":
        return _outer(ufunc, *inputs)
    raise no_rule(f"np.{ufunc.__name__}.{method}")


def _outer(ufunc: np.ufunc, a: Value, b: Value) -> Value:
    return ufunc(np.reshape(a, (*shape_of(a), *(1,) * rank_of(b))), b)


def _full_name(function: Callable[..., Any]) -> str:
    module = getattr(function, "__module__", "numpy") or "numpy"
    return f"{module.replace('numpy', 'np', 1)}.{function.__name__}"


def no_rule(name: str) -> NoRuleError:
    return NoRuleError(f"{name} has no derivative rule in nazad yet", nearest(name.split(".")[-1]), here())


def unsupported(name: str, keyword: str) -> TraceError:
    remedy = {
        "out": "Take the returned array instead of writing into one.",
        "where": "Choose with np.where afterwards.",
    }.get(keyword, "Leave it out.")
    return TraceError(f"{name}({keyword}=) cannot be traced", remedy, here())


def nearest(name: str) -> str:
    """The nearest thing that works, as a sentence."""
    known = {"put": "np.where", "fill": "np.full_like", "at": "np.bincount(places, weights)"}
    if name in known:
        return f"The nearest that works is {known[name]}."
    names = {f.__name__ for f in FUNCTIONS} | {u.__name__ for u in UFUNCS}
    close = difflib.get_close_matches(name, sorted(names), n=2, cutoff=0.72)
    if close:
        return f"The nearest that works: {', '.join('np.' + c for c in close)}."
    return "Write it with functions that have one, or give it a rule with nazad.elementwise."
