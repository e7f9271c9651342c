"""The arguments of one call, taken apart: arrays, which a graph may depend on, and what stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad.graph import Traced, Value
from nazad.tree import Structure, flatten, paths_in, unflatten


class Packed(NamedTuple):
    """Arguments, and which of their leaves are arrays or traced values.

    Attributes
    ----------
    leaves : list
        All leaves of positional and keyword arguments.
    structure : Structure
        That of the pair of them.
    places : list of int
        The leaves that are arrays or traced.
    """

    leaves: list[Any]
    structure: Structure
    places: list[int]

    @classmethod
    def of(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Packed:
        leaves, structure = flatten((args, kwargs))
        kinds = (Traced, np.ndarray)
        return cls(leaves, structure, [k for k, x in enumerate(leaves) if isinstance(x, kinds)])

    @property
    def arrays(self) -> list[Value]:
        """The leaves that are arrays or traced."""
        return [self.leaves[k] for k in self.places]

    @property
    def names(self) -> list[str]:
        """How the user would write them."""
        paths = paths_in(self.structure)
        return ["args" + paths[k].removeprefix("[0]").removeprefix("[1]") for k in self.places]

    def unpacked(self, arrays: Sequence[Value]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with other arrays."""
        whole = list(self.leaves)
        for k, x in zip(self.places, arrays, strict=True):
            whole[k] = x
        args, kwargs = unflatten(self.structure, whole)
        return args, kwargs
