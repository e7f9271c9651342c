"""Nests with some of their loads replaced."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from nazad.run.loops import Affine, Apply, Buffer, Cast, Expr, Index, Load, Nest, Statement, loose_in, walk


def with_loads(nest: Nest, change: Callable[[Load], Load]) -> Nest:
    """The same nest, reading elsewhere; itself, if nothing changes."""
    now: dict[int, Expr] = {}
    statements = [_statement(s, now, change) for s in nest.statements]
    if all(a is b for a, b in zip(statements, nest.statements, strict=True)):
        return nest
    return dataclasses.replace(nest, statements=statements)


def elsewhere(nest: Nest, place: Callable[[Buffer, Index], Index]) -> Nest:
    """The same nest, with other places for what it reads and writes."""

    def change(load: Load) -> Load:
        index = place(load.buffer, load.index)
        return load if index is load.index else Load(load.dtype, load.buffer, index)

    moved = with_loads(nest, change)
    statements = [dataclasses.replace(s, index=place(s.buffer, s.index)) for s in moved.statements]
    return dataclasses.replace(nest, statements=statements)


def _statement(s: Statement, now: dict[int, Expr], change: Callable[[Load], Load]) -> Statement:
    expr = _expr(s.expr, now, change)
    for e in loose_in(s.index):
        _expr(e, now, change)
    index = tuple(_place(i, now) for i in s.index)
    if expr is s.expr and all(a is b for a, b in zip(index, s.index, strict=True)):
        return s
    return dataclasses.replace(s, expr=expr, index=index)


def _expr(expr: Expr, now: dict[int, Expr], change: Callable[[Load], Load]) -> Expr:
    for e in walk(expr):
        if id(e) not in now:
            now[id(e)] = _rebuilt(e, now, change)
    return now[id(expr)]


def _place(place: Affine, now: dict[int, Expr]) -> Affine:
    loose = tuple((now[id(e)], c) for e, c in place.loose)
    same = all(a is b for (a, _), (b, _) in zip(loose, place.loose, strict=True))
    return place if same else dataclasses.replace(place, loose=loose)


def _rebuilt(e: Expr, now: dict[int, Expr], change: Callable[[Load], Load]) -> Expr:
    if isinstance(e, Load):
        index = tuple(_place(i, now) for i in e.index)
        same = all(a is b for a, b in zip(index, e.index, strict=True))
        return change(e if same else Load(e.dtype, e.buffer, index))
    if isinstance(e, Cast):
        arg = now[id(e.arg)]
        return e if arg is e.arg else Cast(e.dtype, arg)
    if isinstance(e, Apply):
        args = tuple(now[id(a)] for a in e.args)
        return (
            e
            if all(a is b for a, b in zip(args, e.args, strict=True))
            else Apply(e.dtype, e.op, args, e.where)
        )
    return e
