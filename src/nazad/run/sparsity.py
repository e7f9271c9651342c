"""Which entries of arrays are certainly zero, and which are never used.

A product with a triangular matrix adds up zeros for half of its time, and the cotangent of a triangle is
worked out as a square of which one half goes nowhere. Both can be seen in the finished graph:

    zero     forward: from constants, known choices and places to which nothing is scattered, through
             everything that moves entries, to the operands of products
    needed   backward: from the results, of which all is needed, through known choices and parts taken at
             known places, to the products

Zero is said of what products are made of, and needed of products and what is made of them; a graph without
a product is left at once. :mod:`nazad.run.bounds` makes loops shorter by it.

In a product an exact zero annihilates what it meets, as it does in BLAS for triangular matrices: a sum of
zeros times x counts as zero, though NumPy makes a nan of it where x is infinite. Everywhere else the rules
are exact, and ``multiply`` has a zero only where the other factor is known to be finite.

What is not needed may be any finite numbers, in all nodes at once. It may even be nan unless an operand of a
product is skipped for the zeros of another one; whoever leaves such an operand unwritten has to fill it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nazad.graph import CONSTANT, Graph, Node, Primitive, Value, dtype_of, shape_of
from nazad.ops import contraction, reduction, structure
from nazad.ops.families import Elementwise, Reduction
from nazad.run.keep import is_ours
from nazad.run.masks import (
    MOST,
    Mask,
    Numbers,
    Picked,
    Shape,
    all_of,
    either,
    gathered,
    joined,
    multiplied,
    narrow,
    picked,
    ranked,
    regrouped,
    shrunk,
    spread,
)

_PRODUCTS = (contraction.matmul, contraction.einsum)


class Masks(dict[Node, Mask]):
    """Masks of nodes, as :mod:`nazad.run.masks` has them; None for a node of which nothing is known."""

    def __missing__(self, v: Node) -> None:
        return None


@dataclass(frozen=True)
class Sparsity:
    """What :func:`analyse` found out: where nodes are zero, and where alone they are needed.

    A mask has the rank of the node's value, and size 1 along a dimension in which all is alike.
    """

    zero: Masks
    needed: Masks


def analyse(graph: Graph, F: Mapping[Node, Value]) -> Sparsity:
    """Find entries that are zero whatever the leaves are, and entries that no sink depends on.

    Parameters
    ----------
    graph : Graph
        The computation.
    F : mapping
        Its values, of which shapes and dtypes are used, and the constants.

    Returns
    -------
    Sparsity
        Where operands of products and what they are made of are zero, and where products, what is made of
        them, and their operands are needed.

    Examples
    --------
    >>> import nazad as nz
    >>> G = nz.trace(lambda A, B: np.tril(A) @ B, np.ones((3, 3)), np.ones((3, 4)))
    >>> found = analyse(G, G.forward([np.ones((3, 3)), np.ones((3, 4))]))
    >>> found.zero[G.sinks[0].preds[0]].astype(int)
    array([[0, 1, 1],
           [0, 0, 1],
           [0, 0, 0]])
    """
    products = [v for v in graph.nodes if v.op in _PRODUCTS]
    if not products:
        return Sparsity(Masks(), Masks())
    found = _Finder(F)
    found.forward(graph, products)
    found.backward(graph, products)
    zero = Masks({v: ~alive for v, alive in found.alive.items() if alive is not None})
    return Sparsity(zero, Masks({v: m for v, m in found.needed.items() if m is not None}))


class _Finder:
    """Which entries may be other than zero, if some may not, and which may be needed, so far."""

    def __init__(self, F: Mapping[Node, Value]) -> None:
        self.F = F
        self.alive = Masks()
        self.needed: dict[Node, Mask] = {}

    def shape(self, v: Node) -> Shape:
        return shape_of(self.F[v])

    def known(self, v: Node) -> Numbers | None:
        """The numbers of a constant, a dimension along which it was broadcast cut to 1; None for others."""
        if v.op is not CONSTANT:
            return None
        x = np.asarray(self.F[v])
        if 0 in x.strides:
            x = x[tuple(slice(0, 1) if step == 0 else slice(None) for step in x.strides)]
        return x if 0 < x.size <= MOST and x.dtype.kind in "biufc" else None

    def picked(self, template: Any, source: Shape, arrays: Sequence[Node]) -> Picked:
        """What an index takes from an array of this shape."""
        shapes = [self.shape(a) for a in arrays]
        return picked(template, source, shapes, [self.known(a) for a in arrays])

    def forward(self, graph: Graph, products: Sequence[Node]) -> None:
        """Where there is a zero in what the products are made of."""
        wanted = set(products)
        for v in reversed(graph.nodes):
            if v in wanted:
                wanted.update(v.preds)
        for v in graph.nodes:
            if v in wanted and (v.op in _ORIGINS or any(p in self.alive for p in v.preds)):
                rule = _entrywise if isinstance(v.op, Elementwise) else _ALIVE.get(v.op)
                mask = None if rule is None else rule(self, v)
                if mask is not None and 0 not in self.shape(v):
                    self.alive[v] = ranked(mask, len(self.shape(v)))

    def backward(self, graph: Graph, products: Sequence[Node]) -> None:
        """Which entries of the products, and of what they are made of, lead to a sink."""
        made = set(products)
        for v in graph.nodes:
            if v not in made and any(p in made for p in v.preds):
                made.add(v)
        self.needed = dict.fromkeys(graph.sinks)  # None: as a whole
        for v in reversed(graph.nodes):
            if v not in made:
                self.needed.update(dict.fromkeys(v.preds))
            elif v in self.needed and any(
                p not in self.needed or self.needed[p] is not None for p in v.preds
            ):
                for p, share in zip(v.preds, self._shares(v), strict=True):
                    self.needed[p] = either(self.needed[p], share) if p in self.needed else share

    def _shares(self, v: Node) -> Sequence[Mask]:
        """What a node needs of its predecessors."""
        mask = self.needed[v]
        if isinstance(v.op, Elementwise):
            return _needed_entrywise(self, v, mask)
        rule = _needed_of_fold if isinstance(v.op, Reduction) else _NEEDED.get(v.op)
        return [None] * len(v.preds) if rule is None else rule(self, v, mask)


def product_terms(v: Node, ranks: Sequence[int]) -> tuple[list[list[int]], list[int]]:
    """The dimensions of the operands and of the result of a product as letters, numbers that they share.

    Examples
    --------
    >>> from nazad.graph import leaf
    >>> product_terms(contraction.matmul(leaf("A"), leaf("b")), (2, 1))
    ([[100, 102], [102]], [100])
    """
    if v.op is contraction.einsum:
        inputs, output = contraction.parse(v.params["subscripts"])
        return [[ord(c) for c in term] for term in inputs], [ord(c) for c in output]
    stacked = [list(range(rank - 2))[::-1] for rank in ranks]
    rows, columns = [100] * (ranks[0] > 1), [101] * (ranks[1] > 1)
    terms = [[*stacked[0], *rows, 102], [*stacked[1], 102, *columns]]
    return terms, [*max(stacked, key=len), *rows, *columns]


def _terms(found: _Finder, v: Node) -> tuple[list[list[int]], list[int]]:
    return product_terms(v, [len(found.shape(p)) for p in v.preds])


# --- forward: which entries may be other than zero
_KEEP_ZERO = {"add", "subtract", "maximum", "minimum", "fmax", "fmin", "negative", "positive", "absolute"}
_KEEP_ZERO |= {"fabs", "square", "sqrt", "sign", "conjugate", "floor", "ceil", "trunc", "rint", "sin", "tan"}
_KEEP_ZERO |= {"tanh", "sinh", "arcsin", "arctan", "arcsinh", "expm1", "log1p", "deg2rad", "rad2deg"}
"""Entrywise operations that are zero where all their arguments are."""


def _entrywise(found: _Finder, v: Node) -> Mask:
    name = v.op.name if is_ours(v.op) else ""
    masks = [found.alive[p] for p in v.preds]
    if name in _KEEP_ZERO:
        return either(*masks)
    if name == "chain":
        return all_of(*masks)
    if name == "multiply":
        return _multiply(found, v)
    if name == "divide":
        return masks[0] if _divides(found, v) else None
    return None


def _multiply(found: _Finder, v: Node) -> Mask:
    """Zero times what is finite."""
    (a, b), dtype = v.preds, dtype_of(found.F[v])
    left = either(found.alive[a], all_of(found.alive[b], _not_finite(found, b, dtype)))
    right = either(found.alive[b], all_of(found.alive[a], _not_finite(found, a, dtype)))
    return all_of(left, right)


def _not_finite(found: _Finder, v: Node, dtype: np.dtype[Any]) -> Mask:
    """Where a value may be infinite or nan, once it is of the dtype in which it is multiplied."""
    if dtype_of(found.F[v]).kind in "biu" and dtype != np.float16:
        return np.zeros((), bool)
    value = found.known(v)
    return None if value is None else narrow(~np.isfinite(_cast(value, dtype)))


def _divides(found: _Finder, v: Node) -> bool:
    """Whether zero divided by the second argument is certainly zero."""
    value = found.known(v.preds[1])
    if value is None:
        return False
    below = _cast(value, dtype_of(found.F[v]))
    return bool(np.all((below != 0) & ~np.isnan(below)))


def _cast(value: Numbers, dtype: np.dtype[Any]) -> Numbers:
    with np.errstate(all="ignore"):
        return value.astype(dtype)


def _constant(found: _Finder, v: Node) -> Mask:
    value = found.known(v)
    return None if value is None else narrow(np.not_equal(value, 0))


def _moved(found: _Finder, v: Node) -> Mask:
    return regrouped(found.alive[v.preds[0]], found.shape(v.preds[0]), found.shape(v))


def _transposed(found: _Finder, v: Node) -> Mask:
    mask = found.alive[v.preds[0]]
    return None if mask is None else np.transpose(mask, v.params["axes"])


def _taken(found: _Finder, v: Node) -> Mask:
    x, *arrays = v.preds
    if found.alive[x] is None:
        return None
    return gathered(found.alive[x], found.picked(v.params["template"], found.shape(x), arrays))


def _joined(found: _Finder, v: Node) -> Mask:
    axis, rank = v.params["axis"], len(found.shape(v))
    masks = [found.alive[p] for p in v.preds]
    if v.op is structure.concatenate:
        return joined(masks, [found.shape(p)[axis] for p in v.preds], rank, axis)
    lined = [None if m is None else np.expand_dims(m, axis) for m in masks]
    return joined(lined, [1] * len(lined), rank, axis)


def _scattered(found: _Finder, v: Node) -> Mask:
    shares = []
    for part, _, at in _pieces(found, v):
        mask = found.alive[part]
        shares.append(spread(None if mask is None else ranked(mask, len(at.taken)), at))
    return either(*shares)


def _pieces(found: _Finder, v: Node) -> Iterator[tuple[Node, Sequence[Node], Picked]]:
    """The parts of a scatter, their arrays, and where they go."""
    for template, part, arrays in v.params["layout"].pieces(v.preds):
        yield part, arrays, found.picked(template, v.params["shape"], arrays)


def _chosen(found: _Finder, v: Node) -> Mask:
    condition, a, b = v.preds
    value = found.known(condition)
    if value is None:
        return either(found.alive[a], found.alive[b])
    holds = np.not_equal(value, 0)
    return either(all_of(narrow(holds), found.alive[a]), all_of(narrow(~holds), found.alive[b]))


def _folded(found: _Finder, v: Node) -> Mask:
    mask = found.alive[v.preds[0]]
    return None if mask is None else narrow(mask.any(axis=v.params["axis"], keepdims=v.params["keepdims"]))


def _multiplied(found: _Finder, v: Node) -> Mask:
    terms, output = _terms(found, v)
    return multiplied([(found.alive[p], term) for p, term in zip(v.preds, terms, strict=True)], output)


_ORIGINS = (CONSTANT, structure.scatter)
"""Operations whose result has zeros though their arguments have none."""
_ALIVE: dict[Primitive, Callable[[_Finder, Node], Mask]] = {
    CONSTANT: _constant,
    structure.reshape: _moved,
    structure.transpose: _transposed,
    structure.broadcast_to: lambda found, v: found.alive[v.preds[0]],
    structure.astype: lambda found, v: found.alive[v.preds[0]],
    structure.take: _taken,
    structure.concatenate: _joined,
    structure.stack: _joined,
    structure.scatter: _scattered,
    structure.where: _chosen,
    **dict.fromkeys((reduction.sum, reduction.mean, reduction.max, reduction.min), _folded),
    **dict.fromkeys((reduction.prod, reduction.any, reduction.all, reduction.norm), _folded),
    contraction.matmul: _multiplied,
    contraction.einsum: _multiplied,
}


# --- backward: which entries may be needed
def _needed_entrywise(found: _Finder, v: Node, mask: Mask) -> Sequence[Mask]:
    if v.op.name == "chain" and is_ours(v.op):
        return _needed_of_factors(found, v, mask)
    return [None if mask is None else shrunk(mask, found.shape(p)) for p in v.preds]


def _needed_of_factors(found: _Finder, v: Node, mask: Mask) -> Sequence[Mask]:
    """A factor is not needed where the other is zero; where both are, the second one has to be."""
    a, b = v.preds
    left, right = found.alive[a], found.alive[b]
    kept = left if left is None or right is None else either(left, narrow(~right))
    rank = len(found.shape(v))
    masks = [all_of(mask, right), all_of(mask, kept)]
    return [
        None if m is None else shrunk(ranked(m, rank), found.shape(p))
        for m, p in zip(masks, (a, b), strict=True)
    ]


def _needed_of_product(found: _Finder, v: Node, mask: Mask) -> Sequence[Mask]:
    """An operand is needed where it meets no zero; where several are zero, the last of them has to be."""
    terms, output = _terms(found, v)
    alive = [(found.alive[p], term) for p, term in zip(v.preds, terms, strict=True)]
    shares = []
    for k, (p, term) in enumerate(zip(v.preds, terms, strict=True)):
        later = [(mask, output), *alive[k + 1 :]]
        share = multiplied([*alive[:k], *later], term)
        own = found.alive[p]
        if share is not None and own is not None and any(m is not None for m, _ in alive[:k]):
            share = either(share, all_of(narrow(~own), multiplied(later, term)))
        shares.append(shrunk(share, found.shape(p)))
    return shares


def _needed_of_moved(found: _Finder, v: Node, mask: Mask) -> Sequence[Mask]:
    return [regrouped(mask, found.shape(v), found.shape(v.preds[0]))]


def _needed_of_transposed(found: _Finder, v: Node, mask: Mask) -> Sequence[Mask]:
    return [None if mask is None else np.transpose(mask, np.argsort(v.params["axes"]))]


def _needed_of_taken(found: _Finder, v: Node, mask: Mask) -> Sequence[Mask]:
    x, *arrays = v.preds
    return [
        spread(mask, found.picked(v.params["template"], found.shape(x), arrays)),
        *[None] * len(arrays),
    ]


def _needed_of_joined(found: _Finder, v: Node, mask: Mask) -> Sequence[Mask]:
    axis = v.params["axis"]
    if mask is None or mask.shape[axis] == 1:
        rows = [mask] * len(v.preds)
    else:
        sizes = [found.shape(p)[axis] if v.op is structure.concatenate else 1 for p in v.preds]
        rows = [narrow(m) for m in np.split(mask, np.cumsum(sizes)[:-1], axis)]
    if v.op is structure.concatenate:
        return rows
    return [None if m is None else m.squeeze(axis) for m in rows]


def _needed_of_scattered(found: _Finder, v: Node, mask: Mask) -> Sequence[Mask]:
    shares: list[Mask] = []
    for part, arrays, at in _pieces(found, v):
        shares += [shrunk(gathered(mask, at), found.shape(part)), *[None] * len(arrays)]
    return shares


def _needed_of_chosen(found: _Finder, v: Node, mask: Mask) -> Sequence[Mask]:
    condition, a, b = v.preds
    value = found.known(condition)
    masks = [mask, mask, mask]
    if value is not None:
        holds = np.not_equal(value, 0)
        masks[1:] = [all_of(mask, narrow(holds)), all_of(mask, narrow(~holds))]
    rank = len(found.shape(v))
    return [
        None if m is None else shrunk(ranked(m, rank), found.shape(p))
        for m, p in zip(masks, (condition, a, b), strict=True)
    ]


def _needed_of_fold(found: _Finder, v: Node, mask: Mask) -> Sequence[Mask]:
    if mask is None or v.params["keepdims"]:
        return [mask]
    return [np.expand_dims(mask, v.params["axis"])]


_NEEDED: dict[Primitive, Callable[[_Finder, Node, Mask], Sequence[Mask]]] = {
    structure.reshape: _needed_of_moved,
    structure.transpose: _needed_of_transposed,
    structure.broadcast_to: lambda found, v, mask: [shrunk(mask, found.shape(v.preds[0]))],
    structure.astype: lambda found, v, mask: [mask],
    structure.take: _needed_of_taken,
    structure.concatenate: _needed_of_joined,
    structure.stack: _needed_of_joined,
    structure.scatter: _needed_of_scattered,
    structure.where: _needed_of_chosen,
    reduction.sum: _needed_of_fold,
    reduction.mean: _needed_of_fold,
    contraction.matmul: _needed_of_product,
    contraction.einsum: _needed_of_product,
}
