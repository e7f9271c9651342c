"""What a call costs: functions so small that hardly anything else is left.

Value and gradient of Rosenbrock's function of ten numbers, NumPy array in, float and NumPy array out, which
is what an optimiser asks for thousands of times; and of a small perceptron whose parameters are a dict of
five arrays. ``empty call`` is a function in Python that does nothing, called in the same way. ``python
benchmarks/calls.py`` runs it all.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import one_thread  # noqa: F401

# isort: split
import numpy as np
from peers import nazad_gradient, needs
from side_by_side import Contenders, compare, options

TURN = 1e-4  # seconds; as many calls as fill them are timed together


def nothing(*args: Any) -> None:
    pass


def rosenbrock(np: Any) -> Callable[[Any], Any]:
    return lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@needs("jax")
def rosenbrock_by_jax(jax: Any, x: np.ndarray) -> Contenders:
    compiled = jax.jit(jax.value_and_grad(rosenbrock(jax.numpy)))

    def numpy_in_and_out(x: Any) -> Any:
        value, gradient = compiled(x)
        return float(value), np.asarray(gradient)

    own, wait = jax.device_put(x), jax.block_until_ready
    return {
        "JAX": functools.partial(numpy_in_and_out, x),
        "JAX, own arrays": lambda: wait(compiled(own)),
    }


@needs("torch")
def rosenbrock_by_torch(torch: Any, x: np.ndarray) -> Contenders:
    f = rosenbrock(torch)

    def numpy_in_and_out(x: Any) -> Any:
        leaf = torch.from_numpy(x).requires_grad_()
        value = f(leaf)
        (gradient,) = torch.autograd.grad(value, leaf)
        return value.item(), gradient.numpy()

    return {"PyTorch": functools.partial(numpy_in_and_out, x)}


@needs("autograd", "autograd.numpy")
def rosenbrock_by_autograd(autograd: Any, numpy: Any, x: np.ndarray) -> Contenders:
    return {"autograd": functools.partial(autograd.value_and_grad(rosenbrock(numpy)), x)}


@needs("numba")
def rosenbrock_by_hand(numba: Any, x: np.ndarray) -> Contenders:
    @numba.njit
    def with_gradient(x: Any) -> Any:
        value, gradient = 0.0, np.zeros(len(x))
        for i in range(len(x) - 1):
            apart, short = x[i + 1] - x[i] * x[i], 1 - x[i]
            value += 100.0 * apart * apart + short * short
            gradient[i] -= 400.0 * apart * x[i] + 2 * short
            gradient[i + 1] += 200.0 * apart
        return value, gradient

    return {"by hand, Numba": functools.partial(with_gradient, x)}


def rosenbrocks() -> Contenders:
    x = np.linspace(-1, 1, 10)
    ours = nazad_gradient(rosenbrock(np), (x,))
    peers = rosenbrock_by_hand(x) | rosenbrock_by_jax(x) | rosenbrock_by_torch(x) | rosenbrock_by_autograd(x)
    return ours | peers | {"empty call": functools.partial(nothing, x)}


def perceptron(np: Any) -> Callable[..., Any]:
    def loss(p: Any, x: Any, y: Any) -> Any:
        hidden = np.tanh(x @ p["w1"] + p["b1"])
        return np.sum((hidden @ p["w2"] + p["b2"] - p["scale"] * y) ** 2)

    return loss


@needs("jax")
def perceptron_by_jax(jax: Any, p: Any, x: np.ndarray, y: np.ndarray) -> Contenders:
    compiled = jax.jit(jax.value_and_grad(perceptron(jax.numpy)))

    def numpy_in_and_out(p: Any, x: Any, y: Any) -> Any:
        value, gradient = compiled(p, x, y)
        return float(value), {name: np.asarray(g) for name, g in gradient.items()}

    own, wait = jax.device_put((p, x, y)), jax.block_until_ready
    return {
        "JAX": functools.partial(numpy_in_and_out, p, x, y),
        "JAX, own arrays": lambda: wait(compiled(*own)),
    }


def perceptrons() -> Contenders:
    rng = np.random.default_rng(0)
    shapes = {"w1": (4, 8), "b1": (8,), "w2": (8,), "b2": (1,), "scale": (2,)}
    p = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    args = p, rng.normal(size=(2, 4)), rng.normal(size=2)
    ours = nazad_gradient(perceptron(np), args)
    return ours | perceptron_by_jax(*args) | {"empty call": functools.partial(nothing, *args)}


def main() -> None:
    chosen = options(__doc__)
    cases = {"Rosenbrock, n = 10": rosenbrocks, "a dict of five arrays": perceptrons}
    compare("Calls: value and gradient, one thread", cases, chosen, turn=TURN, apart=("empty call",))


if __name__ == "__main__":
    main()
