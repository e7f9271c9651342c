"""Orthogonal polynomials, which a derivative takes to those of a degree less with other weights."""

from __future__ import annotations

import numpy as np
from scipy import special as sc

from nazad.graph import Value
from nazad.ops.special.family import op, whole

eval_jacobi = op(
    sc.eval_jacobi,
    ...,
    ...,
    ...,
    lambda y, n, a, b, x: (n + a + b + 1) / 2 * eval_jacobi(n - 1, a + 1, b + 1, x),
)
eval_sh_jacobi = op(
    sc.eval_sh_jacobi,
    ...,
    ...,
    ...,
    lambda y, n, p, q, x: n * eval_sh_jacobi(_below(n), p + 2, q + 1, x),
)
eval_gegenbauer = op(
    sc.eval_gegenbauer, ..., ..., lambda y, n, a, x: 2 * a * eval_gegenbauer(_under(n), a + 1, x)
)
eval_legendre = op(sc.eval_legendre, ..., lambda y, n, x: (n + 1) / 2 * eval_jacobi(n - 1, 1.0, 1.0, x))
eval_sh_legendre = op(
    sc.eval_sh_legendre, ..., lambda y, n, x: (n + 1) * eval_jacobi(n - 1, 1.0, 1.0, 2 * x - 1)
)
eval_chebyt = op(sc.eval_chebyt, ..., lambda y, n, x: n * eval_chebyu(n - 1, x))
eval_chebyu = op(sc.eval_chebyu, ..., lambda y, n, x: 2 * eval_gegenbauer(n - 1, 2.0, x))
eval_chebyc = op(sc.eval_chebyc, ..., lambda y, n, x: n * eval_chebyu(n - 1, x / 2))
eval_chebys = op(sc.eval_chebys, ..., lambda y, n, x: eval_gegenbauer(n - 1, 2.0, x / 2))
eval_sh_chebyt = op(sc.eval_sh_chebyt, ..., lambda y, n, x: 2 * n * eval_chebyu(n - 1, 2 * x - 1))
eval_sh_chebyu = op(sc.eval_sh_chebyu, ..., lambda y, n, x: 4 * eval_gegenbauer(n - 1, 2.0, 2 * x - 1))
eval_laguerre = op(sc.eval_laguerre, ..., lambda y, n, x: -eval_genlaguerre(n - 1, 1.0, x))
eval_genlaguerre = op(sc.eval_genlaguerre, ..., ..., lambda y, n, a, x: -eval_genlaguerre(n - 1, a + 1, x))
eval_hermite = op(sc.eval_hermite, None, lambda y, n, x: 2 * n * eval_hermite(_below(whole(n)), x))
eval_hermitenorm = op(sc.eval_hermitenorm, None, lambda y, n, x: n * eval_hermitenorm(_below(whole(n)), x))
sph_legendre_p = op(
    lambda n, m, theta: sc.sph_legendre_p(n, m, theta)[0],
    None,
    None,
    lambda y, n, m, theta: (
        (
            np.sqrt((n - m) * (n + m + 1)) * sph_legendre_p(n, m + 1, theta)
            - np.sqrt((n + m) * (n - m + 1)) * sph_legendre_p(n, m - 1, theta)
        )
        / 2
    ),
    name="sph_legendre_p",
)
"""The part of a spherical harmonic that depends on the polar angle."""
lpmv = op(sc.lpmv, None, ..., lambda y, m, v, x: (v * x * y - (v + m) * lpmv(m, v - 1, x)) / (x * x - 1))


def _below(n: Value) -> Value:
    """The degree below; below zero there is none, and it counts zero times."""
    return np.maximum(n - 1, 0)


def _under(n: Value) -> Value:
    """The degree below; -1 stays, where the polynomial is zero: SciPy has none of lower degree."""
    return n - np.not_equal(n, -1)
