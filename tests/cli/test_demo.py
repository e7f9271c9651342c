"""``nazad demo``: the whole story, what it leaves behind, and where it cannot go."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

from nazad.errors import MissingExtra
from nazad.learn import Model, read_table


@pytest.fixture
def short(monkeypatch):
    """Fewer passes, and no full gradient until it converges: the story without its length."""
    from nazad.cli import demo
    from nazad.demo import compare

    monkeypatch.setattr(demo, "_PASSES", {"breast cancer": 3, "digits": 1})
    monkeypatch.setattr(compare, "_TOLERANCE", 0.02)


def accuracies(text: str) -> list[float]:
    return [float(found) for found in re.findall(r"accuracy (\d\.\d+)", text)]


def test_the_story(nazad, short):
    done = nazad("demo", "--output", "out")
    assert (done.code, done.err) == (0, "")
    for said in [
        "The gradient is (5.5, 1.716338); by hand, (1/x + y, x − cos y) = (5.5, 1.716338).",
        "2. Logistic regression: breast cancer, 2 classes",
        "3. Logistic regression: digits, 10 classes",
        "stochastic and minibatch descent came lower than the full gradient",
        "converged: ",
        "out/descent.png",
    ]:
        assert said in done.out
    cancer, digits = accuracies(done.out)
    assert cancer >= 0.95
    assert digits >= 0.93


def test_backpropagation_agrees_with_the_closed_forms(nazad, short):
    found = re.findall(r"at most (\S+) in ∂h/∂t, (\S+) in ∂h/∂w, (\S+) in ∂h/∂b", nazad("demo").out)
    assert len(found) == 2
    assert max(float(x) for line in found for x in line) < 1e-15


def test_what_is_left_behind(nazad, short):
    assert nazad("demo").code == 0
    assert sorted(os.listdir("nazad-demo")) == [
        "breast-cancer-model.npz", "breast-cancer.csv", "descent.png", "digits-model.npz", "digits.csv",
    ]  # fmt: skip
    matplotlib_image = pytest.importorskip("matplotlib.image")
    picture = matplotlib_image.imread("nazad-demo/descent.png")
    assert picture.shape == (750, 1725, 4)
    assert len(np.unique(picture.reshape(-1, 4), axis=0)) > 100
    for name, target in (("breast-cancer", "diagnosis"), ("digits", "digit")):
        model = Model.load(f"nazad-demo/{name}-model.npz")
        table = read_table(f"nazad-demo/{name}.csv", text=[target])
        assert model.score(table).accuracy > 0.93
        done = nazad("predict", f"nazad-demo/{name}-model.npz", f"nazad-demo/{name}.csv")
        assert len(done.out.splitlines()) == table.rows + 1


def test_a_place_that_cannot_be_written(nazad):
    Path("file").touch()
    done = nazad("demo", "--output", "file")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("nazad: file: no folder can be made there")
    assert nazad("demo", "--output", "file/in/it").code == 2


@pytest.mark.parametrize("library", ["matplotlib", "sklearn"])
def test_a_missing_library_is_named_at_once(nazad, monkeypatch, library):
    from nazad import extras

    def require(module, extra):
        if module == library:
            raise MissingExtra(f"this needs {library}", f'pip install "nazad[{extra}]"')

    monkeypatch.setattr(extras, "require", require)
    done = nazad("demo")
    assert (done.code, done.out) == (1, "")
    assert library in done.err
    assert os.listdir() == []
