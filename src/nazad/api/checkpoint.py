"""Memory against time: what the way back reads, and what it works out again; names, and gradients stopped."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nazad.api.carry import own
from nazad.api.chosen import demand_function
from nazad.api.packed import Packed
from nazad.bodies.checkpoint import Known
from nazad.bodies.checkpoint import checkpoint as checkpoint_op
from nazad.bodies.traced import body_of, is_traced
from nazad.errors import ArgumentError
from nazad.graph import Graph, Node, Traced, dtype_of
from nazad.nearby import near
from nazad.ops import contraction, marks
from nazad.trace.views import apart
from nazad.tree import Tree, tree_map, unflatten

Policy = str | Sequence[str] | Callable[[Node], bool] | None

_ASK: dict[str, Callable[[Any], Any]] = {
    "bool": bool,
    "int": int,
    "index": operator.index,
    "round": round,
    "float": float,
    "array": np.asarray,
    "nonzero": np.nonzero,
}
"""How to ask a value anew what was asked inside."""


def checkpoint(f: Callable[..., Any] | None = None, *, policy: Policy = None) -> Any:
    """The same function, whose values in between are worked out again on the way back, and not kept.

    Parameters
    ----------
    f : callable
        A function written in NumPy. Without it, a decorator is returned.
    policy : {None, "nothing", "dots", "everything"}, sequence of str or callable, optional
        What is kept besides arguments and results: nothing; products of arrays, which take longest; all; what
        has one of these names (:func:`name`); or the nodes for which ``policy(node)`` is true.

    Returns
    -------
    callable
        The function. Its value is the same to the last bit; backwards it runs once more. Derivatives are the
        same but for the order in which shares are added up.

    Notes
    -----
    Where nothing is traced it is ``f`` itself. Its arguments are copies, and it may write into them.
    :func:`jit` plans the memory of a function as a whole, and does not look at checkpoints.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> block = nz.checkpoint(lambda x: np.sin(np.exp(x)), policy="nothing")
    >>> print(f"{nz.grad(lambda x: block(block(x)))(0.5):.6f}")
    0.315936
    """
    if f is None:
        return functools.partial(checkpoint, policy=policy)
    demand_function(f, "checkpoint")
    keeps = _keeps(policy)

    @functools.wraps(f)
    def recomputed(*args: Any, **kwargs: Any) -> Any:
        packed = Packed.of(args, kwargs)
        if not is_traced(packed.arrays):
            result = f(*own(args), **own(kwargs))
            leaves: list[Any] = []
            tree_map(leaves.append, result)
            if not is_traced(leaves):  # else it captured something that is
                return result
        return _as_one_node(f, packed, keeps)

    return recomputed


def _as_one_node(f: Callable[..., Any], packed: Packed, keeps: Callable[[Graph], list[Node]]) -> Any:
    def flat(*arrays: Any) -> Any:
        args, kwargs = packed.unpacked(arrays)
        return f(*args, **kwargs)

    body = body_of(flat, packed.arrays, packed.names, None, keeps)
    n, asked = body.results, len(body.guards)
    results = checkpoint_op(
        *packed.arrays,
        *body.operands,
        body=body.graph,
        kept=len(body.graph.sinks) - n - asked,
        known=Known(body.values),
    )
    for guard, value in zip(body.guards, results[n : n + asked], strict=True):
        _ASK[guard.what](value)
    return unflatten(body.structure, results[:n])


# --- policies
def _keeps(policy: Policy) -> Callable[[Graph], list[Node]]:
    """The nodes of a graph whose values are kept."""
    if policy is None or policy == "nothing":
        return lambda graph: []
    if isinstance(policy, str):
        if policy not in _POLICIES:
            raise ArgumentError(f"policy is {policy!r}", f"Choose one of {', '.join(_POLICIES)}.")
        holds = _POLICIES[policy]
    elif callable(policy):
        holds = policy
    else:
        return functools.partial(_named, labels=tuple(policy))
    return lambda graph: [v for v in graph.nodes if v.preds and holds(v)]


def _is_product(v: Node) -> bool:
    return vars(contraction).get(v.op.name) is v.op


_POLICIES: dict[str, Callable[[Node], bool]] = {"dots": _is_product, "everything": lambda v: True}


def _named(graph: Graph, labels: Sequence[str]) -> list[Node]:
    known = {v.params["label"]: v for v in graph.nodes if v.op is marks.name}
    for label in labels:
        if label not in known:
            close = near(str(label), sorted(known)) or sorted(known)
            raise ArgumentError(
                f"nothing in the function has the name {label!r}",
                f"Give it one, h = nz.name(h, {label!r})"
                + (f", or take {', '.join(close)}." if close else "."),
            )
    return [v for v in graph.nodes if v.op is marks.name and v.params["label"] in labels]


# --- marks
def name(x: Tree, label: str) -> Tree:
    """The same value, under a name: in explanations, and for the policy of :func:`checkpoint`.

    Parameters
    ----------
    x : pytree of array_like
        The value.
    label : str
        Its name.

    Returns
    -------
    pytree

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> def f(x):
    ...     return nz.name(np.exp(x), "growth") ** 2
    >>> float(nz.explain(f, 1.0)["growth"].cotangent)
    5.43656365691809
    """
    return tree_map(
        lambda leaf: marks.name(leaf, label=label) if isinstance(leaf, Traced) else apart(leaf), x
    )


def stop_gradient(x: Tree) -> Tree:
    """The same value, by which nothing is differentiated: a constant for every transform.

    Parameters
    ----------
    x : pytree of array_like
        The value.

    Returns
    -------
    pytree

    Examples
    --------
    >>> import nazad as nz
    >>> nz.grad(lambda x: x * nz.stop_gradient(x))(3.0)
    3.0
    """

    def stopped(leaf: Any) -> Any:
        moves = isinstance(leaf, Traced) and dtype_of(leaf).kind in "fc"
        return marks.stop_gradient(leaf) if moves else apart(leaf)

    return tree_map(stopped, x)
