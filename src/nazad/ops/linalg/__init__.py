"""Linear algebra: what LAPACK computes, each with its push, on stacks of matrices.

Every factorisation states how its results move when the matrix does; the pull follows by transposition
(:mod:`nazad.ops.pushed`). The sources are Giles 2008, *Collected matrix derivative results*; Walter and
Lehmann 2010 for QR; Townsend 2016 and Seeger et al. 2017 for the singular value decomposition; Golub and
Pereyra 1973 for the pseudoinverse.

Three conventions run through all rooms.

- A factorisation of a symmetric matrix reads one triangle, as LAPACK does, and so does its derivative: it is
  that of the function which NumPy computes.
- Where results are defined up to a phase, a derivative is right for what does not depend on it.
- Columns of which less than that is fixed, those of equal eigenvalues and those that complete a basis, move
  by nan. Nothing comes of it where they are not used, since an exact zero annihilates.
"""

from nazad.ops.linalg import determinants, factors, least_squares, spectra, systems

ROOMS = (systems, determinants, factors, spectra, least_squares)

__all__ = ["ROOMS", "determinants", "factors", "least_squares", "spectra", "systems"]
