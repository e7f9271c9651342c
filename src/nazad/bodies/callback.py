"""Code that only has values, called as it is; its derivative is numerical, where that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nazad.bodies.derive import Flags
from nazad.errors import NoRuleError, ShapeError
from nazad.graph import Spec, Value, here, is_complex, is_real, shape_of
from nazad.ops.control import Carrying
from nazad.ops.marks import stop_gradient

Values = Sequence[Value]
_STEP = float(np.cbrt(np.finfo(float).eps))


def _run(
    *xs: Value, function: Callable[..., Values], specs: Sequence[Spec], name: str, numerical: bool
) -> tuple[Value, ...]:
    ys = [np.asarray(y) for y in function(*xs)]
    if len(ys) != len(specs):
        raise ShapeError(f"{name} returned {len(ys)} arrays", f"Its result_spec says {len(specs)}.", here())
    for y, spec in zip(ys, specs, strict=True):
        if y.shape != spec.shape or not np.can_cast(y.dtype, spec.dtype, "same_kind"):
            raise ShapeError(f"{name} returned {Spec.of(y)}", f"Its result_spec says {spec}.", here())
    return tuple([np.array(y, spec.dtype)[()] for y, spec in zip(ys, specs, strict=True)])


def _demand(name: str, numerical: bool) -> None:
    if not numerical:
        raise NoRuleError(
            f"{name} is called as it is, and has no derivative",
            "Ask for numerical ones, derivative='differences'; state one with nz.custom; or say that there is"
            " none with nz.stop_gradient.",
            here(),
        )


def _quotient(xs: Values, directions: Sequence[Any], params: dict[str, Any]) -> list[Value]:
    """The central difference quotient along a direction; None stands for zero."""
    largest = [np.max(np.abs(d), initial=0) for d in directions if d is not None]
    size = stop_gradient(np.max(np.stack(largest)))
    moving = [np.max(np.abs(x), initial=1) for x, d in zip(xs, directions, strict=True) if d is not None]
    h = _STEP * stop_gradient(np.max(np.stack(moving))) / np.where(size == 0, 1.0, size)
    ahead, behind = (
        callback(*[x if d is None else x + s * h * d for x, d in zip(xs, directions, strict=True)], **params)
        for s in (1.0, -1.0)
    )
    return [(a - b) / (2 * h) for a, b in zip(ahead, behind, strict=True)]


def _push(x_dots: Values, ys: Values, *xs: Value, **params: Any) -> Values:
    _demand(params["name"], params["numerical"])
    dots = [d if is_real(x) else None for x, d in zip(xs, x_dots, strict=True)]
    return _quotient(xs, dots, params)


def _pull(wanted: Flags, y_bars: Values, ys: Values, *xs: Value, **params: Any) -> Values:
    _demand(params["name"], params["numerical"])

    def slopes(i: int, turn: complex) -> Value:
        units = np.eye(int(np.prod(shape_of(xs[i]), dtype=int))).reshape(-1, *shape_of(xs[i]))
        along = [_quotient(xs, _alone(i, turn * unit, len(xs)), params) for unit in units]
        entries = [_weighted(dots, y_bars) for dots in along]
        return np.reshape(np.stack(entries), shape_of(xs[i])) if entries else np.zeros(shape_of(xs[i]))

    def share(i: int) -> Value:
        return slopes(i, 1) - 1j * slopes(i, 1j) if is_complex(xs[i]) else slopes(i, 1)

    return [share(i) if w and is_real(xs[i]) else None for i, w in enumerate(wanted)]


def _alone(i: int, unit: Value, count: int) -> list[Any]:
    return [unit if k == i else None for k in range(count)]


def _weighted(dots: Values, y_bars: Values) -> Value:
    pairs = [(bar, dot) for bar, dot in zip(y_bars, dots, strict=True) if bar is not None]
    return sum(np.real(np.sum(bar * dot)) for bar, dot in pairs)


callback = Carrying("callback", _run, _push, _pull)
