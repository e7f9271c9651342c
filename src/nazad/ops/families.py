"""The families of primitives: what each states, and what follows from it.

=============  ==========================================  =====================================
family         states                                      pull, push
=============  ==========================================  =====================================
Elementwise    ``deriv``: a local partial per argument     y_bar * deriv_i; sum deriv_i * x_dot_i
Reduction      ``deriv``, shaped like the input            y_bar * deriv; sum(deriv * x_dot)
Linear         ``transpose``: y_bar to x_bar, by argument  transpose_i(y_bar); calc itself on x_dot_i
Pushed         ``push`` alone (:mod:`nazad.ops.pushed`)    the transposed push; as stated
Paired         ``push`` and ``pull``                       as stated; held to each other by the tests
=============  ==========================================  =====================================

One statement serves both modes, so the two cannot drift apart. Rules are written in plain NumPy. Run on
arrays they compute; run on traced values they write the next graph, and so the second derivative needs no
rule of its own.

A partial is a number by which a tangent is multiplied, and so it may be complex. That says all there is to
say about a function with a complex derivative; about a real function of z = x + iy, whose partial is f_x - i
f_y; and about a complex function of a real argument: :func:`fit` and :func:`fit_tangent` take the real part
where a real number is due. Cotangents are paired with tangents by Re(sum(x_bar * x_dot)), without
conjugation, so a transpose is a plain transpose. What is linear over the real numbers alone is a Linear
operation: real, imag and conjugate (:mod:`nazad.ops.parts`), from which all else of that kind is composed.

A factor that is exactly zero annihilates: 0 * inf = 0 * nan = 0 in a share (:data:`chain`). That is why
the branch that ``np.where`` did not take cannot poison a gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from nazad.errors import ArgumentError
from nazad.graph import PYTHON_NUMBERS, Primitive, Value, dtype_of, is_complex, is_real, rank_of, shape_of
from nazad.graph.primitive import Params

Rule = Callable[..., Value]


class Elementwise(Primitive):
    """Works on every entry by itself, after broadcasting.

    Parameters
    ----------
    name : str
        Its name.
    calc : callable
        ``calc(*xs, **params)``, a ufunc or a function made of ufuncs.
    *derivs : callable or None
        For each argument ``deriv(y, *xs, **params)``, the local partial derivative from the value and the
        arguments; None where it is zero or undefined everywhere.
    symbol : str, optional
        The sign written between two arguments, as in ``x + y``.
    """

    def __init__(self, name: str, calc: Rule, *derivs: Rule | None, symbol: str = "") -> None:
        super().__init__(name, calc)
        self.derivs, self.symbol = derivs, symbol

    def local(self, i: int, y: Value, xs: Sequence[Value], params: Params) -> Value:
        """The local partial derivative by argument ``i``; None where there is none."""
        deriv = self.derivs[i] if i < len(self.derivs) else self._unstated()
        if deriv is None:
            return None
        for x in xs:
            if type(x) in PYTHON_NUMBERS:
                xs = _as_numbers(xs, y)
                break
        return deriv(y, *xs, **params) if params else deriv(y, *xs)

    def _unstated(self) -> NoReturn:
        raise ArgumentError(
            f"{self.name} has {len(self.derivs)} partial derivatives and was called with more arguments",
            "State one for each argument; None where it is zero.",
        )

    def pull(self, i: int, y_bar: Value, y: Value, xs: Sequence[Value], params: Params) -> Value:
        d = self.local(i, y, xs, params)
        return None if d is None else fit(_times(y_bar, d), xs[i])

    def push(self, x_dots: Sequence[Value], y: Value, xs: Sequence[Value], params: Params) -> Value:
        partials = [None if x_dot is None else self.local(i, y, xs, params) for i, x_dot in enumerate(x_dots)]
        shares = [_times(x_dot, d) for x_dot, d in zip(x_dots, partials, strict=True) if d is not None]
        return fit_tangent(sum(shares[1:], shares[0]), y) if shares else None

    def batch(self, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
        try:
            return self(*align(xs, batched), **params)
        except TypeError:  # a calc that takes plain numbers alone, as the functions of math do
            return row_by_row(self, xs, batched, params)


class Reduction(Primitive):
    """Folds some axes of one array.

    ``calc(x, axis, keepdims, **params)`` with ``axis`` a tuple of non-negative integers; ``deriv(y, x, axis,
    **params)`` is shaped like x and gets y with the folded axes kept at length one. For the compiler it
    states ``fold="maximum"``, the elementwise primitive that it repeats, or what it is made of
    (:attr:`~nazad.graph.Primitive.simpler`).
    """

    def __init__(self, name: str, calc: Rule, deriv: Rule | None, **lowering: Any) -> None:
        super().__init__(name, calc, **lowering)
        self.deriv = deriv

    def local(self, y: Value, x: Value, axis: tuple[int, ...], keepdims: bool, **params: Any) -> Value:
        """The local partial derivatives, shaped like the input."""
        kept = y if keepdims else keep_axes(y, x, axis)
        return None if self.deriv is None else self.deriv(kept, x, axis, **params)

    def pull(self, i: int, y_bar: Value, y: Value, xs: Sequence[Value], params: Params) -> Value:
        if self.deriv is None:
            return None
        kept = y_bar if params["keepdims"] else keep_axes(y_bar, xs[0], params["axis"])
        return fit(chain(kept, self.local(y, xs[0], **params)), xs[0])

    def push(self, x_dots: Sequence[Value], y: Value, xs: Sequence[Value], params: Params) -> Value:
        if self.deriv is None or x_dots[0] is None:
            return None
        shares = chain(x_dots[0], self.local(y, xs[0], **params))
        return fit_tangent(np.sum(shares, axis=params["axis"], keepdims=params["keepdims"]), y)

    def batch(self, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
        return along_next_axes(self, xs, batched, params)


class Linear(Primitive):
    """Linear in the arguments that have a transpose.

    Parameters
    ----------
    name : str
        Its name.
    calc : callable
        ``calc(*xs, **params)``.
    *transposes : callable or None
        ``transpose(y_bar, *xs, **params)``, the transpose of the map in that argument, the others held;
        None for an argument in which the operation is not linear, an index for instance.
    variadic : callable, optional
        For any number of arguments: ``variadic(i, y_bar, xs, **params)``, the transpose in argument i.
    batch : callable, optional
        ``batch(self, xs, batched, params)``. Without it the operation is applied row by row.
    together : bool
        Linear in all of them at once, as a sum is, rather than in each by itself, as a product is.
    """

    def __init__(
        self,
        name: str,
        calc: Rule,
        *transposes: Rule | None,
        batch: Callable[..., Value] | None = None,
        together: bool = False,
        variadic: Rule | None = None,
        symbol: str = "",
        **lowering: Any,
    ) -> None:
        super().__init__(name, calc, **lowering)
        self.transposes, self.together, self.variadic, self.symbol = transposes, together, variadic, symbol
        self._batch = batch

    def is_linear_in(self, i: int) -> bool:
        """Whether the operation is linear in argument ``i``."""
        return self.variadic is not None or self.transposes[i] is not None

    def pull(self, i: int, y_bar: Value, y: Value, xs: Sequence[Value], params: Params) -> Any:
        if self.variadic is not None:
            share = self.variadic(i, y_bar, xs, **params)
        else:
            transpose = self.transposes[i]
            share = None if transpose is None else transpose(y_bar, *xs, **params)
        return None if share is None else fit(share, xs[i])

    def push(self, x_dots: Sequence[Value], y: Value, xs: Sequence[Value], params: Params) -> Value:
        moving = [i for i, x_dot in enumerate(x_dots) if x_dot is not None and self.is_linear_in(i)]
        if not moving or not is_real(y):
            return None
        if self.together:
            return fit_tangent(self(*[self._moved(i, x_dots, xs) for i in range(len(xs))], **params), y)
        shares = [self(*xs[:i], x_dots[i], *xs[i + 1 :], **params) for i in moving]
        return sum(shares[1:], shares[0])

    def _moved(self, i: int, x_dots: Sequence[Value], xs: Sequence[Value]) -> Value:
        """What stands in place i of the push: the tangent, zero, or an index as it is."""
        if not self.is_linear_in(i):
            return xs[i]
        return np.zeros(shape_of(xs[i]), dtype_of(xs[i])) if x_dots[i] is None else x_dots[i]

    def batch(self, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
        if self._batch is None:
            return row_by_row(self, xs, batched, params)
        return self._batch(self, xs, batched, params)


class Paired(Primitive):
    """Neither pointwise nor linear: states both, ``push(x_dot, y, x, **params)`` and ``pull(y_bar, ...)``.

    For operations of one argument, such as ``sort``.
    """

    def __init__(
        self, name: str, calc: Rule, push: Rule, pull: Rule, batch: Callable[..., Value] | None = None
    ) -> None:
        super().__init__(name, calc)
        self._push, self._pull, self._batch = push, pull, batch

    def pull(self, i: int, y_bar: Value, y: Value, xs: Sequence[Value], params: Params) -> Any:
        share = self._pull(y_bar, y, *xs, **params)
        return None if share is None else fit(share, xs[0])

    def push(self, x_dots: Sequence[Value], y: Value, xs: Sequence[Value], params: Params) -> Value:
        return None if x_dots[0] is None else self._push(x_dots[0], y, *xs, **params)

    def batch(self, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
        if self._batch is None:
            return row_by_row(self, xs, batched, params)
        return self._batch(self, xs, batched, params)


def elementwise(calc: Rule, *derivs: Rule | None, name: str | None = None, symbol: str = "") -> Elementwise:
    """A new elementwise operation in one line.

    Parameters
    ----------
    calc : callable
        ``calc(*xs)``: the value, written in NumPy so that it works on arrays as on numbers.
    *derivs : callable or None
        For each argument ``deriv(y, *xs)``: the local partial derivative, from the value and the arguments.
        None states that it is zero. Written in NumPy too, which is where the second derivative comes from.
        Of complex numbers it is the complex derivative, or f_x - i f_y of a real function of z = x + iy; a
        function that has neither, as z * np.conj(z), is written as an ordinary one.
    name : str, optional
        The name in pictures; that of ``calc`` if not given.
    symbol : str, optional
        A sign to be written between two arguments.

    Returns
    -------
    Elementwise
        A primitive: callable on numbers, arrays, traced values and nodes.

    Examples
    --------
    >>> import nazad as nz
    >>> cube = nz.elementwise(lambda x: x**3, lambda y, x: 3 * x**2, name="cube")
    >>> nz.grad(cube)(2.0), nz.grad(nz.grad(cube))(2.0)
    (12.0, 12.0)
    """
    return Elementwise(name or str(getattr(calc, "__name__", "elementwise")), calc, *derivs, symbol=symbol)


def _chain(y_bar: Value, d: Value) -> Value:
    share = y_bar * d
    if type(share) is np.ndarray:
        flat = share if share.ndim == 1 else share.ravel()
        norm = flat.dot(flat)  # nan where the share has a nan, in one pass
    else:
        norm = share
    if norm != norm:
        share = np.where(np.equal(y_bar, 0) | np.equal(d, 0), share.dtype.type(0), share)[()]
    return share


chain = Elementwise("chain", _chain, lambda z, a, b: b, lambda z, a, b: a, symbol="·")
"""Upstream times local, the product of the chain rule, in which a zero annihilates whatever it meets."""


def _times(bar: Value, d: Value) -> Value:
    """A share; partials that are plain whole numbers, as those of a sum, cost nothing."""
    if type(bar) is np.ndarray is type(d):
        return _chain(bar, d)  # what the call would find out
    if type(d) is int:
        return bar if d == 1 else -bar if d == -1 else bar * d
    if isinstance(d, float) and math.isfinite(d) and d != 0:
        return bar * d  # neither a zero that annihilates nor anything to be annihilated
    return chain(bar, d)


def fit(share: Any, x: Value) -> Any:
    """Bring a share to the shape and dtype of the predecessor: add up along broadcast axes, cast.

    Integers and booleans carry no derivative, so there is no share for them.
    """
    if type(x) in PYTHON_NUMBERS:
        share = share if type(x) is complex else real_part(share)
        return share if share.shape == () else _add_up(share, ())
    if share.dtype is not x.dtype:
        if x.dtype.kind not in "fc":
            return None
        share = cast(share, x.dtype)
    return share if share.shape == x.shape else _add_up(share, x.shape)


def fit_tangent(y_dot: Value, y: Value) -> Value:
    """Bring a tangent to the shape and dtype of the value: broadcast, cast."""
    shape = shape_of(y)
    if shape_of(y_dot) != shape:
        y_dot = np.broadcast_to(y_dot, shape)
    dtype = dtype_of(y)
    return cast(y_dot, dtype)


def real_part(x: Value) -> Value:
    """The real part of a complex number; what is real stays as it is, without another node."""
    return x.real if is_complex(x) else x


def cast(x: Value, dtype: np.dtype[Any]) -> Value:
    """A derivative in another precision, or the real part of it: that of a real number is real."""
    x = x if dtype.kind == "c" else real_part(x)
    return x if x.dtype == dtype else x.astype(dtype)


def _add_up(share: Value, shape: tuple[int, ...]) -> Value:
    extra = max(share.ndim - len(shape), 0)
    stretched = [i + extra for i, n in enumerate(shape) if n == 1 != share.shape[i + extra]]
    if extra or stretched:
        share = np.add.reduce(share, axis=(*range(extra), *stretched))
    if stretched:
        share = share.reshape(shape)
    return share if share.shape == shape else np.broadcast_to(share, shape)


def keep_axes(y: Value, x: Value, axis: tuple[int, ...]) -> Value:
    """The folded value with its folded axes at length one, so that it broadcasts against the input."""
    return y.reshape(tuple([1 if i in axis else n for i, n in enumerate(shape_of(x))]))


def _as_numbers(xs: Sequence[Value], y: Value) -> list[Value]:
    """Python numbers as NumPy numbers of the result's precision: a rule may divide by zero, and then
    infinity is the answer, not an exception; and float32 must stay float32."""
    dtype = dtype_of(y)
    kind = dtype.type if dtype.kind in "fc" else np.float64
    wide = np.result_type(kind, 1j).type if complex in map(type, xs) else kind  # |z| is real, and z is not
    kinds = {complex: wide, **dict.fromkeys((float, int, bool), kind)}
    return [kinds[type(x)](x) if type(x) in kinds else x for x in xs]


def along_next_axes(op: Primitive, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
    """The batch of an operation that folds axes: each stands one further back."""
    return op(xs[0], **(params | {"axis": tuple(a + 1 for a in params["axis"])}))


def align(xs: Sequence[Value], batched: Sequence[bool]) -> list[Value]:
    """Give batched arguments the axes that rows of lower rank would get by broadcasting."""
    ranks = [rank_of(x) - b for x, b in zip(xs, batched, strict=True)]
    rank = max(ranks)
    return [
        np.reshape(x, (shape_of(x)[0], *(1,) * (rank - r), *shape_of(x)[1:])) if b and r < rank else x
        for x, b, r in zip(xs, batched, ranks, strict=True)
    ]


def _as_places(row: Sequence[Value]) -> list[Value]:
    """Ones that stand for indices are taken to the first place, which always exists."""
    return [np.zeros_like(x) if dtype_of(x).kind in "iu" and rank_of(x) else x for x in row]


def row_by_row(op: Primitive, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
    """The batch as a Python loop: what every batching rule must agree with."""
    size = next(shape_of(x)[0] for x, b in zip(xs, batched, strict=True) if b)
    if size == 0:  # the shape of no rows is that of one row of ones
        row = [np.ones(shape_of(x)[1:], x.dtype) if b else x for x, b in zip(xs, batched, strict=True)]
        return _for_each(
            lambda one: np.zeros((0, *shape_of(one[0])), dtype_of(one[0])), [op(*_as_places(row), **params)]
        )
    rows = ([x[k] if b else x for x, b in zip(xs, batched, strict=True)] for k in range(size))
    return _for_each(np.stack, [op(*row, **params) for row in rows])


def _for_each(join: Callable[[Sequence[Value]], Value], rows: Sequence[Value]) -> Value:
    """The rows joined; where a row has several results, each for itself."""
    if isinstance(rows[0], tuple):
        return tuple([join(column) for column in zip(*rows, strict=True)])
    return join(rows)
