"""Tracing: from a Python function on NumPy arrays to its graph."""

from nazad.trace.array import Array
from nazad.trace.trace import Guard, Run, Trace, argument_names, run, trace

__all__ = ["Array", "Guard", "Run", "Trace", "argument_names", "run", "trace"]
