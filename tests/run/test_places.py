"""Index arithmetic against NumPy's own: what a place reads from ``np.arange`` tells where it is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nazad.ops.structure import ARRAY, assemble
from nazad.run.loops import Affine, Axis, Buffer, Load, Nest, Program, Store
from nazad.run.places import (
    NOWHERE,
    affine_reshape,
    held,
    places,
    plain,
    reshape_groups,
    reshaped,
    take_plan,
)
from nazad.run.spec import evaluate

INT = np.dtype(np.int64)
SHAPES = st.lists(st.integers(1, 5), max_size=4).map(tuple)


def axes_for(shape: Sequence[int]) -> list[Axis]:
    return [Axis(f"i{k}", n) for k, n in enumerate(shape) if n != 1]


def read(x: np.ndarray, arrays: Sequence[np.ndarray], shape: tuple[int, ...], index_of: Any) -> np.ndarray:
    """The array that a nest over the shape writes; ``index_of`` gives the places in x, and gets buffers."""
    source = Buffer("x", x.shape, INT, "input", 0)
    others = [Buffer(f"a{k}", a.shape, INT, "input", k + 1) for k, a in enumerate(arrays)]
    y = Buffer("y", shape, INT, "output", 0)
    axes = axes_for(shape)
    place = places(shape, axes)
    nest = Nest(axes, [Store(y, place, Load(INT, source, index_of(place, others)))])
    (found,) = evaluate(Program([source, *others], [y], [], [nest]), [x, *arrays])
    return found


def numbered(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(math.prod(shape)).reshape(shape)


# --- shapes
@given(SHAPES)
def test_places_are_the_axes_in_order(shape):
    axes = axes_for(shape)
    found = places(shape, axes)
    assert len(found) == len(shape)
    assert [i.axis for i, n in zip(found, shape, strict=True) if n != 1] == axes
    assert all(i == NOWHERE for i, n in zip(found, shape, strict=True) if n == 1)


@st.composite
def reshapes(draw: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes of the same size, from the same prime factors."""
    factors = draw(st.lists(st.sampled_from([2, 2, 3, 5]), max_size=5))
    shapes = []
    for order in (factors, draw(st.permutations(factors)) if draw(st.booleans()) else factors):
        cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=5)))
        bounds = [0, *cuts, len(order)]
        shapes.append(tuple(math.prod(order[a:b]) for a, b in itertools.pairwise(bounds)))
    return shapes[0], shapes[1]


@given(reshapes())
def test_groups_split_both_shapes_as_finely_as_can_be(shapes):
    new, old = shapes
    groups = reshape_groups(new, old)
    assert [k for news, _ in groups for k in news] == [k for k, n in enumerate(new) if n != 1]
    assert [k for _, olds in groups for k in olds] == [k for k, n in enumerate(old) if n != 1]
    for news, olds in groups:
        left = [math.prod(new[k] for k in news[: m + 1]) for m in range(len(news))]
        right = [math.prod(old[k] for k in olds[: m + 1]) for m in range(len(olds))]
        assert set(left) & set(right) == {left[-1]} == {right[-1]}


@given(reshapes())
def test_a_reshape_reads_where_numpy_reads(shapes):
    new, old = shapes
    if not affine_reshape(new, old):
        return
    found = read(numbered(old), [], new, lambda place, _: reshaped(place, new, old))
    np.testing.assert_array_equal(found, numbered(old).reshape(new))


@given(reshapes(), st.data())
def test_a_reshape_of_moved_places_reads_where_numpy_reads_or_is_refused(shapes, data):
    """Slices that were taken after the reshape: it is refused only where it is no affine reshape."""
    new, old = shapes
    cuts = [data.draw(st.slices(n).filter(lambda s, n=n: len(range(*s.indices(n))))) for n in new]
    right = numbered(old).reshape(new)[tuple(cuts)]

    def index_of(place: tuple[Affine, ...], _: Any) -> Any:
        steps = (cut.indices(n) for cut, n in zip(cuts, new, strict=True))
        moved = tuple(i * step + start for i, (start, _, step) in zip(place, steps, strict=True))
        return reshaped(moved, new, old)

    if index_of(places(right.shape, axes_for(right.shape)), None) is None:
        assert not affine_reshape(new, old)
    else:
        np.testing.assert_array_equal(read(numbered(old), [], right.shape, index_of), right)


@pytest.mark.parametrize(
    ("new", "old", "affine"),
    [
        ((2, 3), (6,), True),
        ((6,), (2, 3), False),
        ((2, 3, 5), (6, 5), True),
        ((2, 15), (6, 5), False),
        ((1, 6, 1), (6,), True),
        ((), (1, 1), True),
        ((0, 3), (0,), False),
    ],
)
def test_dimensions_that_are_joined_are_affine_and_such_that_are_cut_are_not(new, old, affine):
    assert affine_reshape(new, old) is affine


def test_a_place_that_is_read_goes_through_a_reshape_where_dimensions_are_joined():
    x, i = numbered((6, 4)), np.array([1, 0, -1])

    def index_of(place: tuple[Affine, ...], buffers: Sequence[Buffer]) -> Any:
        spot = Affine.read(held(Load(INT, buffers[0], place[1:2]), 3, False))
        return reshaped((place[0], spot, place[2]), (2, 3, 4), (6, 4))

    np.testing.assert_array_equal(read(x, [i], (2, 3, 4), index_of), x.reshape(2, 3, 4)[:, i])
    whole = Affine.read(Load(INT, Buffer("a", (), INT, "input", 1), ()))
    assert reshaped((whole,), (24,), (6, 4)) is None  # it would have to be taken apart


# --- picking
@st.composite
def picks(draw: Any) -> tuple[tuple[int, ...], tuple[Any, ...], list[np.ndarray]]:
    """A shape, a template, and index arrays for it."""
    shape = draw(SHAPES)
    wide = tuple(draw(st.lists(st.integers(1, 3), max_size=3)))
    template: list[Any] = []
    arrays: list[np.ndarray] = []
    for n in shape[: draw(st.integers(0, len(shape)))] if draw(st.booleans()) else shape:
        kind = draw(st.sampled_from(["slice", "slice", "int", "array"]))
        if kind == "slice":
            template.append(draw(st.slices(n)))
        elif kind == "int":
            template.append(draw(st.integers(-n, n - 1)))
        else:
            own = wide[draw(st.integers(0, len(wide))) :]
            own = tuple(1 if draw(st.integers(0, 3)) == 0 else m for m in own)
            seed = draw(st.integers(0, 99))
            arrays.append(np.random.default_rng(seed).integers(-n, n, own))
            template.append(ARRAY)
        if draw(st.integers(0, 4)) == 0:
            template.append(None)
    if len([p for p in template if p is not None]) < len(shape) and draw(st.booleans()):
        template.insert(draw(st.integers(0, len(template))), Ellipsis)
        used = [p for p in template if p is not None and p is not Ellipsis]
        at = sum(p is not None for p in template[: template.index(Ellipsis)])
        lost = len(shape) - len(used)
        order = [*range(at), *range(at + lost, len(shape))]  # what stands behind picks from later dimensions
        template, arrays = _fitted(template, arrays, [shape[k] for k in order], draw)
    return shape, tuple(template), arrays


def _fitted(
    template: list[Any], arrays: list[np.ndarray], sizes: list[int], draw: Any
) -> tuple[list[Any], list[np.ndarray]]:
    """Integers and arrays, brought inside the dimensions that they pick from now."""
    left, sized = iter(arrays), iter(sizes)
    fitted: list[Any] = []
    found: list[np.ndarray] = []
    for part in template:
        n = 0 if part is None or part is Ellipsis else next(sized)
        if part is ARRAY:
            found.append(next(left) % n)
        fitted.append(part % n if type(part) is int else part)
    return fitted, found


@settings(max_examples=200, deadline=None)
@given(picks())
def test_a_pick_reads_where_numpy_reads(pick):
    shape, template, arrays = pick
    x = numbered(shape)
    right = x[assemble(template, arrays)]
    plan = take_plan(plain(template), (shape, *(a.shape for a in arrays)))

    def index_of(place: tuple[Affine, ...], buffers: Sequence[Buffer]) -> Any:
        spots = [
            Affine.read(held(Load(INT, b, plan.array_index(k, place)), n, False))
            for k, (b, n) in enumerate(zip(buffers, plan.indexed, strict=True))
        ]
        return plan.source(place, spots)

    np.testing.assert_array_equal(read(x, arrays, right.shape, index_of), right)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_pick_from_a_slice_reads_where_numpy_reads(data):
    """The places that the slice is taken at are themselves read from memory."""
    shape = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple))
    x = numbered(shape)
    cut = data.draw(st.slices(shape[0]).filter(lambda cut: len(x[cut])))
    first = data.draw(st.sampled_from([np.array([0, -1]), np.array([-1]), np.array(0)]))
    right = x[cut][first]
    plan = take_plan(plain((cut,)), (shape,))
    outer = take_plan(plain((ARRAY,)), (x[cut].shape, first.shape))

    def index_of(place: tuple[Affine, ...], buffers: Sequence[Buffer]) -> Any:
        spot = Affine.read(held(Load(INT, buffers[0], outer.array_index(0, place)), len(x[cut]), False))
        return plan.source(outer.source(place, [spot]), ())

    np.testing.assert_array_equal(read(x, [first], right.shape, index_of), right)


@given(st.integers(1, 9), st.integers(-30, 30))
def test_places_outside_are_held_inside(size, at):
    """Their guard has failed; whatever is read must be memory of the array."""
    source, spot = Buffer("x", (size,), INT, "input", 0), Buffer("a", (), INT, "input", 1)
    y = Buffer("y", (), INT, "output", 0)
    at_spot = Affine.read(held(Load(INT, spot, ()), size, False))
    nest = Nest([], [Store(y, (), Load(INT, source, (at_spot,)))])
    (found,) = evaluate(Program([source, spot], [y], [], [nest]), [np.arange(size), np.array(at)])
    assert found == np.clip(at + size if at < 0 else at, 0, size - 1)


def test_plans_name_what_each_dimension_is_read_from():
    plan = take_plan(plain((slice(None, None, -2), None, ARRAY, 1)), ((5, 4, 3), (2, 1)))
    assert plan.parts == ((4, -2, 0), ARRAY, 1)
    assert plan.arrays == (2, 3)
    assert plan.indexed == (4,)
    apart = take_plan(plain((ARRAY, slice(None), ARRAY)), ((5, 4, 3), (2,), (2,)))
    assert apart.arrays == (0,)
    assert apart.parts == (ARRAY, (0, 1, 1), ARRAY)
