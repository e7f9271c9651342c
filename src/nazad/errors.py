"""Every exception of the library: what was met, what was expected, what to write instead.

An error is part of the interface. Its message has up to three parts, in this order: the user's file and
line, what was met there, and the remedy.
"""

from __future__ import annotations


class NazadError(Exception):
    """The base of every error that nazad raises on purpose.

    Parameters
    ----------
    met : str
        What was met, in the words of the dictionary.
    remedy : str, optional
        What was expected, or what to write instead.
    where : object, optional
        The place in the user's code or data; shown by its ``str``.
    """

    def __init__(self, met: str, remedy: str = "", where: object = None) -> None:
        self.met, self.remedy, self.where = met, remedy, where
        place = "" if where is None else f"{where}: "
        super().__init__(f"{place}{met}{'. ' + remedy if remedy else ''}")


class TraceError(NazadError, TypeError):
    """A traced value would leave the graph, and its derivative would be lost without a word."""


class NoRuleError(NazadError, NotImplementedError, TypeError):
    """A NumPy function for which nazad has no primitive yet."""


class ArgumentError(NazadError, TypeError):
    """An argument of a kind that a transform cannot work on: an integer, a string, a wrong structure."""


class ShapeError(NazadError, ValueError):
    """An array has another shape than the operation needs."""


class GraphError(NazadError, ValueError):
    """A graph made by hand is not one: a cycle, a leaf without a value, a sink outside the graph."""


class GradientMismatch(NazadError, AssertionError):
    """Backpropagation and differences part, by more than the differences' own error."""


class ExpressionError(NazadError, ValueError):
    """An expression from the command line that is no arithmetic on the listed functions."""


class DataError(NazadError, ValueError):
    """A data file that cannot be read as a table of numbers; the message names row and column."""


class ModelFileError(NazadError, ValueError):
    """A file that is not a nazad model, is damaged, or was written by another version."""


class MissingExtra(NazadError, ImportError):
    """An optional library is not installed; the message names the extra that brings it."""


class CompileError(NazadError, RuntimeError):
    """LLVM refused what the compiler wrote; the message names the function."""


class NoSuchNode(NazadError, KeyError):
    """A name that no node of the explained graph has."""

    __str__ = Exception.__str__
