"""Finding loops again in unrolled graphs.

A Python loop leaves one copy of its body for each step. :func:`roll` finds the copies and writes a graph with
one body, in some steps, a file each: slices that move become rows (``windows``), the graph becomes columns of
numbers (``columns``), where it repeats itself is found (``repetition``), loops are made to fit together
(``arrange``), and the new graph is written (``rewrite``, ``body``, ``joins``).
"""

from nazad.transform.roll.rewrite import roll
from nazad.transform.roll.windows import windows_as_rows

__all__ = ["roll", "windows_as_rows"]
