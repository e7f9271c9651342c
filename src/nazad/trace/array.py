"""The traced array: what user code holds while it is being traced.

A handle is a node and its value at the point of the trace. It answers NumPy's protocols, so that plain
``import numpy as np`` code runs on it unmodified. Whatever would turn it into an ordinary number raises,
and says what to write instead: a value that leaves the graph takes its derivative with it.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nazad import ops
from nazad.errors import NoRuleError, TraceError
from nazad.graph import PYTHON_NUMBERS, Node, Value, dtype_of, here, shape_of
from nazad.graph.where import asked_by_ours
from nazad.ops.structure import split_index
from nazad.trace import numpy_table, scipy_table
from nazad.trace.flat import Flat
from nazad.trace.inside import as_constants, depends, plain
from nazad.trace.operators import Operators
from nazad.trace.running import held, writes_entries

_CLASS = vars(object)["__class__"]


def _unpacked(args: tuple[Any, ...]) -> Any:
    """``a.reshape(2, 3)`` and ``a.reshape((2, 3))`` are the same."""
    return args[0] if len(args) == 1 and not isinstance(args[0], int) else args


class Array(Operators):
    """A value that is being traced.

    Attributes
    ----------
    node : Node
        The node that stands for it in the graph.
    value : array
        Its value; itself traced where traces are nested.
    state
        What arrays know that have been written into, and views: see :mod:`nazad.trace.views`.
    """

    __slots__ = ("node", "state", "value")
    state: Any

    def __init__(self, trace: Any, node: Node, value: Value) -> None:
        self.recorder, self.node, self.value = trace, node, value

    @property
    def __class__(self) -> Any:
        """That of the value, so that ``isinstance(x, float)`` is answered as without a trace."""
        return type(self) if asked_by_ours(sys._getframe(1)) else type(plain(self))

    @__class__.setter
    def __class__(self, kind: type) -> None:
        _CLASS.__set__(self, kind)

    # --- what is known without the numbers
    @property
    def shape(self) -> tuple[int, ...]:
        value = self.value
        return () if type(value) in PYTHON_NUMBERS else value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return dtype_of(self.value)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=int))

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    @property
    def flags(self) -> Any:
        """How the entries lie in memory."""
        return np.asarray(plain(self)).flags

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<traced {self.value!r}>"

    def __str__(self) -> str:
        return self._said(str(self.value))

    def __format__(self, spec: str) -> str:
        return self._said(format(self.value, spec))

    def _said(self, text: str) -> str:
        """A text to be shown; it is remembered, so that it is not read back as a number."""
        if self.depends:
            self.recorder.texts.add(text.strip())
        return text

    # --- reading
    def __getitem__(self, key: Any) -> Any:
        if type(key) is slice:
            key = ops.structure.settled(key)
        if type(key) is slice or type(key) is int:
            return self.recorder.record(ops.structure.take, (self,), {"template": (key,)})
        template, arrays = split_index(key)
        if not arrays:
            return self.recorder.record(ops.structure.take, (self,), {"template": template})
        return ops.structure.take(self, *arrays, template=template)

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))

    @property
    def T(self) -> Any:
        return np.transpose(self)

    @property
    def mT(self) -> Any:
        return np.swapaxes(self, -1, -2)

    @property
    def real(self) -> Any:
        return np.real(self)

    @real.setter
    def real(self, value: Any) -> None:
        self.real[...] = value

    @property
    def imag(self) -> Any:
        return np.imag(self)

    @imag.setter
    def imag(self, value: Any) -> None:
        self.imag[...] = value

    @property
    def flat(self) -> Flat:
        return Flat(self)

    @flat.setter
    def flat(self, value: Any) -> None:
        self.flat[:] = value

    def transpose(self, *axes: Any) -> Any:
        return np.transpose(self, _unpacked(axes) or None)

    def reshape(self, *shape: Any, order: Any = "C") -> Any:
        return np.reshape(self, _unpacked(shape), order=order)

    def flatten(self, order: Any = "C") -> Any:
        return np.ravel(self, order=order).copy()

    @property
    def strides(self) -> tuple[int, ...]:
        """Bytes from one entry to the next, along each axis."""
        return np.asarray(plain(self)).strides

    @property
    def base(self) -> Any:
        """The array whose memory this one shares, if it is a view."""
        return None

    def astype(self, dtype: Any, order: str = "K", copy: bool = True, **checks: Any) -> Any:
        same = not copy and self.dtype == np.dtype(dtype)
        return self if same else numpy_table.astype(self, dtype)

    def view(self, *kind: Any) -> Any:
        if not kind:
            return self[...]
        if self.depends:
            met = "the bytes of a traced array would be read as another kind of number"
            raise self._forbidden(met, "Use .astype(...).")
        return np.asarray(self).view(*kind)

    def copy(self, order: Any = "C") -> Any:
        return self.recorder.copied(self, order)

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def item(self, *place: Any) -> Any:
        if not place and self.size != 1:
            raise ValueError("can only convert an array of size 1 to a Python scalar")
        return np.ravel(self)[place[0]] if len(place) == 1 else self[place] if place else np.reshape(self, ())

    def tolist(self) -> Any:
        return [row.tolist() for row in self] if self.shape else self

    def dot(self, other: Any) -> Any:
        return np.dot(self, other)

    def overwrite(self, result: Any) -> Array:
        """Put a result in the place of what it was; shape and dtype stay, as in NumPy."""
        if shape_of(result) != self.shape:
            met = f"shape {self.shape} for a result of shape {shape_of(result)}"
            raise ValueError(f"non-broadcastable output operand: {met}")
        if not np.can_cast(dtype_of(result), self.dtype, "same_kind"):
            raise TypeError(f"a result of {dtype_of(result)} does not fit into an array of {self.dtype}")
        self[...] = result
        return self

    # --- asking for the value: the answer becomes a guard of the trace
    def __bool__(self) -> bool:
        return bool(self._ask("bool", bool))

    def __int__(self) -> int:
        if self.dtype.kind == "f" and self.depends and writes_entries(sys._getframe(1)):
            raise self._forbidden(
                "a traced value was written into an array of whole numbers, and its derivative would be lost",
                "Make it an array of floats.",
            )
        return self.as_int()

    def as_int(self) -> int:
        """The whole number that it has at the point of the trace."""
        return int(self._ask("int", int))

    def __index__(self) -> int:
        return operator.index(self._ask("index", operator.index))

    def __round__(self, digits: int | None = None) -> Any:
        return self._ask("round", round) if digits is None else np.round(self, digits)

    def __hash__(self) -> int:
        """Of a whole number or a truth. What is kept by a float, in a dict say, may have no derivative."""
        if self.shape:
            raise TypeError("unhashable type: 'numpy.ndarray'")
        if self.dtype.kind in "iub":
            return hash(self.as_int())
        raise TraceError(
            f"a traced {self.dtype} was looked up in a dict or a set",
            "What is kept there from another call has no derivative: take functools.cache, or whole numbers "
            "for keys.",
            here(),
        )

    def __contains__(self, item: Any) -> bool:
        return bool(np.any(self == item))

    def _ask(self, what: str, how: Callable[[Any], Any]) -> Any:
        answer = how(self.value)
        if self.depends:
            self.recorder.answered(self.node, what, answer)
        return answer

    @property
    def depends(self) -> bool:
        """Whether it depends on an argument of the traced function; if not, nothing is lost with the node."""
        return self.recorder.depends(self.node)

    # --- what would drop the derivative
    def __float__(self) -> float:
        if self.dtype.kind in "iub":  # a whole number has no derivative to lose
            return float(self._ask("float", float))
        if not self.depends:
            return float(self.value)
        raise self._escape(
            "float()", "Use NumPy's functions, or math's in functions of your own, whose source is at hand."
        )

    def __complex__(self) -> complex:
        if not self.depends:
            return complex(self.value)
        raise self._escape("complex()", "Keep the value as it is.")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if scipy_table.asks_beside(sys._getframe(1)):
            return np.array(None, object)  # no array of numbers: the operator of this class is to answer
        if self.dtype.kind in "iub":  # masks and places index ordinary arrays
            return self._ask("array", lambda value: np.array(value, dtype))
        if not self.depends:
            return self._constant(dtype)
        raise self._escape(
            "an ordinary NumPy array",
            "Use np.stack or np.concatenate where np.array or np.asarray stands, and NumPy functions instead "
            "of functions that are not NumPy's.",
        )

    def _constant(self, dtype: Any = None) -> Any:
        """A copy that is read-only: what a library would write into it would be missing in the graph."""
        copy = np.array(self.value, dtype)
        copy.flags.writeable = False
        return copy

    def __reduce_ex__(self, protocol: Any) -> Any:
        if not self.depends:
            return self._constant().__reduce_ex__(protocol)
        raise self._escape("pickled bytes", "Pickle what the transform returns.")

    def __setitem__(self, key: Any, value: Any) -> None:
        self.recorder.assign(self, key, value)

    def _escape(self, into: str, remedy: str) -> TraceError:
        return self._forbidden(
            f"a traced value would become {into}, and its derivative would be lost", remedy
        )

    def _forbidden(self, met: str, remedy: str) -> TraceError:
        where = here()
        error = TraceError(met, f"{self.recorder.why_not_followed(where)}{remedy}", where)
        self.recorder.errors.append(error)  # user code may swallow it; the end of the trace will not
        return error

    def __getattr__(self, name: str) -> Any:
        if name in numpy_table.METHODS:
            function = numpy_table.METHODS[name]
            return lambda *args, **kwargs: function(self, *args, **kwargs)
        if hasattr(np.ndarray, name) and not name.startswith("__"):
            if not self.depends:
                return getattr(self._constant(), name)
            raise self._no_attribute(name)
        raise AttributeError(f"a traced array has no attribute {name!r}")

    def _no_attribute(self, name: str) -> AttributeError:
        return AttributeError(f"{here()}: .{name} of an array cannot be traced. {numpy_table.nearest(name)}")

    # --- NumPy's protocols
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        op = numpy_table.UFUNCS.get(ufunc)
        if op is not None and method == "__call__" and not kwargs:
            return op(*inputs)
        try:
            if op is None:
                scipy_table.open_for_ufunc(ufunc)
            return numpy_table.call_ufunc(ufunc, method, inputs, kwargs)
        except (TraceError, NoRuleError) as error:
            return self._plainly(getattr(ufunc, method), inputs, kwargs, error)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> Any:
        try:
            return numpy_table.call_function(function, args, kwargs)
        except (TraceError, NoRuleError) as error:
            return self._plainly(function, args, kwargs, error)

    def _plainly(self, function: Callable[..., Any], args: Any, kwargs: Any, error: Exception) -> Any:
        """What cannot be traced is computed with numbers, if no argument of the traced function is in it."""
        if depends((tuple(args), kwargs)):
            if isinstance(error, TraceError):
                self.recorder.errors.append(error)
            raise error
        return held(function(*as_constants(tuple(args)), **as_constants(kwargs)))
