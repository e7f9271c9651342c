"""Products that sum over shared axes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nazad.graph import Value, rank_of, shape_of
from nazad.ops import contraction
from nazad.ops.parts import conjugated
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import all_listed, array


@rule(np.dot)
def _dot(a: Value, b: Value) -> Any:
    if rank_of(a) == 0 or rank_of(b) == 0:
        return np.multiply(array(a), array(b))
    if rank_of(b) <= 2:
        return np.matmul(a, b)
    return np.tensordot(a, b, axes=((-1,), (-2,)))


@rule(np.vdot)
def _vdot(a: Value, b: Value) -> Any:
    return np.matmul(conjugated(np.ravel(a)), np.ravel(b))


@rule(np.inner)
def _inner(a: Value, b: Value) -> Any:
    if rank_of(a) == 0 or rank_of(b) == 0:
        return np.multiply(array(a), array(b))
    return np.matmul(a, b) if rank_of(b) == 1 else np.tensordot(a, b, axes=((-1,), (-1,)))


@rule(np.outer, np.linalg.outer)
def _outer_product(a: Value, b: Value) -> Any:
    return np.reshape(a, (-1, 1)) * np.reshape(b, (1, -1))


@rule(np.kron)
def _kron(a: Value, b: Value) -> Any:
    rank = max(rank_of(a), rank_of(b))
    left = (*(1,) * (rank - rank_of(a)), *shape_of(a))
    right = (*(1,) * (rank - rank_of(b)), *shape_of(b))
    spread = np.reshape(a, tuple(n for s in left for n in (s, 1))) * np.reshape(
        b, tuple(n for s in right for n in (1, s))
    )
    return np.reshape(spread, tuple(p * q for p, q in zip(left, right, strict=True)))


@rule(np.tensordot)
def _tensordot(a: Value, b: Value, axes: Any = 2) -> Any:
    if isinstance(axes, int):
        axes = (range(rank_of(a) - axes, rank_of(a)), range(axes))
    left, right = (
        all_listed(list(k) if isinstance(k, Iterable) else k, rank_of(x))
        for k, x in zip(axes, (a, b), strict=True)
    )
    rows = [k for k in range(rank_of(a)) if k not in left]
    columns = [k for k in range(rank_of(b)) if k not in right]
    shared = math.prod(shape_of(a)[k] for k in left)
    outer = [shape_of(a)[k] for k in rows] + [shape_of(b)[k] for k in columns]
    flat_a = np.reshape(np.transpose(a, (*rows, *left)), (math.prod(shape_of(a)[k] for k in rows), shared))
    flat_b = np.reshape(
        np.transpose(b, (*right, *columns)), (shared, math.prod(shape_of(b)[k] for k in columns))
    )
    return np.reshape(np.matmul(flat_a, flat_b), tuple(outer))


@rule(np.einsum)
def _einsum(*operands: Any, optimize: Any = False) -> Any:
    if not isinstance(operands[0], str):
        operands = _with_letters(operands)
    subscripts = contraction.explicit(operands[0], [shape_of(x) for x in operands[1:]])
    inputs, output = contraction.parse(subscripts)
    if len(inputs) == 1 and set(inputs[0]) == set(output):
        return _rearranged(inputs[0], operands[1], output)
    lined = [contraction.diagonals(term, x) for term, x in zip(inputs, operands[1:], strict=True)]
    return contraction.einsum(*(x for _, x in lined), subscripts=f"{','.join(t for t, _ in lined)}->{output}")


def _rearranged(term: str, x: Value, output: str) -> Value:
    """One operand of which nothing is summed: a view, as in NumPy."""
    for letter in dict.fromkeys(term):
        while term.count(letter) > 1:
            first = term.index(letter)
            second = term.index(letter, first + 1)
            x = np.diagonal(x, axis1=first, axis2=second)
            term = term[:first] + term[first + 1 : second] + term[second + 1 :] + letter
    return np.transpose(x, [term.index(letter) for letter in output])


def _with_letters(operands: Sequence[Any]) -> tuple[Any, ...]:
    """``einsum(a, [0, 1], b, [1, 2], [0, 2])`` in the form with letters."""
    arrays, lists = operands[: len(operands) // 2 * 2 : 2], operands[1::2]

    def write(places: Sequence[Any]) -> str:
        return "".join("..." if p is Ellipsis else contraction._LETTERS[p] for p in places)

    text = ",".join(write(places) for places in lists)
    return (f"{text}->{write(operands[-1])}" if len(operands) % 2 else text, *arrays)


@rule(np.cross)
def _cross(
    a: Value, b: Value, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = np.moveaxis(array(a), axisa, -1), np.moveaxis(array(b), axisb, -1)
    if shape_of(x)[-1] != 3 or shape_of(y)[-1] != 3:
        raise ValueError("np.cross takes vectors of length 3")
    turn = [[1, 2, 0], [2, 0, 1]]
    product = x[..., turn[0]] * y[..., turn[1]] - x[..., turn[1]] * y[..., turn[0]]
    return np.moveaxis(product, -1, axisc)
