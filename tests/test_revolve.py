"""Binomial checkpointing: the schedule is the best there is, and the gradient the same."""

from __future__ import annotations

import functools
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nazad as nz
from nazad.bodies.revolve import fewest, schedule
from nazad.errors import ArgumentError

rng = np.random.default_rng(8)


@functools.cache
def best(steps: int, checkpoints: int) -> int:
    """The fewest forward steps, by trying every place for the next checkpoint."""
    if steps <= 1:
        return 0
    if checkpoints == 1:
        return steps * (steps - 1) // 2
    return min(k + best(steps - k, checkpoints - 1) + best(k, checkpoints) for k in range(1, steps))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.integers(1, 8))
def test_schedule_is_the_best(steps: int, checkpoints: int) -> None:
    held, back, forward = {0}, [], 0
    for stretch in schedule(steps, checkpoints):
        assert stretch.start in held
        forward += stretch.stop - stretch.start
        if stretch.hold:
            held.add(stretch.stop)
            assert len(held) <= checkpoints
        else:
            back.append(stretch.stop)
            if stretch.start == stretch.stop:
                held.remove(stretch.stop)
    assert back == list(range(steps))[::-1]
    assert forward == best(steps, checkpoints)
    assert steps == 0 or forward == fewest(steps, checkpoints)


def program(x: Any, w: Any, **budget: Any) -> Any:
    def step(state: Any, row: Any) -> Any:
        h = np.tanh(w @ state["h"] + row)
        return {"h": h, "k": state["k"] + 1}, np.sum(h) * state["k"]

    last, sums = nz.scan(step, {"h": np.zeros(3), "k": np.int64(0)}, x, **budget)
    return np.sum(last["h"] ** 2) + np.sum(sums**2)


@pytest.mark.parametrize(
    "budget", [{"checkpoints": 1}, {"checkpoints": 3}, {"checkpoints": 99}, {"memory": 100}]
)
@pytest.mark.parametrize("steps", [0, 1, 9])
@pytest.mark.parametrize("reverse", [False, True])
def test_gradient_is_the_same(budget: Any, steps: int, reverse: bool) -> None:
    x, w = rng.normal(size=(steps, 3)), rng.normal(size=(3, 3))
    f = functools.partial(program, reverse=reverse)
    g = functools.partial(f, **budget)
    for found, plain in zip(nz.grad(g, (0, 1))(x, w), nz.grad(f, (0, 1))(x, w), strict=True):
        np.testing.assert_array_equal(found, plain)


def test_in_every_transform() -> None:
    x, w = rng.normal(size=(6, 3)), rng.normal(size=(3, 3))
    g = functools.partial(program, checkpoints=2)
    np.testing.assert_allclose(nz.hessian(g, 1)(x, w), nz.hessian(program, 1)(x, w), rtol=1e-12)
    assert nz.jvp(g, (x, w), (x, w)) == nz.jvp(program, (x, w), (x, w))
    both = [nz.vmap(nz.grad(f, 1), (None, 0))(x, np.stack([w, -w])) for f in (g, program)]
    np.testing.assert_allclose(*both, rtol=1e-12)
    fast = nz.jit(nz.grad(g, 1))
    np.testing.assert_allclose(fast(x, w), nz.grad(program, 1)(x, w), rtol=1e-12)
    assert "whole" in str(fast.report())


def test_it_takes_the_memory_of_so_many_carries() -> None:
    start = np.linspace(0, 1, 10_000)

    def peak(**budget: Any) -> int:
        def f(a: Any) -> Any:
            return np.sum(nz.scan(lambda c, _: (np.sin(a * c), None), start, length=200, **budget)[0])

        tracemalloc.start()
        nz.grad(f)(1.1)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    assert peak() > 200 * start.nbytes
    assert peak(checkpoints=5) < 30 * start.nbytes
    assert peak(memory=5 * start.nbytes) < 30 * start.nbytes


def test_impossible_budgets_are_refused() -> None:
    for budget in ({"checkpoints": 0}, {"memory": 0}, {"checkpoints": 2, "memory": 100}):
        with pytest.raises(ArgumentError, match="Give one of them, at least 1"):
            nz.grad(functools.partial(program, **budget))(np.ones((2, 3)), np.eye(3))
