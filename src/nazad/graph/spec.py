"""What is known of a value without looking at its numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Spec(NamedTuple):
    """Shape and dtype of an array value.

    Examples
    --------
    >>> Spec.of(np.zeros((2, 3), np.float32))
    Spec(shape=(2, 3), dtype=dtype('float32'))
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, value: Any) -> Spec:
        """The spec of an array, a traced value or a Python number."""
        try:
            return cls(value.shape, value.dtype)
        except AttributeError:
            return cls((), np.result_type(type(value)))

    def __str__(self) -> str:
        return f"{self.dtype}{list(self.shape)}" if self.shape else str(self.dtype)
