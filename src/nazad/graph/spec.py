"""What is known of a value without looking at its numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

PYTHON_NUMBERS = frozenset((float, int, bool, complex))
"""Types that are weak in NumPy's promotion and have neither shape nor dtype."""

NUMERIC = "biufc"
"""Kinds of dtypes that are numbers: truths, integers, real and complex ones."""


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of an array, a traced value or a number; on traced values much faster than ``np.shape``."""
    try:
        return x.shape  # type: ignore[no-any-return]
    except AttributeError:
        return np.shape(x)


def rank_of(x: Any) -> int:
    """The number of axes of an array, a traced value or a number."""
    return len(shape_of(x))


def dtype_of(x: Any) -> np.dtype[Any]:
    """The dtype of an array, a traced value or a number."""
    try:
        return x.dtype  # type: ignore[no-any-return]
    except AttributeError:
        return np.result_type(type(x))


def is_real(x: Any) -> bool:
    """Whether derivatives flow through this value: integers and booleans carry none.

    A Python integer counts as a number like any other; it stands in formulas as 2 does in 2 x.
    """
    return type(x) in PYTHON_NUMBERS or x.dtype.kind in "fc"


def is_complex(x: Any) -> bool:
    """Whether a number, or those in an array, are complex; several results are not one."""
    return type(x) is not tuple and bool(dtype_of(x).kind == "c")


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
    def of(cls, value: Any) -> Any:
        """The spec of an array, a traced value or a Python number; a tuple of them for several results."""
        if type(value) is tuple:
            return tuple([cls.of(each) for each in value])
        try:
            return tuple.__new__(cls, (value.shape, value.dtype))  # half the time of cls(...)
        except AttributeError:
            return cls((), dtype_of(value))

    def __str__(self) -> str:
        return f"{self.dtype}{list(self.shape)}" if self.shape else str(self.dtype)
