"""``nazad predict``: predictions as CSV, scores beside them, and what cannot be used."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from nazad.learn import Model, read_table


@pytest.fixture
def model(nazad, real):
    assert nazad("fit", real["iris"], "--target", "class", "--quiet", "--output", "m.npz").code == 0
    return "m.npz"


def refused(done, *words: str, code: int = 2) -> None:
    assert done.code == code
    assert done.err.count("\n") == 1
    assert done.err.startswith("nazad: ")
    for word in words:
        assert word in done.err


def without_target(path: Path) -> str:
    lines = [line.rpartition(",")[0] for line in path.read_text().splitlines()]
    Path("plain.csv").write_text("\n".join(lines) + "\n")
    return "plain.csv"


def test_predictions_go_to_stdout_and_scores_to_stderr(nazad, model, real):
    done = nazad("predict", model, real["iris"])
    assert done.code == 0
    lines = done.out.splitlines()
    assert (lines[0], len(lines)) == ("prediction", 151)
    assert set(lines[1:]) == {"setosa", "versicolor", "virginica"}
    assert "Against 'class': accuracy 0.9" in done.err


def test_without_the_target_there_is_nothing_to_score(nazad, model, real):
    done = nazad("predict", model, without_target(real["iris"]))
    assert (done.code, done.err) == (0, "")
    assert done.out == nazad("predict", model, real["iris"]).out


def test_to_a_file_with_probabilities(nazad, model, real):
    done = nazad("predict", model, real["iris"], "--output", "p.csv", "--proba")
    assert done.code == 0
    assert done.err == ""
    assert "150 predictions written to p.csv" in done.out
    assert "accuracy" in done.out
    rows = list(csv.DictReader(io.StringIO(Path("p.csv").read_text())))
    classes = ["setosa", "versicolor", "virginica"]
    assert list(rows[0]) == ["prediction", *(f"p({name})" for name in classes)]
    p = np.array([[float(row[f"p({name})"]) for name in classes] for row in rows])
    assert np.array_equal(p, Model.load(model).predict_proba(read_table(real["iris"], text=["class"])))
    assert [row["prediction"] for row in rows] == [classes[k] for k in p.argmax(axis=1)]


def test_columns_in_another_order_and_more_of_them(nazad, model, real):
    lines = [line.split(",") for line in real["iris"].read_text().splitlines()]
    order = [3, 1, 0, 2]
    text = "\n".join(",".join([str(k), *(line[j] for j in order)]) for k, line in enumerate(lines))
    Path("other.csv").write_text(text.replace("0,", "id,", 1) + "\n")
    assert nazad("predict", model, "other.csv").out == nazad("predict", model, real["iris"]).out


def test_names_that_need_quotes(nazad):
    with open("q.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["x", "y"], *([k, 'a, "b"' if k < 20 else "c"] for k in range(40))])
    assert nazad("fit", "q.csv", "--target", "y", "--quiet").code == 0
    rows = list(csv.reader(io.StringIO(nazad("predict", "q-model.npz", "q.csv", "--proba").out)))
    assert rows[0] == ["prediction", 'p(a, "b")', "p(c)"]
    assert (rows[1][0], rows[-1][0]) == ('a, "b"', "c")


def test_a_class_that_the_model_never_met(nazad, model, real):
    Path("new.csv").write_text(real["iris"].read_text().replace("setosa", "tulip"))
    done = nazad("predict", model, "new.csv")
    assert done.code == 0
    assert "50 rows are of classes that the model never met: counted as wrong" in done.err


def test_labels_that_are_missing_are_no_reason_to_have_no_predictions(nazad, model, real):
    Path("gaps.csv").write_text(real["iris"].read_text().replace("setosa", ""))
    done = nazad("predict", model, "gaps.csv")
    assert done.code == 0
    assert len(done.out.splitlines()) == 151
    assert "Not scored: gaps.csv, line 2, column 'class': the target has no value" in done.err


# --- bad input


def test_a_missing_model(nazad, model, real):
    refused(nazad("predict", "n.npz", real["iris"]), "n.npz: there is no such file")


def test_data_in_the_place_of_the_model(nazad, real):
    refused(nazad("predict", real["iris"], real["iris"]), "no .npz archive", "made by nazad fit")


def test_a_foreign_archive(nazad, real):
    np.savez("foreign.npz", X=np.eye(2))
    refused(nazad("predict", "foreign.npz", real["iris"]), "no nazad model")


def test_a_pickle_is_never_loaded(nazad, real):
    np.savez("evil.npz", w=np.array([print], dtype=object))
    refused(nazad("predict", "evil.npz", real["iris"]), "Python objects, which are never loaded")


def test_a_model_of_another_version(nazad, model, real):
    with np.load(model) as archive:
        arrays = dict(archive)
    outer = json.loads(arrays["nazad-header"].tobytes())
    outer.update(version=99, nazad="9.9")
    arrays["nazad-header"] = np.frombuffer(json.dumps(outer).encode(), np.uint8)
    np.savez("new.npz", **arrays)
    refused(nazad("predict", "new.npz", real["iris"]), "format version 99, written by nazad 9.9")


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_damaged_model(nazad, model, real, share):
    content = Path(model).read_bytes()
    Path(model).write_bytes(content[: int(share * len(content))])
    refused(nazad("predict", model, real["iris"]), model)


def test_columns_that_are_missing(nazad, model, real):
    Path("less.csv").write_text(real["iris"].read_text().replace("petal width", "petal with"))
    refused(nazad("predict", model, "less.csv"), "no column 'petal width (cm)'", "'petal with (cm)'")


def test_a_gap_in_new_data(nazad, model, real):
    Path("gap.csv").write_text(real["iris"].read_text().replace("5.1,", "nan,", 1))
    refused(nazad("predict", model, "gap.csv"), "gap.csv, line 2, column 'sepal length (cm)'", "--impute")


def test_a_model_that_was_fitted_with_impute_fills_gaps(nazad, real):
    Path("gap.csv").write_text(real["iris"].read_text().replace("5.1,", "nan,", 1))
    assert nazad("fit", "gap.csv", "--target", "class", "--impute", "mean", "--quiet").code == 0
    assert len(nazad("predict", "gap-model.npz", "gap.csv").out.splitlines()) == 151


# --- disks


def test_nothing_that_is_read_is_overwritten(nazad, model, real):
    for output in (model, real["iris"]):
        refused(nazad("predict", model, real["iris"], "--output", output), "the file that is read")
    assert Model.load(model).classes[0] == "setosa"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk(nazad, model, real):
    done = nazad("predict", model, real["iris"], "--output", "/dev/full")
    refused(done, "/dev/full: it could not be written: No space left on device", code=1)


def test_ctrl_c_in_the_middle_leaves_the_old_predictions(nazad, model, real, monkeypatch):
    from nazad.cli import predict

    Path("p.csv").write_text("old")

    def interrupt(file, rows):
        file.write("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(predict, "_write", interrupt)
    with contextlib.suppress(KeyboardInterrupt):  # main may hand it to the shell
        assert nazad("predict", model, real["iris"], "--output", "p.csv").code == 130
    assert Path("p.csv").read_text() == "old"
    assert sorted(os.listdir()) == ["m.npz", "p.csv"]


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes like that")
def test_a_reader_that_stops_early(model, real):
    import subprocess

    command = [sys.executable, "-W", "error", "-m", "nazad", "predict", model, str(real["digits"])]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    running.stdout.close()
    assert "Traceback" not in running.stderr.read()
    running.stderr.close()
    running.wait()
