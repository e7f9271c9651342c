"""Nodes are called as the user's variables."""

from __future__ import annotations

import json
import linecache

import numpy as np
import pytest

import nazad as nz
from nazad.explain import explain
from nazad.explain.names import places

X = np.arange(6.0).reshape(3, 2)
BIG = np.ones((2000, 2))


def formulas(f, *args, **kwargs) -> list[str]:
    told = explain(f, *args, **kwargs)
    return [scene.formula for scene in told.scenes.forward if scene.expression]


def test_assignments_of_all_kinds():
    def f(x):
        a = 2 * x
        b: float = a + 1
        c = d = b * b
        c += x
        g, h = np.sin(c), np.cos(d)
        if (k := g * h) > 5:
            k = k + 1
        return k - a

    assert formulas(f, 1.0) == [
        "a = 2 * x", "b = a + 1", "c = b * b", "c#2 = c + x", "g = sin(c#2)", "h = cos(c)", "k = g * h",
        "v1 = k > 5", "v2 = k - a",
    ] or formulas(f, 1.0) == [
        "a = 2 * x", "b = a + 1", "c = b * b", "c#2 = c + x", "g = sin(c#2)", "h = cos(c)", "k = g * h",
        "v1 = k - a",
    ]  # fmt: skip


def test_over_several_lines():
    def f(x):
        t = (
            x
            * x
        )  # fmt: skip
        u = (t
             .sum()
             .reshape(1)
             .mean())  # fmt: skip
        return np.exp(
            u
        )  # fmt: skip

    assert formulas(f, np.ones(2)) == [
        "t = x * x",
        "v1 = sum(t)",
        "v2 = reshape(v1, (1,))",
        "u = mean(v2)",
        "v3 = exp(u)",
    ]


def test_a_returned_value_takes_the_callers_name():
    def sigma(z):
        return 1 / (1 + np.exp(-z))

    square = lambda z: z * z  # noqa: E731

    def f(x):
        s = sigma(x)
        q = square(s) if True else 0
        return q * 2

    assert formulas(f, 0.5)[3:] == ["s = 1 / v3", "q = s * s", "v4 = q * 2"]


def test_the_one_result_of_a_function_of_several_nodes():
    def f(x):
        y = np.pad(x, 1)
        return np.sum(y * y)

    told = explain(f, np.array([1.0, 2.0]))
    assert told["y"].value.tolist() == [0, 1, 2, 0]


def test_attributes_and_loops():
    class Model:
        def __call__(self, x):
            self.t = x * x
            for _ in range(3):
                x = np.sin(x)
            return self.t + x

    assert formulas(Model(), 1.0) == [
        "self.t = x * x", "x#2 = sin(x)", "x#3 = sin(x#2)", "x#4 = sin(x#3)", "v1 = self.t + x#4"
    ]  # fmt: skip


def test_arguments():
    told = explain(lambda params, *rest: np.sum(params["w"] * rest[0]), {"w": np.ones(2), "b": 1.0}, 2.0)
    assert list(told)[:2] == ["params['b']", "params['w']"]
    assert told["params['w']"].cotangent.tolist() == [2, 2]
    assert told.title.startswith("<lambda>(params, ")


def test_arrays_from_outside_have_their_names():
    small, written = np.ones(2), np.ones(2)

    def f(w):
        a = np.sum(X @ w) + np.sum(BIG @ w) + small @ w + small @ w
        b = written @ w
        written[0] = 5.0
        return a + b + written @ w

    told = explain(f, np.ones(2))
    assert {"X", "BIG", "small", "written", "written#2"} <= set(told)
    assert "small#2" not in told
    assert told["small"].cotangent.tolist() == [2, 2]
    assert told["written#2"].value.tolist() == [5, 1]


def test_the_caller_of_explain_gives_no_names():
    told = explain(np.sin, 1.0)
    assert list(told) == ["x0", "v1"] or list(told) == ["x", "v1"]
    assert told["v1"].where is None
    assert told.scenes[1].where is None


def test_transforms_inside():
    def f(x):
        g = nz.grad(lambda z: z**3)(x)
        rows = nz.vmap(lambda z: z * z)(np.stack([x, g]))
        total = np.sum(rows)
        return total  # noqa: RET504

    told = explain(f, 2.0)
    assert float(told["g"].value) == 12
    assert float(told["total"].value) == 148
    assert float(told["x"].cotangent) == pytest.approx(2 * 2 + 2 * 12 * 12)


def run_text(source: str, name: str, remember: bool = True):
    if remember:
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    space = {"np": np}
    exec(compile(source, name, "exec"), space)  # noqa: S102
    return space


def test_without_source_nodes_are_numbered():
    space = run_text("def f(x):\n    y = x * x\n    return y + 1\n", "<nowhere to be found>", remember=False)
    assert formulas(space["f"], 1.0) == ["v1 = x * x", "v2 = v1 + 1"]


def test_source_that_changed_since_names_nothing():
    space = run_text("def f(x):\n    y = x * x\n    return y + 1\n", "<changed>")
    linecache.cache["<changed>"] = (1, None, ["def f(:\n", "    not python\n"], "<changed>")
    assert formulas(space["f"], 1.0) == ["v1 = x * x", "v2 = v1 + 1"]


def test_names_that_are_not_ascii():
    space = run_text("def f(x):\n    é = 1; σ = x * x; y = σ + é\n    return y\n", "<greek>")
    assert formulas(space["f"], 1.0) == ["σ = x * x", "y = σ + 1"]


def test_a_variable_called_like_our_numbers():
    def f(x):
        v1 = np.sin(x)
        return v1 * v1 + 1

    assert formulas(f, 1.0) == ["v1 = sin(x)", "v2 = v1 * v1", "v3 = v2 + 1"]


def test_places_of_strange_source():
    assert places("") == {}
    assert places("this is ( no python") == {}
    assert places("x = '\\d'") != {}
    assert places("\0") == {}


def test_a_name_that_is_not_there():
    told = explain(lambda weights: weights * 2.0, 1.0)
    with pytest.raises(KeyError, match=r"no node is called 'weight'\. Did you mean 'weights'\?"):
        told["weight"]
    with pytest.raises(KeyError, match="Did you mean 'weights'"):
        told["v1"].local_jacobian("weigths")
    with pytest.raises(KeyError, match="no node is called"):
        told["v1"].jacobian("nothing")
    assert "weight" not in told
    assert told.get("weight") is None
    json.dumps(told.to_dict(), allow_nan=False)
