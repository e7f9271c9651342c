"""Forward mode: tangents travel along the graph, in the direction of the computation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nazad.graph import Graph, Node, Value


def pushforward(graph: Graph, F: Mapping[Node, Value], x_dots: Mapping[Node, Value]) -> dict[Node, Value]:
    """The tangent of every node that moves when the leaves do.

    Parameters
    ----------
    graph : Graph
        The computation.
    F : mapping
        Its values, from :meth:`Graph.forward`.
    x_dots : mapping
        The tangents of some leaves; the others stand still.

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
    with np.errstate(all="ignore"):
        for v in graph.nodes:
            if not any(p in tangents for p in v.preds):
                continue
            dots = [tangents.get(p) for p in v.preds]
            y_dot = v.op.push(dots, F[v], [F[p] for p in v.preds], v.params)
            if y_dot is not None:
                tangents[v] = y_dot
    return tangents
