"""The command line's expressions: what they mean, and that nothing else gets through."""

from __future__ import annotations

import contextlib
import inspect
import math
import operator
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nazad.cli.expression import CONSTANTS, DEEPEST, FUNCTIONS, LONGEST, parse, parse_values
from nazad.errors import ExpressionError


def value(text: str, *values: Any) -> Any:
    return parse(text).function(*values)


def one_line(error: Exception) -> bool:
    return len(str(error).splitlines()) == 1


def message(text: str) -> str:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert one_line(caught.value)
    return str(caught.value)


# What an expression means


def test_the_lecture_example() -> None:
    expression = parse("(log(x) + x*y) - sin(y)")
    assert expression.names == ("x", "y")
    assert expression.text == "(log(x) + x*y) - sin(y)"
    assert expression.function(2.0, 5.0) == pytest.approx(math.log(2) + 10 - math.sin(5), rel=1e-15)


def test_names_in_order_of_appearance() -> None:
    assert parse("zeta*b + a*zeta + deriv*seed/primal").names == ("zeta", "b", "a", "deriv", "seed", "primal")
    assert parse("2*pi*e").names == ()
    assert list(inspect.signature(parse("y - x_1*ω").function).parameters) == ["y", "x_1", "ω"]


@pytest.mark.parametrize(
    "text",
    [
        "1 - 2 - 3", "8 / 4 / 2", "2 ** 3 ** 2", "-2 ** 2", "2 ** -1", "2 ** -2 ** 2", "--3", "-+-3",
        "2 - -3",
        "(1 + 2) * 3", "2 * 3 + 4 * 5", "-2 * -3", "2**-3*4", "-(2 + 3)**2", "1.5e-3 + .5 + 2.", "1E2/7",
        "((((5))))", "+4", "6 - 4 ** 2 / 8 * -3",
    ],
)  # fmt: skip
def test_operators_bind_as_in_python(text: str) -> None:
    assert value(text) == float(eval(text))  # noqa: S307


def test_blanks_do_not_matter() -> None:
    assert value(" \t sin ( x\n)\r*2 ", 1.0) == 2 * np.sin(1.0)


def test_constants() -> None:
    assert value("pi") == math.pi
    assert value("e") == math.e


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_is_numpys(name: str) -> None:
    function, arity = FUNCTIONS[name]
    assert function is getattr(np, name)
    numbers = (0.5, 0.25)[:arity]
    with np.errstate(all="ignore"):
        got, expected = value(f"{name}({', '.join('xy'[:arity])})", *numbers), function(*numbers)
    np.testing.assert_array_equal(got, expected)
    assert type(got) is float


def test_numbers_follow_numpy_and_not_python() -> None:
    with np.errstate(all="ignore"):
        assert value("1/x", 0.0) == math.inf
        assert value("10**1000") == math.inf
        assert value("9**9**9**9") == math.inf
        assert math.isnan(value("x**(1/3)", -8.0))


def test_arrays() -> None:
    v = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(value("v**2 + 1", v), v**2 + 1)
    assert value("sum(v*v)/dot(v, v)", v) == 1.0
    np.testing.assert_array_equal(v, [1.0, 2.0, 3.0])


def test_a_constant_is_weak() -> None:
    assert value("2*x + 3*sin(1)", np.float32(1)).dtype == np.float32
    assert value("2*x", np.ones(2, np.float32)).dtype == np.float32


def test_wrong_number_of_values() -> None:
    with pytest.raises(ExpressionError, match=r"takes 2 values \(x, y\), not 1"):
        parse("x + y").function(1.0)


class Handle(np.lib.mixins.NDArrayOperatorsMixin):
    """A stand-in for a traced array: it records what is done to it."""

    def __init__(self, steps: list[str]) -> None:
        self.steps = steps

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **_: Any) -> Handle:
        self.steps.append(ufunc.__name__)
        assert all(isinstance(each, Handle) or type(each) is float for each in inputs)
        return self

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Handle:
        self.steps.append(function.__name__)
        return self


def test_a_traced_array_sees_every_step() -> None:
    steps: list[str] = []
    handle = Handle(steps)
    assert value("-sum((log(x) + x*y) - sin(y)) ** 2 / (1 + 1)", handle, handle) is handle
    assert steps == ["log", "multiply", "add", "sin", "subtract", "sum", "power", "negative", "divide"]


# What is refused


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 1, "not the end"),
        ("   ", 4, "not the end"),
        ("x +", 4, "not the end"),
        ("* x", 1, "not '*'"),
        ("x y", 3, "an operator should stand here, not 'y'"),
        ("2x", 2, "as 2*x"),
        ("2 3", 3, "not '3'"),
        ("1.2.3", 4, "not '.3'"),
        ("(x)(y)", 4, "not '('"),
        ("(x + 1", 1, "this ( is never closed"),
        ("x + 1)", 6, "this ) closes nothing"),
        ("sin(x", 1, "this ( is never closed"),
        ("()", 2, "a number or a name should stand here, not ')'"),
        ("sin()", 5, "not ')'"),
        ("sin(x, y)", 1, "sin takes 1 value, not 2"),
        ("hypot(x)", 1, "hypot takes 2 values, not 1"),
        ("hypot(x,)", 9, "not ')'"),
        ("(x, y)", 3, "a comma stands outside a call"),
        ("x, y", 2, "a comma stands outside a call"),
        ("sin(x), y", 7, "a comma stands outside a call"),
        ("x.real", 2, "unexpected '.'"),
        ("np.log(x)", 3, "log(x), not np.log(x)"),
        ("x[0]", 2, "Elements cannot be taken"),
        ("x ^ 2", 3, "Powers are written **"),
        ("x // 2", 4, "not '/'"),
        ("x % 2", 3, "unexpected '%'"),
        ("x = 2", 3, "Values are given behind"),
        ("x == 2", 3, "unexpected '='"),
        ("'x'", 1, 'unexpected "\'"'),
        ('"x"', 1, "unexpected"),
        ("lambda x: x", 1, "'lambda' cannot be the name of a value"),
        ("x if y else z", 3, "an operator should stand here, not 'if'"),
        ("not x", 1, "'not' cannot be"),
        ("True", 1, "'True' cannot be"),
        ("sin + 1", 1, "It is called, as sin(x)"),
        ("tanhh(x)", 1, "Did you mean tanh"),
        ("asin(x)", 1, "Did you mean arcsin?"),
        ("ln(x)", 1, "Did you mean log?"),
        ("1 + qqqqqq(x)", 5, "There are: abs, "),
        ("x(2)", 1, "there is no function 'x'"),
        ("__import__('os')", 1, "there is no function '__import__'"),
        ("x.__class__", 2, "unexpected '.'"),
        ("1e999", 1, "is too large"),
        ("x² + 1", 1, "cannot be the name"),
        ("x\x00y", 2, r"unexpected '\x00'"),
    ],
)
def test_what_is_refused(text: str, column: int, words: str) -> None:
    said = message(text)
    assert said.startswith(f"column {column}: ")
    assert words in said


def test_long_texts_are_refused_at_once() -> None:
    start = time.perf_counter()
    assert f"At most {LONGEST} characters" in message("x + " * 2_500_000 + "x")
    assert f"At most {LONGEST} characters" in message("(" * 10_000_000)
    assert time.perf_counter() - start < 2.0


@pytest.mark.parametrize("opening", ["(", "sin(", "-", "x**", "-(", "(x + (2*(-"])
def test_deep_texts_are_refused(opening: str) -> None:
    said = message(opening * (LONGEST // len(opening)))
    assert "nested too deeply" in said
    assert f"At most {DEEPEST} levels" in said


def test_the_limits_themselves_are_allowed() -> None:
    assert value("(" * DEEPEST + "x" + ")" * DEEPEST, 7.0) == 7.0
    assert "too deeply" in message("(" * (DEEPEST + 1) + "x" + ")" * (DEEPEST + 1))
    assert value("x" + "+x" * ((LONGEST - 1) // 2), 1.0) == 5000.0
    assert value("(x)" + "+(x)" * 2000, 1.0) == 2001.0  # depth is not length


def test_a_long_piece_is_shown_short() -> None:
    for text in ("q" * 5000 + "(x)", "1" * 5000, "x " + "y" * 5000):
        assert len(message(text)) < 600


# Values


def test_values() -> None:
    values = parse_values(["x=2", " y = -5e-1 ", "v=1,2,3"])
    assert values["x"] == 2.0
    assert type(values["x"]) is float
    assert values["y"] == -0.5
    np.testing.assert_array_equal(values["v"], [1.0, 2.0, 3.0])
    assert values["v"].dtype == np.float64  # type: ignore[union-attr]
    assert parse_values([]) == {}


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (["x"], "'x' gives no name a value. Write name=number, as x=2"),
        (["=2"], "'' cannot be the name of a value"),
        (["2=x"], "'2' cannot be"),
        (["x=1", "x=2"], "'x' is given twice"),
        (["x="], "'', for 'x', is not a finite number"),
        (["x=two"], "'two', for 'x'"),
        (["v=1,,2"], "'', for 'v'"),
        (["v=1,2,"], "'', for 'v'"),
        (["x=nan"], "not a finite number"),
        (["x=1,inf"], "not a finite number"),
        (["x=1=2"], "'1=2', for 'x'"),
        (["e=2"], "e is the constant 2.71828. Take another name"),
        (["sin=2"], "sin is a function"),
        (["if=2"], "'if' cannot be"),
        (["x=" + "1," * 10_000_000], f"At most {LONGEST} characters"),
    ],
)
def test_values_refused(items: list[str], words: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_values(items)
    assert words in str(caught.value)
    assert one_line(caught.value)


# Laws

PIECES = [
    *FUNCTIONS,
    *CONSTANTS,
    "x",
    "y",
    "if",
    "1",
    ".5",
    "2e3",
    " ",
    "\n",
    *"()+-*/,.[]^='\"",
    "**",
    "\u2028",
]


@given(st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_only_expression_errors_leave(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        assert all(name.isidentifier() for name in parse(text).names)
        return
    assert message(text)


@given(st.lists(st.text(max_size=20) | st.sampled_from(["x=1", "y=2,3", "e=1"]), max_size=4))
def test_only_expression_errors_leave_the_values(items: list[str]) -> None:
    with contextlib.suppress(ExpressionError):
        assert all(name.isidentifier() for name in parse_values(items))
        return
    with pytest.raises(ExpressionError) as caught:
        parse_values(items)
    assert one_line(caught.value)


def joined(parts: tuple[str, str, str]) -> str:
    left, mark, right = parts
    return f"{left} {mark}{right}"


def wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    unary = st.sampled_from([name for name, (_, arity) in FUNCTIONS.items() if arity == 1])
    binary = st.sampled_from([name for name, (_, arity) in FUNCTIONS.items() if arity == 2])
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "**"]), inner).map(joined),
        inner.map("({})".format),
        inner.map("-{}".format),
        st.builds("{}({})".format, unary, inner),
        st.builds("{}({}, {})".format, binary, inner, inner),
    )


LEAVES = st.sampled_from(["x", "y", "pi", "e", "2.0", ".5", "1e-3", "3.25"])
NAMESPACE = {"__builtins__": {}, **{name: function for name, (function, _) in FUNCTIONS.items()}}
NAMESPACE |= {name: np.float64(constant) for name, constant in CONSTANTS.items()}


@given(st.recursive(LEAVES, wider, max_leaves=12), st.floats(-3, 3), st.floats(-3, 3))
def test_agrees_with_python(text: str, x: float, y: float) -> None:
    both = {"x": np.array([x, y]), "y": np.float64(y)}
    expression = parse(text)
    with np.errstate(all="ignore"):
        got = expression.function(*(both[name] for name in expression.names))
        try:
            expected = eval(text, NAMESPACE, both)  # noqa: S307
        except (ZeroDivisionError, OverflowError):
            return  # numbers written down: Python raises where NumPy has inf
    if not isinstance(expected, complex):  # and is complex where NumPy has nan
        np.testing.assert_array_equal(got, expected)


def test_the_operators_are_pythons_own() -> None:
    """What a traced array answers to: its own ``__add__``, and so on."""
    seen: list[str] = []

    class Answers:
        def __add__(self, _: object) -> str:
            seen.append("add")
            return "sum"

    assert value("x + 1", Answers()) == "sum"
    assert seen == ["add"]
    assert operator.add(1, 2) == 3
