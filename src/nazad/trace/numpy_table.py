"""From NumPy's functions to primitives.

A ufunc maps to the primitive that carries it. A function maps to a rule with NumPy's own signature, less
what cannot be traced; a rule is a primitive with its parameters in normal form, or a composition of them.
"""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from nazad import ops
from nazad.errors import NoRuleError, TraceError
from nazad.graph import Traced, Value, here, rank_of, shape_of
from nazad.ops import contraction, elementwise, reduction, structure

Axis = int | Sequence[int] | None
UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    op.calc: op for op in ops.table().values() if isinstance(op.calc, np.ufunc)
}
FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {}
_PARAMETERS: dict[Callable[..., Any], frozenset[str]] = {}


def rule(*functions: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a rule for one or several NumPy functions."""

    def enter(implementation: Callable[..., Any]) -> Callable[..., Any]:
        for function in functions:
            FUNCTIONS[function] = implementation
            _PARAMETERS[function] = frozenset(inspect.signature(implementation).parameters)
        return implementation

    return enter


# --- dispatch
def call_function(function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Apply the rule of a NumPy function, or say that there is none."""
    implementation = FUNCTIONS.get(function)
    if implementation is None:
        raise _no_rule(_full_name(function))
    for name in kwargs.keys() - _PARAMETERS[function] if kwargs else ():
        if kwargs[name] is None or kwargs[name] is np._NoValue:
            kwargs = {k: v for k, v in kwargs.items() if k != name}
        else:
            raise _unsupported(_full_name(function), name)
    return implementation(*args, **kwargs)


def call_ufunc(ufunc: np.ufunc, method: str, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Apply a ufunc, or one of its methods, to traced values."""
    for name in kwargs:
        if name not in ("axis", "keepdims", "dtype") or method == "__call__":
            if name == "where" and kwargs[name] is True:
                continue
            raise _unsupported(f"np.{ufunc.__name__}", name)
    if method == "__call__":
        op = UFUNCS.get(ufunc)
        if op is None:
            raise _no_rule(f"np.{ufunc.__name__}" if hasattr(np, ufunc.__name__) else ufunc.__name__)
        return op(*inputs)
    derived = _UFUNC_METHODS.get((ufunc, method))
    if derived is not None:
        return derived(*inputs, **kwargs)
    if method == "outer":
        return _outer(ufunc, *inputs)
    raise _no_rule(f"np.{ufunc.__name__}.{method}")


def _outer(ufunc: np.ufunc, a: Value, b: Value) -> Value:
    return ufunc(np.reshape(a, (*shape_of(a), *(1,) * rank_of(b))), b)


def _full_name(function: Callable[..., Any]) -> str:
    module = getattr(function, "__module__", "numpy") or "numpy"
    return f"{module.replace('numpy', 'np', 1)}.{function.__name__}"


def _no_rule(name: str) -> NoRuleError:
    return NoRuleError(f"{name} has no derivative rule in nazad yet", nearest(name.split(".")[-1]), here())


def _unsupported(name: str, keyword: str) -> TraceError:
    remedy = {
        "out": "Take the returned array instead of writing into one.",
        "where": "Choose with np.where afterwards.",
    }.get(keyword, "Leave it out.")
    return TraceError(f"{name}({keyword}=) cannot be traced", remedy, here())


def nearest(name: str) -> str:
    """The nearest thing that works, as a sentence."""
    known = {"put": "np.where", "fill": "np.full_like", "at": "np.bincount"}
    if name in known:
        return f"The nearest that works is {known[name]}."
    names = {f.__name__ for f in FUNCTIONS} | {u.__name__ for u in UFUNCS}
    close = difflib.get_close_matches(name, sorted(names), n=2, cutoff=0.6)
    if close:
        return f"The nearest that works: {', '.join('np.' + c for c in close)}."
    return "Write it with functions that have one, or give it a rule with nazad.elementwise."


# --- normal forms of parameters
def one_axis(axis: Any, ndim: int) -> int:
    """A single axis, counted from the front."""
    return int(np.lib.array_utils.normalize_axis_index(axis, ndim))


def all_axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    """Axes as a sorted tuple, counted from the front; None stands for all."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(sorted(np.lib.array_utils.normalize_axis_tuple(axis, ndim)))


def _flag(keepdims: Any) -> bool:
    return False if keepdims is np._NoValue else bool(keepdims)


# --- reductions
def _masked(a: Value, where: Any, neutral: float) -> Value:
    return a if where is True or where is np._NoValue else np.where(where, a, neutral)


def _fold(op: Any, neutral: float | None) -> Callable[..., Any]:
    def fold(
        a: Value, axis: Axis = None, dtype: Any = None, keepdims: Any = False, where: Any = True, initial: Any = None
    ) -> Any:
        if neutral is None and not (where is True or where is np._NoValue):
            raise _unsupported(f"np.{op.name}", "where")
        x = a if neutral is None else _masked(a, where, neutral)
        x = x if dtype is None else astype(x, dtype)
        y = op(x, axis=all_axes(axis, rank_of(x)), keepdims=_flag(keepdims))
        return y if initial is None or initial is np._NoValue else _START[op.name](y, initial)

    return fold


_START: dict[str, np.ufunc] = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}
_sum = rule(np.sum)(_fold(reduction.sum, 0.0))
_prod = rule(np.prod)(_fold(reduction.prod, 1.0))
_max = rule(np.max, np.amax)(_fold(reduction.max, -math.inf))
_min = rule(np.min, np.amin)(_fold(reduction.min, math.inf))
rule(np.mean)(_fold(reduction.mean, None))
rule(np.all)(_fold(reduction.all, None))
rule(np.any)(_fold(reduction.any, None))
rule(np.count_nonzero)(_fold(reduction.count_nonzero, None))


def _spread(op: Any) -> Callable[..., Any]:
    def spread(
        a: Value, axis: Axis = None, dtype: Any = None, ddof: Any = 0, keepdims: Any = False, correction: Any = None
    ) -> Any:
        x = a if dtype is None else astype(a, dtype)
        freedom = ddof if correction is None or correction is np._NoValue else correction
        return op(x, axis=all_axes(axis, rank_of(x)), keepdims=_flag(keepdims), ddof=freedom)

    return spread


rule(np.var)(_spread(reduction.var))
rule(np.std)(_spread(reduction.std))


@rule(np.ptp)
def _ptp(a: Value, axis: Axis = None, keepdims: Any = False) -> Any:
    return np.max(a, axis=axis, keepdims=_flag(keepdims)) - np.min(a, axis=axis, keepdims=_flag(keepdims))


@rule(np.average)
def _average(a: Value, axis: Axis = None, weights: Any = None, keepdims: Any = False) -> Any:
    if weights is None:
        return np.mean(a, axis=axis, keepdims=_flag(keepdims))
    if shape_of(weights) != shape_of(a):
        if not isinstance(axis, int) or rank_of(weights) != 1:
            raise TypeError("np.average: weights that differ in shape from the array need one axis and one dimension")
        after = rank_of(a) - one_axis(axis, rank_of(a)) - 1
        weights = np.reshape(weights, (-1, *(1,) * after))
    weights = np.broadcast_to(weights, shape_of(a))
    top = np.sum(a * weights, axis=axis, keepdims=_flag(keepdims))
    return top / np.sum(weights, axis=axis, keepdims=_flag(keepdims))


def _extreme_place(op: Any) -> Callable[..., Any]:
    def place(a: Value, axis: int | None = None, keepdims: Any = False) -> Any:
        if axis is None:
            y = op(np.ravel(a), axis=(0,), keepdims=False)
            return np.reshape(y, (1,) * rank_of(a)) if _flag(keepdims) else y
        return op(a, axis=(one_axis(axis, rank_of(a)),), keepdims=_flag(keepdims))

    return place


rule(np.argmax)(_extreme_place(reduction.argmax))
rule(np.argmin)(_extreme_place(reduction.argmin))


def _logsumexp(a: Value, axis: Axis = 0, keepdims: Any = False) -> Any:
    axes = all_axes(axis, rank_of(a))
    if len(axes) != 1:
        raise ValueError("np.logaddexp.reduce takes one axis")
    return reduction.logsumexp(a, axis=axes, keepdims=_flag(keepdims))


@rule(np.linalg.norm)
def _norm(x: Value, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Any:
    axes = all_axes(axis, rank_of(x))
    if ord is None or ord == "fro" or (ord == 2 and len(axes) == 1):
        return reduction.norm(x, axis=axes, keepdims=keepdims)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    if len(axes) == 2 and ord in (1, -1, math.inf, -math.inf):
        return _matrix_norm(x, ord, axis if axis is not None else axes, keepdims)
    raise _no_rule(f"np.linalg.norm(ord={ord!r})")


def _vector_norm(x: Value, ord: Any, axis: int, keepdims: bool) -> Value:
    if ord == math.inf:
        return np.max(np.abs(x), axis=axis, keepdims=keepdims)
    if ord == -math.inf:
        return np.min(np.abs(x), axis=axis, keepdims=keepdims)
    if ord == 0:
        return np.sum(astype(np.not_equal(x, 0), x.dtype), axis=axis, keepdims=keepdims)
    if ord == 1:
        return np.sum(np.abs(x), axis=axis, keepdims=keepdims)
    return np.sum(np.abs(x) ** ord, axis=axis, keepdims=keepdims) ** (1 / ord)


def _matrix_norm(x: Value, ord: float, axis: Any, keepdims: bool) -> Value:
    rows, columns = (one_axis(a, rank_of(x)) for a in axis)
    summed, folded = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = np.sum(np.abs(x), axis=summed, keepdims=True)
    y = (np.max if ord > 0 else np.min)(sums, axis=folded, keepdims=True)
    return y if keepdims else np.squeeze(y, axis=(rows, columns))


# --- shape
@rule(np.reshape)
def _reshape(a: Value, shape: Any = None, order: str = "C", newshape: Any = None) -> Any:
    goal = newshape if shape is None else shape
    goal = (goal,) if isinstance(goal, (int, np.integer, Traced)) else tuple(goal)
    if order == "F":
        return np.transpose(_reshape(np.transpose(a), goal[::-1]))
    return structure.reshape(a, shape=_whole_shape(goal, shape_of(a)))


def _whole_shape(goal: Sequence[Any], shape: tuple[int, ...]) -> tuple[int, ...]:
    sizes = [int(n) for n in goal]
    if -1 in sizes:
        rest = math.prod(n for n in sizes if n != -1)
        sizes[sizes.index(-1)] = math.prod(shape) // rest if rest else 0
    if math.prod(sizes) != math.prod(shape) or min(sizes, default=0) < 0:
        raise ValueError(f"cannot reshape array of shape {shape} into shape {tuple(goal)}")
    return tuple(sizes)


@rule(np.ravel)
def _ravel(a: Value, order: str = "C") -> Any:
    return _reshape(a, (-1,) if np.size(a) else (0,), order="F" if order == "F" else "C")


@rule(np.transpose, np.permute_dims)
def _transpose(a: Value, axes: Any = None) -> Any:
    rank = rank_of(a)
    order = tuple(range(rank))[::-1] if axes is None else tuple(one_axis(k, rank) for k in axes)
    if len(set(order)) != rank:
        raise ValueError("axes don't match array")
    return a if order == tuple(range(rank)) else structure.transpose(a, axes=order)


@rule(np.matrix_transpose)
def _matrix_transpose(x: Value) -> Any:
    return np.swapaxes(x, -1, -2)


@rule(np.swapaxes)
def _swapaxes(a: Value, axis1: int, axis2: int) -> Any:
    order = list(range(rank_of(a)))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return _transpose(a, order)


@rule(np.moveaxis)
def _moveaxis(a: Value, source: Any, destination: Any) -> Any:
    rank = rank_of(a)
    goes = dict(zip(_listed(destination, rank), _listed(source, rank), strict=True))
    rest = iter([k for k in range(rank) if k not in goes.values()])
    return _transpose(a, [goes[k] if k in goes else next(rest) for k in range(rank)])


def _listed(axis: Any, rank: int) -> list[int]:
    return [one_axis(k, rank) for k in (axis if isinstance(axis, (tuple, list)) else [axis])]


@rule(np.rollaxis)
def _rollaxis(a: Value, axis: int, start: int = 0) -> Any:
    place = one_axis(axis, rank_of(a))
    goal = start + rank_of(a) if start < 0 else start
    return _moveaxis(a, place, goal - 1 if place < goal else goal)


@rule(np.expand_dims)
def _expand_dims(a: Value, axis: Any) -> Any:
    added = axis if isinstance(axis, (tuple, list)) else (axis,)
    rank = rank_of(a) + len(added)
    places = set(all_axes(added, rank))
    sizes = iter(shape_of(a))
    return structure.reshape(a, shape=tuple(1 if k in places else next(sizes) for k in range(rank)))


@rule(np.squeeze)
def _squeeze(a: Value, axis: Axis = None) -> Any:
    shape = shape_of(a)
    gone = [k for k, n in enumerate(shape) if n == 1] if axis is None else all_axes(axis, len(shape))
    if any(shape[k] != 1 for k in gone):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return structure.reshape(a, shape=tuple(n for k, n in enumerate(shape) if k not in gone))


@rule(np.broadcast_to)
def _broadcast_to(array: Value, shape: Any) -> Any:
    goal = (shape,) if isinstance(shape, int) else tuple(int(n) for n in shape)
    if np.broadcast_shapes(shape_of(array), goal) != goal:
        raise ValueError(f"operands could not be broadcast: {shape_of(array)} into {goal}")
    return array if shape_of(array) == goal else structure.broadcast_to(array, shape=goal)


@rule(np.broadcast_arrays)
def _broadcast_arrays(*args: Value) -> Any:
    shape = np.broadcast_shapes(*(shape_of(a) for a in args))
    return tuple(np.broadcast_to(a, shape) for a in args)


def _at_least(rank: int, lifted_shape: Callable[[tuple[int, ...]], tuple[int, ...]]) -> Callable[..., Any]:
    def lift(*arys: Value) -> Any:
        lifted = tuple(a if rank_of(a) >= rank else np.reshape(a, lifted_shape(shape_of(a))) for a in arys)
        return lifted[0] if len(lifted) == 1 else lifted

    return lift


rule(np.atleast_1d)(_at_least(1, lambda shape: (1,)))
rule(np.atleast_2d)(_at_least(2, lambda shape: (1, *shape) if shape else (1, 1)))
rule(np.atleast_3d)(_at_least(3, lambda shape: (*shape, 1) if len(shape) == 2 else (1, *(shape or (1,)), 1)))


def astype(a: Value, dtype: Any, **layout: Any) -> Any:
    """The same numbers in another precision; as integers they carry no derivative."""
    goal = np.dtype(dtype)
    if goal.kind not in "biufc":
        raise TraceError(f"a traced array would be cast to {goal}", "Traced values are numbers.", here())
    return a if goal == np.result_type(a) and rank_of(a) else structure.astype(a, dtype=goal)


rule(np.astype)(lambda x, dtype, copy=True: astype(x, dtype))


@rule(np.copy)
def _copy(a: Value, order: str = "K", subok: bool = False) -> Any:
    return a


# --- joining and splitting
@rule(np.concatenate)
def _concatenate(arrays: Iterable[Value], axis: int | None = 0, dtype: Any = None) -> Any:
    parts = list(arrays)
    if axis is None:
        parts, axis = [np.ravel(p) for p in parts], 0
    joined = structure.concatenate(*parts, axis=one_axis(axis, rank_of(parts[0])))
    return joined if dtype is None else astype(joined, dtype)


@rule(np.stack)
def _stack(arrays: Iterable[Value], axis: int = 0, dtype: Any = None) -> Any:
    parts = list(arrays)
    joined = structure.stack(*parts, axis=one_axis(axis, rank_of(parts[0]) + 1))
    return joined if dtype is None else astype(joined, dtype)


@rule(np.vstack)
def _vstack(tup: Iterable[Value], dtype: Any = None) -> Any:
    return _concatenate([np.atleast_2d(a) for a in tup], 0, dtype)


@rule(np.hstack)
def _hstack(tup: Iterable[Value], dtype: Any = None) -> Any:
    parts = [np.atleast_1d(a) for a in tup]
    return _concatenate(parts, 0 if rank_of(parts[0]) == 1 else 1, dtype)


@rule(np.dstack)
def _dstack(tup: Iterable[Value]) -> Any:
    return _concatenate([np.atleast_3d(a) for a in tup], 2)


@rule(np.column_stack)
def _column_stack(tup: Iterable[Value]) -> Any:
    return _concatenate([np.reshape(a, (-1, 1)) if rank_of(a) < 2 else a for a in tup], 1)


@rule(np.append)
def _append(arr: Value, values: Value, axis: int | None = None) -> Any:
    return _concatenate([arr, values], axis)


@rule(np.split, np.array_split)
def _split(ary: Value, indices_or_sections: Any, axis: int = 0) -> Any:
    size, place = shape_of(ary)[axis], one_axis(axis, rank_of(ary))
    if isinstance(indices_or_sections, int):
        small, rest = divmod(size, indices_or_sections)
        ends = list(np.cumsum([small + (k < rest) for k in range(indices_or_sections)])[:-1])
    else:
        ends = list(indices_or_sections)
    cuts = [0, *(int(e) for e in ends), size]
    before = (slice(None),) * place
    return [ary[(*before, slice(a, b))] for a, b in zip(cuts, cuts[1:], strict=False)]


@rule(np.where)
def _where(condition: Value, x: Value = None, y: Value = None) -> Any:
    if x is None and y is None:
        return np.nonzero(condition)
    return structure.where(condition, x, y)


@rule(np.select)
def _select(condlist: Sequence[Value], choicelist: Sequence[Value], default: Value = 0) -> Any:
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = np.where(condition, choice, result)
    return result


# --- index arithmetic
def _on_axis(axis: int, index: Any) -> tuple[Any, ...]:
    return (*(slice(None),) * axis, index)


@rule(np.take)
def _take(a: Value, indices: Any, axis: int | None = None) -> Any:
    x, place = (np.ravel(a), 0) if axis is None else (a, one_axis(axis, rank_of(a)))
    chosen = indices if isinstance(indices, (Traced, int)) else np.asarray(indices, dtype=np.intp)
    template, arrays = structure.split_index(_on_axis(place, chosen))
    return structure.take(x, *arrays, template=template)


@rule(np.take_along_axis)
def _take_along_axis(arr: Value, indices: Value, axis: int | None = -1) -> Any:
    if axis is None:
        return np.take(np.ravel(arr), np.ravel(indices))
    return structure.take_along(arr, indices, one_axis(axis, rank_of(arr)))


@rule(np.flip)
def _flip(m: Value, axis: Axis = None) -> Any:
    turned = all_axes(axis, rank_of(m))
    return m[tuple(slice(None, None, -1) if k in turned else slice(None) for k in range(rank_of(m)))]


rule(np.flipud)(lambda m: _flip(m, 0))
rule(np.fliplr)(lambda m: _flip(m, 1))


@rule(np.roll)
def _roll(a: Value, shift: Any, axis: Any = None) -> Any:
    if axis is None:
        return np.reshape(_roll(np.ravel(a), shift, 0), shape_of(a))
    shifts, axes = np.broadcast_arrays(np.atleast_1d(shift), np.atleast_1d(axis))
    for step, k in zip(shifts.tolist(), axes.tolist(), strict=True):
        place = one_axis(k, rank_of(a))
        size = shape_of(a)[place]
        cut = (-step) % size if size else 0
        a = _concatenate([a[_on_axis(place, slice(cut, None))], a[_on_axis(place, slice(None, cut))]], place)
    return a


@rule(np.rot90)
def _rot90(m: Value, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    k %= 4
    if k == 2:
        return _flip(m, axes)
    if k == 0:
        return m
    return _flip(np.swapaxes(m, *axes), axes[0]) if k == 1 else np.swapaxes(_flip(m, axes[0]), *axes)


@rule(np.repeat)
def _repeat(a: Value, repeats: Any, axis: int | None = None) -> Any:
    x, place = (np.ravel(a), 0) if axis is None else (a, one_axis(axis, rank_of(a)))
    return x[_on_axis(place, np.repeat(np.arange(shape_of(x)[place]), repeats))]


@rule(np.tile)
def _tile(A: Value, reps: Any) -> Any:
    times = tuple(np.atleast_1d(reps).tolist())
    shape = (*(1,) * (len(times) - rank_of(A)), *shape_of(A))
    times = (*(1,) * (len(shape) - len(times)), *times)
    apart = np.reshape(A, tuple(n for size in shape for n in (1, size)))
    filled = np.broadcast_to(apart, tuple(n for r, size in zip(times, shape, strict=True) for n in (r, size)))
    return np.reshape(filled, tuple(r * size for r, size in zip(times, shape, strict=True)))


@rule(np.pad)
def _pad(array: Value, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    if isinstance(pad_width, dict):
        pad_width = [pad_width.get(k, pad_width.get(k - rank_of(array), (0, 0))) for k in range(rank_of(array))]
    widths = np.broadcast_to(np.asarray(pad_width), (rank_of(array), 2)).tolist()
    if mode == "constant":
        return _pad_constant(array, widths, constant_values)
    if mode not in ("edge", "reflect", "symmetric", "wrap"):
        raise _no_rule(f"np.pad(mode={mode!r})")
    for k, width in enumerate(widths):
        array = array[_on_axis(k, np.pad(np.arange(shape_of(array)[k]), width, mode=mode))]
    return array


def _pad_constant(x: Value, widths: list[list[int]], values: Any) -> Value:
    fills = np.broadcast_to(np.asarray(values), (rank_of(x), 2)).tolist()
    for k, (width, fill) in enumerate(zip(widths, fills, strict=True)):
        shape = shape_of(x)
        ends = [np.full((*shape[:k], w, *shape[k + 1 :]), f, x.dtype) for w, f in zip(width, fill, strict=True)]
        x = _concatenate([ends[0], x, ends[1]], k)
    return x


@rule(np.diagonal)
def _diagonal(a: Value, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    lined = np.moveaxis(a, (axis1, axis2), (-2, -1))
    rows, columns = shape_of(lined)[-2:]
    steps = np.arange(max(0, min(rows + min(offset, 0), columns - max(offset, 0))))
    return lined[..., steps - min(offset, 0), steps + max(offset, 0)]


@rule(np.trace)
def _trace(a: Value, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return np.sum(_diagonal(a, offset, axis1, axis2), axis=-1)


rule(np.linalg.diagonal)(lambda x, offset=0: _diagonal(x, offset, -2, -1))
rule(np.linalg.trace)(lambda x, offset=0: _trace(x, offset, -2, -1))


@rule(np.diag)
def _diag(v: Value, k: int = 0) -> Any:
    if rank_of(v) == 2:
        return _diagonal(v, k)
    size = shape_of(v)[0] + abs(k)
    steps = np.arange(shape_of(v)[0])
    places = (steps - min(k, 0), steps + max(k, 0))
    return structure.scatter(
        v, *places, templates=((structure.ARRAY, structure.ARRAY),), shape=(size, size), dtype=v.dtype
    )


rule(np.tril)(lambda m, k=0: np.where(np.tri(*shape_of(m)[-2:], k=k, dtype=bool), m, np.zeros((), m.dtype)))
rule(np.triu)(lambda m, k=0: np.where(np.tri(*shape_of(m)[-2:], k=k - 1, dtype=bool), np.zeros((), m.dtype), m))


@rule(np.diff)
def _diff(a: Value, n: int = 1, axis: int = -1) -> Any:
    place = one_axis(axis, rank_of(a))
    for _ in range(n):
        a = a[_on_axis(place, slice(1, None))] - a[_on_axis(place, slice(None, -1))]
    return a


@rule(np.trapezoid)
def _trapezoid(y: Value, x: Value = None, dx: Any = 1.0, axis: int = -1) -> Any:
    place = one_axis(axis, rank_of(y))
    after = rank_of(y) - place - 1
    step = dx if x is None else np.diff(x, axis=place if rank_of(x) > 1 else 0)
    step = np.reshape(step, (-1, *(1,) * after)) if rank_of(step) == 1 else step
    sides = y[_on_axis(place, slice(1, None))] + y[_on_axis(place, slice(None, -1))]
    return np.sum(step * sides / 2.0, axis=place)


@rule(np.meshgrid)
def _meshgrid(*xi: Value, indexing: str = "xy", sparse: bool = False, copy: bool = True) -> Any:
    rank = len(xi)
    places = [1 - k if indexing == "xy" and rank > 1 and k < 2 else k for k in range(rank)]
    lines = [np.reshape(x, (*(1,) * p, -1, *(1,) * (rank - p - 1))) for x, p in zip(xi, places, strict=True)]
    return tuple(lines) if sparse else _broadcast_arrays(*lines)


@rule(np.nonzero)
def _nonzero(a: Any) -> Any:
    return np.nonzero(a._ask("nonzero", np.asarray))


@rule(np.argsort)
def _argsort(a: Value, axis: int | None = -1, kind: Any = None, stable: Any = None) -> Any:
    x, place = (np.ravel(a), 0) if axis is None else (a, one_axis(axis, rank_of(a)))
    return structure.argsort(x, axis=place)


@rule(np.sort)
def _sort(a: Value, axis: int | None = -1, kind: Any = None, stable: Any = None) -> Any:
    x, place = (np.ravel(a), 0) if axis is None else (a, one_axis(axis, rank_of(a)))
    return structure.sort(x, axis=place)


@rule(np.median)
def _median(a: Value, axis: int | None = None, keepdims: bool = False) -> Any:
    ordered = np.sort(a, axis=axis)
    place = 0 if axis is None else one_axis(axis, rank_of(a))
    size = shape_of(ordered)[place]
    middle = ordered[_on_axis(place, slice((size - 1) // 2, size // 2 + 1))]
    y = np.mean(middle, axis=place)
    if not keepdims:
        return y
    return np.reshape(y, (1,) * rank_of(a)) if axis is None else np.expand_dims(y, place)


@rule(np.cumsum)
def _cumsum(a: Value, axis: int | None = None, dtype: Any = None) -> Any:
    x = a if dtype is None else astype(a, dtype)
    return structure.cumsum(np.ravel(x), axis=0) if axis is None else structure.cumsum(x, axis=one_axis(axis, rank_of(x)))


@rule(np.cumprod)
def _cumprod(a: Value, axis: int | None = None, dtype: Any = None) -> Any:
    x = a if dtype is None else astype(a, dtype)
    if axis is None:
        return reduction.inclusive_products(np.ravel(x))
    return np.moveaxis(reduction.inclusive_products(np.moveaxis(x, axis, -1)), -1, axis)


# --- products
@rule(np.dot)
def _dot(a: Value, b: Value) -> Any:
    if rank_of(a) == 0 or rank_of(b) == 0:
        return np.multiply(a, b)
    if rank_of(b) <= 2:
        return np.matmul(a, b)
    return np.tensordot(a, b, axes=((-1,), (-2,)))


@rule(np.vdot)
def _vdot(a: Value, b: Value) -> Any:
    return np.matmul(np.ravel(a), np.ravel(b))


@rule(np.inner)
def _inner(a: Value, b: Value) -> Any:
    if rank_of(a) == 0 or rank_of(b) == 0:
        return np.multiply(a, b)
    return np.matmul(a, b) if rank_of(b) == 1 else np.tensordot(a, b, axes=((-1,), (-1,)))


@rule(np.outer, np.linalg.outer)
def _outer_product(a: Value, b: Value) -> Any:
    return np.reshape(a, (-1, 1)) * np.reshape(b, (1, -1))


@rule(np.kron)
def _kron(a: Value, b: Value) -> Any:
    rank = max(rank_of(a), rank_of(b))
    left = (*(1,) * (rank - rank_of(a)), *shape_of(a))
    right = (*(1,) * (rank - rank_of(b)), *shape_of(b))
    spread = np.reshape(a, tuple(n for s in left for n in (s, 1))) * np.reshape(b, tuple(n for s in right for n in (1, s)))
    return np.reshape(spread, tuple(p * q for p, q in zip(left, right, strict=True)))


@rule(np.tensordot)
def _tensordot(a: Value, b: Value, axes: Any = 2) -> Any:
    if isinstance(axes, int):
        axes = (range(rank_of(a) - axes, rank_of(a)), range(axes))
    left, right = (_listed(list(k) if isinstance(k, Iterable) else k, rank_of(x)) for k, x in zip(axes, (a, b), strict=True))
    rows = [k for k in range(rank_of(a)) if k not in left]
    columns = [k for k in range(rank_of(b)) if k not in right]
    shared = math.prod(shape_of(a)[k] for k in left)
    outer = [shape_of(a)[k] for k in rows] + [shape_of(b)[k] for k in columns]
    flat_a = np.reshape(np.transpose(a, (*rows, *left)), (math.prod(shape_of(a)[k] for k in rows), shared))
    flat_b = np.reshape(np.transpose(b, (*right, *columns)), (shared, math.prod(shape_of(b)[k] for k in columns)))
    return np.reshape(np.matmul(flat_a, flat_b), tuple(outer))


@rule(np.einsum)
def _einsum(*operands: Any, optimize: Any = False) -> Any:
    if not isinstance(operands[0], str):
        operands = _with_letters(operands)
    subscripts = contraction.explicit(operands[0], [shape_of(x) for x in operands[1:]])
    inputs, output = contraction.parse(subscripts)
    lined = [contraction.diagonals(term, x) for term, x in zip(inputs, operands[1:], strict=True)]
    return contraction.einsum(*(x for _, x in lined), subscripts=f"{','.join(t for t, _ in lined)}->{output}")


def _with_letters(operands: Sequence[Any]) -> tuple[Any, ...]:
    """``einsum(a, [0, 1], b, [1, 2], [0, 2])`` in the form with letters."""
    arrays, lists = operands[: len(operands) // 2 * 2 : 2], operands[1::2]

    def write(places: Sequence[Any]) -> str:
        return "".join("..." if p is Ellipsis else contraction._LETTERS[p] for p in places)

    text = ",".join(write(places) for places in lists)
    return (f"{text}->{write(operands[-1])}" if len(operands) % 2 else text, *arrays)


@rule(np.cross)
def _cross(a: Value, b: Value, axis: int = -1) -> Any:
    x, y = np.moveaxis(a, axis, -1), np.moveaxis(b, axis, -1)
    if shape_of(x)[-1] != 3 or shape_of(y)[-1] != 3:
        raise ValueError("np.cross takes vectors of length 3")
    turn = [[1, 2, 0], [2, 0, 1]]
    product = x[..., turn[0]] * y[..., turn[1]] - x[..., turn[1]] * y[..., turn[0]]
    return np.moveaxis(product, -1, axis)


# --- elementwise functions that are no ufuncs
@rule(np.clip)
def _clip(a: Value, a_min: Any = None, a_max: Any = None, min: Any = None, max: Any = None) -> Any:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    if low is None:
        return a if high is None else np.minimum(a, high)
    return np.maximum(a, low) if high is None else elementwise.clip(a, low, high)


rule(np.sinc)(elementwise.sinc)
rule(np.nan_to_num)(lambda x, copy=True: elementwise.nan_to_num(x))
rule(np.real)(lambda val: val)
rule(np.imag)(lambda val: np.zeros_like(val))
rule(np.round, np.around)(lambda a, decimals=0: np.rint(a) if decimals == 0 else np.rint(a * 10.0**decimals) / 10.0**decimals)
rule(np.fix)(lambda x: np.trunc(x))
rule(np.isclose)(lambda a, b, rtol=1e-5, atol=1e-8: np.less_equal(np.abs(a - b), atol + rtol * np.abs(b)))
rule(np.allclose)(lambda a, b, rtol=1e-5, atol=1e-8: bool(np.all(np.isclose(a, b, rtol=rtol, atol=atol))))
rule(np.array_equal)(lambda a1, a2: shape_of(a1) == shape_of(a2) and bool(np.all(np.equal(a1, a2))))
UFUNCS[np.divmod] = lambda x, y: (np.floor_divide(x, y), np.remainder(x, y))
UFUNCS[np.modf] = lambda x: (elementwise.fraction(x), np.trunc(x))
UFUNCS[np.frexp] = lambda x: (elementwise.mantissa(x), elementwise.exponent(x))
for _name in ("vecdot", "matvec", "vecmat"):  # ufuncs that younger releases of NumPy add
    if hasattr(np, _name):
        _terms = {"vecdot": "...i,...i->...", "matvec": "...ij,...j->...i", "vecmat": "...i,...ij->...j"}[_name]
        UFUNCS[getattr(np, _name)] = lambda a, b, _terms=_terms: np.einsum(_terms, a, b)


# --- asking for what is known without the numbers
rule(np.shape)(lambda a: a.shape)
rule(np.ndim)(lambda a: a.ndim)
rule(np.size)(lambda a, axis=None: a.size if axis is None else a.shape[axis])
rule(np.result_type)(lambda *args: np.result_type(*(a.dtype if isinstance(a, Traced) else a for a in args)))
rule(np.can_cast)(lambda from_, to, casting="safe": np.can_cast(from_.dtype, to, casting))
rule(np.iscomplexobj)(lambda x: x.dtype.kind == "c")
rule(np.isrealobj)(lambda x: x.dtype.kind != "c")
rule(np.zeros_like, np.empty_like)(lambda a, dtype=None, shape=None: np.zeros(a.shape if shape is None else shape, dtype or a.dtype))
rule(np.ones_like)(lambda a, dtype=None, shape=None: np.ones(a.shape if shape is None else shape, dtype or a.dtype))


@rule(np.copyto)
def _copyto(dst: Value, src: Value, casting: str = "same_kind", where: Any = True) -> Any:
    raise TraceError(
        "a traced value would be written into an ordinary array, and its derivative would be lost",
        "Build the array from its parts with np.where, np.concatenate or np.stack.",
        here(),
    )


@rule(np.full_like)
def _full_like(a: Value, fill_value: Value, dtype: Any = None, shape: Any = None) -> Any:
    filled = np.broadcast_to(fill_value, shape_of(a) if shape is None else shape)
    return astype(filled, dtype or np.result_type(a)) if isinstance(filled, Traced) else np.array(filled, dtype or a.dtype)


_UFUNC_METHODS: dict[tuple[np.ufunc, str], Callable[..., Any]] = {
    (np.add, "reduce"): lambda a, axis=0, keepdims=False, dtype=None: _sum(a, axis, dtype, keepdims),
    (np.multiply, "reduce"): lambda a, axis=0, keepdims=False, dtype=None: _prod(a, axis, dtype, keepdims),
    (np.maximum, "reduce"): lambda a, axis=0, keepdims=False, dtype=None: _max(a, axis, dtype, keepdims),
    (np.minimum, "reduce"): lambda a, axis=0, keepdims=False, dtype=None: _min(a, axis, dtype, keepdims),
    (np.logaddexp, "reduce"): lambda a, axis=0, keepdims=False: _logsumexp(a, axis, keepdims),
    (np.add, "accumulate"): lambda a, axis=0, dtype=None: _cumsum(a, axis, dtype),
    (np.multiply, "accumulate"): lambda a, axis=0, dtype=None: _cumprod(a, axis, dtype),
}

METHODS: dict[str, Callable[..., Any]] = {
    name: getattr(np, name)
    for name in (
        "sum mean prod max min var std all any argmax argmin argsort cumsum cumprod clip round ravel squeeze "
        "swapaxes take repeat diagonal trace nonzero ptp"
    ).split()
} | {"conj": np.conjugate, "conjugate": np.conjugate}
"""Methods of an array that are functions of NumPy by the same name."""
