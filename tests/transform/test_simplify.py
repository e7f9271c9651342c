"""The simplifier as a whole: equal values at any point, fewer nodes, the order kept."""

from __future__ import annotations

import runpy
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nazad as nz
from nazad import ops
from nazad.graph import CONSTANT, Graph, Node, Primitive, constant, leaf
from nazad.trace.trace import Arguments, run
from nazad.transform.simplify import simplify
from nazad.transform.simplify.keys import constant_key, frozen

graphs = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("graphs.py"))))


# --- real graphs
def log_sum_exp(x, axis):
    top = np.max(x, axis=axis, keepdims=True)
    return np.log(np.sum(np.exp(x - top), axis=axis)) + np.squeeze(top, axis)


def mixture(alphas, means, log_widths, x):
    y = (x[:, None, :] - means) * np.exp(log_widths)
    inner = -0.5 * np.sum(y**2, axis=2) + alphas + np.sum(log_widths, axis=1)
    return np.sum(log_sum_exp(inner, 1)) - len(x) * log_sum_exp(alphas, 0)


def logistic(w, b, X, y):
    t = X @ w + b
    return np.mean(np.logaddexp(0, t) - y * t) + 0.01 * np.sum(w**2)


def perceptron(params, X, y):
    h = X
    for W, b in params[:-1]:
        h = np.maximum(np.tanh(h @ W + b), -0.5)
    W, b = params[-1]
    return np.mean(((h @ W + b)[:, 0] - y) ** 2)


def sigmoid(t):
    return 1 / (1 + np.exp(-t))


def recurrent(Wx, Wh, b, xs):
    n = Wh.shape[0]
    h = c = np.zeros(n)
    out = []
    for t in range(xs.shape[0]):
        z = xs[t] @ Wx + h @ Wh + b
        c = sigmoid(z[n : 2 * n]) * c + sigmoid(z[:n]) * np.tanh(z[3 * n :])
        h = sigmoid(z[2 * n : 3 * n]) * np.tanh(c)
        out.append(h)
    return np.sum(np.stack(out) ** 2)


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_loop(x):
    total = 0.0
    for i in range(len(x) - 1):
        total = total + 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return total


def powers(x, y):
    kinked = np.where(x > 0, np.sqrt(np.abs(x)), x) * np.clip(y, -1, 1)
    return np.sum(x**3 + y**4 + x**-2 + kinked)


rng = np.random.default_rng(0)
normal = rng.normal
LAYERS = [(normal(size=(a, b)), normal(size=b)) for a, b in [(4, 5), (5, 6), (6, 1)]]
LABELS = (normal(size=10) > 0).astype(float)
SINGLE = normal(size=10).astype(np.float32)
WEIGHTS = (normal(size=(3, 16)), normal(size=(4, 16)), normal(size=16), normal(size=(6, 3)))
CLUSTERS = (normal(size=5), normal(size=(5, 3)), normal(size=(5, 3)), normal(size=(20, 3)))
REAL: dict[str, tuple[Callable[..., Any], tuple[Any, ...], tuple[int, ...], int]] = {
    "mixture": (mixture, CLUSTERS, (0, 1, 2), 3),
    "logistic": (logistic, (normal(size=4), 0.1, normal(size=(10, 4)), LABELS), (0, 1), 3),
    "perceptron": (perceptron, (LAYERS, normal(size=(10, 4)), normal(size=10)), (0,), 0),
    "recurrent": (recurrent, WEIGHTS, (0, 1, 2), 5),
    "rosenbrock": (rosenbrock, (normal(size=10),), (0,), 3),
    "rosenbrock of 5000": (rosenbrock, (normal(size=5000),), (0,), 3),
    "rosenbrock in float32": (rosenbrock, (SINGLE,), (0,), 3),
    "rosenbrock loop": (rosenbrock_loop, (normal(size=10),), (0,), 30),
    "powers": (powers, (normal(size=7), normal(size=7)), (0, 1), 3),
}
"""The function, its arguments, those by which it is differentiated, and how many operations go at least."""


def points(leaves: list[Any]) -> list[list[Any]]:
    """Other points of the same shapes: random ones, and ones with zeros, infinities and nan in them."""
    found = []
    for choices in 3 * ([0.5, -2.0, 3.0, 0.25, 1.0], [0.0, -0.0, 1.0], graphs.SPECIAL):
        found += [[_like(x, rng.choice(choices, np.shape(x))) for x in leaves]]
    mostly = [_like(x, normal(size=np.shape(x))) for x in leaves]
    for special in (np.inf, -np.inf, np.nan, 0.0, 1e200):
        at = [np.array(x) for x in mostly]
        for x in at:
            if x.ndim:
                with np.errstate(over="ignore"):
                    x.flat[rng.integers(x.size)] = x.dtype.type(special)
        found.append([_like(x, y) for x, y in zip(leaves, at, strict=True)])
    return found


def _like(x: Any, values: Any) -> Any:
    with np.errstate(all="ignore"):
        return float(values) if type(x) is float else np.asarray(values).astype(x.dtype)[()]


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("name", REAL)
def test_real_graphs_are_equal_at_any_point(name, exact):
    f, args, argnums, fewer = REAL[name]
    G, F = graphs.graph_of(nz.value_and_grad(f, argnums=argnums), *args)
    simple, at_point = simplify(G, F, exact=exact)
    assert simple.leaves == G.leaves
    assert simple.operations <= G.operations - fewer
    given = [F[v] for v in G.leaves]
    for old, new in zip(G.sinks, simple.sinks, strict=True):
        np.testing.assert_allclose(np.asarray(at_point[new]), np.asarray(F[old]), rtol=1e-12)
    for point in [given, *points(given)]:
        for got, expected in zip(graphs.forward(simple, point), graphs.forward(G, point), strict=True):
            if exact or name != "powers":
                graphs.assert_same(got, expected, signs=all(np.isfinite(x).all() for x in point) and exact)
            else:
                np.testing.assert_allclose(got, expected, rtol=1e-13)


def test_values_at_the_point_are_those_of_the_nodes():
    f, args, argnums, _ = REAL["recurrent"]
    G, F = graphs.graph_of(nz.value_and_grad(f, argnums=argnums), *args)
    simple, at_point = simplify(G, F)
    again = simple.forward([F[v] for v in G.leaves])
    assert list(at_point) == list(simple.nodes)
    for v in simple.nodes:
        assert np.shape(at_point[v]) == np.shape(again[v])
        np.testing.assert_allclose(at_point[v], again[v], rtol=1e-12)


@pytest.mark.parametrize("name", REAL)
def test_a_second_time_nothing_is_left(name):
    f, args, argnums, _ = REAL[name]
    G, F = graphs.graph_of(nz.value_and_grad(f, argnums=argnums), *args)
    simple, at_point = simplify(G, F)
    assert simplify(simple, at_point)[0].nodes == simple.nodes


@pytest.mark.parametrize("name", REAL)
def test_order_and_unchanged_nodes_are_kept(name):
    f, args, argnums, _ = REAL[name]
    G, F = graphs.graph_of(nz.value_and_grad(f, argnums=argnums), *args)
    simple, _ = simplify(G, F)
    place = {v: k for k, v in enumerate(G.nodes)}
    kept = [place[v] for v in simple.nodes if v in place]
    assert kept == sorted(kept)
    assert len(kept) >= len(G.leaves) + 4
    done: set[Node] = set()
    for v in simple.nodes:
        assert done.issuperset(v.preds)
        done.add(v)
    rebuilt = [v for v in simple.nodes if v not in place and not v.is_source]
    assert all(v.where is not None for v in rebuilt)


# --- subexpressions and constants
def test_equal_nodes_become_one():
    G, F = graphs.graph_of(lambda x, y: (x * y + np.sin(y * x)) * np.multiply(x, y), np.ones(3), np.ones(3))
    assert simplify(G, F)[0].operations == 4


def test_python_numbers_and_arrays_stay_apart():
    G, F = graphs.graph_of(lambda x, y: ((x * x) * y, np.multiply(x, x) * y), 3.0, np.ones(2, np.float32))
    simple, at_point = simplify(G, F)
    assert [at_point[sink].dtype for sink in simple.sinks] == [np.float32, np.float64]


def test_an_operator_and_the_ufunc_of_its_name_share_unless_the_last_place_may_differ():
    x = np.ones(3)
    assert simplify(*graphs.graph_of(lambda x: (x + 2.5, np.add(x, 2.5)), x))[0].operations == 1
    assert simplify(*graphs.graph_of(lambda x: (x**2.5, np.power(x, 2.5)), x))[0].operations == 2
    assert simplify(*graphs.graph_of(lambda x: (x**2.5, x**2.5), x))[0].operations == 1


def test_an_operation_of_the_user_is_not_taken_for_its_namesake():
    odd = nz.elementwise(lambda x: x + 1, lambda y, x: 1, name="positive")
    double = nz.elementwise(lambda x, y: x + 2 * y, lambda z, x, y: 1, lambda z, x, y: 2, name="multiply")
    G, F = graphs.graph_of(
        lambda x: odd(x) + double(x, np.float64(1)) + double(x, np.float64(1)), np.zeros(3)
    )
    simple, _ = simplify(G, F)
    graphs.assert_same(*graphs.forward(simple, [np.arange(3.0)]), *graphs.forward(G, [np.arange(3.0)]))
    assert simple.operations == G.operations - 1


def test_templates_and_layouts_are_compared_by_what_they_say():
    assert frozen((slice(1, None), None, ...)) == frozen((slice(1, None), None, ...))
    assert frozen((slice(1, None),)) != frozen((slice(1, 5),))
    assert frozen(float("0.5")) == frozen(float("0.5")) != frozen(float("-0.5"))
    assert frozen(0.0) != frozen(-0.0)
    assert frozen({"axis": (0,), "keepdims": False}) != frozen({"axis": (0,), "keepdims": 0})
    layouts = [ops.structure.Layout([(slice(0, 2),), (...,)]) for _ in range(2)]
    assert frozen(layouts[0]) == frozen(layouts[1])
    G, F = graphs.graph_of(nz.grad(lambda x: np.sum(x[1:] * x[:-1]) + np.sum(x[1:] * x[:-1])), np.ones(4))
    assert [v.op.name for v in simplify(G, F)[0].nodes].count("take") == 2


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (0.0, -0.0),
        (1, 1.0),
        (1, True),
        (1.0, np.float64(1)),
        (np.float32(1), np.float64(1)),
        (np.zeros(2), -np.zeros(2)),
        (np.zeros(2), np.zeros((2, 1))),
    ],
)
def test_constants_that_differ_stay_apart(a, b):
    assert constant_key(a) != constant_key(b)


@pytest.mark.parametrize(
    "make", [lambda: float("nan"), lambda: np.full(3, np.nan), lambda: np.float32(2), lambda: 7]
)
def test_equal_constants_meet(make):
    assert constant_key(make()) == constant_key(make())


def test_large_constants_meet_by_identity():
    large = np.arange(5000.0)
    assert constant_key(large) == constant_key(large)
    assert constant_key(large) != constant_key(large.copy())


def test_constants_are_folded_unless_that_takes_memory():
    x, table = leaf("x"), constant(np.arange(3.0))
    sine = ops.sin(ops.multiply(table, constant(2.0)))
    G = Graph([x], ops.add(x, sine))
    simple, _ = simplify(G, G.forward([np.ones(3)]))
    assert simple.operations == 1
    spread = ops.broadcast_to(sine, shape=(5000, 3))
    G = Graph([x], ops.matmul(spread, x))
    simple, _ = simplify(G, G.forward([np.ones(3)]))
    assert [v.op.name for v in simple.nodes if not v.is_source] == ["broadcast_to", "matmul"]


def test_what_is_folded_is_nobodys_view():
    table = np.arange(4000.0).reshape(2, 2000)
    x = leaf("x")
    G = Graph([x], ops.multiply(x, ops.transpose(constant(table), axes=(1, 0))))
    simple, _ = simplify(G, G.forward([np.ones(2)]))
    folded = next(v.params["value"] for v in simple.nodes if v.op is CONSTANT)
    assert folded.flags.c_contiguous
    assert not np.shares_memory(folded, table)


def test_a_branch_that_is_never_taken_goes():
    def f(x):
        return np.where(np.full(x.shape, False), np.exp(np.sin(x)), 3 * x)

    simple, _ = simplify(*graphs.graph_of(f, np.ones(4)))
    assert [v.op.name for v in simple.nodes if not v.is_source] == ["multiply"]


def test_seeds_of_a_large_gradient_become_numbers():
    G, F = graphs.graph_of(nz.grad(lambda x: np.mean(-np.sin(x))), np.ones(3000))
    simple, _ = simplify(G, F)
    assert [v.op.name for v in simple.nodes if not v.is_source] == ["cos", "multiply"]
    assert all(np.size(v.params["value"]) == 1 for v in simple.nodes if v.op is CONSTANT)


# --- odd graphs
def test_sinks_may_be_leaves_constants_and_the_same_node_twice():
    G, F = graphs.graph_of(lambda x: (x * 1.0, x + 0.5, 0.5 + x, 3.0, np.zeros(2)), np.ones(2))
    simple, at_point = simplify(G, F)
    assert simple.sinks[0] is G.leaves[0]
    assert simple.sinks[1] is simple.sinks[2]
    assert at_point[simple.sinks[3]] == 3.0
    for got, expected in zip(
        graphs.forward(simple, [np.ones(2)]), graphs.forward(G, [np.ones(2)]), strict=True
    ):
        graphs.assert_same(got, expected)


def test_leaves_that_nothing_needs_stay():
    G, F = graphs.graph_of(lambda x, y: y - y * 0, np.ones(2), 1.0)
    assert simplify(G, F)[0].leaves == G.leaves


def test_a_node_of_several_values_passes():
    pair = Primitive("pair", lambda x: (x, x + 1))
    second = Primitive("second", lambda xs: xs[1])
    x = leaf("x")
    G = Graph([x], ops.multiply(second(pair(x)), constant(1.0)))
    simple, _ = simplify(G, G.forward([np.ones(2)]))
    graphs.assert_same(*graphs.forward(simple, [np.arange(2.0)]), np.arange(1.0, 3.0))
    assert simple.operations == 2


def test_inside_another_trace_the_graph_is_left_as_it_is():
    seen = []

    def f(x):
        G, F = graphs.graph_of(lambda y: y * 1.0 * x, x)
        seen.append((G, simplify(G, F)[0]))
        return x * 2.0

    nz.grad(f)(1.5)
    ((before, after),) = seen
    assert after.nodes == before.nodes


def test_a_guard_may_ride_along_as_a_sink():
    def f(x):
        return np.where(x > 0, x, 0.0) if x[0] * 1.0 > 0 else x

    done = run(f, Arguments.of((np.ones(2),), ["x"]))
    guards = [g.node for g in done.trace.guards]
    G = Graph(done.graph.leaves, [*done.graph.sinks, *guards], done.graph.nodes).without_dead()
    simple, _ = simplify(G, done.F)
    point = [np.array([-1.0, 2.0])]
    assert bool(graphs.forward(simple, point)[1]) is bool(graphs.forward(G, point)[1]) is False


@pytest.mark.parametrize("n", [100_000])
def test_a_deep_chain_takes_linear_time(n):
    def chain_of(n):
        x = v = leaf("x")
        nodes, F = [x], {x: np.float64(0.5)}
        half = constant(np.float64(0.5))
        nodes.append(half)
        F[half] = np.float64(0.5)
        for k in range(n):
            v = Node(ops.sin, (v,)) if k % 2 else Node(ops.multiply, (v, half))
            nodes.append(v)
            F[v] = np.float64(0.25)
        return Graph([x], v, nodes), F

    def seconds(n):
        G, F = chain_of(n)
        start = time.process_time()
        assert simplify(G, F)[0].operations == n
        return time.process_time() - start

    short, long = min(seconds(n // 10) for _ in range(3)), seconds(n)
    assert long < 40 * short  # linear is 10, quadratic 100
