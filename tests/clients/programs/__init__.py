"""Programs in plain NumPy and SciPy, as people write them who know nothing of derivatives."""

from . import learning, likelihoods, physics, series
from .table import CLIENTS

__all__ = ["CLIENTS", "learning", "likelihoods", "physics", "series"]
