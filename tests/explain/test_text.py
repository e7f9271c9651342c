"""The tables: how many rows, how wide, and that nothing from the user is taken for markup."""

from __future__ import annotations

import io
import linecache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from nazad.explain import explain
from nazad.explain.numbers import number, plain, short
from nazad.explain.text import MOST_ROWS, show


def tables(text: str) -> list[list[str]]:
    """The rows of the two tables, without heads."""
    blocks, rows = [], None
    for line in text.splitlines():
        if line.startswith("──"):
            rows = []
            blocks.append(rows)
        elif not line:
            rows = None
        elif rows is not None:
            rows.append(line)
    return blocks


def chain(count: int):
    def f(x):
        for _ in range(count):
            x = np.sin(x) * x
        return np.sum(x)

    return f


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 80), st.integers(0, 40))
def test_never_more_rows_than_promised(count, wide):
    def f(x):
        parts = [np.cos(x) for _ in range(wide)]
        return chain(count)(np.concatenate([x, *parts]))

    told = explain(f, np.ones(2))
    forward, backward = tables(str(told))
    assert len(forward) <= MOST_ROWS
    assert len(backward) <= MOST_ROWS
    forward, backward = tables(told.text(all=True))
    assert len(forward) == len(told.scenes.forward)
    assert len(backward) == sum(max(1, len(scene.edges)) for scene in told.scenes.backward)


def test_long_graphs_are_folded():
    told = explain(chain(5000), np.ones(2))
    forward, backward = tables(str(told))
    assert len(forward) == len(backward) == MOST_ROWS or len(backward) == MOST_ROWS - 1
    assert "… 9 943 more" in forward[30]
    assert any("more" in row for row in backward)
    assert forward[0].startswith("1 ")
    assert forward[-1].split()[0] == "10002"
    assert backward[-1].split()[1] == "x"


def test_a_node_with_many_predecessors():
    told = explain(lambda x: np.sum(np.stack([x * k for k in range((2.0).__trunc__(), 900)])), 1.0)
    _, backward = tables(str(told))
    assert len(backward) <= MOST_ROWS
    assert any("… 889 more" in row for row in backward)


def test_many_shares():
    told = explain(lambda x: sum([np.sin(x)] * 12, x * x), 1.0)
    assert "…" in str(told)
    told = explain(lambda x: sum((x * k for k in range(1, 13)), x), 1.0)
    assert "(13 shares)" in str(told)


@pytest.mark.parametrize("width", [30, 40, 80, 120, 300])
def test_width(width):
    told = explain(chain(3), np.ones(4))
    assert max(len(line) for line in told.text(width=width).splitlines()) <= width


def test_plain_text_has_no_colours(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    text = str(explain(chain(2), np.ones(2)))
    assert "\x1b" not in text
    assert all(line == line.rstrip() for line in text.splitlines())


def coloured(told, **options) -> str:
    out = io.StringIO()
    show(told.page, Console(file=out, force_terminal=True, color_system="standard", width=120, **options))
    return out.getvalue()


def test_colours_on_a_terminal():
    told = explain(np.sin, 1.0)
    assert "\x1b[32m" in coloured(told)
    assert "\x1b[32m" not in coloured(told, no_color=True)


def test_users_text_is_no_markup():
    comment = "[bold]not bold[/bold] [/] :smile: \x1b[31mred\x07 [link=evil]"
    source = f"def f(x):\n    y = x * x  # {comment}\n    return y\n"
    linecache.cache["[red]file.py"] = (1, None, source.splitlines(keepends=True), "[red]file.py")
    space: dict[str, object] = {}
    exec(compile(source, "[red]file.py", "exec"), space)  # noqa: S102
    f = space["f"]
    f.__name__ = "[bold]evil[/bold][/]\x1b]0;title\x07"
    told = explain(f, {"[/]": 1.0, "[bold]": 2.0}["[/]"])
    text = told.text(width=200)
    assert "[bold]evil[/bold][/]" in text
    assert "[red]file.py:2" in text
    assert "[bold]not bold[/bold] [/] :smile: " in text
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\x1b[31mred" not in coloured(told)


def test_names_with_brackets():
    told = explain(lambda p: p["[bold]"] * p["[/]"], {"[bold]": 2.0, "[/]": 3.0})
    assert "p['[bold]'] * p['[/]']" in str(told)


def test_where_there_is_no_line_the_node_in_terms_of_the_arguments():
    text = str(explain(np.sin, 1.0))
    assert "test_text" not in text
    row = next(line for line in text.splitlines() if " v1 " in line)
    assert row.count("sin(") == 2


def test_summary():
    text = str(explain(lambda x: np.sum(x * x), np.ones(1000)))
    assert "2 operations forward" in text
    assert "times as long as the value" in text
    assert "Griewank's" in text
    assert "of values held" in text
    assert "float64[1000]: min 1, mean 1, max 1" in text


def test_broadcast_shares_are_marked_as_sums():
    assert "Σ [1, 1] × 1 = 2" in str(explain(lambda b: np.sum(np.ones(2) * 3 + b), 1.0))


def test_not_finite():
    with np.errstate(all="ignore"):
        text = str(explain(lambda x: np.sum(np.log(x)), np.zeros(10)))
    assert "float64[10]: min -inf, mean -inf, max -inf" in text


def test_short_values():
    assert short(np.array([np.nan, 1.0])) == "[nan, 1]"
    assert short(np.zeros((0, 3))) == "float64[0, 3]"
    assert short(np.zeros(9, bool)) == "bool[9]: min False, mean 0, max False"
    assert short(np.zeros(9, complex)) == "complex128[9]"
    assert short(np.float32(0.1)) == "0.1"
    assert number(1e-300) == "1e-300"
    assert plain((1, np.int64(2), None, np.nan)) == [1, 2, None, "nan"]
