"""Formats go by the end of the name."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from nazad.errors import DataError
from nazad.learn.read import read_table


def test_upper_case_endings(tmp_path):
    path = tmp_path / "DATA.CSV"
    path.write_text("a,b\n1,2\n")
    assert read_table(path).names == ("a", "b")


def test_an_ending_that_is_not_known(tmp_path):
    path = tmp_path / "data.xlsx"
    path.write_text("a")
    with pytest.raises(DataError, match=r"'.xlsx' are not read. Known are .csv, .tsv"):
        read_table(path)


@pytest.mark.parametrize("ending", ["csv", "tsv", "npz", "parquet", "svmlight", "xlsx"])
def test_a_missing_file_offers_near_names(tmp_path, ending):
    (tmp_path / f"flowers.{ending}").write_text("x")
    with pytest.raises(DataError, match=rf"flower\.{ending}: there is no such file.*'flowers\.{ending}'"):
        read_table(tmp_path / f"flower.{ending}")


@pytest.mark.parametrize("ending", ["csv", "tsv", "npz", "parquet", "svmlight"])
def test_an_empty_file(tmp_path, ending):
    path = tmp_path / f"data.{ending}"
    path.touch()
    with pytest.raises(DataError, match="the file is empty"):
        read_table(path)


def test_a_folder(tmp_path):
    with pytest.raises(DataError, match="a folder"):
        read_table(tmp_path)


@pytest.mark.parametrize("ending", ["csv", "npz", "parquet", "svmlight"])
def test_random_bytes(tmp_path, ending):
    path = tmp_path / f"data.{ending}"
    rng = np.random.default_rng(0)
    for size in (1, 10, 1000):
        path.write_bytes(rng.bytes(size))
        with pytest.raises(DataError, match=f"data.{ending}"):
            read_table(path)


def test_nothing_heavy_is_imported_before_it_is_used():
    heavy = ["sklearn", "scipy", "pyarrow", "pandas", "matplotlib"]
    code = f"import sys, nazad.learn.read; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
