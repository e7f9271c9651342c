"""Training steps of networks: value and gradient by a dict of parameters, in float32, on one thread.

A perceptron for digits (784–256–128–10, softmax cross entropy), a transformer block (64 places, 128 wide,
four heads, layer norm first, 512 in its middle), and a small convolution net, whose convolutions are sums of
slices in NumPy and the library's own in JAX and PyTorch. These are the grounds of the peers: large products,
where BLAS does the work. ``python benchmarks/networks.py`` runs it; ``--only perceptron`` one of them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import one_thread  # noqa: F401

# isort: split
import numpy as np
from peers import jax_gradient, nazad_gradient, needs, torch_gradient
from side_by_side import Contenders, compare, options

Params = dict[str, Any]

PLACES, WIDTH, HEADS, MIDDLE = 64, 128, 4, 512
EPSILON = 1e-5


def drawn(shapes: dict[str, tuple[int, ...]]) -> Params:
    """Weights drawn by their fan-in; what has one axis, a bias or a gain, near zero or one."""
    rng = np.random.default_rng(0)

    def draw(name: str, shape: tuple[int, ...]) -> np.ndarray:
        if len(shape) == 1:
            return rng.normal(float(name.startswith("gain")), 0.1, shape)
        return rng.normal(size=shape) / np.sqrt(np.prod(shape[:-1]))

    return {name: draw(name, shape).astype(np.float32) for name, shape in shapes.items()}


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def digits(batch: int) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 10, batch)


def cross_entropy(scores: Any, labels: Any) -> Any:
    """As a user of NumPy writes it."""
    top = scores - np.max(scores, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(top), axis=1)) - top[np.arange(len(labels)), labels])


def jax_cross_entropy(jax: Any, scores: Any, labels: Any) -> Any:
    chances = jax.nn.log_softmax(scores)
    return -jax.numpy.mean(jax.numpy.take_along_axis(chances, labels[:, None], axis=1))


# --- perceptron


def perceptron_data(batch: int) -> tuple[Any, ...]:
    sizes = (784, 256, 128, 10)
    shapes: dict[str, tuple[int, ...]] = {}
    for k in range(3):
        shapes |= {f"w{k}": sizes[k : k + 2], f"b{k}": (sizes[k + 1],)}
    return drawn(shapes), numbers(batch, 784), digits(batch)


def perceptron(p: Params, x: Any, labels: Any) -> Any:
    hidden = np.maximum(x @ p["w0"] + p["b0"], 0)
    hidden = np.maximum(hidden @ p["w1"] + p["b1"], 0)
    return cross_entropy(hidden @ p["w2"] + p["b2"], labels)


@needs("jax")
def perceptron_by_jax(jax: Any, args: tuple[Any, ...]) -> Contenders:
    def loss(p: Params, x: Any, labels: Any) -> Any:
        hidden = jax.nn.relu(x @ p["w0"] + p["b0"])
        hidden = jax.nn.relu(hidden @ p["w1"] + p["b1"])
        return jax_cross_entropy(jax, hidden @ p["w2"] + p["b2"], labels)

    return {"JAX": jax_gradient(jax, loss, args)}


@needs("torch")
def perceptron_by_torch(torch: Any, args: tuple[Any, ...]) -> Contenders:
    relu, entropy = torch.relu, torch.nn.functional.cross_entropy

    def loss(p: Params, x: Any, labels: Any) -> Any:
        hidden = relu(torch.addmm(p["b0"], x, p["w0"]))
        hidden = relu(torch.addmm(p["b1"], hidden, p["w1"]))
        return entropy(torch.addmm(p["b2"], hidden, p["w2"]), labels)

    return {"PyTorch": torch_gradient(torch, loss, args)}


# --- transformer block


def transformer_data(batch: int) -> tuple[Any, ...]:
    shapes: dict[str, tuple[int, ...]] = {
        "qkv": (WIDTH, 3 * WIDTH),
        "out": (WIDTH, WIDTH),
        "up": (WIDTH, MIDDLE),
        "down": (MIDDLE, WIDTH),
        "b_qkv": (3 * WIDTH,),
        "b_out": (WIDTH,),
        "b_up": (MIDDLE,),
        "b_down": (WIDTH,),
        "gain1": (WIDTH,),
        "shift1": (WIDTH,),
        "gain2": (WIDTH,),
        "shift2": (WIDTH,),
    }
    x = numbers(batch, PLACES, WIDTH)
    return drawn(shapes), x, x[::-1].copy()


def transformer(p: Params, x: Any, goal: Any) -> Any:
    x = x + attention(p, normed(x, p["gain1"], p["shift1"]))
    middle = gelu(normed(x, p["gain2"], p["shift2"]) @ p["up"] + p["b_up"])
    x = x + middle @ p["down"] + p["b_down"]
    return np.mean((x - goal) ** 2)


def normed(x: Any, gain: Any, shift: Any) -> Any:
    centred = x - np.mean(x, axis=-1, keepdims=True)
    return centred / np.sqrt(np.mean(centred**2, axis=-1, keepdims=True) + EPSILON) * gain + shift


def gelu(x: Any) -> Any:
    return 0.5 * x * (1 + np.tanh(0.7978845608028654 * (x + 0.044715 * x**3)))


def attention(p: Params, x: Any) -> Any:
    batch, size = len(x), WIDTH // HEADS
    qkv = np.reshape(x @ p["qkv"] + p["b_qkv"], (batch, PLACES, 3, HEADS, size))
    q, k, v = (np.swapaxes(qkv[:, :, j], 1, 2) for j in range(3))
    scores = q @ np.swapaxes(k, -1, -2) / size**0.5
    weights = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    mixed = weights / np.sum(weights, axis=-1, keepdims=True) @ v
    return np.reshape(np.swapaxes(mixed, 1, 2), (batch, PLACES, WIDTH)) @ p["out"] + p["b_out"]


@needs("jax")
def transformer_by_jax(jax: Any, args: tuple[Any, ...]) -> Contenders:
    jnp = jax.numpy

    def normed(x: Any, gain: Any, shift: Any) -> Any:
        centred = x - jnp.mean(x, axis=-1, keepdims=True)
        return centred * jax.lax.rsqrt(jnp.mean(centred**2, axis=-1, keepdims=True) + EPSILON) * gain + shift

    def attention(p: Params, x: Any) -> Any:
        qkv = (x @ p["qkv"] + p["b_qkv"]).reshape(len(x), PLACES, 3, HEADS, WIDTH // HEADS)
        mixed = jax.nn.dot_product_attention(qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2])
        return mixed.reshape(len(x), PLACES, WIDTH) @ p["out"] + p["b_out"]

    def loss(p: Params, x: Any, goal: Any) -> Any:
        x = x + attention(p, normed(x, p["gain1"], p["shift1"]))
        middle = jax.nn.gelu(normed(x, p["gain2"], p["shift2"]) @ p["up"] + p["b_up"])
        return jnp.mean((x + middle @ p["down"] + p["b_down"] - goal) ** 2)

    return {"JAX": jax_gradient(jax, loss, args)}


@needs("torch")
def transformer_by_torch(torch: Any, args: tuple[Any, ...]) -> Contenders:
    F = torch.nn.functional

    def attention(p: Params, x: Any) -> Any:
        qkv = (x @ p["qkv"] + p["b_qkv"]).reshape(len(x), PLACES, 3, HEADS, WIDTH // HEADS)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        return mixed.reshape(len(x), PLACES, WIDTH) @ p["out"] + p["b_out"]

    def loss(p: Params, x: Any, goal: Any) -> Any:
        x = x + attention(p, F.layer_norm(x, (WIDTH,), p["gain1"], p["shift1"], EPSILON))
        inner = F.layer_norm(x, (WIDTH,), p["gain2"], p["shift2"], EPSILON) @ p["up"] + p["b_up"]
        return F.mse_loss(x + F.gelu(inner, approximate="tanh") @ p["down"] + p["b_down"], goal)

    return {"PyTorch": torch_gradient(torch, loss, args)}


# --- convolution net: 28 × 28 → 8 channels → 13 × 13 → 16 channels → 5 × 5 → 10


def convolution_data(batch: int) -> tuple[Any, ...]:
    shapes: dict[str, tuple[int, ...]] = {
        "k1": (3, 3, 1, 8),
        "b1": (8,),
        "k2": (3, 3, 8, 16),
        "b2": (16,),
        "w": (400, 10),
        "b": (10,),
    }
    return drawn(shapes), numbers(batch, 28, 28, 1), digits(batch)


def convolution_net(p: Params, x: Any, labels: Any) -> Any:
    x = pooled(np.maximum(convolved(x, p["k1"]) + p["b1"], 0))
    x = pooled(np.maximum(convolved(x, p["k2"]) + p["b2"], 0))
    return cross_entropy(np.reshape(x, (len(x), -1)) @ p["w"] + p["b"], labels)


def convolved(x: Any, kernel: Any) -> Any:
    """The sum over the kernel's places of the image shifted there times the weights of that place."""
    rows, columns = x.shape[1] - 2, x.shape[2] - 2
    parts = [x[:, i : i + rows, j : j + columns] @ kernel[i, j] for i in range(3) for j in range(3)]
    return sum(parts[1:], parts[0])


def pooled(x: Any) -> Any:
    """The largest of each two by two, an odd last row or column left out."""
    batch, rows, columns, channels = x.shape
    x = x[:, : rows // 2 * 2, : columns // 2 * 2]
    return np.max(np.reshape(x, (batch, rows // 2, 2, columns // 2, 2, channels)), axis=(2, 4))


@needs("jax")
def convolution_by_jax(jax: Any, args: tuple[Any, ...]) -> Contenders:
    lax, jnp = jax.lax, jax.numpy

    def convolved(x: Any, kernel: Any) -> Any:
        return lax.conv_general_dilated(
            x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    def windows(x: Any) -> Any:
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def reshaped(x: Any) -> Any:
        batch, rows, columns, channels = x.shape
        x = x[:, : rows // 2 * 2, : columns // 2 * 2]
        return jnp.max(x.reshape(batch, rows // 2, 2, columns // 2, 2, channels), axis=(2, 4))

    def loss(pooled: Callable[[Any], Any], p: Params, x: Any, labels: Any) -> Any:
        x = pooled(jax.nn.relu(convolved(x, p["k1"]) + p["b1"]))
        x = pooled(jax.nn.relu(convolved(x, p["k2"]) + p["b2"]))
        return jax_cross_entropy(jax, x.reshape(len(x), -1) @ p["w"] + p["b"], labels)

    forms = {"JAX": reshaped, "JAX, reduce_window": windows}
    return {name: jax_gradient(jax, functools.partial(loss, pool), args) for name, pool in forms.items()}


@needs("torch")
def convolution_by_torch(torch: Any, args: tuple[Any, ...]) -> Contenders:
    F = torch.nn.functional

    def convolved(x: Any, kernel: Any, bias: Any) -> Any:
        return F.conv2d(x, kernel.permute(3, 2, 0, 1), bias)

    def loss(p: Params, x: Any, labels: Any) -> Any:
        x = x.permute(0, 3, 1, 2)
        x = F.max_pool2d(F.relu(convolved(x, p["k1"], p["b1"])), 2)
        x = F.max_pool2d(F.relu(convolved(x, p["k2"], p["b2"])), 2)
        return F.cross_entropy(x.permute(0, 2, 3, 1).flatten(1) @ p["w"] + p["b"], labels)

    return {"PyTorch": torch_gradient(torch, loss, args)}


# --- the race


class Net(NamedTuple):
    loss: Callable[..., Any]
    data: Callable[[int], tuple[Any, ...]]
    peers: tuple[Callable[..., Contenders], ...]
    batches: tuple[int, ...]


NETS = {
    "perceptron": Net(perceptron, perceptron_data, (perceptron_by_jax, perceptron_by_torch), (32, 256)),
    "transformer block": Net(
        transformer, transformer_data, (transformer_by_jax, transformer_by_torch), (4, 32)
    ),
    "convolution net": Net(
        convolution_net, convolution_data, (convolution_by_jax, convolution_by_torch), (32,)
    ),
}


def contenders(net: Net, batch: int) -> Contenders:
    args = net.data(batch)
    found = nazad_gradient(net.loss, args)
    for peer in net.peers:
        found |= peer(args)
    return found


def main() -> None:
    chosen = options(__doc__)
    cases = {
        f"{name}, batch {batch}": functools.partial(contenders, net, batch)
        for name, net in NETS.items()
        for batch in ((2,) if chosen.quick else net.batches)
    }
    compare("Networks: value and gradient, float32, one thread", cases, chosen, turn=1e-3)


if __name__ == "__main__":
    main()
