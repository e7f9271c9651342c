"""The checker checked: wrong rules are caught and named, right ones pass, and a bad point is called one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import nazad as nz
from nazad.errors import ArgumentError, GradientMismatch
from nazad.ops.families import Linear, Paired, Reduction
from nazad.testing import GradientCheck, adjoint_identity, check_gradients

A = np.array([0.3, -0.4, 0.7])
RNG = np.random.default_rng(5)

wrong = nz.elementwise(lambda x: x**3, lambda y, x: 2 * x**2, name="wrong")
right = nz.elementwise(lambda x: x**3, lambda y, x: 3 * x**2, name="right")
one_of_two = nz.elementwise(
    lambda x, y: x * y**2, lambda z, x, y: y**2, lambda z, x, y: 3 * x * y, name="one_of_two"
)
forgotten = nz.elementwise(lambda x, y: x * y, lambda z, x, y: y, None, name="forgotten")
nan = nz.elementwise(lambda x: x**2, lambda y, x: x * np.nan, name="nan_rule")


def lecture(x: Any, y: Any) -> Any:
    return (np.log(x) + x * y) - np.sin(y)


def found(f: Callable[..., Any], *args: Any, **options: Any) -> GradientCheck:
    """What a check that must fail found."""
    check = check_gradients(f, *args, raises=False, **options)
    assert not check
    with pytest.raises(GradientMismatch) as caught:
        check_gradients(f, *args, **options)
    assert check.text() in str(caught.value)
    return check


# Right rules pass


class Pair(NamedTuple):
    w: Any
    b: Any


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    ("f", "args"),
    [
        (lecture, (2.0, 5.0)),
        (np.tanh, (A,)),
        (lambda x: right(x) * x, (2.0,)),
        (lambda x: np.sum(np.abs(x) + np.maximum(x, 0.0)), (A,)),
        (lambda x: np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), x), (A,)),
        (lambda x: x if x > 0 else x**2, (-0.5,)),
        (lambda x: np.sort(x) @ np.arange(3.0), (A,)),
        (lambda x: np.max(x) * np.prod(x), (A,)),
        (lambda a, x: np.tanh(a @ x), (RNG.normal(size=(2, 3)), A)),
        (lambda x: np.linalg.norm(x) ** 3, (A,)),
        (lambda x: np.cumsum(x)[::-1] * x[np.array([0, 0, 1])], (A,)),
        (lambda x: {"mean": np.mean(x), "rest": [np.std(x), x[0] * 2]}, (A,)),
        (lambda p: Pair(p.w * p.b, p.b**2), (Pair(A, 1.5),)),
        (lambda x, n: x**n, (A, 3)),
        (lambda x, how: x**2 if how == "square" else x, (A, "square")),
        (lambda X: np.sum(nz.vmap(lambda row: right(row) @ row)(X)), (RNG.normal(size=(3, 2)),)),
        (nz.grad(lambda x: np.sum(np.sin(x) * x)), (A,)),
        (lambda x: 3.0, (1.0,)),
        (lambda x: np.exp(20 * x), (0.3,)),
        (lambda x: np.sin(300 * x), (0.3,)),
    ],
)
def test_right_rules_pass(f: Any, args: Any, order: int) -> None:
    check = check_gradients(f, *args, order=order)
    assert check
    assert check.ok
    assert check.order == order
    assert not check.blames
    assert not check.reason


def test_what_is_compared() -> None:
    check = check_gradients(lecture, 2.0, 5.0)
    assert {entry.name for entry in check.entries} == {"x", "y"}
    x = next(entry for entry in check.entries if entry.name == "x")
    assert x.backpropagation == 5.5
    assert abs(x.differences - 5.5) <= x.error < 1e-7
    assert check.how == "entry by entry"
    assert len(check.adjoint) == 2
    lines = str(check).splitlines()
    assert lines[0] == "backpropagation and differences, order 1, entry by entry: all agree"
    assert lines[1].split() == ["entry", "backpropagation", "differences", "±"]


def test_names_of_entries() -> None:
    def f(p: Any, c: Any) -> Any:
        return {"a": p["w"][0, 0] * c, "b": p["w"][0] * 2.0}

    check = check_gradients(f, {"w": np.ones((1, 2)), "n": 3}, 2.0)
    names = {entry.name for entry in check.entries}
    assert len(names) == len(check.entries) == 9
    assert "result['a'] by p['w'][0, 0]" in names
    assert "result['b'][1] by c" in names


def test_float32() -> None:
    check = check_gradients(lambda x: np.sum(np.tanh(x) ** 2), np.linspace(-1, 1, 5, dtype=np.float32))
    assert all(entry.error < 1e-6 for entry in check.entries)
    found(lambda x: np.sum(wrong(x)), np.ones(2, np.float32))


def test_float32_inside() -> None:
    assert check_gradients(lambda x: np.sum(x.astype(np.float32) ** 2), np.arange(3.0))


def test_argnums() -> None:
    def f(x: Any, y: Any, scale: Any = 1.0) -> Any:
        return x * y**2 * scale

    def names(**options: Any) -> set[str]:
        return {entry.name for entry in check_gradients(f, 2.0, 3.0, **options).entries}

    assert names() == names(argnums=(0, 1)) == names(scale=2.0) == {"x", "y"}
    assert names(argnums=-1) == names(argnums="y") == {"y"}
    assert names(argnums=["x", "scale"], scale=2.0) == {"x", "scale"}


def test_empty_arrays() -> None:
    assert check_gradients(np.sum, np.zeros(0)).entries == ()


# Sizes


def test_large_arguments_along_directions() -> None:
    x = RNG.normal(size=100_000)
    start = time.perf_counter()
    check = check_gradients(lambda x: np.sum(np.sin(x)), x)
    assert time.perf_counter() - start < 10
    assert check.how == "along 8 random directions"
    assert len(check.entries) == 8
    assert found(lambda x: np.sum(wrong(x)), x[:3000]).blames[0].name == "wrong"


def test_large_results_by_random_weightings() -> None:
    check = check_gradients(lambda x: np.outer(np.sin(x), x), RNG.normal(size=30))
    assert check.how == "entry by entry, 2 random weightings of the 900 results"
    assert len(check.entries) == 60
    assert "... and 50 more" in str(check)
    assert len(check.text(rows=60).splitlines()) == 2 + 60 + 2


# Wrong rules are caught and named


def test_a_wrong_deriv() -> None:
    with pytest.raises(GradientMismatch) as caught:
        check_gradients(lambda x: wrong(x) * x, 2.0)
    message = str(caught.value)
    assert "test_testing.py:" in message.splitlines()[0]
    assert "the deriv of wrong by argument 0 gives 8, and differences of its calc 12 ± " in message
    assert "at 2 with value 8" in message
    assert "check_gradients(lambda x: wrong(x) * x, 2.0)" in message  # the user's line
    assert "1 of 1 disagree" in message
    assert isinstance(caught.value, AssertionError)


def test_one_of_several_arguments() -> None:
    for y in (2.0, np.array([0.5, 1.0, 2.0])):
        blame = found(lambda x, y: np.sum(np.sin(one_of_two(np.exp(x), y))), A, y).blames[0]
        assert (blame.name, blame.slot) == ("one_of_two", 1)
        assert blame.stated == pytest.approx(1.5 * blame.differences)
    assert found(lambda x, y: forgotten(x, y), 2.0, 3.0).blames[0].slot == 1


def test_in_a_long_function() -> None:
    def f(x: Any) -> Any:
        for k in range(600):
            x = wrong(x) + 1 if k == 300 else x + 0.001 * np.sin(x)
        return x

    blames = found(f, 0.5).blames
    assert [blame.name for blame in blames] == ["wrong"]
    assert blames[0].where is not None
    assert "wrong(x) + 1" in blames[0].where.source


def test_in_a_batched_function() -> None:
    def f(X: Any) -> Any:
        return np.sum(nz.vmap(lambda row: wrong(row) @ row)(X))

    assert found(f, np.arange(6.0).reshape(3, 2)).blames[0].name == "wrong"


def test_several_wrong_ones() -> None:
    names = [blame.name for blame in found(lambda x: wrong(one_of_two(x, x)), 2.0).blames]
    assert names == ["wrong", "one_of_two"]


def test_other_families() -> None:
    turned = Linear("turned", lambda x: x[::-1], lambda y_bar, x: y_bar)
    check = found(lambda x: turned(x) @ np.arange(3.0), A)
    assert check.blames[0].text.startswith("the transpose of turned by argument 0 gives")
    total = Reduction("total", lambda x, axis, keepdims: np.sum(x, axis=axis), lambda y, x, axis: x)
    assert found(lambda x: total(x, axis=(0,), keepdims=False), A).blames[0].name == "total"
    half = Paired(
        "half", lambda x: x * x / 2, lambda x_dot, y, x: 2 * x * x_dot, lambda y_bar, y, x: x * y_bar
    )
    check = found(lambda x: half(x) @ np.arange(3.0), A)
    assert all(entry.agrees for entry in check.entries)
    assert "push and pull of half are not adjoint" in check.blames[0].text
    assert check_gradients(lambda x: half(x) @ np.arange(3.0), A, modes=["reverse"])


def test_forward_mode_alone() -> None:
    half = Paired(
        "half", lambda x: x * x / 2, lambda x_dot, y, x: 2 * x * x_dot, lambda y_bar, y, x: x * y_bar
    )
    assert found(lambda x: half(x), A, modes=["forward"]).entries == ()
    assert check_gradients(np.sin, A, modes=["forward"]).entries == ()


def test_second_order() -> None:
    # the deriv is right in value, and has a wrong deriv of its own
    slope = nz.elementwise(lambda x: 3 * x**2, lambda y, x: 5 * x, name="slope")
    cube = nz.elementwise(lambda x: x**3, lambda y, x: slope(x), name="cube")
    assert check_gradients(lambda x: cube(x) * x, 2.0)
    check = found(lambda x: cube(x) * x, 2.0, order=2)
    assert check.order == 2
    assert check.blames[0].name == "slope"
    assert check.entries[0].name == "gradient x by x"


def test_a_nan_is_no_derivative() -> None:
    check = found(lambda x: nan(x) + x, 2.0)
    assert check.blames[0].name == "nan_rule"


def test_the_tolerance() -> None:
    nearly = nz.elementwise(np.sin, lambda y, x: np.cos(x) * (1 + 1e-6), name="nearly")
    assert found(lambda x: nearly(x), 0.5).blames[0].name == "nearly"
    assert check_gradients(lambda x: nearly(x), 0.5, rtol=1e-5)


# It is the point


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (lambda x: np.maximum(x, 0.0), 1e-12, "maximum at .* is at a kink or a jump"),
        (lambda x: x if x > 1e-9 else 2 * x, 1e-9, "the branch at .*test_testing.py.* is taken otherwise"),
        (lambda x: x * int(x), 2.0, "the branch at .* is taken otherwise"),
        (lambda x: np.where(x > 0, x, 3 * x), 0.0, "the function has a kink or a jump there: slopes 3 and 1"),
        (lambda x: np.rint(x * 1e8) / 1e8, 0.3, "rint at .* is constant at the point, and jumps"),
        (lambda x: np.floor(x) * x, 1.0, "kink or a jump"),
        (lambda x: np.sort(x) @ np.arange(2.0), np.ones(2), "sort at .* is at a kink or a jump"),
        (
            lambda x: x * RNG.normal(),
            3.0,
            "called twice at the same point, the function gives different values",
        ),
        (
            eval("lambda x: x**2 if type(x) is np.float64 else x", {"np": np}),  # noqa: S307
            3.0,
            "another value on plain numbers",
        ),
    ],
)
def test_no_node_is_to_blame(f: Any, x: Any, expected: str) -> None:
    check = found(f, x) if "twice" not in expected else check_gradients(f, x, raises=False)
    assert not check.blames
    with pytest.raises(GradientMismatch, match=f"no node is to blame.*: .*{expected}"):
        check_gradients(f, x)


def test_a_kink_does_not_excuse_a_wrong_rule() -> None:
    ramp = nz.elementwise(lambda x: np.maximum(x, 0.0), lambda y, x: 2.0 + 0 * x, name="ramp")
    assert found(lambda x: ramp(x), 0.0).blames[0].name == "ramp"


def test_conventions_at_ties_agree_with_central_differences() -> None:
    assert check_gradients(lambda x: np.abs(x), 0.0)
    assert check_gradients(np.max, np.array([1.0, 2.0, 2.0]))


def test_edges_of_the_domain_are_counted() -> None:
    check = check_gradients(lambda x: np.sum(np.sqrt(x)), np.array([0.0, 1.0]))
    assert "1 have no numerical derivative" in str(check)
    assert [entry.is_checked for entry in check.entries].count(False) == 1
    assert "nothing could be checked" in found(np.sqrt, 0.0).text()


# What cannot be checked is said


def test_not_finite_at_the_point() -> None:
    with pytest.raises(
        ArgumentError, match=r"test_testing.py:\d+: .*not finite.*: log is the first that is nan"
    ):
        check_gradients(lambda x: np.log(x - 3) + 1, 2.0)
    with pytest.raises(ArgumentError, match="x is the first that is nan"):
        check_gradients(lambda x: x + 1, math.nan)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: check_gradients(lambda n: n, 3), "none of the arguments"),
        (lambda: check_gradients(lambda x, n: x * n, 2.0, 3, argnums=1), "n is int 3"),
        (lambda: check_gradients(lambda x: x, 2.0, argnums=1), "argnums has 1"),
        (lambda: check_gradients(lambda x: x, 2.0, argnums="z"), "argnums has 'z'"),
        (lambda: check_gradients(lambda x: x, 2.0, modes="reverse"), "modes"),
        (lambda: check_gradients(lambda x: x, 2.0, modes=["sideways"]), "modes"),
        (lambda: check_gradients(lambda x: x, 2.0, order=0), "order"),
        (lambda: check_gradients(lambda x: x > 1, 2.0), "no floating-point"),
    ],
)
def test_bad_requests(call: Callable[[], Any], expected: str) -> None:
    with pytest.raises(ArgumentError, match=expected):
        call()


# The adjoint identity


def test_adjoint_identity() -> None:
    held = adjoint_identity(lambda A, x: np.tanh(A @ x), np.eye(3), np.ones(3), rng=0)
    assert held.holds
    assert held.rounding < 1e-12
    assert str(held) == str(adjoint_identity(lambda A, x: np.tanh(A @ x), np.eye(3), np.ones(3), rng=0))


def test_adjoint_identity_knows_its_rounding() -> None:
    held = adjoint_identity(lambda x: x * 1e10 - x * (1e10 - 1), 2.2, rng=0)
    assert held.pushed != held.pulled
    assert held.holds


def test_adjoint_identity_fails() -> None:
    skew = Paired("skew", np.square, lambda x_dot, y, x: 2 * x * x_dot, lambda y_bar, y, x: x * y_bar)
    held = adjoint_identity(lambda x: np.sum(skew(x)), A, rng=0)
    assert not held.holds
    assert "≠" in str(held)


def test_complex_numbers() -> None:
    """Both parts of each are moved, and of each result looked at."""
    z = np.array([1 + 2j, -0.5j, 2.0])

    def f(z: Any, x: Any) -> Any:
        return {"a": np.conj(z) * x, "b": np.sum(np.abs(np.fft.fft(z * 1j)) ** 2)}, np.sin(z[0]) + 1j * x

    check = check_gradients(f, z, 0.5, order=2)
    assert check.ok
    first = check_gradients(f, z, 0.5)
    assert len(first.entries) == (2 * 3 + 1 + 2) * (2 * 3 + 1)
    assert "result[0]['a'][1].imag by z[2].real" in {entry.name for entry in first.entries}
    assert adjoint_identity(f, z, 0.5, rng=1).holds
    assert check_gradients(f, z.astype(np.complex64), np.float32(0.5)).ok


def test_a_function_that_is_not_holomorphic_though_its_rule_says_so() -> None:
    odd = nz.elementwise(lambda z: z * np.conj(z), lambda y, z: 2 * z, name="odd")
    with pytest.raises(GradientMismatch, match="the deriv of odd by argument 0 gives"):
        check_gradients(lambda z: odd(z).real, 1 + 2j)


def test_a_constant_that_has_no_derivative_is_not_asked_for_one() -> None:
    def refuse(y: Any, x: Any, n: Any) -> Any:
        raise NotImplementedError

    power = nz.elementwise(lambda x, n: x**n, lambda y, x, n: n * x ** (n - 1), refuse, name="power")
    assert check_gradients(lambda x: power(x, 3.0), 2.0).ok
    assert adjoint_identity(lambda x: power(x, 3.0), 2.0).holds
