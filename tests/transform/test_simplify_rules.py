"""Each rule of the simplifier by itself: it fires on its example, and what it gives is equal to every bit."""

from __future__ import annotations

import operator
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nazad import ops
from nazad.graph import Graph
from nazad.ops import structure
from nazad.ops.families import chain
from nazad.ops.structure import ARRAY, Layout
from nazad.transform.simplify.rules import RULES, Rule
from nazad.transform.simplify.walk import Bench

BY_NAME = {each.rewrite.__name__: each for each in RULES}
graphs = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("graphs.py"))))
F32, F64 = np.float32, np.float64
every = slice(None)


def special(dtype: Any) -> np.ndarray:
    if np.dtype(dtype).kind == "f":
        with np.errstate(all="ignore"):
            return np.array(graphs.SPECIAL, F64).astype(dtype)
    info = np.iinfo(dtype)
    return np.array([0, 1, 2, 3, 7, info.min, info.max, info.max // 2, -1 % (info.max + 1)]).astype(dtype)


def crossed(dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    """Every special value with every other."""
    a, b = np.meshgrid(special(dtype), special(dtype))
    return a.ravel(), b.ravel()


def entrywise(f: Callable[..., Any], *dtypes: Any) -> list[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """The function at arrays of all pairs, at no entries, at single numbers and with axes of length one."""
    count = f.__code__.co_argcount
    calls = []
    for dtype in dtypes or (F32, F64):
        xs = crossed(dtype)[:count]
        calls += [(f, xs), (f, tuple(x[:0] for x in xs)), (f, tuple(x.reshape(-1, 1, 1) for x in xs))]
        calls += [(f, tuple(x[k] for x in xs)) for k in range(0, xs[0].size, 7)]
        calls.append((f, tuple(np.asarray(x[3]) for x in xs)))
    return calls


def at(f: Callable[..., Any], *args: Any) -> list[tuple[Callable[..., Any], tuple[Any, ...]]]:
    return [(f, args)]


def grid(*shape: int, dtype: Any = F64) -> np.ndarray:
    """Special values in an array of any shape."""
    return np.resize(special(dtype), shape)


def scattered(templates: list[Any], shape: tuple[int, ...]) -> Callable[..., Any]:
    layout = Layout(templates)
    return lambda *xs: structure.scatter(*xs, layout=layout, shape=shape, dtype=xs[0].dtype)


def to_the(n: float) -> Callable[..., Any]:
    return lambda a: np.power(a, n)


s = ops.elementwise
INTS = (np.int8, np.int64)
EXAMPLES: dict[str, list[tuple[Callable[..., Any], tuple[Any, ...]]]] = {
    "itself": [*entrywise(lambda a: +a), *entrywise(lambda a: np.conjugate(a), F64, np.int64)],
    "by_one": [
        *entrywise(lambda a: a * 1.0),
        *entrywise(lambda a: np.float64(1) * a),
        *entrywise(lambda a: a / 1),
        *entrywise(lambda a: np.power(a, 1)),
        *entrywise(lambda a: 1 * a, *INTS),
        *at(lambda a: a * np.ones((3, 1)), grid(4)),
        *at(lambda a: a * 1.0, 3.5),
    ],
    "plus_zero": [
        *entrywise(lambda a: a + (-0.0)),
        *entrywise(lambda a: np.square(a) + 0.0),
        *entrywise(lambda a: 0 + a, *INTS),
    ],
    "minus_zero": [*entrywise(lambda a: a - 0.0), *entrywise(lambda a: a - 0, *INTS)],
    "twice": [
        *entrywise(lambda a: np.negative(-a)),
        *entrywise(lambda a: np.negative(-a), np.int8, np.int64, np.uint8),
        *entrywise(lambda a: ~(~a), np.int8),
        *at(lambda a: operator.neg(-a), -0.0),
    ],
    "zero_minus": [
        *entrywise(lambda a: -0.0 - a),
        *entrywise(lambda a: 0.0 - np.cosh(a)),
        *entrywise(lambda a: 0 - a, *INTS),
    ],
    "by_minus_one": [
        *entrywise(lambda a: a * -1.0),
        *entrywise(lambda a: a / -1),
        *entrywise(lambda a: -1 * a, *INTS),
    ],
    "minus_a_multiple": [
        *entrywise(lambda a: -(3.0 * a)),
        *entrywise(lambda a: -(3.0 / a)),
        *entrywise(lambda a: -(a / 3.0)),
    ],
    "minus_by_minus": [
        *entrywise(lambda a, b: (-a) * (-b)),
        *entrywise(lambda a, b: (-a) / (-b)),
        *entrywise(lambda a: (-a) * 3.0),
        *entrywise(lambda a: 3.0 / (-a)),
        *entrywise(lambda a, b: chain(-a, -b)),
    ],
    "minus_in_a_sum": [
        *entrywise(lambda a, b: a + (-b)),
        *entrywise(lambda a, b: (-a) + b),
        *entrywise(lambda a, b: a - (-b)),
    ],
    "even": [
        *entrywise(lambda a: np.square(-a)),
        *entrywise(lambda a: np.abs(-a)),
        *entrywise(lambda a: np.square(np.abs(a))),
    ],
    "size_of_positive": [
        *entrywise(lambda a: np.abs(np.square(a))),
        *entrywise(lambda a: np.fabs(np.exp(a))),
    ],
    "to_the_second": [*entrywise(lambda a: np.power(a, 2.0)), *entrywise(lambda a: np.power(a, 2), *INTS)],
    "by_itself": [*entrywise(lambda a: a * a), *entrywise(lambda a: a * a, *INTS)],
    "to_a_small_power": [call for n in (3.0, 4.0, -1.0, -2.0, -3.0) for call in entrywise(to_the(n))],
    "by_power_of_two": [
        *entrywise(lambda a: a / 8.0),
        *entrywise(lambda a: a / -0.25),
        *entrywise(lambda a: a / F64(2.0**-1020)),
        *entrywise(lambda a: a / 2.0**120, F32),
        *entrywise(lambda a: a / 4, *INTS),
    ],
    "and_with_a_constant": [
        *entrywise(lambda a: (a > 0) & np.True_),
        *entrywise(lambda a: np.logical_and(np.False_, a > 0)),
    ],
    "or_with_a_constant": [
        *entrywise(lambda a: (a > 0) | np.True_),
        *entrywise(lambda a: np.False_ | (a > 0)),
    ],
    "of_one_with_itself": [*entrywise(lambda a: np.maximum(a, a)), *entrywise(lambda a: np.fmin(a, a))],
    "chained_with_one": [
        *entrywise(lambda a: chain(a.dtype.type(1), a)),
        *entrywise(lambda a: chain(a, a.dtype.type(-1))),
        *at(lambda a: chain(np.ones((2, 1)), a), grid(15)),
    ],
    "nothing_to_annihilate": [
        *entrywise(lambda a: chain(a.dtype.type(-3), a)),
        *entrywise(lambda a, b: chain(np.cosh(a), np.cosh(b))),
        *entrywise(lambda a, b: chain(s.winner(a, b), (a > b).astype(a.dtype))),
        *entrywise(lambda a, b: chain(a, b), *INTS),
    ],
    "annihilated": [*entrywise(lambda a: chain(a.dtype.type(0), a))],
    "nothing_changes": [
        *at(lambda a: structure.reshape(a, shape=(3, 4)), grid(3, 4)),
        *at(lambda a: structure.broadcast_to(a, shape=(3, 4)), grid(3, 4)),
        *at(lambda a: structure.transpose(a, axes=(0, 1)), grid(3, 4)),
        *at(lambda a: structure.astype(a, dtype=np.dtype(F32)), grid(3, 4, dtype=F32)),
        *at(lambda a: structure.reshape(a, shape=()), np.asarray(2.0)),
    ],
    "reshaped_twice": at(lambda a: a.reshape(4, 3).reshape(2, 6), grid(3, 4).T.copy().T),
    "transposed_twice": at(lambda a: np.transpose(np.transpose(a, (1, 2, 0)), (2, 1, 0)), grid(2, 3, 4)),
    "broadcast_twice": [
        *at(lambda a: np.broadcast_to(np.broadcast_to(a, (3, 4)), (2, 3, 4)), grid(4)),
        *at(lambda a: np.broadcast_to(a.reshape(1, 1, 4), (2, 3, 4)), grid(4)),
    ],
    "cast_twice": [
        *entrywise(lambda a: a.astype(F64).astype(F32), F32),
        *entrywise(lambda a: a.astype(np.int64).astype(np.int16), np.int8),
    ],
    "axes_exchanged": at(lambda a: ops.table()["einsum"](a, subscripts="ijk->kij"), grid(2, 3, 4)),
    "folds_nothing": [
        *at(lambda a: np.max(a, axis=1), grid(15, 1)),
        *at(lambda a: np.prod(a, axis=(0, 2), keepdims=True), grid(1, 15, 1)),
        *at(lambda a: structure_sum("min", a, ()), grid(15)),
    ],
    "sums_nothing": [
        *at(lambda a: np.sum(np.square(a), axis=1), grid(15, 1)),
        *at(lambda a: np.mean(np.exp(a), axis=(0, 2), keepdims=True), grid(1, 15, 1)),
        *at(lambda a: np.sum(a, axis=1), grid(9, 1, dtype=np.int64)),
    ],
    "sums_nothing_but_a_sign": [
        *at(lambda a: np.sum(a, axis=1), grid(15, 1)),
        *at(lambda a: structure_sum("sum", a, ()), grid(15)),
    ],
    "of_a_spread_number": [
        *at(lambda a: np.broadcast_to(a, (40, 60)).reshape(60, 40), F64(-0.0)),
        *at(lambda a: np.broadcast_to(a, (40, 60)).T[3, ::2], F64(np.nan)),
        *at(lambda a: np.broadcast_to(a, (40, 60))[3, 2], F32(2)),
    ],
    "of_a_broadcast": [
        *at(lambda a, b: np.broadcast_to(a, (15, 15)) * b, grid(15), grid(15, 15)),
        *at(lambda a, b: np.arctan2(np.broadcast_to(a, (15,)), b), F64(-0.0), grid(15)),
        *at(lambda a: a - np.full(15, -0.0), grid(15)),
        *at(lambda a, b: np.broadcast_to(a, (40, 60)) / np.broadcast_to(b, (40, 60)), F64(2), F32(0)),
        *at(lambda a: np.where(np.full(15, False), 2, np.broadcast_to(a, (15,))), F64(1)),
    ],
    "chosen_in_advance": [
        *entrywise(lambda a: np.where(np.True_, a, a * 2)),
        *entrywise(lambda a: np.where(a > 0, a, a)),
        *at(lambda a, b: np.where(np.zeros(15, bool), a, b), grid(15), F64(2)),
        *at(lambda a, b: np.where(np.True_, a, b), grid(15, dtype=F32), grid(15)),
        *at(lambda a: np.where(np.True_, a, 1.5), grid(9, dtype=np.int8)),
    ],
    "turned_round": [*entrywise(lambda a, b: np.where(np.logical_not(a), a, b))],
    "everything_taken": [
        *at(lambda a: a[:], grid(15)),
        *at(lambda a: a[..., 0:99], grid(3, 5)),
        *at(lambda a: a[0:0], grid(0, 3)),
    ],
    "new_axes": [*at(lambda a: a[:, None], grid(15)), *at(lambda a: a[None, 1, ..., None], grid(2, 3, 4))],
    "taken_from_taken": [
        *at(lambda a: a[2:][3], grid(15)),
        *at(lambda a: a[::-2, 1][1::2], grid(15, 3)),
        *at(lambda a: a[:, 1:][..., ::-1], grid(3, 5)),
        *at(lambda a: a[::-1][-1][2:2], grid(3, 5)),
    ],
    "taken_from_stack": [
        *at(lambda a, b: np.stack([a, b], axis=1)[:, 1], grid(15), grid(15)[::-1]),
        *at(lambda a, b: np.stack([a, b])[-2, 3:], grid(15), grid(15)[::-1]),
    ],
    "taken_from_joined": [
        *at(lambda a, b: np.concatenate([a, b])[15:], grid(15), grid(7)),
        *at(lambda a, b: np.concatenate([a, b], axis=1)[1, 3:1:-1], grid(3, 4), grid(3, 2)),
        *at(lambda a, b: np.concatenate([a, b])[-1], grid(15), grid(7)),
    ],
    "joined_alone": at(lambda a: structure.concatenate(a, axis=0, ends=(15,)), grid(15)),
    "stacked_alone": at(lambda a: structure.stack(a, axis=1), grid(15)),
    "side_by_side": [
        *at(lambda a: scattered([(...,)], (15,))(np.square(a)), grid(15)),
        *at(
            lambda a: scattered([(slice(4, None),), (slice(0, 4),)], (10,))(np.exp(a), np.exp(a[:4])), grid(6)
        ),
        *at(lambda a: scattered([(every, 1), (every, 0)], (6, 2))(np.exp(a), np.square(a)), grid(6)),
    ],
    "side_by_side_but_a_sign": [
        *at(scattered([(every, None)], (15,)), grid(15, 1)),
        *at(scattered([(1,), (-2,)], (2, 15)), grid(15), grid(15)),
        *at(scattered([(every, slice(0, 2)), (every, slice(2, 3))], (5, 3)), grid(5, 2), grid(5, 1)),
    ],
}


def structure_sum(name: str, x: Any, axis: tuple[int, ...]) -> Any:
    return ops.table()[name](x, axis=axis, keepdims=False)


def by_rule(each: Rule, G: Graph, F: dict[Any, Any]) -> Graph:
    """The graph as that one rule alone would have it."""
    return Bench(F, dict.fromkeys(each.names, (each.rewrite,))).walk(G)[0]


def test_every_rule_has_an_example_and_says_its_law():
    assert set(EXAMPLES) == set(BY_NAME)
    assert all(each.rewrite.__doc__ for each in RULES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_law(name):
    each = BY_NAME[name]
    ulps = 4 if name == "to_a_small_power" else 0
    for f, args in EXAMPLES[name]:
        G, F = graphs.graph_of(f, *args)
        simple = by_rule(each, G, F)
        assert str(simple) != str(G), f"{name} does not know its example {G}"
        graphs.assert_same(
            *graphs.forward(simple, args),
            *graphs.forward(G, args),
            each.exact and "chain" not in str(G),
            ulps,
        )


@pytest.mark.parametrize("name", ["chained_with_one", "nothing_to_annihilate", "minus_by_minus"])
def test_products_of_the_chain_rule_keep_signs_where_no_nan_is_near(name):
    for f, args in EXAMPLES[name]:
        if args[0].ndim == 1 and args[0].size and args[0].dtype.kind == "f":
            keep = np.all([np.abs(x) < 1e3 for x in args], axis=0)
            few = tuple(np.resize(x[keep], x.shape) for x in args)
            G, F = graphs.graph_of(f, *few)
            graphs.assert_same(*graphs.forward(by_rule(BY_NAME[name], G, F), few), *graphs.forward(G, few))


REFUSED: dict[str, list[tuple[Callable[..., Any], tuple[Any, ...]]]] = {
    "plus_zero": at(lambda a: a + 0.0, grid(3)),
    "minus_zero": at(lambda a: a - (-0.0), grid(3)),
    "zero_minus": at(lambda a: 0.0 - a, grid(3)),
    "minus_by_minus": at(lambda a, b: (-a) * (-b), grid(3, dtype=np.int8), grid(3, dtype=np.int64)),
    "to_the_second": at(lambda a: a ** np.float64(2), grid(3, dtype=F32)),
    "to_a_small_power": at(lambda a: np.power(a, 3.0), grid(3, dtype=np.int64)),
    "by_power_of_two": [
        *at(lambda a: a / 3.0, grid(3)),
        *at(lambda a: a / 2.0**140, grid(3, dtype=F32)),
        *at(lambda a: a / 2.0**-1060, grid(3)),
        *at(lambda a: a / 2.0, 3.0),
    ],
    "nothing_to_annihilate": [
        *at(chain, grid(3), grid(3)),
        *at(lambda a: chain(a.dtype.type(3), a) * chain(np.tanh(a), a), grid(3)),
        *at(lambda a: chain(F64(np.inf), a), grid(3)),
        *at(lambda a: chain(a, np.exp(np.tanh(a))), grid(3)),
        *at(lambda a: chain(1e6, a), grid(3, dtype=np.float16)),
        *at(lambda a, b: chain(s.winner(a, b), a), grid(3), grid(3)),
    ],
    "sums_nothing": [*at(lambda a: np.sum(a, axis=1), grid(5, 1)), *at(lambda a: np.sum(np.exp(a)), grid(5))],
    "cast_twice": [
        *at(lambda a: a.astype(F32).astype(F64), grid(5)),
        *at(lambda a: a.astype(F64).astype(np.int64), grid(5, dtype=np.int64)),
    ],
    "of_a_broadcast": [
        *at(lambda a, b: np.broadcast_to(a, (3, 5)) * b, grid(5), F64(2)),
        *at(lambda a, b: structure.broadcast_to(a, shape=(5,)) * b, 2.0, grid(5, dtype=F32)),
    ],
    "side_by_side_but_a_sign": [
        *at(scattered([(0,), (0,)], (2, 3)), grid(3), grid(3)),
        *at(scattered([(...,), (...,)], (3,)), grid(3), grid(3)),
        *at(scattered([(slice(0, 2),), (slice(1, 2),), (slice(3, 5),)], (5,)), grid(2), grid(1), grid(2)),
    ],
    "side_by_side": [
        *at(scattered([(...,)], (5,)), grid(5)),
        *at(lambda a: scattered([(slice(0, 3),), (slice(2, 5),)], (5,))(np.exp(a), np.square(a)), grid(3)),
        *at(
            lambda a: scattered([(slice(0, 3),), (slice(4, 5),)], (5,))(np.exp(a), np.square(a[:1])), grid(3)
        ),
        *at(lambda a: scattered([(ARRAY,)], (3,))(np.exp(a), np.array([0, 1, 1])), grid(3)),
    ],
    "taken_from_joined": at(lambda a: np.concatenate([a, a])[2:4], grid(3)),
}


@pytest.mark.parametrize("name", [n for n in REFUSED if n != "nothing_to_annihilate"])
def test_a_rule_keeps_off_what_is_not_equal(name):
    for f, args in REFUSED[name]:
        G, F = graphs.graph_of(f, *args)
        assert str(by_rule(BY_NAME[name], G, F)) == str(G)


def test_a_product_that_may_annihilate_stays():
    for f, args in REFUSED["nothing_to_annihilate"]:
        G, F = graphs.graph_of(f, *args)
        kept = [v.op.name for v in by_rule(BY_NAME["nothing_to_annihilate"], G, F).nodes]
        assert "chain" in kept


@pytest.mark.parametrize("dtype", [F32, F64])
@pytest.mark.parametrize("n", [3, 4, -1, -2, -3])
def test_small_powers_stay_within_four_ulps(n, dtype):
    rng = np.random.default_rng(abs(n))
    limits = np.finfo(dtype)
    x = rng.choice([-1, 1], 20000) * np.exp2(rng.uniform(limits.minexp - 20, limits.maxexp, 20000))
    args = (x.astype(dtype),)
    G, F = graphs.graph_of(lambda a: np.power(a, float(n)), *args)
    simple = by_rule(BY_NAME["to_a_small_power"], G, F)
    assert "power" not in str(simple)
    graphs.assert_same(*graphs.forward(simple, args), *graphs.forward(G, args), ulps=4)
