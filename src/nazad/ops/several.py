"""Operations with several results, such as ``eigh`` or a loop, and how one of the results is taken out.

The value of such a node is a tuple; a ``part`` behind it takes one entry out, so that everything else in the
graph stays one array. Tangents and cotangents of the node are tuples too, with None for a zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nazad.graph import Piece, Primitive, Traced, Value
from nazad.graph.primitive import Params
from nazad.ops.families import fit, fit_tangent, row_by_row
from nazad.ops.pushed import transposed_push

Rule = Callable[..., Any]
Values = tuple[Value, ...]


class Several(Primitive):
    """Has several results: called on traced values it gives a tuple of traced values.

    Parameters
    ----------
    name : str
        Its name.
    calc : callable
        ``calc(*xs, **params)``, a tuple of arrays.
    push : callable
        ``push(x_dots, ys, *xs, **params)``: a tangent for every result, from those of the arguments; None
        stands for zero on both sides.
    *pulls : callable or None
        For each argument ``pull(y_bars, ys, *xs, **params)``, its share from the cotangents of the results,
        in which None stands for zero; None for an argument that has no share. Without any, the push is
        transposed.
    batch : callable, optional
        ``batch(self, xs, batched, params)``. Without it the operation is applied row by row.
    """

    def __init__(
        self,
        name: str,
        calc: Rule,
        push: Rule,
        *pulls: Rule | None,
        batch: Callable[..., Values] | None = None,
        **lowering: Any,
    ) -> None:
        super().__init__(name, calc, **lowering)
        self._push, self._pulls, self._batch = push, pulls, batch

    def __call__(self, *args: Value, **params: Any) -> Any:
        y = super().__call__(*args, **params)
        if isinstance(y, Traced):
            return tuple([part(y, index=k) for k in range(len(y.value))])  # type: ignore[attr-defined]
        return y

    def pull(self, i: int, y_bar: Value, y: Value, xs: Sequence[Value], params: Params) -> Any:
        if self._pulls:
            rule = self._pulls[i]
            share = None if rule is None else rule(y_bar, y, *xs, **params)
        else:
            share = transposed_push(self, i, y_bar, y, xs, params)
        return None if share is None else fit(share, xs[i])

    def push(self, x_dots: Sequence[Value], y: Value, xs: Sequence[Value], params: Params) -> Value:
        if all(x_dot is None for x_dot in x_dots):
            return None
        dots = self._push(x_dots, y, *xs, **params)
        return tuple([None if dot is None else fit_tangent(dot, of) for dot, of in zip(dots, y, strict=True)])

    def batch(self, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
        return (self._batch or row_by_row)(self, xs, batched, params)


class _Part(Primitive):
    """Takes one result out; linear, and its share is zero in all the others."""

    def pull(self, i: int, y_bar: Value, y: Value, xs: Sequence[Value], params: Params) -> Any:
        return PartShare(params["index"], y_bar, len(xs[0]))

    def push(self, x_dots: Sequence[Value], y: Value, xs: Sequence[Value], params: Params) -> Value:
        return x_dots[0][params["index"]]

    def batch(self, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
        return xs[0][params["index"]]


part = _Part("part", lambda x, index: x[index])


class PartShare(Piece):
    """The cotangent of one result among several."""

    __slots__ = ("count", "index", "share")

    def __init__(self, index: int, share: Value, count: int) -> None:
        self.index, self.share, self.count = index, share, count

    def join(self, pieces: Sequence[Piece], dense: Sequence[Value]) -> Value:
        bars: list[Any] = [None] * self.count
        for piece in pieces:
            assert isinstance(piece, PartShare)
            known = bars[piece.index]
            bars[piece.index] = piece.share if known is None else known + piece.share
        return tuple(bars)
