"""Values that an equation determines, differentiated by the implicit function theorem."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nazad.api.carry import named, own, strong
from nazad.api.chosen import called, demand_function
from nazad.api.matrices import jacobian
from nazad.api.packed import Packed
from nazad.bodies.root import LINEAR, Residuals, Solver, Values, in_a_row, out_of_a_row
from nazad.bodies.root import root as root_op
from nazad.bodies.traced import body_of, is_traced
from nazad.errors import ArgumentError, ShapeError
from nazad.graph import Value, dtype_of, here, shape_of
from nazad.ops.structure import astype
from nazad.tree import Structure, Tree, flatten, tree_map, unflatten

_STEPS = 100
_REMEDY = "Write nz.cond or np.where instead of if inside of the equation."

TreeSolver = Callable[[Callable[[Any], Any], Any], Any]
"""``solver(f, x0)``, the root of ``f`` near ``x0``."""


def newton(f: Callable[[Any], Any], x0: Any) -> Any:
    """Newton's method with the exact Jacobian, until a step changes nothing any more.

    Parameters
    ----------
    f : callable
        From a structure of arrays to one like it.
    x0 : pytree of array_like
        Where to begin.

    Returns
    -------
    pytree

    Raises
    ------
    ArgumentError
        If it does not converge within a hundred steps.
    """
    leaves, structure = flatten(x0)

    def apart(x: Value) -> Any:
        return unflatten(structure, out_of_a_row(x, leaves))

    def flat(x: Value) -> Value:
        return in_a_row(flatten(f(apart(x)))[0])

    x = in_a_row(leaves)
    smallest = 4 * np.finfo(x.dtype).eps
    for _ in range(_STEPS):
        step = np.linalg.solve(jacobian(flat)(x), -flat(x))
        x = x + step
        if np.linalg.norm(step) <= smallest * max(np.linalg.norm(x), 1e-300):
            return apart(x)
    raise ArgumentError(
        f"Newton's method did not converge in {_STEPS} steps",
        "Begin nearer to the root, or give a solver of your own: solver=lambda f, x0: ...",
        here(),
    )


def root(
    f: Callable[..., Any],
    x0: Tree,
    *args: Any,
    solver: TreeSolver = newton,
    linear: str | Solver = "dense",
) -> Tree:
    """The x with f(x, \\*args) = 0, whose derivative by the arguments is that of the solution.

    Parameters
    ----------
    f : callable
        The equation: ``f(x, *args)`` has the structure and the shapes of ``x``.
    x0 : pytree of array_like
        Where the solver begins. The root does not depend on it.
    *args : pytree of array_like
        What the equation depends on; what ``f`` captured counts as well.
    solver : callable, optional
        ``solver(g, x0)`` is a root of ``g``, of one argument, near ``x0``: SciPy's, for instance,
        ``lambda g, x0: scipy.optimize.root(g, x0).x``. It sees ordinary arrays, and is not differentiated.
    linear : {"dense", "gmres", "cg"} or callable, optional
        How the linear equations for derivatives are solved: by the matrix of the Jacobian, up to 300
        unknowns, or by SciPy's iterations, which need products with it alone. A function is called as
        ``linear(residuals, guess)`` with flat lists of arrays.

    Returns
    -------
    pytree
        The root, of the structure of ``x0``.

    Raises
    ------
    ArgumentError
        Where the Jacobian is singular, when a derivative is asked for.

    Notes
    -----
    From f(x, a) = 0 follows ∂f/∂x · ẋ = -∂f/∂a · ȧ. That is an equation again, and so there are derivatives
    of any order, in both modes.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> def cube_root(a):
    ...     return nz.root(lambda x, a: x**3 - a, 1.0, a)
    >>> cube_root(8.0), nz.grad(cube_root)(8.0)
    (np.float64(2.0), 0.08333333333333333)
    >>> print(f"{nz.grad(nz.grad(cube_root))(8.0):.6f}")
    -0.006944
    """
    demand_function(f, "root")
    guess, structure = flatten(x0)
    guess = [_float(x) for x in guess]
    packed = Packed.of(args, {})

    def flat(*leaves: Value) -> Any:
        x, rest = leaves[: len(guess)], packed.unpacked(leaves[len(guess) :])[0]
        residuals, met = flatten(f(own(unflatten(structure, x)), *own(rest)))
        _demand_square(x, residuals, structure, met, called(f))
        return tuple(residuals)

    def flat_solver(residuals: Residuals, start: Values) -> Values:
        found = solver(lambda x: unflatten(structure, residuals(*flatten(x)[0])), unflatten(structure, start))
        return flatten(found)[0]

    rest = packed.arrays
    if not is_traced([*guess, *rest]) and not is_traced(flat(*guess, *rest)):
        found = flat_solver(lambda *x: list(flat(*x, *rest)), guess)
        return unflatten(structure, [np.asarray(x)[()] for x in found])
    names = [*named("x", x0), *(f"a{k}" for k in packed.places)]
    body = body_of(flat, [*guess, *rest], names, _REMEDY)
    results = root_op(
        *guess,
        *rest,
        *body.operands,
        body=body.graph,
        unknowns=len(guess),
        solver=flat_solver,
        linear=LINEAR[linear] if isinstance(linear, str) else linear,
    )
    return unflatten(structure, results)


def fixed_point(
    f: Callable[..., Any],
    x0: Tree,
    *args: Any,
    rtol: float = 1e-13,
    steps: int = 10_000,
    linear: str | Solver = "dense",
) -> Tree:
    """The x with f(x, \\*args) = x, found by iteration, with the derivative of the solution.

    Parameters
    ----------
    f : callable
        One step of the iteration; ``f(x, *args)`` has the structure and the shapes of ``x``.
    x0 : pytree of array_like
        Where the iteration begins.
    *args : pytree of array_like
        What ``f`` depends on.
    rtol : float, optional
        It ends when a step changes no entry by more than this, relative to the largest.
    steps : int, optional
        At most so many.
    linear
        As for :func:`root`.

    Returns
    -------
    pytree
        The fixed point.

    Raises
    ------
    ArgumentError
        If it has not settled after so many steps.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> def kepler(e):
    ...     return nz.fixed_point(lambda x, e: 1.0 + e * np.sin(x), 1.0, e)
    >>> print(f"{kepler(0.3):.6f}, {nz.grad(kepler)(0.3):.6f}")
    1.288091, 1.048008
    """

    def iterate(residuals: Callable[[Any], Any], x: Any) -> Any:
        for _ in range(steps):
            change = residuals(x)
            x = tree_map(np.add, x, change)
            if all(_small(c, y, rtol) for c, y in zip(flatten(change)[0], flatten(x)[0], strict=True)):
                return x
        raise ArgumentError(
            f"the iteration has not settled after {steps} steps",
            "Begin nearer to the fixed point, or solve for it: nz.root(lambda x: f(x) - x, x0).",
            here(),
        )

    def residual(x: Any, *rest: Any) -> Any:
        return tree_map(np.subtract, f(own(x), *rest), x)

    return root(residual, x0, *args, solver=iterate, linear=linear)


def _small(change: Value, x: Value, rtol: float) -> bool:
    return bool(np.max(np.abs(change), initial=0) <= rtol * np.max(np.abs(x), initial=1))


def _float(x: Any) -> Value:
    """An unknown: a float, whatever the guess was."""
    value = strong(x) if hasattr(x, "dtype") or isinstance(x, (int, float, complex)) else np.asarray(x)
    kind = dtype_of(value).kind
    return astype(value, dtype=np.dtype(float)) if kind in "iub" else value


def _demand_square(
    x: Sequence[Value], residuals: Sequence[Value], structure: Structure, met: Structure, name: str
) -> None:
    if structure != met or [shape_of(v) for v in x] != [shape_of(v) for v in residuals]:
        shapes = [shape_of(v) for v in residuals]
        raise ShapeError(
            f"{name} returned shapes {shapes} for unknowns of shapes {[shape_of(v) for v in x]}",
            "An equation has one entry for each unknown, in the same structure.",
            here(),
        )
