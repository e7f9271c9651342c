"""Loops that stay what they are when a function is traced: fori_loop and while_loop; scan has its own room.

Python's own ``for`` and ``if`` work in traced functions, too. They leave one copy of their body for each
step, and follow the branch that is taken at the point. What is written with these is one operation: its body
is traced once, and branches are chosen when it runs. Outside of any trace it is a plain loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nazad.api.carry import CAPTURED, REMEDY, demand_same, handed_on, named, own, settled
from nazad.api.scan import scan
from nazad.bodies.traced import Body, body_of, is_traced
from nazad.bodies.while_loop import while_loop as while_op
from nazad.errors import ShapeError
from nazad.graph import Traced, Value, here, shape_of
from nazad.tree import Tree, flatten, unflatten


def fori_loop(lower: Any, upper: Any, body: Callable[[Any, Any], Any], init: Tree) -> Tree:
    """A loop over whole numbers that hands something on.

    Parameters
    ----------
    lower, upper : int
        From ``lower`` up to, not including, ``upper``. Where they are traced the loop is a
        :func:`while_loop`.
    body : callable
        ``value = body(i, value)``.
    init : pytree of array_like
        What is handed to the first step.

    Returns
    -------
    pytree
        What the last step handed on.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> nz.fori_loop(0, 5, lambda i, total: total + i, 0.0)
    np.float64(10.0)
    """
    if not is_traced([lower, upper]):
        indices = np.arange(int(lower), int(upper))
        return scan(lambda value, i: (body(i, value), None), init, indices)[0]

    def step(state: Any) -> Any:
        i, end, value = state
        return i + 1, end, body(i, value)

    return while_loop(lambda state: state[0] < state[1], step, (lower, upper, init))[2]


def while_loop(cond: Callable[[Any], Any], body: Callable[[Any], Any], init: Tree) -> Tree:
    """A loop that goes on while a condition holds.

    Parameters
    ----------
    cond : callable
        ``cond(value)``, whether to go on: a single truth value.
    body : callable
        ``value = body(value)``, one step. It keeps structure, shapes and dtypes.
    init : pytree of array_like
        What it begins with.

    Returns
    -------
    pytree
        The first value for which the condition does not hold.

    Notes
    -----
    It has a derivative in forward and in reverse mode: backwards the number of steps is known. That number
    itself has none, as with a loop of Python's. Under :func:`vmap` each row goes on for itself.

    Examples
    --------
    >>> import nazad as nz
    >>> def root(a):
    ...     return nz.while_loop(lambda x: abs(x * x - a) > 1e-12, lambda x: (x + a / x) / 2, a)
    >>> print(f"{root(4.0):.6f}, {nz.grad(root)(4.0):.6f}")
    2.000000, 0.250000
    """
    leaves, structure = flatten(init)
    if not is_traced(leaves):
        done = _plain_while(cond, body, init)
        if done is not CAPTURED:
            return done
    n, names = len(leaves), named("value", init)

    def step(*values: Value) -> Any:
        return handed_on(body(unflatten(structure, values)), structure, values)

    def holds(*values: Value) -> Any:
        return cond(unflatten(structure, values))

    values, traced = settled(lambda now: body_of(step, now, names, REMEDY), leaves, structure)
    asked = body_of(holds, values, names, REMEDY)
    _demand_truth(asked)
    given = [*values, *asked.operands, *traced.operands]
    return unflatten(structure, while_op(*given, cond=asked.graph, body=traced.graph, carries=n))


def _plain_while(cond: Callable[..., Any], body: Callable[..., Any], value: Tree) -> Any:
    while True:
        value = own(value)
        goes_on = cond(value)
        if isinstance(goes_on, Traced):
            return CAPTURED
        if not goes_on:
            return value
        new = body(value)
        if is_traced(flatten(new)[0]):
            return CAPTURED
        demand_same(value, new)
        value = new


def _demand_truth(body: Body) -> None:
    shapes = [shape_of(value) for value in body.values]
    if shapes != [()]:
        raise ShapeError(
            f"the condition of the loop returned values of shapes {shapes}",
            "It returns a single truth value: np.any or np.all of several.",
            here(),
        )
