"""One rule for each kind of operation: from what its arguments depend on to what its value does."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from nazad.graph import Graph, Node, Primitive, Value, dtype_of, shape_of
from nazad.ops import contraction, reduction, sparse, structure
from nazad.ops.families import Elementwise, Reduction
from nazad.ops.several import part
from nazad.transform.pattern.found import Dependencies
from nazad.transform.pattern.products import contracted, of_a_sparse_matrix
from nazad.transform.pattern.sets import Numbers

Rule = Callable[[Dependencies, Node], "Numbers | None"]


def dependencies(graph: Graph, F: Mapping[Node, Value]) -> Dependencies:
    """Which entries of every node depend on which entries of the leaves.

    Parameters
    ----------
    graph : Graph
        The computation.
    F : mapping
        Its values, of which shapes and dtypes are used, and constants where they are indices, conditions or
        factors in a product of matrices.

    Returns
    -------
    Dependencies
        The numbers of the sets of each node, and the sets.

    Examples
    --------
    >>> import nazad as nz
    >>> G = nz.trace(lambda x: x[1:] - x[:-1], np.ones(4))
    >>> dependencies(G, G.forward([np.ones(4)])).matrix(G.sinks).toarray().astype(int)
    array([[1, 1, 0, 0],
           [0, 1, 1, 0],
           [0, 0, 1, 1]])
    """
    found = Dependencies(graph, F)
    for v in graph.nodes:
        if v in found.of or not any(p in found.of for p in v.preds):
            continue
        if type(F[v]) is not tuple and dtype_of(F[v]).kind not in "fc":  # a step, which has no derivative
            continue
        numbers = _rule(v)(found, v)
        if numbers is not None:
            found.of[v] = np.asarray(numbers)
    return found


# --- the rules: one for each kind of operation
def _rule(v: Node) -> Rule:
    if isinstance(v.op, Elementwise):
        return _entrywise
    if isinstance(v.op, Reduction):
        return _reduced if v.op.deriv is not None else lambda found, v: None
    return _RULES.get(v.op, Dependencies.everything)


def _entrywise(found: Dependencies, v: Node) -> Numbers | None:
    assert isinstance(v.op, Elementwise)
    moving = [
        p for p, deriv in zip(v.preds, v.op.derivs, strict=False) if p in found.of and deriv is not None
    ]
    return found.union([found.of[p] for p in moving], shape_of(found.F[v]))


def _reduced(found: Dependencies, v: Node) -> Numbers:
    return np.reshape(found.folded(found.of[v.preds[0]], v.params["axis"]), shape_of(found.F[v]))


def _moved(found: Dependencies, v: Node) -> Numbers:
    """The operation itself, run on the numbers: it only moves entries."""
    x, *rest = v.preds
    arrays = [found.read(p) for p in rest]
    if any(a is None for a in arrays):
        return found.everything(v)
    moved: Numbers = v.op.calc(found.numbers(x), *arrays, **v.params)
    return moved


def _joined(found: Dependencies, v: Node) -> Numbers:
    joined: Numbers = v.op.calc(*[found.numbers(p) for p in v.preds], **v.params)
    return joined


def _chosen(found: Dependencies, v: Node) -> Numbers | None:
    """``where``: a condition that depends on the point may choose either."""
    condition, a, b = v.preds
    known = found.read(condition)
    if known is not None:
        return np.where(known, found.numbers(a), found.numbers(b))
    return found.union([found.of[p] for p in (a, b) if p in found.of], shape_of(found.F[v]))


def _scattered(found: Dependencies, v: Node) -> Numbers:
    shape = v.params["shape"]
    spots = np.arange(math.prod(shape)).reshape(shape)
    places, numbers = [], []
    for template, piece, arrays in v.params["layout"].pieces(v.preds):
        if piece not in found.of:
            continue
        known = [found.read(a) for a in arrays]
        if any(a is None for a in known):
            return found.everything(v)
        goal = np.asarray(spots[structure.assemble(template, known)])
        places.append(goal.ravel())
        numbers.append(np.broadcast_to(found.of[piece], goal.shape).ravel())
    return found.sets.united(np.concatenate(places), np.concatenate(numbers), spots.size).reshape(shape)


def _running(found: Dependencies, v: Node) -> Numbers:
    """``cumsum``, by doubling: the union of 1, 2, 4, ... entries up to each."""
    numbers, step = np.moveaxis(found.of[v.preds[0]], v.params["axis"], -1), 1
    while step < numbers.shape[-1]:
        later = found.union([numbers[..., step:], numbers[..., :-step]], numbers[..., step:].shape)
        numbers = np.concatenate([numbers[..., :step], later], axis=-1)
        step *= 2
    return np.moveaxis(numbers, -1, v.params["axis"])


def _mixed(found: Dependencies, v: Node) -> Numbers:
    """``sort``: any entry along the axis may come to stand anywhere on it."""
    axis = v.params["axis"]
    folded = np.expand_dims(found.folded(found.of[v.preds[0]], (axis,)), axis)
    return np.broadcast_to(folded, shape_of(found.F[v]))


_RULES: dict[Primitive, Rule] = {
    part: lambda found, v: np.broadcast_to(found.of[v.preds[0]], shape_of(found.F[v])),
    **dict.fromkeys((structure.reshape, structure.transpose, structure.broadcast_to, structure.take), _moved),
    structure.astype: lambda found, v: found.of[v.preds[0]],
    structure.concatenate: _joined,
    structure.stack: _joined,
    structure.where: _chosen,
    structure.scatter: _scattered,
    structure.cumsum: _running,
    structure.sort: _mixed,
    reduction.sum: _reduced,
    reduction.mean: _reduced,
    contraction.matmul: contracted,
    contraction.einsum: contracted,
    sparse.sparse_matmul: of_a_sparse_matrix,
}
