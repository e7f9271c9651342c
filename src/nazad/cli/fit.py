"""``nazad fit``: from a data file to a model file.

Ctrl-C during the training ends it, and keeps what there is: the model is scored, and saved under a name of
its own (``model.interrupted.npz`` for ``model.npz``), so that an unfinished model never takes the place of a
finished one. The exit code is 130 then, and 1 if the training diverged, when nothing is saved.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nazad.cli.output import check_different, check_writable, console, plain, writing
from nazad.errors import NazadError
from nazad.nearby import counted

if TYPE_CHECKING:
    from rich.console import Console

    from nazad.descent import Iterate
    from nazad.learn import Plan, Prepared, Trained

INTERRUPTED = 130
_PAUSE = 0.1  # seconds between two looks at the progress
_NAMED = 6  # classes that are listed


def add_parser(subparsers: Any) -> None:
    """Say what the command takes."""
    parser = subparsers.add_parser(
        "fit",
        help="train a classifier on a data file",
        description="Train logistic regression by gradient descent, score it on rows held back, and save it.",
        epilog="Files: .csv, .tsv, .txt, .npz, .parquet, .svmlight. Ctrl-C keeps what there is, beside the "
        "model file. Example: nazad fit flowers.csv --target species",
    )
    parser.add_argument("data", help="the data file")
    parser.add_argument("--target", required=True, metavar="COLUMN", help="the column to predict")
    _add_descent(parser.add_argument_group("descent"))
    _add_data(parser.add_argument_group("data"))
    parser.add_argument("--output", metavar="FILE", help="the model file (default: DATA-model.npz, here)")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.set_defaults(run=run)


def _add_descent(group: Any) -> None:
    methods = ("full", "stochastic", "minibatch")
    say = "rows of each gradient: all, one, or a batch (default: full)"
    group.add_argument("--method", choices=methods, default="full", help=say)
    group.add_argument("--batch-size", type=int, metavar="B", help="rows of a minibatch (default: 32)")
    say = "the step to begin with (default: 1/L for full, else a longer one that is halved as need be)"
    group.add_argument("--step", type=float, metavar="S", help=say)
    budget = group.add_mutually_exclusive_group()
    budget.add_argument("--epochs", type=int, metavar="N", help="go through the data at most so often")
    budget.add_argument("--steps", type=int, metavar="N", help="take at most so many steps")
    say = "stop at this gradient norm (default: 0.001 for full, else 0.005)"
    group.add_argument("--tolerance", type=float, metavar="T", help=say)
    say = "penalty l2/2 |w|^2 (default: 0.001)"
    group.add_argument("--l2", type=float, default=1e-3, metavar="L2", help=say)
    say = "of the split and the order of the rows (default: 0)"
    group.add_argument("--seed", type=int, default=0, metavar="N", help=say)


def _add_data(group: Any) -> None:
    say = "share of the rows to score on (default: 0.2)"
    group.add_argument("--validation", type=float, default=0.2, metavar="SHARE", help=say)
    group.add_argument(
        "--impute", choices=("mean", "median"), help="fill cells that are empty, NaN or infinite"
    )
    say = "make categories of these columns, or of all columns of text if none is named"
    group.add_argument("--categorical", nargs="*", metavar="COLUMN", help=say)


def run(args: argparse.Namespace) -> int:
    """Train, score, save."""
    from nazad.learn import Prepared, read_table

    output = args.output or f"{Path(args.data).stem}-model.npz"
    plan = _plan(args)
    check_writable(output)
    check_different(output, args.data)
    screen = console(quiet=args.quiet)
    prepared = Prepared.of(read_table(args.data, text=_text_names(args)), args.target, plan)
    _say_what(screen, prepared)
    with _progress(plan, args.quiet) as watch:
        trained = prepared.train(watch)
    return _ended(screen, trained, output)


def _plan(args: argparse.Namespace) -> Plan:
    from nazad.learn import Plan

    names = (
        "method",
        "batch_size",
        "step",
        "epochs",
        "steps",
        "tolerance",
        "l2",
        "validation",
        "impute",
        "seed",
    )
    categorical = bool(args.categorical is not None) if not args.categorical else tuple(args.categorical)
    return Plan(categorical=categorical, **{name: getattr(args, name) for name in names})


def _text_names(args: argparse.Namespace) -> list[str]:
    return [args.target, *(args.categorical or [])]


# --- before
def _say_what(screen: Console, prepared: Prepared) -> None:
    table, plan = prepared.table, prepared.plan
    shares = [f"{plain(c)} {n}" for c, n in zip(prepared.classes, prepared.counts.tolist(), strict=True)]
    few = ", ".join(shares[:_NAMED]) + (", …" if len(shares) > _NAMED else "")
    features = len(prepared.preparation.features)
    screen.print(
        f"{plain(table.source)}: {counted(table.rows, 'row')}, {counted(features, 'feature')}; "
        f"{plain(prepared.target)!r} has {counted(len(shares), 'class', 'classes')}: {few}"
    )
    held = f", {len(prepared.validation)} held back for validation" if len(prepared.validation) else ""
    screen.print(f"Training on {counted(len(prepared.training), 'row')}{held} (seed {plan.seed}).")
    screen.print(f"{_method(plan)}, {_step(prepared)}, penalty l2 = {plan.l2:g}.")
    screen.print()


def _method(plan: Plan) -> str:
    if plan.method == "minibatch":
        return f"Minibatches of {plan.rows_per_step}"
    return "Full gradient" if plan.method == "full" else "Stochastic gradient"


def _step(prepared: Prepared) -> str:
    plan = prepared.plan
    if plan.method == "full":
        return f"step {prepared.step:.4g}{'' if plan.step else ' = 1/L'}"
    return f"step {prepared.step:.4g}, halved after an epoch that does not lower the loss"


# --- during
@contextlib.contextmanager
def _progress(plan: Plan, quiet: bool) -> Iterator[Callable[[Iterate], None] | None]:
    """A bar on stderr with the loss and the gradient norm, if somebody is there to see it."""
    screen = console(stderr=True)
    if quiet or not screen.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[seen]}"))
    steps, epochs = plan.budget
    with Progress(*columns, TimeElapsedColumn(), console=screen, transient=True) as bar:
        task = bar.add_task("step 0", total=steps or epochs, seen="")
        yield _Watch(lambda **fields: bar.update(task, **fields), by_steps=steps is not None)


class _Watch:
    """Tells the bar about iterates, now and then: telling of every step would cost more than the steps do.

    The bar shows values on all rows, where they are measured, and counts whichever the budget counts.
    """

    def __init__(self, tell: Callable[..., None], by_steps: bool) -> None:
        self.tell, self.by_steps = tell, by_steps
        self.told, self.seen = 0.0, ""

    def __call__(self, iterate: Iterate) -> None:
        if iterate.full is not None:
            self.seen = f"loss {iterate.full.value:.5f}  gradient norm {iterate.full.gradient_norm:.2e}"
        now = time.monotonic()
        if now - self.told < _PAUSE:
            return
        self.told = now
        done = iterate.step if self.by_steps else iterate.epoch
        self.tell(
            completed=done, description=f"{'step' if self.by_steps else 'epoch'} {done}", seen=self.seen
        )


# --- after
def _ended(screen: Console, trained: Trained, output: str) -> int:
    from nazad.cli.report import show_scores

    verdict = trained.result.verdict
    _demand_worth(trained)
    screen.print(f"{verdict}\n")
    show_scores(screen, trained.scores, _SCORED[trained.scored_on])
    if verdict.kind == "interrupted":
        return _keep_interrupted(trained, output)
    _save(trained, output)
    screen.print(f"Saved to {plain(output)}. To use it: nazad predict {plain(output)} DATA")
    return 0


_SCORED = {"validation": "Validation", "training": "On the rows of the training"}


def _demand_worth(trained: Trained) -> None:
    """Raise if there is nothing to keep."""
    verdict = trained.result.verdict
    if verdict.kind == "diverged":
        raise NazadError("the training diverged, and no model was saved", verdict.sentence)
    if verdict.kind == "interrupted" and trained.model.training.steps == 0:
        raise KeyboardInterrupt


def _keep_interrupted(trained: Trained, output: str) -> int:
    path = beside(output)
    _save(trained, path)
    console(stderr=True).print(
        f"nazad: interrupted; what there is was saved to {plain(path)}", soft_wrap=True
    )
    return INTERRUPTED


def _save(trained: Trained, path: str) -> None:
    with writing(path):
        trained.model.save(path)


def beside(output: str) -> str:
    """Where an unfinished model goes.

    Examples
    --------
    >>> beside("flowers.npz")
    'flowers.interrupted.npz'
    """
    path = Path(output)
    return str(path.with_name(f"{path.stem}.interrupted{path.suffix}"))
