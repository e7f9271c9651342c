"""``nazad demo``: the main job on real data, told step by step."""

from __future__ import annotations

import argparse
import contextlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nazad.cli.output import check_writable, console, plain, writing
from nazad.errors import ArgumentError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as Grid

    from nazad.demo.compare import Comparison, Run

_PASSES = {"breast cancer": 30, "digits": 10}
_FOLDER = "nazad-demo"


def add_parser(subparsers: Any) -> None:
    """Say what the command takes."""
    parser = subparsers.add_parser(
        "demo",
        help="train on real data by three kinds of descent, and plot their curves",
        description="A gradient by hand, then logistic regression on two real data sets by full, stochastic "
        "and minibatch gradient descent, compared and plotted. Needs the extras learn and plot.",
    )
    say = f"folder to write to (default: {_FOLDER})"
    parser.add_argument("--output", default=_FOLDER, metavar="DIR", help=say)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Tell the story."""
    from nazad.extras import require

    require("sklearn", "learn")
    require("matplotlib", "plot")
    folder = _folder(args.output)
    screen = console()
    _tell_example(screen)
    comparisons = _tell_data(screen)
    _tell_files(screen, comparisons, folder)
    return 0


def _folder(output: str) -> Path:
    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        met = f"no folder can be made there: {fault.strerror}"
        raise ArgumentError(met, "Choose another --output", output) from None
    check_writable(folder / "descent.png")
    return folder


# --- one gradient
def worked(x: Any, y: Any) -> Any:
    """The lecture's example, u = log x, v = xy, s = u + v, w = sin y, f = s − w."""
    return (np.log(x) + x * y) - np.sin(y)


def _tell_example(screen: Console) -> None:
    from nazad.trace import trace

    G = trace(worked, 2.0, 5.0)
    F = G.forward(dict(zip(G.leaves, (2.0, 5.0), strict=True)))
    B = G.backward(F)
    grid = _grid(("node", "left"), ("formula", "left"), ("value", "right"), ("∂f/∂node", "right"))
    names = ("x", "y", "u = log x", "v = x y", "s = u + v", "w = sin y", "f = s − w")
    for name, node in zip(names, G.nodes, strict=True):
        node_name, _, formula = name.partition(" = ")
        grid.add_row(node_name, formula, f"{F[node]:.3f}", f"{B[node]:.3f}")
    _heading(screen, "1. A gradient: f(x, y) = (log x + x y) − sin y at (2, 5)")
    screen.print(
        "Forward, each node gets its value; backward, each gets its derivative, from the result up.\n"
    )
    screen.print(grid)
    dx, dy = (B[leaf] for leaf in G.leaves)
    screen.print(
        f"The gradient is ({dx:g}, {dy:.6f}); by hand, (1/x + y, x − cos y) = ({_by_hand(2.0, 5.0)}).\n"
    )


def _by_hand(x: float, y: float) -> str:
    return f"{1 / x + y:g}, {x - math.cos(y):.6f}"


# --- two data sets
def _tell_data(screen: Console) -> list[Comparison]:
    from nazad.demo.compare import Comparison
    from nazad.demo.data import breast_cancer, digits

    comparisons = []
    for number, (table, target) in enumerate((breast_cancer(), digits()), start=2):
        with _busy(screen) as tell:
            comparison = Comparison.of(table, target, _PASSES[table.source], tell)
        comparisons.append(comparison)
        _tell_one(screen, comparison, number)
    return comparisons


def _tell_one(screen: Console, comparison: Comparison, number: int) -> None:
    from nazad.cli.report import show_scores

    prepared, finished = comparison.prepared, comparison.finished
    rows, features = prepared.X.shape
    _heading(
        screen, f"{number}. Logistic regression: {prepared.table.source}, {len(prepared.classes)} classes"
    )
    screen.print(
        f"{prepared.table.rows} rows, {features} features, standardised; trained on {rows}, "
        f"{len(prepared.validation)} held back. {_closed_form(comparison)}\n"
    )
    screen.print(f"{comparison.passes} passes over the data for each kind of descent:\n")
    screen.print(_comparison_grid(comparison))
    screen.print(f"{_lesson(comparison)}\n")
    screen.print(f"Full gradient until it converges ({finished.seconds:.1f} s):")
    screen.print(f"{finished.trained.result.verdict}\n")
    show_scores(screen, finished.trained.scores, "Validation")


def _closed_form(comparison: Comparison) -> str:
    """Backpropagation against the lecture's formulas, at the weights that were found."""
    from nazad.learn import closed_jacobians, jacobians

    prepared, params = comparison.prepared, comparison.lowest.trained.model.params
    pairs = zip(
        jacobians(params, prepared.X, prepared.y),
        closed_jacobians(params, prepared.X, prepared.y),
        strict=True,
    )
    t, w, b = (float(np.max(np.abs(np.subtract(found, formula)))) for found, formula in pairs)
    return (
        "Backpropagation of the loss differs from the closed forms, −(y − p)ᵀ/S and its products "
        f"with X and 1, by at most {t:.0e} in ∂h/∂t, {w:.0e} in ∂h/∂w, {b:.0e} in ∂h/∂b."
    )


def _comparison_grid(comparison: Comparison) -> Grid:
    figures = ("rows a step", "steps", "passes", "seconds", "loss", "accuracy")
    grid = _grid(("descent", "left"), *((name, "right") for name in figures), ("verdict", "left"))
    for run in comparison.runs:
        grid.add_row(*_cells(run))
    return grid


def _cells(run: Run) -> list[str]:
    training = run.trained.model.training
    return [
        run.method,
        str(training.batch_size),
        str(training.steps),
        str(training.epochs),
        f"{run.seconds:.2f}",
        f"{training.loss:.4f}",
        f"{run.trained.scores.accuracy:.4f}",
        training.verdict,
    ]


def _lesson(comparison: Comparison) -> str:
    full, *others = comparison.runs
    lower = [run.method for run in others if run.trained.result.value < full.trained.result.value]
    if not lower:
        return "Here the full gradient came lowest: the noise of few rows outweighed their cheaper steps."
    seen = (
        f"{' and '.join(lower)} descent came lower than the full gradient, by cheaper steps and more of them"
    )
    return f"With the same number of passes, {seen} (loss on all training rows)."


# --- files
def _tell_files(screen: Console, comparisons: list[Comparison], folder: Path) -> None:
    from nazad.demo.data import write_csv
    from nazad.demo.plot import plot_curves

    _heading(screen, f"{len(comparisons) + 2}. What is left behind")
    with writing(folder), _busy(screen) as tell:
        tell("drawing")
        plot_curves(comparisons, folder / "descent.png")
        for comparison in comparisons:
            name = comparison.prepared.table.source.replace(" ", "-")
            write_csv(comparison.prepared.table, folder / f"{name}.csv")
            comparison.finished.trained.model.save(folder / f"{name}-model.npz")
    where = plain(folder)
    screen.print(
        f"{where}/descent.png    the loss curves of all three kinds, on both data sets", soft_wrap=True
    )
    screen.print(f"{where}/*.csv          the data; {where}/*-model.npz the trained models\n", soft_wrap=True)
    screen.print("Now try:")
    screen.print(
        f"  nazad fit {where}/breast-cancer.csv --target diagnosis --method minibatch", soft_wrap=True
    )
    screen.print(f"  nazad predict {where}/digits-model.npz {where}/digits.csv --proba", soft_wrap=True)


# --- on the screen
def _heading(screen: Console, text: str) -> None:
    screen.print()
    screen.print(text, style="bold")
    screen.print("─" * len(text), style="bold")


def _grid(*columns: tuple[str, Any]) -> Grid:
    from rich import box
    from rich.table import Table as Grid

    grid = Grid(box=box.SIMPLE_HEAD)
    for name, side in columns:
        grid.add_column(name, justify=side, no_wrap=True)
    return grid


@contextlib.contextmanager
def _busy(screen: Console) -> Iterator[Callable[[str], object]]:
    """A line that says what is going on, where somebody can see it go away again."""
    if not screen.is_terminal:
        yield lambda what: None
        return
    with screen.status("…") as status:
        yield lambda what: status.update(plain(what))
