"""Words for error messages: near names, lists shortened, values on one line, numbers with their nouns."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

_MOST = 8  # names in a message; more are counted, not listed
_WIDTH = 40  # characters of one value


def near(word: str, known: Iterable[str], most: int = 3, cutoff: float = 0.6) -> list[str]:
    """The known names that resemble a word, best first; upper and lower case are the same.

    Examples
    --------
    >>> near("Specie", ["species", "sepal length", "petal length"])
    ['species']
    """
    by_fold: dict[str, str] = {}
    for name in known:
        by_fold.setdefault(name.casefold(), name)
    return [by_fold[fold] for fold in difflib.get_close_matches(word.casefold(), by_fold, most, cutoff)]


def suggest(word: str, known: Sequence[str]) -> str:
    """A remedy for a name that does not exist: near names, or else those that there are.

    Examples
    --------
    >>> suggest("specie", ["species", "sepal length"])
    "Did you mean 'species'?"
    >>> suggest("colour", ["species", "sepal length"])
    "There are 'species', 'sepal length'"
    """
    found = near(word, known)
    if found:
        return f"Did you mean {' or '.join(map(shown, found))}?"
    return f"There are {listed(known)}" if known else "There are none"


def listed(names: Sequence[str]) -> str:
    """Names in quotes, the first few of them if they are many.

    Examples
    --------
    >>> listed(["x", "y"])
    "'x', 'y'"
    >>> listed([f"x{i}" for i in range(100)])
    "'x0', 'x1', 'x2', 'x3', 'x4', 'x5', 'x6', 'x7', … (100 in all)"
    """
    some = ", ".join(map(shown, names[:_MOST]))
    return some if len(names) <= _MOST else f"{some}, … ({len(names)} in all)"


def shown(value: str) -> str:
    """A text in quotes on one line, cut short if it is long.

    Examples
    --------
    >>> shown("two\\nlines")
    "'two\\\\nlines'"
    >>> shown("x" * 1000)
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'"
    """
    return repr(value if len(value) <= _WIDTH else value[: _WIDTH - 1] + "…")


def counted(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun.

    Examples
    --------
    >>> counted(1, "row"), counted(3, "row"), counted(2, "class", "classes")
    ('1 row', '3 rows', '2 classes')
    """
    return f"{number} {singular if number == 1 else plural or singular + 's'}"
