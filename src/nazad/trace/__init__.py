"""Tracing: from a Python function on NumPy arrays to its graph."""

from nazad.trace.array import Array
from nazad.trace.follow import followed
from nazad.trace.recording import Guard, Trace
from nazad.trace.running import current
from nazad.trace.trace import Arguments, Run, argument_names, note_specs, run, trace

__all__ = [
    "Arguments",
    "Array",
    "Guard",
    "Run",
    "Trace",
    "argument_names",
    "current",
    "followed",
    "note_specs",
    "run",
    "trace",
]
