"""Operations that leave the value as it is, and say something about it."""

from __future__ import annotations

from nazad.graph import Value
from nazad.ops.families import Elementwise


def _itself(x: Value, label: str = "") -> Value:
    return +x


stop_gradient = Elementwise("stop_gradient", _itself, None)
stop_gradient.stops = True
name = Elementwise("name", _itself, lambda y, x, label: 1)
for _op in (stop_gradient, name):
    _op.simpler = _itself  # which vanishes
