"""The other libraries, each optional: what is installed takes part, what is not is named once and left out.

They are met on their own ground: data already in their own arrays, double precision where it is asked for,
compiled where they compile, and waited for, since JAX returns before it has finished. A contender of nazad
is ``nz.jit`` of the function as it stands.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import one_thread
import optree
from side_by_side import Contenders

import nazad as nz


def one_threaded(torch: Any) -> None:
    torch.set_num_threads(one_thread.THREADS)


def double(jax: Any) -> None:
    jax.config.update("jax_enable_x64", True)


READY: dict[str, Callable[[Any], None]] = {"jax": double, "torch": one_threaded}


@functools.cache
def library(name: str) -> Any:
    """The module, made ready for a comparison, or None if it is not installed."""
    try:
        module = importlib.import_module(name)
    except ImportError:
        print(f"left out: {name} is not installed")
        return None
    READY.get(name, lambda _: None)(module)
    return module


def needs(*names: str) -> Callable[[Callable[..., Contenders]], Callable[..., Contenders]]:
    """The contenders of a function that takes these libraries first; none if one is not installed."""

    def decorate(make: Callable[..., Contenders]) -> Callable[..., Contenders]:
        @functools.wraps(make)
        def contenders(*args: Any) -> Contenders:
            if any(library(name) is None for name in names):
                return {}
            return make(*map(library, names), *args)

        return contenders

    return decorate


def by_nazad(f: Callable[..., Any], args: Sequence[Any]) -> Contenders:
    """``f`` compiled; nobody, as long as there is no compiler."""
    jit = getattr(nz, "jit", None)
    return {"nazad": functools.partial(jit(f), *args)} if jit else {}


def nazad_gradient(f: Callable[..., Any], args: Sequence[Any], argnums: Any = 0) -> Contenders:
    """Value and gradient compiled; interpreted, as long as there is no compiler, and then called so."""
    gradient = nz.value_and_grad(f, argnums=argnums)
    return by_nazad(gradient, args) or {"nazad, interpreted": functools.partial(gradient, *args)}


def by_jax(jax: Any, f: Callable[..., Any], args: Sequence[Any]) -> Callable[[], Any]:
    """``f`` compiled by JAX, on arguments that lie in its own arrays already."""
    compiled, held = jax.jit(f), jax.device_put(tuple(args))
    return lambda: jax.block_until_ready(compiled(*held))


def jax_gradient(jax: Any, f: Callable[..., Any], args: Sequence[Any], argnums: Any = 0) -> Callable[[], Any]:
    return by_jax(jax, jax.value_and_grad(f, argnums=argnums), args)


def torch_gradient(
    torch: Any, f: Callable[..., Any], args: Sequence[Any], argnums: Any = 0
) -> Callable[[], Any]:
    """Value and gradient by PyTorch's tape; an argument may be a structure of arrays."""
    chosen = [argnums] if isinstance(argnums, int) else list(argnums)
    held = [optree.tree_map(lambda a: as_tensor(torch, a), arg) for arg in args]
    leaves, structure = optree.tree_flatten([held[k] for k in chosen])
    for leaf in leaves:
        leaf.requires_grad_()

    def call() -> Any:
        value = f(*held)
        shares = optree.tree_unflatten(structure, torch.autograd.grad(value, leaves))
        return value.detach(), shares[0] if isinstance(argnums, int) else tuple(shares)

    return call


def as_tensor(torch: Any, a: Any) -> Any:
    return torch.from_numpy(a.copy()) if isinstance(a, np.ndarray) else a
