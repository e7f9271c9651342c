"""``x.flat``: the entries of a traced array in row-major order, to be read and written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nazad.graph import Value, shape_of


class Flat:
    """What ``x.flat`` is."""

    def __init__(self, x: Any) -> None:
        self.base = x

    def __len__(self) -> int:
        return int(np.size(self.base))

    def __iter__(self) -> Iterator[Any]:
        return iter(np.ravel(self.base))

    def __getitem__(self, key: Any) -> Any:
        return self.base[self._places(key)]

    def __setitem__(self, key: Any, value: Any) -> None:
        places = self._places(key)
        self.base[places] = repeated(value, np.shape(places[0]) if places else ())

    def _places(self, key: Any) -> tuple[Any, ...]:
        numbers = np.arange(len(self))[key]
        return tuple(np.unravel_index(numbers, shape_of(self.base)))


def repeated(values: Any, shape: tuple[int, ...]) -> Value:
    """As many entries as asked for, over again from the first, as NumPy's functions take what they write.

    Examples
    --------
    >>> repeated([1.0, 2.0], (3,))
    array([1., 2., 1.])
    """
    flat = np.ravel(values)
    count = int(np.prod(shape, dtype=int))
    if np.size(flat) == count:
        return np.reshape(flat, shape)
    return flat[np.reshape(np.arange(count) % max(np.size(flat), 1), shape)]
