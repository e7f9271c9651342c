"""ADBench's mixture of Gaussians: value, and gradient by weights, means and covariance factors.

Šrajer, Kukelova, Fitzgibbon, *A benchmark of selected algorithmic differentiation tools on some problems in
computer vision and machine learning*, 2018. The objective, with Q lower triangular, exp(q) on its diagonal
and l below it column by column, is

    −½ n d log 2π + Σᵢ logsumexpₖ(αₖ + Σ qₖ − ½ ‖Qₖ (xᵢ − μₖ)‖²) − n logsumexp(α)
        + Σₖ (½ γ² (‖exp qₖ‖² + ‖lₖ‖²) − m Σ qₖ) − k (the constant of the Wishart prior),

as ADBench has it, the sign of the prior included. ``python benchmarks/adbench/gmm.py`` runs the sizes of the
table, ``--quick`` small ones.
"""

from __future__ import annotations

import functools
import math
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

SIZES = ((1000, 2, 5), (1000, 10, 25), (10_000, 10, 25), (1000, 64, 5), (1000, 128, 25))
QUICK = ((50, 2, 5), (30, 10, 4))
GAMMA, M = 1.0, 0
BY = (0, 1, 2, 3)  # weights, means, q and l; the points are data


def data(n: int, d: int, k: int) -> tuple[np.ndarray, ...]:
    """Weights, means, q, l and points, drawn as ADBench draws them."""
    rng = np.random.default_rng(31337)
    alpha, means = rng.normal(size=k), rng.uniform(size=(k, d))
    q, below = rng.normal(size=(k, d)), rng.normal(size=(k, d * (d - 1) // 2))
    return alpha, means, q, below, rng.normal(size=(n, d))


def places(d: int) -> np.ndarray:
    """Where entry (i, j) of the triangle stands in the row of exp(q), l and a zero."""
    columns, rows = np.triu_indices(d, 1)  # the pairs below the diagonal, column by column
    found = np.full((d, d), d + len(rows))
    found[np.arange(d), np.arange(d)] = np.arange(d)
    found[rows, columns] = d + np.arange(len(rows))
    return found


def constant(n: int, d: int, k: int) -> float:
    freedom = d + M + 1
    a = 0.5 * freedom
    gammas = 0.25 * d * (d - 1) * math.log(math.pi) + sum(math.lgamma(a - 0.5 * j) for j in range(d))
    wishart = freedom * d * math.log(GAMMA / math.sqrt(2)) - gammas
    return -0.5 * n * d * math.log(2 * math.pi) - k * wishart


def written_in(np: Any) -> Callable[..., Any]:
    """The objective as a user of NumPy writes it; autograd brings a NumPy of its own."""

    def logsumexp(x: Any, axis: int) -> Any:
        top = np.max(x, axis=axis, keepdims=True)
        return np.squeeze(top, axis) + np.log(np.sum(np.exp(x - top), axis=axis))

    def objective(alpha: Any, means: Any, q: Any, below: Any, x: Any) -> Any:
        (n, d), k = x.shape, len(alpha)
        entries = np.concatenate([np.exp(q), below, np.zeros((k, 1))], axis=1)
        Q = entries[:, places(d)]
        y = np.einsum("kij,nj->nki", Q, x) - np.einsum("kij,kj->ki", Q, means)
        terms = alpha + np.sum(q, axis=1) - 0.5 * np.sum(y**2, axis=2)
        prior = 0.5 * GAMMA**2 * (np.sum(np.exp(q) ** 2) + np.sum(below**2)) - M * np.sum(q)
        return np.sum(logsumexp(terms, 1)) - n * logsumexp(alpha, 0) + prior + constant(n, d, k)

    return objective


@needs("jax")
def by_jax(jax: Any, args: tuple[Any, ...]) -> Contenders:
    jnp, logsumexp = jax.numpy, jax.nn.logsumexp
    (n, d), k = args[-1].shape, len(args[0])
    where = places(d)

    def triangle(q: Any, below: Any) -> Any:
        return jnp.concatenate([jnp.exp(q), below, jnp.zeros((k, 1))], axis=1)[:, where]

    def prior(q: Any, below: Any) -> Any:
        squares = jnp.sum(jnp.exp(q) ** 2) + jnp.sum(below**2)
        return 0.5 * GAMMA**2 * squares - M * jnp.sum(q) + constant(n, d, k)

    def joined(alpha: Any, q: Any, below: Any, squares: Any) -> Any:
        terms = alpha + jnp.sum(q, axis=1) - 0.5 * squares
        return jnp.sum(logsumexp(terms, axis=1)) - n * logsumexp(alpha) + prior(q, below)

    def one_product(alpha: Any, means: Any, q: Any, below: Any, x: Any) -> Any:
        """All components in one matrix product."""
        Q = triangle(q, below)
        y = (x @ Q.reshape(k * d, d).T).reshape(n, k, d) - jnp.einsum("kij,kj->ki", Q, means)
        return joined(alpha, q, below, jnp.sum(y**2, axis=2))

    def mapped(alpha: Any, means: Any, q: Any, below: Any, x: Any) -> Any:
        """A component at a time, by vmap."""
        one = jax.vmap(lambda Q, mean: jnp.sum((x @ Q.T - Q @ mean) ** 2, axis=1), out_axes=1)
        return joined(alpha, q, below, one(triangle(q, below), means))

    def in_blocks(alpha: Any, means: Any, q: Any, below: Any, x: Any) -> Any:
        """As one product, but of so few rows at a time that y stays in the cache."""
        Q, rows = triangle(q, below), min(n, 500 if d < 32 else 100)
        Qm, base = jnp.einsum("kij,kj->ki", Q, means), alpha + jnp.sum(q, axis=1)

        def block(x: Any) -> Any:
            y = (x @ Q.reshape(k * d, d).T).reshape(rows, k, d) - Qm
            return jnp.sum(logsumexp(base - 0.5 * jnp.sum(y**2, axis=2), axis=1))

        likelihood = jnp.sum(jax.lax.map(block, x.reshape(-1, rows, d)))
        return likelihood - n * logsumexp(alpha) + prior(q, below)

    def centred(alpha: Any, means: Any, q: Any, below: Any, x: Any) -> Any:
        """As most write it, after the formula."""
        columns, rows = np.triu_indices(d, 1)
        L = jnp.zeros((k, d, d)).at[:, rows, columns].set(below)
        apart = x[:, None, :] - means
        y = jnp.exp(q) * apart + jnp.einsum("kij,nkj->nki", L, apart)
        return joined(alpha, q, below, jnp.sum(y**2, axis=2))

    forms = {"JAX": one_product, "JAX, vmap": mapped, "JAX, blocks": in_blocks, "JAX, centred": centred}
    return {name: jax_gradient(jax, f, args, BY) for name, f in forms.items()}


@needs("torch")
def by_torch(torch: Any, args: tuple[Any, ...]) -> Contenders:
    (n, d), k = args[-1].shape, len(args[0])
    where, zero = torch.from_numpy(places(d)), torch.zeros(k, 1, dtype=torch.float64)

    def objective(alpha: Any, means: Any, q: Any, below: Any, x: Any) -> Any:
        Q = torch.cat([torch.exp(q), below, zero], dim=1)[:, where]
        y = (x @ Q.reshape(k * d, d).T).reshape(n, k, d) - torch.einsum("kij,kj->ki", Q, means)
        terms = alpha + torch.sum(q, dim=1) - 0.5 * torch.sum(y**2, dim=2)
        prior = 0.5 * GAMMA**2 * (torch.sum(torch.exp(q) ** 2) + torch.sum(below**2)) - M * torch.sum(q)
        total = torch.sum(torch.logsumexp(terms, 1)) - n * torch.logsumexp(alpha, 0)
        return total + prior + constant(n, d, k)

    return {"PyTorch": torch_gradient(torch, objective, args, BY)}


@needs("autograd", "autograd.numpy")
def by_autograd(autograd: Any, numpy: Any, args: tuple[Any, ...]) -> Contenders:
    return {"autograd": functools.partial(autograd.value_and_grad(written_in(numpy), BY), *args)}


def contenders(n: int, d: int, k: int) -> Contenders:
    args = data(n, d, k)
    ours = nazad_gradient(written_in(np), args, BY)
    return ours | by_jax(args) | by_torch(args) | by_autograd(args)


def main() -> None:
    chosen = options(__doc__)
    sizes = QUICK if chosen.quick else SIZES
    cases = {f"n = {n}, d = {d}, k = {k}": functools.partial(contenders, n, d, k) for n, d, k in sizes}
    compare("ADBench GMM: value and gradient, one thread", cases, chosen, turn=0.02)


if __name__ == "__main__":
    main()
