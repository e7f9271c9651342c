"""``nazad predict``: from a model file and a data file to predictions.

The predictions are CSV, a line for each row of the data, on stdout or in a file. What is said about them
besides goes where it does no harm: to stderr if the predictions are on stdout.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from nazad.cli.output import check_different, check_writable, console, plain, writing
from nazad.errors import DataError
from nazad.files import replacing
from nazad.nearby import counted

if TYPE_CHECKING:
    from rich.console import Console

    from nazad.learn import Model, Table
    from nazad.learn.columns import Matrix


def add_parser(subparsers: Any) -> None:
    """Say what the command takes."""
    parser = subparsers.add_parser(
        "predict",
        help="use a model that was trained by fit",
        description="Predict the class of every row of a data file. If the file has the target column, the "
        "predictions are scored, too.",
        epilog="Example: nazad predict flowers-model.npz more-flowers.csv --output predictions.csv",
    )
    parser.add_argument("model", help="the model file")
    parser.add_argument("data", help="the data file, with the columns of the training in any order")
    parser.add_argument("--output", metavar="FILE", help="write the predictions here (default: stdout)")
    parser.add_argument("--proba", action="store_true", help="the probability of each class, too")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Predict, write, score."""
    from nazad.learn import Model, read_table

    if args.output is not None:
        check_writable(args.output)
        for source in (args.model, args.data):
            check_different(args.output, source)
    model = Model.load(args.model)
    table = read_table(args.data, text=model.text_names)
    logarithms = model.predict_log_proba(table)
    rows = _rows(model, logarithms, args.proba)
    screen = console(stderr=args.output is None)
    if args.output is None:
        _write(sys.stdout, rows)
    else:
        _write_file(args.output, rows)
        screen.print(f"{counted(table.rows, 'prediction')} written to {plain(args.output)}")
    _score(screen, model, table, logarithms)
    return 0


def _rows(model: Model, logarithms: Matrix, proba: bool) -> Iterator[list[object]]:
    yield ["prediction", *([f"p({label})" for label in model.classes] if proba else [])]
    predicted = model.named(np.argmax(logarithms, axis=1)).tolist()
    p = np.exp(logarithms) if proba else logarithms[:, :0]
    for label, shares in zip(predicted, p.tolist(), strict=True):
        yield [label, *shares]


def _write(file: IO[str], rows: Iterator[list[object]]) -> None:
    csv.writer(file, lineterminator="\n").writerows(rows)


def _write_file(path: str, rows: Iterator[list[object]]) -> None:
    with writing(path), replacing(path, "w") as file:
        _write(file, rows)


def _score(screen: Console, model: Model, table: Table, logarithms: Matrix) -> None:
    from nazad.cli.report import show_scores
    from nazad.learn.labels import known_labels
    from nazad.learn.scores import Scores

    if model.target not in table.names:
        return
    try:
        right = known_labels(table, model.target, model.classes).codes
    except DataError as fault:  # no reason to have no predictions
        screen.print(f"Not scored: {plain(fault.where)}: {plain(fault.met)}", soft_wrap=True)
        return
    show_scores(screen, Scores.of(logarithms, right, model.classes), f"Against {plain(model.target)!r}")
