"""The story as two tables of text: forward, then backward.

Whatever comes from the user (names, lines of source) is text and nothing else: rich sees no markup in it, and
characters that would steer a terminal are taken out.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nazad.explain.cost import Cost
from nazad.explain.formula import ATOM, Part, composed
from nazad.explain.names import is_literal
from nazad.explain.numbers import number, short
from nazad.explain.scenes import Edge, Scene, Scenes, Story
from nazad.graph import CONSTANT, LEAF, Node, Value
from nazad.nearby import counted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

MOST_ROWS = 60
_WIDTH = 120
_CELL = 72  # characters
_NARROWEST = 2
_GAP = 2
_MOST_OF_ONE = 10  # rows that a single node may take in a folded table
_FORWARD = (("#", "dim"), ("node", "bold"), ("formula", ""), ("value", "green"), ("source", "dim"))
_BACKWARD = (
    *(("#", "dim"), ("node", "bold"), ("cotangent", "red")),
    *(("to", "bold"), ("local", ""), ("upstream × local = share", "red")),
)
Row = list[str]


class Page(NamedTuple):
    """What the tables are drawn from."""

    title: str
    scenes: Scenes
    story: Story
    cost: Cost


def as_text(page: Page, width: int | None = None, all: bool = False) -> str:  # noqa: A002
    """Both tables as plain text, without colours."""
    from rich.console import Console

    out = io.StringIO()
    console = Console(
        file=out, width=width or _WIDTH, color_system=None, force_jupyter=False, legacy_windows=False
    )
    show(page, console, all)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def show(page: Page, console: Console, all: bool = False) -> None:  # noqa: A002
    """Print both tables, in colour if the console has colours."""
    from rich.text import Text

    forward = fold(page.scenes.forward, ForwardRows(page.story).of, all)
    backward = fold(page.scenes.backward, backward_rows, all)
    console.print(_cell(_opening(page), "bold", console.width), end="\n\n")
    for columns, rows in ((_FORWARD, forward), (_BACKWARD, backward)):
        console.print(_table(columns, rows, console), end="\n\n", no_wrap=True, overflow="ignore", crop=False)
    console.print(Text(_closing(page)))


# --- rows
def fold(scenes: Sequence[Scene], rows_of: Callable[[Scene], list[Row]], all: bool = False) -> list[Row]:  # noqa: A002
    """The rows of all scenes; if they are too many, the first and the last."""
    if all:
        return [row for scene in scenes for row in rows_of(scene)]
    rows, seen = _as_many(scenes, rows_of, MOST_ROWS)
    if seen == len(scenes):
        return rows
    head, before = _as_many(scenes, rows_of, MOST_ROWS // 2)
    tail, after = _as_many(scenes, lambda scene: rows_of(scene)[::-1], MOST_ROWS - 1 - len(head), back=True)
    more = f"… {len(scenes) - before - after:,} more".replace(",", " ")
    return [*head, ["", more], *tail[::-1]]


def _as_many(
    scenes: Sequence[Scene], rows_of: Callable[[Scene], list[Row]], most: int, back: bool = False
) -> tuple[list[Row], int]:
    """The rows of the first scenes (or the last) as long as there is room, and how many scenes that are."""
    rows: list[Row] = []
    for k in range(len(scenes)):
        new = _shortened(rows_of(scenes[-1 - k if back else k]))
        if len(rows) + len(new) > most:
            return rows, k
        rows += new
    return rows, len(scenes)


def _shortened(rows: list[Row]) -> list[Row]:
    if len(rows) <= _MOST_OF_ONE:
        return rows
    more = f"… {len(rows) - _MOST_OF_ONE + 1:,} more".replace(",", " ")
    return [*rows[: _MOST_OF_ONE - 2], ["", "", "", more], rows[-1]]


class ForwardRows:
    """Rows of the forward table, with the user's line; without one, with the node in terms of the leaves."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._whole: dict[Node, Part] = {}

    def of(self, scene: Scene) -> list[Row]:
        op = scene.node.op
        what = "argument" if op is LEAF else "constant" if op is CONSTANT else scene.expression
        return [[str(scene.number + 1), scene.name, what, short(scene.value), self._source(scene)]]

    def _source(self, scene: Scene) -> str:
        if scene.node.is_source:
            return ""
        if scene.where is not None:
            return f"{os.path.basename(scene.where.file)}:{scene.where.line}  {scene.where.source}".rstrip()
        return self._in_leaves(scene)

    def _in_leaves(self, scene: Scene) -> str:
        story = self._story
        if not self._whole:
            known = {v: story.part(v) for v in story.graph.nodes if v.is_source and not is_literal(v)}
            self._whole |= composed(story.graph.nodes, known, story.names, _CELL)
        return self._whole.get(scene.node, Part("", ATOM)).text


def backward_rows(scene: Scene) -> list[Row]:
    """A row for every predecessor; the first says what arrived. Constants are left out."""
    if scene.node.op is CONSTANT and (scene.arrivals or not np.any(scene.cotangent)):
        return []
    edges = [edge for edge in scene.edges if not edge.constant]
    first = [str(scene.number + 1), scene.name, arrived(scene)]
    rows = [["", "", "", edge.name, edge.local, handed(scene, edge)] for edge in edges] or [[""] * 6]
    return [first + rows[0][3:], *rows[1:]]


def arrived(scene: Scene) -> str:
    """The cotangent as the sum of the shares that met."""
    whole, count = short(scene.cotangent), len(scene.arrivals)
    if count == 0:
        return f"{whole} (seed)" if scene.cotangent is not None and np.any(scene.cotangent) else whole
    if count == 1:
        return whole
    shares = [short(arrival.share) for arrival in scene.arrivals[:4]]
    terms = " + ".join(shares if count <= 4 else [*shares[:3], "…"]).replace("+ -", "- ")
    told = f"{terms} = {whole}" + (f" ({count} shares)" if count > 4 else "")
    return told if len(told) <= _CELL else f"{count} shares: {whole}"


def handed(scene: Scene, edge: Edge) -> str:
    """Upstream × local = share, in numbers; for a linear map the shapes."""
    if edge.share is None:
        return "no derivative"
    share = short(edge.share)
    if edge.derivative is None:
        return f"{_shape(scene.cotangent)} → {_shape(edge.share)}: {share}"
    up, local = short(scene.cotangent), short(edge.derivative)
    stretched = max(np.size(x) for x in (scene.cotangent, edge.derivative) if x is not None)
    summed = "Σ " if np.size(edge.share) < stretched else ""
    told = f"{summed}{up} × {f'({local})' if local.startswith('-') else local} = {share}"
    return told if len(told) <= _CELL else f"{summed}… = {share}"


def _shape(x: Value) -> str:
    if type(x) is tuple:
        return f"{len(x)} results"
    return str(np.shape(x)) if np.ndim(x) else "number"


# --- lines above and below
def _opening(page: Page) -> str:
    story = page.story
    at = ", ".join(f"{story.names[x]} = {short(story.F[x])}" for x in story.graph.leaves)
    return f"{page.title} = {short(story.F[story.sink])}" + (f" at {at}" if at else "")


def _closing(page: Page) -> str:
    cost = page.cost
    small = ", but on values this small it is mostly Python that takes the time" if cost.is_small else ""
    return (
        f"{counted(cost.forward, 'operation')} forward, {cost.backward} more in the backward graph. "
        f"Value and gradient took {cost.ratio:.3g} times as long as the value, both replayed on the graph, "
        f"the best of a few; Griewank's bound is 4{small}. {_size(cost.bytes)} of values held."
    )


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{number(round(count, 1))} {unit}"
        count /= 1000
    return f"{number(round(count, 1))} GB"


# --- tables
def _table(columns: Sequence[tuple[str, str]], rows: Iterable[Row], console: Console) -> Text:
    """The rows below their heads, no column wider than there is room for."""
    from rich.text import Text

    styles = [style for _, style in columns]
    heads = [_cell(title, "bold") for title, _ in columns]
    cells = [[_cell(text, style) for text, style in zip(row, styles, strict=False)] for row in rows]
    widest = [
        max(text.cell_len for text in column) for column in zip_longest(heads, *cells, fillvalue=Text())
    ]
    cap = _level(widest, console.width)
    widths = [min(width, cap) for width in widest]
    rule = ("─" if console.encoding.startswith("utf") else "-") * (sum(widths) + _GAP * (len(widths) - 1))
    return Text("\n").join([_line(heads, widths), Text(rule), *(_line(row, widths) for row in cells)])


def _line(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    from rich.text import Text

    line, room = Text(), 0
    for cell, width in zip(cells, widths, strict=False):
        line.append(" " * (room - line.cell_len)).append_text(_cut(cell, width))
        room += width + _GAP
    return line


def _level(widths: Sequence[int], width: int) -> int:
    """How wide a column may be so that all fit: the widest give way first."""
    room = width - _GAP * (len(widths) - 1)
    cap = max(widths)
    while cap > _NARROWEST and sum(min(w, cap) for w in widths) > room:
        cap -= 1
    return cap


def _cell(text: str, style: str, width: int = _CELL) -> Text:
    from rich.text import Text

    visible = "".join(
        c if c.isprintable() or c == "\N{COMBINING MACRON}" else "\N{REPLACEMENT CHARACTER}" for c in text
    )
    return _cut(Text(visible, style=style), width)


def _cut(text: Text, width: int) -> Text:
    text.truncate(width, overflow="ellipsis")
    return text
