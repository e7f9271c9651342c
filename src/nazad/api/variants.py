"""A variant: one path through a function, compiled for arguments of one kind.

>>> import numpy as np
>>> import nazad as nz
>>> fast = nz.jit(lambda x: x if x > 0 else -x)
>>> fast(2.0), fast(-2.0)
(2.0, 2.0)
>>> len(fast.variants)
2
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from nazad.api.calls import Call
from nazad.api.chosen import called
from nazad.graph import PYTHON_NUMBERS, Value
from nazad.run.compiled import MISS, Compiled, Times, missed
from nazad.run.guards import guarded
from nazad.trace import Guard, Run
from nazad.tree import Structure, unflatten

_NUMPYS: dict[type, Callable[[Any], Any]] = {int: np.int64, bool: np.bool, complex: np.complex128}
"""Python's numbers that machine code does not read, and how it gets them."""


class Variant:
    """One compiled path for arguments of one kind.

    Attributes
    ----------
    compiled : Compiled
        The machine code, and what it was made from.
    guards : tuple of Guard
        The questions that Python asked about values, whose answers have to be the same.
    draws : tuple of Where or None
        Where random numbers were drawn; they are the same in every call.
    """

    def __init__(self, call: Call, done: Run, times: Times) -> None:
        self.form, self.guards = call.form, tuple(done.trace.guards)
        self.draws = tuple(dict.fromkeys(done.trace.draws))
        values = [done.F[sink] for sink in done.graph.sinks]
        self._numbers = [(k, type(x)) for k, x in enumerate(call.leaves) if type(x) in _NUMPYS]
        self._makers = [_maker(value) for value in values]
        packed = None if any(self._makers) else _packed(done.structure, len(values))
        self._build = None if packed is not None else self._builder(done.structure)
        structure = tuple(range(len(values))) if packed is None else packed
        self.compiled = self._compiled(done, structure, called(call.form.function), times, call.form.matrices)
        self._entry, self._leaves = self.compiled.entry, call.form.reader()
        self._is_plain = self._build is None and not self._numbers and call.form.is_flat()

    @staticmethod
    def _compiled(done: Run, structure: Any, name: str, times: Times, matrices: Sequence[int]) -> Compiled:
        graph, F, is_guarded, is_open = times.of("guards", guarded, done, matrices)
        return Compiled(graph, F, structure, missed, name, is_guarded, times, is_open)

    def run(self, leaves: Iterable[Any]) -> Any:
        """What the function returns; MISS where types, shapes, dtypes or guards are others."""
        if self._numbers:
            try:
                leaves = self._as_numpy(leaves)
            except (TypeError, OverflowError):
                return MISS
        results = self._entry(*leaves)
        return results if results is MISS or self._build is None else self._build(results)

    def before(self, fallback: Callable[..., Any]) -> Callable[..., Any]:
        """A function that is this variant where it fits, and another function where it does not."""
        if self._is_plain:
            return self.compiled.before(fallback)
        leaves_of, run = self._leaves, self.run
        assert leaves_of is not None

        def direct(*args: Any, **kwargs: Any) -> Any:
            leaves = leaves_of(args, kwargs)
            result = MISS if leaves is None else run(leaves)
            return fallback(*args, **kwargs) if result is MISS else result

        return direct

    @property
    def is_direct(self) -> bool:
        """Whether there is a quick way to it."""
        return self._is_plain or self._leaves is not None

    @property
    def is_open(self) -> bool:
        """Whether it takes sparse matrices with any number of entries."""
        return bool(self.compiled.is_open)

    @property
    def path(self) -> list[Any]:
        """What was asked and answered: the same for runs that took the same branches."""
        return path_of(self.guards)

    def _as_numpy(self, leaves: Iterable[Any]) -> list[Any]:
        changed = list(leaves)
        for k, kind in self._numbers:
            if type(changed[k]) is not kind:
                raise TypeError
            changed[k] = _NUMPYS[kind](changed[k])
        return changed

    def _builder(self, structure: Structure) -> Callable[[Any], Any]:
        """What puts results into the structure of what the function returned."""
        makers = self._makers
        if not any(makers):
            build: Callable[[Any], Any] = structure.unflatten
            return build
        return lambda results: unflatten(
            structure, [make(x) if make else x for make, x in zip(makers, results, strict=True)]
        )


def path_of(guards: Sequence[Guard]) -> list[Any]:
    """Questions and answers, to be compared."""
    return [(g.where, g.what, _comparable(g.answer)) for g in guards]


def _comparable(answer: Any) -> Any:
    if isinstance(answer, (tuple, list)):
        return [_comparable(part) for part in answer]
    return (answer.shape, answer.tobytes()) if isinstance(answer, np.ndarray) else answer


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


__all__ = ["Variant", "path_of"]
