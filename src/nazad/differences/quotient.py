"""Difference quotients, forward, central and extrapolated, each with an estimate of its error."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nazad.differences.probe import Array, Entry, Probe, like
from nazad.errors import ArgumentError
from nazad.tree import Tree

Method = Literal["forward", "central", "richardson"]

_ORDERS: dict[str, int] = {"forward": 1, "central": 2, "richardson": 2}
_RATE = 5.0  # f is taken to vary, over the scale of x, at most as fast as sin(5t)
_STEEP = 100.0  # above this, the scale of x is no scale of f, and nothing is taken for granted
_SAFETY = 2.0  # what is allowed for above the differences of a table
_LOST = 1e-3  # a table whose entries still differ by this part of what they should be does not settle
_ROWS = 40  # of Ridders' table, at most
_WIDEST = 0.14142  # its first step, times the scale of x: no simple fraction, lest a period of f fall on it


@dataclass(frozen=True, slots=True, eq=False)
class Differences:
    """A numerical derivative, and how far to trust it.

    Attributes
    ----------
    value : pytree
        The gradient of a scalar function, or the Jacobian, ``out.shape + in.shape`` for each argument.
    error : pytree
        An estimate of ``|value - derivative|`` for each entry; ``inf`` where the value is NaN.
    h : pytree
        The step of each entry of the arguments; with Richardson's extrapolation, the first one.
    evaluations : int
        How often the function was called.
    order : int
        The error falls as this power of h.
    method : str
        "forward", "central" or "richardson".
    notes : tuple of str
        Entries that could not be had by the method as it stands, and what was done.
    """

    value: Tree
    error: Tree
    h: Tree
    evaluations: int
    order: int
    method: Method
    notes: tuple[str, ...] = ()


def differences(
    f: Callable[..., Any],
    *args: Tree,
    method: Method = "central",
    argnums: int | Sequence[int] = 0,
    h: float | None = None,
    dtype: DTypeLike | None = np.float64,
) -> Differences:
    """Differentiate a function numerically, entry by entry, with an error estimate for each.

    Parameters
    ----------
    f : callable
        Gives a number or an array, from NumPy arrays, numbers and structures of them.
    *args : pytree
        Where to differentiate. They are never changed; ``f`` sees copies of those it is differentiated in.
    method : {"central", "forward", "richardson"}
        Central takes 2n calls for n entries, forward n + 1, Richardson's extrapolation some 14n.
    argnums : int or sequence of int
        Which arguments to differentiate in; a sequence gives a tuple.
    h : float, optional
        The step, the same for every entry. By default max(\\|x\\|, 1) times √ε forward, ∛ε central, and 0.14 as
        the first of Richardson's. It is rounded such that x + h differs from x by h exactly.
    dtype : dtype, optional
        The precision in which the arguments are moved, if theirs is less: float32 arguments are moved, and
        ``f`` is called, in float64. ``None`` keeps the arguments' own. Results are at least float64.

    Returns
    -------
    Differences
        Value, error and step in the structure of the arguments; evaluations; notes.

    Raises
    ------
    ArgumentError
        If an argument to differentiate in is not floating, or ``f`` gives something else than real numbers.

    Notes
    -----
    *What the error is.* For Richardson's extrapolation it is measured: what three successive columns of the
    table differ by, and the rounding. Forward and central differences have no call to spare for that; there it
    is the Taylor remainder of a function of size A = max(\\|f\\|, 1) that varies over the scale s = max(\\|x\\|, 1) no
    faster than sin(R t), with R = 5 max(1, \\|f′\\| s / A), and the rounding 2ε(A + \\|f′\\| s)/h. This is an
    upper bound for most functions in reasonable units, by a factor of ten or a hundred too large for smooth
    ones. *What it is not*: a proof. A function that has a kink or a pole nearer to x than s/50, that oscillates
    faster, that is noisy, or whose value is a small difference of large numbers can be farther off.

    *Edges.* Where f is not finite on one side, or so steep that it would change by more than 100 A over s, the
    entry is found by extrapolation with shrinking steps instead, on both sides, else on one, with its measured
    error; if that does not settle (√x at 0), the value is NaN and the error infinite. Either is noted, and costs
    further calls. A step that was given is not replaced. At a kink the two sides are averaged: 0 for \\|x\\| at 0.

    Examples
    --------
    >>> import numpy as np
    >>> d = differences(lambda x, y: np.log(x) + x * y - np.sin(y), 2.0, 5.0, argnums=(0, 1))
    >>> [round(each, 6) for each in d.value]
    [5.5, 1.716338]
    >>> d.evaluations, d.order, max(d.error) < 1e-6
    (4, 2, True)
    >>> differences(lambda x: x**2, np.array([1.0, 2.0, 3.0])).value.round(6).shape
    (3, 3)
    >>> differences(np.sqrt, 0.0).value
    nan
    """
    if method not in _ORDERS:
        raise ArgumentError(f"there is no method {method!r}", f"Take one of {', '.join(_ORDERS)}")
    probe = Probe(f, args, argnums, dtype, _checked_step(h))
    columns = [_column(probe, entry, method) for entry in probe.entries()]
    return _gathered(probe, columns, method)


def _checked_step(h: float | None) -> float | None:
    if h is None or (np.ndim(h) == 0 and np.isfinite(h) and h > 0):
        return h
    raise ArgumentError(f"the step h is {h!r}", "It is one positive number, or None for a good one")


class _Column(NamedTuple):
    """The derivatives of every output in one entry."""

    value: Array
    error: Array
    h: float
    order: int
    note: str = ""


def _column(probe: Probe, entry: Entry, method: Method) -> _Column:
    with np.errstate(all="ignore"):
        if method == "richardson":
            return _extrapolated(probe, entry)
        column, doubtful = _plain(probe, entry, _ORDERS[method])
        if probe.h is not None or not doubtful.any():
            return column
        better = _extrapolated(probe, entry)
    value, error = (np.where(doubtful, b, a) for a, b in zip(column[:2], better[:2], strict=True))
    return _Column(value, error, column.h, column.order, better.note or _note(probe, entry, "is steep"))


def _plain(probe: Probe, entry: Entry, order: int) -> tuple[_Column, NDArray[np.bool_]]:
    """The forward or central difference, and which outputs it is no good for."""
    if order == 1:
        probe.centre()  # before the step is chosen: it shows in which precision f computes
    eps = probe.eps
    h = probe.step(entry, eps ** (1 / (order + 1)))
    value, size = probe.quotient(entry, 0 if order == 1 else -h, h)
    if probe.eps > eps:
        return _plain(probe, entry, order)
    amplitude = np.maximum(size, 1)
    steepness = abs(value) * entry.scale / amplitude
    turn = _RATE * np.maximum(steepness, 1) * h / entry.scale
    remainder = amplitude * turn ** (order + 1) / (h * math.factorial(order + 1))
    error = _infinite(remainder + _rounding(probe, entry, value, size, h))
    doubtful = ~np.isfinite(value) | (steepness > _STEEP)
    note = "" if np.isfinite(value).all() else _note(probe, entry, "is not finite")
    return _Column(value, error, h, order, note), doubtful


def _rounding(probe: Probe, entry: Entry, value: Array, size: Array, h: Any) -> Any:
    return 2 * probe.eps * (np.maximum(size, 1) + abs(value) * entry.scale) / h


def _infinite(error: Any) -> Array:
    return np.where(np.isnan(error), np.inf, error)


def _note(probe: Probe, entry: Entry, what: str) -> str:
    return f"{probe.named(entry)}: {what}"


class _Extrapolate(NamedTuple):
    """The best entry of a table for each output: NaN with an infinite error where there is none."""

    value: Array
    error: Array
    order: Any
    size: Array

    def or_better(self, *other: Any) -> _Extrapolate:
        better = other[1] < self.error
        return _Extrapolate(*(np.where(better, new, old) for new, old in zip(other, self, strict=True)))


_ONE_SIDED = {"above": (0, 1), "below": (-1, 0)}


def _extrapolated(probe: Probe, entry: Entry) -> _Column:
    """Richardson's extrapolation: on both sides where f is finite there, else on one."""
    first = probe.step(entry, _WIDEST)
    best, used = _ridders(probe, entry, first, (-1, 1)), "both sides"
    for side, signs in _ONE_SIDED.items():
        if not np.isfinite(best.error).all():
            best, used = best.or_better(*_ridders(probe, entry, first, signs)), side
    lost = ~(best.error <= _LOST * np.maximum(abs(best.value), np.fmax(best.size, 1) / entry.scale))
    value, error = np.where(lost, np.nan, best.value), np.where(lost, np.inf, best.error)
    what = f"no derivative was found from {used}" if lost.any() else f"extrapolated from {used}"
    return _Column(value, error, first, int(best.order.min(initial=_ROWS)), _note(probe, entry, what))


def _ridders(probe: Probe, entry: Entry, h: Any, signs: tuple[int, int]) -> _Extrapolate:
    """Ridders' table: difference quotients at h, h/2, h/4, ... and the extrapolates of neighbours."""
    power = signs[1] - signs[0]  # the error is a series in h**2, on one side in h
    row: list[Array] = []
    best = None
    for _ in range(_ROWS):
        quotient, size = probe.quotient(entry, signs[0] * h, signs[1] * h)
        best = best or _Extrapolate(*(np.full_like(quotient, fill) for fill in (np.nan, np.inf, 0, 1)))
        if not np.isfinite(quotient).any():  # outside the domain: farther in
            row, h = [], h / 8
            continue
        floor = _rounding(probe, entry, quotient, size, h)
        last, row = row, _next_row(quotient, row, power)
        for column in range(2, len(row)):  # three rows at least have a say
            change = np.maximum(abs(row[column] - row[column - 1]), abs(row[column] - last[column - 1]))
            best = best.or_better(row[column], _SAFETY * change + floor, power * (column + 1), size)
        if np.all(floor >= best.error) or h < 64 * probe.eps * entry.scale:
            break
        h = h / 2
    assert best is not None
    return best


def _next_row(quotient: Array, last: list[Array], power: int) -> list[Array]:
    row = [quotient]
    for column, older in enumerate(last, 1):
        row.append(row[-1] + (row[-1] - older) / (2 ** (power * column) - 1))
    return row


def _gathered(probe: Probe, columns: list[_Column], method: Method) -> Differences:
    """The columns, put together in the structure of the arguments."""
    if probe.shape is None:
        probe.centre()  # nothing to move, but the result has a shape
    assert probe.shape is not None
    value, error, h, rest = [], [], [], iter(columns)
    for leaf, point in zip(probe.leaves, probe.points, strict=True):
        mine = list(islice(rest, point.size))
        value.append(_stacked(leaf, point.shape, [column.value for column in mine], probe.shape))
        error.append(_stacked(leaf, point.shape, [column.error for column in mine], probe.shape))
        h.append(_stacked(leaf, point.shape, [np.asarray(column.h) for column in mine], ()))
    trees = (probe.rebuilt(each) for each in (value, error, h))
    notes = tuple(column.note for column in columns if column.note)
    order = min((column.order for column in columns), default=_ORDERS[method])
    return Differences(*trees, probe.evaluations, order, method, notes)


def _stacked(leaf: Any, shape: tuple[int, ...], parts: list[Array], out: tuple[int, ...]) -> Any:
    whole = np.stack(parts, axis=-1) if parts else np.empty((*out, 0))
    whole = whole.reshape(out + shape)
    return float(whole) if type(leaf) is float and not whole.shape else like(leaf, whole)
