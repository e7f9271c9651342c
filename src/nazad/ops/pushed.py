"""Operations that state their push alone, and get their pull by transposing it.

A push, written in NumPy, is linear in the tangents. Traced on a tangent of zeros it leaves a small graph,
and the backward pass over that graph is the transposed map: the pull. So the two modes of a matrix
factorisation cannot drift apart, and half of what the literature tabulates need not be written down.

Tracing stands above this room; it enters itself by :func:`transpose_with`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nazad.graph import Primitive, Value
from nazad.graph.graph import zeros_like
from nazad.graph.primitive import Params
from nazad.ops.families import align, fit, fit_tangent

Rule = Callable[..., Any]
_transpose: list[Rule] = []


def transpose_with(transpose: Rule) -> None:
    """Enter what transposes: ``transpose(linear, x_dot, y_bars)``, the share of x from the cotangents.

    ``linear`` takes a tangent like ``x_dot`` to a tuple of tangents, in which None stands for zero, as it
    does in ``y_bars``.
    """
    _transpose[:] = [transpose]


def transposed_push(op: Primitive, i: int, y_bar: Any, y: Any, xs: Sequence[Value], params: Params) -> Value:
    """The share of argument ``i`` in the cotangent of one result, or of several in a tuple."""

    def linear(x_dot: Value) -> tuple[Value, ...]:
        y_dot = op.push([x_dot if k == i else None for k in range(len(xs))], y, xs, params)
        return y_dot if type(y_dot) is tuple else (y_dot,)

    bars = y_bar if type(y_bar) is tuple else (y_bar,)
    return _transpose[0](linear, zeros_like(xs[i]), bars)


def stacked(op: Primitive, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Any:
    """The batch of an operation on matrices that takes stacks of them: one more axis of the stack."""
    return op(*align(xs, batched), **params)


class Pushed(Primitive):
    """States its push, and its pull only where it is linear.

    Parameters
    ----------
    name : str
        Its name.
    calc : callable
        ``calc(*xs, **params)``.
    push : callable
        ``push(x_dots, y, *xs, **params)``, the tangent of the value from those of the arguments, in which
        None stands for zero. It is written in NumPy, so that it can be transposed.
    *transposes : callable or None
        For arguments in which the operation is linear, ``transpose(y_bar, *xs, **params)``. A push that calls
        the operation itself needs them, or transposing it would have no end.
    batch : callable, optional
        ``batch(self, xs, batched, params)``; as for stacks of matrices if not given.
    """

    def __init__(
        self,
        name: str,
        calc: Rule,
        push: Rule,
        *transposes: Rule | None,
        batch: Callable[..., Value] = stacked,
    ) -> None:
        super().__init__(name, calc)
        self._push, self.transposes, self._batch = push, transposes, batch

    def pull(self, i: int, y_bar: Value, y: Value, xs: Sequence[Value], params: Params) -> Any:
        transpose = self.transposes[i] if self.transposes else None
        if transpose is None:
            share = transposed_push(self, i, y_bar, y, xs, params)
        else:
            share = transpose(y_bar, *xs, **params)
        return None if share is None else fit(share, xs[i])

    def push(self, x_dots: Sequence[Value], y: Value, xs: Sequence[Value], params: Params) -> Value:
        if all(x_dot is None for x_dot in x_dots):
            return None
        return fit_tangent(self._push(x_dots, y, *xs, **params), y)

    def batch(self, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
        return self._batch(self, xs, batched, params)
