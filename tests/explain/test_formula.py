"""Formulas read as NumPy: parentheses where they are needed, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nazad as nz
from nazad.explain import explain
from nazad.explain.formula import Part, composed, literal
from nazad.explain.local import bar
from nazad.trace import note_specs

x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def whole(f, *args) -> str:
    G = nz.trace(f, *args)
    note_specs(G.forward(list(args)))
    return composed(G.nodes, {v: Part(v.params["name"]) for v in G.leaves})[G.sinks[0]].text


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (lambda a, b: a - (b - a), "a - (b - a)"),
        (lambda a, b: (a - b) - a, "a - b - a"),
        (lambda a, b: (a + b) * a / b, "(a + b)*a/b"),
        (lambda a, b: a / (b * a), "a/(b*a)"),
        (lambda a, b: -(a**b), "-a**b"),
        (lambda a, b: (-a) ** b, "(-a)**b"),
        (lambda a, b: a ** (b**a), "a**b**a"),
        (lambda a, b: (a**b) ** a, "(a**b)**a"),
        (lambda a, b: a * (-b), "a*(-b)"),
        (lambda a, b: np.negative(-a) + b, "-(-a) + b"),
        (lambda a, b: a * -2.0 + b, "a*(-2) + b"),
        (lambda a, b: np.log(a + b), "log(a + b)"),
        (lambda a, b: abs(a) + np.square(a + b), "abs(a) + (a + b)**2"),
        (lambda a, b: (a < b) * b, "(a < b)*b"),
        (lambda a, b: np.hypot(a, b * 2), "hypot(a, b*2)"),
        (lambda a, b: np.reciprocal(a) * b, "1/a*b"),
    ],
)
def test_precedence(f, text):
    assert whole(f, 2.0, 3.0) == text


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (lambda x: np.sum(x), "sum(x)"),
        (lambda x: np.sum(x, axis=0), "sum(x, axis=0)"),
        (lambda x: np.mean(x, axis=(0, 1), keepdims=True), "mean(x, axis=(0, 1), keepdims=True)"),
        (lambda x: np.var(x, ddof=1), "var(x, ddof=1)"),
        (lambda x: x[0:2], "x[0:2]"),
        (lambda x: x[0, ::-1], "x[0, ::-1]"),
        (lambda x: x[..., None], "x[..., None]"),
        (lambda x: (x + 1)[0], "(x + 1)[0]"),
        (lambda x: x.T @ x, "x.T @ x"),
        (lambda x: np.reshape(x, (3, 2)), "reshape(x, (3, 2))"),
        (lambda x: np.concatenate([x, x], axis=1), "concatenate([x, x], axis=1)"),
        (lambda x: np.stack([x] * 9), "stack([x, x, x, x, …, x], axis=0)"),
        (lambda x: x.astype(np.float32), "astype(x, float32)"),
        (lambda x: np.where(x > 0, x, 0), "where(x > 0, x, 0)"),
        (lambda x: np.cumsum(x, axis=1), "cumsum(x, axis=1)"),
    ],
)
def test_arrays(f, text):
    assert whole(f, x) == text


def test_long_formulas_are_cut_by_names():
    def f(x):
        for _ in range(64):
            x = x * x
        return x

    assert len(whole(f, 1.0)) <= 200


def tree(draw, depth: int):
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from(["a", "b", 2.0, -3.0, 0.5]))
    kind = draw(st.sampled_from(["+", "-", "*", "/", "**", "neg", "sin", "abs", "sq"]))
    return (kind, *[tree(draw, depth - 1) for _ in range(2 if kind in ("+", "-", "*", "/", "**") else 1)])


@st.composite
def trees(draw):
    return tree(draw, 4)


BINARY = {
    "+": lambda p, q: p + q,
    "-": lambda p, q: p - q,
    "*": lambda p, q: p * q,
    "/": lambda p, q: p / q,
    "**": lambda p, q: p**q,
}
KNOWN = {"sin": np.sin, "abs": abs, "sqrt": np.sqrt, "nan": np.nan, "inf": np.inf}
UNARY = {"neg": lambda p: -p, "sin": np.sin, "abs": abs, "sq": np.square}


def evaluate(t, space):
    if not isinstance(t, tuple):
        return space[t] if isinstance(t, str) else t
    parts = [evaluate(part, space) for part in t[1:]]
    return (BINARY.get(t[0]) or UNARY[t[0]])(*parts)


@given(trees())
def test_a_formula_evaluates_to_its_value(t):
    """Read back as Python, the text of a graph is the graph: no parenthesis is missing."""
    a, b = np.float64(1.7), np.float64(-0.6)
    with np.errstate(all="ignore"):
        try:
            text = whole(lambda a, b: evaluate(t, {"a": a, "b": b}) + 0 * a, a, b)
            expected = evaluate(t, {"a": a, "b": b}) + 0 * a
        except (OverflowError, ZeroDivisionError, TypeError, nz.errors.NazadError):
            return  # Python numbers among themselves; complex powers
        if "…" in text:
            return
        got = eval(text, {"a": a, "b": b, **KNOWN})  # noqa: S307
    np.testing.assert_allclose(got, expected, rtol=1e-4)  # constants stand with six digits


def test_literals():
    assert literal(np.float64(-1.5)) == Part("-1.5", 13)
    assert literal(True).text == "True"
    assert literal(1e-12).text == "1e-12"
    assert literal(-0.0).text == "-0.0"


def test_bars():
    assert bar("t") == "t̄"
    assert bar("x#2") == "x̄#2"
    assert bar("weights") == "weights_bar"
    assert bar("a_b") == "a_b_bar"
    assert bar("self.t") == "self.t_bar"


@pytest.mark.parametrize(
    ("f", "local"),
    [
        (lambda x: np.exp(x), "y"),
        (lambda x: np.sqrt(x), "0.5/y"),
        (lambda x: np.tanh(x), "1 - y*y"),
        (lambda x: x**3, "3*x**2"),
        (lambda x: 1 / x, "-y/x"),
        (lambda x: np.cos(x), "-sin(x)"),
        (lambda x: np.floor(x), "0"),
    ],
)
def test_local_derivatives(f, local):
    def g(x):
        y = f(x)
        return y + x

    told = explain(g, np.float64(2.0))
    edges = [edge for scene in told.scenes.backward[1:] for edge in scene.edges if edge.name == "x"]
    assert edges[0].local == local


def test_a_rule_that_cannot_be_traced_is_called_by_its_symbol():
    import math

    odd = nz.elementwise(np.sin, lambda y, x: math.cos(x), name="odd")
    edge = explain(odd, np.float64(1.0)).scenes.backward[0].edges[0]
    assert edge.local.startswith("∂v1/∂x")
    assert float(edge.share) == math.cos(1.0)
