"""The graph of the lecture: Forward, Backward, order, cycles, depth."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nazad as nz
from nazad import ops
from nazad.errors import GraphError, ShapeError
from nazad.graph import topological_order


def worked_example() -> tuple[nz.Graph, dict[str, nz.Node]]:
    """f(x, y) = (log x + x y) - sin y, node by node."""
    x, y = nz.leaf("x"), nz.leaf("y")
    u = ops.log(x)
    v = ops.multiply(x, y)
    s = ops.add(u, v)
    w = ops.sin(y)
    f = ops.subtract(s, w)
    return nz.Graph([x, y], f), {"x": x, "y": y, "u": u, "v": v, "s": s, "w": w, "f": f}


def test_worked_example_forward() -> None:
    G, node = worked_example()
    F = G.forward({node["x"]: 2.0, node["y"]: 5.0})
    values = {name: round(float(F[v]), 3) for name, v in node.items()}
    assert values == {"x": 2.0, "y": 5.0, "u": 0.693, "v": 10.0, "s": 10.693, "w": -0.959, "f": 11.652}


def test_worked_example_backward() -> None:
    G, node = worked_example()
    F = G.forward([2.0, 5.0])
    B = G.backward(F)
    cotangents = {name: round(float(B[v]), 3) for name, v in node.items()}
    assert cotangents == {"x": 5.5, "y": 1.716, "u": 1.0, "v": 1.0, "s": 1.0, "w": -1.0, "f": 1.0}


def test_worked_example_shares() -> None:
    G, node = worked_example()
    F = G.forward([2.0, 5.0])
    B = G.backward(F)

    def share(user: str, slot: int) -> float:
        v = node[user]
        return round(float(v.op.pull(slot, B[v], F[v], [F[p] for p in v.preds], v.params)), 3)

    assert (share("w", 0), share("v", 1)) == (-0.284, 2.0)  # into y
    assert (share("u", 0), share("v", 0)) == (0.5, 5.0)  # into x
    assert (share("f", 0), share("f", 1), share("s", 0), share("s", 1)) == (1.0, -1.0, 1.0, 1.0)


def test_an_own_operation_in_one_line() -> None:
    cube = nz.elementwise(lambda x: x**3, lambda y, x: 3 * x**2, name="cube")
    x = nz.leaf("x")
    G = nz.Graph([x], cube(x))
    F = G.forward([2.0])
    assert (F[G.sinks[0]], G.backward(F)[x]) == (8.0, 12.0)
    assert nz.grad(nz.grad(cube))(2.0) == 12.0
    assert nz.jvp(cube, (2.0,), (1.0,)) == (8.0, 12.0)
    np.testing.assert_array_equal(nz.vmap(nz.grad(cube))(np.array([1.0, 2.0])), [3.0, 12.0])
    assert "cube(x0)" in str(nz.trace(cube, 2.0))


def test_lectures_calc_and_deriv_on_plain_numbers() -> None:
    """calc and deriv need know nothing of arrays."""
    half = nz.elementwise(lambda a, b: (a + b) / 2, lambda y, a, b: 0.5, lambda y, a, b: 0.5)
    x = nz.leaf("x")
    G = nz.Graph([x], half(x, half(x, 4.0)))
    F = G.forward([2.0])
    assert F[G.sinks[0]] == 2.5
    assert G.backward(F)[x] == 0.75


def test_a_node_may_stand_twice_among_predecessors() -> None:
    x = nz.leaf("x")
    product = ops.multiply(x, x)
    G = nz.Graph([x], product)
    assert product.preds == (x, x)
    assert G.backward(G.forward([3.0]))[x] == 6.0
    assert G.succs()[x] == [product, product]


def test_order_and_leaves() -> None:
    G, node = worked_example()
    position = {v: k for k, v in enumerate(G.nodes)}
    assert all(position[p] < position[v] for v in G for p in v.preds)
    assert G.leaves == (node["x"], node["y"])
    assert G.sinks == (node["f"],)
    assert G.operations == 5
    assert len(G) == 7


def test_a_leaf_that_the_sink_does_not_depend_on() -> None:
    x, y = nz.leaf("x"), nz.leaf("y")
    G = nz.Graph([x, y], ops.sin(x))
    B = G.backward(G.forward([0.0, 1.0]))
    assert (B[x], B[y]) == (1.0, 0.0)


def test_constants_have_cotangents_too() -> None:
    x = nz.leaf("x")
    c = nz.constant(3.0)
    G = nz.Graph([x], ops.multiply(x, c))
    B = G.backward(G.forward([2.0]))
    assert (B[x], B[c]) == (3.0, 2.0)


def test_only_what_was_asked_for_is_kept() -> None:
    G, node = worked_example()
    F = G.forward([2.0, 5.0])
    assert G.backward(F, wrt=[node["v"]]) == {node["v"]: 1.0}
    assert set(G.backward(F, wrt=G.leaves)) == set(G.leaves)


def test_several_sinks_take_a_seed_each() -> None:
    x = nz.leaf("x")
    G = nz.Graph([x], [ops.sin(x), ops.exp(x)])
    F = G.forward([0.0])
    assert G.backward(F, [1.0, 10.0])[x] == 11.0
    assert G.backward(F, [None, 10.0])[x] == 10.0
    with pytest.raises(GraphError, match="2 sinks need 2 seeds"):
        G.backward(F, 1.0)


def test_seed_of_another_shape() -> None:
    x = nz.leaf("x")
    G = nz.Graph([x], ops.sin(x))
    with pytest.raises(ShapeError, match=r"seed has shape \(\) and the sink \(2,\)"):
        G.backward(G.forward([np.zeros(2)]))


def test_missing_value_and_strange_leaf() -> None:
    x, y = nz.leaf("x"), nz.leaf("y")
    with pytest.raises(GraphError, match="leaf y has no value"):
        nz.Graph([x, y], ops.add(x, y)).forward({x: 1.0})
    with pytest.raises(GraphError, match="1 values were given for 2 leaves"):
        nz.Graph([x, y], ops.add(x, y)).forward([1.0])
    with pytest.raises(GraphError, match="<leaf y> is not among the leaves"):
        nz.Graph([x], ops.add(x, y))


def test_cycle() -> None:
    x = nz.leaf("x")
    a = ops.sin(x)
    b = ops.cos(a)
    a.preds = (b,)  # nobody should; a file or a bug might
    with pytest.raises(GraphError, match="leads to itself"):
        topological_order([b])


def test_a_node_and_a_traced_value_do_not_mix() -> None:
    x = nz.leaf("x")
    with pytest.raises(GraphError, match="on a node and on a traced value"):
        nz.trace(lambda y: ops.add(x, y), 1.0)


def test_forward_and_backward_write_the_graph_of_the_derivative() -> None:
    """Run on traced values, the two passes are the derivative's own graph."""
    G, node = worked_example()

    def df(x: float, y: float) -> object:
        return G.backward(G.forward([x, y]))[node["y"]]

    derivative = nz.trace(df, 2.0, 5.0)
    assert derivative.forward([2.0, 5.0])[derivative.sinks[0]] == pytest.approx(2 - np.cos(5.0))
    assert nz.grad(df, argnums=1)(2.0, 5.0) == pytest.approx(np.sin(5.0))


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_chain_of_a_million_nodes(by_hand: bool) -> None:
    depth = 1_000_000
    if by_hand:
        x = v = nz.leaf("x")
        for _ in range(depth):
            v = ops.negative(v)
        G = nz.Graph([x], v)
        assert G.backward(G.forward([1.0]), wrt=[x])[x] == 1.0
        return

    def chain(x: float) -> float:
        for _ in range(depth):
            x = -x
        return x

    assert nz.value_and_grad(chain)(1.0) == (1.0, 1.0)


@given(
    st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from("asm")),
        min_size=1,
        max_size=25,
    ),
    st.floats(-1.5, 1.5),
    st.floats(-1.5, 1.5),
)
def test_random_graphs_agree_with_differences(steps: list[tuple[int, int, str]], a: float, b: float) -> None:
    def f(x: float, y: float) -> float:
        values = [x, y]
        for i, j, kind in steps:
            p, q = values[i % len(values)], values[j % len(values)]
            values.append(
                {
                    "a": lambda p, q: p + q * 0.5,
                    "s": lambda p, q: np.sin(p - q),
                    "m": lambda p, q: np.tanh(p) * q,
                }[kind](p, q)
            )
        return values[-1] * 1.0

    h = 1e-6
    expected = [(f(a + h, b) - f(a - h, b)) / (2 * h), (f(a, b + h) - f(a, b - h)) / (2 * h)]
    np.testing.assert_allclose(
        nz.grad(f, (0, 1))(a, b), expected, rtol=1e-5, atol=1e-6 * max(1, *map(abs, expected))
    )


def test_immutable_by_convention_and_test() -> None:
    """Transforms and passes leave a graph as it was."""
    G = nz.trace(lambda x: np.sum(np.sin(x) * x), np.ones(3))
    before = [(v.op, v.preds, dict(v.params), v.spec, v.where) for v in G]
    F = G.forward([np.ones(3)])
    G.backward(F)
    nz.vmap(lambda x: G.forward([x])[G.sinks[0]])(np.ones((2, 3)))
    after = [(v.op, v.preds, dict(v.params), v.spec, v.where) for v in G]
    assert all(
        p[:2] == q[:2] and p[3:] == q[3:] and p[2].keys() == q[2].keys()
        for p, q in zip(before, after, strict=True)
    )


def test_printed_form() -> None:
    G, _ = worked_example()
    lines = str(G).splitlines()
    assert lines[-2:] == ["v5 = subtract(v3, v4)", "return v5"]
    assert repr(G) == "<Graph of 2 leaves, 5 operations, 1 sinks>"
    assert all(len(set(pair)) == 2 for pair in itertools.pairwise(lines))
