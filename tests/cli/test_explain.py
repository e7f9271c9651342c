"""``nazad explain``, and what becomes of bad input: one line on stderr, an exit code, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

import nazad
from nazad.cli import main
from nazad.errors import DataError, MissingExtra

LECTURE = ["explain", "(log(x) + x*y) - sin(y)", "x=2", "y=5"]
Answer = tuple[int, str, str]


@pytest.fixture
def command(capsys) -> Callable[..., Answer]:
    def run(*argv: str) -> Answer:
        code = main(list(argv))
        out, err = capsys.readouterr()
        return code, out, err

    return run


def process(*argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nazad", *argv],
        capture_output=True,
        text=True,
        env=os.environ | env,
        encoding="utf-8",
    )


def test_the_lecture_example(command):
    code, out, err = command(*LECTURE)
    assert (code, err) == (0, "")
    for text in (
        "(log(x) + x*y) - sin(y) = 11.6521 at x = 2, y = 5",
        "0.693147", "10.6931", "-0.958924", "cos(y)", "1/x",
        "-0.283662 + 2 = 1.71634", "5 + 0.5 = 5.5", "1 × (-1) = -1",
    ):  # fmt: skip
        assert text in out
    assert "log(x) + x*y - sin(y)" in out, "the source column has the expression"
    assert ".py" not in out
    assert "runpy" not in out


def test_the_installed_module_says_the_same():
    done = process(*LECTURE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "5 + 0.5 = 5.5" in done.stdout
    assert "runpy" not in done.stdout
    assert "\x1b" not in done.stdout


def test_version_and_help(command):
    assert command("--version") == (0, f"nazad {nazad.__version__}\n", "")
    code, out, _ = command("explain", "--help")
    assert code == 0
    assert "minus sign" in out


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ([], "command"),
        (["descend"], "invalid choice"),
        (["explain"], "required"),
        (["explain", "x", "--nonsense"], "unrecognized arguments"),
        (["explain", "-x*2", "x=3"], "Behind -- an argument may begin with a minus sign"),
        (["explain", "x.__class__", "x=1"], "column 2: unexpected '.'"),
        (["explain", "__import__('os')", "x=1"], "no function"),
        (["explain", "eval(x)", "x=1"], "no function 'eval'"),
        (["explain", "sni(x)", "x=1"], "Did you mean sin"),
        (["explain", "x +", "x=1"], "the end"),
        (["explain", "", "x=1"], "the end"),
        (["explain", "x[0]", "x=1"], "unexpected '['"),
        (["explain", "x * y", "x=1"], "no value is given for 'y'. Write y=1"),
        (["explain", "x", "x=1", "yy=2"], "'yy' does not occur in the expression"),
        (["explain", "x", "x=1", "x=2"], "given twice"),
        (["explain", "x", "x=two"], "'two', for 'x', is not a finite number"),
        (["explain", "x", "x=nan"], "not a finite number"),
        (["explain", "x", "x"], "gives no name a value"),
        (["explain", "x", "x=1,2"], "shape (2,)"),
        (["explain", "x\n.\ny", "x=1"], "unexpected"),
        (["explain", "\x1b[31mx", "x=1"], "unexpected"),
    ],
)
def test_bad_input_is_one_line(command, argv, told):
    code, out, err = command(*argv)
    assert code == 2
    assert out == ""
    assert err.startswith("nazad: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert told in err
    assert "\x1b" not in err


@pytest.mark.parametrize(
    "argv",
    [
        ["explain", "x+" * 5_000_000 + "x", "x=1"],
        ["explain", "a" * 10_000_000, "x=1"],
        ["explain", "(" * 1000 + "x" + ")" * 1000, "x=1"],
        ["explain", "sin(" * 1000 + "x" + ")" * 1000, "x=1"],
        ["explain", "x" + "**x" * 1000, "x=1"],
        ["explain", "x", "x=" + "1" * 10_000_000],
        ["explain", "x", "y" * 10_000_000],
        ["explain", "x", "x=1", "--" + "y" * 10_000_000],
        ["explain", "9" * 5000 + "*x", "x=1"],
    ],
)
def test_hostile_input_is_one_short_line(command, argv):
    code, out, err = command(*argv)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert len(err) < 500


def test_a_minus_sign_behind_two_dashes(command):
    code, out, _ = command("explain", "--", "-x*2", "x=3")
    assert code == 0
    assert "-x*2 = -6 at x = 3" in out


def test_numbers_follow_numpy(command):
    code, out, err = command("explain", "1/x + log(x)", "x=0")
    assert (code, err) == (0, "")
    assert "inf" in out


def test_vectors(command):
    code, out, _ = command("explain", "sum(x*x)", "x=1,2,3")
    assert code == 0
    assert "[2, 4, 6]" in out


def test_an_expression_without_variables(command):
    code, out, _ = command("explain", "1 + 2")
    assert code == 0
    assert "1 + 2 = 3" in out


def test_long_expressions_are_folded(command):
    text = "+".join(["x"] * 800)
    code, out, _ = command("explain", text, "x=1")
    assert code == 0
    assert "more" in out
    assert len(out.splitlines()) < 140
    code, out, _ = command("explain", "--all", text, "x=1")
    assert code == 0
    assert len(out.splitlines()) > 2400


def test_colours_only_where_they_are_wanted():
    assert "\x1b[" in process(*LECTURE, FORCE_COLOR="1", TERM="xterm-256color").stdout
    plain = process(*LECTURE, FORCE_COLOR="1", NO_COLOR="1", TERM="xterm-256color").stdout
    assert "\x1b[32m" not in plain
    assert "\x1b[31m" not in plain


def test_a_terminal_without_our_characters():
    done = process(*LECTURE, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "11.6521" in done.stdout


def test_a_closed_pipe_is_no_error():
    reader = f"{sys.executable} -c 'import sys; sys.stdin.read(1)'"
    program = f"{sys.executable} -m nazad explain --all {'+'.join(['x'] * 1500)} x=1 | {reader}"
    env = os.environ | {"PYTHONUNBUFFERED": ""}  # without a buffer Python itself does not notice
    script = f"{program}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=env)
    assert done.returncode == 141
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KeyboardInterrupt(), 130, "nazad: interrupted\n"),
        (DataError("a bad\nrow", "Mend it.", "row 3"), 2, "nazad: row 3: a bad row. Mend it.\n"),
        (MissingExtra("this needs x"), 1, "nazad: this needs x\n"),
        (OSError(28, "No space left on device"), 1, "nazad: [Errno 28] No space left on device\n"),
        (MemoryError(), 1, "nazad: there is not enough memory\n"),
    ],
)
def test_errors_of_commands(command, monkeypatch, error, code, line):
    def fail(args):
        raise error

    monkeypatch.setattr("nazad.cli.explain.parse", fail)
    assert command("explain", "x") == (code, "", line)


def test_what_is_heavy_waits_for_its_command():
    heavy = ["matplotlib", "rich", "scipy", "sklearn"]
    program = f"import sys, nazad.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
