"""A loop as one operation: a graph that is run over and over, its results handed on from step to step.

``loop`` carries its body as a graph of its own. The leaves of the body are, in this order,

    the carries     what the last step handed on; at first the initial values
    the invariants  the same in every step
    the inputs      in step t, ``xs[start + step * t]`` of a stacked array ``xs``

and its sinks are the new carries and then the outputs, each of which is stacked along a new first axis. The
predecessors of a loop stand in the order of the body's leaves: initial carries, invariants, stacked arrays.
Its value is a tuple, the last carries and the stacked outputs, as that of any operation with several results.

Loops are found in finished graphs, when derivatives have been written out, so they need no rules of their
own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nazad.errors import NoRuleError
from nazad.graph import Graph, Node, Primitive, Value
from nazad.graph.primitive import Params


class Control(Primitive):
    """Has no derivative and no batch of its own: both are taken before loops are looked for."""

    def pull(self, i: int, y_bar: Value, y: Value, xs: Sequence[Value], params: Params) -> Any:
        raise self._no_rule("derivative")

    def push(self, x_dots: Sequence[Value], y: Value, xs: Sequence[Value], params: Params) -> Value:
        raise self._no_rule("derivative")

    def batch(self, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
        raise self._no_rule("batching rule")

    def _no_rule(self, what: str) -> NoRuleError:
        return NoRuleError(
            f"{self.name} has no {what}", "Differentiate and batch the flat graph; roll it up afterwards."
        )


def _loop(
    *xs: Value, body: Graph, count: int, carries: int, fixed: int, slices: Sequence[tuple[int, int]]
) -> tuple[Value, ...]:
    F: dict[Node, Value] = dict(zip(body.leaves[: carries + fixed], xs, strict=False))
    F |= {v: v.params["value"] for v in body.nodes if v.is_source and "value" in v.params}
    moving = list(zip(body.leaves[carries + fixed :], xs[carries + fixed :], slices, strict=True))
    work = [(v, v.op.calc, v.preds, v.params) for v in body.nodes if not v.is_source]
    outputs: list[list[Value]] = [[] for _ in body.sinks[carries:]]
    for t in range(count):
        F.update([(leaf, x[start + step * t]) for leaf, x, (start, step) in moving])
        for v, calc, preds, params in work:
            F[v] = calc(*[F[p] for p in preds], **params)
        for sink, output in zip(body.sinks[carries:], outputs, strict=True):
            output.append(F[sink])
        F.update(zip(body.leaves[:carries], [F[sink] for sink in body.sinks[:carries]], strict=True))
    return (*[F[leaf] for leaf in body.leaves[:carries]], *[np.stack(output) for output in outputs])


loop = Control("loop", _loop)
