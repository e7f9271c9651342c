"""Batching: vmap."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import optree

from nazad.api.chosen import demand_function
from nazad.errors import ArgumentError, ShapeError, TraceError
from nazad.graph import Node, Traced, Value, here, rank_of, shape_of
from nazad.trace import Arguments, Run, Trace, followed, run
from nazad.trace.inside import plain
from nazad.transform.batch import batch
from nazad.tree import Structure, flatten, paths_in, unflatten


def vmap(f: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Callable[..., Any]:
    """The function that applies ``f`` to every row of its arguments at once.

    Parameters
    ----------
    f : callable
        A function of single rows, written in NumPy. It must not branch on values that differ between rows.
    in_axes : int, None or sequence of these, optional
        Which axis of each positional argument counts the rows; None for an argument that all rows share. An
        entry may be a structure that matches the argument's. Keyword arguments are shared by all rows.
    out_axes : int, None or pytree of these, optional
        Where the axis of the rows stands in each result; None for one that is the same for all rows.

    Returns
    -------
    callable
        The function of whole batches.

    Raises
    ------
    TraceError
        At an ``if`` or ``while`` on a value that differs from row to row.
    ShapeError
        If the arguments disagree about the number of rows.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> nz.vmap(np.dot, in_axes=(0, None))(np.eye(2), np.array([3.0, 4.0]))
    array([3., 4.])
    """

    demand_function(f, "vmap")

    @functools.wraps(f)
    def over_rows(*args: Any, **kwargs: Any) -> Any:
        axes = tuple(in_axes) if isinstance(in_axes, (tuple, list)) else (in_axes,) * len(args)
        if len(axes) != len(args):
            raise ArgumentError(f"in_axes has {len(axes)} entries and there are {len(args)} arguments")
        leaves, structure = flatten(args)
        places = _prefix(axes, args)
        labels = paths_in(structure)
        rows_first = [
            x if a is None else _axis_first(x, a, label)
            for x, a, label in zip(leaves, places, labels, strict=True)
        ]
        size = _rows(rows_first, places, labels)
        mapped = [k for k, a in enumerate(places) if a is not None]
        done = _run_one_row(f, structure, rows_first, mapped, kwargs)
        many = batch(done.graph, dict(zip(done.graph.leaves, [rows_first[k] for k in mapped], strict=True)))
        goals = _prefix(out_axes, done.value)
        outs = [_placed(many, done.F, y, size, a) for y, a in zip(done.graph.sinks, goals, strict=True)]
        return unflatten(done.structure, outs)

    return over_rows


class _RowTrace(Trace):
    """The trace of one row: it has no answer to questions about values, since rows may differ."""

    has_answers = False

    def answered(self, node: Node, what: str, answer: Any) -> None:
        error = TraceError(
            f"Python asked for the {what} of a value that differs from row to row under vmap",
            "Write np.where(condition, a, b) instead of if, or loop over the rows.",
            here(),
        )
        self.errors.append(error)
        raise error


def _run_one_row(
    f: Callable[..., Any], structure: Structure, leaves: list[Any], mapped: list[int], kwargs: dict[str, Any]
) -> Run:
    def on_row(*rows: Any) -> Any:
        whole = list(leaves)
        for k, row in zip(mapped, rows, strict=True):
            whole[k] = row
        return followed(f)(*unflatten(structure, whole), **kwargs)

    with np.errstate(all="ignore"):
        rows = tuple(_first_row(leaves[k]) for k in mapped)
        return run(on_row, Arguments.of(rows, [f"row{k}" for k in mapped]), trace=_RowTrace())


def _first_row(x: Value) -> Value:
    """A row to trace at; of plain numbers, since only its shape and dtype matter."""
    x = plain(x)
    return x[0] if len(x) else np.ones(x.shape[1:], x.dtype)[()]


def _rows(columns: list[Any], places: list[Any], labels: list[str]) -> int:
    sizes = {labels[k]: shape_of(columns[k])[0] for k, a in enumerate(places) if a is not None}
    if not sizes:
        raise ArgumentError(
            "vmap has no argument to go along", "At least one entry of in_axes must be an axis."
        )
    if len(set(sizes.values())) > 1:
        raise ShapeError(
            f"vmap met different numbers of rows: {', '.join(f'{k}: {n}' for k, n in sizes.items())}"
        )
    return next(iter(sizes.values()))


def _axis_first(x: Any, axis: int, label: str) -> Value:
    if hasattr(x, "tocsr"):
        raise ArgumentError(
            f"argument {label} of vmap is a sparse matrix, which has no rows that go by themselves",
            "Write None in in_axes for a matrix that all rows share, or give it in full.",
            here(),
        )
    array: Value = x if isinstance(x, Traced) else np.asarray(x)
    if not -rank_of(array) <= axis < rank_of(array):
        raise ArgumentError(
            f"argument {label} of vmap has shape {shape_of(array)} and so has no axis {axis}",
            "Name another axis in in_axes, or None for an argument that all rows share.",
            here(),
        )
    rows: Value = np.moveaxis(array, axis, 0)
    return rows


def _placed(many: dict[Node, Value], F: dict[Node, Value], sink: Node, size: int, axis: int | None) -> Value:
    """A result for all rows, the axis of the rows where it belongs."""
    if axis is None and sink in many:
        raise ArgumentError("out_axes=None stands for a result that differs from row to row")
    if axis is None:
        return F[sink]
    rows = many[sink] if sink in many else np.broadcast_to(F[sink], (size, *shape_of(F[sink])))
    return np.moveaxis(rows, 0, axis) if axis else rows


def _prefix(axes: Any, tree: Any) -> list[Any]:
    """One entry of ``axes`` for every leaf of the tree."""
    flatten(tree)  # so that dataclasses are known
    return (
        optree.broadcast_prefix(axes, tree, none_is_leaf=True, namespace="nazad")
        if _has_none(axes)
        else list(optree.broadcast_prefix(axes, tree, namespace="nazad"))
    )


def _has_none(axes: Any) -> bool:
    return any(a is None for a in optree.tree_leaves(axes, none_is_leaf=True, namespace="nazad"))
