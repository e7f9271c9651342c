"""The solution of an equation as an operation, differentiated by the implicit function theorem.

The body is a graph of residuals. Its leaves are the unknowns and then whatever else the equation depends on,
its sinks a residual for each unknown, of its shape. The predecessors stand in the order of the leaves, with a
guess for each unknown, on which the solution does not depend.

Where r(x, a) = 0, tangents satisfy r_x x_dot + r_a a_dot = 0, which is an equation again, a linear one: its
solution is such an operation, and so there are derivatives of any order. Backwards the equation is the
transposed one, r_xᵀ v = x_bar, and the share of a is -r_aᵀ v. No Jacobian is formed: residuals are pushed and
pulled, and how an equation is solved is up to its solver.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nazad.bodies.derive import Flags, both, chosen, pull_through, push_through, real, spread
from nazad.bodies.traced import any_like, derived, zero_like
from nazad.errors import ArgumentError
from nazad.extras import require
from nazad.graph import Graph, Value, here, is_complex
from nazad.ops import parts
from nazad.ops.control import Carrying
from nazad.trace.inside import plain

Values = Sequence[Value]
Residuals = Callable[..., list[Value]]
Solver = Callable[[Residuals, Values], Values]
"""``solver(residuals, guess)``: values at which the residuals are zero, all flat lists of arrays."""

_DENSE = 300
"""Unknowns up to which a linear equation is written out as a matrix."""
_RTOL = 1e-13


def _run(*xs: Value, body: Graph, unknowns: int, solver: Solver, linear: Solver) -> tuple[Value, ...]:
    guess, rest = xs[:unknowns], xs[unknowns:]

    def residuals(*values: Value) -> list[Value]:
        F = body.forward([*values, *rest])
        return [F[sink] for sink in body.sinks]

    found = solver(residuals, guess)
    return tuple([np.asarray(x, y.dtype).reshape(y.shape)[()] for x, y in zip(found, guess, strict=True)])


def _solved(rule: Residuals, kinds: Values, rest: Values, point: Values, linear: Solver) -> list[Value]:
    """The solution of a linear equation, whose unknowns are of these kinds."""
    body = derived(rule, [*kinds, *point])
    zeros = [np.zeros_like(x) for x in kinds]
    return list(root(*zeros, *rest, body=body, unknowns=len(zeros), solver=linear, linear=linear))


def _push(
    x_dots: Values, ys: Values, *xs: Value, body: Graph, unknowns: int, solver: Solver, linear: Solver
) -> Values:
    n, rest = unknowns, xs[unknowns:]
    moving = both([dot is not None for dot in x_dots[n:]], real(body.leaves[n:]))
    if not any(moving):
        return [None] * n

    def residual_dots(*values: Value) -> list[Value]:
        x_dot, at, dots = values[:n], values[n : n + len(xs)], values[n + len(xs) :]
        return push_through(body, at, [*x_dot, *spread(dots, moving)], [True] * n)[1]

    dots = chosen(x_dots[n:], moving)
    point = [*map(plain, (*ys, *rest)), *map(any_like, chosen(body.leaves[n:], moving))]
    kinds = [any_like(leaf) for leaf in body.leaves[:n]]
    return _solved(residual_dots, kinds, [*ys, *rest, *dots], point, linear)


def _pull(
    wanted: Flags,
    y_bars: Values,
    ys: Values,
    *xs: Value,
    body: Graph,
    unknowns: int,
    solver: Solver,
    linear: Solver,
) -> Values:
    n, rest = unknowns, xs[unknowns:]
    flags = both(wanted[n:], real(body.leaves[n:]))
    bars = [
        zero_like(leaf) if bar is None else bar for leaf, bar in zip(body.leaves[:n], y_bars, strict=True)
    ]

    def transposed(*values: Value) -> list[Value]:
        v, at, x_bars = values[:n], values[n : n + len(xs)], values[n + len(xs) :]
        shares = pull_through(body, at, v, [True] * n + [False] * len(rest))
        return [share - x_bar for share, x_bar in zip(shares, x_bars, strict=True)]

    kinds = [any_like(leaf) for leaf in body.leaves[:n]]
    point = [*map(plain, (*ys, *rest)), *kinds]
    v = _solved(transposed, kinds, [*ys, *rest, *bars], point, linear)
    shares = pull_through(body, [*ys, *rest], [-each for each in v], [False] * n + flags)
    return [*[None] * n, *spread(shares, flags)]


root = Carrying("root", _run, _push, _pull)


# --- solvers of linear equations
def dense(residuals: Residuals, guess: Values) -> Values:
    """By the matrix, written out column by column; by GMRES where it would be large."""
    zeros = np.zeros_like(in_a_row(guess))
    if zeros.size > _DENSE:
        return gmres(residuals, guess)
    flat = _flat(residuals, guess)
    offset = flat(zeros)
    columns = [flat(unit) - offset for unit in np.eye(zeros.size, dtype=zeros.dtype)]
    try:
        solution = np.linalg.solve(np.stack(columns, axis=1), -offset) if columns else zeros
    except np.linalg.LinAlgError:
        raise ArgumentError(
            "the Jacobian of the equation is singular at its solution, which has no derivative there",
            "Look whether the equation determines all unknowns.",
            here(),
        ) from None
    return out_of_a_row(solution, guess)


def gmres(residuals: Residuals, guess: Values) -> Values:
    """By GMRES, which needs products with the matrix alone."""
    return _krylov("gmres", residuals, guess)


def cg(residuals: Residuals, guess: Values) -> Values:
    """By conjugate gradients, where the matrix is symmetric and positive definite."""
    return _krylov("cg", residuals, guess)


def _krylov(name: str, residuals: Residuals, guess: Values) -> Values:
    linalg = require("scipy.sparse.linalg", "learn")
    zeros, flat = np.zeros_like(in_a_row(guess)), _flat(residuals, guess)
    offset, shape = flat(zeros), (zeros.size, zeros.size)
    operator = linalg.LinearOperator(shape, matvec=lambda x: flat(np.ravel(x)) - offset, dtype=zeros.dtype)
    solution, failed = getattr(linalg, name)(operator, -offset, rtol=_RTOL, atol=0.0)
    if failed and np.linalg.norm(flat(solution)) > 1e-8 * np.linalg.norm(offset):
        raise ArgumentError(
            f"{name} did not solve the linear equation for the derivative of a root",
            "Take another one: linear='dense', or a function of your own.",
            here(),
        )
    return out_of_a_row(solution, guess)


def _flat(residuals: Residuals, guess: Values) -> Callable[[Value], Value]:
    """The residuals as one vector, of one vector."""
    return lambda x: in_a_row(residuals(*out_of_a_row(x, guess)))


def in_a_row(xs: Values) -> Value:
    """All numbers as one vector of real ones; of complex ones both parts, for an equation may conjugate.

    Examples
    --------
    >>> in_a_row([np.array([1 + 2j, 3j]), 5.0])
    array([1., 0., 2., 3., 5.])
    """
    real = [part for x in xs for part in ((x.real, x.imag) if is_complex(x) else (x,))]
    return np.concatenate([np.ravel(part) for part in real])


def out_of_a_row(row: Value, like: Values) -> list[Value]:
    """The inverse of :func:`in_a_row`."""
    ends = np.cumsum([np.size(y) * (1 + is_complex(y)) for y in like])[:-1]
    return [_shaped(part, y) for part, y in zip(np.split(row, ends), like, strict=True)]


def _shaped(part: Value, like: Value) -> Value:
    half = np.size(like)
    whole = parts.complex(part[:half], part[half:]) if is_complex(like) else part
    return np.reshape(whole, np.shape(like))[()]


LINEAR: dict[str, Solver] = {"dense": dense, "gmres": gmres, "cg": cg}
