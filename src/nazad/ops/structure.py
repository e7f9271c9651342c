"""Operations that move entries about: all linear, each the transpose of another.

``take`` reads entries (every kind of index), ``scatter`` adds entries into zeros; the transpose of one is
the other. What NumPy offers besides (flip, roll, repeat, pad, diagonal, ...) is one of these with an index.
"""

from __future__ import annotations

import bisect
import itertools
import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from nazad.graph import Piece, Traced, Value, dtype_of, rank_of, shape_of
from nazad.graph.primitive import Params
from nazad.ops.families import Linear, Paired, align, row_by_row

Shape = tuple[int, ...]


# --- shape
def _rows_keep(name: str) -> Any:
    """Batching for operations whose parameter describes the row: it gets the batch in front."""

    def batch(op: Linear, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
        return op(xs[0], **{name: (shape_of(xs[0])[0], *params[name])})

    return batch


def _batch_transpose(op: Linear, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
    return op(xs[0], axes=(0, *(a + 1 for a in params["axes"])))


def _batch_broadcast(op: Linear, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
    shape = params["shape"]
    row = shape_of(xs[0])[1:]
    lined = np.reshape(xs[0], (shape_of(xs[0])[0], *(1,) * (len(shape) - len(row)), *row))
    return op(lined, shape=(shape_of(xs[0])[0], *shape))


def _expand(x: Value, shape: Shape) -> Value:
    if rank_of(x) == 0:  # the same as below in a fifth of the time
        number = np.asarray(x)
        return np.ndarray(shape, number.dtype, number, strides=(0,) * len(shape))
    return np.broadcast_to(x, shape)


reshape = Linear(
    "reshape",
    lambda x, shape: np.reshape(x, shape),
    lambda y_bar, x, shape: np.reshape(y_bar, shape_of(x)),
    batch=_rows_keep("shape"),
)
transpose = Linear(
    "transpose",
    lambda x, axes: np.transpose(x, axes),
    lambda y_bar, x, axes: np.transpose(y_bar, tuple(int(a) for a in np.argsort(axes))),
    batch=_batch_transpose,
)
broadcast_to = Linear("broadcast_to", _expand, lambda y_bar, x, shape: y_bar, batch=_batch_broadcast)
astype = Linear(
    "astype",
    lambda x, dtype: np.asarray(x).astype(dtype)[()],
    lambda y_bar, x, dtype: y_bar,
    batch=lambda op, xs, batched, params: op(xs[0], **params),
)

for _op in (reshape, transpose, broadcast_to):
    _op.is_view = True


# --- reading and adding at places
class _Array:
    """Stands in an index for an array of integers, which is an argument and no parameter."""

    def __repr__(self) -> str:
        return "array"


ARRAY = _Array()
Template = tuple[Any, ...]


def split_index(key: Any) -> tuple[Template, list[Value]]:
    """An index as a template and the arrays in it; masks as the places where they hold.

    Examples
    --------
    >>> split_index((slice(None), [0, 2]))
    ((slice(None, None, None), array), [array([0, 2])])
    """
    template: list[Any] = []
    arrays: list[Value] = []
    for part in key if isinstance(key, tuple) else (key,):
        if part is None or part is Ellipsis or type(part) is int:
            template.append(part)
        elif isinstance(part, slice):
            template.append(settled(part))
        elif isinstance(part, np.integer):
            template.append(int(part))
        else:
            places = _places(part)
            template += [ARRAY] * len(places)
            arrays += places
    return tuple(template), arrays


def settled(part: slice) -> slice:
    """A slice of whole numbers; asked for them, traced ones answer, and remember that they did."""
    ends = part.start, part.stop, part.step
    if all(k is None or type(k) is int for k in ends):
        return part
    return slice(*[None if k is None else operator.index(k) for k in ends])


def _places(part: Any) -> list[Value]:
    if isinstance(part, (list, tuple, range)):
        part = np.asarray(part, dtype=None if part else np.intp)
    kind = np.result_type(part).kind
    if kind == "b" and rank_of(part) > 0:
        return list(np.nonzero(part))
    if kind not in "iu":
        raise IndexError(
            "only integers, slices, ellipsis, np.newaxis and arrays of integers or booleans are indices, "
            f"not {type(part).__name__}"
        )
    return [part]


def assemble(template: Template, arrays: Sequence[Value]) -> Any:
    """The inverse of :func:`split_index`."""
    if not arrays:
        return template
    left = iter(arrays)
    return tuple(next(left) if part is ARRAY else part for part in template)


def _take(x: Value, *arrays: Value, template: Template) -> Value:
    return x[assemble(template, arrays)]


def _batch_take(op: Linear, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
    x, arrays, template = xs[0], xs[1:], params["template"]
    if any(batched[1:]) or (arrays and not is_adjacent(template)):
        return _take_in_step(op, xs, batched, template)
    return op(x, *arrays, template=(slice(None), *template))


def is_adjacent(template: Template) -> bool:
    """Whether the arrays stand side by side, so that their axes stay in place; integers count as arrays."""
    spots = [i for i, part in enumerate(template) if part is ARRAY or type(part) is int]
    return spots[-1] - spots[0] + 1 == len(spots)


def _take_in_step(op: Linear, xs: Sequence[Value], batched: Sequence[bool], template: Template) -> Value:
    """One more index array, which counts the rows of the batch."""
    if (
        None in template
        or Ellipsis in template
        or any(isinstance(p, slice) for p in template)
        or not batched[0]
    ):
        return row_by_row(op, xs, batched, {"template": template})
    arrays = align(xs[1:], batched[1:])
    rank = max(rank_of(a) - b for a, b in zip(xs[1:], batched[1:], strict=True))
    steps = np.reshape(np.arange(shape_of(xs[0])[0]), (-1, *(1,) * rank))
    return op(xs[0], steps, *arrays, template=(ARRAY, *template))


take = Linear(
    "take",
    _take,
    variadic=lambda i, y_bar, xs, template: None if i else TakenFrom(xs[0], y_bar, xs[1:], template),
    batch=_batch_take,
)
take.is_view = True


class TakenFrom(Piece):
    """The share of an array from which some entries were taken: zero but there."""

    __slots__ = ("arrays", "dtype", "shape", "share", "template")

    def __init__(self, x: Value, share: Value, arrays: Sequence[Value], template: Template) -> None:
        self.shape, self.dtype = shape_of(x), dtype_of(x)
        self.share, self.arrays, self.template = share, tuple(arrays), template

    def join(self, pieces: Sequence[Piece], dense: Sequence[Value]) -> Value:
        places = [(_EVERYWHERE, share, ()) for share in dense]
        places += [(p.template, p.share, p.arrays) for p in pieces if isinstance(p, TakenFrom)]
        parts = [x for _, share, arrays in places for x in (share, *arrays)]
        if not any(isinstance(x, Traced) for x in parts):
            return _added_up(places, self.shape, self.dtype)
        layout = Layout([template for template, _, _ in places])
        return scatter(*parts, layout=layout, shape=self.shape, dtype=self.dtype)

    def astype(self, dtype: np.dtype[Any]) -> TakenFrom:
        self.dtype = dtype
        return self


_EVERYWHERE: Template = (...,)


class Layout:
    """Which of the arguments of ``scatter`` are parts, and which index arrays belong to which part."""

    __slots__ = ("spots", "templates")

    def __init__(self, templates: Sequence[Template]) -> None:
        self.templates = tuple(templates)
        counts = [1 + template.count(ARRAY) for template in templates]
        self.spots = list(itertools.accumulate(counts, initial=0))[:-1]

    def pieces(self, parts: Sequence[Value]) -> Iterator[tuple[Template, Value, Sequence[Value]]]:
        """Each part with the template of its index and the arrays in it."""
        for template, k in zip(self.templates, self.spots, strict=True):
            yield template, parts[k], parts[k + 1 : k + 1 + template.count(ARRAY)]

    def at(self, i: int) -> Template | None:
        """The template of the part in place ``i``; None if an index array stands there."""
        k = bisect.bisect_left(self.spots, i)
        return self.templates[k] if k < len(self.spots) and self.spots[k] == i else None

    def __repr__(self) -> str:
        return ", ".join("everywhere" if t == _EVERYWHERE else str(t) for t in self.templates)


def _scatter(*parts: Value, layout: Layout, shape: Shape, dtype: Any) -> Value:
    return _added_up(layout.pieces(parts), shape, dtype)


def _added_up(places: Iterable[tuple[Template, Value, Sequence[Value]]], shape: Shape, dtype: Any) -> Value:
    out = np.zeros(shape, dtype)
    for template, part, arrays in places:
        if arrays:
            np.add.at(out, assemble(template, arrays), part)
        else:
            window = out[template]
            window += part  # into the view; a single entry is no view
            if type(window) is not np.ndarray:
                out[template] = window
    return out


def _scatter_transpose(
    i: int, y_bar: Value, parts: Sequence[Value], layout: Layout, shape: Shape, dtype: Any
) -> Value:
    template = layout.at(i)
    if template is None or template == _EVERYWHERE:
        return None if template is None else y_bar
    arrays = parts[i + 1 : i + 1 + template.count(ARRAY)]
    return take(y_bar, *arrays, template=template)


class _Scatter(Linear):
    """Linear in the parts, not in the index arrays that stand between them."""

    def push(self, x_dots: Sequence[Value], y: Value, xs: Sequence[Value], params: Params) -> Value:
        if all(x_dot is None for x_dot in x_dots):
            return None
        layout = params["layout"]
        return self(
            *[xs[i] if layout.at(i) is None else self._moved(i, x_dots, xs) for i in range(len(xs))], **params
        )


def _batch_scatter(op: Linear, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
    size = next(shape_of(x)[0] for x, b in zip(xs, batched, strict=True) if b)
    layout = params["layout"]
    parts: list[Value] = []
    for (template, part, arrays), k in zip(layout.pieces(xs), layout.spots, strict=True):
        if any(batched[k + 1 : k + 1 + len(arrays)]) or (arrays and not is_adjacent(template)):
            return row_by_row(op, xs, batched, params)
        parts += [part if batched[k] else np.broadcast_to(part, (size, *shape_of(part))), *arrays]
    shifted = Layout([t if t == _EVERYWHERE else (slice(None), *t) for t in layout.templates])
    return op(*parts, layout=shifted, shape=(size, *params["shape"]), dtype=params["dtype"])


scatter = _Scatter("scatter", _scatter, variadic=_scatter_transpose, batch=_batch_scatter, together=True)


# --- joining
def at_axis(axis: int, index: Any) -> tuple[Any, ...]:
    """An index along one axis, the axes before it whole.

    Examples
    --------
    >>> at_axis(1, 0)
    (slice(None, None, None), 0)
    """
    return (*(slice(None),) * axis, index)


def _batch_join(op: Linear, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
    size = next(shape_of(x)[0] for x, b in zip(xs, batched, strict=True) if b)
    whole = [x if b else np.broadcast_to(x, (size, *shape_of(x))) for x, b in zip(xs, batched, strict=True)]
    return op(*whole, **(params | {"axis": params["axis"] + 1}))


concatenate = Linear(
    "concatenate",
    lambda *xs, axis, ends: np.concatenate(xs, axis=axis),
    variadic=lambda i, y_bar, xs, axis, ends: y_bar[at_axis(axis, slice(ends[i - 1] if i else 0, ends[i]))],
    batch=_batch_join,
    together=True,
)
stack = Linear(
    "stack",
    lambda *xs, axis: np.stack(xs, axis=axis),
    variadic=lambda i, y_bar, xs, axis: y_bar[at_axis(axis, i)],
    batch=_batch_join,
    together=True,
)


def joined(parts: Sequence[Value], axis: int) -> Value:
    """Concatenate; where each part ends is worked out once, since each pull asks for it."""
    ends = itertools.accumulate(shape_of(p)[axis] for p in parts)
    return concatenate(*parts, axis=axis, ends=tuple(ends))


where = Linear(
    "where",
    np.where,
    None,
    lambda y_bar, c, a, b: np.where(c, y_bar, 0),
    lambda y_bar, c, a, b: np.where(c, 0, y_bar),
    batch=lambda op, xs, batched, params: op(*align(xs, batched)),
    together=True,
)


# --- along an axis
def _next_axis(op: Any, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
    return op(xs[0], axis=params["axis"] + 1)


def _flip(x: Value, axis: int) -> Value:
    return x[at_axis(axis, slice(None, None, -1))]


def picked(x: Value, places: Value) -> Value:
    """Entries along the first axis. Unlike ``x[places]``, also where the places alone are traced."""
    return take(x, places, template=(ARRAY,))


def take_along(x: Value, indices: Value, axis: int) -> Value:
    """Entries along one axis, as ``np.take_along_axis`` picks them: broadcast along all others."""
    shape = shape_of(x)
    grid = [
        np.reshape(np.arange(n), (*(1,) * a, n, *(1,) * (len(shape) - a - 1))) for a, n in enumerate(shape)
    ]
    return take(x, *grid[:axis], indices, *grid[axis + 1 :], template=(ARRAY,) * len(shape))


cumsum = Linear(
    "cumsum",
    lambda x, axis: np.cumsum(x, axis=axis),
    lambda y_bar, x, axis: _flip(np.cumsum(_flip(y_bar, axis), axis=axis), axis),
    batch=_next_axis,
)
argsort = Paired(
    "argsort",
    lambda x, axis: np.argsort(x, axis=axis, kind="stable"),
    lambda x_dot, y, x, axis: None,
    lambda y_bar, y, x, axis: None,
    batch=_next_axis,
)
sort = Paired(
    "sort",
    lambda x, axis: np.sort(x, axis=axis, kind="stable"),
    lambda x_dot, y, x, axis: take_along(x_dot, argsort(x, axis=axis), axis),
    lambda y_bar, y, x, axis: take_along(y_bar, argsort(argsort(x, axis=axis), axis=axis), axis),
    batch=_next_axis,
)
