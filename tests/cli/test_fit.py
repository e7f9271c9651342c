"""``nazad fit`` on real data, and on everything that can be wrong with data, options and disks."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nazad.learn import Model, read_table

STEPS = ("--steps", "3")


def accuracy(text: str) -> float:
    return float(re.search(r"accuracy (\d\.\d+)", text)[1])


def edited(path: Path, line: int, column: int, cell: str) -> Path:
    """A copy with one cell changed; lines count from 1."""
    lines = path.read_text().splitlines()
    cells = lines[line - 1].split(",")
    cells[column] = cell
    lines[line - 1] = ",".join(cells)
    Path("edited.csv").write_text("\n".join(lines) + "\n")
    return Path("edited.csv")


def refused(done, *words: str, code: int = 2) -> None:
    """The exit code, and one line with these words."""
    assert done.code == code
    assert done.err.count("\n") == 1
    assert done.err.startswith("nazad: ")
    for word in words:
        assert word in done.err


# --- what works


def test_two_classes(nazad, real):
    Path("cancer.csv").write_bytes(real["cancer"].read_bytes())
    done = nazad("fit", "cancer.csv", "--target", "class")
    assert (done.code, done.err) == (0, "")
    assert accuracy(done.out) >= 0.95
    for said in [
        "cancer.csv: 569 rows, 30 features; 'class' has 2 classes: benign 357, malignant 212",
        "Training on 455 rows, 114 held back for validation (seed 0).",
        "Full gradient, step 0.296 = 1/L",
        "converged: ",
        "log loss 0.0",
        "right \\ predicted   benign   malignant",
        "Saved to cancer-model.npz. To use it: nazad predict cancer-model.npz DATA",
    ]:
        assert said in done.out
    assert sorted(os.listdir()) == ["cancer-model.npz", "cancer.csv"]
    model = Model.load("cancer-model.npz")
    assert model.classes == ("benign", "malignant")
    assert model.training.verdict == "converged"


def test_ten_classes(nazad, real):
    done = nazad("fit", real["digits"], "--target", "class", "--method", "minibatch")
    assert done.code == 0
    assert accuracy(done.out) >= 0.93
    assert "converged: " in done.out
    table = [line.split() for line in done.out.splitlines() if re.match(r"  \d +[\d·]", line)]
    assert [row[0] for row in table] == [str(k) for k in range(10)]
    assert sum(int(cell) for row in table for cell in row[1:] if cell != "·") == 359


@pytest.mark.parametrize("method", ["full", "stochastic", "minibatch"])
def test_three_classes_by_every_method(nazad, real, method):
    done = nazad("fit", real["iris"], "--target", "class", "--method", method)
    assert done.code == 0
    assert accuracy(done.out) >= 0.9


def test_a_pipe_gets_no_colours_and_whole_sentences(nazad, real):
    out = nazad("fit", real["iris"], "--target", "class").out
    assert "\x1b" not in out
    assert [line for line in out.splitlines() if line.startswith("converged: After ")]


def test_options(nazad, real):
    options = ["--method", "minibatch", "--batch-size", 10, "--step", 0.25, "--epochs", 3, "--l2", 0.5]
    more = ["--validation", 0.5, "--seed", 7, "--tolerance", 1e-9, "--output", "m.npz"]
    done = nazad("fit", real["iris"], "--target", "class", *options, *more)
    assert done.code == 0
    assert "Minibatches of 10, step 0.25, halved" in done.out
    training = Model.load("m.npz").training
    assert (training.batch_size, training.step, training.epochs, training.l2) == (10, 0.25, 3, 0.5)
    assert (training.rows, training.seed, training.verdict) == (75, 7, "out of steps")


def test_quiet(nazad, real):
    assert nazad("fit", real["iris"], "--target", "class", "--quiet", *STEPS) == (0, "", "")
    assert os.listdir() == ["iris-model.npz"]


@pytest.mark.parametrize("method", ["full", "stochastic", "minibatch"])
def test_the_same_seed_gives_the_same_bytes(nazad, real, method):
    for name in ("one", "two"):
        options = ("--method", method, "--epochs", 2, "--output", name, "--seed", 5)
        assert nazad("fit", real["iris"], "--target", "class", *options).code == 0
    assert Path("one").read_bytes() == Path("two").read_bytes()


def test_without_validation(nazad, real):
    done = nazad("fit", real["iris"], "--target", "class", "--validation", 0, *STEPS)
    assert "Training on 150 rows (seed 0)." in done.out
    assert "On the rows of the training: accuracy" in done.out


def test_other_formats(nazad, real):
    from sklearn.datasets import dump_svmlight_file

    table = read_table(real["iris"], text=["class"])
    X = np.column_stack(table.columns[:-1])
    y = np.unique(table.column("class"), return_inverse=True)[1]
    np.savez("iris.npz", X=X, y=y)
    dump_svmlight_file(X, y, "iris.svmlight", zero_based=False)
    for name in ("iris.npz", "iris.svmlight"):
        done = nazad("fit", name, "--target", "y", "--quiet", "--output", f"{name}.model", *STEPS)
        assert done == (0, "", "")
    assert np.allclose(*(Model.load(f"iris.{kind}.model").params["w"] for kind in ("npz", "svmlight")))


def test_parquet(nazad, real):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = read_table(real["iris"], text=["class"])
    parquet.write_table(
        pyarrow.table({n: c.tolist() for n, c in zip(table.names, table.columns, strict=True)}), "i.parquet"
    )
    assert nazad("fit", "i.parquet", "--target", "class", *STEPS).code == 0


def test_many_classes_are_no_matrix_as_wide_as_a_wall(nazad):
    rng = np.random.default_rng(0)
    rows = [f"{rng.normal():.3f},the class number {k % 40}" for k in range(400)]
    Path("many.csv").write_text("x,y\n" + "\n".join(rows) + "\n")
    done = nazad("fit", "many.csv", "--target", "y", *STEPS)
    assert "40 classes. The most frequent confusions:" in done.out
    assert re.search(r"the class numbe… taken for the class numbe…: \d+ row", done.out)


def test_names_are_no_markup_and_steer_no_terminal(nazad):
    rows = [f"{k},{'[red]a[/red]' if k % 2 else chr(27) + '[2Jb'}" for k in range(20)]
    Path("odd.csv").write_text("x,[bold]y\n" + "\n".join(rows) + "\n")
    done = nazad("fit", "odd.csv", "--target", "[bold]y", *STEPS)
    assert done.code == 0
    assert "[red]a[/red]" in done.out
    assert "\x1b" not in done.out


# --- bad input


def test_a_missing_file(nazad, real):
    Path("iris.csv").write_bytes(real["iris"].read_bytes())
    refused(nazad("fit", "irsi.csv", "--target", "class"), "irsi.csv: there is no such file", "'iris.csv'")


def test_a_truncated_file(nazad, real):
    Path("cut.csv").write_text(real["cancer"].read_text()[:20_000])
    refused(nazad("fit", "cut.csv", "--target", "class"), "cut.csv, line 9", "cut short")


def test_an_absent_target(nazad, real):
    refused(nazad("fit", real["iris"], "--target", "clas"), "no column 'clas'. Did you mean 'class'?")


def test_no_target(nazad, real):
    refused(nazad("fit", real["iris"]), "--target")


def test_a_single_class(nazad, real):
    lines = real["iris"].read_text().splitlines()
    Path("one.csv").write_text("\n".join(line for line in lines if "versi" in line or "class" in line))
    refused(nazad("fit", "one.csv", "--target", "class"), "single class, 'versicolor'", "two classes or more")


@pytest.mark.parametrize("cell", ["nan", "inf", "-inf", ""])
def test_a_gap_is_named_and_can_be_filled(nazad, real, cell):
    path = edited(real["iris"], 42, 2, cell)
    kind = "an infinite number" if "inf" in cell else "no number"
    refused(
        nazad("fit", path, "--target", "class"),
        f"edited.csv, line 42, column 'petal length (cm)': {kind}",
        "--impute mean or --impute median",
    )
    for impute in ("mean", "median"):
        assert nazad("fit", path, "--target", "class", "--impute", impute, *STEPS).code == 0


def test_text_is_named_and_can_be_categories(nazad):
    rows = [f"{k % 7},{'north' if k % 3 else 'south'},{'yes' if k % 3 else 'no'}" for k in range(60)]
    Path("t.csv").write_text("x,side,y\n" + "\n".join(rows) + "\n")
    refused(nazad("fit", "t.csv", "--target", "y"), "line 2, column 'side'", "'south'", "--categorical")
    for names in ([], ["side"], ["side", "x"]):
        done = nazad("fit", "t.csv", "--target", "y", "--categorical", *names, *STEPS)
        assert done.code == 0
        assert accuracy(done.out) == 1
    refused(nazad("fit", "t.csv", "--target", "y", "--categorical", "sid"), "Did you mean 'side'?")


def test_a_label_that_is_missing(nazad, real):
    path = edited(real["iris"], 3, 4, "")
    refused(nazad("fit", path, "--target", "class"), "line 3, column 'class'", "the target has no value")


def test_too_few_rows(nazad):
    Path("few.csv").write_text("x,y\n1,a\n2,b\n")
    refused(nazad("fit", "few.csv", "--target", "y"), "too few to split")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--step", "0"], "step is 0.0"),
        (["--step", "nan"], "step is nan"),
        (["--step", "fast"], "--step"),
        (["--epochs", "0"], "epochs is 0"),
        (["--epochs", "1", "--steps", "1"], "not allowed with"),
        (["--batch-size", "8"], "Batches go with the method minibatch"),
        (["--method", "adam"], "adam"),
        (["--validation", "1"], "validation is 1.0"),
        (["--l2", "-1"], "l2 is -1.0"),
        (["--impute", "zero"], "zero"),
        (["--seed", "-1"], "seed is -1"),
    ],
)
def test_options_that_make_no_sense(nazad, real, options, said):
    refused(nazad("fit", real["iris"], "--target", "class", *options), said)
    assert os.listdir() == []


def test_a_training_that_diverges_saves_nothing(nazad, real):
    done = nazad("fit", real["iris"], "--target", "class", "--step", "1e9", "--l2", "1")
    refused(done, "the training diverged, and no model was saved", "ten times smaller", code=1)
    assert os.listdir() == []


# --- disks


def test_a_place_that_cannot_be_written_is_found_before_the_training(nazad, real):
    Path("folder").mkdir()
    for output, said in [
        ("no/such/m.npz", "there is no folder"),
        ("folder", "this is a folder"),
        (real["iris"], "this is the file that is read"),
    ]:
        done = nazad("fit", real["iris"], "--target", "class", "--output", output)
        refused(done, said)
        assert done.out == ""
    assert read_table(real["iris"]).rows == 150


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind root")
def test_a_protected_place_is_found_before_the_training(nazad, real):
    Path("folder").mkdir(mode=0o500)
    Path("m.npz").touch(mode=0o400)
    for output in ("m.npz", "folder/m.npz"):
        done = nazad("fit", real["iris"], "--target", "class", "--output", output)
        refused(done, output)
        assert done.out == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk(nazad, real):
    done = nazad("fit", real["iris"], "--target", "class", "--output", "/dev/full", *STEPS)
    refused(done, "/dev/full: it could not be written: No space left on device", code=1)


def process(*args: object, prefix: str = "", **more) -> subprocess.Popen:
    """The command as a process of its own, in which a warning is an error."""
    program = f"{prefix}\nimport sys; from nazad.cli import main; sys.exit(main())"
    command = [sys.executable, "-W", "error", "-c", program, *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on Windows")
def test_a_file_that_grows_too_large_leaves_the_old_model(nazad, real):
    assert nazad("fit", real["digits"], "--target", "class", "--output", "m.npz", *STEPS).code == 0
    old = Path("m.npz").read_bytes()
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)"
    limit += "; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))"
    again = process(
        "fit", real["digits"], "--target", "class", "--output", "m.npz", "--steps", 4, prefix=limit
    )
    err = again.communicate(timeout=120)[1]
    assert again.returncode == 1
    assert (
        err == "nazad: m.npz: it could not be written: File too large. What was there before is as it was\n"
    )
    assert os.listdir() == ["m.npz"]
    assert Path("m.npz").read_bytes() == old


@pytest.mark.skipif(sys.platform == "win32", reason="signals are other on Windows")
def test_ctrl_c_in_the_training_keeps_what_there_is(nazad, real):
    assert nazad("fit", real["digits"], "--target", "class", "--output", "m.npz", *STEPS).code == 0
    old = Path("m.npz").read_bytes()
    options = ("--tolerance", 0, "--steps", 10_000_000, "--output", "m.npz")
    prefix = "import sys; sys.stdout.reconfigure(line_buffering=True)"
    running = process("fit", real["digits"], "--target", "class", *options, prefix=prefix)
    while not running.stdout.readline().startswith("Full gradient"):
        assert running.poll() is None
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 130
    assert "interrupted: " in out
    assert "accuracy" in out
    assert err == "nazad: interrupted; what there is was saved to m.interrupted.npz\n"
    assert Path("m.npz").read_bytes() == old
    kept = Model.load("m.interrupted.npz")
    assert kept.training.verdict == "interrupted"
    assert kept.training.steps > 0


def test_ctrl_c_before_the_first_step(nazad, real, monkeypatch):
    from nazad.descent import loop

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "_iterates", interrupt)
    try:
        done = nazad("fit", real["iris"], "--target", "class", "--quiet")
    except KeyboardInterrupt:  # main may hand it to the shell
        return
    assert done.code == 130
    assert os.listdir() == []


def test_python_m_nazad(real, tmp_path):
    """The whole way, as a user goes it: a process of its own, from fit to predict."""
    run = [sys.executable, "-W", "error", "-m", "nazad"]
    fit = [*run, "fit", str(real["iris"]), "--target", "class"]
    done = subprocess.run(fit, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "Saved to iris-model.npz" in done.stdout
    predict = [*run, "predict", "iris-model.npz", str(real["iris"])]
    done = subprocess.run(predict, cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert (lines[0], len(lines)) == ("prediction", 151)
    assert accuracy(done.stderr) >= 0.9


# --- the progress bar


def test_the_bar_is_told_now_and_then():
    from nazad.cli.fit import _Watch
    from nazad.descent import Iterate, Measured

    told = []
    watch = _Watch(lambda **fields: told.append(fields), by_steps=False)
    for k in range(1000):
        full = Measured(0.5, 0.125) if k % 10 == 0 else None
        watch(
            Iterate(step=k, epoch=k // 10, value=1.0, gradient_norm=1.0, step_norm=0.0, full=full, params=0.0)
        )
    assert told[0] == {
        "completed": 0,
        "description": "epoch 0",
        "seen": "loss 0.50000  gradient norm 1.25e-01",
    }
    assert len(told) < 100


def test_a_terminal_gets_a_bar(nazad, real, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    done = nazad("fit", real["digits"], "--target", "class", "--steps", 30)
    assert done.code == 0
    assert "gradient norm" in done.err
    assert "gradient norm" not in nazad("fit", real["digits"], "--target", "class", "--quiet", *STEPS).err
