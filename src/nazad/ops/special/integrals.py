"""Exponential, sine and cosine integrals and those like them: the derivative is what stands inside."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable

import numpy as np
from scipy import special as sc

from nazad.graph import Value
from nazad.ops import parts
from nazad.ops.elementwise import over
from nazad.ops.families import Elementwise
from nazad.ops.special.family import Part, op

_ROOT_PI = math.sqrt(math.pi)
_EIGHTH = cmath.exp(-0.25j * math.pi)

exp1 = op(sc.exp1, lambda y, x: -np.exp(-x) / x)
expi = op(sc.expi, lambda y, x: np.exp(x) / x)
expn = op(sc.expn, None, lambda y, n, x: _expn_slope(n, x))
sici_si = op(Part(sc.sici, 0), lambda y, x: np.sinc(x / np.pi), name="sici_si")
sici_ci = op(Part(sc.sici, 1), lambda y, x: np.cos(x) / x, name="sici_ci")
shichi_shi = op(
    Part(sc.shichi, 0), lambda y, x: np.where(np.equal(x, 0), 1.0, over(np.sinh(x), x)), name="shichi_shi"
)
shichi_chi = op(Part(sc.shichi, 1), lambda y, x: np.cosh(x) / x, name="shichi_chi")
fresnel_s = op(Part(sc.fresnel, 0), lambda y, x: np.sin(np.pi / 2 * x * x), name="fresnel_s")
fresnel_c = op(Part(sc.fresnel, 1), lambda y, x: np.cos(np.pi / 2 * x * x), name="fresnel_c")
spence = op(sc.spence, lambda y, z: np.where(np.equal(z, 1), -1.0, over(np.log(z), 1 - z)))

modfresnelp_f = op(Part(sc.modfresnelp, 0), lambda y, x: -np.exp(1j * x * x), name="modfresnelp_f")
modfresnelp_k = op(
    Part(sc.modfresnelp, 1), lambda y, x: -2j * x * y - _EIGHTH / _ROOT_PI, name="modfresnelp_k"
)
modfresnelm_f = op(Part(sc.modfresnelm, 0), lambda y, x: -np.exp(-1j * x * x), name="modfresnelm_f")
modfresnelm_k = op(
    Part(sc.modfresnelm, 1), lambda y, x: 2j * x * y - 1 / (_EIGHTH * _ROOT_PI), name="modfresnelm_k"
)

# --- Faddeeva's function w(x + iy), and its real and imaginary part; w' = -2 z w + 2i / √π
wofz = op(sc.wofz, lambda y, z: -2 * z * y + 2j / _ROOT_PI)
faddeeva_real = Elementwise(
    "faddeeva_real",
    lambda x, y: np.real(sc.wofz(parts.complex(x, y))),
    lambda w, x, y: _faddeeva_slope_real(x, y),
    lambda w, x, y: -_faddeeva_slope_imag(x, y),
)
faddeeva_imag = Elementwise(
    "faddeeva_imag",
    lambda x, y: np.imag(sc.wofz(parts.complex(x, y))),
    lambda w, x, y: _faddeeva_slope_imag(x, y),
    lambda w, x, y: _faddeeva_slope_real(x, y),
)
voigt_profile = op(
    sc.voigt_profile,
    lambda p, x, sigma, gamma: _voigt(x, sigma, gamma, _faddeeva_slope_real),
    lambda p, x, sigma, gamma: _voigt_by_sigma(p, x, sigma, gamma),
    lambda p, x, sigma, gamma: -_voigt(x, sigma, gamma, _faddeeva_slope_imag),
)


def _expn_slope(n: Value, x: Value) -> Value:
    """The order below; of order zero, exp(-x) / x, there is none."""
    first = np.equal(n, 0)
    return -np.where(first, np.exp(-x) * (1 + 1 / x) / x, expn(np.where(first, 1, n) - 1, x))


def _faddeeva_slope_real(x: Value, y: Value) -> Value:
    return -2 * (x * faddeeva_real(x, y) - y * faddeeva_imag(x, y))


def _faddeeva_slope_imag(x: Value, y: Value) -> Value:
    return -2 * (x * faddeeva_imag(x, y) + y * faddeeva_real(x, y)) + 2 / _ROOT_PI


def _voigt(x: Value, sigma: Value, gamma: Value, slope: Callable[[Value, Value], Value]) -> Value:
    """The profile is Re w(z) / (σ √2π), z = (x + iγ) / (σ √2); this is a part of w'(z) in its place, by x."""
    s = math.sqrt(2.0) * sigma
    return slope(x / s, gamma / s) / (s * sigma * math.sqrt(2 * math.pi))


def _voigt_by_sigma(p: Value, x: Value, sigma: Value, gamma: Value) -> Value:
    real = _voigt(x, sigma, gamma, _faddeeva_slope_real)
    imag = _voigt(x, sigma, gamma, _faddeeva_slope_imag)
    return -(p + x * real - gamma * imag) / sigma
