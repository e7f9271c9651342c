"""Operations that join many values: what a loop made in all its steps is handed over as one array.

The pull of ``x[t]`` ends in a ``scatter`` with one part for each step, a list of results in a ``stack``. If
the parts are the values of a loop, step by step, one stacked array takes their place. Parts are added in the
same order as before wherever they meet.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nazad.graph import Node, Spec
from nazad.ops.structure import ARRAY, Layout, Template, assemble, concatenate, reshape, scatter, stack
from nazad.transform.roll.arrange import Loops
from nazad.transform.roll.columns import Flags, Numbers, frozen
from nazad.transform.roll.indices import blank, kept_before
from nazad.transform.roll.repetition import TRIPS

if TYPE_CHECKING:
    from nazad.transform.roll.rewrite import Writer

_TURNS = 64  # parts from one step


class Segment(NamedTuple):
    """Parts from ``first`` on: ``turns`` of them from each of so many steps; or a single part, without."""

    first: int
    turns: int = 1
    trips: int = 0

    @property
    def stop(self) -> int:
        return self.first + self.turns * max(self.trips, 1)


class Steps(NamedTuple):
    """What place ``place`` of a loop made in the steps ``start``, ``start + pace``, and so on."""

    loop: int
    place: int
    start: int
    pace: int
    trips: int


class Join:
    """How the parts of an operation fall into segments.

    Attributes
    ----------
    segments : list of Segment
        They cover all parts.
    single : array
        By argument, whether it stays as it is.
    """

    def __init__(self, loops: Loops, q: int) -> None:
        self.loops, self.q = loops, q
        c = loops.columns
        self.node, self.preds = c.nodes[q], c.preds[c.first[q] : c.first[q + 1]]
        layout = self.node.params.get("layout")
        self.spots = [*(range(len(self.preds)) if layout is None else layout.spots), len(self.preds)]
        self.templates: list[Template] = [] if layout is None else list(layout.templates)
        self.segments = self._segments()
        self.single: Flags = np.ones(len(self.preds), bool)
        for s in self.segments:
            if s.trips:
                self.single[self.spots[s.first] : self.spots[s.stop]] = False

    def _segments(self) -> list[Segment]:
        """Greedily from the left, as many parts as go on by one rule."""
        names, steps = self._described()
        segments: list[Segment] = []
        while (i := segments[-1].stop if segments else 0) < len(names):
            found = _regular(names, steps, i) if names[i] >= 0 else None
            segments.append(found if found and self._possible(found) else Segment(i))
        return segments

    def _described(self) -> tuple[Numbers, Numbers]:
        """For each part a number for the places that it comes from (-1 if from no loop), and the steps."""
        owner, spot = (col[self.preds].tolist() for col in (self.loops.owner, self.loops.spot))
        known: dict[Any, int] = {}
        names = []
        for k, (a, b) in enumerate(itertools.pairwise(self.spots)):
            if min(owner[a:b]) < 0 or b - a > 2:
                names.append(-1)
            else:
                form = form_of(self.templates[k]) if self.templates else ()
                names.append(known.setdefault((*owner[a:b], *spot[a:b], form), len(known)))
        step = self.loops.step[self.preds]
        spots = np.array(self.spots)
        return np.array(names), np.stack((step[spots[:-1]], step[spots[1:] - 1]), axis=1)

    def _possible(self, segment: Segment) -> bool:
        if segment.turns > 1:
            kinds = self.loops.columns.kind[self.preds[self.spots[segment.first] :][: segment.turns]]
            if not self.templates and len(set(kinds.tolist())) > 1:
                return False
        return not self.templates or self.sliced(segment) is not None or self.listed(segment)

    def steps(self, segment: Segment, turn: int, argument: int = 0) -> Steps:
        """Where one of the parts that take turns comes from, or the index that goes with it."""
        a = self.preds[self.spots[segment.first + turn] + argument]
        b = self.preds[self.spots[segment.first + turn + segment.turns] + argument]
        start, after = int(self.loops.step[a]), int(self.loops.step[b])
        return Steps(int(self.loops.owner[a]), int(self.loops.spot[a]), start, after - start, segment.trips)

    def all_steps(self) -> Iterator[Steps]:
        """Everything that is handed over as one array."""
        for s in self.segments:
            for turn in range(s.turns if s.trips else 0):
                first = self.spots[s.first + turn]
                for argument in range(self.spots[s.first + turn + 1] - first):
                    yield self.steps(s, turn, argument)

    # --- places to add at
    def sliced(self, segment: Segment) -> list[tuple[int, slice]] | None:
        """For each part that takes turns the entry of its template that becomes a slice, and the slice."""
        found: list[tuple[int, slice]] = []
        seen: list[Numbers] = []
        for turn in range(segment.turns):
            templates = self.templates[segment.first + turn : segment.stop : segment.turns]
            moving = [e for e, entry in enumerate(templates[0]) if any(t[e] != entry for t in templates)]
            if len(moving) != 1 or type(templates[0][moving[0]]) is not int or ARRAY in templates[0]:
                return None
            column = np.array([t[moving[0]] for t in templates])
            pace = np.diff(column)
            if column.min() < 0 or (pace != pace[0]).any() or not self._fits(segment.first + turn):
                return None
            stop = int(column[-1]) + int(np.sign(pace[0]))
            found.append((moving[0], slice(int(column[0]), None if stop < 0 else stop, int(pace[0]))))
            seen.append(column)
        if (
            len({entry for entry, _ in found}) > 1
            or len(set(np.concatenate(seen).tolist())) < segment.trips * segment.turns
        ):
            return None  # parts may meet, and then their order matters
        return found

    def listed(self, segment: Segment) -> bool:
        """Whether the places to add at can be listed in arrays of indices, which come first."""
        template = self.templates[segment.first]
        lead = leading(template)
        forms = {form_of(t) for t in self.templates[segment.first : segment.first + segment.turns]}
        kinds = self.loops.columns.kind[
            self.preds[np.array(self.spots[segment.first : segment.first + segment.turns])]
        ]
        return (
            len(forms) == 1
            and len(set(kinds.tolist())) == 1
            and lead > 0
            and all(isinstance(entry, slice) for entry in template[lead:])
            and self._fits(segment.first)
        )

    def _fits(self, part: int) -> bool:
        """Whether a part has the shape and dtype of the places that it is added to."""
        c = self.loops.columns
        a, b = self.spots[part], self.spots[part + 1]
        shape, dtype, _ = c.kind_of(int(self.preds[a]))
        arrays = [np.zeros(c.kind_of(p).shape, np.intp) for p in self.preds[a + 1 : b].tolist()]
        window = blank(self.node.params["shape"], dtype)[assemble(self.templates[part], arrays)]
        return bool(window.shape == shape and dtype == self.node.params["dtype"])


def joins(loops: Loops) -> dict[int, Join]:
    """The joining operations outside of loops, some of whose parts one loop makes step by step."""
    c = loops.columns
    found: dict[int, Join] = {}
    for q in np.flatnonzero((np.diff(c.first) >= TRIPS) & (loops.owner < 0)).tolist():
        if c.nodes[q].op in (scatter, stack, concatenate):
            join = Join(loops, q)
            if not join.single.all():
                found[q] = join
    return found


def leading(template: Template) -> int:
    """How many integers and arrays stand in front."""
    return sum(1 for _ in itertools.takewhile(lambda e: e is ARRAY or type(e) is int, template))


def form_of(template: Template) -> Any:
    """The template but for its integers."""
    return tuple([int if type(e) is int else frozen(e) for e in template])


def _regular(names: Numbers, steps: Numbers, i: int) -> Segment | None:
    """The longest segment from part ``i`` on."""
    again = np.flatnonzero(names[i + 1 : i + 1 + _TURNS] == names[i])
    if not len(again):
        return None
    m = int(again[0]) + 1
    pace = steps[i + m :] - steps[i:-m]
    same = (names[i + m :] == names[i:-m]) & (names[i:-m] >= 0) & (pace == pace[0]).all(1)
    trips = (len(same) if same.all() else int(np.argmin(same))) // m + 1
    return Segment(i, m, trips) if trips >= TRIPS and same[:m].all() else None


# --- writing
def replaced(writer: Writer, join: Join) -> Node:
    """The joining operation with one part for each segment."""
    if join.node.op is scatter:
        return _scatter(writer, join)
    return _concatenated(writer, join)


def _single(writer: Writer, join: Join, part: int) -> list[Node]:
    return [writer.value(p) for p in join.preds[join.spots[part] : join.spots[part + 1]].tolist()]


def _scatter(writer: Writer, join: Join) -> Node:
    parts: list[Node] = []
    templates: list[Template] = []
    for s in join.segments:
        template = join.templates[s.first]
        slices = join.sliced(s) if s.trips else None
        if not s.trips:
            parts += _single(writer, join, s.first)
            templates.append(template)
        elif slices is None:
            parts += [_together(writer, join, s), *_listed(writer, join, s)]
            templates.append((*(ARRAY,) * leading(template), *template[leading(template) :]))
        else:
            for turn, (entry, part) in enumerate(slices):
                template = join.templates[s.first + turn]
                axis = kept_before(template, entry, len(join.node.params["shape"]))
                parts.append(writer.moved(writer.steps(join.steps(s, turn)), 0, axis))
                templates.append((*template[:entry], part, *template[entry + 1 :]))
    return writer.like(join.q, scatter, parts, join.node.params | {"layout": Layout(templates)})


def _together(writer: Writer, join: Join, segment: Segment, argument: int = 0) -> Node:
    """All parts of a segment: steps along axis 0, and turns along axis 1 if there is more than one."""
    arrays = [writer.steps(join.steps(segment, turn, argument)) for turn in range(segment.turns)]
    if len(arrays) == 1:
        return arrays[0]
    shape, dtype = writer.spec(arrays[0])
    return writer.made(
        Node(stack, tuple(arrays), {"axis": 1}), Spec((shape[0], len(arrays), *shape[1:]), dtype)
    )


def _listed(writer: Writer, join: Join, segment: Segment) -> Iterator[Node]:
    """The places to add at, as arrays."""
    template = join.templates[segment.first]
    a, b = join.spots[segment.first], join.spots[segment.first + 1]
    rank = max([len(join.loops.columns.kind_of(p).shape) for p in join.preds[a + 1 : b].tolist()], default=0)
    shape = (segment.trips, *((segment.turns,) if segment.turns > 1 else ()), *(1,) * rank)
    for e, entry in enumerate(template[: leading(template)]):
        if entry is ARRAY:
            yield _together(writer, join, segment, 1)
        else:
            column: npt.NDArray[np.intp] = np.array(
                [t[e] for t in join.templates[segment.first : segment.stop]]
            )
            yield writer.constant(column.reshape(shape))


def _concatenated(writer: Writer, join: Join) -> Node:
    """The segments one behind the other; of a stack, each with the new axis."""
    axis, stacked = join.node.params["axis"], join.node.op is stack
    pieces: list[Node] = []
    for s in join.segments:
        if s.trips:
            piece = _together(writer, join, s)
            shape, _ = writer.spec(piece)
            inner = shape[1 + (s.turns > 1) :]
            if s.turns > 1:
                piece = _reshaped(writer, piece, (s.trips * s.turns, *inner))
            piece = writer.moved(piece, 0, axis)
            if not stacked:
                piece = _reshaped(
                    writer, piece, (*inner[:axis], s.trips * s.turns * inner[axis], *inner[axis + 1 :])
                )
        else:
            (piece,) = _single(writer, join, s.first)
            if stacked:
                shape, _ = writer.spec(piece)
                piece = _reshaped(writer, piece, (*shape[:axis], 1, *shape[axis:]))
        pieces.append(piece)
    if len(pieces) == 1:
        return pieces[0]
    ends = tuple(itertools.accumulate(writer.spec(p).shape[axis] for p in pieces))
    return writer.like(join.q, concatenate, pieces, {"axis": axis, "ends": ends})


def _reshaped(writer: Writer, node: Node, shape: tuple[int, ...]) -> Node:
    return writer.made(Node(reshape, (node,), {"shape": shape}), Spec(shape, writer.spec(node).dtype))
