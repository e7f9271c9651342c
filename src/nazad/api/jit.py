"""jit: a function of NumPy code becomes native code, one variant for each kind of arguments and each path.

A variant is compiled from a trace at concrete arguments. It is good for arguments of the same structure, shapes
and dtypes, as long as the questions that Python asked about values on the way, its *guards*, have the same
answers; the machine code checks them itself. Whatever does not fit the variant that was used last goes
through Python, which looks for another one and, where there is none, traces anew.
"""

from __future__ import annotations

import functools
import inspect
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad.api.chosen import called, demand_function
from nazad.errors import ArgumentError
from nazad.graph import PYTHON_NUMBERS, Graph, Node, Traced, Value, dtype_of
from nazad.run.compiled import Compiled, Times
from nazad.run.guards import MOST_GUARDS, guarded
from nazad.trace import Arguments, Run, run
from nazad.tree import Structure, flatten, labels, unflatten

_VARIANTS = 16
"""Paths that are kept for arguments of one kind."""
_KINDS = 64
"""Kinds of arguments that are kept; the one not used for longest goes first."""
_MISS = object()


class CacheInfo(NamedTuple):
    """How often a compiled variant was found by Python's part of a call, and how many there are."""

    hits: int
    misses: int
    variants: int
    kinds: int


class Variant(NamedTuple):
    """One compiled path for arguments of one kind."""

    compiled: Compiled
    structure: Structure | None
    """The structure of the result; None if the entry packs it itself."""
    made: tuple[Callable[[Any], Any] | None, ...]
    """What turns a result of the program into what the function returned: int, say."""
    guards: tuple[Any, ...]
    graph: Graph

    def shaped(self, results: Any) -> Any:
        """What the entry returned, in the structure of the function's result."""
        if self.structure is None:
            return results
        leaves = [make(x) if make else x for make, x in zip(self.made, results, strict=True)]
        return unflatten(self.structure, leaves)


class Jitted:
    """A function that runs as native code; made by :func:`jit`."""

    def __init__(self, f: Callable[..., Any], static: tuple[int | str, ...]) -> None:
        functools.update_wrapper(self, f)
        self._function, self._static = f, static
        self._lock = threading.RLock()
        self._probing = threading.local()
        self._kinds: OrderedDict[Any, list[Variant]] = OrderedDict()
        self._hits = self._misses = 0
        self._gave_up: set[Any] = set()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # replaced by the entry of the latest variant
        return self._slowly(*args, **kwargs)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """As a method: the instance is the first argument."""
        return self if instance is None else functools.partial(self, instance)

    def __reduce__(self) -> Any:
        return _jitted, (self._function, self._static)

    # --- the way through Python
    def _slowly(self, *args: Any, **kwargs: Any) -> Any:
        if getattr(self._probing, "now", False):
            return _MISS
        bound = self._bound(args, kwargs)
        if any(isinstance(x, Traced) for x in bound.leaves):
            return self._function(*args, **kwargs)  # another transform looks through to the function itself
        kind = bound.kind()
        with self._lock:
            variants = list(self._kinds.get(kind, ()))
            if kind in self._kinds:
                self._kinds.move_to_end(kind)
        for variant in variants:
            results = self._tried(variant, bound.leaves)
            if results is not _MISS:
                self._hits += 1
                return variant.shaped(results)
        return self._anew(bound, kind, len(variants), args, kwargs)

    def _tried(self, variant: Variant, leaves: Sequence[Any]) -> Any:
        """Run a variant, unless its guards do not hold."""
        self._probing.now = True
        try:
            return variant.compiled.entry(*leaves)
        except Exception:
            if variant.guards:
                return _MISS
            raise
        finally:
            self._probing.now = False

    def _anew(self, bound: _Bound, kind: Any, known: int, args: Any, kwargs: Any) -> Any:
        """Trace, compile, run."""
        self._misses += 1
        if known >= _VARIANTS or kind in self._gave_up:
            self._give_up(kind, f"took {known} different paths for arguments of one kind")
            return self._function(*args, **kwargs)
        variant = self._compiled(bound, kind)
        if variant is None:
            return self._function(*args, **kwargs)
        results = self._tried(variant, bound.leaves)
        if results is _MISS:  # a value that is not even equal to itself decides: nothing can be kept
            return self._function(*args, **kwargs)
        return variant.shaped(results)

    def _give_up(self, kind: Any, why: str) -> None:
        if kind not in self._gave_up:
            self._gave_up.add(kind)
            warnings.warn(
                f"{called(self._function)} {why}; from now on it runs uncompiled for these. A loop or branch "
                "in it depends on the data: write np.where, or a loop of fixed length.",
                RuntimeWarning,
                stacklevel=4,
            )

    def _compiled(self, bound: _Bound, kind: Any) -> Variant | None:
        with self._lock:
            times = Times()
            done = times.of("trace", bound.traced, self._function)
            if len(done.trace.guards) > MOST_GUARDS:
                self._give_up(kind, f"asked for values {len(done.trace.guards)} times in one call")
                return None
            variant = self._variant(done, times)
            self._kinds.setdefault(kind, []).insert(0, variant)
            while len(self._kinds) > _KINDS:
                self._kinds.popitem(last=False)
            self._prefer(variant, bound)
            return variant

    def _variant(self, done: Run, times: Times) -> Variant:
        values = [done.F[sink] for sink in done.graph.sinks]
        made = tuple(_maker(value) for value in values)
        packed = _packed(done.structure, len(values)) if not any(made) else None
        structure = tuple(range(len(values))) if packed is None else packed
        graph, F, is_guarded = guarded(done)
        name = called(self._function)
        compiled = Compiled(graph, F, structure, self._slowly, name, is_guarded, times)
        return Variant(
            compiled, done.structure if packed is None else None, made, tuple(done.trace.guards), done.graph
        )

    def _prefer(self, variant: Variant, bound: _Bound) -> None:
        """Let calls go straight to a variant's entry, where nothing has to be taken apart or put together."""
        if variant.structure is None and bound.is_plain:
            type(self).__call__ = variant.compiled.entry  # type: ignore[method-assign]

    def _bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Bound:
        if not self._static:
            return _Bound(args, kwargs, (), self._function)
        args, kwargs, fixed = _without(self._function, self._static, args, kwargs)
        return _Bound(args, kwargs, fixed, self._function)

    # --- to be seen
    def cache_info(self) -> CacheInfo:
        """Hits and misses of the calls that went through Python, and how many variants there are."""
        variants = sum(len(v) for v in self._kinds.values())
        return CacheInfo(self._hits, self._misses, variants, len(self._kinds))

    def clear_cache(self) -> None:
        """Forget all variants; what the function captured is looked at anew."""
        with self._lock:
            self._kinds.clear()
            self._gave_up.clear()
            type(self).__call__ = _first_call  # type: ignore[method-assign]

    @property
    def variants(self) -> list[Variant]:
        """The compiled variants, those of the latest kind of arguments first."""
        return [variant for group in reversed(self._kinds.values()) for variant in group]

    def __repr__(self) -> str:
        return f"<jit of {called(self._function)}, {len(self.variants)} variants>"


_first_call = Jitted.__call__


class _Bound:
    """The arguments of one call: leaves that vary, and everything that a variant is compiled for."""

    def __init__(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], fixed: tuple[Any, ...], f: Callable[..., Any]
    ) -> None:
        self.f, self.fixed, self.names = f, fixed, tuple(kwargs)
        whole = (args, kwargs) if kwargs else args
        self.with_kwargs = bool(kwargs)
        leaves, self.structure = flatten(whole)
        self.is_plain = not kwargs and not fixed and len(leaves) == len(args) and _all_plain(args)
        self.leaves = [_normal(x) for x in leaves]

    def kind(self) -> Any:
        return self.structure, self.fixed, tuple([_kind(x) for x in self.leaves])

    def traced(self, f: Callable[..., Any]) -> Run:
        """Run the function on handles."""
        fixed = dict(self.fixed)

        def whole(*leaves: Any) -> Any:
            args, kwargs = _call(self, leaves)
            return f(
                *_with_fixed(args, fixed), **kwargs, **{k: v for k, v in fixed.items() if isinstance(k, str)}
            )

        named = [f"x{k}" for k in range(len(self.leaves))]
        for k, x in enumerate(self.leaves):
            _demand_number(x, f, k)
        return run(whole, Arguments.of(tuple(self.leaves), named))


def _call(bound: _Bound, leaves: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    whole = unflatten(bound.structure, leaves)
    return whole if bound.with_kwargs else (whole, {})


def _with_fixed(args: tuple[Any, ...], fixed: dict[Any, Any]) -> list[Any]:
    found = list(args)
    for k in sorted(k for k in fixed if isinstance(k, int)):
        found.insert(k, fixed[k])
    return found


def _demand_number(x: Any, f: Callable[..., Any], k: int) -> None:
    if not isinstance(x, (np.ndarray, np.generic, float, int)):
        raise ArgumentError(
            f"leaf {k} of the arguments of {called(f)} is {type(x).__name__} {x!r:.40}",
            "Arguments of a compiled function are numbers and arrays; name others in static_argnums or "
            "static_argnames.",
        )


def _all_plain(args: tuple[Any, ...]) -> bool:
    return all(type(x) is np.ndarray or type(x) is float for x in args)


def _normal(x: Any) -> Any:
    """As compiled code takes it: dense, aligned, in native byte order; whole numbers as NumPy has them."""
    if type(x) is np.ndarray:
        flags = x.flags
        if flags.c_contiguous and flags.aligned and x.dtype.isnative:
            return x
        return np.array(x, x.dtype.newbyteorder("="), order="C")
    if type(x) is np.memmap:
        return _normal(np.asarray(x))
    return x


def _kind(x: Any) -> Any:
    return (x.dtype, x.shape) if isinstance(x, np.ndarray) else type(x)


def _maker(value: Value) -> Callable[[Any], Any] | None:
    """What makes a Python number of what the program returns; None where that is right as it is."""
    kind = type(value)
    return kind if kind in PYTHON_NUMBERS and kind is not float else None


def _packed(structure: Structure, count: int) -> Any:
    """The structure as nested tuples of numbers; None if it is made of anything else."""
    tree = unflatten(structure, [_Number(k) for k in range(count)])

    def walk(part: Any) -> Any:
        if isinstance(part, _Number):
            return part.number
        if type(part) is not tuple:
            raise TypeError
        return tuple(walk(p) for p in part)

    try:
        return walk(tree)
    except TypeError:
        return None


class _Number:
    def __init__(self, number: int) -> None:
        self.number = number


def _without(
    f: Callable[..., Any], static: tuple[int | str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any], tuple[Any, ...]]:
    """The call without its static arguments, and those."""
    fixed: dict[int | str, Any] = {}
    for key in static:
        if isinstance(key, str) and key in kwargs:
            fixed[key] = kwargs[key]
        elif isinstance(key, int) and -len(args) <= key < len(args):
            fixed[key % len(args)] = args[key]
    for key, value in fixed.items():
        try:
            hash(value)
        except TypeError:
            raise ArgumentError(
                f"the static argument {key!r} of {called(f)} is {type(value).__name__}, which has no hash",
                "Static arguments are compared with those of earlier calls: give a tuple for a list, say.",
            ) from None
    rest = tuple(x for k, x in enumerate(args) if k not in fixed)
    return rest, {k: v for k, v in kwargs.items() if k not in fixed}, tuple(fixed.items())


def _static_keys(
    f: Callable[..., Any], argnums: int | Sequence[int] | None, argnames: str | Sequence[str] | None
) -> tuple[int | str, ...]:
    """Static arguments by position and by name, each both ways."""
    numbers = [argnums] if isinstance(argnums, int) else list(argnums or ())
    names = [argnames] if isinstance(argnames, str) else list(argnames or ())
    try:
        parameters = [p.name for p in inspect.signature(f).parameters.values() if p.kind is not p.VAR_KEYWORD]
    except (TypeError, ValueError):
        parameters = []
    found: dict[int | str, None] = dict.fromkeys([*numbers, *names])
    found.update((parameters[k], None) for k in numbers if k < len(parameters))
    found.update((parameters.index(name), None) for name in names if name in parameters)
    return tuple(found)


def jit(
    f: Callable[..., Any],
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Sequence[str] | None = None,
) -> Jitted:
    """The same function as native code.

    Parameters
    ----------
    f : callable
        A function written in NumPy; or any composition of transforms, ``nz.value_and_grad(loss)`` say.
    static_argnums, static_argnames : int or str, or sequence of these, optional
        Arguments that are no numbers or arrays: they are compared with those of earlier calls, and other
        values compile anew. They have a hash.

    Returns
    -------
    callable
        Takes what ``f`` takes and returns what it returns. The first call with arguments of new shapes or
        dtypes traces and compiles; so does one that takes another branch. Arrays that ``f`` captured are
        those of that moment (``clear_cache`` lets it look again), and so are random numbers that it drew.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> def loss(w, x):
    ...     return np.sum(np.tanh(x @ w) ** 2)
    >>> fast = nz.jit(nz.value_and_grad(loss))
    >>> value, gradient = fast(np.zeros(2), np.ones((3, 2)))
    >>> print(value, gradient)
    0.0 [0. 0.]
    """
    demand_function(f, "jit")
    return _jitted(f, _static_keys(f, static_argnums, static_argnames))


def _jitted(f: Callable[..., Any], static: tuple[int | str, ...]) -> Jitted:
    # a class of its own, so that its __call__ can be the entry of the latest variant
    kind = type("Jitted", (Jitted,), {"__module__": __name__, "__doc__": Jitted.__doc__})
    made: Jitted = kind(f, static)
    return made


__all__ = ["CacheInfo", "Jitted", "Node", "Variant", "dtype_of", "jit", "labels"]
