"""Small arithmetic that the functions have in common."""

from __future__ import annotations

from collections.abc import Sequence

from nazad.run.vectormath.values import Floats, Ints


def muladd(a: Floats, b: Floats | float, c: Floats | float) -> Floats:
    """a·b + c, rounded once where the target can, else twice: for sums that do not cancel."""
    return a.intrinsic("fma", b, c) if a.writer.fma else a * b + c


def polynomial(x: Floats, coefficients: Sequence[float]) -> Floats:
    """c0 + c1·x + c2·x² + ..., by Estrin's scheme: neighbours first, which shortens the chain of waiting.

    Examples
    --------
    >>> from nazad.run.vectormath.form import BINARY64
    >>> from nazad.run.vectormath.writer import Writer
    >>> writer = Writer(1, fma=True)
    >>> y = polynomial(Floats(writer, BINARY64, "%x"), [1.0, 2.0, 3.0])
    >>> len(writer.lines)
    3
    """
    terms = [x.like(c) for c in coefficients]
    while len(terms) > 1:
        paired = [muladd(high, x, low) for low, high in zip(terms[::2], terms[1::2], strict=False)]
        terms = paired + terms[2 * len(paired) :]
        if len(terms) > 1:
            x = x * x
    return terms[0]


def clamp(x: Floats, low: float, high: float) -> Floats:
    """x held between two bounds; a nan stays one."""
    x = (x > high).where(high, x)
    return (x < low).where(low, x)


def to_integer(x: Floats) -> tuple[Floats, Ints]:
    """The nearest integer, |x| < 2^(mantissa - 1), as a number and as bits whose low end holds it."""
    shifted = x + x.form.rounder
    return shifted - x.form.rounder, shifted.bits() - x.form.bits_of(x.form.rounder)


def from_integer(k: Ints) -> Floats:
    """A small integer as a floating-point number."""
    return (k + k.form.bits_of(k.form.rounder)).floats() - k.form.rounder


def power_of_two(k: Ints) -> Floats:
    """2^k, for k an exponent of a normal number."""
    return ((k + k.form.bias) << k.form.mantissa).floats()


def scale(x: Floats, k: Ints) -> Floats:
    """x·2^k for any k up to twice the range, in two steps, the last of which alone may round."""
    half = k >> 1
    return x * power_of_two(half) * power_of_two(k - half)
