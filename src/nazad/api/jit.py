"""jit: a function of NumPy code becomes native code, one variant for each kind of arguments and each path.

A variant is compiled from a trace at concrete arguments. It is good for arguments of the same structure,
shapes and dtypes, as long as the questions that Python asked about values on the way, its *guards*, have the
same answers; the machine code checks them itself.

A call goes straight to the variant that was used last; what does not fit it is handed to the one before, and
so on through a short chain. At its end stands Python's part (``Jitted._slowly``), which takes the arguments
apart, looks among all variants, and, where there is none that fits, traces and compiles anew.
"""

from __future__ import annotations

import functools
import inspect
import sys
import threading
import types
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from nazad.api.calls import Call, beyond, taken_apart
from nazad.api.carry import own
from nazad.api.chosen import called, demand_function, returned
from nazad.api.variants import Variant, path_of
from nazad.errors import ArgumentError
from nazad.graph import here
from nazad.run.compiled import MISS, Times
from nazad.run.guards import MOST_GUARDS
from nazad.run.report import Lowered, Report
from nazad.trace import Run, followed
from nazad.trace.trace import collector_paused

_VARIANTS = 16
"""Paths that are kept for arguments of one kind."""
_KINDS = 64
"""Kinds of arguments that are kept; the one not used for longest goes first."""
_CHAIN = 4
"""Variants that calls try without Python's part."""


class CacheInfo(NamedTuple):
    """How Python's part of the calls fared; calls that a variant takes without it are not counted."""

    hits: int
    """Calls for which it found a variant."""
    misses: int
    """Calls for which there was none."""
    variants: int
    kinds: int


class _Kind:
    """The variants for arguments of one kind, the latest first."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.variants: tuple[Variant, ...] = ()
        self.stopped = ""
        """Why nothing more is compiled."""


class Jitted:
    """A function that runs as native code; made by :func:`jit`."""

    def __init__(self, f: Callable[..., Any], static: tuple[int | str, ...]) -> None:
        functools.update_wrapper(self, f)
        self._function, self._static = f, static
        self._lock = threading.RLock()
        self._forget()

    def _forget(self) -> None:
        self._kinds: OrderedDict[Any, _Kind] = OrderedDict()
        self._hits = self._misses = 0
        self._chain: list[Variant] = []
        self._again: Variant | None = None

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """As a method: the instance is the first argument."""
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self) -> Any:
        module, name = getattr(self, "__module__", ""), getattr(self, "__qualname__", "")
        try:  # a function that was decorated is found under its name
            found: Any = functools.reduce(getattr, name.split("."), sys.modules.get(module or ""))
        except AttributeError:
            found = None
        return name if found is self else (_jitted, (self._function, self._static))

    # --- Python's part of a call
    def _slowly(self, *args: Any, **kwargs: Any) -> Any:
        call = taken_apart(self._function, self._static, args, kwargs)
        if call is None:
            return self._as_it_is(args, kwargs)
        kind = self._kind(call)
        known = kind.variants
        result = self._found(known, call)
        if result is MISS:
            with kind.lock:  # another thread may have compiled it in the meantime
                result = self._found([v for v in kind.variants if v not in known], call)
                if result is MISS:
                    result = self._anew(kind, call)
        return self._as_it_is(args, kwargs) if result is MISS else result

    __call__ = _slowly  # replaced, in the class of each function, by the first variant of the chain

    def _as_it_is(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the function; what it writes into its arguments does not reach the caller, compiled or not."""
        return followed(self._function)(*own(args), **own(kwargs))

    def _kind(self, call: Call) -> _Kind:
        with self._lock:
            key = call.open_key if call.open_key in self._kinds else call.key
            kind = self._kinds.setdefault(key, _Kind())
            self._kinds.move_to_end(key)
            if len(self._kinds) > _KINDS:
                # what is used without Python's part only seems to be unused
                idle = (k for k, v in self._kinds.items() if not set(v.variants) & set(self._chain))
                del self._kinds[next(idle)]
            return kind

    def _found(self, variants: Iterable[Variant], call: Call) -> Any:
        """The result of the first variant that fits."""
        for variant in variants:
            result = variant.run(call.leaves)
            if result is not MISS:
                self._hits += 1
                if variant is self._again:
                    self._prefer(variant)
                self._again = variant
                return result
        return MISS

    def _anew(self, kind: _Kind, call: Call) -> Any:
        """Trace, compile, run; MISS if the function has to run as it is."""
        self._misses += 1
        if kind.stopped:
            return MISS
        if len(kind.variants) >= _VARIANTS:
            return self._stop(kind, f"took {_VARIANTS} different paths for arguments of one kind", _BRANCHES)
        times = Times()
        done = times.of("trace", call.form.trace, call.leaves)
        if done.trace.nested:  # the function captured a value that is being traced
            return MISS
        if strange := beyond(done.F.values()):
            self._stop(kind, f"works with {strange}, which machine code does not have", _NUMBERS)
            return returned(done)
        if len(done.trace.guards) > MOST_GUARDS:
            self._stop(kind, f"asked for values {len(done.trace.guards)} times in one call", _BRANCHES)
            return returned(done)
        return self._compiled(kind, call, done, times)

    def _compiled(self, kind: _Kind, call: Call, done: Run, times: Times) -> Any:
        if path_of(done.trace.guards) in [v.path for v in kind.variants]:
            # NumPy's last digit was on one side of a branch, and that of the machine code on the other
            return returned(done)
        with collector_paused():
            variant = Variant(call, done, times)
        kind.variants = (variant, *kind.variants)
        if variant.is_open:  # from here on for matrices with any number of entries
            with self._lock:
                self._kinds[call.open_key] = self._kinds.pop(call.key, kind)
        self._prefer(variant)
        result = variant.run(call.leaves)
        return returned(done) if result is MISS else result

    def _stop(self, kind: _Kind, why: str, remedy: str) -> Any:
        kind.stopped, where = why, here()
        message = f"{called(self._function)} {why}; what is not compiled yet runs as it is. {remedy}"
        if where is None:
            warnings.warn(message, RuntimeWarning, stacklevel=2)
        else:
            warnings.warn_explicit(message, RuntimeWarning, where.file, where.line)
        return MISS

    def _prefer(self, variant: Variant) -> None:
        """Put a variant at the head of the chain."""
        with self._lock:
            if variant.is_direct and variant not in self._chain[:1]:
                self._chain = [variant, *(v for v in self._chain if v is not variant)][:_CHAIN]
                self._connect()

    def _connect(self) -> None:
        entry: Callable[..., Any] = self._slowly
        for variant in reversed(self._chain):
            entry = variant.before(entry)
        # CPython forgets what it knows of a class only after it has let go of the old attribute: until then
        # another thread may still find that, and so it has to live a little longer
        old = vars(type(self)).get("__call__")
        # a function would be bound to self
        is_function = isinstance(entry, types.FunctionType)
        type(self).__call__ = staticmethod(entry) if is_function else entry  # type: ignore[method-assign]
        del old

    # --- to be seen
    def cache_info(self) -> CacheInfo:
        """Hits and misses of the calls that went through Python's part, and how many variants there are."""
        kinds = [kind for kind in self._kinds.values() if kind.variants]
        return CacheInfo(self._hits, self._misses, sum(len(k.variants) for k in kinds), len(kinds))

    def clear_cache(self) -> None:
        """Forget all variants; what the function captured is looked at anew."""
        with self._lock:
            self._forget()
            self._connect()

    @property
    def variants(self) -> list[Variant]:
        """The compiled variants, those of the latest kind of arguments first."""
        with self._lock:
            return [variant for kind in reversed(self._kinds.values()) for variant in kind.variants]

    def report(self) -> Report:
        """What was compiled: kernels and what they are made of, memory, guards, times.

        Returns
        -------
        Report
            To be printed, or to be read by its attributes.

        Examples
        --------
        >>> import numpy as np
        >>> import nazad as nz
        >>> fast = nz.jit(lambda x: np.sum(np.exp(x) * x))
        >>> _ = fast(np.ones(1000))
        >>> kernel, = fast.report().variants[0].kernels
        >>> kernel.points, kernel.operations
        (1000, {'exp': 1, 'multiply': 1, 'sum': 1})
        """
        with self._lock:
            stopped = [kind.stopped for kind in self._kinds.values() if kind.stopped]
        seen = [(v.compiled, v.guards, v.draws) for v in self.variants]
        return Report.of(called(self._function), seen, stopped)

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """Compile for these arguments, without running it, and show what became of the function.

        Parameters
        ----------
        *args, **kwargs
            Arguments as for a call; the function is traced at them.

        Returns
        -------
        Lowered
            With ``text``, the loops; ``llvm`` and ``llvm_optimized``; and ``asm``, the machine code.

        Examples
        --------
        >>> import numpy as np
        >>> import nazad as nz
        >>> print(nz.jit(lambda x: np.exp(x) + 1).lower(np.ones(5)).text)
        input x0: float64[5]
        output y0: float64[5]
        for i<5:
            y0[i] = add(exp(x0[i]), 1.0)
        """
        call = taken_apart(self._function, self._static, args, kwargs)
        if call is None:
            raise ArgumentError(f"arguments of {called(self._function)} are being traced", "Give numbers.")
        times = Times()
        done = times.of("trace", call.form.trace, call.leaves)
        if strange := beyond(done.F.values()):
            raise ArgumentError(f"{called(self._function)} works with {strange}", _NUMBERS)
        return Lowered(Variant(call, done, times).compiled)

    def __repr__(self) -> str:
        return f"<jit of {called(self._function)}, {len(self.variants)} variants>"


_BRANCHES = "A loop or branch in it depends on the data: write np.where, or a loop of fixed length."
_NUMBERS = "Use bool, integers of up to 64 bits, float32, float64, complex64 or complex128."


def _static_keys(
    f: Callable[..., Any], argnums: int | Sequence[int] | None, argnames: str | Sequence[str] | None
) -> tuple[int | str, ...]:
    """Static arguments by position and by name, each both ways."""
    numbers = [argnums] if isinstance(argnums, int) else list(argnums or ())
    names = [argnames] if isinstance(argnames, str) else list(argnames or ())
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    open_ended = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    placed = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    numbers = [k + len(placed) if -len(placed) <= k < 0 and not open_ended else k for k in numbers]
    found: dict[int | str, None] = dict.fromkeys([*numbers, *names])
    found.update((placed[k], None) for k in numbers if 0 <= k < len(placed))
    found.update((placed.index(name), None) for name in names if name in placed)
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
        Takes what ``f`` takes and returns what it returns, in arrays of its own. ``report()`` says what was
        compiled, ``lower(*args)`` shows the code, ``cache_info()`` counts, ``clear_cache()`` forgets.

    Notes
    -----
    The first call with arguments of new structure, shapes or dtypes traces and compiles; so does one that
    takes another branch. Up to 16 paths are kept for arguments of one kind, and 64 kinds; beyond the 16th
    path a RuntimeWarning says so, and what is not compiled runs as it is.

    What ``f`` captured is as it was at that moment, until ``clear_cache()``: arrays, random numbers, whatever
    it read from elsewhere. What it does besides returning a value, it does only while it is traced.

    Machine code does not warn, whatever ``np.errstate`` says. Whole numbers have 64 bits. A derivative by a
    Python float is a ``np.float64``. An index out of range, or any other error of ``f``, is raised as without
    ``jit``.

    Under another transform, ``nz.grad(nz.jit(f))`` say, it is ``f`` itself.

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
