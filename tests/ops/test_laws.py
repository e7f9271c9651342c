"""Laws that every primitive obeys, drawn from the table of primitives itself.

calc = NumPy; push = central differences; the adjoint identity <y_bar, J x_dot> = <J^T y_bar, x_dot>; both
again on the derivative; batch = a Python loop. A primitive without a sample is an error. Whatever NumPy can
do with complex numbers obeys the same laws, in the pairing Re(sum(x_bar * x_dot)).
"""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import splu

import nazad as nz
from nazad import ops
from nazad.graph import Primitive
from nazad.ops import scipy_linalg, special
from nazad.ops.special.family import Unknown
from nazad.ops.structure import ARRAY, Layout

of_scipy = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("special_samples.py"))))

rng = np.random.default_rng(20)


class Sample(NamedTuple):
    """Arguments of a primitive, where it is smooth, and its parameters."""

    xs: tuple[Any, ...]
    params: dict[str, Any]
    shared: tuple[int, ...] = ()
    """Arguments that a batch has in common: whole numbers that belong together."""


def reals(*shape: int, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    return rng.uniform(low, high, shape)


def positive(*shape: int) -> np.ndarray:
    return reals(*shape, low=0.3, high=2.5)


def inside(*shape: int) -> np.ndarray:
    return reals(*shape, low=-0.8, high=0.8)


def whole(*shape: int) -> np.ndarray:
    return rng.integers(1, 9, shape)


def mask(*shape: int) -> np.ndarray:
    return rng.random(shape) < 0.5


def complexes(*shape: int) -> np.ndarray:
    return reals(*shape) + 1j * reals(*shape)


def square(*shape: int) -> np.ndarray:
    """Matrices with an inverse, and eigenvalues that are real and apart."""
    return inside(*shape, shape[-1]) + np.diag(np.arange(2.0, 4 * shape[-1], 4))


def definite(*shape: int) -> np.ndarray:
    x = inside(*shape, shape[-1])
    return x @ x.swapaxes(-1, -2) + np.diag(np.arange(2.0, 2 + shape[-1]))


DOMAINS: dict[str, Any] = dict.fromkeys(
    ["sqrt", "cbrt", "reciprocal", "log", "log2", "log10", "spacing"], positive
) | dict.fromkeys(["log1p", "arcsin", "arccos", "arctanh"], inside)
DOMAINS["arccosh"] = lambda *shape: 1.2 + positive(*shape)
BOOLEAN = {"logical_and", "logical_or", "logical_xor", "logical_not"}
INTEGER = {
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "invert",
    "left_shift",
    "right_shift",
    "gcd",
    "lcm",
    "bitwise_count",
}


def elementwise_samples(name: str, op: Any) -> list[Sample]:
    if name in BOOLEAN:
        return [Sample(tuple(mask(3, 2) for _ in op.derivs), {})]
    if name in INTEGER:
        return [Sample(tuple(whole(3, 2) for _ in op.derivs), {})]
    draw = DOMAINS.get(name, reals)
    if len(op.derivs) == 1:
        return [Sample((draw(3, 2),), {}), Sample((draw(),), {}), Sample((draw(0),), {})]
    if name in ("power", "float_power"):
        return [Sample((positive(3, 2), reals(2)), {}), Sample((positive(), reals(3)), {})]
    if name == "ldexp":
        return [Sample((reals(3, 2), whole(2)), {})]
    if name == "clip":
        return [Sample((np.array([-2.0, 0.1, 0.3, 2.0]), -1.0 + 0 * reals(4), np.array(1.0)), {})]
    if name == "remainder" or name == "fmod":
        return [Sample((np.array([5.3, -4.2, 0.4]), np.array([1.7, 1.3, 2.0])), {})]
    return [
        Sample((reals(3, 2), reals(3, 2)), {}),
        Sample((reals(3, 1), reals(4)), {}),
        Sample((reals(), reals(2, 3)), {}),
        Sample((reals(1, 3), reals(2, 1, 1)), {}),
    ]


FOLD = [
    {"axis": (0,), "keepdims": False},
    {"axis": (0, 1), "keepdims": True},
    {"axis": (1,), "keepdims": True},
]


def reduction_samples(name: str) -> list[Sample]:
    x = positive(3, 4)
    if name in ("argmax", "argmin", "logsumexp"):
        return [Sample((x,), FOLD[0]), Sample((x,), FOLD[2])]
    if name in ("var", "std"):
        return [Sample((x,), fold | {"ddof": d}) for fold in FOLD for d in (0, 1)]
    extra = [Sample((np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 1.5]]),), FOLD[2])] if name == "prod" else []
    return [Sample((x,), fold) for fold in FOLD] + extra


def sparse_samples() -> dict[str, list[Sample]]:
    """Three rows, unsorted, one of them empty, two entries in one place; and a matrix to solve with."""
    places = np.array([3, 0, 0, 1, 1]), np.array([0, 3, 3, 5])
    square = np.array([1, 0, 1, 0, 2]), np.array([0, 2, 3, 5])
    entries, invertible = reals(5), np.array([0.5, 2.0, 3.0, 1.0, 1.5])
    matrix = sp.csc_array([[2.0, 0.5, 0.0], [0.0, 3.0, 0.0], [1.0, 0.0, 1.5]])
    products = [((4,), False), ((4, 2), False), ((3,), True), ((3, 2), True)]
    systems = [((3,), False), ((3, 2), True)]
    return {
        "sparse_matmul": [
            Sample((entries, *places, reals(*s)), {"shape": (3, 4), "transposed": t}, (1, 2))
            for s, t in products
        ],
        "sampled_product": [Sample((reals(3, *s), reals(4, *s), *places), {}, (2, 3)) for s in ((), (2,))],
        "sparse_solve": [
            Sample((invertible, *square, reals(*s)), {"transposed": t}, (1, 2)) for s, t in systems
        ],
        "factored_solve": [
            Sample((reals(*s),), {"factors": splu(matrix), "transposed": t}) for s, t in systems
        ],
    }


places = np.array([0, 2, 2])
TRANSFORMS = [
    {"axis": 1, "norm": "backward"},
    {"axis": 0, "norm": "ortho"},
    {"axis": 1, "norm": "forward"},
]
SAMPLES: dict[str, list[Sample]] = {
    "name": [Sample((reals(3),), {"label": "h"}), Sample((reals(),), {"label": "h"})],
    "chain": [Sample((reals(3), reals(3)), {}), Sample((reals(2, 3), reals(3)), {})],
    "reshape": [Sample((reals(2, 3),), {"shape": (3, 2)}), Sample((reals(2, 3),), {"shape": (6,)})],
    "transpose": [Sample((reals(2, 3, 4),), {"axes": (2, 0, 1)})],
    "broadcast_to": [Sample((reals(3, 1),), {"shape": (2, 3, 4)}), Sample((reals(),), {"shape": (2,)})],
    "astype": [Sample((reals(3),), {"dtype": np.dtype(float)})],
    "take": [
        Sample((reals(4, 3),), {"template": (1,)}),
        Sample((reals(4, 3),), {"template": (slice(None, None, -2), 0)}),
        Sample((reals(4, 3),), {"template": (Ellipsis, None, slice(1, 3))}),
        Sample((reals(4, 3), places), {"template": (ARRAY,)}),
        Sample((reals(4, 3), places), {"template": (slice(None), ARRAY)}),
        Sample((reals(4, 3), places, places), {"template": (ARRAY, ARRAY)}),
        Sample((reals(4, 2, 3), places, places), {"template": (ARRAY, slice(None), ARRAY)}),
    ],
    "write": [
        Sample((reals(3, 4), reals(4)), {"template": (1,)}),
        Sample((reals(3, 4), reals(3, 2)), {"template": (slice(None), slice(1, 3))}),
        Sample((reals(3, 4), reals()), {"template": (slice(None, None, -2), 0)}),
        Sample((reals(5), reals(3), np.array([4, 0, 4])), {"template": (ARRAY,)}),  # one is overwritten
        Sample((reals(3, 4), reals(2), np.array([[0], [2]]), np.array([1, 3])), {"template": (ARRAY, ARRAY)}),
        Sample((reals(3, 4, 2), reals(3, 2), np.array([0, 2])), {"template": (slice(None), ARRAY, 1)}),
    ],
    "copy": [Sample((reals(3, 4).T,), {})],
    "scatter": [
        Sample((reals(3), places), {"layout": Layout([(ARRAY,)]), "shape": (4,), "dtype": np.dtype(float)}),
        Sample(
            (reals(4, 2), reals(2), reals(3, 2), places),
            {"layout": Layout([(...,), (1,), (ARRAY,)]), "shape": (4, 2), "dtype": np.dtype(float)},
        ),
    ],
    "concatenate": [
        Sample((reals(2, 3), reals(1, 3), reals(4, 3)), {"axis": 0, "ends": (2, 3, 7)}),
        Sample((reals(2, 1), reals(2, 2)), {"axis": 1, "ends": (1, 3)}),
    ],
    "real": [Sample((complexes(3, 2),), {}), Sample((complexes(),), {})],
    "imag": [Sample((complexes(3, 2),), {}), Sample((complexes(),), {})],
    "conjugate": [Sample((complexes(3, 2),), {}), Sample((reals(2),), {}), Sample((complexes(),), {})],
    "complex": [Sample((reals(3, 1), reals(2)), {}), Sample((reals(), reals(2)), {})],
    **{name: [Sample((reals(3, 4),), p) for p in TRANSFORMS] for name in ("fft", "ifft", "rfft")},
    "irfft": [
        Sample((reals(3, 2),), {"n": 2, "axis": 1, "norm": "backward"}),
        Sample((reals(3, 4),), {"n": 4, "axis": 0, "norm": "ortho"}),
        Sample((reals(3, 4),), {"n": 7, "axis": 1, "norm": "forward"}),
        Sample((reals(1),), {"n": 1, "axis": 0, "norm": "backward"}),
    ],
    "stack": [Sample((reals(2, 3), reals(2, 3)), {"axis": 1})],
    "where": [Sample((mask(3, 2), reals(3, 2), reals(2)), {}), Sample((mask(4), reals(), reals(4)), {})],
    "cumsum": [Sample((reals(3, 4),), {"axis": 1}), Sample((reals(3, 4),), {"axis": 0})],
    "sort": [Sample((reals(3, 4),), {"axis": 1}), Sample((reals(3, 4),), {"axis": 0})],
    "argsort": [Sample((reals(3, 4),), {"axis": 1})],
    "argpartition": [Sample((reals(3, 4),), {"kth": 1, "axis": 1})],
    "searchsorted": [
        Sample((np.array([-1.0, 0.5, 0.5, 1.2]), np.append(reals(2, 3), 0.5)), {"side": "left"}),
        Sample((np.array([-1.0, 0.5, 0.5, 1.2]), np.array(0.5)), {"side": "right"}),
    ],
    "convolve": [Sample((reals(5), reals(3)), {}), Sample((reals(2), reals(4)), {})],
    "matmul": [
        Sample((reals(*a), reals(*b)), {})
        for a, b in [
            ((3,), (3,)),
            ((2, 3), (3,)),
            ((3,), (3, 2)),
            ((2, 3), (3, 4)),
            ((5, 2, 3), (3, 4)),
            ((2, 3), (5, 3, 4)),
            ((5, 2, 3), (5, 3, 4)),
            ((3,), (5, 3, 4)),
            ((5, 2, 3), (3,)),
            ((1, 2, 3), (5, 3, 4)),
        ]
    ],
    "solve": [
        Sample((square(3), reals(3, 2)), {}),
        Sample((square(2, 3), reals(3, 1)), {}),
        Sample((square(2), reals(3, 2, 2)), {}),
    ],
    "inv": [Sample((square(3),), {}), Sample((square(2, 2),), {})],
    "det": [Sample((square(3),), {}), Sample((np.outer([1.0, 2.0], [0.5, 1.5]),), {})],
    "cofactor": [Sample((square(3),), {}), Sample((square(2, 2),), {})],
    "cofactor_dot": [Sample((square(3), reals(3, 3)), {}), Sample((square(2, 2), reals(2, 2)), {})],
    "slogdet": [Sample((square(3),), {}), Sample((square(2, 2),), {})],
    "cholesky": [Sample((definite(3),), {"upper": False}), Sample((definite(2, 2),), {"upper": True})],
    "qr": [
        Sample((square(3),), {"mode": "reduced"}),
        Sample((reals(2, 4, 2),), {"mode": "reduced"}),
        Sample((reals(2, 4),), {"mode": "complete"}),
    ],
    "eigh": [Sample((definite(3),), {"UPLO": "L"}), Sample((square(2, 2),), {"UPLO": "U"})],
    "eigvalsh": [Sample((definite(3),), {"UPLO": "L"}), Sample((square(2, 2),), {"UPLO": "U"})],
    "eig": [Sample((square(3),), {}), Sample((square(2, 2),), {})],
    "eigvals": [Sample((square(3),), {}), Sample((square(2, 2),), {})],
    "svd": [
        Sample((square(3),), {"full_matrices": True}),
        Sample((reals(2, 4, 2),), {"full_matrices": False}),
        Sample((reals(2, 4),), {"full_matrices": False}),
    ],
    "svdvals": [Sample((square(3),), {}), Sample((reals(2, 4, 2),), {})],
    "pinv": [
        Sample((reals(2, 4, 2),), {"rcond": 1e-15, "hermitian": False}),
        Sample((reals(2, 4),), {"rcond": 1e-15, "hermitian": False}),
    ],
    "lstsq": [
        Sample((reals(4, 2), reals(4, 3)), {"rcond": 1e-15}),
        Sample((reals(2, 4), reals(2, 1)), {"rcond": 1e-15}),
    ],
    "solve_triangular": [
        Sample((square(3), reals(3, 2)), {"trans": 0, "lower": True, "unit_diagonal": False}),
        Sample((square(3), reals(3, 1)), {"trans": 1, "lower": False, "unit_diagonal": True}),
    ],
    "solve_sylvester": [Sample((square(3), square(2), reals(3, 2)), {})],
    "solve_banded": [
        Sample((reals(3, 4) + 5 * np.eye(3)[:, [1]], reals(4, 2)), {"lower": 1, "upper": 1}),
        Sample((reals(3, 4) + 5 * np.eye(3)[:, [2]], reals(4, 1)), {"lower": 0, "upper": 2}),
    ],
    "lu": [Sample((square(3),), {}), Sample((reals(4, 2),), {}), Sample((reals(2, 4),), {})],
    "permutation": [Sample((np.array([2, 1, 2]),), {"size": 4})],
    "column_pivots": [Sample((reals(2, 3),), {})],
    "eig_banded": [Sample((reals(2, 4) + np.array([[8.0, 4.0, 2.0, 1.0], [0.0] * 4]),), {})],
    "eigh_tridiagonal": [Sample((reals(2, 4) + np.array([[8.0, 4.0, 2.0, 1.0], [0.0] * 4]),), {})],
    "continuous_are": [Sample((square(3), reals(3, 2), definite(3), definite(2)), {})],
    "discrete_are": [Sample((inside(3, 3), reals(3, 2), definite(3), definite(2)), {})],
    "polar": [Sample((square(3),), {}), Sample((reals(4, 2),), {})],
    "pencil": [Sample((definite(3), definite(3)), {"lower": True})],
    "expm": [Sample((inside(3, 3),), {})],
    "logm": [Sample((definite(3),), {})],
    "signm": [Sample((np.diag([2.0, -3.0, 4.0]) + 0.5 * inside(3, 3),), {})],
    "sqrtm": [Sample((definite(3),), {})],
    "fractional_matrix_power": [Sample((definite(3),), {"t": 0.3})],
    "frechet": [
        Sample((inside(3, 3), reals(3, 3)), {"of": "expm"}),
        Sample((definite(2), reals(2, 2)), {"of": "fractional_matrix_power", "t": -0.5}),
    ],
    "einsum": [
        Sample((reals(2, 3), reals(3, 4)), {"subscripts": "ij,jk->ik"}),
        Sample((reals(2, 3),), {"subscripts": "ij->j"}),
        Sample((reals(2, 3), reals(2), reals(3)), {"subscripts": "ij,i,j->"}),
        Sample((reals(2, 3), reals(4)), {"subscripts": "ij,k->ki"}),
    ],
} | sparse_samples()


def samples(name: str) -> list[Sample]:
    op = ops.table()[name]
    if name in SAMPLES:
        return SAMPLES[name]
    if name in special.TABLE:
        return [Sample(xs, {}) for xs in of_scipy.samples(op)]
    if isinstance(op, ops.families.Elementwise):
        return elementwise_samples(name, op)
    return reduction_samples(name)


PHASES = {"eigh", "svd", "pencil", "eig_banded", "eigh_tridiagonal"}
"""Of complex matrices their vectors are defined up to a phase, and differences compare nothing."""


def is_moving(x: Any) -> bool:
    return isinstance(x, tuple) or np.result_type(x).kind in "fc"


def each(y: Any) -> tuple[Any, ...]:
    """The results of an operation, one or several."""
    return y if isinstance(y, tuple) else (y,)


def complexified(name: str, sample: Sample) -> list[Sample]:
    """The same sample with complex numbers, in all arguments and in the last, where NumPy takes them.

    A step is left out, since the sign of a complex number is none and is made of what has a derivative.
    """
    if name in PHASES or name in of_scipy.REAL_ALONE:
        return []
    moving = [i for i, x in enumerate(sample.xs) if np.result_type(x).kind == "f"]
    params = {k: np.dtype(complex) if isinstance(v, np.dtype) else v for k, v in sample.params.items()}
    chosen = [moving, moving[-1:]] if len(moving) > 1 else [moving]
    found = []
    for some in chosen:
        xs = [x + 0.3j * reals(*np.shape(x)) if i in some else x for i, x in enumerate(sample.xs)]
        try:
            ops.table()[name].calc(*xs, **params)
        except (TypeError, np.exceptions.ComplexWarning):  # in a real array they would lose a part
            continue
        found.append(Sample(tuple(xs), params, sample.shared))
    return found if moving else []


def all_samples() -> Iterator[tuple[str, str, Sample]]:
    """A name for each sample, its primitive, and the sample; the real ones first."""
    for name in ops.table():
        for k, sample in enumerate(samples(name)):
            yield f"{name}-{k}", name, sample
            for j, other in enumerate(complexified(name, sample)):
                yield f"{name}-{k}-complex{j}", name, other


CASES = [pytest.param(name, sample, id=label) for label, name, sample in all_samples()]


def smooth(name: str, sample: Sample) -> bool:
    """Whether derivatives flow at all: floating-point result, and not a step function."""
    op = ops.table()[name]
    y = op(*sample.xs, **sample.params)
    stepping = getattr(op, "derivs", None) and not any(has_rule(op, i) for i in range(len(op.derivs)))
    return is_moving(y) and not stepping and name not in ("argsort",)


def has_rule(op: Any, i: int) -> bool:
    """Whether the derivative by an argument is neither declared to be zero nor said to be unknown."""
    derivs = getattr(op, "derivs", None)
    return derivs is None or not (derivs[i] is None or isinstance(derivs[i], Unknown))


def real_places(name: str, sample: Sample) -> list[int]:
    """The arguments that can be moved: floating-point, and not declared without derivative."""
    op = ops.table()[name]
    return [i for i, x in enumerate(sample.xs) if is_moving(x) and has_rule(op, i)]


def of_real_arguments(name: str, sample: Sample) -> tuple[Any, tuple[Any, ...]]:
    """The primitive as a function of the arguments that can be moved, and these."""
    op, spots = ops.table()[name], real_places(name, sample)

    def f(*moved: Any) -> Any:
        xs = list(sample.xs)
        for i, x in zip(spots, moved, strict=True):
            xs[i] = x
        return op(*xs, **sample.params)

    return f, tuple(np.asarray(sample.xs[i]) for i in spots)


def direction(x: Any) -> Any:
    """Random numbers in the shape of an array, complex where it is."""
    parts = rng.normal(size=(2, *np.shape(x)))
    return parts[0] + 1j * parts[1] if np.iscomplexobj(x) else parts[0]


def directions(points: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(direction(x) for x in points)


def cotangents(y: Any) -> Any:
    return directions(y) if isinstance(y, tuple) else direction(y)


SMOOTH = [case for case in CASES if smooth(*case.values)]


def has_second(name: str, sample: Sample) -> bool:
    """Whether the derivative has one."""
    is_complex = any(map(np.iscomplexobj, sample.xs))
    return name not in of_scipy.ONCE and not (is_complex and name in of_scipy.ONCE_COMPLEX)


TWICE = [case for case in SMOOTH if has_second(*case.values)]


@pytest.mark.parametrize(("name", "sample"), CASES)
def test_traced_value_is_numpys(name: str, sample: Sample) -> None:
    op = ops.table()[name]
    G = nz.trace(lambda *xs: op(*xs, **sample.params), *sample.xs)
    F = G.forward(list(sample.xs))
    direct = op.calc(*sample.xs, **sample.params)
    for sink, expected in zip(G.sinks, each(direct), strict=True):
        np.testing.assert_array_equal(F[sink], expected, strict=True)
        assert sink.spec == nz.Spec.of(expected)


@pytest.mark.parametrize(("name", "sample"), SMOOTH)
def test_push_is_central_differences(name: str, sample: Sample) -> None:
    f, points = of_real_arguments(name, sample)
    dots = directions(points)
    _, y_dot = nz.jvp(f, points, dots)
    h = 1e-6
    up = f(*(x + h * d for x, d in zip(points, dots, strict=True)))
    down = f(*(x - h * d for x, d in zip(points, dots, strict=True)))
    tolerance = 1e-3 if name in of_scipy.LOOSE else 2e-6
    for exact, plus, minus in zip(each(y_dot), each(up), each(down), strict=True):
        np.testing.assert_allclose(exact, (plus - minus) / (2 * h), rtol=tolerance, atol=2e-8)


@pytest.mark.parametrize(("name", "sample"), SMOOTH)
def test_adjoint_identity(name: str, sample: Sample) -> None:
    adjoint_identity(*of_real_arguments(name, sample))


@pytest.mark.parametrize(("name", "sample"), TWICE)
def test_adjoint_identity_of_the_derivative(name: str, sample: Sample) -> None:
    """Second order: the pullback is itself a function with a push and a pull."""
    f, points = of_real_arguments(name, sample)
    y_bar = cotangents(f(*points))

    def pulled(*xs: Any) -> Any:
        return nz.vjp(f, *xs)[1](y_bar)

    adjoint_identity(pulled, points)


@pytest.mark.parametrize(("name", "sample"), TWICE)
def test_derivative_of_the_derivative_is_central_differences(name: str, sample: Sample) -> None:
    f, points = of_real_arguments(name, sample)
    y_bar = cotangents(f(*points))
    dots = directions(points)

    def pulled(*xs: Any) -> Any:
        return nz.vjp(f, *xs)[1](y_bar)

    _, second = nz.jvp(pulled, points, dots)
    h = 1e-6
    up = pulled(*(x + h * d for x, d in zip(points, dots, strict=True)))
    down = pulled(*(x - h * d for x, d in zip(points, dots, strict=True)))
    for exact, plus, minus in zip(second, up, down, strict=True):
        np.testing.assert_allclose(exact, (plus - minus) / (2 * h), rtol=1e-5, atol=1e-7)


def adjoint_identity(f: Any, points: tuple[Any, ...]) -> None:
    dots = directions(points)
    y, y_dot = nz.jvp(f, points, dots)
    y_dots, y_bars = each(y_dot), directions(each(y))
    x_bars = nz.vjp(f, *points)[1](y_bars if isinstance(y, tuple) else y_bars[0])
    left = sum(np.sum(a * b).real for a, b in zip(y_bars, y_dots, strict=True))
    right = sum(np.sum(a * b).real for a, b in zip(x_bars, dots, strict=True))
    scale = sum(np.vdot(np.abs(a), np.abs(b)) for a, b in zip(y_bars, y_dots, strict=True))
    assert abs(left - right) <= 1e-12 * max(1.0, scale)


@pytest.mark.parametrize(("name", "sample"), CASES)
@pytest.mark.parametrize("which", ["all", "first", "last"])
def test_batch_is_a_loop(name: str, sample: Sample, which: str) -> None:
    op = ops.table()[name]
    size = 3
    many = [
        which == "all" or (which == "first") == (i == 0) or len(sample.xs) == 1 for i in range(len(sample.xs))
    ]
    many = [b and i not in sample.shared for i, b in enumerate(many)]
    xs = [
        np.stack([another(name, x, k) for k in range(size)]) if b else x
        for x, b in zip(sample.xs, many, strict=True)
    ]
    rows = [
        op(*[x[k] if b else x for x, b in zip(xs, many, strict=True)], **sample.params) for k in range(size)
    ]
    batched = op.batch(xs, many, sample.params)
    for found, *column in zip(each(batched), *map(each, rows), strict=True):
        np.testing.assert_allclose(found, np.stack(column), rtol=1e-13, atol=1e-13)


def another(name: str, x: Any, k: int) -> Any:
    """More arguments of the kind: entries change places, but in a matrix that has to stay what it is."""
    of_matrices = name in scipy_linalg.TABLE or any(name in vars(room) for room in ops.linalg.ROOMS)
    return x * (1 + k / 8) if of_matrices and is_moving(x) else np.roll(x, k)


def test_no_two_primitives_have_one_name() -> None:
    of_numpy = {name for room in ops.ROOMS for name, op in vars(room).items() if isinstance(op, Primitive)}
    assert of_numpy.isdisjoint(special.TABLE)


def test_every_primitive_has_a_sample() -> None:
    assert {case.values[0] for case in CASES} == set(ops.table())
