"""Loops found again: how many, how small the graph becomes, and that not a bit of the values changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nazad as nz
import nazad.bodies  # states the rules of loops
from nazad import ops
from nazad.graph import Graph, Node, constant, leaf
from nazad.ops.control import loop
from nazad.ops.several import part
from nazad.trace.trace import Arguments, run
from nazad.transform.roll import roll

RNG = np.random.default_rng(7)


def graph_of(f: Callable[..., Any], *args: Any) -> tuple[Graph, dict[Node, Any]]:
    done = run(lambda *xs: f(*xs), Arguments.of(args, [f"x{k}" for k in range(len(args))]))
    return done.graph.without_dead(), done.F


def loops(graph: Graph) -> list[Node]:
    """All loops, those in bodies behind the one that they are in."""
    found: list[Node] = []
    for v in graph.nodes:
        if v.op is loop:
            found += [v, *loops(v.params["body"])]
    return found


def size(graph: Graph) -> int:
    """How many nodes, bodies included."""
    return len(graph) + sum(len(v.params["body"]) for v in loops(graph))


def equal(x: Any, y: Any) -> bool:
    x, y = np.asarray(x), np.asarray(y)
    return x.shape == y.shape and x.dtype == y.dtype and x.tobytes() == y.tobytes()


def rolled(f: Callable[..., Any], *args: Any) -> Graph:
    """The rolled graph; it has been compared with the flat one, here and at other values of the leaves."""
    flat, F = graph_of(f, *args)
    short = roll(flat, F)
    assert short.leaves == flat.leaves
    other = [x * 0.75 if np.result_type(x).kind == "f" else x for x in (F[v] for v in flat.leaves)]
    for values in ([F[v] for v in flat.leaves], other):
        want, got = flat.forward(values), short.forward(values)
        assert all(equal(want[a], got[b]) for a, b in zip(flat.sinks, short.sinks, strict=True))
    in_order(short)
    return short


def in_order(graph: Graph) -> None:
    seen: set[Node] = set()
    for v in graph.nodes:
        assert all(p in seen for p in v.preds)
        seen.add(v)
        if v.op is loop:
            in_order(v.params["body"])


def found(graph: Graph) -> list[int]:
    """How many steps each loop has."""
    return [v.params["count"] for v in loops(graph)]


def outputs(v: Node) -> int:
    """How many stacked outputs a loop has."""
    return len(v.params["body"].sinks) - v.params["carries"]


# --- recurrent networks
def rnn(steps: int, n: int = 3) -> tuple[Any, ...]:
    P = {"W": RNG.normal(size=(n, n)) / 2, "U": RNG.normal(size=(n, 2)), "b": RNG.normal(size=n)}

    def loss(P: Any, X: Any, Y: Any) -> Any:
        W, U, b = P["W"], P["U"], P["b"]
        h, total = np.zeros(n), 0.0
        for t in range(steps):
            h = np.tanh(W @ h + U @ X[t] + b)
            total = total + np.sum((h - Y[t]) ** 2)
        return total

    return loss, P, RNG.normal(size=(steps, 2)), RNG.normal(size=(steps, n))


def test_rnn_with_a_loss_per_step() -> None:
    loss, *args = rnn(20)
    graph = rolled(nz.value_and_grad(loss), *args)
    forward, backward = loops(graph)
    assert found(graph) == [20, 18]
    assert outputs(backward) == 0  # the sums over the steps are in the loop
    assert backward.params["carries"] == 4
    assert all(step == -1 for _, step in backward.params["slices"])
    assert size(graph) < 130
    assert outputs(forward) == 2


def test_the_size_does_not_depend_on_the_number_of_steps() -> None:
    sizes = set()
    for steps in (30, 60):
        loss, *args = rnn(steps)
        sizes.add(size(rolled(nz.value_and_grad(loss), *args)))
    assert len(sizes) == 1


def lstm(steps: int, n: int = 3) -> tuple[Any, ...]:
    def sigmoid(x: Any) -> Any:
        return 1 / (1 + np.exp(-x))

    def loss(layers: Any, X: Any) -> Any:
        weights = [(p["W"], p["U"], p["b"]) for p in layers]
        h, c = [np.zeros(n)] * 2, [np.zeros(n)] * 2
        total = 0.0
        for t in range(steps):
            x = X[t]
            for k, (W, U, b) in enumerate(weights):
                z = W @ h[k] + U @ x + b
                i, f, o = sigmoid(z[:n]), sigmoid(z[n : 2 * n]), sigmoid(z[2 * n : 3 * n])
                c[k] = f * c[k] + i * np.tanh(z[3 * n :])
                x = h[k] = o * np.tanh(c[k])
            total = total + np.sum(x**2)
        return total

    shapes = {"W": (4 * n, n), "U": (4 * n, n), "b": (4 * n,)}
    layers = [{k: RNG.normal(size=shape) / 2 for k, shape in shapes.items()} for _ in range(2)]
    return loss, layers, RNG.normal(size=(steps, n))


def test_lstm_of_two_layers() -> None:
    loss, *args = lstm(32)
    graph = rolled(nz.value_and_grad(loss), *args)
    assert found(graph) == [32, 30]
    assert outputs(loops(graph)[1]) == 0
    assert loops(graph)[1].params["carries"] == 10  # 4 of the recurrence, 6 sums over the steps
    assert size(graph) < 450


def test_embedding_rows_are_added_in_one_piece() -> None:
    tokens = RNG.integers(0, 5, 30)

    def loss(P: Any, tokens: Any) -> Any:
        E, W = P
        h = np.zeros(3)
        for t in range(30):
            h = np.tanh(W @ h + E[tokens[t]])
        return np.sum(h)

    P = (RNG.normal(size=(5, 3)), RNG.normal(size=(3, 3)))
    graph = rolled(nz.value_and_grad(loss), P, tokens)
    (scatter,) = [v for v in graph.nodes if v.op is ops.structure.scatter]
    assert len(scatter.preds) < 8
    assert size(graph) < 100
    known = rolled(nz.value_and_grad(lambda P: loss(P, tokens.tolist())), P)
    (scatter,) = [v for v in known.nodes if v.op is ops.structure.scatter]
    assert len(scatter.preds) < 8


# --- what a step may read
def test_places_of_an_array() -> None:
    def f(x: Any, y: Any) -> Any:
        s = x[3]
        for t in range(12):
            s = np.sin(s) * x[2 * t + 1] + x[24 - t] - y[:, t, 0]
        return s

    graph = rolled(f, RNG.normal(size=(25, 2)), RNG.normal(size=(2, 12, 3)))
    assert found(graph) == [12]
    assert set(loops(graph)[0].params["slices"]) == {(1, 2), (24, -1), (0, 1)}
    assert [v.op.name for v in graph.nodes if not v.is_source] == ["take", "transpose", "loop", "part"]


def test_pull_of_places_is_one_part() -> None:
    def f(x: Any, y: Any) -> Any:
        s = 0.0
        for t in range(16):
            s = np.sin(s * x[t]) + np.sum(y[:, t] * x[t])
        return s

    graph = rolled(nz.grad(f, argnums=(0, 1)), RNG.normal(size=16), RNG.normal(size=(3, 16)))
    parts = [len(v.preds) for v in graph.nodes if v.op is ops.structure.scatter]
    assert len(parts) == 2
    assert max(parts) <= 6
    assert size(graph) < 120


def test_pull_of_places_that_meet_keeps_its_order() -> None:
    def f(x: Any) -> Any:
        s = 0.0
        for t in range(16):
            s = np.sin(s * x[t]) + x[t + 1] * x[t + 2] * s + np.cos(x[3])
        return s

    graph = rolled(nz.grad(f), RNG.normal(size=18))
    assert size(graph) < 200


def test_constants_that_differ() -> None:
    tables = RNG.normal(size=(40, 3))

    def f(x: Any) -> Any:
        for t in range(40):
            x = np.sin(x * (0.1 + t) + np.array(tables[t])) + t
        return x

    graph = rolled(f, RNG.normal(size=3))
    assert found(graph) == [40]
    assert len(graph) == 6  # leaf, three tables, loop, part
    assert [v.params["value"].dtype for v in graph.nodes if v.op.name == "constant"] == [np.dtype(float)] * 3


@pytest.mark.parametrize("comparison", [np.less, np.maximum, np.multiply])
def test_constants_keep_single_precision(comparison: Any) -> None:
    def f(x: Any) -> Any:
        total = 0.0
        for t in range(30):
            x = np.sin(x) + np.where(comparison(x, 0.1 * t), x, 0.3)
            total = total + np.sum(x)
        return total, x

    graph = rolled(f, RNG.normal(size=3).astype(np.float32))
    assert found(graph) == [30]
    table = next(
        v.params["value"] for v in graph.nodes if v.op.name == "constant" and v.params["value"].shape
    )
    assert table.dtype == np.float32


def test_numbers_whose_precision_is_not_known_stay_where_they_are() -> None:
    def f(x: Any) -> Any:
        for t in range(30):
            x = np.arctan2(np.sin(x), 0.1 * t + 0.1)
        return x

    assert found(rolled(f, np.float32(0.3))) == []
    assert found(rolled(f, np.float64(0.3))) == [30]


def test_python_numbers_all_the_way() -> None:
    def f(x: Any, r: Any) -> Any:
        for _ in range(40):
            x = r * x * (1 - x)
        return x

    graph = rolled(nz.value_and_grad(f), 0.3, 3.7)
    assert len(found(graph)) == 2
    value = rolled(f, 0.3, 3.7)
    assert type(value.forward([0.3, 3.7])[value.sinks[0]]) is float


def test_rows_that_go_by_no_rule() -> None:
    places = RNG.permutation(30)

    def f(x: Any) -> Any:
        s = x[0]
        for t in places:
            s = np.sin(s) + x[int(t)]
        return s

    graph = rolled(f, RNG.normal(size=(30, 2)))
    assert found(graph) == [30]
    assert len(graph) == 5  # leaf, initial value, table of places, loop, part


def test_separate_leaves_are_stacked() -> None:
    weights = [RNG.normal(size=(3, 3)) for _ in range(12)]

    def f(weights: Any, x: Any) -> Any:
        for W in weights:
            x = np.tanh(W @ x) + np.sin(x) * 0.5
        return np.sum(x)

    graph = rolled(nz.value_and_grad(f), weights, RNG.normal(size=3))
    assert found(graph)[0] == 12
    assert sum(v.op is ops.structure.stack for v in graph.nodes) <= 1


def test_earlier_steps() -> None:
    def f(x: Any, v: Any) -> Any:
        older, old = x * 1.5, x
        for _ in range(20):
            older, old = old, np.sin(old) - 0.5 * older * v
        return old, older

    graph = rolled(f, RNG.normal(size=2), 0.7)
    assert found(graph) == [20]
    assert loops(graph)[0].params["carries"] >= 2
    assert len(loops(rolled(nz.grad(lambda x, v: np.sum(f(x, v)[0])), RNG.normal(size=2), 0.7))) == 2


def test_steps_at_the_ends_that_differ() -> None:
    def f(x: Any) -> Any:
        for t in range(20):
            if t == 0:
                x = np.exp(-x)
            elif t == 19:
                x = np.arctan(x) * np.cos(x)
            else:
                x = np.sin(x) * 2.0 + np.cos(x)
        return np.sum(x)

    assert found(rolled(f, RNG.normal(size=3))) == [18]
    assert len(found(rolled(nz.value_and_grad(f), RNG.normal(size=3)))) == 2


# --- several loops
def test_two_loops_in_a_row() -> None:
    def f(x: Any, w: Any) -> Any:
        for _ in range(20):
            x = np.sin(w * x) + 0.1
        for _ in range(15):
            x = np.tanh(x) * w - x
        return np.sum(x)

    graph = rolled(nz.value_and_grad(f, argnums=(0, 1)), RNG.normal(size=3), RNG.normal(size=3))
    assert len(found(graph)) >= 4
    assert {20, 15} <= set(found(graph))
    assert size(graph) < 200


def test_bodies_that_alternate() -> None:
    def f(x: Any, a: Any) -> Any:
        kept = []
        for t in range(30):
            x = np.sin(x) * a[t] if t % 2 == 0 else np.cos(x) + a[t] * x
            kept.append(x)
        return np.sum(np.stack(kept) ** 2)

    graph = rolled(nz.value_and_grad(f, argnums=(0, 1)), RNG.normal(size=3), RNG.normal(size=30))
    assert found(graph)[0] == 15
    assert size(graph) < 230


def nested(outer: int, inner: int) -> tuple[Any, ...]:
    def f(w: Any) -> Any:
        y, total = w, 0.0
        for _ in range(outer):
            z = np.sin(y * 0.5)
            for _ in range(inner):
                z = z * w + np.cos(z)
            y = np.tanh(z) * 0.3 + y
            total = total + np.sum(y**2)
        return total

    return f, RNG.normal(size=3)


def test_loops_in_loops() -> None:
    f, *args = nested(8, 24)
    graph = rolled(f, *args)
    assert found(graph) == [8, 24]
    both = rolled(nz.value_and_grad(f), *args)
    assert found(both)[:2] == [8, 24]
    assert len([v for v in both.nodes if v.op is loop]) == 3  # forward, backward, one backward step outside
    assert outputs(loops(both)[0]) <= 6  # what the inner loop stacks is handed over as one array
    f, *args = nested(12, 24)
    assert size(rolled(nz.value_and_grad(f), *args)) == size(both)


def test_lists_of_results() -> None:
    def f(x: Any) -> Any:
        ys, zs = [], []
        for _ in range(20):
            x = np.sin(x) + 0.5 * x
            ys.append(x)
            zs.append(x * 2)
        back = np.stack(zs[::-1], axis=1)
        both = np.concatenate([y for pair in zip(ys, zs, strict=True) for y in pair])
        return np.stack(ys), back, np.concatenate(ys), np.stack([x, *ys, x]), np.concatenate(zs[2:9]), both

    graph = rolled(f, RNG.normal(size=3))
    assert 20 in found(graph)
    assert max(len(v.preds) for v in graph.nodes) <= 6


def test_sums_over_steps_are_added_where_they_are_made() -> None:
    def f(x: Any, w: Any) -> Any:
        ys = []
        for _ in range(20):
            x = np.tanh(w @ x)
            ys.append(np.outer(x, x))
        total = ys[0]
        for y in ys[1:]:
            total = total + y
        return total

    graph = rolled(f, RNG.normal(size=3), RNG.normal(size=(3, 3)))
    assert len(loops(graph)) == 1
    assert outputs(loops(graph)[0]) == 0


def test_a_loop_that_needs_the_end_of_another_is_not_put_into_it() -> None:
    def f(x: Any) -> Any:
        ys = []
        for _ in range(20):
            x = np.sin(x) * 0.9 + x * 0.1
            ys.append(x)
        s = x
        for y in ys:
            s = np.cos(s) * y + 1.0
        return s

    assert found(rolled(f, RNG.normal(size=3))) == [20, 20]


def test_a_single_value_in_the_middle() -> None:
    def f(x: Any) -> Any:
        ys = [x]
        for _ in range(20):
            ys.append(np.sin(ys[-1]) * 0.9 + 0.2)
        return ys[7] * ys[-1], ys[13]

    graph = rolled(f, RNG.normal(size=3))
    assert found(graph) == [20]


# --- no loops
def test_no_repetition() -> None:
    def f(x: Any) -> Any:
        return np.sum(np.sin(x) * np.exp(x) - np.tanh(x) / (1 + x * x))

    flat, F = graph_of(nz.value_and_grad(f), RNG.normal(size=3))
    assert roll(flat, F) is flat


def test_three_steps_are_no_loop() -> None:
    def f(x: Any, steps: int) -> Any:
        for _ in range(steps):
            for op in (np.sin, np.exp, np.tanh, np.cos, np.arctan, np.cosh, np.square, np.sinh, np.cbrt):
                x = op(x)
        return x

    flat, F = graph_of(lambda x: f(x, 3), 0.5)
    assert roll(flat, F) is flat
    assert found(rolled(lambda x: f(x, 4), 0.5)) == [4]


def random_graph(count: int, seed: int) -> tuple[Graph, dict[Node, Any]]:
    rng = np.random.default_rng(seed)
    table = [ops.add, ops.multiply, ops.sin, ops.tanh, ops.subtract]
    nodes = [leaf(f"x{k}") for k in range(4)]
    leaves = list(nodes)
    for op, a, b in zip(rng.integers(0, 5, count), rng.random(count), rng.random(count), strict=True):
        back = [nodes[-1 - int(min(len(nodes), 50) * u)] for u in (a, b)]
        nodes.append(table[op](back[0]) if op in (2, 3) else table[op](*back))
    return Graph(leaves, nodes[-1], nodes), dict.fromkeys(nodes, np.float64(1.0))


@pytest.mark.parametrize("seed", range(3))
def test_random_graphs_come_back(seed: int) -> None:
    flat, F = random_graph(4000, seed)
    assert roll(flat, F) is flat


def step(move: int, u: Any, v: Any, X: Any, t: int) -> Any:
    moves: list[Callable[[], Any]] = [
        lambda: u + v,
        lambda: u * v * 0.3,
        lambda: np.tanh(u),
        lambda: u * X[t] - v,
        lambda: u * (0.1 * t) + v * 0.2,
        lambda: np.sin(u) * X[len(X) - 1 - t, 0],
        lambda: np.where(u > v, u, v),
        lambda: u - X[(t * 3) % len(X)],
    ]
    return moves[move]()


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_loop_gives_the_same_bits(data: st.DataObject) -> None:
    """Bodies drawn by chance, with everything that a step may read, differentiated or not."""
    steps = data.draw(st.integers(4, 14))
    moves = st.tuples(st.integers(0, 7), st.integers(0, 5), st.integers(0, 5))
    body = data.draw(st.lists(moves, min_size=2, max_size=8))
    dtype = data.draw(st.sampled_from([np.float64, np.float32]))
    special = data.draw(st.sampled_from([-1, 0, steps - 1, steps // 2]))

    def f(x: Any, X: Any) -> Any:
        pool = [x, np.sin(x), x * 0.5, np.cos(x), x + 1, -x]
        total = 0.0
        for t in range(steps):
            for move, a, b in body:
                u, v = pool[a], pool[b]
                new = step(move, u, v, X, t)
                pool[(a + b) % 6] = np.cos(new)
            if t == special:
                pool[0] = np.exp(-pool[0] * pool[0])
            total = total + np.sum(pool[1] * pool[2])
        return total

    args = RNG.normal(size=3).astype(dtype), RNG.normal(size=(steps, 3)).astype(dtype)
    rolled(f, *args)
    rolled(nz.value_and_grad(f, argnums=(0, 1)), *args)


# --- the primitive
def test_the_primitive_loop() -> None:
    carry, scale, row = leaf("carry"), leaf("scale"), leaf("row")
    new = ops.add(ops.multiply(carry, scale), row)
    body = Graph([carry, scale, row], [new, ops.negative(new)])
    xs = np.arange(6.0)
    params = {"body": body, "count": 3, "carries": 1, "fixed": 1, "slices": ((5, -2),)}
    last, stacked = loop(1.0, 2.0, xs, **params)
    assert (last, stacked.tolist()) == (35.0, [-7.0, -17.0, -35.0])
    whole = loop(constant(1.0), constant(2.0), constant(xs), **params)
    graph = Graph([], [part(whole, index=0), part(whole, index=1)])
    F = graph.forward([])
    assert F[graph.sinks[0]] == 35.0
    with_specs = nz.trace(
        lambda c, s, r: (c * s + r, -(c * s + r)), np.float64(1), np.float64(2), np.float64(3)
    )
    nz.check_gradients(lambda *args: loop(*args, **(params | {"body": with_specs})), 1.0, 2.0, xs, order=2)
