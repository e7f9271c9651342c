"""The lecture's example, f(x, y) = (log x + x y) - sin y at (2, 5), node by node with its numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nazad.explain import Explanation, Scene, explain


def f(x, y):
    u = np.log(x)
    v = x * y
    s = u + v
    w = np.sin(y)
    h = s - w
    return h  # noqa: RET504


@pytest.fixture(scope="module")
def told() -> Explanation:
    return explain(f, 2.0, 5.0)


def backward(told: Explanation, name: str) -> Scene:
    return next(scene for scene in told.scenes.backward if scene.name == name)


def shares(told: Explanation, name: str) -> dict[str, float]:
    return {edge.name: float(edge.share) for edge in backward(told, name).edges}


def test_forward_in_topological_order(told):
    rows = [(scene.formula, float(scene.value)) for scene in told.scenes.forward]
    assert [formula for formula, _ in rows] == [
        "x", "y", "u = log(x)", "v = x * y", "s = u + v", "w = sin(y)", "h = s - w"
    ]  # fmt: skip
    values = [value for _, value in rows]
    assert values == pytest.approx([2, 5, 0.693, 10, 10.693, -0.959, 11.652], abs=5e-4)
    assert values[2:] == pytest.approx(
        [math.log(2), 10, math.log(2) + 10, math.sin(5), math.log(2) + 10 - math.sin(5)], rel=1e-15
    )


def test_inputs_stand_beside_their_node(told):
    scene = told.scenes.forward[4]
    assert [(name, pytest.approx(float(x))) for name, x in scene.inputs] == [
        ("u", 0.6931471805599453),
        ("v", 10),
    ]


def test_backward_in_reverse(told):
    assert [scene.name for scene in told.scenes.backward] == ["h", "w", "s", "v", "u", "y", "x"]
    assert float(backward(told, "h").cotangent) == 1


def test_cotangents_at_the_subtraction(told):
    assert shares(told, "h") == {"s": 1, "w": -1}
    assert float(told["w"].cotangent) == -1
    assert float(told["s"].cotangent) == 1


def test_cotangents_at_the_sum(told):
    assert shares(told, "s") == {"u": 1, "v": 1}
    assert float(told["u"].cotangent) == 1
    assert float(told["v"].cotangent) == 1


def test_shares_into_y(told):
    assert shares(told, "w")["y"] == pytest.approx(-0.284, abs=5e-4)
    assert shares(told, "w")["y"] == pytest.approx(-math.cos(5), rel=1e-15)
    assert shares(told, "v")["y"] == 2
    met = backward(told, "y").arrivals
    assert [(a.name, a.slot) for a in met] == [("w", 0), ("v", 1)]
    assert [float(a.share) for a in met] == pytest.approx([-0.284, 2], abs=5e-4)


def test_shares_into_x(told):
    assert shares(told, "u")["x"] == 0.5
    assert shares(told, "v")["x"] == 5
    assert sorted(float(a.share) for a in backward(told, "x").arrivals) == [0.5, 5]


def test_gradient(told):
    assert float(told["x"].cotangent) == 5.5
    assert float(told["y"].cotangent) == pytest.approx(1.716, abs=5e-4)
    assert {name: float(x) for name, x in told.gradient.items()} == {
        "x": 5.5,
        "y": pytest.approx(2 - math.cos(5), rel=1e-15),
    }


def test_local_derivatives_come_from_the_rules(told):
    locals_of = {
        name: [(edge.name, edge.local, float(edge.derivative)) for edge in backward(told, name).edges]
        for name in "hwsvu"
    }
    assert locals_of == {
        "h": [("s", "1", 1), ("w", "-1", -1)],
        "w": [("y", "cos(y)", pytest.approx(math.cos(5)))],
        "s": [("u", "1", 1), ("v", "1", 1)],
        "v": [("x", "y", 5), ("y", "x", 2)],
        "u": [("x", "1/x", 0.5)],
    }


def test_cotangent_so_far(told):
    """Before v hands its share to y, that of w is there already; into x nothing has come yet."""
    into_x, into_y = backward(told, "v").edges
    assert into_x.so_far is None
    assert float(into_y.so_far) == pytest.approx(-math.cos(5))
    assert float(backward(told, "u").edges[0].so_far) == 5


def test_text_shows_every_number(told):
    text = str(told)
    for number in (
        "0.693147",
        "10.6931",
        "-0.958924",
        "11.6521",
        "0.283662",
        "-0.283662 + 2 = 1.71634",
        "5 + 0.5 = 5.5",
    ):
        assert number in text
    assert "1 × (-1) = -1" in text
    assert "w = np.sin(y)" in text


def test_in_one_expression_the_nodes_are_numbered():
    told = explain(lambda x, y: (np.log(x) + x * y) - np.sin(y), 2.0, 5.0)
    assert [scene.formula for scene in told.scenes.forward[2:]] == [
        "v1 = log(x)", "v2 = x * y", "v3 = v1 + v2", "v4 = sin(y)", "v5 = v3 - v4"
    ]  # fmt: skip
    assert float(told["y"].cotangent) == pytest.approx(1.716, abs=5e-4)
