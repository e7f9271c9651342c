"""ADBench's LSTM with diagonal weights: value, and gradient by main and extra parameters.

Characters of 14 bits, each predicted from those before it by layers whose gates are elementwise,
sigmoid(x · w + b); the loss is − Σ gold · (prediction − log(Σ exp prediction + 2)) over the number of bits.
The sequence is walked by a Python loop, as it stands in ADBench's own Python, by nazad, PyTorch and autograd;
by ``lax.scan`` in JAX, which would otherwise compile for minutes.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
import one_thread  # noqa: F401

# isort: split
import numpy as np
from peers import jax_gradient, nazad_gradient, needs, torch_gradient
from side_by_side import Contenders, compare, options

SIZES = ((2, 1024), (4, 1024))  # layers, characters
QUICK = ((2, 12),)
BITS = 14
BY = (0, 1)


def data(layers: int, characters: int) -> tuple[np.ndarray, ...]:
    """Main parameters, extra parameters, the state at the start, and a text in bits."""
    rng = np.random.default_rng(31337)
    main, extra = rng.normal(size=(2 * layers, 4 * BITS)), rng.normal(size=(3, BITS))
    state = rng.normal(size=(2 * layers, BITS))
    return main, extra, state, rng.integers(0, 2, (characters, BITS)).astype(float)


def written_in(np: Any) -> Callable[..., Any]:
    """The loss as a user of NumPy writes it; autograd and JAX bring a NumPy of their own."""

    def sigmoid(x: Any) -> Any:
        return 1 / (1 + np.exp(-x))

    def step(weight: Any, bias: Any, hidden: Any, cell: Any, x: Any) -> Any:
        gates = np.concatenate([x, hidden, x, hidden]) * weight + bias
        forget, ingate = sigmoid(gates[:BITS]), sigmoid(gates[BITS : 2 * BITS])
        outgate, change = sigmoid(gates[2 * BITS : 3 * BITS]), np.tanh(gates[3 * BITS :])
        cell = cell * forget + ingate * change
        return outgate * np.tanh(cell), cell

    def predict(main: Any, extra: Any, state: Any, x: Any) -> Any:
        x, after = x * extra[0], []
        for k in range(0, len(state), 2):
            x, cell = step(main[k], main[k + 1], state[k], state[k + 1], x)
            after += [x, cell]
        return x * extra[1] + extra[2], after

    def loss(main: Any, extra: Any, state: Any, text: Any) -> Any:
        total: Any = 0.0
        for t in range(len(text) - 1):
            prediction, state = predict(main, extra, state, text[t])
            normal = prediction - np.log(np.sum(np.exp(prediction)) + 2)
            total = total + np.sum(text[t + 1] * normal)
        return -total / ((len(text) - 1) * BITS)

    return loss


@needs("jax")
def by_jax(jax: Any, args: tuple[Any, ...]) -> Contenders:
    jnp = jax.numpy

    def step(weight: Any, bias: Any, hidden: Any, cell: Any, x: Any) -> Any:
        gates = jnp.concatenate([x, hidden, x, hidden]) * weight + bias
        forget, ingate, outgate = jnp.split(jax.nn.sigmoid(gates[: 3 * BITS]), 3)
        cell = cell * forget + ingate * jnp.tanh(gates[3 * BITS :])
        return outgate * jnp.tanh(cell), cell

    def scanned(main: Any, extra: Any, state: Any, x: Any) -> Any:
        after = []
        for k in range(0, len(main), 2):
            x, cell = step(main[k], main[k + 1], state[k], state[k + 1], x)
            after += [x, cell]
        return tuple(after), x

    def loss(unroll: int, main: Any, extra: Any, state: Any, text: Any) -> Any:
        """Only what depends on the step before is in the scan."""
        body = functools.partial(scanned, main, extra)
        hidden = jax.lax.scan(body, tuple(state), text[:-1] * extra[0], unroll=unroll)[1]
        prediction = hidden * extra[1] + extra[2]
        normal = prediction - jnp.log(jnp.sum(jnp.exp(prediction), axis=1, keepdims=True) + 2)
        return -jnp.mean(text[1:] * normal)

    def plain(main: Any, extra: Any, state: Any, text: Any) -> Any:
        """As most write it: all in the body, the state an array."""

        def body(state: Any, seen: Any) -> Any:
            x, gold = seen
            after, last = scanned(main, extra, state, x * extra[0])
            prediction = last * extra[1] + extra[2]
            normal = prediction - jnp.log(jnp.sum(jnp.exp(prediction)) + 2)
            return jnp.stack(after), jnp.sum(gold * normal)

        return -jnp.sum(jax.lax.scan(body, state, (text[:-1], text[1:]))[1]) / text[1:].size

    forms = {"JAX, scan": functools.partial(loss, 1), "JAX, scan by 8": functools.partial(loss, 8)}
    return {n: jax_gradient(jax, f, args, BY) for n, f in (forms | {"JAX, plain scan": plain}).items()}


@needs("torch")
def by_torch(torch: Any, args: tuple[Any, ...]) -> Contenders:
    def step(weight: Any, bias: Any, hidden: Any, cell: Any, x: Any) -> Any:
        gates = torch.cat([x, hidden, x, hidden]) * weight + bias
        forget, ingate, outgate = torch.sigmoid(gates[: 3 * BITS]).chunk(3)
        cell = cell * forget + ingate * torch.tanh(gates[3 * BITS :])
        return outgate * torch.tanh(cell), cell

    def loss(main: Any, extra: Any, state: Any, text: Any) -> Any:
        layers, state, hidden = main.unbind(), list(state.unbind()), []
        for x in (text[:-1] * extra[0]).unbind():
            for k in range(0, len(layers), 2):
                x, state[k + 1] = step(layers[k], layers[k + 1], state[k], state[k + 1], x)
                state[k] = x
            hidden.append(x)
        prediction = torch.stack(hidden) * extra[1] + extra[2]
        normal = prediction - torch.log(torch.sum(torch.exp(prediction), dim=1, keepdim=True) + 2)
        return -torch.mean(text[1:] * normal)

    return {"PyTorch": torch_gradient(torch, loss, args, BY)}


@needs("autograd", "autograd.numpy")
def by_autograd(autograd: Any, numpy: Any, args: tuple[Any, ...]) -> Contenders:
    return {"autograd": functools.partial(autograd.value_and_grad(written_in(numpy), BY), *args)}


def contenders(layers: int, characters: int) -> Contenders:
    args = data(layers, characters)
    ours = nazad_gradient(written_in(np), args, BY)
    return ours | by_jax(args) | by_torch(args) | by_autograd(args)


def main() -> None:
    chosen = options(__doc__)
    sizes = QUICK if chosen.quick else SIZES
    cases = {f"{n} layers, {c} characters": functools.partial(contenders, n, c) for n, c in sizes}
    compare("ADBench LSTM: value and gradient, one thread", cases, chosen, least=3, turn=0.02)


if __name__ == "__main__":
    main()
