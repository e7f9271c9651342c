"""scan: a loop of a known number of steps that stays one operation when a function is traced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nazad.api.carry import (
    CAPTURED,
    REMEDY,
    begun,
    demand_pair,
    demand_same,
    handed_on,
    named,
    own,
    settled,
    strong,
)
from nazad.bodies.form import run_loop
from nazad.bodies.rows import rows_picked
from nazad.bodies.traced import Body, body_of, is_traced
from nazad.errors import ArgumentError, ShapeError
from nazad.graph import Graph, Value, dtype_of, here, shape_of
from nazad.trace.inside import plain
from nazad.tree import Structure, Tree, flatten, tree_map, unflatten


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Tree,
    xs: Tree = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
    *,
    checkpoints: int | None = None,
    memory: int | None = None,
) -> tuple[Tree, Tree]:
    """A loop that hands something on, goes along arrays, and stacks up what its steps return.

    Parameters
    ----------
    f : callable
        ``carry, y = f(carry, x)``, one step. What it hands on keeps its structure, shapes and dtypes.
    init : pytree of array_like
        What is handed to the first step. A Python number takes the dtype of what is handed on.
    xs : pytree of array_like, optional
        Arrays that have a row for each step.
    length : int, optional
        The number of steps; needed where ``xs`` has no arrays.
    reverse : bool, optional
        From the last row to the first; results stand in the order of ``xs`` all the same.
    unroll : int or bool, optional
        Taken for JAX's sake; the compiler decides for itself.
    checkpoints : int, optional
        How many carries the way back may hold at a time. Those between are worked out again, by the schedule
        of fewest steps: C(s + r, s) steps take s checkpoints and r runs of each.
    memory : int, optional
        The same in bytes: as many checkpoints as fit.

    Returns
    -------
    carry : pytree
        What the last step handed on.
    ys : pytree
        What the steps returned besides, stacked along a new first axis.

    Raises
    ------
    TraceError
        At an ``if`` or ``while`` on a value inside a step that is being traced.
    ShapeError, ArgumentError
        If the carry changes its shape, dtype or structure.

    Notes
    -----
    Backwards each step is worked out again from what was handed to it, so that memory grows by one carry for
    each step, and not by all that a step works out. With ``checkpoints`` it does not grow, but for what has a
    row for each step anyway; the gradient is the same. Higher derivatives keep all carries again, and under
    :func:`jit` the way back runs in NumPy.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> def step(total, x):
    ...     total = total + x
    ...     return total, total
    >>> nz.scan(step, 0.0, np.array([1.0, 2.0, 3.0]))
    (np.float64(6.0), array([1., 3., 6.]))
    >>> nz.grad(lambda a: nz.scan(lambda c, x: (a * c + x, None), 1.0, np.ones(3), checkpoints=2)[0])(2.0)
    17.0

    References
    ----------
    A. Griewank and A. Walther, Algorithm 799: revolve, an implementation of checkpointing for the reverse or
    adjoint mode of computational differentiation, ACM Transactions on Mathematical Software 26 (2000).
    """
    rows, structure = flatten(xs)
    _demand_rows(rows)
    count = _count(rows, length)
    if count and not is_traced([*flatten(init)[0], *rows]):
        done = _plain_scan(f, init, rows, structure, range(count)[::-1] if reverse else range(count))
        if done is not CAPTURED:
            carry, outputs = done
            stacked = outputs[::-1] if reverse else outputs
            return carry, tree_map(lambda *column: np.stack(column), *stacked)
    budget = _budget(checkpoints, memory, init)
    return _traced_scan(f, init, rows, structure, count, reverse, budget)


def _plain_scan(
    f: Callable[..., Any], carry: Tree, rows: Sequence[Value], structure: Structure, steps: range
) -> Any:
    def step(carry: Tree, t: int) -> Any:
        new, y = demand_pair(f(own(carry), unflatten(structure, [own(x[t]) for x in rows])))
        return new, own(y)

    first = step(carry, steps[0])
    if is_traced(flatten(first)[0]):
        return CAPTURED
    carry, changed = begun(carry, first[0])
    new, y = step(carry, steps[0]) if changed else first
    outputs = [y]
    for t in steps[1:]:
        demand_same(carry, new)
        carry = new
        new, y = step(carry, t)
        outputs.append(y)
    demand_same(carry, new)
    return new, outputs


def _traced_scan(
    f: Callable[..., Any],
    init: Tree,
    rows: Sequence[Value],
    row_structure: Structure,
    count: int,
    reverse: bool,
    checkpoints: int,
) -> tuple[Tree, Tree]:
    start, structure = flatten(init)
    n = len(start)
    first = [_row(x, count, reverse) for x in rows]
    names = [*named("carry", init), *(f"x{k}" for k in range(len(rows)))]

    def step(*values: Value) -> Any:
        carry, x = unflatten(structure, values[:n]), unflatten(row_structure, values[n:])
        new, y = demand_pair(f(carry, x))
        return handed_on(new, structure, values), tree_map(strong, y)

    values, body = settled(lambda now: body_of(step, [*now, *first], names, REMEDY), start, structure)
    graph, fixed, inputs = _grouped(body, n, rows)
    slices = [(count - 1, -1) if reverse else (0, 1)] * len(inputs)
    results = run_loop(graph, count, (values, fixed, inputs), slices, checkpoints)
    ys = [y[::-1] if reverse else y for y in results[n:]]
    return unflatten(structure, results[:n]), unflatten(body.structure.children()[1], ys)


def _grouped(body: Body, carries: int, rows: Sequence[Value]) -> tuple[Graph, list[Value], list[Value]]:
    """The body as a loop has it, what is the same in every step, and what it goes along."""
    n, m = carries, carries + len(rows)
    counters = {v: x for v, x in zip(body.graph.leaves[n:m], rows, strict=True) if _counts(x)}
    arrays = dict(zip(body.graph.leaves[m:], body.operands, strict=True))
    graph, picked = rows_picked(body.graph, arrays, counters)
    read = {p for v in graph.nodes for p in v.preds} | set(graph.sinks)
    fixed = {v: x for v, x in arrays.items() if v in read}
    leaves = [*graph.leaves[:n], *fixed, *graph.leaves[n:m], *graph.leaves[m + len(arrays) :]]
    whole = Graph(leaves, graph.sinks, [v for v in graph.nodes if v not in arrays or v in fixed])
    return whole, [*fixed.values()], [*rows, *picked]


def _counts(x: Value) -> bool:
    return type(x) is np.ndarray and x.ndim == 1 and x.dtype.kind in "iu" and x.size > 0


def _budget(checkpoints: int | None, memory: int | None, init: Tree) -> int:
    """How many carries may be held at a time; 0 for all."""
    if checkpoints is None and memory is None:
        return 0
    given = {name: n for name, n in (("checkpoints", checkpoints), ("memory", memory)) if n is not None}
    if len(given) == 2 or min(given.values()) < 1:
        raise ArgumentError(
            f"the scan got {' and '.join(f'{name}={n}' for name, n in given.items())}",
            "Give one of them, at least 1.",
            here(),
        )
    carry = sum(np.size(plain(x)) * dtype_of(x).itemsize for x in flatten(init)[0])
    return max(1, checkpoints if checkpoints is not None else given["memory"] // max(carry, 1))


def _demand_rows(rows: Sequence[Any]) -> None:
    for k, x in enumerate(rows):
        if not shape_of(x):
            raise ShapeError(
                f"leaf {k} of xs is a single number, and a scan goes along an axis",
                "Give arrays with a row for each step: np.asarray for a list.",
                here(),
            )


def _count(rows: Sequence[Value], length: int | None) -> int:
    """The number of steps."""
    counts = {shape_of(x)[0] for x in rows} | (set() if length is None else {int(length)})
    if len(counts) > 1:
        raise ShapeError(
            f"the scan has different numbers of steps: {sorted(counts)}",
            "Arrays in xs have a row for each step, and length says the same if it is given.",
            here(),
        )
    if not counts:
        raise ArgumentError("the scan has no xs and no length", "Say how many steps: length=10.", here())
    return counts.pop()


def _row(x: Value, count: int, reverse: bool) -> Value:
    """The row of the first step, or some row where there is none."""
    array = plain(x)
    return array[-1 if reverse else 0] if count else np.ones(array.shape[1:], array.dtype)[()]
