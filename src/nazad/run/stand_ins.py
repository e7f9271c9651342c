"""Values for nodes that no trace has seen, which tell shapes and dtypes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nazad.graph import CONSTANT, Graph, Node, Value


def with_values(graph: Graph, F: Mapping[Node, Value]) -> dict[Node, Value]:
    """Values for the nodes that rolling made: exact if they follow from constants, else any of the kind."""
    values: dict[Node, Value] = {}
    fixed: set[Node] = set()
    for v in graph.nodes:
        if v.op is CONSTANT or (v.preds and all(p in fixed for p in v.preds)):
            fixed.add(v)
        if v in F:
            values[v] = F[v]
        elif v in fixed and v.op is not CONSTANT:
            with np.errstate(all="ignore"):
                values[v] = v.op.calc(*[values[p] for p in v.preds], **v.params)
        else:
            values[v] = any_value(v)
    return values


def any_value(v: Node) -> Value:
    """A value of the shape and dtype that a node has."""
    if v.op is CONSTANT:
        return v.params["value"]
    return () if v.spec is None else _zeros(v.spec)  # a loop: its parts have theirs


def _zeros(spec: Any) -> Value:
    """Zeros of these shapes and dtypes, in the memory of one."""
    if type(spec) is tuple:
        return tuple([_zeros(each) for each in spec])
    zero = spec.dtype.type(0)
    return np.broadcast_to(np.asarray(zero), spec.shape) if spec.shape else zero
