"""A function that is called as a whole: no graph of it is kept, and its derivative is taken at the point.

The derivative of such a call is such a call: of the function that traces the first one, and runs forward or
backward through the trace. So it works to any order, and holds no more than arguments and results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nazad.bodies.derive import Flags, chosen, spread
from nazad.graph import Value, zeros_like
from nazad.ops.control import Carrying
from nazad.trace import Arguments, Run, run
from nazad.transform.forward import pushforward

Function = Callable[..., Sequence[Value]]


def _call(*xs: Value, function: Function) -> tuple[Value, ...]:
    return tuple(function(*xs))


def _traced(function: Function, xs: Sequence[Value]) -> Run:
    return run(
        lambda *values: tuple(function(*values)), Arguments.of(tuple(xs), [f"x{k}" for k in range(len(xs))])
    )


class _Pushed:
    """The tangents, from the arguments and then their tangents."""

    def __init__(self, function: Function, moving: Flags) -> None:
        self.function, self.moving = function, moving

    def __call__(self, *values: Value) -> tuple[Value, ...]:
        done = _traced(self.function, values[: len(self.moving)])
        dots = dict(zip(chosen(done.graph.leaves, self.moving), values[len(self.moving) :], strict=True))
        tangents = pushforward(done.graph, done.F, dots)
        return tuple([tangents[v] if v in tangents else zeros_like(done.F[v]) for v in done.graph.sinks])


class _Pulled:
    """The shares, from the arguments and then the cotangents."""

    def __init__(self, function: Function, wanted: Flags, given: Flags) -> None:
        self.function, self.wanted, self.given = function, wanted, given

    def __call__(self, *values: Value) -> tuple[Value, ...]:
        count = len(self.wanted)
        done = _traced(self.function, values[:count])
        leaves = chosen(done.graph.leaves, self.wanted)
        B = done.graph.backward(done.F, spread(values[count:], self.given), wrt=leaves)
        return tuple([B[leaf] for leaf in leaves])


def _is_float(x: Value) -> bool:
    return getattr(x, "dtype", None) is None or x.dtype.kind in "fc"


def _push(x_dots: Sequence[Value], ys: Value, *xs: Value, function: Function) -> Sequence[Value]:
    moving = [dot is not None and _is_float(x) for dot, x in zip(x_dots, xs, strict=True)]
    dots: Sequence[Value] = whole(*xs, *chosen(x_dots, moving), function=_Pushed(function, moving))
    return dots


def _pull(
    wanted: Flags, y_bars: Sequence[Value], ys: Value, *xs: Value, function: Function
) -> Sequence[Value]:
    flags = [w and _is_float(x) for w, x in zip(wanted, xs, strict=True)]
    given = [bar is not None and _is_float(y) for bar, y in zip(y_bars, ys, strict=True)]
    return spread(whole(*xs, *chosen(y_bars, given), function=_Pulled(function, flags, given)), flags)


whole = Carrying("whole", _call, _push, _pull)
