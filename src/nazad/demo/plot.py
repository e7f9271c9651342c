"""Loss curves, a panel for each data set, as a PNG file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nazad.demo.compare import Comparison, Run
from nazad.extras import require
from nazad.files import AnyPath, replacing

# Okabe and Ito's colours, which the colour-blind can tell apart; the markers do it again.
_STYLES = {"full": ("#0072B2", "o"), "minibatch": ("#009E73", "s"), "stochastic": ("#D55E00", "^")}
_NAMES = {
    "full": "full gradient",
    "minibatch": "minibatches of {}",
    "stochastic": "stochastic, one row a step",
}


def plot_curves(comparisons: Sequence[Comparison], path: AnyPath) -> None:
    """Draw the curves of each comparison in a panel of its own.

    Parameters
    ----------
    comparisons : sequence of Comparison
        What to draw.
    path : str or path-like
        The PNG file.
    """
    figure = require("matplotlib.figure", "plot").Figure(figsize=(11.5, 5.0), layout="constrained")
    figure.suptitle("Three kinds of gradient descent on logistic regression", fontsize=14)
    panels = figure.subplots(1, len(comparisons), squeeze=False)[0]
    for panel, comparison in zip(panels, comparisons, strict=True):
        _draw(panel, comparison)
    panels[0].set_ylabel("loss on all training rows (log scale)")
    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=150)


def _draw(panel: Any, comparison: Comparison) -> None:
    prepared = comparison.prepared
    for run in comparison.runs:
        _draw_run(panel, run)
    least = float(comparison.finished.trained.result.value)
    steps = comparison.finished.trained.model.training.steps
    panel.axhline(
        least, color="0.35", linestyle="--", linewidth=1.2, label=f"full gradient after {steps} passes"
    )
    shape = f"{len(prepared.y)} rows, {prepared.X.shape[1]} features, {len(prepared.classes)} classes"
    panel.set_title(f"{prepared.table.source}: {shape}", fontsize=11)
    panel.set_xlabel("passes over the data")
    panel.set_yscale("log")
    _label_losses(panel)
    panel.grid(True, which="major", color="0.9")
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(framealpha=1.0, edgecolor="none")


def _draw_run(panel: Any, run: Run) -> None:
    color, marker = _STYLES[run.method]
    label = _NAMES[run.method].format(run.trained.model.training.batch_size)
    panel.plot(run.curve.epochs, run.curve.values, color=color, marker=marker, markersize=4, label=label)


def _label_losses(panel: Any) -> None:
    """Ticks at 1, 2 and 5 times a power of ten, written as plain numbers."""
    ticker = require("matplotlib.ticker", "plot")
    panel.yaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
    panel.yaxis.set_major_formatter(
        ticker.FuncFormatter(lambda y, _: np.format_float_positional(y, 3, trim="-"))
    )
    panel.yaxis.set_minor_formatter(ticker.NullFormatter())
