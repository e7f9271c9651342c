"""Functions with a derivative of their own."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nazad.api.carry import own
from nazad.api.chosen import called, demand_function
from nazad.api.packed import Packed
from nazad.bodies.custom import custom as custom_op
from nazad.bodies.derive import Flags
from nazad.bodies.traced import is_traced
from nazad.errors import ArgumentError, NoRuleError, ShapeError
from nazad.graph import Value, here, shape_of, zeros_like
from nazad.tree import Structure, flatten, unflatten

Rule = Callable[..., Any]


class Custom:
    """A function with a derivative of its own; made by :func:`custom`."""

    def __init__(self, f: Callable[..., Any], nondiff: tuple[int, ...]) -> None:
        functools.update_wrapper(self, f)
        self.f, self.nondiff = f, nondiff
        self.push: Rule | None = None
        self.pull: Rule | None = None

    def def_push(self, rule: Rule) -> Rule:
        """State forward mode.

        Parameters
        ----------
        rule : callable
            ``rule(x_dot, y, *args)`` is the tangent of the value, from that of the argument; for several
            arguments ``x_dot`` is the tuple of theirs. Written in NumPy, and linear in ``x_dot``.

        Returns
        -------
        callable
            The rule, so that this can be used as a decorator.
        """
        self.push = rule
        return rule

    def def_pull(self, rule: Rule) -> Rule:
        """State reverse mode.

        Parameters
        ----------
        rule : callable
            ``rule(y_bar, y, *args)`` is the share of the argument, from the cotangent of the value; for
            several arguments the tuple of theirs, None for zero. Written in NumPy, and linear in ``y_bar``.

        Returns
        -------
        callable
            The rule, so that this can be used as a decorator.
        """
        self.pull = rule
        return rule

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The value; on traced arguments one node, with these rules."""
        if kwargs:  # rules know arguments by their place
            bound = inspect.signature(self.f).bind(*args, **kwargs)
            bound.apply_defaults()
            args = bound.args
        packed = Packed.of(args, {})
        if not is_traced(packed.arrays):
            result = self.f(*own(args))
            if not is_traced(flatten(result)[0]):
                return result
        call = _Call(self, packed)
        results = custom_op(*packed.arrays, rules=call)
        return unflatten(call.returned, results)

    def __repr__(self) -> str:
        stated = [name for name in ("push", "pull") if getattr(self, name) is not None]
        return f"<{called(self.f)} with {' and '.join(stated) or 'no derivative'} of its own>"


class _Call:
    """One call: the rules on flat values. What is no array stays as it is."""

    def __init__(self, own: Custom, packed: Packed) -> None:
        self.own, self.packed = own, packed
        self.name = called(own.f)
        self.children = packed.structure.children()[0].children()  # those of the positional arguments
        self.returned: Structure = None
        self.push = None if own.push is None else self._push
        self.pull = None if own.pull is None else self._pull

    def value(self, xs: Sequence[Value]) -> list[Value]:
        leaves, self.returned = flatten(self.own.f(*self._args(xs)))
        return [x if hasattr(x, "dtype") else np.asarray(x)[()] for x in leaves]

    def demand(self, moving: Flags) -> None:
        if self.push is None and self.pull is None:
            raise NoRuleError(
                f"{self.name} has no derivative yet",
                "State one: @f.def_pull for reverse mode, @f.def_push for forward mode, or both.",
                here(),
            )
        for leaf, moves in zip(self.packed.places, moving, strict=True):
            k = self._argument(leaf)
            if moves and k in self.own.nondiff:
                raise NoRuleError(
                    f"argument {k} of {self.name} has no derivative, and something is differentiated by it",
                    "Leave it out of nondiff and state its share, or pass nz.stop_gradient(...).",
                    here(),
                )

    def _argument(self, leaf: int) -> int:
        """Which argument a leaf belongs to."""
        ends = np.cumsum([child.num_leaves for child in self.children])
        return int(np.searchsorted(ends, leaf, side="right"))

    # --- the two rules
    def _push(self, x_dots: Sequence[Value], ys: Sequence[Value], xs: Sequence[Value]) -> list[Value]:
        whole = [zeros_like(x) if isinstance(x, (float, np.floating)) else None for x in self.packed.leaves]
        for k, dot in zip(self.packed.places, x_dots, strict=True):
            whole[k] = dot
        tangents, _ = unflatten(self.packed.structure, whole)
        dots = [dot for k, dot in enumerate(own(tangents)) if k not in self.own.nondiff]
        rule: Any = self.own.push
        result = rule(dots[0] if len(dots) == 1 else tuple(dots), self._y(ys), *self._args(xs))
        leaves = self._leaves(result, self.returned, "push", "function")
        return [self._checked(x, y, "push") for x, y in zip(leaves, ys, strict=True)]

    def _pull(self, y_bars: Sequence[Value], ys: Sequence[Value], xs: Sequence[Value]) -> list[Value]:
        rule: Any = self.own.pull
        shares = iter(self._shares(rule(self._y(y_bars), self._y(ys), *self._args(xs))))
        whole: list[Value] = []
        for k, child in enumerate(self.children):
            share = None if k in self.own.nondiff else next(shares)
            none = share is None
            whole += [None] * child.num_leaves if none else self._leaves(share, child, "pull", "argument")
        return [self._checked(whole[k], x, "pull") for k, x in zip(self.packed.places, xs, strict=True)]

    def _shares(self, result: Any) -> tuple[Any, ...]:
        """One for each argument that has a derivative; the only one may stand by itself."""
        count = len(self.children) - len(self.own.nondiff)
        if count == 1 and not (isinstance(result, tuple) and len(result) == 1):
            return (result,)
        if not isinstance(result, tuple) or len(result) != count:
            raise ArgumentError(
                f"the pull of {self.name} returned {len(result) if isinstance(result, tuple) else 1} shares",
                f"It returns {count}: one for each argument that has a derivative, None for zero.",
                here(),
            )
        return result

    # --- small change
    def _args(self, xs: Sequence[Value]) -> tuple[Any, ...]:
        args: tuple[Any, ...] = own(self.packed.unpacked(xs)[0])
        return args

    def _y(self, ys: Sequence[Value]) -> Any:
        return own(unflatten(self.returned, ys))

    def _leaves(self, result: Any, structure: Structure, mode: str, whose: str) -> list[Value]:
        try:
            leaves: list[Value] = structure.flatten_up_to(result)
        except ValueError:
            raise ArgumentError(
                f"the {mode} of {self.name} returned another structure than that of the {whose}",
                f"It returns the structure {structure}.",
                here(),
            ) from None
        return leaves

    def _checked(self, share: Any, of: Value, mode: str) -> Any:
        if share is None or shape_of(share) == shape_of(of):
            return share if share is None or hasattr(share, "dtype") else np.asarray(share)[()]
        whose = "the value" if mode == "push" else "the argument"
        raise ShapeError(
            f"the {mode} of {self.name} returned shape {shape_of(share)}, and {whose} has {shape_of(of)}",
            "They have the same shape: add up along what was broadcast.",
            here(),
        )


def custom(f: Callable[..., Any] | None = None, *, nondiff: int | Sequence[int] = ()) -> Any:
    """A function with a derivative of its own.

    Parameters
    ----------
    f : callable
        A function of positional arguments, of any structure. It need not be written in NumPy: what it is
        called with are ordinary arrays. Without it, a decorator is returned.
    nondiff : int or sequence of int, optional
        Positions of arguments that have no share in the rules: functions, options, data.

    Returns
    -------
    Custom
        The function, whose derivative is stated by its decorators ``def_push`` and ``def_pull``.

    Raises
    ------
    NoRuleError
        When it is differentiated and states neither, or by an argument in ``nondiff``.

    Notes
    -----
    One of the two is enough: the other mode is its transpose, found by tracing the rule. Higher derivatives
    come from tracing the rules, too. A rule that is not written in NumPy (one that calls a solver, say) is
    made an operation in the same way, ``f.def_pull(nz.custom(rule))``, and serves one order of derivatives.
    :func:`check_gradients` holds the rules to differences of the function, and to each other by the adjoint
    identity.

    Examples
    --------
    >>> import numpy as np
    >>> import nazad as nz
    >>> @nz.custom
    ... def log1pexp(x):
    ...     return np.logaddexp(0.0, x)
    >>> @log1pexp.def_pull
    ... def _(y_bar, y, x):
    ...     return y_bar * (1 - np.exp(-y))
    >>> nz.grad(log1pexp)(0.0), nz.jvp(log1pexp, (0.0,), (2.0,))[1]
    (0.5, np.float64(1.0))
    >>> nz.check_gradients(log1pexp, 0.3, order=2).ok
    True
    """
    if f is None:
        return functools.partial(custom, nondiff=nondiff)
    demand_function(f, "custom")
    return Custom(f, (nondiff,) if isinstance(nondiff, int) else tuple(nondiff))
