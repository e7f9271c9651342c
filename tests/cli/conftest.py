"""Real data as files, and a way to run the command line."""

from __future__ import annotations

import csv
from typing import NamedTuple

import pytest
from sklearn import datasets

from nazad.cli import main


class Done(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def nazad(capfd, tmp_path, monkeypatch):
    """Run the command line in a folder of its own; an error is one line and no traceback."""
    monkeypatch.chdir(tmp_path)

    def run(*args: object) -> Done:
        code = main([str(arg) for arg in args])
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        return Done(code, out, err)

    return run


@pytest.fixture(scope="session")
def real(tmp_path_factory):
    """Real data sets as CSV files, by name; the target is the column ``class``."""
    folder = tmp_path_factory.mktemp("real")
    loaders = {
        "cancer": datasets.load_breast_cancer,
        "digits": datasets.load_digits,
        "iris": datasets.load_iris,
    }
    for name, load in loaders.items():
        data = load()
        with open(folder / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([*data.feature_names, "class"])
            rows = zip(data.data.tolist(), data.target, strict=True)
            writer.writerows([*row, data.target_names[k]] for row, k in rows)
    return {name: folder / f"{name}.csv" for name in loaders}
