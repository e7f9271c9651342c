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

_ORDERS: dict[str, int] = {"forward": 1, "central": 2, "richardson": 6}
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
        The gradient of a scalar function, or the Jacobian, ``out.shape + in.shape`` for each argument; by a
        complex z = x + iy it is f_x - i f_y.
    error : pytree
        An estimate of ``|value - derivative|`` for each entry; ``inf`` where the value is NaN.
    h : pytree
        The step of each entry of the arguments; with Richardson's extrapolation, the first one.
    evaluations : int
        How often the function was called.
    order : int
        The error falls at least as this power of h: 1 forward, 2 central, 6 extrapolated from both sides.
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
        Gives a number or an array, from NumPy arrays, numbers and structures of them; real ones, where an
        argument to differentiate in is complex.
    *args : pytree
        Where to differentiate. They are never changed; ``f`` sees copies of those it is differentiated in.
    method : {"central", "forward", "richardson"}
        Central takes 2n calls for n entries, forward n + 1, Richardson's extrapolation some 14n.
    argnums : int or sequence of int
        Which arguments to differentiate in; a sequence gives a tuple.
    h : float, optional
        The step, the same for every entry. By default max(1, abs(x)) times √ε forward, ∛ε central, and 0.14
        as the first of Richardson's. It is rounded such that x + h differs from x by h exactly.
    dtype : dtype, optional
        The precision in which the arguments are moved, if theirs is less: float32 arguments are moved, and
        ``f`` is called, in float64. ``None`` keeps the arguments' own. Results are at least float64.

    Returns
    -------
    Differences
        Value, error and step in the structure of the arguments; the number of calls; notes.

    Raises
    ------
    ArgumentError
        If an argument to differentiate in is not floating, or ``f`` gives something else than numbers.

    Notes
    -----
    *What the error is.* For Richardson's extrapolation it is measured: twice what neighbours in the table
    differ by, and the rounding. Forward and central differences have no call to spare for that. There it is
    assumed: the Taylor remainder of a function of size A = max(1, abs(f)) that varies over the scale
    s = max(1, abs(x)) no faster than sin(R t), with R = 5 max(1, abs(f′) s / A), and the rounding
    2ε(A + abs(f′) s) / h. For most functions in reasonable units that is an upper bound, ten or a hundred
    times too large for smooth ones.

    *What it is not* is a proof. A function can be farther off that has a pole, a branch point or a kink
    nearer to x than about s/50, oscillates much faster than sin(5t), is noisy, or is a small difference of
    large numbers. When in doubt, ask for ``method="richardson"``.

    *Edges.* Where f is not finite on one side, or so steep that it would change by more than 100 A over s, an
    entry is extrapolated instead, with steps that shrink, on both sides or else on one, and with its measured
    error. If that does not settle, as for √x at 0, the value is NaN and the error infinite. Both are noted,
    and cost further calls. A step that was given is not replaced. A ``ValueError`` or ``ArithmeticError`` of
    f beside the point counts as NaN. Central differences do not look at x itself, and may find 0 at a pole;
    at a kink they average both sides, and the derivative of abs at 0 is 0.

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

    An edge of the domain:

    >>> d = differences(np.sqrt, 0.0)
    >>> d.value, d.error, d.notes
    (nan, inf, ('argument 0: f is not finite at x + h or x - h; no derivative was found',))
    """
    if method not in _ORDERS:
        raise ArgumentError(f"there is no method {method!r}", f"Take one of {', '.join(_ORDERS)}")
    probe = Probe(f, args, argnums, dtype, _checked_step(h))
    with np.errstate(all="ignore"):  # beside the point may be outside the domain
        columns = {entry: _column(probe, entry, method) for entry in probe.entries()}
        return _gathered(probe, columns, method)


def _checked_step(h: float | None) -> float | None:
    if h is None or (np.ndim(h) == 0 and np.isfinite(h) and h > 0):
        return h
    raise ArgumentError(f"the step h is {h!r}", "It is one positive number, or None for a good one")


class _Column(NamedTuple):
    """The derivatives of every output in one entry."""

    value: Array
    error: Array
    h: Any
    note: str = ""


def _column(probe: Probe, entry: Entry, method: Method) -> _Column:
    if method == "richardson":
        return _extrapolated(probe, entry)
    column, doubtful = _plain(probe, entry, _ORDERS[method])
    if probe.h is not None or not doubtful.any():
        return column
    value, error, _, note = _rescued(probe, entry, doubtful)
    value, error = np.where(doubtful, value, column.value), np.where(doubtful, error, column.error)
    return _Column(value, error, column.h, f"{column.note or 'f is steep'}; {note}")


def _rescued(probe: Probe, entry: Entry, doubtful: NDArray[np.bool_]) -> _Column:
    """What a fixed step will not do for, found by extrapolation where f has a value at the point."""
    known = np.isfinite(probe.centre())
    if not (doubtful & known).any():
        nothing = np.full(known.shape, np.nan)
        return _Column(nothing, np.full(known.shape, np.inf), 0, "f is not finite at x")
    value, error, h, note = _extrapolated(probe, entry)
    return _Column(np.where(known, value, np.nan), np.where(known, error, np.inf), h, note or _BOTH)


def _plain(probe: Probe, entry: Entry, order: int) -> tuple[_Column, NDArray[np.bool_]]:
    """The forward or central difference, and the outputs for which it will not do."""
    if order == 1:
        probe.centre()  # before the step is chosen: it shows in which precision f computes
    eps = probe.eps
    h = probe.step(entry, eps ** (1 / (order + 1)))
    value, size = probe.quotient(entry, 0 if order == 1 else -h, h)
    if probe.eps > eps:
        return _plain(probe, entry, order)  # the first value has shown that this step is too small
    steepness = abs(value) * entry.scale / np.maximum(size, 1)
    error = _remainder(size, steepness, h / entry.scale, order) / h + _rounding(probe, entry, value, size, h)
    finite = np.isfinite(value)
    note = "h is too small to change x" if h == 0 else "f is not finite at x + h or x - h"
    value, error = np.where(finite, value, np.nan), np.where(finite, error, np.inf)
    column = _Column(value, error, h, "" if finite.all() else note)
    return column, ~finite | (steepness > _STEEP)


def _remainder(size: Array, steepness: Array, t: Any, order: int) -> Any:
    """Taylor's, h times, of a sine of this size whose rate is the assumed one or what f itself shows."""
    turn = _RATE * np.maximum(steepness, 1) * t
    return np.maximum(size, 1) * turn ** (order + 1) / math.factorial(order + 1)


def _rounding(probe: Probe, entry: Entry, value: Array, size: Array, h: Any) -> Any:
    return 2 * probe.eps * (np.maximum(size, 1) + abs(value) * entry.scale) / h


class _Best(NamedTuple):
    """The best that a table has for each output: NaN with an infinite error where there is nothing."""

    value: Array
    error: Array
    size: Array

    def or_better(self, *other: Any) -> _Best:
        better = other[1] < self.error
        return _Best(*(np.where(better, new, old) for new, old in zip(other, self, strict=True)))


_BOTH = "extrapolated from both sides"
_ONE_SIDED = {"extrapolated from above": (0, 1), "extrapolated from below": (-1, 0)}


def _extrapolated(probe: Probe, entry: Entry) -> _Column:
    """Richardson's extrapolation: on both sides where f is finite there, else on one."""
    first = probe.step(entry, _WIDEST)
    best, note = _ridders(probe, entry, first, (-1, 1)), ""
    for side, signs in _ONE_SIDED.items():
        if not np.isfinite(best.error).all():
            best, note = best.or_better(*_ridders(probe, entry, first, signs)), side
    settled = best.error <= _LOST * np.maximum(abs(best.value), best.size / entry.scale)
    value, error = np.where(settled, best.value, np.nan), np.where(settled, best.error, np.inf)
    return _Column(value, error, first, note if settled.all() else "no derivative was found")


def _ridders(probe: Probe, entry: Entry, h: Any, signs: tuple[int, int]) -> _Best:
    """Ridders' table: difference quotients at h, h/2, h/4, ... and the extrapolates of neighbours."""
    power = signs[1] - signs[0]  # the error is a series in h**2, on one side in h
    best, row = _Best(np.array(np.nan), np.array(np.inf), np.array(1.0)), list[Array]()
    for _ in range(_ROWS):
        if not h > 64 * probe.eps * entry.scale:
            break
        quotient, size = probe.quotient(entry, signs[0] * h, signs[1] * h)
        if quotient.size and not np.isfinite(quotient).any():  # outside the domain: farther in
            best, row, h = best.or_better(quotient, np.inf, size), [], h / 8
            continue
        floor = _rounding(probe, entry, quotient, size, h)
        last, row = row, _next_row(quotient, row, power)
        best = _with_row(best, row, last, floor, np.maximum(size, 1))
        if np.all(floor >= best.error):
            break  # a smaller h has more rounding
        h = h / 2
    return best


def _next_row(quotient: Array, last: list[Array], power: int) -> list[Array]:
    row = [quotient]
    for column, older in enumerate(last, 1):
        row.append(row[-1] + (row[-1] - older) / (2 ** (power * column) - 1))
    return row


def _with_row(best: _Best, row: list[Array], last: list[Array], floor: Any, size: Array) -> _Best:
    best = best.or_better(row[0], np.inf, size)
    for column in range(2, len(row)):  # three rows at least have a say
        change = np.maximum(abs(row[column] - row[column - 1]), abs(row[column] - last[column - 1]))
        best = best.or_better(row[column], _SAFETY * change + floor, size)
    return best


def _gathered(probe: Probe, columns: dict[Entry, _Column], method: Method) -> Differences:
    """The columns, put together in the structure of the arguments."""
    out = probe.shape if probe.shape is not None else probe.centre().shape  # nothing was moved
    rest = iter(columns.values())
    found: tuple[list[Any], ...] = [], [], []
    for leaf, point, is_complex in zip(probe.leaves, probe.points, probe.is_complex, strict=True):
        mine = _stacked(list(islice(rest, point.size)), point.shape, out)
        for each, part in zip(found, _joined(*mine) if is_complex else mine, strict=True):
            each.append(_as(leaf, part))
    notes = tuple(f"{probe.named(entry)}: {column.note}" for entry, column in columns.items() if column.note)
    trees = [probe.rebuilt(each) for each in found]
    return Differences(trees[0], trees[1], trees[2], probe.evaluations, _ORDERS[method], method, notes)


def _stacked(columns: list[_Column], shape: tuple[int, ...], out: tuple[int, ...]) -> tuple[Array, ...]:
    """Value, error and step for all entries of a leaf."""

    def whole(parts: list[Any], out: tuple[int, ...]) -> Array:
        return (np.stack(parts, axis=-1) if parts else np.empty((*out, 0))).reshape(out + shape)

    values, errors, steps, _ = map(list, zip(*columns, strict=True)) if columns else ([],) * 4
    return whole(values, out), whole(errors, out), whole(steps, ())


def _joined(value: Array, error: Array, h: Array) -> tuple[Array, ...]:
    """The same of both parts of z = x + iy together: the derivative is f_x - i f_y."""
    size = np.hypot(error[..., 0], error[..., 1])
    return value[..., 0] - 1j * value[..., 1], size, h[..., 0] + 1j * h[..., 1]


def _as(leaf: Any, part: Array) -> Any:
    return part.item() if type(leaf) in (float, complex) and not part.shape else like(leaf, part)
