"""Where the functions of SciPy are sampled: the domain of each argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nazad.ops.families import Elementwise

rng = np.random.default_rng(21)
Domain = Callable[..., np.ndarray]


def between(low: float, high: float) -> Domain:
    return lambda *shape: rng.uniform(low, high, shape)


def whole(low: int, high: int) -> Domain:
    return lambda *shape: rng.integers(low, high + 1, shape)


def real_whole(low: int, high: int) -> Domain:
    return lambda *shape: rng.integers(low, high + 1, shape).astype(float)


def exactly(value: float) -> Domain:
    return lambda *shape: np.full(shape, value)


line, positive, unit, inside = between(-2, 2), between(0.3, 2.5), between(0.1, 0.9), between(-0.8, 0.8)
order, degree, small = between(0.2, 2.8), whole(0, 4), whole(1, 4)

ANYWHERE = """
    erf erfc erfcx erfi dawsn ndtr log_ndtr inverse_mills expit log_expit exprel cosm1 exp10 sindg cosdg
    i0 i1 i0e i1e j0 j1 airy_ai airy_aip airy_bi airy_bip airye_bi airye_bip ber bei berp beip
    itairy_ai itairy_bi itairy_ai_left itairy_bi_left itstruve0 itmodstruve0 expi
    sici_si shichi_shi fresnel_s fresnel_c wofz rgamma wrightomega
"""
UNIT = "erfinv erfcinv ndtri logit kolmogi ellipkm1"

DOMAINS: dict[str, tuple[Domain, ...]] = {
    **dict.fromkeys(ANYWHERE.split(), (line,)),
    **dict.fromkeys(UNIT.split(), (unit,)),
    "ndtri_exp": (between(-4, -0.3),),
    "ellipk": (inside,),
    "ellipe": (inside,),
    "zeta": (between(1.5, 4), positive),
    "riemann_zeta": (between(1.5, 4),),
    "zetac": (between(1.5, 4),),
    "binom": (between(4, 6), between(0.3, 2.5)),
    "owens_t": (line, line),
    "huber": (between(0.5, 1.5), between(-4, 4)),
    "pseudo_huber": (positive, line),
    "boxcox": (positive, line),
    "boxcox1p": (positive, line),
    "inv_boxcox": (unit, unit),
    "inv_boxcox1p": (unit, unit),
    "xlog1py": (line, positive),
    "radian": (line, line, line),
    "agm": (positive, positive),
    **dict.fromkeys(["jv", "yv", "iv", "kv", "ive", "kve", "jve", "yve"], (order, positive)),
    **dict.fromkeys(["hankel1", "hankel2", "hankel1e", "hankel2e"], (order, positive)),
    **dict.fromkeys(["struve", "modstruve"], (order, positive)),
    "yn": (degree, positive),
    "kn": (degree, positive),
    "expn": (degree, positive),
    **dict.fromkeys([f"spherical_{k}n" for k in "jyik"], (degree, positive)),
    **dict.fromkeys(["pbdv", "pbdv_slope", "pbvv", "pbvv_slope"], (order, positive)),
    **dict.fromkeys(["pbwa", "pbwa_slope"], (inside, between(-1.5, 1.5))),
    "besselpoly": (positive, order, real_whole(2, 4)),
    "faddeeva_real": (line, positive),
    "faddeeva_imag": (line, positive),
    "voigt_profile": (line, positive, positive),
    "elliprf": (between(0.2, 0.4), between(0.8, 1.2), between(2, 3)),
    "elliprd": (between(0.2, 0.4), between(0.8, 1.2), between(2, 3)),
    "elliprg": (between(0.2, 0.4), between(0.8, 1.2), between(2, 3)),
    "elliprc": (between(0.2, 0.4), between(0.8, 1.2)),
    "elliprj": (between(0.2, 0.4), between(0.8, 1.2), between(2, 3), between(4, 5)),
    "ellipkinc": (between(-5, 5), inside),
    "ellipeinc": (between(-5, 5), inside),
    **dict.fromkeys(["ellipj_sn", "ellipj_cn", "ellipj_dn", "ellipj_ph"], (between(-4, 4), unit)),
    "hyp0f1": (positive, line),
    "hyp1f1": (positive, positive, line),
    "hyp2f1": (positive, positive, positive, inside),
    "hyperu": (positive, positive, positive),
    "wright_bessel": (positive, positive, positive),
    "log_wright_bessel": (positive, positive, positive),
    "eval_jacobi": (degree, positive, positive, inside),
    "eval_sh_jacobi": (degree, between(1.5, 2.5), between(0.5, 1), unit),
    "eval_gegenbauer": (degree, positive, inside),
    "eval_genlaguerre": (degree, positive, positive),
    **dict.fromkeys(
        ["eval_hermite", "eval_hermitenorm", "eval_laguerre", "eval_chebyc", "eval_chebys"], (degree, line)
    ),
    **dict.fromkeys(["eval_legendre", "eval_chebyt", "eval_chebyu"], (degree, inside)),
    **dict.fromkeys(["eval_sh_legendre", "eval_sh_chebyt", "eval_sh_chebyu"], (degree, unit)),
    "sph_legendre_p": (whole(2, 3), whole(-2, 2), between(0.3, 2.5)),
    "lpmv": (whole(0, 1), real_whole(1, 3), inside),
    "lambertw": (positive, exactly(0), exactly(1e-12)),
    # distributions
    **dict.fromkeys(["gammaincinv", "gammainccinv"], (positive, unit)),
    "gdtria": (unit, positive, positive),
    "gdtrib": (positive, unit, positive),
    "gdtrix": (positive, positive, unit),
    "chdtri": (positive, unit),
    "chdtriv": (unit, positive),
    **dict.fromkeys(["pdtr", "pdtrc"], (real_whole(0, 4), positive)),
    "pdtri": (real_whole(0, 4), unit),
    "pdtrik": (between(0.5, 0.9), positive),
    **dict.fromkeys(["betainc", "betaincc", "betaincinv", "betainccinv"], (positive, positive, unit)),
    "btdtria": (unit, positive, unit),
    "btdtrib": (positive, unit, unit),
    **dict.fromkeys(["bdtr", "bdtrc", "bdtri"], (real_whole(0, 4), whole(6, 9), unit)),
    "bdtrik": (between(0.4, 0.9), between(6, 9), between(0.4, 0.6)),
    "bdtrin": (between(1, 3), unit, between(0.3, 0.6)),
    **dict.fromkeys(["nbdtr", "nbdtrc", "nbdtri"], (whole(0, 4), whole(2, 5), unit)),
    "nbdtrik": (between(0.4, 0.9), between(2, 5), between(0.3, 0.6)),
    "nbdtrin": (between(1, 3), between(0.3, 0.9), between(0.3, 0.6)),
    **dict.fromkeys(["fdtri"], (positive, positive, unit)),
    "fdtridfd": (between(2, 3), between(0.4, 0.48), between(0.8, 1.2)),
    "stdtr": (positive, line),
    "stdtrit": (positive, unit),
    "stdtridf": (between(0.75, 0.8), between(0.9, 1.0)),
    "nrdtrimn": (unit, positive, line),
    "nrdtrisd": (between(-2, -1), between(0.6, 0.9), positive),
    "chndtrix": (unit, positive, positive),
    "chndtridf": (between(2, 4), between(0.2, 0.6), between(0.5, 1)),
    "chndtrinc": (between(3, 4), between(1, 2), between(0.2, 0.4)),
    "nctdtr": (between(2, 4), line, line),
    "nctdtrit": (between(2, 4), line, unit),
    "nctdtridf": (between(0.7, 0.75), between(0.2, 0.3), between(1, 1.2)),
    "nctdtrinc": (between(2, 4), unit, between(0, 1)),
    "nct_density": (line, between(2, 4), line),
    "ncfdtri": (between(2, 4), between(2, 4), positive, unit),
    "ncfdtridfd": (between(2, 3), between(0.3, 0.4), positive, between(1, 1.2)),
    "ncfdtridfn": (between(0.3, 0.4), between(2, 3), positive, between(1, 1.2)),
    "ncfdtrinc": (between(2, 3), between(2, 3), between(0.2, 0.3), between(1, 1.2)),
    "smirnov": (small, unit),
    "smirnov_slope": (small, unit),
    "smirnovi": (small, unit),
    "tklmbda": (line, between(0.1, 0.4)),
    # Mathieu and spheroids
    **dict.fromkeys(["mathieu_a", "mathieu_b"], (small, positive)),
    **dict.fromkeys(
        [f"mathieu_{k}{tail}" for k in ("cem", "sem") for tail in ("", "_slope")],
        (small, positive, between(-60, 60)),
    ),
    **dict.fromkeys(
        [f"mathieu_mod{k}{n}{tail}" for k in ("cem", "sem") for n in "12" for tail in ("", "_slope")],
        (small, positive, positive),
    ),
    **dict.fromkeys(["pro_cv", "obl_cv"], (whole(1, 1), whole(2, 3), positive)),
}
for _name in ("pro_ang1", "obl_ang1", "pro_rad1", "obl_rad1", "pro_rad2"):
    _x = inside if "ang" in _name else between(1.3, 2) if "pro" in _name else unit
    for _tail in ("", "_slope"):
        DOMAINS[_name + _tail] = (whole(1, 1), whole(2, 3), between(0.8, 1.3), _x)
        _level = 6.307619271634864 if "pro" in _name else 5.688322680339065
        DOMAINS[f"{_name}_cv{_tail}"] = (*map(exactly, (1, 2, 0.85, _level)), _x)

LOOSE = ["itairy_ai", "itairy_bi", "itairy_ai_left", "itairy_bi_left"]
"""Functions to which SciPy gives nine digits."""

REAL_ALONE = ["ive", "jve", "yve", "airye_bi", "airye_bip", "psi", "kv", "kve", "riemann_zeta"]
"""Functions that SciPy has for complex numbers, too, but that have no rule there, or not by all arguments."""

ONCE = ["pro_rad2", "pro_rad2_cv", "smirnov", "smirnovi", "ncfdtr", "ncfdtri", "nctdtr", "nctdtrit"]
"""Functions whose derivative has none."""

ONCE_COMPLEX = ["gamma", "loggamma", "rgamma"]
"""The same, of complex arguments."""


def samples(op: Elementwise) -> list[tuple[Any, ...]]:
    """Arguments of one shape, and of shapes that broadcast."""
    domains = DOMAINS.get(op.name, (positive,) * len(op.derivs))
    alike = tuple(draw(3) for draw in domains)
    if len(domains) == 1:
        return [alike, (domains[0](),)]
    return [alike, tuple(draw(2, 1) if k % 2 else draw(3) for k, draw in enumerate(domains))]
