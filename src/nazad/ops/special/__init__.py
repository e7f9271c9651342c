"""Primitives from :mod:`scipy.special`, in rooms by subject; imported when a function of it is met.

They stand in the table of primitives from then on. Arguments that count (orders, degrees) have no derivative;
where a derivative exists and no formula for it is known, asking for it raises.
"""

from nazad import ops
from nazad.ops.special import (
    airy,
    bessel,
    distributions,
    elliptic,
    error,
    gamma,
    hypergeometric,
    integrals,
    logarithmic,
    mathieu,
    polynomials,
)

TABLE = ops.announce(
    gamma,
    error,
    logarithmic,
    bessel,
    airy,
    integrals,
    elliptic,
    hypergeometric,
    polynomials,
    distributions,
    mathieu,
)
"""The primitives of these rooms by name."""
