"""To see a computation: every node forward and backward, as data and as text."""

from nazad.explain.scenes import Arrival, Edge, Scene
from nazad.explain.story import Entry, Explanation, explain

__all__ = ["Arrival", "Edge", "Entry", "Explanation", "Scene", "explain"]
