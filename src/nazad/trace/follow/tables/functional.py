"""Functions that take functions: these are followed, too."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from nazad.errors import TraceError
from nazad.graph import PYTHON_NUMBERS, here, rank_of, shape_of
from nazad.ops import elementwise
from nazad.ops.families import Elementwise
from nazad.trace.follow.resolve import finds, resolve
from nazad.trace.follow.standins import on_traced, stands_in_for
from nazad.trace.follow.tables.constructors import array_of
from nazad.trace.follow.tables.numbers import weak
from nazad.trace.inside import any_traced, plain
from nazad.trace.numpy_table import call_function
from nazad.trace.running import held, remembered_error

_FUNCTION_FIRST: tuple[Callable[..., Any], ...] = (map, filter, functools.reduce, functools.cmp_to_key)
_FUNCTION_FIRST += (itertools.dropwhile, itertools.filterfalse, itertools.starmap, itertools.takewhile)


def _with_first(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda f, *args, **kwargs: function(_followed(f), *args, **kwargs)


def _followed(f: Any) -> Any:
    return None if f is None else resolve(f)


def _by_rule(function: Callable[..., Any]) -> Callable[..., Any]:
    """What the user's function returns may be traced although nothing that NumPy asks is."""
    return lambda *args, **kwargs: call_function(function, args, kwargs)


for _function in _FUNCTION_FIRST:
    stands_in_for(_function)(_with_first(_function))
for _function in (np.apply_along_axis, np.apply_over_axes):
    stands_in_for(_function)(_with_first(_by_rule(_function)))


@stands_in_for(np.fromfunction)
def _fromfunction(function: Callable[..., Any], shape: Any, **kwargs: Any) -> Any:
    return held(np.fromfunction(resolve(function), shape, **kwargs))


@stands_in_for(np.piecewise)
def _piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    followed = [resolve(f) if callable(f) else f for f in funclist]
    return _by_rule(np.piecewise)(x, condlist, followed, *args, **kw)


def _with_key(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, key: Any = None, **kwargs: Any) -> Any:
        return function(*args, key=_followed(key), **kwargs)

    return call


stands_in_for(sorted)(_with_key(sorted))
stands_in_for(list.sort)(_with_key(list.sort))
stands_in_for(itertools.groupby)(lambda iterable, key=None: itertools.groupby(iterable, _followed(key)))


@stands_in_for(itertools.accumulate)
def _accumulate(iterable: Iterable[Any], func: Any = None, *, initial: Any = None) -> Any:
    return itertools.accumulate(iterable, _followed(func), initial=initial)


def _extreme(function: Callable[..., Any], op: Elementwise) -> Callable[..., Any]:
    """The larger or smaller of numbers: a choice that holds for other numbers, too, is no branch."""
    of_pythons = weak(function, op)

    def extreme(*args: Any, key: Any = None, **kwargs: Any) -> Any:
        if len(args) == 1:
            args = ([*args[0]],)
        each = args if len(args) > 1 else args[0]
        if key is None and each and any_traced(each) and not any(rank_of(x) for x in each):
            are_pythons = all(type(plain(x)) in PYTHON_NUMBERS for x in each)
            return functools.reduce(of_pythons if are_pythons else op, each)
        return function(*args, key=_followed(key), **kwargs)

    return extreme


stands_in_for(max)(_extreme(max, elementwise.maximum))
stands_in_for(min)(_extreme(min, elementwise.minimum))


@finds(np.vectorize)
def of_vectorized(f: Any) -> Any:
    """Entry by entry, and joined again."""

    def call(*args: Any) -> Any:
        if not any_traced(args):
            return f(*args)
        if f.signature is not None or f.excluded:
            raise remembered_error(
                TraceError("np.vectorize with a signature got traced values", "Write the loop.", here())
            )
        return _by_entry(resolve(f.pyfunc), args, f.otypes or ())

    return call


def _by_entry(f: Callable[..., Any], args: Any, kinds: Iterable[str]) -> Any:
    whole = np.broadcast_arrays(*args)
    rows = [f(*entries) for entries in zip(*[np.ravel(a) for a in whole], strict=True)]
    parts = rows if isinstance(rows[0], tuple) else [(row,) for row in rows]
    columns = zip(zip(*parts, strict=True), itertools.chain(kinds, itertools.repeat(None)), strict=False)
    shaped = [np.reshape(array_of(column, kind), shape_of(whole[0])) for column, kind in columns]
    return tuple(shaped) if isinstance(rows[0], tuple) else shaped[0]


@on_traced(np.ndenumerate)
def _ndenumerate(arr: Any) -> Iterator[Any]:
    return ((place, arr[place]) for place in np.ndindex(arr.shape))
