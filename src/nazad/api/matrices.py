"""Whole matrices: jacobian and hessian, by batches of tangents or cotangents."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nazad.api.chosen import (
    ArgNums,
    Chosen,
    any_complex,
    choose,
    demand_floats,
    demand_function,
    demand_one_slope,
    push,
)
from nazad.api.reverse import grad
from nazad.api.rows import vmap
from nazad.errors import ArgumentError
from nazad.graph import Traced, Value, dtype_of, is_complex, shape_of
from nazad.trace import Run, run
from nazad.tree import unflatten


def jacobian(
    f: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    """The function that returns the Jacobian of ``f``.

    Forward mode where the result has at least as many entries as the arguments, reverse mode else; all
    columns, or all rows, in one batch. A real result has reverse mode by complex arguments, and a complex
    one forward mode by real arguments.

    Parameters
    ----------
    f : callable
        A function written in NumPy; it may return any structure of arrays.
    argnums : int, str or sequence of these, optional
        As in :func:`value_and_grad`.
    has_aux : bool, optional
        Whether ``f`` returns ``(value, aux)``.
    holomorphic : bool, optional
        Whether ``f`` is a complex function of complex arguments that has complex derivatives.

    Returns
    -------
    callable
        The Jacobian: for each array of the result (outer structure) and of the argument (inner structure) an
        array of shape ``result.shape + argument.shape``.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> nz.jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """

    demand_function(f, "jacobian", argnums)

    @functools.wraps(f)
    def matrix(*args: Any, **kwargs: Any) -> Any:
        chosen = choose(f, argnums, args, kwargs)
        done = run(chosen.function, chosen.arguments, has_aux)
        demand_floats(done)
        demand_one_slope(done, chosen, holomorphic)
        if not chosen.leaves:
            raise ArgumentError("there is nothing to differentiate by: the argument has no arrays in it")
        blocks = _by_columns(done, chosen) if _is_tall(done, chosen) else _by_rows(done, chosen)
        result = unflatten(done.structure, [chosen.in_structure(row) for row in blocks])
        return (result, done.aux) if has_aux else result

    return matrix


def _is_tall(done: Run, chosen: Chosen) -> bool:
    """Whether columns are worked out, and not rows; a column is a derivative by a number on one line."""
    by_complex = any(map(is_complex, chosen.leaves))
    if by_complex != any_complex(done):
        return not by_complex
    n_in = sum(np.size(x) for x in chosen.leaves)
    return n_in <= sum(np.size(done.F[sink]) for sink in done.graph.sinks)


def hessian(
    f: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    """The function that returns the Hessian of ``f``: the Jacobian of its gradient.

    Parameters
    ----------
    f : callable
        A function written in NumPy that returns a single real number.
    argnums : int, str or sequence of these, optional
        As in :func:`value_and_grad`.
    has_aux : bool, optional
        Whether ``f`` returns ``(value, aux)``.
    holomorphic : bool, optional
        As in :func:`jacobian`. A real function of complex arguments has no Hessian of complex numbers; take
        :func:`hvp`, or the Hessian by real and imaginary part.

    Returns
    -------
    callable
        The Hessian, as structure within structure: for arguments a and b an array of shape
        ``a.shape + b.shape``.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> nz.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    return jacobian(grad(f, argnums, has_aux, holomorphic), argnums, has_aux, holomorphic)


def _basis(shapes: Sequence[tuple[tuple[int, ...], Any]]) -> list[Any]:
    """All unit vectors of a structure of arrays, as a batch for each array."""
    sizes = [int(np.prod(shape, dtype=int)) for shape, _ in shapes]
    total, start, columns = sum(sizes), 0, []
    for size, (shape, dtype) in zip(sizes, shapes, strict=True):
        columns.append(np.eye(total, size, -start, dtype=dtype).reshape(total, *shape))
        start += size
    return columns


def _outline(x: Any) -> tuple[tuple[int, ...], Any]:
    return shape_of(x), dtype_of(x)


def _by_columns(done: Run, chosen: Chosen) -> list[list[Value]]:
    """Forward mode: one column for every entry of the arguments."""
    basis = _basis([_outline(x) for x in chosen.leaves])
    columns = vmap(lambda *x_dots: tuple(push(done, x_dots)))(*basis) if basis else ()
    return [
        [
            _block(np.moveaxis(part, 0, -1), (*shape_of(done.F[y]), *shape_of(x)))
            for part, x in zip(_parted(column, chosen.leaves), chosen.leaves, strict=True)
        ]
        for y, column in zip(done.graph.sinks, columns, strict=True)
    ]


def _by_rows(done: Run, chosen: Chosen) -> list[list[Value]]:
    """Reverse mode: one row for every entry of the result."""
    outputs = [done.F[y] for y in done.graph.sinks]
    leaves = done.graph.leaves

    def row(*y_bars: Any) -> Any:
        B = done.graph.backward(done.F, list(y_bars), wrt=leaves)
        return tuple(B[leaf] for leaf in leaves)

    rows = vmap(row)(*_basis([_outline(y) for y in outputs])) if outputs else ()
    split = [_parted(r, outputs) for r in rows]
    return [
        [_block(split[j][i], (*shape_of(y), *shape_of(x))) for j, x in enumerate(chosen.leaves)]
        for i, y in enumerate(outputs)
    ]


def _parted(batch_of: Value, arrays: Sequence[Value]) -> list[Value]:
    """Cut a batch over all unit vectors into the batches for each array."""
    ends = itertools.accumulate([np.size(x) for x in arrays], initial=0)
    return [batch_of[a:b] for a, b in itertools.pairwise(ends)]


def _block(part: Value, shape: tuple[int, ...]) -> Value:
    block: Value = np.reshape(part, shape)
    return block if isinstance(block, Traced) else block.copy()[()]
