"""The examples run, without a warning, and are what the README shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs(path, tmp_path):
    command = [sys.executable, "-W", "error", str(path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_the_readme_shows_logistic_regression_as_it_is():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    passage = readme[readme.index("**Logistic regression**") :].split("```")[1]
    shown = [line[4:].strip() for line in passage.splitlines() if re.match(r">>>|\.\.\.", line)]
    lines = (ROOT / "examples/logistic_regression.py").read_text(encoding="utf-8").splitlines()
    assert [line for line in shown if line not in {text.strip() for text in lines}] == []
