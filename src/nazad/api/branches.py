"""Branches that are chosen when a traced function runs: cond and switch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nazad.api.carry import is_weak, named, own
from nazad.bodies.switch import switch as switch_op
from nazad.bodies.traced import Body, body_of
from nazad.errors import ArgumentError, ShapeError
from nazad.graph import Graph, Node, Spec, Traced, Value, dtype_of, here, leaf, shape_of
from nazad.ops.elementwise import not_equal
from nazad.ops.structure import astype
from nazad.tree import flatten, paths_in, unflatten

_REMEDY = "Write nz.cond or np.where instead of if inside of a branch."


def cond(pred: Any, true_fn: Callable[..., Any], false_fn: Callable[..., Any], *operands: Any) -> Any:
    """One of two functions, chosen when the code runs.

    Parameters
    ----------
    pred : bool
        A single truth value.
    true_fn, false_fn : callable
        What is called with the operands. Both return the same structure, shapes and dtypes.
    *operands : pytree of array_like
        Their arguments. What they capture counts as well.

    Returns
    -------
    pytree
        What the chosen one returned.

    Notes
    -----
    An ``if`` in a traced function is followed, and :func:`jit` compiles each path for itself. This keeps both
    in one graph, which loops and :func:`vmap` need; there, where rows differ, both are worked out.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> def f(x):
    ...     return nz.cond(x > 0, lambda x: x**2, lambda x: -x, x)
    >>> f(3.0), nz.grad(f)(3.0), nz.grad(f)(-3.0)
    (9.0, 6.0, -1.0)
    >>> nz.vmap(nz.grad(f))(np.array([3.0, -3.0]))
    array([ 6., -1.])
    """
    if shape_of(pred) != ():
        raise ShapeError(
            f"the predicate of cond has shape {shape_of(pred)}",
            "It is a single truth value: np.any or np.all of several, or np.where to choose entry by entry.",
            here(),
        )
    if not isinstance(pred, Traced):
        return (true_fn if pred else false_fn)(*own(operands))
    index = pred if dtype_of(pred).kind == "b" else not_equal(pred, 0)
    return _chosen(index, (false_fn, true_fn), operands)


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """One of several functions, chosen when the code runs.

    Parameters
    ----------
    index : int
        Which; one out of range is taken to the nearest.
    branches : sequence of callable
        What is called with the operands. All return the same structure, shapes and dtypes.
    *operands : pytree of array_like
        Their arguments.

    Returns
    -------
    pytree
        What the chosen one returned.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> nz.switch(2, [np.sin, np.cos, np.square], 3.0)
    np.float64(9.0)
    """
    if not branches:
        raise ArgumentError("switch has no branches", "Give at least one function.", here())
    if dtype_of(index).kind not in "iub" or shape_of(index) != ():
        raise ArgumentError(
            f"the index of switch is {dtype_of(index)} of shape {shape_of(index)}",
            "It is a single whole number.",
            here(),
        )
    if not isinstance(index, Traced):
        return branches[min(max(int(index), 0), len(branches) - 1)](*own(operands))
    return _chosen(index, branches, operands)


def _chosen(index: Value, branches: Sequence[Callable[..., Any]], operands: tuple[Any, ...]) -> Any:
    leaves, structure = flatten(operands)
    names = named("operands", operands)

    def flat(branch: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *values: branch(*unflatten(structure, values))

    bodies = [body_of(flat(branch), leaves, names, _REMEDY) for branch in branches]
    _demand_alike(bodies)
    graphs = tuple(_with_all_leaves(k, bodies, len(leaves)) for k in range(len(bodies)))
    given = [x for body in bodies for x in body.operands]
    return unflatten(bodies[0].structure, switch_op(index, *leaves, *given, branches=graphs))


def _demand_alike(bodies: Sequence[Body]) -> None:
    first = bodies[0].structure
    for body in bodies[1:]:
        if body.structure != first:
            raise ArgumentError(
                f"branches return different structures: {first} and {body.structure}",
                "Return the same structure from each.",
                here(),
            )
    for label, column in zip(
        paths_in(first), zip(*(body.values for body in bodies), strict=True), strict=True
    ):
        kinds = {(shape_of(x), None if is_weak(x) else dtype_of(x)) for x in column}
        shapes, dtypes = {shape for shape, _ in kinds}, {dtype for _, dtype in kinds} - {None}
        if len(shapes) > 1 or len(dtypes) > 1:
            met = " and ".join(str(Spec.of(x)) for x in column)
            raise ShapeError(
                f"branches return different kinds of values{' at ' + label if label else ''}: {met}",
                "Broadcast or cast them to one shape and dtype.",
                here(),
            )


def _with_all_leaves(k: int, bodies: Sequence[Body], count: int) -> Graph:
    """A branch that takes, besides the operands, what any branch captured; Python numbers as the others'."""
    graph = bodies[k].graph
    leaves, extra = list(graph.leaves[:count]), list[Node]()
    for j, body in enumerate(bodies):
        own = graph.leaves[count:] if j == k else [_unread(v) for v in body.graph.leaves[count:]]
        leaves += own
        extra += own if j != k else []
    columns = zip(*(body.values for body in bodies), strict=True)
    casts = [_cast(v, column) for v, column in zip(graph.sinks, columns, strict=True)]
    nodes = [*extra, *graph.nodes, *(c for c, v in zip(casts, graph.sinks, strict=True) if c is not v)]
    return Graph(leaves, casts, nodes)


def _unread(v: Node) -> Node:
    return leaf(f"unread {v.params['name']}", v.spec)


def _cast(sink: Node, column: Sequence[Value]) -> Node:
    """A result in the dtype that it has together with those of the other branches."""
    if not any(map(is_weak, column)):
        return sink
    dtype = np.result_type(*column)
    return Node(astype, (sink,), {"dtype": dtype}, Spec((), dtype), sink.where)
