"""Polynomials as arrays of coefficients, the highest power first; sums of shifted products."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from nazad.graph import Value, rank_of
from nazad.ops import contraction
from nazad.ops.parts import conjugated
from nazad.trace.numpy_table.dispatch import rule
from nazad.trace.numpy_table.normal import array


# --- sums of shifted products
@rule(np.convolve)
def _convolve(a: Value, v: Value, mode: Any = "full") -> Any:
    x, y = np.atleast_1d(array(a)), np.atleast_1d(array(v))
    if rank_of(x) > 1 or rank_of(y) > 1:
        raise ValueError("object too deep for desired array")
    if not np.size(x) or not np.size(y):
        raise ValueError("a cannot be empty" if not np.size(x) else "v cannot be empty")
    return _cut(contraction.convolve(x, y), max(len(x), len(y)), min(len(x), len(y)), mode)


def _cut(full: Value, long: int, short: int, mode: Any) -> Value:
    """Of the whole sum, as many entries as the longer factor has, or where the shorter one fits in."""
    name = mode if isinstance(mode, str) else ("valid", "same", "full")[mode]
    if name == "full":
        return full
    if name == "same":
        start = (short - 1) // 2
        return full[start : start + long]
    if name == "valid":
        return full[short - 1 : long]
    raise ValueError("mode must be one of 'valid', 'same', or 'full'")


@rule(np.correlate)
def _correlate(a: Value, v: Value, mode: Any = "valid") -> Any:
    """A convolution with the second factor turned round; if that is the longer one, so is the result."""
    x, y = np.atleast_1d(array(a)), conjugated(np.atleast_1d(array(v)))
    if len(x) >= len(y):
        return np.convolve(x, y[::-1], mode)
    return np.convolve(y, x[::-1], mode)[::-1]


# --- polynomials
@rule(np.polyval)
def _polyval(p: Value, x: Value) -> Any:
    """Horner's rule."""
    y = np.zeros_like(array(x))
    for coefficient in array(p):
        y = y * x + coefficient
    return y


def _padded(a: Value, size: int) -> Value:
    return np.concatenate([np.zeros(size - len(a), a.dtype), a]) if len(a) < size else a


def _termwise(ufunc: np.ufunc, a: Value, b: Value) -> Value:
    x, y = np.atleast_1d(array(a)), np.atleast_1d(array(b))
    size = max(len(x), len(y))
    return ufunc(_padded(x, size), _padded(y, size))


rule(np.polyadd)(lambda a1, a2: _termwise(np.add, a1, a2))
rule(np.polysub)(lambda a1, a2: _termwise(np.subtract, a1, a2))
rule(np.polymul)(lambda a1, a2: np.convolve(_trimmed(array(a1)), _trimmed(array(a2))))


def _trimmed(p: Value) -> Value:
    """Without leading zeros."""
    p = np.trim_zeros(np.atleast_1d(p), "f")
    return p if len(p) else np.zeros(1, p.dtype)


@rule(np.polydiv)
def _polydiv(u: Value, v: Value) -> Any:
    rest, divisor = np.atleast_1d(array(u)) + 0.0, np.atleast_1d(array(v)) + 0.0
    steps = len(rest) - len(divisor) + 1
    quotient = []
    for k in range(steps):
        quotient.append(rest[k] / divisor[0])
        taken = [np.zeros(k), quotient[-1] * divisor, np.zeros(len(rest) - k - len(divisor))]
        rest = rest - np.concatenate(taken)
    left = rest
    while len(left) > 1 and np.allclose(left[0], 0, rtol=1e-14):
        left = left[1:]
    return (np.stack(quotient) if quotient else np.zeros(1)), left


@rule(np.polyder)
def _polyder(p: Value, m: int = 1) -> Any:
    y = array(p)
    for _ in range(int(m)):
        y = y[:-1] * np.arange(len(y) - 1, 0, -1)
    return y


@rule(np.polyint)
def _polyint(p: Value, m: int = 1, k: Any = None) -> Any:
    constants = np.zeros(m) if k is None else np.broadcast_to(np.atleast_1d(array(k)), (m,))
    y = np.atleast_1d(array(p))
    for k in range(m):
        y = np.concatenate([y / np.arange(len(y), 0, -1), constants[k : k + 1]])
    return y


@rule(np.poly)
def _poly(seq_of_zeros: Value) -> Any:
    """The product of x - z over the zeros z."""
    zeros = np.atleast_1d(array(seq_of_zeros))
    if rank_of(zeros) == 2:
        zeros = np.linalg.eigvals(zeros)
    one = np.ones(1, np.result_type(zeros, np.float16))
    return functools.reduce(np.convolve, [np.stack([one[0], -z]) for z in zeros], one)


@rule(np.vander)
def _vander(x: Value, N: int | None = None, increasing: bool = False) -> Any:
    powers = np.arange(len(x) if N is None else N)
    return array(x)[:, None] ** (powers if increasing else powers[::-1])


@rule(np.roots)
def _roots(p: Value) -> Any:
    """The eigenvalues of the companion matrix; zeros at the end of the coefficients are roots at zero."""
    line = np.ravel(np.atleast_1d(array(p)))
    places = np.nonzero(line)[0]
    if not len(places):
        return np.zeros(0)
    first, last = int(places[0]), int(places[-1])
    inner, at_zero = line[first : last + 1], len(line) - last - 1
    if len(inner) < 2:
        return np.zeros(at_zero)
    row = -inner[1:] / inner[0]
    matrix = np.concatenate([row[None], np.eye(len(row) - 1, len(row), dtype=row.dtype)])
    found = np.linalg.eigvals(matrix)
    return np.concatenate([found, np.zeros(at_zero, found.dtype)]) if at_zero else found


@rule(np.polyfit)
def _polyfit(
    x: Value, y: Value, deg: Any, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False
) -> Any:
    """Least squares in powers of x, each of them scaled to length one."""
    x, y, order = array(x) + 0.0, array(y) + 0.0, int(deg) + 1
    rcond = len(x) * np.finfo(x.dtype).eps if rcond is None else rcond
    powers, goal = np.vander(x, order), y
    if w is not None:
        weights = array(w) + 0.0
        powers, goal = powers * weights[:, None], (goal.T * weights).T
    scale = np.sqrt(np.sum(powers * powers, axis=0))
    powers = powers / scale
    c, rest, rank, singular = np.linalg.lstsq(powers, goal, rcond)
    c = (c.T / scale).T
    if full:
        return c, rest, rank, singular, rcond
    return (c, _spread(powers, scale, rest, len(x) - order, cov)) if cov else c


def _spread(powers: Value, scale: Value, rest: Value, freedom: int, cov: Any) -> Value:
    """The covariance of fitted coefficients."""
    base = np.linalg.inv(np.matmul(powers.T, powers)) / np.outer(scale, scale)
    if isinstance(cov, str) and cov == "unscaled":
        return base
    if freedom <= 0:
        raise ValueError("the number of data points must exceed order to scale the covariance matrix")
    return base * (rest / freedom) if np.size(rest) == 1 else base[:, :, None] * (rest / freedom)
