"""Places are sums of axes: their arithmetic, their range, and how programs print."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nazad.run.loops import (
    Affine,
    Apply,
    Axis,
    Block,
    Buffer,
    Cast,
    Constant,
    Fold,
    Load,
    Loop,
    Nest,
    Program,
    Store,
    args_of,
    buffers_of,
    loads_of,
    nests_of,
    walk,
)

FLOAT = np.dtype("float64")
AXES = [Axis(name, size) for name, size in (("i", 1), ("j", 3), ("k", 4), ("l", 7))]
NUMBERS = st.integers(-12, 12)


@st.composite
def affines(draw: Any) -> Affine:
    axes = draw(st.lists(st.sampled_from(AXES), unique=True))
    return Affine(tuple((a, draw(NUMBERS.filter(bool))) for a in axes), draw(NUMBERS))


def values(place: Affine) -> np.ndarray:
    """The place at every point of the space of all axes."""
    grid = np.ix_(*(np.arange(a.size) for a in AXES))
    total = np.full([a.size for a in AXES], place.offset)
    for axis, factor in place.terms:
        total += grid[AXES.index(axis)] * factor
    return total


# --- places
@given(affines(), affines(), NUMBERS)
def test_arithmetic_is_that_of_the_values(a, b, n):
    np.testing.assert_array_equal(values(a + b), values(a) + values(b))
    np.testing.assert_array_equal(values(a + n), values(a) + n)
    np.testing.assert_array_equal(values(a * n), values(a) * n)


@given(affines(), affines(), affines())
def test_no_term_is_zero_and_no_axis_comes_twice(a, b, c):
    for place in (a + b + c, a + b * -1, a * 0, a + a * -1):
        axes = [axis for axis, _ in place.terms]
        assert len(set(axes)) == len(axes)
        assert all(factor for _, factor in place.terms)


@given(affines())
def test_range_is_that_of_the_values(place):
    assert place.range == (values(place).min(), values(place).max())


@given(affines(), st.integers(1, 12))
def test_split_is_quotient_and_remainder(place, size):
    parts = place.split(size)
    if parts is not None:
        for part, right in zip(parts, np.divmod(values(place), size), strict=True):
            np.testing.assert_array_equal(values(part), right)


def test_split_finds_what_a_reshape_makes():
    i, j, k = Axis("i", 5), Axis("j", 4), Axis("k", 3)
    flat = (Affine.of(i) * 4 + Affine.of(j)) * 3 + Affine.of(k)
    high, low = flat.split(3)
    assert low == Affine.of(k)
    assert high == Affine.of(i) * 4 + Affine.of(j)
    assert high.split(4) == (Affine.of(i), Affine.of(j))
    assert flat.split(4) is None  # 3*j + k goes beyond 4


def test_split_of_what_goes_beyond_is_none():
    j = Axis("j", 3)
    assert Affine.of(j).split(2) is None
    assert (Affine.of(j) + 1).split(3) is None
    assert (Affine.of(j) * -1).split(3) is None
    assert (Affine.of(j) * -1 + 2).split(3) == (Affine(), Affine.of(j) * -1 + 2)


def test_an_axis_alone_is_known():
    i = Axis("i", 5)
    assert Affine.of(i).axis is i
    for other in (Affine.of(i) + 1, Affine.of(i) * 2, Affine(), Affine.of(i) + Affine.of(Axis("i", 5))):
        assert other.axis is None


def test_axes_are_compared_by_identity_and_places_by_value():
    i, twin = Axis("i", 5), Axis("i", 5)
    assert i != twin
    assert Affine.of(i) != Affine.of(twin)
    assert Affine.of(i) * 2 + 1 == Affine(((i, 2),), 1)
    assert Affine.of(i).renamed({i: twin}) == Affine.of(twin)


# --- buffers
@given(
    st.lists(st.integers(1, 5), max_size=4).flatmap(
        lambda s: st.tuples(st.just(s), st.permutations(range(len(s))))
    )
)
def test_strides_are_those_of_numpy(case):
    shape, order = case
    buffer = Buffer("x", tuple(shape), FLOAT, order=tuple(order))
    laid = np.empty([shape[k] for k in order]).transpose(np.argsort(order).tolist() if order else [])
    assert laid.shape == buffer.shape
    wide = [k for k, n in enumerate(shape) if n > 1]  # NumPy's are arbitrary along the others
    assert [laid.strides[k] for k in wide] == [buffer.strides[k] * 8 for k in wide]
    assert buffer.nbytes == laid.nbytes


def test_without_order_the_last_dimension_is_closest():
    assert Buffer("x", (4, 3, 2), FLOAT).strides == (6, 2, 1)
    assert Buffer("x", (), FLOAT).strides == ()
    assert Buffer("x", (0, 3), FLOAT).nbytes == 0


# --- printing and walking
def example() -> tuple[Program, Nest, Nest]:
    i, j = Axis("i", 4), Axis("j", 3)
    x, p = Buffer("x", (4, 3), FLOAT, "input", 0), Buffer("p", (4,), np.dtype("int32"), "input", 1)
    y, z = Buffer("y", (4,), FLOAT, "output", 0), Buffer("z", (4, 3), FLOAT, order=(1, 0))
    at = Affine.read(Cast(np.dtype("int64"), Load(p.dtype, p, (Affine.of(i),))))
    shared = Load(FLOAT, x, (at, Affine.of(j) * -1 + 2))
    e = Apply(FLOAT, "multiply", (shared, Apply(FLOAT, "add", (shared, Constant(FLOAT, np.float64(0.5))))))
    first = Nest([i, j], [Store(z, (Affine.of(i), Affine.of(j)), e)])
    k, m = Axis("k", 4), Axis("m", 3)
    read = Load(FLOAT, z, (Affine.of(k), Affine.of(m)))
    second = Nest([k, m], [Fold(y, (Affine.of(k),), read, "add", (m,))])
    return Program([x, p], [y], [], [first, second], locals=[z]), first, second


def test_programs_print_as_what_they_do():
    assert str(example()[0]).split("\n") == [
        "input x: float64[4, 3]",
        "input p: int32[4]",
        "output y: float64[4]",
        "local z: float64[4, 3] in order [1, 0]",
        "for i<4, j<3:",
        "    z[i, j] = multiply(x[int64(p[i]), -1*j + 2], add(x[int64(p[i]), -1*j + 2], 0.5))",
        "for k<4, m<3:",
        "    y[k] = add over m of z[k, m]",
    ]


def test_places_print_as_sums():
    i, j = Axis("i", 4), Axis("j", 3)
    assert repr(Affine()) == "0"
    assert repr(Affine.of(i) * 2 + Affine.of(j) * -1 + -3) == "2*i - 1*j - 3"


def test_blocks_and_loops_print_what_is_inside_further_right():
    _, first, second = example()
    block = Block(4, 2, [first, second], {first: first.axes[0], second: second.axes[0]})
    assert str(block).split("\n")[:2] == ["for rows<4 by 2:", "    for i<4, j<3:"]
    assert str(Loop(Axis("t", 9), [second])).split("\n")[:2] == ["loop t<9:", "    for k<4, m<3:"]
    assert (
        str(Nest([], [Store(Buffer("y", (), FLOAT), (), Constant(FLOAT, 1.0), add=True)]))
        == "once:\n    y += 1.0"
    )


def test_walk_gives_each_once_and_arguments_first():
    _, first, _ = example()
    seen = list(walk(first.statements[0].expr))
    assert len(seen) == len(set(seen)) == 6
    for place, e in enumerate(seen):
        assert all(seen.index(a) < place for a in args_of(e))


def test_what_is_read_is_found_inside_of_places_too():
    _, first, second = example()
    assert {load.buffer.name for load in loads_of(first.statements[0])} == {"x", "p"}
    assert [b.name for b in buffers_of(first)] == ["z", "p", "x"]
    assert list(nests_of([Loop(Axis("t", 2), [first, Block(4, 2, [second], {second: second.axes[0]})])])) == [
        first,
        second,
    ]
