"""Batching: the graph of one row, run on all rows at once."""

from __future__ import annotations

from collections.abc import Mapping

from nazad.graph import Graph, Node, Value


def batch(
    graph: Graph, columns: Mapping[Node, Value], fixed: dict[Node, Value] | None = None
) -> dict[Node, Value]:
    """The values of all nodes for a whole batch.

    Parameters
    ----------
    graph : Graph
        The computation of a single row.
    columns : mapping
        For each leaf its values for all rows, with the batch as axis 0.
    fixed : dict, optional
        The values of leaves that are the same for all rows; those of nodes that depend on these alone are
        put into it.

    Returns
    -------
    dict
        The values of the nodes that differ from row to row, with the batch as axis 0. A node that is not in
        it depends on no leaf.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> G = nz.trace(lambda x: x @ x, np.ones(2))
    >>> batch(G, {G.leaves[0]: np.array([[1.0, 2.0], [3.0, 4.0]])})[G.sinks[0]]
    array([ 5., 25.])
    """
    many: dict[Node, Value] = dict(columns)
    fixed = {} if fixed is None else fixed
    for v in graph.nodes:
        if v in many or v in fixed:
            continue
        flags = [p in many for p in v.preds]
        xs = [many[p] if b else fixed[p] for p, b in zip(v.preds, flags, strict=True)]
        if any(flags):
            many[v] = v.op.batch(xs, flags, v.params)
        else:
            fixed[v] = v.op(*xs, **v.params)
    return many
