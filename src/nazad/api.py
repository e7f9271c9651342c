"""The public transforms: from a function to the function that computes its derivative.

Each of them traces the function at its arguments and runs one of three loops over the graph: Backward,
forward mode, batching. They compose because the loops run on traced values as they do on arrays.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import optree

from nazad.errors import ArgumentError, ShapeError, TraceError
from nazad.graph import Node, Traced, Value, here, rank_of, shape_of, zeros_like
from nazad.trace import Arguments, Array, Run, Trace, argument_names, run
from nazad.transform.batch import batch
from nazad.transform.forward import pushforward
from nazad.tree import Structure, flatten, paths_in, unflatten

ArgNums = int | str | Sequence[int | str]


_ONE = np.float64(1.0)


# --- reverse mode
def value_and_grad(f: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that returns the value of ``f`` and its gradient.

    Parameters
    ----------
    f : callable
        A function written in NumPy that returns a single real number.
    argnums : int, str or sequence of these, optional
        By which arguments to differentiate: positions, or names of keyword arguments. Each may be an array, a
        number, or a structure of them (dict, list, tuple, named tuple, dataclass).
    has_aux : bool, optional
        Whether ``f`` returns ``(value, aux)``; ``aux`` is handed through.

    Returns
    -------
    callable
        ``(value, gradient)``, or ``((value, aux), gradient)``. The gradient has the structure of the argument;
        it is a tuple where ``argnums`` is a sequence.

    Raises
    ------
    ArgumentError
        If an argument to differentiate by is no real floating-point number, or the result is none.
    ShapeError
        If the result is an array.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> nz.value_and_grad(lambda w: np.sum(w**2))(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """

    @functools.wraps(f)
    def with_gradient(*args: Any, **kwargs: Any) -> Any:
        chosen = _choose(f, argnums, args, kwargs)
        done = _run(chosen, has_aux)
        _demand_scalar(done, f)
        leaves = done.graph.leaves
        B = done.graph.backward(done.F, _ONE, wrt=leaves)
        gradient = chosen.shaped([B[leaf] for leaf in leaves])
        return ((done.value, done.aux) if has_aux else done.value), gradient

    return with_gradient


def grad(f: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that returns the gradient of ``f``.

    Parameters and errors are those of :func:`value_and_grad`.

    Returns
    -------
    callable
        The gradient, or ``(gradient, aux)``.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> def f(x, y):
    ...     return (np.log(x) + x * y) - np.sin(y)
    >>> nz.grad(f, argnums=(0, 1))(2.0, 5.0)
    (5.5, 1.7163378145367738)
    """
    with_gradient = value_and_grad(f, argnums, has_aux)

    @functools.wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, g = with_gradient(*args, **kwargs)
        return (g, value[1]) if has_aux else g

    return gradient


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The value of ``f`` and its pullback, the linear map from cotangents of the result to those of the arguments.

    Parameters
    ----------
    f : callable
        A function written in NumPy; it may return any structure of arrays.
    *primals : pytree of array_like
        The point.
    has_aux : bool, optional
        Whether ``f`` returns ``(value, aux)``.

    Returns
    -------
    value : pytree
        What ``f`` returned.
    pullback : callable
        ``pullback(y_bar)``, with a cotangent of the structure of the value, is the tuple of the arguments'
        cotangents. It may be called many times.
    aux
        Only with ``has_aux``.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> y, pullback = nz.vjp(np.sin, np.array([0.0, np.pi]))
    >>> pullback(np.array([1.0, 10.0]))
    (array([  1., -10.]),)
    """
    chosen = _choose(f, tuple(range(len(primals))), primals, {})
    done = _run(chosen, has_aux)

    def pullback(y_bar: Any) -> Any:
        seeds = _matching(y_bar, done.structure, "the cotangent", "the value")
        B = done.graph.backward(done.F, _seeds(done, seeds), wrt=done.graph.leaves)
        return chosen.shaped([B[leaf] for leaf in done.graph.leaves])

    return (done.value, pullback, done.aux) if has_aux else (done.value, pullback)


# --- forward mode
def jvp(
    f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False
) -> tuple[Any, ...]:
    """The value of ``f`` and its derivative along a direction: Jacobian times tangent, without the Jacobian.

    Parameters
    ----------
    f : callable
        A function written in NumPy; it may return any structure of arrays.
    primals : sequence of pytree
        The point, as the tuple of the arguments.
    tangents : sequence of pytree
        The direction, of the same structure and shapes.
    has_aux : bool, optional
        Whether ``f`` returns ``(value, aux)``.

    Returns
    -------
    value, y_dot : pytree
        The value and its tangent, of one structure; and ``aux`` with ``has_aux``.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> nz.jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 10.0))
    (6.0, 23.0)
    """
    chosen = _choose(f, tuple(range(len(primals))), tuple(primals), {})
    dots = _matching(tuple(tangents), flatten(tuple(primals))[1], "the tangent", "the primal")
    done = _run(chosen, has_aux)
    y_dot = unflatten(done.structure, _push(done, [_like(d, x) for d, x in zip(dots, chosen.leaves, strict=True)]))
    return (done.value, y_dot, done.aux) if has_aux else (done.value, y_dot)


def hvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """Hessian times vector, forward over reverse, at a small multiple of the cost of ``f``.

    Parameters
    ----------
    f : callable
        A function written in NumPy that returns a single real number.
    primals, tangents : sequence of pytree
        The point and the vector, each as the tuple of the arguments.

    Returns
    -------
    pytree or tuple of pytree
        The product, of the structure of the argument; a tuple where there are several arguments.

    References
    ----------
    B. A. Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6 (1994).

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> nz.hvp(lambda x: np.sum(x**3), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
    array([ 6., 12.])
    """
    gradient = grad(f, argnums=tuple(range(len(primals))))
    product = jvp(gradient, primals, tangents)[1]
    return product[0] if len(product) == 1 else product


# --- whole matrices
def jacobian(f: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that returns the Jacobian of ``f``.

    Forward mode where the result has at least as many entries as the arguments, reverse mode else; all
    columns, or all rows, in one batch.

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

    @functools.wraps(f)
    def matrix(*args: Any, **kwargs: Any) -> Any:
        chosen = _choose(f, argnums, args, kwargs)
        done = _run(chosen, has_aux)
        _demand_real(done)
        n_in = sum(np.size(x) for x in chosen.leaves)
        n_out = sum(np.size(done.F[sink]) for sink in done.graph.sinks)
        blocks = _by_columns(done, chosen) if n_in <= n_out else _by_rows(done, chosen)
        result = unflatten(done.structure, [chosen.shaped_blocks(row) for row in blocks])
        return (result, done.aux) if has_aux else result

    return matrix


def hessian(f: Callable[..., Any], argnums: ArgNums = 0) -> Callable[..., Any]:
    """The function that returns the Hessian of ``f``: the Jacobian of its gradient.

    Parameters
    ----------
    f : callable
        A function written in NumPy that returns a single real number.
    argnums : int, str or sequence of these, optional
        As in :func:`value_and_grad`.

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
    return jacobian(grad(f, argnums), argnums)


# --- batching
def vmap(f: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Callable[..., Any]:
    """The function that applies ``f`` to every row of its arguments at once.

    Parameters
    ----------
    f : callable
        A function of single rows, written in NumPy. It must not branch on values that differ between rows.
    in_axes : int, None or tuple of these, optional
        Which axis of each argument counts the rows; None for an argument that all rows share. An entry may be
        a structure that matches the argument's.
    out_axes : int or pytree of int, optional
        Where the axis of the rows stands in each result.

    Returns
    -------
    callable
        The function of whole batches.

    Raises
    ------
    TraceError
        At an ``if`` or ``while`` on a value that differs from row to row.
    ShapeError
        If the arguments disagree about the number of rows.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> nz.vmap(np.dot, in_axes=(0, None))(np.eye(2), np.array([3.0, 4.0]))
    array([3., 4.])
    """

    @functools.wraps(f)
    def over_rows(*args: Any, **kwargs: Any) -> Any:
        axes = in_axes if isinstance(in_axes, tuple) else (in_axes,) * len(args)
        if len(axes) != len(args):
            raise ArgumentError(f"in_axes has {len(axes)} entries and there are {len(args)} arguments")
        leaves, structure = flatten(args)
        places = _prefix(axes, args)
        rows_first = [x if a is None else np.moveaxis(_numeric(x), a, 0) for x, a in zip(leaves, places, strict=True)]
        size = _rows(rows_first, places, paths_in(structure))
        mapped = [k for k, a in enumerate(places) if a is not None]
        done = _run_one_row(f, structure, rows_first, mapped, kwargs)
        many = batch(done.graph, dict(zip(done.graph.leaves, [rows_first[k] for k in mapped], strict=True)))
        outs = [_all_rows(many, done.F, sink, size) for sink in done.graph.sinks]
        goals = _prefix(out_axes, done.value)
        return unflatten(done.structure, [np.moveaxis(y, 0, a) if a else y for y, a in zip(outs, goals, strict=True)])

    return over_rows


class _RowTrace(Trace):
    """The trace of one row: it has no answer to questions about values, since rows may differ."""

    def answered(self, node: Node, what: str, answer: Any) -> None:
        error = TraceError(
            f"Python asked for the {what} of a value that differs from row to row under vmap",
            "Write np.where(condition, a, b) instead of if, or loop over the rows.",
            here(),
        )
        self.errors.append(error)
        raise error


def _run_one_row(
    f: Callable[..., Any], structure: Structure, leaves: list[Any], mapped: list[int], kwargs: dict[str, Any]
) -> Run:
    def on_row(*rows: Any) -> Any:
        whole = list(leaves)
        for k, row in zip(mapped, rows, strict=True):
            whole[k] = row
        return f(*unflatten(structure, whole), **kwargs)

    with np.errstate(all="ignore"):
        rows = tuple(_first_row(leaves[k]) for k in mapped)
        return run(on_row, Arguments.of(rows, [f"row{k}" for k in mapped]), trace=_RowTrace())


def _first_row(x: Value) -> Value:
    """A row to trace at; of plain numbers, since only its shape and dtype matter."""
    while isinstance(x, Array):
        x = x.value
    return x[0] if len(x) else np.ones(x.shape[1:], x.dtype)[()]


def _rows(columns: list[Any], places: list[Any], labels: list[str]) -> int:
    sizes = {labels[k]: shape_of(columns[k])[0] for k, a in enumerate(places) if a is not None}
    if not sizes:
        raise ArgumentError("vmap has no argument to go along", "At least one entry of in_axes must be an axis.")
    if len(set(sizes.values())) > 1:
        raise ShapeError(f"vmap met different numbers of rows: {', '.join(f'{k}: {n}' for k, n in sizes.items())}")
    return next(iter(sizes.values()))


def _all_rows(many: dict[Node, Value], F: dict[Node, Value], sink: Node, size: int) -> Value:
    if sink in many:
        return many[sink]
    return np.broadcast_to(F[sink], (size, *shape_of(F[sink])))


def _prefix(axes: Any, tree: Any) -> list[Any]:
    """One entry of ``axes`` for every leaf of the tree."""
    flatten(tree)  # so that dataclasses are known
    return optree.broadcast_prefix(axes, tree, none_is_leaf=True, namespace="nazad") if _has_none(axes) else list(
        optree.broadcast_prefix(axes, tree, namespace="nazad")
    )


def _has_none(axes: Any) -> bool:
    return any(a is None for a in optree.tree_leaves(axes, none_is_leaf=True, namespace="nazad"))


def _numeric(x: Any) -> Any:
    return x if isinstance(x, Traced) else np.asarray(x)


# --- the common ground: choosing arguments, running, shaping what comes out
class _Chosen(NamedTuple):
    """A function of the arguments to differentiate by alone, and what is needed to shape its derivatives."""

    function: Callable[..., Any]
    arguments: Arguments
    single: bool

    @property
    def leaves(self) -> list[Any]:
        return self.arguments.leaves

    def shaped(self, gradients: Sequence[Value]) -> Any:
        """Gradients in the structure of the arguments."""
        return self._in_structure(_owned(gradients, self.leaves))

    def shaped_blocks(self, blocks: Sequence[Value]) -> Any:
        return self._in_structure(blocks)

    def _in_structure(self, leaves: Sequence[Value]) -> Any:
        whole = unflatten(self.arguments.structure, leaves)
        return whole[0] if self.single else whole


def _choose(f: Callable[..., Any], argnums: ArgNums, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Chosen:
    single = isinstance(argnums, (int, str))
    wanted = [argnums] if isinstance(argnums, (int, str)) else list(argnums)
    keys = [_position(key, args, kwargs, f) for key in wanted]
    positional = argument_names(f, len(args))
    picked = tuple(args[k] if isinstance(k, int) else kwargs[k] for k in keys)
    names = [positional[k] if isinstance(k, int) else k for k in keys]

    def function(*xs: Any) -> Any:
        new_args, new_kwargs = list(args), dict(kwargs)
        for key, x in zip(keys, xs, strict=True):
            if isinstance(key, int):
                new_args[key] = x
            else:
                new_kwargs[key] = x
        return f(*new_args, **new_kwargs)

    arguments = Arguments.of(picked, names)
    for k, x in enumerate(arguments.leaves):
        if type(x) is not float and (type(x) is not np.ndarray or x.dtype.kind != "f"):
            _demand_differentiable(x, arguments.labels[k])
    return _Chosen(function, arguments, single)


def _position(key: int | str, args: Sequence[Any], kwargs: dict[str, Any], f: Callable[..., Any]) -> int | str:
    called = getattr(f, "__name__", "the function")
    if isinstance(key, str):
        if key in kwargs:
            return key
        names = argument_names(f, len(args))
        if key in names:
            return names.index(key)
        raise ArgumentError(f"argnums names {key!r}, which was not given to {called}")
    if not -len(args) <= key < len(args):
        raise ArgumentError(
            f"argnums={key}, but {called} got {len(args)} positional arguments",
            "Give the argument by position, or name a keyword argument in argnums.",
        )
    return key % len(args)


def _demand_differentiable(x: Any, label: str) -> None:
    kind = np.result_type(x.dtype if isinstance(x, Traced) else x).kind if _is_number(x) else "O"
    if kind == "f":
        return
    if kind in "iub":
        met = f"{label} is an integer or a boolean, and a derivative by it is zero or undefined"
        raise ArgumentError(met, "Make it a float (2.0 for 2, x.astype(float) for x), or leave it out of argnums.", here())
    if kind == "c":
        raise ArgumentError(f"{label} is complex", "Derivatives by complex arguments are not there yet.", here())
    raise ArgumentError(
        f"{label} is {type(x).__name__} {x!r:.40}",
        "Differentiate by real numbers and arrays of them; leave other arguments out of argnums.",
        here(),
    )


def _is_number(x: Any) -> bool:
    return isinstance(x, (Traced, np.ndarray, np.generic, int, float, complex)) or hasattr(x, "__array__")


def _run(chosen: _Chosen, has_aux: bool = False) -> Run:
    return run(chosen.function, chosen.arguments, has_aux)


def _demand_scalar(done: Run, f: Callable[..., Any]) -> None:
    called = getattr(f, "__name__", "the function")
    if len(done.graph.sinks) != 1:
        raise ArgumentError(
            f"{called} returned {len(done.graph.sinks)} values, and a gradient is that of one",
            "Return a single number, pass has_aux=True for (value, aux), or use jacobian.",
        )
    value = done.F[done.graph.sinks[0]]
    if shape_of(value) != ():
        raise ShapeError(
            f"{called} returned an array of shape {shape_of(value)}, and a gradient is that of a single number",
            "Sum it up, or use jacobian or vjp.",
            done.graph.sinks[0].where,
        )
    _demand_real(done)


def _demand_real(done: Run) -> None:
    for sink in done.graph.sinks:
        value = done.F[sink]
        dtype = value.dtype if hasattr(value, "dtype") else np.result_type(value)
        if dtype.kind != "f" and sink.preds:
            raise ArgumentError(
                f"the function returned {dtype} numbers, which have no derivative",
                "Return real floating-point numbers.",
                sink.where,
            )


def _matching(tree: Any, structure: Structure, what: str, whose: str) -> list[Any]:
    leaves, met = flatten(tree)
    if met != structure:
        raise ArgumentError(f"{what} has the structure {met}", f"It has the structure of {whose}: {structure}.")
    return leaves


def _like(x_dot: Any, x: Any) -> Any:
    """A tangent with the dtype of its primal."""
    if shape_of(x_dot) != shape_of(x):
        raise ShapeError(
            f"a tangent has shape {shape_of(x_dot)} and its primal {shape_of(x)}", "They have the same shape."
        )
    dtype = x.dtype if hasattr(x, "dtype") else np.dtype(float)
    if isinstance(x_dot, Traced):
        return x_dot if x_dot.dtype == dtype else x_dot.astype(dtype)  # type: ignore[attr-defined]
    return np.asarray(x_dot, dtype)[()]


def _seeds(done: Run, y_bars: Sequence[Any]) -> list[Any]:
    return [_like(y_bar, done.F[sink]) for y_bar, sink in zip(y_bars, done.graph.sinks, strict=True)]


def _push(done: Run, x_dots: Sequence[Value]) -> list[Value]:
    tangents = pushforward(done.graph, done.F, dict(zip(done.graph.leaves, x_dots, strict=True)))
    dots = [tangents[y] if y in tangents else zeros_like(done.F[y]) for y in done.graph.sinks]
    return _owned(dots, [done.F[y] for y in done.graph.sinks])


def _owned(values: Sequence[Value], likes: Sequence[Any]) -> list[Value]:
    """Results that the caller may write into: no views, no array twice; Python numbers for Python numbers."""
    seen: set[int] = set()
    owned = []
    for value, like in zip(values, likes, strict=True):
        if type(value) is np.ndarray and (value.base is not None or id(value) in seen or not value.flags.writeable):
            value = value.copy()
        elif isinstance(value, (np.generic, np.ndarray)) and type(like) is float:
            value = value.item()
        seen.add(id(value))
        owned.append(value)
    return owned


def _basis(shapes: Sequence[tuple[tuple[int, ...], Any]]) -> list[Any]:
    """All unit vectors of a structure of arrays, as a batch for each array."""
    sizes = [int(np.prod(shape, dtype=int)) for shape, _ in shapes]
    total, start, columns = sum(sizes), 0, []
    for size, (shape, dtype) in zip(sizes, shapes, strict=True):
        columns.append(np.eye(total, size, -start, dtype=dtype).reshape(total, *shape))
        start += size
    return columns


def _outline(x: Any) -> tuple[tuple[int, ...], Any]:
    return shape_of(x), x.dtype if hasattr(x, "dtype") else np.dtype(float)


def _by_columns(done: Run, chosen: _Chosen) -> list[list[Value]]:
    """Forward mode: one column for every entry of the arguments."""
    basis = _basis([_outline(x) for x in chosen.leaves])
    columns = vmap(lambda *x_dots: tuple(_push(done, x_dots)))(*basis) if basis else ()
    return [
        [_block(np.moveaxis(part, 0, -1), (*shape_of(done.F[y]), *shape_of(x)))
         for part, x in zip(_parted(column, chosen.leaves), chosen.leaves, strict=True)]
        for y, column in zip(done.graph.sinks, columns, strict=True)
    ]


def _by_rows(done: Run, chosen: _Chosen) -> list[list[Value]]:
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
    ends = np.cumsum([0] + [np.size(x) for x in arrays]).tolist()
    return [batch_of[a:b] for a, b in zip(ends, ends[1:], strict=False)]


def _block(part: Value, shape: tuple[int, ...]) -> Value:
    block = np.reshape(part, shape)
    return block.copy()[()] if isinstance(block, np.ndarray) else block
