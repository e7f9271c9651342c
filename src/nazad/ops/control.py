"""Operations that carry graphs, and the one that the compiler knows: a loop.

``loop`` carries its body as a graph of its own, which is run over and over, its results handed on from step
to step. The leaves of the body are, in this order,

    the carries     what the last step handed on; at first the initial values
    the invariants  the same in every step
    the inputs      in step t, ``xs[start + step * t]`` of a stacked array ``xs``

and its sinks are the new carries and then the outputs, each of which is stacked along a new first axis. The
predecessors of a loop stand in the order of the body's leaves: initial carries, invariants, stacked arrays.
Its value is a tuple, the last carries and the stacked outputs, as that of any operation with several results.
``checkpoints`` is how many carries the way back may hold at a time, 0 for all.

A loop is written by the user (``nz.scan``), or found in a finished graph by :mod:`nazad.transform.roll`. The
derivative of an operation that carries graphs carries the derivatives of these graphs, so its rules need
what stands above the operations: tracing and the transforms. They are in :mod:`nazad.bodies`, which enters
those of ``loop`` here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nazad.graph import Graph, Node, Spec, Value
from nazad.graph.primitive import Params
from nazad.ops.families import fit
from nazad.ops.several import Several

Rule = Callable[..., Any]


class Carrying(Several):
    """Carries graphs among its parameters; one computation gives the shares of all its arguments.

    Parameters
    ----------
    name, calc, push, batch
        As for :class:`~nazad.ops.several.Several`.
    pull : callable
        ``pull(wanted, y_bars, ys, *xs, **params)``: a share for each argument that is wanted, None for zero,
        and anything for the others.
    """

    joint = True

    def __init__(
        self, name: str, calc: Rule, push: Rule, pull: Rule, batch: Rule | None = None, **lowering: Any
    ) -> None:
        super().__init__(name, calc, push, batch=batch, **lowering)
        self._pull_all = pull

    def pull_all(
        self, wanted: Sequence[bool], y_bar: Value, y: Value, xs: Sequence[Value], params: Params
    ) -> Sequence[Any]:
        shares = self._pull_all(wanted, y_bar, y, *xs, **params)
        triples = zip(wanted, shares, xs, strict=True)
        return [fit(share, x) if w and share is not None else None for w, share, x in triples]

    def pull(self, i: int, y_bar: Value, y: Value, xs: Sequence[Value], params: Params) -> Any:
        return self.pull_all([k == i for k in range(len(xs))], y_bar, y, xs, params)[i]


class _Loop(Carrying):
    """The rules are entered by :mod:`nazad.bodies.loop`."""

    def __init__(self) -> None:
        super().__init__("loop", _loop, push=_unentered, pull=_unentered)

    def enter(self, push: Rule, pull: Rule, batch: Rule) -> None:
        """State the rules."""
        self._push, self._pull_all, self._batch = push, pull, batch


def _unentered(*args: Any, **params: Any) -> Any:
    raise NotImplementedError("the rules of a loop stand in nazad.bodies: import it first")


def _loop(
    *xs: Value,
    body: Graph,
    count: int,
    carries: int,
    fixed: int,
    slices: Sequence[tuple[int, int]],
    checkpoints: int = 0,
) -> tuple[Value, ...]:
    F: dict[Node, Value] = dict(zip(body.leaves[: carries + fixed], xs, strict=False))
    F |= {v: v.params["value"] for v in body.nodes if v.is_source and "value" in v.params}
    moving = list(zip(body.leaves[carries + fixed :], xs[carries + fixed :], slices, strict=True))
    work = [(v, v.op.calc, v.preds, v.params) for v in body.nodes if not v.is_source]
    made = body.sinks[carries:]
    outputs = [] if count else [_rows(0, sink.spec) for sink in made]
    for t in range(count):
        F.update([(leaf, x[start + step * t]) for leaf, x, (start, step) in moving])
        for v, calc, preds, params in work:
            F[v] = calc(*[F[p] for p in preds], **params)
        outputs = outputs or [_rows(count, Spec.of(F[sink])) for sink in made]
        for sink, output in zip(made, outputs, strict=True):
            output[t] = F[sink]
        F.update(zip(body.leaves[:carries], [F[sink] for sink in body.sinks[:carries]], strict=True))
    return (*[F[leaf] for leaf in body.leaves[:carries]], *outputs)


def _rows(count: int, of: Spec | None) -> np.ndarray[Any, Any]:
    assert of is not None
    return np.empty((count, *of.shape), of.dtype)


loop = _Loop()
