"""The common ground of the transforms: choosing arguments, running, shaping what comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad.errors import ArgumentError, ShapeError
from nazad.graph import Spec, Traced, Value, dtype_of, here, is_complex, shape_of, zeros_like
from nazad.trace import Arguments, Array, Run, argument_names, followed
from nazad.trace.scipy_table import with_entries
from nazad.trace.views import apart
from nazad.transform.forward import pushforward
from nazad.tree import Structure, flatten, unflatten

ArgNums = int | str | Sequence[int | str]


class Chosen(NamedTuple):
    """A function of the arguments to differentiate by alone, and what is needed to shape its derivatives."""

    function: Callable[..., Any]
    arguments: Arguments
    single: bool

    @property
    def leaves(self) -> list[Any]:
        return self.arguments.leaves

    def shaped(self, gradients: Sequence[Value]) -> Any:
        """Gradients in the structure of the arguments."""
        return self.in_structure(owned(gradients, self.leaves))

    def in_structure(self, leaves: Sequence[Value]) -> Any:
        """One value for each leaf, in the structure of the arguments."""
        whole = unflatten(self.arguments.structure, leaves)
        return whole[0] if self.single else whole


def choose(f: Callable[..., Any], argnums: ArgNums, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Chosen:
    wanted: Sequence[Any] = argnums if isinstance(argnums, (tuple, list)) else [argnums]
    keys = [_position(key, args, kwargs, f) for key in wanted]
    if len(keys) > 1 and len(set(keys)) < len(keys):
        raise ArgumentError(f"argnums={argnums!r} names an argument twice")
    positional = argument_names(f, len(args))
    picked = tuple(args[k] if isinstance(k, int) else kwargs[k] for k in keys)
    names = [positional[k] if isinstance(k, int) else k for k in keys]

    def function(*xs: Any) -> Any:
        new_args, new_kwargs = list(args), dict(kwargs)
        for key, x in zip(keys, xs, strict=True):
            if isinstance(key, int):
                new_args[key] = x
            else:
                new_kwargs[key] = x
        return followed(f)(*new_args, **new_kwargs)

    arguments = Arguments.of(picked, names)
    for k, x in enumerate(arguments.leaves):
        if type(x) is not float and (type(x) is not np.ndarray or x.dtype.kind not in "fc"):
            _demand_differentiable(x, arguments.labels[k])
    return Chosen(function, arguments, single=not isinstance(argnums, (tuple, list)))


def _position(
    key: int | str, args: Sequence[Any], kwargs: dict[str, Any], f: Callable[..., Any]
) -> int | str:
    if isinstance(key, str):
        if key in kwargs:
            return key
        names = argument_names(f, len(args))
        if key in names:
            return names.index(key)
        raise ArgumentError(f"argnums names {key!r}, which was not given to {called(f)}")
    if not -len(args) <= key < len(args):
        raise ArgumentError(
            f"argnums={key}, but {called(f)} got {len(args)} positional arguments",
            "Give the argument by position, or name a keyword argument in argnums.",
        )
    return int(key) % len(args)


def called(f: Callable[..., Any]) -> str:
    """What to call a function in a message."""
    return str(getattr(f, "__name__", "the function"))


def demand_function(f: Any, transform: str, argnums: Any = 0) -> None:
    """Refuse what is no function, and the point given where ``argnums`` stands."""
    if not callable(f):
        raise ArgumentError(
            f"{transform} takes a function and got {type(f).__name__} {f!r:.40}",
            f"Write nz.{transform}(f)(x).",
        )
    each = argnums if isinstance(argnums, (tuple, list)) else [argnums]
    if isinstance(argnums, bool) or not all(isinstance(k, (int, str, np.integer)) for k in each):
        raise ArgumentError(
            f"argnums is {argnums!r:.40}",
            f"It takes positions or names; the point comes in a second call: nz.{transform}(f)(x).",
        )


def demand_tuple(primals: Any, what: str) -> tuple[Any, ...]:
    """The arguments as a tuple: one array alone would be taken for a sequence of them."""
    if not isinstance(primals, (tuple, list)):
        met = f"{type(primals).__name__} {primals!r:.30}"
        raise ArgumentError(f"{what} is {met}", "Give the tuple of the arguments, (x,) for a single one.")
    return tuple(primals)


def _demand_differentiable(x: Any, label: str) -> None:
    kind = Spec.of(x).dtype.kind if _is_number(x) else "O"
    if kind in "fc":
        return
    if kind in "iub":
        met = f"{label} is an integer or a boolean, and a derivative by it is zero or undefined"
        raise ArgumentError(
            met,
            "Make it a float (2.0 for 2, x.astype(float) for x), or do not differentiate by it: leave it out "
            "of argnums, or write lambda x: f(x, n).",
            here(),
        )
    raise ArgumentError(
        f"{label} is {type(x).__name__} {x!r:.40}",
        "Differentiate by numbers and arrays of them; leave other arguments out of argnums.",
        here(),
    )


def _is_number(x: Any) -> bool:
    return isinstance(x, (Traced, np.ndarray, np.generic, int, float, complex)) or hasattr(x, "__array__")


def demand_scalar(done: Run, f: Callable[..., Any], chosen: Chosen, holomorphic: bool) -> None:
    if len(done.graph.sinks) != 1:
        raise ArgumentError(
            f"{called(f)} returned {len(done.graph.sinks)} values, and a gradient is that of one",
            "Return a single number, pass has_aux=True for (value, aux), or use jacobian.",
        )
    value = done.F[done.graph.sinks[0]]
    if shape_of(value) != ():
        raise ShapeError(
            f"{called(f)} returned an array of shape {shape_of(value)}, and a gradient is that of one number",
            "Sum it up, or use jacobian or vjp.",
            done.graph.sinks[0].where,
        )
    demand_floats(done)
    demand_one_slope(done, chosen, holomorphic)
    if not holomorphic and is_complex(value):
        raise ArgumentError(
            f"{called(f)} returned a complex number, and a gradient is that of a real one",
            _ONE_SLOPE,
            done.graph.sinks[0].where,
        )


def demand_floats(done: Run) -> None:
    for sink in done.graph.sinks:
        dtype = dtype_of(done.F[sink])
        if dtype.kind not in "fc" and sink.preds:
            raise ArgumentError(
                f"the function returned {dtype} numbers, which have no derivative",
                "Return floating-point numbers.",
                sink.where,
            )


def demand_one_slope(done: Run, chosen: Chosen, holomorphic: bool) -> None:
    """A complex function of a complex argument has a complex derivative only if it is holomorphic."""
    by_complex = [is_complex(x) for x in chosen.leaves]
    if not holomorphic and any(by_complex) and any_complex(done):
        label = chosen.arguments.labels[by_complex.index(True)]
        raise ArgumentError(f"{label} is complex, and so is the result", _ONE_SLOPE, here())
    if holomorphic and not all(by_complex):
        label = chosen.arguments.labels[by_complex.index(False)]
        raise ArgumentError(f"{label} is real, and holomorphic=True", _ALL_COMPLEX, here())
    if holomorphic and not all(is_complex(done.F[sink]) for sink in done.graph.sinks):
        raise ArgumentError("the function returned a real number, and holomorphic=True", _ALL_COMPLEX, here())


_ONE_SLOPE = (
    "Pass holomorphic=True if the function has a complex derivative; else return a real number, as .real or "
    "np.abs(...), or take jvp or vjp."
)
_ALL_COMPLEX = "A holomorphic function takes and returns complex numbers; leave holomorphic out for others."


def any_complex(done: Run) -> bool:
    """Whether a result is complex."""
    return any(is_complex(done.F[sink]) for sink in done.graph.sinks)


def matching(tree: Any, structure: Structure, what: str, whose: str) -> list[Any]:
    leaves, met = flatten(with_entries(tree))
    if met != structure:
        raise ArgumentError(
            f"{what} has the structure {met}", f"It has the structure of {whose}: {structure}."
        )
    return leaves


def push(done: Run, x_dots: Sequence[Value]) -> list[Value]:
    tangents = pushforward(done.graph, done.F, dict(zip(done.graph.leaves, x_dots, strict=True)))
    dots = [tangents[y] if y in tangents else zeros_like(done.F[y]) for y in done.graph.sinks]
    return owned(dots, [done.F[y] for y in done.graph.sinks])


def returned(done: Run) -> Any:
    """What the function returned, as arrays that the caller may write into."""
    return unflatten(done.structure, [apart(done.F[sink]) for sink in done.graph.sinks])


def owned(values: Sequence[Value], patterns: Sequence[Any]) -> list[Value]:
    """Results that the caller may write into: no views, no array twice; Python numbers for Python numbers."""
    seen: set[int] = set()
    results = []
    for value, pattern in zip(values, patterns, strict=True):
        if type(value) is np.ndarray and (
            value.base is not None or id(value) in seen or not value.flags.writeable
        ):
            value = value.copy()
        elif isinstance(value, Array):
            value = apart(value)
        elif isinstance(value, (np.generic, np.ndarray)) and type(pattern) in (float, complex):
            value = value.item()
        seen.add(id(value))
        results.append(value)
    return results
