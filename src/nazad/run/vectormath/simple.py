"""What the processor does itself, or a comparison and a choice."""

from __future__ import annotations

from collections.abc import Callable

from nazad.run.vectormath.values import Floats


def intrinsic(name: str) -> Callable[..., Floats]:
    """An instruction of LLVM's under its own name."""
    return lambda x, *others: x.intrinsic(name, *others)


def sign(x: Floats) -> Floats:
    """-1, 0 or 1; 0 for both zeros."""
    y = (x > 0.0).where(1.0, x.like(0.0))
    y = (x < 0.0).where(-1.0, y)
    return x.is_nan().choose(x, y)


def maximum(x: Floats, y: Floats) -> Floats:
    """The larger; nan where one of them is. Of two zeros the second, as NumPy does on x86."""
    return ((x > y) | x.is_nan()).choose(x, y)


def minimum(x: Floats, y: Floats) -> Floats:
    """The smaller; nan where one of them is."""
    return ((x < y) | x.is_nan()).choose(x, y)


def fmax(x: Floats, y: Floats) -> Floats:
    """The larger; the other one where one is nan."""
    return ((x > y) | y.is_nan()).choose(x, y)


def fmin(x: Floats, y: Floats) -> Floats:
    """The smaller; the other one where one is nan."""
    return ((x < y) | y.is_nan()).choose(x, y)
