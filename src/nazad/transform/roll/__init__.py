"""Finding loops again in unrolled graphs.

A Python loop leaves one copy of its body for each step. :func:`roll` finds the copies and writes a graph with
one body, in four steps, a file each: the graph as columns of numbers (``columns``), where it repeats itself
(``repetition``), loops that fit together (``arrange``), and the new graph (``rewrite``, ``body``, ``joins``).
"""

from nazad.transform.roll.rewrite import roll

__all__ = ["roll"]
