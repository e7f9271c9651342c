"""The room of :mod:`scipy.linalg`, by subject: systems of equations, factorisations, functions, patterns."""

from nazad.trace.scipy_table.linalg import equations, factors, functions, patterns, systems

__all__ = ["equations", "factors", "functions", "patterns", "systems"]
