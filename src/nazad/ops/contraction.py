"""Products that sum over shared axes: matmul and einsum. Everything else of the kind is one of these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nazad.graph import Value, rank_of, shape_of
from nazad.graph.primitive import Params
from nazad.ops.families import Linear


def _swap(x: Value) -> Value:
    """The last two axes exchanged."""
    return x.T if x.ndim == 2 else x.swapaxes(-1, -2)


def _column(x: Value) -> Value:
    return x.reshape((*x.shape, 1))


def _share_of_left(y_bar: Value, a: Value, b: Value) -> Value:
    if rank_of(a) == 1 and rank_of(b) == 1:
        return y_bar * b
    if rank_of(b) == 1:
        return _column(y_bar) * b
    if rank_of(a) == 1:
        return np.matmul(b, _column(y_bar))[..., 0]
    return np.matmul(y_bar, _swap(b))


def _share_of_right(y_bar: Value, a: Value, b: Value) -> Value:
    if rank_of(a) == 1 and rank_of(b) == 1:
        return y_bar * a
    if rank_of(a) == 1:
        return _column(a) * np.reshape(y_bar, (*shape_of(y_bar)[:-1], 1, shape_of(y_bar)[-1]))
    if rank_of(b) == 1:
        if rank_of(a) == 2:
            return np.matmul(y_bar, a)
        return np.matmul(_swap(a), _column(y_bar))[..., 0]
    return np.matmul(_swap(a), y_bar)


def _batch_matmul(op: Linear, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
    (a, b), (a_many, b_many) = xs, batched
    a_rank, b_rank = rank_of(a) - a_many, rank_of(b) - b_many
    if not b_many and b_rank <= 2:
        return op(a, b)
    if not a_many and a_rank == 2 and b_rank == 1:
        return op(b, _swap(a))
    return _lined_up(op, a, b, (a_many, b_many), (a_rank, b_rank))


def _lined_up(op: Linear, a: Value, b: Value, many: tuple[bool, bool], ranks: tuple[int, int]) -> Value:
    """Vectors become matrices, ranks are made equal, and the batch broadcasts as one more axis."""
    left = np.reshape(a, (*shape_of(a)[:-1], 1, shape_of(a)[-1])) if ranks[0] == 1 else a
    right = _column(b) if ranks[1] == 1 else b
    rank = max(*ranks, 2)
    product = op(
        _padded(left, many[0], max(ranks[0], 2), rank), _padded(right, many[1], max(ranks[1], 2), rank)
    )
    if ranks[1] == 1:
        product = product[..., 0]
    if ranks[0] == 1:
        product = product[..., 0] if ranks[1] == 1 else product[..., 0, :]
    return product


def _padded(x: Value, many: bool, rank: int, goal: int) -> Value:
    if not many or rank == goal:
        return x
    return np.reshape(x, (shape_of(x)[0], *(1,) * (goal - rank), *shape_of(x)[1:]))


matmul = Linear("matmul", np.matmul, _share_of_left, _share_of_right, batch=_batch_matmul, symbol="@")


def _einsum_transpose(i: int, y_bar: Value, xs: Sequence[Value], subscripts: str) -> Value:
    inputs, output = parse(subscripts)
    others = [*inputs[:i], *inputs[i + 1 :]]
    known = set(output).union(*others)
    kept = "".join(c for c in inputs[i] if c in known)
    share = einsum(y_bar, *xs[:i], *xs[i + 1 :], subscripts=f"{','.join([output, *others])}->{kept}")
    if kept == inputs[i]:
        return share
    sizes = tuple(n if c in known else 1 for c, n in zip(inputs[i], shape_of(xs[i]), strict=True))
    return np.broadcast_to(np.reshape(share, sizes), shape_of(xs[i]))


def _batch_einsum(op: Linear, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
    inputs, output = parse(params["subscripts"])
    free = next(c for c in _LETTERS if c not in params["subscripts"])
    lined = [free + term if b else term for term, b in zip(inputs, batched, strict=True)]
    return op(*xs, subscripts=f"{','.join(lined)}->{free}{output}")


convolve = Linear(
    "convolve",
    np.convolve,
    lambda y_bar, a, v: np.convolve(y_bar, v[::-1])[len(v) - 1 : len(y_bar)],
    lambda y_bar, a, v: np.convolve(y_bar, a[::-1])[len(a) - 1 : len(y_bar)],
)


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _is_optimized(xs: Sequence[Value]) -> bool:
    """Only for operands of one dtype: NumPy 2.4 takes a wrong turn where truths meet numbers."""
    return len(xs) > 1 and all(x.dtype == xs[0].dtype for x in xs)


einsum = Linear(
    "einsum",
    lambda *xs, subscripts: np.einsum(subscripts, *xs, optimize=_is_optimized(xs)),
    variadic=_einsum_transpose,
    batch=_batch_einsum,
)


def parse(subscripts: str) -> tuple[list[str], str]:
    """Inputs and output of explicit subscripts.

    Examples
    --------
    >>> parse("ij,jk->ik")
    (['ij', 'jk'], 'ik')
    """
    inputs, output = subscripts.split("->")
    return inputs.split(","), output


def explicit(subscripts: str, shapes: Sequence[tuple[int, ...]]) -> str:
    """Subscripts with their output written out and every ellipsis replaced by letters.

    Examples
    --------
    >>> explicit("ij,jk", [(2, 3), (3, 4)])
    'ij,jk->ik'
    >>> explicit("...i->...", [(2, 3, 4)])
    'abi->ab'
    """
    text = subscripts.replace(" ", "")
    terms, arrow, output = text.partition("->")
    inputs = terms.split(",")
    if len(inputs) != len(shapes):
        raise ValueError(f"einsum: {len(inputs)} terms in {subscripts!r} for {len(shapes)} operands")
    spare = [c for c in _LETTERS if c not in text]
    ranks = [len(s) - len(t.replace("...", "")) for s, t in zip(shapes, inputs, strict=True) if "..." in t]
    dots = "".join(spare[: max(ranks, default=0)])
    inputs = [_without_dots(t, s, dots) for t, s in zip(inputs, shapes, strict=True)]
    if not arrow:
        joined = "".join(inputs)
        output = dots + "".join(sorted(c for c in set(joined) - set(dots) if joined.count(c) == 1))
    return f"{','.join(inputs)}->{output.replace('...', dots)}"


def _without_dots(term: str, shape: tuple[int, ...], dots: str) -> str:
    rank = len(shape) - len(term.replace("...", ""))
    if rank < 0 or ("..." not in term and rank):
        raise ValueError(f"einsum: the term {term!r} does not fit an array of shape {shape}")
    return term.replace("...", dots[len(dots) - rank :] if rank else "")


def diagonals(term: str, x: Value) -> tuple[str, Any]:
    """A term without repeated letters, and its operand with those diagonals taken."""
    for letter in dict.fromkeys(term):
        while term.count(letter) > 1:
            first = term.index(letter)
            second = term.index(letter, first + 1)
            x = _diagonal(x, first, second)
            term = term[:second] + term[second + 1 :]
    return term, x


def _diagonal(x: Value, first: int, second: int) -> Value:
    rest = [a for a in range(rank_of(x)) if a not in (first, second)]
    lined = np.transpose(x, (first, second, *rest))
    steps = np.arange(shape_of(lined)[0])
    taken = lined[steps, steps]
    return np.transpose(taken, (*range(1, first + 1), 0, *range(first + 1, rank_of(taken))))
