"""Forward mode: tangents travel along the graph, in the direction of the computation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nazad.graph import CONSTANT, Graph, Node, Traced, Value
from nazad.ops.families import Linear


def pushforward(
    graph: Graph, F: Mapping[Node, Value], x_dots: Mapping[Node, Value], drop_zeros: bool = False
) -> dict[Node, Value]:
    """The tangent of every node that moves when the leaves do.

    Parameters
    ----------
    graph : Graph
        The computation.
    F : mapping
        Its values, from :meth:`Graph.forward`.
    x_dots : mapping
        The tangents of some leaves; the others stand still.
    drop_zeros : bool
        Whether to look for tangents that are zero in every entry wherever that may be known beforehand: where
        the tangents given were only moved about, and where a tangent is a plain array among traced values.
        Nothing further is worked out for these.

    Returns
    -------
    dict
        The tangents by node; a node that is not in it has tangent zero.

    Examples
    --------
    >>> import nazad as nz
    >>> G = nz.trace(lambda x: x * x, 3.0)
    >>> tangents = pushforward(G, G.forward([3.0]), {G.leaves[0]: np.float64(1.0)})
    >>> float(tangents[G.sinks[0]])
    6.0
    """
    tangents: dict[Node, Any] = dict(x_dots)
    fixed = set(x_dots)
    with np.errstate(all="ignore"):
        for v in graph.nodes:
            if not any(p in tangents for p in v.preds):
                continue
            dots = [tangents.get(p) for p in v.preds]
            y_dot = v.op.push(dots, F[v], [F[p] for p in v.preds], v.params)
            if y_dot is None:
                continue
            if drop_zeros and _is_fixed(v, y_dot, F, fixed):
                if not np.any(y_dot):
                    continue
                fixed.add(v)
            tangents[v] = y_dot
    return tangents


def _is_fixed(v: Node, y_dot: Value, F: Mapping[Node, Value], fixed: set[Node]) -> bool:
    """Whether a tangent depends on the tangents that were given alone, as far as one sees without work."""
    if isinstance(y_dot, Traced):
        return False
    if isinstance(F[v], Traced):
        return True
    return isinstance(v.op, Linear) and all(p in fixed or p.op is CONSTANT for p in v.preds)
