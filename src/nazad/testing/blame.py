"""Who is to blame when backpropagation and differences part: a node's own rule, or the point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad.graph import Node, Value, Where, dtype_of, shape_of
from nazad.ops.families import Elementwise, Linear, Paired
from nazad.ops.several import part
from nazad.testing.adjoint import local_identity, pulled_share
from nazad.testing.compare import STEP, Function, at_a_kink, held_to_differences, one_sided
from nazad.testing.point import Point, Vector, is_float, joined, length, numbers, precision, real_sinks, row
from nazad.trace import Run

_WORD = ((Elementwise, "deriv"), (Linear, "transpose"), (Paired, "pull"))
_ENTRIES = 200  # of an argument up to which its node is checked entry by entry
_DIRECTIONS = 4  # random ones, beyond that
_ENOUGH = 3  # primitives to name
_PATIENCE = 300  # nodes that are looked at once there is something to blame
_NEAR = 1e-12  # a step so small that a staircase has no stair in it
_SHOWN = 4  # arguments whose values are shown


class Blame(NamedTuple):
    """A node whose rule contradicts differences of its own ``calc``.

    Attributes
    ----------
    name : str
        The primitive.
    slot : int
        Which of its arguments.
    stated, differences, error : float
        What the rule gives, and what differences of ``calc`` give, for the worst entry.
    values : str
        The values there.
    where : Where or None
        The user's file and line.
    text : str
        All of that as a sentence.
    """

    name: str
    slot: int
    stated: float
    differences: float
    error: float
    values: str
    where: Where | None
    text: str


class Findings(NamedTuple):
    """The nodes to blame, the last in the computation first, and those at a kink."""

    blames: tuple[Blame, ...]
    kinks: tuple[str, ...]


def examine(done: Run, rng: np.random.Generator, both_modes: bool) -> Findings:
    """Hold every node on the way, in backward order, to differences of its own ``calc``."""
    blames: list[Blame] = []
    kinks: list[str] = []
    moving, patience = _moving_slots(done), _PATIENCE
    with np.errstate(all="ignore"):
        for v in reversed(moving):
            if len(blames) == _ENOUGH or patience < 0:
                break
            patience -= bool(blames)
            known = {(blame.name, blame.slot) for blame in blames}
            for i in moving[v]:
                if (v.op.name, i) not in known:
                    _examine_slot(v, i, done.F, rng, blames, kinks)
            if both_modes and v.op.name not in {blame.name for blame in blames}:
                blames += _pushes_otherwise(v, moving[v], done.F, rng)
    return Findings(tuple(blames), tuple(dict.fromkeys(kinks)))


def _moving_slots(done: Run) -> dict[Node, list[int]]:
    """The nodes between leaves and sinks, in order, each with the arguments through which it moves."""
    graph = done.graph.without_dead()
    reached = {leaf for leaf in graph.leaves if is_float(done.F[leaf])}
    slots: dict[Node, list[int]] = {}
    for v in graph.nodes:
        mine = [i for i, p in enumerate(v.preds) if p in reached]
        values = _results(done.F[v])
        if mine and any(map(is_float, values)) and all(np.all(np.isfinite(y)) for y in values):
            reached.add(v)
            if v.op is not part:  # which takes one of several results, and states nothing
                slots[v] = mine
    return slots


def _results(y: Value) -> tuple[Value, ...]:
    return y if type(y) is tuple else (y,)


def _examine_slot(
    v: Node,
    i: int,
    F: dict[Node, Value],
    rng: np.random.Generator,
    blames: list[Blame],
    kinks: list[str],
) -> None:
    x, weights = F[v.preds[i]], _weights(v, F, rng)
    share = pulled_share(v, i, weights, F)
    stated = np.zeros(length(x)) if share is None else row(np.conjugate(share))
    g, start, exact, turned = _by_entry_or_direction(_calc(v, i, F, weights), x, stated, rng)
    slack = precision(*_results(F[v]), x) ** 0.5 * max(np.max(np.abs(exact), initial=0), 1e-6)
    found = held_to_differences(g, start, exact[None], np.full((1, 1), slack))
    for j in np.flatnonzero(found.disagree[0]):
        kinked, (left,), (right,) = at_a_kink(g, start, int(j))
        if kinked[0] and min(left, right) - slack <= exact[j] <= max(left, right) + slack:
            slopes = f"(slopes {left:.3g} and {right:.3g} on its two sides)"
            kinks.append(f"{_named(v)} is at a kink or a jump {slopes}")
            continue
        if exact[j] == 0 and not any(np.any(side) for side in one_sided(g, start, int(j), _NEAR)):
            kinks.append(
                f"{_named(v)} is constant at the point, and jumps within the step of the differences"
            )
            continue
        found_there = float(exact[j]), float(found.value[0, j]), float(found.error[0, j])
        blames.append(_blame(v, i, found_there, _values(v, F, None if turned else int(j), i)))
        return


def _weights(v: Node, F: dict[Node, Value], rng: np.random.Generator) -> Value:
    """The cotangent to pull: ones where entries are apart, which gives the local derivatives themselves."""

    def weight(y: Value) -> Value:
        if not is_float(y):
            return None
        plain = np.ones(shape_of(y)) if isinstance(v.op, Elementwise) else rng.standard_normal(shape_of(y))
        return np.asarray(plain, dtype_of(y))[()]

    return tuple(map(weight, F[v])) if type(F[v]) is tuple else weight(F[v])


def _calc(v: Node, i: int, F: dict[Node, Value], weights: Value) -> Function:
    """The node's weighted value as a function of one argument's entries."""
    xs: list[Any] = [np.asarray(F[p])[()] if isinstance(F[p], (float, complex)) else F[p] for p in v.preds]

    def g(z: Vector) -> Vector:
        ys = _results(v.op.calc(*xs[:i], numbers(z, xs[i]), *xs[i + 1 :], **v.params))
        pairs = [(np.asarray(y), w) for y, w in zip(ys, _results(weights), strict=True) if w is not None]
        return np.array([sum(np.sum(y * w).real for y, w in pairs)], pairs[0][0].real.dtype)

    return g


def _by_entry_or_direction(
    g: Function, x: Value, stated: Vector, rng: np.random.Generator
) -> tuple[Function, Vector, Vector, bool]:
    start = row(x)
    if start.size <= _ENTRIES:
        return g, start, stated, False
    turns = rng.standard_normal((_DIRECTIONS, start.size))
    return (lambda s: g(start + s @ turns)), np.zeros(_DIRECTIONS), turns @ stated, True


def _blame(v: Node, i: int, numbers: tuple[float, float, float], values: str) -> Blame:
    word = next((word for family, word in _WORD if isinstance(v.op, family)), "deriv")
    of = f" of {len(v.preds)}" if len(v.preds) > 1 else ""
    stated, measured, error = numbers
    truth = f"{measured:.6g} ± {error:.0e}" if np.isfinite(error) else "find none"
    text = (
        f"the {word} of {v.op.name} by argument {i}{of} gives {stated:.6g}, "
        f"and differences of its calc {truth}{values}"
    )
    return Blame(v.op.name, i, stated, measured, error, values, v.where, text)


def _pushes_otherwise(
    v: Node, moving: Sequence[int], F: dict[Node, Value], rng: np.random.Generator
) -> list[Blame]:
    held = local_identity(v, F, moving, rng)
    if held.holds:
        return []
    values = _values(v, F, None, moving[0])
    text = f"push and pull of {v.op.name} are not adjoint: {held}{values}"
    return [Blame(v.op.name, moving[0], held.pulled, held.pushed, held.rounding, values, v.where, text)]


def _values(v: Node, F: dict[Node, Value], place: int | None, slot: int) -> str:
    """The values around one entry where that can be said, else the shapes."""
    values = [F[p] for p in v.preds]
    each = 1 + np.iscomplexobj(values[slot])
    index = None if place is None else np.unravel_index(place // each, shape_of(values[slot]))
    if index is not None and isinstance(v.op, Elementwise) and shape_of(values[slot]) == shape_of(F[v]):
        shown = [f"{np.broadcast_to(x, shape_of(F[v]))[index]:.6g}" for x in values]
        return f", at {', '.join(shown)} with value {np.asarray(F[v])[index]:.6g}"
    shapes = [f"{x:.6g}" if shape_of(x) == () else f"shape {shape_of(x)}" for x in values[:_SHOWN]]
    return f", at {', '.join(shapes)}{', ...' if len(values) > _SHOWN else ''}"


def _named(v: Node) -> str:
    return f"{v.op.name} at {v.where}" if v.where is not None else v.op.name


# --- every node agrees: then it is the point
def reason(point: Point, done: Run, directions: Sequence[Vector], kinks: Sequence[str]) -> str:
    """The likeliest reason why backpropagation and differences part, when no node is to blame."""
    branch = next((text for d in directions if (text := _other_branch(point, done, d))), "")
    if branch:
        return branch
    if kinks:
        return kinks[0]
    real, point_value = real_sinks(done), joined(done.value, real_sinks(done))
    first, second = (joined(point.function(*point.rebuilt(point.vector)), real) for _ in range(2))
    if not np.array_equal(first, second, equal_nan=True):
        return "called twice at the same point, the function gives different values"
    if not np.allclose(first, point_value, rtol=precision(*point.leaves) ** 0.5, equal_nan=True):
        return "the function gives another value on plain numbers than while it is traced"
    for d in directions:
        if text := _kinked(point, real, d):
            return text
    return "what is left is numerical noise: the function varies faster than differences can follow"


def _other_branch(point: Point, done: Run, direction: Vector) -> str:
    """Whether Python decides otherwise within the step of the differences."""
    asked = [(guard.what, guard.answer) for guard in done.trace.guards]
    if not asked:
        return ""
    for sign in (1, -1):
        there = point.run(point.rebuilt(point.vector + sign * STEP * direction)).trace.guards
        answers = [(guard.what, guard.answer) for guard in there]
        if answers != asked:
            k = next((k for k, pair in enumerate(zip(asked, answers, strict=False)) if pair[0] != pair[1]), 0)
            where = done.trace.guards[k].where
            line = f" ({where.source})" if where is not None and where.source else ""
            return f"the branch at {where}{line} is taken otherwise within the step of the differences"
    return ""


def _kinked(point: Point, real: Sequence[int], direction: Vector) -> str:
    def along(s: Vector) -> Vector:
        return joined(point.function(*point.rebuilt(point.vector + s[0] * direction)), real)

    kinked, left, right = at_a_kink(along, np.zeros(1), 0)
    if not kinked.any():
        return ""
    k = int(np.argmax(kinked * np.abs(right - left)))
    slopes = f"slopes {left[k]:.3g} and {right[k]:.3g} on its two sides"
    return f"the function has a kink or a jump there: {slopes}"
