"""Arithmetic from the command line: parsed by a table of precedences, never evaluated as Python.

The text becomes tokens, the tokens become a program for a stack machine (Dijkstra's shunting yard), and the
program is run on whatever values it is given: numbers, arrays, or traced arrays that record what is done to
them. There is no recursion and no generated code, so that neither a deep nor a hostile text can do more than
earn an :class:`~nazad.errors.ExpressionError`. The length and the depth of a text are limited.

References
----------
E. W. Dijkstra, *Algol 60 translation*, Mathematisch Centrum, MR 34/61, 1961.
"""

from __future__ import annotations

import inspect
import keyword
import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nazad.errors import ExpressionError
from nazad.nearby import near

LONGEST = 10_000
DEEPEST = 100

CONSTANTS: dict[str, float] = {"pi": math.pi, "e": math.e}

_ONE = """abs arccos arccosh arcsin arcsinh arctan arctanh cbrt cos cosh exp exp2 expm1 log log10 log1p log2
    max mean min prod reciprocal sign sin sinh sqrt square std sum tan tanh var"""
_TWO = "arctan2 dot hypot logaddexp maximum minimum power"

#: The functions that an expression may call: NumPy's, by NumPy's names, with how many values each takes.
FUNCTIONS: dict[str, tuple[Callable[..., Any], int]] = {
    name: (getattr(np, name), arity) for arity, names in ((1, _ONE), (2, _TWO)) for name in names.split()
}

_OTHER_NAMES = {"ln": "log", "fabs": "abs", "pow": "power", "atan2": "arctan2"}
_OTHER_NAMES |= {f"a{name}": f"arc{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")}

_BINARY: dict[str, tuple[int, Callable[..., Any]]] = {
    "+": (1, operator.add),
    "-": (1, operator.sub),
    "*": (2, operator.mul),
    "/": (2, operator.truediv),
    "**": (4, operator.pow),
}
_SIGNS: dict[str, Callable[..., Any]] = {"-": operator.neg, "+": operator.pos}
_SIGN_BINDS, _POWER_BINDS = 3, 4  # -x**2 is -(x**2)

_TOKEN = re.compile(
    r"""(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<call>[^\W\d]\w*\s*\()
      | (?P<name>[^\W\d]\w*)
      | (?P<mark>\*\*|[-+*/(),])
      | (?P<blank>\s+)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was read.

    Attributes
    ----------
    text : str
        What was read.
    names : tuple of str
        The free variables, in the order in which they first appear.
    function : callable
        Takes a value for each name, in that order, and gives the value of the expression.
    """

    text: str
    names: tuple[str, ...]
    function: Callable[..., Any]


def parse(text: str) -> Expression:
    """Read an arithmetic expression.

    It may hold numbers, names, ``+ - * / **``, parentheses, the constants in ``CONSTANTS`` and calls of the
    functions in ``FUNCTIONS``; operators bind as in Python.

    Parameters
    ----------
    text : str
        At most ``LONGEST`` characters, nested at most ``DEEPEST`` deep.

    Returns
    -------
    Expression
        Its free variables, and the function of them that it is.

    Raises
    ------
    ExpressionError
        If it is anything else; the message has one line and names the column, from 1.

    Examples
    --------
    >>> expression = parse("(log(x) + x*y) - sin(y)")
    >>> expression.names
    ('x', 'y')
    >>> round(expression.function(2.0, 5.0), 3)
    11.652
    """
    yard = _Yard()
    wants_operand = True
    for token in _tokens(text):
        wants_operand = (yard.operand if wants_operand else yard.operation)(token)
    names = tuple(yard.names)
    return Expression(text, names, _function(names, tuple(yard.program)))


def parse_values(items: Iterable[str]) -> dict[str, float | NDArray[np.float64]]:
    """Read values for names, as ``x=2`` or ``v=1,2,3``.

    Parameters
    ----------
    items : iterable of str
        One ``name=number`` or ``name=number,number,...`` each.

    Returns
    -------
    dict
        A float for each name with one number, an array for each with several.

    Raises
    ------
    ExpressionError
        If one of them is not of this form, or a name is given twice.

    Examples
    --------
    >>> parse_values(["x=2", "v=1,2,3"])
    {'x': 2.0, 'v': array([1., 2., 3.])}
    """
    values: dict[str, float | NDArray[np.float64]] = {}
    for item in items:
        name, equals, text = item.partition("=")
        if not equals:
            raise ExpressionError(f"{_shown(item)} gives no name a value", "Write name=number, as x=2")
        _check_variable(name.strip(), taken=values)
        values[name.strip()] = _numbers(name.strip(), text)
    return values


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int

    @property
    def where(self) -> str:
        return f"column {self.column}"

    @property
    def called(self) -> str:
        return self.text[:-1].rstrip()


def _tokens(text: str) -> Iterator[_Token]:
    """The tokens of a text, and one of kind "end" behind them."""
    _check_length("the expression", text)
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise _unexpected(text, place)
        if found.lastgroup != "blank":
            yield _Token(str(found.lastgroup), found.group(), place + 1)
        place = found.end()
    yield _Token("end", "", len(text) + 1)


def _unexpected(text: str, place: int) -> ExpressionError:
    remedies = {
        ".": "Names are written without a module: log(x), not np.log(x)",
        "^": "Powers are written **",
        "[": "Elements cannot be taken",
        "=": "Values are given behind the expression, as x=2",
    }
    remedy = remedies.get(text[place], "An expression is made of numbers, names, + - * / ** ( ) and ,")
    return ExpressionError(f"unexpected {_shown(text[place])}", remedy, f"column {place + 1}")


@dataclass(frozen=True, slots=True)
class _Apply:
    function: Callable[..., Any]
    arity: int

    def __call__(self, values: list[Any]) -> Any:
        """Apply the function; numbers follow NumPy's arithmetic (1/0 is inf), and stay plain numbers."""
        if all(type(value) is float for value in values):
            return float(self.function(*map(np.float64, values)))
        return self.function(*values)


@dataclass(frozen=True, slots=True)
class _Read:
    place: int


_Step = float | _Read | _Apply


@dataclass(slots=True)
class _Pending:
    """What waits on the stack for its right end: an operator, a parenthesis, or a call."""

    token: _Token
    binds: int  # 0: an opening parenthesis, of a call or not
    step: _Apply | None
    commas: int = 0

    @property
    def nests(self) -> bool:
        return self.binds in (0, _SIGN_BINDS, _POWER_BINDS)


class _Yard:
    """The shunting yard: tokens in, a program in postfix order out."""

    def __init__(self) -> None:
        self.program: list[_Step] = []
        self.names: dict[str, int] = {}
        self._stack: list[_Pending] = []
        self._depth = 0

    def operand(self, token: _Token) -> bool:
        """Take a token where a value should begin; whether a value should still begin behind it."""
        if token.kind == "number":
            self.program.append(_number(token))
        elif token.kind == "name":
            self.program.append(self._name(token))
        elif token.kind == "call":
            self._push(_Pending(token, 0, _called(token)))
        elif token.text == "(":
            self._push(_Pending(token, 0, None))
        elif token.text in _SIGNS:
            self._push(_Pending(token, _SIGN_BINDS, _Apply(_SIGNS[token.text], 1)))
        else:
            raise _misplaced("a number or a name", token)
        return token.kind not in ("number", "name")

    def operation(self, token: _Token) -> bool:
        """Take a token behind a value; whether another value should begin behind it."""
        if token.text in _BINARY:
            self._binary(token)
        elif token.text == ",":
            self._comma(token)
        elif token.text == ")":
            self._close(token)
        elif token.kind == "end":
            self._end()
        else:
            raise _misplaced("an operator", token, "A product is written with *, as 2*x")
        return token.text != ")"

    def _push(self, pending: _Pending) -> None:
        self._stack.append(pending)
        self._depth += pending.nests
        if self._depth > DEEPEST:
            remedy = f"At most {DEEPEST} levels are read"
            raise ExpressionError("the expression is nested too deeply", remedy, pending.token.where)

    def _pop(self) -> _Pending:
        pending = self._stack.pop()
        self._depth -= pending.nests
        return pending

    def _reduce(self, binds: int) -> None:
        """Emit the operators on top of the stack that bind at least as tightly."""
        while self._stack and self._stack[-1].binds >= max(binds, 1):
            step = self._pop().step
            assert step is not None  # only a parenthesis has none
            self.program.append(step)

    def _binary(self, token: _Token) -> None:
        binds, function = _BINARY[token.text]
        self._reduce(binds + (token.text == "**"))  # a power waits for the power to its right
        self._push(_Pending(token, binds, _Apply(function, 2)))

    def _comma(self, token: _Token) -> None:
        self._reduce(1)
        if not self._stack or self._stack[-1].step is None:
            raise ExpressionError("a comma stands outside a call", "", token.where)
        self._stack[-1].commas += 1

    def _close(self, token: _Token) -> None:
        self._reduce(1)
        if not self._stack:
            raise ExpressionError("this ) closes nothing", "", token.where)
        opening = self._pop()
        if opening.step is not None:
            _check_arity(opening.token, opening.step.arity, opening.commas + 1)
            self.program.append(opening.step)

    def _end(self) -> None:
        self._reduce(1)
        if self._stack:
            raise ExpressionError("this ( is never closed", "", self._stack[-1].token.where)

    def _name(self, token: _Token) -> float | _Read:
        if token.text in CONSTANTS:
            return CONSTANTS[token.text]
        _check_variable(token.text, token.where)
        return _Read(self.names.setdefault(token.text, len(self.names)))


def _number(token: _Token) -> float:
    value = float(token.text)
    if math.isinf(value):
        raise ExpressionError(f"the number {_shown(token.text)} is too large", "", token.where)
    return value


def _called(token: _Token) -> _Apply:
    if token.called not in FUNCTIONS:
        raise ExpressionError(
            f"there is no function {_shown(token.called)}", _near(token.called), token.where
        )
    function, arity = FUNCTIONS[token.called]
    return _Apply(function, arity)


def _near(name: str) -> str:
    known = [_OTHER_NAMES[name]] if name in _OTHER_NAMES else []
    close = known or near(name[:40], FUNCTIONS)
    return f"Did you mean {' or '.join(close)}?" if close else f"There are: {', '.join(sorted(FUNCTIONS))}"


def _check_arity(token: _Token, arity: int, given: int) -> None:
    if given != arity:
        takes = f"{token.called} takes {arity} value{'s' * (arity > 1)}"
        raise ExpressionError(f"{takes}, not {given}", "", token.where)


def _check_variable(name: str, place: str | None = None, taken: Iterable[str] = ()) -> None:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ExpressionError(f"{_shown(name)} cannot be the name of a value", "", place)
    if name in FUNCTIONS:
        raise ExpressionError(f"{name} is a function", f"It is called, as {name}(x)", place)
    if name in CONSTANTS:
        raise ExpressionError(f"{name} is the constant {CONSTANTS[name]:.6g}", "Take another name", place)
    if name in taken:
        raise ExpressionError(f"{_shown(name)} is given twice", "", place)


def _check_length(what: str, text: str) -> None:
    if len(text) > LONGEST:
        raise ExpressionError(f"{what} has {len(text)} characters", f"At most {LONGEST} characters are read")


def _numbers(name: str, text: str) -> float | NDArray[np.float64]:
    _check_length(f"the value of {_shown(name)}", text)
    numbers = [_finite(name, part) for part in text.split(",")]
    return numbers[0] if len(numbers) == 1 else np.array(numbers)


def _finite(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ExpressionError(f"{_shown(text.strip())}, for {_shown(name)}, is not a finite number")
    return value


def _misplaced(expected: str, token: _Token, remedy: str = "") -> ExpressionError:
    met = "the end" if token.kind == "end" else _shown(token.text)
    return ExpressionError(f"{expected} should stand here, not {met}", remedy, token.where)


def _shown(text: str) -> str:
    """A piece of the user's text, short and on one line."""
    return repr(text if len(text) <= 30 else text[:27] + "...")


def _function(names: tuple[str, ...], program: tuple[_Step, ...]) -> Callable[..., Any]:
    def function(*values: Any) -> Any:
        if len(values) != len(names):
            takes = f"the expression takes {len(names)} values ({', '.join(names)})"
            raise ExpressionError(f"{takes}, not {len(values)}")
        return _run(program, values)

    parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return function


def _run(program: tuple[_Step, ...], values: tuple[Any, ...]) -> Any:
    stack: list[Any] = []
    for step in program:
        if isinstance(step, _Apply):
            arguments = stack[-step.arity :]
            del stack[-step.arity :]
            stack.append(step(arguments))
        else:
            stack.append(values[step.place] if isinstance(step, _Read) else step)
    return stack[0]
