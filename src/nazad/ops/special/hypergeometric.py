"""Hypergeometric functions: a derivative in the argument moves the parameters by one."""

from __future__ import annotations

import numpy as np
from scipy import special as sc

from nazad.ops.special.family import op

hyp0f1 = op(sc.hyp0f1, ..., lambda y, b, z: hyp0f1(b + 1, z) / b)
hyp1f1 = op(sc.hyp1f1, ..., ..., lambda y, a, b, z: a / b * hyp1f1(a + 1, b + 1, z))
hyp2f1 = op(sc.hyp2f1, ..., ..., ..., lambda y, a, b, c, z: a * b / c * hyp2f1(a + 1, b + 1, c + 1, z))
hyperu = op(sc.hyperu, ..., ..., lambda y, a, b, x: -a * hyperu(a + 1, b + 1, x))
wright_bessel = op(sc.wright_bessel, ..., ..., lambda y, a, b, x: wright_bessel(a, a + b, x))
log_wright_bessel = op(
    sc.log_wright_bessel, ..., ..., lambda y, a, b, x: np.exp(log_wright_bessel(a, a + b, x) - y)
)
