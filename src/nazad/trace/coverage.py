"""What is covered, function by function, read off the tables that tracing itself uses.

Three verdicts: a function is differentiated to any order, or it has values alone (whole numbers, truths,
steps, and constants), so that its derivative is zero, or it is not covered, for a reason stated here.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from nazad.errors import ArgumentError
from nazad.ops.families import Elementwise
from nazad.ops.special.family import Unknown
from nazad.trace import scipy_table
from nazad.trace.array import Array
from nazad.trace.follow import tables  # noqa: F401  enters what stands in for functions
from nazad.trace.follow.standins import standin_of
from nazad.trace.numpy_table import METHODS, open_rooms
from nazad.trace.numpy_table.dispatch import FUNCTIONS, UFUNCS, VALUES_ONLY

DERIVATIVE, VALUE, NOT = "derivative to any order", "value only, derivative zero", "not covered"
NAMESPACES = (
    *("numpy", "numpy.ndarray", "numpy.emath", "numpy.linalg", "numpy.fft"),
    *("scipy.special", "scipy.linalg", "scipy.stats", "scipy.sparse", "scipy.sparse.linalg"),
)

AS_THEY_ARE = {
    VALUE: (
        "bartlett blackman broadcast_shapes diag_indices eye fftfreq hamming hanning identity indices "
        "dtype isdtype isscalar issubdtype itemsize iterable mask_indices mintypecode nbytes "
        "promote_types rfftfreq tri tril_indices triu_indices typename"
    ),
    DERIVATIVE: "fromfunction row_stack",
}
"""Functions of NumPy that need no rule: made of sizes and dtypes alone, or of calls of other functions."""

REASONS = {
    "reads or writes files": "fromfile fromregex genfromtxt load loadtxt save savetxt savez savez_compressed",
    "numbers as text": "base_repr binary_repr format_float_positional format_float_scientific fromstring",
    "dates are no numbers": "busday_count busday_offset datetime_as_string datetime_data is_busday isnat",
    "settings and state of NumPy": (
        "get_include get_printoptions getbufsize geterr geterrcall info printoptions set_printoptions "
        "setbufsize seterr seterrcall show_config show_runtime test"
    ),
    "asks where arrays lie in memory": (
        "from_dlpack frombuffer isfortran may_share_memory nested_iters require shares_memory"
    ),
    "makes matrices, whose operations are their own": "asmatrix bmat",
    "works on Python objects": "fromiter frompyfunc",
    "shows or changes the memory of an array": (
        "base byteswap ctypes data device dump dumps flags getfield resize setfield setflags strides "
        "to_device tobytes tofile view"
    ),
}
"""Why functions of NumPy are not covered."""

OF_SPECIAL = {
    "whole numbers in, constants out": (
        r"(\w+_)?roots(_\w+)?|\w+_zeros|bernoulli|euler|stirling2|factorial2|factorialk"
    ),
    "makes a polynomial, whose operations are its own": (
        r"(sh_)?(chebyt|chebyu|jacobi|legendre)|chebyc|chebys|(gen)?laguerre|gegenbauer|hermite(norm)?"
    ),
    "values of many orders at once": r"\w+_seq|\w+_all|lqmn|lqn|lmbda|riccati_\w+|mathieu_\w+_coef",
    "settings and state of SciPy": r"geterr|seterr",
}
OF_LINALG = {
    "made of sizes alone, a constant": r"dft|hadamard|helmert|hilbert|invhilbert|pascal|invpascal",
    "asks what is known of a matrix": r"bandwidth|issymmetric|ishermitian",
    "not unique, beyond signs and phases": r"cossin|hessenberg|ldl|null_space|ordqz|qz|schur|cdf2rdf|rsf2csf",
    "settings and state of SciPy": r"find_best_blas_type|get_(blas|lapack)_funcs",
    "a function that is given by its values alone": "funm",
    "draws random numbers": "clarkson_woodruff_transform",
}
OF_SPARSE = {
    "made of sizes alone, a constant": r"eye|eye_array|identity",
    "draws random numbers": r"rand|random|random_array",
    "reads or writes files": r"load_npz|save_npz",
    "asks what is known of a matrix": r"isspmatrix(_\w+)?|get_index_dtype|safely_cast_index_arrays",
}
OF_SPARSE_LINALG = {
    "goes on until it is near enough; its solution is differentiated with nz.root, or by spsolve": (
        r"bicg|bicgstab|cg|cgs|gcrotmk|gmres|lgmres|lsmr|lsqr|minres|qmr|tfqmr|lobpcg|eigs|eigsh|svds"
    ),
    "asks what is known of a matrix": r"is_sptriangular|spbandwidth|onenormest",
    "settings and state of SciPy": r"use_solver",
    "an operator or an approximation, whose methods are its own": r"aslinearoperator|spilu",
}
OF_SCIPY = {
    "special": OF_SPECIAL,
    "linalg": OF_LINALG,
    "sparse": OF_SPARSE,
    "sparse.linalg": OF_SPARSE_LINALG,
}
"""Why functions of these subpackages are not covered, by patterns of names."""

SAMPLES = "tests, fits and summaries of samples"


FOLLOWED = "where call sites are rewritten"
NO_RULE = "no rule yet"


class Row(NamedTuple):
    """A line of the table of coverage."""

    name: str
    verdict: str
    remark: str = ""


def coverage(namespace: str) -> list[Row]:
    """The verdict on every function of a namespace.

    Parameters
    ----------
    namespace : str
        One of ``NAMESPACES``, such as ``"numpy.linalg"``.

    Returns
    -------
    list of Row
        Name, verdict, and a remark: the reason if the function is not covered, the methods of a
        distribution, the arguments by which no derivative is known.

    Examples
    --------
    >>> rows = {row.name: row for row in coverage("numpy")}
    >>> rows["interp"].verdict, rows["argmax"].verdict
    ('derivative to any order', 'value only, derivative zero')
    >>> rows["loadtxt"]
    Row(name='loadtxt', verdict='not covered', remark='reads or writes files')
    """
    if namespace not in NAMESPACES:
        raise ArgumentError(f"coverage of {namespace!r}", f"One of {', '.join(NAMESPACES)}.")
    open_rooms()
    if namespace == "numpy.ndarray":
        return [_of_method(name) for name in dir(np.ndarray) if not name.startswith("_")]
    package, _, subject = namespace.partition(".")
    if package == "scipy":
        scipy_table.open_room(subject)
        return [_of_scipy(name, thing, subject) for name, thing in _public(namespace)]
    return [_of_numpy(name, thing) for name, thing in _public(namespace)]


def _public(namespace: str) -> Iterator[tuple[str, Any]]:
    """What can be called, by name, without classes."""
    module = importlib.import_module({"numpy.emath": "numpy.lib.scimath"}.get(namespace, namespace))
    for name in sorted(getattr(module, "__all__", dir(module))):
        thing = getattr(module, name, None)
        if not name.startswith("_") and callable(thing) and not isinstance(thing, type):
            yield name, thing


# --- NumPy
def _of_numpy(name: str, function: Any) -> Row:
    return _ruled(name, function) or _stated(name) or _stood_in_for(name, function)


def _stood_in_for(name: str, function: Any) -> Row:
    """Functions that take no notice of a traced value: something else is called in their place."""
    known = standin_of(function) is not None
    return Row(name, DERIVATIVE, FOLLOWED) if known else Row(name, NOT, NO_RULE)


def _of_method(name: str) -> Row:
    """A method or an attribute of an array; mostly there is a function of NumPy by the same name."""
    stated = _stated(name)
    if stated is not None:
        return stated
    if name not in METHODS and not hasattr(Array, name):
        return Row(name, NOT, NO_RULE)
    return _of_numpy(name, getattr(np, name)) if hasattr(np, name) else Row(name, DERIVATIVE)


def _stated(name: str) -> Row | None:
    """The verdict on what has no rule of its own, as it stands in the tables above."""
    for verdict, names in AS_THEY_ARE.items():
        if name in names.split():
            return Row(name, verdict)
    reasons = [reason for reason, names in REASONS.items() if name in names.split()]
    return Row(name, NOT, reasons[0]) if reasons else None


def _ruled(name: str, function: Any) -> Row | None:
    """The verdict on what is in the tables of rules."""
    op = UFUNCS.get(function) if isinstance(function, np.ufunc) else None
    if isinstance(op, Elementwise):
        return _of_partials(name, op.derivs)
    if op is not None or function in FUNCTIONS or function in scipy_table.FUNCTIONS:
        return Row(name, VALUE if function in VALUES_ONLY else DERIVATIVE)
    return None


def _of_partials(name: str, partials: Sequence[Any]) -> Row:
    unknown = [str(k) for k, d in enumerate(partials) if isinstance(d, Unknown)]
    if all(d is None for d in partials):
        return Row(name, VALUE)
    if all(d is None or isinstance(d, Unknown) for d in partials):
        return Row(name, NOT, "no formula is known for its derivative")
    return Row(name, DERIVATIVE, f"but not by argument {', '.join(unknown)}" if unknown else "")


# --- SciPy
def _of_scipy(name: str, thing: Any, subject: str) -> Row:
    if not hasattr(thing, "__name__"):
        return _of_distribution(name, thing)
    stated = OF_SCIPY.get(subject, {}).items()
    reasons = [reason for reason, names in stated if re.fullmatch(names, name)]
    if reasons:
        return Row(name, NOT, reasons[0])
    return _ruled(name, thing) or Row(name, NOT, SAMPLES if subject == "stats" else NO_RULE)


def _of_distribution(name: str, distribution: Any) -> Row:
    """The methods of a distribution that have a rule."""
    methods = dict.fromkeys(method for owner, method in scipy_table.METHODS if owner is type(distribution))
    named = ", ".join(method for method in methods if not method.startswith("_"))
    return Row(name, DERIVATIVE, named) if named else Row(name, NOT, NO_RULE)
