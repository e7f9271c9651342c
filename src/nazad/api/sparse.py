"""Sparse Jacobians: sparse_jacobian, by colours.

The pattern of the Jacobian is read off the graph (:mod:`nazad.transform.pattern`), columns that have no row
in common get one colour (:mod:`nazad.transform.coloring`), and one product of the Jacobian with a vector of
zeros and ones gives all columns of a colour at once. Each such product is written where its entries belong in
the order in which CSR stores them (:mod:`nazad.api.products`).

Pattern, colours and places depend on the graph alone and make the plan, which is kept.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nazad.api.chosen import ArgNums, Chosen, called, choose, demand_floats, demand_function
from nazad.api.products import Products
from nazad.errors import ArgumentError
from nazad.extras import require
from nazad.graph import Traced, Value, here, is_complex
from nazad.trace import Run, run
from nazad.transform.coloring import Coloring, coloring
from nazad.transform.pattern import Pattern, pattern

Numbers = np.ndarray[Any, Any]

_PLANS = 8  # how many are kept for one function


def sparse_jacobian(f: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False) -> SparseJacobian:
    """The function that returns the Jacobian of ``f`` as a sparse matrix.

    It takes as many derivatives as the matrix has colours, three for a tridiagonal one of any size: forward
    or reverse mode, whichever needs fewer. Where every row or column is full it is no better than
    :func:`jacobian`.

    Parameters
    ----------
    f : callable
        A function written in NumPy; it may return any structure of arrays.
    argnums : int, str or sequence of these, optional
        As in :func:`value_and_grad`.
    has_aux : bool, optional
        Whether ``f`` returns ``(value, aux)``.

    Returns
    -------
    callable
        The Jacobian, a ``scipy.sparse.csr_array`` with a row for every entry of the result and a column for
        every entry of the arguments, both in the order in which they are flattened. There is one matrix also
        for several arguments or a structure of them, whose columns then stand side by side in order; and for
        several results, one below the other. With ``has_aux`` it returns ``(matrix, aux)``.

        It stores what may differ from zero somewhere, so the places are the same at every point at which
        ``f`` takes the same branches. Its method ``plan`` gives them by themselves (:class:`Plan`).

    Raises
    ------
    MissingExtra
        If SciPy is not installed; the extra ``learn`` brings it.
    ArgumentError
        If an argument to differentiate by is no real floating-point number, or is being traced: the values
        of a plan can be traced, the matrix cannot.

    References
    ----------
    A. R. Curtis, M. J. D. Powell and J. K. Reid, On the estimation of sparse Jacobian matrices, IMA Journal
    of Applied Mathematics 13 (1974).

    A. H. Gebremedhin, F. Manne and A. Pothen, What color is your Jacobian? Graph coloring for computing
    derivatives, SIAM Review 47 (2005).

    Examples
    --------
    >>> import numpy as np
    >>> from nazad.api.sparse import sparse_jacobian
    >>> J = sparse_jacobian(lambda x: x[1:] * x[:-1])
    >>> J(np.array([1.0, 2.0, 3.0, 4.0])).toarray()
    array([[2., 1., 0., 0.],
           [0., 3., 2., 0.],
           [0., 0., 4., 3.]])
    >>> J.plan(np.ones(1000)).colors
    2
    """
    demand_function(f, "sparse_jacobian", argnums)
    return SparseJacobian(f, argnums, has_aux)


class SparseJacobian:
    """What :func:`sparse_jacobian` returns: a function with plans."""

    def __init__(self, f: Callable[..., Any], argnums: ArgNums, has_aux: bool) -> None:
        functools.update_wrapper(self, f)
        self._f, self._argnums, self._has_aux = f, argnums, has_aux
        self._plans: list[Plan] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The Jacobian at a point."""
        chosen, done = self._traced(args, kwargs)
        _demand_numbers(chosen.leaves)
        plan = self._plan_for(done)
        matrix = plan.assemble(plan._products.data(done))
        return (matrix, done.aux) if self._has_aux else matrix

    def plan(self, *args: Any, **kwargs: Any) -> Plan:
        """The plan by which the Jacobian is worked out at these arguments and others like them.

        Parameters
        ----------
        *args, **kwargs
            A point, as for the function.

        Returns
        -------
        Plan
        """
        chosen, done = self._traced(args, kwargs)
        _demand_numbers(chosen.leaves)
        return self._plan_for(done)

    def _traced(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Chosen, Run]:
        chosen = choose(self._f, self._argnums, args, kwargs)
        if not chosen.leaves:
            raise ArgumentError("there is nothing to differentiate by: the argument has no arrays in it")
        done = run(chosen.function, chosen.arguments, self._has_aux)
        demand_floats(done)
        if any(map(is_complex, (*chosen.leaves, *(done.F[sink] for sink in done.graph.sinks)))):
            raise ArgumentError("the sparse Jacobian met complex numbers", "Take nz.jacobian.")
        return chosen, done._replace(graph=done.graph.without_dead())

    def _plan_for(self, done: Run) -> Plan:
        """The latest plan that still holds, or a new one."""
        plan = next((p for p in self._plans if p._pattern.holds(done.graph, done.F)), None)
        if plan is None:
            plan = Plan(self, done)
        self._plans = [plan, *(p for p in self._plans if p is not plan)][:_PLANS]
        return plan


class Plan:
    """How a Jacobian is worked out: its pattern, its colours, and where each entry is found.

    It is made of the graph alone, so it serves all points at which the function takes the same branches on
    arguments of the same shapes. ``plan.assemble(plan.values(*args))`` is the Jacobian.

    Attributes
    ----------
    shape : tuple of int
        The shape of the matrix.
    nnz : int
        How many entries it stores.
    indices, indptr : ndarray of int
        The columns of the entries, and where each row starts among them, as CSR has them.
    by_rows : bool
        Whether rows are coloured, and reverse mode is used, rather than columns and forward mode.
    colors : int
        How many colours there are, which is how many derivatives are taken.
    coloring : ndarray of int
        The colour of every column, or row; -1 where there is no entry.

    Examples
    --------
    >>> import numpy as np
    >>> from nazad.api.sparse import sparse_jacobian
    >>> plan = sparse_jacobian(np.sin).plan(np.zeros(3))
    >>> plan.shape, plan.nnz, plan.colors
    ((3, 3), 3, 1)
    >>> plan.values(np.array([0.0, np.pi, 0.0]))
    array([ 1., -1.,  1.])
    """

    def __init__(self, owner: SparseJacobian, done: Run) -> None:
        self._owner = owner
        self._pattern: Pattern = pattern(done.graph, done.F)
        matrix = self._pattern.matrix
        self._colored: Coloring = coloring(matrix)
        self.by_rows, self.coloring, self.colors = self._colored
        self.shape: tuple[int, int] = matrix.shape
        self.nnz: int = matrix.nnz
        self.indices, self.indptr = _kept(matrix.indices), _kept(matrix.indptr)
        self._products = Products(done, self._colored, matrix)

    def values(self, *args: Any, **kwargs: Any) -> Value:
        """The entries of the Jacobian at a point, in the order in which CSR stores them.

        Parameters
        ----------
        *args, **kwargs
            The arguments of the function; they may be traced.

        Returns
        -------
        array of shape (nnz,)

        Raises
        ------
        ArgumentError
            If the function takes other branches here, so that there are entries that the plan has not.
        """
        _, done = self._owner._traced(args, kwargs)
        if self._pattern.holds(done.graph, done.F):
            return self._products.data(done)
        if not self._covers(done):
            raise ArgumentError(
                f"{called(self._owner._f)} depends on its arguments in another way here than where the plan "
                "was made",
                "Make another plan at arguments of these shapes and at which the same branches are taken.",
                here(),
            )
        return Products(done, self._colored, self._pattern.matrix).data(done)

    def assemble(self, data: Any) -> Any:
        """The matrix that has these entries.

        Parameters
        ----------
        data : array_like of shape (nnz,)
            As :meth:`values` returns it.

        Returns
        -------
        scipy.sparse.csr_array
        """
        _demand_numbers([data])
        csr_array = require("scipy.sparse", "learn").csr_array
        return csr_array((data, self.indices.copy(), self.indptr.copy()), shape=self.shape)

    def __repr__(self) -> str:
        what = "rows" if self.by_rows else "columns"
        return f"<Plan of a Jacobian {self.shape}, {self.nnz} entries, {self.colors} colours of {what}>"

    def _covers(self, done: Run) -> bool:
        """Whether another graph has no entries but those of the plan."""
        own, other = self._pattern.matrix, pattern(done.graph, done.F).matrix
        return bool(own.shape == other.shape and (own + other).nnz == own.nnz)


def _kept(array: Numbers) -> Numbers:
    array.flags.writeable = False
    return array


def _demand_numbers(values: Sequence[Any]) -> None:
    if any(isinstance(x, Traced) for x in values):
        raise ArgumentError(
            "a sparse Jacobian would be made of traced values, and a matrix of SciPy's cannot be traced",
            "Make a plan at ordinary arguments, plan = nz.sparse_jacobian(f).plan(x), and use its entries, "
            "plan.values(x).",
            here(),
        )
