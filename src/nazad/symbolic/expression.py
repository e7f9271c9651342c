"""A function as SymPy expressions, and its derivative by SymPy's rules."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from nazad.errors import ArgumentError, GraphError
from nazad.graph import Node
from nazad.symbolic.convert import not_too_deep, on_symbols, written_out
from nazad.symbolic.meaning import Expr, Objects, number, objects, sympy
from nazad.trace import Arguments, Run, argument_names, followed, run
from nazad.tree import Tree, flatten, unflatten

_WORTH_DERIVING = 20_000  # operations written out, up to which SymPy takes seconds
_WORTH_SHOWING = 2_000


def symbolic(f: Callable[..., Any], *args: Tree, **kwargs: Any) -> Symbolic:
    """The function as a formula: its graph, run forward on SymPy's symbols.

    Parameters
    ----------
    f : callable
        A function written in NumPy.
    *args : pytree of array_like
        The point at which it is traced. Numbers become symbols with the arguments' names, arrays of floats
        become arrays of symbols (``x_0``, ``x_1``, ...); arrays of integers and truth values stay themselves.
    **kwargs
        Passed on to the function; they become no symbols.

    Returns
    -------
    Symbolic
        The expression, its derivative, both in LaTeX, and their values at any point.

    Raises
    ------
    NoRuleError
        If a step has no meaning as a formula, as ``argmax`` or ``sort`` of symbols; it is named.
    GraphError
        If the formula is nested too deep, or is too large when written out, for SymPy to work on.
    MissingExtra
        If SymPy is not installed.

    Notes
    -----
    Python's ``if`` and ``while`` are followed as at the given point: the formula is that of the branches
    taken there, and says nothing of the others. ``np.where`` becomes a piecewise formula with both.

    A primitive of your own is what its ``calc`` does. If that cannot be traced, it is a function of its own
    name, and its derivative is your ``deriv``.

    SymPy simplifies as it builds: x + x is 2 x, and sqrt(x**2) is abs(x), for all symbols are real. The size
    of an expression therefore says little about the function's; :func:`nazad.swell` counts on the graph.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> s = symbolic(lambda x, y: (np.log(x) + x * y) - np.sin(y), 2.0, 5.0)
    >>> s.expression, s.derivative
    (x*y + log(x) - sin(y), (y + 1/x, x - cos(y)))
    >>> print(s.latex())
    x y + \\log{\\left(x \\right)} - \\sin{\\left(y \\right)}
    >>> s.evaluate_derivative()
    (5.5, 1.7163378145367738)
    >>> symbolic(lambda w: w @ w, np.array([1.0, 2.0])).derivative
    array([2*w_0, 2*w_1], dtype=object)
    """
    arguments = Arguments.of(args, argument_names(f, len(args)))
    done = run(lambda *xs: followed(f)(*xs, **kwargs), arguments)
    symbols = _symbols(arguments)
    leaves = {leaf: mine for leaf, mine in zip(done.graph.leaves, symbols, strict=True) if mine is not None}
    return Symbolic(arguments, symbols, done, _expressions(done, leaves))


def _expressions(done: Run, leaves: dict[Node, Objects]) -> list[Objects]:
    graph = done.graph.without_dead()
    with not_too_deep(graph):
        return [objects(value) for value in on_symbols(graph, done.F, leaves)]


def _symbols(arguments: Arguments) -> list[Objects | None]:
    taken: set[str] = set()
    return [_symbol(x, label, taken) for x, label in zip(arguments.leaves, arguments.labels, strict=True)]


def _symbol(x: Any, label: str, taken: set[str]) -> Objects | None:
    """A symbol for every entry; none for what chooses rather than measures."""
    kind = np.result_type(x).kind
    if kind == "c":
        raise ArgumentError(f"{label} is complex, and symbols are real", "Give its parts: f(x + 1j * y).")
    if kind not in "iuf" or (kind in "iu" and np.ndim(x)):
        return None
    new = np.empty(np.shape(x), dtype=object)
    for place in np.ndindex(new.shape):
        new[place] = sympy().Symbol(_free_name("_".join(map(str, [label, *place])), taken), real=True)
    return new


def _free_name(label: str, taken: set[str]) -> str:
    name = re.sub(r"[\W_]+", "_", label).strip("_") or "x"
    while name in taken:
        name += "_"
    taken.add(name)
    return name


class Symbolic:
    """A function as a formula, and its derivative. Made by :func:`symbolic`.

    Attributes
    ----------
    expression : pytree
        What the function returns: a SymPy expression for a number, an object array of them for an array.
    symbols : pytree
        The symbols, in the structure of the argument; a tuple where there are several.
    derivative : pytree
        For each result, its derivative by each argument, in the structure of the argument, or a tuple where
        there are several; for arrays an object array of shape ``result.shape + argument.shape``. None stands
        for an argument without symbols.
    """

    def __init__(
        self, arguments: Arguments, symbols: Sequence[Objects | None], done: Run, results: Sequence[Objects]
    ) -> None:
        self._arguments, self._leaf_symbols, self._results = arguments, tuple(symbols), tuple(results)
        self._done = done

    @property
    def expression(self) -> Any:
        """The formula."""
        return unflatten(self._done.structure, [result[()] for result in self._results])

    @property
    def symbols(self) -> Any:
        """The symbols that stand for the arguments."""
        return self._like_arguments(self._leaf_symbols)

    @functools.cached_property
    def derivative(self) -> Any:
        """The derivative by each argument, by SymPy's ``diff``."""
        return unflatten(self._done.structure, [self._by_arguments(result) for result in self._results])

    @property
    def gradient(self) -> Any:
        """Another name for the derivative."""
        return self.derivative

    def _by_arguments(self, result: Objects) -> Any:
        self._demand_small(_WORTH_DERIVING)
        with not_too_deep(self._done.graph):
            return self._like_arguments(
                [None if mine is None else _derivatives(result, mine) for mine in self._leaf_symbols]
            )

    def _like_arguments(self, leaves: Sequence[Objects | None]) -> Any:
        whole = unflatten(self._arguments.structure, [None if x is None else x[()] for x in leaves])
        return whole[0] if len(whole) == 1 else whole

    @functools.cached_property
    def operations(self) -> int:
        """How many operations the formula has when it is written out, as SymPy has simplified it."""
        return sum(written_out(e) for result in self._results for e in result.flat)

    def _demand_small(self, limit: int) -> None:
        if self.operations > limit:
            raise GraphError(
                f"written out, the formula has {self.operations:.2e} operations",
                "Names for intermediate results are lost in a formula: nz.grad keeps them, nz.swell counts.",
            )

    # --- to read
    def latex(self, of: Literal["expression", "derivative"] = "expression") -> str:
        """The expression, or its derivative, in LaTeX.

        Examples
        --------
        >>> print(symbolic(lambda x: x**3, 2.0).latex("derivative"))
        3 x^{2}
        """
        self._demand_small(_WORTH_DERIVING)
        leaves = flatten(self.expression if of == "expression" else self.derivative)[0]
        with not_too_deep(self._done.graph):
            parts = [sympy().latex(_as_sympy(leaf)) for leaf in leaves]
        return parts[0] if len(parts) == 1 else r"\left( " + r", \  ".join(parts) + r"\right)"

    def _repr_latex_(self) -> str | None:
        if self.operations > _WORTH_SHOWING:
            return None
        return rf"$\displaystyle {self.latex()}$"

    def __str__(self) -> str:
        if self.operations > _WORTH_SHOWING:
            return f"a formula of {self.operations:.2e} operations"
        return str(self.expression)

    def __repr__(self) -> str:
        return f"<Symbolic {self}>"

    # --- to compute
    def evaluate(self, *args: Tree) -> Any:
        """The expression at a point; without arguments at that of the trace.

        Examples
        --------
        >>> symbolic(lambda x: x**3, 2.0).evaluate(3.0)
        27.0
        """
        self._demand_small(_WORTH_DERIVING)
        return self._numbers(self.expression, args)

    def evaluate_derivative(self, *args: Tree) -> Any:
        """The derivative at a point; without arguments at that of the trace."""
        return self._numbers(self.derivative, args)

    def _numbers(self, tree: Tree, args: Sequence[Tree]) -> Any:
        leaves, structure = flatten(tree)
        arrays = [np.asarray(leaf, dtype=object) for leaf in leaves]
        flat = self._compute([e for array in arrays for e in array.flat], self._point(args))
        rest = iter(flat)
        shaped = [np.array(list(itertools.islice(rest, a.size))).reshape(a.shape) for a in arrays]
        return unflatten(structure, [part if part.ndim else part.item() for part in shaped])

    def _compute(self, expressions: list[Expr], point: dict[Expr, float]) -> list[Any]:
        sp = sympy()
        own = {type(e).__name__: e.calc for e in _atoms(expressions) if hasattr(e, "calc")}
        modules = [own | {"DiracDelta": _nowhere, "Heaviside": np.heaviside}, "numpy"]
        with not_too_deep(self._done.graph), np.errstate(all="ignore"):
            compute = sp.lambdify([list(point)], expressions, modules=modules, cse=True)
            return [x if isinstance(x, bool) else np.float64(x) for x in compute(list(point.values()))]

    def _point(self, args: Sequence[Tree]) -> dict[Expr, float]:
        traced = self._arguments
        given, structure = flatten(tuple(args)) if args else (traced.leaves, traced.structure)
        if structure != traced.structure:
            raise ArgumentError("the point has another structure than the arguments of the trace")
        point: dict[Expr, float] = {}
        for x, old, mine, label in zip(given, traced.leaves, self._leaf_symbols, traced.labels, strict=True):
            if np.shape(x) != np.shape(old) or (mine is None and not np.array_equal(x, old)):
                remedy = "Shapes, integer arrays and truth values are part of the formula."
                raise ArgumentError(f"{label} is not as it was at the trace", remedy)
            if mine is not None:
                point |= dict(zip(mine.flat, np.ravel(np.asarray(x, np.float64)), strict=True))
        return point


def _nowhere(x: Any) -> float:
    """Dirac's delta, the derivative of a step, beside the step."""
    return 0.0


def _atoms(expressions: list[Expr]) -> set[Expr]:
    return set().union(*(e.atoms(sympy().Function) for e in expressions))


def _derivatives(result: Objects, symbols: Objects) -> Objects:
    derived = np.empty(result.shape + symbols.shape, dtype=object)
    for i in np.ndindex(result.shape):
        for j in np.ndindex(symbols.shape):
            derived[i + j] = number(sympy().diff(result[i], symbols[j]))
    return derived


def _as_sympy(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    return sympy().Matrix(value.tolist()) if value.ndim <= 2 else sympy().Array(value.tolist())
