"""Solutions of second-order equations: Airy, Kelvin, Struve, and the parabolic cylinder.

Where a ufunc gives a solution and its slope, the equation itself is the derivative of the slope.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special as sc

from nazad.graph import Value
from nazad.ops.elementwise import over
from nazad.ops.families import Elementwise
from nazad.ops.special.bessel import i0, j0, k0, y0
from nazad.ops.special.family import Part, on_reals, op
from nazad.ops.special.gamma import rgamma

# --- Airy: y'' = x y
airy_ai = op(Part(sc.airy, 0), lambda y, x: airy_aip(x), name="airy_ai")
airy_aip = op(Part(sc.airy, 1), lambda y, x: x * airy_ai(x), name="airy_aip")
airy_bi = op(Part(sc.airy, 2), lambda y, x: airy_bip(x), name="airy_bi")
airy_bip = op(Part(sc.airy, 3), lambda y, x: x * airy_bi(x), name="airy_bip")
airye_ai = op(Part(sc.airye, 0), lambda y, x: airye_aip(x) + np.sqrt(x) * y, name="airye_ai")
airye_aip = op(Part(sc.airye, 1), lambda y, x: x * airye_ai(x) + np.sqrt(x) * y, name="airye_aip")
airye_bi = op(Part(sc.airye, 2), on_reals(lambda y, x: airye_bip(x) - _growth(x) * y), name="airye_bi")
airye_bip = op(Part(sc.airye, 3), on_reals(lambda y, x: x * airye_bi(x) - _growth(x) * y), name="airye_bip")
itairy_ai = op(Part(sc.itairy, 0), lambda y, x: airy_ai(x), name="itairy_ai")
itairy_bi = op(Part(sc.itairy, 1), lambda y, x: airy_bi(x), name="itairy_bi")
itairy_ai_left = op(Part(sc.itairy, 2), lambda y, x: airy_ai(-x), name="itairy_ai_left")
itairy_bi_left = op(Part(sc.itairy, 3), lambda y, x: airy_bi(-x), name="itairy_bi_left")

# --- Kelvin: y'' + y' / x = i y, in real and imaginary parts
ber = op(sc.ber, lambda y, x: berp(x))
bei = op(sc.bei, lambda y, x: beip(x))
berp = op(sc.berp, lambda y, x: -bei(x) - over(y, x))
beip = op(sc.beip, lambda y, x: np.where(np.equal(x, 0), 0.5, ber(x) - over(y, x)))
ker = op(sc.ker, lambda y, x: kerp(x))
kei = op(sc.kei, lambda y, x: keip(x))
kerp = op(sc.kerp, lambda y, x: -kei(x) - y / x)
keip = op(sc.keip, lambda y, x: ker(x) - y / x)

# --- Struve
struve = op(sc.struve, ..., lambda y, v, x: (struve(v - 1, x) - struve(v + 1, x) + _rest(v, x)) / 2)
modstruve = op(
    sc.modstruve, ..., lambda y, v, x: (modstruve(v - 1, x) + modstruve(v + 1, x) + _rest(v, x)) / 2
)
itstruve0 = op(sc.itstruve0, lambda y, x: struve(0.0, x))
it2struve0 = op(sc.it2struve0, lambda y, x: -struve(0.0, x) / x)
itmodstruve0 = op(sc.itmodstruve0, lambda y, x: modstruve(0.0, x))

# --- parabolic cylinder: y'' = (x² / 4 - v - 1/2) y, and y'' = (a - x² / 4) y for the last


def _cylinder(
    ufunc: np.ufunc, name: str, square: float, factor: float, shift: float
) -> tuple[Elementwise, ...]:
    """A solution and its slope, with y'' = (square · x² + factor · v + shift) y."""
    y = op(Part(ufunc, 0), ..., lambda f, v, x: slope(v, x), name=name)
    slope = op(
        Part(ufunc, 1),
        ...,
        lambda f, v, x: (square * x * x + factor * v + shift) * y(v, x),
        name=f"{name}_slope",
    )
    return y, slope


pbdv, pbdv_slope = _cylinder(sc.pbdv, "pbdv", 0.25, -1.0, -0.5)
pbvv, pbvv_slope = _cylinder(sc.pbvv, "pbvv", 0.25, -1.0, -0.5)
pbwa, pbwa_slope = _cylinder(sc.pbwa, "pbwa", -0.25, 1.0, 0.0)

# --- integrals of Bessel functions
iti0k0_i = op(Part(sc.iti0k0, 0), lambda y, x: i0(x), name="iti0k0_i")
iti0k0_k = op(Part(sc.iti0k0, 1), lambda y, x: k0(x), name="iti0k0_k")
itj0y0_j = op(Part(sc.itj0y0, 0), lambda y, x: j0(x), name="itj0y0_j")
itj0y0_y = op(Part(sc.itj0y0, 1), lambda y, x: y0(x), name="itj0y0_y")
it2i0k0_i = op(Part(sc.it2i0k0, 0), lambda y, x: over(i0(x) - 1, x), name="it2i0k0_i")
it2i0k0_k = op(Part(sc.it2i0k0, 1), lambda y, x: -k0(x) / x, name="it2i0k0_k")
it2j0y0_j = op(Part(sc.it2j0y0, 0), lambda y, x: over(1 - j0(x), x), name="it2j0y0_j")
it2j0y0_y = op(Part(sc.it2j0y0, 1), lambda y, x: -y0(x) / x, name="it2j0y0_y")
besselpoly = op(
    sc.besselpoly,
    lambda y, a, power, v: besselpoly(a, power + 1, v - 1) - besselpoly(a, power + 1, v + 1),
    ...,
    ...,
)


def _growth(x: Value) -> Value:
    """How Bi grows, which its scaling takes out: exp(2/3 x^(3/2)) on the right, not at all on the left."""
    return np.sqrt(np.maximum(x, 0))


def _rest(v: Value, x: Value) -> Value:
    """What neighbouring orders leave over."""
    return (x / 2) ** v * rgamma(v + 1.5) / math.sqrt(math.pi)
