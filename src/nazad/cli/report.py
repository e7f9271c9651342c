"""Scores as a terminal shows them: a line of figures and a confusion matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nazad.cli.output import plain
from nazad.nearby import counted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from nazad.learn import Scores

_WIDEST = 16  # characters of a class's name in the matrix
_MOST = 10  # confusions that are listed


def show_scores(console: Console, scores: Scores, title: str) -> None:
    """Print accuracy, log loss and the confusion matrix."""
    right = round(scores.accuracy * scores.rows)
    figures = f"accuracy {scores.accuracy:.4f} ({right} of {scores.rows}), log loss {scores.log_loss:.4f}"
    console.print(f"{title}: {figures}")
    if scores.unknown:
        rows = counted(scores.unknown, "row is of a class", "rows are of classes")
        console.print(f"{rows} that the model never met: counted as wrong, left out of the log loss.")
    console.print()
    matrix = confusion_table(scores)
    if matrix.__rich_measure__(console, console.options).maximum <= console.width:
        console.print(matrix)
    else:
        show_confusions(console, scores)


def confusion_table(scores: Scores) -> Table:
    """The confusion matrix: right classes down, predicted ones across."""
    from rich import box
    from rich.table import Table

    names = [_short(label) for label in scores.classes]
    table = Table(box=box.SIMPLE_HEAD, title="Confusion matrix", title_justify="left")
    table.add_column("right \\ predicted", no_wrap=True)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for k, (name, counts) in enumerate(zip(names, scores.confusion.tolist(), strict=True)):
        cells = [str(n) if n else "·" for n in counts]
        table.add_row(name, *cells[:k], _bold(cells[k]), *cells[k + 1 :])
    return table


def show_confusions(console: Console, scores: Scores) -> None:
    """What takes the place of a matrix that is too wide: the most frequent confusions."""
    wrong = scores.confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = [
        divmod(int(i), len(scores.classes)) for i in np.argsort(-wrong, axis=None, kind="stable")[:_MOST]
    ]
    console.print(f"{len(scores.classes)} classes. The most frequent confusions:")
    for right, predicted in order:
        if wrong[right, predicted]:
            pair = f"{_short(scores.classes[right])} taken for {_short(scores.classes[predicted])}"
            console.print(f"  {pair}: {counted(int(wrong[right, predicted]), 'row')}")
    console.print()


def _short(label: object) -> str:
    text = plain(label)
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _bold(cell: str) -> Text:
    from rich.text import Text

    return Text(cell, style="bold")
