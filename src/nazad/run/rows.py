"""Blocks of rows: nests that go along the same rows run together, on a few rows at a time."""

from __future__ import annotations

from collections.abc import Sequence

from nazad.run.loops import Item


def gather(items: Sequence[Item]) -> list[Item]:
    """Put nests that share their rows into blocks."""
    return list(items)
