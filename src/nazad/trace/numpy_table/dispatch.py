"""Dispatch: a function of NumPy called on traced values finds its rule, or an error that helps."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nazad import ops
from nazad.errors import NoRuleError, TraceError
from nazad.graph import PYTHON_NUMBERS, Traced, dtype_of, here, shape_of
from nazad.nearby import near
from nazad.ops import structure
from nazad.trace.numpy_table.out import written_into
from nazad.trace.numpy_table.views import ARRAYS, VIEWS, fresh, number

UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    op.calc: op for op in ops.table().values() if isinstance(op.calc, np.ufunc)
}
Rules = dict[Callable[..., Any], Callable[..., Any]]
FUNCTIONS: Rules = {}
VALUES_ONLY: set[Callable[..., Any]] = set()
"""Functions of the table whose values are whole numbers, truths or steps: their derivative is zero."""
Entry = Callable[[Callable[..., Any]], Callable[..., Any]]


def rule(*functions: Callable[..., Any], derivative: bool = True) -> Entry:
    """Enter a rule for one or several NumPy functions, and whether their values have a derivative at all."""
    if not derivative:
        VALUES_ONLY.update(functions)
    return enter(FUNCTIONS, *functions)


def enter(table: dict[Any, Callable[..., Any]], *keys: Any) -> Entry:
    """Enter a rule in a table, under one or several keys."""

    def enter_it(implementation: Callable[..., Any]) -> Callable[..., Any]:
        table.update(dict.fromkeys(keys, implementation))
        return implementation

    return enter_it


@functools.cache
def parameters(implementation: Callable[..., Any]) -> frozenset[str]:
    """The names by which a rule can be given its arguments; none if it takes whatever it is given."""
    code = getattr(implementation, "__code__", None)  # inspect.signature would take a hundred times as long
    if code is None or code.co_flags & inspect.CO_VARKEYWORDS:
        return frozenset()
    return frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])


def call_function(function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Apply the rule of a NumPy function, or say that there is none."""
    implementation = FUNCTIONS.get(function)
    if implementation is None:
        raise no_rule(full_name(function))
    return apply_rule(implementation, function, args, kwargs)


def apply_rule(
    implementation: Callable[..., Any],
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: dict[str, Any],
) -> Any:
    """Call a rule as the function that it is for was called."""
    if len(args) > 1:
        args, kwargs = _by_name(implementation, function, args, kwargs)
    out = kwargs.get("out")
    if kwargs:
        kwargs = _supported(implementation, function, {k: a for k, a in kwargs.items() if k != "out"})
    result = implementation(*[_as_array(x) for x in args], **kwargs)
    if out is not None:
        return written_into(out, result)
    return (
        result if function in ARRAYS else number(result if function in VIEWS else fresh(result, args), args)
    )


def _supported(
    implementation: Callable[..., Any], function: Callable[..., Any], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """The arguments that the rule takes; others may be there only to say nothing."""
    known = parameters(implementation)
    for name in kwargs.keys() - known - WITHOUT_EFFECT if known else ():
        if not _says_nothing(function, name, kwargs[name]):
            raise unsupported(full_name(function), name)
    return {name: value for name, value in kwargs.items() if name in known or not known}


def _says_nothing(function: Callable[..., Any], name: str, value: Any) -> bool:
    if value is None or value is np._NoValue:
        return True
    parameter = inspect.signature(function).parameters.get(name)
    return parameter is not None and type(value) is type(parameter.default) and value == parameter.default


def _as_array(x: Any) -> Any:
    """Functions, unlike operators, take a Python number for an array, which is not weak in promotion."""
    if isinstance(x, Traced) and not shape_of(x) and type(getattr(x, "value", None)) in PYTHON_NUMBERS:
        return structure.astype(x, dtype=dtype_of(x))
    return x


def _by_name(
    implementation: Callable[..., Any],
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: dict[str, Any],
) -> tuple[Sequence[Any], dict[str, Any]]:
    """Positional arguments as NumPy orders them; from where the rule's order is another, by name."""
    names, known = _numpys_order(function)
    alike = _alike(names, known, implementation)
    if alike >= len(args) or len(names) < len(args):
        return args, kwargs
    return args[:alike], dict(zip(names[alike:], args[alike:], strict=False)) | kwargs


@functools.cache
def _numpys_order(function: Callable[..., Any]) -> tuple[tuple[str, ...], frozenset[str]]:
    """The names of NumPy's positional parameters in order, and of all its parameters."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return (), frozenset()
    positional = [
        p.name for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    return tuple(positional), frozenset(parameters)


def _alike(names: Sequence[str], known: frozenset[str], implementation: Callable[..., Any]) -> int:
    """How many positional parameters the two have in common from the front, whatever they are called."""
    code = getattr(implementation, "__code__", None)
    own = code.co_varnames[: code.co_argcount] if code else ()
    pairs = enumerate(zip(names, own, strict=False))
    return next((k for k, (a, b) in pairs if a != b and (b in known or a in own)), min(len(names), len(own)))


def full_name(function: Callable[..., Any]) -> str:
    """How users call a function: without the private modules that it comes from."""
    if isinstance(function, np.ufunc):
        return f"np.{function.__name__}" if hasattr(np, function.__name__) else function.__name__
    module = getattr(function, "__module__", "numpy") or "numpy"
    public = [part for part in module.replace("numpy", "np", 1).split(".") if not part.startswith("_")]
    return ".".join([*public, getattr(function, "__qualname__", type(function).__qualname__)])


def no_rule(name: str) -> NoRuleError:
    *subject, last = name.split(".")
    remedy = _SUBJECTS.get(subject[-1] if subject else "", "") or nearest(last)
    return NoRuleError(f"{name} has no derivative rule in nazad yet", remedy, here())


def unsupported(name: str, keyword: str) -> TraceError:
    remedy = REFUSED.get(keyword, "Leave it out.")
    return TraceError(f"{name}({keyword}=) cannot be traced", remedy, here())


WITHOUT_EFFECT = frozenset(
    {"casting", "copy", "device", "kind", "like", "optimize", "out", "overwrite_input", "subok"}
)
"""Keywords that rules need not take: the numbers and their order stay the same, or ``out=``, which is written
into when the rule has answered."""

REFUSED = {
    "where": "Choose with np.where afterwards.",
    "order": "Traced arrays have no layout in memory: leave it out, or transpose.",
    "einsum_call": "Leave it out: it is np.einsum's own.",
}
"""Keywords of NumPy that no rule takes, or not every rule, and what to write instead."""


_SUBJECTS = {
    "random": "Draw random numbers outside and pass them in.",
    "optimize": "nz.root and nz.fixed_point differentiate solutions; nz.custom takes a rule of your own.",
    "integrate": "Write the rule down with nz.custom, or the integral in NumPy.",
}


def nearest(name: str) -> str:
    """The nearest thing that works, as a sentence."""
    known = {"fill": "np.full_like"}
    if name in known:
        return f"The nearest that works is {known[name]}."
    names = {f.__name__ for f in FUNCTIONS} | {u.__name__ for u in UFUNCS}
    close = near(name, sorted(names), most=2, cutoff=0.72)
    if close:
        return f"The nearest that works: {', '.join('np.' + c for c in close)}."
    return "Write it with functions that have one, or give it a rule with nazad.elementwise."
