"""Checkpoints: the same numbers, in less memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import nazad as nz
from nazad.errors import ArgumentError, TraceError

rng = np.random.default_rng(5)
W, x = rng.normal(size=(4, 4)), rng.normal(size=4)


def block(W: Any, x: Any) -> Any:
    h = nz.name(np.tanh(W @ x), "h")
    return np.sin(h) * x if np.sum(h) > -100 else x


def deep(f: Any) -> Any:
    return lambda W, x: np.sum(f(W, f(W, f(W, x))))


POLICIES: list[Any] = [None, "nothing", "dots", "everything", ["h"], lambda v: v.op.name == "sin"]


@pytest.mark.parametrize("policy", POLICIES)
def test_derivatives_are_the_same(policy: Any) -> None:
    f, plain = deep(nz.checkpoint(block, policy=policy)), deep(block)
    assert f(W, x) == plain(W, x)
    for derivative in (
        nz.grad,
        lambda f: nz.grad(f, argnums=1),
        nz.hessian,
        lambda f: lambda *args: nz.jvp(f, args, args)[1],
    ):
        np.testing.assert_array_equal(derivative(f)(W, x), derivative(plain)(W, x))
    twice = [nz.grad(lambda W, x, f=f: np.sum(nz.grad(f, argnums=1)(W, x) ** 2)) for f in (f, plain)]
    np.testing.assert_allclose(twice[0](W, x), twice[1](W, x), rtol=1e-14)  # added up in another order


@pytest.mark.parametrize("policy", POLICIES)
def test_batches(policy: Any) -> None:
    def straight(W: Any, x: Any) -> Any:
        return np.sin(nz.name(np.tanh(W @ x), "h")) * x

    f, plain = deep(nz.checkpoint(straight, policy=policy)), deep(straight)
    rows = np.stack([x, -x, 2 * x])
    for g, h in ((f, plain), (nz.grad(f), nz.grad(plain))):
        np.testing.assert_array_equal(nz.vmap(g, (None, 0))(W, rows), nz.vmap(h, (None, 0))(W, rows))
    whole = [nz.grad(lambda W, f=f: np.sum(nz.vmap(f, (None, 0))(W, rows)))(W) for f in (f, plain)]
    np.testing.assert_array_equal(*whole)


@pytest.mark.parametrize("policy", POLICIES)
def test_compiled_it_is_written_out(policy: Any) -> None:
    f = nz.grad(deep(nz.checkpoint(block, policy=policy)))
    fast = nz.jit(f)
    np.testing.assert_allclose(fast(W, x), f(W, x), rtol=1e-13)
    assert "run in NumPy" not in str(fast.report())


def test_it_captures_and_hands_on_structures() -> None:
    @nz.checkpoint
    def f(state: Any, *, scale: float, mode: str) -> Any:
        assert mode == "sin"
        return {"a": np.sin(W_outer @ state["a"]) * scale, "n": state["n"]}

    def loss(W: Any, x: Any) -> Any:
        nonlocal W_outer
        W_outer = W
        state = {"a": x, "n": 3}
        for _ in range(2):
            state = f(state, scale=0.5, mode="sin")
        return np.sum(state["a"])

    W_outer: Any = None
    expected = nz.grad(lambda W, x: np.sum(np.sin(W @ (np.sin(W @ x) * 0.5)) * 0.5), argnums=(0, 1))(W, x)
    for found, wanted in zip(nz.grad(loss, argnums=(0, 1))(W, x), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_branches_inside_are_guards_outside() -> None:
    fast = nz.jit(nz.grad(nz.checkpoint(lambda x: x**2 if x > 0 else -x)))
    assert (fast(3.0), fast(-3.0)) == (6.0, -1.0)
    assert len(fast.variants) == 2
    with pytest.raises(TraceError, match="row to row"):
        nz.vmap(nz.checkpoint(lambda x: x if x > 0 else -x))(x)


def test_less_is_held() -> None:
    def layer(v: Any) -> Any:
        for _ in range(10):
            v = np.sin(v) * np.exp(-v)
        return v

    def peak(layer: Any) -> int:
        def f(v: Any) -> Any:
            for _ in range(10):
                v = layer(v)
            return np.sum(v)

        tracemalloc.start()
        nz.grad(f)(np.linspace(0, 1, 20_000))
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    assert peak(nz.checkpoint(layer)) < 0.35 * peak(layer)


def test_unknown_policies_are_refused() -> None:
    with pytest.raises(ArgumentError, match="Choose one of"):
        nz.checkpoint(block, policy="some")
    with pytest.raises(ArgumentError, match=r"nothing in the function has the name 'hh'.*take h"):
        nz.grad(deep(nz.checkpoint(block, policy=["hh"])))(W, x)


def test_a_stopped_gradient_is_a_constant() -> None:
    def f(x: Any) -> Any:
        return x * nz.stop_gradient({"a": np.sin(x), "n": 2})["a"]

    assert nz.grad(f)(0.7) == np.sin(0.7)
    assert nz.jvp(f, (0.7,), (1.0,))[1] == np.sin(0.7)
    assert nz.jit(nz.grad(f))(0.7) == pytest.approx(np.sin(0.7), rel=1e-15)
    assert nz.stop_gradient(2.0) == 2.0


def test_names_are_shown() -> None:
    text = nz.explain(lambda x: nz.name(np.exp(x), "growth") * x, 1.0).text()
    assert "growth" in text
