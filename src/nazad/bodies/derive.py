"""Graphs pushed, pulled and batched at values; and what depends on what.

Each function works on values as the transforms do: on arrays it computes, on traced values it writes a graph,
which is how the body of a derivative is made (:func:`~nazad.bodies.traced.derived`). All nodes have specs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nazad.bodies.traced import zero_like
from nazad.graph import Graph, Node, Value, shape_of
from nazad.transform.batch import batch
from nazad.transform.forward import pushforward

Flags = Sequence[bool]


def push_through(
    body: Graph, xs: Sequence[Value], x_dots: Sequence[Value], moved: Flags
) -> tuple[list[Value], list[Value]]:
    """The values of the sinks, and the tangents of those in ``moved``; tangents of leaves may be None."""
    F = body.forward(xs)
    dots = {leaf: dot for leaf, dot in zip(body.leaves, x_dots, strict=True) if dot is not None}
    tangents = pushforward(body, F, dots)
    sinks = chosen(body.sinks, moved)
    return [F[v] for v in body.sinks], [tangents[v] if v in tangents else zero_like(v) for v in sinks]


def pull_through(
    body: Graph,
    xs: Sequence[Value],
    y_bars: Sequence[Value],
    wanted: Flags,
    kept: Mapping[Node, Value] | None = None,
) -> list[Value]:
    """The shares of the leaves in ``wanted``; cotangents of sinks may be None. What was kept is not worked
    out again."""
    leaves = chosen(body.leaves, wanted)
    F = body.forward(dict(zip(body.leaves, xs, strict=True)) | dict(kept or {}))
    B = body.backward(F, list(y_bars), wrt=leaves)
    return [B[leaf] for leaf in leaves]


def rows_through(body: Graph, xs: Sequence[Value], along: Flags, size: int, results: Flags) -> list[Value]:
    """The sinks for whole batches, along axis 0 of the leaves in ``along``; those in ``results`` with a row
    for each."""
    pairs = list(zip(body.leaves, xs, strict=True))
    F = dict(pair for pair, b in zip(pairs, along, strict=True) if not b)
    many = batch(body, dict(pair for pair, b in zip(pairs, along, strict=True) if b), F)
    return [
        many[v] if v in many else in_rows(F[v], size) if r else F[v]
        for v, r in zip(body.sinks, results, strict=True)
    ]


def count_rows(xs: Sequence[Value], along: Flags) -> int:
    """How many rows there are."""
    return int(next(shape_of(x)[0] for x, b in zip(xs, along, strict=True) if b))


def in_rows(value: Value, size: int) -> Value:
    """The same value for every row."""
    return np.broadcast_to(value, (size, *shape_of(value)))


# --- what depends on what
def reached(body: Graph, flags: Flags) -> list[bool]:
    """The sinks that follow from some of these leaves."""
    found = set(chosen(body.leaves, flags))
    for v in body.nodes:
        if not found.isdisjoint(v.preds):
            found.add(v)
    return [v in found for v in body.sinks]


def needed(body: Graph, flags: Flags) -> list[bool]:
    """The leaves from which some of these sinks follow."""
    found = set(chosen(body.sinks, flags))
    for v in reversed(body.nodes):
        if v in found:
            found.update(v.preds)
    return [v in found for v in body.leaves]


def settled(first: Flags, step: Callable[[list[bool]], Iterable[bool]]) -> list[bool]:
    """Flags to which a step adds no more."""
    flags = list(first)
    while True:
        more = [a or b for a, b in zip(flags, step(flags), strict=True)]
        if more == flags:
            return flags
        flags = more


def real(nodes: Sequence[Node]) -> list[bool]:
    """Those through whose values derivatives flow."""
    return [v.spec is not None and v.spec.dtype.kind in "fc" for v in nodes]


def both(a: Flags, b: Flags) -> list[bool]:
    """Where both flags are set."""
    return [p and q for p, q in zip(a, b, strict=True)]


def chosen(items: Sequence[Any], flags: Flags) -> list[Any]:
    """The items whose flag is set."""
    return [x for x, flag in zip(items, flags, strict=True) if flag]


def spread(items: Iterable[Any], flags: Flags) -> list[Any]:
    """The inverse of :func:`chosen`, with None between."""
    rest = iter(items)
    return [next(rest) if flag else None for flag in flags]
