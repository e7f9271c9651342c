"""Bessel functions. A derivative in the argument is a difference or a mean of the neighbouring orders.

By their order none has a formula but K, whose integral is differentiated.
"""

from __future__ import annotations

import numpy as np
from scipy import special as sc
from scipy.special import _ufuncs

from nazad.graph import Value
from nazad.ops.families import Elementwise
from nazad.ops.special.family import on_reals, op, whole
from nazad.ops.special.quadrature import kve_by_order

# --- any order
jv = op(sc.jv, ..., lambda y, v, x: (jv(v - 1, x) - jv(v + 1, x)) / 2)
yv = op(sc.yv, ..., lambda y, v, x: (yv(v - 1, x) - yv(v + 1, x)) / 2)
iv = op(sc.iv, ..., lambda y, v, x: (iv(v - 1, x) + iv(v + 1, x)) / 2)
kv = op(
    sc.kv,
    on_reals(lambda y, v, x: np.exp(-x) * kve_by_order(v, x)),
    lambda y, v, x: -(kv(v - 1, x) + kv(v + 1, x)) / 2,
)
yn = op(sc.yn, None, lambda y, n, x: (yv(n - 1, x) - yv(n + 1, x)) / 2)
kn = op(sc.kn, None, lambda y, n, x: -(kv(n - 1, x) + kv(n + 1, x)) / 2)

# --- scaled: by exp(-|x|), exp(x), or not at all for real arguments
ive = op(sc.ive, ..., on_reals(lambda y, v, x: (ive(v - 1, x) + ive(v + 1, x)) / 2 - np.sign(x) * y))
kve = op(
    sc.kve,
    on_reals(lambda y, v, x: kve_by_order(v, x)),
    lambda y, v, x: y - (kve(v - 1, x) + kve(v + 1, x)) / 2,
)
jve = op(sc.jve, ..., on_reals(lambda y, v, x: (jve(v - 1, x) - jve(v + 1, x)) / 2))
yve = op(sc.yve, ..., on_reals(lambda y, v, x: (yve(v - 1, x) - yve(v + 1, x)) / 2))

# --- orders zero and one
j0 = op(sc.j0, lambda y, x: -j1(x))
j1 = op(sc.j1, lambda y, x: (j0(x) - jv(2.0, x)) / 2)
y0 = op(sc.y0, lambda y, x: -y1(x))
y1 = op(sc.y1, lambda y, x: y0(x) - y / x)
i0 = op(sc.i0, lambda y, x: i1(x))
i1 = op(sc.i1, lambda y, x: (i0(x) + iv(2.0, x)) / 2)
k0 = op(sc.k0, lambda y, x: -k1(x))
k1 = op(sc.k1, lambda y, x: -k0(x) - y / x)
i0e = op(sc.i0e, lambda y, x: i1e(x) - np.sign(x) * y)
i1e = op(sc.i1e, lambda y, x: (i0e(x) + ive(2.0, x)) / 2 - np.sign(x) * y)
k0e = op(sc.k0e, lambda y, x: y - k1e(x))
k1e = op(sc.k1e, lambda y, x: y - k0e(x) - y / x)

# --- complex
hankel1 = op(sc.hankel1, ..., lambda y, v, z: (hankel1(v - 1, z) - hankel1(v + 1, z)) / 2)
hankel2 = op(sc.hankel2, ..., lambda y, v, z: (hankel2(v - 1, z) - hankel2(v + 1, z)) / 2)
hankel1e = op(sc.hankel1e, ..., lambda y, v, z: (hankel1e(v - 1, z) - hankel1e(v + 1, z)) / 2 - 1j * y)
hankel2e = op(sc.hankel2e, ..., lambda y, v, z: (hankel2e(v - 1, z) - hankel2e(v + 1, z)) / 2 + 1j * y)


def _spherical(ufunc: np.ufunc, name: str, below: int, above: int) -> Elementwise:
    """(2n + 1) f' is n times the order below and n + 1 times that above, each with a sign."""

    def deriv(y: Value, n: Value, x: Value) -> Value:
        n = whole(n)
        order = np.maximum(n - 1, 0)  # there is none below zero, and it counts zero times
        return (below * n * f(order, x) + above * (n + 1) * f(n + 1, x)) / (2 * n + 1)

    f = op(ufunc, None, deriv, name=name)
    return f


spherical_jn = _spherical(_ufuncs._spherical_jn, "spherical_jn", 1, -1)
spherical_yn = _spherical(_ufuncs._spherical_yn, "spherical_yn", 1, -1)
spherical_in = _spherical(_ufuncs._spherical_in, "spherical_in", 1, 1)
spherical_kn = _spherical(_ufuncs._spherical_kn, "spherical_kn", -1, -1)
