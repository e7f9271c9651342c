"""What is covered, function by function, read off the tables that tracing itself uses.

Three verdicts: a function is differentiated to any order, or it has values alone (whole numbers, truths,
steps, and constants), so that its derivative is zero, or it is not covered, for a reason stated here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from nazad.errors import ArgumentError
from nazad.graph import Primitive
from nazad.ops.families import Elementwise
from nazad.trace import scipy_table
from nazad.trace.array import Array
from nazad.trace.numpy_table import METHODS
from nazad.trace.numpy_table.dispatch import FUNCTIONS, UFUNCS, VALUES_ONLY

DERIVATIVE, VALUE, NOT = "derivative to any order", "value only, derivative zero", "not covered"
NAMESPACES = (
    *("numpy", "numpy.ndarray", "numpy.emath", "numpy.linalg", "numpy.fft"),
    *("scipy.special", "scipy.linalg", "scipy.stats"),
)

AS_THEY_ARE = {
    VALUE: (
        "bartlett blackman broadcast_shapes diag_indices eye fftfreq hamming hanning identity indices "
        "dtype isdtype isscalar issubdtype itemsize iterable kaiser mask_indices mintypecode nbytes "
        "promote_types rfftfreq tri tril_indices triu_indices typename"
    ),
    DERIVATIVE: "fromfunction row_stack",
}
"""Functions that need no rule: made of sizes and dtypes alone, or of calls of other functions."""

REASONS = {
    "reads or writes files": "fromfile fromregex genfromtxt load loadtxt save savetxt savez savez_compressed",
    "numbers as text": "base_repr binary_repr format_float_positional format_float_scientific fromstring",
    "dates are no numbers": "busday_count busday_offset datetime_as_string datetime_data is_busday isnat",
    "settings and state of NumPy": (
        "get_include get_printoptions getbufsize geterr geterrcall info printoptions set_printoptions "
        "setbufsize seterr seterrcall show_config show_runtime test"
    ),
    "asks where arrays lie in memory": (
        "from_dlpack frombuffer isfortran may_share_memory nested_iters shares_memory"
    ),
    "makes matrices, whose operations are their own": "asmatrix bmat",
    "works on Python objects": "fromiter frompyfunc",
    "shows or changes the memory of an array": (
        "base byteswap ctypes data device dump dumps flags getfield resize setfield setflags strides "
        "to_device tobytes tofile view"
    ),
}
"""Why functions are not covered."""

NO_RULE = "no rule yet"


class Row(NamedTuple):
    """A line of the table of coverage."""

    name: str
    verdict: str
    reason: str = ""


def coverage(namespace: str) -> list[Row]:
    """The verdict on every function of a namespace.

    Parameters
    ----------
    namespace : str
        One of ``NAMESPACES``, such as ``"numpy.linalg"``.

    Returns
    -------
    list of Row
        Name, verdict, and the reason if the function is not covered, in the order of names.

    Examples
    --------
    >>> rows = {row.name: row for row in coverage("numpy")}
    >>> rows["interp"].verdict, rows["argmax"].verdict
    ('derivative to any order', 'value only, derivative zero')
    >>> rows["loadtxt"]
    Row(name='loadtxt', verdict='not covered', reason='reads or writes files')
    """
    if namespace not in NAMESPACES:
        raise ArgumentError(f"coverage of {namespace!r}", f"One of {', '.join(NAMESPACES)}.")
    if namespace == "numpy.ndarray":
        return [_method_row(name) for name in dir(np.ndarray) if not name.startswith("_")]
    package, _, subject = namespace.partition(".")
    if package == "scipy":
        scipy_table.open_room(subject)
    module = importlib.import_module("numpy.lib.scimath" if namespace == "numpy.emath" else namespace)
    return [_row(name, function) for name, function in _public(module)]


def _public(module: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Functions and ufuncs by their name, without classes and submodules."""
    for name in sorted(getattr(module, "__all__", dir(module))):
        thing = getattr(module, name, None)
        if not name.startswith("_") and callable(thing) and not isinstance(thing, type):
            yield name, thing


def _row(name: str, function: Callable[..., Any]) -> Row:
    if function in UFUNCS or function in FUNCTIONS or function in scipy_table.FUNCTIONS:
        return Row(name, VALUE if _is_flat(function) else DERIVATIVE)
    return _stated(name) or Row(name, NOT, NO_RULE)


def _stated(name: str) -> Row | None:
    """The verdict on what has no rule of its own, as it stands in the tables above."""
    for verdict, names in AS_THEY_ARE.items():
        if name in names.split():
            return Row(name, verdict)
    reasons = [reason for reason, names in REASONS.items() if name in names.split()]
    return Row(name, NOT, reasons[0]) if reasons else None


def _method_row(name: str) -> Row:
    """A method or an attribute of an array; mostly there is a function of NumPy by the same name."""
    stated = _stated(name)
    if stated is not None:
        return stated
    if name not in METHODS and not hasattr(Array, name):
        return Row(name, NOT, NO_RULE)
    return _row(name, getattr(np, name)) if hasattr(np, name) else Row(name, DERIVATIVE)


def _is_flat(function: Callable[..., Any]) -> bool:
    """Whether values have no derivative: it is said of functions, and seen from the partials of ufuncs."""
    op = UFUNCS.get(function) if isinstance(function, np.ufunc) else None
    if isinstance(op, Primitive):
        return isinstance(op, Elementwise) and all(d is None for d in op.derivs)
    return function in VALUES_ONLY
