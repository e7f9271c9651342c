"""Python's operators on traced arrays, each the primitive of its ufunc."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from nazad import ops
from nazad.graph import PYTHON_NUMBERS, Primitive, Traced
from nazad.ops.families import Elementwise
from nazad.trace import scipy_table
from nazad.trace.inside import plain

Method = Callable[..., Any]
_e = ops.elementwise


def _as_operator(op: Primitive, calc: Callable[..., Any]) -> Elementwise:
    """The same operation as Python's operator rather than as a ufunc.

    On two Python numbers it gives a Python number, which is weak in NumPy's promotion; on NumPy's scalars it
    takes a tenth of the time.
    """
    assert isinstance(op, Elementwise)
    return Elementwise(op.name, calc, *op.derivs, symbol=op.symbol)


def _binary(ufunc_op: Primitive, calc: Callable[..., Any], flipped: bool = False) -> Callable[..., Any]:
    op = _as_operator(ufunc_op, calc)

    def method(self: Any, other: Any) -> Any:
        pair = (other, self) if flipped else (self, other)
        if type(other) in PYTHON_NUMBERS or (
            isinstance(other, Operators) and other.recorder is self.recorder
        ):
            return self.recorder.record(op, pair, {})  # nothing to find out
        sparse = scipy_table.sparse_room(other)
        if sparse is not None:
            return sparse.operate(calc.__name__, *pair)
        return NotImplemented if _leaves_to(self, other) else op(*pair)

    return method


_NUMBERS = (int, float, complex, np.generic, np.ndarray, list, tuple, range, Traced)


def _leaves_to(x: Any, other: Any) -> bool:
    """Whether the other side is to answer: a number leaves that to what is none, an array where asked to."""
    if isinstance(other, _NUMBERS):
        return False
    asked = getattr(type(other), "__array_ufunc__", x)
    return asked is None or (asked is x and not x.shape and not hasattr(other, "__array__"))


def _equality(ufunc_op: Primitive, calc: Callable[..., Any]) -> Method:
    """As with arrays, but None and strings are equal to nothing, whatever the entries."""
    compare = _binary(ufunc_op, calc)

    def method(self: Any, other: Any) -> Any:
        return NotImplemented if other is None or isinstance(other, str) else compare(self, other)

    return method


def _in_place(calc: Callable[..., Any]) -> Method:
    """``y += x``: the array changes under all its names; a scalar is replaced, as in NumPy."""

    def method(self: Any, other: Any) -> Any:
        result = calc(self, other)
        is_array = self.shape or type(plain(self)) is np.ndarray
        return self.overwrite(result) if is_array else result

    return method


def _unary(ufunc_op: Primitive, calc: Any) -> Callable[..., Any]:
    op = _as_operator(ufunc_op, calc)
    return lambda self: op(self)


_EXPONENTS: dict[float, Primitive] = {
    1: ops.elementwise.positive,
    2: ops.elementwise.square,
    0.5: ops.elementwise.sqrt,
    -1: ops.elementwise.reciprocal,
}


class Operators(Traced):
    """A traced value with Python's operators."""

    __slots__ = ()
    value: Any
    shape: Any

    __add__: Method = _binary(_e.add, operator.add)
    __radd__: Method = _binary(_e.add, operator.add, flipped=True)
    __sub__: Method = _binary(_e.subtract, operator.sub)
    __rsub__: Method = _binary(_e.subtract, operator.sub, flipped=True)
    __mul__: Method = _binary(_e.multiply, operator.mul)
    __rmul__: Method = _binary(_e.multiply, operator.mul, flipped=True)
    __truediv__: Method = _binary(_e.divide, operator.truediv)
    __rtruediv__: Method = _binary(_e.divide, operator.truediv, flipped=True)
    __floordiv__: Method = _binary(_e.floor_divide, operator.floordiv)
    __rfloordiv__: Method = _binary(_e.floor_divide, operator.floordiv, flipped=True)
    __mod__: Method = _binary(_e.remainder, operator.mod)
    __rmod__: Method = _binary(_e.remainder, operator.mod, flipped=True)
    __and__: Method = _binary(_e.bitwise_and, operator.and_)
    __rand__: Method = _binary(_e.bitwise_and, operator.and_, flipped=True)
    __or__: Method = _binary(_e.bitwise_or, operator.or_)
    __ror__: Method = _binary(_e.bitwise_or, operator.or_, flipped=True)
    __xor__: Method = _binary(_e.bitwise_xor, operator.xor)
    __rxor__: Method = _binary(_e.bitwise_xor, operator.xor, flipped=True)
    __lshift__: Method = _binary(_e.left_shift, operator.lshift)
    __rlshift__: Method = _binary(_e.left_shift, operator.lshift, flipped=True)
    __rshift__: Method = _binary(_e.right_shift, operator.rshift)
    __rrshift__: Method = _binary(_e.right_shift, operator.rshift, flipped=True)
    __rpow__: Method = _binary(_e.power, operator.pow, flipped=True)
    _plain_power: Method = _binary(_e.power, operator.pow)
    __eq__: Method = _equality(_e.equal, operator.eq)
    __ne__: Method = _equality(_e.not_equal, operator.ne)
    __lt__: Method = _binary(_e.less, operator.lt)
    __le__: Method = _binary(_e.less_equal, operator.le)
    __gt__: Method = _binary(_e.greater, operator.gt)
    __ge__: Method = _binary(_e.greater_equal, operator.ge)
    __neg__: Method = _unary(_e.negative, operator.neg)
    __pos__: Method = _unary(_e.positive, operator.pos)
    __abs__: Method = _unary(_e.absolute, operator.abs)
    __invert__: Method = _unary(_e.invert, operator.invert)

    def __pow__(self, other: Any, modulus: Any = None) -> Any:
        """As NumPy does: small constant exponents have operations of their own."""
        if modulus is not None:
            raise TypeError("pow() with three arguments works on integers alone")
        special = _EXPONENTS.get(other) if type(other) in PYTHON_NUMBERS else None
        if special is not None and type(self.value) not in PYTHON_NUMBERS and self.value.dtype.kind in "fc":
            return self.recorder.record(special, (self,), {})
        return self._plain_power(other)

    def __matmul__(self: Any, other: Any) -> Any:
        sparse = scipy_table.sparse_room(other)
        return np.matmul(self, other) if sparse is None else sparse.operate("matmul", self, other)

    def __rmatmul__(self: Any, other: Any) -> Any:
        sparse = scipy_table.sparse_room(other)
        return np.matmul(other, self) if sparse is None else sparse.operate("matmul", other, self)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    __iadd__: Method = _in_place(operator.add)
    __isub__: Method = _in_place(operator.sub)
    __imul__: Method = _in_place(operator.mul)
    __itruediv__: Method = _in_place(operator.truediv)
    __ifloordiv__: Method = _in_place(operator.floordiv)
    __imod__: Method = _in_place(operator.mod)
    __ipow__: Method = _in_place(operator.pow)
    __imatmul__: Method = _in_place(operator.matmul)
