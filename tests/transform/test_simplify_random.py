"""Facts and rewrites against programs drawn at random, at points full of special values."""

from __future__ import annotations

import operator
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nazad import ops
from nazad.graph import Node
from nazad.ops.families import chain
from nazad.transform.simplify import facts as room
from nazad.transform.simplify import simplify

settings.register_profile("nazad", deadline=None)
settings.load_profile("nazad")
graphs = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("graphs.py"))))


ONE: list[Callable[..., Any]] = [
    *(np.negative, np.absolute, np.square, np.sqrt, np.exp, np.tanh, np.sin, np.positive, np.sign, np.floor),
    *(np.log, np.reciprocal, np.arctan, np.cosh),
    *(lambda x: x * 1.0, lambda x: x + 0.0, lambda x: x - 0.0, lambda x: -0.0 - x, lambda x: x * -1.0),
    *(lambda x: x / 4.0, lambda x: 2.0 * x, lambda x: 1 / x, lambda x: x / np.float64(0.5)),
    *(lambda x: x[:], lambda x: x[..., ::-1], lambda x: x[..., None], lambda x: x[..., :1], lambda x: x.T),
    *(
        lambda x: np.reshape(x, (-1,)),
        lambda x: np.broadcast_to(x, (2, *x.shape)),
        lambda x: np.max(x, axis=0),
    ),
    *(lambda x: x.astype(np.float32), lambda x: x.astype(np.float64), lambda x: (x > 0).astype(x.dtype)),
    *(lambda x: x * np.full(x.shape[-1], 3.0), lambda x: x - np.zeros(x.shape, x.dtype)),
    *(lambda x: np.float32(3) - x, lambda x: np.where(x > 0, x, x)),
]
TWO: list[Callable[..., Any]] = [
    *(np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, ops.winner),
    *(operator.add, operator.sub, operator.mul, operator.truediv),
    *(lambda x, y: -x * -y, lambda x, y: x + -y, lambda x, y: np.where(x > y, x, y)),
    lambda x, y: np.where(np.logical_not(y), x, y),
    lambda x, y: np.stack(np.broadcast_arrays(x, y))[1],
    lambda x, y: np.concatenate([np.ravel(x), np.ravel(y)])[np.size(x) :],
]
CHAINED: list[Callable[..., Any]] = [chain, lambda x, y: chain(np.cosh(x), y), lambda x, y: chain(3.0, y)]
PLACE = st.integers(0, 11)
STEPS = st.lists(st.tuples(st.integers(0, 999), PLACE, PLACE), min_size=1, max_size=12)


def program(steps: list[tuple[int, int, int]], two: list[Callable[..., Any]]) -> Callable[..., Any]:
    """A function that does this to what it is given and to what came of that."""

    def f(*xs):
        values = list(xs)
        for which, i, j in steps:
            x, y = values[i % len(values)], values[j % len(values)]
            k = which % (len(ONE) + len(two))
            try:
                new = ONE[k](x) if k < len(ONE) else two[k - len(ONE)](x, y)
            except (ValueError, IndexError):  # shapes that do not fit, or no axis to take from
                continue
            if np.size(new) < 200:
                values.append(new)
        return values[-1], values[len(values) // 2]

    return f


@st.composite
def leaves(draw: Any) -> list[np.ndarray]:
    shapes = st.sampled_from([(3,), (2, 3), (1,), (2, 1), (0,), (4,)])
    kinds = st.sampled_from([np.float32, np.float64, np.int64])
    with np.errstate(all="ignore"):
        return [
            np.array([draw(st.sampled_from(graphs.SPECIAL)) for _ in range(int(np.prod(shape)))])
            .reshape(shape)
            .astype(draw(kinds))
            for shape in (draw(shapes), draw(shapes))
        ]


@settings(max_examples=300)
@given(STEPS, leaves())
def test_any_program_keeps_every_bit(steps, point):
    G, F = graphs.graph_of(program(steps, TWO), *[np.ones_like(x) for x in point])
    simple, _ = simplify(G, F, exact=True)
    for got, expected in zip(graphs.forward(simple, point), graphs.forward(G, point), strict=True):
        graphs.assert_same(got, expected)


@settings(max_examples=200)
@given(STEPS, leaves())
def test_facts_hold_in_any_program(steps, point):
    G, F = graphs.graph_of(program(steps, TWO + CHAINED), *[np.ones_like(x) for x in point])
    with np.errstate(all="ignore"):
        assert_facts(room.facts_in(G, F), G.forward(point))


def assert_facts(known: dict[Node, int], F: dict[Node, Any]) -> None:
    for v, bits in known.items():
        if np.asarray(F[v]).dtype.kind in "biuf" and np.size(F[v]):
            wrong = bits & ~room.looked_at(np.asarray(F[v]))
            assert not wrong, f"{wrong} is said of {v} = {F[v]}"


def test_facts_that_rules_live_on():
    def f(x):
        t = np.tanh(x)
        return (
            np.square(t),
            1 - np.square(t),
            np.exp(-np.square(x)),
            1 + np.exp(x),
            ops.winner(x, 0.0),
            np.cos(1.0 * (x > 0)),
        )

    G, F = graphs.graph_of(f, np.ones(3))
    known = room.facts_in(G, F)
    bits = [known[sink] for sink in G.sinks]
    assert all(b & room.NONNEGATIVE for b in bits[:5])
    assert all(b & room.BOUNDED and b & room.UNIT for i, b in enumerate(bits) if i != 3)
    assert bits[3] & room.NONZERO
    assert bits[4] & room.FINITE == bits[5] & room.FINITE == room.FINITE
    assert not any(b & room.NUMBER for b in bits[:4])  # the leaf may be nan
