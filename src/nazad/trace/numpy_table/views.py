"""Which functions of NumPy may give a view of their argument; what all others give shares nothing with it."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nazad.graph import Traced, shape_of
from nazad.trace.inside import plain

_NAMES = (
    "reshape ravel transpose permute_dims matrix_transpose swapaxes moveaxis rollaxis expand_dims squeeze "
    "broadcast_to broadcast_arrays atleast_1d atleast_2d atleast_3d split array_split hsplit vsplit dsplit "
    "unstack diagonal diag flip fliplr flipud rot90 real imag real_if_close einsum trim_zeros meshgrid "
    "nan_to_num astype linalg.diagonal linalg.matrix_transpose lib.stride_tricks.sliding_window_view"
)
VIEWS: set[Callable[..., Any]] = set()
for _name in _NAMES.split():
    with contextlib.suppress(AttributeError):  # younger releases of NumPy add some
        VIEWS.add(operator.attrgetter(_name)(np))


ARRAYS = frozenset({np.copy, np.where, np.zeros_like, np.ones_like, np.full_like, np.empty_like})
"""What gives arrays even without axes. Of anything else, such a result is a number, unless it is a view."""


def number(result: Any, args: Sequence[Any]) -> Any:
    """A result without axes as a number, which ``+=`` replaces; an array would change under all its names."""
    if not isinstance(result, Traced) or shape_of(result) or any(result is x for x in args):
        return result
    array: Any = result
    return array[()] if array.base is None and type(plain(array)) is np.ndarray else array


def fresh(result: Any, args: Sequence[Any]) -> Any:
    """A result that shares nothing with the arguments, so that writing into one leaves the other as it is."""
    if type(result) in (list, tuple):
        return type(result)([fresh(each, args) for each in result])
    if not isinstance(result, Traced):
        return result
    array: Any = result
    return array.copy() if array.base is not None or any(array is x for x in args) else array
