"""The analytic way to a derivative: the graph as a SymPy expression, and how large its derivative grows.

:func:`symbolic` runs a traced graph forward on symbols, and SymPy differentiates what comes out.
:func:`swell` counts, without ever writing it down, how large the derivative is as a formula, and how small as
a graph. SymPy is imported when :func:`symbolic` is first called; :func:`swell` does without it.
"""

from nazad.symbolic.expression import Symbolic, symbolic
from nazad.symbolic.sizes import Swell, SwellTable, swell, swell_table

__all__ = ["Swell", "SwellTable", "Symbolic", "swell", "swell_table", "symbolic"]
