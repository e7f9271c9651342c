"""From :mod:`scipy.special` to primitives: its ufuncs, and its functions made of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from scipy import special as sc

from nazad.graph import Value, dtype_of, rank_of
from nazad.ops import elementwise, parts, reduction
from nazad.ops.special import TABLE, airy, bessel, gamma, logarithmic, polynomials
from nazad.ops.special.family import Part
from nazad.trace.numpy_table.dispatch import UFUNCS
from nazad.trace.numpy_table.normal import all_axes
from nazad.trace.scipy_table import rule


def _enter(table: Iterable[Any]) -> None:
    """Every ufunc is known by the primitive that is made from it, or by those of its results."""
    results: dict[np.ufunc, dict[int, Any]] = {}
    for op in table:
        if isinstance(op.calc, Part):
            results.setdefault(op.calc.ufunc, {})[op.calc.place] = op
        elif isinstance(op.calc, np.ufunc):
            UFUNCS[op.calc] = op
    for ufunc, found in results.items():
        UFUNCS[ufunc] = _together([found[k] for k in sorted(found)])


def _together(ops: Sequence[Any]) -> Callable[..., tuple[Value, ...]]:
    return lambda *xs: tuple([op(*xs) for op in ops])


_enter(TABLE.values())
UFUNCS[sc.expm1] = elementwise.expm1
UFUNCS[sc.log1p] = elementwise.log1p
UFUNCS[sc.exp2] = elementwise.exp2
UFUNCS[sc.cbrt] = elementwise.cbrt
UFUNCS[sc.round] = elementwise.rint


# --- sums of exponentials
@rule(sc.logsumexp)
def _logsumexp(
    a: Value, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    if b is None and not return_sign and dtype_of(a).kind != "c":
        return reduction.logsumexp(a, axis=all_axes(axis, rank_of(a)), keepdims=keepdims)
    shift = np.real(_top(a, axis))
    total = np.sum((1.0 if b is None else b) * np.exp(a - shift), axis=axis, keepdims=True)
    log = np.log(np.abs(total) if return_sign else total) + shift
    results = [x if keepdims else np.squeeze(x, axis=axis) for x in (log, np.sign(total))]
    return tuple(results) if return_sign else results[0]


@rule(sc.softmax)
def _softmax(x: Value, axis: Any = None) -> Value:
    e = np.exp(x - _top(x, axis))
    return e / np.sum(e, axis=axis, keepdims=True)


@rule(sc.log_softmax)
def _log_softmax(x: Value, axis: Any = None) -> Value:
    y = x - _top(x, axis)
    return y - np.log(np.sum(np.exp(y), axis=axis, keepdims=True))


def _top(x: Value, axis: Any) -> Value:
    """The largest entry, to be taken out; nothing if it is infinite."""
    top = np.max(x, axis=axis, keepdims=True)
    return np.where(np.isfinite(top), top, 0)


# --- factorials
@rule(sc.factorial)
def _factorial(n: Value, exact: bool = False) -> Value:
    return np.where(np.less(n, 0), 0.0, gamma.gamma(np.where(np.less(n, 0), 0.0, n) + 1))


@rule(sc.comb)
def _comb(N: Value, k: Value, exact: bool = False, repetition: bool = False) -> Value:
    top = N + k - 1 if repetition else N
    return np.where(_counts(top, k), gamma.binom(top, k), 0.0)


@rule(sc.perm)
def _perm(N: Value, k: Value, exact: bool = False) -> Value:
    return np.where(_counts(N, k), gamma.poch(N - k + 1, k), 0.0)


def _counts(n: Value, k: Value) -> Value:
    return np.less_equal(k, n) & np.greater_equal(n, 0) & np.greater_equal(k, 0)


# --- functions with an order that counts
@rule(sc.polygamma)
def _polygamma(n: Any, x: Value) -> Value:
    n = np.asarray(n)
    higher = (-1.0) ** (n + 1) * sc.gamma(n + 1.0) * gamma.zeta(n + 1.0, x)
    return np.where(np.equal(n, 0), gamma.psi(x), higher)


@rule(sc.multigammaln)
def multigammaln(a: Value, d: int) -> Value:
    """The logarithm of the gamma function of matrices."""
    shifts = np.arange(d) / 2
    return np.sum(gamma.gammaln(np.expand_dims(a, -1) - shifts), axis=-1) + d * (d - 1) / 4 * np.log(np.pi)


@rule(sc.zeta)
def _zeta(x: Value, q: Value = None) -> Value:
    return gamma.riemann_zeta(x) if q is None else gamma.zeta(x, q)


@rule(sc.lambertw)
def _lambertw(z: Value, k: Any = 0, tol: float = 1e-8) -> Value:
    return logarithmic.lambertw(z, np.asarray(k), tol)


def _spherical(op: Any) -> Callable[..., Value]:
    def rule(n: Any, z: Value, derivative: bool = False) -> Value:
        n = np.asarray(n, int)
        return op.derivs[1](None, n, z) if derivative else op(n, z)

    return rule


for _function in (sc.spherical_jn, sc.spherical_yn, sc.spherical_in, sc.spherical_kn):
    rule(_function)(_spherical(TABLE[_function.__name__]))


@rule(sc.softplus)
def _softplus(x: Value) -> Value:
    return np.logaddexp(0, x)


# --- derivatives of Bessel functions of any order, from the neighbouring orders
def _nth(op: Any, sign: int) -> Callable[..., Value]:
    def rule(v: Value, z: Value, n: int = 1) -> Value:
        terms = [sign**k * math.comb(n, k) * op(v - n + 2 * k, z) for k in range(n + 1)]
        return sum(terms[1:], terms[0]) / (2**n if op is not bessel.kv else (-2) ** n)

    return rule


rule(sc.jvp)(_nth(bessel.jv, -1))
rule(sc.yvp)(_nth(bessel.yv, -1))
rule(sc.ivp)(_nth(bessel.iv, 1))
rule(sc.kvp)(_nth(bessel.kv, 1))
rule(sc.h1vp)(_nth(bessel.hankel1, -1))
rule(sc.h2vp)(_nth(bessel.hankel2, -1))


# --- polynomials, waves and harmonics
rule(sc.assoc_laguerre)(lambda x, n, k=0.0: polynomials.eval_genlaguerre(n, k, x))
rule(sc.legendre_p)(lambda n, z: np.expand_dims(polynomials.eval_legendre(n, z), 0))
rule(sc.sph_legendre_p)(lambda n, m, theta: np.expand_dims(polynomials.sph_legendre_p(n, m, theta), 0))


@rule(sc.sph_harm_y)
def _sph_harm_y(n: Any, m: Any, theta: Value, phi: Value) -> Value:
    return polynomials.sph_legendre_p(np.asarray(n), np.asarray(m), theta) * np.exp(1j * np.asarray(m) * phi)


@rule(sc.diric)
def _diric(x: Value, n: int) -> Value:
    """sin(nx/2) / (n sin(x/2)), and 1 or -1 where the quotient is one of zeros."""
    below = np.sin(x / 2)
    at = np.less(np.abs(below), 1e-7)
    turns = np.rint(x / (2 * np.pi))
    return np.where(at, (-1.0) ** (turns * (n - 1)), np.sin(n * x / 2) / (n * np.where(at, 1.0, below)))


def _kelvin(x: Value) -> tuple[Value, ...]:
    """SciPy's four complex functions."""
    pairs = ((airy.ber, airy.bei), (airy.ker, airy.kei), (airy.berp, airy.beip), (airy.kerp, airy.keip))
    return tuple([parts.complex(re(x), im(x)) for re, im in pairs])


UFUNCS[sc.kelvin] = _kelvin
