"""The table of coefficients is what its fits say: every number in it is computed again here.

Each polynomial interpolates its function at the zeros of the Chebyshev polynomial on its interval, in 300-bit
arithmetic, and is rounded coefficient by coefficient; its greatest error is within a small factor of the best
polynomial's (L. N. Trefethen, *Approximation Theory and Approximation Practice*, 2013, chapters 4 and 15).

``python tests/run/test_coefficients.py`` writes the table anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath as mp
import pytest

from nazad.run.vectormath import coefficients

BITS = {64: 53, 32: 24}
ROOT2 = math.sqrt(2.0)


class Fit(NamedTuple):
    """A function, its interval, and the degree in double and in single precision (None: not needed)."""

    function: Callable[[Any], Any]
    low: float
    high: float
    double: int | None
    single: int | None


def in_square(f: Callable[[Any], Any], leading_is_one: bool) -> Callable[[Any], Any]:
    """f(√z)/√z, and (f(√z)/√z - 1) / z where its leading term is known to be 1."""

    def reduced(z: Any) -> Any:
        s = mp.sqrt(z)
        rest = f(s) / s
        return (rest - 1) / z if leading_is_one else rest

    return reduced


FITS = {
    "exp": Fit(lambda r: (mp.expm1(r) - r) / r**2, -0.34675, 0.34675, 10, 4),
    "exp2": Fit(lambda r: mp.expm1(r * mp.ln2) / r, -0.5, 0.5, 11, 6),
    "sinh": Fit(in_square(mp.sinh, True), 0.0, 1.0, 6, 3),
    "atanh": Fit(in_square(mp.atanh, True), 0.0, 0.029438, 6, 3),
    "atanh5": Fit(lambda z: (in_square(mp.atanh, True)(z) - mp.mpf(1) / 3) / z, 0.0, 0.029438, 7, None),
    "log2": Fit(lambda z: in_square(mp.atanh, False)(z) * 2 / mp.ln2, 0.0, 0.029438, 5, None),
    "sin": Fit(in_square(mp.sin, True), 0.0, 0.617, 6, 3),
    "cos": Fit(lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2, 0.0, 0.617, 5, 3),
    "arctan": Fit(in_square(mp.atan, True), 0.0, (ROOT2 - 1) ** 2, 11, 5),
    "arcsin": Fit(in_square(mp.asin, True), 0.0, 0.25, 13, 5),
    "rcbrt": Fit(lambda m: 1 / mp.cbrt(m), ROOT2 / 4, 2 * ROOT2, 7, 6),
    "erf": Fit(lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1, 0.0, 1.0, 11, 6),
    "erfcx": Fit(lambda t: erfcx(2 * (1 + t) / (1 - t)), -1 / 3, 1 / 2, 15, 7),
    "erfcx tail": Fit(lambda t: tail(4 * (1 + t) / (1 - t)), -7 / 9, 1.0, 22, 11),
}

PARTS: dict[str, tuple[Callable[[], Any], int, int, int]] = {
    # the value, the number of parts, and the zero bits that each but the last ends with, by precision
    "ln2": (lambda: mp.ln2, 2, 11, 9),
    "lg2": (lambda: mp.log10(2), 2, 11, 9),
    "1/ln2": (lambda: 1 / mp.ln2, 2, 0, 0),
    "1/ln10": (lambda: 1 / mp.ln10, 2, 0, 0),
    "1/3": (lambda: mp.mpf(1) / 3, 2, 0, 0),
    "pi/4": (lambda: mp.pi / 4, 2, 3, 3),
    "pi/2": (lambda: mp.pi / 2, 3, 0, 0),
    "2/pi": (lambda: 2 / mp.pi, 1, 0, 0),
}


def erfcx(x: Any) -> Any:
    return mp.exp(x * x) * mp.erfc(x)


def tail(x: Any) -> Any:
    """What is between 1 and 2/√π from 1/2 to infinity."""
    return (1 + 2 * x) * erfcx(x)


def rounded(value: Any, bits: int) -> float:
    """The nearest number with so many bits."""
    if value == 0:
        return 0.0
    with mp.workprec(bits):
        return float(+value)


def chebyshev(fit: Fit, degree: int) -> list[Any]:
    """The interpolating polynomial's coefficients, ascending: Newton's form, multiplied out."""
    middle, half = (mp.mpf(fit.low) + fit.high) / 2, (mp.mpf(fit.high) - fit.low) / 2
    n = degree + 1
    nodes = [middle + half * mp.cos(mp.pi * (2 * i + 1) / (2 * n)) for i in range(n)]
    least = mp.mpf(2) ** -60  # instead of the node 0, where quotients are 0/0
    nodes = [x if abs(x) > least else least for x in nodes]
    divided = [fit.function(x) for x in nodes]
    for j in range(1, n):
        for i in range(n - 1, j - 1, -1):
            divided[i] = (divided[i] - divided[i - 1]) / (nodes[i] - nodes[i - j])
    return multiplied_out(nodes, divided)


def multiplied_out(nodes: list[Any], divided: list[Any]) -> list[Any]:
    p = [divided[-1]]
    for x, d in zip(nodes[-2::-1], divided[-2::-1], strict=True):
        p = [a - x * b for a, b in zip([mp.mpf(0), *p], [*p, mp.mpf(0)], strict=True)]
        p[0] += d
    return p


def fitted(name: str, bits: int) -> tuple[float, ...] | None:
    fit = FITS[name]
    degree = fit.double if bits == 64 else fit.single
    with mp.workprec(300):
        return None if degree is None else tuple(rounded(c, BITS[bits]) for c in chebyshev(fit, degree))


def in_parts(name: str, bits: int) -> tuple[float, ...]:
    value, count, *zeros = PARTS[name]
    with mp.workprec(300):
        rest, parts = value(), []
        for k in range(count):
            keep = BITS[bits] - (zeros[bits == 32] if k < count - 1 else 0)
            parts.append(rounded(rest, keep))
            rest -= mp.mpf(parts[-1])
    return tuple(parts)


def two_over_pi(words: int = 24) -> tuple[int, ...]:
    """64 zero bits, then the bits of 2/π."""
    with mp.workprec(64 * words + 64):
        bits = int(mp.floor(2 / mp.pi * mp.mpf(2) ** (64 * (words - 1))))
    return tuple((bits >> 64 * (words - 1 - i)) & (2**64 - 1) for i in range(words))


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("bits", BITS)
def test_polynomials_are_their_fits(name, bits):
    assert coefficients.POLYNOMIALS[name][bits == 32] == (fitted(name, bits) or ())


@pytest.mark.parametrize("name", PARTS)
def test_constants_are_their_values_in_parts(name):
    assert coefficients.CONSTANTS[name] == (in_parts(name, 64), in_parts(name, 32))


def test_the_bits_of_two_over_pi():
    assert two_over_pi() == coefficients.TWO_OVER_PI


HEAD = '''"""Coefficients of polynomials, and constants in parts; computed by tests/run/test_coefficients.py.

Each polynomial interpolates its function at the Chebyshev nodes of its interval, in 300-bit arithmetic, and
is rounded to double or to single precision; the functions, intervals and degrees stand in that file, which
also checks that this table is what it computes. A constant in parts is their sum; a part may end with zero
bits, so that small multiples of it are exact.
"""

from __future__ import annotations

from nazad.run.vectormath.form import Form


def coefficients(name: str, form: Form) -> tuple[float, ...]:
    """The coefficients of a polynomial, ascending.

    Examples
    --------
    >>> from nazad.run.vectormath.form import BINARY32
    >>> coefficients("sin", BINARY32)[0]  # sin x = x - x³/6 + ...
    -0.16666...
    """
    return POLYNOMIALS[name][not form.is_double]


def constant(name: str, form: Form) -> tuple[float, ...]:
    """The parts of a constant, the greatest first.

    Examples
    --------
    >>> from nazad.run.vectormath.form import BINARY64
    >>> constant("pi/2", BINARY64)[:2]
    (1.5707963267948966, 6.123233995736766e-17)
    """
    return CONSTANTS[name][not form.is_double]

'''


def table(name: str, kind: str, rows: dict[str, tuple[tuple[float, ...], tuple[float, ...]]]) -> str:
    lines = [f"{name}: dict[str, {kind}] = {{"]
    for key, pair in rows.items():
        lines += [f'    "{key}": (', *(block(part) for part in pair), "    ),"]
    return "\n".join([*lines, "}"]) + "\n"


def block(part: tuple[float, ...]) -> str:
    if len(part) < 4:
        return f"        {part!r},"
    return "\n".join(["        (", *(f"            {value!r}," for value in part), "        ),"])


def source() -> str:
    pair = "tuple[tuple[float, ...], tuple[float, ...]]"
    polynomials = {name: (fitted(name, 64) or (), fitted(name, 32) or ()) for name in FITS}
    constants = {name: (in_parts(name, 64), in_parts(name, 32)) for name in PARTS}
    words = "\n".join(f"    0x{word:016X}," for word in two_over_pi())
    tables = table("POLYNOMIALS", pair, polynomials), table("CONSTANTS", pair, constants)
    bits = f'TWO_OVER_PI = (\n{words}\n)\n"""64 zero bits, then the bits of 2/π, in words of 64."""\n'
    return "\n".join([HEAD, *tables, bits])


if __name__ == "__main__":
    from pathlib import Path

    Path(str(coefficients.__file__)).write_text(source(), encoding="utf-8")
