"""Elliptic integrals, complete, incomplete and in Carlson's symmetric form; Jacobi's functions.

Carlson's integrals have derivatives in which nothing cancels where the parameter is zero. [1]_

.. [1] B. C. Carlson, *Numerical computation of real or complex elliptic integrals*, Numer. Algorithms 10
   (1995).
"""

from __future__ import annotations

import numpy as np
from scipy import special as sc

from nazad.graph import Value
from nazad.ops.special.family import Part, op
from nazad.ops.special.hypergeometric import hyp2f1

# --- symmetric
elliprf = op(
    sc.elliprf,
    lambda f, x, y, z: -elliprd(y, z, x) / 6,
    lambda f, x, y, z: -elliprd(z, x, y) / 6,
    lambda f, x, y, z: -elliprd(x, y, z) / 6,
)
elliprc = op(
    sc.elliprc,
    lambda f, x, y: (f - 1 / np.sqrt(x)) / (2 * (y - x)),
    lambda f, x, y: (np.sqrt(x) / y - f) / (2 * (y - x)),
)
elliprd = op(
    sc.elliprd,
    lambda f, x, y, z: (f - elliprd(y, z, x)) / (2 * (z - x)),
    lambda f, x, y, z: (f - elliprd(x, z, y)) / (2 * (z - y)),
    lambda f, x, y, z: _elliprd_last(f, x, y, z),
)
elliprg = op(
    sc.elliprg,
    lambda f, x, y, z: _elliprg_slope(x, y, z),
    lambda f, x, y, z: _elliprg_slope(y, z, x),
    lambda f, x, y, z: _elliprg_slope(z, x, y),
)
elliprj = op(
    sc.elliprj,
    lambda f, x, y, z, p: _elliprj_slope(f, x, y, z, p),
    lambda f, x, y, z, p: _elliprj_slope(f, y, z, x, p),
    lambda f, x, y, z, p: _elliprj_slope(f, z, x, y, p),
    lambda f, x, y, z, p: _elliprj_last(f, x, y, z, p),
)

# --- Legendre's, complete and incomplete
ellipk = op(sc.ellipk, lambda y, m: _ellipk_slope(m, 1 - m))
ellipkm1 = op(sc.ellipkm1, lambda y, p: -_ellipk_slope(1 - p, p))
ellipe = op(sc.ellipe, lambda y, m: _ellipe_slope(m))
ellipkinc = op(
    sc.ellipkinc, lambda y, phi, m: 1 / _delta(phi, m), lambda y, phi, m: _ellipkinc_by_parameter(phi, m)
)
ellipeinc = op(
    sc.ellipeinc, lambda y, phi, m: _delta(phi, m), lambda y, phi, m: _ellipeinc_by_parameter(phi, m)
)

# --- Jacobi's functions and their amplitude
ellipj_sn = op(
    Part(sc.ellipj, 0),
    lambda y, u, m: ellipj_cn(u, m) * ellipj_dn(u, m),
    lambda y, u, m: ellipj_cn(u, m) * _amplitude_by_parameter(u, m),
    name="ellipj_sn",
)
ellipj_cn = op(
    Part(sc.ellipj, 1),
    lambda y, u, m: -ellipj_sn(u, m) * ellipj_dn(u, m),
    lambda y, u, m: -ellipj_sn(u, m) * _amplitude_by_parameter(u, m),
    name="ellipj_cn",
)
ellipj_dn = op(
    Part(sc.ellipj, 2),
    lambda y, u, m: -m * ellipj_sn(u, m) * ellipj_cn(u, m),
    lambda y, u, m: (
        -ellipj_sn(u, m) * (ellipj_sn(u, m) / 2 + m * ellipj_cn(u, m) * _amplitude_by_parameter(u, m)) / y
    ),
    name="ellipj_dn",
)
ellipj_ph = op(
    Part(sc.ellipj, 3),
    lambda y, u, m: ellipj_dn(u, m),
    lambda y, u, m: _amplitude_by_parameter(u, m),
    name="ellipj_ph",
)

# --- the arithmetic-geometric mean, π a / 2 K(1 - b² / a²)
agm = op(sc.agm, lambda y, a, b: _agm_slope(y, a, b), lambda y, a, b: _agm_slope(y, b, a))


def _elliprd_last(f: Value, x: Value, y: Value, z: Value) -> Value:
    """Of degree -3/2, so that x f_x + y f_y + z f_z = -3/2 f."""
    by_x = (f - elliprd(y, z, x)) / (2 * (z - x))
    by_y = (f - elliprd(x, z, y)) / (2 * (z - y))
    return -(1.5 * f + x * by_x + y * by_y) / z


def _elliprg_slope(x: Value, y: Value, z: Value) -> Value:
    return (elliprf(x, y, z) - x / 3 * elliprd(y, z, x)) / 4


def _elliprj_slope(f: Value, x: Value, y: Value, z: Value, p: Value) -> Value:
    return (f - elliprd(y, z, x)) / (2 * (p - x))


def _elliprj_last(f: Value, x: Value, y: Value, z: Value, p: Value) -> Value:
    """Of degree -3/2."""
    others = (x, y, z), (y, z, x), (z, x, y)
    return -(1.5 * f + sum(a * _elliprj_slope(f, a, b, c, p) for a, b, c in others)) / p


def _ellipk_slope(m: Value, rest: Value) -> Value:
    """With what is missing to one."""
    return np.pi / 8 * hyp2f1(0.5, 0.5, 2.0, m) / rest


def _ellipe_slope(m: Value) -> Value:
    return -np.pi / 8 * hyp2f1(0.5, 1.5, 2.0, m)


def _delta(phi: Value, m: Value) -> Value:
    return np.sqrt(1 - m * np.sin(phi) ** 2)


def _ellipkinc_by_parameter(phi: Value, m: Value) -> Value:
    """On the way from zero, whole half turns and a rest between -π/2 and π/2."""
    half_turns = np.rint(phi / np.pi)
    s, c = np.sin(phi - half_turns * np.pi), np.cos(phi)
    return 2 * half_turns * _ellipk_slope(m, 1 - m) + s**3 * elliprd(c * c, 1.0, 1 - m * s * s) / 6


def _ellipeinc_by_parameter(phi: Value, m: Value) -> Value:
    half_turns = np.rint(phi / np.pi)
    s, c = np.sin(phi - half_turns * np.pi), np.cos(phi)
    return 2 * half_turns * _ellipe_slope(m) - s**3 * elliprd(c * c, 1 - m * s * s, 1.0) / 6


def _amplitude_by_parameter(u: Value, m: Value) -> Value:
    """Of the φ with F(φ, m) = u."""
    return -ellipj_dn(u, m) * _ellipkinc_by_parameter(ellipj_ph(u, m), m)


def _agm_slope(y: Value, a: Value, b: Value) -> Value:
    """With K(m) = π a / 2 y, m = 1 - b² / a²."""
    ratio = (b / a) ** 2
    return y / a * (1 - 4 / np.pi * y / a * ratio * _ellipk_slope(1 - ratio, ratio))
