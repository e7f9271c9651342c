"""What SciPy's functions mean in SymPy: by name where it has them, by their definition where it has not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nazad.extras import require

Expr = Any
Meanings = dict[str, Callable[..., Expr]]

_SAME = {
    "gamma": "gamma", "gammaln": "loggamma", "loggamma": "loggamma", "psi": "digamma", "zeta": "zeta",
    "riemann_zeta": "zeta", "beta": "beta", "binom": "binomial", "poch": "rf",
    "erf": "erf", "erfc": "erfc", "erfi": "erfi", "erfinv": "erfinv",
    "jv": "besselj", "yv": "bessely", "iv": "besseli", "kv": "besselk", "yn": "bessely", "kn": "besselk",
    "hankel1": "hankel1", "hankel2": "hankel2", "spherical_jn": "jn", "spherical_yn": "yn",
    "airy_ai": "airyai", "airy_aip": "airyaiprime", "airy_bi": "airybi", "airy_bip": "airybiprime",
    "exp1": "E1", "expi": "Ei", "expn": "expint", "sici_si": "Si", "sici_ci": "Ci",
    "shichi_shi": "Shi", "shichi_chi": "Chi", "fresnel_s": "fresnels", "fresnel_c": "fresnelc",
    "ellipk": "elliptic_k", "ellipe": "elliptic_e", "ellipkinc": "elliptic_f", "ellipeinc": "elliptic_e",
    "eval_legendre": "legendre", "eval_chebyt": "chebyshevt", "eval_chebyu": "chebyshevu",
    "eval_hermite": "hermite", "eval_laguerre": "laguerre", "eval_genlaguerre": "assoc_laguerre",
    "eval_gegenbauer": "gegenbauer", "eval_jacobi": "jacobi",
}  # fmt: skip


def special_meanings() -> Meanings:
    """Primitives of SciPy's functions by name."""
    sp = require("sympy", "symbolic")
    same = {name: getattr(sp, other) for name, other in _SAME.items()}
    return same | _gamma(sp) | _errors(sp) | _logarithms(sp) | _powers(sp) | _bessel(sp) | _hypergeometric(sp)


def _gamma(sp: Any) -> Meanings:
    return {
        "rgamma": lambda x: 1 / sp.gamma(x),
        "zetac": lambda s: sp.zeta(s) - 1,
        "betaln": lambda a, b: sp.log(sp.beta(a, b)),
        "gammainc": lambda a, x: sp.lowergamma(a, x) / sp.gamma(a),
        "gammaincc": lambda a, x: sp.uppergamma(a, x) / sp.gamma(a),
    }


def _errors(sp: Any) -> Meanings:
    def below(x: Expr) -> Expr:
        return sp.erfc(-x / sp.sqrt(2)) / 2

    def density(x: Expr) -> Expr:
        return sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)

    return {
        "erfcinv": lambda x: sp.erfinv(1 - x),
        "erfcx": lambda x: sp.exp(x**2) * sp.erfc(x),
        "dawsn": lambda x: sp.sqrt(sp.pi) / 2 * sp.exp(-(x**2)) * sp.erfi(x),
        "ndtr": below,
        "log_ndtr": lambda x: sp.log(below(x)),
        "ndtri": lambda p: sp.sqrt(2) * sp.erfinv(2 * p - 1),
        "inverse_mills": lambda x: density(x) / below(x),
    }


def _logarithms(sp: Any) -> Meanings:
    return {
        "expit": lambda x: 1 / (1 + sp.exp(-x)),
        "log_expit": lambda x: -sp.log(1 + sp.exp(-x)),
        "logit": lambda x: sp.log(x / (1 - x)),
        "xlogy": lambda x, y: x * sp.log(y),
        "xlog1py": lambda x, y: x * sp.log(1 + y),
        "entr": lambda x: -x * sp.log(x),
        "rel_entr": lambda x, y: x * sp.log(x / y),
        "kl_div": lambda x, y: x * sp.log(x / y) - x + y,
        "pseudo_huber": lambda delta, r: delta**2 * (sp.sqrt(1 + (r / delta) ** 2) - 1),
        "wrightomega": lambda x: sp.LambertW(sp.exp(x)),
        "lambertw": lambda z, k, tolerance: sp.LambertW(z, k),
    }


def _powers(sp: Any) -> Meanings:
    return {
        "exp10": lambda x: 10**x,
        "exprel": lambda x: (sp.exp(x) - 1) / x,
        "cosm1": lambda x: sp.cos(x) - 1,
        "powm1": lambda x, y: x**y - 1,
        "boxcox": lambda x, p: (x**p - 1) / p,
        "boxcox1p": lambda x, p: ((1 + x) ** p - 1) / p,
        "inv_boxcox": lambda y, p: (1 + p * y) ** (1 / p),
        "inv_boxcox1p": lambda y, p: (1 + p * y) ** (1 / p) - 1,
        "sindg": lambda x: sp.sin(sp.pi * x / 180),
        "cosdg": lambda x: sp.cos(sp.pi * x / 180),
        "tandg": lambda x: sp.tan(sp.pi * x / 180),
        "cotdg": lambda x: sp.cot(sp.pi * x / 180),
        "radian": lambda d, m, s: (d + m / 60 + s / 3600) * sp.pi / 180,
    }


def _bessel(sp: Any) -> Meanings:
    letters = {"j": sp.besselj, "y": sp.bessely, "i": sp.besseli, "k": sp.besselk}

    def of_order(bessel: Callable[..., Expr], n: int) -> Callable[..., Expr]:
        return lambda x: bessel(n, x)

    plain = {f"{letter}{n}": of_order(bessel, n) for letter, bessel in letters.items() for n in (0, 1)}
    return plain | {
        "kve": lambda v, x: sp.exp(x) * sp.besselk(v, x),
        "k0e": lambda x: sp.exp(x) * sp.besselk(0, x),
        "k1e": lambda x: sp.exp(x) * sp.besselk(1, x),
    }


def _hypergeometric(sp: Any) -> Meanings:
    return {
        "hyp0f1": lambda b, z: sp.hyper([], [b], z),
        "hyp1f1": lambda a, b, z: sp.hyper([a], [b], z),
        "hyp2f1": lambda a, b, c, z: sp.hyper([a, b], [c], z),
        "spence": lambda z: sp.polylog(2, 1 - z),
    }
