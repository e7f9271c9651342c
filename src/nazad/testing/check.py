"""Backpropagation held to differences, entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from nazad.errors import ArgumentError, GradientMismatch
from nazad.graph import Value, like, zeros_like
from nazad.testing.adjoint import AdjointIdentity, identity, random_seeds
from nazad.testing.blame import Blame, Findings, examine, reason
from nazad.testing.compare import Compared, Entry, Matrix, held_to_differences
from nazad.testing.point import ArgNums, Point, Vector, joined, length, numbers, precision, real_sinks, row
from nazad.trace import Run

_BY_ENTRY = 2000  # entries of the arguments, up to which each is moved by itself
_DIRECTIONS = 8  # random ones, beyond that
_ROWS = 16  # entries of the result, up to which each has its own gradient
_WEIGHTINGS = 2  # random ones, beyond that
_PAIRS = 2  # of random directions for the adjoint identity
_MODES = ("reverse", "forward")
_SHOWN = 10


@dataclass(frozen=True, slots=True, eq=False)
class GradientCheck:
    """What a check found. Made by :func:`check_gradients`; ``print`` shows it as a table, the worst first.

    Attributes
    ----------
    entries : tuple of Entry
        Every partial derivative that was compared, those farthest off first: ``name``, ``backpropagation``,
        ``differences``, ``error`` (that of the differences) and ``tolerance``.
    adjoint : tuple of AdjointIdentity
        Forward mode against reverse, for some random directions.
    order : int
        The order of the derivatives in ``entries``; lower ones agreed before it was tried.
    how : str
        Whether each entry was moved by itself, or random directions were taken.
    blames : tuple of Blame
        Where something disagrees: the nodes whose own rule contradicts their own ``calc``.
    reason : str
        Where something disagrees and no node is to blame: the likely reason.
    """

    entries: tuple[Entry, ...]
    adjoint: tuple[AdjointIdentity, ...]
    order: int
    how: str
    blames: tuple[Blame, ...] = ()
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether everything agrees, and something was checked where there was something to check."""
        vain = bool(self.entries) and not any(entry.is_checked for entry in self.entries)
        agree = all(entry.agrees for entry in self.entries) and all(each.holds for each in self.adjoint)
        return agree and not vain

    def __bool__(self) -> bool:
        return self.ok

    def text(self, rows: int = _SHOWN) -> str:
        """The entries as a table in plain text, the worst first, at most so many."""
        lines = [self._summary(), *_table(self.entries[:rows])]
        if len(self.entries) > rows:
            lines.append(f"... and {len(self.entries) - rows} more")
        return "\n".join([*lines, *map(str, self.adjoint)])

    __str__ = text

    def _summary(self) -> str:
        wrong = sum(not entry.agrees for entry in self.entries)
        unknown = sum(not entry.is_checked for entry in self.entries)
        note = f"; {unknown} have no numerical derivative" if unknown else ""
        agree = "all agree" if not wrong else f"{wrong} of {len(self.entries)} disagree"
        if unknown == len(self.entries) > 0:
            agree = "nothing could be checked"
        return f"backpropagation and differences, order {self.order}, {self.how}: {agree}{note}"


def check_gradients(
    f: Callable[..., Any],
    *args: Any,
    argnums: ArgNums = None,
    modes: Sequence[str] = _MODES,
    order: int = 1,
    rtol: float | None = None,
    raises: bool = True,
    **kwargs: Any,
) -> GradientCheck:
    """Hold backpropagation to difference quotients, and name the node to blame where they part.

    Parameters
    ----------
    f : callable
        A function written in NumPy; it may return any structure of arrays, of which the floating-point
        numbers are checked, real and imaginary part of each by itself.
    *args : pytree of array_like
        The point.
    argnums : int, str or sequence of these, optional
        By which arguments to differentiate: positions, or names of keyword arguments. By default by every
        floating-point number among the positional ones, and by both parts of a complex one.
    modes : sequence of {"reverse", "forward"}, optional
        ``"reverse"`` holds backpropagation to differences, ``"forward"`` holds forward mode to
        backpropagation, by the adjoint identity and to rounding.
    order : int, optional
        With 2, the gradient's own gradient is checked as well.
    rtol : float, optional
        What is allowed for rounding in backpropagation, besides the error that the differences state: this
        part of the largest entry of that argument's gradient. By default √ε of the arguments' precision.
    raises : bool, optional
        Whether a disagreement is raised, or just returned.
    **kwargs
        Passed on to the function.

    Returns
    -------
    GradientCheck
        All numbers, which can be printed; true where everything agrees.

    Raises
    ------
    GradientMismatch
        If they part. The message names the primitive whose rule contradicts its own ``calc``, the argument,
        your file and line and the values there; or says that every node agrees by itself, and what is likely
        then: a branch, a kink or a jump at the point, or noise.
    ArgumentError
        If there is nothing to differentiate, or the function is not finite at the point.

    Notes
    -----
    Each entry of the arguments is moved by itself where they have up to 2000, else they are moved along 8
    random directions; each entry of the result has its own gradient where there are up to 16, else 2 random
    weightings of all. The result says which. Differences are taken in double precision, also of float32
    arguments; they are central first, and extrapolated where they disagree or are vague. Entries for which
    differences find no derivative, as at the edge of a domain, are counted and pass, if there are others.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> check = check_gradients(lambda x, y: np.log(x) + x * y - np.sin(y), 2.0, 5.0)
    >>> print(check.text())
    backpropagation and differences, order 1, entry by entry: all agree
    entry  backpropagation  differences      ±
    ...
    >>> cube = nz.elementwise(lambda x: x**3, lambda y, x: 2 * x**2, name="cube")
    >>> check_gradients(lambda x: cube(x), 2.0, raises=False).blames[0].text
    'the deriv of cube by argument 0 gives 8, and differences of its calc 12 ± ..., at 2 with value 8'
    """
    _demand_sensible(modes, order)
    rng = np.random.default_rng(0)  # the same directions each time: a check that fails must fail again
    point = Point.of(f, args, kwargs, argnums)
    for level in range(1, order + 1):
        check, y_bars = _one_order(point, level, modes, rtol, rng)
        if not check.ok or level == order:
            break
        point = point.gradient(y_bars)
    if raises and not check.ok:
        raise _mismatch(check)
    return check


def _demand_sensible(modes: Sequence[str], order: int) -> None:
    if isinstance(modes, str) or not modes or not set(modes) <= set(_MODES):
        raise ArgumentError(f"modes is {modes!r}", f"It is a sequence of some of {', '.join(_MODES)}.")
    if order not in range(1, 10):
        raise ArgumentError(
            f"order is {order!r}", "It is 1 for the gradient, 2 for the gradient's gradient too."
        )


def _one_order(
    point: Point, order: int, modes: Sequence[str], rtol: float | None, rng: np.random.Generator
) -> tuple[GradientCheck, list[Value]]:
    with np.errstate(all="ignore"):
        done = point.run()
        _demand_finite(point, done)
        plan = _plan(point, done, rng)
        compared = _compare(point, done, plan, rtol) if "reverse" in modes else None
        adjoint = tuple(identity(done, rng) for _ in range(_PAIRS)) if "forward" in modes else ()
        found = _entries(plan, compared)
        check = GradientCheck(found, adjoint, order, plan.how)
        if not check.ok:
            worst = _worst_directions(point, plan, compared)
            check = _explained(check, point, done, worst, examine(done, rng, "forward" in modes))
        return check, plan.seeds[0] if plan.rows == [""] else random_seeds(done, rng)


# --- what is compared
class _Plan(NamedTuple):
    """Which weightings of the results are differentiated along which directions of the arguments."""

    seeds: list[list[Value]]
    rows: list[str]
    turns: Matrix | None
    columns: list[str]
    how: str


def _plan(point: Point, done: Run, rng: np.random.Generator) -> _Plan:
    turns, how = None, "entry by entry"
    x, results = point.vector, sum(length(done.F[done.graph.sinks[k]]) for k in real_sinks(done))
    if x.size > _BY_ENTRY:
        turns = rng.standard_normal((_DIRECTIONS, x.size)) * np.maximum(1, np.abs(x))
        how = f"along {_DIRECTIONS} random directions"
    columns = point.names() if turns is None else [f"direction {k}" for k in range(_DIRECTIONS)]
    if results <= _ROWS:
        return _Plan(_unit_seeds(done), point.result_names(done), turns, columns, how)
    seeds = [random_seeds(done, rng) for _ in range(_WEIGHTINGS)]
    rows = [f"weighting {k}" for k in range(_WEIGHTINGS)]
    how += f", {_WEIGHTINGS} random weightings of the {results} results"
    return _Plan(seeds, rows, turns, columns, how)


def _unit_seeds(done: Run) -> list[list[Value]]:
    """For every number in the result the cotangent that is one there and zero elsewhere."""
    values = [done.F[sink] for sink in done.graph.sinks]
    seeds: list[list[Value]] = []
    for k in real_sinks(done):
        for unit in np.eye(length(values[k])):
            one = np.conjugate(numbers(unit, values[k]))
            seeds.append([like(one, y, "", "") if j == k else zeros_like(y) for j, y in enumerate(values)])
    return seeds


def _compare(point: Point, done: Run, plan: _Plan, rtol: float | None) -> Compared:
    exact = np.stack([_gradient(done, seeds) for seeds in plan.seeds])
    slack = _slack(point, done, exact, rtol)
    real = real_sinks(done)
    weights = np.stack([joined([np.conjugate(y) for y in seeds], real) for seeds in plan.seeds])
    working = point.working_dtype()

    def g(x: Vector) -> Vector:
        weighted: Vector = weights @ joined(point.function(*point.rebuilt(x)), real)
        return weighted.astype(working)  # from which differences see how far to go

    turns = plan.turns
    if turns is None:
        return held_to_differences(g, point.vector, exact, slack)
    wide = np.linalg.norm(slack, axis=1, keepdims=True) * np.max(np.abs(turns))
    along = exact @ turns.T
    return held_to_differences(lambda s: g(point.vector + s @ turns), np.zeros(len(turns)), along, wide)


def _gradient(done: Run, seeds: list[Value]) -> Vector:
    B = done.graph.backward(done.F, seeds, wrt=done.graph.leaves)
    return np.concatenate([row(np.conjugate(B[leaf])) for leaf in done.graph.leaves])


def _slack(point: Point, done: Run, exact: Matrix, rtol: float | None) -> Matrix:
    """For each entry a part of the largest one that the gradient by the same leaf has."""
    part = precision(*done.F.values()) ** 0.5 if rtol is None else rtol
    sizes = [length(x) for x in point.leaves]
    known = np.where(np.isfinite(exact), np.abs(exact), 0)
    blocks = np.split(known, np.cumsum(sizes)[:-1], axis=1)
    largest = [np.repeat(np.max(b, axis=1, keepdims=True, initial=0), b.shape[1], axis=1) for b in blocks]
    slack: Matrix = part * np.concatenate(largest, axis=1)
    return slack


def _entries(plan: _Plan, compared: Compared | None) -> tuple[Entry, ...]:
    if compared is None:
        return ()
    names = [f"{row} by {column}" if row else column for row in plan.rows for column in plan.columns]
    numbers = (np.ravel(each).tolist() for each in compared)
    found = [Entry(*each) for each in zip(names, *numbers, strict=True)]
    return tuple(sorted(found, key=lambda entry: -entry.off))


def _demand_finite(point: Point, done: Run) -> None:
    real = real_sinks(done)
    if not real:
        raise ArgumentError("the function returns no floating-point numbers", "There is nothing to check.")
    if all(np.all(np.isfinite(done.F[done.graph.sinks[k]])) for k in real):
        return
    for v in done.graph.without_dead().nodes:
        if not np.all(np.isfinite(done.F[v])):
            value = np.ravel(done.F[v])[~np.isfinite(np.ravel(done.F[v]))][0]
            name = str(v.params.get("name", "a constant")) if v.is_source else v.op.name
            raise ArgumentError(
                f"the function is not finite at this point: {name} is the first that is {value}",
                "Derivatives are checked where the function is finite.",
                v.where,
            )


# --- what is said of it
def _worst_directions(point: Point, plan: _Plan, compared: Compared | None, most: int = 3) -> list[Vector]:
    """The directions of the arguments along which the disagreement is largest."""
    if compared is None:
        return []
    parted = np.abs(compared.exact - compared.value) / compared.tolerance
    off = np.where(compared.disagree | ~np.isfinite(compared.error), parted, 0)
    order = np.argsort(-np.nan_to_num(off, nan=np.inf).max(axis=0))[:most]
    if plan.turns is not None:
        return list(plan.turns[order])
    scale = np.maximum(1, np.abs(point.vector))
    return [np.where(np.arange(scale.size) == j, scale, 0.0) for j in order]


def _explained(
    check: GradientCheck, point: Point, done: Run, worst: list[Vector], findings: Findings
) -> GradientCheck:
    why = "" if findings.blames else reason(point, done, worst, findings.kinks)
    return GradientCheck(check.entries, check.adjoint, check.order, check.how, findings.blames, why)


def _mismatch(check: GradientCheck) -> GradientMismatch:
    if not check.blames:
        met = f"no node is to blame, each agrees with differences of its own calc: {check.reason}"
        return GradientMismatch(f"{met}\n{check.text()}")
    first, *others = check.blames
    line = getattr(first.where, "source", "")
    also = "".join(f"\nalso {b.where}: {b.text}" for b in others)
    source = f"\n    {line}" if line else ""
    return GradientMismatch(f"{first.text}{source}{also}\n{check.text()}", where=first.where)


def _table(found: Sequence[Entry]) -> list[str]:
    heads = ("entry", "backpropagation", "differences", "±", "")
    cells = [heads, *(_cells(entry) for entry in found)] if found else []
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        f"{name:<{widths[0]}}  "
        + "  ".join(f"{cell:>{width}}" for cell, width in zip(rest, widths[1:], strict=True)).rstrip()
        for name, *rest in cells
    ]


def _cells(entry: Entry) -> tuple[str, ...]:
    verdict = "" if entry.agrees and entry.is_checked else "unknown" if entry.agrees else "disagrees"
    numbers = (f"{entry.backpropagation:.9g}", f"{entry.differences:.9g}", f"{entry.error:.0e}")
    return (entry.name, *numbers, verdict)
