"""time(value and gradient) / time(value), both interpreted: Griewank's bound is 4.

On arrays large enough not to measure Python. The value is a traced run, as the gradient's forward pass is;
beside it stands the plain NumPy call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from side_by_side import medians, report

import nazad as nz

rng = np.random.default_rng(0)


def examples() -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
    n, d = 100_000, 50
    X, y, w = rng.normal(size=(n, d)), rng.integers(0, 2, n).astype(float), rng.normal(size=d)
    x = rng.normal(size=1_000_000)
    big = {"w1": rng.normal(size=(256, 512)) / 16, "w2": rng.normal(size=(512, 10)) / 22, "b": np.zeros(512)}
    inputs, labels = rng.normal(size=(1024, 256)), rng.integers(0, 10, 1024)
    image, kernel = rng.normal(size=(512, 512)), rng.normal(size=(5, 5))
    q, k, v = (rng.normal(size=(8, 256, 64)) for _ in range(3))
    means, points = rng.normal(size=(25, 10)), rng.normal(size=(10_000, 10))
    return {
        "logistic regression": (lambda w: np.mean(np.logaddexp(0, X @ w) - y * (X @ w)), (w,)),
        "perceptron with softmax": (lambda p: perceptron(p, inputs, labels), (big,)),
        "chain of elementwise functions": (
            lambda x: np.sum(np.tanh(np.sin(x) * np.exp(-(x**2))) + np.sqrt(1 + x**2)),
            (x,),
        ),
        "sums and products only": (lambda x: np.sum(x * x + 3 * x - x / 2), (x,)),
        "convolution by slices": (lambda k: convolution(image, k), (kernel,)),
        "attention": (attention, (q, k, v)),
        "mixture of Gaussians": (lambda m: mixture(m, points), (means,)),
        "Rosenbrock, n = 1 000 000": (
            lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2),
            (x,),
        ),
        "running sums": (lambda x: np.sum(np.cumsum(x) ** 2) / x.size, (x,)),
        "sorted, weighted": (lambda x: np.sum(np.sort(x) * np.arange(x.size)), (x[:200_000],)),
    }


def perceptron(p: Any, X: Any, labels: Any) -> Any:
    scores = np.maximum(X @ p["w1"] + p["b"], 0) @ p["w2"]
    top = scores - np.max(scores, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(top), axis=1)) - top[np.arange(len(labels)), labels])


def convolution(image: Any, kernel: Any) -> Any:
    rows, columns = image.shape[0] - 4, image.shape[1] - 4
    total: Any = 0.0
    for i in range(5):
        for j in range(5):
            total = total + kernel[i, j] * image[i : i + rows, j : j + columns]
    return np.sum(np.tanh(total))


def attention(q: Any, k: Any, v: Any) -> Any:
    scores = q @ np.swapaxes(k, -1, -2) / 8.0
    weights = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    return np.sum((weights / np.sum(weights, axis=-1, keepdims=True)) @ v)


def mixture(means: Any, points: Any) -> Any:
    distance = np.sum((points[:, None, :] - means) ** 2, axis=2)
    lowest = np.min(distance, axis=1, keepdims=True)
    return np.sum(np.log(np.sum(np.exp(-0.5 * (distance - lowest)), axis=1)) - 0.5 * lowest[:, 0])


def main() -> None:
    rows, data = [], {}
    for title, (f, args) in examples().items():
        everything = tuple(range(len(args)))
        with_gradient = nz.value_and_grad(f, argnums=everything)
        G = nz.trace(f, *args)
        leaves = nz.tree.flatten(args)[0]
        times = medians(
            {
                "plain": lambda f=f, args=args: f(*args),
                "value": lambda G=G, leaves=leaves: G.forward(leaves),
                "gradient": lambda g=with_gradient, args=args: g(*args),
            },
            seconds=3,
        )
        ratio = times["gradient"] / times["value"]
        data[title] = times | {"ratio": ratio}
        rows.append(
            [title, *(f"{times[k] * 1e3:.1f}" for k in ("plain", "value", "gradient")), f"{ratio:.2f}"]
        )
    report(
        "Griewank: value and gradient over value (bound 4), ms",
        ["", "plain NumPy", "value", "value and gradient", "ratio"],
        rows,
        data,
    )


if __name__ == "__main__":
    main()
