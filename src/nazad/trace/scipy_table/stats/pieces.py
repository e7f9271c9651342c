"""What formulas of several laws have in common."""

from __future__ import annotations

import math

import numpy as np

from nazad.graph import Value
from nazad.ops.special.family import series

HALF_LOG_TWO_PI = math.log(2 * math.pi) / 2
LOG_TWO, LOG_PI = math.log(2.0), math.log(math.pi)
ROOT_HALF = math.sqrt(0.5)
_LOGARITHM = [(-1.0) ** k / (k + 1) for k in range(14)]


def bell(x: Value) -> Value:
    """The logarithm of the density of the normal distribution."""
    return -x * x / 2 - HALF_LOG_TWO_PI


def by_sign(x: Value, tail: Value) -> Value:
    """A symmetric distribution function, from what lies beyond |x|."""
    return np.where(np.greater(x, 0), 1 - tail, tail)


def log_by(c: Value, x: Value) -> Value:
    """log(1 + cx) / c, and x where c is zero."""
    v = c * x
    near = np.less(np.abs(v), 0.05)
    around = series(np.where(near, v, 0.0), _LOGARITHM)
    return x * np.where(near, around, np.log1p(v) / np.where(near, 1.0, v))
