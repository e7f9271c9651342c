"""The source of a function: found, checked against the code that runs, and rewritten.

The source on disk may be another than the one that runs, after an edit say. Therefore the statement in which
the function stands is compiled as it is; only if that gives the very code of the function, its rewritten twin
is used.
"""

from __future__ import annotations
import __future__

import ast
import functools
import itertools
import linecache
import os
import sysconfig
import threading
import weakref
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from nazad.graph.where import is_ours
from nazad.trace.follow.rewrite import rewritten
from nazad.trace.running import RESOLVER

_LIBRARIES = tuple(
    {os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)
_PACKAGES = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))
_ANNOTATIONS = __future__.annotations.compiler_flag
_ANOTHER = "its source is not what runs"
_twins: dict[int, tuple[weakref.ref[CodeType], CodeType | str]] = {}
"""By the identity of a code object: it, weakly, and its twin, or why there is none."""
_lock = threading.Lock()


class NotFollowed(Exception):
    """Why the source of a function is not to be had; as a clause."""


@functools.cache
def is_library(file: str) -> bool:
    """Whether a file belongs to a library, whose functions are never followed."""
    if file.startswith("<"):
        return file.startswith("<frozen ")
    return is_ours(file) or file.startswith(_LIBRARIES) or any(name in file for name in _PACKAGES)


def twin_of(function: FunctionType) -> CodeType:
    """The code of a function with its call sites rewritten; raises NotFollowed."""
    code = function.__code__
    if RESOLVER in code.co_freevars:
        return code
    known = _twins.get(id(code))
    if known is None:
        with _lock:  # trees are rewritten in their place
            # bound now: when the interpreter ends, names are gone before code is
            known = weakref.ref(code, functools.partial(_twins.pop, id(code))), _found(function)
            _twins[id(code)] = known
    if isinstance(known[1], str):
        raise NotFollowed(known[1])
    return known[1]


def reason(code: CodeType) -> str:
    """Why a function is not followed; empty if it is."""
    known = _twins.get(id(code))
    if known is not None and isinstance(known[1], str):
        return known[1]
    return "it is library code" if is_library(code.co_filename) else ""


def _found(function: FunctionType) -> CodeType | str:
    code, error = function.__code__, "it is library code"
    if is_library(code.co_filename):
        return error
    for is_fresh in (False, True):
        if is_fresh:
            linecache.checkcache(code.co_filename)
        lines = linecache.getlines(code.co_filename, function.__globals__)
        if not lines:
            return "its source is not available"
        try:
            return _parsed(code.co_filename, "".join(lines)).twin(code, function.__globals__)
        except NotFollowed as why:
            error = str(why)
    return error


@functools.lru_cache(maxsize=32)
def _parsed(file: str, text: str) -> _File:
    return _File(file, text)


class _File:
    """A file of the user's, statement by statement: each is compiled and rewritten when it is needed."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        try:
            body = ast.parse(text, name).body
        except (SyntaxError, ValueError):
            raise NotFollowed(_ANOTHER) from None
        self._statements: list[ast.stmt | _Pairs] = [*body]
        self._spans = [(_first_line(s), s.end_lineno or s.lineno) for s in body]
        self._imports = list(_imports(body))

    def twin(self, code: CodeType, names: dict[str, Any]) -> CodeType:
        """The twin of a code object; ``names`` are the globals of the file."""
        for k, (first, last) in enumerate(self._spans):
            if first <= code.co_firstlineno <= last:
                found = self._pairs(k, code, names).get(code, "@pytest_ar" in names)
                if found is not None:
                    return found
        raise NotFollowed(_ANOTHER)

    def _pairs(self, k: int, code: CodeType, names: dict[str, Any]) -> _Pairs:
        statement = self._statements[k]
        if not isinstance(statement, _Pairs):
            modules = frozenset([name for name, value in names.items() if type(value) is ModuleType])
            flags = code.co_flags & _ANNOTATIONS
            module = ast.Module([*self._imports, statement], [])
            statement = self._statements[k] = _Pairs(module, self.name, flags, modules)
        return statement


class _Pairs:
    """The code objects of a statement, and their twins."""

    def __init__(self, module: ast.Module, file: str, flags: int, modules: frozenset[str]) -> None:
        plain = compile(module, file, "exec", flags, dont_inherit=True)
        try:
            twin = rewritten(module.body[-1], plain, file, flags, modules)
            self._pairs = list(zip(_codes(plain), _codes(twin), strict=True))
        except (SyntaxError, ValueError) as error:
            raise NotFollowed(f"its source cannot be rewritten ({error})") from error

    def get(self, code: CodeType, has_asserts: bool) -> CodeType | None:
        """The twin of a code object, if it is in this statement.

        pytest writes other code for assert statements; there the name and the line have to do.
        """
        for plain, twin in self._pairs:
            if plain == code:
                return twin
        alike = [twin for plain, twin in self._pairs if has_asserts and _label(plain) == _label(code)]
        return alike[0] if len(alike) == 1 else None


def _imports(statements: Iterable[Any]) -> Iterator[ast.stmt]:
    """The imports of a file: calls of methods of what is imported are compiled in a way of their own."""
    for statement in statements:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield statement
        elif not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            blocks = [getattr(statement, name, ()) for name in ("body", "orelse", "finalbody", "handlers")]
            yield from _imports(itertools.chain.from_iterable(b for b in blocks if isinstance(b, list)))


def _label(code: CodeType) -> tuple[Any, ...]:
    return code.co_qualname, code.co_firstlineno, code.co_freevars


def _first_line(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *[d.lineno for d in decorators]])


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The code objects within one, in the order of the source."""
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _codes(each)
