"""Holding derivatives to the truth: backpropagation to differences, forward mode to backpropagation.

Differences know nothing of any rule, and say how far to trust them; that decides what counts as agreement.
Forward and reverse mode are two programs for one linear map and its transpose, and the adjoint identity
⟨ȳ, J ẋ⟩ = ⟨Jᵀ ȳ, ẋ⟩ holds between them to rounding, with no step and no tolerance to choose.
"""

from nazad.testing.adjoint import AdjointIdentity, adjoint_identity
from nazad.testing.blame import Blame
from nazad.testing.check import GradientCheck, check_gradients
from nazad.testing.compare import Entry

__all__ = ["AdjointIdentity", "Blame", "Entry", "GradientCheck", "adjoint_identity", "check_gradients"]
