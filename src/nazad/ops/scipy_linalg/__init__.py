"""What :mod:`scipy.linalg` computes beyond NumPy, in rooms by subject; imported when a function of it is met.

The rules are those of :mod:`nazad.ops.linalg`: a push, whose transpose is the pull. For functions of matrices
the sources are Higham 2008, *Functions of Matrices*, and Al-Mohy and Higham 2009.
"""

from nazad import ops
from nazad.ops.scipy_linalg import banded, equations, factors, functions

TABLE = ops.announce(equations, factors, banded, functions)
"""The primitives of these rooms by name."""
