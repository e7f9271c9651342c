"""The analytic way: formulas that agree with the graph, and sizes that are what the lecture says."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nazad as nz
from nazad.errors import ArgumentError, GraphError, NoRuleError
from nazad.symbolic import Swell, swell, swell_table, symbolic
from nazad.symbolic.convert import written_out
from nazad.symbolic.sizes import shared, written

sp = pytest.importorskip("sympy")

A = np.array([0.3, -0.4, 0.7])
M = np.array([[1.0, 2.0], [3.0, -0.5]])


def lecture(x: Any, y: Any) -> Any:
    return (np.log(x) + x * y) - np.sin(y)


def agrees(f: Callable[..., Any], *args: Any) -> None:
    """The formula and its derivative have the values of the function and of backpropagation."""
    s = symbolic(f, *args)
    np.testing.assert_allclose(s.evaluate(), f(*args), rtol=1e-12, atol=1e-14)
    exact = nz.jacobian(f, argnums=tuple(range(len(args))))(*args)
    found = s.evaluate_derivative()
    for a, b in zip(exact, found if len(args) > 1 else (found,), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12)


# Formulas


def test_the_lecture_example() -> None:
    s = symbolic(lecture, 2.0, 5.0)
    x, y = s.symbols
    assert s.expression == sp.log(x) + x * y - sp.sin(y)
    assert s.derivative == s.gradient == (1 / x + y, x - sp.cos(y))
    assert s.evaluate() == pytest.approx(math.log(2) + 10 - math.sin(5), rel=1e-15)
    assert s.evaluate_derivative(1.0, 0.0) == (1.0, 0.0)
    assert str(s) == "x*y + log(x) - sin(y)"
    assert s._repr_latex_() == r"$\displaystyle x y + \log{\left(x \right)} - \sin{\left(y \right)}$"
    assert s.latex("derivative").startswith(r"\left( y + \frac{1}{x}, \ ")


ONE = {
    "exp exp2 expm1 sin cos tan sinh cosh tanh arcsinh arctan arcsin arccos arctanh cbrt sinc": A,
    "deg2rad degrees absolute fabs square reciprocal negative positive sign floor ceil trunc rint": A,
    "sqrt log log2 log10 log1p": abs(A),
    "arccosh": A + 2,
}
TWO = (
    "add subtract multiply divide power float_power remainder fmod hypot logaddexp logaddexp2 arctan2 "
    "maximum minimum fmax fmin copysign heaviside floor_divide"
)


@pytest.mark.parametrize(("name", "x"), [(name, x) for names, x in ONE.items() for name in names.split()])
def test_one_argument(name: str, x: Any) -> None:
    agrees(getattr(np, name), x)


@pytest.mark.parametrize("name", TWO.split())
def test_two_arguments(name: str) -> None:
    agrees(getattr(np, name), abs(A), A[::-1].copy())


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "prod", "var", "std"])
@pytest.mark.parametrize("axis", [None, 0])
def test_reductions(name: str, axis: int | None) -> None:
    agrees(lambda x: getattr(np, name)(x, axis=axis) ** 2, M)


@pytest.mark.parametrize(
    "f",
    [
        np.linalg.norm,
        np.logaddexp.reduce,
        np.cumsum,
        lambda x: np.sum(np.where(x > 0, x**2, np.sin(x))),
        lambda x: np.clip(x, -0.2, 0.5),
        lambda x: x[np.array([0, 0, 2])] * 0.1,
        lambda x: np.sum(x * (x > 0)),
        lambda x: np.sum(x * (x > 0).astype(float)),
        lambda x: np.where((x > 0) & (x < 0.5), x, 0.0),
        lambda x: np.concatenate([x, x[::-1]]) * np.pi,
        lambda x: np.stack([x, x**2]).T @ np.ones(2),
        lambda x: np.einsum("i,j->ij", x, np.exp(x)),
        lambda x: np.abs(np.log(np.abs(x))),
        nz.grad(lambda x: np.sum(np.sin(x) * np.maximum(x, 0.1))),
    ],
)
def test_functions_of_an_array(f: Any) -> None:
    agrees(f, A)


@pytest.mark.parametrize(
    "f", [np.linalg.det, np.linalg.inv, nz.grad(np.linalg.det), lambda a: np.linalg.solve(a, np.ones(2))]
)
def test_small_systems_of_equations(f: Any) -> None:
    agrees(f, np.array([[1.5, -0.5], [0.25, 2.0]]))


def test_matrices_and_the_main_job() -> None:
    agrees(lambda a, x: a @ x, M, A[:2])
    X, y = np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]]), np.array([1.0, 0.0, 1.0])

    def loss(w: Any, b: Any) -> Any:
        p = 1 / (1 + np.exp(-(X @ w + b)))
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))

    agrees(loss, np.array([0.1, 0.2]), 0.3)


def test_structures_in_and_out() -> None:
    def f(p: Any, places: Any) -> Any:
        return {"a": p["w"] * places[0], "z": (p["b"] ** 2, 3.0)}

    s = symbolic(f, {"w": A, "b": 1.5}, np.array([3]))
    assert [str(each) for each in s.symbols[0]["w"]] == ["p_w_0", "p_w_1", "p_w_2"]
    assert s.symbols[1] is None
    by_p, by_places = s.derivative["z"][0]
    assert by_p["b"] == 2 * s.symbols[0]["b"]
    assert by_places is None
    assert s.derivative["a"][0]["w"].shape == (3, 3)
    assert s.evaluate({"w": A, "b": 2.0}, np.array([3]))["z"] == (4.0, 3.0)
    with pytest.raises(ArgumentError, match=r"places is not as it was"):
        s.evaluate({"w": A, "b": 2.0}, np.array([4]))


def test_numbers_are_written_as_one_would() -> None:
    x = symbolic(lambda x: x, 1.0).symbols
    assert symbolic(lambda x: 0.5 * x**2 + 3.0, 1.0).expression == x**2 / 2 + 3
    assert symbolic(lambda x: np.sin(np.pi * x), 1.0).expression == sp.sin(sp.pi * x)
    assert str(symbolic(lambda x: 0.1 * x, 1.0)) == "0.1*x"


def test_only_the_branch_that_was_traced() -> None:
    def f(x: Any) -> Any:
        return x if x > 0 else x**2

    assert str(symbolic(f, 2.0)) == "x"
    assert str(symbolic(f, -2.0)) == "x**2"


def test_whole_numbers_are_symbols_too() -> None:
    assert str(symbolic(lambda x, y: x**y, 2, 5)) == "x**y"


# Primitives of the user's


def test_a_primitive_is_what_its_calc_does() -> None:
    cube = nz.elementwise(lambda x: x**3, lambda y, x: 3 * x**2, name="cube")
    assert str(symbolic(lambda x: cube(x) * x, 2.0)) == "x**4"


def test_a_primitive_that_cannot_be_looked_into_is_a_function_with_its_deriv() -> None:
    calc = np.vectorize(eval("lambda x: math.erf(x)", {"math": math}), otypes=[float])  # noqa: S307
    for name in ("hump", "erf"):  # SymPy has an erf, and this is not it
        op = nz.elementwise(calc, lambda y, x: 2 / np.sqrt(np.pi) * np.exp(-x * x), name=name)
        s = symbolic(lambda x, op=op: op(x * x) * x, 0.5)
        assert str(s.expression) in ("x*hump(x**2)", "x*erf_(x**2)")
        assert s.evaluate() == pytest.approx(math.erf(0.25) / 2)
        assert s.evaluate_derivative() == pytest.approx(nz.grad(lambda x, op=op: op(x * x) * x)(0.5))
        assert str(sp.diff(s.derivative, s.symbols)).count("Derivative") == 0


def test_a_name_of_numpys_does_not_make_it_numpys() -> None:
    sin = nz.elementwise(lambda x: x**2, lambda y, x: 2 * x, name="sin")
    assert str(symbolic(lambda x: sin(x), 2.0)) == "x**2"


# What cannot be done is said


@pytest.mark.parametrize("f", [np.sort, lambda x: x[np.argmax(x)]])
def test_no_meaning(f: Any) -> None:
    with pytest.raises(NoRuleError, match=r"test_symbolic.py:\d+: (sort|argmax) has no meaning as a formula"):
        symbolic(lambda x: f(x), A)


def chain(k: int) -> Callable[[Any], Any]:
    def p(x: Any) -> Any:
        for _ in range(k):
            x = x * (1 - x)
        return x

    return p


def test_too_deep_and_too_large() -> None:
    def deep(x: Any) -> Any:
        for _ in range(2000):
            x = np.sin(x) + 1
        return x

    with pytest.raises(GraphError, match="nested 4000 deep"):
        symbolic(deep, 0.3)
    s = symbolic(chain(40), 0.3)
    assert "a formula of 3.30e+12 operations" in repr(s)
    assert s._repr_latex_() is None
    for use in (s.latex, s.evaluate, lambda: s.derivative):
        with pytest.raises(GraphError, match="written out"):
            use()


# Random formulas


UNARY = [np.sin, np.cos, np.tanh, np.arctan, np.exp, lambda x: x**2, lambda x: np.sqrt(1 + x**2), np.negative]
BINARY = [np.add, np.subtract, np.multiply, np.hypot, lambda x, y: x / (1 + y**2), np.arctan2]
steps = st.lists(
    st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=7
)


@settings(max_examples=60, deadline=None)
@given(steps, st.floats(0.2, 1.5), st.floats(0.2, 1.5))
def test_gradients_of_random_expressions(steps: list[tuple[int, int, int]], x: float, y: float) -> None:
    def f(x: Any, y: Any) -> Any:
        known = [x, y]
        for which, i, j in steps:
            a, b = known[i % len(known)], known[j % len(known)]
            k = which % (len(UNARY) + len(BINARY))
            known.append(np.tanh(UNARY[k](a) if k < len(UNARY) else BINARY[k - len(UNARY)](a, b)))
        return known[-1] + x * y

    s = symbolic(f, x, y)
    assert s.evaluate() == pytest.approx(f(x, y), rel=1e-9, abs=1e-12)
    assert s.evaluate_derivative() == pytest.approx(nz.grad(f, (0, 1))(x, y), rel=1e-7, abs=1e-10)


# Sizes


def test_sizes_of_the_exercise_exactly() -> None:
    for k, row in zip(range(1, 13), swell_table(chain, range(1, 13), 0.3), strict=True):
        assert row == Swell(2 * k, 2 ** (k + 1) - 2, k * 2 ** (k + 1) - 1, 6 * k - 3, 6 * k - 3, k)


def test_sizes_by_hand() -> None:
    # x (1 - x): 2 operations; (1 - x) + x (-1): 3
    assert swell(chain(1), 0.3) == Swell(2, 2, 3, 3, 3)
    assert swell(lambda x: x, 2.0) == Swell(0, 0, 0, 0, 0)
    # (log x + x y) - sin y: 5; 1/x + y is 2, x - cos y is 3 as forward mode writes it
    sizes = swell(lecture, 2.0, 5.0)
    assert (sizes.operations, sizes.expression) == (5, 5)
    assert sizes.derivative == 5


def test_doubling_and_speed_at_200() -> None:
    start = time.perf_counter()
    table = swell_table(chain, [200, 201], 0.3)
    assert time.perf_counter() - start < 2
    assert table[0].operations == 400
    assert table[0].backward == 1197
    assert 2 * table[0].derivative + 1 <= table[1].derivative
    assert table[0].derivative == 200 * 2**201 - 1


def test_longer_than_any_float() -> None:
    table = swell_table(chain, [2000], 0.3)
    assert "e+605" in table.text()
    assert table[0].derivative.bit_length() > 2000


def test_trees_do_not_explode() -> None:
    def product(k: int) -> Callable[..., Any]:
        return lambda *xs: math.prod(xs[1:k], start=xs[0])

    # all partial derivatives of x1 ... xk: k formulas of at most k operations
    for k in (2, 4, 8, 16):
        assert swell(product(k), *[1.5] * k).derivative <= 2 * k**2


def test_several_arguments_cost_forward_mode_more_than_backward() -> None:
    def f(*xs: Any) -> Any:
        return np.sin(sum(x * x for x in xs))

    sizes = swell(f, *[0.1] * 20)
    assert sizes.derivative > 5 * sizes.backward


def test_swell_of_arrays_and_of_structures() -> None:
    sizes = swell(lambda p, n: np.sum(np.tanh(p["w"]) ** 2) * n, {"w": A}, 3)
    assert sizes.operations == 4
    with pytest.raises(ArgumentError, match="no real number"):
        swell(lambda n: n + 1, 3)


def test_counting() -> None:
    G = nz.trace(lambda x: (x * x) * (x * x), 3.0)
    assert (G.operations, written(G), shared(G)) == (3, 3, 2)
    x = sp.Symbol("x")
    p = x
    for _ in range(60):
        p = sp.Add(p, sp.sin(p), evaluate=False)
    assert written_out(p) == 2 * (2**60 - 1)


def test_text_and_plot() -> None:
    table = swell_table(chain, [1, 20, 2000], 0.3)
    assert len(table) == 3
    assert len({len(line) for line in str(table).splitlines()}) == 1
    pyplot = pytest.importorskip("matplotlib.pyplot")
    figure, ax = pyplot.subplots()
    assert table.plot(ax) is ax
    assert len(ax.lines) == 5
    pyplot.close(figure)


def test_sympy_comes_in_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sympy", None)
    assert swell(chain(3), 0.3).operations == 6


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: np.abs(np.exp(1j * x)), "1"),
        (lambda x: np.conj(x * 1j).imag, "-x"),
        (lambda x: (x * (1 + 2j)).real, "x"),
        (lambda x: np.abs(x + 2j) ** 2, "x**2 + 4"),
        (lambda x: np.angle(np.exp(1j * x)), "atan2(sin(x), cos(x))"),
        (lambda x: np.linalg.norm(np.stack([x * 1j, x])), "sqrt(2)*Abs(x)"),
        (lambda x: np.var(np.stack([x * 1j, 2j * x])), "x**2/4"),
    ],
)
def test_complex_numbers_inside(f, expected):
    assert str(symbolic(f, 0.5).expression) == expected


def test_symbols_are_real():
    with pytest.raises(ArgumentError, match="z is complex, and symbols are real"):
        symbolic(lambda z: np.abs(z), 1j)
