"""The laws of a story, and what it refuses."""

from __future__ import annotations

import gc
import json
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nazad as nz
from nazad.errors import ArgumentError, ShapeError, TraceError
from nazad.explain import Explanation, Scene, explain

STEPS = [
    lambda a, b: a + b,
    lambda a, b: a * b,
    lambda a, b: a - b,
    lambda a, b: np.sin(a),
    lambda a, b: np.exp(-a * a),
    lambda a, b: a / (1 + b * b),
    lambda a, b: np.maximum(a, b),
    lambda a, b: np.where(a > b, a, b * 2),
    lambda a, b: np.sum(a) * b,
    lambda a, b: a @ b * a,
    lambda a, b: np.concatenate([a[1:], b[:1]]),
    lambda a, b: np.cumsum(a),
    lambda a, b: np.sort(b),
    lambda a, b: a[[0, 0, 2]],
    lambda a, b: np.max(a) + np.std(b) + a,
    lambda a, b: np.outer(a, b) @ a,
    lambda a, b: a**3,
    lambda a, b: np.floor(a) * b,
]


def random_function(program: list[tuple[int, int, int]]):
    def f(x, y):
        values = [x, y]
        for k, i, j in program:
            values.append(STEPS[k](values[i % len(values)], values[j % len(values)]))
        return np.sum(values[-1]) + np.sum(values[len(values) // 2])

    return f


programs = st.lists(
    st.tuples(st.integers(0, len(STEPS) - 1), st.integers(0, 99), st.integers(0, 99)), max_size=8
)


def check_laws(told: Explanation) -> None:
    backward = {scene.node: scene for scene in told.scenes.backward}
    handed: dict[str, list[object]] = {}
    for scene in told.scenes.backward:
        if scene.node is not told.graph.sinks[0]:
            assert_is_sum(scene.cotangent, [arrival.share for arrival in scene.arrivals])
        for edge in scene.edges:
            if edge.share is not None:
                check_edge(scene, edge)
                handed.setdefault(edge.name, []).append(edge.share)
    for scene in backward.values():
        assert len(scene.arrivals) == len(handed.get(scene.name, []))


def check_edge(scene: Scene, edge) -> None:
    assert np.shape(edge.share) == np.shape(scene.inputs[edge.slot][1])
    if edge.derivative is not None and np.shape(edge.share) == np.shape(scene.cotangent):
        np.testing.assert_allclose(scene.cotangent * edge.derivative, edge.share, rtol=1e-12, atol=1e-300)


def assert_is_sum(cotangent, shares) -> None:
    if shares:
        np.testing.assert_allclose(sum(shares[1:], shares[0]), cotangent, rtol=1e-9, atol=1e-9)
    else:
        assert not np.any(cotangent)


@settings(max_examples=60, deadline=None)
@given(programs, st.integers(0, 2**32 - 1))
def test_every_cotangent_is_the_sum_of_its_shares(program, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=3), rng.normal(size=3)
    f = random_function(program)
    with np.errstate(all="ignore"):
        told = explain(f, x, y)
        gradient = nz.grad(f, argnums=(0, 1))(x, y)
        if not np.isfinite(told.value) or not all(np.isfinite(B).all() for B in told.gradient.values()):
            return
        check_laws(told)
    np.testing.assert_array_equal(told["x"].cotangent, gradient[0])
    np.testing.assert_array_equal(told["y"].cotangent, gradient[1])
    assert len(told.scenes.forward) == len(told.scenes.backward)
    assert [s.node for s in told.scenes.backward] == [s.node for s in told.scenes.forward][::-1]
    assert [s.number for s in told.scenes] == list(range(len(told.scenes)))


@settings(max_examples=30, deadline=None)
@given(programs, st.integers(0, 2**32 - 1))
def test_jacobians_multiply_along_the_graph(program, seed):
    """Any node's Jacobian by x, and the cotangent as the Jacobian of the result, agree with nz.jacobian."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=3), rng.normal(size=3)
    f = random_function(program)
    with np.errstate(all="ignore"):
        told = explain(f, x, y)
        last = next(reversed([name for name in told if told[name].node is told.graph.sinks[0]]))
        expected = nz.jacobian(f)(x, y)
        if np.isfinite(expected).all():
            np.testing.assert_allclose(told[last].jacobian("x"), expected, rtol=1e-9, atol=1e-12)


def test_so_far_grows_to_the_cotangent_in_any_order_of_reading():
    def f(x):
        total = 0.0
        for i in range(5):
            total = total + x[i] * x[i]
        return total

    told = explain(f, np.arange(5.0))
    scenes = list(told.scenes.backward)
    again = [told.scenes.backward[k] for k in reversed(range(len(scenes)))][::-1]
    for one, other in zip(scenes, again, strict=True):
        for a, b in zip(one.edges, other.edges, strict=True):
            np.testing.assert_array_equal(a.so_far is None, b.so_far is None)
            if a.so_far is not None:
                np.testing.assert_array_equal(a.so_far, b.so_far)
    into_x = [edge for scene in scenes for edge in scene.edges if edge.name == "x"]
    assert into_x[0].so_far is None
    np.testing.assert_array_equal(into_x[-1].so_far + into_x[-1].share, told["x"].cotangent)


def test_a_node_that_stands_in_two_slots():
    told = explain(lambda x: x * x, 3.0)
    scene = told.scenes.backward[0]
    assert [(e.slot, e.name, float(e.share)) for e in scene.edges] == [(0, "x", 3), (1, "x", 3)]
    assert [a.slot for a in told.scenes.backward[1].arrivals] == [0, 1]
    assert float(told["v1"].local_jacobian("x")) == 6


def test_arguments_and_constants_can_be_results():
    told = explain(lambda x: x, 3.0)
    assert float(told["x"].cotangent) == 1
    assert "1 (seed)" in str(told)
    told = explain(lambda x: 3.0, 2.0)
    assert float(told["x"].cotangent) == 0
    assert told.value == 3
    assert "= 3" in str(told)


def test_several_results():
    def f(x):
        return {"a": x * 2, "b": (x**2, np.sin(x))}

    with pytest.raises(ArgumentError, match=r"returned 3 values.*output=0 to output=2"):
        explain(f, 1.0)
    assert float(explain(f, 3.0, output=1)["x"].cotangent) == 6
    assert float(explain(f, 3.0, output=-3)["x"].cotangent) == 2
    with pytest.raises(ArgumentError, match="output=3"):
        explain(f, 1.0, output=3)
    with pytest.raises(ArgumentError, match="returned 0 values"):
        explain(lambda x: None, 1.0)


def test_an_array_needs_a_seed():
    with pytest.raises(ShapeError, match=r"test_story.*shape \(2,\).*seed=1.0"):
        explain(lambda x: x * x, np.array([1.0, 2.0]))
    told = explain(lambda x: x * x, np.array([1.0, 2.0]), seed=1.0)
    assert told["x"].cotangent.tolist() == [2, 4]
    told = explain(lambda x: x * x, np.array([1.0, 2.0]), seed=[1.0, 10.0])
    assert told["x"].cotangent.tolist() == [2, 40]
    assert "[1, 10] (seed)" in str(told)
    with pytest.raises(ShapeError, match=r"seed has shape \(3,\)"):
        explain(lambda x: x * x, np.array([1.0, 2.0]), seed=[1.0, 10.0, 0.0])


def test_integers():
    with pytest.raises(ArgumentError, match="int64 numbers"):
        explain(lambda n: n * n, 3)
    told = explain(lambda x, n: np.sum(x[n]) * 2.0, np.array([1.0, 2.0]), np.array([0, 0]))
    assert told["x"].cotangent.tolist() == [4, 0]
    assert "no derivative" in str(told)
    assert float(explain(lambda x, y: np.log(x) + x * y, 2, 5)["x"].cotangent) == 5.5


def test_not_inside_another_transform():
    with pytest.raises(TraceError, match="inside a traced function"):
        nz.grad(lambda x: explain(lambda z: z * x, 1.0).value)(2.0)


def test_keywords_are_passed_on():
    told = explain(lambda x, scale: x * scale, 2.0, scale=10.0)
    assert float(told["x"].cotangent) == 10


def test_a_graph_made_by_hand():
    cube = nz.elementwise(lambda x: x**3, lambda y, x: 3 * x**2, name="cube")
    x = nz.leaf("x")
    told = explain(nz.Graph([x], cube(x)), 2.0)
    assert [s.formula for s in told.scenes.forward] == ["x", "v1 = cube(x)"]
    assert told.scenes.backward[0].edges[0].local == "3*x**2"
    assert float(told["x"].cotangent) == 12


def test_a_story_does_not_change():
    x = np.array([1.0, 2.0])
    told = explain(lambda x: np.sum(x * x), x)
    x[0] = 100.0
    assert told["x"].value.tolist() == [1, 2]
    for scene in told.scenes:
        if isinstance(scene.value, np.ndarray):
            with pytest.raises(ValueError, match="read-only"):
                scene.value[...] = 0
    with pytest.raises(AttributeError):
        told.scenes[0].name = "other"  # type: ignore[misc]


def test_slices_and_ends():
    told = explain(lambda x: np.sin(x) * x, 2.0)
    assert [s.name for s in told.scenes[1:3]] == ["v1", "v2"]
    assert told.scenes[-1].name == told.scenes.backward[-1].name == "x"
    assert [s.name for s in told.scenes.backward[:2]] == ["v2", "v1"]
    with pytest.raises(IndexError):
        told.scenes[6]


def test_to_dict_is_json():
    with np.errstate(all="ignore"):
        told = explain(lambda x: np.sum(np.log(x)) + np.sum(np.ones(100)) * x[0], np.array([0.0, 1.0]))
        data = json.loads(json.dumps(told.to_dict(), allow_nan=False))
    assert data["value"] == "-inf"
    assert data["gradient"]["x"]["entries"] == ["inf", 1.0]
    assert len(data["scenes"]) == len(told.scenes)
    assert {"number", "phase", "name", "expression", "inputs", "value", "where", "edges"} <= data["scenes"][
        0
    ].keys()
    assert data["scenes"][1]["where"]["source"].startswith("told = explain(")
    assert data["cost"]["forward"] == told.graph.operations


def test_cost():
    cost = explain(lambda x: np.sum(np.sin(x) * x), np.ones(1000)).cost
    assert cost.forward == 3
    assert cost.backward >= 3
    assert cost.ratio > 0
    assert cost.bytes == 3 * 8000 + 8


def test_nothing_keeps_the_users_frames_alive():
    class Heavy:
        pass

    def f(x):
        heavy = Heavy()
        kept.append(weakref.ref(heavy))
        return x * 2.0

    kept: list[weakref.ref[Heavy]] = []
    told = explain(f, 1.0)
    gc.collect()
    assert kept[0]() is None
    assert told.value == 2


def test_empty_arrays():
    told = explain(lambda x: np.sum(x * x), np.zeros(0))
    assert told["x"].cotangent.shape == (0,)
    assert "float64[0]" in str(told)
    assert told["v1"].jacobian("x").shape == (0, 0)


def test_jacobian_of_integers_says_so():
    told = explain(lambda x: np.sum(np.where(x > 0, x, 0)), np.array([1.0, -1.0]))
    with pytest.raises(ArgumentError, match="v1 holds bool numbers"):
        told["v1"].jacobian("x")


def test_jacobian_where_there_is_no_path():
    told = explain(lambda x, y: x * x + y * y, 2.0, 3.0)
    assert float(told["v1"].jacobian("y")) == 0
    assert float(told["v1"].jacobian("v1")) == 1
